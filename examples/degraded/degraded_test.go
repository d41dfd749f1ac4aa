package degraded

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// enter puts the world into a mode.
func (w *world) enter(m tenant.Mode) {
	w.t.Helper()
	ctx := w.t.Context()
	switch m {
	case tenant.ModePlanLapsed:
		w.plan = tenant.Included{}
	case tenant.ModePlanUnknown:
		w.planErr = errors.New("billing is down")
	case tenant.ModeConnectionSuspended:
		e := tenant.Ending{Kind: tenant.EndingSuspend, ConnectionID: w.conn.ID, Unplanned: true, Reason: "a test"}
		_, err := w.svc.ApplyEnding(ctx, w.owner, org, e, "")
		require.NoError(w.t, err)
	case tenant.ModeProvisioningPaused:
		_, err := w.st.PutProvisioningSettings(ctx, org, store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member"}, Paused: true})
		require.NoError(w.t, err)
	case tenant.ModeSecretExpired:
		w.idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{
			oidctest.Token: {Status: 401, Body: `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired."}`},
		}})
	case tenant.ModeSecretUnreadable:
		w.svc = w.service(keyring(w.t, 2))
	case tenant.ModeDNSDrift:
		w.dnsGone = true
		d, err := w.svc.CheckDomain(ctx, w.owner, org, w.conn.Domains[0].ID)
		require.NoError(w.t, err)
		require.Equal(w.t, store.DomainVerified, d.State)
	case tenant.ModeProviderDown:
		down := oidctest.Fault{Status: 503}
		w.idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Token: down, oidctest.Discovery: down, oidctest.Keys: down}})
		w.handlers() // another replica, which remembers no document
	case tenant.ModeStoreReadOnly:
		w.readOnly.Store(true)
	default:
		w.t.Fatalf("no test enters the mode %s", m)
	}
}

func (w *world) now() store.Connection {
	w.t.Helper()
	c, err := w.st.Connection(w.t.Context(), org, w.conn.ID)
	require.NoError(w.t, err)
	return c
}

// try does an operation; the answer's code is empty and its status zero if it was done.
func (w *world) try(op tenant.Operation) answer {
	w.t.Helper()
	ctx := w.t.Context()
	done := func(a answer, want int) answer {
		if a.status == want {
			return answer{}
		}
		return a
	}
	directory := func(method, path string, body any, want int) answer {
		a, _ := w.scimAnswer(method, path, body)
		return done(a, want)
	}
	switch op {
	case tenant.OpSignIn:
		return done(w.signIn("ada"), 200)
	case tenant.OpFirstSignIn:
		return done(w.signIn("bob"), 200)
	case tenant.OpBreakGlass:
		m, err := w.login.SignInMethods(ctx, glass)
		if errors.Is(err, oidc.ErrUnavailable) {
			return answer{status: 503, code: tenant.ErrorCodeUnavailable, retryAfter: "30"}
		}
		require.NoError(w.t, err)
		require.True(w.t, m.Password)
		return answer{}
	case tenant.OpCreateUser:
		return directory(http.MethodPost, "/Users", user("eve"), 201)
	case tenant.OpDeactivate:
		return directory(http.MethodPatch, "/Users/"+w.users["cleo"], map[string]any{
			"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": []map[string]any{{"op": "replace", "path": "active", "value": false}},
		}, 200)
	case tenant.OpDeleteUser:
		return directory(http.MethodDelete, "/Users/"+w.users["dan"], nil, 204)
	case tenant.OpPushGroup:
		return directory(http.MethodPost, "/Groups", map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": "Ops", "members": []map[string]any{{"value": w.users["ada"]}},
		}, 201)
	case tenant.OpReadConfig:
		got, err := w.svc.Connections(ctx, w.owner, org)
		require.True(w.t, err != nil || len(got) == 1)
		return refusalOf(err)
	case tenant.OpChangeConfig:
		_, err := w.svc.AddDomains(ctx, w.staff, org, w.conn.ID, "more.example")
		return refusalOf(err)
	case tenant.OpHealth:
		_, err := w.svc.Health(ctx, w.owner, org)
		return refusalOf(err)
	}
	w.t.Fatalf("no test does the operation %s", op)
	return answer{}
}

// done tells what an operation left behind, in the store and in the host.
func (w *world) done(op tenant.Operation) bool {
	w.t.Helper()
	ctx := w.t.Context()
	exists := func(id string) bool {
		_, err := w.st.SCIMUser(ctx, org, id)
		return err == nil
	}
	active := func(name string) bool {
		u, err := w.db.UserByEmail(ctx, nil, org, name+"@"+domain)
		return err == nil && u.Active
	}
	switch op {
	case tenant.OpSignIn:
		events, err := w.st.Events(ctx, org, store.EventQuery{TypePrefix: oidc.EventSignIn})
		require.NoError(w.t, err)
		return len(events) > 1
	case tenant.OpBreakGlass:
		events, err := w.st.Events(ctx, org, store.EventQuery{TypePrefix: "break_glass.used"})
		require.NoError(w.t, err)
		return len(events) > 0 || w.now().State != store.ConnectionActive
	case tenant.OpFirstSignIn:
		u, err := w.db.UserByEmail(ctx, nil, org, "bob@"+domain)
		require.NoError(w.t, err)
		links, err := w.st.IdentitiesOf(ctx, org, u.ID)
		require.NoError(w.t, err)
		return len(links) > 0
	case tenant.OpCreateUser:
		page, err := w.st.SCIMUsers(ctx, org, store.Query{})
		require.NoError(w.t, err)
		for _, u := range page.Items {
			if u.UserName == "eve@"+domain {
				return true
			}
		}
		return active("eve")
	case tenant.OpDeactivate:
		u, err := w.st.SCIMUser(ctx, org, w.users["cleo"])
		require.NoError(w.t, err)
		require.Equal(w.t, u.Active, active("cleo"), "the host follows")
		return !u.Active
	case tenant.OpDeleteUser:
		require.Equal(w.t, exists(w.users["dan"]), active("dan"), "the host follows")
		return !exists(w.users["dan"])
	case tenant.OpPushGroup:
		page, err := w.st.SCIMGroups(ctx, org, store.Query{})
		require.NoError(w.t, err)
		return len(page.Items) > 0
	case tenant.OpChangeConfig:
		domains, err := w.st.Domains(ctx, org)
		require.NoError(w.t, err)
		return len(domains) > 1
	}
	return true
}

// TestDegradedModes makes each cell of the table true, through the real handlers.
func TestDegradedModes(t *testing.T) {
	for _, m := range tenant.DegradedModes() {
		t.Run(string(m.Mode), func(t *testing.T) {
			w := newWorld(t)
			w.enter(m.Mode)
			for _, op := range tenant.Operations() {
				want := m.Does[op]
				got := w.try(op)
				if want.Otherwise { // the provider's page says that there is none; the host's own ways are open
					require.Contains(t, []string{oidc.CodeNoConnection, oidc.CodeConnectionOff}, got.code, op)
					methods, err := w.login.PeekSignInMethods(t.Context(), "ada@"+domain)
					require.NoError(t, err)
					require.True(t, methods.Password)
					continue
				}
				require.Equal(t, want.Status, got.status, "%s: %+v", op, got)
				require.Equal(t, want.Code, got.code, op)
				if want.Status == 503 {
					require.NotEmpty(t, got.retryAfter, op)
				}
				if !w.readOnly.Load() {
					w.sync()
				}
				require.Equal(t, want.Works(), w.done(op), "%s: nothing is half-done", op)
			}
			health, err := w.svc.Health(t.Context(), w.owner, org)
			require.NoError(t, err)
			require.True(t, health.Has(m.Mode), "the owner is told: %+v", health)
			require.Len(t, health.Conditions, 1, "and of nothing else: %+v", health)
		})
	}
}

// TestWhatWaitsWhileProvisioningIsPaused is done afterwards.
func TestWhatWaitsWhileProvisioningIsPaused(t *testing.T) {
	w := newWorld(t)
	w.enter(tenant.ModeProvisioningPaused)
	for _, op := range []tenant.Operation{tenant.OpCreateUser, tenant.OpPushGroup} {
		require.Equal(t, answer{}, w.try(op))
	}
	w.sync()
	teams, err := w.db.Teams(t.Context(), nil, org)
	require.NoError(t, err)
	require.Empty(t, teams)
	s, err := w.engine.Settings(t.Context(), w.owner, org)
	require.NoError(t, err)
	s.Paused = false
	plan, err := w.engine.Preview(t.Context(), w.owner, org, s)
	require.NoError(t, err)
	_, err = w.engine.Apply(t.Context(), w.owner, org, s, confirm(plan))
	require.NoError(t, err)
	teams, err = w.db.Teams(t.Context(), nil, org)
	require.NoError(t, err)
	require.Len(t, teams, 1)
	u, err := w.db.UserByEmail(t.Context(), nil, org, "eve@"+domain)
	require.NoError(t, err)
	require.True(t, u.Active)
}

// TestPlanIsOver looks what is after the grace: nobody signs in at the provider, and nobody is locked out for it.
func TestPlanIsOver(t *testing.T) {
	w := newWorld(t)
	w.enter(tenant.ModePlanLapsed)
	require.Equal(t, answer{}, w.try(tenant.OpSignIn))
	l, err := w.st.Lifecycle(t.Context(), org)
	require.NoError(t, err)
	l.SSOLapsedAt = l.SSOLapsedAt.Add(-tenant.DefaultPlanGrace)
	_, err = w.st.PutLifecycle(t.Context(), org, l)
	require.NoError(t, err)
	require.Equal(t, answer{status: 403, code: oidc.CodePlanRequired}, w.try(tenant.OpSignIn))
	m, err := w.login.PeekSignInMethods(t.Context(), "ada@"+domain)
	require.NoError(t, err)
	require.True(t, m.Password)
	require.Equal(t, answer{}, w.try(tenant.OpDeactivate))
	require.Equal(t, answer{}, w.try(tenant.OpDeleteUser))
}
