package provisioning

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// model says what a tenant should come to, in a way that has nothing in common with how a
// plan is computed: it knows who is in which group, which rows there are, and who was put
// into a team by hand, and looks each question up anew.
type model struct {
	groups map[string]map[string]bool // group → people
	rows   []modelRow
	active map[string]bool
	hand   map[string]map[string]string // team → person → role, by hand
}

type modelRow struct{ group, team, teamRole, orgRole string }

// rank is the place of a role in its order.
func rank(role string) int { return map[string]int{"member": 1, "administrator": 2, "owner": 3}[role] }

// given are those whom a row puts into a team.
func (m *model) given(team, person string) (role string) {
	for _, r := range m.rows {
		if r.team == team && m.groups[r.group][person] && rank(r.teamRole) > rank(role) {
			role = r.teamRole
		}
	}
	return role
}

// state is that of all who have access.
func (m *model) state(teams []string) string {
	out := []string{"root@acme.example owner"}
	for _, person := range slices.Sorted(maps.Keys(m.active)) {
		if !m.active[person] {
			continue
		}
		best := "member"
		for _, r := range m.rows {
			if m.groups[r.group][person] && rank(r.orgRole) > rank(best) {
				best = r.orgRole
			}
		}
		out = append(out, person+"@acme.example "+best)
		for _, team := range teams {
			role, byHand := m.hand[team][person]
			if !byHand {
				role = m.given(team, person)
			}
			if role != "" {
				out = append(out, team+": "+person+" "+role)
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// actual is what the host has, in the model's words.
func (w *world) actual(teams []string) string {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	var out []string
	for id, u := range w.host.users {
		if !u.Active {
			continue
		}
		out = append(out, u.Email+" "+u.Role)
		for _, team := range teams {
			if role := w.host.in[team][id]; role != "" {
				out = append(out, team+": "+strings.TrimSuffix(u.Email, "@acme.example")+" "+role)
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// TestTheModelAgrees plays random sequences of what directories, people and crashes do, for
// hosts here and elsewhere, and compares the end with the model: a plan that was applied
// reaches what the rules say, and what was given by hand outlives it all.
func TestTheModelAgrees(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			playModel(t, r, seed%2 == 1, 1+r.IntN(120), r.IntN(2) == 0)
		})
	}
}

func playModel(t *testing.T, r *rand.Rand, elsewhere bool, crashAt int, after bool) {
	c := newCrashWorld(t, elsewhere, crashAt, after)
	w := c.world
	c.late = r.IntN(3) > 0
	teams := []string{"t-0", "t-1", "t-2"}
	m := &model{groups: map[string]map[string]bool{}, active: map[string]bool{}, hand: map[string]map[string]string{}}
	for _, team := range teams {
		w.host.addTeam(team, "Team "+team)
		m.hand[team] = map[string]string{}
	}
	people := []string{"ann", "bob", "cat", "dov", "eve"}
	for _, p := range people {
		w.user(p)
		m.active[p] = true
	}
	groups := []string{"g0", "g1", "g2", "g3"}
	for _, g := range groups {
		w.group(g)
		m.groups[g] = map[string]bool{}
	}
	c.sync()
	for range 40 {
		person, group, team := people[r.IntN(len(people))], groups[r.IntN(len(groups))], teams[r.IntN(len(teams))]
		switch r.IntN(9) {
		case 0, 1, 2:
			if !m.groups[group][person] {
				w.join(group, person)
				m.groups[group][person] = true
			}
		case 3, 4:
			if m.groups[group][person] {
				w.leave(group, person)
				delete(m.groups[group], person)
			}
		case 5:
			m.active[person] = !m.active[person]
			w.active(person, m.active[person])
		case 6: // somebody puts a person into a team by hand who is in it by no group
			c.sync()
			c.sync() // a crash comes once
			if !strings.Contains(w.host.state(), person+"@") {
				continue // went before there was an account
			}
			if id := w.account(person); m.given(team, person) == "" && m.active[person] && w.host.role(team, id) == "" {
				role := teamRoles[r.IntN(2)]
				w.host.mu.Lock()
				w.host.in[team][id] = role
				w.host.mu.Unlock()
				m.hand[team][person] = role
			}
		case 7:
			rows := store.ProvisioningSettings{Mode: store.ModeManual}
			m.rows = nil
			for range r.IntN(6) {
				x := modelRow{groups[r.IntN(4)], teams[r.IntN(3)], teamRoles[0], append([]string{""}, orgRoles[:2]...)[r.IntN(3)]}
				m.rows = append(m.rows, x)
				rows.Rows = append(rows.Rows, w.row(x.group, x.team, x.teamRole, x.orgRole))
			}
			c.sync()
			c.sync()
			c.set(rows)
		case 8:
			c.sync()
		}
	}
	for _, p := range people { // who is away has what groups give on return
		if !m.active[p] {
			m.active[p] = true
			w.active(p, true)
		}
	}
	c.sync()
	c.sync()
	require.Equal(t, m.state(teams), w.actual(teams))
	c.plan.n = c.plan.at + 1 // no crash any more
	c.start()
	c.stable()
}
