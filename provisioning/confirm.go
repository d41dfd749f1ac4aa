package provisioning

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/tenant"
)

// Confirm says what whoever applies a plan has been asked and agreed to.
type Confirm struct {
	// Hash is the hash of the plan that was shown.
	Hash string
	// TopRole says that making owners by group is meant ([ConfirmTopRole]).
	TopRole bool
	// People is the number of people who may lose something, as [ConfirmManyPeople] names it.
	People int
	// OwnAccess says that losing something oneself is meant ([ConfirmOwnAccess]).
	OwnAccess bool
}

// ConfirmationCode names a question that Apply wants answered. Codes are stable.
type ConfirmationCode string

// The codes of confirmations.
const (
	// ConfirmTopRole: the rules make owners (R93, R101). Confirm.TopRole answers it.
	ConfirmTopRole ConfirmationCode = "top_role"
	// ConfirmManyPeople: more people lose a team, a role or their access than the limits
	// of Config.Breaker (U11). Confirm.People answers it with their number.
	ConfirmManyPeople ConfirmationCode = "many_people"
	// ConfirmOwnAccess: whoever applies the plan loses a team, a role or access by it.
	// Confirm.OwnAccess answers it.
	ConfirmOwnAccess ConfirmationCode = "own_access"
)

// Confirmation is a question that a plan asks before it is applied.
type Confirmation struct {
	Code ConfirmationCode `json:"code"`
	// Number is how many people it is about; zero where it is not about a number.
	Number int `json:"number,omitempty"`
	// Message asks a person.
	Message string `json:"message"`
}

// The errors that an [UnconfirmedError] matches, one for each code.
var (
	ErrTopRoleUnconfirmed    = errors.New("provisioning: these settings give the highest organisation role to members of groups; confirm that this is meant")
	ErrManyPeopleUnconfirmed = errors.New("provisioning: this plan takes something from very many people; confirm their number")
	ErrOwnAccessUnconfirmed  = errors.New("provisioning: this plan takes something from whoever applies it; confirm that this is meant")
)

// UnconfirmedError says that Apply was not told what the plan asks. Nothing changed.
type UnconfirmedError struct {
	// Missing are the questions that are not answered.
	Missing []Confirmation
}

// Error returns the questions.
func (e *UnconfirmedError) Error() string {
	parts := make([]string, len(e.Missing))
	for i, m := range e.Missing {
		parts[i] = m.Message
	}
	return "provisioning: not confirmed: " + strings.Join(parts, " ")
}

// Unwrap returns the errors of the questions.
func (e *UnconfirmedError) Unwrap() []error {
	var out []error
	for _, m := range e.Missing {
		switch m.Code {
		case ConfirmTopRole:
			out = append(out, ErrTopRoleUnconfirmed)
		case ConfirmManyPeople:
			out = append(out, ErrManyPeopleUnconfirmed)
		case ConfirmOwnAccess:
			out = append(out, ErrOwnAccessUnconfirmed)
		}
	}
	return out
}

// confirmed holds the answers against the plan's questions.
func (p *Plan) confirmed(c Confirm) error {
	var missing []Confirmation
	for _, q := range p.Confirmations {
		switch {
		case q.Code == ConfirmTopRole && c.TopRole,
			q.Code == ConfirmManyPeople && c.People == q.Number,
			q.Code == ConfirmOwnAccess && c.OwnAccess:
		default:
			missing = append(missing, q)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &UnconfirmedError{Missing: missing}
}

// askConfirmations adds what the actor has to be asked.
func (e *Engine) askConfirmations(p *Plan, actor tenant.Actor) {
	ask := func(code ConfirmationCode, number int, format string, args ...any) {
		p.Confirmations = append(p.Confirmations, Confirmation{Code: code, Number: number, Message: fmt.Sprintf(format, args...)})
	}
	p.Confirmations = nil
	if p.GivesTopRole {
		ask(ConfirmTopRole, 0, "Members of groups get the role %s, the highest of all.", e.roles.top())
	}
	if b := e.cfg.Breaker; !b.InsecureOff && p.Totals.PeopleLosing > max(b.People, p.users*b.Percent/100) {
		ask(ConfirmManyPeople, p.Totals.PeopleLosing, "%d of %d people lose a team, a role or their access.", p.Totals.PeopleLosing, p.users)
	}
	if lost := p.lostBy(accountOf(actor)); len(lost) > 0 {
		ask(ConfirmOwnAccess, 0, "You lose something yourself: %s.", strings.Join(lost, ", "))
	}
}

// accountOf is the account of the acting person; empty if the actor is no person of the
// host's.
func accountOf(a tenant.Actor) string {
	switch a.Kind {
	case tenant.ActorAPIKey, tenant.ActorSystem, tenant.ActorSetupLink:
		return ""
	}
	return a.ID
}

// lostBy says in words what the plan takes from one account.
func (p *Plan) lostBy(accountID string) []string {
	var out []string
	for _, pp := range p.people {
		if accountID == "" || pp.accountID != accountID {
			continue
		}
		for l := range pp.does() {
			if !l.takes(p.roles) {
				continue
			}
			switch l.Kind {
			case AccountDeactivate:
				out = append(out, "access")
			case MemberRemove:
				out = append(out, "the team "+l.Team)
			case MemberRole:
				out = append(out, fmt.Sprintf("the role %s in the team %s", l.From, l.Team))
			default:
				out = append(out, "the role "+l.From)
			}
		}
	}
	return out
}

// takes says that the line takes something from its person.
func (l Line) takes(r roleOrder) bool {
	switch l.Kind {
	case AccountDeactivate, MemberRemove:
		return true
	case OrgRoleSet:
		return higher(r.org, l.From, l.To) != l.To
	case MemberRole:
		return higher(r.team, l.From, l.To) != l.To
	}
	return false
}
