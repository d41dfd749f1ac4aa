package oidc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// TestExternalID is R75: the first sign-in of provisioned users is matched by externalId where the host says so.
func TestExternalID(t *testing.T) {
	t.Parallel()
	now := time.Now()
	// setUp makes a tenant whose directory provisioned Ada (externalId s1, account u-ada with an address that the provider
	// does not assert) and Bob (externalId s2, account u-bob with the address bob@acme.example).
	setUp := func(t *testing.T, claim string) (*app, *oidctest.Server, store.Connection) {
		t.Helper()
		idp := oidctest.NewServer(t)
		a := newApp(t, func(c *Config) { c.ExternalIDClaim = func(store.Connection) string { return claim } })
		c := a.connect(idp, "acme", "acme.example")
		a.accounts.add("acme", "u-ada", "ada.lovelace@acme.example")
		a.accounts.add("acme", "u-bob", "bob@acme.example")
		for external, id := range map[string]string{"s1": "u-ada", "s2": "u-bob"} {
			u, err := a.store.CreateSCIMUser(t.Context(), "acme", store.SCIMUser{
				Meta:     store.Meta{ID: "scim-" + id, CreatedAt: now, UpdatedAt: now},
				UserName: id + "@upn.acme.example", ExternalID: external, Active: true, Body: []byte(`{}`),
			})
			require.NoError(t, err)
			_, err = a.store.CreateAccount(t.Context(), "acme", store.Account{
				Meta: store.Meta{ID: id, CreatedAt: now, UpdatedAt: now}, Source: store.SourceSCIM, SCIMUserID: u.ID, Active: true,
			})
			require.NoError(t, err)
		}
		directory(t, a, "d1", c.ID)
		return a, idp, c
	}
	user := func(subject, email string) oidctest.User { return oidctest.User{Subject: subject, Email: email} }

	for name, tt := range map[string]struct {
		claim  string
		user   oidctest.User
		change func(t *testing.T, a *app, c store.Connection)
		want   string // the account, or the code of the refusal
	}{
		"by externalId":          {claim: "sub", user: user("s1", "ada@acme.example"), want: "u-ada"},
		"by both":                {claim: "sub", user: user("s2", "bob@acme.example"), want: "u-bob"},
		"not configured":         {claim: "", user: user("s1", "ada@acme.example"), want: CodeNotProvisioned},
		"another claim":          {claim: "email", user: user("s1", "ada@acme.example"), want: CodeNotProvisioned},
		"byte by byte":           {claim: "sub", user: user("S1", "ada@acme.example"), want: CodeNotProvisioned},
		"the same domain rules":  {claim: "sub", user: user("s1", "ada@evil.example"), want: CodeEmailDomain},
		"two accounts":           {claim: "sub", user: user("s1", "bob@acme.example"), want: CodeAccountConflict},
		"an address reused":      {claim: "sub", user: user("s3", "bob@acme.example"), want: CodeAccountConflict},
		"reused, not configured": {claim: "", user: user("s3", "bob@acme.example"), want: "u-bob"},
		"oid is Entra's alone":   {claim: "oid", user: oidctest.User{Subject: "x", Email: "ada@acme.example", Claims: map[string]any{"oid": "s1"}}, want: CodeNotProvisioned},
		"unverified address":     {claim: "sub", user: oidctest.User{Subject: "s1", Email: "ada@acme.example", EmailVerified: false}, want: CodeEmailUnverified},
		"address of a stranger":  {claim: "sub", user: user("s1", "eve@acme.example"), want: CodeAccountConflict, change: func(_ *testing.T, a *app, _ store.Connection) { a.accounts.add("globex", "u-eve", "eve@acme.example") }},
		"directory of another": {claim: "sub", user: user("s1", "ada@acme.example"), want: CodeNotProvisioned, change: func(t *testing.T, a *app, _ store.Connection) {
			d, err := a.store.Directory(t.Context(), "acme", "d1")
			require.NoError(t, err)
			d.ConnectionID = "another"
			_, err = a.store.UpdateDirectory(t.Context(), "acme", d)
			require.NoError(t, err)
		}},
		"a second directory": {claim: "sub", user: user("s1", "ada@acme.example"), want: CodeNotProvisioned, change: func(t *testing.T, a *app, _ store.Connection) {
			directory(t, a, "d2", "another")
		}},
		"two users with one externalId": {claim: "sub", user: user("s1", "ada@acme.example"), want: CodeNotProvisioned, change: func(t *testing.T, a *app, _ store.Connection) {
			_, err := a.store.CreateSCIMUser(t.Context(), "acme", store.SCIMUser{
				Meta: store.Meta{ID: "twin", CreatedAt: now, UpdatedAt: now}, UserName: "twin", ExternalID: "s1", Active: true, Body: []byte(`{}`),
			})
			require.NoError(t, err)
		}},
		"deactivated": {claim: "sub", user: user("s1", "ada@acme.example"), want: CodeUserInactive, change: func(t *testing.T, a *app, _ store.Connection) {
			u, err := a.store.SCIMUser(t.Context(), "acme", "scim-u-ada")
			require.NoError(t, err)
			u.Active = false
			_, err = a.store.UpdateSCIMUser(t.Context(), "acme", u)
			require.NoError(t, err)
		}},
		"account gone at the host": {claim: "sub", user: user("s1", "ada@acme.example"), want: CodeNotProvisioned, change: func(_ *testing.T, a *app, _ store.Connection) { a.accounts.remove("u-ada") }},
		"account linked already": {claim: "sub", user: user("s1", "ada@acme.example"), want: CodeAlreadyLinked, change: func(t *testing.T, a *app, c store.Connection) {
			_, err := a.store.CreateIdentity(t.Context(), "acme", store.Identity{
				Meta: store.Meta{ID: "i1", CreatedAt: now, UpdatedAt: now}, ConnectionID: c.ID, Issuer: c.Issuer, Subject: "another", AccountID: "u-ada",
			})
			require.NoError(t, err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, idp, c := setUp(t, tt.claim)
			if tt.change != nil {
				tt.change(t, a, c)
			}
			idp.SetUsers(tt.user)
			p := a.signIn("somebody@acme.example")
			if tt.want == "u-ada" || tt.want == "u-bob" {
				require.Equal(t, 200, p.status, p.body)
				require.Equal(t, tt.want, a.lastLogin().Account.ID)
				require.True(t, a.lastLogin().First)
				require.Equal(t, 200, a.signIn("somebody@acme.example").status, "the link counts from now on")
				require.False(t, a.lastLogin().First)
				return
			}
			require.Equal(t, 403, p.status)
			require.Contains(t, p.body, ">"+tt.want+"<")
			require.Zero(t, a.loginCount())
		})
	}
}

// TestEntraObjectID: oid is read at Microsoft's issuers.
func TestEntraObjectID(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *Config) { c.ExternalIDClaim = func(store.Connection) string { return "oid" } })
	for issuer, want := range map[string]string{
		"https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0": "o1",
		"https://sts.windows.net/6babcaad-604b-40ac-a9d7-9fd97c0b779f/":               "o1",
		"https://login.microsoftonline.com.evil.example/x":                            "",
		"http://login.microsoftonline.com/x":                                          "",
	} {
		m := matcher{h: a.handler, conn: store.Connection{Issuer: issuer}, who: person{subject: "s", claims: object{{[]byte("oid"), []byte(`"o1"`)}}}}
		require.Equal(t, want, m.externalIDClaim(), issuer)
		m.who.claims = object{{[]byte("oid"), []byte(`7`)}}
		require.Empty(t, m.externalIDClaim())
	}
}

func directory(t *testing.T, a *app, id, connectionID string) {
	t.Helper()
	now := time.Now()
	_, err := a.store.CreateDirectory(t.Context(), "acme", store.Directory{
		Meta: store.Meta{ID: id, CreatedAt: now, UpdatedAt: now}, ConnectionID: connectionID, Enabled: true,
	})
	require.NoError(t, err)
}
