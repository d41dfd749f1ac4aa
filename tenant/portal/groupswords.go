package portal

import (
	"regexp"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
)

// lineTexts say what a line of a plan does, beside the person and the team that it names.
var lineTexts = map[provisioning.LineKind]string{
	provisioning.TeamCreate: "A team is made", provisioning.TeamAdopt: "The group takes over the team", provisioning.TeamRename: "The team is renamed",
	provisioning.TeamRelease: "The team becomes an ordinary one", provisioning.TeamArchive: "The team is archived", provisioning.TeamDelete: "The team is deleted if nobody uses it",
	provisioning.TeamDeletePlanned: "The team is deleted after a while", provisioning.AccountCreate: "gets an account", provisioning.AccountAdopt: "has an account that is taken over",
	provisioning.AccountUpdate: "gets the directory's details", provisioning.AccountDeactivate: "loses access", provisioning.AccountReactivate: "gets access back",
	provisioning.AccountEndSessions: "is signed out", provisioning.MemberAdd: "joins", provisioning.MemberLink: "is in it by hand, and now by a group, too",
	provisioning.MemberRemove: "leaves", provisioning.MemberRelease: "stays, as if added by hand", provisioning.MemberRole: "gets another role in the team",
	provisioning.MemberOverride: "keeps a role that was changed by hand", provisioning.OrgRoleSet: "gets another role in the organisation",
	provisioning.OrgRoleRelease: "keeps the role, as if given by hand", provisioning.OrgRoleOverride: "keeps a role in the organisation that was changed by hand",
}

// lineMoods colour the lines that take something.
var lineMoods = map[provisioning.LineKind]string{
	provisioning.TeamCreate: "good", provisioning.TeamAdopt: "good", provisioning.AccountCreate: "good", provisioning.AccountReactivate: "good", provisioning.MemberAdd: "good",
	provisioning.AccountDeactivate: "bad", provisioning.MemberRemove: "bad", provisioning.TeamDelete: "bad", provisioning.TeamDeletePlanned: "warn", provisioning.TeamArchive: "warn",
}

// outcomeTexts say what a group comes to.
var outcomeTexts = map[string]string{
	"mapped": "gives what its rows say", "create": "gets a new team", "adopt": "takes over a team", "exists": "has its team", "conflict": "waits for a decision", "none": "gives nothing",
}

// findingTexts are the findings of plans, in a few words.
var findingTexts = map[provisioning.FindingCode]string{
	provisioning.FindingTeamNameTaken: "There is a team of this name", provisioning.FindingTeamNameShared: "Two groups want the same team name",
	provisioning.FindingTeamNameEmpty: "The group has no name that a team can have", provisioning.FindingTeamArchived: "The team is archived",
	provisioning.FindingTeamMissing: "The team is gone", provisioning.FindingGroupMissing: "The group is gone", provisioning.FindingGroupRecreated: "The group was deleted and made again",
	provisioning.FindingNoGroups: "There are no groups yet", provisioning.FindingFilterNothing: "No group matches", provisioning.FindingFilterMany: "Very many groups match",
	provisioning.FindingNestedGroup: "A group contains groups", provisioning.FindingAccountExists: "There is an account of this address",
	provisioning.FindingAccountTaken: "The account belongs to somebody else of the directory", provisioning.FindingAccountMissing: "The account is gone",
	provisioning.FindingAccountAmbiguous: "Two accounts could be meant", provisioning.FindingEmailHeld: "The address stays as it is",
	provisioning.FindingRootUser: "The root user is left alone", provisioning.FindingBreakGlass: "A break-glass owner keeps access", provisioning.FindingLastOwner: "The last owner stays owner",
	provisioning.FindingNoOwner: "Nobody is owner any more", provisioning.FindingRoleUnknown: "The application has no such role", provisioning.FindingRoleAboveMax: "Groups may not give this role",
	provisioning.FindingMapperFailed: "The rules could not be read", provisioning.FindingMapperUnstable: "The rules contradict themselves", provisioning.FindingPaused: "Provisioning is paused",
	provisioning.FindingNoSeat: "No seat is left", provisioning.FindingSeatsUnknown: "The seats could not be counted", provisioning.FindingChangedSince: "Changed since, and left as it is",
	provisioning.FindingAccessStays: "Access stays as the directory says", provisioning.FindingHandOver: "Somebody has to take something over", provisioning.FindingHandOverFailed: "What has to be taken over is not known",
	provisioning.FindingPhoneInvalid: "The telephone number can't be read", provisioning.FindingFieldInvalid: "A detail of the directory can't be read",
}

// reasonTexts are the engine's reasons that are always the same.
var reasonTexts = []string{
	"no group gives a role: the default", "the directory deleted the user", "the settings have another default role, or none", "the directory set the user inactive",
	"the directory provisioned the user", "the directory provisioned the user again", "the directory set the user active", "the directory wrote the user",
	"the account was approved for conversion", "the account came by signing in with the same identity provider", "the rules do not give this group a team any more",
	"the directory deleted the group", "the team follows the name of its group", "the owner chose this name", "the group takes over the team of its name",
}

// reasonShapes are the engine's reasons that name something, with our text for each.
var reasonShapes = []struct {
	re   *regexp.Regexp
	text func(p *printer, m []string) string
}{
	{regexp.MustCompile(`^in group “(.*)”, row (\d+)$`), func(p *printer, m []string) string { return p.text("in the group “%s”, row %s", m[1], m[2]) }},
	{regexp.MustCompile(`^in group “([^”]*)”(?:, (.*))?$`), func(p *printer, m []string) string {
		if m[2] == "" {
			return p.text("in the group “%s”", m[1])
		}
		return p.text("in the group “%s” (%s)", m[1], m[2])
	}},
	{regexp.MustCompile(`^group “(.*)” does not give it any more$`), func(p *printer, m []string) string {
		return p.text("the group “%s” does not give it any more", m[1])
	}},
	{regexp.MustCompile(`^group “(.*)” passes the rule “(.*)”$`), func(p *printer, m []string) string { return p.text("the group “%s” passes the rule", m[1]) }},
}

// reason puts a reason into the page's language. english says that it could not.
func (v *visit) reason(reason string) (text string, isEnglish bool) {
	if v.p.language == english {
		return reason, false
	}
	for _, known := range reasonTexts {
		if known == reason {
			return v.p.text(known), false
		}
	}
	for _, s := range reasonShapes {
		if m := s.re.FindStringSubmatch(reason); m != nil {
			return s.text(v.p, m), false
		}
	}
	return reason, reason != ""
}

// totals sum a plan up: "3 teams created, 1 team adopted", "41 people join a team, 5 people leave one", "4 of 50 seats left".
func (v *visit) totals(t provisioning.Totals) []string {
	p := v.p
	var out []string
	group := func(parts ...string) {
		parts = nonEmpty(parts)
		if len(parts) > 0 {
			out = append(out, strings.Join(parts, ", "))
		}
	}
	some := func(n int, text string) string {
		if n == 0 {
			return ""
		}
		return text
	}
	group(
		some(t.TeamsCreated, p.count(t.TeamsCreated, "%d team created", "%d teams created")),
		some(t.TeamsAdopted, p.count(t.TeamsAdopted, "%d team adopted", "%d teams adopted")),
		some(t.TeamsRenamed, p.count(t.TeamsRenamed, "%d team renamed", "%d teams renamed")),
		some(t.TeamsReleased, p.count(t.TeamsReleased, "%d team loses its group", "%d teams lose their group")),
		some(t.TeamsUnchanged, p.count(t.TeamsUnchanged, "%d team unchanged", "%d teams unchanged")),
		some(t.Conflicts, p.count(t.Conflicts, "%d conflict", "%d conflicts")),
	)
	group(
		some(t.AccountsCreated, p.count(t.AccountsCreated, "%d account made", "%d accounts made")),
		some(t.AccountsAdopted, p.count(t.AccountsAdopted, "%d account taken over", "%d accounts taken over")),
		some(t.AccountsDeactivated, p.count(t.AccountsDeactivated, "%d person loses access", "%d people lose access")),
		some(t.AccountsReactivated, p.count(t.AccountsReactivated, "%d person gets access back", "%d people get access back")),
	)
	group(
		some(t.Joins, p.count(t.Joins, "%d person joins a team", "%d people join a team")),
		some(t.Leaves, p.count(t.Leaves, "%d person leaves one", "%d people leave one")),
		some(t.RolesRaised, p.count(t.RolesRaised, "%d role raised", "%d roles raised")),
		some(t.RolesLowered, p.count(t.RolesLowered, "%d role lowered", "%d roles lowered")),
		some(t.Kept, p.count(t.Kept, "%d membership or role stays as if by hand", "%d memberships and roles stay as if by hand")),
		some(t.Overrides, p.count(t.Overrides, "%d change by hand stays", "%d changes by hand stay")),
	)
	if s := t.Seats; s != nil {
		group(p.text("%d of %d seats left", s.Free, s.Limit), some(s.Missing, p.count(s.Missing, "%d person finds no seat", "%d people find no seat")))
	}
	return out
}

func nonEmpty(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
