package oidc

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/require"
)

// The numbered tests S1 to S30: what a security review of a relying party asks. Each has one or more tests, called
// TestS<number>_<what>, and each of these calls proves.
var numbered = [...]string{
	1:  "another tenant's provider asserts our address",
	2:  "email_verified in all its forms, own and shared issuer",
	3:  "e-mail and email_verified from two documents",
	4:  "connection off, changed, or the user of another tenant",
	5:  "addresses that look like one of the tenant's domains",
	6:  "subjects that look alike",
	7:  "subjects of more than 255 bytes",
	8:  "ID tokens: each malformed, forged and misdirected form",
	9:  "callback without, or with another, browser's or tenant's state",
	10: "callback replayed, concurrently too",
	11: "session fixation: a new session at each sign-in",
	12: "addresses that lead inside, at each endpoint",
	13: "return_to that leaves the origin",
	14: "back-channel logout tokens",
	15: "slow, huge and endless providers; other tenants' p99",
	16: "what enforcement closes, and break-glass",
	17: "RFC 9207: iss of the response",
	18: "client assertions: audience, jti, life",
	19: "null bodies, repeated and case-variant members",
	20: "no input makes a parser panic",
	21: "a redirect of the token endpoint carries nothing",
	22: "the first of many waiting callers goes away",
	23: "a removed key is refused within its time",
	24: "refreshed ID tokens",
	25: "clock skew either way",
	26: "third-party-initiated login",
	27: "form_post and the cookies of a cross-site POST",
	28: "the issuer of a live connection is changed",
	29: "error pages repeat nothing of the provider's, and no secret",
	30: "logs hold no code, token, secret, nonce or state",
}

// ledger is what the tests of this run showed, by number or conformance ID.
var ledger = struct {
	sync.Mutex
	rows map[string]*verdict
}{rows: map[string]*verdict{}}

type verdict struct {
	tests, failed, skipped int
}

var numberOf = regexp.MustCompile(`^TestS(\d+)_`)

// proves enters the outcome of a test, and of all its sub-tests, into the table: a numbered test by its name, others by
// the ID that they give.
func proves(t *testing.T, id ...string) {
	t.Helper()
	if m := numberOf.FindStringSubmatch(t.Name()); m != nil {
		id = append(id, "S"+m[1])
	}
	require.Len(t, id, 1, "a proof has one ID")
	t.Cleanup(func() {
		ledger.Lock()
		defer ledger.Unlock()
		v := ledger.rows[id[0]]
		if v == nil {
			v = &verdict{}
			ledger.rows[id[0]] = v
		}
		v.tests++
		if t.Failed() {
			v.failed++
		}
		if t.Skipped() {
			v.skipped++
		}
	})
}

func (v *verdict) String() string {
	switch {
	case v.failed > 0:
		return "FAIL"
	case v.skipped > 0:
		return "skipped"
	}
	return "pass"
}

// TestMain prints the table at the end of a verbose run.
func TestMain(m *testing.M) {
	code := m.Run()
	if flag.Lookup("test.v").Value.String() == "true" && len(ledger.rows) > 0 {
		printProof()
	}
	os.Exit(code)
}

// printProof prints a row for each number and each ID that ran, and how many did not.
func printProof() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nID\tresult\twhat\n")
	missing := 0
	row := func(id, instead, what string) {
		v := ledger.rows[id]
		if v == nil {
			missing++
			return
		}
		result := v.String()
		if result == "pass" && instead != "" {
			result = instead
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", id, result, what)
	}
	for n, what := range numbered {
		if n > 0 {
			row("S"+strconv.Itoa(n), "", what)
		}
	}
	for _, m := range modules() {
		what, instead := m.plan+": "+m.what, ""
		if m.note != "" {
			what += " (" + m.note + ")"
		}
		if m.without != "" {
			what, instead = what+" ("+m.without+")", "n/a"
		}
		row(m.id, instead, what)
	}
	if missing > 0 {
		fmt.Fprintf(w, "%d more\tnot run\t\n", missing)
	}
	w.Flush()
}

// TestS_EveryNumberHasATest reads the package's tests: none of the numbers is missing, and none is left out of the table.
func TestS_EveryNumberHasATest(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	found := map[int]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			m := numberOf.FindStringSubmatch(f.Name.Name)
			if m == nil {
				continue
			}
			n, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			found[n] = true
			require.True(t, callsProves(f), "%s does not call proves", f.Name.Name)
		}
	}
	var missing []string
	for n := 1; n < len(numbered); n++ {
		if !found[n] {
			missing = append(missing, "S"+strconv.Itoa(n))
		}
		delete(found, n)
	}
	require.Empty(t, missing, "numbers without a test")
	require.Empty(t, found, "numbers that nobody knows")
}

func callsProves(f *ast.FuncDecl) bool {
	return slices.ContainsFunc(f.Body.List, func(s ast.Stmt) bool {
		e, ok := s.(*ast.ExprStmt)
		if !ok {
			return false
		}
		call, ok := e.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		name, ok := call.Fun.(*ast.Ident)
		return ok && name.Name == "proves"
	})
}
