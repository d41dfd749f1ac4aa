package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// maxRows bounds a tenant's mapping.
const maxRows = 5000

// FieldError is one thing wrong with settings.
type FieldError struct {
	// Field is "mode", "rows", "rows[2].teamId", "auto.filter", "unmanaged.teams",
	// "authority.rows[0].value" and so on; rows count from 0.
	Field string `json:"field"`
	// Code is "mode_invalid", "value_unknown" (a choice that does not exist), "row_invalid",
	// "too_many", "team_not_found" (unknown, another tenant's, or archived),
	// "group_not_found", "role_unknown", "role_above_max", "filter_invalid",
	// "reason_invalid" (of a pause), "value_invalid", "claim_invalid", "connection_not_found",
	// "authority_other" (another source was declared to decide about it),
	// "naming_invalid", "name_invalid", "decision_twice" or "policy_unsupported" (the
	// application cannot do it). Of a [Reset] it is one of these, "reset_empty",
	// "reset_invalid" or "account_not_found".
	Code    string `json:"code"`
	Message string `json:"message"`
	// Line and Position say where in a filter, from 1.
	Line     int `json:"line,omitempty"`
	Position int `json:"position,omitempty"`
}

// maxFaults bounds how many faults a [SettingsError] names.
const maxFaults = 100

// SettingsError says why settings cannot be followed: one entry per fault, the first 100.
type SettingsError struct {
	Fields []FieldError
}

// Error returns all messages.
func (e *SettingsError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + ": " + f.Message
	}
	return "provisioning: settings: " + strings.Join(parts, "; ")
}

func (e *SettingsError) add(field, code, format string, args ...any) {
	e.put(FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, args...)})
}

func (e *SettingsError) put(f FieldError) {
	if len(e.Fields) < maxFaults {
		e.Fields = append(e.Fields, f)
	}
}

// short shortens what came from outside for a message.
func short(s string) string { return label(s) }

// settingsCheck looks at one tenant's settings.
type settingsCheck struct {
	e        *Engine
	tx       store.Store
	tenantID string
	stored   store.ProvisioningSettings
	errs     *SettingsError
	groups   map[string]bool // whether they exist, of those looked at
}

// groupExists asks the directory once for each group.
func (c *settingsCheck) groupExists(ctx context.Context, id string) (bool, error) {
	if exists, known := c.groups[id]; known || !plausibleID(id) {
		return exists, nil
	}
	_, err := c.tx.SCIMGroup(ctx, c.tenantID, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	c.groups[id] = err == nil
	return err == nil, nil
}

// plausibleID says whether an ID may be one at all: a database need not be asked about
// what it could not store.
func plausibleID(id string) bool {
	return len(id) <= 255 && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}

// oneOf refuses a choice that does not exist.
func oneOf[T ~string](errs *SettingsError, field string, got T, known ...T) {
	if slices.Contains(known, got) {
		return
	}
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = fmt.Sprintf("%q", string(k))
	}
	errs.add(field, "value_unknown", "expected one of %s, got %q", strings.Join(names, ", "), short(string(got)))
}

// checkSettings refuses settings that cannot be followed, those of a mode that is not
// chosen included, and takes out decisions about groups that are gone. Rows that were saved
// before may dangle by now; the plan reports them.
func (e *Engine) checkSettings(ctx context.Context, tx store.Store, tenantID string, s, stored store.ProvisioningSettings) (store.ProvisioningSettings, error) {
	c := &settingsCheck{e: e, tx: tx, tenantID: tenantID, stored: stored, errs: &SettingsError{}, groups: map[string]bool{}}
	switch s.Mode {
	case "":
		s.Mode = store.ModeNone
	case store.ModeNone, store.ModeManual, store.ModeAuto:
	default:
		c.errs.add("mode", "mode_invalid", "expected none, manual or auto, got %q", short(string(s.Mode)))
	}
	oneOf(c.errs, "roleRule", s.RoleRule, store.RoleHighest, store.RoleFirstRow)
	e.checkOrgRole("defaultOrgRole", s.DefaultOrgRole, c.errs)
	e.checkUnmanaged(s.Unmanaged, c.errs)
	e.checkDeprovision(s.OnDeprovision, c.errs)
	if err := c.rows(ctx, s.Rows, s.Mode == store.ModeManual); err != nil {
		return s, err
	}
	if err := c.authority(ctx, s); err != nil {
		return s, err
	}
	auto, err := c.auto(ctx, s.Auto, s.Mode == store.ModeAuto)
	if err != nil {
		return s, err
	}
	if len(c.errs.Fields) > 0 {
		return s, c.errs
	}
	s.Auto = auto
	return s, nil
}

func (c *settingsCheck) rows(ctx context.Context, rows []store.MappingRow, inUse bool) error {
	e, errs := c.e, c.errs
	if len(rows) > maxRows {
		errs.add("rows", "too_many", "expected at most %d rows, got %d", maxRows, len(rows))
		return nil
	}
	known := map[store.MappingRow]bool{}
	for _, r := range c.stored.Rows {
		known[r] = true
	}
	teams, err := e.teamsOfRows(ctx, c.tx, c.tenantID, slices.DeleteFunc(slices.Clone(rows), func(r store.MappingRow) bool { return known[r] }))
	if err != nil {
		return err
	}
	for i, r := range rows {
		at := func(field string) string { return fmt.Sprintf("rows[%d].%s", i, field) }
		if r.GroupID == "" || r.TeamID == "" && r.OrgRole == "" {
			errs.add(fmt.Sprintf("rows[%d]", i), "row_invalid", "a row needs a group, and a team or a role in the organisation")
			continue
		}
		if known[r] && !inUse {
			continue
		}
		if r.TeamID != "" || r.TeamRole != "" {
			e.checkTeamRole(at("teamRole"), r.TeamRole, errs)
		}
		if r.TeamID != "" && !teams[r.TeamID] && !known[r] {
			errs.add(at("teamId"), "team_not_found", "there is no such team, or it is archived")
		}
		e.checkOrgRole(at("orgRole"), r.OrgRole, errs)
		if known[r] {
			continue
		}
		exists, err := c.groupExists(ctx, r.GroupID)
		if err != nil {
			return err
		}
		if !exists {
			errs.add(at("groupId"), "group_not_found", "the directory has no such group")
		}
	}
	return nil
}

func (e *Engine) teamsOfRows(ctx context.Context, tx store.Store, tenantID string, rows []store.MappingRow) (map[string]bool, error) {
	ids := map[string]bool{}
	for _, r := range rows {
		if r.TeamID != "" && plausibleID(r.TeamID) {
			ids[r.TeamID] = true
		}
	}
	found := map[string]bool{}
	for chunk := range slices.Chunk(sortedKeys(ids), store.MaxLimit) {
		teams, err := e.target.Teams(ctx, tx, tenantID, chunk)
		if err != nil {
			return nil, hostErr("read teams", err)
		}
		for _, t := range teams {
			found[t.ID] = !t.Archived
		}
	}
	return found, nil
}

func (e *Engine) checkTeamRole(field, role string, errs *SettingsError) {
	if !slices.Contains(e.roles.team, role) {
		errs.add(field, "role_unknown", "expected a team role (%s), got %q", strings.Join(e.roles.team, ", "), short(role))
	}
}

func (e *Engine) checkOrgRole(field, role string, errs *SettingsError) {
	switch {
	case role == "":
	case !slices.Contains(e.roles.org, role):
		errs.add(field, "role_unknown", "expected a role in the organisation (%s), got %q", strings.Join(e.roles.org, ", "), short(role))
	case !e.roles.provisionable(role):
		errs.add(field, "role_above_max", "groups may give the role %s at most, got %s", e.roles.most, role)
	}
}
