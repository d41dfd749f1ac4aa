package oidc

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// withClaims lets the provider send these claims in the place of email and email_verified; nil takes one away.
func withClaims(idp *oidctest.Server, claims map[string]any) {
	change := func(m map[string]any) {
		delete(m, "email")
		delete(m, "email_verified")
	}
	idp.SetFaults(oidctest.Faults{UserinfoClaims: change, Claims: func(m map[string]any) {
		change(m)
		for name, v := range claims {
			m[name] = v
		}
	}})
}

// TestR18EmailFallback: R18. The claim that the connection names stands for the address of people without one, and is held to
// all that an address is held to. What a provider sends beside that is no address.
func TestR18EmailFallback(t *testing.T) {
	t.Parallel()
	const ada = "ada@acme.example"
	upn := func(c *store.Connection) { c.EmailFallback = tenant.EmailFallbackUPN }
	for name, tt := range map[string]struct {
		claims map[string]any
		change func(*store.Connection)
		host   func(*Config)
		code   string // empty: signs in as ada
	}{
		"preferred_username":                       {claims: map[string]any{"preferred_username": ada}},
		"upn":                                      {claims: map[string]any{"upn": ada}, change: upn},
		"an empty email":                           {claims: map[string]any{"email": "", "preferred_username": ada}},
		"email is null":                            {claims: map[string]any{"email": nil, "preferred_username": ada}},
		"the domain in capital letters":            {claims: map[string]any{"preferred_username": "ada@ACME.example"}},
		"email_verified vouches for email alone":   {claims: map[string]any{"preferred_username": ada, "email_verified": true}},
		"the choice is off":                        {claims: map[string]any{"preferred_username": ada}, change: func(c *store.Connection) { c.EmailFallback = "" }, code: CodeEmailMissing},
		"another claim than the one chosen":        {claims: map[string]any{"preferred_username": ada}, change: upn, code: CodeEmailMissing},
		"a claim that cannot be chosen":            {claims: map[string]any{"unique_name": ada, "mail": ada, "upn": ada}, code: CodeEmailMissing},
		"email goes first":                         {claims: map[string]any{"email": "bob@evil.example", "preferred_username": ada}, code: CodeEmailDomain},
		"an email that is no address":              {claims: map[string]any{"email": "ada@@acme.example", "preferred_username": ada}, code: CodeEmailMissing},
		"an email of another type":                 {claims: map[string]any{"email": []string{ada}, "preferred_username": ada}, code: CodeEmailMissing},
		"an email that is too long":                {claims: map[string]any{"email": strings.Repeat("a", 300) + "@acme.example", "preferred_username": ada}, code: CodeEmailMissing},
		"another tenant's domain":                  {claims: map[string]any{"preferred_username": "eve@globex.example"}, code: CodeEmailDomain},
		"nobody's domain, accounts for anybody":    {claims: map[string]any{"preferred_username": "eve@nobody.example"}, change: func(c *store.Connection) { c.JustInTime, c.JustInTimeAnyDomain = true, true }, code: CodeEmailDomain},
		"the domain that an Entra directory has":   {claims: map[string]any{"preferred_username": "ada@acme.onmicrosoft.com"}, code: CodeEmailDomain},
		"two at signs":                             {claims: map[string]any{"preferred_username": "eve@evil.example@acme.example"}, code: CodeEmailMissing},
		"a line break":                             {claims: map[string]any{"preferred_username": "ada@acme.example\r\nx"}, code: CodeEmailMissing},
		"a quoted address":                         {claims: map[string]any{"preferred_username": `"ada@acme.example"@evil.example`}, code: CodeEmailMissing},
		"a sub-domain":                             {claims: map[string]any{"preferred_username": "ada@x.acme.example"}, code: CodeEmailDomain},
		"a list":                                   {claims: map[string]any{"preferred_username": []string{ada}}, code: CodeEmailMissing},
		"no address":                               {claims: map[string]any{"preferred_username": "ada"}, code: CodeEmailMissing},
		"email_verified is false":                  {claims: map[string]any{"preferred_username": ada, "email_verified": false}, code: CodeEmailUnverified},
		"email_verified as text":                   {claims: map[string]any{"preferred_username": ada, "email_verified": "true"}, change: func(c *store.Connection) { c.EmailVerifiedString = true }, code: CodeEmailUnverified},
		"xms_edov is false":                        {claims: map[string]any{"preferred_username": ada, "xms_edov": false}, code: CodeEmailUnverified},
		"a provider that many customers share":     {claims: map[string]any{"preferred_username": ada, "email_verified": true}, change: func(c *store.Connection) { c.SharedIssuer = true }, code: CodeEmailUnverified},
		"a host that wants every address verified": {claims: map[string]any{"preferred_username": ada, "email_verified": true}, host: func(c *Config) { c.RequireEmailVerified = true }, code: CodeEmailUnverified},
		"a guest":                                  {claims: map[string]any{"upn": "ada_acme.example#EXT#@acme.example"}, change: upn, code: CodeGuestUser},
		"a guest by another claim":                 {claims: map[string]any{"preferred_username": ada, "upn": "eve_evil.example#ext#@acme.onmicrosoft.com"}, code: CodeGuestUser},
		"acct means other things elsewhere":        {claims: map[string]any{"preferred_username": ada, "acct": 1, "idp": "0oa1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			a := newApp(t, func(c *Config) {
				if tt.host != nil {
					tt.host(c)
				}
			})
			c := a.connect(idp, "acme", "acme.example", func(c *store.Connection) {
				if c.EmailFallback = tenant.EmailFallbackUserName; tt.change != nil {
					tt.change(c)
				}
			})
			a.domain("globex", "another", "globex.example", false)
			a.accounts.add("acme", "u-ada", ada)
			a.accounts.add("globex", "u-eve", "eve@globex.example")
			withClaims(idp, tt.claims)
			if tt.code != "" {
				a.refused(tt.code)
				return
			}
			require.Equal(t, 200, a.signIn(ada).status)
			require.Equal(t, "u-ada", a.lastLogin().Account.ID)
			var told signInEvent
			require.NoError(t, json.Unmarshal(a.events("acme", EventLinked)[0].After, &told))
			require.Equal(t, c.EmailFallback, told.EmailClaim, "the journal tells")
		})
	}
}

// TestR18Guests: what Entra says of a guest, by each claim that an application may have asked for.
func TestR18Guests(t *testing.T) {
	t.Parallel()
	const (
		id = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
		v2 = "https://login.microsoftonline.com/" + id + "/v2.0"
		v1 = "https://sts.windows.net/" + id + "/"
	)
	for claims, want := range map[string]bool{
		`{}`:                   false,
		`{"acct":0}`:           false,
		`{"acct":1}`:           true,
		`{"acct":"1"}`:         true,
		`{"idp":"` + v1 + `"}`: false,
		`{"idp":"` + v2 + `"}`: false,
		`{"idp":"live.com"}`:   true,
		`{"idp":"https://evil.example/` + id + `/"}`:                                        true,
		`{"idp":"https://sts.windows.net/11111111-2222-3333-4444-555555555555/"}`:           true,
		`{"idp":"https://sts.windows.net/11111111-2222-3333-4444-555555555555/` + id + `"}`: true,
		`{"preferred_username":"a_b.example#EXT#@acme.onmicrosoft.com"}`:                    true,
		`{"upn":"a_b.example#Ext#@acme.onmicrosoft.com"}`:                                   true,
		`{"upn":["a#EXT#@b"]}`: false,
	} {
		doc, err := parseObject([]byte(claims))
		require.NoError(t, err)
		require.Equal(t, want, isGuest(doc, v2), claims)
		require.Equal(t, want, isGuest(doc, v1), claims)
		require.Equal(t, want && strings.Contains(strings.ToUpper(claims), "#EXT#"), isGuest(doc, "https://idp.example"), claims)
	}
}

// TestR18ReportOfATest: the owner sees from where the address came, and that guests are refused.
func TestR18ReportOfATest(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a, c := reporting(t, idp, func(c *store.Connection) { c.EmailFallback = tenant.EmailFallbackUPN })
	a.accounts.add("acme", "u-ada", "ada@acme.example")
	test := func(upn string) TestReport {
		withClaims(idp, map[string]any{"upn": upn})
		require.Equal(t, "home /result", a.browser().get(a.url+"/test").body)
		r, err := a.handler.TakeTestReport(t.Context(), "acme", c.ID, reporter)
		require.NoError(t, err)
		return r
	}
	r := test("ada@acme.example")
	require.Equal(t, "upn", r.Received.EmailClaim)
	require.Equal(t, "ada@acme.example", r.Received.Email)
	require.Equal(t, "unstated", r.Received.EmailVerified)
	require.Equal(t, OutcomeMatch, r.Outcome)
	r = test("ada_acme.example#EXT#@acme.example")
	require.Equal(t, CodeGuestUser, r.OutcomeCode)
	require.Equal(t, CodeGuestUser, r.Received.EmailCode)
	require.Empty(t, r.Received.Email)
	require.Equal(t, http.StatusForbidden, statusOf(denied(CodeGuestUser, "")))
}
