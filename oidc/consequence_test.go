package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// journal is a tenant's journal to write into, as the other packages do.
type journal struct {
	t      *testing.T
	store  store.Store
	tenant string
}

func (j journal) add(events ...store.Event) {
	j.t.Helper()
	for i := range events {
		events[i].ID, events[i].At = store.NewID(time.Now()), time.Now()
	}
	require.NoError(j.t, j.store.AppendEvents(j.t.Context(), j.tenant, events...))
}

// scim is the event of a provisioned user's change. before and after are the resource, empty where there is none.
func scimEvent(what, id, before, after string) store.Event {
	return store.Event{
		Type: "scim.user." + what, Subject: store.EventSubject{Kind: "scim_user", ID: id, Name: id},
		Before: json.RawMessage(before), After: json.RawMessage(after),
	}
}

func connectionEvent(what, id string, before, after store.Connection) store.Event {
	was, _ := json.Marshal(before)
	is, _ := json.Marshal(after)
	return store.Event{Type: what, Subject: store.EventSubject{Kind: "connection", ID: id}, Before: was, After: is}
}

// whose is what a host was told, apart from when the sessions began.
func whose(s *revoker) []Revocation {
	all := s.all()
	for i := range all {
		all[i].BeganBefore = time.Time{}
	}
	return all
}

func account(t *testing.T, st store.Store, tenantID, id, scimUserID string) {
	t.Helper()
	_, err := st.CreateAccount(t.Context(), tenantID, store.Account{Meta: store.Meta{ID: id}, Source: store.SourceSCIM, SCIMUserID: scimUserID, Active: true})
	require.NoError(t, err)
}

// TestDirectoryWithManyAddresses: what a directory sends has a bound.
func TestDirectoryWithManyAddresses(t *testing.T) {
	t.Parallel()
	var u struct {
		Active bool `json:"active"`
		Emails []map[string]string
	}
	for i := range 5000 {
		u.Emails = append(u.Emails, map[string]string{"value": fmt.Sprintf("ada+%d@acme.example", i)})
	}
	doc, err := json.Marshal(u)
	require.NoError(t, err)
	st, asked := memory.New(), &countingAccounts{}
	journal{t, st, "acme"}.add(scimEvent("deleted", "s", string(doc), ""))
	_, err = newRevoker(t, st, &revoker{}, asked).Sync(t.Context(), "acme")
	require.NoError(t, err)
	require.EqualValues(t, maxAddresses, asked.n.Load())
}

// TestRevokerJournal: the journal tells whose sessions ended, why, and by which request.
func TestRevokerJournal(t *testing.T) {
	t.Parallel()
	st := memory.New()
	account(t, st, "acme", "u-ada", "s-ada")
	cause := scimEvent("deleted", "s-ada", `{"userName":"ada"}`, "")
	cause.CorrelationID = "request-7"
	journal{t, st, "acme"}.add(cause)
	_, err := newRevoker(t, st, &revoker{}, &accounts{}).Sync(t.Context(), "acme")
	require.NoError(t, err)
	events, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventLogout})
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, store.EventSubject{Kind: "account", ID: "u-ada", Name: "s-ada"}, events[0].Subject)
	require.Equal(t, "request-7", events[0].CorrelationID)
	require.Contains(t, events[0].Message, "directory")
	require.JSONEq(t, `{"connection":"","issuer":"","subject":"","reason":"deactivated"}`, string(events[0].After))
}

// TestS28_IssuerEditDropsSessionsAndLinks: after an edit of a connection that people sign in with, sessions and links of
// the old provider are gone, those of other connections stay, and people are linked anew.
func TestS28_IssuerEditDropsSessionsAndLinks(t *testing.T) {
	proves(t)
	t.Parallel()
	ended := &revoker{}
	old, other := oidctest.NewServer(t), oidctest.NewServer(t)
	a := newApp(t)
	c := a.connect(old, "acme", "acme.example")
	beside := a.connect(oidctest.NewServer(t), "globex", "globex.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	_, err := a.store.CreateIdentity(t.Context(), "globex", store.Identity{Meta: store.Meta{ID: "i"}, ConnectionID: beside.ID, Issuer: beside.Issuer, Subject: "1", AccountID: "u"})
	require.NoError(t, err)
	r := newRevoker(t, a.store, ended, a.accounts)
	_, err = r.SyncAll(t.Context())
	require.NoError(t, err)
	require.Empty(t, ended.all())

	before, err := a.store.Connection(t.Context(), "acme", c.ID)
	require.NoError(t, err)
	after := before
	after.Authority, after.Issuer = other.Issuer(), other.Issuer()
	e := connectionEvent("staff.edited", c.ID, before, after)
	e.ID = store.NewID(time.Now())
	_, err = a.store.UpdateConnection(t.Context(), "acme", after, e)
	require.NoError(t, err)
	a.refused(CodeAlreadyLinked)

	_, err = r.SyncAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Revocation{{TenantID: "acme", ConnectionID: c.ID, Reason: ReasonConnectionChanged}}, whose(ended))
	links, err := a.store.IdentitiesOf(t.Context(), "acme", "u-ada")
	require.NoError(t, err)
	require.Empty(t, links)
	require.Len(t, a.events("acme", EventLinksDropped), 1)
	links, err = a.store.IdentitiesOf(t.Context(), "globex", "u")
	require.NoError(t, err)
	require.Len(t, links, 1)

	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.True(t, a.lastLogin().First)
	_, err = r.SyncAll(t.Context())
	require.NoError(t, err)
	require.Len(t, ended.all(), 1, "the new session is in order")
}

// TestUnlinkedAndLinkedAgain: a session of the account that an identity belongs to now is not mistaken for one of the
// account that it belonged to before.
func TestUnlinkedAndLinkedAgain(t *testing.T) {
	t.Parallel()
	a, _, _ := oneTenant(t)
	ended := &revoker{}
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	gone := a.lastLogin().Account.ID
	a.accounts.remove(gone)
	a.accounts.add("acme", "u-new", oidctest.DefaultEmail)
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, "u-new", a.lastLogin().Account.ID)
	_, err := newRevoker(t, a.store, ended, a.accounts).SyncAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Revocation{{TenantID: "acme", AccountID: gone, Reason: ReasonUnlinked}}, whose(ended))
}

// TestRevokerKnowsTheOthersWords: types and kinds of events are those that the packages write which we can't import.
func TestRevokerKnowsTheOthersWords(t *testing.T) {
	t.Parallel()
	for file, words := range map[string][]string{
		"../scim/event.go":         {scimUserDeleted, scimUserPrefix + "updated", scimUserPrefix + "created"},
		"../scim/users.go":         {subjectSCIMUser},
		"../provisioning/event.go": {provisioningPrefix},
		"../provisioning/plan.go":  {accountDeactivated[len(provisioningPrefix):], accountSessionsToEnd[len(provisioningPrefix):]},
		"../tenant/connection.go":  {connectionUnlinkedAll, subjectConnection},
		"../tenant/ending.go":      {codeSessionsKept},
	} {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, word := range words {
			require.Contains(t, string(source), `"`+word+`"`, file)
		}
	}
}

type countingAccounts struct {
	accounts
	n atomic.Int64
}

func (c *countingAccounts) AccountByEmail(context.Context, store.Store, string, string) (Account, error) {
	c.n.Add(1)
	return Account{}, store.ErrNotFound
}

// TestBeganBefore: somebody who comes back stays, and no session slips through because a transaction took long: what
// comes earlier in the journal began earlier.
func TestBeganBefore(t *testing.T) {
	t.Parallel()
	st, ended, now := memory.New(), &revoker{}, store.Time(time.Now())
	account(t, st, "acme", "u-ada", "s-ada")
	_, err := st.CreateSCIMUser(t.Context(), "acme", store.SCIMUser{Meta: store.Meta{ID: "s-ada"}, UserName: "ada", Active: true}) // again by now
	require.NoError(t, err)
	at := func(e store.Event, at time.Time) store.Event {
		e.At = at
		return e
	}
	signIn := store.Event{Type: EventSignIn, Subject: store.EventSubject{Kind: "account", ID: "u-ada"}, After: json.RawMessage(`{"connection":"c","issuer":"i"}`)}
	_, err = st.CreateConnection(t.Context(), "acme", store.Connection{Meta: store.Meta{ID: "c"}, State: store.ConnectionActive, Issuer: "i"})
	require.NoError(t, err)
	r := newRevoker(t, st, ended, &accounts{})
	for _, e := range []store.Event{
		at(signIn, now.Add(-time.Hour)), at(scimEvent("deleted", "s-ada", "", ""), now.Add(-30*time.Minute)),
		at(signIn, now), at(scimEvent("deleted", "s-ada", "", ""), now.Add(-5*time.Minute)),
		at(signIn, now.Add(time.Hour)),
	} {
		happened(t, st, "acme", e)
	}
	_, err = r.Sync(t.Context(), "acme")
	require.NoError(t, err)
	all := ended.all()
	require.Len(t, all, 2)
	require.Equal(t, now.Add(-30*time.Minute+clockMargin), all[0].BeganBefore)
	require.Equal(t, now.Add(clockMargin), all[1].BeganBefore, "a sign-in committed before it")
}

// TestSuspendedWhileSigningIn: the connection is suspended while the provider is asked, and its sessions have ended before
// this one would begin: there is none.
func TestSuspendedWhileSigningIn(t *testing.T) {
	t.Parallel()
	ended, idp := &revoker{}, oidctest.NewServer(t)
	var a *app
	var c store.Connection
	suspend := func(ctx context.Context, _ store.Connection) (tenant.Secret, error) {
		after := c
		after.State = store.ConnectionSuspended
		e := connectionEvent("connection.suspended", c.ID, c, after)
		e.ID = store.NewID(time.Now())
		_, err := a.store.UpdateConnection(ctx, "acme", after, e)
		require.NoError(t, err)
		_, err = newRevoker(t, a.store, ended, a.accounts).SyncAll(ctx) // nobody is signed in yet
		require.NoError(t, err)
		return tenant.NewSecret(oidctest.DefaultClientSecret), nil
	}
	a = newApp(t, func(cfg *Config) { cfg.Secrets = SecretsFunc(suspend) })
	c = a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	p := a.signIn(oidctest.DefaultEmail)
	require.Equal(t, 403, p.status)
	require.Contains(t, p.body, CodeConnectionOff)
	require.Zero(t, a.loginCount())
	_, err := newRevoker(t, a.store, ended, a.accounts).SyncAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Revocation{{TenantID: "acme", ConnectionID: c.ID, Reason: ReasonConnectionOff}}, whose(ended))
}

// TestLoggedOutWhileSigningIn: a logout token that comes before the sign-in is committed finds no session. The session ends
// all the same, and one that begins later does not.
func TestLoggedOutWhileSigningIn(t *testing.T) {
	t.Parallel()
	const sub = "subject-1"
	for name, tt := range map[string]struct {
		logout oidctest.Logout
		after  time.Duration // of the ID token
		ends   bool
	}{
		"the person's":              {oidctest.Logout{Subject: sub}, 2 * time.Second, true},
		"the session's":             {oidctest.Logout{SessionID: "s-1"}, 2 * time.Second, true},
		"both":                      {oidctest.Logout{Subject: sub, SessionID: "s-1"}, 2 * time.Second, true},
		"another session's":         {oidctest.Logout{Subject: sub, SessionID: "s-2"}, 2 * time.Second, false},
		"somebody else's":           {oidctest.Logout{Subject: "subject-2"}, 2 * time.Second, false},
		"the person's, long before": {oidctest.Logout{Subject: sub}, -time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended, idp := &revoker{}, oidctest.NewServer(t)
			idp.SetFaults(oidctest.Faults{Claims: func(c map[string]any) { c["sid"] = "s-1" }})
			var a *app
			var c store.Connection
			a = newApp(t, func(cfg *Config) {
				cfg.Sessions = ended
				cfg.Secrets = SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) {
					l := tt.logout
					l.Faults.Claims = func(claims map[string]any) {
						claims["iat"] = time.Now().Add(tt.after).Unix()
						claims["exp"] = time.Now().Add(time.Minute).Unix()
					}
					require.Equal(t, 200, a.logOut(idp, c.ID, l).Status)
					return tenant.NewSecret(oidctest.DefaultClientSecret), nil
				})
			})
			c = a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.SigningAlg = "RS256" })
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
			login := a.lastLogin()
			require.Equal(t, sub, login.Subject)
			require.Len(t, ended.all(), 1, "the logout, which found no session")
			_, err := newRevoker(t, a.store, ended, a.accounts).SyncAll(t.Context())
			require.NoError(t, err)
			if !tt.ends {
				require.Len(t, ended.all(), 1)
				return
			}
			require.Equal(t, []Revocation{{
				TenantID: "acme", ConnectionID: c.ID, Issuer: login.Issuer, Subject: sub, AccountID: "u-ada", Reason: ReasonBackchannelLogout,
			}}, whose(ended)[1:])
			for _, e := range a.events("acme", "oidc.") {
				require.NotContains(t, string(e.After), "s-1", "a sid ends sessions: owners don't read it")
			}
		})
	}
}
