package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// listingHost lists the members of its teams.
type listingHost struct {
	*fakeHost
	answer func(ids []string) ([]string, error)
}

func (h listingHost) TeamMembers(_ context.Context, _ store.Store, _, team, after string, limit int) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []string
	for id := range h.in[team] {
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = ids[:min(limit, len(ids))]
	if h.answer != nil {
		return h.answer(ids)
	}
	return ids, nil
}

// TestExplainTeam: where a team comes from, which rules put people into it, and why each is in it, by hand
// too where the host lists them.
func TestExplainTeam(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-dev", "Dev")
	w.host.addTeam("t-other", "Other")
	w.user("ada", "ben", "cid")
	w.group("Devs", "ada", "ben")
	w.group("Leads", "ben", "cid")
	w.sync()
	w.manual(w.row("Devs", "t-dev", "member", ""), w.row("Leads", "t-other", "member", ""), w.row("Leads", "t-dev", "administrator", ""))
	hand := w.host.addUser("u-zoe", "zoe@acme.example", "administrator")
	w.host.in["t-dev"][hand] = "member"
	w.host.in["t-dev"][w.account("ada")] = "administrator" // changed by hand since

	x, err := w.e.ExplainTeam(w.ctx, owner, org, "t-dev", "", 0)
	require.NoError(t, err)
	require.Equal(t, "Dev", x.Team)
	require.Equal(t, SourceManual, x.Source)
	require.Equal(t, []TeamRule{
		{Source: GroupSource(w.ids["Devs"]), Name: "Devs", Rule: "row 1", Role: "member"},
		{Source: GroupSource(w.ids["Leads"]), Name: "Leads", Rule: "row 3", Role: "administrator"},
	}, x.Rules)
	require.True(t, x.ByHandUnknown)
	require.False(t, x.Lock.Locked, "the team is an ordinary one")
	require.Len(t, x.Members, 3)
	ada, ben := x.Members[0], x.Members[1]
	require.Equal(t, "Ada", ada.Person)
	require.Equal(t, SourceOverride, ada.Right.Wins)
	require.Equal(t, []RightSource{
		{Source: GroupSource(w.ids["Devs"]), Group: "Devs", Rule: "row 1", Role: "member"}, {Source: SourceOverride, Role: "administrator"},
	}, ada.Right.Sources)
	require.True(t, ada.Right.Locked)
	require.Len(t, ben.Right.Sources, 2, "two groups give it")
	require.Equal(t, GroupSource(w.ids["Leads"]), ben.Right.Wins)
	require.Contains(t, x.Text(), "Team “Dev” was made in the application.\nWho is in group “Devs” becomes member, by row 1.\n")
	require.Contains(t, x.Text(), "Members by hand are not listed here.\n")

	// Page by page it is the same; a host that lists its members has those by hand, too.
	list := listingHost{fakeHost: w.host}
	w.cfg.Target = &list
	e, err := New(w.cfg)
	require.NoError(t, err)
	for _, e := range []*Engine{w.e, e} {
		var all []TeamMember
		for after := ""; ; {
			page, err := e.ExplainTeam(w.ctx, owner, org, "t-dev", after, 1)
			require.NoError(t, err)
			all = append(all, page.Members...)
			if page.Next == "" {
				require.Equal(t, e == w.e, page.ByHandUnknown)
				break
			}
			require.Greater(t, page.Next, after)
			after = page.Next
		}
		require.Equal(t, x.Members, all[:3])
		if e == w.e {
			require.Len(t, all, 3)
			continue
		}
		require.Equal(t, TeamMember{AccountID: hand, Person: "zoe@acme.example", Active: true, Right: ExplainedRight{
			TeamID: "t-dev", Team: "Dev", Role: "member", Effective: "member", Wins: SourceManual, Sources: []RightSource{{Source: SourceManual, Role: "member"}},
		}}, all[3])
	}

	// A list that goes in circles, is too long, or fails is an error and no page.
	for name, answer := range map[string]func([]string) ([]string, error){
		"again":    func([]string) ([]string, error) { return []string{"u-b", "u-a"}, nil },
		"too long": func(ids []string) ([]string, error) { return append(ids, "zz"), nil },
		"fails":    func([]string) ([]string, error) { return nil, errors.New("down") },
		"panics":   func([]string) ([]string, error) { panic("oh") },
	} {
		list.answer = answer
		_, err := e.ExplainTeam(w.ctx, owner, org, "t-dev", "", 1)
		require.ErrorContains(t, err, "list the members of a team", name)
	}
	list.answer = nil

	for _, missing := range []string{"", "t-nobody", "t\x00"} {
		_, err = e.ExplainTeam(w.ctx, owner, org, missing, "", 0)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	for _, missing := range []tenant.Action{tenant.ActionViewMapping, tenant.ActionViewUsers} {
		cfg := w.cfg
		cfg.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, a tenant.Action, _ string) error {
			if a == missing {
				return tenant.ErrForbidden
			}
			return nil
		})
		e, err := New(cfg)
		require.NoError(t, err)
		_, err = e.ExplainTeam(w.ctx, owner, org, "t-dev", "", 0)
		require.ErrorIs(t, err, tenant.ErrForbidden)
		_, err = e.TeamTimeline(w.ctx, owner, org, "t-dev", 0, 0)
		require.ErrorIs(t, err, tenant.ErrForbidden)
	}
}

// TestExplainTeamOfAGroup: the team of a group says so, is locked, and has a timeline that outlives it.
func TestExplainTeamOfAGroup(t *testing.T) {
	w := newWorld(t, canAll, func(c *Config) { c.DeleteAfter = 0 })
	w.host.addTeam("t-old", "Olds")
	w.user("ada")
	w.group("Devs", "ada")
	w.group("Olds", "ada")
	w.sync()
	w.set(store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member", Adopt: []string{w.ids["Olds"]}}, Unmanaged: store.UnmanagedRule{Teams: store.TeamDelete}})
	team := w.host.teamNamed("Devs")
	x, err := w.e.ExplainTeam(w.ctx, owner, org, team, "", 0)
	require.NoError(t, err)
	require.Equal(t, GroupSource(w.ids["Devs"]), x.Source)
	require.Equal(t, "Devs", x.Group)
	require.False(t, x.Adopted)
	require.Equal(t, []TeamRule{{Source: GroupSource(w.ids["Devs"]), Name: "Devs", Rule: "automatic mode", Role: "member"}}, x.Rules)
	require.True(t, x.Lock.Locked)
	require.Equal(t, eventPrefix+string(TeamCreate), x.Events[0].Type)
	require.Equal(t, "automatic mode", x.Members[0].Right.Sources[0].Rule)
	old, err := w.e.ExplainTeam(w.ctx, owner, org, "t-old", "", 0)
	require.NoError(t, err)
	require.True(t, old.Adopted)
	require.Contains(t, old.Text(), "Team “Olds” was made in the application, and group “Olds” took it over.")

	w.renameGroup("Devs", "Builders")
	w.deleteGroup("Devs")
	w.sync()
	x, err = w.e.ExplainTeam(w.ctx, owner, org, team, "", 0)
	require.NoError(t, err)
	require.False(t, x.DeleteAt.IsZero(), "it waits to be deleted")
	require.Contains(t, x.Text(), "The team is to be deleted at ")
	require.Equal(t, SourceManual, x.Source)
	w.clock.add(8 * 24 * 3600 * 1e9)
	w.sync()
	_, err = w.e.ExplainTeam(w.ctx, owner, org, team, "", 0)
	require.ErrorIs(t, err, store.ErrNotFound)
	var types []string
	for before := int64(0); ; {
		page, err := w.e.TeamTimeline(w.ctx, owner, org, team, before, 1)
		require.NoError(t, err)
		for _, ev := range page.Events {
			types = append(types, ev.Type)
		}
		if before = page.Next; before == 0 {
			break
		}
	}
	require.Equal(t, eventPrefix+string(TeamDelete), types[0])
	require.Equal(t, eventPrefix+string(TeamCreate), types[len(types)-1])
	page, err := w.e.TeamTimeline(w.ctx, owner, "another", team, 0, 0)
	require.NoError(t, err)
	require.Empty(t, page.Events, "another organisation's team")
}

// TestExplainTeamReadsAPage: a large ledger is looked through in parts, and nobody is left out or told twice.
func TestExplainTeamReadsAPage(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-dev", "Dev")
	var grants []store.Grant
	for i := range 3 * store.MaxLimit {
		id := fmt.Sprintf("u-%06d", i)
		w.host.addUser(id, id+"@acme.example", "member")
		team := "t-other"
		if i%store.MaxLimit == 7 {
			team = "t-dev"
			w.host.in[team][id] = "member"
		}
		for k := range ledgerPages / 2 {
			grants = append(grants, store.Grant{AccountID: id, Kind: store.GrantMembership, ResourceID: fmt.Sprintf("%s%d", team, k), GroupID: "g", Role: "member"})
		}
		if team == "t-dev" {
			grants = append(grants, store.Grant{AccountID: id, Kind: store.GrantMembership, ResourceID: team, GroupID: "g", Role: "member"})
		}
	}
	for chunk := range slices.Chunk(grants, store.MaxLimit) {
		require.NoError(t, w.st.ChangeGrants(w.ctx, org, chunk, nil))
	}
	var all []string
	calls := 0
	for after := ""; ; calls++ {
		page, err := w.e.ExplainTeam(w.ctx, owner, org, "t-dev", after, 0)
		require.NoError(t, err)
		for _, m := range page.Members {
			all = append(all, m.AccountID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	require.Equal(t, []string{"u-000007", fmt.Sprintf("u-%06d", store.MaxLimit+7), fmt.Sprintf("u-%06d", 2*store.MaxLimit+7)}, all)
	require.Positive(t, calls, "more than one call")
}
