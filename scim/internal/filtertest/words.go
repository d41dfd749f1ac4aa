package filtertest

import (
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

// words are texts that comparisons get wrong: case beyond ASCII, characters that mean
// something to SQL, to LIKE, to JSON or to a filter, blanks, and long ones.
var words = []string{
	"ada", "Ada", "ADA", "adam", "bob", "Bob.Baker", "x", "X", "0", "5", "-5", "05", "true", "null",
	"straße", "STRASSE", "strasse", "STRAẞE", "ss", "ſs", // simple folding keeps ß and ss apart; ſ is s
	"İstanbul", "istanbul", "ISTANBUL", "ıstanbul", "i\u0307stanbul",
	"ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ", "Σίσυφος\u0301",
	"\u212Aelvin", "kelvin", "KELVIN", "\u212B", "å", "Å", "\u2126hm", "ωhm", "µ", "μ", // signs that fold to letters
	"é", "É", "e\u0301", "E\u0301", "ǅ", "ǆ", "Ǆ", "Ⴀ", "ⴀ", "Ⱥ", "ⱥ", "ﬁ", "FI",
	"100%", "100", "a_b", "axb", "a%b", "A%B", "%", "_", `\`, `\%`, `\\`, `a\b`, "*", "?", "a*",
	`"`, `a"b`, `'`, `''`, `x' or 1=1 --`, `"; drop table x`, "$1", "?1", ":a", "a and b", "a) or (b", "[x]", "x eq 1", "{}",
	" ", "   ", " ada", "ada ", "a b", "a\tb", "line\nbreak", "\u00a0", "\u2028", "\u200d", "\ufeff",
	"日本", "日本語", "😀", "😀b", "\U0010FFFF", "a\U0010FFFFb", "\uD7FF", "\uE000", "\uFFFD", "\uFFFF", "\u0001", "\u007f", "\u0080",
	"work", "Work", "home", "WORK", "User", "Group", "direct",
	"2026-01-02T03:04:05Z", "urn:x:y", "https://example.com/A?b=%20&c=d", "../Users/x", "https://example.com/a",
	"ada@example.com", "ADA@Example.com", "a.b+c@exämple.org", "{\"id\":\"25\"}",
	strings.Repeat("a", 900), strings.Repeat("a", 900) + "b", strings.Repeat("A", 899) + "é", strings.Repeat("é", 450), strings.Repeat("ß", 300) + "%",
}

// pick takes one of the values.
func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// chance is true in p of 100 cases.
func chance(r *rand.Rand, p int) bool { return r.IntN(100) < p }

// mutate changes a text a little: its case, or a part of it.
func mutate(r *rand.Rand, s string) string {
	switch r.IntN(6) {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.ToLower(s)
	case 2:
		return strings.Map(swapCase, s)
	case 3:
		return s + pick(r, []string{"a", " ", "%", "_", "\u0301", "\u0000", "é"})
	case 4:
		return strings.Map(func(c rune) rune { return otherCase(r, c) }, s)
	}
	return part(r, s, pick(r, []string{"co", "sw", "ew"}))
}

func swapCase(c rune) rune {
	if unicode.IsUpper(c) {
		return unicode.ToLower(c)
	}
	return unicode.ToUpper(c)
}

// otherCase replaces a character by one that folds to the same.
func otherCase(r *rand.Rand, c rune) rune {
	for range r.IntN(3) {
		c = unicode.SimpleFold(c)
	}
	return c
}

// part cuts a text so that it can be found with the operator.
func part(r *rand.Rand, s, op string) string {
	runes := []rune(s)
	from, to := 0, len(runes)
	if op != "sw" {
		from = r.IntN(len(runes) + 1)
	}
	if op != "ew" {
		to = from + r.IntN(len(runes)-from+1)
	}
	return string(runes[from:to])
}

// short keeps a text within n bytes.
func short(s string, n int) string {
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
