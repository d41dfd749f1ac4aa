package oidc

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

func oneTenant(t *testing.T, change ...func(*store.Connection)) (*app, *oidctest.Server, store.Connection) {
	t.Helper()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	c := a.connect(idp, "acme", "acme.example", change...)
	a.accounts.add("acme", "u-ada", "ada@acme.example")
	return a, idp, c
}

// refused signs in and expects a 403 with this code, no session, and a row in the journal.
func (a *app) refused(code string) {
	a.t.Helper()
	before, had := a.loginCount(), a.held()
	p := a.signIn("ada@acme.example")
	require.Equal(a.t, 403, p.status, p.body)
	require.Contains(a.t, p.body, "<code>"+code+"</code>")
	require.Empty(a.t, p.session)
	require.Equal(a.t, before, a.loginCount())
	require.Equal(a.t, had, a.held(), "a refused sign-in links and makes nobody")
	refused := a.events("acme", EventSignInRefused)
	require.NotEmpty(a.t, refused)
	require.Equal(a.t, code, refused[len(refused)-1].Code)
}

// held counts acme's records, but for what a refused sign-in may leave: that it was used up, and its event.
func (a *app) held() map[store.RecordKind]int {
	a.t.Helper()
	got, err := a.store.Holdings(a.t.Context(), "acme")
	require.NoError(a.t, err)
	delete(got, store.KindToken)
	delete(got, store.KindEvent)
	return got
}

// TestS1_ForeignEmail: another tenant's provider asserts acme's address.
func TestS1_ForeignEmail(t *testing.T) {
	proves(t)
	t.Parallel()
	a, _, rival, _, cb := twoTenants(t)
	rival.SetUsers(oidctest.User{Subject: "s", Email: "ada@acme.example"})
	p := a.signIn("bob@rival.example")
	require.Equal(t, 403, p.status)
	require.Contains(t, p.body, CodeEmailDomain)
	require.Empty(t, p.session)
	refused := a.events("rival", EventSignInRefused)
	require.Len(t, refused, 1)
	require.Equal(t, cb.ID, refused[0].Subject.ID)
	require.Empty(t, a.events("acme", ""))

	// The same provider is set up for a second tenant, whose domain the address is in: that tenant's members only.
	a.domain("rival", cb.ID, "shared.example", false)
	a.accounts.add("acme", "u-both", "both@shared.example")
	rival.SetUsers(oidctest.User{Subject: "both", Email: "both@shared.example"})
	p = a.signIn("both@shared.example")
	require.Equal(t, 403, p.status)
	require.Contains(t, p.body, CodeOtherTenant)
}

// TestS2_EmailVerified is rule 3: forms of email_verified, own and shared issuer, strings by option.
func TestS2_EmailVerified(t *testing.T) {
	proves(t)
	t.Parallel()
	for _, tt := range []struct {
		name                      string
		verified                  any
		own, ownStrict, shared    bool
		ownStrings, sharedStrings bool
	}{
		{"absent", oidctest.Unstated, true, false, false, true, false},
		{"true", true, true, true, true, true, true},
		{"string true", "true", false, false, false, true, true},
		{"null", []byte(nil), false, false, false, false, false},
		{"false", false, false, false, false, false, false},
		{"string false", "false", false, false, false, false, false},
		{"0", 0, false, false, false, false, false},
		{"1", 1, false, false, false, false, false},
		{"string 1", "1", false, false, false, false, false},
		{"string TRUE", "TRUE", false, false, false, false, false},
		{"array", []bool{true}, false, false, false, false, false},
		{"object", map[string]bool{"x": true}, false, false, false, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for name, want := range map[string]bool{
				"own": tt.own, "own strict": tt.ownStrict, "shared": tt.shared, "own strings": tt.ownStrings, "shared strings": tt.sharedStrings,
			} {
				idp := oidctest.NewServer(t)
				idp.SetUsers(oidctest.User{Subject: "s", Email: "ada@acme.example", EmailVerified: tt.verified})
				a := newApp(t, func(c *Config) { c.RequireEmailVerified = name == "own strict" })
				a.connect(idp, "acme", "acme.example", func(c *store.Connection) {
					c.SharedIssuer = strings.HasPrefix(name, "shared")
					c.EmailVerifiedString = strings.HasSuffix(name, "strings")
				})
				a.accounts.add("acme", "u-ada", "ada@acme.example")
				if want {
					require.Equal(t, 200, a.signIn("ada@acme.example").status, name)
				} else {
					a.refused(CodeEmailUnverified)
				}
			}
		})
	}
}

func TestEntraDomainOwnerVerified(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		edov any
		ok   bool
	}{{true, true}, {"1", true}, {1, true}, {"true", true}, {false, false}, {"0", false}, {0, false}, {[]byte(nil), false}} {
		a, idp, _ := oneTenant(t)
		idp.SetUsers(oidctest.User{
			Subject: "s", Email: "ada@acme.example", EmailVerified: oidctest.Unstated, Claims: map[string]any{"xms_edov": tt.edov},
		})
		if tt.ok {
			require.Equal(t, 200, a.signIn("ada@acme.example").status, "%v", tt.edov)
		} else {
			a.refused(CodeEmailUnverified)
		}
	}
}

// TestS3_TwoDocuments: the address from userinfo with the email_verified of the ID token is not verified, and the other way.
func TestS3_TwoDocuments(t *testing.T) {
	proves(t)
	t.Parallel()
	start := func(t *testing.T) (*app, *oidctest.Server) {
		idp := oidctest.NewServerConfig(t, oidctest.Config{EmailInUserinfo: true})
		idp.SetUsers(oidctest.User{Subject: "s", Email: "ada@acme.example", EmailVerified: oidctest.Unstated})
		a := newApp(t)
		a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.SharedIssuer = true })
		a.accounts.add("acme", "u-ada", "ada@acme.example")
		return a, idp
	}
	a, idp := start(t)
	idp.SetFaults(oidctest.Faults{Claims: func(c map[string]any) { c["email_verified"] = true }})
	a.refused(CodeEmailUnverified)

	a, idp = start(t)
	idp.SetFaults(oidctest.Faults{UserinfoClaims: func(c map[string]any) { c["email_verified"] = true }})
	require.Equal(t, 200, a.signIn("ada@acme.example").status)

	a, idp = start(t)
	idp.SetFaults(oidctest.Faults{
		Claims:         func(c map[string]any) { c["email"], c["email_verified"] = "ada@acme.example", false },
		UserinfoClaims: func(c map[string]any) { c["email_verified"] = true },
	})
	a.refused(CodeEmailUnverified)
	require.Zero(t, idp.Count(oidctest.Userinfo))
}

// TestUserinfo: what may be wrong with a userinfo answer.
func TestUserinfo(t *testing.T) {
	t.Parallel()
	fault := func(f oidctest.Fault) oidctest.Faults {
		return oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Userinfo: f}}
	}
	jwtType := map[string][]string{"Content-Type": {"application/jwt"}}
	for name, tt := range map[string]struct {
		faults oidctest.Faults
		status int
		code   string
	}{
		"good":                         {oidctest.Faults{}, 200, ""},
		"another subject":              {oidctest.Faults{UserinfoClaims: func(c map[string]any) { c["sub"] = "x" }}, 403, CodeUserinfoInvalid},
		"no sub":                       {oidctest.Faults{UserinfoClaims: func(c map[string]any) { delete(c, "sub") }}, 403, CodeUserinfoInvalid},
		"null":                         {fault(oidctest.Fault{Body: "null"}), 403, CodeUserinfoInvalid},
		"twice":                        {fault(oidctest.Fault{Body: `{"sub":"x","sub":"subject-1"}`}), 403, CodeUserinfoInvalid},
		"status 500":                   {fault(oidctest.Fault{Status: 500}), 503, CodeProviderDown},
		"redirect":                     {fault(oidctest.Fault{Redirect: "https://evil.example"}), 503, CodeProviderConfig},
		"endless":                      {fault(oidctest.Fault{Endless: 8 << 20}), 503, CodeProviderDown},
		"no token although it says so": {fault(oidctest.Fault{Body: "a.b.c", Header: jwtType}), 403, CodeUserinfoInvalid},
		"encrypted":                    {fault(oidctest.Fault{Body: "a.b.c.d.e", Header: jwtType}), 503, CodeUserinfoEncrypted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServerConfig(t, oidctest.Config{EmailInUserinfo: true})
			idp.SetFaults(tt.faults)
			a := newApp(t)
			a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			p := a.signIn(oidctest.DefaultEmail)
			require.Equal(t, tt.status, p.status, p.body)
			require.Contains(t, p.body, tt.code)
			require.Equal(t, 1, idp.Count(oidctest.Userinfo))
		})
	}
}

func TestAlwaysUserinfo(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t, func(c *Config) { c.AlwaysUserinfo = true })
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, 1, idp.Count(oidctest.Userinfo))
}

// TestS5_Domains: which asserted addresses may find an account.
func TestS5_Domains(t *testing.T) {
	proves(t)
	t.Parallel()
	for _, tt := range []struct {
		email string
		code  string
	}{
		{"ada@acme.example", ""},
		{"ada@ACME.Example", ""},
		{"a@evilacme.example", CodeEmailDomain},
		{"a@acme.example.evil", CodeEmailDomain},
		{"a@evil@acme.example", CodeEmailMissing},
		{`"a@acme.example"@evil.example`, CodeEmailMissing},
		{"a@acme.example.", CodeEmailMissing},
		{"a@acme.examp\u043be", CodeEmailDomain}, // a Cyrillic letter
		{"a@sub.acme.example", CodeEmailDomain},
		{"@acme.example", CodeEmailMissing},
		{"a@", CodeEmailMissing},
		{"a", CodeEmailMissing},
		{"a b@acme.example", CodeEmailMissing},
		{"a\u0000@acme.example", CodeEmailMissing},
		{"a@acme.example\n", CodeEmailMissing},
		{"a@acme.example,b@evil.example", CodeEmailMissing},
		{"a@[127.0.0.1]", CodeEmailMissing},
		{strings.Repeat("a", 65) + "@acme.example", CodeEmailMissing},
		{strings.Repeat("a", 300) + "@acme.example", CodeEmailMissing},
	} {
		t.Run(tt.email, func(t *testing.T) {
			t.Parallel()
			a, idp, _ := oneTenant(t)
			idp.SetUsers(oidctest.User{Subject: "s", Email: tt.email})
			if tt.code == "" {
				require.Equal(t, 200, a.signIn("ada@acme.example").status)
				return
			}
			a.refused(tt.code)
		})
	}
	t.Run("sub-domain by opt-in", func(t *testing.T) {
		t.Parallel()
		a, idp, c := oneTenant(t)
		a.domain("acme", c.ID, "open.example", true)
		a.accounts.add("acme", "u-sub", "ada@x.open.example")
		idp.SetUsers(oidctest.User{Subject: "s", Email: "ada@x.open.example"})
		require.Equal(t, 200, a.signIn("ada@acme.example").status)
	})
	t.Run("no address at all", func(t *testing.T) {
		t.Parallel()
		a, idp, _ := oneTenant(t)
		idp.SetUsers(oidctest.User{Subject: "s"})
		a.refused(CodeEmailMissing)
	})
}

// TestS6_SubjectTwins: subjects that look alike are different people, and only the first one has the link.
func TestS6_SubjectTwins(t *testing.T) {
	proves(t)
	t.Parallel()
	a, idp, _ := oneTenant(t)
	idp.SetUsers(oidctest.User{Subject: "subject-é", Email: "ada@acme.example"})
	require.Equal(t, 200, a.signIn("ada@acme.example").status)
	for _, twin := range []string{"subject-", "subject-éx", "Subject-é", "subject-e\u0301", "subject-é ", " subject-é"} {
		idp.SetUsers(oidctest.User{Subject: twin, Email: "ada@acme.example"})
		a.refused(CodeAlreadyLinked)
	}
	idp.SetUsers(oidctest.User{Subject: "subject-é", Email: "renamed@elsewhere.example"})
	require.Equal(t, 200, a.signIn("ada@acme.example").status, "the link counts, not the address")
	require.Equal(t, "u-ada", a.lastLogin().Account.ID)
}

// TestLinkOutlivesNothing: a link to a deleted account gives way; one to an account that left the tenant is refused.
func TestLinkOutlivesNothing(t *testing.T) {
	t.Parallel()
	a, _, c := oneTenant(t)
	require.Equal(t, 200, a.signIn("ada@acme.example").status)
	a.accounts.remove("u-ada")
	a.refused(CodeNotProvisioned)
	a.accounts.add("acme", "u-new", "ada@acme.example")
	require.Equal(t, 200, a.signIn("ada@acme.example").status)
	require.Equal(t, "u-new", a.lastLogin().Account.ID)
	require.True(t, a.lastLogin().First)
	require.Len(t, a.events("acme", EventUnlinked), 1)

	a.accounts.remove("u-new")
	a.accounts.add("elsewhere", "u-new", "ada@acme.example")
	a.refused(CodeOtherTenant)
	_ = c
}

// TestProvisionedUsers: R75, inactive and unprovisioned users.
func TestProvisionedUsers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	user := func(t *testing.T, a *app, name string, active bool) store.SCIMUser {
		t.Helper()
		u, err := a.store.CreateSCIMUser(t.Context(), "acme", store.SCIMUser{
			Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, UserName: name, Active: active, Body: []byte(`{}`),
		})
		require.NoError(t, err)
		return u
	}
	account := func(t *testing.T, a *app, id, scimID string, active bool) {
		t.Helper()
		_, err := a.store.CreateAccount(t.Context(), "acme", store.Account{
			Meta: store.Meta{ID: id, CreatedAt: now, UpdatedAt: now}, Source: store.SourceSCIM, SCIMUserID: scimID, Active: active,
		})
		require.NoError(t, err)
	}
	t.Run("active", func(t *testing.T) {
		t.Parallel()
		a, _, _ := oneTenant(t)
		account(t, a, "u-ada", user(t, a, "ada", true).ID, true)
		require.Equal(t, 200, a.signIn("ada@acme.example").status)
	})
	t.Run("inactive", func(t *testing.T) {
		t.Parallel()
		a, _, _ := oneTenant(t)
		account(t, a, "u-ada", user(t, a, "ada", false).ID, true)
		a.refused(CodeUserInactive)
	})
	t.Run("made inactive after the link", func(t *testing.T) {
		t.Parallel()
		a, _, _ := oneTenant(t)
		u := user(t, a, "ada", true)
		account(t, a, "u-ada", u.ID, true)
		require.Equal(t, 200, a.signIn("ada@acme.example").status)
		u.Active = false
		u, err := a.store.UpdateSCIMUser(t.Context(), "acme", u)
		require.NoError(t, err)
		a.refused(CodeUserInactive)
		u.Active = true
		u, err = a.store.UpdateSCIMUser(t.Context(), "acme", u)
		require.NoError(t, err)
		require.Equal(t, 200, a.signIn("ada@acme.example").status)
		require.NoError(t, a.store.DeleteSCIMUser(t.Context(), "acme", u.ID, 0))
		a.refused(CodeUserInactive)
	})
	t.Run("suspended account", func(t *testing.T) {
		t.Parallel()
		a, _, _ := oneTenant(t)
		account(t, a, "u-ada", "", false)
		a.refused(CodeUserInactive)
	})
	t.Run("inactive user of the same name without a link", func(t *testing.T) {
		t.Parallel()
		a, _, _ := oneTenant(t)
		user(t, a, "ADA@acme.example", false)
		a.refused(CodeUserInactive)
	})
	t.Run("not provisioned", func(t *testing.T) {
		t.Parallel()
		a, idp, _ := oneTenant(t)
		idp.SetUsers(oidctest.User{Subject: "new", Email: "new@acme.example"})
		a.refused(CodeNotProvisioned)
		require.Zero(t, a.accounts.made)
	})
	t.Run("just in time", func(t *testing.T) {
		t.Parallel()
		a, idp, _ := oneTenant(t, func(c *store.Connection) { c.JustInTime = true })
		idp.SetUsers(oidctest.User{Subject: "new", Email: "new@acme.example", Name: "New"})
		require.Equal(t, 200, a.signIn("ada@acme.example").status)
		require.Equal(t, 1, a.accounts.made)
		record, err := a.store.Account(t.Context(), "acme", "jit-new@acme.example")
		require.NoError(t, err)
		require.Equal(t, store.SourceOIDC, record.Source)
		require.Equal(t, 200, a.signIn("ada@acme.example").status)
		require.Equal(t, 1, a.accounts.made)

		idp.SetUsers(oidctest.User{Subject: "out", Email: "out@elsewhere.example"})
		a.refused(CodeEmailDomain)
		user(t, a, "gone@acme.example", false)
		idp.SetUsers(oidctest.User{Subject: "gone", Email: "gone@acme.example"})
		a.refused(CodeUserInactive)
		require.Equal(t, 1, a.accounts.made, "no ghost accounts")
	})
}

func TestDisabledAccount(t *testing.T) {
	t.Parallel()
	a, _, _ := oneTenant(t)
	a.accounts.list[0].Disabled = true
	a.refused(CodeAccountDisabled)

	// Where the host closed it because the directory did, the directory's administrator is the one to ask.
	now := time.Now()
	_, err := a.store.CreateAccount(t.Context(), "acme", store.Account{
		Meta: store.Meta{ID: a.accounts.list[0].ID, CreatedAt: now, UpdatedAt: now}, Source: store.SourceSCIM, Active: false,
	})
	require.NoError(t, err)
	a.refused(CodeUserInactive)
}

// blind does not see a link that another transaction makes at the same time, until it tries to make it too.
type blind struct {
	store.Store
	looked int
}

func (b *blind) Identity(ctx context.Context, tenantID, connectionID, issuer, subject string) (store.Identity, error) {
	if b.looked++; b.looked == 1 {
		return store.Identity{}, store.ErrNotFound
	}
	return b.Store.Identity(ctx, tenantID, connectionID, issuer, subject)
}

// TestTwoFirstSignIns: the same person twice at the same moment is let in twice.
func TestTwoFirstSignIns(t *testing.T) {
	t.Parallel()
	a, idp, c := oneTenant(t)
	require.Equal(t, 200, a.signIn("ada@acme.example").status)
	who := person{issuer: idp.Issuer(), subject: oidctest.DefaultSubject, verified: verifiedTrue, email: "ada@acme.example"}
	who.addr, who.hasAddr = parseAddress(who.email)
	m := matcher{h: a.handler, tx: &blind{Store: a.store}, conn: c, who: who, now: store.Time(time.Now())}
	acct, _, err := m.match(t.Context())
	require.NoError(t, err)
	require.Equal(t, "u-ada", acct.ID)
	require.Len(t, a.events("acme", EventSignIn), 2)
	require.Len(t, a.events("acme", EventLinked), 1)
}
