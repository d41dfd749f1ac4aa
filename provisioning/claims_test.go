package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// signIn is what a sign-in with these claims does, in a transaction as oidc has it.
func (w *world) signIn(accountID string, claims map[string]any) {
	w.Helper()
	w.signInBy("conn", accountID, claims)
}

func (w *world) signInBy(connection, accountID string, claims map[string]any) {
	w.Helper()
	require.NoError(w, w.st.InTx(w.ctx, func(tx store.Store) error {
		w.e.OnClaims(w.ctx, tx, org, w.ids[connection], accountID, jsonClaims(w, claims))
		return nil
	}))
}

func jsonClaims(t testing.TB, claims map[string]any) func(string) ([]byte, bool) {
	return func(name string) ([]byte, bool) {
		v, ok := claims[name]
		if !ok {
			return nil, false
		}
		if raw, is := v.(json.RawMessage); is {
			return raw, true
		}
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return b, true
	}
}

// byClaims declares that the claim groups decides about everything, with these rows.
func (w *world) byClaims(rows ...store.ValueRow) Plan {
	w.Helper()
	return w.set(store.ProvisioningSettings{Mode: store.ModeNone, Authority: store.RoleAuthority{
		OrgRole: store.AuthorityClaims, Teams: store.AuthorityClaims, Claim: "groups", Rows: rows,
	}})
}

func claimRow(value, team, teamRole, orgRole string) store.ValueRow {
	return store.ValueRow{Source: store.AuthorityClaims, Value: value, TeamID: team, TeamRole: teamRole, OrgRole: orgRole}
}

// claimsWorld is a tenant without a directory, with people who sign in.
func claimsWorld(t *testing.T, change ...func(*Config)) *world {
	w := newWorld(t, change...)
	d, err := w.st.Directory(w.ctx, org, w.ids["dir"])
	require.NoError(t, err)
	require.NoError(t, w.st.DeleteDirectory(w.ctx, org, d.ID, d.Version))
	w.host.addTeam("t-ops", "Ops")
	w.host.addTeam("t-dev", "Dev")
	for _, name := range []string{"ada", "ben"} {
		w.host.addUser("u-"+name, name+"@acme.example", "member")
		_, err := w.st.CreateAccount(w.ctx, org, store.Account{Meta: store.Meta{ID: "u-" + name}, Source: store.SourceOIDC, Active: true, Email: name + "@acme.example"})
		require.NoError(t, err)
	}
	return w
}

// TestU17ClaimsGiveRolesAndTeams: without a directory, claims give roles and teams: previewed from what
// sign-ins brought before, in the ledger, explained, and taken when the provider says another thing.
func TestU17ClaimsGiveRolesAndTeams(t *testing.T) {
	w := claimsWorld(t)
	w.signIn("u-ada", map[string]any{"groups": []string{"admins", "ops"}, "email": "ada@acme.example"})
	w.signIn("u-ben", map[string]any{"groups": []string{"ops"}})
	w.sync()
	require.Empty(t, w.host.role("t-ops", "u-ada"), "nothing is declared yet")

	plan := w.byClaims(claimRow("admins", "", "", "administrator"), claimRow("ops", "t-ops", "member", ""))
	require.Equal(t, []string{"member.add ada@acme.example", "org_role.set ada@acme.example", "member.add ben@acme.example"}, kinds(plan), "the preview goes by the last claims seen")
	require.Equal(t, ClaimReason, plan.Lines[0].Reason)
	require.Equal(t, Source("claim:ops"), plan.Lines[0].Source)
	require.Equal(t, "administrator", w.host.users["u-ada"].Role)
	require.Equal(t, "member", w.host.role("t-ops", "u-ben"))
	grants, err := w.st.Grants(w.ctx, org, "u-ada")
	require.NoError(t, err)
	require.Equal(t, []string{"claim:ops", "claim:admins"}, []string{grants[0].GroupID, grants[1].GroupID})
	w.stable()

	x, err := w.e.Explain(w.ctx, owner, org, "u-ada")
	require.NoError(t, err)
	require.Empty(t, x.Pending)
	require.Equal(t, Source("claim:admins"), x.OrgRole.Wins)
	require.Equal(t, []string{"admins", "ops"}, x.Account.Claims[0].Values)
	require.Contains(t, x.Text(), "At a sign-in the claim “groups” had 2 values, as read at 2026-11-24T09:00:00Z.")
	team, err := w.e.ExplainTeam(w.ctx, owner, org, "t-ops", "", 0)
	require.NoError(t, err)
	require.Equal(t, []TeamRule{{Source: "claim:ops", Name: "ops", Rule: "value row 2", Role: "member"}}, team.Rules)
	require.Contains(t, team.Text(), "Who has the identity provider's value “ops” becomes member, by value row 2.")
	require.True(t, team.Members[0].Right.Locked)
	require.Contains(t, x.Text(), "By the identity provider's value “admins”, value row 1: administrator, which decides.")

	locks, err := NewLocks(LocksConfig{Store: w.st, Now: w.clock.Now})
	require.NoError(t, err)
	inOps := Resource{Kind: ResourceMembership, AccountID: "u-ada", TeamID: "t-ops"}
	l, err := locks.Check(w.ctx, org, inOps, "", OpDelete)
	require.NoError(t, err)
	require.Equal(t, "This membership comes from the role or value “ops” of Okta.", l.Reason)
	require.True(t, l.Locked, "without a directory, too")
	l, err = locks.Check(w.ctx, org, Resource{Kind: ResourceUser, AccountID: "u-ada"}, "", OpUpdate)
	require.NoError(t, err)
	require.Equal(t, Lock{}, l, "claims do not manage accounts")
	conn, err := w.st.Connection(w.ctx, org, w.ids["conn"])
	require.NoError(t, err)
	conn.State = store.ConnectionSuspended
	conn, err = w.st.UpdateConnection(w.ctx, org, conn)
	require.NoError(t, err)
	l, err = locks.Check(w.ctx, org, inOps, "", OpDelete)
	require.NoError(t, err)
	require.Equal(t, LiftedConnection, l.Lifted, "nobody signs in any more")
	conn.State = store.ConnectionActive
	_, err = w.st.UpdateConnection(w.ctx, org, conn)
	require.NoError(t, err)

	// The next sign-in says less, which is less.
	w.signIn("u-ada", map[string]any{"groups": []string{"ops"}})
	w.sync()
	require.Equal(t, "member", w.host.users["u-ada"].Role)
	require.Equal(t, "member", w.host.role("t-ops", "u-ada"))
	w.signIn("u-ada", map[string]any{"groups": []string{}})
	w.sync()
	require.Empty(t, w.host.role("t-ops", "u-ada"), "an empty list is one")
	require.Equal(t, "member", w.host.role("t-ops", "u-ben"), "others are not concerned")
	w.stable()
}

const ClaimReason = "has the identity provider's value “ops”, value row 2"

// TestD9ClaimsThatAreMissingTakeNothing: a claim that is absent, too long, elsewhere, or no list of
// texts changes nothing, and no sign-in fails by it (U5).
func TestD9ClaimsThatAreMissingTakeNothing(t *testing.T) {
	many := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf("g-%05d", i)
		}
		return out
	}
	for _, tt := range []struct {
		name   string
		claims map[string]any
		state  store.ClaimState
	}{
		{"absent", map[string]any{"email": "ada@acme.example"}, store.ClaimAbsent},
		{"null", map[string]any{"groups": nil}, store.ClaimAbsent},
		{"overage, as Entra ID sends it", map[string]any{"_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.example/users/1/getMemberObjects"}}}, store.ClaimOverage},
		{"overage beside a part of the list", map[string]any{"groups": []string{"other"}, "_claim_names": map[string]any{"groups": "src1"}}, store.ClaimOverage},
		{"hasgroups", map[string]any{"hasgroups": true}, store.ClaimOverage},
		{"201 groups", map[string]any{"groups": many(201)}, store.ClaimTruncated},
		{"10,000 groups", map[string]any{"groups": many(10_000)}, store.ClaimTruncated},
		{"more bytes than are kept", map[string]any{"groups": strings.Fields(strings.Repeat(strings.Repeat("x", 190)+" ", 1) + longValues(100))}, store.ClaimTruncated},
		{"a claim of a megabyte", map[string]any{"groups": []string{strings.Repeat("x", 1<<20)}}, store.ClaimTruncated},
		{"a number", map[string]any{"groups": 7}, store.ClaimMalformed},
		{"numbers", map[string]any{"groups": []any{"ops", 7}}, store.ClaimMalformed},
		{"nested lists", map[string]any{"groups": []any{[]any{"ops"}}}, store.ClaimMalformed},
		{"objects", map[string]any{"groups": []any{map[string]any{"value": "ops"}}}, store.ClaimMalformed},
		{"an object", map[string]any{"groups": map[string]any{"ops": true}}, store.ClaimMalformed},
		{"half a list", map[string]any{"groups": json.RawMessage(`["a",`)}, store.ClaimMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := claimsWorld(t)
			w.signIn("u-ada", map[string]any{"groups": []string{"ops"}})
			w.sync()
			w.byClaims(claimRow("ops", "t-ops", "administrator", "administrator"))
			before := w.host.state()
			w.signIn("u-ada", tt.claims)
			w.sync()
			require.Equal(t, before, w.host.state())
			a, err := w.st.Account(w.ctx, org, "u-ada")
			require.NoError(t, err)
			require.Equal(t, tt.state, a.Claims[0].State)
			require.Equal(t, []string{"ops"}, a.Claims[0].Values, "what was read last stays")
			plan, err := w.e.Reconcile(w.ctx, org)
			require.NoError(t, err)
			require.True(t, plan.Empty())
			if tt.state != store.ClaimAbsent {
				require.Contains(t, w.codes(plan), FindingValuesUnread, "somebody should know")
			}
			// For somebody who never had a claim that could be read it gives nothing, and takes nothing.
			w.signIn("u-ben", tt.claims)
			w.sync()
			require.Equal(t, before, w.host.state())
			// The next good one counts.
			w.signIn("u-ada", map[string]any{"groups": []string{}})
			w.sync()
			require.Empty(t, w.host.role("t-ops", "u-ada"))
			w.stable()
		})
	}
}

func longValues(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%03d ", strings.Repeat("y", 190), i)
	}
	return b.String()
}

// TestClaimsThatNoRowCanName: values with control characters, or of great length, give nothing, are not
// kept, and do not keep others from counting.
func TestClaimsThatNoRowCanName(t *testing.T) {
	w := claimsWorld(t)
	w.byClaims(claimRow("ops", "t-ops", "member", ""))
	w.signIn("u-ada", map[string]any{"groups": []string{"ops", "ops\x00", "a\u0007b", " ops ", "", strings.Repeat("x", 201), "zug\n"}})
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", "u-ada"))
	a, err := w.st.Account(w.ctx, org, "u-ada")
	require.NoError(t, err)
	require.Equal(t, []string{"ops", "zug"}, a.Claims[0].Values, "in order, once, without space around")
}

// TestClaimsNamedByPath: a claim is found by its exact name first, and by a way through objects else.
func TestClaimsNamedByPath(t *testing.T) {
	for claim, claims := range map[string]map[string]any{
		"realm_access.roles":         {"realm_access": map[string]any{"roles": []string{"ops"}}},
		"https://acme.example/roles": {"https://acme.example/roles": []string{"ops"}},
		"role":                       {"role": "ops"},
	} {
		w := claimsWorld(t)
		w.set(store.ProvisioningSettings{Mode: store.ModeNone, Authority: store.RoleAuthority{
			Teams: store.AuthorityClaims, Claim: claim, Rows: []store.ValueRow{claimRow("ops", "t-ops", "member", "")},
		}})
		w.signIn("u-ada", claims)
		w.sync()
		require.Equal(t, "member", w.host.role("t-ops", "u-ada"), claim)
	}
	for name, raw := range map[string]string{
		"a member twice": `{"roles":["a"],"roles":["ops"]}`, "no object": `["roles"]`, "too deep": `{"x":1}`,
	} {
		_, ok := claimSource(func(n string) ([]byte, bool) { return []byte(raw), n == "realm_access" }).find("realm_access.roles")
		require.False(t, ok, name)
	}
}

// TestU20OneAuthority: who decides is declared, what contradicts it is refused, and what another source
// says is not heard.
func TestU20OneAuthority(t *testing.T) {
	w := claimsWorld(t)
	w.user("cid")
	w.group("Devs", "cid")
	w.sync()
	refused := func(s store.ProvisioningSettings) map[string]string {
		t.Helper()
		have, err := w.e.Settings(w.ctx, owner, org)
		require.NoError(t, err)
		s.Version = have.Version
		_, err = w.e.Preview(w.ctx, owner, org, s)
		se, ok := errors.AsType[*SettingsError](err)
		require.True(t, ok, "%v", err)
		out := map[string]string{}
		for _, f := range se.Fields {
			out[f.Field] = f.Code
			require.NotEmpty(t, f.Message)
		}
		return out
	}
	claims := func(change func(*store.ProvisioningSettings)) store.ProvisioningSettings {
		s := store.ProvisioningSettings{Mode: store.ModeNone, Authority: store.RoleAuthority{OrgRole: store.AuthorityClaims, Teams: store.AuthorityClaims, Claim: "groups"}}
		change(&s)
		return s
	}
	for _, tt := range []struct {
		name  string
		s     store.ProvisioningSettings
		field string
		code  string
	}{
		{"a group's row gives a role that claims decide about", claims(func(s *store.ProvisioningSettings) {
			s.Mode, s.Authority.Teams = store.ModeManual, ""
			s.Rows = []store.MappingRow{w.row("Devs", "t-dev", "member", "administrator")}
		}), "rows[0].orgRole", "authority_other"},
		{"a group's row gives a team that claims decide about", claims(func(s *store.ProvisioningSettings) {
			s.Mode, s.Authority.OrgRole = store.ModeManual, ""
			s.Rows = []store.MappingRow{w.row("Devs", "t-dev", "member", "")}
		}), "rows[0].teamId", "authority_other"},
		{"automatic mode", claims(func(s *store.ProvisioningSettings) {
			s.Mode, s.Auto = store.ModeAuto, store.AutoRule{TeamRole: "member"}
		}), "authority.teams", "authority_other"},
		{"automatic mode gives a role", claims(func(s *store.ProvisioningSettings) {
			s.Mode, s.Auto, s.Authority.Teams = store.ModeAuto, store.AutoRule{TeamRole: "member", OrgRole: "administrator"}, ""
		}), "auto.orgRole", "authority_other"},
		{"a role's row where claims decide", claims(func(s *store.ProvisioningSettings) {
			s.Authority.Rows = []store.ValueRow{{Source: store.AuthorityRoles, Value: "x", OrgRole: "administrator"}}
		}), "authority.rows[0].orgRole", "authority_other"},
		{"a claim's row where nothing is declared", store.ProvisioningSettings{Mode: store.ModeNone, Authority: store.RoleAuthority{Rows: []store.ValueRow{claimRow("x", "t-ops", "member", "")}}}, "authority.rows[0].teamId", "authority_other"},
		{"no claim", claims(func(s *store.ProvisioningSettings) { s.Authority.Claim = "" }), "authority.claim", "claim_invalid"},
		{"a claim that says who somebody is", claims(func(s *store.ProvisioningSettings) { s.Authority.Claim = "email" }), "authority.claim", "claim_invalid"},
		{"a claim with a control character", claims(func(s *store.ProvisioningSettings) { s.Authority.Claim = "gro\x00ups" }), "authority.claim", "claim_invalid"},
		{"a source that does not exist", claims(func(s *store.ProvisioningSettings) { s.Authority.OrgRole = "saml" }), "authority.orgRole", "value_unknown"},
		{"a row of groups", claims(func(s *store.ProvisioningSettings) {
			s.Authority.Rows = []store.ValueRow{{Value: "x", OrgRole: "administrator"}}
		}), "authority.rows[0].source", "value_unknown"},
		{"a value that cannot be", claims(func(s *store.ProvisioningSettings) {
			s.Authority.Rows = []store.ValueRow{claimRow("a\x00", "", "", "administrator")}
		}), "authority.rows[0].value", "value_invalid"},
		{"a row that gives nothing", claims(func(s *store.ProvisioningSettings) { s.Authority.Rows = []store.ValueRow{claimRow("a", "", "", "")} }), "authority.rows[0]", "row_invalid"},
		{"a team that is not there", claims(func(s *store.ProvisioningSettings) {
			s.Authority.Rows = []store.ValueRow{claimRow("a", "t-nobody", "member", "")}
		}), "authority.rows[0].teamId", "team_not_found"},
		{"a team role that is not there", claims(func(s *store.ProvisioningSettings) {
			s.Authority.Rows = []store.ValueRow{claimRow("a", "t-ops", "king", "")}
		}), "authority.rows[0].teamRole", "role_unknown"},
		{"a role that is not there", claims(func(s *store.ProvisioningSettings) {
			s.Authority.Rows = []store.ValueRow{claimRow("a", "", "", "king")}
		}), "authority.rows[0].orgRole", "role_unknown"},
		{"another organisation's connection", claims(func(s *store.ProvisioningSettings) { s.Authority.ConnectionID = "elsewhere" }), "authority.connectionId", "connection_not_found"},
		{"too many rows", claims(func(s *store.ProvisioningSettings) { s.Authority.Rows = make([]store.ValueRow, maxRows+1) }), "authority.rows", "too_many"},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.code, refused(tt.s)[tt.field]) })
	}

	// Groups give teams, claims the role: each has its own.
	w.set(claims(func(s *store.ProvisioningSettings) {
		s.Mode, s.Authority.Teams = store.ModeManual, ""
		s.Rows = []store.MappingRow{w.row("Devs", "t-dev", "member", "")}
		s.Authority.Rows = []store.ValueRow{claimRow("admins", "", "", "administrator")}
	}))
	cid := w.account("cid")
	require.Equal(t, "member", w.host.role("t-dev", cid))
	w.signIn(cid, map[string]any{"groups": []string{"admins"}})
	w.sync()
	require.Equal(t, "administrator", w.host.users[cid].Role)
	w.active("cid", false)
	w.sync()
	require.False(t, w.host.users[cid].Active, "deprovisioning has nothing to do with it")
	w.stable()
}

// TestClaimsOfOneConnection: the tenant may hear one of its connections alone.
func TestClaimsOfOneConnection(t *testing.T) {
	w := claimsWorld(t)
	_, err := w.st.CreateConnection(w.ctx, org, store.Connection{Meta: w.meta("partners"), State: store.ConnectionActive})
	require.NoError(t, err)
	w.set(store.ProvisioningSettings{Mode: store.ModeNone, Authority: store.RoleAuthority{
		Teams: store.AuthorityClaims, Claim: "groups", ConnectionID: w.ids["conn"], Rows: []store.ValueRow{claimRow("ops", "t-ops", "member", "")},
	}})
	w.signInBy("partners", "u-ada", map[string]any{"groups": []string{"ops"}})
	w.sync()
	require.Empty(t, w.host.role("t-ops", "u-ada"))
	w.signIn("u-ada", map[string]any{"groups": []string{"ops"}})
	w.signInBy("partners", "u-ada", map[string]any{"groups": []string{}})
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", "u-ada"))
	w.stable()
}

// TestClaimsAndWhoIsProtected: limits, protection, pause and seats hold for values as for groups.
func TestClaimsAndWhoIsProtected(t *testing.T) {
	w := claimsWorld(t, func(c *Config) { c.MaxProvisionableRole = "" })
	_, err := w.e.Preview(w.ctx, owner, org, store.ProvisioningSettings{Mode: store.ModeNone, Authority: store.RoleAuthority{
		OrgRole: store.AuthorityClaims, Claim: "groups", Rows: []store.ValueRow{claimRow("bosses", "", "", "owner")},
	}})
	require.ErrorContains(t, err, "groups may give the role administrator at most")

	w = claimsWorld(t)
	preview := w.byClaims(claimRow("bosses", "", "", "owner"), claimRow("ops", "t-ops", "member", ""))
	require.True(t, preview.GivesTopRole, "making owners asks for a confirmation")
	w.signIn(w.host.root, map[string]any{"groups": []string{"ops"}})
	w.signIn("u-ada", map[string]any{"groups": []string{"bosses"}})
	w.sync()
	require.Equal(t, "owner", w.host.users["u-ada"].Role)
	require.Empty(t, w.host.role("t-ops", w.host.root), "nobody provisions the root user")
	w.host.users[w.host.root].Active = false // so that ada is the last one
	w.signIn("u-ada", map[string]any{"groups": []string{}})
	w.sync()
	require.Equal(t, "owner", w.host.users["u-ada"].Role, "the last owner stays one")
	require.NotEmpty(t, w.events(EventFinding))

	w.host.users[w.host.root].Active = true
	have, err := w.e.Settings(w.ctx, owner, org)
	require.NoError(t, err)
	have.Paused = true
	w.set(have)
	w.signIn("u-ben", map[string]any{"groups": []string{"ops"}})
	w.sync()
	require.Empty(t, w.host.role("t-ops", "u-ben"), "a pause holds it back")
	have, err = w.e.Settings(w.ctx, owner, org)
	require.NoError(t, err)
	have.Paused = false
	w.set(have)
	require.Equal(t, "member", w.host.role("t-ops", "u-ben"))
	w.stable()
}

// TestClaimsOfAccountsByHand: an account that only the host knew is one of those signed in; what was given by
// hand stays.
func TestClaimsOfAccountsByHand(t *testing.T) {
	w := claimsWorld(t)
	w.host.addUser("u-dan", "dan@acme.example", "administrator")
	w.host.in["t-ops"]["u-dan"] = "administrator"
	w.byClaims(claimRow("ops", "t-ops", "member", "member"))
	w.signIn("u-dan", map[string]any{"groups": []string{"ops"}})
	w.sync()
	a, err := w.st.Account(w.ctx, org, "u-dan")
	require.NoError(t, err)
	require.Equal(t, store.SourceManual, a.Source)
	require.Equal(t, "administrator", w.host.role("t-ops", "u-dan"))
	require.Equal(t, "administrator", w.host.users["u-dan"].Role)
	w.signIn("u-dan", map[string]any{"groups": []string{}})
	w.sync()
	require.Equal(t, "administrator", w.host.role("t-ops", "u-dan"))
	require.True(t, w.host.users["u-dan"].Active)
	w.stable()
}

// TestClaimsUndone: a change of the authority is a plan, and is taken back as one.
func TestClaimsUndone(t *testing.T) {
	w := claimsWorld(t)
	w.signIn("u-ada", map[string]any{"groups": []string{"ops"}})
	w.sync()
	before := w.host.state()
	plan := w.byClaims(claimRow("ops", "t-ops", "member", "administrator"))
	require.NotEqual(t, before, w.host.state())
	undo, err := w.e.PreviewUndo(w.ctx, owner, org, plan.ID)
	require.NoError(t, err)
	_, err = w.e.ApplyUndo(w.ctx, owner, org, plan.ID, agree(undo))
	require.NoError(t, err)
	require.Equal(t, before, w.host.state())
	s, err := w.e.Settings(w.ctx, owner, org)
	require.NoError(t, err)
	require.Empty(t, s.Authority.Rows)
	w.stable()
}

// TestClaimsNeverFailASignIn: what fails while claims are kept is undone and logged, and the sign-in goes on.
func TestClaimsNeverFailASignIn(t *testing.T) {
	w := claimsWorld(t)
	broken := errors.New("disk full")
	st := failingAccounts{w.st, broken}
	var committed func()
	require.NoError(t, st.InTx(w.ctx, func(tx store.Store) error {
		committed = w.e.OnClaims(w.ctx, tx, org, w.ids["conn"], "u-ada", jsonClaims(t, map[string]any{"groups": []string{"ops"}}))
		return nil
	}))
	require.Nil(t, committed)
	require.NoError(t, w.st.InTx(w.ctx, func(tx store.Store) error {
		committed = w.e.OnClaims(w.ctx, tx, org, w.ids["conn"], "u-ada", jsonClaims(t, map[string]any{"groups": []string{"ops"}}))
		return nil
	}))
	require.NotNil(t, committed, "the next one brings it")
	committed()
	require.Nil(t, w.e.OnClaims(w.ctx, w.st, org, w.ids["conn"], "u-ada", jsonClaims(t, map[string]any{"groups": []string{"ops"}})), "the same again writes nothing")
	require.Nil(t, w.e.OnClaims(w.ctx, w.st, org, w.ids["conn"], "", nil))
	require.Len(t, w.events(EventClaims), 1)
	require.NotContains(t, string(w.events(EventClaims)[0].After), "ops", "the journal has no values")
	require.Empty(t, w.host.role("t-ops", "u-ada"))
	list, err := w.st.Grants(w.ctx, "another", "u-ada")
	require.NoError(t, err)
	require.Empty(t, list)
}

// failingAccounts refuses writes of accounts.
type failingAccounts struct {
	store.Store
	err error
}

func (f failingAccounts) UpdateAccount(context.Context, string, store.Account, ...store.Event) (store.Account, error) {
	return store.Account{}, f.err
}

func (f failingAccounts) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return f.Store.InTx(ctx, func(tx store.Store) error { return fn(failingAccounts{tx, f.err}) })
}

// TestClaimsAndTheBreaker: a provider that takes its values from many people at once is held back as a directory
// is, counted by those who sign in.
func TestClaimsAndTheBreaker(t *testing.T) {
	w := claimsWorld(t, func(c *Config) { c.Breaker = Breaker{People: 2, Percent: 40} })
	w.byClaims(claimRow("ops", "t-ops", "member", ""))
	for i := range 10 {
		id := w.host.addUser(fmt.Sprintf("u-%d", i), fmt.Sprintf("p%d@acme.example", i), "member")
		w.signIn(id, map[string]any{"groups": []string{"ops"}})
	}
	w.sync()
	lose := func(i int) {
		w.signIn(fmt.Sprintf("u-%d", i), map[string]any{"groups": []string{}})
		w.sync()
	}
	for i := range 4 {
		lose(i)
	}
	s, err := w.e.Settings(w.ctx, owner, org)
	require.NoError(t, err)
	require.False(t, s.Paused, "no more than the tenant bears")
	lose(4)
	s, err = w.e.Settings(w.ctx, owner, org)
	require.NoError(t, err)
	require.True(t, s.Paused)
	require.Equal(t, 10, s.Pause.Of)
	require.Equal(t, "member", w.host.role("t-ops", "u-4"))

	// A plan that takes from most of them asks.
	s.Authority.Rows, s.Paused = nil, false
	preview, err := w.e.Preview(w.ctx, owner, org, s)
	require.NoError(t, err)
	require.Equal(t, "6 of 10 people lose a team, a role or their access.", manyPeople(preview))
}

func manyPeople(p Plan) string {
	for _, c := range p.Confirmations {
		if c.Code == ConfirmManyPeople {
			return c.Message
		}
	}
	return ""
}

// TestClaimsOrderDoesNotMatter: whoever signs in first, whether a sync comes between, and whether rules were
// there before, the end is what the last sign-ins say.
func TestClaimsOrderDoesNotMatter(t *testing.T) {
	rows := []store.ValueRow{claimRow("ops", "t-ops", "member", ""), claimRow("leads", "t-ops", "administrator", "administrator"), claimRow("dev", "t-dev", "member", "")}
	end := func(seed int) string {
		w := claimsWorld(t)
		if seed%2 == 0 {
			w.byClaims(rows...)
		}
		steps := []func(){
			func() { w.signIn("u-ada", map[string]any{"groups": []string{"dev", "leads"}}) },
			func() { w.signIn("u-ben", map[string]any{"groups": []string{"ops"}}) },
			func() { w.signIn("u-ada", map[string]any{"groups": nil}) }, // says nothing
			func() { w.sync() },
		}
		for i := range steps {
			steps[(i+seed/2)%len(steps)]()
		}
		w.signIn("u-ben", map[string]any{"groups": []string{"dev", "ops"}})
		w.sync()
		w.byClaims(rows...)
		w.stable()
		return w.host.state()
	}
	want := end(0)
	for seed := 1; seed < 8; seed++ {
		require.Equal(t, want, end(seed), "seed %d", seed)
	}
	require.Contains(t, want, "Ops: ada@acme.example administrator")
	require.Contains(t, want, "Dev: ben@acme.example member")
}
