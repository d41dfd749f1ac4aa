package provisioning

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// deed is one thing that a directory does.
type deed func(w *world)

// TestAnyOrderOneEnd plays random stories. Whatever happened in whatever batches: what a
// preview shows is what apply does, a second run changes nothing, and the end is that
// of a host that learns everything at once.
func TestAnyOrderOneEnd(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			story := randomStory(r)
			step, whole := storyWorld(t), storyWorld(t)
			settings := randomSettings(r)
			step.set(settings(step))
			whole.set(settings(whole))
			for _, d := range story {
				d(step)
				if r.IntN(2) == 0 {
					step.sync()
				}
				d(whole)
			}
			step.sync()
			whole.sync()
			step.stable()
			whole.stable()
			require.Equal(t, whole.host.effective(), step.host.effective(), "batches do not matter")

			// Who was away has what groups give on return.
			for i := range 6 {
				name := fmt.Sprintf("p%d", i)
				if _, err := step.st.SCIMUser(t.Context(), org, step.ids[name]); err == nil {
					step.active(name, true)
					whole.active(name, true)
				}
			}
			step.sync()
			whole.sync()
			require.Equal(t, whole.host.state(), step.host.state(), "for nobody")

			again := randomSettings(r)
			step.set(taking(again(step))) // compares preview and apply
			step.stable()
			whole.set(taking(again(whole)))
			require.Equal(t, whole.host.state(), step.host.state())

			step.set(taking(store.ProvisioningSettings{Mode: store.ModeNone}))
			step.stable()
			grants, err := step.st.AllGrants(t.Context(), org, store.GrantKey{}, 0)
			require.NoError(t, err)
			require.Empty(t, grants, "all that was given is taken")
			require.Equal(t, "administrator", step.host.role("t-0", "u-root"), "and nothing else")
			require.Len(t, step.host.in["t-0"], 1)
		})
	}
}

// effective is the state of those who have access: what suspended accounts keep has
// no effect, and depends on when they were suspended.
func (h *fakeHost) effective() string {
	h.mu.Lock()
	away := map[string]bool{}
	for _, u := range h.users {
		if !u.Active {
			away[u.Email] = true
		}
	}
	h.mu.Unlock()
	var out []string
	for line := range strings.Lines(h.state()) {
		if !slices.ContainsFunc(strings.Fields(line), func(word string) bool { return away[word] }) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

func storyWorld(t *testing.T) *world {
	w := newWorld(t, func(c *Config) { c.Breaker.InsecureOff = true })
	for i := range 3 {
		w.host.addTeam(fmt.Sprintf("t-%d", i), fmt.Sprintf("Team %d", i))
	}
	w.host.in["t-0"]["u-root"] = "administrator"
	for i := range 6 {
		w.user(fmt.Sprintf("p%d", i))
	}
	for i := range 4 {
		w.group(fmt.Sprintf("G%d", i))
	}
	w.sync()
	return w
}

func randomStory(r *rand.Rand) []deed {
	var story []deed
	deleted, gone, renamed := map[int]bool{}, map[int]bool{}, map[int]bool{}
	for range 30 {
		p, g := r.IntN(6), r.IntN(4)
		person, group := fmt.Sprintf("p%d", p), fmt.Sprintf("G%d", g)
		switch n := r.IntN(20); {
		case gone[g]:
		case n < 8:
			story = append(story, func(w *world) { w.join(group, person) })
		case n < 13:
			story = append(story, func(w *world) { w.leave(group, person) })
		case n < 16 && !deleted[p]:
			active := r.IntN(2) == 0
			story = append(story, func(w *world) { w.active(person, active) })
		case n == 16 && !deleted[p]:
			deleted[p] = true
			story = append(story, func(w *world) { w.deleteUser(person) })
		case n == 17 && !renamed[g]: // a deleted group leaves a team of its last name behind
			gone[g] = true
			story = append(story, func(w *world) { w.deleteGroup(group) })
		case n == 18:
			renamed[g] = true
			name := fmt.Sprintf("G-new-%d-%d", g, len(story))
			story = append(story, func(w *world) { w.renameGroup(group, name) })
		}
	}
	return story
}

// randomSettings returns settings for a world, whose IDs differ.
func randomSettings(r *rand.Rand) func(w *world) store.ProvisioningSettings {
	if r.IntN(2) == 0 {
		return func(*world) store.ProvisioningSettings {
			return store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{FilterKind: "glob", Filter: "G*", TeamRole: "member", OrgRole: "administrator"}}
		}
	}
	type row struct {
		g, t              int
		teamRole, orgRole string
	}
	var rows []row
	for range 1 + r.IntN(6) {
		rows = append(rows, row{r.IntN(4), r.IntN(3), teamRoles[r.IntN(2)], append([]string{""}, orgRoles[:2]...)[r.IntN(3)]})
	}
	shuffled := slices.Clone(rows)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	flip := false
	return func(w *world) store.ProvisioningSettings {
		s := store.ProvisioningSettings{Mode: store.ModeManual}
		use := rows
		if flip { // the second world has the rows in another order
			use = shuffled
		}
		flip = !flip
		for _, x := range use {
			if _, err := w.st.SCIMGroup(w.ctx, org, w.ids[fmt.Sprintf("G%d", x.g)]); err != nil {
				continue
			}
			s.Rows = append(s.Rows, w.row(fmt.Sprintf("G%d", x.g), fmt.Sprintf("t-%d", x.t), x.teamRole, x.orgRole))
		}
		return s
	}
}
