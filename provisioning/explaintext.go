package provisioning

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Sentence is one sentence of an explanation. Code is stable and says which one it is, Args
// are what it names, in order, so that a host can say it in another language; Text says it in
// English.
type Sentence struct {
	Code string   `json:"code"`
	Args []string `json:"args,omitempty"`
	Text string   `json:"text"`
}

// sentences is a text that grows.
type sentences []Sentence

func (s *sentences) say(code, format string, args ...string) {
	anys := make([]any, len(args))
	for i, a := range args {
		anys[i] = a
	}
	*s = append(*s, Sentence{Code: code, Args: args, Text: fmt.Sprintf(format, anys...)})
}

// Sentences is the explanation for people, always in the same order: who it is, the directory,
// the role in the organisation, teams, groups, what is open.
func (x Explanation) Sentences() []Sentence {
	var s sentences
	switch {
	case x.Root:
		s.say("root", "%s created the organisation; directories leave the account alone.", x.Person)
	case x.Account.Source == "":
		s.say("by_hand", "%s has an account that was made by hand.", x.Person)
	default:
		s.say("account", "%s has an account of the source %s.", x.Person, string(x.Account.Source))
	}
	switch {
	case !x.InApplication:
		s.say("account_missing", "The application does not have the account any more.")
	case !x.Active:
		s.say("inactive", "The account has no access.")
	}
	if d := x.Directory; d != nil && d.Active {
		s.say("directory_active", "The directory has the user as %s, active.", d.UserName)
	} else if d != nil {
		s.say("directory_inactive", "The directory has the user as %s, inactive.", d.UserName)
	}
	x.OrgRole.sayIn(&s, "the organisation")
	for _, t := range x.Teams {
		t.sayIn(&s, "team “"+t.Team+"”")
	}
	for _, g := range x.Groups {
		if len(g.WouldLose) == 0 {
			s.say("group_gives_nothing_alone", "Without group “%s” nothing would be lost.", g.Group)
		}
		for _, l := range g.WouldLose {
			switch what := l.what(); {
			case l.To == "":
				s.say("group_would_lose", "Without group “%s” the person would lose %s in %s.", g.Group, l.From, what)
			default:
				s.say("group_would_lower", "Without group “%s” the person would be %s instead of %s in %s.", g.Group, l.To, l.From, what)
			}
		}
	}
	for _, c := range x.Account.Claims {
		if !c.ReadAt.IsZero() {
			s.say("claim_seen", "At a sign-in the claim “%s” had %s values, as read at %s.", label(c.Name), strconv.Itoa(len(c.Values)), c.ReadAt.UTC().Format(time.RFC3339))
		}
	}
	for _, v := range x.Values {
		if len(v.WouldLose) == 0 {
			s.say("value_gives_nothing_alone", "Without %s nothing would be lost.", v.Source.named())
		}
		for _, l := range v.WouldLose {
			if l.To == "" {
				s.say("value_would_lose", "Without %s the person would lose %s in %s.", v.Source.named(), l.From, l.what())
			} else {
				s.say("value_would_lower", "Without %s the person would be %s instead of %s in %s.", v.Source.named(), l.To, l.From, l.what())
			}
		}
	}
	for _, f := range x.Findings {
		s.say("finding."+string(f.Code), "%s", f.Message)
	}
	if x.Open != nil {
		s.say("open", "%s", x.Open.Message)
	}
	if len(x.Pending) > 0 {
		s.say("pending", "%s changes are still to be made.", fmt.Sprint(len(x.Pending)))
	}
	if !x.LastSync.IsZero() {
		s.say("last_sync", "The directory was last heard of at %s.", x.LastSync.UTC().Format(time.RFC3339))
	}
	return s
}

// what names what a line is about.
func (l Line) what() string {
	if l.Kind == OrgRoleSet {
		return "the organisation"
	}
	return "team “" + l.Team + "”"
}

// sayIn tells which role there is and what gives it.
func (r ExplainedRight) sayIn(s *sentences, where string) {
	if r.Role == "" && len(r.Sources) == 0 {
		s.say("no_role", "There is no role in %s.", where)
		return
	}
	s.say("role", "The role in %s is %s.", where, cmp.Or(r.Role, "none"))
	for _, src := range r.Sources {
		wins := ""
		if src.Source == r.Wins && len(r.Sources) > 1 {
			wins = ", which decides"
		}
		switch {
		case src.Source == SourceManual:
			s.say("source_manual", "By hand: %s%s.", cmp.Or(src.Role, "none"), wins)
		case src.Source == SourceOverride:
			s.say("source_override", "Changed by hand since: %s%s.", src.Role, wins)
		case src.Source == SourceDefault:
			s.say("source_default", "By default: %s%s.", src.Role, wins)
		case isValue(string(src.Source)) && src.Rule != "":
			s.say("source_value_rule", "By %s, %s: %s%s.", src.Source.named(), src.Rule, src.Role, wins)
		case isValue(string(src.Source)):
			s.say("source_value", "By %s: %s%s.", src.Source.named(), src.Role, wins)
		case src.Rule != "":
			s.say("source_rule", "By group “%s”, %s: %s%s.", src.Group, src.Rule, src.Role, wins)
		default:
			s.say("source_group", "By group “%s”: %s%s.", src.Group, src.Role, wins)
		}
	}
	if r.Effective != r.Role && r.Effective != "" {
		s.say("effective", "In effect it is %s, by the role in the organisation.", r.Effective)
	}
}

// Text is the explanation in English, a sentence a line.
func (x Explanation) Text() string {
	var b strings.Builder
	for _, s := range x.Sentences() {
		b.WriteString(s.Text)
		b.WriteByte('\n')
	}
	return b.String()
}
