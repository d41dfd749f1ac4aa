package oidc

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Every sign-in reads three documents of the provider, so finding out whether they are JSON (RFC 8259), and where the members
// of an object end, is done in one pass without reflection. What is accepted is what json.Valid accepts; a fuzz test holds the
// one against the other.

// maxDepth is encoding/json's.
const maxDepth = 10_000

func skipSpace(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\t' || data[i] == '\r' || data[i] == '\n') {
		i++
	}
	return i
}

// scanValue returns the end of the value that begins at i, -1 if it is none. depth is how deep it lies, the outermost 1.
func scanValue(data []byte, i, depth int) int {
	if i >= len(data) {
		return -1
	}
	switch c := data[i]; {
	case c == '"':
		return scanText(data, i)
	case c == '{' || c == '[':
		if depth > maxDepth {
			return -1
		}
		return scanItems(data, i, depth, nil)
	case c == '-' || isDigit(data, i):
		return scanNumber(data, i)
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(data[i:], []byte(word)) {
			return i + len(word)
		}
	}
	return -1
}

// scanItems returns the end of an object or an array. It shows visit, if not nil, the name and the value of each member of an
// object, and goes on if that says so.
func scanItems(data []byte, i, depth int, visit func(name, value []byte) bool) int {
	isObject, last := data[i] == '{', data[i]+2 // the ASCII codes of the brackets
	if i = skipSpace(data, i+1); i < len(data) && data[i] == last {
		return i + 1
	}
	for {
		var name []byte
		if isObject {
			if i >= len(data) || data[i] != '"' {
				return -1
			}
			end := scanText(data, i)
			if end < 0 {
				return -1
			}
			name = data[i:end]
			if i = skipSpace(data, end); i >= len(data) || data[i] != ':' {
				return -1
			}
			i = skipSpace(data, i+1)
		}
		end := scanValue(data, i, depth+1)
		if end < 0 || visit != nil && !visit(name, data[i:end]) {
			return -1
		}
		if i = skipSpace(data, end); i >= len(data) {
			return -1
		}
		switch data[i] {
		case last:
			return i + 1
		case ',':
			i = skipSpace(data, i+1)
		default:
			return -1
		}
	}
}

// scanText returns the end of the string that begins at i.
func scanText(data []byte, i int) int {
	for i++; i < len(data); i++ {
		// Eight bytes at a time, as long as none of them is special: a token has a thousand.
		for i+8 <= len(data) {
			n := ordinary(binary.LittleEndian.Uint64(data[i:]))
			i += n
			if n < 8 {
				break
			}
		}
		if i >= len(data) {
			return -1
		}
		switch c := data[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c == '\\':
			if i = scanEscape(data, i); i < 0 {
				return -1
			}
		}
	}
	return -1
}

// ordinary returns how many of the eight bytes come before the first that is a quote, a backslash or a control character.
func ordinary(w uint64) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	zero := func(x uint64) uint64 { return (x - ones) & ^x & tops } // the lowest bit that is set is right
	special := zero(w^ones*'"') | zero(w^ones*'\\') | (w-ones*' ')&^w&tops
	return bits.TrailingZeros64(special) / 8
}

// scanEscape returns the last byte of the escape that begins at i.
func scanEscape(data []byte, i int) int {
	if i++; i >= len(data) {
		return -1
	}
	switch data[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		for n := 1; n <= 4; n++ {
			if i+n >= len(data) || !isHex(data[i+n]) {
				return -1
			}
		}
		return i + 4
	}
	return -1
}

// scanNumber returns the end of the number that begins at i.
func scanNumber(data []byte, i int) int {
	if data[i] == '-' {
		i++
	}
	switch {
	case !isDigit(data, i):
		return -1
	case data[i] == '0':
		i++
	default:
		i = skipDigits(data, i)
	}
	if i < len(data) && data[i] == '.' {
		if i++; !isDigit(data, i) {
			return -1
		}
		i = skipDigits(data, i)
	}
	if i < len(data) && (data[i] == 'e' || data[i] == 'E') {
		if i++; i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		if !isDigit(data, i) {
			return -1
		}
		i = skipDigits(data, i)
	}
	return i
}

func skipDigits(data []byte, i int) int {
	for isDigit(data, i) {
		i++
	}
	return i
}

func isDigit(data []byte, i int) bool { return i < len(data) && data[i] >= '0' && data[i] <= '9' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
