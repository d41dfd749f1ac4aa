package host_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestRemindersOnDatabases: with several replicas at work, and one whose process stops before
// it commits, each reminder is queued once.
func TestRemindersOnDatabases(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			d, now := open(t), time.Now()
			keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: []byte(strings.Repeat("k", 32))}}})
			require.NoError(t, err)
			queue := tenant.NotifierFunc(func(ctx context.Context, tx store.Store, n tenant.Notice) error {
				return tx.AppendEvents(ctx, n.TenantID, store.Event{ID: store.NewID(time.Now()), Type: "mail", Message: n.Before.String(), Actor: store.EventActor{Kind: "host"}})
			})
			service := func(n tenant.Notifier) *tenant.Service {
				s, err := tenant.New(tenant.Config{
					Store: d.st, Keyring: keys, Tenants: d.db, Authorizer: d.db, DomainValidator: tenant.StaffValidator{}, Notifier: n,
					ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
						return tenant.ProviderReport{}, nil
					}),
				})
				require.NoError(t, err)
				return s
			}
			for _, left := range []time.Duration{13 * 24 * time.Hour, time.Hour, -time.Hour, 100 * 24 * time.Hour} {
				_, err := d.st.CreateConnection(t.Context(), "acme", store.Connection{
					Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, State: store.ConnectionActive,
					SealedSecret: []byte("sealed"), SecretSetAt: store.Time(now), SecretExpiresAt: store.Time(now.Add(left)),
				})
				require.NoError(t, err)
			}
			// It ends in the middle of the transaction.
			dying, die := context.WithCancel(t.Context())
			_, err = service(tenant.NotifierFunc(func(ctx context.Context, tx store.Store, n tenant.Notice) error {
				err := queue(ctx, tx, n)
				die()
				return err
			})).RemindOfExpiry(dying)
			require.Error(t, err)

			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if _, err := service(queue).RemindOfExpiry(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			events, err := d.st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: "mail"})
			require.NoError(t, err)
			var got []string
			for _, e := range events {
				got = append(got, e.Message)
			}
			require.ElementsMatch(t, []string{"336h0m0s", "24h0m0s", "0s"}, got)
		})
	}
}
