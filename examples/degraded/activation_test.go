package degraded

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// signedIn signs somebody in with a password a while ago, and returns the browser's request.
func (w *world) signedIn(userID string) *http.Request {
	w.t.Helper()
	rec, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	require.NoError(w.t, w.db.StartSession(w.t.Context(), nil, rec, r, host.Session{UserID: userID, OrgID: org, Method: "password"}, time.Now().Add(-time.Hour)))
	next := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	for _, c := range rec.Result().Cookies() {
		next.AddCookie(c)
	}
	return next
}

func (w *world) isSignedIn(r *http.Request) bool {
	w.t.Helper()
	_, _, ok, err := w.db.Session(r, time.Now())
	require.NoError(w.t, err)
	return ok
}

// TestEnforcementEndsSessions enforces sign-in at the provider and ends the sessions of the people in the domain, by two
// replicas at once, on each store.
func TestEnforcementEndsSessions(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *world{"memory": newWorld, "sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			ctx := t.Context()
			people := map[string]*http.Request{"root": w.signedIn("root")} // break-glass
			for i := range 120 {
				id := fmt.Sprintf("p%03d", i)
				u := host.User{ID: id, OrgID: org, Email: id + "@" + domain, Name: id, Source: store.SourceManual, Active: true, OrgRole: host.RoleMember}
				if i == 0 {
					u.OrgRole = host.RoleOwner
				}
				if i == 1 {
					u.Email = "contractor@elsewhere.example"
				}
				require.NoError(t, w.db.AddUser(ctx, nil, u, host.DemoPassword))
				people[id] = w.signedIn(id)
			}
			owner, err := w.db.User(ctx, nil, org, "p000")
			require.NoError(t, err)
			w.idp.SetUsers(oidctest.User{Subject: "sub-p000", Email: owner.Email})
			require.Equal(t, 200, w.signIn(owner.Email).status, "the owner can sign in at the provider")
			c, err := w.svc.SetEnforced(ctx, w.owner, org, w.conn.ID, w.conn.Version, tenant.Activation{})
			require.NoError(t, err)

			a := tenant.Activation{Enforced: true, EndSessions: true}
			plan, err := w.svc.PlanActivation(ctx, host.Actor(owner), org, c.ID, a)
			require.NoError(t, err)
			require.Equal(t, 118+4, plan.Totals.SessionsEnd, "the directory's four too")
			require.Equal(t, 1, plan.Totals.BreakGlass)
			require.Equal(t, 1, plan.Totals.Outside, "the contractor")
			require.True(t, plan.BreakGlass[0].Works)
			a.Hash = plan.Hash
			c, err = w.svc.SetEnforced(ctx, host.Actor(owner), org, c.ID, c.Version, a)
			require.NoError(t, err)
			require.True(t, c.Enforced)

			var replicas sync.WaitGroup
			for range 2 {
				revoker, err := oidc.NewRevoker(oidc.RevokerConfig{Store: w.st, Sessions: w.db, Accounts: host.Accounts{DB: w.db}})
				require.NoError(t, err)
				replicas.Go(func() {
					if _, err := w.svc.RunEndings(ctx); err != nil {
						t.Error(err)
					}
					if _, err := revoker.SyncAll(ctx); err != nil {
						t.Error(err)
					}
				})
			}
			replicas.Wait()
			revoker, err := oidc.NewRevoker(oidc.RevokerConfig{Store: w.st, Sessions: w.db, Accounts: host.Accounts{DB: w.db}})
			require.NoError(t, err)
			_, err = revoker.SyncAll(ctx)
			require.NoError(t, err)
			for id, r := range people {
				stays := id == "root" || id == "p000" || id == "p001"
				require.Equal(t, stays, w.isSignedIn(r), id)
			}
			told := 0
			for q := (store.EventQuery{TypePrefix: tenant.EventEndSessions}); ; {
				events, err := w.st.Events(ctx, org, q)
				require.NoError(t, err)
				told += len(events)
				if len(events) < store.MaxLimit {
					break
				}
				q.After = events[len(events)-1].Seq
			}
			require.Equal(t, plan.Totals.SessionsEnd, told, "each once")
		})
	}
}
