package idp

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestBodyDetail(t *testing.T) {
	for body, want := range map[string]string{
		`{"detail":"taken","scimType":"uniqueness"}`: "uniqueness: taken",
		`{"detail":"taken"}`:                         "taken",
		`{"scimType":"uniqueness"}`:                  "uniqueness",
		`{"detail":7}`:                               "",
		`<html>`:                                     "",
		``:                                           "",
	} {
		require.Equal(t, want, bodyDetail([]byte(body)), body)
	}
}

// Whatever a server answers, the log shows bounded, valid text.
func FuzzShort(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"ü"}]}`))
	f.Add([]byte("<html>"))
	f.Add([]byte("\xff\xfe"))
	f.Add([]byte(strings.Repeat("ü", maxLogged)))
	f.Add([]byte(strings.Repeat("[", 300) + strings.Repeat("]", 300)))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := short(body)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), maxLogged+len("\n…"))
		bodyDetail(body)
	})
}
