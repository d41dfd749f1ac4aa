package store

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold maps strings that differ only in case (Unicode simple case folding, as
// strings.EqualFold compares) to one key. Keys are folded here and nowhere else:
// lower() of a database and of Go differ outside ASCII.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, s)
		}
	}
	return s
}

// foldRune picks one rune of r's case orbit: its ASCII lower-case letter if it has
// one (so that K, k and the Kelvin sign become k), otherwise the smallest.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	least := r
	for n := unicode.SimpleFold(r); n != r; n = unicode.SimpleFold(n) {
		if 'a' <= n && n <= 'z' {
			return n
		}
		if 'A' <= n && n <= 'Z' {
			return n + 'a' - 'A'
		}
		least = min(least, n)
	}
	return least
}
