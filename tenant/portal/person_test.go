package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// moodyHost refuses memberships while it is down, and deletes accounts.
type moodyHost struct {
	*teamHost

	down bool
}

func (h *moodyHost) SetMember(ctx context.Context, tx store.Store, tenantID, team, id, role string) error {
	if h.down {
		return errors.New("disk full: secret path /var/lib")
	}
	return h.teamHost.SetMember(ctx, tx, tenantID, team, id, role)
}

// Accounts are all of one organisation.
func (h *moodyHost) Accounts(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]provisioning.AccountState, error) {
	if tenantID != org {
		return nil, nil
	}
	return h.teamHost.Accounts(ctx, tx, tenantID, ids)
}

func (h *moodyHost) DeleteAccount(context.Context, store.Store, string, string) error { return nil }

// signInAccounts are the host's accounts as package oidc sees them.
type signInAccounts struct{ *teamHost }

func (h signInAccounts) AccountByID(_ context.Context, _ store.Store, _, id string) (oidc.Account, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.accounts[id]; a != nil {
		return oidc.Account{ID: id, Email: a.Email, Member: true}, nil
	}
	return oidc.Account{}, store.ErrNotFound
}

func (h signInAccounts) AccountByEmail(context.Context, store.Store, string, string) (oidc.Account, error) {
	return oidc.Account{}, store.ErrNotFound
}

// personWorld has an organisation in which ada is on call by a group, and locks, fields and sessions.
type personWorld struct {
	*groupsWorld

	moody *moodyHost
	ended []oidc.Revocation
	ada   string
	// connection is the one in force.
	connection string
}

func newPersonWorld(t testing.TB) *personWorld {
	t.Helper()
	p := &personWorld{}
	p.groupsWorld = newGroupsWorld(t, func(c *provisioning.Config) {
		p.moody = &moodyHost{teamHost: c.Target.(*teamHost)}
		c.Target, c.OnDeprovision = p.moody, store.AccountDelete
	})
	authorizer := tenant.AuthorizerFunc(p.can)
	list, err := p.tenants.Connections(t.Context(), who["owner"], org)
	require.NoError(t, err)
	p.connection = list[0].ID
	p.portal.cfg.Locks, err = provisioning.NewLocks(provisioning.LocksConfig{Store: p.store, Authorizer: authorizer, Now: p.clock})
	require.NoError(t, err)
	p.portal.cfg.Fields, err = provisioning.NewFields(provisioning.FieldsConfig{
		Store: p.store, Target: p.moody, Authorizer: authorizer, Now: p.clock, Sender: provisioning.CodeSenderFunc(func(context.Context, provisioning.CodeMessage) error { return nil }),
	})
	require.NoError(t, err)
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}}})
	require.NoError(t, err)
	p.portal.cfg.Login, err = oidc.NewHandler(oidc.Config{
		BaseURL: p.server.URL + "/sso", Store: p.store, Secrets: p.tenants, Keys: ring, Accounts: signInAccounts{p.host}, OnLogin: noAccounts{}, InsecureAllowLoopback: true, Now: p.clock,
		Sessions: oidc.SessionRevokerFunc(func(_ context.Context, _ store.Store, r oidc.Revocation) error {
			p.ended = append(p.ended, r)
			return nil
		}),
	})
	require.NoError(t, err)

	p.host.team(org, "t-1", `On-call <b>`)
	p.user(t, "ada", "ben")
	p.group(t, `SRE </title><script>alert(1)</script>`, "ada")
	_, err = p.engine.Sync(t.Context(), org)
	require.NoError(t, err)
	s := p.settings(t)
	s.Mode, s.Rows = store.ModeManual, []store.MappingRow{{GroupID: p.ids[`SRE </title><script>alert(1)</script>`], TeamID: "t-1", TeamRole: "member", OrgRole: "administrator"}}
	plan, err := p.engine.Preview(t.Context(), who["owner"], org, s)
	require.NoError(t, err)
	_, err = p.engine.Apply(t.Context(), who["owner"], org, s, provisioning.Confirm{Hash: plan.Hash})
	require.NoError(t, err)
	rec, err := p.store.AccountOfSCIMUser(t.Context(), org, p.ids["ada"])
	require.NoError(t, err)
	p.ada = rec.ID
	return p
}

func (p *personWorld) link(t *testing.T, subject, account string) {
	t.Helper()
	_, err := p.store.CreateIdentity(t.Context(), org, store.Identity{
		Meta: store.Meta{ID: "i-" + subject, CreatedAt: p.clock(), UpdatedAt: p.clock()}, ConnectionID: "c", Issuer: "https://login.acme.com", Subject: subject, AccountID: account, Email: "ada@acme.com",
	})
	require.NoError(t, err)
}

// TestR107PersonTellsWhy: screen 10's detail (U5, U18). Everything about a person stands on one page, in both languages: identities,
// attributes with their source, roles and teams with what gives them, locks with their explanation, what happened.
func TestR107PersonTellsWhy(t *testing.T) {
	p := newPersonWorld(t)
	p.link(t, "sub-1", p.ada)
	b := p.as(t, "owner")
	list := clean(t, b.get(at("/people")))
	require.Contains(t, list.body, `href="`+at("/people/a/"+p.ada)+`"`)
	require.Contains(t, list.body, `class="lock"`, "who is managed has a lock")
	for language, want := range map[string][]string{
		"en": {
			"Identities at your provider", "sub-1", "ada@acme.com", "from the directory", "By the group “SRE &lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;”, row 1: Member",
			"would lose Member", "Administrator", "On-call &lt;b&gt;", p.ids["ada"], "managed by Acme login", "What people may change themselves",
		},
		"de": {"Identitäten bei Ihrem Anbieter", "aus dem Verzeichnis", "Durch die Gruppe", "Zeile 1: Mitglied", "würde die Person die Rolle Mitglied verlieren", "verwaltet", "Was geschehen ist"},
	} {
		b.header.Set("Accept-Language", language)
		a := clean(t, b.get(at("/people/a/"+p.ada)))
		require.Equal(t, http.StatusOK, a.status)
		for _, text := range want {
			require.Contains(t, a.body, text)
		}
		require.Contains(t, a.body, `class="lock"`)
		require.NotContains(t, a.body, "<script>")
		require.Less(t, len(a.body), 60<<10)
	}
	b.header.Set("Accept-Language", "en")
	require.Contains(t, b.get(at("/people/a/u-root")).body, "This person created the organisation.")

	b.header.Set("Accept", "application/json")
	var shown struct {
		Explanation provisioning.Explanation `json:"explanation"`
		Events      []store.Event            `json:"events"`
	}
	require.NoError(t, json.Unmarshal([]byte(b.get(at("/people/a/"+p.ada)).body), &shown))
	require.Equal(t, p.ids["ada"], shown.Explanation.Directory.SCIMUserID)
	require.NotEmpty(t, shown.Events)

	for _, id := range []string{"nobody", "%00", strings.Repeat("x", 3000)} {
		require.Equal(t, http.StatusNotFound, p.as(t, "owner").get(at("/people/a/"+id)).status, id)
	}
	require.Equal(t, http.StatusForbidden, p.as(t, "member").get(at("/people/a/"+p.ada)).status)
	require.Equal(t, http.StatusNotFound, p.as(t, "stranger").get(at("/people/a/"+p.ada)).status)
	require.Equal(t, http.StatusNotFound, p.as(t, "stranger").get("/settings/sso/t/"+other+"/people/a/"+p.ada).status, "nobody of another organisation")
}

// TestPersonsTimelineHasPages, each event once.
func TestPersonsTimelineHasPages(t *testing.T) {
	p := newPersonWorld(t)
	for i := range 40 {
		require.NoError(t, p.store.AppendEvents(t.Context(), org, store.Event{
			ID: fmt.Sprintf("e-%d", i), Type: "test.event", At: p.clock(), Subject: store.EventSubject{Kind: "account", ID: p.ada}, Message: fmt.Sprintf("event %02d.", i),
		}))
	}
	b, path, seen := p.as(t, "owner"), at("/people/a/"+p.ada), 0
	for pages := 1; ; pages++ {
		a := clean(t, b.get(path))
		seen += strings.Count(a.body, "event ")
		next := regexp.MustCompile(`href="([^"#]+)#timeline" rel="next"`).FindStringSubmatch(a.body)
		if next == nil {
			require.Contains(t, a.body, `rel="prev"`)
			require.GreaterOrEqual(t, pages, 3)
			break
		}
		path = strings.ReplaceAll(next[1], "&amp;", "&")
	}
	require.Equal(t, 40, seen)
	require.Equal(t, http.StatusOK, b.get(at("/people/a/"+p.ada+"?before=x&teams=-1&groups=99999999999999999999")).status)
}

// TestPersonIsUnlinkedAndSignedOut by who may, and nobody else's identity.
func TestPersonIsUnlinkedAndSignedOut(t *testing.T) {
	p := newPersonWorld(t)
	p.link(t, "sub-1", p.ada)
	p.link(t, "root", "u-root")
	page, b := at("/people/a/"+p.ada), p.as(t, "owner")
	require.Equal(t, http.StatusNotFound, b.post(page+"/unlink", "identity", "i-root").status, "somebody else's")
	require.Equal(t, http.StatusNotFound, b.post(page+"/unlink", "identity", "").status)
	p.denied[tenant.ActionManageUsers] = true
	require.Equal(t, http.StatusForbidden, b.post(page+"/unlink", "identity", "i-sub-1").status)
	require.Equal(t, http.StatusForbidden, b.post(page+"/end-sessions").status)
	require.NotContains(t, b.get(page).body, "/unlink")
	require.NotContains(t, b.get(page).body, "/end-sessions")
	p.denied[tenant.ActionManageUsers] = false
	require.Empty(t, p.ended)

	a := clean(t, b.post(page+"/end-sessions"))
	require.Contains(t, a.body, "All sessions of this person were ended.")
	require.Equal(t, []oidc.Revocation{{TenantID: org, AccountID: p.ada, Reason: oidc.ReasonByHand}}, p.ended)
	require.Equal(t, http.StatusNotFound, b.post(at("/people/a/nobody/end-sessions")).status)
	a = clean(t, b.post(page+"/unlink", "identity", "i-sub-1"))
	require.Contains(t, a.body, "The identity is not linked any more.")
	require.NotContains(t, a.body, "sub-1")
	left, err := p.store.IdentitiesOf(t.Context(), org, "u-root")
	require.NoError(t, err)
	require.Len(t, left, 1)
	events, err := p.store.Events(t.Context(), org, store.EventQuery{SubjectKind: "account", SubjectID: p.ada, Newest: true, Limit: 2})
	require.NoError(t, err)
	require.Equal(t, oidc.EventUnlinked, events[0].Type)
	require.Equal(t, oidc.EventLogout, events[1].Type)
	require.Equal(t, who["owner"].ID, events[1].Actor.ID)
}

// TestU18LockIsLiftedForATime: an owner lifts a lock with a reason and an end, every wrong entry is shown beside its input, and it can be
// locked again.
func TestU18LockIsLiftedForATime(t *testing.T) {
	p := newPersonWorld(t)
	page, b := at("/people/a/"+p.ada), p.as(t, "owner")
	overrides := func() []store.LockOverride {
		all, err := p.portal.cfg.Locks.Overrides(t.Context(), who["owner"], org)
		require.NoError(t, err)
		return all
	}
	a := clean(t, b.get(page))
	for _, value := range []string{"user", "user:email", "org_role", "membership:t-1"} {
		require.Contains(t, a.body, `<option value="`+value+`"`)
	}
	for name, c := range map[string]struct {
		pairs []string
		field string
	}{
		"no reason":      {[]string{"what", "user", "until", "2026-12-01T10:00"}, "reason"},
		"a huge reason":  {[]string{"what", "user", "until", "2026-12-01T10:00", "reason", strings.Repeat("x", 501)}, "reason"},
		"no end":         {[]string{"what", "user", "reason", "gone <b>"}, "until"},
		"no date":        {[]string{"what", "user", "reason", "gone <b>", "until", "soon"}, "until"},
		"the past":       {[]string{"what", "user", "reason", "gone <b>", "until", "2025-12-01T10:00"}, "until"},
		"a year":         {[]string{"what", "user", "reason", "gone <b>", "until", "2027-12-01T10:00"}, "until"},
		"nothing":        {[]string{"what", "", "reason", "gone <b>", "until", "2026-12-01T10:00"}, "what"},
		"another kind":   {[]string{"what", "planet:earth", "reason", "gone <b>", "until", "2026-12-01T10:00"}, "what"},
		"not locked":     {[]string{"what", "user:avatar", "reason", "gone <b>", "until", "2026-12-01T10:00"}, "what"},
		"a foreign team": {[]string{"what", "membership:t-99", "reason", "gone <b>", "until", "2026-12-01T10:00"}, "what"},
	} {
		t.Run(name, func(t *testing.T) {
			a := clean(t, b.post(page+"/override", c.pairs...))
			require.Equal(t, http.StatusUnprocessableEntity, a.status)
			require.Contains(t, a.body, `id="f-`+c.field+`-error"`)
			if name != "no reason" && name != "a huge reason" {
				require.Contains(t, a.body, `value="gone &lt;b&gt;"`, "what was typed is kept")
			}
			require.Empty(t, overrides())
		})
	}
	require.Equal(t, http.StatusNotFound, b.post(at("/people/a/nobody/override"), "what", "user", "reason", "x", "until", "2026-12-01T10:00").status)
	require.Equal(t, http.StatusForbidden, p.as(t, "member").post(page+"/override", "what", "user").status)

	a = clean(t, b.post(page+"/override", "what", "membership:t-1", "reason", "On holiday", "until", "2026-12-01T10:00"))
	require.Contains(t, a.body, "The lock is lifted for a time.")
	require.Contains(t, a.body, "On holiday")
	require.Contains(t, a.body, "1 Dec 2026, 10:00 UTC")
	require.Len(t, overrides(), 1)
	id := overrides()[0].ID
	require.Equal(t, http.StatusNotFound, b.post(at("/people/a/u-root/revoke-override"), "override", id).status, "it is about somebody else")
	require.Equal(t, http.StatusNotFound, b.post(page+"/revoke-override", "override", "x").status)
	a = clean(t, b.post(page+"/revoke-override", "override", id))
	require.Contains(t, a.body, "The lock holds again.")
	require.Empty(t, overrides())

	p.denied[tenant.ActionOverrideLock] = true
	require.NotContains(t, b.get(page).body, "/override")
	p.portal.cfg.Locks = nil
	p.denied[tenant.ActionOverrideLock] = false
	require.NotContains(t, clean(t, b.get(page)).body, "/override")
	require.Equal(t, http.StatusNotFound, b.post(page+"/override", "what", "user").status)
	require.Equal(t, http.StatusNotFound, b.post(page+"/revoke-override").status)
}

// TestPersonIsTriedAgainAndKept: what the application refused, and an account that waits for its deletion.
func TestPersonIsTriedAgainAndKept(t *testing.T) {
	p := newPersonWorld(t)
	p.moody.down = true
	u, err := p.store.SCIMUser(t.Context(), org, p.ids["ben"])
	require.NoError(t, err)
	p.group(t, "Later", "ben")
	s := p.settings(t)
	s.Rows = append(s.Rows, store.MappingRow{GroupID: p.ids["Later"], TeamID: "t-1", TeamRole: "member"})
	plan, err := p.engine.Preview(t.Context(), who["owner"], org, s)
	require.NoError(t, err)
	_, err = p.engine.Apply(t.Context(), who["owner"], org, s, provisioning.Confirm{Hash: plan.Hash})
	require.NoError(t, err)
	rec, err := p.store.AccountOfSCIMUser(t.Context(), org, p.ids["ben"])
	require.NoError(t, err)
	page, b := at("/people/a/"+rec.ID), p.as(t, "owner")
	a := clean(t, b.get(page))
	require.Contains(t, a.body, page+"/retry")
	require.NotContains(t, a.body, "disk full")
	require.Contains(t, a.body, "What the next sync does")
	p.moody.down = false
	a = clean(t, b.post(page+"/retry"))
	require.Contains(t, a.body, "It was tried again.")
	require.NotContains(t, a.body, page+"/retry")
	require.Equal(t, "member", p.host.role("t-1", "ben@acme.com"))

	require.Equal(t, http.StatusNotFound, b.post(page+"/keep").status, "nothing waits")
	u.Active, u.UpdatedAt = false, p.clock()
	_, err = p.store.UpdateSCIMUser(t.Context(), org, u, p.event("scim.user.updated", "scim_user", u.ID))
	require.NoError(t, err)
	_, err = p.engine.Sync(t.Context(), org)
	require.NoError(t, err)
	a = clean(t, b.get(page))
	require.Contains(t, a.body, "This account is deleted on 3 Dec 2026")
	p.denied[tenant.ActionApplyMapping] = true
	require.Equal(t, http.StatusForbidden, b.post(page+"/keep").status)
	p.denied[tenant.ActionApplyMapping] = false
	a = clean(t, b.post(page+"/keep"))
	require.Contains(t, a.body, "The account is not deleted.")
	require.NotContains(t, a.body, "This account is deleted on")
	p.mu.Lock()
	p.now = p.now.Add(30 * 24 * time.Hour)
	p.mu.Unlock()
	_, err = p.engine.SyncAll(t.Context())
	require.NoError(t, err)
	_, err = p.store.Account(t.Context(), org, rec.ID)
	require.NoError(t, err, "it stays")
}

// manyPeople is a personWorld in which n others signed in, and ada is in thirty groups with a team each.
func manyPeople(t testing.TB, n int) *personWorld {
	t.Helper()
	p := newPersonWorld(t)
	s := p.settings(t)
	for i := range 30 {
		name, team := fmt.Sprintf("Group %02d", i), fmt.Sprintf("team-%02d", i)
		p.group(t, name, "ada")
		p.host.team(org, team, "Team "+name)
		s.Rows = append(s.Rows, store.MappingRow{GroupID: p.ids[name], TeamID: team, TeamRole: "member"})
	}
	plan, err := p.engine.Preview(t.Context(), who["owner"], org, s)
	require.NoError(t, err)
	_, err = p.engine.Apply(t.Context(), who["owner"], org, s, provisioning.Confirm{Hash: plan.Hash})
	require.NoError(t, err)
	now := p.clock()
	for i := range n {
		_, err := p.store.CreateAccount(t.Context(), org, store.Account{
			Meta: store.Meta{ID: fmt.Sprintf("a%07d", i), CreatedAt: now, UpdatedAt: now}, Source: store.SourceOIDC, Active: true, Email: fmt.Sprintf("p%07d@acme.com", i),
		})
		require.NoError(t, err)
	}
	return p
}

// TestPersonInManyTeams: the page shows some, leads to the others, and stays small.
func TestPersonInManyTeams(t *testing.T) {
	p := manyPeople(t, 100)
	b := p.as(t, "owner")
	a := clean(t, b.get(at("/people/a/"+p.ada)))
	require.Less(t, len(a.body), 60<<10)
	require.Contains(t, a.body, "Team Group 05")
	require.NotContains(t, a.body, "Team Group 29</bdi> <button")
	for _, list := range []string{"teams", "groups"} {
		next := regexp.MustCompile(`href="([^"]+\?` + list + `=25)#` + list + `"`).FindStringSubmatch(a.body)
		require.NotNil(t, next, list)
		require.Contains(t, clean(t, b.get(next[1])).body, "Group 29")
	}
}
