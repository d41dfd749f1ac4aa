package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// rowPage is the form for one row of the mapping.
type rowPage struct {
	Head groupHead `json:"draft"`
	// Row is the index of the row that is changed; empty for a new one.
	Row  string `json:"row,omitempty"`
	Form *form  `json:"-"`
	// Groups and Teams are what can be chosen, of so many that match what is searched for.
	Groups     []option `json:"groups"`
	Teams      []option `json:"teams"`
	MoreGroups bool     `json:"moreGroups,omitempty"`
	TeamTotal  int      `json:"teamTotal"`
	MoreTeams  bool     `json:"moreTeams,omitempty"`
	NoGroups   bool     `json:"noGroups,omitempty"`
	NoTeams    bool     `json:"noTeams,omitempty"`
	OrgRoles   []option `json:"-"`
	TeamRoles  []option `json:"-"`
}

// chosenFrom is how many groups or teams one form offers.
const chosenFrom = 100

func (h *Handler) groupRow(v *visit) error {
	return v.showRow(http.StatusOK, "", v.r.URL.Query(), nil)
}

func (v *visit) showRow(code int, problem string, values url.Values, findings []tenant.Finding) error {
	head, err := v.groupHead("")
	if err != nil {
		return err
	}
	rows, choices := head.draft.Settings.Rows, v.h.cfg.Engine.Choices()
	if raw := values.Get("row"); raw != "" {
		i, err := strconv.Atoi(raw)
		if err != nil || i < 0 || i >= len(rows) {
			return store.ErrNotFound
		}
		if !values.Has("group") {
			r := rows[i]
			values = url.Values{"row": {raw}, "group": {r.GroupID}, "team": {r.TeamID}, "team_role": {r.TeamRole}, "org_role": {r.OrgRole}}
		}
	}
	body := rowPage{
		Head: head, Row: values.Get("row"), Form: newForm(values, findings, "group", "team", "team_role", "org_role"),
		OrgRoles: v.roleOptions(v.p.text("none"), choices.OrgRoles), TeamRoles: v.roleOptions("", choices.TeamRoles),
	}
	if err := v.rowGroups(&body, values); err != nil {
		return err
	}
	if err := v.rowTeams(&body, values); err != nil {
		return err
	}
	if body.Row == "" {
		return v.showProblem(code, "group-row", "Map a group", problem, body)
	}
	return v.showProblem(code, "group-row", "Change a row", problem, body)
}

// rowGroups are the groups that match what is searched for, and the one that is chosen.
func (v *visit) rowGroups(body *rowPage, values url.Values) error {
	ctx, engine := v.r.Context(), v.h.cfg.Engine
	search := clipped(values.Get("group_search"))
	list, err := engine.Groups(ctx, v.Actor, v.tenantID, provisioning.GroupQuery{Search: search, Limit: chosenFrom})
	if err != nil {
		return err
	}
	body.MoreGroups, body.NoGroups = list.Next != "", len(list.Groups) == 0 && search == ""
	body.Groups = []option{{Label: v.p.text("Choose a group")}}
	chosen := values.Get("group")
	for _, g := range list.Groups {
		body.Groups = append(body.Groups, v.groupOption(g))
	}
	if chosen == "" || slices.ContainsFunc(list.Groups, func(g provisioning.GroupInfo) bool { return g.ID == chosen }) {
		return nil
	}
	one, err := engine.Groups(ctx, v.Actor, v.tenantID, provisioning.GroupQuery{IDs: []string{chosen}})
	for _, g := range one.Groups {
		body.Groups = append(body.Groups, v.groupOption(g))
	}
	return err
}

func (v *visit) groupOption(g provisioning.GroupInfo) option {
	return option{Value: g.ID, Label: v.p.count(g.Members, "%[2]s (%[1]d member)", "%[2]s (%[1]d members)", g.Name)}
}

// rowTeams does the same for teams.
func (v *visit) rowTeams(body *rowPage, values url.Values) error {
	ctx, engine := v.r.Context(), v.h.cfg.Engine
	search := clipped(values.Get("team_search"))
	list, err := engine.Teams(ctx, v.Actor, v.tenantID, provisioning.TeamQuery{Search: search, Limit: chosenFrom})
	if err != nil {
		return err
	}
	body.TeamTotal, body.MoreTeams, body.NoTeams = list.Total, list.Total > len(list.Teams), list.Total == 0 && search == ""
	body.Teams = []option{{Label: v.p.text("No team")}}
	chosen := values.Get("team")
	for _, t := range list.Teams {
		body.Teams = append(body.Teams, option{Value: t.ID, Label: t.Name})
	}
	if chosen == "" || slices.ContainsFunc(list.Teams, func(t provisioning.Team) bool { return t.ID == chosen }) {
		return nil
	}
	one, err := engine.Teams(ctx, v.Actor, v.tenantID, provisioning.TeamQuery{IDs: []string{chosen}})
	for _, t := range one.Teams {
		body.Teams = append(body.Teams, option{Value: t.ID, Label: t.Name})
	}
	return err
}

// saveRow puts a row into the draft: a new one at the end, or in the place of one.
func (h *Handler) saveRow(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	r := store.MappingRow{GroupID: values.Get("group"), TeamID: values.Get("team"), TeamRole: values.Get("team_role"), OrgRole: values.Get("org_role")}
	if r.TeamID == "" {
		r.TeamRole = ""
	}
	at := 0
	d, err := h.cfg.Engine.ChangeDraft(v.r.Context(), v.Actor, v.tenantID, revision(values), func(s *store.ProvisioningSettings) error {
		if values.Get("row") == "" {
			s.Rows = append(s.Rows, r)
			at = len(s.Rows) - 1
			return nil
		}
		i, err := rowIndex(values, s.Rows)
		if err == nil {
			s.Rows[i], at = r, i
		}
		return err
	})
	if err == nil {
		return v.edited(v.rowsURL("", at/rowsOnPage*rowsOnPage), "#row-"+strconv.Itoa(at+1), d)
	}
	return v.mappingRefused(err, func(code int, problem string, findings []tenant.Finding) error {
		return v.showRow(code, problem, values, findings)
	})
}

// rowIndex is the row that a form names.
func rowIndex(values url.Values, rows []store.MappingRow) (int, error) {
	i, err := strconv.Atoi(values.Get("row"))
	if err != nil || i < 0 || i >= len(rows) {
		return 0, store.ErrNotFound
	}
	return i, nil
}

// changeRows moves a row, or takes it away.
func (h *Handler) changeRows(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(values.Get("number")); err == nil { // as people count
		values.Set("row", strconv.Itoa(n-1))
	}
	at, fragment := 0, ""
	d, err := h.cfg.Engine.ChangeDraft(v.r.Context(), v.Actor, v.tenantID, revision(values), func(s *store.ProvisioningSettings) error {
		i, err := rowIndex(values, s.Rows)
		if err != nil {
			return err
		}
		to := i
		switch values.Get("do") {
		case "remove":
			s.Rows, at = slices.Delete(s.Rows, i, i+1), i
			return nil
		case "up":
			to--
		case "down":
			to++
		case "move": // to a place that people count from 1
			n, err := strconv.Atoi(values.Get("to"))
			if err != nil {
				return store.ErrNotFound
			}
			to = n - 1
		default:
			return store.ErrNotFound
		}
		to = max(0, min(to, len(s.Rows)-1))
		r := s.Rows[i]
		s.Rows = slices.Insert(slices.Delete(s.Rows, i, i+1), to, r)
		at, fragment = to, "#row-"+strconv.Itoa(to+1)
		return nil
	})
	if err == nil {
		return v.edited(v.rowsURL(clipped(values.Get("q")), rowPlace(values, at)), fragment, d)
	}
	return v.mappingRefused(err, func(code int, problem string, findings []tenant.Finding) error {
		return v.showGroups(code, problem, "", nil, findings)
	})
}

// rowPlace is the page to go back to: that of the search, or the one with the row.
func rowPlace(values url.Values, at int) int {
	if values.Get("q") != "" {
		place, _ := strconv.Atoi(values.Get("after")) // a place that is none begins with the first
		return max(0, place)
	}
	return at / rowsOnPage * rowsOnPage
}
