package oidc

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

// TestPushedRequest: with PAR the browser carries the client ID and a reference, nothing else (RFC 9126 section 4).
func TestPushedRequest(t *testing.T) {
	t.Parallel()
	for _, required := range []bool{false, true} {
		idp := oidctest.NewServerConfig(t, oidctest.Config{PushedRequests: true, RequirePushedRequests: required})
		a := newApp(t)
		a.connect(idp, "acme", "acme.example")
		a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
		b := a.browser()
		b.stopAt = idp.Issuer() + "/authorize"
		p := b.get(a.url + "/sso/login?email=ada@acme.example")
		require.Equal(t, 303, p.status, p.body)
		u, err := url.Parse(p.location)
		require.NoError(t, err)
		require.Len(t, u.Query(), 2, p.location)
		require.Equal(t, oidctest.DefaultClientID, u.Query().Get("client_id"))
		require.True(t, strings.HasPrefix(u.Query().Get("request_uri"), "urn:"))
		b.stopAt = ""
		p = b.get(p.location)
		require.Equal(t, 200, p.status, p.body)
		require.Equal(t, 1, a.loginCount())
	}
}

// TestPushedRequestRefused: a provider that offers PAR and does not take it for this client is used without, and not
// asked again for a while; one that requires it is not.
func TestPushedRequestRefused(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]oidctest.Fault{
		"not allowed":    {Status: 403, Body: `{"error":"unauthorized_client"}`},
		"nonsense":       {Status: 201, Body: `[]`},
		"no request_uri": {Status: 201, Body: `{"expires_in":60}`},
		"null":           {Status: 201, Body: `null`},
		"redirect":       {Redirect: "https://evil.example/par"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, required := range []bool{false, true} {
				idp := oidctest.NewServerConfig(t, oidctest.Config{PushedRequests: true})
				idp.SetFaults(oidctest.Faults{
					Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.PushedRequest: fault},
					Metadata:  func(m map[string]any) { m["require_pushed_authorization_requests"] = required },
				})
				now := time.Now()
				a := newApp(t, func(c *Config) { c.Now = func() time.Time { return now } })
				a.connect(idp, "acme", "acme.example")
				a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
				p := a.signIn(oidctest.DefaultEmail)
				if required {
					require.Equal(t, 503, p.status, p.body)
					require.Zero(t, idp.Count(oidctest.Authorize))
					continue
				}
				require.Equal(t, 200, p.status, p.body)
				require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
				require.Equal(t, 1, idp.Count(oidctest.PushedRequest))
				now = now.Add(pushPause)
				require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
				require.Equal(t, 2, idp.Count(oidctest.PushedRequest))
			}
		})
	}
}

// TestPushedRequestWithoutEndpoint: a document that requires what it does not offer is refused.
func TestPushedRequestWithoutEndpoint(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	idp.SetFaults(oidctest.Faults{Metadata: func(m map[string]any) {
		m["require_pushed_authorization_requests"], m["pushed_authorization_request_endpoint"] = true, "javascript:alert(1)"
	}})
	a := newApp(t)
	a.connect(idp, "acme", "acme.example")
	p := a.signIn(oidctest.DefaultEmail)
	require.Equal(t, 503, p.status)
	require.Contains(t, p.body, CodeProviderConfig)
}
