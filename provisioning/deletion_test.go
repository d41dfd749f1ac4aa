package provisioning

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// doomed is a world in which the teams A and B wait to be deleted.
func doomed(t *testing.T, change ...func(*Config)) *world {
	w := newWorld(t, append([]func(*Config){func(c *Config) { c.Target = deletingHost{c.Target.(*fakeHost)} }}, change...)...)
	w.user("ada")
	w.group("A", "ada")
	w.group("B", "ada")
	s := auto()
	s.Unmanaged.Teams = store.TeamDelete
	w.set(s)
	w.deleteGroup("A")
	w.deleteGroup("B")
	w.sync()
	return w
}

func (w *world) planned() []string {
	w.Helper()
	list, err := w.e.PlannedDeletions(w.ctx, owner, org, 0, 0)
	require.NoError(w, err)
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = d.Team
	}
	return out
}

// TestDeletionWaits is the grace period of U11.
func TestDeletionWaits(t *testing.T) {
	w := doomed(t)
	list, err := w.e.PlannedDeletions(t.Context(), owner, org, 0, 0)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "A", list[0].Team)
	require.Equal(t, w.ids["A"], list[0].GroupID)
	require.WithinDuration(t, list[0].PlannedAt.Add(7*24*time.Hour), list[0].DueAt, time.Second)
	require.Equal(t, "the directory deleted the group; it is deleted after 7 days if nobody uses it", list[0].Reason)
	require.Empty(t, w.host.in[w.host.teamNamed("A")], "the membership by group ended at once")

	page, err := w.e.PlannedDeletions(t.Context(), owner, org, list[0].Seq, 1)
	require.NoError(t, err)
	require.Equal(t, list[1:], page)
	foreign, err := w.e.PlannedDeletions(t.Context(), owner, "globex", 0, 0)
	require.NoError(t, err)
	require.Empty(t, foreign)

	w.clock.add(6 * 24 * time.Hour)
	w.sync()
	require.NotEmpty(t, w.host.teamNamed("A"), "not yet")
	w.host.in[w.host.teamNamed("B")]["u-root"] = "member"
	w.clock.add(-30 * 24 * time.Hour)
	w.sync()
	require.Len(t, w.planned(), 2, "a clock that jumps back deletes nothing")
	w.clock.add(32 * 24 * time.Hour)
	other, err := New(w.cfg) // knows nothing but what is stored
	require.NoError(t, err)
	_, err = other.SyncAll(t.Context())
	require.NoError(t, err)
	require.Empty(t, w.host.teamNamed("A"))
	require.NotEmpty(t, w.host.teamNamed("B"), "somebody is in it by hand")
	require.Empty(t, w.planned())
	require.Len(t, w.events("provisioning.team.delete_planned"), 2)
	require.Equal(t, "the team is in use", w.events(EventDeleteCancelled)[0].Message)
	w.sync()
	w.stable()
	require.Len(t, w.events("provisioning.team.delete"), 4, "each was closed once")
}

// TestDeletionIsCancelledWithItsCause tries all that takes the cause away.
func TestDeletionIsCancelledWithItsCause(t *testing.T) {
	settings := func(w *world, change func(*store.ProvisioningSettings)) {
		s, err := w.e.Settings(w.ctx, owner, org)
		require.NoError(w, err)
		change(&s)
		w.set(s)
	}
	for name, end := range map[string]func(w *world){
		"another group adopts it": func(w *world) {
			w.group("a", "ada")
			settings(w, func(s *store.ProvisioningSettings) { s.Auto.Adopt = []string{w.ids["a"]} })
		},
		"the settings keep such teams": func(w *world) {
			settings(w, func(s *store.ProvisioningSettings) { s.Unmanaged.Teams = store.TeamKeep })
		},
		"an owner keeps it": func(w *world) {
			require.NoError(w, w.e.CancelDeletion(w.ctx, owner, org, w.host.teamNamed("A")))
			require.ErrorIs(w, w.e.CancelDeletion(w.ctx, owner, org, w.host.teamNamed("A")), ErrNoDeletion)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := doomed(t)
			end(w)
			require.NotContains(t, w.planned(), "A", "at once")
			w.clock.add(8 * 24 * time.Hour)
			w.sync()
			require.NotEmpty(t, w.host.teamNamed("A"))
			require.Empty(t, w.planned())
			w.stable()
		})
	}
}

func TestDeletionWhilePausedOrRefused(t *testing.T) {
	w := doomed(t)
	_, err := w.e.Pause(t.Context(), owner, org, "holiday")
	require.NoError(t, err)
	w.clock.add(8 * 24 * time.Hour)
	w.sync()
	require.Len(t, w.planned(), 2, "it waits while provisioning is paused")
	held, err := w.e.Held(t.Context(), owner, org)
	require.NoError(t, err)
	_, err = w.e.Resume(t.Context(), owner, org, agree(held.Plan))
	require.NoError(t, err)
	w.host.fail = func(op, _ string) error {
		if op == "DeleteTeam" {
			return errHost
		}
		return nil
	}
	w.clock.add(2 * time.Hour)
	w.sync()
	require.Len(t, w.planned(), 2, "and when the host refuses, until it does not")
	w.host.fail = nil
	w.sync()
	require.Len(t, w.planned(), 2)
	w.clock.add(deleteAgain)
	w.sync()
	require.Empty(t, w.planned())
	require.Empty(t, w.host.teams)
}

func TestDeletionAsksTheAuthorizer(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, _ tenant.Action, _ string) error { return tenant.ErrForbidden })
	})
	_, err := w.e.PlannedDeletions(t.Context(), owner, org, 0, 0)
	require.ErrorIs(t, err, tenant.ErrForbidden)
	require.ErrorIs(t, w.e.CancelDeletion(t.Context(), owner, org, "t"), tenant.ErrForbidden)
}
