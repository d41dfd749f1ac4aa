package oidc

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/tenant"
)

// eavesdropper collects what must never be seen again: what is sent to a provider, and what it answers.
type eavesdropper struct {
	next http.RoundTripper

	mu      sync.Mutex
	secrets []string
}

func (e *eavesdropper) heard(values ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range values {
		if len(v) >= 12 { // shorter ones are words
			e.secrets = append(e.secrets, v)
		}
	}
}

func (e *eavesdropper) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		if form, err := url.ParseQuery(string(body)); err == nil {
			e.heard(form.Get("code"), form.Get("code_verifier"), form.Get("client_secret"), form.Get("refresh_token"), form.Get("client_assertion"))
		}
	}
	e.heard(strings.TrimPrefix(strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "), "Basic "))
	res, err := e.next.RoundTrip(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, "/token") {
		return res, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	var doc map[string]any
	if json.Unmarshal(body, &doc) == nil {
		for _, name := range []string{"id_token", "access_token", "refresh_token"} {
			if s, ok := doc[name].(string); ok {
				e.heard(append(strings.Split(s, "."), s)...)
			}
		}
	}
	return res, err
}

// TestS30_NothingSecretIsRepeated: each misbehaviour of a provider, with everything written down that travels: codes,
// verifiers, tokens, secrets, states and nonces. None of it is in a log line or on a page afterwards.
func TestS30_NothingSecretIsRepeated(t *testing.T) {
	proves(t)
	t.Parallel()
	for _, m := range oidctest.Misbehaviours() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			spy := &eavesdropper{next: tenant.NewOutboundClient(tenant.OutboundConfig{InsecureAllowLoopback: true}).Transport}
			idp := oidctest.NewServer(t)
			a := newApp(t, withRefresh, func(c *Config) { c.HTTPClient = &http.Client{Transport: spy} })
			a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			idp.SetFaults(m.Faults)
			b := a.browser()
			b.stopAt = "/authorize"
			p := b.get(a.url + "/sso/login?email=" + oidctest.DefaultEmail)
			if u, err := url.Parse(p.location); err == nil && p.location != "" {
				spy.heard(u.Query().Get("state"), u.Query().Get("nonce"), u.Query().Get("code_challenge"))
				b.stopAt = ""
				p = b.get(p.location)
			}
			spy.heard(oidctest.DefaultClientSecret)
			events := a.events("acme", "")
			for _, secret := range spy.secrets {
				require.NotContains(t, a.log.String(), secret)
				require.NotContains(t, p.body, secret)
				for _, e := range events {
					require.NotContains(t, string(e.After)+e.Message+e.Code, secret)
				}
			}
			if !m.Accept {
				require.Contains(t, a.log.String(), "correlation_id=")
			}
		})
	}
}

// TestS29_ProviderTexts: what a provider answers in place of a document is never shown, in a page, a header or problem
// details, nor logged. (A log line does name an issuer that is not the expected one, shortened and without control characters.)
func TestS29_ProviderTexts(t *testing.T) {
	proves(t)
	t.Parallel()
	const text = `<script>alert("from the provider")</script> stack trace of the provider`
	bodies := map[string]string{
		"HTML": text, "JSON": `{"error":"server_error","error_description":` + string(mustJSON(t, text)) + `}`,
		"odd error code": `{"error":` + string(mustJSON(t, text)) + `}`,
	}
	for _, e := range []oidctest.Endpoint{oidctest.Discovery, oidctest.Keys, oidctest.Token, oidctest.Userinfo} {
		for name, body := range bodies {
			for _, status := range []int{200, 400, 401, 403, 404, 500} {
				t.Run(string(e)+" "+name, func(t *testing.T) {
					t.Parallel()
					idp := oidctest.NewServerConfig(t, oidctest.Config{EmailInUserinfo: true})
					a := newApp(t)
					a.connect(idp, "acme", "acme.example")
					idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{e: {
						Status: status, Body: body, Header: http.Header{"X-Powered-By": {"from the provider"}, "Www-Authenticate": {`Bearer error="from the provider"`}},
					}}})
					for _, accept := range []string{"text/html", "application/json"} {
						b := a.browser()
						req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/sso/login?email="+oidctest.DefaultEmail, http.NoBody)
						require.NoError(t, err)
						req.Header.Set("Accept", accept)
						p := b.do(req)
						require.Contains(t, []int{403, 503}, p.status)
						for _, values := range p.header {
							require.NotContains(t, strings.Join(values, " "), "from the provider")
						}
						require.NotContains(t, p.body, "from the provider")
						require.NotContains(t, p.body, "script")
						require.NotContains(t, p.body, oidctest.DefaultClientSecret)
						require.Regexp(t, `[A-Z2-7]{26}`, p.body, "a correlation ID to ask for")
						if accept == "text/html" {
							require.Contains(t, p.header.Get("Content-Security-Policy"), "default-src 'none'")
						}
					}
					require.NotContains(t, a.log.String(), "from the provider")
					for _, event := range a.events("acme", "") {
						require.NotContains(t, event.Message+string(event.After), "from the provider")
					}
				})
			}
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}
