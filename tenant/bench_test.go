package tenant

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/tenant/internal/tenantbench"
)

// BenchmarkFindTenant is the cost of a look-up among 100 to 100,000 tenants on the memory store; tenant/internal/sqltest has
// it for the others. "address" asks the store, "address remembered" what RealmsOf remembers of a thousand domains, and
// "base URL" asks nobody: the tenant's ID is in the address.
func BenchmarkFindTenant(b *testing.B) {
	w := newWorld(b)
	key, err := newAPIKey(DefaultAPIKeyPrefix)
	require.NoError(b, err)
	cfg := w.cfg
	// No time has passed since nobody used anything, so that no use is noted: that is one write in a minute for each key.
	cfg.Now = func() time.Time { return time.Time{}.Add(time.Second) }
	s, err := New(cfg)
	require.NoError(b, err)
	is := func(got string, i int, err error) error {
		if err == nil && got != tenantbench.TenantID(i) {
			err = fmt.Errorf("found %q, expected %q", got, tenantbench.TenantID(i))
		}
		return err
	}
	tenantbench.Run(b, &tenantbench.Fleet{Store: w.store, Hash: s.cfg.Regions.hashToken(key.Reveal())}, []tenantbench.Lookup{
		{Name: "address", Find: func(ctx context.Context, i int) error {
			realm, err := FindRealm(ctx, w.store, tenantbench.Name(i, i%tenantbench.Domains))
			return is(realm.TenantID, i, err)
		}},
		{Name: "address remembered", Find: func(ctx context.Context, i int) error {
			realm, err := s.RealmOf(ctx, tenantbench.Email(i, i%tenantbench.Domains))
			return is(realm.TenantID, i, err)
		}},
		{Name: "key", Find: func(ctx context.Context, i int) error {
			p, err := s.AuthenticateAPIKey(ctx, tenantbench.TenantID(i), key.Reveal())
			return is(p.TenantID, i, err)
		}},
		{Name: "base URL", Find: func(_ context.Context, i int) error {
			if url := s.SCIMBaseURL(tenantbench.TenantID(i)); url != s.cfg.SCIMBaseURL+"/"+tenantbench.TenantID(i) {
				return fmt.Errorf("base URL %s", url)
			}
			return nil
		}},
	})
}

func BenchmarkAuthenticateAPIKey(b *testing.B) {
	w := newWorld(b)
	w.active(b, "t1", acme())
	secret, _, err := w.CreateAPIKey(b.Context(), owner, "t1", NewAPIKey{Name: "a"})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.AuthenticateAPIKey(b.Context(), "t1", secret.Reveal()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKeyringOpen(b *testing.B) {
	ring, err := NewKeyring(KeyringConfig{Keys: []Key{{ID: "k", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	require.NoError(b, err)
	sealed, err := ring.Seal(bytes.Repeat([]byte{2}, 400), []byte("aad"))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Open(sealed, []byte("aad")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseDomains(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if names, _ := ParseDomains("acme.com, bücher.example, ops.acme.co.uk"); len(names) != 3 {
			b.Fatal(names)
		}
	}
}
