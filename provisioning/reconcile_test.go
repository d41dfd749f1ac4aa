package provisioning

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestDriftIsFoundMendedAndReported is item 7: what somebody changed past the locks.
func TestDriftIsFoundMendedAndReported(t *testing.T) {
	w := mapped(t)
	_, err := w.e.LastReconcile(t.Context(), owner, org)
	require.ErrorIs(t, err, store.ErrNotFound)
	w.user("ada", "ben", "cid")
	w.join("A", "ada", "ben", "cid")
	w.sync()
	w.active("cid", false)
	w.sync()
	good := w.host.state()

	w.host.in["t-ops"][w.account("ben")] = "administrator" // D1 allows it
	w.stable()
	report, err := w.e.LastReconcile(t.Context(), owner, org)
	require.NoError(t, err)
	require.Zero(t, report.Drifted, "a role changed by hand is no drift")
	require.Equal(t, 1, report.Totals.Overrides)
	require.Equal(t, 3, report.Users)

	w.host.in["t-ops"][w.account("ben")] = "member"
	delete(w.host.in["t-ops"], w.account("ada"))
	w.host.users[w.account("cid")].Active = true
	plan, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Equal(t, []string{"member.add Ada", "account.deactivate Cid"}, kinds(plan))
	require.Equal(t, good, w.host.state())
	report, err = w.e.LastReconcile(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, 2, report.Drifted)
	require.Equal(t, plan.Lines, report.Drift)
	require.Contains(t, report.Drift[1].Reason, "access had been restored in the application")
	require.False(t, report.Paused)
	events := w.events(EventReconciled)
	require.Equal(t, "2 differences from the rules were mended.", events[len(events)-1].Message)
	w.stable()
}

// TestBacklogIsNoDrift: what the journal tells, or the host refused, is not blamed on anybody.
func TestBacklogIsNoDrift(t *testing.T) {
	w := mapped(t)
	refuse := true
	w.host.fail = func(op, id string) error {
		if refuse && op == "CreateAccount" && id == "ben@acme.example" {
			return errHost
		}
		return nil
	}
	w.user("ada", "ben")
	w.join("A", "ada", "ben")
	plan, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Len(t, plan.Failures, 1)
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	report, err := w.e.LastReconcile(t.Context(), owner, org)
	require.NoError(t, err)
	require.Zero(t, report.Drifted)
	require.Equal(t, 1, report.Failures)

	refuse = false
	_, err = w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Equal(t, "member", w.host.role("t-ops", w.account("ben")))
	report, err = w.e.LastReconcile(t.Context(), owner, org)
	require.NoError(t, err)
	require.Zero(t, report.Drifted, "it was open work")
}

// TestReconcileIsHeldByTheBreaker: a mapper that knows nothing any more empties nobody's teams.
func TestReconcileIsHeldByTheBreaker(t *testing.T) {
	blind := false
	w, names := crowd(t)
	w.cfg.Mapper = GroupMapperFunc(func(_ context.Context, _ string, groups []Group) (out []Give, err error) {
		for _, g := range groups {
			if !blind {
				out = append(out, Give{GroupID: g.ID, TeamID: "t-ops", TeamRole: "member", Rule: "row 1"})
			}
		}
		return out, nil
	})
	var err error
	w.e, err = New(w.cfg)
	require.NoError(t, err)
	w.stable()
	blind = true
	plan, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Empty(t, plan.Lines)
	require.Len(t, w.host.in["t-ops"], len(names))
	report, err := w.e.LastReconcile(t.Context(), owner, org)
	require.NoError(t, err)
	require.True(t, report.Paused)
	require.Len(t, w.events(EventBreaker), 1)
}

func TestFindingsAreRecordedOnce(t *testing.T) {
	w := mapped(t)
	w.user("root")
	w.sync()
	require.Len(t, w.events(EventFinding), 1)
	for range 3 {
		w.active("root", true)
		w.sync()
		_, err := w.e.Reconcile(t.Context(), org)
		require.NoError(t, err)
	}
	require.Len(t, w.events(EventFinding), 1, "not once for each event")
	w.clock.add(repeatFinding)
	_, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Len(t, w.events(EventFinding), 2)
}

// TestReconcileOnSchedule: each tenant about once a day, whatever the clock does.
func TestReconcileOnSchedule(t *testing.T) {
	w := mapped(t)
	due := func() int {
		n, err := w.e.ReconcileDue(t.Context())
		require.NoError(t, err)
		return n
	}
	require.NoError(t, w.st.AppendEvents(t.Context(), "no-directory", w.ev("connection.created", "connection", "c", nil)))
	require.Equal(t, 1, due())
	require.Zero(t, due())
	w.clock.add(21 * time.Hour)
	require.Zero(t, due())
	w.clock.add(6 * time.Hour)
	require.Equal(t, 1, due())
	require.Zero(t, due())

	w.clock.add(-72 * time.Hour)
	require.Equal(t, 1, due(), "the clock jumped back: what lies in the future says nothing")
	require.Zero(t, due())
	w.clock.add(72 * time.Hour)
	require.Equal(t, 1, due())
	require.Zero(t, due())
}

// TestReconcileGoesOnAfterAFailure: one tenant's host does not keep the others waiting.
func TestReconcileGoesOnAfterAFailure(t *testing.T) {
	w := mapped(t)
	for _, id := range []string{"aaa", "zzz"} {
		_, err := w.st.CreateDirectory(t.Context(), id, store.Directory{Meta: w.meta("dir-" + id), Enabled: true}, w.ev("directory.created", "directory", "d", nil))
		require.NoError(t, err)
	}
	w.host.failRoot = func(tenantID string) error {
		if tenantID == "aaa" {
			return errHost
		}
		return nil
	}
	n, err := w.e.ReconcileDue(t.Context())
	require.ErrorIs(t, err, errHost)
	require.ErrorContains(t, err, "aaa")
	require.Equal(t, 2, n)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.e.ReconcileDue(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// TestReconcileTaskRuns hands the task to the Runner that does a host's upkeep.
func TestReconcileTaskRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := mapped(t, func(c *Config) { c.Now = time.Now })
		w.user("ada")
		w.join("A", "ada")
		w.sync()
		ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}}})
		require.NoError(t, err)
		svc, err := tenant.New(tenant.Config{
			Store: w.st, Keyring: ring, Authorizer: w.cfg.Authorizer, SCIMBaseURL: "https://app.example.com/scim/v2/",
			Tenants: tenant.TenantsFunc(func(context.Context, string) (tenant.Tenant, error) { return nil, store.ErrNotFound }),
			ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
				return tenant.ProviderReport{}, nil
			}),
			DomainValidator: noDomains{},
		})
		require.NoError(t, err)
		r, err := tenant.NewRunner(tenant.RunnerConfig{Service: svc, Tasks: []tenant.Task{w.e.ReconcileTask()}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(time.Minute)
		require.Len(t, w.events(EventReconciled), 1)
		delete(w.host.in["t-ops"], w.account("ada"))
		time.Sleep(27 * time.Hour)
		require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
		require.Len(t, w.events(EventReconciled), 2)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestReconcileEveryIsChecked(t *testing.T) {
	cfg := newWorld(t).cfg
	cfg.ReconcileEvery = time.Second
	_, err := New(cfg)
	require.ErrorContains(t, err, "ReconcileEvery")
	cfg.Authorizer = tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return errors.New("no") })
	cfg.ReconcileEvery = 0
	e, err := New(cfg)
	require.NoError(t, err)
	_, err = e.LastReconcile(t.Context(), owner, org)
	require.Error(t, err)
	require.NotErrorIs(t, err, store.ErrNotFound)
}

// noDomains proves nothing.
type noDomains struct{ tenant.DomainValidator }
