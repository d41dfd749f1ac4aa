package provisioning

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// read takes what makes a profile out of a user's resource. Every provisioned user is read
// at each write and each sync, so that only what is wanted is decoded. Names are taken in
// any case (RFC 7643 section 2.1), values of another type than the schema's are left out.
func (body *profileBody) read(resource []byte) error {
	d := decoder{jsontext.NewDecoder(bytes.NewBuffer(resource), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	return d.members(func(name []byte) error {
		switch {
		case is(name, "userName"):
			return d.text(&body.userName)
		case is(name, "externalId"):
			return d.text(&body.externalID)
		case is(name, "displayName"):
			return d.text(&body.displayName)
		case is(name, "name"):
			return d.members(body.readName(d))
		case is(name, "emails"):
			return d.plurals(&body.emails)
		case is(name, "phoneNumbers"):
			return d.plurals(&body.phoneNumbers)
		}
		return d.SkipValue()
	})
}

func (body *profileBody) readName(d decoder) func(name []byte) error {
	return func(name []byte) error {
		switch {
		case is(name, "formatted"):
			return d.text(&body.formatted)
		case is(name, "givenName"):
			return d.text(&body.givenName)
		case is(name, "familyName"):
			return d.text(&body.familyName)
		}
		return d.SkipValue()
	}
}

// decoder reads values of an expected type and skips others.
type decoder struct{ *jsontext.Decoder }

// is compares a member's name as JSON has it. Nobody escapes the letters of ours.
func is(name []byte, want string) bool {
	return len(name) == len(want)+2 && strings.EqualFold(string(name[1:len(name)-1]), want)
}

// members calls take for each member of an object, to read its value. The name is as in
// the text, with quotes, and good until then.
func (d decoder) members(take func(name []byte) error) error {
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		if err := take(name); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// text reads a string.
func (d decoder) text(into *string) error {
	if d.PeekKind() != '"' {
		return d.SkipValue()
	}
	tok, err := d.ReadToken()
	if err == nil {
		*into = tok.String()
	}
	return err
}

// plurals reads the values of a multi-valued attribute.
func (d decoder) plurals(into *[]plural) error {
	if d.PeekKind() != '[' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		var v plural
		err := d.members(func(name []byte) error {
			switch {
			case is(name, "value"):
				return d.text(&v.value)
			case is(name, "type"):
				return d.text(&v.kind)
			case is(name, "primary"):
				v.primary = d.PeekKind() == 't'
			}
			return d.SkipValue()
		})
		if err != nil {
			return err
		}
		*into = append(*into, v)
	}
	_, err := d.ReadToken()
	return err
}
