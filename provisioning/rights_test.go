package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

func implied(c *Config) {
	c.ImpliedTeamRoles = map[string]string{"member": "member", "administrator": "administrator", "owner": "administrator"}
}

func rightsOf(t testing.TB, p Plan) []string {
	page, err := p.Page(PageQuery{Tab: TabRights})
	require.NoError(t, err)
	var out []string
	for _, r := range page.Rights {
		team := r.Team
		if r.EveryTeam {
			team = "*"
		}
		out = append(out, fmt.Sprintf("%s %s: %s→%s, %s", r.Person, team, r.From, r.To, r.Reason))
	}
	return out
}

// TestEffectiveRights is R102: a lowered organisation role changes what people may do in
// teams in which no assignment changes.
func TestEffectiveRights(t *testing.T) {
	w := newWorld(t, implied)
	w.host.addTeam("t-ops", "Ops")
	w.host.addTeam("t-dev", "Dev")
	w.user("ada", "ben", "cid")
	w.group("Admins", "ada")
	w.group("Devs", "ada", "ben")
	w.sync()
	w.manual(w.row("Admins", "", "", "administrator"), w.row("Devs", "t-dev", "member", ""))
	w.host.in["t-ops"][w.account("ada")] = "administrator" // by hand

	_, plan := w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("Devs", "t-dev", "member", "")}})
	const lowered = "the role in the organisation, which counts in every team, becomes member: group “Admins” does not give it any more"
	require.Equal(t, []string{
		"Ada *: administrator→member, " + lowered,
		"Ada Dev: administrator→member, " + lowered,
	}, rightsOf(t, plan), "in Ops the role by hand stays")
	require.Equal(t, 1, plan.Totals.RightsChanged)
	require.Zero(t, plan.Totals.Leaves)

	// The other way: a role in a team that the organisation role gave already changes nothing.
	w.active("cid", false)
	w.sync()
	w.host.users[w.account("ben")].Role = "administrator"
	_, plan = w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{
		w.row("Admins", "", "", "administrator"), w.row("Devs", "t-dev", "member", ""), w.row("Devs", "t-ops", "administrator", ""),
	}})
	require.Equal(t, 2, plan.Totals.Joins+plan.Totals.RolesRaised+count(plan, MemberLink))
	require.Empty(t, rightsOf(t, plan))
	require.Zero(t, plan.Totals.RightsChanged)
}

func count(p Plan, k LineKind) (n int) {
	for _, l := range p.Lines {
		if l.Kind == k {
			n++
		}
	}
	return n
}

// TestEffectiveRightsOfComingAndGoing: access counts, too.
func TestEffectiveRightsOfComingAndGoing(t *testing.T) {
	w := newWorld(t, implied)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada")
	w.group("A", "ada")
	w.sync()
	w.manual(w.row("A", "t-ops", "administrator", ""))
	w.user("ben")
	w.join("A", "ben")
	w.active("ada", false)
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	_, plan := w.previewBy(owner, s)
	require.Equal(t, []string{
		"Ada *: member→, the directory set the user inactive",
		"Ada Ops: administrator→, the directory set the user inactive",
		"Ben *: →member, the directory provisioned the user",
		"Ben Ops: →administrator, the directory provisioned the user",
	}, rightsOf(t, plan))
	require.Equal(t, 1, plan.Totals.PeopleLosing)
}

func TestImpliedTeamRolesAreChecked(t *testing.T) {
	cfg := newWorld(t).cfg
	for _, bad := range []map[string]string{{"boss": "member"}, {"member": "boss"}} {
		cfg.ImpliedTeamRoles = bad
		_, err := New(cfg)
		require.ErrorContains(t, err, "ImpliedTeamRoles")
		require.ErrorContains(t, err, "boss")
	}
}

// TestPlanPages shows a plan bit by bit, each part once and in order.
func TestPlanPages(t *testing.T) {
	w, names := crowd(t, implied)
	w.host.addTeam("t-dev", "Dev")
	w.group("B", names...)
	w.group("Lost")
	w.group("Devs")
	w.sync()
	w.host.addUser("u-eva", "eva@acme.example", "member")
	w.user("eva", "root")
	s := store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{w.row("B", "t-dev", "member", "administrator")}}
	s, plan := w.previewBy(owner, s)
	counts := plan.Counts()
	require.Equal(t, map[Tab]int{TabGroups: len(plan.Groups), TabTeams: 0, TabPeople: 20, TabRoles: 10, TabRights: 30, TabConflicts: 1, TabWarnings: 1}, counts)
	for _, tab := range Tabs() {
		var all, parts PlanPage
		all, err := plan.Page(PageQuery{Tab: tab})
		require.NoError(t, err)
		require.Equal(t, counts[tab], all.Total)
		require.Zero(t, all.Next)
		for after, pages := 0, 0; ; pages++ {
			page, err := w.e.PreviewPage(t.Context(), owner, org, s, plan.Hash, PageQuery{Tab: tab, After: after, Limit: 7})
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Groups)+len(page.Lines)+len(page.Rights)+len(page.Findings), 7)
			require.Equal(t, counts[tab], page.Total)
			parts.Groups = append(parts.Groups, page.Groups...)
			parts.Lines = append(parts.Lines, page.Lines...)
			parts.Rights = append(parts.Rights, page.Rights...)
			parts.Findings = append(parts.Findings, page.Findings...)
			if after = page.Next; after == 0 {
				require.Equal(t, max(0, counts[tab]-1)/7, pages)
				break
			}
		}
		require.Equal(t, []any{all.Lines, all.Rights, all.Findings}, []any{parts.Lines, parts.Rights, parts.Findings})
	}
	page, err := plan.Page(PageQuery{Tab: TabPeople, After: 1000})
	require.NoError(t, err)
	require.Equal(t, PlanPage{Tab: TabPeople, Total: 20}, page, "behind the end there is nothing")

	summary, err := json.Marshal(plan.Summary())
	require.NoError(t, err)
	require.NotContains(t, string(summary), "Ada")
	require.Contains(t, string(summary), plan.Hash)

	w.leave("B", names[0])
	_, err = w.e.PreviewPage(t.Context(), owner, org, s, plan.Hash, PageQuery{Tab: TabPeople})
	require.ErrorIs(t, err, store.ErrStale)
	_, err = w.e.PreviewPage(t.Context(), owner, org, s, "", PageQuery{Tab: TabPeople})
	require.NoError(t, err)
}

func TestPlanPagesThatAreNone(t *testing.T) {
	for _, q := range []PageQuery{{}, {Tab: "everything"}, {Tab: TabTeams, After: -1}, {Tab: TabTeams, Limit: -1}} {
		_, err := Plan{}.Page(q)
		require.ErrorIs(t, err, ErrPage)
	}
	w := newWorld(t, func(c *Config) {
		c.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, _ tenant.Action, _ string) error { return tenant.ErrForbidden })
	})
	_, err := w.e.PreviewPage(t.Context(), owner, org, store.ProvisioningSettings{}, "", PageQuery{Tab: TabTeams})
	require.ErrorIs(t, err, tenant.ErrForbidden)
}
