package tenant_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"
)

// codePackages are those whose refusals and findings have codes. Their names are those of the folders.
var codePackages = []string{"tenant", "oidc", "provisioning", "scim"}

// code is one stable code that a caller may see.
type code struct {
	pkg   string
	name  string // of the constant; empty where the code is written out
	value string
}

func (c code) String() string {
	if c.name == "" {
		return c.pkg + " " + c.value
	}
	return c.pkg + "." + c.name
}

var (
	codeName  = regexp.MustCompile(`^(Error)?Code[A-Z]`)
	scimType  = regexp.MustCompile(`^Type[A-Z]`)
	codeValue = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
)

// codes collects the codes that must have a test: exported constants called Code… or ErrorCode…, in scim those called
// Type… (RFC 7644 section 3.12), and texts that stand for one in tenant.CodeOf and in a Refusal.
func (c *codebase) codes() []code {
	var out []code
	for _, pkg := range codePackages {
		add := func(e ast.Expr) {
			if value, ok := literal(e); ok && codeValue.MatchString(value) {
				out = append(out, code{pkg: pkg, value: value})
			}
		}
		for _, file := range c.files[pkg] {
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GenDecl:
					if n.Tok == token.CONST {
						out = append(out, constants(pkg, n)...)
					}
				case *ast.FuncDecl:
					if n.Name.Name == "CodeOf" { // of sentinels
						ast.Inspect(n, func(n ast.Node) bool {
							if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == 1 {
								add(r.Results[0])
							}
							return true
						})
					}
				case *ast.CompositeLit:
					if typ, ok := n.Type.(*ast.SelectorExpr); ok && typ.Sel.Name == "Refusal" {
						for _, e := range n.Elts {
							if kv, ok := e.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == "Code" {
								add(kv.Value)
							}
						}
					}
				}
				return true
			})
		}
	}
	slices.SortFunc(out, func(a, b code) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(out)
}

// texts are the other codes that a package writes out, such as "team_not_found" of provisioning: they may have a line.
func (c *codebase) texts() map[string]code {
	out := map[string]code{}
	for pkg, files := range c.files {
		for _, file := range files {
			ast.Inspect(file, func(n ast.Node) bool {
				if e, ok := n.(*ast.BasicLit); ok {
					if value, ok := literal(e); ok && codeValue.MatchString(value) {
						out[pkg+" "+value] = code{pkg: pkg, value: value}
					}
				}
				return true
			})
		}
	}
	return out
}

func constants(pkg string, d *ast.GenDecl) []code {
	var out []code
	for _, spec := range d.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok || v.Type != nil { // scim has types of attributes, too
			continue
		}
		for i, name := range v.Names {
			ours := codeName.MatchString(name.Name) || pkg == "scim" && scimType.MatchString(name.Name)
			if !ours || i >= len(v.Values) {
				continue
			}
			if value, ok := literal(v.Values[i]); ok {
				out = append(out, code{pkg, name.Name, value})
			}
		}
	}
	return out
}

// mentions says whether the test, or what it calls or reads of its package's test files, names the code: as the constant or
// as the text.
func (c *codebase) mentions(dir string, f *ast.FuncDecl, want code) bool {
	seen := map[ast.Node]bool{}
	var look func(n ast.Node, depth int) bool
	look = func(n ast.Node, depth int) bool {
		if seen[n] {
			return false
		}
		seen[n] = true
		found := false
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				text, ok := literal(n)
				found = found || ok && text == want.value
			case *ast.Ident:
				found = found || want.name != "" && n.Name == want.name
				if depth > 0 && !found {
					for _, helper := range c.helpers[dir][n.Name] {
						found = found || look(helper, depth-1)
					}
				}
			}
			return !found
		})
		return found
	}
	return look(f, 1)
}

// TestEveryCodeIsProvoked holds testdata/codes.txt: each code of the packages, and each that a requirement names, has a test
// there that provokes it. That the test names the code is checked here; that it provokes it is for who adds the line to see.
func TestEveryCodeIsProvoked(t *testing.T) {
	t.Parallel()
	base := readCode(t)
	text, err := os.ReadFile("testdata/codes.txt")
	require.NoError(t, err)
	requirements, err := os.ReadFile("testdata/requirements.txt")
	require.NoError(t, err)
	tab, err := readTable(string(requirements))
	require.NoError(t, err)

	rows := map[string][]string{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, tests, ok := strings.Cut(line, ": ")
		require.True(t, ok, "expected a code, a colon and its tests: %q", line)
		require.NotContains(t, rows, name)
		rows[name] = strings.Split(tests, "; ")
	}
	known := base.texts()
	var problems []string
	for _, c := range base.codes() {
		known[c.String()] = c
		if rows[c.String()] == nil {
			problems = append(problems, fmt.Sprintf("%s (%s) has no test", c, c.value))
		}
	}

	provoked := map[string]bool{}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		c, ok := known[name]
		if !ok {
			problems = append(problems, "there is no code "+name)
			continue
		}
		for _, test := range rows[name] {
			dir, f, err := base.find(test)
			switch {
			case err != nil:
				problems = append(problems, fmt.Sprintf("%s: %v", name, err))
			case !base.mentions(dir, f, c):
				problems = append(problems, fmt.Sprintf("%s: %s does not name it", name, test))
			default:
				provoked[c.value] = true
				fmt.Fprintf(w, "%s\t%s\t%s\n", c.value, c, test)
			}
		}
	}
	for _, r := range tab.requirements {
		for _, value := range r.codes {
			if !provoked[value] {
				problems = append(problems, fmt.Sprintf("%s names %s, which no test provokes", r.id, value))
			}
		}
	}
	require.NoError(t, w.Flush())
	t.Log("\n" + out.String())
	for _, p := range problems {
		t.Error(p)
	}
}
