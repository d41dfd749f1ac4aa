package oidc

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

func withRefresh(c *Config) { c.RefreshTokens = func(store.Connection) bool { return true } }

// signedIn is an app with one person who signed in with a refresh token.
func signedIn(t *testing.T, change ...func(*Config)) (*app, *oidctest.Server, store.Connection, Login) {
	t.Helper()
	idp := oidctest.NewServer(t)
	a := newApp(t, append([]func(*Config){withRefresh}, change...)...)
	c := a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	return a, idp, c, a.lastLogin()
}

// TestRefresh: oidcc-client-test-refresh-token. The new ID token has no nonce; the token rotates.
func TestRefresh(t *testing.T) {
	t.Parallel()
	a, idp, _, l := signedIn(t, func(c *Config) { c.AlwaysUserinfo = true })
	require.NotContains(t, l.RefreshToken.Reveal(), "{")
	token := l.RefreshToken
	for range 2 {
		r, err := a.handler.Refresh(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, "u-ada", r.Account.ID)
		require.Equal(t, l.Subject, r.Subject)
		require.Equal(t, oidctest.DefaultEmail, r.Email)
		require.False(t, r.IDToken.IsZero())
		require.NotEqual(t, token.Reveal(), r.RefreshToken.Reveal())
		var claims struct {
			Sub string `json:"sub"`
		}
		require.NoError(t, r.Claims(&claims))
		require.Equal(t, l.Subject, claims.Sub)
		token = r.RefreshToken
	}
	require.Equal(t, 3, idp.Count(oidctest.Userinfo), "userinfo with each new access token")

	_, err := a.handler.Refresh(t.Context(), l.RefreshToken) // used up
	require.ErrorIs(t, err, ErrDenied)
	require.Equal(t, CodeRefreshRejected, CodeOf(err))
}

// TestRefreshOnlyWhenAsked: no offline_access and no token otherwise, also if the provider hands one out.
func TestRefreshOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	idp.SetFaults(oidctest.Faults{TokenResponse: func(m map[string]any) { m["refresh_token"] = "unasked" }})
	a := newApp(t)
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	b := a.browser()
	b.stopAt = "/authorize"
	require.NotContains(t, b.get(a.url+"/sso/login?email=ada@acme.example").location, "offline_access")
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.True(t, a.lastLogin().RefreshToken.IsZero())
}

// TestS24_RefreshedToken: S24.
func TestS24_RefreshedToken(t *testing.T) {
	proves(t)
	t.Parallel()
	set := func(name string, value any) oidctest.Faults {
		return oidctest.Faults{Claims: func(c map[string]any) { c[name] = value }}
	}
	for name, tt := range map[string]struct {
		faults oidctest.Faults
		code   string
	}{
		"oidcc-client-test-refresh-token-invalid-issuer": {set("iss", "https://evil.example"), CodeTokenInvalid},
		"oidcc-client-test-refresh-token-invalid-sub":    {set("sub", "somebody-else"), CodeTokenInvalid},
		"aud of another client":                          {set("aud", "other"), CodeTokenInvalid},
		"a nonce that is not the sign-in's":              {set("nonce", "another"), CodeTokenInvalid},
		"nonce null":                                     {set("nonce", nil), CodeTokenInvalid},
		"expired":                                        {set("exp", 1), CodeTokenInvalid},
		"at_hash of another token":                       {set("at_hash", "AAAA"), CodeTokenInvalid},
		"userinfo about somebody else": {
			oidctest.Faults{UserinfoClaims: func(c map[string]any) { c["sub"] = "x" }}, CodeUserinfoInvalid,
		},
		"no ID token at all":   {oidctest.Faults{TokenResponse: func(m map[string]any) { delete(m, "id_token") }}, ""},
		"no new refresh token": {oidctest.Faults{TokenResponse: func(m map[string]any) { delete(m, "refresh_token") }}, ""},
		"unsigned":             {oidctest.Faults{Alg: "none"}, CodeTokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, idp, _, l := signedIn(t, func(c *Config) { c.AlwaysUserinfo = true })
			before := idp.Count(oidctest.Userinfo)
			idp.SetFaults(tt.faults)
			r, err := a.handler.Refresh(t.Context(), l.RefreshToken)
			if tt.code != "" {
				require.ErrorIs(t, err, ErrDenied)
				require.Equal(t, tt.code, CodeOf(err))
				require.Zero(t, r)
				if tt.code == CodeTokenInvalid {
					require.Equal(t, before, idp.Count(oidctest.Userinfo), "no request after the fault")
				}
				return
			}
			require.NoError(t, err)
			require.Equal(t, "u-ada", r.Account.ID)
			require.False(t, r.RefreshToken.IsZero())
		})
	}
}

// TestRefreshKeepsRotatedToken: the provider has replaced the token already when something else fails.
func TestRefreshKeepsRotatedToken(t *testing.T) {
	t.Parallel()
	a, idp, _, l := signedIn(t, func(c *Config) { c.AlwaysUserinfo = true })
	idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Userinfo: {Status: 500}}})
	r, err := a.handler.Refresh(t.Context(), l.RefreshToken)
	require.ErrorIs(t, err, ErrUnavailable)
	require.False(t, r.RefreshToken.IsZero())
	require.Zero(t, r.Account)
	idp.SetFaults(oidctest.Faults{})
	r, err = a.handler.Refresh(t.Context(), r.RefreshToken)
	require.NoError(t, err)
	require.Equal(t, "u-ada", r.Account.ID)
}

// TestRefreshEndsWithAccess: whoever lost access here gets none by a token of before.
func TestRefreshEndsWithAccess(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(t *testing.T, a *app, c store.Connection, l Login)
		code   string
	}{
		"connection suspended": {func(t *testing.T, a *app, c store.Connection, _ Login) {
			c.State = store.ConnectionSuspended
			_, err := a.store.UpdateConnection(t.Context(), "acme", c)
			require.NoError(t, err)
		}, CodeConnectionOff},
		"another client": {func(t *testing.T, a *app, c store.Connection, _ Login) {
			c.ClientID = "other"
			_, err := a.store.UpdateConnection(t.Context(), "acme", c)
			require.NoError(t, err)
		}, CodeFlowMismatch},
		"unlinked": {func(t *testing.T, a *app, c store.Connection, l Login) {
			_, err := a.store.DeleteIdentitiesOfConnection(t.Context(), "acme", c.ID)
			require.NoError(t, err)
		}, CodeNotProvisioned},
		"account deleted": {func(_ *testing.T, a *app, _ store.Connection, _ Login) { a.accounts.remove("u-ada") }, CodeNotProvisioned},
		"account inactive": {func(t *testing.T, a *app, _ store.Connection, l Login) {
			_, err := a.store.CreateAccount(t.Context(), "acme", store.Account{Meta: store.Meta{ID: "u-ada"}, Source: store.SourceSCIM})
			require.NoError(t, err)
		}, CodeUserInactive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, idp, c, l := signedIn(t)
			tt.change(t, a, c, l)
			before := idp.Count(oidctest.Token)
			_, err := a.handler.Refresh(t.Context(), l.RefreshToken)
			require.ErrorIs(t, err, ErrDenied)
			require.Equal(t, tt.code, CodeOf(err))
			require.Equal(t, before, idp.Count(oidctest.Token), "the provider is not asked")
		})
	}
}

// TestRefreshTellsOfTheProvider: R43. An expired secret shows here first, where sessions live long.
func TestRefreshTellsOfTheProvider(t *testing.T) {
	t.Parallel()
	var alarms []string
	a, idp, _, l := signedIn(t, func(c *Config) {
		c.OnAlarm = AlarmFunc(func(_ context.Context, al Alarm) error { alarms = append(alarms, al.Event+" "+al.Code); return nil })
	})
	idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{
		oidctest.Token: {Status: 401, Body: `{"error":"invalid_client","error_description":"AADSTS7000222: expired"}`},
	}})
	for range 2 {
		_, err := a.handler.Refresh(t.Context(), l.RefreshToken)
		require.ErrorIs(t, err, ErrUnavailable)
	}
	idp.SetFaults(oidctest.Faults{})
	_, err := a.handler.Refresh(t.Context(), l.RefreshToken)
	require.NoError(t, err)
	require.Equal(t, []string{EventConnectionFailing + " " + CodeSecretExpired, EventConnectionRecovered + " " + CodeSecretExpired}, alarms)
}

// TestRefreshWithoutItsKey: a key that was taken out of the ring too early ends nobody's session.
func TestRefreshWithoutItsKey(t *testing.T) {
	t.Parallel()
	a, _, _, l := signedIn(t)
	other, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k2", Bytes: []byte(strings.Repeat("z", 32))}}})
	require.NoError(t, err)
	cfg := a.handler.cfg
	cfg.Keys = other
	h, err := NewHandler(cfg)
	require.NoError(t, err)
	_, err = h.Refresh(t.Context(), l.RefreshToken)
	require.ErrorIs(t, err, ErrUnavailable)
}

// TestForgedRefreshToken: what is not sealed here is refused before anything is looked up.
func TestForgedRefreshToken(t *testing.T) {
	t.Parallel()
	a, _, _, l := signedIn(t)
	raw := []byte(l.RefreshToken.Reveal())
	raw[len(raw)/2] ^= 1
	for _, s := range []string{"", "x", "bm8", string(raw), "Zm9v.YmFy"} {
		_, err := a.handler.Refresh(context.Background(), tenant.NewSecret(s))
		require.ErrorIs(t, err, ErrDenied, s)
		require.Equal(t, CodeRefreshRejected, CodeOf(err))
	}
}
