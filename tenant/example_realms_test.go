package tenant_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// A login page asks where somebody signs in as soon as the address is typed, so that the answers are remembered: here of a
// hundred thousand domains, for ten seconds.
func ExampleService_RealmsOf() {
	ctx, at := context.Background(), time.Now()
	st := memory.New()
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "2026-11", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	dns, err := tenant.NewDNSValidator(tenant.DNSConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	svc, err := tenant.New(tenant.Config{
		Store: st, Keyring: keys, DomainValidator: dns,
		Tenants: tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) { return organisation{id, "Acme"}, nil }),
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error {
			return tenant.ErrForbidden
		}),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{}, errors.New("package oidc has the real one")
		}),
		RealmCache: tenant.RealmCache{Entries: 100_000, MaxAge: 10 * time.Second},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// What an owner and the host's staff set up.
	meta := store.Meta{ID: "1", CreatedAt: at, UpdatedAt: at}
	_, err = st.CreateConnection(ctx, "org-1", store.Connection{Meta: meta, State: store.ConnectionActive})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = st.CreateDomain(ctx, "org-1", store.Domain{Meta: meta, ConnectionID: "1", Name: "acme.com", State: store.DomainVerified})
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, email := range []string{"ada@acme.com", "grace@globex.com"} {
		realms, err := svc.RealmsOf(ctx, email)
		if errors.Is(err, store.ErrNotFound) {
			fmt.Println(email, "has a password")
			continue
		}
		fmt.Println(email, "signs in with", realms[0].TenantID, err)
	}
	// Output:
	// ada@acme.com signs in with org-1 <nil>
	// grace@globex.com has a password
}
