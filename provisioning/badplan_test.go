package provisioning

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestClockJumps: whatever the clock does, nothing is lost, done twice, or waits for years.
func TestClockJumps(t *testing.T) {
	w := mapped(t)
	refuse := true
	w.host.fail = func(op, _ string) error {
		if refuse && op == "CreateAccount" {
			return errHost
		}
		return nil
	}
	w.user("ada")
	w.join("A", "ada")
	w.clock.add(365 * 24 * time.Hour)
	w.sync()
	require.Len(t, w.events(EventFailed), 1)
	refuse = false
	w.clock.add(-365 * 24 * time.Hour)
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")), "tried again though its time lies in a year")

	for _, jump := range []time.Duration{-24 * time.Hour, 48 * time.Hour, -24 * time.Hour} {
		w.clock.add(jump)
		w.leave("A", "ada")
		w.sync()
		require.Empty(t, w.host.role("t-ops", w.account("ada")))
		w.join("A", "ada")
		w.sync()
		require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
		w.stable()
	}
	require.Len(t, w.events("provisioning.account.create"), 1)
}

// TestBackoffSurvivesAClockThatJumpsBack is about a tenant whose transaction failed.
func TestBackoffSurvivesAClockThatJumpsBack(t *testing.T) {
	w := mapped(t)
	w.clock.add(365 * 24 * time.Hour)
	w.e.note(org, errHost)
	require.True(t, w.e.waiting(org))
	w.clock.add(-365 * 24 * time.Hour)
	require.False(t, w.e.waiting(org))
}

// TestApplyTwiceAtOnce: of two owners who press the button at once, one does it.
func TestApplyTwiceAtOnce(t *testing.T) {
	w := mapped(t)
	w.user("ada", "ben")
	w.join("A", "ada", "ben")
	w.sync()
	s, plan := w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "t-ops", "administrator", "")}})
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = w.e.Apply(w.ctx, owner, org, s, agree(plan)) })
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		require.True(t, errors.Is(err, store.ErrStale), "%v", err)
	}
	require.Equal(t, 1, done)
	require.Len(t, w.events(EventApplied), 2, "the first one was mapped's")
	require.Len(t, w.events("provisioning.member.role"), 2)
	w.stable()
}

// TestForeignPlans: a hash of another tenant, or of other settings, applies nothing.
func TestForeignPlans(t *testing.T) {
	w := mapped(t)
	w.user("ada")
	w.join("A", "ada")
	w.sync()
	before := w.whole()
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	none, plan := w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeNone, Unmanaged: takeAll})
	foreign, err := w.e.Preview(t.Context(), owner, "globex", store.ProvisioningSettings{Mode: store.ModeNone})
	require.NoError(t, err)
	require.Empty(t, foreign.Lines)
	for _, c := range []Confirm{{}, {Hash: foreign.Hash}, {Hash: "x"}, agree(plan)} {
		_, err = w.e.Apply(t.Context(), owner, org, s, c)
		require.ErrorIs(t, err, store.ErrStale)
	}
	_, err = w.e.Apply(t.Context(), owner, "globex", none, agree(plan))
	require.ErrorIs(t, err, store.ErrStale)
	require.Equal(t, before, w.whole())

	// Rows with another tenant's groups and teams are not found.
	var invalid *SettingsError
	_, err = w.e.Preview(t.Context(), owner, "globex", store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("A", "t-ops", "member", "")}})
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "group_not_found", invalid.Fields[0].Code)
}
