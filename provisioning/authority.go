package provisioning

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// hears says whether a source decides about anything.
func hears(a store.RoleAuthority, source store.AuthoritySource) bool {
	return a.OrgRole == source || a.Teams == source
}

// authority is what the tenant declared, as the loader goes by it.
type authority struct {
	byValue map[string][]Give // by valueID
}

// newAuthority makes gives of rows, as far as their source decides.
func newAuthority(a store.RoleAuthority) authority {
	out := authority{byValue: map[string][]Give{}}
	for i, r := range a.Rows {
		g := Give{GroupID: valueID(r.Source, r.Value), Rank: i + 1, Rule: "value row " + strconv.Itoa(i+1)}
		if r.Source == store.AuthorityGroups || g.GroupID == "" {
			continue
		}
		if a.OrgRole == r.Source {
			g.OrgRole = r.OrgRole
		}
		if a.Teams == r.Source && r.TeamID != "" {
			g.TeamID, g.TeamRole = r.TeamID, r.TeamRole
		}
		if g.OrgRole != "" || g.TeamID != "" {
			out.byValue[g.GroupID] = append(out.byValue[g.GroupID], g)
		}
	}
	return out
}

// ofGroups leaves of what groups give that about which they decide.
func ofGroups(a store.RoleAuthority, gives []Give) []Give {
	if a.OrgRole == store.AuthorityGroups && a.Teams == store.AuthorityGroups {
		return gives
	}
	var out []Give
	for _, g := range gives {
		if a.OrgRole != store.AuthorityGroups {
			g.OrgRole = ""
		}
		if a.Teams != store.AuthorityGroups {
			g = Give{GroupID: g.GroupID, OrgRole: g.OrgRole, Rank: g.Rank, Rule: g.Rule}
		}
		if g.OrgRole != "" || g.TeamID != "" || g.GroupTeam {
			out = append(out, g)
		}
	}
	return out
}

// hearRoles reads a user's roles while the resource is at hand.
func (l *loader) hearRoles(p *person) {
	if hears(l.settings.Authority, store.AuthorityRoles) {
		p.roles, p.rolesRead = readRoles(p.user.Body)
	}
}

// hearsClaims says whether an account concerns the rules although no directory has a user for it.
func (l *loader) hearsClaims(a *store.Account) bool {
	return a.Active && hears(l.settings.Authority, store.AuthorityClaims) && claimOf(l.settings.Authority, a) != nil
}

// giveValues finds a person's values, and what they give.
func (l *loader) giveValues(p *person) (out []Give) {
	a := l.settings.Authority
	for _, source := range []store.AuthoritySource{store.AuthorityRoles, store.AuthorityClaims} {
		if !hears(a, source) || p.user == nil && !p.independent() {
			continue
		}
		for _, v := range l.valuesOf(p, source) {
			id := l.shared.text(valueID(source, v))
			p.values = append(p.values, id)
			if _, known := l.s.groups[id]; !known {
				l.s.groups[id] = groupState{name: v, exists: true, value: true}
			}
			out = append(out, l.authority.byValue[id]...)
		}
	}
	return out
}

// valuesOf are a person's values in one source. Where they cannot be read, they are those that gave
// something before: absent is not empty.
func (l *loader) valuesOf(p *person, source store.AuthoritySource) []string {
	if source == store.AuthorityRoles {
		if p.user == nil {
			return nil
		}
		if p.rolesRead {
			return p.roles
		}
		p.unread = "The roles of this user could not be read: expected a list of texts, or of objects with a text as value. What they gave before stays."
	} else {
		rec := p.record
		if rec == nil {
			rec = p.matchRecord
		}
		claim := claimOf(l.settings.Authority, rec)
		p.heardClaim = claim != nil
		p.unread = cmp.Or(p.unread, unreadClaim(claim))
		if claim != nil && !claim.ReadAt.IsZero() {
			return claim.Values
		}
	}
	var out []string
	for _, g := range p.grants {
		if from, v, ok := valueIn(g.GroupID); ok && from == source && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// independent says that the account has access by itself: no directory has, or had, a user for it.
func (x *person) independent() bool {
	return x.user == nil && x.record != nil && x.record.SCIMUserID == "" && x.record.Active
}

// present says whether something may be given to the person.
func (x *person) present() bool {
	return x.user != nil && x.user.Active || x.independent() && x.host != nil && x.host.Active
}

// authority checks what the tenant declares.
func (c *settingsCheck) authority(ctx context.Context, s store.ProvisioningSettings) error {
	a, errs := s.Authority, c.errs
	known := []store.AuthoritySource{store.AuthorityGroups, store.AuthorityRoles, store.AuthorityClaims}
	oneOf(errs, "authority.orgRole", a.OrgRole, known...)
	oneOf(errs, "authority.teams", a.Teams, known...)
	switch {
	case a.Claim == "" && hears(a, store.AuthorityClaims):
		errs.add("authority.claim", "claim_invalid", "expected the name of the claim, such as groups or roles, got none")
	case a.Claim != "" && !plainClaim(a.Claim):
		errs.add("authority.claim", "claim_invalid", "expected the name of a claim about groups or roles, of at most %d characters, got %q", maxClaimName, short(a.Claim))
	}
	if a.ConnectionID != "" {
		found := plausibleID(a.ConnectionID)
		if found {
			_, err := c.tx.Connection(ctx, c.tenantID, a.ConnectionID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			found = err == nil
		}
		if !found && a.ConnectionID != c.stored.Authority.ConnectionID {
			errs.add("authority.connectionId", "connection_not_found", "there is no such connection")
		}
	}
	c.oneAuthority(s)
	return c.valueRows(ctx, a)
}

// oneAuthority refuses groups' rules about what another source decides.
func (c *settingsCheck) oneAuthority(s store.ProvisioningSettings) {
	const other = "%s is decided by %s, as authority.%s says, and groups cannot give it, too; take it out here, or declare groups"
	roles, teams := s.Authority.OrgRole, s.Authority.Teams
	switch s.Mode {
	case store.ModeManual:
		for i, r := range s.Rows {
			if roles != store.AuthorityGroups && r.OrgRole != "" {
				c.errs.add("rows["+strconv.Itoa(i)+"].orgRole", "authority_other", other, "the role in the organisation", short(string(roles)), "orgRole")
			}
			if teams != store.AuthorityGroups && r.TeamID != "" {
				c.errs.add("rows["+strconv.Itoa(i)+"].teamId", "authority_other", other, "membership in teams", short(string(teams)), "teams")
			}
		}
	case store.ModeAuto:
		if roles != store.AuthorityGroups && s.Auto.OrgRole != "" {
			c.errs.add("auto.orgRole", "authority_other", other, "the role in the organisation", short(string(roles)), "orgRole")
		}
		if teams != store.AuthorityGroups {
			c.errs.add("authority.teams", "authority_other", "automatic mode makes teams of groups, so that these decide about teams; expected no other authority, got %q", short(string(teams)))
		}
	}
}

// valueRows checks what values give. Rows that were saved before may dangle by now.
func (c *settingsCheck) valueRows(ctx context.Context, a store.RoleAuthority) error {
	if len(a.Rows) > maxRows {
		c.errs.add("authority.rows", "too_many", "expected at most %d rows, got %d", maxRows, len(a.Rows))
		return nil
	}
	known := map[store.ValueRow]bool{}
	for _, r := range c.stored.Authority.Rows {
		known[r] = true
	}
	asRows := make([]store.MappingRow, len(a.Rows))
	for i, r := range a.Rows {
		asRows[i].TeamID = r.TeamID
	}
	teams, err := c.e.teamsOfRows(ctx, c.tx, c.tenantID, asRows)
	if err != nil {
		return err
	}
	for i, r := range a.Rows {
		c.valueRow("authority.rows["+strconv.Itoa(i)+"]", a, r, known[r], teams)
	}
	return nil
}

func (c *settingsCheck) valueRow(at string, a store.RoleAuthority, r store.ValueRow, known bool, teams map[string]bool) {
	errs := c.errs
	if r.Source != store.AuthorityRoles && r.Source != store.AuthorityClaims {
		errs.add(at+".source", "value_unknown", "expected %q or %q, got %q", store.AuthorityRoles, store.AuthorityClaims, short(string(r.Source)))
		return
	}
	if !plainValue(r.Value) {
		errs.add(at+".value", "value_invalid", "expected a value of 1 to %d bytes without control characters and spaces around it, got %q", maxValue, short(r.Value))
	}
	if r.TeamID == "" && r.OrgRole == "" {
		errs.add(at, "row_invalid", "a row needs a value, and a team or a role in the organisation")
		return
	}
	if r.OrgRole != "" && a.OrgRole != r.Source {
		errs.add(at+".orgRole", "authority_other", "the role in the organisation is decided by %s, and %s cannot give it, too", authorityName(a.OrgRole), authorityName(r.Source))
	}
	if r.TeamID != "" && a.Teams != r.Source {
		errs.add(at+".teamId", "authority_other", "membership in teams is decided by %s, and %s cannot give it, too", authorityName(a.Teams), authorityName(r.Source))
	}
	if r.TeamID != "" || r.TeamRole != "" {
		c.e.checkTeamRole(at+".teamRole", r.TeamRole, errs)
	}
	if r.TeamID != "" && !teams[r.TeamID] && !known {
		errs.add(at+".teamId", "team_not_found", "there is no such team, or it is archived")
	}
	c.e.checkOrgRole(at+".orgRole", r.OrgRole, errs)
}

func authorityName(a store.AuthoritySource) string {
	switch a {
	case store.AuthorityRoles:
		return "the directory's roles"
	case store.AuthorityClaims:
		return "claims of the identity provider"
	case store.AuthorityGroups:
		return "groups"
	}
	return quoted(label(string(a)), "another source")
}

// plainClaim says whether a claim may be about groups or roles: none of those that say who somebody is,
// which are not kept.
func plainClaim(name string) bool {
	if len(name) > maxClaimName || !plainValue(name) || strings.Count(name, ".") >= 2*maxClaimPath {
		return false
	}
	switch name {
	case "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "sid", "oid", "upn", "at_hash", "c_hash", "acr", "amr", "auth_time",
		"email", "email_verified", "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "unique_name", "profile", "picture",
		"website", "gender", "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified", "address", "updated_at", "_claim_names", "_claim_sources":
		return false
	}
	return true
}

// reportValues flags rows of values that name teams which are not there.
func (p *Plan) reportValues(s *snapshot) {
	told := map[string]bool{}
	for _, f := range p.Findings {
		told[f.TeamID] = told[f.TeamID] || f.Code == FindingTeamMissing || f.Code == FindingTeamArchived
	}
	for i, r := range p.Settings.Authority.Rows {
		t, exists := s.teams[r.TeamID]
		if r.TeamID == "" || told[r.TeamID] || exists && !t.Archived {
			continue
		}
		told[r.TeamID] = true
		if exists {
			p.warn(archivedTeam(s, t, valueID(r.Source, r.Value)))
			continue
		}
		p.warn(Finding{Code: FindingTeamMissing, TeamID: r.TeamID, Message: "Value row " + strconv.Itoa(i+1) + " names a team that does not exist any more."})
	}
}
