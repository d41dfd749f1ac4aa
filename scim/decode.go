package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxJSONDepth bounds objects and arrays within each other. A patch with a
// bulk request around it needs nine.
const maxJSONDepth = 32

var errTooDeep = errors.New("too deep")

// decodeObject reads one JSON object into maps, slices, strings, bools,
// json.Numbers and nils. Duplicate names, invalid UTF-8 and anything after the
// object are refused.
func decodeObject(data []byte) (map[string]any, error) {
	r := newReader(data)
	if k := r.PeekKind(); k != '{' {
		if k == 0 {
			return nil, syntaxError(data, r)
		}
		return nil, badRequest(TypeInvalidSyntax, "The body has to be a JSON object.")
	}
	m, err := r.object(0)
	if err == nil {
		if _, err = r.ReadToken(); errors.Is(err, io.EOF) {
			return m, nil
		}
	}
	if errors.Is(err, errTooManyValues) {
		return nil, &Error{
			Status: http.StatusRequestEntityTooLarge, Type: TypeTooMany,
			Detail: fmt.Sprintf("The body has more than %d values; send them in several requests.", maxJSONValues),
		}
	}
	if errors.Is(err, errTooDeep) {
		return nil, badRequest(TypeInvalidSyntax, "The body nests deeper than %d levels.", maxJSONDepth)
	}
	return nil, syntaxError(data, r)
}

func syntaxError(data []byte, r *reader) *Error {
	if len(bytes.TrimSpace(data)) == 0 {
		return badRequest(TypeInvalidSyntax, "The body is empty; a JSON object was expected.")
	}
	return badRequest(TypeInvalidSyntax, "The body is no valid JSON near byte %d (syntax, invalid UTF-8 or a name given twice).", r.InputOffset())
}

// reader decodes a JSON text. Strings without escapes are parts of one copy of the text,
// so that a resource costs one allocation for all its names and values.
type reader struct {
	*jsontext.Decoder
	data []byte
	text string // of data, once a string is needed
	few  bool   // strings are few: each is copied by itself
	left int    // values that may still come
}

func newReader(data []byte) *reader {
	// Duplicate names are found where objects are put into maps.
	return &reader{jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true)), data, "", false, maxJSONValues}
}

// maxJSONValues bounds the values in one body, because each takes many times its text in
// memory. A request with the most members and one with the most operations have less than
// half.
const maxJSONValues = 250_000

var errTooManyValues = errors.New("too many values")

var errTwice = errors.New("a name is given twice")

func (r *reader) value(depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, errTooDeep
	}
	if r.left--; r.left < 0 {
		return nil, errTooManyValues
	}
	switch r.PeekKind() {
	case '"':
		return r.string()
	case '{':
		return r.object(depth)
	case '[':
		return r.array(depth)
	}
	tok, err := r.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case '0':
		return json.Number(tok.String()), nil
	case 't':
		return true, nil
	case 'f':
		return false, nil
	}
	return nil, nil
}

func (r *reader) string() (string, error) {
	raw, err := r.ReadValue()
	if err != nil {
		return "", err
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		if r.few {
			return string(raw[1 : len(raw)-1]), nil
		}
		if r.text == "" {
			r.text = string(r.data)
		}
		end := int(r.InputOffset())
		return r.text[end-len(raw)+1 : end-1], nil
	}
	plain, err := jsontext.AppendUnquote(nil, raw)
	return string(plain), err
}

func (r *reader) array(depth int) (any, error) {
	if _, err := r.ReadToken(); err != nil {
		return nil, err
	}
	list := []any{}
	for r.PeekKind() != ']' {
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.ReadToken()
	return list, err
}

// membersAt is how many members an object at a depth is expected to have. A resource has
// more than the few that a map has room for at first.
func membersAt(depth int) int {
	if depth == 0 {
		return 12
	}
	return 0
}

func (r *reader) object(depth int) (map[string]any, error) {
	if _, err := r.ReadToken(); err != nil {
		return nil, err
	}
	m := make(map[string]any, membersAt(depth))
	for r.PeekKind() != '}' {
		key, err := r.string()
		if err != nil {
			return nil, err
		}
		if _, twice := m[key]; twice {
			return nil, errTwice
		}
		if m[key], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
	_, err := r.ReadToken()
	return m, err
}

// member finds a member by name in any case (RFC 7643 section 2.1).
func member(m map[string]any, name string) (any, bool) {
	if v, ok := m[name]; ok {
		return v, true
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}
