package provisioning

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// Bounds of a group filter.
const (
	maxFilterBytes   = 16 << 10
	maxFilterLine    = 256 // bytes
	maxFilterEntries = 500
	maxPatterns      = 50 // globs or expressions
)

// FilterError says where a group filter is wrong.
type FilterError struct {
	// Line counts from 1; zero if the filter is wrong as a whole.
	Line int
	// Position is the character in the line, from 1; zero if the line is wrong as a whole.
	Position int
	// Message says what was expected and what came.
	Message string
}

// Error returns place and message.
func (e *FilterError) Error() string {
	switch {
	case e.Line == 0:
		return "provisioning: filter: " + e.Message
	case e.Position == 0:
		return fmt.Sprintf("provisioning: filter, line %d: %s", e.Line, e.Message)
	default:
		return fmt.Sprintf("provisioning: filter, line %d, character %d: %s", e.Line, e.Position, e.Message)
	}
}

// groupFilter selects groups by name, and by externalId where the rule says so. They
// are compared without regard to case, except where the rule, or a regular expression with
// (?-i), says otherwise.
type groupFilter struct {
	all      bool
	external bool // match externalId, too
	exact    bool // case counts
	names    map[string]bool
	patterns []*regexp.Regexp
}

func newGroupFilter(rule store.AutoRule) (*groupFilter, error) {
	kind, text := rule.FilterKind, rule.Filter
	f := &groupFilter{external: rule.FilterExternalID, exact: rule.CaseSensitive}
	if len(text) > maxFilterBytes || !utf8.ValidString(text) {
		return nil, &FilterError{Message: fmt.Sprintf("expected at most %d bytes of UTF-8, got %d bytes", maxFilterBytes, len(text))}
	}
	if kind == "" || kind == "all" {
		f.all = true
		return f, nil
	}
	f.names = map[string]bool{}
	n := 0
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		n++
		if err := f.add(kind, line); err != nil {
			err.Line = i + 1
			return nil, err
		}
	}
	limit := maxPatterns
	if kind == "list" {
		limit = maxFilterEntries
	}
	if n > limit {
		return nil, &FilterError{Message: fmt.Sprintf("expected at most %d lines, got %d", limit, n)}
	}
	if n == 0 {
		if err := f.add(kind, ""); err != nil {
			return nil, err
		}
		f.all = true // an empty field selects everything, as no filter does
	}
	return f, nil
}

func (f *groupFilter) add(kind, line string) *FilterError {
	if len(line) > maxFilterLine {
		return &FilterError{Message: fmt.Sprintf("expected at most %d bytes, got %d", maxFilterLine, len(line))}
	}
	switch kind {
	case "list":
		f.names[f.fold(line)] = true
		return nil
	case "glob":
		expr, err := globExpr(line)
		if err != nil {
			return err
		}
		line = `(?s)` + expr
	case "regex":
		if err := regexError(line); err != nil {
			return err
		}
	default:
		return &FilterError{Message: fmt.Sprintf("expected the kind all, list, glob or regex, got %q", short(kind))}
	}
	if !f.exact {
		line = `(?i)` + line
	}
	re, err := regexp.Compile(line)
	if err != nil {
		return &FilterError{Message: "the pattern is too large"}
	}
	f.patterns = append(f.patterns, re)
	return nil
}

// regexError says where an expression does not compile.
func regexError(expr string) *FilterError {
	_, err := regexp.Compile(expr)
	if err == nil {
		return nil
	}
	e := &FilterError{Message: "the expression does not compile"}
	var se *syntax.Error
	if errors.As(err, &se) {
		e.Message = "the expression does not compile: " + se.Code.String()
		if i := strings.Index(expr, se.Expr); se.Expr != "" && i >= 0 {
			e.Position = utf8.RuneCountInString(expr[:i]) + 1
			e.Message += fmt.Sprintf(" at %q", se.Expr)
		}
	}
	return e
}

// globExpr translates *, ? and \ into an expression for the whole name.
func globExpr(glob string) (string, *FilterError) {
	var b strings.Builder
	b.WriteString(`\A`)
	escaped := false
	for _, r := range glob {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '*':
			b.WriteString(`.*`)
		case r == '?':
			b.WriteByte('.')
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	if escaped {
		return "", &FilterError{Position: utf8.RuneCountInString(glob), Message: `expected a character after \`}
	}
	b.WriteString(`\z`)
	return b.String(), nil
}

// fold is the form in which entries of a list are compared.
func (f *groupFilter) fold(s string) string {
	if f.exact {
		return s
	}
	return store.Fold(s)
}

// match says whether the group passes, by its name without surrounding spaces or, where
// that counts, by its externalId. A list also names groups by ID.
func (f *groupFilter) match(g Group) bool {
	if f.all || f.names[f.fold(g.ID)] {
		return true
	}
	return f.matchText(strings.TrimSpace(g.Name)) || f.external && g.ExternalID != "" && f.matchText(g.ExternalID)
}

func (f *groupFilter) matchText(s string) bool {
	if f.names[f.fold(s)] {
		return true
	}
	for _, re := range f.patterns {
		if re.MatchString(s) {
			return true
		}
	}
	return false
}
