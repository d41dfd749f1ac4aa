package host_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestLiftedFieldsOnDatabases: an owner lifts locks, the product's own pages and the owner change fields while the
// directory writes and reconciles, and what the directory says comes back when the override ends, by hand or by itself, on
// databases that product and library share.
func TestLiftedFieldsOnDatabases(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			p := newPlans(t, open(t))
			allow := tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil })
			fields, err := provisioning.NewFields(provisioning.FieldsConfig{
				Store: p.d.st, Target: host.Target{DB: p.d.db}, Now: p.clock, Authorizer: allow,
				Sender: provisioning.CodeSenderFunc(func(context.Context, provisioning.CodeMessage) error { return nil }),
				Fields: []provisioning.Field{{Name: "displayName"}, {Name: "title"}},
			})
			require.NoError(t, err)
			p.e, err = provisioning.New(provisioning.Config{
				Store: p.d.st, Target: host.Target{DB: p.d.db}, OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles(), Now: p.clock,
				Authorizer: allow, Fields: fields,
			})
			require.NoError(t, err)
			dirs, err := p.d.st.Directories(t.Context(), "acme")
			require.NoError(t, err)
			dirs[0].Preferences = store.SCIMPreferences{PhoneUnconfirmed: true}
			_, err = p.d.st.UpdateDirectory(t.Context(), "acme", dirs[0])
			require.NoError(t, err)
			p.user("ada")
			p.says("ada", "Ada", "Analyst", "+49 30 111111")
			p.sync()
			rec, err := p.d.st.AccountOfSCIMUser(t.Context(), "acme", p.users["ada"])
			require.NoError(t, err)
			has := func() []string {
				u, err := p.d.db.User(t.Context(), nil, "acme", rec.ID)
				require.NoError(t, err)
				title, err := p.d.db.UserField(t.Context(), nil, "acme", rec.ID, "title")
				require.NoError(t, err)
				return []string{u.Name, title, u.Phone}
			}
			require.Equal(t, []string{"Ada", "Analyst", "+4930111111"}, has())

			locks, err := provisioning.NewLocks(provisioning.LocksConfig{Store: p.d.st, Authorizer: allow, Now: p.clock, Fields: []string{"displayName", "title"}})
			require.NoError(t, err)
			user := provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: rec.ID}
			lift := func() (ids []string) {
				for _, field := range []string{"displayName", "title", "phone"} {
					o, err := locks.Override(t.Context(), p.owner, "acme", provisioning.OverrideRequest{Resource: user, Field: field, Reason: "a move", Until: p.clock().Add(time.Hour)})
					require.NoError(t, err)
					ids = append(ids, o.ID)
				}
				return ids
			}
			everything := func() {
				p.sync()
				_, err := fields.Settle(t.Context(), "acme")
				require.NoError(t, err)
				_, err = p.e.Reconcile(t.Context(), "acme")
				require.NoError(t, err)
			}
			// byHand is what the product's own pages write.
			byHand := func() {
				require.NoError(t, p.d.st.InTx(t.Context(), func(tx store.Store) error {
					if err := locks.RequireTx(t.Context(), tx, "acme", provisioning.Change{Resource: user, Field: "title", Op: provisioning.OpUpdate}); err != nil {
						return err
					}
					u, err := p.d.db.User(t.Context(), tx, "acme", rec.ID)
					if err != nil {
						return err
					}
					u.Name, u.Phone = "by hand", "030 9"
					if err := p.d.db.UpdateUser(t.Context(), tx, u); err != nil {
						return err
					}
					return p.d.db.PutUserField(t.Context(), tx, "acme", rec.ID, "title", "by hand")
				}))
			}

			ids := lift()
			byHand()
			p.says("ada", "Ada", "Head", "+49 30 222222")
			everything()
			require.Equal(t, []string{"by hand", "by hand", "030 9"}, has())
			for field, value := range map[string]string{"displayName": "Ada L.", tenant.FieldPhone: "+49 30 333333"} {
				v, err := fields.Set(t.Context(), p.owner, "acme", rec.ID, field, value)
				require.NoError(t, err)
				require.NotNil(t, v.Lifted)
			}
			everything()
			require.Equal(t, []string{"Ada L.", "by hand", "+4930333333"}, has())
			for _, id := range ids {
				require.NoError(t, locks.RevokeOverride(t.Context(), p.owner, "acme", id))
			}
			p.sync()
			require.Equal(t, []string{"Ada", "Head", "+4930222222"}, has(), "the directory's again")

			lift()
			byHand()
			p.later(2 * time.Hour)
			_, err = p.e.Reconcile(t.Context(), "acme")
			require.NoError(t, err)
			require.Equal(t, []string{"Ada", "Head", "+4930222222"}, has(), "over by itself, and the directory had said nothing new")
		})
	}
}

// says writes a user's fields as a directory does.
func (p *plans) says(name, displayName, title, phone string) {
	u, err := p.d.st.SCIMUser(p.Context(), "acme", p.users[name])
	require.NoError(p, err)
	var body map[string]any
	require.NoError(p, json.Unmarshal(u.Body, &body))
	body["displayName"], body["title"] = displayName, title
	body["phoneNumbers"] = []map[string]any{{"value": phone, "type": "mobile"}}
	u.Body, err = json.Marshal(body)
	require.NoError(p, err)
	u.UpdatedAt = p.clock()
	_, err = p.d.st.UpdateSCIMUser(p.Context(), "acme", u, p.event("scim.user.updated", "scim_user", u.ID))
	require.NoError(p, err)
}
