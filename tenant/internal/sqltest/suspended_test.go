package sqltest

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

// pausing is a store whose next transaction, once it is ready to be committed, lets somebody else begin first.
type pausing struct {
	store.Store
	mu   sync.Mutex
	next func()
}

func (p *pausing) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return p.Store.InTx(ctx, func(tx store.Store) error {
		if err := fn(tx); err != nil {
			return err
		}
		p.mu.Lock()
		do := p.next
		p.next = nil
		p.mu.Unlock()
		if do != nil {
			do()
		}
		return nil
	})
}

// setUpService has a provider that passes every check.
func setUpService(t *testing.T, st store.Store) *tenant.Service {
	t.Helper()
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	require.NoError(t, err)
	s, err := tenant.New(tenant.Config{
		Store: st, Keyring: ring, SCIMBaseURL: scimBase, InsecureSkipTestSignIn: true, DomainValidator: proven{},
		Tenants:    tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) { return organisation(id), nil }),
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{Issuer: "https://login.acme.com", ClientAuth: tenant.ClientSecretBasic, SigningAlg: "RS256"}, nil
		}),
	})
	require.NoError(t, err)
	return s
}

// approved is an approved connection of the tenant with its domain proven.
func approved(t *testing.T, s *tenant.Service, tenantID string) tenant.Connection {
	t.Helper()
	ctx, staff := t.Context(), tenant.Actor{Kind: tenant.ActorStaff, ID: "s"}
	c, _, err := s.CreateDraft(ctx, owner, tenantID, tenant.Draft{
		Name: "Login", Domains: []string{tenantID + ".example"}, Authority: "https://login.acme.com", ClientID: "c",
		ClientSecret: tenant.NewSecret("a-secret-of-the-provider"), BreakGlass: []string{"admin@" + tenantID + ".example"},
	})
	require.NoError(t, err)
	c, _, err = s.Submit(ctx, owner, tenantID, c.ID, c.Version)
	require.NoError(t, err)
	c, _, err = s.Approve(ctx, staff, tenantID, c.ID, c.Version)
	require.NoError(t, err)
	_, err = s.CheckDomain(ctx, owner, tenantID, c.Domains[0].ID)
	require.NoError(t, err)
	c, err = s.Connection(ctx, owner, tenantID, c.ID)
	require.NoError(t, err)
	return c
}

// TestSuspensionMeetsActivation: of an activation and a suspension, or a removal, of the whole tenant in two transactions at
// once, whichever is committed last knows of the other (R50, U14): no connection is in force at a tenant that is not in
// service.
func TestSuspensionMeetsActivation(t *testing.T) {
	for driver, source := range map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string {
			return "file:" + t.TempDir() + "/store.db?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)"
		},
		"pgx": func(t *testing.T) string { return pgtest.Start(t).Schema(t) },
	} {
		t.Run(driver, func(t *testing.T) {
			from := source(t)
			first := &pausing{Store: openShared(t, driver, from)}
			replica, other := setUpService(t, first), setUpService(t, openShared(t, driver, from))
			for id, kind := range map[string]tenant.EndingKind{"suspended": tenant.EndingSuspend, "removed": tenant.EndingRemove} {
				suspend := func(s *tenant.Service, tenantID string) error {
					e := tenant.Ending{Kind: kind, Confirm: true, Unplanned: kind == tenant.EndingSuspend}
					var hash string
					if !e.Unplanned {
						p, err := s.PlanEnding(t.Context(), owner, tenantID, e)
						if err != nil {
							return err
						}
						hash = p.Hash
					}
					_, err := s.ApplyEnding(t.Context(), owner, tenantID, e, hash)
					return err
				}
				activate := func(s *tenant.Service, c tenant.Connection) error {
					_, err := s.Activate(t.Context(), owner, c.TenantID, c.ID, c.Version, tenant.Activation{})
					return err
				}
				// meet runs one call up to its commit, begins the other, and lets both end.
				meet := func(one, two func() error) (errOne, errTwo error) {
					done := make(chan error, 1)
					first.next = func() {
						go func() { done <- two() }()
						select {
						case err := <-done:
							done <- err
						case <-time.After(300 * time.Millisecond): // it waits for this one
						}
					}
					errOne = one()
					return errOne, <-done
				}
				state := func(c tenant.Connection) store.ConnectionState {
					got, err := other.Connection(t.Context(), owner, c.TenantID, c.ID)
					require.NoError(t, err)
					return got.State
				}
				t.Run(id+" while it is activated", func(t *testing.T) {
					c := approved(t, replica, id+"-1")
					activated, ended := meet(func() error { return activate(replica, c) }, func() error { return suspend(other, c.TenantID) })
					require.NoError(t, activated)
					if kind == tenant.EndingSuspend {
						require.NoError(t, ended, "an emergency needs no second call")
						require.Equal(t, store.ConnectionSuspended, state(c))
						return
					}
					require.ErrorIs(t, ended, store.ErrStale, "the plan did not know of it")
					require.Equal(t, store.ConnectionActive, state(c))
				})
				t.Run("activated while it is "+id, func(t *testing.T) {
					c := approved(t, replica, id+"-2")
					ended, activated := meet(func() error { return suspend(replica, c.TenantID) }, func() error { return activate(other, c) })
					require.NoError(t, ended)
					want := map[tenant.EndingKind]string{tenant.EndingSuspend: tenant.ErrorCodeTenantSuspended, tenant.EndingRemove: tenant.ErrorCodeTenantRemoved}
					require.Equal(t, want[kind], tenant.CodeOf(activated), "%v", activated)
					require.Equal(t, store.ConnectionApproved, state(c))
				})
			}
		})
	}
}
