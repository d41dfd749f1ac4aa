package filter

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	ast "github.com/scim2/filter-parser/v2"
	"github.com/stretchr/testify/require"
)

const (
	urnUser = "urn:ietf:params:scim:schemas:core:2.0:User"
	urnEnt  = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

func newParser() *Parser {
	return NewParser(Config{URNs: []string{urnUser, urnEnt, urnUser + ":Special", "urn:x_y/z%20:1.0:T"}})
}

// text writes an expression with all its parentheses.
func text(e ast.Expression) string {
	switch e := e.(type) {
	case *ast.LogicalExpression:
		return "(" + text(e.Left) + " " + string(e.Operator) + " " + text(e.Right) + ")"
	case *ast.NotExpression:
		return "not " + text(e.Expression)
	case *ast.ValuePath:
		return e.AttributePath.String() + "[" + text(e.ValueFilter) + "]"
	case *ast.AttributeExpression:
		op := strings.ToLower(string(e.Operator))
		if op == "pr" {
			return e.AttributePath.String() + " pr"
		}
		return fmt.Sprintf("%s %s %#v", e.AttributePath.String(), op, e.CompareValue)
	}
	return fmt.Sprintf("%T", e)
}

func TestFilter(t *testing.T) {
	for in, want := range map[string]string{
		`a eq "x"`:                     `a eq "x"`,
		` a  EQ  "x" `:                 `a eq "x"`,
		"a\teq\n\"x\"":                 `a eq "x"`,
		`a PR`:                         `a pr`,
		`a eq true`:                    `a eq true`,
		`a eq FALSE`:                   `a eq false`,
		`a eq null`:                    `a eq <nil>`,
		`a gt -1.5e3`:                  `a gt "-1.5e3"`,
		`a gt 9223372036854775808`:     `a gt "9223372036854775808"`,
		`a eq "x\"y\\z\u00e9\u00E9\n"`: `a eq "x\"y\\zéé\n"`,
		`a eq "\ud83d\ude00"`:          `a eq "😀"`,
		`a eq "é) and ] or ("`:         `a eq "é) and ] or ("`,
		`a pr and b pr or c pr`:        `((a pr and b pr) or c pr)`,
		`a pr or b pr and c pr`:        `(a pr or (b pr and c pr))`,
		`a pr or b pr or c pr`:         `((a pr or b pr) or c pr)`,
		`(a pr or b pr)and c pr`:       `((a pr or b pr) and c pr)`,
		`a pr and(b pr)`:               `(a pr and b pr)`,
		`not(a pr)`:                    `not a pr`,
		`NOT ( a pr ) AND b pr`:        `(not a pr and b pr)`,
		`not (not (a pr))`:             `not not a pr`,
		`not pr`:                       `not pr`,
		`a.b eq "x"`:                   `a.b eq "x"`,
		`m.$ref eq "x"`:                `m.$ref eq "x"`,
		`a[b pr]`:                      `a[b pr]`,
		`a[ b eq "x" and c pr and not (d pr or e pr) ]`: `a[((b eq "x" and c pr) and not (d pr or e pr))]`,
		`a[b eq "x"].c eq "y"`:                          `a[(b eq "x" and c eq "y")]`,
		`a[b eq "x" or d pr].c pr and e pr`:             `(a[((b eq "x" or d pr) and c pr)] and e pr)`,
		urnUser + `:a eq "x"`:                           urnUser + `:a eq "x"`,
		strings.ToUpper(urnEnt) + `:m.value eq "x"`:     urnEnt + `:m.value eq "x"`,
		urnEnt + `.m eq "x"`:                            urnEnt + `:m eq "x"`,
		urnUser + `:Special:a pr`:                       urnUser + `:Special:a pr`,
		urnUser + `:Special pr`:                         urnUser + `:Special pr`,
		urnUser + `:emails[type eq "w"].value sw "x"`:   urnUser + `:emails[(type eq "w" and value sw "x")]`,
		`urn:X_Y/z%20:1.0:t:a pr`:                       `urn:x_y/z%20:1.0:T:a pr`,
	} {
		e, err := newParser().Filter(in)
		if want == "" {
			require.Error(t, err, in)
			continue
		}
		require.NoError(t, err, in)
		require.Equal(t, want, text(e), in)
	}
}

func TestFilterErrors(t *testing.T) {
	for in, want := range map[string]string{
		``:                        "position 0: expected an attribute name, found the end",
		`a`:                       "position 1: expected a space and an operator, found the end",
		`a eq`:                    "position 4: expected a space and a value, found the end",
		`a eq "x`:                 "position 5: expected a closing double quote",
		`a eq x`:                  `position 5: expected a value`,
		`a is "x"`:                `position 2: expected an operator`,
		`(a pr`:                   `position 5: expected "and", "or" or ")", found the end`,
		`a pr)`:                   `position 4: expected "and", "or" or the end, found ")"`,
		`a[b pr`:                  `position 6: expected "and", "or" or "]", found the end`,
		`a[b[c pr]]`:              `position 3: expected no brackets inside brackets`,
		`a[` + urnUser + `:b pr]`: "position 5: expected a space and an operator",
		`urn:none:a pr`:           "position 0: expected an attribute of a registered schema",
		`User:a pr`:               "position 4: expected a space and an operator",
		`1a pr`:                   "position 0: expected an attribute name",
		`a eq 01`:                 "position 5: expected a valid JSON number",
		`a eq "\q"`:               "position 5: expected a valid JSON string",
		`é pr`:                    `position 0: expected an attribute name, found "é"`,
	} {
		_, err := newParser().Filter(in)
		require.ErrorContains(t, err, want, in)
		var fe *Error
		require.ErrorAs(t, err, &fe)
	}
}

// Limits hold before anything is paid for.
func TestFilterBounds(t *testing.T) {
	p := newParser()
	deep := func(n int, open string) string { return strings.Repeat(open, n) + "a pr" + strings.Repeat(")", n) }
	for _, open := range []string{"(", "not(", "not ("} {
		_, err := p.Filter(deep(50, open))
		require.NoError(t, err)
		_, err = p.Filter(deep(51, open))
		require.ErrorContains(t, err, "at most 50 levels")
	}
	start := time.Now()
	_, err := p.Filter(strings.Repeat("(", 10_000_000))
	require.ErrorContains(t, err, "at most 8192 bytes")
	_, err = p.Path(strings.Repeat("a", 10_000_000))
	require.ErrorContains(t, err, "at most 8192 bytes")
	require.Less(t, time.Since(start), time.Second)
	_, err = NewParser(Config{MaxDepth: 1, MaxBytes: 20}).Filter("((a pr))")
	require.ErrorContains(t, err, "at most 1 levels")
	long := strings.Repeat("a pr and ", 900) + "a pr"
	_, err = p.Filter(long)
	require.NoError(t, err, "a long chain is no deep one")
}

func TestPath(t *testing.T) {
	for in, want := range map[string]string{
		`a`:                                     `a`,
		` a.b `:                                 `a.b`,
		`a[b eq "x:y"]`:                         `a[b eq "x:y"]`,
		`a[b eq "x" and c pr or d pr]`:          ``,
		`a[b eq "x"].c`:                         `a[b eq "x"].c`,
		urnUser:                                 urnUser + `:`,
		urnEnt + `:manager.value`:               urnEnt + `:manager.value`,
		urnEnt + `.manager`:                     urnEnt + `:manager`,
		strings.ToUpper(urnUser) + `:a[b pr].c`: urnUser + `:a[b pr].c`,
	} {
		p, err := newParser().Path(in)
		require.NoError(t, err, in)
		if want != "" {
			require.Equal(t, want, p.String(), in)
		}
	}
	for _, in := range []string{``, `a.`, `a..b`, `.a`, `a[`, `a[]`, `a[b pr`, `a[b pr].`, `a[b pr]c`, `a b`, `a eq "x"`, `urn:none:a`, `a.b.c`, `5`} {
		_, err := newParser().Path(in)
		require.Error(t, err, in)
	}
}

// The library's own parser is the second opinion: what both take has to mean
// the same.
func secondOpinion(t *testing.T, in string) {
	t.Helper()
	if strings.Count(in, "(")+strings.Count(in, "[") > 20 || strings.Contains(in, `\`) {
		return // it recurses without a bound, and keeps escapes as they are
	}
	for _, urn := range []string{urnUser, urnEnt} {
		if strings.Contains(strings.ToLower(in), strings.ToLower(urn)+".") {
			return // Microsoft's dot after a URN, which it takes for a part of the URN
		}
	}
	mine, err := newParser().Filter(in)
	if err != nil {
		return
	}
	theirs, err := ast.ParseFilterNumber([]byte(in))
	if err != nil {
		return
	}
	require.Equal(t, flat(mine), flat(theirs), in)
}

// flat writes an expression so that chains of one operator look the same
// however they nest, and names without regard to case.
func flat(e ast.Expression) string {
	if l, ok := e.(*ast.LogicalExpression); ok {
		var parts []string
		var walk func(e ast.Expression)
		walk = func(e ast.Expression) {
			if n, ok := e.(*ast.LogicalExpression); ok && n.Operator == l.Operator {
				walk(n.Left)
				walk(n.Right)
				return
			}
			parts = append(parts, flat(e))
		}
		walk(e)
		return "(" + strings.Join(parts, " "+string(l.Operator)+" ") + ")"
	}
	switch e := e.(type) {
	case *ast.NotExpression:
		return "not " + flat(e.Expression)
	case *ast.ValuePath:
		return strings.ToLower(e.AttributePath.String()) + "[" + flat(e.ValueFilter) + "]"
	case *ast.AttributeExpression:
		v := e.CompareValue
		if n, ok := v.(json.Number); ok { // the library spells exponents its own way
			v, _ = n.Float64()
		}
		return fmt.Sprintf("%s %s %v", strings.ToLower(e.AttributePath.String()), strings.ToLower(string(e.Operator)), v)
	}
	return ""
}

var filterSeeds = []string{
	`userName eq "bjensen"`, `name.familyName co "O'Malley"`, `title pr and userType eq "Employee"`, `title pr or a pr and b pr or c pr`,
	`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`, `not (a eq 1) and b ne null`,
	`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]`, urnUser + `:userName sw "J"`, `a gt 1.5e3 and b eq false`,
	`a[b eq "x" and c pr and d pr].e ew "\u00e9"`, `meta.lastModified ge "2011-05-13T04:42:34Z"`,
}

func TestSecondOpinion(t *testing.T) {
	for _, in := range filterSeeds {
		secondOpinion(t, in)
	}
}

func FuzzFilter(f *testing.F) {
	for _, in := range filterSeeds {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		e, err := newParser().Filter(in)
		if err == nil && e == nil {
			t.Fatal("neither expression nor error")
		}
		if len(in) < 300 {
			secondOpinion(t, in)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, in := range []string{`a`, `a.b`, `emails[type eq "work"].value`, urnEnt + `:manager.value`, urnUser, `members[value eq "x"]`} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p, err := newParser().Path(in)
		if err == nil && p.AttributePath.AttributeName == "" && p.AttributePath.URIPrefix == nil {
			t.Fatal("an empty path")
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	p := newParser()
	for b.Loop() {
		if _, err := p.Filter(`userName eq "bjensen@example.com"`); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
}
