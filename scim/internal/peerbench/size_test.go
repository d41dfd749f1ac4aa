package peerbench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// The sizes of a tenant and its group. The large one is what a list or a group must not
// be slower for.
const (
	fewEntries  = 100
	manyEntries = 100_000
)

// sized is ours with so many users, put into the store as the handler would, and one
// group of them all.
func sized(n int) *target {
	ctx, t := context.Background(), ours()
	t.seed(1)
	first := must(t.store.SCIMUser(ctx, "acme", t.users[0]))
	members := []store.Member{{ID: first.ID, Kind: store.MemberUser}}
	for i := 1; i < n; i++ {
		u := first
		u.ID, u.UserName = store.NewID(u.CreatedAt.Add(time.Duration(i)*time.Millisecond)), fmt.Sprintf("user%07d@example.com", i)
		u.Keys = []store.Key{{Attr: store.AttrEmail, Value: u.UserName}}
		must(t.store.CreateSCIMUser(ctx, "acme", u))
		t.users = append(t.users, u.ID)
		members = append(members, store.Member{ID: u.ID, Kind: store.MemberUser})
	}
	g := store.SCIMGroup{
		Meta: store.Meta{ID: store.NewID(first.CreatedAt), CreatedAt: first.CreatedAt, UpdatedAt: first.CreatedAt}, DisplayName: "All",
		Body: []byte(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"All"}`),
	}
	must(t.store.CreateSCIMGroup(ctx, "acme", g, members))
	t.groups = []string{g.ID}
	return t
}

// manyUsers is the large tenant, which takes a while to make.
var manyUsers = sync.OnceValue(func() *target { return sized(manyEntries) })

// cursorAt walks to the middle of the list and returns the cursor of what follows.
func (t *target) cursorAt(tb testing.TB) string {
	tb.Helper()
	cursor := ""
	for left := len(t.users) / 2; left > 0; {
		count := min(left, 1000)
		status, doc := t.ask(tb, "GET", fmt.Sprintf("/Users?attributes=id&count=%d&cursor=%s", count, cursor), "")
		require.Equal(tb, http.StatusOK, status)
		cursor, _ = doc["nextCursor"].(string)
		left -= count
	}
	require.NotEmpty(tb, cursor)
	return cursor
}

// sizedOperation is a request that costs the same in a small tenant and in a large one.
type sizedOperation struct {
	name   string
	status int
	fill   func(m *message, t *target, n int)
}

// sizedOperations are those on one target; cursor is that of its middle.
func sizedOperations(cursor string) []sizedOperation {
	get := func(m *message, path string) {
		m.start("GET")
		m.path = append(m.path, path...)
	}
	return []sizedOperation{
		{"MemberAddedAndRemoved", http.StatusNoContent, func(m *message, t *target, n int) {
			m.start("PATCH")
			m.path = append(append(m.path, "/Groups/"...), t.groups[0]...)
			op := `{"op":"add","path":"members","value":[{"value":"newcomer-`
			if n%2 == 1 {
				op = `{"op":"remove","path":"members","value":[{"value":"newcomer-`
			}
			m.body = append(digits(append(append(m.body, patchOp...), op...), n/2), `"}]}]}`...)
		}},
		{"GroupWithoutMembers", http.StatusOK, groupWithoutMembers},
		{"Page100First", http.StatusOK, func(m *message, _ *target, _ int) { page(m, 1) }},
		{"Page50Last", http.StatusOK, func(m *message, t *target, _ int) {
			get(m, fmt.Sprintf("/Users?count=50&startIndex=%d", len(t.users)-49))
		}},
		{"Page50Middle", http.StatusOK, func(m *message, t *target, _ int) {
			get(m, fmt.Sprintf("/Users?count=50&startIndex=%d", len(t.users)/2))
		}},
		{"Page50ByCursor", http.StatusOK, func(m *message, _ *target, _ int) { get(m, "/Users?count=50&cursor="+cursor) }},
	}
}

// cost is what one request takes, without a network.
type cost struct{ ns, allocs, bytes float64 }

// cost sends so many requests.
func (t *target) cost(tb testing.TB, op sizedOperation, requests int) cost {
	tb.Helper()
	var m message
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range requests {
		op.fill(&m, t, int(t.next.Add(1)-1))
		if w := t.serve(&m, nil); w.status != op.status {
			tb.Fatalf("%s %s: status %d, want %d", m.method, m.path, w.status, op.status)
		}
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	n := float64(requests)
	return cost{float64(took.Nanoseconds()) / n, float64(after.Mallocs-before.Mallocs) / n, float64(after.TotalAlloc-before.TotalAlloc) / n}
}

func medianCost(of []cost) cost {
	pick := func(value func(cost) float64) float64 {
		values := make([]float64, len(of))
		for i, c := range of {
			values[i] = value(c)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return cost{
		pick(func(c cost) float64 { return c.ns }), pick(func(c cost) float64 { return c.allocs }), pick(func(c cost) float64 { return c.bytes }),
	}
}

// BenchmarkSize measures the same request in a small and in a large tenant in turn, and
// prints both.
func BenchmarkSize(b *testing.B) {
	targets := []*target{sized(fewEntries), manyUsers()}
	few, many := sizedOperations(targets[0].cursorAt(b)), sizedOperations(targets[1].cursorAt(b))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\nentries\tns %d\tns %d\tratio\tallocs %[1]d\tallocs %[2]d\tB %[1]d\tB %[2]d\t\n", fewEntries, manyEntries)
	for i := range few {
		var f, m cost
		b.Run(few[i].name, func(b *testing.B) {
			const requests = 1000
			var small, large []cost
			for range rounds {
				runtime.GC()
				small = append(small, targets[0].cost(b, few[i], requests))
				runtime.GC()
				large = append(large, targets[1].cost(b, many[i], requests))
			}
			f, m = medianCost(small), medianCost(large)
			b.ReportMetric(m.ns, "ns/op")
			b.ReportMetric(m.allocs, "allocs/op")
			b.ReportMetric(m.bytes, "B/op")
			b.ReportMetric(m.ns/f.ns, "x-small")
		})
		if m.ns > 0 { // not left out by -bench
			fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.0f\t%.0f\t\n", few[i].name, f.ns, m.ns, m.ns/f.ns, f.allocs, m.allocs, f.bytes, m.bytes)
		}
	}
	_ = w.Flush()
}

// TestMemoryIsBoundedByThePage holds that a request allocates in a large tenant what it
// allocates in a small one.
func TestMemoryIsBoundedByThePage(t *testing.T) {
	small, large := sized(1_000), manyUsers()
	few, many := sizedOperations(small.cursorAt(t)), sizedOperations(large.cursorAt(t))
	for i := range few {
		const requests = 50
		var a, b []cost
		for range 3 {
			a, b = append(a, small.cost(t, few[i], requests)), append(b, large.cost(t, many[i], requests))
		}
		got, limit := medianCost(b).bytes, 1.5*medianCost(a).bytes
		require.LessOrEqual(t, got, limit, "%s: bytes allocated with %d entries", many[i].name, manyEntries)
	}
}

// TestLargeGroupIsStreamed holds that an answer is never in memory as a whole.
func TestLargeGroupIsStreamed(t *testing.T) {
	large := manyUsers()
	for name, path := range map[string]string{"read": "/Groups/" + large.groups[0], "list": "/Groups"} {
		var m message
		m.start("GET")
		m.path = append(m.path, path...)
		w := &watching{sink: sink{header: http.Header{}, status: http.StatusOK}}
		base := liveHeap()
		large.handler.ServeHTTP(w, large.request(&m))
		require.Equal(t, http.StatusOK, w.status, name)
		require.Greater(t, w.size, 8<<20, "%s: the answer holds all members", name)
		require.Less(t, w.peak, base+w.size/4, "%s: bytes in use while %d are sent", name, w.size)
	}
}

// watching is a sink that looks at the memory in use.
type watching struct {
	sink
	writes, peak int
}

func (w *watching) Write(p []byte) (int, error) {
	if w.writes++; w.writes%32 == 0 {
		w.peak = max(w.peak, liveHeap())
	}
	return w.sink.Write(p)
}

func liveHeap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
