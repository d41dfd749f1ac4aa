package oidc

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// signUp is an Accounts that keeps what it was told about new accounts.
type signUp struct {
	*accounts
	told []NewAccount
}

func (s *signUp) CreateAccount(ctx context.Context, tx store.Store, tenantID string, n NewAccount) (Account, error) {
	s.told = append(s.told, n)
	return s.accounts.CreateAccount(ctx, tx, tenantID, n)
}

// TestJustInTimeModes: off, on inside the tenant's domains, and on for everybody whom its provider lets in.
func TestJustInTimeModes(t *testing.T) {
	t.Parallel()
	const inside, outside = "new@acme.example", "contractor@elsewhere.example"
	for name, row := range map[string]struct {
		mode  func(*store.Connection)
		email string
		code  string // empty for a new account
		claim func(map[string]any)
	}{
		"off, inside":           {func(*store.Connection) {}, inside, CodeNotProvisioned, nil},
		"off, outside":          {func(*store.Connection) {}, outside, CodeEmailDomain, nil},
		"domains, inside":       {func(c *store.Connection) { c.JustInTime = true }, inside, "", nil},
		"domains, outside":      {func(c *store.Connection) { c.JustInTime = true }, outside, CodeEmailDomain, nil},
		"any, inside":           {anyDomain, inside, "", nil},
		"any, outside":          {anyDomain, outside, "", nil},
		"any without on":        {func(c *store.Connection) { c.JustInTimeAnyDomain = true }, outside, CodeEmailDomain, nil},
		"any, unverified":       {anyDomain, outside, CodeEmailUnverified, func(m map[string]any) { m["email_verified"] = false }},
		"any, unstated":         {anyDomain, outside, "", func(m map[string]any) { delete(m, "email_verified") }},
		"any, shared issuer":    {func(c *store.Connection) { anyDomain(c); c.SharedIssuer = true }, outside, CodeEmailUnverified, func(m map[string]any) { delete(m, "email_verified") }},
		"any, no address":       {anyDomain, outside, CodeEmailMissing, func(m map[string]any) { delete(m, "email") }},
		"any, two addresses":    {anyDomain, outside, CodeEmailMissing, func(m map[string]any) { m["email"] = "a@evil.example@acme.example" }},
		"any, another tenant's": {anyDomain, "boss@rival.example", CodeAddressTaken, nil},
		"any, below another's":  {anyDomain, "boss@lab.rival.example", CodeAddressTaken, nil},
		"any, a member's":       {anyDomain, "member@free.example", CodeAddressTaken, nil},
		"any, somebody's":       {anyDomain, "stranger@free.example", CodeAddressTaken, nil},
		"any, in other letters": {anyDomain, "STRANGER@Free.Example", CodeAddressTaken, nil},
		"any, provisioned":      {anyDomain, "scim@free.example", CodeAddressTaken, nil},
		"any, deactivated":      {anyDomain, "gone@free.example", CodeUserInactive, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			idp.SetUsers(oidctest.User{Subject: "s-1", Email: row.email, Name: "New"})
			idp.SetFaults(oidctest.Faults{Claims: row.claim, UserinfoClaims: row.claim})
			host := &signUp{}
			a := newApp(t, func(c *Config) {
				host.accounts = c.Accounts.(*accounts)
				c.Accounts = host
			})
			c := a.connect(idp, "acme", "acme.example", row.mode)
			a.connect(oidctest.NewServer(t), "rival", "rival.example")
			a.accounts.add("acme", "u-member", "member@free.example")
			a.accounts.add("other", "u-stranger", "stranger@free.example")
			now := time.Now()
			for name, active := range map[string]bool{"scim@free.example": true, "gone@free.example": false} {
				_, err := a.store.CreateSCIMUser(t.Context(), "acme", store.SCIMUser{
					Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, UserName: name, Active: active, Body: []byte(`{}`),
				})
				require.NoError(t, err)
			}

			p := a.signIn("typed@acme.example")
			if row.code != "" {
				require.Equal(t, 403, p.status)
				require.Contains(t, p.body, row.code)
				require.Empty(t, p.session)
				require.Empty(t, host.told)
				_, err := a.store.Identity(t.Context(), "acme", c.ID, idp.Issuer(), "s-1")
				require.ErrorIs(t, err, store.ErrNotFound)
				return
			}
			require.Equal(t, 200, p.status, p.body)
			require.Len(t, host.told, 1)
			var claims struct {
				Sub string `json:"sub"`
			}
			require.NoError(t, host.told[0].Claims(&claims))
			require.Equal(t, "s-1", claims.Sub)
			require.Equal(t, NewAccount{
				Email: row.email, Name: "New", EmailUnproven: row.email == outside,
				ConnectionID: c.ID, Issuer: idp.Issuer(), Subject: "s-1", claims: host.told[0].claims,
			}, host.told[0])
			require.True(t, a.lastLogin().First)
			require.Equal(t, row.email == outside, a.lastLogin().EmailUnproven)
			require.Len(t, a.events("acme", EventAccountCreated), 1)
			record, err := a.store.Account(t.Context(), "acme", a.lastLogin().Account.ID)
			require.NoError(t, err)
			require.Equal(t, store.SourceOIDC, record.Source)

			// The second time the person is known by subject.
			require.Equal(t, 200, a.signIn("typed@acme.example").status)
			require.False(t, a.lastLogin().First)
			require.Len(t, host.told, 1)

			// Somebody else with the same address is somebody else.
			idp.SetUsers(oidctest.User{Subject: "s-2", Email: row.email, Name: "Twin"})
			p = a.signIn("typed@acme.example")
			require.Equal(t, 403, p.status)
			require.Len(t, host.told, 1)
		})
	}
}

func anyDomain(c *store.Connection) { c.JustInTime, c.JustInTimeAnyDomain = true, true }

// TestOutsiderIsNotMatchedLater: an account that was made for an unproven address stays with the person who made it, also
// when the address comes to be in a domain of the tenant and its real owner signs in: nobody finds himself in an account
// that somebody else prepared for him.
func TestOutsiderIsNotMatchedLater(t *testing.T) {
	t.Parallel()
	const address = "ceo@later.example"
	contractors, staff := oidctest.NewServer(t), oidctest.NewServer(t)
	a := newApp(t)
	b := a.connect(contractors, "acme", "acme.example", anyDomain)
	c := a.connect(staff, "acme", "")
	contractors.SetUsers(oidctest.User{Subject: "attacker", Email: address})
	require.Equal(t, 200, a.signIn("x@acme.example").status)
	made := a.lastLogin().Account.ID
	record, err := a.store.Account(t.Context(), "acme", made)
	require.NoError(t, err)
	require.True(t, record.EmailUnproven)

	a.domain("acme", c.ID, "later.example", false)
	staff.SetUsers(oidctest.User{Subject: "ceo", Email: address})
	p := a.signIn(address)
	require.Equal(t, 403, p.status)
	require.Contains(t, p.body, CodeAddressTaken)
	links, err := a.store.IdentitiesOf(t.Context(), "acme", made)
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, b.ID, links[0].ConnectionID)

	// The one who made it goes on as himself, until the host knows whose address it is.
	require.Equal(t, 200, a.signIn("x@acme.example").status)
	require.Equal(t, made, a.lastLogin().Account.ID)
	record.EmailUnproven = false
	_, err = a.store.UpdateAccount(t.Context(), "acme", record)
	require.NoError(t, err)
	require.Equal(t, 200, a.signIn(address).status)
	require.Equal(t, made, a.lastLogin().Account.ID)
}

// TestOutsiderInTheReport: the owner who tests sees what a real sign-in would do, and nothing is made. With a provider of his
// own he could ask for any address: the answer does not depend on whose it is.
func TestOutsiderInTheReport(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		email   string
		outcome TestOutcome
		code    string
	}{
		"free":       {"contractor@elsewhere.example", OutcomeCreate, ""},
		"somebody's": {"stranger@free.example", OutcomeCreate, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			idp.SetUsers(oidctest.User{Subject: "s-1", Email: row.email})
			a, c := reporting(t, idp, anyDomain)
			a.accounts.add("other", "u-stranger", "stranger@free.example")
			require.Equal(t, "home /result", a.browser().get(a.url+"/test").body)
			r, err := a.handler.TakeTestReport(t.Context(), "acme", c.ID, reporter)
			require.NoError(t, err)
			require.Equal(t, row.outcome, r.Outcome)
			require.Equal(t, row.code, r.OutcomeCode)
			require.Equal(t, row.code, r.Received.EmailCode)
			require.Zero(t, a.accounts.made)
			_, err = a.store.Identity(t.Context(), "acme", c.ID, idp.Issuer(), "s-1")
			require.ErrorIs(t, err, store.ErrNotFound)
		})
	}
}
