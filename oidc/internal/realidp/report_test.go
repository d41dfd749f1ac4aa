package realidp

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// The columns of the table that CI prints.
const (
	signIn       = "sign-in"
	clientAuth   = "client auth"
	refresh      = "refresh"
	rpInitiated  = "RP-initiated logout"
	backChannel  = "back-channel"
	frontChannel = "front-channel"
	pushed       = "PAR"
	formPost     = "form_post"
	issParameter = "iss"
)

var columns = []string{signIn, clientAuth, refresh, rpInitiated, backChannel, frontChannel, pushed, formPost, issParameter}

// table is what the tests saw work. Whatever no test saw is not in it.
type table struct {
	mu    sync.Mutex
	order []string
	cells map[string]map[string][]string
	lacks map[string][]string
}

var results = &table{cells: map[string]map[string][]string{}, lacks: map[string][]string{}}

// lacking begins the row of a provider, with what it does not offer.
func (r *table) lacking(provider string, what []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order = append(r.order, provider)
	r.cells[provider], r.lacks[provider] = map[string][]string{}, what
}

// saw records that something worked at a provider.
func (r *table) saw(provider, column, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row := r.cells[provider]
	if slices.Contains(row[column], what) {
		return
	}
	row[column] = append(row[column], what)
}

// missing returns the columns that nothing was seen of.
func (r *table) missing(provider string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, c := range columns {
		if len(r.cells[provider][c]) == 0 {
			out = append(out, c)
		}
	}
	return out
}

func (r *table) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "provider\t"+strings.Join(columns, "\t"))
	for _, provider := range r.order {
		cells := []string{provider}
		for _, c := range columns {
			cell := strings.Join(r.cells[provider][c], " ")
			switch {
			case cell == "" && slices.Contains(r.lacks[provider], c):
				cell = "not offered"
			case cell == "":
				cell = "NOT SEEN"
			}
			cells = append(cells, cell)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush() // a strings.Builder takes all
	return b.String()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if len(results.order) > 0 {
		fmt.Print(results)
		if dir := os.Getenv("PROVIDER_REPORT_DIR"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, "realidp.txt"), []byte(results.String()), 0o600); err != nil {
				fmt.Println(err)
				code = 1
			}
		}
	}
	os.Exit(code)
}
