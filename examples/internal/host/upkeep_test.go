package host_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const day = 24 * time.Hour

// deadStore is the store of a process that may be killed: whoever is dead hands nothing back.
type deadStore struct{ store.Store }

func (deadStore) ReleaseLease(context.Context, string, string, string) error { return nil }

// lostRecord finds that the record of every domain is gone.
type lostRecord struct{}

func (lostRecord) Validate(_ context.Context, c tenant.DomainClaim) (tenant.DomainProof, error) {
	f := tenant.Finding{Field: tenant.FieldDomains, Code: tenant.CodeDomainRecordMissing, Severity: tenant.SeverityError, Message: "No record at " + c.Name + "."}
	return tenant.DomainProof{Method: tenant.MethodDNS, Absent: true, Finding: f}, nil
}

// mails queues notices in the transaction of the record. Each notice meets, before it is taken, a process that is
// killed before the commit, a panic, and a queue that fails.
type mails struct {
	mu    sync.Mutex
	tries map[string]int
}

func (m *mails) notify(die func()) tenant.Notifier {
	return tenant.NotifierFunc(func(ctx context.Context, tx store.Store, n tenant.Notice) error {
		m.mu.Lock()
		m.tries[n.ID]++
		try := m.tries[n.ID]
		m.mu.Unlock()
		if err := tx.AppendEvents(ctx, n.TenantID, store.Event{
			ID: store.NewID(time.Now()), Type: "mail", Code: n.ID, Message: n.Kind, Actor: store.EventActor{Kind: "host"},
		}); err != nil {
			return err
		}
		switch try {
		case 1:
			die()
			return ctx.Err()
		case 2:
			panic("a bug of the host's")
		case 3:
			return errors.New("the queue is full")
		}
		return nil
	})
}

// TestUpkeepOnDatabases: three replicas do the background work of 45 days, and processes are killed at every notice. Each
// reminder of each kind is queued once.
func TestUpkeepOnDatabases(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			begin := store.Time(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
			var mu sync.Mutex
			now := begin
			clock := func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return now
			}
			keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: []byte(strings.Repeat("k", 32))}}})
			require.NoError(t, err)
			c, err := d.st.CreateConnection(t.Context(), "acme", store.Connection{
				Meta: store.Meta{ID: store.NewID(begin), CreatedAt: begin, UpdatedAt: begin}, State: store.ConnectionActive, Enforced: true,
				ActivatedAt: begin, SecretSetAt: begin, SecretExpiresAt: begin.Add(30 * day), BreakGlass: []string{"admin@acme.example"},
			})
			require.NoError(t, err)
			_, err = d.st.CreateDomain(t.Context(), "acme", store.Domain{
				Meta: store.Meta{ID: store.NewID(begin), CreatedAt: begin, UpdatedAt: begin}, ConnectionID: c.ID, Name: "acme.example",
				State: store.DomainVerified, Method: tenant.MethodDNS, Token: "token", CheckAt: begin,
			})
			require.NoError(t, err)

			queue := &mails{tries: map[string]int{}}
			replica := func() error {
				ctx, die := context.WithCancel(t.Context())
				defer die()
				s, err := tenant.New(tenant.Config{
					Store: deadStore{d.st}, Keyring: keys, Tenants: d.db, Authorizer: d.db, DomainValidator: lostRecord{}, Notifier: queue.notify(die), Now: clock,
					ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
						return tenant.ProviderReport{}, nil
					}),
					DomainChecks: tenant.DomainChecks{WithdrawAfter: 35 * day}, DrillAfter: 20 * day,
				})
				if err != nil {
					return err
				}
				r, err := tenant.NewRunner(tenant.RunnerConfig{Service: s, DrillRemindersEvery: time.Hour, ResealEvery: -1})
				if err != nil {
					return err
				}
				_ = r.RunOnce(ctx) // most fail; what counts is what is queued in the end
				return nil
			}
			// The secret is sealed by a service, as the reminder wants one that is there.
			c.SealedSecret, err = keys.Seal([]byte("secret"), tenant.FieldAAD("acme", c.ID, "client_secret"))
			require.NoError(t, err)
			_, err = d.st.UpdateConnection(t.Context(), "acme", c)
			require.NoError(t, err)

			for range 45 * 4 {
				mu.Lock()
				now = now.Add(6 * time.Hour)
				mu.Unlock()
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						if err := replica(); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
			}
			events, err := d.st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: "mail"})
			require.NoError(t, err)
			var kinds []string
			ids := map[string]bool{}
			for _, e := range events {
				kinds = append(kinds, e.Message)
				require.False(t, ids[e.Code], "%s was queued twice", e.Message)
				ids[e.Code] = true
			}
			require.ElementsMatch(t, []string{
				tenant.NoticeSecretExpires, tenant.NoticeSecretExpires, tenant.NoticeSecretExpires, tenant.NoticeSecretExpires, tenant.NoticeSecretExpired,
				tenant.NoticeDomainMissing, tenant.NoticeDomainMissing, tenant.NoticeDomainMissing, tenant.NoticeDomainWithdrawn,
				tenant.NoticeBreakGlassLost, tenant.NoticeBreakGlassDrill, tenant.NoticeBreakGlassDrill,
			}, kinds)
			for id, n := range queue.tries {
				require.GreaterOrEqual(t, n, 4, "notice %s met each failure", id)
			}
		})
	}
}
