package oidc

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// also makes a connection serve a domain of its tenant too.
func (a *app) also(tenantID, domain string, connectionIDs ...string) {
	a.t.Helper()
	all, err := a.store.Domains(a.t.Context(), tenantID)
	require.NoError(a.t, err)
	for _, d := range all {
		if d.Name == domain {
			d.OtherConnections = append(d.OtherConnections, connectionIDs...)
			_, err := a.store.UpdateDomain(a.t.Context(), tenantID, d)
			require.NoError(a.t, err)
			return
		}
	}
	a.t.Fatalf("no domain %s", domain)
}

var button = regexp.MustCompile(`<button name="connection" value="([^"]+)">([^<]+)</button>`)

// choices are the IDs and names that a page offers.
func choices(p view) (ids, names []string) {
	for _, m := range button.FindAllStringSubmatch(p.body, -1) {
		ids, names = append(ids, m[1]), append(names, m[2])
	}
	return ids, names
}

// TestR78Chooser: people of a domain with several connections choose theirs by name, and get to that provider alone.
func TestR78Chooser(t *testing.T) {
	t.Parallel()
	first, second, third := oidctest.NewServer(t), oidctest.NewServer(t), oidctest.NewServer(t)
	a := newApp(t)
	c1 := a.connect(first, "acme", "acme.example", func(c *store.Connection) { c.Name = `Head <office> & "co"` })
	c2 := a.connect(second, "acme", "", func(c *store.Connection) { c.Provider = "okta" })
	off := a.connect(third, "acme", "", func(c *store.Connection) { c.State = store.ConnectionSuspended })
	foreign := a.connect(third, "evil", "evil.example")
	a.also("acme", "acme.example", c2.ID, off.ID, "deleted")
	a.accounts.add("acme", "u1", oidctest.DefaultEmail)
	login := a.url + "/sso/login?return_to=/inside&email=" + url.QueryEscape(oidctest.DefaultEmail)

	for name, query := range map[string]string{"not chosen yet": "", "unknown": "&connection=x", "another tenant's": "&connection=" + foreign.ID, "off": "&connection=" + off.ID} {
		p := a.browser().get(login + query)
		require.Equal(t, 200, p.status, name)
		ids, names := choices(p)
		require.Equal(t, []string{c1.ID, c2.ID}, ids, name)
		require.Equal(t, []string{"Head &lt;office&gt; &amp; &#34;co&#34;", "Okta"}, names)
		require.Contains(t, p.body, `<input type="hidden" name="email" value="`+oidctest.DefaultEmail+`">`)
		require.Contains(t, p.body, `<input type="hidden" name="return_to" value="/inside">`)
		require.Equal(t, "no-store", p.header.Get("Cache-Control"))
		require.NotContains(t, p.header.Get("Set-Cookie"), "signin", "nothing has begun")
	}
	require.Zero(t, first.Count(oidctest.Authorize)+second.Count(oidctest.Authorize)+third.Count(oidctest.Authorize))

	b := a.browser()
	p := b.post(a.url+"/sso/login", url.Values{"email": {oidctest.DefaultEmail}, "return_to": {"/inside"}, "connection": {c2.ID}})
	require.Equal(t, "home /inside", p.body)
	require.Equal(t, c2.ID, a.lastLogin().ConnectionID)
	require.Equal(t, 1, second.Count(oidctest.Authorize))
	require.Zero(t, first.Count(oidctest.Authorize))

	// One that is left needs no choice.
	a.change(store.Connection{Meta: store.Meta{ID: c2.ID, TenantID: "acme"}}, func(c *store.Connection) { c.State = store.ConnectionSuspended })
	require.Equal(t, "home /inside", a.browser().get(login).body)
	require.Equal(t, c1.ID, a.lastLogin().ConnectionID)
}

// TestChooserTellsNothingOfUnknownDomains: an address that has no connection gets the answer that it always got, whatever
// it asks for.
func TestChooserTellsNothingOfUnknownDomains(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	c1 := a.connect(idp, "acme", "acme.example")
	c2 := a.connect(idp, "acme", "")
	a.also("acme", "acme.example", c2.ID)
	reference := regexp.MustCompile(`Reference: <code>[^<]+</code>`)
	ask := func(query string) string {
		p := a.browser().get(a.url + "/sso/login?" + query)
		require.Equal(t, 400, p.status)
		return reference.ReplaceAllString(p.body, "")
	}
	want := ask("email=a@nowhere.example")
	for _, query := range []string{
		"email=a@nowhere.example&connection=" + c1.ID, "email=a@sub.acme.example", "email=a@sub.acme.example&connection=" + c2.ID, "email=no-address",
	} {
		require.Equal(t, want, ask(query), query)
	}
}

// TestChooserNames: no two buttons read the same.
func TestChooserNames(t *testing.T) {
	t.Parallel()
	among := []store.Connection{
		{Provider: "entra", Authority: "https://login.microsoftonline.com/x/v2.0"},
		{Provider: "okta", Authority: "https://a.okta.com"},
		{Provider: "okta", Authority: "https://b.okta.com"},
		{Provider: "generic", Authority: "https://id.acme.example/realms/x"},
		{},
	}
	var names []string
	for _, c := range among {
		names = append(names, choiceName(c, among))
	}
	require.Equal(t, "Microsoft Entra ID; Okta (a.okta.com); Okta (b.okta.com); id.acme.example; OpenID Connect", strings.Join(names, "; "))
}

// TestChooserOfThirdPartyLogin: a provider's portal that names an issuer of several connections leads to the same choice,
// among those of the hint's domain, or of the one tenant that has them; other customers are not told of.
func TestChooserOfThirdPartyLogin(t *testing.T) {
	t.Parallel()
	idp, other := oidctest.NewServer(t), oidctest.NewServer(t)
	a := newApp(t)
	c1 := a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.Name = "One" })
	c2 := a.connect(idp, "acme", "", func(c *store.Connection) { c.Name = "Two" })
	c3 := a.connect(other, "acme", "", func(c *store.Connection) { c.Name = "Three" })
	a.also("acme", "acme.example", c2.ID, c3.ID)
	a.accounts.add("acme", "u1", oidctest.DefaultEmail)
	login := a.url + "/sso/login?iss=" + url.QueryEscape(idp.Issuer()) + "&target_link_uri=" + url.QueryEscape(a.url+"/deep")
	hint := "&login_hint=" + url.QueryEscape(oidctest.DefaultEmail)

	for _, query := range []string{"", hint, "&login_hint=someone"} {
		p := a.browser().get(login + query)
		require.Equal(t, 200, p.status)
		ids, _ := choices(p)
		require.ElementsMatch(t, []string{c1.ID, c2.ID}, ids)
		require.Contains(t, p.body, `name="target_link_uri" value="`+a.url+`/deep"`)
	}
	p := a.browser().get(login + hint + "&connection=" + c2.ID)
	require.Equal(t, "home /deep", p.body)
	require.Equal(t, c2.ID, a.lastLogin().ConnectionID)

	// Another customer of the same provider.
	b := a.connect(idp, "other", "other.example", func(c *store.Connection) { c.Name = "Secret customer" })
	for _, query := range []string{"", "&login_hint=someone", "&login_hint=x@nowhere.example", "&connection=" + b.ID} {
		p := a.browser().get(login + query)
		require.Equal(t, 200, p.status, query)
		require.Contains(t, p.body, `name="email"`, "the person is asked")
		require.NotContains(t, p.body, "Secret customer")
	}
	ids, _ := choices(a.browser().get(login + hint))
	require.Equal(t, []string{c1.ID, c2.ID}, ids)
	bro := a.browser()
	bro.stopAt = idp.Issuer()
	require.Contains(t, bro.get(login+"&login_hint=x@other.example&connection="+c1.ID).location, url.QueryEscape("/sso/signin-oidc/"+b.ID))
}
