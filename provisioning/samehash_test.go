package provisioning

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

var updatePlans = flag.Bool("update-plans", false, "write testdata/planhashes.txt anew")

// tried is a tenant of random people, groups, settings and changes past the locks, in which all
// IDs are the same each time, so that plans can be compared over versions of this package.
type tried struct {
	*world
	r    *rand.Rand
	n    int
	said []string
}

// say notes the hash of a plan, without the settings' dates.
func (w *tried) say(what string, p Plan, err error) {
	if err != nil {
		w.said = append(w.said, fmt.Sprintf("%s: %v", what, err))
		return
	}
	p.Settings.Meta = store.Meta{}
	p.seal()
	w.said = append(w.said, fmt.Sprintf("%s: %s %d lines %d findings", what, p.Hash, len(p.Lines), len(p.Findings)))
}

func (w *tried) preview(what string, s store.ProvisioningSettings) {
	have, err := w.e.Settings(w.ctx, owner, org)
	require.NoError(w, err)
	s.Version = have.Version
	p, err := w.e.Preview(w.ctx, owner, org, s)
	w.say(what, p, err)
	w.said = append(w.said, fmt.Sprintf("%s: %+v seats %+v", what, func(t Totals) Totals { t.Seats = nil; return t }(p.Totals), p.Totals.Seats))
}

func (w *tried) settings() store.ProvisioningSettings {
	r := w.r
	var s store.ProvisioningSettings
	switch r.IntN(5) {
	case 0:
		s = store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{FilterKind: "glob", Filter: []string{"G*", "G0*", "*new*"}[r.IntN(3)], TeamRole: "member", OrgRole: orgRoles[r.IntN(2)]}}
	case 1:
		s.Mode = store.ModeNone
	default:
		s.Mode = store.ModeManual
		if r.IntN(3) == 0 {
			s.RoleRule = store.RoleFirstRow
		}
		for range 1 + r.IntN(12) {
			group := fmt.Sprintf("G%02d", r.IntN(8))
			if _, err := w.st.SCIMGroup(w.ctx, org, w.ids[group]); err != nil {
				continue
			}
			s.Rows = append(s.Rows, w.row(group, fmt.Sprintf("t-%d", r.IntN(4)), teamRoles[r.IntN(2)], append([]string{"", "", ""}, orgRoles...)[r.IntN(6)]))
		}
	}
	if r.IntN(2) == 0 {
		s.DefaultOrgRole = orgRoles[r.IntN(2)]
	}
	s.Unmanaged.People = []store.PeoplePolicy{store.PeopleKeep, store.PeopleTake}[r.IntN(2)]
	return s
}

// drift changes the host past the locks.
func (w *tried) drift() {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	for _, id := range sortedKeys(w.host.users) {
		u := w.host.users[id]
		switch w.r.IntN(12) {
		case 0:
			u.Role = orgRoles[w.r.IntN(3)]
		case 1:
			team := fmt.Sprintf("t-%d", w.r.IntN(4))
			w.host.in[team][id] = teamRoles[w.r.IntN(2)]
		case 2:
			delete(w.host.in[fmt.Sprintf("t-%d", w.r.IntN(4))], id)
		case 3:
			u.Active = !u.Active
		}
	}
}

func (w *tried) story() {
	r := w.r
	for range 40 {
		person, group := fmt.Sprintf("p%02d", r.IntN(25)), fmt.Sprintf("G%02d", r.IntN(8))
		_, noUser := w.st.SCIMUser(w.ctx, org, w.ids[person])
		_, noGroup := w.st.SCIMGroup(w.ctx, org, w.ids[group])
		switch n := r.IntN(20); {
		case noUser != nil && n < 3:
			w.user(person) // came again
		case n < 9 && noUser == nil && noGroup == nil:
			w.join(group, person)
		case n < 13 && noGroup == nil:
			w.leave(group, person)
		case n < 15 && noUser == nil:
			w.active(person, r.IntN(2) == 0)
		case n == 15 && noUser == nil:
			w.deleteUser(person)
		case n == 16 && noGroup == nil && r.IntN(3) == 0:
			w.deleteGroup(group)
		case n == 17 && noGroup == nil:
			w.renameGroup(group, fmt.Sprintf("G-new-%d", r.IntN(10)))
		case n == 18 && noUser == nil:
			w.write(person, "other-"+person+"@acme.example", true)
		}
	}
}

// plansOf plays one story and tells all plans of it.
func plansOf(t testing.TB, seed uint64, page int) []string {
	w := &tried{r: rand.New(rand.NewPCG(seed, 7))}
	w.world = newWorld(t, func(c *Config) {
		host := c.Target.(*fakeHost)
		switch seed % 3 {
		case 1:
			c.Target = &seatedHost{fakeHost: host, limit: 12 + int(seed)}
		case 2:
			c.Target = deletingHost{host}
		}
		if seed%2 == 0 {
			c.Breaker.InsecureOff = true
		}
		c.ImpliedTeamRoles = map[string]string{"owner": "administrator"}
	})
	w.e.pagePeople = page
	w.newID = func() string { w.n++; return fmt.Sprintf("id-%06d", w.n*7919%1000000) }
	for i := range 4 {
		w.host.addTeam(fmt.Sprintf("t-%d", i), fmt.Sprintf("Team %d", i))
	}
	for _, email := range []string{"p01", "p07", "glass"} { // accounts by hand
		w.host.addUser("u-"+email, email+"@acme.example", orgRoles[w.r.IntN(3)])
	}
	for i := range 25 {
		w.user(fmt.Sprintf("p%02d", i))
	}
	w.user("glass", "root")
	for i := range 8 {
		w.group(fmt.Sprintf("G%02d", i))
	}
	w.story()
	for range 3 {
		w.preview("first", w.settings())
	}
	w.sync()
	for round := range 4 {
		s := w.settings()
		have, err := w.e.Settings(w.ctx, owner, org)
		require.NoError(t, err)
		s.Version = have.Version
		if p, err := w.e.Preview(w.ctx, owner, org, s); err == nil {
			done, err := w.e.Apply(w.ctx, owner, org, s, agree(p))
			w.say("applied", done, err)
			if err == nil && round > 1 {
				w.drift()
				undo, err := w.e.PreviewUndo(w.ctx, owner, org, done.ID)
				undo.UndoOf = ""
				w.say("undo", undo, err)
			}
		} else {
			w.said = append(w.said, "refused")
		}
		w.story()
		w.preview("now", w.settings())
		w.sync()
		w.drift()
		reset, err := w.e.PreviewReset(w.ctx, owner, org, Reset{TeamRoles: true, OrgRoles: true})
		w.say("reset", reset, err)
		p, err := w.e.Reconcile(w.ctx, org)
		w.say("reconcile", p, err)
	}
	w.said = append(w.said, strings.Split(w.host.state(), "\n")...)
	return w.said
}

// TestPlansAreTheSame compares the plans of random tenants with those that earlier versions made of
// the same: hashes of plans shown before an upgrade are good after it, and it does not matter in how
// many pages people are read. A change of what plans say writes the file anew, with -update-plans.
func TestPlansAreTheSame(t *testing.T) {
	const file = "testdata/planhashes.txt"
	all := func(page int) string {
		var got strings.Builder
		for seed := range uint64(12) {
			fmt.Fprintf(&got, "seed %d\n", seed)
			for _, line := range plansOf(t, seed, page) {
				fmt.Fprintln(&got, line)
			}
		}
		return got.String()
	}
	if *updatePlans {
		require.NoError(t, os.WriteFile(file, []byte(all(0)), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, page := range []int{1, 3, 10, 1000} {
		require.Equal(t, string(want), all(page), "%d people on a page", page)
	}
}
