package tenant

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// TestEndingTellsWhatItMeans: each thing that an owner should know before a tenant's sign-on ends has a code.
func TestEndingTellsWhatItMeans(t *testing.T) {
	t.Parallel()
	w, h := endingWorld(t)
	w.populated(t, h, "t1", "acme.com", 2)
	delete(h.people, "t1-linked") // the host has no such account
	warnings := func(w *world, e Ending) []string { return codes(w.planned(t, e).Findings, SeverityWarning) }
	require.Equal(t, []string{CodePeopleLockedOut}, warnings(w, Ending{Kind: EndingSuspend}))
	require.Equal(t, []string{CodePeopleLockedOut, CodeDirectoryStops}, warnings(w, Ending{Kind: EndingRemove}))
	require.Equal(t, []string{CodePlanGoesOn}, warnings(w, Ending{Kind: EndingDowngrade}))
	require.Empty(t, warnings(w, Ending{Kind: EndingDowngrade, Left: Included{SSO: true, SCIM: true}}))

	// A host that does not tell who has a password: that is not "nobody has one".
	w, h = endingWorld(t, func(c *Config) { c.People = nil })
	w.populated(t, h, "t1", "acme.com", 2)
	require.Equal(t, []string{CodePeopleLockedOut, CodePeopleUnknown}, warnings(w, Ending{Kind: EndingSuspend}))

	empty, err := w.PlanEnding(t.Context(), owner, "t9", Ending{Kind: EndingRemove})
	require.NoError(t, err)
	require.True(t, empty.Ready())
	require.Equal(t, []string{CodeNothingToEnd}, codes(empty.Findings, SeverityOK))
}

// TestNoBreakGlassAddress: R46. An empty list is a warning when a request is made, and holds enforcement up until somebody
// says that it is meant.
func TestNoBreakGlassAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := acme()
	d.BreakGlass = nil
	c := w.draft(t, "t1", d)
	_, findings, err := w.Submit(t.Context(), owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Contains(t, codes(findings, SeverityWarning), CodeBreakGlassEmpty)

	c = w.active(t, "t2", Draft{Domains: []string{"beta.com"}, Authority: d.Authority, ClientID: d.ClientID, ClientSecret: d.ClientSecret})
	r, err := w.Enforcement(t.Context(), owner, "t2", c.ID)
	require.NoError(t, err)
	require.False(t, r.Ready())
	require.Contains(t, codes(r.Findings, SeverityError), CodeBreakGlassEmpty)
	enforce := func(confirm bool) func() error {
		return func() error {
			_, err := w.SetEnforced(t.Context(), owner, "t2", c.ID, c.Version, Activation{Enforced: true, Confirm: confirm})
			return err
		}
	}
	w.refusedWith(t, "t2", ErrorCodeConfirmationRequired, enforce(false))
	require.NoError(t, enforce(true)())
}

// TestStaffConfirmADomain: R33. With the staff as the only proof a domain waits for them, and no check proves it.
func TestStaffConfirmADomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.DomainValidator = StaffValidator{} })
	d := w.approved(t, "t1", acme()).Domains[0]
	got, err := w.CheckDomain(t.Context(), owner, "t1", d.ID)
	require.NoError(t, err)
	require.Equal(t, store.DomainPending, got.State)
	require.Equal(t, CodeDomainAwaitsStaff, got.Finding.Code)
	w.refusedWith(t, "t1", ErrorCodeForbidden, func() error {
		_, err := w.VerifyDomain(t.Context(), owner, "t1", got.ID, got.Version)
		return err
	})
	got, err = w.VerifyDomain(t.Context(), staff, "t1", got.ID, got.Version)
	require.NoError(t, err)
	require.Equal(t, store.DomainVerified, got.State)
	require.Equal(t, MethodStaff, got.Method)
}

// TestStoreRefuses: what the store can't do, or somebody else did first, has a code too.
func TestStoreRefuses(t *testing.T) {
	t.Parallel()
	readOnly := false
	w := newWorld(t, func(c *Config) { c.Store = storetest.ReadOnly(c.Store, func() bool { return readOnly }) })
	c := w.draft(t, "t1", acme())
	readOnly = true
	w.refusedWith(t, "t1", ErrorCodeUnavailable, func() error {
		_, _, err := w.Submit(t.Context(), owner, "t1", c.ID, c.Version)
		require.ErrorIs(t, err, store.ErrUnavailable)
		return err
	})

	w = newWorld(t, func(c *Config) { c.Store = taken{c.Store} })
	w.refusedWith(t, "t1", "conflict", func() error {
		_, _, err := w.CreateDraft(t.Context(), owner, "t1", acme())
		return err
	})
	w.refusedWith(t, "t1", "api_key_invalid", func() error {
		_, err := w.AuthenticateAPIKey(t.Context(), "t1", "tgk_nobodys")
		return err
	})
}

// taken is a store in which every new connection has the ID of another.
type taken struct{ store.Store }

func (s taken) InTx(ctx context.Context, fn func(store.Store) error) error {
	return s.Store.InTx(ctx, func(tx store.Store) error { return fn(taken{tx}) })
}

func (taken) CreateConnection(context.Context, string, store.Connection, ...store.Event) (store.Connection, error) {
	return store.Connection{}, fmt.Errorf("connection: %w", store.ErrConflict)
}
