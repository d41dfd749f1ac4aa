package provisioning

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// groupPlace stands in a naming template for the group's name.
const groupPlace = "{group}"

// maxNaming bounds each part of a naming rule, in characters.
const maxNaming = 100

// maxLabel bounds a group's name in texts for people, in characters.
const maxLabel = 100

// nameBy makes a team's name of a group's by the owner's rule; empty if nothing of the
// group's name can be seen.
func nameBy(rule store.TeamNaming, group string) string {
	name := cleanName(group)
	if rest, ok := cutPrefixFold(name, rule.StripPrefix); ok && cleanName(rest) != "" {
		name = cleanName(rest)
	}
	if rest, ok := cutSuffixFold(name, rule.StripSuffix); ok && cleanName(rest) != "" {
		name = cleanName(rest)
	}
	if name == "" || rule.Template == "" {
		return name
	}
	return strings.Replace(rule.Template, groupPlace, name, 1)
}

func cutPrefixFold(s, prefix string) (string, bool) {
	n := utf8.RuneCountInString(prefix)
	if r := []rune(s); n > 0 && len(r) >= n && strings.EqualFold(string(r[:n]), prefix) {
		return string(r[n:]), true
	}
	return s, false
}

func cutSuffixFold(s, suffix string) (string, bool) {
	n := utf8.RuneCountInString(suffix)
	if r := []rune(s); n > 0 && len(r) >= n && strings.EqualFold(string(r[len(r)-n:]), suffix) {
		return string(r[:len(r)-n]), true
	}
	return s, false
}

// teamName makes a team's name of any text: cleaned, and cut to the host's length.
func teamName(name string, most int) string { return cleanName(cutName(cleanName(name), most)) }

// cleanName takes out what cannot be seen or turns text around (control and format
// characters: NUL, overrides of direction) and makes white space single spaces. Joiners
// stay, since emoji are made with them. A name of nothing visible is empty.
func cleanName(name string) string {
	if isPlain(name) {
		return name
	}
	visible := false
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != zwj || r == utf8.RuneError:
			return -1
		}
		visible = visible || unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S)
		return r
	}, name)
	if !visible {
		return ""
	}
	return strings.Join(strings.Fields(name), " ")
}

// isPlain says that there is nothing to clean, as is the rule.
func isPlain(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c < ' ' || c > '~':
			return false
		case c == ' ' && (i == 0 || i == len(name)-1 || name[i-1] == ' '):
			return false
		}
	}
	return true
}

const zwj = '\u200d' // joins emoji

// cutName cuts to a number of characters (code points), but not through one that is made
// of several: an emoji with joiners, a letter with its accents.
func cutName(name string, most int) string {
	if len(name) <= most {
		return name
	}
	runes := []rune(name)
	if len(runes) <= most {
		return name
	}
	n := most
	for n > 0 && (continues(runes[n]) || runes[n-1] == zwj) {
		n--
	}
	if n == 0 {
		n = most // one character longer than the whole name may be
	}
	return strings.TrimSpace(string(runes[:n]))
}

// continues says whether a code point belongs to the one before it.
func continues(r rune) bool {
	return r == zwj || unicode.Is(unicode.M, r) || r >= 0x1f3fb && r <= 0x1f3ff // skin tones
}

// label is a name of the directory's as it may be shown to people.
func label(name string) string { return teamName(name, maxLabel) }

// foldName is the form in which names of teams are compared.
func foldName(name string) string { return store.Fold(strings.Join(strings.Fields(name), " ")) }
