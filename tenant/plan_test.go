package tenant

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestR2PlansOfSeveralOrganisations: the same owner has one organisation with the plan and one without, and hears why a
// control is off in the one alone.
func TestR2PlansOfSeveralOrganisations(t *testing.T) {
	t.Parallel()
	plans := map[string]Included{"pro": {SSO: true, SCIM: true}, "starter": {}, "basic": {SSO: true}}
	w := newWorld(t, func(c *Config) {
		c.Entitlements = EntitlementsFunc(func(_ context.Context, id string) (Included, error) { return plans[id], nil })
	})
	ctx := t.Context()
	for id, want := range plans {
		got, err := w.Included(ctx, id)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	w.active(t, "pro", acme())
	w.refusedWith(t, "starter", ErrorCodePlanRequired, func() error {
		d := acme()
		d.Domains, d.BreakGlass = []string{"starter.example"}, nil
		_, _, err := w.CreateDraft(ctx, owner, "starter", d)
		require.ErrorIs(t, err, ErrForbidden)
		require.ErrorContains(t, err, "Single sign-on is not included in this organisation's plan")
		return err
	})
	d := acme()
	d.Domains, d.BreakGlass = []string{"basic.example"}, nil
	c := w.approved(t, "basic", d)
	directories, err := w.Directories(ctx, owner, "basic")
	require.NoError(t, err)
	require.Empty(t, directories, "SCIM was wished for, and is not in the plan")
	w.refusedWith(t, "basic", ErrorCodePlanRequired, func() error {
		_, err := w.EnableSCIM(ctx, owner, "basic", c.ID, store.SCIMPreferences{Wanted: true})
		require.ErrorContains(t, err, "SCIM is not included in this organisation's plan")
		return err
	})
}

// TestKeyOutlivesItsMaker: R8. An API key is the organisation's: it works on when the owner who made it left, whose own
// next step is refused.
func TestKeyOutlivesItsMaker(t *testing.T) {
	t.Parallel()
	left := false
	w := newWorld(t, func(c *Config) {
		all := c.Authorizer
		c.Authorizer = AuthorizerFunc(func(ctx context.Context, a Actor, action Action, id string) error {
			if left && a.ID == owner.ID {
				return ErrForbidden
			}
			return all.Can(ctx, a, action, id)
		})
	})
	w.active(t, "t1", acme())
	secret, key, err := w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "Okta"})
	require.NoError(t, err)
	left = true // between two forms that were shown before
	require.True(t, w.accepts(t, secret))
	w.refusedWith(t, "t1", ErrorCodeForbidden, func() error {
		_, err := w.RevokeAPIKey(t.Context(), owner, "t1", key.ID, w.apiKey(t, key.ID).Version, true)
		return err
	})
	other := Actor{Kind: ActorOwner, ID: "u2"}
	_, err = w.RevokeAPIKey(t.Context(), other, "t1", key.ID, w.apiKey(t, key.ID).Version, true)
	require.NoError(t, err, "another owner can take it back")
	require.False(t, w.accepts(t, secret))
}

func (w *world) apiKey(t testing.TB, id string) store.APIKey {
	t.Helper()
	k, err := w.store.APIKey(t.Context(), "t1", id)
	require.NoError(t, err)
	return k
}

// TestR42ClockGoesBack: a clock that is set back, on one replica or on all, tells nothing twice.
func TestR42ClockGoesBack(t *testing.T) {
	t.Parallel()
	w, _, _ := expiring(t)
	w.pass(17 * day)
	require.Equal(t, 1, w.reminded(t))
	w.pass(-5 * day)
	require.Zero(t, w.reminded(t))
	w.pass(5*day + time.Hour)
	require.Zero(t, w.reminded(t))
	w.pass(8 * day)
	require.Equal(t, 1, w.reminded(t))
	w.pass(-2 * day)
	require.Zero(t, w.reminded(t))
	require.Equal(t, []string{"336h0m0s", "168h0m0s"}, w.mails(t, "t1"))
}

// TestR37OptionalFields: what a request may leave out, it may; and it can be given later.
func TestR37OptionalFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", Draft{Domains: []string{"acme.com"}, Authority: "https://login.acme.com", ClientID: "client-1", ClientSecret: NewSecret(testSecret)})
	require.Zero(t, c.SecretExpiresAt)
	require.Empty(t, c.BreakGlass)
	require.Empty(t, c.AdditionalScopes)
	directories, err := w.Directories(ctx, owner, "t1")
	require.NoError(t, err)
	require.Empty(t, directories)

	c, _, err = w.SetSecretExpiry(ctx, owner, "t1", c.ID, c.Version, w.clock().Add(day), false) // the owner's own (D4)
	require.NoError(t, err)
	require.NotZero(t, c.SecretExpiresAt)
	d := Draft{
		Domains: []string{"acme.com"}, Authority: "https://login.acme.com", ClientID: "client-1", SecretExpiresAt: c.SecretExpiresAt,
		BreakGlass: []string{"admin@acme.com"}, AdditionalScopes: []string{"groups"},
	}
	ch := w.tested(t, "t1", w.requested(t, c, d)) // reviewed
	c, err = w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
	require.NoError(t, err)
	require.Equal(t, d.BreakGlass, c.BreakGlass)
	require.Equal(t, d.AdditionalScopes, c.AdditionalScopes)
}

// TestGuidesSayWhatTheirProvidersNeed: R12, R16 to R18, R22 to R25, R54: what each provider is known for is in its guide.
func TestGuidesSayWhatTheirProvidersNeed(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string]struct {
		outgoing SCIMOutgoing
		scim     string // of the summary of provisioning
		auth     string
		step     string // one of the steps of sign-in
	}{
		ProviderOkta:      {SCIMOwnApp, "second", "", "Assignments"},
		ProviderGoogle:    {SCIMNone, "It sends nothing to one that you registered yourself", ClientSecretBasic, "Add the redirect URI under Authorized redirect URIs"},
		ProviderJumpCloud: {SCIMOwnApp, "second custom application", ClientSecretPost, "tick the standard scopes Email and Profile. The mapping itself needs no change"},
		ProviderEntra:     {SCIMOwnApp, "second application", "", "add the delegated permissions openid, profile and email"},
	} {
		g := GuideOf(provider)
		require.Equal(t, want.outgoing, g.SCIM.Outgoing, provider)
		require.Contains(t, g.SCIM.Summary.Text, want.scim)
		if want.auth != "" {
			require.Equal(t, want.auth, g.ClientAuth.Recommended)
		}
		var steps string
		for _, s := range g.OIDC {
			steps += s.Text + "\n"
		}
		require.Contains(t, steps, want.step, provider)
	}
	entra := GuideOf(ProviderEntra)
	require.Equal(t, "offline_access", entra.Scopes.Unwanted[0].Scope)
	require.NotContains(t, Scopes(nil), "offline_access", "it is not asked for unless somebody adds it")
	require.Equal(t, []string{"email"}, GuideOf(ProviderGoogle).Scopes.Extra)
	require.Equal(t, []string{"openid", "profile", "email"}, Scopes([]string{"email"}), "a default again is harmless")
	require.Equal(t, "https://oauth.id.jumpcloud.com/", GuideOf(ProviderJumpCloud).Authority.Pattern)
}

// TestR61SCIMLater: SCIM is added to a connection that people sign in at already.
func TestR61SCIMLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	d := acme()
	d.SCIM = store.SCIMPreferences{}
	c := w.active(t, "t1", d)
	before := w.stored(t, c.ID)
	link, err := w.store.CreateIdentity(ctx, "t1", store.Identity{Meta: store.Meta{ID: "i1"}, ConnectionID: c.ID, Issuer: c.Issuer, Subject: "s", AccountID: "u1"})
	require.NoError(t, err)
	w.refusedWith(t, "t1", ErrorCodeSCIMRequired, func() error {
		_, _, err := w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: "Okta"})
		return err
	})
	dir, err := w.EnableSCIM(ctx, owner, "t1", c.ID, store.SCIMPreferences{Wanted: true, PhoneEditable: true, PhoneUnconfirmed: true})
	require.NoError(t, err)
	require.Equal(t, []FieldPolicy{{Field: FieldPhone, UserEditable: true}}, FieldPolicies(dir.Preferences))
	secret, _, err := w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: "Okta"})
	require.NoError(t, err)
	require.True(t, w.accepts(t, secret))

	require.Equal(t, before, w.stored(t, c.ID), "nothing about sign-in is touched")
	links, err := w.store.IdentitiesOf(ctx, "t1", "u1")
	require.NoError(t, err)
	require.Equal(t, []store.Identity{link}, links)
	realm, err := w.RealmOf(ctx, "a@acme.com")
	require.NoError(t, err)
	require.Equal(t, c.ID, realm.ConnectionID)
}
