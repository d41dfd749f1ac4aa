package pages

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// modeHelp says what a mode means.
var modeHelp = map[store.ProvisioningMode]string{
	store.ModeNone:   "Groups are kept, but give nobody a team or a role.",
	store.ModeManual: "You choose which group gives which team. Teams have to exist; groups can be moved between them at any time.",
	store.ModeAuto:   "Each group that passes the filter becomes a team of the same name, with the same people. Such teams can't be changed here.",
}

// groupRow is a line of the manual mode's table.
type groupRow struct {
	GroupID  string `json:"group_id"`
	Name     string `json:"name"`
	Members  int    `json:"members"`
	OrgRole  string `json:"org_role"`
	TeamID   string `json:"team_id"`
	TeamRole string `json:"team_role"`
}

// adoptChoice is a group that may take over the team of its name.
type adoptChoice struct {
	GroupID, Name string
	Chosen        bool
}

// field is a hidden input: the previewed settings travel through the browser, and are
// checked anew when they come back.
type field struct{ Name, Value string }

// groupsPage is the page's body.
type groupsPage struct {
	Mode     store.ProvisioningMode `json:"mode"`
	ModeHelp string                 `json:"-"`
	Rows     []groupRow             `json:"groups"`
	Filter   string                 `json:"filter"`
	TeamRole string                 `json:"team_role"`
	OrgRole  string                 `json:"org_role"`
	// UnmanagedPeople and UnmanagedTeams are what becomes of what the settings stop to cover.
	UnmanagedPeople store.PeoplePolicy          `json:"unmanaged_people"`
	UnmanagedTeams  store.TeamPolicy            `json:"unmanaged_teams"`
	Teams           []host.Team                 `json:"-"`
	TeamRoles       []string                    `json:"team_roles"`
	OrgRoles        []string                    `json:"org_roles"`
	Errors          map[string][]tenant.Finding `json:"errors,omitempty"`
	Plan            *provisioning.Plan          `json:"plan,omitempty"`
	Version         int64                       `json:"version"` // of the settings, to be quoted with the plan's hash
	Summary         string                      `json:"summary,omitempty"`
	Lines           []string                    `json:"-"`
	Findings        []provisioning.Finding      `json:"-"`
	Hidden          []field                     `json:"-"`
	Adopt           []adoptChoice               `json:"-"`
}

func (s *Server) groups(w http.ResponseWriter, r *http.Request, v visitor) {
	settings, err := s.Engine.Settings(r.Context(), v.actor, v.org.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if mode := r.URL.Query().Get("mode"); mode != "" {
		settings.Mode = store.ProvisioningMode(mode)
	}
	body, err := s.groupsBody(r, v, settings)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p := page{Title: "Groups and teams", Tab: "groups", Body: body}
	if r.URL.Query().Has("saved") {
		p.Notice = "Saved. Everybody's teams and roles are as the preview said."
	}
	s.render(w, r, http.StatusOK, "groups", v, p)
}

// groupsBody shows settings beside what there is.
func (s *Server) groupsBody(r *http.Request, v visitor, settings store.ProvisioningSettings) (*groupsPage, error) {
	b := &groupsPage{
		Mode: settings.Mode, ModeHelp: modeHelp[settings.Mode], Filter: settings.Auto.Filter,
		TeamRole: settings.Auto.TeamRole, OrgRole: settings.Auto.OrgRole,
		UnmanagedPeople: settings.Unmanaged.People, UnmanagedTeams: settings.Unmanaged.Teams,
		TeamRoles: host.TeamRoles(), OrgRoles: host.OrgRoles(), Rows: []groupRow{}, Version: settings.Version,
	}
	rows := map[string]store.MappingRow{}
	for _, row := range settings.Rows {
		rows[row.GroupID] = row
	}
	groups, err := s.allGroups(r, v.org.ID)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		members, err := s.countMembers(r, v.org.ID, g.ID)
		if err != nil {
			return nil, err
		}
		row := rows[g.ID]
		b.Rows = append(b.Rows, groupRow{
			GroupID: g.ID, Name: g.DisplayName, Members: members,
			OrgRole: row.OrgRole, TeamID: row.TeamID, TeamRole: row.TeamRole,
		})
	}
	if b.Teams, err = s.DB.Teams(r.Context(), nil, v.org.ID); err != nil {
		return nil, err
	}
	b.Adopt = adoptChoices(b.Rows, settings.Auto.Adopt, nil)
	return b, nil
}

func (s *Server) allGroups(r *http.Request, orgID string) ([]store.SCIMGroup, error) {
	var (
		out []store.SCIMGroup
		q   store.Query
	)
	for {
		p, err := s.Store.SCIMGroups(r.Context(), orgID, q)
		if err != nil {
			return nil, err
		}
		out = append(out, p.Items...)
		if !p.More {
			return out, nil
		}
		q.After = p.Next
	}
}

func (s *Server) countMembers(r *http.Request, orgID, groupID string) (int, error) {
	n, after := 0, ""
	for {
		members, err := s.Store.SCIMMembers(r.Context(), orgID, groupID, after, store.MaxLimit)
		if err != nil || len(members) == 0 {
			return n, err
		}
		n += len(members)
		after = members[len(members)-1].ID
	}
}

// readSettings takes the form's wishes over into the stored settings.
func (s *Server) readSettings(r *http.Request, v visitor) (store.ProvisioningSettings, error) {
	settings, err := s.Engine.Settings(r.Context(), v.actor, v.org.ID)
	if err != nil {
		return settings, err
	}
	if err := r.ParseForm(); err != nil {
		return settings, err
	}
	settings.Mode = store.ProvisioningMode(r.Form.Get("mode"))
	if r.Form.Has("unmanaged_people") {
		settings.Unmanaged.People = store.PeoplePolicy(r.Form.Get("unmanaged_people"))
	}
	if r.Form.Has("unmanaged_teams") {
		settings.Unmanaged.Teams = store.TeamPolicy(r.Form.Get("unmanaged_teams"))
	}
	switch settings.Mode {
	case store.ModeManual:
		settings.Rows = nil
		for i, groupID := range r.Form["group"] {
			row := store.MappingRow{
				GroupID: groupID, TeamID: at(r.Form["row_team"], i), OrgRole: at(r.Form["row_org_role"], i),
			}
			if row.TeamID != "" {
				row.TeamRole = at(r.Form["row_team_role"], i)
			}
			if row.TeamID != "" || row.OrgRole != "" {
				settings.Rows = append(settings.Rows, row)
			}
		}
	case store.ModeAuto:
		settings.Auto.Filter, settings.Auto.FilterKind = r.Form.Get("filter"), "glob"
		if settings.Auto.Filter == "" {
			settings.Auto.FilterKind = "all"
		}
		settings.Auto.TeamRole, settings.Auto.OrgRole = r.Form.Get("team_role"), r.Form.Get("org_role")
		settings.Auto.Adopt = r.Form["adopt"]
	}
	return settings, nil
}

func at(values []string, i int) string {
	if i < len(values) {
		return values[i]
	}
	return ""
}

func (s *Server) previewGroups(w http.ResponseWriter, r *http.Request, v visitor) {
	settings, err := s.readSettings(r, v)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	plan, err := s.Engine.Preview(r.Context(), v.actor, v.org.ID, settings)
	if err != nil {
		s.refuseSettings(w, r, v, settings, err)
		return
	}
	s.showPlan(w, r, v, http.StatusOK, settings, plan, "")
}

// showPlan shows what saving would do; the form that saves quotes the plan's hash.
func (s *Server) showPlan(w http.ResponseWriter, r *http.Request, v visitor, status int, settings store.ProvisioningSettings, plan provisioning.Plan, problem string) {
	body, err := s.groupsBody(r, v, settings)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body.Plan, body.Findings, body.Summary = &plan, plan.Findings, summary(plan.Totals)
	for _, l := range plan.Lines {
		body.Lines = append(body.Lines, describe(l))
	}
	body.Adopt = adoptChoices(body.Rows, settings.Auto.Adopt, plan.Findings)
	body.Hidden = hidden(r.Form)
	body.Hidden = append(body.Hidden, field{"hash", plan.Hash}, field{"version", fmt.Sprint(settings.Version)})
	s.render(w, r, status, "groups", v, page{Title: "Groups and teams", Tab: "groups", Problem: problem, Body: body})
}

// adoptChoices are the groups whose name a team has already: in automatic mode the
// owner says whether such a team becomes the group's.
func adoptChoices(groups []groupRow, chosen []string, findings []provisioning.Finding) []adoptChoice {
	var out []adoptChoice
	for _, g := range groups {
		taken := slices.ContainsFunc(findings, func(f provisioning.Finding) bool {
			return (f.Code == provisioning.FindingTeamNameTaken || f.Code == provisioning.FindingGroupRecreated) && f.GroupID == g.GroupID
		})
		yes := slices.Contains(chosen, g.GroupID)
		if taken || yes {
			out = append(out, adoptChoice{GroupID: g.GroupID, Name: g.Name, Chosen: yes})
		}
	}
	return out
}

func hidden(form url.Values) []field {
	var out []field
	for name, values := range form {
		if slices.Contains([]string{"hash", "version", string(provisioning.ConfirmTopRole), string(provisioning.ConfirmManyPeople), string(provisioning.ConfirmOwnAccess)}, name) {
			continue
		}
		for _, value := range values {
			out = append(out, field{name, value})
		}
	}
	return out
}

func (s *Server) saveGroups(w http.ResponseWriter, r *http.Request, v visitor) {
	settings, err := s.readSettings(r, v)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if fmt.Sprint(settings.Version) != r.Form.Get("version") {
		settings.Version = -1 // somebody saved meanwhile; Apply answers with the present plan
	}
	people, _ := strconv.Atoi(r.Form.Get(string(provisioning.ConfirmManyPeople))) // what is no number confirms none
	confirm := provisioning.Confirm{
		Hash: r.Form.Get("hash"), People: people,
		TopRole:   r.Form.Get(string(provisioning.ConfirmTopRole)) != "",
		OwnAccess: r.Form.Get(string(provisioning.ConfirmOwnAccess)) != "",
	}
	plan, err := s.Engine.Apply(r.Context(), v.actor, v.org.ID, settings, confirm)
	var stale *provisioning.StalePlanError
	var unconfirmed *provisioning.UnconfirmedError
	switch {
	case errors.As(err, &stale):
		s.showPlan(w, r, v, http.StatusConflict, stale.Plan.Settings, stale.Plan, "The directory or the settings changed since this preview. Here is the new one.")
	case errors.As(err, &unconfirmed):
		s.problem(w, r, http.StatusUnprocessableEntity, "confirmation_required", unconfirmed.Missing[0].Message+" Look at the preview and confirm it.", nil)
	case err != nil:
		s.refuseSettings(w, r, v, settings, err)
	default:
		s.Changed()
		s.done(w, r, "/org/"+v.org.ID+"/groups?saved", map[string]any{"plan": plan})
	}
}

// refuseSettings shows the form again with what is wrong.
func (s *Server) refuseSettings(w http.ResponseWriter, r *http.Request, v visitor, settings store.ProvisioningSettings, err error) {
	var invalid *provisioning.SettingsError
	if !errors.As(err, &invalid) {
		s.fail(w, r, err)
		return
	}
	var findings []tenant.Finding
	errs := map[string][]tenant.Finding{}
	for _, f := range invalid.Fields {
		finding := tenant.Finding{Field: f.Field, Code: f.Code, Message: f.Message, Severity: tenant.SeverityError}
		findings = append(findings, finding)
		if f.Field == "auto.filter" {
			finding.Field = "filter"
		}
		errs[finding.Field] = append(errs[finding.Field], finding)
	}
	if wantsJSON(r) {
		s.problem(w, r, http.StatusUnprocessableEntity, invalid.Fields[0].Code, invalid.Fields[0].Message, findings)
		return
	}
	body, bodyErr := s.groupsBody(r, v, settings)
	if bodyErr != nil {
		s.fail(w, r, bodyErr)
		return
	}
	body.Errors = errs
	s.render(w, r, http.StatusUnprocessableEntity, "groups", v, page{Title: "Groups and teams", Tab: "groups", Problem: invalid.Fields[0].Message, Body: body})
}
