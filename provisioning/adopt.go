package provisioning

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// PasswordEnder is an optional interface of a [Target] whose accounts have passwords. It is
// called in the transaction in which a directory takes over an account that it did not make.
type PasswordEnder interface {
	// EndPassword ends the account's sign-in with a password, and open password resets.
	// Calling it again changes nothing. Addresses on the break-glass list keep theirs, and
	// it is not called for them.
	EndPassword(ctx context.Context, tx store.Store, tenantID, accountID string) error
}

// TokenRevoker is an optional interface of a [Target] whose accounts have API tokens. An
// approval may ask that they end ([Conversion].RevokeTokens).
type TokenRevoker interface {
	// RevokeTokens ends the account's API tokens. Calling it again changes nothing.
	RevokeTokens(ctx context.Context, tx store.Store, tenantID, accountID string) error
}

// SessionEnder is an optional interface of a [Target]: an approval may ask that sessions
// end ([Conversion].EndSessions). Without it those end that follow the journal.
type SessionEnder interface {
	// EndSessions ends the account's sessions, and leaves its access and API tokens.
	EndSessions(ctx context.Context, tx store.Store, tenantID, accountID string) error
}

// AccountInviter is an optional interface of a [Target]: who was taken over by a directory
// and is given back gets a way to sign in ([Engine.UndoConversion]).
type AccountInviter interface {
	// InviteAccount sends the person an invitation, or a link to set a password. It only
	// queues it in tx, since tx may not commit.
	InviteAccount(ctx context.Context, tx store.Store, tenantID, accountID string) error
}

// FindingEmailHeld says that the directory wants another address for an account that it took over, and
// its ID of the user (externalId) is not known to be the same. The address stays.
const FindingEmailHeld FindingCode = "email_held"

// FindingAccountAmbiguous says that the directory's ID of a user belongs to one account, the user's
// address to another.
const FindingAccountAmbiguous FindingCode = "account_ambiguous"

const (
	emailHeld        = "The directory wants another e-mail address for an account that it took over. The address stays until the directory sends the user with the same externalId as before, or an owner accepts the address."
	accountAmbiguous = "The directory's externalId of this user belongs to one account, the e-mail address to another one. Choose which of them is meant."
)

// The kinds of subjects under which the journal finds accounts: by the directory's ID of
// a user that it deleted, and by an address that was tied to an account by hand. The
// subject's ID is a [keyOf].
const (
	subjectExternalID = "scim_external_id"
	subjectAddress    = "scim_address"
)

// The types of events about these ties.
const (
	EventDetached = eventPrefix + "account.detached" // the directory deleted the user of an account; its ID is remembered
	EventTied     = eventPrefix + "conversion.tied"  // an address stands for an account; After is empty if it does not any more
)

// tie is what such an event says in After.
type tie struct {
	AccountID string `json:"accountId,omitempty"`
}

// tiedTo returns the account that a key stands for; empty if there is none.
func tiedTo(ctx context.Context, tx store.Store, tenantID, kind, key string) (string, error) {
	last, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: kind, SubjectID: keyOf(key), Newest: true, Limit: 1})
	if err != nil || len(last) == 0 {
		return "", err
	}
	var t tie
	// What does not decode ties nothing.
	_ = json.Unmarshal(last[0].After, &t)
	return t.AccountID, nil
}

// tied says whether the tenant ever had such a tie: most have none, and pay one read.
func tied(ctx context.Context, tx store.Store, tenantID, kind string) (bool, error) {
	some, err := tx.Events(ctx, tenantID, store.EventQuery{SubjectKind: kind, Newest: true, Limit: 1})
	return len(some) > 0, err
}

func (e *Engine) tieEvent(typ, kind, key, name, accountID string) store.Event {
	ev := e.event(typ, system, store.EventSubject{Kind: kind, ID: keyOf(key), Name: clip(name)})
	ev.After = asJSON(tie{AccountID: accountID})
	return ev
}

// ties says what of them to look up.
type ties struct{ externalIDs, addresses bool }

func (l *loader) loadTies(ctx context.Context) (t ties, err error) {
	if t.externalIDs, err = tied(ctx, l.tx, l.tenantID, subjectExternalID); err != nil {
		return t, err
	}
	t.addresses, err = tied(ctx, l.tx, l.tenantID, subjectAddress)
	return t, err
}

// matchByTie looks for the account that an address was tied to by hand, or that a deleted
// user of the same externalId had.
func (l *loader) matchByTie(ctx context.Context, t ties, p Profile) (m *AccountState, rec *store.Account, err error) {
	if t.addresses && p.Email != "" {
		m, rec, err = l.matchTied(ctx, subjectAddress, foldEmail(p.Email), func(a store.Account) bool {
			return a.Convertible && a.Conversion.Address == foldEmail(p.Email)
		})
		if err != nil || m != nil {
			return m, rec, err
		}
	}
	if t.externalIDs && p.ExternalID != "" {
		return l.matchTied(ctx, subjectExternalID, p.ExternalID, func(a store.Account) bool { return a.ExternalID == p.ExternalID })
	}
	return nil, nil, nil
}

func (l *loader) matchTied(ctx context.Context, kind, key string, still func(store.Account) bool) (*AccountState, *store.Account, error) {
	id, err := tiedTo(ctx, l.tx, l.tenantID, kind, key)
	if err != nil || id == "" {
		return nil, nil, err
	}
	rec, err := l.tx.Account(ctx, l.tenantID, id)
	if notFound(err) {
		return nil, nil, nil
	}
	if err != nil || rec.SCIMUserID != "" || !still(rec) || !adoptable(&rec) {
		return nil, nil, err
	}
	m, err := l.e.hostAccount(ctx, l.tx, l.tenantID, id)
	if notFound(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return &m, &rec, nil
}

// hostAccount reads one of the tenant's accounts; ErrNotFound if it has none of this ID.
func (e *Engine) hostAccount(ctx context.Context, tx store.Store, tenantID, id string) (AccountState, error) {
	list, err := e.target.Accounts(ctx, tx, tenantID, []string{id})
	if err != nil {
		return AccountState{}, hostErr("read accounts", err)
	}
	for _, a := range list {
		if a.ID == id {
			return a, nil
		}
	}
	return AccountState{}, store.ErrNotFound
}

// claim lets one user of a plan take an account over, the first by ID.
func (p *planner) claim(pp *personPlan, accountID string) bool {
	if by, taken := p.claimed[accountID]; taken && by != pp.scimUserID {
		p.findFor(pp, FindingAccountTaken, "Another user of the directory has the same address and takes the account over.")
		return false
	}
	if p.claimed == nil {
		p.claimed = map[string]string{}
	}
	p.claimed[accountID] = pp.scimUserID
	return true
}

// holdEmail keeps the address of an account that a directory took over, until the directory
// has shown that it means the same user: by the externalId that it sent before.
func (p *planner) holdEmail(pp *personPlan, x *person) {
	rec := x.record
	if rec.Source != store.SourceConverted || rec.Conversion.EmailFree || rec.ExternalID != "" && rec.ExternalID == x.profile.ExternalID {
		return
	}
	have := cmp.Or(x.host.Email, rec.Email)
	if foldEmail(have) == foldEmail(x.profile.Email) {
		return
	}
	p.findFor(pp, FindingEmailHeld, emailHeld)
	pp.profile.Email = have
}

// pin notes the directory's ID of an account's user. That of an account which was taken over
// stays the first one, unless an owner lets it go.
func pin(rec *store.Account, externalID string) {
	if externalID == "" || rec.ExternalID != "" && rec.Source == store.SourceConverted && !rec.Conversion.EmailFree {
		return
	}
	rec.ExternalID = externalID
}

// adopt ties an account to its user. The address stays as it is: only a later request
// for this user may change it.
func (a *applier) adopt(ctx context.Context, tx store.Store, p *personPlan) error {
	rec := *p.record
	wasActive, first := rec.Active, rec.Source != store.SourceSCIM && rec.Source != store.SourceConverted
	now := a.e.cfg.Now()
	var events []store.Event
	if rec.Conversion.Address != "" {
		events = append(events, a.e.tieEvent(EventTied, subjectAddress, rec.Conversion.Address, rec.Conversion.Address, ""))
	}
	if first {
		rec.Conversion.AdoptedAt, rec.Conversion.Source = store.Time(now), rec.Source
		if err := a.endOldAccess(ctx, tx, p, &rec); err != nil {
			return err
		}
		if rec.Conversion.EndSessions {
			events = append(events, a.e.lineEvent(Line{
				Kind: AccountEndSessions, AccountID: rec.ID, SCIMUserID: p.scimUserID, Person: p.label(), Reason: "whoever approved the conversion chose so",
			}))
		}
		rec.ExternalID = "" // of no directory of ours
	}
	if rec.Source != store.SourceSCIM {
		rec.Source = store.SourceConverted
	}
	if p.profile.ExternalID != "" {
		rec.ExternalID = p.profile.ExternalID
	}
	rec.SCIMUserID, rec.Active, rec.Convertible, rec.UpdatedAt = p.scimUserID, true, false, now
	rec.EmailUnproven = false // somebody approved it, or it was not
	if err := a.adoptFields(ctx, tx, p, &rec); err != nil {
		return err
	}
	if _, err := tx.UpdateAccount(ctx, a.tenantID, rec, events...); err != nil {
		return err
	}
	if wasActive {
		return nil
	}
	return hostErr("restore access", a.e.target.SetActive(ctx, tx, a.tenantID, rec.ID, true))
}

// endOldAccess ends what an account that is taken over for the first time signs in with.
func (a *applier) endOldAccess(ctx context.Context, tx store.Store, p *personPlan, rec *store.Account) error {
	target := a.e.cfg.Target
	if t, ok := target.(PasswordEnder); ok && !p.breakGlass {
		if err := a.e.guard.call(ctx, "EndPassword", func(ctx context.Context) error { return t.EndPassword(ctx, tx, a.tenantID, rec.ID) }); err != nil {
			return hostErr("end a password", err)
		}
		rec.Conversion.PasswordEnded = true
	}
	if t, ok := target.(TokenRevoker); ok && rec.Conversion.RevokeTokens {
		if err := a.e.guard.call(ctx, "RevokeTokens", func(ctx context.Context) error { return t.RevokeTokens(ctx, tx, a.tenantID, rec.ID) }); err != nil {
			return hostErr("revoke API tokens", err)
		}
	}
	if t, ok := target.(SessionEnder); ok && rec.Conversion.EndSessions {
		return hostErr("end sessions", a.e.guard.call(ctx, "EndSessions", func(ctx context.Context) error { return t.EndSessions(ctx, tx, a.tenantID, rec.ID) }))
	}
	return nil
}

// detached remembers which account a user had whom the directory deleted.
func (a *applier) detached(rec store.Account) []store.Event {
	if rec.ExternalID == "" {
		return nil
	}
	ev := a.e.tieEvent(EventDetached, subjectExternalID, rec.ExternalID, rec.Email, rec.ID)
	ev.Message = fmt.Sprintf("A user with the externalId %q gets this account again.", clip(rec.ExternalID))
	return []store.Event{ev}
}
