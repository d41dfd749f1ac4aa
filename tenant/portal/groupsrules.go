package portal

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// autoFields and ruleFields are the inputs of the two forms.
var (
	autoFields = []string{"filter_kind", "filter", "strip_prefix", "strip_suffix", "template", "on_rename", "team_role", "org_role"}
	ruleFields = []string{"role_rule", "default_org_role", "unmanaged_people", "unmanaged_teams", "on_deprovision"}
)

// autoValues are what the form of the automatic rule holds.
func autoValues(a store.AutoRule) url.Values {
	values := url.Values{
		"filter_kind": {a.FilterKind}, "filter": {a.Filter}, "strip_prefix": {a.Naming.StripPrefix}, "strip_suffix": {a.Naming.StripSuffix},
		"template": {a.Naming.Template}, "on_rename": {string(a.OnRename)}, "team_role": {a.TeamRole}, "org_role": {a.OrgRole},
	}
	if a.FilterKind == "" {
		values.Set("filter_kind", "all")
	}
	if a.FilterExternalID {
		values.Set("filter_external", "1")
	}
	if a.CaseSensitive {
		values.Set("case_sensitive", "1")
	}
	return values
}

// autoRule is what was typed; the decisions about single groups stay.
func autoRule(values url.Values, before store.AutoRule) store.AutoRule {
	a := before
	a.FilterKind, a.Filter = values.Get("filter_kind"), strings.ReplaceAll(values.Get("filter"), "\r\n", "\n")
	if a.FilterKind == "all" {
		a.FilterKind, a.Filter = "", ""
	}
	a.FilterExternalID, a.CaseSensitive = values.Get("filter_external") != "", values.Get("case_sensitive") != ""
	a.Naming = store.TeamNaming{StripPrefix: values.Get("strip_prefix"), StripSuffix: values.Get("strip_suffix"), Template: values.Get("template")}
	a.OnRename, a.TeamRole, a.OrgRole = store.RenamePolicy(values.Get("on_rename")), values.Get("team_role"), values.Get("org_role")
	return a
}

func ruleValues(s store.ProvisioningSettings) url.Values {
	return url.Values{
		"role_rule": {string(s.RoleRule)}, "default_org_role": {s.DefaultOrgRole}, "unmanaged_people": {string(s.Unmanaged.People)},
		"unmanaged_teams": {string(s.Unmanaged.Teams)}, "on_deprovision": {string(s.OnDeprovision)},
	}
}

// saveMode chooses none, manual or automatic.
func (h *Handler) saveMode(v *visit) error {
	return v.saveSettings("mode", func(s *store.ProvisioningSettings, values url.Values) error {
		s.Mode = store.ProvisioningMode(values.Get("mode"))
		if roles := h.cfg.Engine.Choices().TeamRoles; s.Mode == store.ModeAuto && s.Auto.TeamRole == "" && len(roles) > 0 {
			s.Auto.TeamRole = roles[0] // as the form shows it first
		}
		return nil
	})
}

// saveAuto puts the automatic rule into the draft, or only counts what it selects.
func (h *Handler) saveAuto(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	if values.Get("do") != "count" {
		return v.saveSettings("auto", func(s *store.ProvisioningSettings, values url.Values) error {
			s.Auto = autoRule(values, s.Auto)
			return nil
		})
	}
	if _, err = h.cfg.Engine.MatchGroups(v.r.Context(), v.Actor, v.tenantID, autoRule(values, store.AutoRule{}), provisioning.MatchQuery{Limit: 1}); err != nil {
		return v.mappingRefused(err, func(code int, problem string, findings []tenant.Finding) error {
			return v.showGroups(code, problem, "auto", values, findings)
		})
	}
	return v.showGroups(http.StatusOK, "", "auto", values, nil)
}

// saveRules puts what holds for all modes into the draft.
func (h *Handler) saveRules(v *visit) error {
	return v.saveSettings("rules", func(s *store.ProvisioningSettings, values url.Values) error {
		s.RoleRule, s.DefaultOrgRole = store.RoleRule(values.Get("role_rule")), values.Get("default_org_role")
		s.Unmanaged = store.UnmanagedRule{Teams: store.TeamPolicy(values.Get("unmanaged_teams")), People: store.PeoplePolicy(values.Get("unmanaged_people"))}
		if values.Has("on_deprovision") {
			s.OnDeprovision = store.AccountPolicy(values.Get("on_deprovision"))
		}
		return nil
	})
}

// saveSettings changes the draft by one of the page's forms.
func (v *visit) saveSettings(name string, change func(s *store.ProvisioningSettings, values url.Values) error) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	d, err := v.h.cfg.Engine.ChangeDraft(v.r.Context(), v.Actor, v.tenantID, revision(values), func(s *store.ProvisioningSettings) error { return change(s, values) })
	if err == nil {
		return v.edited(v.path("groups"), "", d)
	}
	return v.mappingRefused(err, func(code int, problem string, findings []tenant.Finding) error {
		return v.showGroups(code, problem, name, values, findings)
	})
}

// changeDraft discards the draft, or keeps it on top of what was applied since.
func (h *Handler) changeDraft(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	switch v.r.PathValue("step") {
	case "discard":
		if err := h.cfg.Engine.DropDraft(v.r.Context(), v.Actor, v.tenantID); err != nil {
			return err
		}
		return v.done(v.path("groups"), "discarded", map[string]any{"done": "discarded"})
	case "rebase":
		d, err := h.cfg.Engine.RebaseDraft(v.r.Context(), v.Actor, v.tenantID, revision(values))
		if err == nil {
			return v.edited(v.path("groups"), "", d)
		}
		return v.mappingRefused(err, func(code int, problem string, _ []tenant.Finding) error {
			return v.showGroups(code, problem, "", nil, nil)
		})
	}
	return store.ErrNotFound
}

// matchAnswer is what a filter selects, for the script that shows it while it is written.
type matchAnswer struct {
	Text string `json:"text"`

	provisioning.GroupMatches
}

// matchGroups counts what a filter selects.
func (h *Handler) matchGroups(v *visit) error {
	m, err := h.cfg.Engine.MatchGroups(v.r.Context(), v.Actor, v.tenantID, autoRule(v.r.URL.Query(), store.AutoRule{}), provisioning.MatchQuery{Limit: 10})
	if findings := v.mappingFindings(err); findings != nil {
		return &tenant.ValidationError{Findings: findings}
	}
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, "application/json", matchAnswer{Text: v.matched(m), GroupMatches: m})
}

// matched says how many groups a filter selects.
func (v *visit) matched(m provisioning.GroupMatches) string {
	return v.p.count(m.Matched, "%d group of %d matches.", "%d groups of %d match.", m.Total)
}
