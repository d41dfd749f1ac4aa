package provisioning

import (
	"github.com/tenantgate/tenantgate/store"
)

func newPersonPlan(x *person) *personPlan {
	return &personPlan{
		scimUserID: x.scimUserID, accountID: x.accountID(), profile: x.profile,
		record: x.record, user: x.user, heard: x.heard, grants: x.grants,
		hostGone: x.record != nil && x.host == nil,
	}
}

// planPerson plans one person; nil if there is nothing to say.
func (p *planner) planPerson(x *person) *personPlan {
	pp := newPersonPlan(x)
	if x.record != nil && x.record.ID == p.s.rootID {
		p.findFor(pp, FindingRootUser, "This account created the organisation: directories and groups leave it alone.")
		return nil
	}
	if x.unread != "" {
		p.findFor(pp, FindingValuesUnread, x.unread)
	}
	if x.hostErr != nil { // nobody else's account
		pp.err = x.hostErr
		return pp
	}
	if x.mapErr != nil {
		p.findFor(pp, mapFinding(x.mapErr), "The rules could not be read for this person; what groups gave stays as it is.")
		// What the directory says about access counts all the same.
		if x.present() {
			pp.err = x.mapErr
			return pp
		}
		if x.user != nil && x.record != nil {
			pp.later = x.mapErr
		}
	}
	host := x.host
	pp.before = host
	switch active := x.user != nil && x.user.Active; {
	case !active && x.record == nil:
		if m := x.match; m == nil || x.matchRecord != nil || m.CreatedFor == "" || m.CreatedFor != x.scimUserID || m.ID == p.s.rootID {
			return nil // never had an account
		}
		// Made by an attempt whose transaction did not commit; the user went meanwhile.
		host = x.match
		pp.accountID = host.ID
		p.line(pp, Line{Kind: AccountCreate, Reason: "the directory provisioned the user"})
		p.line(pp, Line{Kind: AccountDeactivate, Reason: "the directory set the user inactive"})
	case x.independent():
		pp.activates = x.present() // whether it has access is not for a directory to say
	case !active:
		p.depart(pp, x)
	case x.record == nil:
		if host = p.arrive(pp, x); host == nil {
			return pp.forLater()
		}
		pp.before = x.match
	default:
		if !p.stay(pp, x) {
			return pp.forLater()
		}
	}
	if host == nil {
		host = &AccountState{ID: pp.accountID} // gone at the host: only the ledger is left
	}
	wanted := p.wanted(x)
	if x.mapErr == nil || x.user == nil {
		p.planMemberships(pp, x, host, wanted)
		p.planOrgRole(pp, x, host, wanted)
	}
	return pp
}

// forLater is somebody who is to be tried again, or nil.
func (p *personPlan) forLater() *personPlan {
	if p.err == nil {
		return nil
	}
	return p
}

func (p *planner) line(pp *personPlan, l Line) { pp.lines = append(pp.lines, p.lineFor(pp, l)) }

// lineFor completes a line with whom it is for.
func (p *planner) lineFor(pp *personPlan, l Line) Line {
	l.AccountID, l.SCIMUserID, l.Person = pp.accountID, pp.scimUserID, pp.label()
	return l
}

// label names the person for people.
func (p *personPlan) label() string {
	name := p.profile.label()
	if name == "" && p.record != nil {
		name = p.record.Email
	}
	return name
}

func (p *planner) findFor(pp *personPlan, code FindingCode, message string) {
	p.find(Finding{Code: code, AccountID: pp.accountID, SCIMUserID: pp.scimUserID, Person: pp.profile.label(), Message: message})
}

// depart ends access: whatever is paused, only root user and break-glass owners stay.
func (p *planner) depart(pp *personPlan, x *person) {
	if x.keepsAccess(p.s) {
		pp.activates = x.host.Active
		if x.record.Active {
			p.findFor(pp, FindingBreakGlass, "This owner is on the break-glass list and keeps access although the directory ended it. Take the address off the list first.")
		}
		return
	}
	reason := "the directory set the user inactive"
	if x.user == nil {
		reason = "the directory deleted the user"
	}
	switch {
	case x.record.Active || x.user == nil && x.record.SCIMUserID != "":
		p.line(pp, Line{Kind: AccountDeactivate, Reason: reason})
	case x.restored():
		p.line(pp, Line{Kind: AccountDeactivate, Reason: reason + "; access had been restored in the application"})
	default:
		return
	}
	if p.s.deleteAccounts && !pp.hostGone && (x.record.Source == store.SourceSCIM || x.record.Source == store.SourceConverted) {
		p.line(pp, Line{Kind: AccountDeletePlanned, Reason: reason})
	}
}

// restored says that somebody gave access back past the lock.
func (x *person) restored() bool {
	return x.user != nil && !x.user.Active && x.record != nil && !x.record.Active && x.host != nil && x.host.Active
}

// arrive gives a provisioned user an account, new or taken over. It returns what the
// host says, or will say, about it; nil if there will be none.
func (p *planner) arrive(pp *personPlan, x *person) *AccountState {
	pp.activates = true
	m, r := x.match, x.matchRecord
	switch {
	case m == nil:
		if p.hold() || !p.seat(pp) {
			return nil
		}
		p.line(pp, Line{Kind: AccountCreate, Reason: "the directory provisioned the user"})
		return &AccountState{Active: true, OrgRole: p.s.roles.lowest()}
	case m.ID == p.s.rootID:
		p.findFor(pp, FindingRootUser, rootRefusal)
		return nil
	case x.ambiguous:
		p.findFor(pp, FindingAccountAmbiguous, accountAmbiguous)
		return nil
	case r == nil && m.CreatedFor != "" && m.CreatedFor == x.scimUserID:
		// Made by an attempt whose transaction did not commit.
		pp.accountID = m.ID
		p.line(pp, Line{Kind: AccountCreate, Reason: "the directory provisioned the user"})
		return m
	case r != nil && r.SCIMUserID != "":
		p.findFor(pp, FindingAccountTaken, "The account of this address belongs to another user of the directory.")
		return nil
	case !adoptable(r):
		p.findFor(pp, FindingAccountExists, accountExists)
		return nil
	}
	if !p.claim(pp, m.ID) || p.hold() || (!m.Active || m.OrgRole == "") && !p.seat(pp) {
		return nil
	}
	pp.accountID, pp.record = m.ID, r
	pp.breakGlass = p.s.breakGlass[foldEmail(m.Email)] || p.s.breakGlass[foldEmail(r.Email)]
	reason := "the directory provisioned the user again"
	switch {
	case r.Convertible:
		reason = "the account was approved for conversion"
	case r.Source == store.SourceOIDC:
		reason = "the account came by signing in with the same identity provider"
	}
	p.line(pp, Line{Kind: AccountAdopt, Reason: reason})
	if r.ExternalID != "" && r.ExternalID == x.profile.ExternalID && r.Source == store.SourceSCIM {
		p.line(pp, Line{Kind: AccountUpdate, Reason: "the directory wrote the user"}) // the same as before, by its own ID
	}
	return m
}

// adoptable says whether a directory may take over an account that no provisioned user
// has: approved, or come through the same identity provider before.
func adoptable(r *store.Account) bool {
	if r == nil || r.SCIMUserID != "" {
		return false
	}
	switch r.Source {
	case store.SourceSCIM, store.SourceConverted:
		return true
	case store.SourceOIDC:
		return !r.EmailUnproven || r.Convertible // an unproven address may be anybody's
	}
	return r.Convertible
}

// stay plans the account of a user who is active and has one; false leaves it alone.
func (p *planner) stay(pp *personPlan, x *person) bool {
	if x.host == nil {
		p.findFor(pp, FindingAccountMissing, "The application no longer has the account of this user. Delete and provision the user again.")
		return false
	}
	pp.activates = x.host.Active
	switch {
	case !x.record.Active:
		if p.hold() || !x.host.Active && !p.seat(pp) {
			return false
		}
		pp.activates = true
		p.line(pp, Line{Kind: AccountReactivate, Reason: "the directory set the user active"})
	case x.sawInactive:
		p.line(pp, Line{Kind: AccountEndSessions, Reason: "the directory ended and restored access"})
	}
	if x.updated {
		p.holdEmail(pp, x)
		if p.keepFields(pp, x) {
			p.line(pp, Line{Kind: AccountUpdate, Reason: "the directory wrote the user"})
		}
	}
	return true
}
