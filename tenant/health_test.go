package tenant

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// TestDegradedTableIsDocumented keeps the table in the documentation that of the data.
func TestDegradedTableIsDocumented(t *testing.T) {
	source, err := os.ReadFile("degraded.go")
	require.NoError(t, err)
	var want strings.Builder
	for line := range strings.Lines(DegradedTable()) {
		want.WriteString("//\t" + line)
	}
	require.Contains(t, string(source), want.String(), "put this into the comment of DegradedModes:\n"+want.String())
	for _, m := range DegradedModes() {
		require.NotEmpty(t, m.When)
		require.Len(t, m.Does, len(Operations()))
		for op, b := range m.Does {
			require.Equal(t, b.Status == 0, b.Code == "", "%s, %s", m.Mode, op)
		}
		if m.Mode != ModeStoreReadOnly {
			require.True(t, m.Does[OpDeactivate].Works() && m.Does[OpDeleteUser].Works(), "deprovisioning always works")
			require.True(t, m.Does[OpBreakGlass].Works())
		}
		require.True(t, m.Does[OpReadConfig].Works() && m.Does[OpHealth].Works())
	}
}

func (w *world) health(t testing.TB) Health {
	t.Helper()
	h, err := w.Health(t.Context(), owner, "t1")
	require.NoError(t, err)
	for _, c := range h.Conditions {
		require.NotEmpty(t, c.Message)
		require.NotEmpty(t, c.Action)
	}
	return h
}

// healthy is a world with an active connection, whose plan and store can be made to fail.
func healthy(t *testing.T, change ...func(*Config)) (w *world, c Connection, planErr *error, readOnly *bool) {
	t.Helper()
	planErr, readOnly = new(error), new(bool)
	w = newWorld(t, append([]func(*Config){func(c *Config) {
		c.Store = storetest.ReadOnly(c.Store, func() bool { return *readOnly })
		c.Entitlements = EntitlementsFunc(func(context.Context, string) (Included, error) { return w.plan, *planErr })
	}}, change...)...)
	return w, w.active(t, "t1", acme()), planErr, readOnly
}

func TestHealth(t *testing.T) {
	only := func(t *testing.T, w *world, m Mode, since time.Time) Condition {
		t.Helper()
		h := w.health(t)
		require.Len(t, h.Conditions, 1)
		require.True(t, h.Has(m))
		require.Equal(t, since, h.Conditions[0].Since)
		return h.Conditions[0]
	}
	t.Run("in order", func(t *testing.T) {
		w, _, _, _ := healthy(t)
		require.Equal(t, Health{}, w.health(t))
		_, err := w.Health(t.Context(), stranger, "t1")
		require.ErrorIs(t, err, ErrForbidden)
		_, err = w.Health(t.Context(), staff, "t1")
		require.NoError(t, err)
		h, err := w.Health(t.Context(), owner, "nobody")
		require.NoError(t, err)
		require.Empty(t, h)
	})
	t.Run("plan lapsed", func(t *testing.T) {
		var told []Notice
		w, _, _, _ := healthy(t, func(c *Config) {
			c.Notifier = NotifierFunc(func(_ context.Context, _ store.Store, n Notice) error {
				if n.Kind == NoticePlanLapsed {
					told = append(told, n)
				}
				return nil
			})
		})
		w.plan = Included{}
		began := w.clock()
		c := only(t, w, ModePlanLapsed, began)
		require.Contains(t, c.Message, "until 24 December 2026")
		w.pass(3 * day)
		only(t, w, ModePlanLapsed, began)
		h := w.health(t)
		require.True(t, h.ReadOnly)
		require.Equal(t, c.Message, h.Banner)
		require.Len(t, told, 1, "once")
		require.Equal(t, began.Add(DefaultPlanGrace), told[0].ExpiresAt)

		existing, first := w.SignInGate(t.Context(), "t1")
		require.NoError(t, existing)
		require.Equal(t, ErrorCodePlanRequired, CodeOf(first))
		w.pass(27 * day)
		existing, first = w.SignInGate(t.Context(), "t1")
		require.Equal(t, ErrorCodePlanRequired, CodeOf(existing))
		require.Equal(t, ErrorCodePlanRequired, CodeOf(first))
		w.plan = Included{SSO: true, SCIM: true}
		existing, first = w.SignInGate(t.Context(), "t1")
		require.NoError(t, existing)
		require.NoError(t, first)
		require.Equal(t, Health{}, w.health(t))
		types := w.events(t, "t1", 0)
		require.Equal(t, []string{"tenant.plan_lapsed", "tenant.plan_renewed"}, types[len(types)-2:])
	})
	t.Run("without an end", func(t *testing.T) {
		w, _, _, _ := healthy(t, func(c *Config) { c.PlanGrace = -1 })
		w.plan = Included{}
		_, first := w.SignInGate(t.Context(), "t1")
		require.Error(t, first)
		w.pass(1000 * day)
		existing, _ := w.SignInGate(t.Context(), "t1")
		require.NoError(t, existing)
	})
	t.Run("SCIM alone", func(t *testing.T) {
		w, _, _, _ := healthy(t)
		w.plan = Included{SSO: true}
		c := only(t, w, ModePlanLapsed, w.clock())
		require.Equal(t, "scim", c.Code)
		require.False(t, w.health(t).ReadOnly, "sign-on can be changed")
	})
	t.Run("SCIM that it never had", func(t *testing.T) {
		w, _, _, _ := healthy(t)
		d := acme()
		d.Domains, d.BreakGlass, d.SCIM = []string{"beta.com"}, nil, store.SCIMPreferences{}
		w.plan = Included{SSO: true}
		w.active(t, "t2", d)
		_, first := w.SignInGate(t.Context(), "t2")
		require.NoError(t, first)
		h, err := w.Health(t.Context(), owner, "t2")
		require.NoError(t, err)
		require.Empty(t, h)
		require.NotContains(t, w.events(t, "t2", 0), "tenant.plan_lapsed")
	})
	t.Run("plan unknown", func(t *testing.T) {
		w, c, planErr, _ := healthy(t)
		*planErr = errors.New("billing is down")
		only(t, w, ModePlanUnknown, time.Time{})
		existing, first := w.SignInGate(t.Context(), "t1")
		require.NoError(t, existing)
		require.ErrorIs(t, first, ErrUnavailable)
		w.refusedWith(t, "t1", ErrorCodePlanUnknown, func() error {
			_, err := w.AddDomains(t.Context(), staff, "t1", c.ID, "more.example")
			return err
		})
		_, _, err := w.ReplaceSecret(t.Context(), owner, "t1", c.ID, c.Version, NewSecret("another-secret-9876543210"), time.Time{})
		require.NoError(t, err, "what keeps sign-in going is not held up")
	})
	t.Run("plan unknown, closed by choice", func(t *testing.T) {
		w, _, planErr, _ := healthy(t, func(c *Config) { c.ClosedWithoutPlan = true })
		*planErr = errors.New("billing is down")
		existing, _ := w.SignInGate(t.Context(), "t1")
		require.ErrorIs(t, existing, ErrUnavailable)
		require.Equal(t, ErrorCodePlanUnknown, CodeOf(existing))
	})
	t.Run("tenant suspended", func(t *testing.T) {
		w, _, _, _ := healthy(t)
		w.begin(t, Ending{Kind: EndingSuspend})
		h := w.health(t)
		require.True(t, h.Has(ModeTenantSuspended) && h.Has(ModeConnectionSuspended))
		require.True(t, h.ReadOnly)
		require.NotEmpty(t, h.Banner)
	})
	t.Run("connection suspended", func(t *testing.T) {
		w, c, _, _ := healthy(t)
		at := w.clock()
		_, err := w.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "why")
		require.NoError(t, err)
		w.pass(time.Hour)
		require.Equal(t, c.ID, only(t, w, ModeConnectionSuspended, at).ConnectionID)
	})
	t.Run("paused", func(t *testing.T) {
		w, _, _, _ := healthy(t)
		_, err := w.store.PutProvisioningSettings(t.Context(), "t1", store.ProvisioningSettings{Meta: store.Meta{UpdatedAt: w.clock()}, Paused: true})
		require.NoError(t, err)
		only(t, w, ModeProvisioningPaused, w.clock())
	})
	change := func(t *testing.T, w *world, id string, edit func(*store.Connection)) {
		t.Helper()
		c, err := w.store.Connection(t.Context(), "t1", id)
		require.NoError(t, err)
		edit(&c)
		_, err = w.store.UpdateConnection(t.Context(), "t1", c)
		require.NoError(t, err)
	}
	t.Run("secret expired", func(t *testing.T) {
		w, c, _, _ := healthy(t)
		at := w.clock()
		change(t, w, c.ID, func(c *store.Connection) { c.SecretExpiresAt = at.Add(time.Hour) })
		require.Empty(t, w.health(t).Conditions)
		w.pass(time.Hour)
		only(t, w, ModeSecretExpired, at.Add(time.Hour))
		change(t, w, c.ID, func(c *store.Connection) { c.FailingSince, c.FailingCode = at, "client_secret_expired" })
		require.Equal(t, "client_secret_expired", only(t, w, ModeSecretExpired, at).Code, "what the provider says is surer than a date")
	})
	t.Run("secret unreadable", func(t *testing.T) {
		w, c, _, _ := healthy(t)
		change(t, w, c.ID, func(c *store.Connection) { c.SealedSecret = []byte("of another key") })
		only(t, w, ModeSecretUnreadable, time.Time{})
	})
	t.Run("DNS drift", func(t *testing.T) {
		w, c, _, _ := healthy(t)
		d, err := w.store.Domain(t.Context(), "t1", c.Domains[0].ID)
		require.NoError(t, err)
		missing := errorFinding(FieldDomains, CodeDomainRecordMissing, "Publish it again.").result()
		d.MissingSince, d.Finding = w.clock(), &missing
		_, err = w.store.UpdateDomain(t.Context(), "t1", d)
		require.NoError(t, err)
		got := only(t, w, ModeDNSDrift, w.clock())
		require.Equal(t, d.Name, got.Domain)
		require.Equal(t, "Publish it again.", got.Action)
		require.Equal(t, CodeDomainRecordMissing, got.Code)
	})
	t.Run("provider down", func(t *testing.T) {
		w, c, _, _ := healthy(t)
		at := w.clock()
		change(t, w, c.ID, func(c *store.Connection) { c.DriftSince, c.DriftCode = at, CodeDiscoveryTimeout })
		only(t, w, ModeProviderDown, at)
	})
	t.Run("store read-only", func(t *testing.T) {
		w, _, _, readOnly := healthy(t)
		before := w.everything(t, "t1")
		*readOnly = true
		only(t, w, ModeStoreReadOnly, time.Time{})
		w.plan = Included{}
		h := w.health(t)
		require.True(t, h.Has(ModeStoreReadOnly) && h.Has(ModePlanLapsed), "what can't be noted is told all the same")
		existing, _ := w.SignInGate(t.Context(), "t1")
		require.NoError(t, existing)
		*readOnly = false
		require.Equal(t, before, w.everything(t, "t1"))
	})
}
