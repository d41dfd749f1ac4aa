package store_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/tenantgate/tenantgate"

// allowed says which of our own packages each one may import, tests included. A
// package is named by its path; "x/..." stands for x and everything below. Nobody
// edits this table to make a build pass: see DESIGN, "Who may import whom".
var allowed = map[string][]string{
	"":                {},
	"store":           {},
	"store/memory":    {"store", "store/internal/..."},
	"store/sqlite":    {"store", "store/internal/..."},
	"store/postgres":  {"store", "store/internal/..."},
	"store/storetest": {"store", "store/internal/..."},
	"store/internal":  {"store", "store/internal/..."},
	"tenant":          {"store", "tenant/internal/..."},
	"oidc":            {"store", "tenant", "oidc/internal/..."},
	"scim":            {"store", "tenant", "scim/internal/..."},
	"provisioning":    {"store", "tenant", "provisioning/internal/..."},
	"tenant/portal":   {"store", "tenant", "oidc", "scim", "provisioning", "tenant/portal/internal/..."},
	"oidc/oidctest":   {},
	"scim/scimtest":   {},
	// A kit for what the package itself defines: it speaks the package's types.
	"provisioning/provisioningtest": {"store", "provisioning"},
}

// allowedInTests lists what tests may import beyond that: the kits and adapters that
// exist to be tested with.
var allowedInTests = []string{"store/memory", "store/storetest", "oidc/oidctest", "scim/scimtest", "provisioning/provisioningtest"}

// TestImports holds the direction of imports, and keeps store and the shipped test
// kits on the standard library.
func TestImports(t *testing.T) {
	root, err := filepath.Abs("..")
	require.NoError(t, err)

	checked := 0
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && isModule(file) || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		checked++
		checkFile(t, filepath.ToSlash(rel), file)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, checked, 10, "the walk found the module's files")
}

// isModule says whether the folder is a nested module: those are unpublished and may
// import everything.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func checkFile(t *testing.T, rel, file string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	require.NoError(t, err)
	pkg := strings.TrimPrefix(path.Dir(rel), ".")
	isTest := strings.HasSuffix(rel, "_test.go")
	for _, spec := range f.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		own, isOurs := strings.CutPrefix(imp, module+"/")
		switch {
		case isOurs && own != pkg && !mayImport(pkg, own) && (!isTest || !slices.Contains(allowedInTests, own)):
			t.Errorf("%s imports %s, which the table does not allow", rel, own)
		case !isOurs && !isTest && standardOnly(pkg) && strings.Contains(strings.Split(imp, "/")[0], "."):
			t.Errorf("%s imports %s; this package stays on the standard library", rel, imp)
		}
	}
}

func mayImport(pkg, imp string) bool {
	for _, a := range allowed[entry(pkg)] {
		if a == imp {
			return true
		}
		if prefix, all := strings.CutSuffix(a, "/..."); all && (imp == prefix || strings.HasPrefix(imp, prefix+"/")) {
			return true
		}
	}
	return false
}

// entry finds the table's line for a package: its own, or that of the nearest folder
// above, so that internal packages follow the rule of the package they serve.
func entry(pkg string) string {
	for pkg != "" {
		if _, ok := allowed[pkg]; ok {
			return pkg
		}
		pkg = strings.TrimPrefix(path.Dir(pkg), ".")
	}
	return pkg
}

func standardOnly(pkg string) bool {
	switch entry(pkg) {
	case "store", "store/memory", "store/sqlite", "store/postgres", "store/storetest", "store/internal", "scim/scimtest", "provisioning/provisioningtest":
		return true
	}
	return false
}
