package drivertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/storetest"
	"github.com/tenantgate/tenantgate/tenant"
)

var owner = tenant.Actor{Kind: tenant.ActorOwner, ID: "owner"}

type org string

func (o org) TenantID() string   { return string(o) }
func (o org) TenantName() string { return string(o) }

// newTenants is a service on a store; what it needs of others is never asked here.
func newTenants(tb testing.TB, st store.Store) *tenant.Service {
	tb.Helper()
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: bytes.Repeat([]byte{7}, 32)}}})
	require.NoError(tb, err)
	dns, err := tenant.NewDNSValidator(tenant.DNSConfig{})
	require.NoError(tb, err)
	svc, err := tenant.New(tenant.Config{
		Store: st, Keyring: ring, DomainValidator: dns, Now: func() time.Time { return at },
		Tenants:    tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) { return org(id), nil }),
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{}, errors.New("not asked")
		}),
	})
	require.NoError(tb, err)
	return svc
}

// people fills a tenant with n people who came in different ways.
func people(tb testing.TB, st store.Store, n int) {
	tb.Helper()
	ctx := tb.Context()
	meta := func(kind string, i int) store.Meta {
		return store.Meta{ID: fmt.Sprintf("%s%06d", kind, i), CreatedAt: at, UpdatedAt: at}
	}
	person := func(tx store.Store, i int) error {
		email := fmt.Sprintf("User%d@Example.com", i)
		a := store.Account{Meta: meta("a", i), Source: store.SourceOIDC, Active: i%7 != 0, Email: email}
		if i%3 != 0 {
			u := store.SCIMUser{Meta: meta("s", i), UserName: email, ExternalID: fmt.Sprint(i), Active: i%7 != 0, Body: fmt.Appendf(nil, `{"displayName":"Größe %d"}`, i%100)}
			if _, err := tx.CreateSCIMUser(ctx, acme, u, event("created", u.ID)); err != nil {
				return err
			}
			a.Source, a.SCIMUserID = store.SourceSCIM, u.ID
		}
		if i%10 != 1 { // others are provisioned without an account, or linked without a record
			if _, err := tx.CreateAccount(ctx, acme, a); err != nil {
				return err
			}
		}
		if i%2 == 0 || i%30 == 21 {
			link := store.Identity{Meta: meta("i", i), ConnectionID: "c", Issuer: "https://idp.example", Subject: fmt.Sprint(i), AccountID: a.ID, Email: email, LastSignInAt: at}
			if _, err := tx.CreateIdentity(ctx, acme, link); err != nil {
				return err
			}
		}
		return nil
	}
	for from := 0; from < n; from += 1000 {
		require.NoError(tb, st.InTx(ctx, func(tx store.Store) error {
			for i := from; i < min(from+1000, n); i++ {
				if err := person(tx, i); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func walkPeople(tb testing.TB, svc *tenant.Service, q tenant.UserQuery) []tenant.AssociatedUser {
	tb.Helper()
	var all []tenant.AssociatedUser
	for {
		page, err := svc.AssociatedUsers(tb.Context(), owner, acme, q)
		require.NoError(tb, err)
		all = append(all, page.Users...)
		if page.Next == "" {
			return all
		}
		q.After = page.Next
	}
}

// TestAssociatedUsers wants the same people, in the same order, of every store.
func TestAssociatedUsers(t *testing.T) {
	queries := []tenant.UserQuery{
		{Limit: 1000},
		{Limit: 7},
		{Source: store.SourceSCIM},
		{State: tenant.UserSuspended, Limit: 3},
		{State: tenant.UserPending},
		{Search: "user12"},
		{Search: "GRÖẞE 1"},
		{Search: "größe 1"},
		{ConnectionID: "c", Limit: 20},
	}
	var want [][]tenant.AssociatedUser
	check := func(name string, open func(t *testing.T) store.Store) {
		t.Run(name, func(t *testing.T) {
			st := open(t)
			people(t, st, 200)
			svc := newTenants(t, st)
			var got [][]tenant.AssociatedUser
			for _, q := range queries {
				got = append(got, walkPeople(t, svc, q))
			}
			require.Len(t, got[0], 200)
			require.Equal(t, got[0], got[1], "whatever the size of a page")
			if want == nil {
				want = got
			}
			require.Equal(t, want, got, "the same as in the first store")
			counts, err := svc.CountAssociatedUsers(t.Context(), owner, acme)
			require.NoError(t, err)
			require.Equal(t, len(got[0]), counts.Total)

			least := walkPeople(t, newTenants(t, storetest.Bare(st)), tenant.UserQuery{})
			linked := 0
			for _, u := range got[0] {
				if u.AccountID != "" && u.SCIMUserID == "" && u.Sources[0] == store.SourceManual {
					linked++
				}
			}
			require.Equal(t, got[0][:len(got[0])-linked], least, "without its optional interfaces, all but those who have nothing but a link")
		})
	}
	check("memory", func(t *testing.T) store.Store { return newMemory(t) })
	for _, b := range backends() {
		check(b.name, func(t *testing.T) store.Store { return b.store(t, b.open(t)) })
	}
}

// BenchmarkAssociatedUsers reads a page in the midst of tenants of two sizes: it costs the same.
func BenchmarkAssociatedUsers(b *testing.B) {
	for _, back := range backends() {
		for _, n := range []int{100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", back.name, n), func(b *testing.B) {
				db := back.open(b)
				st := back.store(b, db)
				people(b, st, n)
				_, err := db.ExecContext(b.Context(), "analyze") // as servers do by themselves within a minute
				require.NoError(b, err)
				svc := newTenants(b, st)
				first, err := svc.AssociatedUsers(b.Context(), owner, acme, tenant.UserQuery{Limit: min(n/3, store.MaxLimit)})
				require.NoError(b, err)
				q := tenant.UserQuery{After: first.Next}
				b.ReportAllocs()
				b.ResetTimer()
				for b.Loop() {
					if page, err := svc.AssociatedUsers(b.Context(), owner, acme, q); err != nil || len(page.Users) != tenant.UsersLimit {
						b.Fatal(len(page.Users), err)
					}
				}
			})
		}
	}
}
