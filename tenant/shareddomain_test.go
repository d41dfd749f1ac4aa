package tenant

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// twoConnections gives a tenant two active connections that serve the same domains.
func (w *world) twoConnections(t *testing.T) (first, second Connection) {
	t.Helper()
	first = w.active(t, "t1", acme())
	d := acme()
	d.Name, d.Authority, d.ClientID = "Second login", "https://second.acme.com", "client-2"
	w.report.Issuer = "https://second.acme.com"
	return first, w.active(t, "t1", d)
}

func (w *world) realms(t *testing.T, email string) []string {
	t.Helper()
	realms, err := w.RealmsOf(t.Context(), email)
	require.NoError(t, err)
	var ids []string
	for _, r := range realms {
		require.Equal(t, "t1", r.TenantID)
		ids = append(ids, r.ConnectionID)
	}
	return ids
}

func (w *world) domainNamed(t *testing.T, name string) store.Domain {
	t.Helper()
	all, err := w.store.Domains(t.Context(), "t1")
	require.NoError(t, err)
	for _, d := range all {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no domain %s", name)
	return store.Domain{}
}

// TestR78SeveralConnectionsOfOneDomain: the tenant's connections share its domains, in the order that the owner chose,
// and only those that are active count.
func TestR78SeveralConnectionsOfOneDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	first, second := w.twoConnections(t)
	require.Equal(t, []string{first.ID, second.ID}, w.realms(t, "a@ACME.com"))
	all, err := w.store.Domains(ctx, "t1")
	require.NoError(t, err)
	require.Len(t, all, 2, "a name is one record, however many connections it has")
	require.Len(t, second.Domains, 2)

	// The order is the owner's own.
	d := w.domainNamed(t, "acme.com")
	d, err = w.SetDomainConnections(ctx, owner, "t1", d.ID, d.Version, second.ID, first.ID, second.ID)
	require.NoError(t, err)
	require.Equal(t, []string{second.ID, first.ID}, w.realms(t, "a@acme.com"))
	realm, err := w.RealmOf(ctx, "a@acme.com")
	require.NoError(t, err)
	require.Equal(t, second.ID, realm.ConnectionID)
	require.Equal(t, []string{first.ID, second.ID}, w.realms(t, "a@ops.example"))

	// Whether a connection serves a domain at all is not.
	w.refusedWith(t, "t1", ErrorCodeChangeNeedsReview, func() error {
		_, err := w.SetDomainConnections(ctx, owner, "t1", d.ID, d.Version, first.ID)
		return err
	})
	d, err = w.SetDomainConnections(ctx, staff, "t1", d.ID, d.Version, first.ID)
	require.NoError(t, err)
	require.Equal(t, []string{first.ID}, w.realms(t, "a@acme.com"))
	w.refusedWith(t, "t1", ErrorCodeChangeNeedsReview, func() error {
		_, err := w.SetDomainConnections(ctx, owner, "t1", d.ID, d.Version, first.ID, second.ID)
		return err
	})
	other := w.domainNamed(t, "ops.example")
	w.refusedWith(t, "t1", ErrorCodeState, func() error { // the second's last one
		_, err := w.SetDomainConnections(ctx, staff, "t1", other.ID, other.Version, first.ID)
		return err
	})
	w.refusedWith(t, "t1", ErrorCodeState, func() error { return w.RemoveDomain(ctx, staff, "t1", other.ID, other.Version) })
	w.refusedWith(t, "t1", CodeRequired, func() error {
		_, err := w.SetDomainConnections(ctx, staff, "t1", other.ID, other.Version)
		return err
	})
	w.refusedWith(t, "t1", ErrorCodeStale, func() error {
		_, err := w.SetDomainConnections(ctx, staff, "t1", other.ID, other.Edited-1, first.ID, second.ID)
		return err
	})
	foreign := w.draft(t, "t2", Draft{Domains: []string{"other.example"}})
	w.refusedWith(t, "t1", "not_found", func() error {
		_, err := w.SetDomainConnections(ctx, staff, "t1", other.ID, other.Version, first.ID, second.ID, foreign.ID)
		return err
	})

	// A connection that is off leaves the others.
	first, err = w.Suspend(ctx, staff, "t1", first.ID, first.Version, "test")
	require.NoError(t, err)
	require.Equal(t, []string{second.ID}, w.realms(t, "a@ops.example"))
	_, err = w.RealmsOf(ctx, "a@acme.com")
	require.ErrorIs(t, err, store.ErrNotFound)

	// One that is deleted leaves its domains to the others, with their proof.
	require.NoError(t, w.Delete(ctx, owner, "t1", first.ID, first.Version))
	kept := w.domainNamed(t, "ops.example")
	require.Equal(t, []string{second.ID}, kept.Connections())
	require.Equal(t, store.DomainVerified, kept.State)
	all, err = w.store.Domains(ctx, "t1")
	require.NoError(t, err)
	require.Len(t, all, 1)
}

// TestEnforcedDomainHasNoWayAround: one enforced connection of a domain enforces it.
func TestEnforcedDomainHasNoWayAround(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, second := w.twoConnections(t)
	_, err := w.SetEnforced(t.Context(), owner, "t1", second.ID, second.Version, Activation{Enforced: true})
	require.NoError(t, err)
	realm, err := w.RealmOf(t.Context(), "a@acme.com")
	require.NoError(t, err)
	require.NotEqual(t, second.ID, realm.ConnectionID)
	require.True(t, realm.Enforced)
}

// TestDomainConnections: a record from before there could be several is as it was.
func TestDomainConnections(t *testing.T) {
	t.Parallel()
	old := store.Domain{ConnectionID: "a"}
	require.Equal(t, []string{"a"}, old.Connections())
	require.True(t, old.ServedBy("a"))
	require.False(t, old.ServedBy("b"))
	require.Empty(t, store.Domain{}.Connections())
	d := store.Domain{ConnectionID: "a", OtherConnections: []string{"b", "c"}}
	require.Equal(t, []string{"a", "b", "c"}, d.Connections())
	require.True(t, d.ServedBy("c"))

	w := newWorld(t)
	c := w.draft(t, "t1", acme())
	name := "acme.com"
	for range MaxDomainConnections - 1 {
		w.draft(t, "t1", Draft{Domains: []string{name}})
	}
	w.refusedWith(t, "t1", CodeTooMany, func() error {
		_, _, err := w.CreateDraft(t.Context(), owner, "t1", Draft{Domains: []string{name}})
		return err
	})
	// A draft that gives the name up leaves it to the others.
	_, _, err := w.SaveDraft(t.Context(), owner, "t1", c.ID, c.Version, Draft{})
	require.NoError(t, err)
	require.Len(t, w.domainNamed(t, name).Connections(), MaxDomainConnections-1)
	require.NotContains(t, w.domainNamed(t, name).Connections(), c.ID)
}

// TestD5ExactNameFirst: the address's own domain decides before one above it, and one above only where it was opened.
func TestD5ExactNameFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	d := acme()
	d.Domains, d.BreakGlass = []string{"acme.com"}, nil
	above := w.active(t, "t1", d)
	d.Domains, d.Authority = []string{"dev.acme.com"}, "https://dev.acme.com"
	w.report.Issuer = "https://dev.acme.com"
	below := w.active(t, "t1", d)

	require.Equal(t, []string{below.ID}, w.realms(t, "a@dev.acme.com"))
	_, err := w.RealmsOf(ctx, "a@x.dev.acme.com")
	require.ErrorIs(t, err, store.ErrNotFound, "opt-in for each domain")
	open := func(name string, yes bool) {
		d := w.domainNamed(t, name)
		_, err := w.SetSubdomains(ctx, staff, "t1", d.ID, d.Version, yes)
		require.NoError(t, err)
	}
	open("acme.com", true)
	require.Equal(t, []string{below.ID}, w.realms(t, "a@dev.acme.com"), "exact match first")
	require.Equal(t, []string{above.ID}, w.realms(t, "a@x.dev.acme.com"))
	require.Equal(t, []string{above.ID}, w.realms(t, "a@ops.acme.com"))
	open("dev.acme.com", true)
	require.Equal(t, []string{below.ID}, w.realms(t, "a@x.dev.acme.com"), "the nearest that is open")
	open("acme.com", false)
	_, err = w.RealmsOf(ctx, "a@ops.acme.com")
	require.ErrorIs(t, err, store.ErrNotFound)

	// Its own connection is off: the tenant's one above takes its people, where it is open.
	_, err = w.Suspend(ctx, staff, "t1", below.ID, below.Version, "test")
	require.NoError(t, err)
	_, err = w.RealmsOf(ctx, "a@dev.acme.com")
	require.ErrorIs(t, err, store.ErrNotFound)
	open("acme.com", true)
	require.Equal(t, []string{above.ID}, w.realms(t, "a@dev.acme.com"))

	// Break-glass addresses may be below a domain that is not open (D5).
	_, findings := ParseBreakGlass([]string{"acme.com"}, "admin@ops.acme.com")
	require.Empty(t, findings)
}
