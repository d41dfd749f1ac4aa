package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// checkUnmanaged refuses what the host cannot do.
func (e *Engine) checkUnmanaged(u store.UnmanagedRule, errs *SettingsError) {
	oneOf(errs, "unmanaged.people", u.People, store.PeopleKeep, store.PeopleTake)
	oneOf(errs, "unmanaged.teams", u.Teams, store.TeamKeep, store.TeamArchive, store.TeamDelete)
	_, canDelete := e.cfg.Target.(TeamDeleter)
	_, canArchive := e.cfg.Target.(TeamArchiver)
	if u.Teams == store.TeamDelete && !canDelete || u.Teams == store.TeamArchive && !canArchive {
		errs.add("unmanaged.teams", "policy_unsupported", "the application cannot %s teams; choose to keep them", u.Teams)
	}
}

// checkRule refuses a rule that cannot be followed, but for roles and groups.
func (e *Engine) checkRule(a store.AutoRule, errs *SettingsError) {
	if _, err := newGroupFilter(a); err != nil {
		f := FieldError{Field: "auto.filter", Code: "filter_invalid", Message: err.Error()}
		if fe, ok := errors.AsType[*FilterError](err); ok {
			f.Message, f.Line, f.Position = fe.Message, fe.Line, fe.Position
		}
		errs.put(f)
	}
	oneOf(errs, "auto.onRename", a.OnRename, store.RenameTeam, store.RenameKeepTeam)
	e.checkNaming(a.Naming, errs)
	for _, l := range []struct {
		field string
		n     int
	}{{"auto.adopt", len(a.Adopt)}, {"auto.skip", len(a.Skip)}, {"auto.names", len(a.Names)}} {
		if l.n > maxRows {
			errs.add(l.field, "too_many", "expected at most %d groups, got %d", maxRows, l.n)
			return
		}
	}
	decided := map[string]string{}
	for i, id := range a.Skip {
		decided[id] = fmt.Sprintf("auto.skip[%d]", i)
	}
	for i, id := range a.Adopt {
		if other, twice := decided[id]; twice {
			errs.add(fmt.Sprintf("auto.adopt[%d]", i), "decision_twice", "the group is skipped by %s; expected one of the two", other)
		}
	}
	for i, n := range a.Names {
		at := fmt.Sprintf("auto.names[%d]", i)
		if other, twice := decided[n.GroupID]; twice {
			errs.add(at, "decision_twice", "there is a decision about this group in %s; expected one of the two", other)
		}
		decided[n.GroupID] = at
		if length := utf8.RuneCountInString(n.Name); n.Name == "" || teamName(n.Name, e.cfg.MaxTeamName) != n.Name {
			errs.add(at+".name", "name_invalid", "expected a name of 1 to %d characters without control characters and with single spaces, got %d characters: %q", e.cfg.MaxTeamName, length, short(n.Name))
		}
	}
}

func (e *Engine) checkNaming(n store.TeamNaming, errs *SettingsError) {
	for _, part := range []struct{ field, text string }{{"stripPrefix", n.StripPrefix}, {"stripSuffix", n.StripSuffix}, {"template", n.Template}} {
		// A space at an end is meant: it goes before or after a word.
		if inner := strings.TrimSpace(part.text); utf8.RuneCountInString(part.text) > maxNaming || cleanName(inner) != inner {
			errs.add("auto.naming."+part.field, "naming_invalid", "expected at most %d characters without control characters, got %q", maxNaming, short(part.text))
		}
	}
	if n.Template == "" {
		return
	}
	around := strings.Replace(n.Template, groupPlace, "", 1)
	switch {
	case around == n.Template || strings.ContainsAny(around, "{}"):
		errs.add("auto.naming.template", "naming_invalid", "expected %s once and no other braces, got %q", groupPlace, short(n.Template))
	case utf8.RuneCountInString(around) > e.cfg.MaxTeamName/2:
		errs.add("auto.naming.template", "naming_invalid", "expected at most %d characters around %s, got %d: names of teams have at most %d", e.cfg.MaxTeamName/2, groupPlace, utf8.RuneCountInString(around), e.cfg.MaxTeamName)
	}
}

// auto checks the rule and takes out decisions that were saved before and whose group
// is gone.
func (c *settingsCheck) auto(ctx context.Context, a store.AutoRule, inUse bool) (store.AutoRule, error) {
	faults := len(c.errs.Fields)
	if inUse || a.TeamRole != "" {
		c.e.checkTeamRole("auto.teamRole", a.TeamRole, c.errs)
	}
	c.e.checkOrgRole("auto.orgRole", a.OrgRole, c.errs)
	c.e.checkRule(a, c.errs)
	if len(c.errs.Fields) > faults {
		return a, nil
	}
	var err error
	if a.Adopt, err = c.decisions(ctx, "auto.adopt", a.Adopt, c.stored.Auto.Adopt); err != nil {
		return a, err
	}
	if a.Skip, err = c.decisions(ctx, "auto.skip", a.Skip, c.stored.Auto.Skip); err != nil {
		return a, err
	}
	var names []store.GroupTeamName
	for i, n := range a.Names {
		keep, err := c.decision(ctx, fmt.Sprintf("auto.names[%d].groupId", i), n.GroupID, slices.ContainsFunc(c.stored.Auto.Names, func(o store.GroupTeamName) bool { return o.GroupID == n.GroupID }))
		if err != nil {
			return a, err
		}
		if keep {
			names = append(names, n)
		}
	}
	a.Names = names
	return a, nil
}

func (c *settingsCheck) decisions(ctx context.Context, field string, ids, stored []string) ([]string, error) {
	known, seen := set(stored), map[string]bool{}
	var out []string
	for i, id := range ids {
		keep, err := c.decision(ctx, fmt.Sprintf("%s[%d]", field, i), id, known[id])
		if err != nil {
			return nil, err
		}
		if keep && !seen[id] {
			out = append(out, id)
		}
		seen[id] = true
	}
	return out, nil
}

// decision says whether a decision about a group is still of use; one about a group that
// was never there is refused.
func (c *settingsCheck) decision(ctx context.Context, field, id string, known bool) (bool, error) {
	exists, err := c.groupExists(ctx, id)
	if err == nil && !exists && !known {
		c.errs.add(field, "group_not_found", "the directory has no such group")
	}
	return exists, err
}
