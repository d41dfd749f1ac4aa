package tenant_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"
)

// The table of requirements is testdata/requirements.txt, for all packages and modules of the repository: who adds a
// requirement, a decision or a test of one adds it there. Its head says how it is written.

// requirement is one row of the table.
type requirement struct {
	id, title string
	edges     []edge
	codes     []string // the refusals that the requirement names
}

// edge is one thing that a requirement asks for, and the tests that show it.
type edge struct {
	what  string
	tests []string
}

// table is what the file holds.
type table struct {
	needed       []string // IDs that must be there
	requirements []requirement
}

var (
	rowLine   = regexp.MustCompile(`^([A-Z]\d+) (\S.*)$`)
	neededAll = regexp.MustCompile(`^all ([A-Z])(\d+)\.\.(\d+)$`)
	testName  = regexp.MustCompile(`^([\w./-]*?)\.((?:Test|Example|Fuzz)\w*)(?:/(.+))?$`)
)

// readTable reads the table of requirements. A mistake names its line.
func readTable(text string) (table, error) {
	var t table
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		mistake := func(format string, args ...any) error {
			return fmt.Errorf("line %d: %s: %q", i+1, fmt.Sprintf(format, args...), line)
		}
		trimmed := strings.TrimSpace(line)
		indented := line != strings.TrimLeft(line, " \t")
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case !indented && strings.HasPrefix(line, "all "):
			m := neededAll.FindStringSubmatch(trimmed)
			if m == nil {
				return table{}, mistake("expected all X1..9")
			}
			first, _ := strconv.Atoi(m[2])
			last, _ := strconv.Atoi(m[3])
			for n := first; n <= last; n++ {
				t.needed = append(t.needed, m[1]+strconv.Itoa(n))
			}
		case !indented:
			m := rowLine.FindStringSubmatch(trimmed)
			if m == nil {
				return table{}, mistake("expected an ID and a title")
			}
			if seen[m[1]] {
				return table{}, mistake("%s is there twice", m[1])
			}
			seen[m[1]] = true
			t.requirements = append(t.requirements, requirement{id: m[1], title: m[2]})
		case len(t.requirements) == 0:
			return table{}, mistake("there is no requirement above")
		default:
			last := &t.requirements[len(t.requirements)-1]
			if codes, ok := strings.CutPrefix(trimmed, "refuses "); ok {
				last.codes = append(last.codes, strings.Fields(codes)...)
				continue
			}
			what, tests, ok := strings.Cut(trimmed, ": ")
			if !ok {
				return table{}, mistake("expected what is shown, a colon and the tests")
			}
			last.edges = append(last.edges, edge{what: what, tests: strings.Split(tests, "; ")})
		}
	}
	return t, nil
}

// codebase is what the repository's Go files declare, by the package's folder.
type codebase struct {
	tests   map[string]map[string]*ast.FuncDecl // functions of _test.go files, methods left out
	helpers map[string]map[string][]ast.Node    // every declaration of _test.go files by its name, methods too
	files   map[string][]*ast.File              // the other files
}

// readCode parses the Go files of all modules in the repository. It skips the test where there is no repository around the
// package, as in a module cache.
func readCode(t *testing.T) *codebase {
	t.Helper()
	const root = ".."
	if _, err := os.Stat(filepath.Join(root, "examples", "go.mod")); err != nil {
		t.Skip("the table covers the repository's nested modules, which are not here")
	}
	c := &codebase{tests: map[string]map[string]*ast.FuncDecl{}, helpers: map[string]map[string][]ast.Node{}, files: map[string][]*ast.File{}}
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if n := d.Name(); n == "testdata" || n == "node_modules" || strings.HasPrefix(n, ".") && n != root {
				return filepath.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		if !strings.HasSuffix(name, "_test.go") {
			c.files[dir] = append(c.files[dir], file)
			return nil
		}
		c.addTests(dir, file)
		return nil
	})
	require.NoError(t, err)
	return c
}

func (c *codebase) addTests(dir string, file *ast.File) {
	if c.tests[dir] == nil {
		c.tests[dir], c.helpers[dir] = map[string]*ast.FuncDecl{}, map[string][]ast.Node{}
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				c.tests[dir][d.Name.Name] = d
			}
			c.helpers[dir][d.Name.Name] = append(c.helpers[dir][d.Name.Name], d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range v.Names {
						c.helpers[dir][name.Name] = append(c.helpers[dir][name.Name], v)
					}
				}
			}
		}
	}
}

// find returns the function of a test by its name in the table, such as tenant.TestHealth/paused. The subtest must stand in
// the function: as the name that Run is given, or, where that is a variable, as any string, which is a table's.
func (c *codebase) find(name string) (dir string, f *ast.FuncDecl, err error) {
	m := testName.FindStringSubmatch(name)
	if m == nil {
		return "", nil, fmt.Errorf("%q is no test: expected package.TestName or package.TestName/subtest", name)
	}
	f = c.tests[m[1]][m[2]]
	if f == nil {
		return "", nil, fmt.Errorf("there is no test %s in %s", m[2], m[1])
	}
	if m[3] == "" {
		return m[1], f, nil
	}
	named, inTable := subtests(f)
	for part := range strings.SplitSeq(m[3], "/") {
		if !named[part] && !inTable[part] {
			return "", nil, fmt.Errorf("%s.%s has no subtest %q", m[1], m[2], part)
		}
	}
	return m[1], f, nil
}

// subtests returns the names that the function gives to Run, and, if it gives variables too, all its strings.
func subtests(f *ast.FuncDecl) (named, inTable map[string]bool) {
	named, inTable = map[string]bool{}, map[string]bool{}
	variable := false
	all := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			run, ok := n.Fun.(*ast.SelectorExpr)
			if !ok || run.Sel.Name != "Run" || len(n.Args) != 2 {
				return true
			}
			if text, ok := literal(n.Args[0]); ok {
				named[text] = true
			} else {
				variable = true
			}
		case *ast.BasicLit:
			if text, ok := literal(n); ok {
				all[text] = true
			}
		}
		return true
	})
	if variable {
		inTable = all
	}
	return named, inTable
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

// TestRequirements prints the table of requirements, and fails where one has no test or names a test that is not there.
func TestRequirements(t *testing.T) {
	t.Parallel()
	code := readCode(t)
	text, err := os.ReadFile("testdata/requirements.txt")
	require.NoError(t, err)
	tab, err := readTable(string(text))
	require.NoError(t, err)
	problems := check(tab, code)
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, r := range tab.requirements {
		fmt.Fprintf(w, "%s\t%s\t\n", r.id, r.title)
		for _, e := range r.edges {
			fmt.Fprintf(w, "\t  %s\t%s\n", e.what, strings.Join(e.tests, ", "))
		}
	}
	require.NoError(t, w.Flush())
	t.Log("\n" + out.String())
	for _, p := range problems {
		t.Error(p)
	}
}

// check returns what is wrong with the table.
func check(tab table, code *codebase) []string {
	var problems []string
	have := map[string]bool{}
	last := map[byte]int{}
	for _, r := range tab.requirements {
		have[r.id] = true
		n, err := strconv.Atoi(r.id[1:])
		if err != nil || n <= last[r.id[0]] {
			problems = append(problems, r.id+" stands behind a later one")
		}
		last[r.id[0]] = n
		if len(r.edges) == 0 {
			problems = append(problems, r.id+" has no test")
		}
		for _, e := range r.edges {
			for _, name := range e.tests {
				if _, _, err := code.find(name); err != nil {
					problems = append(problems, fmt.Sprintf("%s, %s: %v", r.id, e.what, err))
				}
			}
		}
	}
	for _, id := range tab.needed {
		if !have[id] {
			problems = append(problems, id+" is missing")
		}
	}
	slices.Sort(problems)
	return problems
}

// TestRequirementsAreChecked: the check of the table finds what is wrong with one.
func TestRequirementsAreChecked(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "x_test.go", `package x
		func TestPlain(t *testing.T) { t.Run("literal", nil); println("not a subtest") }
		func TestTable(t *testing.T) { for _, name := range []string{"one row"} { t.Run(name, nil) } }
		func (w *world) TestMethod() {}`, parser.SkipObjectResolution)
	require.NoError(t, err)
	code := &codebase{tests: map[string]map[string]*ast.FuncDecl{}, helpers: map[string]map[string][]ast.Node{}}
	code.addTests("a/b", file)
	for text, want := range map[string][]string{
		"all R1..2\nR1 a\n  x: a/b.TestPlain; a/b.TestPlain/literal\nR2 b\n  y: a/b.TestTable/one row\n": nil,
		"all R1..2\nR1 a\n  x: a/b.TestPlain":            {"R2 is missing"},
		"R2 a\n  x: a/b.TestPlain\nR1 b":                 {"R1 has no test", "R1 stands behind a later one"},
		"R1 a\n  x: a/b.TestGone":                        {"R1, x: there is no test TestGone in a/b"},
		"R1 a\n  x: b.TestPlain":                         {"R1, x: there is no test TestPlain in b"},
		"R1 a\n  x: a/b.TestMethod":                      {"R1, x: there is no test TestMethod in a/b"},
		"R1 a\n  x: a/b.TestPlain/not a subtest":         {`R1, x: a/b.TestPlain has no subtest "not a subtest"`},
		"R1 a\n  x: a/b.TestTable/another":               {`R1, x: a/b.TestTable has no subtest "another"`},
		"R1 a\n  refuses one two\n  x: a/b.helper":       {`R1, x: "a/b.helper" is no test: expected package.TestName or package.TestName/subtest`},
		"D1 a\n  x: a/b.TestPlain\nR1 b\n  x: TestPlain": {`R1, x: "TestPlain" is no test: expected package.TestName or package.TestName/subtest`},
	} {
		tab, err := readTable(text)
		require.NoError(t, err, text)
		require.Equal(t, want, check(tab, code), text)
	}
	for text, want := range map[string]string{
		"  x: a.TestX":         "line 1: there is no requirement above",
		"R1 a\nR1 b":           "line 2: R1 is there twice",
		"\nrequirement 1":      "line 2: expected an ID and a title",
		"R1 a\n  a.TestX":      "line 2: expected what is shown, a colon and the tests",
		"# fine\nall R1 to R2": "line 2: expected all X1..9",
	} {
		_, err := readTable(text)
		require.ErrorContains(t, err, want)
	}
}
