package tenant

import (
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// AccountMatch says whether somebody's account is found when he signs in at the provider for the first time (D8).
type AccountMatch string

// The matches.
const (
	MatchLinked  AccountMatch = "linked"  // somebody has signed in with the account at this connection already
	MatchEmail   AccountMatch = "email"   // the account is found by its address
	MatchCreated AccountMatch = "created" // there is no account yet, and one is made
	MatchNone    AccountMatch = "none"    // the sign-in is refused; MatchReason says why
)

// MatchReason is why somebody could not sign in at the provider.
type MatchReason string

// The reasons.
const (
	ReasonSuspended       MatchReason = "suspended"          // the host or the directory ended the access
	ReasonInvited         MatchReason = "invited"            // the invitation is open, and no account is made at sign-in
	ReasonNoAccount       MatchReason = "no_account"         // a directory provisioned the person, and no account is made at sign-in
	ReasonDirectoryOff    MatchReason = "directory_inactive" // the directory says that the person is inactive
	ReasonAddressUnproven MatchReason = "address_unproven"   // the account was made for an address that nobody proved
	ReasonDomainUnproven  MatchReason = "domain_unproven"    // the address is in a domain of the connection that is not proven
	ReasonSubdomain       MatchReason = "subdomain"          // the address is in a sub-domain, which the connection does not serve
)

// PasswordEffect is what becomes of somebody's sign-in without the provider.
type PasswordEffect string

// The effects.
const (
	PasswordStays PasswordEffect = "stays"
	PasswordEnds  PasswordEffect = "ends"
	PasswordNone  PasswordEffect = "none" // the host says that the person has none
)

// ActivationPerson is what an activation means for one of the people in the connection's domains.
type ActivationPerson struct {
	AccountID string `json:"accountId,omitempty"` // empty for somebody without an account
	Email     string `json:"email"`
	Name      string `json:"name,omitempty"`

	Match  AccountMatch `json:"match"`
	Reason MatchReason  `json:"reason,omitempty"`
	// Password is what becomes of the sign-in without the provider.
	Password PasswordEffect `json:"password"`
	// Loses says that the person can sign in now, and in no way afterwards.
	Loses bool `json:"loses,omitempty"`
	// SessionsEnd says that what the person is signed in with now ends.
	SessionsEnd bool `json:"sessionsEnd,omitempty"`

	Owner      bool `json:"owner,omitempty"` // as far as Config.People tells
	Root       bool `json:"root,omitempty"`
	BreakGlass bool `json:"breakGlass,omitempty"`
	You        bool `json:"you,omitempty"` // the actor
	// LastSignIn is the last sign-in at a provider; zero for never.
	LastSignIn time.Time `json:"lastSignIn,omitzero"`
}

// ActivationTotals count people.
type ActivationTotals struct {
	// InDomains are the people in the connection's domains, Outside all others, whom nothing happens to.
	InDomains int `json:"inDomains"`
	Outside   int `json:"outside"`
	// By counts those in the domains by how their accounts are found, Why those that are not.
	By  map[AccountMatch]int `json:"by"`
	Why map[MatchReason]int  `json:"why"`
	// PasswordEnds are those whose sign-in without the provider ends, Lose those among them who then have none.
	PasswordEnds int `json:"passwordEnds"`
	Lose         int `json:"lose"`
	Owners       int `json:"owners"`
	OwnersLose   int `json:"ownersLose"`
	BreakGlass   int `json:"breakGlass"`
	SessionsEnd  int `json:"sessionsEnd"`
}

// BreakGlassStatus is what is known of a break-glass address.
type BreakGlassStatus struct {
	Email string `json:"email"`
	// Known says that Config.LocalCredentials tells whether the address Works: can sign in without the provider.
	Known bool `json:"known"`
	Works bool `json:"works"`
	// LastLocalSignIn is the last sign-in with a credential of the host's own; zero for never, or if [LocalSignIns] does not tell.
	LastLocalSignIn time.Time `json:"lastLocalSignIn,omitzero"`
	// LastTried is when the address was used to bypass the provider, or drilled, as far as the journal goes back; zero for never.
	LastTried time.Time `json:"lastTried,omitzero"`
}

// MaxActivationPeople is how many people a plan names, first those who lose every way in, then owners, then those who are not
// found. [Service.ActivationPeople] has all.
const MaxActivationPeople = 200

// ActivationPlan is what it would mean for people to activate a connection, or to enforce sign-in at its provider. It is
// computed from a snapshot by a function without side effects; nothing is stored.
type ActivationPlan struct {
	TenantID       string     `json:"tenantId"`
	ConnectionID   string     `json:"connectionId"`
	ConnectionName string     `json:"connectionName,omitempty"`
	Activation     Activation `json:"activation"`
	// Domains are those that people sign in with: proven ones.
	Domains    []string           `json:"domains"`
	People     []ActivationPerson `json:"people,omitempty"`
	Totals     ActivationTotals   `json:"totals"`
	BreakGlass []BreakGlassStatus `json:"breakGlass,omitempty"`
	// Covered says whether the actor can sign in afterwards, and how. Where sign-in is not enforced it is no error.
	Covered Finding `json:"covered"`
	// Findings are what stands in the way of enforcing (as [Service.Enforcement] reports it), and what should be known.
	Findings []Finding `json:"findings,omitempty"`
	// Hash stands for all that the plan shows. Activation.Hash quotes it.
	Hash string `json:"hash"`
}

// Ready says that nothing of what the plan is about stands in the way.
func (p ActivationPlan) Ready() bool { return !hasError(p.Findings) }

// StaleActivationError says that an activation would now mean something else for people than was shown. It matches
// [store.ErrStale], and has the code plan_stale.
type StaleActivationError struct {
	// Plan is the present one, to be shown and quoted instead.
	Plan ActivationPlan
}

// Error says what to do.
func (e *StaleActivationError) Error() string { return e.refusal().Error() }

// Unwrap gives the refusal with its code.
func (e *StaleActivationError) Unwrap() error { return e.refusal() }

func (e *StaleActivationError) refusal() *Error { return (&StaleEndingError{}).refusal() }

// Codes of findings about an activation, beside those of [Service.Enforcement], CodeOwnersLockedOut and CodePeopleLockedOut.
const (
	CodeActivationInvalid = "activation_invalid" // choices that don't go together
	CodePeopleNotFound    = "people_not_found"   // people could not sign in at the provider
	CodeAccountsUnlisted  = "accounts_unlisted"  // Config.Users is missing: some accounts are not known
	FieldActivation       = "activation"         // Finding.Field of all of them
)

// activationSnapshot is what an activation's effects are computed from, apart from people.
type activationSnapshot struct {
	connection store.Connection
	domains    []store.Domain
	activation Activation
	actor      Actor
	actorEmail string
}

// activationPerson is what is known of one person.
type activationPerson struct {
	user AssociatedUser
	host *Person // nil if the host does not tell
}

// place is where an address is, as the connection sees it.
func (s activationSnapshot) place(email string) (reason MatchReason, concerned bool) {
	if email == "" {
		return "", false
	}
	if serves(s.domains, email) {
		return "", true
	}
	_, host, _ := strings.Cut(email, "@")
	for _, d := range s.domains {
		switch {
		case !inDomain(host, d.Name):
		case d.State != store.DomainVerified && (host == d.Name || d.Subdomains):
			return ReasonDomainUnproven, true
		default:
			return ReasonSubdomain, true
		}
	}
	return "", false
}

// effect says what the activation means for a person; false for one who is in none of the domains.
func (s activationSnapshot) effect(p activationPerson) (ActivationPerson, bool) {
	u := p.user
	email, _ := NormalizeEmail(u.Email)
	where, concerned := s.place(email)
	if !concerned {
		return ActivationPerson{}, false
	}
	e := ActivationPerson{
		AccountID: u.AccountID, Email: u.Email, Name: u.Name, Root: u.Root, BreakGlass: u.BreakGlass, LastSignIn: u.LastSignIn,
		You: u.AccountID != "" && u.AccountID == s.actor.ID || email == s.actorEmail,
	}
	active := u.AccountID != "" && u.State == UserActive
	hasPassword := true
	if p.host != nil {
		e.Owner, e.Root = p.host.Owner, e.Root || p.host.Root
		active = active && p.host.Active
		hasPassword = p.host.LocalCredential
	}
	e.Match, e.Reason = s.match(u, active, where)
	e.Password = PasswordStays
	switch {
	case !hasPassword:
		e.Password = PasswordNone
	case s.activation.Enforced && where == "" && !u.BreakGlass:
		e.Password = PasswordEnds
	}
	e.Loses = active && e.Password == PasswordEnds && e.Match == MatchNone
	e.SessionsEnd = s.activation.EndSessions && s.endsSessions(u, email)
	return e, true
}

// match says how the account is found, as package oidc will.
func (s activationSnapshot) match(u AssociatedUser, active bool, where MatchReason) (AccountMatch, MatchReason) {
	linked := false
	for _, i := range u.Identities {
		linked = linked || i.ConnectionID == s.connection.ID
	}
	none := func(r MatchReason) (AccountMatch, MatchReason) { return MatchNone, r }
	switch {
	case u.SCIMUserID != "" && !u.DirectoryActive && u.State != UserSuspended:
		return none(ReasonDirectoryOff)
	case u.State == UserSuspended || u.State == UserActive && !active && u.AccountID != "":
		return none(ReasonSuspended)
	case linked: // by its subject: the address does not count any more
		return MatchLinked, ""
	case where != "":
		return none(where)
	case !active && s.connection.JustInTime:
		return MatchCreated, ""
	case u.State == UserInvited:
		return none(ReasonInvited)
	case !active:
		return none(ReasonNoAccount)
	case u.EmailUnproven:
		return none(ReasonAddressUnproven)
	}
	return MatchEmail, ""
}

// endsSessions says whether the person's sessions end if the actor chooses so: of people whom the provider signs in, not of
// break-glass people, and of the actor only where that was chosen.
func (s activationSnapshot) endsSessions(u AssociatedUser, email string) bool {
	return u.AccountID != "" && u.State != UserInvited && !u.BreakGlass && serves(s.domains, email) &&
		(s.activation.EndOwnSession || u.AccountID != s.actor.ID && email != s.actorEmail)
}
