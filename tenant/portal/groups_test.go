package portal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

var (
	revisionField = regexp.MustCompile(`name="revision" value="(\d+)"`)
	hashField     = regexp.MustCompile(`name="hash" value="([0-9a-f]+)"`)
)

func fieldIn(t *testing.T, re *regexp.Regexp, a answer) string {
	t.Helper()
	m := re.FindStringSubmatch(a.body)
	require.NotNil(t, m, a.body)
	return m[1]
}

// clean is what every page of the portal is.
func clean(t *testing.T, a answer) answer {
	t.Helper()
	require.NotContains(t, a.body, "%!")
	require.NotContains(t, a.body, "ZgotmplZ")
	require.NotContains(t, a.body, "<script>")
	require.NotRegexp(t, `<[^>]+ (style|on[a-z]+)=`, a.body)
	require.Equal(t, 1, strings.Count(a.body, "<h1>"))
	require.Less(t, len(a.body), 60<<10)
	idsAreUnique(t, a.url.Path, a.body)
	if strings.Contains(a.body, `<html lang="de">`) {
		noEnglish(t, a.url.Path, a.body)
	}
	return a
}

// edit posts a form of the page on which the draft is.
func (g *groupsWorld) edit(t *testing.T, b *browser, path string, pairs ...string) answer {
	t.Helper()
	return b.post(at(path), append([]string{"revision", fieldIn(t, revisionField, b.get(at("/groups")))}, pairs...)...)
}

// TestR82ManualMapping: an owner maps a group to a team with forms alone, sees what it does to whom, and applies just that.
func TestR82ManualMapping(t *testing.T) {
	g := newGroupsWorld(t)
	g.host.team(org, "team-a", "On-call")
	g.host.team(org, "team-b", "Backend")
	g.user(t, "ada", "ben")
	g.group(t, "SRE", "ada", "ben")
	g.group(t, "Admins", "ada")
	_, err := g.engine.Sync(t.Context(), org)
	require.NoError(t, err)
	b := g.as(t, "owner")
	a := clean(t, b.get(at("/groups")))
	require.Contains(t, b.get(at("")).body, at("/groups"), "the navigation has it")
	require.Contains(t, a.body, "Groups give nothing.")
	require.NotContains(t, a.body, "Your draft")

	a = clean(t, g.edit(t, b, "/groups/mode", "mode", "manual"))
	require.Equal(t, http.StatusOK, a.status)
	require.Contains(t, a.body, "Your draft is not in force yet")
	require.Contains(t, a.body, "No group is mapped yet")
	list := clean(t, b.get(at("/groups/list?search=sre")))
	require.Contains(t, list.body, "not mapped")
	require.NotContains(t, list.body, "Admins")
	require.Contains(t, list.body, "<td>2</td>", "its members")

	a = clean(t, b.get(at("/groups/row?group="+g.ids["SRE"])))
	require.Contains(t, a.body, `<option value="`+g.ids["SRE"]+`" selected>SRE (2 members)</option>`)
	require.Contains(t, a.body, `<option value="team-a">On-call</option>`)
	a = clean(t, g.edit(t, b, "/groups/row", "group", g.ids["SRE"], "team", "team-a", "team_role", "member"))
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Contains(t, a.url.RawQuery, "done=drafted")
	a = clean(t, g.edit(t, b, "/groups/row", "group", g.ids["Admins"], "org_role", "administrator", "team", "", "team_role", "member"))
	require.Contains(t, a.body, "2 rows")
	require.Contains(t, a.body, "Administrator")

	// Order by buttons, and by place.
	a = g.edit(t, b, "/groups/rows", "row", "1", "do", "up")
	require.Less(t, strings.Index(a.body, "<bdi>Admins"), strings.Index(a.body, "<bdi>SRE"))
	a = g.edit(t, b, "/groups/rows", "number", "1", "to", "2", "do", "move")
	require.Greater(t, strings.Index(a.body, "<bdi>Admins"), strings.Index(a.body, "<bdi>SRE"))
	a = clean(t, b.get(at("/groups/row?row=0")))
	require.Contains(t, a.body, `<option value="team-a" selected>`)
	require.Equal(t, store.ModeNone, g.settings(t).Mode, "nothing is in force yet")
	require.Contains(t, g.as(t, "owner").get(at("/groups")).body, "2 rows", "the draft survives another browser")

	a = clean(t, b.post(at("/groups/preview")))
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Contains(t, a.url.Path, "/groups/preview/")
	require.Contains(t, a.body, "2 people join a team")
	require.Contains(t, a.body, "in group “SRE”, row 1")
	require.Contains(t, a.body, "1 role raised")
	reload := clean(t, b.get(a.url.Path+"/people"))
	require.Contains(t, reload.body, "ada@acme.com")
	require.Contains(t, clean(t, b.get(a.url.Path+"/roles")).body, "Administrator", "the role that ada gets")
	require.Empty(t, g.host.role("team-a", "ada@acme.com"))
	b.header.Set("Accept-Language", "de")
	require.Contains(t, clean(t, b.get(a.url.Path+"/people")).body, "in der Gruppe „SRE“, Zeile 1")
	b.header.Set("Accept-Language", "en")

	done := clean(t, b.post(a.url.Path, "hash", fieldIn(t, hashField, a)))
	require.Equal(t, http.StatusOK, done.status, done.body)
	require.Contains(t, done.body, "Applied.")
	require.Contains(t, done.body, "2 people join a team")
	require.Equal(t, "member", g.host.role("team-a", "ada@acme.com"))
	require.Equal(t, store.ModeManual, g.settings(t).Mode)
	require.NotContains(t, b.get(at("/groups")).body, "Your draft", "what was applied is no draft")

	// It is taken back as it was applied: after a look.
	undo := regexp.MustCompile(`name="plan" value="([^"]+)"`).FindStringSubmatch(done.body)
	require.NotNil(t, undo)
	a = clean(t, b.post(at("/groups/undo"), "plan", undo[1]))
	require.Contains(t, a.body, "What taking it back does")
	require.Contains(t, a.body, "2 people leave one")
	done = clean(t, b.post(a.url.Path, "hash", fieldIn(t, hashField, a)))
	require.Contains(t, done.body, "took a plan back")
	require.Empty(t, g.host.role("team-a", "ada@acme.com"))
	require.Equal(t, http.StatusConflict, b.post(at("/groups/undo"), "plan", undo[1]).status, "it was followed by another")
	require.Equal(t, http.StatusNotFound, b.post(at("/groups/undo"), "plan", "none").status)
}

// TestR89AutomaticMapping: a filter with its count, a name that is taken decided in place, and the teams that come of it.
func TestR89AutomaticMapping(t *testing.T) {
	g := newGroupsWorld(t)
	g.host.team(org, "team-old", "Backend")
	g.user(t, "ada", "ben")
	g.group(t, "team-Backend", "ada")
	g.group(t, "team-Data", "ben")
	g.group(t, "everybody", "ada", "ben")
	_, err := g.engine.Sync(t.Context(), org)
	require.NoError(t, err)
	b := g.as(t, "owner")
	a := clean(t, g.edit(t, b, "/groups/mode", "mode", "auto"))
	require.Contains(t, a.body, "3 groups of 3 match.")
	rule := []string{"filter_kind", "glob", "filter", "team-*", "strip_prefix", "team-", "team_role", "member"}
	a = clean(t, g.edit(t, b, "/groups/auto", append(rule, "do", "count")...))
	require.Contains(t, a.body, "2 groups of 3 match.")
	require.Contains(t, a.body, "team-*", "what was typed is kept")
	require.Contains(t, b.get(at("/groups")).body, "3 groups of 3 match.", "counting keeps nothing")
	live := b.get(at("/groups/match?filter_kind=regex&filter=every.*"))
	require.Contains(t, live.body, `"matched":1`)
	require.Contains(t, live.body, "1 group of 3 matches.")
	a = clean(t, g.edit(t, b, "/groups/auto", rule...))
	require.Contains(t, a.body, "<bdi>team-Data</bdi> → <bdi>Data</bdi>")
	require.Contains(t, clean(t, b.get(at("/groups/picture"))).body, "<title>team-Data → Data (Member)</title>")

	a = clean(t, b.post(at("/groups/preview")))
	require.Contains(t, a.body, "There is a team of this name")
	require.Contains(t, a.body, "1 conflict")
	require.Contains(t, clean(t, b.get(a.url.Path+"/groups")).body, "waits for a decision", "R94")
	bad := clean(t, b.post(a.url.Path+"/decide", "revision", fieldIn(t, revisionField, a), "group", g.ids["team-Backend"], "action", "rename", "name", "a\tb"))
	require.Equal(t, http.StatusUnprocessableEntity, bad.status)
	require.Contains(t, bad.body, `aria-invalid="true"`)
	require.Equal(t, http.StatusConflict, b.post(a.url.Path+"/decide", "revision", "99", "group", g.ids["team-Backend"], "action", "skip").status)
	require.Equal(t, http.StatusUnprocessableEntity, b.post(a.url.Path+"/decide", "revision", fieldIn(t, revisionField, a), "group", g.ids["team-Backend"], "action", "explode").status)
	a = clean(t, b.post(a.url.Path+"/decide", "revision", fieldIn(t, revisionField, a), "group", g.ids["team-Backend"], "action", "adopt"))
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.NotContains(t, a.body, "1 conflict")
	require.Contains(t, a.body, "1 team created, 1 team adopted")
	for _, language := range []string{"de", "en"} {
		b.header.Set("Accept-Language", language)
		clean(t, b.get(a.url.Path))
		for _, tab := range provisioning.Tabs() {
			clean(t, b.get(a.url.Path+"/"+string(tab)))
		}
	}
	a = clean(t, b.post(a.url.Path, "hash", fieldIn(t, hashField, a)))
	require.Contains(t, a.body, "Applied.")
	require.Equal(t, "member", g.host.role("team-old", "ada@acme.com"))
	require.Equal(t, "member", g.host.role(g.host.named("Data"), "ben@acme.com"))
	require.Empty(t, g.host.named("everybody"))
}

// TestMappingRefusals: each bad input gives the same page again, with what was typed and what to change, and keeps nothing.
func TestMappingRefusals(t *testing.T) {
	g := newGroupsWorld(t)
	g.host.team(org, "team-a", "On-call")
	g.host.team(other, "team-x", "Globex secrets")
	g.group(t, "SRE")
	b := g.as(t, "owner")
	g.edit(t, b, "/groups/mode", "mode", "manual")
	g.edit(t, b, "/groups/row", "group", g.ids["SRE"], "team", "team-a", "team_role", "member")
	before := b.get(at("/groups")).body
	sre := g.ids["SRE"]
	for name, c := range map[string]struct {
		path   string
		status int
		form   []string
		shows  []string
	}{
		"unknown mode":          {"/groups/mode", 422, []string{"mode", "magic"}, []string{`id="mode-error"`}},
		"no group":              {"/groups/row", 422, []string{"group", "", "team", "team-a", "team_role", "member"}, []string{"needs a group", `<option value="team-a" selected>`}},
		"neither team nor role": {"/groups/row", 422, []string{"group", sre}, []string{"needs a group, and a team or a role"}},
		"unknown group":         {"/groups/row", 422, []string{"group", "nobody", "team", "team-a", "team_role", "member"}, []string{`id="f-group-error"`}},
		"unknown team":          {"/groups/row", 422, []string{"group", sre, "team", "nowhere", "team_role", "member"}, []string{`id="f-team-error"`}},
		"another's team":        {"/groups/row", 422, []string{"group", sre, "team", "team-x", "team_role", "member"}, []string{`id="f-team-error"`}},
		"unknown team role":     {"/groups/row", 422, []string{"group", sre, "team", "team-a", "team_role", "<god>"}, []string{`id="f-team_role-error"`, "&lt;god&gt;"}},
		"unknown role":          {"/groups/row", 422, []string{"group", sre, "org_role", "emperor"}, []string{`id="f-org_role-error"`}},
		"a row that is none":    {"/groups/row", 404, []string{"row", "7", "group", sre, "org_role", "member"}, nil},
		"move what is none":     {"/groups/rows", 404, []string{"row", "7", "do", "up"}, nil},
		"move to nowhere":       {"/groups/rows", 404, []string{"row", "0", "do", "move", "to", "x"}, nil},
		"do what is none":       {"/groups/rows", 404, []string{"row", "0", "do", "explode"}, nil},
		"a filter":              {"/groups/auto", 422, []string{"filter_kind", "regex", "filter", "a\n(", "team_role", "member"}, nil},
		"a kind of filter":      {"/groups/auto", 422, []string{"filter_kind", "sql", "filter", "x", "team_role", "member"}, nil},
		"default role":          {"/groups/rules", 422, []string{"default_org_role", "emperor"}, []string{`id="f-default_org_role-error"`}},
		"role rule":             {"/groups/rules", 422, []string{"role_rule", "dice"}, []string{`id="f-role_rule-error"`}},
		"delete teams":          {"/groups/rules", 422, []string{"unmanaged_teams", "delete"}, []string{`id="f-unmanaged_teams-error"`}},
		"a step that is none":   {"/groups/draft/explode", 404, nil, nil},
		"pause without why":     {"/groups/pause", 422, []string{"reason", " "}, []string{`id="f-reason-error"`}},
		"pause with controls":   {"/groups/pause", 422, []string{"reason", "a\u202eb"}, []string{`id="f-reason-error"`}},
		"keep no team":          {"/groups/keep-team", 404, []string{"team", "team-a"}, nil},
		"resume what runs":      {"/groups/held", 409, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := g.edit(t, b, c.path, c.form...)
			require.Equal(t, c.status, a.status, a.body)
			clean(t, a)
			for _, text := range c.shows {
				require.Contains(t, a.body, text)
			}
			require.NotContains(t, a.body, "Globex")
			require.Equal(t, scrub(before), scrub(b.get(at("/groups")).body), "nothing was kept")
		})
	}
	g.edit(t, b, "/groups/mode", "mode", "auto")
	a := clean(t, g.edit(t, b, "/groups/auto", "filter_kind", "regex", "filter", "a\n(", "strip_prefix", "a\a", "template", "x", "team_role", "emperor", "org_role", "<b>"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	for _, id := range []string{"filter", "strip_prefix", "template", "team_role", "org_role"} {
		require.Contains(t, a.body, `id="f-`+id+`-error"`)
	}
	require.Contains(t, a.body, "Line 2", "where the filter is wrong")
	require.Contains(t, a.body, "a\n(</textarea>", "what was typed is kept")
	require.Equal(t, http.StatusUnprocessableEntity, b.post(at("/groups/auto"), "do", "count", "filter_kind", "regex", "filter", "(").status)
	require.Equal(t, http.StatusUnprocessableEntity, b.get(at("/groups/match?filter_kind=regex&filter=(")).status)

	// A form that was made for another draft.
	a = clean(t, b.post(at("/groups/mode"), "revision", "1", "mode", "none"))
	require.Equal(t, http.StatusConflict, a.status)
	a = clean(t, b.post(at("/groups/mode"), "revision", "x", "mode", "none"))
	require.Equal(t, http.StatusConflict, a.status)
	require.Equal(t, http.StatusNotFound, b.get(at("/groups/preview/none")).status)
	require.Equal(t, http.StatusNotFound, b.post(at("/groups/preview/none"), "hash", "x").status)
	require.Equal(t, http.StatusNotFound, b.get(at("/groups/row?row=99")).status)
	require.Equal(t, store.ModeNone, g.settings(t).Mode)
}

var changing = regexp.MustCompile(`nonce="[^"]*"`)

func scrub(body string) string { return changing.ReplaceAllString(body, "") }

// TestR95PlanThatIsOld: what is applied is what was shown, or it is shown anew.
func TestR95PlanThatIsOld(t *testing.T) {
	g := newGroupsWorld(t)
	g.host.team(org, "team-a", "On-call")
	g.user(t, "ada", "ben")
	g.group(t, "SRE", "ada")
	_, err := g.engine.Sync(t.Context(), org)
	require.NoError(t, err)
	b := g.as(t, "owner")
	g.edit(t, b, "/groups/mode", "mode", "manual")
	g.edit(t, b, "/groups/row", "group", g.ids["SRE"], "team", "team-a", "team_role", "member")
	a := b.post(at("/groups/preview"))
	old := a.url.Path
	_, err = g.store.ChangeSCIMMembers(t.Context(), org, g.ids["SRE"], store.MemberDelta{Add: []store.Member{{ID: g.ids["ben"], Kind: store.MemberUser}}}, g.clock(), nil, g.event("scim.group.members_changed", "scim_group", g.ids["SRE"]))
	require.NoError(t, err)
	hash := fieldIn(t, hashField, a)
	programs := g.as(t, "owner")
	programs.header.Set("Accept", "application/json")
	p := programs.post(old, "hash", hash)
	require.Equal(t, http.StatusConflict, p.status)
	require.Contains(t, p.body, "plan_stale")
	require.Contains(t, p.body, "/groups/preview/", "where the new one is")
	a = clean(t, b.post(old, "hash", hash))
	require.Equal(t, http.StatusConflict, a.status)
	require.Contains(t, a.body, "The directory or the settings changed since this preview. Here is the new one.")
	require.Contains(t, a.body, "2 people join a team")
	require.Empty(t, g.host.role("team-a", "ada@acme.com"))
	action := regexp.MustCompile(`action="([^"]+/groups/preview/[A-Z2-7]+)"`).FindStringSubmatch(a.body)
	require.NotNil(t, action)
	a = b.post(action[1], "hash", fieldIn(t, hashField, a))
	require.Contains(t, a.body, "Applied.")
	require.Equal(t, "member", g.host.role("team-a", "ben@acme.com"))

	// Settings that somebody else applied meanwhile.
	g.edit(t, b, "/groups/rules", "default_org_role", "administrator", "unmanaged_people", "take")
	s := g.settings(t)
	s.Rows = nil
	plan, err := g.engine.Preview(t.Context(), who["owner"], org, s)
	require.NoError(t, err)
	_, err = g.engine.Apply(t.Context(), who["owner"], org, s, provisioning.Confirm{Hash: plan.Hash})
	require.NoError(t, err)
	a = clean(t, b.get(at("/groups")))
	require.Contains(t, a.body, "Other settings were applied since you began.")
	a = clean(t, b.post(at("/groups/preview")))
	require.Equal(t, http.StatusConflict, a.status)
	a = clean(t, g.edit(t, b, "/groups/draft/rebase"))
	require.NotContains(t, a.body, "Other settings were applied")
	require.Contains(t, a.body, "Your draft is not in force yet")
	a = clean(t, g.edit(t, b, "/groups/draft/discard"))
	require.NotContains(t, a.body, "Your draft is not in force")
	require.Empty(t, g.settings(t).DefaultOrgRole)
}

// TestR101OwnersWantAConfirmation: a plan that makes owners, or takes from very many, asks first.
func TestR101OwnersWantAConfirmation(t *testing.T) {
	g := newGroupsWorld(t, func(c *provisioning.Config) { c.Breaker = provisioning.Breaker{People: 1, Percent: 1} })
	g.host.team(org, "team-a", "On-call")
	g.user(t, "ada", "ben", "eva")
	g.group(t, "SRE", "ada", "ben", "eva")
	_, err := g.engine.Sync(t.Context(), org)
	require.NoError(t, err)
	b := g.as(t, "owner")
	g.edit(t, b, "/groups/mode", "mode", "manual")
	g.edit(t, b, "/groups/row", "group", g.ids["SRE"], "team", "team-a", "team_role", "member", "org_role", "owner")
	a := clean(t, b.post(at("/groups/preview")))
	require.Contains(t, a.body, `name="confirm_top_role"`)
	page, hash := a.url.Path, fieldIn(t, hashField, a)
	a = clean(t, b.post(page, "hash", hash))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `id="f-confirm_top_role-error"`)
	require.Empty(t, g.host.role("team-a", "ada@acme.com"))
	a = b.post(page, "hash", hash, "confirm_top_role", "1")
	require.Contains(t, a.body, "Applied.")

	g.edit(t, b, "/groups/rows", "row", "0", "do", "remove")
	g.edit(t, b, "/groups/rules", "unmanaged_people", "take")
	a = clean(t, b.post(at("/groups/preview")))
	require.Contains(t, a.body, "3 people lose a team, a role or access.")
	require.Contains(t, a.body, `class="red"`)
	page, hash = a.url.Path, fieldIn(t, hashField, a)
	a = clean(t, b.post(page, "hash", hash, "confirm_people", "2"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, `value="2"`, "what was typed is kept")
	require.Equal(t, "member", g.host.role("team-a", "ada@acme.com"))
	a = b.post(page, "hash", hash, "confirm_people", "3")
	require.Contains(t, a.body, "Applied.")
	require.Empty(t, g.host.role("team-a", "ada@acme.com"))
}

// TestPauseAndReconcileOfAPage: an owner holds everything back, sees what waits, lets it through, and compares everybody.
func TestPauseAndReconcileOfAPage(t *testing.T) {
	g := newGroupsWorld(t)
	g.host.team(org, "team-a", "On-call")
	g.user(t, "ada")
	g.group(t, "SRE", "ada")
	b := g.as(t, "owner")
	a := clean(t, b.get(at("/groups/history")))
	require.Contains(t, a.body, "They were not compared yet.")
	a = clean(t, b.post(at("/groups/pause"), "reason", "We are moving <providers>."))
	require.Contains(t, a.body, "Provisioning is paused")
	require.Contains(t, a.body, "We are moving &lt;providers&gt;.")
	require.Contains(t, clean(t, b.get(at("/groups"))).body, "only access that ends goes through")
	a = clean(t, b.post(at("/groups/held")))
	require.Contains(t, a.body, "What resuming does")
	require.Contains(t, a.body, "1 account made")
	a = clean(t, b.post(a.url.Path, "hash", fieldIn(t, hashField, a)))
	require.Contains(t, a.body, "Provisioning is running")
	a = clean(t, b.post(at("/groups/reconcile")))
	require.Contains(t, a.body, "Everybody was compared with the rules.")
	require.Contains(t, a.body, "1 person.")
}

// TestMappingIsTheOrganisations: nobody sees or changes another organisation's, and nothing without the right.
func TestMappingIsTheOrganisations(t *testing.T) {
	g := newGroupsWorld(t)
	g.group(t, "SRE")
	b := g.as(t, "owner")
	g.edit(t, b, "/groups/mode", "mode", "manual")
	plan := b.post(at("/groups/preview")).url.Path
	gets := []string{"/groups", "/groups/list", "/groups/picture", "/groups/history", "/groups/match", "/groups/row"}
	posts := []string{"/groups/row", "/groups/rows", "/groups/mode", "/groups/rules", "/groups/auto", "/groups/draft/discard", "/groups/preview", "/groups/undo", "/groups/held", "/groups/pause", "/groups/reconcile", "/groups/keep-team"}
	stranger, member := g.as(t, "stranger"), g.as(t, "member")
	for _, path := range append(gets, strings.TrimPrefix(plan, at(""))) {
		require.Equal(t, http.StatusNotFound, stranger.get(at(path)).status, path)
		require.Equal(t, http.StatusForbidden, member.get(at(path)).status, path)
	}
	for _, path := range append(posts, strings.TrimPrefix(plan, at("")), strings.TrimPrefix(plan, at(""))+"/decide") {
		require.Equal(t, http.StatusNotFound, stranger.post(at(path), "revision", "1").status, path)
		require.Equal(t, http.StatusForbidden, member.post(at(path), "revision", "1").status, path)
	}
	own := strings.Replace(plan, "/t/"+org, "/t/"+other, 1)
	require.Equal(t, http.StatusNotFound, stranger.get(own).status, "a plan of another organisation")
	require.NotContains(t, stranger.get("/settings/sso/t/"+other+"/groups/list").body, "SRE")

	// Who may look and not change gets no forms.
	g.mu.Lock()
	g.denied["mapping.edit"], g.denied["mapping.apply"] = true, true
	g.mu.Unlock()
	a := clean(t, b.get(at("/groups")))
	require.NotContains(t, a.body, "Choose this mode")
	require.Equal(t, http.StatusForbidden, b.post(at("/groups/mode"), "revision", "1", "mode", "auto").status)
	require.NotContains(t, clean(t, b.get(at("/groups/history"))).body, "Pause provisioning")

	w := newWorld(t)
	require.Equal(t, http.StatusNotFound, w.as(t, "owner").get(at("/groups")).status, "no engine, no page")
	require.NotContains(t, w.as(t, "owner").get(at("")).body, at("/groups"))
}

// TestMappingWithASetupLink: somebody of IT without an account maps groups with a link that is meant for it, and does nothing else.
func TestMappingWithASetupLink(t *testing.T) {
	g := newGroupsWorld(t)
	g.group(t, "SRE")
	b := g.as(t, "owner")
	a := b.post(at("/links"), "name", "Ida", "intents", "mapping")
	link := regexp.MustCompile(`<code data-copy>(http[^<]+)<`).FindStringSubmatch(a.body)[1]
	guest := g.as(t, "")
	open := guest.get(link)
	guest.post(regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(open.body)[1])
	base := "/settings/sso/setup/" + org
	a = clean(t, guest.get(base+"/groups"))
	require.Equal(t, http.StatusOK, a.status)
	a = clean(t, guest.post(base+"/groups/mode", "revision", "0", "mode", "auto"))
	require.Contains(t, a.body, "Your draft is not in force yet")
	a = clean(t, guest.post(base+"/groups/preview"))
	require.Contains(t, a.body, "1 team created")
	require.NotContains(t, b.get(at("/groups")).body, "Your draft", "the draft is the guest's own")
	require.Equal(t, http.StatusForbidden, guest.post(base+"/domains/d1/check").status)
}

// TestHostileNamesInTheMapping: a group's name is text, on pages and in the picture.
func TestHostileNamesInTheMapping(t *testing.T) {
	g := newGroupsWorld(t)
	bad := "<script>alert(1)</script>\u202etxt"
	g.host.team(org, "team-a", "</title><svg onload=alert(2)>")
	g.user(t, "ada")
	g.group(t, bad, "ada")
	_, err := g.engine.Sync(t.Context(), org)
	require.NoError(t, err)
	b := g.as(t, "owner")
	g.edit(t, b, "/groups/mode", "mode", "manual")
	g.edit(t, b, "/groups/row", "group", g.ids[bad], "team", "team-a", "team_role", "member")
	plan := b.post(at("/groups/preview")).url.Path
	for _, path := range []string{at("/groups"), at("/groups/list"), at("/groups/picture"), at("/groups/row?row=0"), plan, plan + "/groups"} {
		a := clean(t, b.get(path))
		require.Contains(t, a.body, "&lt;script&gt;alert(1)&lt;/script&gt;", path)
		require.NotContains(t, a.body, "\u202e", path)
		require.NotContains(t, a.body, "<svg onload", path)
		require.NotContains(t, a.body, "<script>alert", path)
	}
	require.Contains(t, b.get(at("/groups/picture")).body, `unicode-bidi="isolate"`)
}

// TestMappingForPrograms: each page answers in JSON, with the same refusals.
func TestMappingForPrograms(t *testing.T) {
	g := newGroupsWorld(t)
	g.host.team(org, "team-a", "On-call")
	g.user(t, "ada")
	g.group(t, "SRE", "ada")
	_, err := g.engine.Sync(t.Context(), org)
	require.NoError(t, err)
	b := g.as(t, "owner")
	b.header.Set("Accept", "application/json")
	read := func(a answer) map[string]any {
		t.Helper()
		var out map[string]any
		require.NoError(t, json.Unmarshal([]byte(a.body), &out), a.body)
		return out
	}
	require.Equal(t, "none", read(b.get(at("/groups")))["mode"])
	require.EqualValues(t, 1, read(b.post(at("/groups/mode"), "revision", "0", "mode", "manual"))["revision"])
	a := b.post(at("/groups/row"), "revision", "1", "group", "nobody", "team", "team-a", "team_role", "member")
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Equal(t, "group_not_found", read(a)["code"])
	require.Equal(t, http.StatusConflict, b.post(at("/groups/row"), "revision", "9", "group", "x").status)
	b.post(at("/groups/row"), "revision", "1", "group", g.ids["SRE"], "team", "team-a", "team_role", "member")
	where := read(b.post(at("/groups/preview")))["at"].(string)
	plan := read(b.get(where + "/people"))
	require.Len(t, plan["lines"], 1)
	a = b.post(where, "hash", plan["hash"].(string))
	require.Equal(t, "applied", read(a)["done"])
	require.Equal(t, "member", g.host.role("team-a", "ada@acme.com"))
	for _, path := range []string{"/groups/list", "/groups/picture", "/groups/history"} {
		require.Equal(t, http.StatusOK, b.get(at(path)).status)
		require.NotEmpty(t, read(b.get(at(path))))
	}
}

// TestPreviewRunsBesideThePage: what takes long is followed along, survives a reload, and tells what came of it.
func TestPreviewRunsBesideThePage(t *testing.T) {
	g := newGroupsWorld(t)
	g.portal.patience = 0
	g.group(t, "SRE")
	b := g.as(t, "owner")
	follow := func(a answer) answer {
		t.Helper()
		for a.header.Get("Refresh") != "" {
			require.Contains(t, a.body, "One moment")
			require.NoError(t, g.portal.Shutdown(t.Context()))
			a = b.get(a.url.RequestURI())
		}
		return a
	}
	g.edit(t, b, "/groups/mode", "mode", "auto")
	a := follow(b.post(at("/groups/preview")))
	require.Contains(t, a.body, "1 team created")
	plan, hash := a.url.Path, fieldIn(t, hashField, a)
	g.group(t, "Data")
	a = follow(b.post(plan, "hash", hash))
	require.Contains(t, a.body, "Here is the new one.")
	require.Contains(t, a.body, "2 teams created")
	a = follow(b.post(a.url.Path, "hash", fieldIn(t, hashField, a)))
	require.Contains(t, a.body, "Applied.")
	require.NotEmpty(t, g.host.named("Data"))
	a = follow(b.post(at("/groups/held")))
	require.Equal(t, http.StatusConflict, a.status)
}

// manyGroups is a directory of ten thousand groups, all of them mapped up to the bound.
func manyGroups(t testing.TB, n int) *groupsWorld {
	t.Helper()
	g := newGroupsWorld(t)
	g.user(t, "ada")
	var rows []store.MappingRow
	for i := range n {
		name := fmt.Sprintf("Group %05d", i)
		g.group(t, name, "ada")
		if i < 5000 {
			if i < 300 {
				g.host.team(org, fmt.Sprintf("team-%d", i), fmt.Sprintf("Team %05d", i))
			}
			rows = append(rows, store.MappingRow{GroupID: g.ids[name], TeamID: fmt.Sprintf("team-%d", i%300), TeamRole: "member"})
		}
	}
	_, err := g.engine.ChangeDraft(t.Context(), who["owner"], org, 0, func(s *store.ProvisioningSettings) error {
		s.Mode, s.Rows = store.ModeManual, rows
		return nil
	})
	require.NoError(t, err)
	return g
}

// TestTenThousandGroups: all pages stay small, and one row is changed without the others being sent.
func TestTenThousandGroups(t *testing.T) {
	g := manyGroups(t, 10_000)
	b := g.as(t, "owner")
	a := clean(t, b.get(at("/groups")))
	require.Contains(t, a.body, "5000 rows")
	a = clean(t, b.get(at("/groups?after=4975")))
	require.Contains(t, a.body, `id="row-5000"`)
	a = clean(t, b.get(at("/groups?q=group+04321")))
	require.Contains(t, a.body, `id="row-4322"`)
	require.Equal(t, 1, strings.Count(a.body, "<tr id="))
	a = clean(t, g.edit(t, b, "/groups/rows", "row", "4321", "do", "up", "q", "group 04321", "after", "0"))
	require.Contains(t, a.body, `id="row-4321"`)
	a = clean(t, g.edit(t, b, "/groups/row", "group", g.ids["Group 09999"], "org_role", "member"))
	require.Equal(t, http.StatusUnprocessableEntity, a.status)
	require.Contains(t, a.body, "at most 5000 rows")
	a = clean(t, b.get(at("/groups/list?search=09999")))
	require.Contains(t, a.body, "Group 09999")
	require.Contains(t, a.body, "10000 groups")
	a = clean(t, b.get(at("/groups/row")))
	require.Contains(t, a.body, "There are more groups than this list has.")
	require.Contains(t, a.body, "There are 300 teams.")
	a = clean(t, b.get(at("/groups/picture")))
	require.Contains(t, a.body, "The first 40 of 5000 groups.")
	require.Equal(t, 40, strings.Count(a.body, `class="node group"`))

	g.edit(t, b, "/groups/mode", "mode", "auto")
	a = clean(t, b.get(at("/groups")))
	require.Contains(t, a.body, "10000 groups of 10000 match.")
	plan := clean(t, b.post(at("/groups/preview")))
	for strings.Contains(plan.url.Path, "/wait/") {
		require.NoError(t, g.portal.Shutdown(t.Context()))
		plan = b.get(plan.url.RequestURI())
	}
	require.Contains(t, plan.body, "10000 teams created")
	last := clean(t, b.get(plan.url.Path+"/teams?after=9950"))
	require.Equal(t, 50, strings.Count(last.body, "<td><span class=\"badge"))
	require.NotContains(t, last.body, `rel="next"`)
}
