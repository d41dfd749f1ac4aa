package host_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/tenant"
)

// noEvents are texts that look like types of events and are something else: names of readers, of followers' positions, and
// beginnings that are completed elsewhere.
var noEvents = map[string]bool{
	"oidc.sessions": true, "oidc.sessions.retry": true, "provisioning.retry": true, "provisioning.breaker": true,
	"provisioning.deletions": true, "provisioning.account_deletions": true, "provisioning.notices": true, "provisioning.reconcile": true,
	"scim.user": true, "scim.group": true, "scim.resource": true, "tenant.probe": true, "tenant.ending": true, "tenant.retention": true,
}

// sources are the files of a package that write events.
func sources(t *testing.T, pkg string) []*ast.File {
	t.Helper()
	var files []*ast.File
	root := filepath.Join("..", "..", "..", pkg)
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root:
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		case strings.HasPrefix(d.Name(), "guide") || d.Name() == "eventtypes.go": // consoles of providers; the lists themselves
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		files = append(files, f)
		return err
	}))
	return files
}

var dotted = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+$`)

// typesIn returns the texts of a package that are, or look like, types of events: literals and constants put together of
// them, but for constants of named types, which are actions and the like.
func typesIn(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	files := sources(t, pkg)
	consts, named := map[string]string{}, map[ast.Expr]bool{}
	var text func(e ast.Expr) (string, bool)
	text = func(e ast.Expr) (string, bool) {
		switch e := e.(type) {
		case *ast.BasicLit:
			s, err := strconv.Unquote(e.Value)
			return s, err == nil && e.Kind == token.STRING
		case *ast.Ident:
			s, ok := consts[e.Name]
			return s, ok
		case *ast.BinaryExpr:
			a, ok1 := text(e.X)
			b, ok2 := text(e.Y)
			return a + b, ok1 && ok2 && e.Op == token.ADD
		}
		return "", false
	}
	for range 3 { // until constants made of constants are known
		for _, f := range files {
			ast.Inspect(f, func(n ast.Node) bool {
				spec, ok := n.(*ast.ValueSpec)
				if !ok {
					return true
				}
				for i, value := range spec.Values {
					if spec.Type != nil {
						ast.Inspect(value, func(n ast.Node) bool {
							if e, ok := n.(ast.Expr); ok {
								named[e] = true
							}
							return true
						})
					} else if s, ok := text(value); ok {
						consts[spec.Names[i].Name] = s
					}
				}
				return true
			})
		}
	}
	found := map[string]bool{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok || named[e] {
				return true
			}
			if s, ok := text(e); ok && dotted.MatchString(s) && !noEvents[s] {
				found[s] = true
			}
			return true
		})
	}
	return found
}

// constantsOf are the values of a package's constants of a named type.
func constantsOf(t *testing.T, pkg, typ string) (out []string) {
	t.Helper()
	for _, f := range sources(t, pkg) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); ok && of.Name == typ {
				for _, value := range spec.Values {
					if lit, ok := value.(*ast.BasicLit); ok {
						s, err := strconv.Unquote(lit.Value)
						require.NoError(t, err)
						out = append(out, s)
					}
				}
			}
			return true
		})
	}
	require.NotEmpty(t, out)
	return out
}

// TestEveryEventTypeIsInACatalogue: whatever the packages write is in a list of theirs with a sentence, and the lists have
// nothing that nobody writes.
func TestEveryEventTypeIsInACatalogue(t *testing.T) {
	written, starts := map[string]bool{}, map[string]bool{}
	known := map[string]tenant.EventType{}
	for _, list := range [][]tenant.EventType{tenant.EventTypes(), oidc.EventTypes(), scim.EventTypes(), provisioning.EventTypes()} {
		for _, typ := range list {
			require.NotContains(t, known, typ.Type, "twice")
			require.Regexp(t, `^[A-Z].*\.$`, typ.Description, typ.Type)
			require.NotEmpty(t, typ.Subject, typ.Type)
			known[typ.Type] = typ
			start, _, _ := strings.Cut(typ.Type, ".")
			starts[start] = true
		}
	}
	for _, pkg := range []string{"store", "tenant", "oidc", "scim", "provisioning"} {
		for typ := range typesIn(t, pkg) {
			if start, _, _ := strings.Cut(typ, "."); starts[start] {
				written[typ] = true
			}
		}
	}
	for _, kind := range constantsOf(t, "provisioning", "LineKind") {
		written["provisioning."+kind] = true
	}
	for typ := range written {
		require.Contains(t, known, typ, "no EventTypes has it")
	}
	// Those that are put together while the program runs.
	composed := []string{"event_hook."}
	for typ := range known {
		if !slices.ContainsFunc(composed, func(start string) bool { return strings.HasPrefix(typ, start) }) {
			require.Contains(t, written, typ, "nobody writes it")
		}
	}
}
