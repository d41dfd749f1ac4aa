package provisioning

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// readRoles reads the attribute roles (RFC 7643 section 4.1.2) out of a user's resource, in
// order, each once. A value is a text, or what Entra ID sends for an app role: the role as a JSON
// object within a text, of which the member value counts. One text, and a list of texts, are taken,
// too. No attribute and null are no roles, as RFC 7643 section 2.5 has it: the resource is all that
// the directory says. ok is false where it cannot be read, or is more than is read.
func readRoles(resource []byte) (values []string, ok bool) {
	d := decoder{jsontext.NewDecoder(bytes.NewBuffer(resource), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	var list valueList
	ok = true
	err := d.members(func(name []byte) error {
		if !is(name, "roles") {
			return d.SkipValue()
		}
		list, ok = valueList{}, true // the last one, should there be two
		return d.roles(&list, &ok)
	})
	if err != nil || !ok || list.full {
		return nil, false
	}
	slices.Sort(list.values)
	return list.values, true
}

// roles reads the attribute's value.
func (d decoder) roles(into *valueList, ok *bool) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"', '{':
		return d.role(into, ok)
	case '[':
	default:
		*ok = false
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := d.role(into, ok); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// role reads one of the values.
func (d decoder) role(into *valueList, ok *bool) error {
	value := ""
	switch d.PeekKind() {
	case '"':
		if err := d.text(&value); err != nil {
			return err
		}
	case '{':
		err := d.members(func(name []byte) error {
			if is(name, "value") {
				*ok = *ok && d.PeekKind() == '"'
				return d.text(&value)
			}
			return d.SkipValue()
		})
		if err != nil {
			return err
		}
	default:
		*ok = false
		return d.SkipValue()
	}
	into.add(appRole(value))
	return nil
}

// appRole takes the role's value out of the JSON object that Entra ID sends as text; any other
// text is the value itself.
func appRole(text string) string {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return text
	}
	d := decoder{jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	value := ""
	err := d.members(func(name []byte) error {
		if is(name, "value") {
			return d.text(&value)
		}
		return d.SkipValue()
	})
	if err != nil || value == "" {
		return text
	}
	return value
}
