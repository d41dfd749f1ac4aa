package provisioning

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// ConflictAction is what somebody decides about a [Conflict].
type ConflictAction string

// The decisions. They take effect when the directory sends the user again, or at once if it
// has sent it already.
const (
	// ConflictConvert lets the directory take over the account of the user's address.
	ConflictConvert ConflictAction = "convert"
	// ConflictLink lets it take over another account, ConflictDecision.AccountID.
	ConflictLink ConflictAction = "link"
	// ConflictAccept lets the directory change the address of an account that it took over.
	ConflictAccept ConflictAction = "accept"
	// ConflictIgnore leaves all as it is, and hides the card.
	ConflictIgnore ConflictAction = "ignore"
)

// EventConflictDecided is the type of the event that tells of a decision.
const EventConflictDecided = eventPrefix + "conflict.decided"

const subjectConflict = "scim_conflict"

// Conflict is somebody whom the directory cannot have as it wants: a card with one decision.
type Conflict struct {
	// Seq names the card, and is its place in the list, newest first.
	Seq int64 `json:"seq"`
	// Code is that of the refusal or finding: "account_exists", "account_taken",
	// "account_ambiguous", "email_held", "root_user" or "domain_not_verified".
	Code    string `json:"code"`
	Message string `json:"message"`
	// Person and Email are whom the directory sends.
	Person string `json:"person,omitempty"`
	Email  string `json:"email,omitempty"`
	// SCIMUserID is empty if the directory's request was refused.
	SCIMUserID string `json:"scimUserId,omitempty"`
	// At is when the directory last tried, as far as it was recorded.
	At time.Time `json:"at"`
	// Choices are the decisions that help.
	Choices []ConflictAction `json:"choices"`

	accountID string
}

// ConflictDecision decides about one conflict.
type ConflictDecision struct {
	Action ConflictAction
	// AccountID is for ConflictLink: the host's ID of an account of the tenant.
	AccountID string
	// EndSessions and RevokeTokens are as in [Conversion].
	EndSessions, RevokeTokens bool
	// Hash is that of the plan that was shown ([Engine.PlanConflict]); for ConflictConvert
	// and ConflictLink.
	Hash string
}

// Errors of decisions.
var (
	// ErrConflictGone says that the card is solved, or never was.
	ErrConflictGone = errNotFound("provisioning: there is no such conflict any more; look at the list again")
	// ErrConflictChoice says that the decision is none of Conflict.Choices.
	ErrConflictChoice = errors.New("provisioning: expected one of the decisions that the conflict offers")
	// ErrConflictNotReady says that the account cannot be taken over: the plan's line says why.
	ErrConflictNotReady = errors.New("provisioning: the directory cannot have this account; the plan says why")
)

type errNotFound string

func (e errNotFound) Error() string        { return string(e) }
func (e errNotFound) Is(target error) bool { return target == store.ErrNotFound }

// conflictScan bounds how much of the journal one call looks through.
const conflictScan = 5 * store.MaxLimit

// Conflicts lists up to limit open conflicts (zero means 50, at most 200), newest first, from the
// first whose Seq is smaller than before; zero means the newest. next is where to go on, zero at the
// end; a page may be short, or empty, before that. What is solved or was ignored is not in the
// list: an account that may be taken over now, a domain that is verified, a user that is gone.
// The actor needs [tenant.ActionManageSCIM].
func (e *Engine) Conflicts(ctx context.Context, actor tenant.Actor, tenantID string, before int64, limit int) (list []Conflict, next int64, err error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionManageSCIM, tenantID); err != nil {
		return nil, 0, err
	}
	if limit <= 0 {
		limit = 50
	}
	err = e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		list, next, err = e.conflicts(ctx, tx, tenantID, max(0, before), min(limit, 200))
		return err
	})
	return list, next, err
}

func (e *Engine) conflicts(ctx context.Context, tx store.Store, tenantID string, before int64, limit int) (list []Conflict, next int64, err error) {
	seen := map[string]bool{}
	for scanned := 0; scanned < conflictScan; {
		page, more, err := conflictEvents(ctx, tx, tenantID, before)
		if err != nil {
			return nil, 0, err
		}
		for _, ev := range page {
			scanned++
			before = ev.Seq
			key := conflictKey(ev)
			if key == "" || seen[key] {
				continue
			}
			seen[key] = true
			c, open, err := e.openConflict(ctx, tx, tenantID, ev)
			if err != nil {
				return nil, 0, err
			}
			if !open {
				continue
			}
			if list = append(list, c); len(list) == limit {
				return list, before, nil
			}
		}
		if !more {
			return list, 0, nil
		}
	}
	return list, before, nil
}

// conflictEvents returns refusals and findings before a place, newest first, as far as both
// lists reach.
func conflictEvents(ctx context.Context, tx store.Store, tenantID string, before int64) (page []store.Event, more bool, err error) {
	reach := int64(0)
	for _, prefix := range []string{EventRefused, EventFinding} {
		part, err := tx.Events(ctx, tenantID, store.EventQuery{Before: before, TypePrefix: prefix, Newest: true})
		if err != nil {
			return nil, false, err
		}
		if len(part) == store.MaxLimit {
			more, reach = true, max(reach, part[len(part)-1].Seq)
		}
		page = append(page, part...)
	}
	page = slices.DeleteFunc(page, func(ev store.Event) bool { return ev.Seq < reach })
	slices.SortFunc(page, func(a, b store.Event) int { return cmp.Compare(b.Seq, a.Seq) })
	return page, more, nil
}

var conflictChoices = map[string][]ConflictAction{
	string(FindingAccountExists):    {ConflictConvert, ConflictLink, ConflictIgnore},
	string(FindingAccountTaken):     {ConflictIgnore},
	string(FindingAccountAmbiguous): {ConflictConvert, ConflictIgnore},
	string(FindingEmailHeld):        {ConflictAccept, ConflictIgnore},
	codeRootUser:                    {ConflictIgnore},
	"domain_not_verified":           {ConflictIgnore},
}

// conflictKey is what all events of one conflict have in common; empty for other events.
func conflictKey(ev store.Event) string {
	if conflictChoices[ev.Code] == nil || ev.Type == EventFinding && ev.Subject.Kind == subjectGroup {
		return ""
	}
	return keyOf(strings.Join([]string{ev.Subject.Kind, ev.Subject.ID, ev.Code}, "\x00"))
}

// openConflict makes a card of an event, if it is the newest of its conflict and the
// conflict is open.
func (e *Engine) openConflict(ctx context.Context, tx store.Store, tenantID string, ev store.Event) (Conflict, bool, error) {
	c := Conflict{Seq: ev.Seq, Code: ev.Code, Message: ev.Message, Person: ev.Subject.Name, At: ev.At, Choices: conflictChoices[ev.Code]}
	newer, err := tx.Events(ctx, tenantID, store.EventQuery{After: ev.Seq, SubjectKind: ev.Subject.Kind, SubjectID: ev.Subject.ID, TypePrefix: ev.Type, Limit: 100})
	if err != nil || slices.ContainsFunc(newer, func(n store.Event) bool { return n.Code == ev.Code }) {
		return c, false, err
	}
	decided, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: subjectConflict, SubjectID: conflictKey(ev), Newest: true, Limit: 1})
	if err != nil || len(decided) > 0 && decided[0].Code == string(ConflictIgnore) {
		return c, false, err
	}
	if ev.Type == EventRefused {
		_, c.Email, _ = strings.Cut(ev.Subject.ID, ":")
	} else if done, err := c.readFinding(ctx, tx, tenantID, ev); err != nil || done {
		return c, false, err
	}
	solved, err := e.solved(ctx, tx, tenantID, &c)
	return c, !solved, err
}

// readFinding says whether the user of a finding is gone or has an account.
func (c *Conflict) readFinding(ctx context.Context, tx store.Store, tenantID string, ev store.Event) (done bool, err error) {
	var f Finding
	// What does not decode has no user, and is over.
	_ = json.Unmarshal(ev.After, &f)
	c.SCIMUserID = f.SCIMUserID
	u, err := tx.SCIMUser(ctx, tenantID, f.SCIMUserID)
	if notFound(err) {
		return true, nil
	}
	if err != nil || !u.Active {
		return true, err
	}
	c.Email = ProfileOf(u).Email
	a, err := tx.AccountOfSCIMUser(ctx, tenantID, u.ID)
	switch {
	case notFound(err):
		return c.Code == string(FindingEmailHeld), nil
	case err != nil:
		return false, err
	}
	c.accountID = a.ID
	return c.Code != string(FindingEmailHeld) || a.Conversion.EmailFree || foldEmail(a.Email) == foldEmail(c.Email), nil
}

// solved says whether the directory could have the user now.
func (e *Engine) solved(ctx context.Context, tx store.Store, tenantID string, c *Conflict) (bool, error) {
	switch c.Code {
	case string(FindingEmailHeld):
		return false, nil
	case "domain_not_verified":
		return tenant.OwnsDomain(ctx, tx, tenantID, emailDomain(c.Email))
	}
	account, err := e.target.AccountByEmail(ctx, tx, tenantID, c.Email)
	if notFound(err) {
		return true, nil
	}
	if err != nil {
		return false, hostErr("find an account by its address", err)
	}
	if c.Code == codeRootUser {
		root, err := e.target.RootAccount(ctx, tx, tenantID)
		return account.ID != root, hostErr("read the root account", err)
	}
	if tied, err := tiedTo(ctx, tx, tenantID, subjectAddress, foldEmail(c.Email)); err != nil || tied != "" {
		return tied != "", err
	}
	rec, err := tx.Account(ctx, tenantID, account.ID)
	if notFound(err) {
		return c.Code == string(FindingAccountTaken), nil
	}
	switch {
	case err != nil:
		return false, err
	case c.Code == string(FindingAccountTaken):
		return rec.SCIMUserID == "", nil
	case c.Code == string(FindingAccountAmbiguous):
		return rec.Convertible, nil
	}
	return rec.SCIMUserID != "" && c.SCIMUserID == "" || adoptable(&rec), nil
}

// conflict reads the open conflict that a Seq names.
func (e *Engine) conflict(ctx context.Context, tx store.Store, tenantID string, seq int64) (Conflict, store.Event, error) {
	events, err := tx.Events(ctx, tenantID, store.EventQuery{After: seq - 1, Before: seq + 1, Limit: 1})
	if err != nil {
		return Conflict{}, store.Event{}, err
	}
	if len(events) == 0 || events[0].Type != EventRefused && events[0].Type != EventFinding || conflictKey(events[0]) == "" {
		return Conflict{}, store.Event{}, ErrConflictGone
	}
	c, open, err := e.openConflict(ctx, tx, tenantID, events[0])
	if err == nil && !open {
		err = ErrConflictGone
	}
	return c, events[0], err
}

func (c Conflict) conversion(d ConflictDecision) (Conversion, error) {
	if !slices.Contains(c.Choices, d.Action) {
		return Conversion{}, ErrConflictChoice
	}
	out := Conversion{EndSessions: d.EndSessions, RevokeTokens: d.RevokeTokens}
	switch {
	case d.Action == ConflictConvert:
		out.Entries = []string{c.Email}
	case d.Action == ConflictLink && d.AccountID != "":
		out.Entries, out.Addresses = []string{d.AccountID}, map[string]string{d.AccountID: c.Email}
	default:
		return out, ErrConflictChoice
	}
	return out, nil
}

// PlanConflict shows what a decision to convert or to link does. The error is
// [ErrConflictGone] or [ErrConflictChoice]. The actor needs [tenant.ActionManageSCIM].
func (e *Engine) PlanConflict(ctx context.Context, actor tenant.Actor, tenantID string, seq int64, d ConflictDecision) (ConversionPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionManageSCIM, tenantID); err != nil {
		return ConversionPlan{}, err
	}
	var plan ConversionPlan
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) error {
		c, _, err := e.conflict(ctx, tx, tenantID, seq)
		if err != nil {
			return err
		}
		list, err := c.conversion(d)
		if err != nil {
			return err
		}
		plan, err = e.planConversion(ctx, tx, tenantID, list)
		return err
	})
	return plan, err
}

// DecideConflict decides about a conflict. It changes nothing and returns
// [ErrConflictGone] if it is solved, [ErrConflictChoice] if the decision does not fit,
// [ErrConflictNotReady] if the account cannot be taken over, and a [StaleConversionError] if that
// does something else by now than was shown. The actor needs [tenant.ActionManageSCIM].
func (e *Engine) DecideConflict(ctx context.Context, actor tenant.Actor, tenantID string, seq int64, d ConflictDecision) error {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionManageSCIM, tenantID); err != nil {
		return err
	}
	return e.inTenant(ctx, tenantID, func(tx store.Store) error {
		c, from, err := e.conflict(ctx, tx, tenantID, seq)
		if err != nil {
			return err
		}
		if !slices.Contains(c.Choices, d.Action) {
			return ErrConflictChoice
		}
		switch d.Action {
		case ConflictConvert, ConflictLink:
			if err := e.convertConflict(ctx, tx, actor, tenantID, c, d); err != nil {
				return err
			}
		case ConflictAccept:
			if err := e.acceptEmail(ctx, tx, tenantID, c); err != nil {
				return err
			}
		}
		ev := e.event(EventConflictDecided, eventActor(actor), store.EventSubject{Kind: subjectConflict, ID: conflictKey(from), Name: c.Person})
		ev.Origin, ev.Code = actor.Origin.Event(), string(d.Action)
		return tx.AppendEvents(ctx, tenantID, ev)
	})
}

func (e *Engine) convertConflict(ctx context.Context, tx store.Store, actor tenant.Actor, tenantID string, c Conflict, d ConflictDecision) error {
	list, err := c.conversion(d)
	if err != nil {
		return err
	}
	plan, err := e.planConversion(ctx, tx, tenantID, list)
	switch {
	case err != nil:
		return err
	case plan.Hash != d.Hash:
		return &StaleConversionError{Plan: plan}
	case plan.Ready != 1:
		return ErrConflictNotReady
	}
	return e.approveAll(ctx, tx, actor, tenantID, list, plan)
}

// acceptEmail lets the directory change the address from now on, and brings the present one.
func (e *Engine) acceptEmail(ctx context.Context, tx store.Store, tenantID string, c Conflict) error {
	rec, err := tx.Account(ctx, tenantID, c.accountID)
	if err != nil {
		return err
	}
	rec.Conversion.EmailFree, rec.UpdatedAt = true, e.cfg.Now()
	if _, err := tx.UpdateAccount(ctx, tenantID, rec); err != nil {
		return err
	}
	l, err := e.newLoader(ctx, tx, tenantID, nil)
	if err != nil {
		return err
	}
	who := newConcern()
	who.addUser(c.SCIMUserID, userConcern{updated: true})
	_, err = e.work(ctx, tx, l, who)
	return err
}
