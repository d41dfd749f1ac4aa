package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestFieldsOnDatabases: phone numbers are changed and confirmed at several replicas at once, while the directory writes the
// same person, in the transactions of a database that host and library share.
func TestFieldsOnDatabases(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			p := newPlans(t, open(t))
			var mu sync.Mutex
			var sent []provisioning.CodeMessage
			cfg := provisioning.FieldsConfig{
				Store: p.d.st, Target: host.Target{DB: p.d.db}, Now: p.clock,
				Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
				Sender: provisioning.CodeSenderFunc(func(_ context.Context, m provisioning.CodeMessage) error {
					mu.Lock()
					defer mu.Unlock()
					sent = append(sent, m)
					return nil
				}),
			}
			replicas := make([]*provisioning.Fields, 2)
			for i := range replicas {
				var err error
				replicas[i], err = provisioning.NewFields(cfg)
				require.NoError(t, err)
			}
			var err error
			p.e, err = provisioning.New(provisioning.Config{
				Store: p.d.st, Target: host.Target{DB: p.d.db}, OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles(), Now: p.clock,
				Authorizer: cfg.Authorizer, Fields: replicas[0],
			})
			require.NoError(t, err)
			dirs, err := p.d.st.Directories(t.Context(), "acme")
			require.NoError(t, err)
			dirs[0].Preferences = store.SCIMPreferences{PhoneEditable: true}
			_, err = p.d.st.UpdateDirectory(t.Context(), "acme", dirs[0])
			require.NoError(t, err)
			p.user("ada")
			p.sync()
			rec, err := p.d.st.AccountOfSCIMUser(t.Context(), "acme", p.users["ada"])
			require.NoError(t, err)
			self := tenant.Actor{Kind: tenant.ActorUser, ID: rec.ID}

			_, err = replicas[1].Set(t.Context(), self, "acme", rec.ID, tenant.FieldPhone, "+49 30 111111")
			require.NoError(t, err)
			atOnce := func(code string) map[string]int {
				var wg sync.WaitGroup
				var mu sync.Mutex
				got := map[string]int{}
				for i := range 12 {
					wg.Go(func() {
						_, err := replicas[i%2].Confirm(t.Context(), self, "acme", rec.ID, tenant.FieldPhone, code)
						key := "ok"
						if r, ok := errors.AsType[*provisioning.FieldRefusal](err); ok {
							key = r.Code
						} else if err != nil {
							key = err.Error()
						}
						mu.Lock()
						defer mu.Unlock()
						got[key]++
					})
				}
				wg.Wait()
				return got
			}
			wrong := "000000"
			if sent[0].Code.Reveal() == wrong {
				wrong = "000001"
			}
			require.Equal(t, map[string]int{provisioning.CodeCodeWrong: 5, provisioning.CodeTooManyAttempts: 7}, atOnce(wrong))

			p.later(time.Minute)
			_, err = replicas[0].SendCode(t.Context(), self, "acme", rec.ID, tenant.FieldPhone)
			require.NoError(t, err)
			require.Equal(t, map[string]int{"ok": 12}, atOnce(sent[1].Code.Reveal()))
			u, err := p.d.db.User(t.Context(), nil, "acme", rec.ID)
			require.NoError(t, err)
			require.Equal(t, "+4930111111", u.Phone)
			confirmed, err := p.d.st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: provisioning.EventFieldConfirmed})
			require.NoError(t, err)
			require.Len(t, confirmed, 1)

			// The person and the directory at once: whatever comes last, host and record say the same.
			dir, err := p.d.st.Directory(t.Context(), "acme", dirs[0].ID)
			require.NoError(t, err)
			dir.Preferences.PhoneUnconfirmed = true
			_, err = p.d.st.UpdateDirectory(t.Context(), "acme", dir)
			require.NoError(t, err)
			for i := range 5 {
				p.phone("ada", fmt.Sprintf("+49 30 22222%d", i))
				var wg sync.WaitGroup
				wg.Go(func() {
					_, err := p.e.Sync(t.Context(), "acme")
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Errorf("sync: %v", err)
					}
				})
				wg.Go(func() {
					_, err := replicas[1].Set(t.Context(), self, "acme", rec.ID, tenant.FieldPhone, fmt.Sprintf("+49 30 33333%d", i))
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Errorf("set: %v", err)
					}
				})
				wg.Wait()
				p.sync()
				list, err := replicas[0].Values(t.Context(), self, "acme", rec.ID)
				require.NoError(t, err)
				u, err := p.d.db.User(t.Context(), nil, "acme", rec.ID)
				require.NoError(t, err)
				require.Equal(t, list[0].Value, u.Phone)
				require.Equal(t, fmt.Sprintf("+493033333%d", i), list[0].Value, "the person's change was later than the directory's write")
			}
		})
	}
}

// phone writes a user's number as a directory does.
func (p *plans) phone(name, number string) {
	u, err := p.d.st.SCIMUser(p.Context(), "acme", p.users[name])
	require.NoError(p, err)
	var body map[string]any
	require.NoError(p, json.Unmarshal(u.Body, &body))
	body["phoneNumbers"] = []map[string]any{{"value": number, "type": "mobile"}}
	u.Body, err = json.Marshal(body)
	require.NoError(p, err)
	u.UpdatedAt = p.clock()
	_, err = p.d.st.UpdateSCIMUser(p.Context(), "acme", u, p.event("scim.user.updated", "scim_user", u.ID))
	require.NoError(p, err)
}
