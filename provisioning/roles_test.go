package provisioning

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestReadRoles: the forms in which directories send roles.
func TestReadRoles(t *testing.T) {
	many, _ := json.Marshal(strings.Split(strings.Repeat("x,", 10_000)+"y", ","))
	var distinct []string
	for i := range 201 {
		distinct = append(distinct, fmt.Sprintf(`{"value":"r%d"}`, i))
	}
	for _, tt := range []struct {
		name, roles string
		want        []string
		ok          bool
	}{
		{"none", ``, nil, true},
		{"null", `"roles":null`, nil, true},
		{"an empty list", `"roles":[]`, nil, true},
		{"plain", `"roles":[{"value":"b"},{"value":"a","type":"WindowsAzureActiveDirectoryRole"}]`, []string{"a", "b"}, true},
		{"one, as SingleAppRoleAssignment with roles[primary eq \"True\"].value", `"roles":[{"primary":true,"value":"admin"}]`, []string{"admin"}, true},
		{"JSON in a text, as AppRoleAssignmentsComplex", `"roles":[{"primary":false,"type":"WindowsAzureActiveDirectoryRole","display":"Admins","value":"{\"id\":\"6f1a\",\"value\":\"25\",\"displayName\":\"Admins\"}"}]`, []string{"25"}, true},
		{"JSON without a value", `"roles":[{"value":"{\"id\":\"6f1a\"}"}]`, []string{`{"id":"6f1a"}`}, true},
		{"texts, as Okta profiles have them", `"roles":["viewer","editor"]`, []string{"editor", "viewer"}, true},
		{"one text", `"roles":"viewer"`, []string{"viewer"}, true},
		{"one object", `"roles":{"value":"viewer"}`, []string{"viewer"}, true},
		{"another spelling of the name", `"Roles":[{"VALUE":"viewer"}]`, []string{"viewer"}, true},
		{"twice the same", `"roles":[{"value":"a"},{"value":"a"}]`, []string{"a"}, true},
		{"without a value", `"roles":[{"display":"a"}]`, nil, true},
		{"control characters and great length give nothing", `"roles":["a\u0000","` + strings.Repeat("x", 201) + `","b"]`, []string{"b"}, true},
		{"10,000 times the same", `"roles":` + string(many), []string{"x", "y"}, true},
		{"201 different", `"roles":[` + strings.Join(distinct, ",") + `]`, nil, false},
		{"a number", `"roles":7`, nil, false},
		{"numbers", `"roles":["a",7]`, nil, false},
		{"a number as value", `"roles":[{"value":7}]`, nil, false},
		{"nested lists", `"roles":[["a"]]`, nil, false},
		{"a truth value", `"roles":true`, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := readRoles([]byte(`{"userName":"x",` + tt.roles + `}`))
			if tt.roles == "" {
				got, ok = readRoles([]byte(`{"userName":"x"}`))
			}
			require.Equal(t, tt.ok, ok)
			require.Equal(t, tt.want, got)
		})
	}
	_, ok := readRoles([]byte(`{"roles":["a"`))
	require.False(t, ok, "half a resource")
}

// roles gives a user's resource the attribute.
func (w *world) roles(name, roles string) {
	w.Helper()
	u, err := w.st.SCIMUser(w.ctx, org, w.ids[name])
	require.NoError(w, err)
	u.Body = userBody(name+"@acme.example", true)
	if roles != "" {
		u.Body = append(u.Body[:len(u.Body)-1:len(u.Body)-1], []byte(`,"roles":`+roles+`}`)...)
	}
	_, err = w.st.UpdateSCIMUser(w.ctx, org, u, w.ev("scim.user.updated", subjectUser, u.ID, u.Body))
	require.NoError(w, err)
}

// TestU17RolesOfTheDirectory: the attribute roles gives the role in the organisation, groups give teams;
// updates count like creates, what cannot be read takes nothing, and locks say where it comes from.
func TestU17RolesOfTheDirectory(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-dev", "Dev")
	w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben")
	w.group("Devs", "ada", "ben")
	w.roles("ada", `[{"value":"{\"id\":\"1\",\"value\":\"admin\"}"},{"value":"ops"}]`)
	w.sync()
	plan := w.set(store.ProvisioningSettings{
		Mode: store.ModeManual, Rows: []store.MappingRow{w.row("Devs", "t-dev", "member", "")}, DefaultOrgRole: "member",
		Authority: store.RoleAuthority{OrgRole: store.AuthorityRoles, Rows: []store.ValueRow{{Source: store.AuthorityRoles, Value: "admin", OrgRole: "administrator"}}},
	})
	require.Equal(t, []string{"member.add Ada", "org_role.set Ada", "member.add Ben"}, kinds(plan))
	require.Equal(t, "has the directory's role “admin”, value row 1", plan.Lines[1].Reason)
	require.Equal(t, Source("role:admin"), plan.Lines[1].Source)
	ada := w.account("ada")
	require.Equal(t, "administrator", w.host.users[ada].Role)
	w.stable()

	// A new user has the role from the start.
	w.user("cid")
	w.roles("cid", `["admin"]`)
	w.sync()
	require.Equal(t, "administrator", w.host.users[w.account("cid")].Role)

	// What cannot be read takes nothing; a directory that says no roles means it.
	w.roles("ada", `[7]`)
	w.sync()
	require.Equal(t, "administrator", w.host.users[ada].Role)
	x, err := w.e.Explain(w.ctx, owner, org, ada)
	require.NoError(t, err)
	require.Equal(t, FindingValuesUnread, x.Findings[0].Code)
	w.roles("ada", "")
	w.sync()
	require.Equal(t, "member", w.host.users[ada].Role)
	require.Equal(t, "member", w.host.role("t-dev", ada), "groups give the teams")
	w.stable()

	// Roles may give teams, too, and then groups do not.
	w.roles("ada", `["ops"]`)
	w.sync()
	preview := w.set(store.ProvisioningSettings{Mode: store.ModeManual, Authority: store.RoleAuthority{
		OrgRole: store.AuthorityRoles, Teams: store.AuthorityRoles,
		Rows: []store.ValueRow{{Source: store.AuthorityRoles, Value: "ops", TeamID: "t-ops", TeamRole: "administrator", OrgRole: "administrator"}},
	}})
	require.Contains(t, kinds(preview), "member.remove Ada")
	require.Equal(t, "administrator", w.host.role("t-ops", ada))
	require.Empty(t, w.host.role("t-dev", ada))
	require.Equal(t, "administrator", w.host.users[ada].Role)
	w.stable()

	x, err = w.e.Explain(w.ctx, owner, org, ada)
	require.NoError(t, err)
	require.Equal(t, []ExplainedValue{{Source: "role:ops", Value: "ops", WouldLose: x.Values[0].WouldLose}}, x.Values)
	require.Len(t, x.Values[0].WouldLose, 2)
	require.Contains(t, x.Text(), "Without the directory's role “ops” the person would lose administrator in team “Ops”.")

	locks, err := NewLocks(LocksConfig{Store: w.st, Now: w.clock.Now})
	require.NoError(t, err)
	l, err := locks.Check(w.ctx, org, Resource{Kind: ResourceMembership, AccountID: ada, TeamID: "t-ops"}, "", OpDelete)
	require.NoError(t, err)
	require.True(t, l.Locked)
	require.Equal(t, []string{"ops"}, l.Values)
	require.Equal(t, "This membership comes from the role or value “ops” of Okta.", l.Reason)
	require.Contains(t, l.Explain("de"), "Diese Mitgliedschaft kommt aus der Rolle oder dem Wert „ops“ von Okta.")
	l, err = locks.Check(w.ctx, org, Resource{Kind: ResourceOrgRole, AccountID: ada}, "", OpUpdate)
	require.NoError(t, err)
	require.Equal(t, "Change the role or value in Okta, or what it gives in the provisioning settings.", l.HowToChange)

	w.deleteUser("ada")
	w.sync()
	require.Empty(t, w.host.role("t-ops", ada))
	require.False(t, w.host.users[ada].Active)
	w.stable()
}
