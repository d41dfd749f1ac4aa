package oidc

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

var reporter = tenant.Actor{Kind: tenant.ActorOwner, ID: "u-owner", Email: "owner@acme.example"}

// reporting is an app whose /test starts a test sign-in with a report.
func reporting(t *testing.T, idp *oidctest.Server, change ...func(*store.Connection)) (*app, store.Connection) {
	t.Helper()
	a := newApp(t, func(c *Config) {
		c.OnTest = TestFunc(func(_ context.Context, r TestResult) error { return r.Err })
	})
	c := a.connect(idp, "acme", "acme.example", append([]func(*store.Connection){func(c *store.Connection) {
		c.State, c.ConfigVersion = store.ConnectionDraft, 7
	}}, change...)...)
	a.mux.HandleFunc("/test", func(w http.ResponseWriter, r *http.Request) {
		a.handler.StartTest(w, r, TestRequest{TenantID: "acme", ConnectionID: c.ID, Actor: reporter, ReturnTo: "/result", Report: true})
	})
	return a, c
}

// TestTestReport: what the owner's page shows, exactly once (PORTAL.md, screen 5).
func TestTestReport(t *testing.T) {
	t.Parallel()
	groups := make([]string, 30)
	for i := range groups {
		groups[i] = "group-" + string(rune('a'+i%26))
	}
	idp := oidctest.NewServer(t)
	idp.SetUsers(oidctest.User{Subject: "s1", Email: "ada@acme.example", Name: "Ada", Claims: map[string]any{"groups": groups}})
	a, c := reporting(t, idp)
	a.accounts.add("acme", "u-ada", "ada@acme.example")
	before, err := a.store.Events(t.Context(), "acme", store.EventQuery{})
	require.NoError(t, err)

	p := a.browser().get(a.url + "/test")
	require.Equal(t, "home /result", p.body)
	require.NotContains(t, p.url, "?", "nothing of the result is in the address")

	r, err := a.handler.TakeTestReport(t.Context(), "acme", c.ID, reporter)
	require.NoError(t, err)
	require.Equal(t, TestReport{
		TenantID: "acme", ConnectionID: c.ID, ConfigVersion: 7, At: r.At,
		Received: r.Received, Outcome: OutcomeMatch, AccountID: "u-ada", AccountEmail: "ada@acme.example",
	}, r)
	got := *r.Received
	require.Less(t, got.Skew.Abs(), 5*time.Second)
	require.Equal(t, TestReceived{
		Issuer: idp.Issuer(), Subject: "s1", Email: "ada@acme.example", EmailClaim: "email", Name: "Ada", EmailVerified: "true",
		Groups: groups[:20], GroupCount: 30, Algorithm: "RS256", KeyID: "key-1", Skew: got.Skew,
		ClientAuth: "client_secret_basic", Claims: got.Claims,
	}, got)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(got.Claims, &claims))
	require.Equal(t, "s1", claims["sub"])

	_, err = a.handler.TakeTestReport(t.Context(), "acme", c.ID, reporter)
	require.ErrorIs(t, err, store.ErrNotFound, "a single view")

	// Nothing else came of it.
	require.Zero(t, a.loginCount())
	require.Zero(t, a.accounts.made)
	links, err := a.store.IdentitiesOf(t.Context(), "acme", "u-ada")
	require.NoError(t, err)
	require.Empty(t, links)
	after, err := a.store.Events(t.Context(), "acme", store.EventQuery{})
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// TestTestReportIsTheActorsAlone: another owner, tenant or connection has none of it, and a later test replaces it.
func TestTestReportIsTheActorsAlone(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a, c := reporting(t, idp)
	a.browser().get(a.url + "/test")
	idp.SetUsers(oidctest.User{Subject: "s2", Email: "bob@acme.example"})
	a.browser().get(a.url + "/test")
	for name, take := range map[string]func() (TestReport, error){
		"another owner": func() (TestReport, error) {
			return a.handler.TakeTestReport(t.Context(), "acme", c.ID, tenant.Actor{Kind: tenant.ActorOwner, ID: "u-other"})
		},
		"another kind of actor": func() (TestReport, error) {
			return a.handler.TakeTestReport(t.Context(), "acme", c.ID, tenant.Actor{Kind: tenant.ActorUser, ID: reporter.ID})
		},
		"another tenant":     func() (TestReport, error) { return a.handler.TakeTestReport(t.Context(), "globex", c.ID, reporter) },
		"another connection": func() (TestReport, error) { return a.handler.TakeTestReport(t.Context(), "acme", "x", reporter) },
	} {
		_, err := take()
		require.ErrorIs(t, err, store.ErrNotFound, name)
		require.ErrorIs(t, err, ErrRequest, name)
	}
	r, err := a.handler.TakeTestReport(t.Context(), "acme", c.ID, reporter)
	require.NoError(t, err)
	require.Equal(t, "s2", r.Received.Subject)
}

// TestTestOutcomes: what a real sign-in would have done.
func TestTestOutcomes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, a *app, c store.Connection)
		user    oidctest.User
		jit     bool
		outcome TestOutcome
		code    string
	}{
		"no account, none is made": {outcome: OutcomeRefused, code: CodeNotProvisioned},
		"just in time":             {jit: true, outcome: OutcomeCreate},
		"linked already": {
			prepare: func(t *testing.T, a *app, c store.Connection) {
				a.accounts.add("acme", "u-ada", "old@acme.example")
				_, err := a.store.CreateIdentity(t.Context(), "acme", store.Identity{
					Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, ConnectionID: c.ID, Issuer: c.Issuer, Subject: "s1", AccountID: "u-ada",
				})
				require.NoError(t, err)
			}, outcome: OutcomeReturning,
		},
		"somebody else is linked": {
			prepare: func(t *testing.T, a *app, c store.Connection) {
				a.accounts.add("acme", "u-ada", "ada@acme.example")
				_, err := a.store.CreateIdentity(t.Context(), "acme", store.Identity{
					Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, ConnectionID: c.ID, Issuer: c.Issuer, Subject: "other", AccountID: "u-ada",
				})
				require.NoError(t, err)
			}, outcome: OutcomeRefused, code: CodeAlreadyLinked,
		},
		"another tenant's account": {
			prepare: func(_ *testing.T, a *app, _ store.Connection) { a.accounts.add("globex", "u-ada", "ada@acme.example") },
			outcome: OutcomeRefused, code: CodeOtherTenant,
		},
		"not verified":        {user: oidctest.User{Subject: "s1", Email: "ada@acme.example", EmailVerified: false}, outcome: OutcomeRefused, code: CodeEmailUnverified},
		"in no proven domain": {user: oidctest.User{Subject: "s1", Email: "ada@elsewhere.example"}, jit: true, outcome: OutcomeRefused, code: CodeEmailDomain},
		"no address":          {user: oidctest.User{Subject: "s1"}, outcome: OutcomeRefused, code: CodeEmailMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			if tt.user.Subject == "" {
				tt.user = oidctest.User{Subject: "s1", Email: "ada@acme.example"}
			}
			idp.SetUsers(tt.user)
			a, c := reporting(t, idp, func(c *store.Connection) { c.JustInTime = tt.jit })
			if tt.prepare != nil {
				tt.prepare(t, a, c)
			}
			require.Equal(t, "home /result", a.browser().get(a.url+"/test").body)
			r, err := a.handler.TakeTestReport(t.Context(), "acme", c.ID, reporter)
			require.NoError(t, err)
			require.Empty(t, r.Code, "the protocol worked")
			require.Equal(t, tt.outcome, r.Outcome)
			require.Equal(t, tt.code, r.OutcomeCode)
			require.Zero(t, a.accounts.made)
			require.Zero(t, a.loginCount())
		})
	}
}

// TestFailedTestReport: the step, what the provider said, our words, and where to look in the log.
func TestFailedTestReport(t *testing.T) {
	t.Parallel()
	endpoint := func(e oidctest.Endpoint, f oidctest.Fault) oidctest.Faults {
		return oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{e: f}}
	}
	for name, tt := range map[string]struct {
		faults            oidctest.Faults
		step              TestStep
		code, said, words string
	}{
		"not assigned": {
			oidctest.Faults{AuthorizeError: "access_denied", AuthorizeErrorDescription: "AADSTS50105: \u202eask " + strings.Repeat("x", 2000)},
			StepAuthorization, CodeUserNotAssigned, "AADSTS50105: ask xxx", "Users and groups",
		},
		"secret expired": {
			endpoint(oidctest.Token, oidctest.Fault{Status: 401, Body: `{"error":"invalid_client","error_description":"AADSTS7000222: expired"}`}),
			StepToken, CodeSecretExpired, "AADSTS7000222: expired", "makes a new one",
		},
		"issuer": {oidctest.Faults{Claims: func(c map[string]any) { c["iss"] = "https://evil.example" }}, StepIDToken, CodeTokenInvalid, "", "iss differs"},
		"userinfo": {
			oidctest.Faults{Claims: func(c map[string]any) { delete(c, "email") }, UserinfoClaims: func(c map[string]any) { c["sub"] = "x" }},
			StepUserinfo, CodeUserinfoInvalid, "", "another subject",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			a, c := reporting(t, idp)
			idp.SetFaults(tt.faults)
			require.Equal(t, "home /result", a.browser().get(a.url+"/test").body)
			r, err := a.handler.TakeTestReport(t.Context(), "acme", c.ID, reporter)
			require.NoError(t, err)
			require.Equal(t, tt.code, r.Code)
			require.Equal(t, tt.step, r.Step)
			require.Contains(t, r.ProviderDescription, tt.said)
			require.LessOrEqual(t, len(r.ProviderDescription), 510)
			require.Contains(t, r.Reason, tt.words)
			require.NotEmpty(t, r.Title)
			require.NotEmpty(t, r.Message)
			require.Contains(t, a.log.String(), r.CorrelationID)
			require.NotContains(t, a.log.String(), "xxxx")
			require.Nil(t, r.Received)
			require.Empty(t, r.Outcome)
			if !strings.HasPrefix(tt.said, "AADSTS") {
				require.Empty(t, r.ExplanationID)
				return
			}
			number, _, _ := strings.Cut(tt.said, ":")
			require.Equal(t, "entra."+number, r.ExplanationID)
			require.Contains(t, r.Reason, r.Explanation+" "+r.Change)
			require.NotEmpty(t, r.Responsible)
		})
	}
}

// TestGroupsOverage: D9. Entra leaves the groups out of a token that would have more than 200.
func TestGroupsOverage(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]bool{
		`{"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://graph.example"}}}`: true,
		`{"hasgroups":true}`:                 true,
		`{"hasgroups":"true"}`:               true,
		`{"groups":["a"]}`:                   false,
		`{"_claim_names":{"address":"src"}}`: false,
		`{"_claim_names":null}`:              false,
		`{}`:                                 false,
	} {
		obj, err := parseObject([]byte(doc))
		require.NoError(t, err)
		require.Equal(t, want, groupsOverage(obj), doc)
	}
	obj, err := parseObject([]byte(`{"groups":["a",1,{"x":2},"` + strings.Repeat("g", 300) + `"]}`))
	require.NoError(t, err)
	first, n := reportGroups(obj)
	require.Equal(t, []string{"a"}, first)
	require.Equal(t, 4, n)
}
