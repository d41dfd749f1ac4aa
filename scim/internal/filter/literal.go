package filter

import (
	"encoding/json"
	"strings"

	ast "github.com/scim2/filter-parser/v2"
)

// attributePath parses [URN ":"] name ["." sub]. Microsoft writes a dot after
// the URN, which is taken too. withURN is false inside brackets, where only
// sub-attributes can stand.
func (s *scanner) attributePath(withURN bool) (ast.AttributePath, error) {
	var path ast.AttributePath
	if withURN {
		if u, ok := s.schema(); ok {
			path.URIPrefix = &u
			if s.pos == len(s.in) {
				return path, nil
			}
			s.pos++ // the colon or dot that schema saw
		} else if s.hasURN() {
			return path, s.fail("an attribute of a registered schema")
		}
	}
	name, ok := s.name()
	if !ok {
		return path, s.fail("an attribute name")
	}
	path.AttributeName = name
	if s.take('.') {
		sub, ok := s.name()
		if !ok {
			return path, s.fail("a sub-attribute name")
		}
		path.SubAttribute = &sub
	}
	return path, nil
}

// schema takes the longest registered URN at the position, when it is followed
// by a separator or the end.
func (s *scanner) schema() (string, bool) {
	for _, u := range s.urns {
		end := s.pos + len(u.folded)
		if end > len(s.in) || !strings.EqualFold(s.in[s.pos:end], u.folded) {
			continue
		}
		if end == len(s.in) || s.in[end] == ':' || s.in[end] == '.' {
			s.pos = end
			return u.canonical, true
		}
	}
	return "", false
}

// hasURN reports whether a URN of an unknown schema stands at the position.
func (s *scanner) hasURN() bool {
	return len(s.in)-s.pos > 4 && strings.EqualFold(s.in[s.pos:s.pos+4], "urn:")
}

// name takes an ATTRNAME; "$ref" is the one name that starts with a dollar.
func (s *scanner) name() (string, bool) {
	start := s.pos
	end := start
	if end < len(s.in) && s.in[end] == '$' {
		end++
	}
	if end >= len(s.in) || !isAlpha(s.in[end]) {
		return "", false
	}
	for end < len(s.in) && isNameByte(s.in[end]) {
		end++
	}
	s.pos = end
	return s.in[start:end], true
}

// value takes a JSON literal: string, number, true, false or null.
func (s *scanner) value() (any, error) {
	if s.pos < len(s.in) {
		switch c := s.in[s.pos]; {
		case c == '"':
			return s.str()
		case c == '-' || isDigit(c):
			return s.number()
		case s.word("true"):
			return true, nil
		case s.word("false"):
			return false, nil
		case s.word("null"):
			return nil, nil
		}
	}
	return nil, s.fail(`a value ("text" in double quotes, a number, true, false or null)`)
}

func (s *scanner) str() (string, error) {
	end := s.pos + 1
	for end < len(s.in) && s.in[end] != '"' {
		if s.in[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s.in) {
		at := s.pos
		s.pos = len(s.in)
		return "", &Error{Pos: at, Want: "a closing double quote", Got: "the end"}
	}
	literal := s.in[s.pos : end+1]
	var v string
	if err := json.Unmarshal([]byte(literal), &v); err != nil {
		return "", &Error{Pos: s.pos, Want: "a valid JSON string", Got: "a bad escape or control character"}
	}
	s.pos = end + 1
	return v, nil
}

func (s *scanner) number() (json.Number, error) {
	end := s.pos
	for end < len(s.in) && strings.IndexByte("+-.eE0123456789", s.in[end]) >= 0 {
		end++
	}
	literal := s.in[s.pos:end]
	if !json.Valid([]byte(literal)) || (end < len(s.in) && isNameByte(s.in[end])) {
		return "", s.fail("a valid JSON number")
	}
	s.pos = end
	return json.Number(literal), nil
}
