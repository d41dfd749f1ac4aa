package portal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Where a template or the code says something to a person: calls of t, n, input and choice in templates, and in code those of the
// printer's methods, of show and of say, and fields and variables that hold texts.
var (
	inTemplates = []*regexp.Regexp{
		regexp.MustCompile(`\bt "((?:[^"\\]|\\.)*)"`),
		regexp.MustCompile(`\bn [^"{}]* "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"`),
		regexp.MustCompile(`\b(?:input|choice) [^ ]+ (?:"[^"]*"|[^" ]+) "((?:[^"\\]|\\.)*)"`),
		regexp.MustCompile(`"help" "((?:[^"\\]|\\.)*)"`),
	}
	// textCalls are the functions whose string arguments (from the given one on) are texts.
	textCalls = map[string][]int{"text": {0}, "count": {1, 2}, "say": {1}, "show": {1}, "showProblem": {2}}
	// textFields are the fields of composite literals that hold texts.
	textFields = map[string]bool{"title": true}
	// textTypes are composite literals whose positional elements at these places are texts.
	textTypes = map[string][]int{"step": {1, 2}}
)

func textsInSource(dir string) ([]string, error) {
	found := map[string]bool{}
	templates, err := filepath.Glob(filepath.Join(dir, "templates/*.html"))
	if err != nil {
		return nil, err
	}
	for _, file := range templates {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, re := range inTemplates {
			for _, m := range re.FindAllStringSubmatch(string(raw), -1) {
				for _, quoted := range m[1:] {
					text, err := strconv.Unquote(`"` + quoted + `"`)
					if err != nil {
						return nil, err
					}
					found[text] = true
				}
			}
		}
	}
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, file := range sources {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			for _, e := range textNodes(n) {
				if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if text, err := strconv.Unquote(lit.Value); err == nil && text != "" {
						found[text] = true
					}
				}
			}
			return true
		})
	}
	out := make([]string, 0, len(found))
	for text := range found {
		out = append(out, text)
	}
	slices.Sort(out)
	return out, nil
}

// textNodes are the expressions below a node that are texts.
func textNodes(n ast.Node) (out []ast.Expr) {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			name = f.Sel.Name
		case *ast.Ident:
			name = f.Name
		}
		for _, i := range textCalls[name] {
			if i < len(n.Args) {
				out = append(out, n.Args[i])
			}
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && textFields[key.Name] {
			out = append(out, n.Value)
		}
	case *ast.CompositeLit:
		name := ""
		if id, ok := n.Type.(*ast.Ident); ok {
			name = id.Name
		}
		for _, i := range textTypes[name] {
			if i < len(n.Elts) {
				out = append(out, n.Elts[i])
			}
		}
	case *ast.ValueSpec:
		// Tables of texts by key, such as notices, say so by their name.
		for i, name := range n.Names {
			if name.Name != "notices" && !strings.HasSuffix(name.Name, "Texts") || i >= len(n.Values) {
				continue
			}
			if table, ok := n.Values[i].(*ast.CompositeLit); ok {
				for _, e := range table.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						out = append(out, kv.Value)
					} else {
						out = append(out, e)
					}
				}
			}
		}
	case *ast.AssignStmt:
		// months := [...]string{…}
		for i, l := range n.Lhs {
			if id, ok := l.(*ast.Ident); ok && id.Name == "months" && i < len(n.Rhs) {
				if table, ok := n.Rhs[i].(*ast.CompositeLit); ok {
					out = append(out, table.Elts...)
				}
			}
		}
	}
	return out
}
