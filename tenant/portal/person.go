package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// How much of a person one page shows.
const (
	teamsOnPage  = 25
	groupsOnPage = 25
	eventsOnPage = 15
)

// personPage is the person's part of screen 10: who it is, where that comes from, why the person has which rights, what happened.
type personPage struct {
	Explanation provisioning.Explanation `json:"explanation"`
	// Attributes, OrgRole, Teams and Groups are those of the explanation with their words, as many as the page shows.
	Attributes []attributeRow            `json:"-"`
	Fields     []provisioning.FieldValue `json:"fields,omitempty"`
	OrgRole    rightRow                  `json:"-"`
	Teams      []rightRow                `json:"-"`
	Groups     []personGroup             `json:"-"`
	Pending    []planLine                `json:"-"`
	Findings   []planFinding             `json:"-"`
	MoreTeams  string                    `json:"-"`
	MoreGroups string                    `json:"-"`
	TeamCount  int                       `json:"-"`
	GroupCount int                       `json:"-"`
	Lock       provisioning.Lock         `json:"-"`
	Overrides  []store.LockOverride      `json:"overrides,omitempty"`
	Events     []store.Event             `json:"events"`
	Previous   string                    `json:"-"`
	Next       string                    `json:"next,omitempty"`
	// URL is the page's own.
	URL string `json:"-"`
	// What can be done, as far as the visitor may: Unlink and EndSessions, Override, Retry and Keep, Convert.
	MayManage, MayEndSessions, MayOverride, MayApply, MayConvert bool     `json:"-"`
	Form                                                         *form    `json:"-"`
	Lockable                                                     []option `json:"-"`
	Zone                                                         string   `json:"-"`
}

// attributeRow is an attribute with its words and its lock.
type attributeRow struct {
	provisioning.ExplainedAttribute

	Label, From string
	Lock        provisioning.Lock
}

// rightRow is a right with its words and its lock.
type rightRow struct {
	provisioning.ExplainedRight

	RoleName, EffectiveName string
	Sources                 []sourceRow
	Lock                    provisioning.Lock
}

// sourceRow is one of what gives a right.
type sourceRow struct {
	provisioning.RightSource

	Text   string
	Wins   bool
	Number string
}

// personGroup is a group with what the person would lose without it.
type personGroup struct {
	provisioning.ExplainedGroup

	Lost []planLine
}

// attributeTexts are the attributes of people.
var attributeTexts = map[string]string{
	"email": "E-mail", "userName": "User name", "externalId": "ID in the directory (externalId)", "displayName": "Display name",
	"givenName": "Given name", "familyName": "Family name", "phone": "Phone number", tenant.FieldPhone: "Phone number",
}

// attributeSourceTexts say where attributes come from.
var attributeSourceTexts = map[provisioning.AttributeSource]string{
	provisioning.AttributeDirectory: "from the directory", provisioning.AttributeUser: "left to the person", provisioning.AttributeSignIn: "from the sign-in",
	provisioning.AttributeHost: "of the application itself",
}

// personRoutes are those of one person, if there is an engine.
func (h *Handler) personRoutes() {
	if h.cfg.Engine == nil {
		return
	}
	h.member("GET", "/people/a/{account}", tenant.ActionViewUsers, h.person)
	h.member("POST", "/people/a/{account}/unlink", tenant.ActionManageUsers, h.unlink)
	h.member("POST", "/people/a/{account}/end-sessions", tenant.ActionManageUsers, h.endSessions)
	h.member("POST", "/people/a/{account}/override", tenant.ActionOverrideLock, h.override)
	h.member("POST", "/people/a/{account}/revoke-override", tenant.ActionOverrideLock, h.revokeOverride)
	h.member("POST", "/people/a/{account}/retry", tenant.ActionApplyMapping, h.retry)
	h.member("POST", "/people/a/{account}/keep", tenant.ActionApplyMapping, h.keepAccount)
	h.member("GET", "/people/convert", tenant.ActionManageSCIM, h.conversions)
	h.member("POST", "/people/convert", tenant.ActionManageSCIM, h.convert)
	h.member("GET", "/people/convert/{card}", tenant.ActionManageSCIM, h.conflictCard)
	h.member("POST", "/people/convert/{card}", tenant.ActionManageSCIM, h.decideConflict)
}

func (h *Handler) person(v *visit) error {
	return v.showPerson(http.StatusOK, "", url.Values{}, nil)
}

// personURL is where a person's page is.
func (v *visit) personURL(accountID string) string { return v.path("people", "a", accountID) }

func (v *visit) showPerson(code int, problem string, values url.Values, findings []tenant.Finding) error {
	ctx, id, q := v.r.Context(), v.r.PathValue("account"), v.r.URL.Query()
	x, err := v.h.cfg.Engine.Explain(ctx, v.Actor, v.tenantID, id)
	if err != nil {
		return err
	}
	body := personPage{
		Explanation: x, URL: v.personURL(id), Zone: v.Zone.String(), Lock: x.Lock, Events: []store.Event{},
		Form: newForm(values, findings, "what", "reason", "until"), TeamCount: len(x.Teams), GroupCount: len(x.Groups),
	}
	if err := v.personRights(&body); err != nil {
		return err
	}
	teams, groups := cut(x.Teams, place(q, "teams"), teamsOnPage), cut(x.Groups, place(q, "groups"), groupsOnPage)
	body.MoreTeams = v.morePlace(body.URL, q, "teams", len(x.Teams), teamsOnPage)
	body.MoreGroups = v.morePlace(body.URL, q, "groups", len(x.Groups), groupsOnPage)
	body.OrgRole = v.rightRow(x.OrgRole)
	for _, t := range teams {
		body.Teams = append(body.Teams, v.rightRow(t))
	}
	for _, g := range groups {
		body.Groups = append(body.Groups, personGroup{ExplainedGroup: g, Lost: v.planLines(g.WouldLose)})
	}
	for _, a := range x.Attributes {
		body.Attributes = append(body.Attributes, attributeRow{ExplainedAttribute: a, Label: v.attribute(a.Name), From: v.p.text(attributeSourceTexts[a.Source])})
	}
	body.Pending = v.planLines(cut(x.Pending, 0, teamsOnPage))
	for i, f := range cut(x.Findings, 0, teamsOnPage) {
		body.Findings = append(body.Findings, v.planFinding(&planPage{}, f, i, nil, nil))
	}
	if err := v.personLocks(&body); err != nil {
		return err
	}
	if err := v.personFields(&body); err != nil {
		return err
	}
	before, _ := strconv.ParseInt(q.Get("before"), 10, 64) // a place that is none begins with the newest
	events, err := v.h.cfg.Engine.Timeline(ctx, v.Actor, v.tenantID, id, before, eventsOnPage)
	if err != nil {
		return err
	}
	body.Events = append(body.Events, events.Events...)
	if events.Next > 0 {
		body.Next = body.URL + "?before=" + strconv.FormatInt(events.Next, 10) + "#timeline"
	}
	if before > 0 {
		body.Previous = body.URL + "#timeline"
	}
	return v.showProblem(code, "person", "Person", problem, body)
}

// attribute is an attribute's name for people.
func (v *visit) attribute(name string) string {
	if text := attributeTexts[name]; text != "" {
		return v.p.text(text)
	}
	return name
}

// place reads from where on a list is shown.
func place(q url.Values, name string) int {
	n, err := strconv.Atoi(q.Get(name))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// cut is a part of a list.
func cut[T any](list []T, from, most int) []T {
	from = min(from, len(list))
	return list[from:min(from+most, len(list))]
}

// morePlace is where the next part of a list is; at the end it leads back to the first.
func (v *visit) morePlace(to string, q url.Values, name string, total, most int) string {
	from := place(q, name)
	switch {
	case from+most < total:
		return to + "?" + name + "=" + strconv.Itoa(from+most) + "#" + name
	case from > 0:
		return to + "#" + name
	}
	return ""
}

// planLines puts lines of a plan into words.
func (v *visit) planLines(lines []provisioning.Line) []planLine {
	var page planPage
	v.planEntries(&page, provisioning.PlanPage{Lines: lines}, nil, nil)
	return page.Lines
}

func (v *visit) rightRow(r provisioning.ExplainedRight) rightRow {
	row := rightRow{ExplainedRight: r, RoleName: v.role(r.Role)}
	if r.Effective != r.Role {
		row.EffectiveName = v.role(r.Effective)
	}
	for _, s := range r.Sources {
		x := sourceRow{RightSource: s, Wins: s.Source == r.Wins && len(r.Sources) > 1}
		number, isRow := strings.CutPrefix(s.Rule, "row ")
		role := v.role(s.Role)
		switch {
		case s.Source == provisioning.SourceManual:
			x.Text = v.p.text("By hand: %s", role)
		case s.Source == provisioning.SourceOverride:
			x.Text = v.p.text("Changed by hand since: %s", role)
		case s.Source == provisioning.SourceDefault:
			x.Text = v.p.text("By default: %s", role)
		case isRow:
			x.Text = v.p.text("By the group “%s”, row %s: %s", s.Group, number, role)
		default:
			x.Text = v.p.text("By the group “%s”: %s", s.Group, role)
		}
		row.Sources = append(row.Sources, x)
	}
	return row
}

// personRights says what the visitor may do.
func (v *visit) personRights(body *personPage) error {
	for _, r := range []struct {
		action tenant.Action
		may    *bool
	}{
		{tenant.ActionManageUsers, &body.MayManage},
		{tenant.ActionOverrideLock, &body.MayOverride},
		{tenant.ActionApplyMapping, &body.MayApply},
		{tenant.ActionManageSCIM, &body.MayConvert},
	} {
		ok, err := v.may(r.action)
		if err != nil {
			return err
		}
		*r.may = ok
	}
	body.MayEndSessions = body.MayManage && v.h.cfg.Login.EndsSessions()
	body.MayOverride = body.MayOverride && v.h.cfg.Locks != nil
	return nil
}

// personLocks asks what of the person is locked, in one go.
func (v *visit) personLocks(body *personPage) error {
	locks, id := v.h.cfg.Locks, body.Explanation.AccountID
	if locks == nil {
		return nil
	}
	user := provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: id}
	changes := []provisioning.Change{
		{Resource: user, Op: provisioning.OpUpdate},
		{Resource: provisioning.Resource{Kind: provisioning.ResourceOrgRole, AccountID: id}, Op: provisioning.OpUpdate},
	}
	for _, a := range body.Attributes {
		changes = append(changes, provisioning.Change{Resource: user, Field: a.Name, Op: provisioning.OpUpdate})
	}
	for _, t := range body.Teams {
		changes = append(changes, provisioning.Change{Resource: provisioning.Resource{Kind: provisioning.ResourceMembership, AccountID: id, TeamID: t.TeamID}, Op: provisioning.OpDelete})
	}
	found, err := locks.CheckAll(v.r.Context(), v.tenantID, changes)
	if err != nil {
		return err
	}
	body.Lock, body.OrgRole.Lock = found[0], found[1]
	offer := func(l provisioning.Lock, value, label string) {
		if l.Locked {
			body.Lockable = append(body.Lockable, option{Value: value, Label: label})
		}
	}
	offer(found[0], "user", v.p.text("Everything about the person"))
	offer(found[1], "org_role", v.p.text("The role in the organisation"))
	for i, n := 0, 2; i < len(body.Attributes); i, n = i+1, n+1 {
		a := &body.Attributes[i]
		a.Lock = found[n]
		offer(a.Lock, "user:"+a.Name, a.Label)
	}
	for i, n := 0, 2+len(body.Attributes); i < len(body.Teams); i, n = i+1, n+1 {
		t := &body.Teams[i]
		t.Lock = found[n]
		offer(t.Lock, "membership:"+t.TeamID, v.p.text("Membership in the team “%s”", t.Team))
	}
	all, err := locks.Overrides(v.r.Context(), v.Actor, v.tenantID)
	if errors.Is(err, tenant.ErrForbidden) { // the locks know nobody who may
		body.MayOverride = false
		return nil
	}
	for _, o := range all {
		if o.AccountID == id {
			body.Overrides = append(body.Overrides, o)
		}
	}
	return err
}

// personFields reads the fields that people may have a value of their own in.
func (v *visit) personFields(body *personPage) error {
	if v.h.cfg.Fields == nil {
		return nil
	}
	fields, err := v.h.cfg.Fields.Values(v.r.Context(), v.Actor, v.tenantID, body.Explanation.AccountID)
	if errors.Is(err, tenant.ErrForbidden) || errors.Is(err, store.ErrNotFound) {
		return nil // it is left out
	}
	body.Fields = fields
	return err
}
