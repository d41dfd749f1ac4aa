package portal

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// rowsOnPage is how many rows of a mapping one page shows.
const rowsOnPage = 25

// maxSearch bounds what somebody searches for, in bytes.
const maxSearch = 200

// groupRoutes are those of screen 9, if there is an engine.
func (h *Handler) groupRoutes() {
	if h.cfg.Engine == nil {
		return
	}
	h.owner("GET", "/groups", tenant.ActionViewMapping, h.groups)
	h.owner("GET", "/groups/list", tenant.ActionViewMapping, h.groupList)
	h.owner("GET", "/groups/picture", tenant.ActionViewMapping, h.groupPicture)
	h.owner("GET", "/groups/history", tenant.ActionViewMapping, h.groupHistory)
	h.owner("GET", "/groups/match", tenant.ActionViewMapping, h.matchGroups)
	h.owner("GET", "/groups/row", tenant.ActionEditMapping, h.groupRow)
	h.owner("POST", "/groups/row", tenant.ActionEditMapping, h.saveRow)
	h.owner("POST", "/groups/rows", tenant.ActionEditMapping, h.changeRows)
	h.owner("POST", "/groups/mode", tenant.ActionEditMapping, h.saveMode)
	h.owner("POST", "/groups/rules", tenant.ActionEditMapping, h.saveRules)
	h.owner("POST", "/groups/auto", tenant.ActionEditMapping, h.saveAuto)
	h.owner("POST", "/groups/draft/{step}", tenant.ActionEditMapping, h.changeDraft)
	h.owner("POST", "/groups/preview", tenant.ActionEditMapping, h.previewDraft)
	h.owner("GET", "/groups/preview/{plan}", tenant.ActionEditMapping, h.showPlan)
	h.owner("GET", "/groups/preview/{plan}/{tab}", tenant.ActionEditMapping, h.showPlan)
	h.owner("POST", "/groups/preview/{plan}", tenant.ActionApplyMapping, h.applyPlan)
	h.owner("POST", "/groups/preview/{plan}/decide", tenant.ActionEditMapping, h.decideGroup)
	h.owner("POST", "/groups/undo", tenant.ActionEditMapping, h.previewUndo)
	h.owner("POST", "/groups/held", tenant.ActionEditMapping, h.previewHeld)
	h.owner("POST", "/groups/pause", tenant.ActionApplyMapping, h.pause)
	h.owner("POST", "/groups/reconcile", tenant.ActionApplyMapping, h.reconcile)
	h.owner("POST", "/groups/keep-team", tenant.ActionApplyMapping, h.keepTeam)
}

// groupHead is what all pages of screen 9 begin with.
type groupHead struct {
	Tabs []navItem `json:"-"`
	// Revision names the draft for forms.
	Revision int64 `json:"revision"`
	Changed  bool  `json:"changed"`
	Outdated bool  `json:"outdated"`
	// Preview is where the preview of this draft is, if there is one.
	Preview string `json:"preview,omitempty"`
	// Paused is why nothing is given and taken just now.
	Paused *store.ProvisioningPause `json:"paused,omitempty"`
	// MayEdit and MayApply say what the visitor may do.
	MayEdit  bool `json:"-"`
	MayApply bool `json:"-"`

	draft provisioning.Draft
}

// groupTabTexts are the pages of screen 9 in the order in which they are shown, with their addresses.
var groupTabTexts = []string{"Rules", "Groups of the directory", "Picture", "History"}

var groupTabPaths = []string{"", "list", "picture", "history"}

// groupHead reads the visitor's draft. current is the path of the page.
func (v *visit) groupHead(current string) (groupHead, error) {
	var head groupHead
	var err error
	if head.draft, err = v.h.cfg.Engine.Draft(v.r.Context(), v.Actor, v.tenantID); err != nil {
		return head, err
	}
	d := head.draft
	head.Revision, head.Changed, head.Outdated = d.Revision, d.Changed, d.Outdated
	if d.Preview != "" {
		head.Preview = v.path("groups", "preview", d.Preview)
	}
	if head.MayEdit, err = v.may(tenant.ActionEditMapping); err != nil {
		return head, err
	}
	if head.MayApply, err = v.may(tenant.ActionApplyMapping); err != nil {
		return head, err
	}
	inForce := d.Settings
	if d.Revision > 0 {
		if inForce, err = v.h.cfg.Engine.Settings(v.r.Context(), v.Actor, v.tenantID); err != nil {
			return head, err
		}
	}
	if inForce.Paused {
		head.Paused = &inForce.Pause
	}
	for i, path := range groupTabPaths {
		item := navItem{Name: v.p.text(groupTabTexts[i]), URL: v.path("groups"), Current: path == current}
		if path != "" {
			item.URL = v.path("groups", path)
		}
		head.Tabs = append(head.Tabs, item)
	}
	return head, nil
}

// groupsPage is screen 9: which groups give which teams and roles.
type groupsPage struct {
	Head    groupHead              `json:"draft"`
	Mode    store.ProvisioningMode `json:"mode"`
	Choices provisioning.Choices   `json:"choices"`
	// Rows are a page of the mapping, Total how many there are, Found how many a search found.
	Rows   []mappingRow `json:"rows"`
	Total  int          `json:"total"`
	Found  int          `json:"found"`
	Search string       `json:"search,omitempty"`
	// Place is where the page begins.
	Place    int                        `json:"-"`
	Previous string                     `json:"-"`
	Next     string                     `json:"next,omitempty"`
	Ordered  bool                       `json:"-"`
	Auto     store.AutoRule             `json:"auto"`
	Match    *provisioning.GroupMatches `json:"match,omitempty"`
	MatchURL string                     `json:"-"`
	// Decided are the decisions about single groups in automatic mode.
	Decided  int   `json:"-"`
	ModeForm *form `json:"-"`
	AutoForm *form `json:"-"`
	RuleForm *form `json:"-"`

	OrgRoles, DefaultRoles, TeamRoles, Kinds, Renames, RoleRules, People, Teams, Accounts []option `json:"-"`
	// ManyAccounts says that there is a choice about accounts.
	ManyAccounts bool `json:"-"`
}

// mappingRow is a row with the names that its IDs have.
type mappingRow struct {
	// Index counts from 0, Number from 1.
	Index     int       `json:"index"`
	Number    int       `json:"-"`
	GroupID   string    `json:"groupId"`
	Group     string    `json:"group"`
	GroupGone bool      `json:"groupGone,omitempty"`
	Members   int       `json:"members"`
	ChangedAt time.Time `json:"changedAt,omitzero"`
	TeamID    string    `json:"teamId,omitempty"`
	Team      string    `json:"team,omitempty"`
	TeamGone  bool      `json:"teamGone,omitempty"`
	Archived  bool      `json:"teamArchived,omitempty"`
	TeamRole  string    `json:"teamRole,omitempty"`
	OrgRole   string    `json:"orgRole,omitempty"`
	// TeamRoleName and OrgRoleName are the roles as people read them.
	TeamRoleName string `json:"-"`
	OrgRoleName  string `json:"-"`
	First, Last  bool   `json:"-"`
}

func (h *Handler) groups(v *visit) error {
	return v.showGroups(http.StatusOK, "", "", nil, nil)
}

// showGroups shows the page, with what was typed into the one of its forms that was refused: "mode", "auto" or "rules".
func (v *visit) showGroups(code int, problem, refused string, typed url.Values, findings []tenant.Finding) error {
	head, err := v.groupHead("")
	if err != nil {
		return err
	}
	s, choices := head.draft.Settings, v.h.cfg.Engine.Choices()
	body := groupsPage{
		Head: head, Mode: s.Mode, Choices: choices, Rows: []mappingRow{}, Auto: s.Auto, Total: len(s.Rows), Ordered: s.RoleRule == store.RoleFirstRow,
		MatchURL: v.path("groups", "match"), Decided: len(s.Auto.Adopt) + len(s.Auto.Skip) + len(s.Auto.Names),
		ManyAccounts: len(choices.AccountPolicies) > 2,
	}
	formOf := func(name string, stored url.Values, fields ...string) *form {
		switch {
		case refused == name:
			return newForm(typed, findings, fields...)
		case refused == "" && name == "mode": // about the draft as a whole
			return newForm(stored, findings)
		}
		return newForm(stored, nil, fields...)
	}
	body.ModeForm = formOf("mode", url.Values{"mode": {string(s.Mode)}}, "mode")
	body.AutoForm = formOf("auto", autoValues(s.Auto), autoFields...)
	body.RuleForm = formOf("rules", ruleValues(s), ruleFields...)
	v.groupOptions(&body)
	q := v.r.URL.Query()
	switch {
	case choices.OwnMapper:
	case s.Mode == store.ModeManual:
		body.Search = clipped(q.Get("q"))
		if err := v.mappingRows(&body, s.Rows, q); err != nil {
			return err
		}
	case s.Mode == store.ModeAuto:
		rule := s.Auto
		if refused == "auto" {
			rule = autoRule(typed, s.Auto)
		}
		match, err := v.h.cfg.Engine.MatchGroups(v.r.Context(), v.Actor, v.tenantID, rule, provisioning.MatchQuery{Limit: 10})
		if err == nil {
			body.Match = &match
		} else if _, invalid := errors.AsType[*provisioning.SettingsError](err); !invalid {
			return err
		}
	}
	return v.showProblem(code, "groups", "Groups and roles", problem, body)
}

// mappingRows fills in a page of the rows.
func (v *visit) mappingRows(body *groupsPage, rows []store.MappingRow, q url.Values) error {
	ctx := v.r.Context()
	body.Found = len(rows)
	var found []int
	if body.Search != "" {
		var err error
		if found, err = v.h.cfg.Engine.MatchRows(ctx, v.Actor, v.tenantID, rows, body.Search); err != nil {
			return err
		}
		body.Found = len(found)
	}
	place, _ := strconv.Atoi(q.Get("after")) // a place that is none begins with the first
	place = max(0, min(place, body.Found-1)) / rowsOnPage * rowsOnPage
	body.Place = place
	for i := place; i < min(place+rowsOnPage, body.Found); i++ {
		index := i
		if found != nil {
			index = found[i]
		}
		r := rows[index]
		body.Rows = append(body.Rows, mappingRow{
			Index: index, Number: index + 1, GroupID: r.GroupID, Group: r.GroupID, TeamID: r.TeamID, Team: r.TeamID, TeamRole: r.TeamRole, OrgRole: r.OrgRole,
			TeamRoleName: v.role(r.TeamRole), OrgRoleName: v.role(r.OrgRole), First: index == 0, Last: index == len(rows)-1,
		})
	}
	if place > 0 {
		body.Previous = v.rowsURL(body.Search, 0)
	}
	if place+rowsOnPage < body.Found {
		body.Next = v.rowsURL(body.Search, place+rowsOnPage)
	}
	return v.nameRows(body.Rows)
}

// rowsURL is the address of a page of rows.
func (v *visit) rowsURL(search string, place int) string {
	q := url.Values{}
	if search != "" {
		q.Set("q", search)
	}
	if place > 0 {
		q.Set("after", strconv.Itoa(place))
	}
	if len(q) == 0 {
		return v.path("groups")
	}
	return v.path("groups") + "?" + q.Encode()
}

// nameRows looks the groups and teams of rows up.
func (v *visit) nameRows(rows []mappingRow) error {
	groups, teams := make([]string, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		groups[i], teams[i] = r.GroupID, r.TeamID
	}
	ctx := v.r.Context()
	list, err := v.h.cfg.Engine.Groups(ctx, v.Actor, v.tenantID, provisioning.GroupQuery{IDs: groups})
	if err != nil {
		return err
	}
	have, err := v.h.cfg.Engine.Teams(ctx, v.Actor, v.tenantID, provisioning.TeamQuery{IDs: teams})
	if err != nil {
		return err
	}
	groupOf, teamOf := map[string]provisioning.GroupInfo{}, map[string]provisioning.Team{}
	for _, g := range list.Groups {
		groupOf[g.ID] = g
	}
	for _, t := range have.Teams {
		teamOf[t.ID] = t
	}
	for i := range rows {
		r := &rows[i]
		if g, ok := groupOf[r.GroupID]; ok {
			r.Group, r.Members, r.ChangedAt = g.Name, g.Members, g.ChangedAt
		} else {
			r.GroupGone = true
		}
		if t, ok := teamOf[r.TeamID]; ok {
			r.Team, r.Archived = t.Name, t.Archived
		} else {
			r.TeamGone = r.TeamID != ""
		}
	}
	return nil
}

// roleTexts are the roles that many hosts have; others are shown as the host calls them.
var roleTexts = map[string]string{"member": "Member", "administrator": "Administrator", "admin": "Administrator", "owner": "Owner"}

// role is a role as people read it.
func (v *visit) role(name string) string {
	if text := roleTexts[name]; text != "" {
		return v.p.text(text)
	}
	return name
}

func (v *visit) roleOptions(none string, roles []string) []option {
	var out []option
	if none != "" {
		out = append(out, option{Label: none})
	}
	for _, r := range roles {
		out = append(out, option{Value: r, Label: v.role(r)})
	}
	return out
}

// groupOptions are what can be chosen in the forms.
func (v *visit) groupOptions(b *groupsPage) {
	b.OrgRoles = v.roleOptions(v.p.text("none"), b.Choices.OrgRoles)
	b.DefaultRoles = v.roleOptions(v.p.text("no default"), b.Choices.OrgRoles)
	b.TeamRoles = v.roleOptions("", b.Choices.TeamRoles)
	b.Kinds = []option{
		{Value: "all", Label: v.p.text("All groups")},
		{Value: "list", Label: v.p.text("Those of a list of names")},
		{Value: "glob", Label: v.p.text("Those that match a pattern, such as team-*")},
		{Value: "regex", Label: v.p.text("Those that match a regular expression (RE2)")},
	}
	b.Renames = []option{{Value: "", Label: v.p.text("The team is renamed, too")}, {Value: string(store.RenameKeepTeam), Label: v.p.text("The team keeps its name")}}
	b.RoleRules = []option{{Value: "", Label: v.p.text("The highest role wins")}, {Value: string(store.RoleFirstRow), Label: v.p.text("The first row wins")}}
	b.People = []option{{Value: "", Label: v.p.text("They stay, as if given by hand")}, {Value: string(store.PeopleTake), Label: v.p.text("They are taken back")}}
	for _, p := range b.Choices.TeamPolicies {
		b.Teams = append(b.Teams, option{Value: string(p), Label: v.p.text(teamPolicyTexts[p])})
	}
	for _, p := range b.Choices.AccountPolicies {
		b.Accounts = append(b.Accounts, option{Value: string(p), Label: v.p.text(accountPolicyTexts[p])})
	}
}

var teamPolicyTexts = map[store.TeamPolicy]string{
	store.TeamKeep: "It becomes an ordinary team", store.TeamArchive: "It is archived", store.TeamDelete: "It is deleted after a while, if nobody uses it",
}

var accountPolicyTexts = map[store.AccountPolicy]string{
	"": "As the application does by default", store.AccountSuspend: "It stays, without access", store.AccountDelete: "It is deleted after a while",
}

// clipped bounds what somebody searches for.
func clipped(s string) string {
	if s = strings.TrimSpace(s); len(s) > maxSearch {
		s = s[:maxSearch]
	}
	return strings.ToValidUTF8(s, "")
}

// mappingFields are the inputs that findings of settings are about, by the field that the engine names.
var mappingFields = map[string]string{
	"mode": "mode", "rows": "row", "rows.groupId": "group", "rows.teamId": "team", "rows.teamRole": "team_role", "rows.orgRole": "org_role",
	"roleRule": "role_rule", "defaultOrgRole": "default_org_role", "unmanaged.people": "unmanaged_people", "unmanaged.teams": "unmanaged_teams",
	"onDeprovision": "on_deprovision", "auto.filter": "filter", "auto.onRename": "on_rename", "auto.teamRole": "team_role", "auto.orgRole": "org_role",
	"auto.naming.stripPrefix": "strip_prefix", "auto.naming.stripSuffix": "strip_suffix", "auto.naming.template": "template",
	"auto.names.name": "name", "auto.names": "name", "auto.names.groupId": "name", "auto.adopt": "name", "auto.skip": "name", "pause.reason": "reason", "decision": "action", "group": "name",
}

var fieldIndex = regexp.MustCompile(`\[\d+\]`)

// mappingFindings are the faults of settings as findings about inputs; nil if the error is another.
func (v *visit) mappingFindings(err error) []tenant.Finding {
	var out []tenant.Finding
	if e, ok := errors.AsType[*provisioning.SettingsError](err); ok {
		for _, f := range e.Fields {
			x := tenant.Finding{Field: mappingFields[fieldIndex.ReplaceAllString(f.Field, "")], Code: f.Code, Message: f.Message, Severity: tenant.SeverityError}
			if x.Field == "" {
				x.Field = f.Field
			}
			switch {
			case f.Position > 0:
				x.Suggestion = v.p.text("Line %d, character %d.", f.Line, f.Position)
			case f.Line > 0:
				x.Suggestion = v.p.text("Line %d.", f.Line)
			}
			out = append(out, x)
		}
	}
	if e, ok := errors.AsType[*provisioning.UnconfirmedError](err); ok {
		for _, m := range e.Missing {
			out = append(out, tenant.Finding{Field: confirmFields[m.Code], Code: string(m.Code) + "_unconfirmed", Message: m.Message, Severity: tenant.SeverityError})
		}
	}
	return out
}

// mappingRefused answers for a form that was refused: again shows it with what was typed.
func (v *visit) mappingRefused(err error, again func(code int, problem string, findings []tenant.Finding) error) error {
	findings := v.mappingFindings(err)
	sentence, conflict := v.conflicted(err)
	switch {
	case findings != nil && v.wantsJSON():
		return &tenant.ValidationError{Findings: findings}
	case findings != nil:
		return again(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), findings)
	case errors.Is(err, provisioning.ErrDraftOutdated) && !v.wantsJSON():
		return again(http.StatusConflict, v.p.text("Other settings were applied since you began. Keep your draft on top of them, or discard it."), nil)
	case conflict && !v.wantsJSON():
		return again(http.StatusConflict, sentence, nil)
	}
	return err
}

// revision is that of the draft for which a form was made.
func revision(values url.Values) int64 {
	n, err := strconv.ParseInt(values.Get("revision"), 10, 64)
	if err != nil {
		return -1 // no draft has it
	}
	return n
}

// edited goes on after the draft was changed; to is an address of ours, with a query or without.
func (v *visit) edited(to, fragment string, d provisioning.Draft) error {
	if v.wantsJSON() {
		return v.json(http.StatusOK, "application/json", map[string]any{"done": "drafted", "revision": d.Revision, "changed": d.Changed})
	}
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	http.Redirect(v.w, v.r, to+sep+"done=drafted"+fragment, http.StatusSeeOther)
	return nil
}
