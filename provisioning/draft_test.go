package provisioning

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// addRow puts a row into a draft.
func addRow(r store.MappingRow) func(*store.ProvisioningSettings) error {
	return func(s *store.ProvisioningSettings) error {
		s.Mode, s.Rows = store.ModeManual, append(s.Rows, r)
		return nil
	}
}

func drafted(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada", "ben")
	w.group("A", "ada")
	w.group("B", "ben")
	w.sync()
	return w
}

// TestR88Draft: rows are changed one by one and kept, nothing is in force before it is applied, and then the draft is gone.
func TestR88Draft(t *testing.T) {
	w := drafted(t)
	d, err := w.e.Draft(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, Draft{Settings: store.ProvisioningSettings{Mode: store.ModeNone}}, d)
	d, err = w.e.ChangeDraft(t.Context(), owner, org, 0, addRow(w.row("A", "t-ops", "member", "")))
	require.NoError(t, err)
	require.True(t, d.Changed)
	_, err = w.e.ChangeDraft(t.Context(), owner, org, 0, addRow(w.row("B", "t-ops", "member", "")))
	require.ErrorIs(t, err, ErrDraftChanged)
	require.ErrorIs(t, err, store.ErrStale)
	d, err = w.e.ChangeDraft(t.Context(), owner, org, d.Revision, addRow(w.row("B", "t-ops", "administrator", "")))
	require.NoError(t, err)
	again, err := w.e.Draft(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, d, again, "it can be read again and again")
	other, err := w.e.Draft(t.Context(), tenant.Actor{Kind: tenant.ActorOwner, ID: "somebody else"}, org)
	require.NoError(t, err)
	require.Zero(t, other.Revision, "it is one person's")
	elsewhere, err := w.e.Draft(t.Context(), owner, "globex")
	require.NoError(t, err)
	require.Zero(t, elsewhere.Revision, "and one organisation's")

	kept, err := w.e.PreviewDraft(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, 2, kept.Plan.Totals.Joins)
	d, err = w.e.Draft(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, kept.ID, d.Preview)
	require.Empty(t, w.host.role("t-ops", w.account("ada")))
	plan, err := w.e.ApplyKept(t.Context(), owner, org, kept.ID, Confirm{})
	require.NoError(t, err)
	require.NotEmpty(t, plan.ID)
	require.Equal(t, "administrator", w.host.role("t-ops", w.account("ben")))
	d, err = w.e.Draft(t.Context(), owner, org)
	require.NoError(t, err)
	require.Zero(t, d.Revision)
	w.stable()
}

// TestDraftRefusals: what cannot be followed does not get into a draft.
func TestDraftRefusals(t *testing.T) {
	w := drafted(t)
	d, err := w.e.ChangeDraft(t.Context(), owner, org, 0, addRow(w.row("A", "t-ops", "member", "")))
	require.NoError(t, err)
	mine := errors.New("no such row")
	for name, c := range map[string]struct {
		change func(*store.ProvisioningSettings) error
		want   string
	}{
		"group_not_found": {addRow(store.MappingRow{GroupID: "none", OrgRole: "member"}), "rows[1].groupId"},
		"team_not_found":  {addRow(w.row("B", "none", "member", "")), "rows[1].teamId"},
		"row_invalid":     {addRow(store.MappingRow{}), "rows[1]"},
		"too_many": {func(s *store.ProvisioningSettings) error {
			for range maxRows {
				s.Rows = append(s.Rows, w.row("B", "t-ops", "member", ""))
			}
			return nil
		}, "rows"},
	} {
		_, err := w.e.ChangeDraft(t.Context(), owner, org, d.Revision, c.change)
		var se *SettingsError
		require.ErrorAs(t, err, &se, name)
		require.Equal(t, name, se.Fields[0].Code)
		require.Equal(t, c.want, se.Fields[0].Field)
	}
	_, err = w.e.ChangeDraft(t.Context(), owner, org, d.Revision, func(*store.ProvisioningSettings) error { return mine })
	require.ErrorIs(t, err, mine)
	after, err := w.e.ChangeDraft(t.Context(), owner, org, d.Revision, func(s *store.ProvisioningSettings) error {
		s.Version, s.Paused, s.Overrides = 99, true, []store.LockOverride{{ID: "x"}}
		return nil
	})
	require.NoError(t, err)
	require.False(t, after.Settings.Paused)
	require.Empty(t, after.Settings.Overrides)
	require.Zero(t, after.Settings.Version)
	require.Len(t, after.Settings.Rows, 1)
	require.NoError(t, w.e.DropDraft(t.Context(), owner, org))
	require.NoError(t, w.e.DropDraft(t.Context(), owner, org), "again")
}

// TestDraftOfOldSettings: a draft that somebody overtook is kept, and goes on when its owner says so.
func TestDraftOfOldSettings(t *testing.T) {
	w := drafted(t)
	d, err := w.e.ChangeDraft(t.Context(), owner, org, 0, addRow(w.row("A", "t-ops", "member", "")))
	require.NoError(t, err)
	w.manual(w.row("B", "t-ops", "member", ""))
	d2, err := w.e.Draft(t.Context(), owner, org)
	require.NoError(t, err)
	require.True(t, d2.Outdated)
	_, err = w.e.PreviewDraft(t.Context(), owner, org)
	require.ErrorIs(t, err, ErrDraftOutdated)
	d, err = w.e.RebaseDraft(t.Context(), owner, org, d.Revision)
	require.NoError(t, err)
	require.False(t, d.Outdated)
	require.True(t, d.Changed)
	kept, err := w.e.PreviewDraft(t.Context(), owner, org)
	require.NoError(t, err)
	_, err = w.e.ApplyKept(t.Context(), owner, org, kept.ID, Confirm{})
	require.NoError(t, err)
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, []store.MappingRow{w.row("A", "t-ops", "member", "")}, s.Rows)
	w.clock.add(draftLife + time.Hour)
	_, err = w.e.ChangeDraft(t.Context(), owner, org, 7, addRow(w.row("B", "t-ops", "member", "")))
	require.ErrorIs(t, err, ErrDraftChanged)
}

// TestDraftIsForgotten after seven days without a change.
func TestDraftIsForgotten(t *testing.T) {
	w := drafted(t)
	_, err := w.e.ChangeDraft(t.Context(), owner, org, 0, addRow(w.row("A", "t-ops", "member", "")))
	require.NoError(t, err)
	w.clock.add(draftLife - time.Minute)
	d, err := w.e.Draft(t.Context(), owner, org)
	require.NoError(t, err)
	require.EqualValues(t, 1, d.Revision)
	w.clock.add(2 * time.Minute)
	d, err = w.e.Draft(t.Context(), owner, org)
	require.NoError(t, err)
	require.Zero(t, d.Revision)
}

// TestR95KeptPlan: a plan is looked at page by page without being computed anew, for an hour, and what is applied is that or nothing.
func TestR95KeptPlan(t *testing.T) {
	w := newWorld(t)
	var names []string
	for i := range 120 {
		names = append(names, fmt.Sprintf("p%03d", i))
	}
	w.host.addTeam("t-ops", "Ops")
	w.user(names...)
	w.group("A", names...)
	w.sync()
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	s.Mode, s.Rows = store.ModeManual, []store.MappingRow{w.row("A", "t-ops", "member", "")}
	plan, err := w.e.Preview(t.Context(), owner, org, s)
	require.NoError(t, err)
	k, err := w.e.KeepPlan(t.Context(), owner, org, plan)
	require.NoError(t, err)
	require.Empty(t, k.Plan.Lines)
	require.Equal(t, plan.Hash, k.Plan.Hash)
	require.Equal(t, plan.Counts(), k.Counts)
	var lines []Line
	for after, pages := 0, 1; ; pages++ {
		page, err := w.e.KeptPage(t.Context(), owner, org, k.ID, PageQuery{Tab: TabPeople, After: after})
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Lines), keptPage)
		require.Equal(t, 120, page.Total)
		lines = append(lines, page.Lines...)
		if after = page.Next; after == 0 {
			require.Equal(t, 3, pages)
			break
		}
	}
	require.Equal(t, plan.Lines, lines)
	groups, err := w.e.KeptPage(t.Context(), owner, org, k.ID, PageQuery{Tab: TabGroups})
	require.NoError(t, err)
	require.Equal(t, plan.Groups, groups.Groups)
	empty, err := w.e.KeptPage(t.Context(), owner, org, k.ID, PageQuery{Tab: TabPeople, After: 1000})
	require.NoError(t, err)
	require.Empty(t, empty.Lines)
	for _, q := range []PageQuery{{}, {Tab: "everything"}, {Tab: TabPeople, After: -1}} {
		_, err = w.e.KeptPage(t.Context(), owner, org, k.ID, q)
		require.ErrorIs(t, err, ErrPage)
	}
	for _, id := range []string{"", "none", "a\x00b", k.ID + ".settings"} {
		_, err = w.e.KeptPlan(t.Context(), owner, org, id)
		require.ErrorIs(t, err, ErrKeptPlanGone, id)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	_, err = w.e.KeptPlan(t.Context(), owner, "globex", k.ID)
	require.ErrorIs(t, err, ErrKeptPlanGone, "another organisation has none")
	_, err = w.e.KeepPlan(t.Context(), owner, "globex", plan)
	require.Error(t, err)
	_, err = w.e.KeepPlan(t.Context(), owner, org, Plan{TenantID: org})
	require.Error(t, err)

	_, err = w.e.ApplyKept(t.Context(), owner, org, k.ID, Confirm{Hash: "another"})
	require.ErrorIs(t, err, store.ErrStale, "what was shown was something else")
	w.leave("A", names[0])
	_, err = w.e.ApplyKept(t.Context(), owner, org, k.ID, Confirm{})
	var stale *StaleKeptPlanError
	require.ErrorAs(t, err, &stale)
	require.ErrorIs(t, err, store.ErrStale)
	require.Equal(t, 119, stale.Now.Plan.Totals.Joins)
	require.Empty(t, w.host.role("t-ops", w.account("p001")))
	done, err := w.e.ApplyKept(t.Context(), owner, org, stale.Now.ID, Confirm{})
	require.NoError(t, err)
	require.Equal(t, "member", w.host.role("t-ops", w.account("p001")))

	// An undo is kept and applied in the same way.
	undo, err := w.e.PreviewUndo(t.Context(), owner, org, done.ID)
	require.NoError(t, err)
	k, err = w.e.KeepPlan(t.Context(), owner, org, undo)
	require.NoError(t, err)
	_, err = w.e.ApplyKept(t.Context(), owner, org, k.ID, agree(undo))
	require.NoError(t, err)
	require.Empty(t, w.host.role("t-ops", w.account("p001")))

	w.clock.add(keptLife + time.Minute)
	_, err = w.e.KeptPlan(t.Context(), owner, org, k.ID)
	require.ErrorIs(t, err, ErrKeptPlanGone)
	n, err := w.st.DeleteExpiredTokens(t.Context(), org, w.clock.Now())
	require.NoError(t, err)
	require.Positive(t, n, "the store's housekeeping clears them")
}

// TestKeptPlanIsBounded: of a very large plan the first ten thousand entries of a tab are kept.
func TestKeptPlanIsBounded(t *testing.T) {
	w := newWorld(t)
	plan := Plan{TenantID: org, Hash: "h"}
	for i := range keptPage*keptPages + 1 {
		plan.Groups = append(plan.Groups, GroupOutcome{GroupID: fmt.Sprint(i), Outcome: "none"})
	}
	k, err := w.e.KeepPlan(t.Context(), owner, org, plan)
	require.NoError(t, err)
	require.Equal(t, keptPage*keptPages, k.Kept[TabGroups])
	require.Equal(t, keptPage*keptPages+1, k.Counts[TabGroups])
	page, err := w.e.KeptPage(t.Context(), owner, org, k.ID, PageQuery{Tab: TabGroups, After: keptPage * (keptPages - 1)})
	require.NoError(t, err)
	require.Len(t, page.Groups, keptPage)
	require.Zero(t, page.Next)
	page, err = w.e.KeptPage(t.Context(), owner, org, k.ID, PageQuery{Tab: TabGroups, After: keptPage * keptPages})
	require.NoError(t, err)
	require.Empty(t, page.Groups)
}

// TestDecideGroup: a decision takes the place of those that it excludes.
func TestDecideGroup(t *testing.T) {
	before := store.ProvisioningSettings{Auto: store.AutoRule{Adopt: []string{"g1"}, Skip: []string{"g2"}, Names: []store.GroupTeamName{{GroupID: "g3", Name: "Three"}}}, Rows: []store.MappingRow{{GroupID: "g4", OrgRole: "member"}}}
	copied := cloneSettings(before)
	for name, c := range map[string]struct {
		d    GroupDecision
		want store.AutoRule
	}{
		"skip what adopts":      {GroupDecision{GroupID: "g1", Action: GroupSkip}, store.AutoRule{Skip: []string{"g2", "g1"}, Names: before.Auto.Names}},
		"adopt what is skipped": {GroupDecision{GroupID: "g2", Action: GroupAdopt}, store.AutoRule{Adopt: []string{"g1", "g2"}, Names: before.Auto.Names}},
		"adopt again":           {GroupDecision{GroupID: "g1", Action: GroupAdopt}, before.Auto},
		"another name":          {GroupDecision{GroupID: "g3", Action: GroupRename, Name: "III"}, store.AutoRule{Adopt: []string{"g1"}, Skip: []string{"g2"}, Names: []store.GroupTeamName{{GroupID: "g3", Name: "III"}}}},
		"take a name back":      {GroupDecision{GroupID: "g3", Action: GroupUndecided}, store.AutoRule{Adopt: []string{"g1"}, Skip: []string{"g2"}}},
		"in the place of g1":    {GroupDecision{GroupID: "g9", OldGroupID: "g1", Action: GroupRelink}, store.AutoRule{Adopt: []string{"g9"}, Skip: []string{"g2"}, Names: before.Auto.Names}},
	} {
		got, err := DecideGroup(before, c.d)
		require.NoError(t, err, name)
		require.JSONEq(t, string(asJSON(c.want)), string(asJSON(got.Auto)), name)
		require.Equal(t, copied, before, "the settings that were given are not changed")
	}
	got, err := DecideGroup(before, GroupDecision{GroupID: "g9", OldGroupID: "g4", Action: GroupRelink})
	require.NoError(t, err)
	require.Equal(t, "g9", got.Rows[0].GroupID)
	for _, d := range []GroupDecision{{}, {GroupID: "g1", Action: "explode"}, {Action: GroupSkip}} {
		_, err := DecideGroup(before, d)
		require.ErrorAs(t, err, new(*SettingsError))
	}
}

// TestR83GroupsOfTheDirectory: groups with members and last change, found by a part of the name, page by page.
func TestR83GroupsOfTheDirectory(t *testing.T) {
	for total, counts := range map[int]bool{-1: false, 31: true} { // a store that cannot count, and one that can
		w := newWorld(t, func(c *Config) {
			if counts {
				c.Store = c.Store.(*joined).Store
			}
		})
		groupsOfTheDirectory(t, w, total)
	}
}

func groupsOfTheDirectory(t *testing.T, w *world, total int) {
	t.Helper()
	w.user("ada", "ben")
	w.group("SRE \u202e", "ada", "ben")
	for i := range 30 {
		w.group(fmt.Sprintf("Team %02d", i))
	}
	w.host.addTeam("t-1", "Zeta")
	w.host.addTeam("t-2", "alpha")
	w.host.addTeam("t-3", "Old alpha")
	w.host.archived["t-3"] = true
	list, err := w.e.Groups(t.Context(), owner, org, GroupQuery{})
	require.NoError(t, err)
	require.Len(t, list.Groups, 25)
	require.Equal(t, total, list.Total)
	require.Equal(t, "SRE", list.Groups[0].Name)
	require.Equal(t, 2, list.Groups[0].Members)
	require.False(t, list.Groups[0].ChangedAt.IsZero())
	rest, err := w.e.Groups(t.Context(), owner, org, GroupQuery{After: list.Next})
	require.NoError(t, err)
	require.Len(t, rest.Groups, 6)
	require.Empty(t, rest.Next)
	found, err := w.e.Groups(t.Context(), owner, org, GroupQuery{Search: "TEAM 1", Limit: 7})
	require.NoError(t, err)
	require.Len(t, found.Groups, 7)
	found, err = w.e.Groups(t.Context(), owner, org, GroupQuery{Search: "TEAM 1", Limit: 7, After: found.Next})
	require.NoError(t, err)
	require.Len(t, found.Groups, 3)
	found, err = w.e.Groups(t.Context(), owner, org, GroupQuery{IDs: []string{w.ids["Team 07"], "none", "a\x00"}})
	require.NoError(t, err)
	require.Len(t, found.Groups, 1)
	elsewhere, err := w.e.Groups(t.Context(), owner, "globex", GroupQuery{IDs: []string{w.ids["Team 07"]}})
	require.NoError(t, err)
	require.Empty(t, elsewhere.Groups)

	teams, err := w.e.Teams(t.Context(), owner, org, TeamQuery{})
	require.NoError(t, err)
	require.Equal(t, []Team{{ID: "t-2", Name: "alpha"}, {ID: "t-1", Name: "Zeta"}}, teams.Teams)
	teams, err = w.e.Teams(t.Context(), owner, org, TeamQuery{Search: "ALPHA", Limit: 1})
	require.NoError(t, err)
	require.Equal(t, 1, teams.Total)
	teams, err = w.e.Teams(t.Context(), owner, org, TeamQuery{IDs: []string{"t-3", "", "none"}})
	require.NoError(t, err)
	require.Equal(t, []Team{{ID: "t-3", Name: "Old alpha", Archived: true}}, teams.Teams)

	rows := []store.MappingRow{w.row("SRE \u202e", "t-1", "member", ""), w.row("Team 07", "t-2", "member", ""), w.row("Team 08", "", "", "member")}
	at, err := w.e.MatchRows(t.Context(), owner, org, rows, "team 0")
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, at)
	at, err = w.e.MatchRows(t.Context(), owner, org, rows, "zeta")
	require.NoError(t, err)
	require.Equal(t, []int{0}, at)
	at, err = w.e.MatchRows(t.Context(), owner, org, rows, "nothing")
	require.NoError(t, err)
	require.Empty(t, at)
}

// TestGroupPagesAskTheAuthorizer: every call of a page asks for its own right.
func TestGroupPagesAskTheAuthorizer(t *testing.T) {
	w := newWorld(t)
	var asked []tenant.Action
	cfg := w.cfg
	cfg.Authorizer = authorizerOf(&asked)
	e, err := New(cfg)
	require.NoError(t, err)
	ctx := t.Context()
	for _, c := range []struct {
		want tenant.Action
		call func() error
	}{
		{tenant.ActionViewMapping, func() error { _, err := e.Draft(ctx, owner, org); return err }},
		{tenant.ActionEditMapping, func() error { _, err := e.ChangeDraft(ctx, owner, org, 0, nil); return err }},
		{tenant.ActionEditMapping, func() error { _, err := e.RebaseDraft(ctx, owner, org, 0); return err }},
		{tenant.ActionEditMapping, func() error { return e.DropDraft(ctx, owner, org) }},
		{tenant.ActionViewMapping, func() error { _, err := e.PreviewDraft(ctx, owner, org); return err }},
		{tenant.ActionEditMapping, func() error { _, err := e.KeepPlan(ctx, owner, org, Plan{}); return err }},
		{tenant.ActionEditMapping, func() error { _, err := e.KeptPlan(ctx, owner, org, "x"); return err }},
		{tenant.ActionEditMapping, func() error { _, err := e.KeptPage(ctx, owner, org, "x", PageQuery{}); return err }},
		{tenant.ActionEditMapping, func() error { _, err := e.ApplyKept(ctx, owner, org, "x", Confirm{}); return err }},
		{tenant.ActionViewMapping, func() error { _, err := e.Groups(ctx, owner, org, GroupQuery{}); return err }},
		{tenant.ActionViewMapping, func() error { _, err := e.Teams(ctx, owner, org, TeamQuery{}); return err }},
		{tenant.ActionViewMapping, func() error { _, err := e.MatchRows(ctx, owner, org, nil, ""); return err }},
		{tenant.ActionApplyMapping, func() error { _, err := e.ReconcileNow(ctx, owner, org); return err }},
	} {
		asked = nil
		require.ErrorIs(t, c.call(), tenant.ErrForbidden)
		require.Equal(t, []tenant.Action{c.want}, asked)
	}
}

// TestChoices: what the configuration lets owners choose from.
func TestChoices(t *testing.T) {
	w := newWorld(t, canAll, func(c *Config) { c.MaxProvisionableRole = "administrator" })
	require.Equal(t, Choices{
		OrgRoles: []string{"member", "administrator"}, TeamRoles: teamRoles, TopRole: "owner", MaxRows: maxRows,
		TeamPolicies:    []store.TeamPolicy{store.TeamKeep, store.TeamArchive, store.TeamDelete},
		AccountPolicies: []store.AccountPolicy{"", store.AccountSuspend},
	}, w.e.Choices())
	w = newWorld(t, func(c *Config) { c.Mapper = noMapper })
	require.True(t, w.e.Choices().OwnMapper)
}
