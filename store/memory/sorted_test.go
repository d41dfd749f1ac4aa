package memory

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSortedBehavesLikeASortedSlice compares random insertions, removals and walks
// with a plain slice, across the sizes at which chunks split and vanish.
func TestSortedBehavesLikeASortedSlice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var z sorted
	want := map[string]bool{}
	for step := range 20_000 {
		s := fmt.Sprintf("%05d", rnd.IntN(3000))
		if rnd.IntN(3) == 0 {
			z.remove(s)
			delete(want, s)
		} else {
			z.insert(s)
			want[s] = true
		}
		if step%500 != 0 {
			continue
		}
		all := make([]string, 0, len(want))
		for s := range want {
			all = append(all, s)
		}
		slices.Sort(all)
		require.Equal(t, len(all), z.n)
		require.Equal(t, all, slices.AppendSeq([]string{}, z.after("", 0)))

		from := fmt.Sprintf("%05d", rnd.IntN(3000))
		skip := rnd.IntN(600)
		at, found := slices.BinarySearch(all, from)
		if found {
			at++
		}
		rest := all[min(at+skip, len(all)):]
		require.Equal(t, append([]string{}, rest...), slices.AppendSeq([]string{}, z.after(from, skip)))
	}
	for s := range want {
		z.remove(s)
	}
	require.Zero(t, z.n)
	require.Empty(t, z.chunks)
}

// TestAppendingKeepsChunksFull shows that IDs that ascend, as ours do, waste no space.
func TestAppendingKeepsChunksFull(t *testing.T) {
	var z sorted
	for i := range 10_000 {
		z.insert(fmt.Sprintf("%06d", i))
	}
	require.LessOrEqual(t, len(z.chunks), 10_000/chunkSize+2)
}
