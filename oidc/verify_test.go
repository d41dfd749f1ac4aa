package oidc

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func mustKey(t testing.TB) publicKey {
	t.Helper()
	k, ok := parseJWK([]byte(jwkJSON(t, "RS256", nil)))
	require.True(t, ok)
	return k
}

// TestS25_ClockSkew: the same allowance on both sides, 30 s by default and 60 s at most.
func TestS25_ClockSkew(t *testing.T) {
	proves(t)
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := now.Add
	for _, tt := range []struct {
		name          string
		exp, iat, nbf time.Duration
		within30      bool
		within60      bool
	}{
		{"fresh", 300 * time.Second, 0, 0, true, true},
		{"expired now", 0, -time.Minute, 0, true, true},
		{"expired 29 s ago", -29 * time.Second, -time.Minute, 0, true, true},
		{"expired 30 s ago", -30 * time.Second, -time.Minute, 0, false, true},
		{"expired 59 s ago", -59 * time.Second, -2 * time.Minute, 0, false, true},
		{"expired 61 s ago", -61 * time.Second, -2 * time.Minute, 0, false, false},
		{"expired 360 s ago", -360 * time.Second, -400 * time.Second, 0, false, false},
		{"issued 30 s ahead", 300 * time.Second, 30 * time.Second, 0, true, true},
		{"issued 31 s ahead", 300 * time.Second, 31 * time.Second, 0, false, true},
		{"issued 61 s ahead", 300 * time.Second, 61 * time.Second, 0, false, false},
		{"issued 360 s ahead", 900 * time.Second, 360 * time.Second, 0, false, false},
		{"valid 30 s ahead", 300 * time.Second, 0, 30 * time.Second, true, true},
		{"valid 61 s ahead", 300 * time.Second, 0, 61 * time.Second, false, false},
		{"valid one hour ahead", 2 * time.Hour, 0, time.Hour, false, false},
	} {
		c := &claimSet{expires: at(tt.exp), issued: at(tt.iat), notBefore: at(tt.nbf), hasNotBefore: true}
		for skew, want := range map[time.Duration]bool{DefaultClockSkew: tt.within30, MaxClockSkew: tt.within60} {
			v := &verifier{now: func() time.Time { return now }, skew: skew}
			require.Equal(t, want, v.times(c) == nil, "%s with %v", tt.name, skew)
		}
	}
}

// TestVerifyNeedsExpectations: a check that is not configured refuses.
func TestVerifyNeedsExpectations(t *testing.T) {
	t.Parallel()
	v := &verifier{now: time.Now, skew: DefaultClockSkew}
	for _, want := range []expectation{
		{issuer: "i", clientID: "c", alg: "RS256"}, {issuer: "i", nonce: "n", alg: "RS256"}, {clientID: "c", nonce: "n", alg: "RS256"},
	} {
		_, err := v.verify(t.Context(), "a.b.c", want)
		require.ErrorIs(t, err, ErrUnavailable)
	}
	for _, want := range []expectation{
		{issuer: "i", alg: "RS256"}, {clientID: "c", alg: "RS256"}, {issuer: "i", clientID: "c", nonce: "n", alg: "RS256"},
	} {
		_, err := v.verifyLogout(t.Context(), "a.b.c", want)
		require.ErrorIs(t, err, ErrUnavailable)
	}
}

// TestKeysUnavailable: a provider whose keys can't be fetched is not a bad token.
func TestKeysUnavailable(t *testing.T) {
	t.Parallel()
	a, acme, _, _, _ := twoTenants(t)
	acme.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Keys: {Status: 500}}})
	p := a.signIn("ada@acme.example")
	require.Equal(t, 503, p.status)
	require.Contains(t, p.body, CodeProviderDown)
}

func TestTrustedAudience(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	idp.SetFaults(oidctest.Faults{Claims: func(c map[string]any) {
		c["aud"], c["azp"] = []string{oidctest.DefaultClientID, "project-1"}, oidctest.DefaultClientID
	}})
	for audience, status := range map[string]int{"project-1": 200, "project-2": 403} {
		a := newApp(t, func(c *Config) {
			c.TrustAudience = func(_ store.Connection, aud string) bool { return aud == audience }
		})
		a.connect(idp, "acme", "acme.example")
		a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
		require.Equal(t, status, a.signIn(oidctest.DefaultEmail).status, audience)
	}
}

// TestGoogle: hd must be one of the tenant's domains, at every sign-in.
func TestGoogle(t *testing.T) {
	t.Parallel()
	a, _, c := oneTenant(t)
	c.Issuer = googleIssuer
	for hosted, code := range map[string]string{
		"": CodeHostedDomain, "evil.example": CodeHostedDomain, "acme.example": "", "ACME.example": "", "sub.acme.example": CodeHostedDomain,
	} {
		m := matcher{h: a.handler, tx: a.store, conn: c, who: person{hosted: hosted}}
		require.Equal(t, code, CodeOf(m.checkHostedDomain(t.Context())), hosted)
	}
	require.True(t, isSharedIssuer(googleIssuer))
	for _, host := range []string{"oauth.id.jumpcloud.com", "oauth.id.eu.jumpcloud.com", "oauth.id.in.jumpcloud.com"} {
		require.True(t, isSharedIssuer("https://"+host+"/"), host)
		require.True(t, isSharedIssuer("https://"+host), host)
	}
	require.False(t, isSharedIssuer("https://accounts.google.com.evil.example"))
}

// TestS12_PrivateAddresses: endpoints that lead inside are never asked, whatever the document says.
func TestS12_PrivateAddresses(t *testing.T) {
	proves(t)
	t.Parallel()
	for _, target := range []string{
		"https://127.0.0.1/x", "https://[::1]/x", "https://[::ffff:127.0.0.1]/x", "https://169.254.169.254/x", "https://10.1.2.3/x",
		"https://192.168.0.1/x", "https://localhost/x", "https://0.0.0.0/x", "https://[fd00::1]/x",
	} {
		out := newOutbound(tenant.NewOutboundClient(tenant.OutboundConfig{}), false)
		_, err := out.get(t.Context(), target, 100, "unreachable")
		var f *failure
		require.ErrorAs(t, err, &f, target)
		require.Equal(t, tenant.CodeDiscoveryBlocked, f.code, target)
	}
}
