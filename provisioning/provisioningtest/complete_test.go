package provisioningtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryOptionalInterface: who adds an optional interface of a Target adds its checks, and says so in the tour.
func TestEveryOptionalInterface(t *testing.T) {
	tour, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	used := ""
	own, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range own {
		if !strings.HasSuffix(name, "_test.go") && name != "doc.go" {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			used += string(text)
		}
	}
	files, err := filepath.Glob("../*.go")
	require.NoError(t, err)
	found := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || !strings.Contains(strings.ReplaceAll(d.Doc.Text(), "\n", " "), "optional interface of a [Target]") {
				continue
			}
			name := d.Specs[0].(*ast.TypeSpec).Name.Name
			found++
			require.Contains(t, string(tour), name)
			require.Contains(t, used, "provisioning."+name, "there is a check")
		}
	}
	require.Equal(t, 15, found)
}
