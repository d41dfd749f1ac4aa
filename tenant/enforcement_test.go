package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// signedIn writes the event of a sign-in at a connection, as package oidc does.
func (w *world) signedIn(t testing.TB, tenantID, connectionID string) {
	t.Helper()
	after, err := json.Marshal(map[string]string{"connection": connectionID})
	require.NoError(t, err)
	now := store.Time(w.clock())
	require.NoError(t, w.store.AppendEvents(t.Context(), tenantID, store.Event{ID: store.NewID(now), Type: signInSucceeded, At: now, After: after, Actor: store.EventActor{Kind: "user"}}))
}

func codes(findings []Finding, s Severity) []string {
	var out []string
	for _, f := range findings {
		if f.Severity == s {
			out = append(out, f.Code)
		}
	}
	return out
}

// TestEnforcementPrechecks: R48. Optional to enforced is a separate switch, which nobody locks himself out with.
func TestEnforcementPrechecks(t *testing.T) {
	t.Parallel()
	works := map[string]bool{}
	var credentialErr error
	w := newWorld(t, func(c *Config) {
		c.EnforceAfter = 3
		c.LocalCredentials = LocalCredentialsFunc(func(_ context.Context, tenantID, email string) (bool, error) {
			return works[tenantID+" "+email], credentialErr
		})
	})
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	enforce := func(by Actor, a Activation) func() error {
		return func() error {
			_, err := w.SetEnforced(ctx, by, "t1", c.ID, c.Version, a)
			return err
		}
	}
	on := Activation{Enforced: true}

	r, err := w.Enforcement(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	require.False(t, r.Ready())
	require.Equal(t, []string{CodeBreakGlassUnusable, CodeSignInsRequired}, codes(r.Findings, SeverityError))
	require.Equal(t, 1, r.SignIns, "the test")
	w.refusedWith(t, "t1", CodeBreakGlassUnusable, enforce(owner, on))
	w.refusedWith(t, "t1", CodeSignInsRequired, enforce(owner, Activation{Enforced: true, Confirm: true}))

	works["t1 admin@acme.com"] = true
	w.signedIn(t, "t1", c.ID)
	w.signedIn(t, "t1", "another-connection")
	w.refusedWith(t, "t1", CodeSignInsRequired, enforce(owner, on))
	w.signedIn(t, "t1", c.ID)
	w.signedIn(t, "t1", c.ID)
	r, err = w.Enforcement(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	require.True(t, r.Ready(), r.Findings)
	require.Equal(t, 3, r.SignIns, "counting ends where it is enough")

	// Another owner, who never signed in at the provider.
	other := Actor{Kind: ActorOwner, ID: "u2", Email: "Other@ACME.com"}
	w.refusedWith(t, "t1", CodeOwnerNotCovered, enforce(other, on))
	w.refusedWith(t, "t1", CodeOwnerNotCovered, enforce(other, Activation{Enforced: true, Confirm: true}))
	w.refusedWith(t, "t1", CodeOwnerNotCovered, enforce(Actor{Kind: ActorOwner, ID: "u3"}, on))
	for name, by := range map[string]Actor{
		"break-glass address": {Kind: ActorOwner, ID: "u4", Email: "Admin@acme.com"},
		"in no domain of it":  {Kind: ActorOwner, ID: "u5", Email: "me@agency.example"},
	} {
		r, err = w.Enforcement(ctx, by, "t1", c.ID)
		require.NoError(t, err)
		require.True(t, r.Ready(), name)
	}
	// He does now, after the activation.
	w.pass(time.Hour)
	now := store.Time(w.clock())
	_, err = w.store.CreateIdentity(ctx, "t1", store.Identity{
		Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, ConnectionID: c.ID, Issuer: c.Issuer,
		Subject: "s2", AccountID: "u2", LastSignInAt: now,
	})
	require.NoError(t, err)

	credentialErr = errors.New("down")
	require.ErrorIs(t, enforce(other, on)(), credentialErr, "not known is not in order")
	credentialErr = nil
	require.NoError(t, enforce(other, on)())
	c, err = w.Connection(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	require.True(t, c.Enforced)

	// Off again, whatever is missing.
	works = nil
	c, err = w.SetEnforced(ctx, Actor{Kind: ActorOwner, ID: "u3"}, "t1", c.ID, c.Version, Activation{})
	require.NoError(t, err)
	require.False(t, c.Enforced)
}

// TestActivateEnforced: enforcing at once needs the same.
func TestActivateEnforced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.approved(t, "t1", acme())
	w.prove(t, "t1", c)
	c = w.tested(t, "t1", c) // as owner@acme.com
	activate := func(by Actor) func() error {
		return func() error {
			_, err := w.Activate(t.Context(), by, "t1", c.ID, c.Version, Activation{Enforced: true})
			return err
		}
	}
	w.refusedWith(t, "t1", CodeOwnerNotCovered, activate(Actor{Kind: ActorOwner, ID: "u2", Email: "other@acme.com"}))
	require.NoError(t, activate(owner)())
}

// TestEnforcementIsNotForStrangers: the report tells about accounts.
func TestEnforcementIsNotForStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.active(t, "t1", acme())
	_, err := w.Enforcement(t.Context(), stranger, "t1", c.ID)
	require.ErrorIs(t, err, ErrForbidden)
	_, err = w.Enforcement(t.Context(), owner, "t2", c.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = New(Config{
		Store: w.store, Keyring: w.keys, Tenants: w.cfg.Tenants, Authorizer: w.cfg.Authorizer, DomainValidator: w,
		ProviderChecker: w.cfg.ProviderChecker, EnforceAfter: -1,
	})
	require.ErrorContains(t, err, "EnforceAfter")
}

// TestEnforcementAfterNewSecret: sign-ins with the secret before say nothing about the present one.
func TestEnforcementAfterNewSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.EnforceAfter = 2 })
	c := w.active(t, "t1", acme())
	w.signedIn(t, "t1", c.ID)
	r, err := w.Enforcement(t.Context(), owner, "t1", c.ID)
	require.NoError(t, err)
	require.True(t, r.Ready(), r.Findings)
	w.pass(time.Hour)
	_, _, err = w.ReplaceSecret(t.Context(), owner, "t1", c.ID, c.Version, NewSecret("another-secret-value"), time.Time{})
	require.NoError(t, err)
	r, err = w.Enforcement(t.Context(), owner, "t1", c.ID)
	require.NoError(t, err)
	require.False(t, r.Ready())
	require.Zero(t, r.SignIns)
	require.Equal(t, []string{CodeOwnerNotCovered, CodeSignInsRequired}, codes(r.Findings, SeverityError))
}

// TestLiftEnforcement: in an emergency the host's console lets people in.
func TestLiftEnforcement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.active(t, "t1", acme())
	_, err := w.SetEnforced(t.Context(), owner, "t1", c.ID, c.Version, Activation{Enforced: true})
	require.NoError(t, err)
	console := Actor{Kind: ActorStaff, Name: "console"}
	n, err := w.LiftEnforcement(t.Context(), console, "t1", "the provider is down")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	realm, err := w.RealmOf(t.Context(), "a@acme.com")
	require.NoError(t, err)
	require.False(t, realm.Enforced)
	events, err := w.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: "connection.enforcement_lifted"})
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, "the provider is down", events[0].Message)
	require.Equal(t, "console", events[0].Actor.Name)
	n, err = w.LiftEnforcement(t.Context(), console, "t1", "again")
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = w.LiftEnforcement(t.Context(), console, "", "nobody's")
	require.ErrorIs(t, err, store.ErrNotFound)
}
