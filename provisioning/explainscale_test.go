package provisioning

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// lostByAll is what [alone] finds, found with all that the person has.
func lostByAll(s *snapshot, p *person, plan *Plan, groupID string) []Line {
	without := *s
	without.settings.Paused = false
	without.groups = maps.Clone(s.groups)
	one := *p
	one.gives = slices.DeleteFunc(slices.Clone(p.gives), func(g *Give) bool { return g.GroupID == groupID })
	one.groups = slices.DeleteFunc(slices.Clone(p.groups), func(id string) bool { return id == groupID })
	without.people = []person{one}
	var out []Line
	for _, l := range compute(&without).Lines {
		if l.AccountID == p.accountID() && l.takes(s.roles) && !slices.Contains(plan.Lines, l) {
			out = append(out, l)
		}
	}
	return out
}

// TestExplainFindsWhatEachGroupAloneGives: what is found with the little that a group has to do with is what is found with
// all.
func TestExplainFindsWhatEachGroupAloneGives(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 6)) //nolint:gosec // a test
		w := newWorld(t, implied)
		teams, roles, orgRoles := []string{"t-a", "t-b", "t-c", "t-d"}, []string{"member", "administrator"}, []string{"", "member", "administrator"}
		for _, id := range teams {
			w.host.addTeam(id, id)
		}
		w.user("ada")
		groups := make([]string, 6)
		for i := range groups {
			groups[i] = fmt.Sprintf("G%d", i)
			w.group(groups[i], "ada")
		}
		w.sync()
		if seed%3 == 0 {
			w.set(auto())
		} else {
			var rows []store.MappingRow
			for range 8 {
				rows = append(rows, w.row(groups[r.IntN(len(groups))], teams[r.IntN(len(teams))], roles[r.IntN(2)], orgRoles[r.IntN(3)]))
			}
			w.manual(rows...)
		}
		id := w.account("ada")
		if seed%2 == 0 { // changed by hand since
			w.host.in[teams[r.IntN(len(teams))]][id] = roles[r.IntN(2)]
		}
		if seed%5 == 0 { // not taken over yet
			w.leave(groups[0], "ada")
		}
		found := 0
		require.NoError(t, w.st.InTx(t.Context(), func(tx store.Store) error {
			snap, x, err := w.e.explained(t.Context(), tx, org, id)
			if err != nil {
				return err
			}
			plan := compute(snap)
			a := newAlone(snap, x, &plan)
			for _, g := range x.groups {
				want := lostByAll(snap, x, &plan, g)
				require.Equal(t, want, a.lostWithout(g), "seed %d, group %s", seed, g)
				found += len(want)
			}
			return nil
		}))
		if seed == 1 {
			require.NotZero(t, found)
		}
	}
}

// BenchmarkExplainOfManyGroups: a person in so many groups, each of which gives a team.
func BenchmarkExplainOfManyGroups(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			w.user("ada")
			for i := range n {
				w.group(fmt.Sprintf("G%d", i), "ada")
			}
			w.sync()
			w.set(auto())
			id := w.account("ada")
			for b.Loop() {
				x, err := w.e.Explain(b.Context(), owner, org, id)
				require.NoError(b, err)
				require.Len(b, x.Groups, n)
				require.Len(b, x.Groups[0].WouldLose, 1)
			}
		})
	}
}
