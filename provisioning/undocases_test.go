package provisioning

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

var takeAll = store.UnmanagedRule{People: store.PeopleTake}

// TestUndoOfResume: what was let through by mistake is given back, and held again.
func TestUndoOfResume(t *testing.T) {
	w, names := crowd(t)
	w.leave("A", names[:6]...)
	w.user("new")
	w.sync()
	before := w.host.state()
	held, err := w.e.Held(t.Context(), owner, org)
	require.NoError(t, err)
	done, err := w.e.Resume(t.Context(), owner, org, agree(held.Plan))
	require.NoError(t, err)
	require.Len(t, w.host.in["t-ops"], 4)
	require.NotEmpty(t, w.account("new"))

	plan := w.undo(done.ID)
	require.Equal(t, 6, plan.Totals.Joins)
	require.Contains(t, plan.Lines[0].Reason, "as it was before the plan that root@acme.example applied on 24 November 2026")
	require.Equal(t, []FindingCode{FindingAccessStays, FindingPaused}, w.codes(plan), "the account is the directory's doing")
	lines := append(strings.Split(before, "\n"), "new@acme.example member active=true")
	require.ElementsMatch(t, lines, strings.Split(w.host.state(), "\n"), "all others are as before")
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	require.True(t, s.Paused)
	w.sync()
	require.Len(t, w.host.in["t-ops"], 10, "and nothing of it happens again by itself")
}

// TestUndoLeavesWhatChangedSince: neither hands nor the directory are overruled.
func TestUndoLeavesWhatChangedSince(t *testing.T) {
	w := mapped(t)
	w.host.addTeam("t-dev", "Dev")
	w.user("ada", "ben", "cid")
	w.join("A", "ada", "ben", "cid")
	w.sync()
	w.host.in["t-ops"][w.account("cid")] = "administrator"
	done := w.set(store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "t-dev", "member", "")}})
	require.Equal(t, 3, done.Totals.Leaves)

	w.host.in["t-dev"][w.account("ada")] = "administrator" // by hand
	w.leave("A", "ben")                                    // by the directory
	w.sync()
	plan := w.undo(done.ID)
	require.Equal(t, []FindingCode{FindingChangedSince, FindingChangedSince}, w.codes(plan))
	require.Equal(t, "Ada", plan.Findings[0].Person)
	require.Equal(t, "Ben", plan.Findings[1].Person)
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")), "the settings apply to her")
	require.Empty(t, w.host.role("t-ops", w.account("ben")), "he left the group: nothing comes back")
	require.Equal(t, "administrator", w.host.role("t-ops", w.account("cid")), "with the role by hand")
	w.stable()
}

// TestUndoAfterTheDirectoryMoved: a person whose ledger is as the plan left it, but who left
// a group that only the old settings map, is not let in again.
func TestUndoAfterTheDirectoryMoved(t *testing.T) {
	w := mapped(t)
	w.user("ada", "ben")
	w.join("A", "ada", "ben")
	w.sync()
	done := w.set(store.ProvisioningSettings{Mode: store.ModeNone, Unmanaged: takeAll})
	w.leave("A", "ben")
	w.active("ada", false)
	w.sync()
	plan := w.undo(done.ID)
	require.Equal(t, []string{"member.add Ada"}, kinds(plan), "kept for her return, like before")
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	require.Empty(t, w.host.role("t-ops", w.account("ben")))
	require.False(t, w.host.byEmail(t, "ada@acme.example").Active, "access is the directory's")
	w.stable()
}

// TestUndoKeepsTheLastOwner: an undo breaks no rule that a sync keeps (D3).
func TestUndoKeepsTheLastOwner(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	w.group("Owners", "ada")
	w.sync()
	done := w.manual(w.row("Owners", "", "", "owner"))
	w.host.users["u-root"].Role = "member"
	plan := w.undo(done.ID)
	require.Equal(t, []FindingCode{FindingLastOwner}, w.codes(plan))
	require.Equal(t, "owner", w.host.byEmail(t, "ada@acme.example").Role)
	w.host.users["u-root"].Role = "owner"
	_, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
	w.stable()
}

func TestUndoRefusals(t *testing.T) {
	w := mapped(t)
	w.user("ada")
	w.join("A", "ada")
	w.sync()
	first := w.set(store.ProvisioningSettings{Mode: store.ModeNone, Unmanaged: takeAll})
	for _, id := range []string{"", "no-such", first.ID + "x"} {
		_, err := w.e.PreviewUndo(t.Context(), owner, org, id)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	_, err := w.e.PreviewUndo(t.Context(), owner, "globex", first.ID)
	require.ErrorIs(t, err, store.ErrNotFound, "another tenant's plan")

	shown, err := w.e.PreviewUndo(t.Context(), owner, org, first.ID)
	require.NoError(t, err)
	_, err = w.e.ApplyUndo(t.Context(), owner, org, first.ID, Confirm{Hash: first.Hash})
	require.ErrorIs(t, err, store.ErrStale, "the hash of another plan")
	w.host.in["t-ops"][w.account("ada")] = "member" // meanwhile
	_, err = w.e.ApplyUndo(t.Context(), owner, org, first.ID, agree(shown))
	var stale *StalePlanError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, first.ID, stale.Plan.UndoOf)
	delete(w.host.in["t-ops"], w.account("ada"))

	second := w.set(store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "t-ops", "administrator", "")}})
	_, err = w.e.PreviewUndo(t.Context(), owner, org, first.ID)
	require.ErrorIs(t, err, ErrSuperseded)
	w.undo(second.ID)
	third := w.undo(first.ID)
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	_, err = w.e.ApplyUndo(t.Context(), owner, org, first.ID, agree(shown))
	require.ErrorIs(t, err, ErrSuperseded, "it was undone")
	require.NotEqual(t, first.ID, third.ID)

	w.e.cfg.Authorizer = tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return tenant.ErrForbidden })
	_, err = w.e.PreviewUndo(t.Context(), owner, org, first.ID)
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = w.e.ApplyUndo(t.Context(), owner, org, first.ID, Confirm{})
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = w.e.Applied(t.Context(), owner, org, 0, 0)
	require.ErrorIs(t, err, tenant.ErrForbidden)
}

// TestUndoKeepsAPauseOfItsOwn: a breaker that tripped since stays.
func TestUndoKeepsAPauseOfItsOwn(t *testing.T) {
	w, names := crowd(t)
	done := w.manual(w.row("A", "t-ops", "administrator", ""))
	w.leave("A", names...)
	w.sync()
	plan := w.undo(done.ID)
	require.Len(t, w.host.in["t-ops"], 10)
	require.Equal(t, PauseBreaker, plan.Settings.Pause.Code)
	require.True(t, plan.Settings.Paused)
	require.Equal(t, "member", w.host.role("t-ops", w.account("p0")), "the undo itself is not held")
}

// TestUndoOfManyPeople crosses the bounds of one event.
func TestUndoOfManyPeople(t *testing.T) {
	w := mapped(t, func(c *Config) { c.Breaker.InsecureOff = true })
	var names []string
	for i := range 600 {
		names = append(names, fmt.Sprintf("p%03d", i))
	}
	w.user(names...)
	w.join("A", names...)
	w.sync()
	before := w.whole()
	done := w.set(store.ProvisioningSettings{Mode: store.ModeNone, Unmanaged: takeAll})
	require.Empty(t, w.host.in["t-ops"])
	parts := w.events(EventUndoRecord)
	require.Greater(t, len(parts), 2)
	for _, ev := range parts {
		require.Less(t, len(ev.After), undoPart+4096)
	}
	w.undo(done.ID)
	require.Equal(t, before, w.whole())
}

// TestUndoOfAPlanThatTheHostRefusedInPart leaves who was refused.
func TestUndoOfAPlanThatTheHostRefusedInPart(t *testing.T) {
	w := mapped(t)
	w.user("ada", "ben")
	w.join("A", "ada", "ben")
	w.sync()
	before := w.whole()
	ben := w.account("ben")
	w.host.fail = func(op, id string) error {
		if op == "RemoveMember" && id == ben {
			return errHost
		}
		return nil
	}
	s, plan := w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeNone, Unmanaged: takeAll})
	done, err := w.e.Apply(t.Context(), owner, org, s, agree(plan))
	require.NoError(t, err)
	require.Len(t, done.Failures, 1)
	w.host.fail = nil
	undone := w.undo(done.ID)
	require.Equal(t, []string{"member.add Ada"}, kinds(undone))
	require.Equal(t, before, w.whole())
}
