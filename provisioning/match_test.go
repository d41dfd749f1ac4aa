package provisioning

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

func TestR91MatchGroups(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.ManyGroups = 3 })
	rule := store.AutoRule{FilterKind: "regex", Filter: "^team-[0-9]+$", Naming: store.TeamNaming{StripPrefix: "team-"}}
	got, err := w.e.MatchGroups(t.Context(), owner, org, rule, MatchQuery{})
	require.NoError(t, err)
	require.Equal(t, GroupMatches{Warnings: []Finding{noGroups}}, got)

	for i := range 5 {
		w.group(fmt.Sprintf("team-%d", i))
		w.group(fmt.Sprintf("other-%d", i))
	}
	rule.Skip = []string{w.ids["team-1"]}
	rule.Names = []store.GroupTeamName{{GroupID: w.ids["team-2"], Name: "Two"}}
	got, err = w.e.MatchGroups(t.Context(), owner, org, rule, MatchQuery{Limit: 3})
	require.NoError(t, err)
	require.Equal(t, 10, got.Total)
	require.Equal(t, 5, got.Matched)
	require.Equal(t, []GroupMatch{
		{GroupID: w.ids["team-0"], Group: "team-0", Team: "0"},
		{GroupID: w.ids["team-1"], Group: "team-1", Team: "1", Decision: "skip"},
		{GroupID: w.ids["team-2"], Group: "team-2", Team: "Two", Decision: "rename"},
	}, got.Groups)
	require.Equal(t, FindingFilterMany, got.Warnings[0].Code)
	next, err := w.e.MatchGroups(t.Context(), owner, org, rule, MatchQuery{Limit: 3, After: got.Next})
	require.NoError(t, err)
	require.Equal(t, 5, next.Matched)
	require.Len(t, next.Groups, 2)
	require.Equal(t, "team-3", next.Groups[0].Group)
	require.Empty(t, next.Next)

	rule.Filter = "nothing"
	got, err = w.e.MatchGroups(t.Context(), owner, org, rule, MatchQuery{Limit: -1})
	require.NoError(t, err)
	require.Zero(t, got.Matched)
	require.Equal(t, FindingFilterNothing, got.Warnings[0].Code)
}

func TestMatchGroupsRefuses(t *testing.T) {
	w := newWorld(t)
	_, err := w.e.MatchGroups(t.Context(), owner, org, store.AutoRule{FilterKind: "regex", Filter: "ok\nx(", OnRename: "ask"}, MatchQuery{})
	var se *SettingsError
	require.ErrorAs(t, err, &se)
	require.Equal(t, FieldError{Field: "auto.filter", Code: "filter_invalid", Message: se.Fields[0].Message, Line: 2, Position: 1}, se.Fields[0])
	require.Equal(t, "value_unknown", se.Fields[1].Code)

	w.cfg.Authorizer = tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return tenant.ErrForbidden })
	w.e, err = New(w.cfg)
	require.NoError(t, err)
	_, err = w.e.MatchGroups(t.Context(), owner, org, store.AutoRule{}, MatchQuery{})
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = w.e.PreviewReset(t.Context(), owner, org, Reset{TeamRoles: true})
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = w.e.ApplyReset(t.Context(), owner, org, Reset{TeamRoles: true}, Confirm{})
	require.ErrorIs(t, err, tenant.ErrForbidden)
}

func TestFilterWarningsInThePreview(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.ManyGroups = 2 })
	require.Equal(t, []FindingCode{FindingNoGroups}, w.codes(w.preview(auto())))
	require.Equal(t, []FindingCode{FindingNoGroups}, w.codes(w.preview(store.ProvisioningSettings{Mode: store.ModeManual})))
	w.group("A")
	w.group("B")
	require.Empty(t, w.preview(auto()).Findings)
	w.group("C")
	plan := w.set(auto())
	require.Equal(t, []FindingCode{FindingFilterMany}, w.codes(plan))
	require.Equal(t, 1, plan.Totals.Warnings)
	require.Equal(t, []FindingCode{FindingFilterNothing}, w.codes(w.preview(auto(func(a *store.AutoRule) { a.FilterKind, a.Filter = "list", "Z" }))))
	require.Empty(t, w.events(EventFinding), "a remark on a preview is no event")
}

// TestU19NestedGroups: a group in a group gives its people what it gives itself.
func TestU19NestedGroups(t *testing.T) {
	w := newWorld(t)
	w.user("ada", "ben")
	w.group("Inner", "ada")
	w.group("Outer", "ben")
	d := store.MemberDelta{Add: []store.Member{{ID: w.ids["Inner"], Kind: store.MemberGroup}}}
	_, err := w.st.ChangeSCIMMembers(w.ctx, org, w.ids["Outer"], d, w.clock.Now(), nil, w.ev("scim.group.members_changed", subjectGroup, w.ids["Outer"], nil))
	require.NoError(t, err)
	w.sync()
	plan := w.set(auto())
	require.Equal(t, []FindingCode{FindingNestedGroup}, w.codes(plan))
	require.Contains(t, plan.Findings[0].Message, "“Inner”")
	require.Len(t, w.host.in[w.host.teamNamed("Outer")], 1)
	require.Len(t, w.host.in[w.host.teamNamed("Inner")], 1)
	w.stable()
	require.Empty(t, w.preview(auto(func(a *store.AutoRule) { a.FilterKind, a.Filter = "list", "Inner" })).Findings, "an outer group that gives nothing surprises nobody")
	w.deleteGroup("Inner")
	w.sync()
	w.stable()
}

// TestManyGroups has 5,000 of them.
func TestManyGroups(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Breaker.InsecureOff = true })
	w.st = w.st.(*joined).Store
	w.cfg.Store = w.st
	var err error
	w.e, err = New(w.cfg)
	require.NoError(t, err)
	w.user("ada")
	const n = 5000
	for i := range n {
		w.group(fmt.Sprintf("team-%04d", i), "ada")
	}
	w.sync()
	s := auto(func(a *store.AutoRule) {
		a.FilterKind, a.Filter = "glob", "team-*"
		for i := range n / 10 {
			a.Skip = append(a.Skip, w.ids[fmt.Sprintf("team-%04d", i)])
		}
	})
	plan := w.set(s)
	require.Equal(t, n-n/10, plan.Totals.TeamsCreated)
	require.Equal(t, n-n/10, plan.Totals.Joins)
	require.Len(t, plan.Groups, n)
	got, err := w.e.MatchGroups(t.Context(), owner, org, s.Auto, MatchQuery{Limit: 5})
	require.NoError(t, err)
	require.Equal(t, n, got.Matched)
	require.Len(t, got.Groups, 5)
	s.Auto.Filter = "team-0*"
	plan = w.set(s)
	require.Equal(t, n-1000, plan.Totals.TeamsReleased)
	require.Equal(t, n-1000, plan.Totals.Kept)
	plan, err = w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.True(t, plan.Empty())
}
