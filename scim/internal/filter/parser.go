package filter

import (
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

const (
	defaultMaxBytes = 8 << 10
	defaultMaxDepth = 50
)

// Parser parses filters and paths. Its methods may be called by several
// goroutines at once.
type Parser struct {
	urns     []urn
	maxBytes int
	maxDepth int
}

type urn struct{ canonical, folded string }

// Config bounds a Parser.
type Config struct {
	// URNs are the registered schema URNs; answers carry them as spelt here.
	URNs []string
	// MaxBytes bounds a filter or path. Zero means 8 KiB.
	MaxBytes int
	// MaxDepth bounds parentheses, negations and brackets around each other.
	// Zero means 50.
	MaxDepth int
}

// NewParser returns a parser for the given schemas and limits.
func NewParser(cfg Config) *Parser {
	p := &Parser{maxBytes: cfg.MaxBytes, maxDepth: cfg.MaxDepth}
	if p.maxBytes <= 0 {
		p.maxBytes = defaultMaxBytes
	}
	if p.maxDepth <= 0 {
		p.maxDepth = defaultMaxDepth
	}
	for _, u := range cfg.URNs {
		p.urns = append(p.urns, urn{canonical: u, folded: strings.ToLower(u)})
	}
	sort.SliceStable(p.urns, func(i, j int) bool { return len(p.urns[i].folded) > len(p.urns[j].folded) })
	return p
}

// Error says where parsing stopped. Its text is meant for the person who wrote
// the filter and repeats no more than a few characters of the input.
type Error struct {
	// Pos is the offset in bytes, from 0.
	Pos int
	// Want is what the grammar allows at Pos.
	Want string
	// Got is what was found there.
	Got string
}

// Error describes the problem in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("position %d: expected %s, found %s", e.Pos, e.Want, e.Got)
}

// scanner walks the input once.
type scanner struct {
	*Parser
	in    string
	pos   int
	depth int
}

func (p *Parser) scan(in string) (*scanner, error) {
	if len(in) > p.maxBytes {
		return nil, &Error{
			Pos: p.maxBytes, Want: fmt.Sprintf("at most %d bytes", p.maxBytes),
			Got: fmt.Sprintf("%d bytes", len(in)),
		}
	}
	if !utf8.ValidString(in) {
		return nil, &Error{Want: "valid UTF-8", Got: "other bytes"}
	}
	return &scanner{Parser: p, in: in}, nil
}

func (s *scanner) fail(want string) error {
	return &Error{Pos: s.pos, Want: want, Got: s.found()}
}

// found names what stands at the position, shortly.
func (s *scanner) found() string {
	rest := s.in[s.pos:]
	if rest == "" {
		return "the end"
	}
	end := 0
	for i := range rest {
		if i > 20 || (i > 0 && (rest[i] == ' ' || rest[i] == ')' || rest[i] == ']')) {
			break
		}
		end = i
	}
	for end++; end < len(rest) && rest[end]&0xC0 == 0x80; {
		end++
	}
	return fmt.Sprintf("%q", rest[:end])
}

func (s *scanner) space() bool {
	start := s.pos
	for s.pos < len(s.in) && isSpace(s.in[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) take(c byte) bool {
	if s.pos < len(s.in) && s.in[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

// word takes the keyword w, in any case, when it stands alone.
func (s *scanner) word(w string) bool {
	end := s.pos + len(w)
	if end > len(s.in) || !strings.EqualFold(s.in[s.pos:end], w) {
		return false
	}
	if end < len(s.in) && isNameByte(s.in[end]) {
		return false
	}
	s.pos = end
	return true
}

func (s *scanner) enter() error {
	if s.depth++; s.depth > s.maxDepth {
		return &Error{Pos: s.pos, Want: fmt.Sprintf("at most %d levels of nesting", s.maxDepth), Got: "more"}
	}
	return nil
}

func (s *scanner) leave() { s.depth-- }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isAlpha(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool { return isAlpha(c) || isDigit(c) || c == '-' || c == '_' }
