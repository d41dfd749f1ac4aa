package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// LocalSignIns is an optional interface of Config.LocalCredentials.
type LocalSignIns interface {
	// LastLocalSignIn returns when somebody last signed in with this address and a credential of the host's own; zero for
	// never, and where there is no such account.
	LastLocalSignIn(ctx context.Context, tenantID, email string) (time.Time, error)
}

// PlanActivation shows what it would mean for people to activate the connection, or, where it is active, to enforce sign-in
// at its provider, and changes nothing (R48, D8). It reads all people of the tenant, in pages: the accounts of Config.Users,
// and those that tenantgate knows of. The actor needs [ActionActivate], or is staff who may review.
func (s *Service) PlanActivation(ctx context.Context, actor Actor, tenantID, id string, a Activation) (ActivationPlan, error) {
	snap, err := s.activationSnapshot(ctx, actor, tenantID, id, a)
	if err != nil {
		return ActivationPlan{}, err
	}
	return s.planActivation(ctx, tenantID, snap)
}

// activationSnapshot asks the authorizer, and reads what all people have in common.
func (s *Service) activationSnapshot(ctx context.Context, actor Actor, tenantID, id string, a Activation) (activationSnapshot, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionActivate); err != nil {
		return activationSnapshot{}, err
	}
	if err := a.check(); err != nil {
		return activationSnapshot{}, err
	}
	c, domains, err := s.load(ctx, s.store, tenantID, id)
	if err != nil {
		return activationSnapshot{}, err
	}
	if c.State != store.ConnectionActive {
		if _, err := nextOf(c, StepActivate); err != nil {
			return activationSnapshot{}, err
		}
	}
	return snapshotOf(actor, c, domains, a), nil
}

func snapshotOf(actor Actor, c store.Connection, domains []store.Domain, a Activation) activationSnapshot {
	email, err := NormalizeEmail(actor.Email)
	if err != nil {
		email = ""
	}
	return activationSnapshot{connection: c, domains: domains, activation: a, actor: actor, actorEmail: email}
}

// check refuses choices that don't go together.
func (a Activation) check() error {
	if a.EndOwnSession && !a.EndSessions {
		return &ValidationError{Findings: []Finding{errorFinding(FieldActivation, CodeActivationInvalid,
			"Your own session can end along with those of the others alone. Choose to end sessions, or keep yours.")}}
	}
	return nil
}

// activationBatch reads some people, and says what the activation means for each; concerned is false for people in none of
// the domains.
func (s *Service) activationBatch(ctx context.Context, w *userWalk, snap activationSnapshot, at userCursor, n int) (people []ActivationPerson, concerned []bool, b userBatch, err error) {
	if b, err = w.read(ctx, at, n); err != nil {
		return nil, nil, b, err
	}
	hosts := map[string]*Person{}
	if s.cfg.People != nil {
		var ids []string
		for _, u := range b.users {
			email, _ := NormalizeEmail(u.Email)
			if _, in := snap.place(email); in && u.AccountID != "" {
				ids = append(ids, u.AccountID)
			}
		}
		if len(ids) > 0 {
			known, err := s.cfg.People.People(ctx, w.tenantID, ids)
			if err != nil {
				return nil, nil, b, fmt.Errorf("tenant: asking the host about its people: %w", err)
			}
			for _, p := range known {
				hosts[p.AccountID] = &p
			}
		}
	}
	for _, u := range b.users {
		e, in := snap.effect(activationPerson{user: u, host: hosts[u.AccountID]})
		people, concerned = append(people, e), append(concerned, in)
	}
	return people, concerned, b, nil
}

// everyActivationPerson calls f for everybody. outside is true for people in none of the domains.
func (s *Service) everyActivationPerson(ctx context.Context, tenantID string, snap activationSnapshot, f func(e ActivationPerson, outside bool) error) error {
	w, err := s.walkUsers(ctx, tenantID)
	if err != nil {
		return err
	}
	for at := firstUser(); !at.end(); {
		people, concerned, b, err := s.activationBatch(ctx, w, snap, at, usersBatch)
		if err != nil {
			return err
		}
		for i, e := range people {
			if err := f(e, !concerned[i]); err != nil {
				return err
			}
		}
		at = b.next
	}
	return nil
}

func (s *Service) planActivation(ctx context.Context, tenantID string, snap activationSnapshot) (ActivationPlan, error) {
	c := snap.connection
	p := ActivationPlan{
		TenantID: tenantID, ConnectionID: c.ID, ConnectionName: c.Name, Activation: snap.activation, Domains: domainNames(verified(snap.domains)),
		Totals: ActivationTotals{By: map[AccountMatch]int{}, Why: map[MatchReason]int{}},
	}
	sum := sha256.New()
	enc := json.NewEncoder(sum) // can't fail: these are plain data
	var lists [4][]ActivationPerson
	err := s.everyActivationPerson(ctx, tenantID, snap, func(e ActivationPerson, outside bool) error {
		if outside {
			p.Totals.Outside++
			return nil
		}
		p.Totals.add(e)
		list := &lists[3]
		switch {
		case e.Loses:
			list = &lists[0]
		case e.Owner || e.Root:
			list = &lists[1]
		case e.Match == MatchNone:
			list = &lists[2]
		}
		if len(*list) < MaxActivationPeople {
			*list = append(*list, e)
		}
		e.Name, e.LastSignIn = "", time.Time{} // of no effect
		return enc.Encode(e)
	})
	if err != nil {
		return ActivationPlan{}, err
	}
	p.People = slices.Concat(lists[:]...)
	p.People = slices.Clip(p.People[:min(len(p.People), MaxActivationPeople)])
	if p.BreakGlass, err = s.breakGlassStatus(ctx, tenantID, c); err != nil {
		return ActivationPlan{}, err
	}
	if p.Covered, p.Findings, err = s.activationFindings(ctx, tenantID, snap, p.Totals); err != nil {
		return ActivationPlan{}, err
	}
	p.Activation.Hash = ""
	said := p.Activation
	said.Confirm = false // said after the plan was seen
	if err := enc.Encode([]any{tenantID, c.ID, c.Version, said, p.Domains}); err != nil {
		return ActivationPlan{}, fmt.Errorf("tenant: summing a plan up: %w", err)
	}
	p.Hash = hex.EncodeToString(sum.Sum(nil)[:16])
	return p, nil
}

func (t *ActivationTotals) add(e ActivationPerson) {
	count := func(n *int, when bool) {
		if when {
			*n++
		}
	}
	t.InDomains++
	t.By[e.Match]++
	if e.Reason != "" {
		t.Why[e.Reason]++
	}
	count(&t.PasswordEnds, e.Password == PasswordEnds)
	count(&t.Lose, e.Loses)
	count(&t.Owners, e.Owner)
	count(&t.OwnersLose, e.Owner && e.Loses)
	count(&t.BreakGlass, e.BreakGlass)
	count(&t.SessionsEnd, e.SessionsEnd)
}

// activationFindings says what stands in the way, and what should be known.
func (s *Service) activationFindings(ctx context.Context, tenantID string, snap activationSnapshot, t ActivationTotals) (covered Finding, out []Finding, err error) {
	a := snap.activation
	if covered, err = s.checkCovered(ctx, s.store, snap.actor, tenantID, snap.connection, snap.domains); err != nil {
		return covered, nil, err
	}
	if a.Enforced {
		glass, err := s.checkBreakGlass(ctx, tenantID, snap.connection)
		if err != nil {
			return covered, nil, err
		}
		if a.Confirm && glass.Severity == SeverityError {
			glass.Severity = SeverityWarning
		}
		r, err := s.enforcement(ctx, s.store, snap.actor, tenantID, snap.connection, snap.domains, glass)
		if err != nil {
			return covered, nil, err
		}
		out = r.Findings
	} else if covered.Severity == SeverityError {
		covered.Severity = SeverityWarning
	}
	if t.Owners > 0 && t.Owners == t.OwnersLose {
		f := errorFinding(FieldActivation, CodeOwnersLockedOut, "Every owner in the domains loses every way in. Make one of them a break-glass address, or confirm.")
		if a.Confirm {
			f.Severity = SeverityWarning
		}
		out = append(out, f)
	}
	if t.Lose > 0 {
		out = append(out, warning(FieldActivation, CodePeopleLockedOut, "%d people can't sign in any more: their password ends, and the provider's sign-in does not find their account.", t.Lose))
	}
	if n := t.By[MatchNone]; n > 0 {
		out = append(out, warning(FieldActivation, CodePeopleNotFound, "%d of %d people in the domains could not sign in at the provider.", n, t.InDomains))
	}
	if s.cfg.Users == nil {
		out = append(out, unlisted(a))
	}
	return covered, out, nil
}

// unlisted says that the host does not tell which accounts it has. Their sessions can't be ended then.
func unlisted(a Activation) Finding {
	if a.EndSessions {
		return errorFinding(FieldActivation, CodeAccountsUnlisted, "The application does not list its accounts, so that nobody can tell whose sessions are to end. Keep the sessions.")
	}
	return warning(FieldActivation, CodeAccountsUnlisted, "The application does not list its accounts: those alone are counted that were provisioned or have signed in at a provider.")
}

// breakGlassStatus asks the host and the journal about the connection's addresses.
func (s *Service) breakGlassStatus(ctx context.Context, tenantID string, c store.Connection) ([]BreakGlassStatus, error) {
	var out []BreakGlassStatus
	for _, email := range c.BreakGlass {
		st := BreakGlassStatus{Email: email, Known: s.cfg.LocalCredentials != nil}
		var err error
		if st.Known {
			if st.Works, err = s.cfg.LocalCredentials.HasLocalCredential(ctx, tenantID, email); err != nil {
				return nil, fmt.Errorf("tenant: looking for a break-glass account's credential: %w", err)
			}
		}
		if local, ok := s.cfg.LocalCredentials.(LocalSignIns); ok {
			at, err := local.LastLocalSignIn(ctx, tenantID, email)
			if err != nil {
				return nil, fmt.Errorf("tenant: asking for a break-glass account's last sign-in: %w", err)
			}
			st.LastLocalSignIn = store.Time(at)
		}
		st.LastTried, err = s.lastEvent(ctx, s.store, c, "break_glass.", time.Time{}, func(e store.Event) bool { return triedBy(e, email) })
		if err != nil {
			return nil, err
		}
		out = append(out, st)
	}
	return out, nil
}

// ActivationQuery selects people in a connection's domains.
type ActivationQuery struct {
	// Match selects people whose account is found in this way; empty selects all.
	Match AccountMatch
	// Loses selects people who lose every way in.
	Loses bool
	// After continues after a page: its Next. Empty begins.
	After string
	// Limit is the most people to return. Zero means [UsersLimit], more than [store.MaxLimit] means that.
	Limit int
}

// ActivationPage is a part of the people in a connection's domains, in the order of [Service.AssociatedUsers].
type ActivationPage struct {
	People []ActivationPerson
	// Next is the After of the next page, empty when there is none. A page may have fewer people than the limit, or none, and
	// still a next one: a call looks at a bounded number of people.
	Next string
}

// ActivationPeople returns what [Service.PlanActivation] says about each of the people in the connection's domains, page by page.
func (s *Service) ActivationPeople(ctx context.Context, actor Actor, tenantID, id string, a Activation, q ActivationQuery) (ActivationPage, error) {
	snap, err := s.activationSnapshot(ctx, actor, tenantID, id, a)
	if err != nil {
		return ActivationPage{}, err
	}
	at, ok := parseUserCursor(q.After)
	var findings []Finding
	if !ok {
		findings = append(findings, errorFinding(FieldUserAfter, CodeCursorInvalid, "This page can't be found. Begin at the first one.").got(shown(q.After)))
	}
	if known := []AccountMatch{"", MatchLinked, MatchEmail, MatchCreated, MatchNone}; !slices.Contains(known, q.Match) {
		f := errorFinding(FieldActivation, CodeFilterInvalid, "%s is nothing to select people by.", shown(string(q.Match))).got(shown(string(q.Match)))
		f.Expected = "linked, email, created, none"
		findings = append(findings, f)
	}
	if err := refuse(findings); err != nil {
		return ActivationPage{}, err
	}
	w, err := s.walkUsers(ctx, tenantID)
	if err != nil {
		return ActivationPage{}, err
	}
	limit := UserQuery{Limit: q.Limit}.limit()
	var page ActivationPage
	for seen := 0; seen < usersScan; {
		n := usersBatch
		if q.Match == "" && !q.Loses { // nearly everybody is in the domains: one more tells whether there is a next page
			n = limit + 1 - len(page.People)
		}
		people, concerned, b, err := s.activationBatch(ctx, w, snap, at, n)
		if err != nil {
			return ActivationPage{}, err
		}
		for i, e := range people {
			if !concerned[i] || q.Match != "" && e.Match != q.Match || q.Loses && !e.Loses {
				continue
			}
			if len(page.People) == limit {
				return page, nil
			}
			page.People = append(page.People, e)
			page.Next = b.at[i].String()
		}
		if b.next.end() {
			page.Next = ""
			return page, nil
		}
		seen += max(b.looked, 1)
		at = b.next
	}
	if len(page.People) < limit {
		page.Next = at.String()
	}
	return page, nil
}

// ExportActivation writes what [Service.PlanActivation] says about all people in the connection's domains to w as CSV (RFC
// 4180) with a heading, and returns how many there were. A value that a spreadsheet would take for a formula is preceded by an
// apostrophe. That somebody exported stands in the journal before the first line is written. An error of w, or of the store,
// ends the export where it is.
func (s *Service) ExportActivation(ctx context.Context, actor Actor, tenantID, id string, a Activation, w io.Writer) (int, error) {
	snap, err := s.activationSnapshot(ctx, actor, tenantID, id, a)
	if err != nil {
		return 0, err
	}
	e, err := s.event(actor, change{kind: kindConnection, id: id, name: snap.connection.Name, what: "connection.people_exported"})
	if err != nil {
		return 0, err
	}
	if err := s.store.AppendEvents(ctx, tenantID, e); err != nil {
		return 0, fmt.Errorf("tenant: writing the journal: %w", err)
	}
	out, n := csv.NewWriter(w), 0
	out.UseCRLF = true
	err = out.Write([]string{"account_id", "email", "name", "match", "reason", "password", "loses", "sessions_end", "owner", "root", "break_glass", "last_sign_in"})
	if err == nil {
		err = s.everyActivationPerson(ctx, tenantID, snap, func(e ActivationPerson, outside bool) error {
			if outside {
				return nil
			}
			last := ""
			if !e.LastSignIn.IsZero() {
				last = e.LastSignIn.UTC().Format(time.RFC3339)
			}
			flag := strconv.FormatBool
			n++
			return out.Write([]string{
				noFormula(e.AccountID), noFormula(e.Email), noFormula(e.Name), string(e.Match), string(e.Reason), string(e.Password),
				flag(e.Loses), flag(e.SessionsEnd), flag(e.Owner), flag(e.Root), flag(e.BreakGlass), last,
			})
		})
	}
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	if err != nil {
		return n, fmt.Errorf("tenant: exporting people: %w", err)
	}
	return n, nil
}

// noFormula keeps a spreadsheet from computing what somebody chose as a name.
func noFormula(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
