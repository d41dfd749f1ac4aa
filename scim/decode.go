package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
	d := jsontext.NewDecoder(bytes.NewBuffer(data))
	if k := d.PeekKind(); k != '{' {
		if k == 0 {
			return nil, syntaxError(data, d)
		}
		return nil, badRequest(TypeInvalidSyntax, "The body has to be a JSON object.")
	}
	v, err := decodeValue(d, 0)
	if err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			return v.(map[string]any), nil
		}
	}
	if errors.Is(err, errTooDeep) {
		return nil, badRequest(TypeInvalidSyntax, "The body nests deeper than %d levels.", maxJSONDepth)
	}
	return nil, syntaxError(data, d)
}

func syntaxError(data []byte, d *jsontext.Decoder) *Error {
	if len(bytes.TrimSpace(data)) == 0 {
		return badRequest(TypeInvalidSyntax, "The body is empty; a JSON object was expected.")
	}
	return badRequest(TypeInvalidSyntax, "The body is no valid JSON near byte %d (syntax, invalid UTF-8 or a name given twice).", d.InputOffset())
}

func decodeValue(d *jsontext.Decoder, depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, errTooDeep
	}
	tok, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case '{':
		return decodeMembers(d, depth)
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.ReadToken()
		return list, err
	case '"':
		return tok.String(), nil
	case '0':
		return json.Number(tok.String()), nil
	case 't':
		return true, nil
	case 'f':
		return false, nil
	default:
		return nil, nil
	}
}

func decodeMembers(d *jsontext.Decoder, depth int) (any, error) {
	m := map[string]any{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String() // before the next read makes the token invalid
		if m[key], err = decodeValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
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
