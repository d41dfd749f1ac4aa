package pages

import (
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
)

// summary counts what a plan does, in words.
func summary(t provisioning.Totals) string {
	var parts []string
	for _, p := range []struct {
		n         int
		one, many string
	}{
		{t.TeamsCreated, "team created", "teams created"},
		{t.TeamsAdopted, "team adopted", "teams adopted"},
		{t.TeamsRenamed, "team renamed", "teams renamed"},
		{t.TeamsReleased, "team released", "teams released"},
		{t.TeamsUnchanged, "team unchanged", "teams unchanged"},
		{t.AccountsCreated, "account made", "accounts made"},
		{t.AccountsAdopted, "account taken over", "accounts taken over"},
		{t.AccountsDeactivated, "person loses access", "people lose access"},
		{t.AccountsReactivated, "person gets access back", "people get access back"},
		{t.Joins, "person joins", "people join"},
		{t.Leaves, "person leaves", "people leave"},
		{t.Kept, "membership or role stays by hand", "memberships and roles stay by hand"},
		{t.RolesRaised, "role raised", "roles raised"},
		{t.RolesLowered, "role lowered", "roles lowered"},
		{t.Conflicts, "conflict", "conflicts"},
		{t.Violations, "person protected from a rule", "people protected from a rule"},
	} {
		switch {
		case p.n == 1:
			parts = append(parts, "1 "+p.one)
		case p.n > 1:
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.many))
		}
	}
	if len(parts) == 0 {
		return "Nothing changes."
	}
	return strings.Join(parts, ", ") + "."
}

// sentences say what a line does; the words stand for its fields.
var sentences = map[provisioning.LineKind]string{
	provisioning.TeamCreate:         "Team {team} is made",
	provisioning.TeamAdopt:          "Team {team} is taken over",
	provisioning.TeamRename:         "Team {from} becomes {to}",
	provisioning.TeamRelease:        "Team {team} becomes an ordinary team",
	provisioning.TeamArchive:        "Team {team} is archived",
	provisioning.TeamDelete:         "Team {team} is deleted if nobody is left in it",
	provisioning.TeamDeletePlanned:  "Team {team} becomes an ordinary team and is deleted later if nobody is in it",
	provisioning.AccountCreate:      "{person} gets an account",
	provisioning.AccountAdopt:       "{person}'s account is taken over",
	provisioning.AccountUpdate:      "{person}'s profile is updated",
	provisioning.AccountDeactivate:  "{person} loses access",
	provisioning.AccountReactivate:  "{person} gets access back",
	provisioning.AccountEndSessions: "{person} is signed out",
	provisioning.MemberAdd:          "{person} joins {team} as {to}",
	provisioning.MemberLink:         "{person} is in {team} already",
	provisioning.MemberRemove:       "{person} leaves {team}",
	provisioning.MemberRelease:      "{person} stays in {team} by hand",
	provisioning.MemberRole:         "{person} in {team}: {from} becomes {to}",
	provisioning.MemberOverride:     "{person} in {team} keeps the role {to}, set by hand",
	provisioning.OrgRoleSet:         "{person}'s role in the organisation: {from} becomes {to}",
	provisioning.OrgRoleOverride:    "{person} keeps the organisation role {to}, set by hand",
	provisioning.OrgRoleRelease:     "{person} keeps the organisation role {to}",
}

// describe writes a line of a plan as a sentence with its reason.
func describe(l provisioning.Line) string {
	text, ok := sentences[l.Kind]
	if !ok {
		text = string(l.Kind) + " {person} {team}"
	}
	text = strings.NewReplacer("{person}", l.Person, "{team}", l.Team, "{from}", l.From, "{to}", l.To).Replace(text)
	if l.Reason != "" {
		text += " (" + l.Reason + ")"
	}
	return text + "."
}
