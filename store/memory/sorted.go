package memory

import (
	"iter"
	"slices"
)

// chunkSize bounds what an insertion into a sorted set moves, so that it costs the
// same in a set of ten and of a hundred thousand.
const chunkSize = 256

// sorted is a set of strings in ascending order, kept in chunks.
type sorted struct {
	chunks [][]string
	n      int
}

// find returns the chunk that holds s, or would, and the place in it.
func (z *sorted) find(s string) (chunk, at int, found bool) {
	chunk, exact := slices.BinarySearchFunc(z.chunks, s, func(c []string, s string) int {
		switch {
		case c[0] > s:
			return 1
		case c[0] < s:
			return -1
		}
		return 0
	})
	if !exact {
		chunk--
	}
	if chunk < 0 {
		return 0, 0, false
	}
	at, found = slices.BinarySearch(z.chunks[chunk], s)
	return chunk, at, found
}

// insert reports whether s is new.
func (z *sorted) insert(s string) bool {
	if len(z.chunks) == 0 {
		z.chunks, z.n = [][]string{append(make([]string, 0, 8), s)}, 1
		return true
	}
	c, at, found := z.find(s)
	if found {
		return false
	}
	z.n++
	z.chunks[c] = slices.Insert(z.chunks[c], at, s)
	full := z.chunks[c]
	if len(full) <= chunkSize {
		return true
	}
	// A set that grows at its end keeps its chunks full; any other is halved.
	cut := len(full) / 2
	if c == len(z.chunks)-1 && at == len(full)-1 {
		cut = len(full) - 1
	}
	z.chunks[c] = full[:cut:cut]
	z.chunks = slices.Insert(z.chunks, c+1, slices.Clone(full[cut:]))
	return true
}

// remove reports whether s was there.
func (z *sorted) remove(s string) bool {
	if len(z.chunks) == 0 {
		return false
	}
	c, at, found := z.find(s)
	if !found {
		return false
	}
	z.n--
	z.chunks[c] = slices.Delete(z.chunks[c], at, at+1)
	if len(z.chunks[c]) == 0 {
		z.chunks = slices.Delete(z.chunks, c, c+1)
	}
	return true
}

func (z *sorted) has(s string) bool {
	if len(z.chunks) == 0 {
		return false
	}
	_, _, found := z.find(s)
	return found
}

// after yields the strings greater than s in order, without the first skip of them;
// an empty s means from the start.
func (z *sorted) after(s string, skip int) iter.Seq[string] {
	return func(yield func(string) bool) {
		c, at := 0, 0
		if s != "" && len(z.chunks) > 0 {
			var found bool
			if c, at, found = z.find(s); found {
				at++
			}
		}
		for ; c < len(z.chunks); c, at = c+1, 0 {
			if rest := len(z.chunks[c]) - at; skip >= rest {
				skip -= rest
				continue
			}
			for _, v := range z.chunks[c][at+skip:] {
				if !yield(v) {
					return
				}
			}
			skip = 0
		}
	}
}
