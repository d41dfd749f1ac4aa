package provisioning

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestHeldPlanIsSeenAndLetThrough is U11: what the breaker holds, an owner sees with
// number and cause, and resumes by hash.
func TestHeldPlanIsSeenAndLetThrough(t *testing.T) {
	w, names := crowd(t)
	held, err := w.e.Held(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, Held{}, held)
	_, err = w.e.Resume(t.Context(), owner, org, Confirm{})
	require.ErrorIs(t, err, ErrNotPaused)

	w.leave("A", names[:6]...)
	w.sync()
	held, err = w.e.Held(t.Context(), owner, org)
	require.NoError(t, err)
	require.True(t, held.Paused)
	require.Equal(t, PauseBreaker, held.Pause.Code)
	require.Equal(t, system, held.Pause.By)
	require.Equal(t, []int{6, 10}, []int{held.Pause.People, held.Pause.Of})
	require.Equal(t, "Too many people were to lose access: group “A” does not give it any more (6).", held.Pause.Reason)
	require.False(t, held.Pause.At.IsZero())
	require.Equal(t, 6, held.Plan.Totals.Leaves)
	require.Equal(t, []Cause{{"group “A” does not give it any more", 6}}, held.Causes)

	// Two come back meanwhile: the plan that was shown is not the one that would be done.
	w.join("A", names[:2]...)
	w.sync()
	_, err = w.e.Resume(t.Context(), owner, org, agree(held.Plan))
	var stale *StalePlanError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, 4, stale.Plan.Totals.Leaves)
	require.Len(t, w.host.in["t-ops"], 10)
	_, err = w.e.Resume(t.Context(), owner, org, Confirm{Hash: stale.Plan.Hash})
	require.ErrorIs(t, err, ErrManyPeopleUnconfirmed)

	done, err := w.e.Resume(t.Context(), owner, org, agree(stale.Plan))
	require.NoError(t, err)
	require.Equal(t, 4, done.Totals.Leaves)
	require.Len(t, w.host.in["t-ops"], 6)
	require.Len(t, w.events(EventResumed), 1)
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	require.False(t, s.Paused)
	require.Zero(t, s.Pause)
	w.stable()
}

// TestPauseSwitch pauses and resumes without knowing the other settings.
func TestPauseSwitch(t *testing.T) {
	w := mapped(t)
	w.user("ada", "ben")
	w.join("A", "ada", "ben")
	w.sync()
	for _, reason := range []string{"", " \n", "a\x00b", "a\u202eb", "\xff", strings.Repeat("x", maxReason+1)} {
		_, err := w.e.Pause(t.Context(), owner, org, reason)
		var invalid *SettingsError
		require.ErrorAs(t, err, &invalid, "%q", reason)
		require.Equal(t, "pause.reason", invalid.Fields[0].Field)
		require.Equal(t, "reason_invalid", invalid.Fields[0].Code)
	}
	before, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	require.False(t, before.Paused, "nothing of that was saved")

	s, err := w.e.Pause(t.Context(), owner, org, " moving to Entra ")
	require.NoError(t, err)
	require.Equal(t, before.Rows, s.Rows)
	require.True(t, s.Paused)
	require.Equal(t, "moving to Entra", s.Pause.Reason)
	require.Equal(t, "u-root", s.Pause.By.ID)
	require.Equal(t, "moving to Entra", w.events(EventPaused)[0].Message)

	w.leave("A", "ada")
	w.active("ben", false)
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")), "it waits")
	require.False(t, w.host.byEmail(t, "ben@acme.example").Active, "deprovisioning goes through (D10)")

	staff := tenant.Actor{Kind: tenant.ActorStaff, ID: "s1", Name: "Sam"}
	s, err = w.e.Pause(t.Context(), staff, org, "support ticket 7")
	require.NoError(t, err)
	require.Equal(t, "Sam: support ticket 7", s.Pause.By.Name+": "+s.Pause.Reason)
	require.Len(t, w.events(EventPaused), 2)

	held, err := w.e.Held(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, PauseByHand, held.Pause.Code)
	_, err = w.e.Resume(t.Context(), owner, org, agree(held.Plan))
	require.NoError(t, err)
	require.Empty(t, w.host.in["t-ops"][w.account("ada")])
	w.stable()
}

// TestPauseIsOurs: a caller of Apply chooses switch and reason, not who did it and when.
func TestPauseIsOurs(t *testing.T) {
	w := mapped(t)
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	s.Paused = true
	s.Pause = store.ProvisioningPause{Code: PauseBreaker, Reason: "holiday", People: 9, At: time.Unix(1, 0), By: store.EventActor{ID: "somebody else"}}
	s, plan := w.previewBy(owner, s)
	done, err := w.e.Apply(t.Context(), owner, org, s, agree(plan))
	require.NoError(t, err)
	require.Equal(t, "by_hand holiday u-root 0", strings.Join([]string{done.Settings.Pause.Code, done.Settings.Pause.Reason, done.Settings.Pause.By.ID, "0"}, " "))
	require.Zero(t, done.Settings.Pause.People)
	require.WithinDuration(t, w.clock.Now(), done.Settings.Pause.At, time.Second)

	s = done.Settings
	s.Pause.Reason = strings.Repeat("x", maxReason+1)
	s, plan = w.previewBy(owner, s)
	require.Equal(t, "holiday", plan.Settings.Pause.Reason, "it stays while the pause lasts")
	s.Paused = false
	_, plan = w.previewBy(owner, s)
	require.Zero(t, plan.Settings.Pause)
}
