package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// maxRows bounds a tenant's mapping.
const maxRows = 5000

// FieldError is one thing wrong with settings.
type FieldError struct {
	// Field is "mode", "rows", "rows[2].teamId", "auto.filter" and so on; rows count
	// from 0.
	Field string `json:"field"`
	// Code is "mode_invalid", "row_invalid", "too_many", "team_not_found",
	// "group_not_found", "role_unknown", "role_above_max" or "filter_invalid".
	Code    string `json:"code"`
	Message string `json:"message"`
	// Line and Position say where in a filter, from 1.
	Line     int `json:"line,omitempty"`
	Position int `json:"position,omitempty"`
}

// SettingsError says why settings cannot be followed: one entry per fault.
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
	e.Fields = append(e.Fields, FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, args...)})
}

// checkSettings refuses settings that cannot be followed. Rows that were saved before
// may dangle by now; the plan reports them.
func (e *Engine) checkSettings(ctx context.Context, tx store.Store, tenantID string, s, stored store.ProvisioningSettings) (store.ProvisioningSettings, error) {
	errs := &SettingsError{}
	switch s.Mode {
	case "":
		s.Mode = store.ModeNone
	case store.ModeNone:
	case store.ModeManual:
		if err := e.checkRows(ctx, tx, tenantID, s.Rows, stored.Rows, errs); err != nil {
			return s, err
		}
	case store.ModeAuto:
		e.checkAuto(s.Auto, errs)
	default:
		errs.add("mode", "mode_invalid", "expected none, manual or auto, got %q", s.Mode)
	}
	if len(errs.Fields) > 0 {
		return s, errs
	}
	return s, nil
}

func (e *Engine) checkRows(ctx context.Context, tx store.Store, tenantID string, rows, stored []store.MappingRow, errs *SettingsError) error {
	if len(rows) > maxRows {
		errs.add("rows", "too_many", "expected at most %d rows, got %d", maxRows, len(rows))
		return nil
	}
	known := map[store.MappingRow]bool{}
	for _, r := range stored {
		known[r] = true
	}
	teams, err := e.teamsOfRows(ctx, tx, tenantID, rows)
	if err != nil {
		return err
	}
	for i, r := range rows {
		at := func(field string) string { return fmt.Sprintf("rows[%d].%s", i, field) }
		if r.GroupID == "" || r.TeamID == "" && r.OrgRole == "" {
			errs.add(fmt.Sprintf("rows[%d]", i), "row_invalid", "a row needs a group, and a team or a role in the organisation")
			continue
		}
		if r.TeamID != "" {
			e.checkTeamRole(at("teamRole"), r.TeamRole, errs)
			if !teams[r.TeamID] && !known[r] {
				errs.add(at("teamId"), "team_not_found", "there is no such team")
			}
		}
		e.checkOrgRole(at("orgRole"), r.OrgRole, errs)
		if known[r] {
			continue
		}
		if _, err := tx.SCIMGroup(ctx, tenantID, r.GroupID); errors.Is(err, store.ErrNotFound) {
			errs.add(at("groupId"), "group_not_found", "the directory has no such group")
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) teamsOfRows(ctx context.Context, tx store.Store, tenantID string, rows []store.MappingRow) (map[string]bool, error) {
	ids := map[string]bool{}
	for _, r := range rows {
		if r.TeamID != "" {
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
			found[t.ID] = true
		}
	}
	return found, nil
}

func (e *Engine) checkAuto(a store.AutoRule, errs *SettingsError) {
	e.checkTeamRole("auto.teamRole", a.TeamRole, errs)
	e.checkOrgRole("auto.orgRole", a.OrgRole, errs)
	if _, err := newGroupFilter(a.FilterKind, a.Filter); err != nil {
		f := FieldError{Field: "auto.filter", Code: "filter_invalid", Message: err.Error()}
		if fe, ok := errors.AsType[*FilterError](err); ok {
			f.Message, f.Line, f.Position = fe.Message, fe.Line, fe.Position
		}
		errs.Fields = append(errs.Fields, f)
	}
}

func (e *Engine) checkTeamRole(field, role string, errs *SettingsError) {
	if !slices.Contains(e.roles.team, role) {
		errs.add(field, "role_unknown", "expected a team role (%s), got %q", strings.Join(e.roles.team, ", "), role)
	}
}

func (e *Engine) checkOrgRole(field, role string, errs *SettingsError) {
	switch {
	case role == "":
	case !slices.Contains(e.roles.org, role):
		errs.add(field, "role_unknown", "expected a role in the organisation (%s), got %q", strings.Join(e.roles.org, ", "), role)
	case !e.roles.provisionable(role):
		errs.add(field, "role_above_max", "groups may give the role %s at most, got %s", e.roles.most, role)
	}
}

// reportMissingGroups flags rows whose group is gone: they give nothing.
func (p *Plan) reportMissingGroups(s *snapshot) {
	if p.Settings.Mode != store.ModeManual {
		return
	}
	for i, r := range p.Settings.Rows {
		if !s.groups[r.GroupID].exists {
			p.Findings = append(p.Findings, Finding{Code: FindingGroupMissing, GroupID: r.GroupID, TeamID: r.TeamID, Message: fmt.Sprintf("Row %d names a group that the directory does not have any more.", i+1)})
			p.Totals.Warnings++
		}
	}
}
