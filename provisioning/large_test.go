package provisioning

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// largeHost is a fakeHost that finds an account's teams without looking through all of
// them, as a database's index does. It makes many at once, and counts calls.
type largeHost struct {
	*batchHost
	teamsOf map[string]map[string]string // account → team → role
	n       atomic.Int64
}

func (h *largeHost) states(ids []string) (out []AccountState) {
	for _, id := range ids {
		u := h.users[id]
		if u == nil {
			continue
		}
		a := AccountState{ID: u.ID, Email: u.Email, Active: u.Active, OrgRole: u.Role}
		for team, role := range h.teamsOf[id] {
			a.Teams = append(a.Teams, Membership{TeamID: team, Role: role})
		}
		out = append(out, a)
	}
	return out
}

func (h *largeHost) Accounts(_ context.Context, _ store.Store, _ string, ids []string) ([]AccountState, error) {
	h.n.Add(1)
	return h.states(ids), nil
}

func (h *largeHost) AccountByEmail(_ context.Context, _ store.Store, _, email string) (AccountState, error) {
	h.n.Add(1)
	if list := h.states([]string{"u-" + email}); len(list) == 1 {
		return list[0], nil
	}
	return AccountState{}, store.ErrNotFound
}

func (h *largeHost) CreateAccounts(_ context.Context, _ store.Store, _ string, profiles []Profile) (ids []string, err error) {
	h.n.Add(1)
	for _, p := range profiles {
		ids = append(ids, h.addUser("u-"+p.Email, p.Email, "member"))
	}
	return ids, nil
}

func (h *largeHost) CreateAccount(ctx context.Context, tx store.Store, tenantID string, p Profile) (string, error) {
	ids, err := h.CreateAccounts(ctx, tx, tenantID, []Profile{p})
	return ids[0], err
}

func (h *largeHost) SetMembers(_ context.Context, _ store.Store, _ string, changes []MemberChange) error {
	h.n.Add(1)
	for _, c := range changes {
		if h.teamsOf[c.AccountID] == nil {
			h.teamsOf[c.AccountID] = map[string]string{}
		}
		if h.teamsOf[c.AccountID][c.TeamID] = c.Role; c.Role == "" {
			delete(h.teamsOf[c.AccountID], c.TeamID)
		}
	}
	return nil
}

func (h *largeHost) SetMember(ctx context.Context, tx store.Store, tenantID, team, account, role string) error {
	return h.SetMembers(ctx, tx, tenantID, []MemberChange{{TeamID: team, AccountID: account, Role: role}})
}

func (h *largeHost) RemoveMember(ctx context.Context, tx store.Store, tenantID, team, account string) error {
	return h.SetMembers(ctx, tx, tenantID, []MemberChange{{TeamID: team, AccountID: account}})
}

func (h *largeHost) Teams(ctx context.Context, tx store.Store, tenantID string, ids []string) (out []Team, err error) {
	h.n.Add(1)
	if ids == nil {
		return h.fakeHost.Teams(ctx, tx, tenantID, nil)
	}
	for _, id := range ids {
		if name, ok := h.teams[id]; ok {
			out = append(out, Team{ID: id, Name: name})
		}
	}
	return out, nil
}

// countingStore counts what is read, by method.
type countingStore struct {
	store.Store
	n map[string]int
}

func (c countingStore) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return c.Store.InTx(ctx, func(tx store.Store) error { return fn(countingStore{tx, c.n}) })
}

func (c countingStore) SCIMUser(ctx context.Context, t, id string) (store.SCIMUser, error) {
	c.n["SCIMUser"]++
	return c.Store.SCIMUser(ctx, t, id)
}

func (c countingStore) SCIMUsers(ctx context.Context, t string, q store.Query) (store.Page[store.SCIMUser], error) {
	c.n["SCIMUsers"]++
	return c.Store.SCIMUsers(ctx, t, q)
}

func (c countingStore) SCIMGroup(ctx context.Context, t, id string) (store.SCIMGroup, error) {
	c.n["SCIMGroup"]++
	return c.Store.SCIMGroup(ctx, t, id)
}

func (c countingStore) SCIMGroups(ctx context.Context, t string, q store.Query) (store.Page[store.SCIMGroup], error) {
	c.n["SCIMGroups"]++
	return c.Store.SCIMGroups(ctx, t, q)
}

func (c countingStore) SCIMMembers(ctx context.Context, t, g, after string, limit int) ([]store.Member, error) {
	c.n["SCIMMembers"]++
	return c.Store.SCIMMembers(ctx, t, g, after, limit)
}

func (c countingStore) SCIMGroupsOf(ctx context.Context, t string, ids ...string) (map[string][]store.GroupRef, error) {
	c.n["SCIMGroupsOf"]++
	return c.Store.SCIMGroupsOf(ctx, t, ids...)
}

func (c countingStore) Accounts(ctx context.Context, t string, q store.Query) (store.Page[store.Account], error) {
	c.n["Accounts"]++
	return c.Store.Accounts(ctx, t, q)
}

func (c countingStore) AccountOfSCIMUser(ctx context.Context, t, id string) (store.Account, error) {
	c.n["AccountOfSCIMUser"]++
	return c.Store.AccountOfSCIMUser(ctx, t, id)
}

func (c countingStore) Grants(ctx context.Context, t, id string) ([]store.Grant, error) {
	c.n["Grants"]++
	return c.Store.Grants(ctx, t, id)
}

func (c countingStore) GrantsOfGroup(ctx context.Context, t, g string, after store.GrantKey, limit int) ([]store.Grant, error) {
	c.n["GrantsOfGroup"]++
	return c.Store.GrantsOfGroup(ctx, t, g, after, limit)
}

func (c countingStore) AllGrants(ctx context.Context, t string, after store.GrantKey, limit int) ([]store.Grant, error) {
	c.n["AllGrants"]++
	return c.Store.AllGrants(ctx, t, after, limit)
}

// largeWorld is a tenant of people who are in each groups, of size members on average, each
// mapped to a team of its own. Nothing of it is provisioned yet.
func largeWorld(tb testing.TB, people, each, size int) (w *world, host *largeHost, settings store.ProvisioningSettings) {
	host = &largeHost{teamsOf: map[string]map[string]string{}}
	w = newWorld(tb, func(c *Config) {
		host.batchHost = &batchHost{fakeHost: c.Target.(*fakeHost)}
		c.Target = host
		c.Breaker.InsecureOff = true
	})
	w.st = w.st.(*joined).Store.(*memory.Store)
	w.cfg.Store = w.st
	var err error
	w.e, err = New(w.cfg)
	require.NoError(tb, err)
	names := make([]string, people)
	for i := range names {
		names[i] = fmt.Sprintf("p%06d", i)
	}
	w.user(names...)
	groups := max(1, people*each/size)
	settings.Mode = store.ModeManual
	for i := range groups {
		name := fmt.Sprintf("G%05d", i)
		w.host.teams["t-"+name] = "Team " + name
		var in []string
		for k := range size {
			in = append(in, names[(i*size+k)%people])
		}
		w.group(name, in...)
		settings.Rows = append(settings.Rows, w.row(name, "t-"+name, "member", ""))
	}
	return w, host, settings
}

// TestOneChangeReadsItsRowsAlone: what one membership change asks of store and host is the
// same in a tenant ten times as large.
func TestOneChangeReadsItsRowsAlone(t *testing.T) {
	asked := func(people int) (reads map[string]int, calls int64) {
		w, host, settings := largeWorld(t, people, 5, 50)
		w.user("x")
		w.sync()
		w.set(settings)
		w.join("G00001", "x")
		counted := countingStore{w.st, map[string]int{}}
		w.cfg.Store = counted
		e, err := New(w.cfg)
		require.NoError(t, err)
		before := host.n.Load()
		n, err := e.Sync(t.Context(), org)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, "member", host.teamsOf["u-x@acme.example"]["t-G00001"])
		return counted.n, host.n.Load() - before
	}
	reads, calls := asked(100)
	moreReads, moreCalls := asked(1000)
	require.Equal(t, reads, moreReads)
	require.Equal(t, calls, moreCalls)
	require.LessOrEqual(t, calls, int64(5))
	for _, all := range []string{"SCIMUsers", "SCIMGroups", "Accounts", "AllGrants", "SCIMMembers"} {
		require.Zero(t, reads[all], all)
	}
}

// cpu is the processor's time that fn takes, the best of a few: what else the machine does at the same
// time does not count, nor does collecting garbage, which here means going through all that store and
// host have in memory. How much there is to collect, B/op tells.
func cpu(fn func()) time.Duration {
	best := time.Hour
	for range 3 {
		runtime.GC()
		off := debug.SetGCPercent(-1)
		start := cpuTime()
		fn()
		took := cpuTime() - start
		debug.SetGCPercent(off)
		if best = min(best, took); took > 2*time.Second {
			break
		}
	}
	return best
}

// peak is the most memory that fn keeps in use at a time, beyond what was in use before. It is rather
// too much than too little: what is made while a collection goes on counts as in use.
func peak(fn func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // what is in use is known after a collection
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	inUse := func() uint64 {
		metrics.Read(live)
		return live[0].Value.Uint64()
	}
	runtime.GC()
	runtime.GC()
	before := inUse()
	most := before
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				most = max(most, inUse())
			}
		}
	}()
	fn()
	close(done)
	<-stopped
	return most - before
}

// TestEverybodyFitsIntoMemory bounds what a person in 20 groups adds to the memory that a reconcile
// has in use, so that 100,000 of them stay far under a gibibyte.
func TestEverybodyFitsIntoMemory(t *testing.T) {
	inUse := func(people int) uint64 {
		w, _, settings := largeWorld(t, people, 20, 200)
		w.sync()
		w.set(settings)
		w.sync()
		return peak(func() {
			plan, err := w.e.Reconcile(t.Context(), org)
			require.NoError(t, err)
			require.True(t, plan.Empty())
		})
	}
	few, many := inUse(600), inUse(2600) // a page is in use in any case
	each := (many - min(few, many)) / 2000
	t.Logf("%d bytes for 600 people, %d for 2,600: %d for one more in 20 groups", few, many, each)
	require.Less(t, each, uint64(1<<30/100000/4))
}

// largeSizes are the numbers of people of 1, 10 and, with LARGE=1, 100 times.
func largeSizes() []int {
	sizes := []int{1000, 10000}
	if os.Getenv("LARGE") != "" {
		sizes = append(sizes, 100000)
	}
	return sizes
}

// BenchmarkLargeTenant is a tenant at 1, 10 and, with LARGE=1, 100 times of 1,000 people
// in 20 groups each: the first plan, which gives everything, a preview and a reconcile of what is as it
// should be. Of each it tells the processor's time (cpu-ms), the most memory in use beyond what store
// and host have (peak-MiB), and both as multiples of those of the size before (x-): ten is linear.
func BenchmarkLargeTenant(b *testing.B) {
	var before map[string]float64
	for _, people := range largeSizes() {
		b.Run(fmt.Sprintf("people=%d", people), func(b *testing.B) {
			w, _, settings := largeWorld(b, people, 20, max(200, people/50)) // at most 1,000 groups
			w.sync()
			m := map[string]float64{}
			measure := func(name string, fn func()) {
				m[name+"-cpu-ms"] = float64(cpu(fn).Microseconds()) / 1000
				m[name+"-peak-MiB"] = float64(peak(fn)) / (1 << 20)
			}
			preview := func(s store.ProvisioningSettings, joins int) func() {
				have, err := w.e.Settings(b.Context(), owner, org)
				require.NoError(b, err)
				s.Version = have.Version
				return func() {
					plan, err := w.e.Preview(b.Context(), owner, org, s)
					require.NoError(b, err)
					require.Equal(b, joins, plan.Totals.Joins)
				}
			}
			reconcile := func() {
				plan, err := w.e.Reconcile(b.Context(), org)
				require.NoError(b, err)
				require.True(b, plan.Empty())
			}
			measure("first", preview(settings, people*20))
			start := cpuTime()
			w.set(settings) // previews it, and applies it
			m["apply-cpu-ms"] = float64((cpuTime()-start).Microseconds())/1000 - m["first-cpu-ms"]
			measure("preview", preview(settings, 0))
			measure("reconcile", reconcile)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				reconcile()
			}
			b.ReportMetric(m["reconcile-cpu-ms"]*1e6/float64(people*20), "cpu-ns/membership")
			for name, v := range m {
				b.ReportMetric(v, name)
				if before[name] > 0 {
					b.ReportMetric(v/before[name], "x-"+name)
				}
			}
			before = m
		})
	}
}

// TestReconcileIsLinear compares two sizes: ten times the memberships may not take a
// hundred times the memory.
func TestReconcileIsLinear(t *testing.T) {
	allocated := func(people int) float64 {
		w, _, settings := largeWorld(t, people, 5, 50)
		w.sync()
		w.set(settings)
		var a, b runtime.MemStats
		runtime.ReadMemStats(&a)
		_, err := w.e.Reconcile(t.Context(), org)
		require.NoError(t, err)
		runtime.ReadMemStats(&b)
		return float64(b.TotalAlloc - a.TotalAlloc)
	}
	ratio := allocated(2000) / allocated(200)
	require.Less(t, ratio, 20.0, "ten times the people")
}
