package provisioning

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// ledger is all that was given, as text.
func (w *world) ledger() string {
	w.Helper()
	var out []string
	for after := (store.GrantKey{}); ; {
		page, err := w.st.AllGrants(w.ctx, org, after, store.MaxLimit)
		require.NoError(w, err)
		for _, g := range page {
			if name, ok := w.host.teams[g.ResourceID]; ok { // an undo of an undo makes a team again
				g.ResourceID = name
			}
			out = append(out, fmt.Sprintf("%+v", g))
		}
		if len(page) < store.MaxLimit {
			slices.Sort(out)
			return strings.Join(out, "\n")
		}
		after = page[len(page)-1].Key()
	}
}

// whole is all that an undo restores.
func (w *world) whole() string {
	w.Helper()
	s, err := w.e.Settings(w.ctx, owner, org)
	require.NoError(w, err)
	s.Meta, s.Pause.At = store.Meta{}, time.Time{}
	return w.host.state() + "\n" + w.ledger() + "\n" + string(asJSON(s))
}

// undo previews and applies the undo of a plan.
func (w *world) undo(id string) Plan {
	w.Helper()
	shown, err := w.e.PreviewUndo(w.ctx, owner, org, id)
	require.NoError(w, err)
	done, err := w.e.ApplyUndo(w.ctx, owner, org, id, agree(shown))
	require.NoError(w, err)
	require.Equal(w, shown.Lines, done.Lines)
	require.Empty(w, done.Failures)
	require.Equal(w, id, done.UndoOf)
	return done
}

// TestUndoRestores plays random settings over random hands, and takes them back: people,
// teams, roles, ledger and settings are what they were, and the undo can be undone.
func TestUndoRestores(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			w := storyWorld(t)
			w.cfg.Target = archivingHost{deletingHost{w.host}}
			var err error
			w.e, err = New(w.cfg)
			require.NoError(t, err)
			for _, d := range randomStory(r) {
				d(w)
			}
			w.sync()
			first, second := undoSettings(r), undoSettings(r)
			w.set(first(w))
			hands(r, w)
			w.stable()
			before := w.whole()

			done := w.set(second(w))
			after := w.whole()
			undone := w.undo(done.ID)
			require.NotContains(t, w.codes(undone), FindingChangedSince)
			require.Equal(t, before, w.whole())
			w.stable()

			again := w.undo(undone.ID)
			require.Equal(t, after, w.whole(), "the undo of the undo")
			w.stable()
			w.undo(again.ID)
			require.Equal(t, before, w.whole())

			list, err := w.e.Applied(t.Context(), owner, org, 0, 4)
			require.NoError(t, err)
			require.Equal(t, []string{again.ID, undone.ID, done.ID, ""}, []string{list[0].UndoOf, list[1].UndoOf, list[2].UndoOf, list[3].UndoOf})
		})
	}
}

// undoSettings are random ones that know more than randomSettings.
func undoSettings(r *rand.Rand) func(w *world) store.ProvisioningSettings {
	base := randomSettings(r)
	people := []store.PeoplePolicy{store.PeopleKeep, store.PeopleTake}[r.IntN(2)]
	teams := []store.TeamPolicy{store.TeamKeep, store.TeamArchive, store.TeamDelete}[r.IntN(3)]
	none, template, deflt, only := r.IntN(6) == 0, []string{"", "Team {group}"}[r.IntN(2)], r.IntN(4) == 0, r.IntN(3)
	return func(w *world) store.ProvisioningSettings {
		s := base(w)
		if none {
			s = store.ProvisioningSettings{Mode: store.ModeNone}
		}
		s.Unmanaged = store.UnmanagedRule{People: people, Teams: teams}
		if s.Mode == store.ModeAuto {
			s.Auto.Naming.Template = template
			if only == 0 {
				s.Auto.Filter = "G[02]"
			}
		}
		if deflt {
			s.DefaultOrgRole = "administrator"
		}
		return s
	}
}

// hands change what D1 lets them.
func hands(r *rand.Rand, w *world) {
	for id, members := range w.host.in {
		for i := range 6 {
			u := ""
			for _, x := range w.host.users {
				if x.Email == fmt.Sprintf("p%d@acme.example", i) {
					u = x.ID
				}
			}
			switch n := r.IntN(8); {
			case u == "":
			case members[u] != "" && n < 2:
				w.host.in[id][u] = teamRoles[n]
			case n == 7 && strings.HasPrefix(id, "t-") && len(id) == 3: // one of the host's own
				w.host.in[id][u] = teamRoles[r.IntN(2)]
			case n == 6 && members[u] == "":
				w.host.users[u].Role = orgRoles[r.IntN(2)]
			}
		}
	}
}
