package oidc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

// TestSignedUserinfo: oidcc-client-test-userinfo-signed, and what must be refused of it.
func TestSignedUserinfo(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) oidctest.Faults {
		return oidctest.Faults{UserinfoClaims: func(c map[string]any) { c[name] = value }}
	}
	for name, tt := range map[string]struct {
		faults oidctest.Faults
		code   string
	}{
		"oidcc-client-test-userinfo-signed": {},
		"no issuer and no audience":         {faults: oidctest.Faults{UserinfoClaims: func(c map[string]any) { delete(c, "iss"); delete(c, "aud") }}},
		"issuer of another":                 {set("iss", "https://evil.example"), CodeUserinfoInvalid},
		"issuer null":                       {set("iss", nil), CodeUserinfoInvalid},
		"audience of another client":        {set("aud", "other"), CodeUserinfoInvalid},
		"a further audience":                {set("aud", []string{oidctest.DefaultClientID, "other"}), CodeUserinfoInvalid},
		"another subject":                   {set("sub", "x"), CodeUserinfoInvalid},
		"expired":                           {set("exp", time.Now().Add(-time.Hour).Unix()), CodeUserinfoInvalid},
		"not expired":                       {set("exp", time.Now().Add(time.Hour).Unix()), ""},
		"an ID token in its place":          {set("nonce", "n"), CodeUserinfoInvalid},
		"a logout token in its place":       {set("events", map[string]any{}), CodeUserinfoInvalid},
		"alg none":                          {oidctest.Faults{UserinfoAlg: "none"}, CodeUserinfoInvalid},
		"alg HS256 with the secret":         {oidctest.Faults{UserinfoAlg: "HS256"}, CodeUserinfoInvalid},
		"another algorithm of the key":      {oidctest.Faults{UserinfoAlg: "PS256"}, CodeUserinfoInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServerConfig(t, oidctest.Config{EmailInUserinfo: true, SignUserinfo: true})
			idp.SetFaults(tt.faults)
			a := newApp(t)
			a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			p := a.signIn(oidctest.DefaultEmail)
			if tt.code != "" {
				require.Equal(t, 403, p.status, p.body)
				require.Contains(t, p.body, tt.code)
				require.Zero(t, a.loginCount())
				return
			}
			require.Equal(t, 200, p.status, p.body)
			require.Equal(t, oidctest.DefaultEmail, a.lastLogin().Email)
		})
	}
}
