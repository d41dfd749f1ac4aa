package provisioning

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// benchWorld is a tenant of people in groups of 200, each group mapped to a team.
func benchWorld(b *testing.B, people, groups int) *world {
	w := newWorld(b, func(c *Config) { c.Breaker.InsecureOff = true })
	// Without the copies that take a fake host's changes back.
	w.st = w.st.(*joined).Store.(*memory.Store)
	w.cfg.Store = w.st
	var err error
	w.e, err = New(w.cfg)
	require.NoError(b, err)
	names := make([]string, people)
	for i := range names {
		names[i] = fmt.Sprintf("p%06d", i)
	}
	w.user(names...)
	var rows []store.MappingRow
	for i := range groups {
		name := fmt.Sprintf("G%04d", i)
		w.host.addTeam("t-"+name, "Team "+name)
		var in []string
		for k := range min(people, 200) {
			in = append(in, names[(i*37+k*11)%people])
		}
		w.group(name, in...)
		rows = append(rows, w.row(name, "t-"+name, "member", "administrator"))
	}
	w.sync()
	w.manual(rows...)
	return w
}

// BenchmarkSyncOneMember is a membership change among 100, 1,000 and 10,000 people in 20 groups each, the last of
// them in 1,000 groups: its cost must not grow with the tenant.
func BenchmarkSyncOneMember(b *testing.B) {
	for _, people := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("people=%d", people), func(b *testing.B) {
			w, _, settings := largeWorld(b, people, 20, min(people, 200))
			w.user("x")
			w.sync()
			w.set(settings)
			w.sync() // reads what that wrote into the journal
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 {
					w.join("G00001", "x")
				} else {
					w.leave("G00001", "x")
				}
				w.sync()
			}
		})
	}
}

// BenchmarkPlanOnePerson is the computing alone.
func BenchmarkPlanOnePerson(b *testing.B) {
	w := benchWorld(b, 1000, 100)
	l, err := w.e.newLoader(b.Context(), w.st, org, nil)
	require.NoError(b, err)
	c := newConcern()
	c.addUser(w.ids["p000000"], userConcern{})
	snap, err := l.load(b.Context(), c)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if p := compute(snap); !p.Empty() {
			b.Fatal("expected nothing to do")
		}
	}
}

// BenchmarkPreviewChangedRow is a mapping row of one group of 10,000 that moves to
// another team.
func BenchmarkPreviewChangedRow(b *testing.B) {
	for _, people := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprintf("members=%d", people), func(b *testing.B) {
			w := benchWorld(b, people, 0)
			w.host.addTeam("t-a", "A")
			w.host.addTeam("t-b", "B")
			var names []string
			for i := range people {
				names = append(names, fmt.Sprintf("p%06d", i))
			}
			w.group("Big", names...)
			w.sync()
			w.manual(w.row("Big", "t-a", "member", ""))
			s, err := w.e.Settings(b.Context(), owner, org)
			require.NoError(b, err)
			s.Rows = []store.MappingRow{w.row("Big", "t-b", "member", "")}
			b.ReportAllocs()
			for b.Loop() {
				plan, err := w.e.Preview(b.Context(), owner, org, s)
				if err != nil || plan.Totals.Joins != people || plan.Totals.Leaves != people {
					b.Fatal(err, plan.Totals)
				}
			}
		})
	}
}

// BenchmarkReconcile is everybody in a tenant where nothing is to do.
func BenchmarkReconcile(b *testing.B) {
	for _, size := range []struct{ people, groups int }{{100, 10}, {1000, 100}, {10000, 100}} {
		b.Run(fmt.Sprintf("people=%d", size.people), func(b *testing.B) {
			w := benchWorld(b, size.people, size.groups)
			b.ReportAllocs()
			for b.Loop() {
				plan, err := w.e.Reconcile(b.Context(), org)
				if err != nil || !plan.Empty() {
					b.Fatal(err, plan.Totals)
				}
			}
		})
	}
}
