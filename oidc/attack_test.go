package oidc

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// TestForeignDomainOfOneTenant: a connection vouches for people of the domains that it serves, not for all of its
// tenant's: a partner's provider does not sign in the chief executive, nor make an account with that address.
func TestForeignDomainOfOneTenant(t *testing.T) {
	t.Parallel()
	for _, jit := range []bool{false, true} {
		staff, partner := oidctest.NewServer(t), oidctest.NewServer(t)
		a := newApp(t)
		a.connect(staff, "acme", "acme.example", func(c *store.Connection) { c.Enforced = true })
		a.connect(partner, "acme", "partner.example", func(c *store.Connection) { c.JustInTime, c.JustInTimeAnyDomain = jit, jit })
		a.accounts.add("acme", "u-ceo", "ceo@acme.example")
		for _, email := range []string{"ceo@acme.example", "nobody@acme.example", "x@sub.acme.example"} {
			partner.SetUsers(oidctest.User{Subject: "evil " + email, Email: email})
			p := a.signIn("x@partner.example")
			if jit && email == "x@sub.acme.example" {
				continue // in no domain of the tenant: an account of its own
			}
			require.Equal(t, 403, p.status, email)
			require.Contains(t, p.body, CodeEmailDomain)
		}
		links, err := a.store.IdentitiesOf(t.Context(), "acme", "u-ceo")
		require.NoError(t, err)
		require.Empty(t, links)
	}
}

// TestDeactivatedUnderAnotherName: somebody whom the directory deactivated does not get around it by another address at
// the provider, or none, whether or not the account is linked with the provisioned user.
func TestDeactivatedUnderAnotherName(t *testing.T) {
	t.Parallel()
	for name, asserted := range map[string]oidctest.User{
		"the same address": {Subject: "s1", Email: "bob@acme.example"},
		"another":          {Subject: "s1", Email: "bob2@acme.example"},
		"none":             {Subject: "s1"},
		"unreadable":       {Subject: "s1", Email: "bob@@acme.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			idp.SetUsers(oidctest.User{Subject: "s1", Email: "bob@acme.example"})
			a := newApp(t, withRefresh)
			a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u-bob", "bob@acme.example")
			require.Equal(t, 200, a.signIn("bob@acme.example").status)
			token := a.lastLogin().RefreshToken
			now := time.Now()
			_, err := a.store.CreateSCIMUser(t.Context(), "acme", store.SCIMUser{
				Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, UserName: "bob@acme.example", Active: false, Body: []byte(`{}`),
			})
			require.NoError(t, err)
			idp.SetUsers(asserted)
			for range 2 {
				p := a.signIn("bob@acme.example")
				require.Equal(t, 403, p.status)
				require.Contains(t, p.body, CodeUserInactive)
			}
			require.Equal(t, 1, a.loginCount())
			_, err = a.handler.Refresh(t.Context(), token)
			require.ErrorIs(t, err, ErrDenied)
			require.Equal(t, CodeUserInactive, CodeOf(err))
		})
	}
}

// TestSignInMethodsOfOddAddresses: what a host's look-up may read otherwise gets no way around the provider.
func TestSignInMethodsOfOddAddresses(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.Enforced = true })
	for _, email := range []string{
		" ceo@acme.example", "ceo@acme.example ", "ceo@acme.example.", "\tceo@ACME.example\n", "ceo@ac\u200bme.example", `"ceo"@acme.example`,
		"ceo\x00@acme.example", "ceo(x)@acme.example", strings.Repeat("c", 65) + "@acme.example", "a@b@acme.example", "ceo @acme.example",
		"ceo@acme.example(x)", "@acme.example", "ceo@", "ceo@acme .example",
	} {
		m, err := a.handler.SignInMethods(t.Context(), email)
		require.NoError(t, err, "%q", email)
		require.False(t, m.Password, "%q", email)
	}
	for _, name := range []string{"", "ceo", "acme.example", "somebody@nowhere.example", `"odd one"@nowhere.example`} {
		m, err := a.handler.SignInMethods(t.Context(), name)
		require.NoError(t, err, "%q", name)
		require.True(t, m.Password, "%q", name)
	}
}

// TestLookUpsOfLongNames: whoever types an address does not choose how often the store is asked.
func TestLookUpsOfLongNames(t *testing.T) {
	t.Parallel()
	w := &watched{}
	a := newApp(t, func(c *Config) { w.Store, c.Store = c.Store, w })
	long := "x@" + strings.Repeat("a.", 120) + "example"
	require.Contains(t, a.browser().get(a.url+"/sso/login?email="+url.QueryEscape(long)).body, CodeNoConnection)
	require.LessOrEqual(t, len(w.take()), 10)

	idp := oidctest.NewServer(t)
	a.connect(idp, "acme", "acme.example")
	a.domain("acme", mustConnection(t, a), "a.b.c.d.e.f.g.h.i.j.acme.example", false)
	m, err := a.handler.SignInMethods(t.Context(), "x@a.b.c.d.e.f.g.h.i.j.acme.example")
	require.NoError(t, err)
	require.True(t, m.OIDC, "a long name that is proven itself")
}

func mustConnection(t *testing.T, a *app) string {
	t.Helper()
	all, err := a.store.Connections(t.Context(), "acme")
	require.NoError(t, err)
	return all[0].ID
}

// TestDocumentsThatSayALot: a customer's document does not fill the memory of those who keep it.
func TestDocumentsThatSayALot(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("s", 3000)
	var scopes, short []string
	for i := range 200 {
		scopes = append(scopes, fmt.Sprintf("%d%s", i, long))
		short = append(short, fmt.Sprintf("%d%s", i, long[:100]))
	}
	doc := func(list []string) *metadata {
		m, err := parseMetadata([]byte(`{"issuer":"https://idp.example","scopes_supported":["` + strings.Join(list, `","`) + `"]}`))
		require.NoError(t, err)
		return m
	}
	require.Empty(t, doc(scopes).scopes)
	require.Equal(t, 1, doc(scopes).weight())
	require.Len(t, doc(short).scopes, maxListItems)
	require.Greater(t, doc(short).weight(), 5, "it counts for several")
}

// TestClaimsReachTheHostExactly: T6. A custom claim whose name differs in case, or folds to the same, is another claim.
func TestClaimsReachTheHostExactly(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	idp.SetUsers(oidctest.User{Subject: "s1", Email: "ada@acme.example", Claims: map[string]any{
		"groups": []string{"staff"}, "groupſ": []string{"admins"}, "GROUPS": []string{"admins"}, "ROLES": []string{"owner"},
	}})
	a := newApp(t)
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", "ada@acme.example")
	require.Equal(t, 200, a.signIn("ada@acme.example").status)
	var claims struct {
		Groups []string `json:"groups"`
		Roles  []string `json:"roles"`
	}
	require.NoError(t, a.lastLogin().Claims(&claims))
	require.Equal(t, []string{"staff"}, claims.Groups)
	require.Empty(t, claims.Roles)
}

// TestStartedElsewhere: login CSRF. The host is told that another site led the browser to the sign-in.
func TestStartedElsewhere(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	byEmail := "email=" + url.QueryEscape(oidctest.DefaultEmail)
	for name, tt := range map[string]struct {
		query, site string
		want        bool
	}{
		"a link on another site": {byEmail, "cross-site", true},
		"a link on a sub-domain": {byEmail, "same-site", true},
		"our own page":           {byEmail, "same-origin", false},
		"typed":                  {byEmail, "none", false},
		"an old browser":         {byEmail, "", false},
		"a provider's portal":    {"iss=" + url.QueryEscape(idp.Issuer()), "none", true},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/sso/login?"+tt.query, http.NoBody)
		require.NoError(t, err)
		if tt.site != "" {
			req.Header.Set("Sec-Fetch-Site", tt.site)
		}
		require.Equal(t, 200, a.browser().do(req).status, name)
		require.Equal(t, tt.want, a.lastLogin().StartedElsewhere, name)
	}
}

// TestRefreshAfterRelinking: a token of one account is none of another's, also where the identity is linked with that now.
func TestRefreshAfterRelinking(t *testing.T) {
	t.Parallel()
	a, _, c, l := signedIn(t)
	link, err := a.store.Identity(t.Context(), "acme", c.ID, l.Issuer, l.Subject)
	require.NoError(t, err)
	a.accounts.add("acme", "u-new", "new@acme.example")
	link.AccountID = "u-new"
	_, err = a.store.UpdateIdentity(t.Context(), "acme", link)
	require.NoError(t, err)
	_, err = a.handler.Refresh(t.Context(), l.RefreshToken)
	require.ErrorIs(t, err, ErrDenied)
}

// TestFrontchannelAfterAnOldSession: a session ID that comes again, after the record of the one before is over and before
// it was removed, is known again.
func TestFrontchannelAfterAnOldSession(t *testing.T) {
	t.Parallel()
	now := time.Now()
	idp := oidctest.NewServerConfig(t, oidctest.Config{Users: []oidctest.User{{Subject: "s1", Email: oidctest.DefaultEmail, SessionID: "sid"}}})
	ended := &revoker{}
	a := newApp(t, func(c *Config) {
		c.Sessions, c.SessionLife = ended, time.Second
		c.Now = func() time.Time { return now }
	})
	c := a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	now = now.Add(2 * time.Second)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, 200, a.browser().get(frontchannelURL(a, c, idp.Issuer(), "sid")).status)
	require.Len(t, ended.all(), 1)
}

// TestConsumerTenant: all personal Microsoft accounts share one issuer, whose addresses anybody chooses.
func TestConsumerTenant(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/",
	} {
		require.True(t, isSharedIssuer(issuer), issuer)
	}
	require.False(t, isSharedIssuer("https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"))
}
