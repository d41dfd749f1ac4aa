package provisioning

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// attributeOf reads one attribute out of a user's resource: a text, a part of a complex
// attribute, or the primary value, else the first, of a multi-valued one. What is not there, or
// is something else, is empty. Names are taken in any case (RFC 7643 section 2.1).
func attributeOf(resource []byte, name string) string {
	path := []string{name}
	if i := strings.LastIndexByte(name, ':'); i >= 0 { // of an extension
		path = []string{name[:i], name[i+1:]}
	}
	last := len(path) - 1
	if attr, sub, ok := strings.Cut(path[last], "."); ok {
		path = append(path[:last], attr, sub)
	}
	d := decoder{jsontext.NewDecoder(bytes.NewBuffer(resource), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	var value string
	// An error leaves what was read so far: a user is never refused for an odd body.
	_ = d.at(path, &value)
	return value
}

// at reads the text at a path.
func (d decoder) at(path []string, into *string) error {
	if len(path) > 0 {
		return d.members(func(name []byte) error {
			if is(name, path[0]) {
				return d.at(path[1:], into)
			}
			return d.SkipValue()
		})
	}
	if d.PeekKind() != '[' {
		return d.text(into)
	}
	var values []plural
	err := d.plurals(&values)
	*into = choose(values, "work")
	return err
}
