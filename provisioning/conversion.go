package provisioning

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// maxConversion bounds one list of accounts to convert.
const maxConversion = store.MaxLimit

// Conversion asks that a directory may take over accounts that exist (R59): an exact list,
// looked at ([Engine.PlanConversion]) and then approved ([Engine.ApproveConversion]).
type Conversion struct {
	// Entries are accounts, by e-mail address or by the host's ID, at most 1,000. See
	// [ReadConversionList] for lists that people upload.
	Entries []string `json:"entries"`
	// Addresses says of an entry with which address the directory sends the user, where that
	// is another than the account's. It must be in a verified domain and nobody else's.
	Addresses map[string]string `json:"addresses,omitempty"`
	// EndSessions ends the accounts' sessions when they are taken over. By default they go on.
	EndSessions bool `json:"endSessions,omitempty"`
	// RevokeTokens ends their API tokens then, if the Target is a [TokenRevoker]. By default
	// they are kept.
	RevokeTokens bool `json:"revokeTokens,omitempty"`
}

// ConversionLine says what approving does for one entry of the list.
type ConversionLine struct {
	// Entry is what was asked for: an e-mail address or an account's ID.
	Entry string `json:"entry"`
	// AccountID is empty for an account that is not in the organisation yet.
	AccountID string `json:"accountId,omitempty"`
	Email     string `json:"email,omitempty"`
	// Address is that of the directory, where it is another.
	Address string `json:"address,omitempty"`
	// Code is "ready", or why the account can not be converted: "not_found",
	// "domain_not_verified", "root_user", "break_glass", "already_provisioned",
	// "already_approved", "duplicate" or "address_taken".
	Code    string `json:"code"`
	Message string `json:"message"`
	// SCIMUserID is the directory's user who gets the account at once, because the directory
	// has sent it already; empty if it is still to come.
	SCIMUserID string `json:"scimUserId,omitempty"`
	// Changes are what groups then do to the person. They are known only of a user who is there:
	// for the others the groups decide when the directory sends them.
	Changes []Line `json:"changes,omitempty"`
	// Left is what then stays undone for the person, and why.
	Left []Finding `json:"left,omitempty"`

	accountID string
	address   string // folded
}

// ConversionPlan is what approving a list of accounts does.
type ConversionPlan struct {
	TenantID string           `json:"tenantId"`
	Lines    []ConversionLine `json:"lines"`
	// Ready counts the lines that approving changes.
	Ready int `json:"ready"`
	// PasswordsEnd says that the host ends passwords of accounts that are taken over,
	// TokensEnd and SessionsEnd that tokens and sessions end by choice.
	PasswordsEnd bool `json:"passwordsEnd,omitempty"`
	TokensEnd    bool `json:"tokensEnd,omitempty"`
	SessionsEnd  bool `json:"sessionsEnd,omitempty"`
	// Hash is quoted to approve this plan and no other.
	Hash string `json:"hash"`
}

// StaleConversionError says that accounts changed since the preview. It matches
// [store.ErrStale].
type StaleConversionError struct {
	// Plan is the present one.
	Plan ConversionPlan
}

// Error says what to do.
func (e *StaleConversionError) Error() string {
	return "provisioning: the accounts changed since this preview; look at the new one and approve that"
}

// Is makes the error match store.ErrStale.
func (e *StaleConversionError) Is(target error) bool { return target == store.ErrStale }

// Errors of conversions.
var (
	// ErrTooManyConversions says that a list is too long.
	ErrTooManyConversions = fmt.Errorf("provisioning: expected at most %d accounts to convert at once", maxConversion)
	// ErrTokensNotRevoked says that the host's Target is no [TokenRevoker].
	ErrTokensNotRevoked = errors.New("provisioning: the application cannot end the API tokens of an account; leave RevokeTokens off")
)

// PlanConversion says which of these accounts a directory may be allowed to take over, why
// not the others, and what groups would do to those whom the directory has sent already. It
// changes nothing. Of accounts of other organisations it tells nothing, unless their address
// is in a verified domain of this one. The actor needs [tenant.ActionManageSCIM].
func (e *Engine) PlanConversion(ctx context.Context, actor tenant.Actor, tenantID string, c Conversion) (ConversionPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionManageSCIM, tenantID); err != nil {
		return ConversionPlan{}, err
	}
	var plan ConversionPlan
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) (err error) {
		plan, err = e.planConversion(ctx, tx, tenantID, c)
		return err
	})
	return plan, err
}

// ApproveConversion lets a directory take over the accounts that the previewed plan says
// are ready: the next time it sends a user with such an address, with POST or with PUT, the
// account becomes that user's, with its ID and all it has. Until then searches of the directory do
// not find it, so that it sends a POST. A user whom it has sent already gets the account at
// once. The account's address stays until the directory sends the user again with the same
// externalId ([FindingEmailHeld]); its password ends ([PasswordEnder]).
//
// It changes nothing and returns a [StaleConversionError] if the plan is another by now.
// [Engine.UndoConversion] takes it back. The actor, an owner or the host's staff (D7), needs
// [tenant.ActionManageSCIM].
func (e *Engine) ApproveConversion(ctx context.Context, actor tenant.Actor, tenantID string, c Conversion, hash string) (ConversionPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionManageSCIM, tenantID); err != nil {
		return ConversionPlan{}, err
	}
	var plan ConversionPlan
	err := e.inTenant(ctx, tenantID, func(tx store.Store) (err error) {
		if plan, err = e.planConversion(ctx, tx, tenantID, c); err != nil {
			return err
		}
		if plan.Hash != hash {
			return &StaleConversionError{Plan: plan}
		}
		return e.approveAll(ctx, tx, actor, tenantID, c, plan)
	})
	if err != nil {
		return ConversionPlan{}, err
	}
	return plan, nil
}

func (e *Engine) approveAll(ctx context.Context, tx store.Store, actor tenant.Actor, tenantID string, c Conversion, plan ConversionPlan) error {
	there := newConcern()
	for _, l := range plan.Lines {
		if l.Code != "ready" {
			continue
		}
		if err := e.approve(ctx, tx, actor, tenantID, c, l); err != nil {
			return err
		}
		if l.SCIMUserID != "" {
			there.addUser(l.SCIMUserID, userConcern{})
		}
	}
	if there.empty() {
		return nil
	}
	l, err := e.newLoader(ctx, tx, tenantID, nil)
	if err != nil {
		return err
	}
	_, err = e.work(ctx, tx, l, there)
	return err
}

func (e *Engine) approve(ctx context.Context, tx store.Store, actor tenant.Actor, tenantID string, c Conversion, l ConversionLine) error {
	now := e.cfg.Now()
	ev := e.event(EventConvertible, eventActor(actor), store.EventSubject{Kind: subjectAccount, ID: l.accountID, Name: l.Email})
	ev.Origin = actor.Origin.Event()
	ev.Message = "A directory may take this account over."
	events := []store.Event{ev}
	if l.address != "" {
		events = append(events, e.tieEvent(EventTied, subjectAddress, l.address, l.Address, l.accountID))
	}
	rec, err := tx.Account(ctx, tenantID, l.accountID)
	found := err == nil
	if notFound(err) {
		rec = store.Account{Meta: store.Meta{ID: l.accountID, CreatedAt: now}, Source: store.SourceManual, Active: true, Email: l.Email}
	} else if err != nil {
		return err
	}
	rec.Convertible, rec.UpdatedAt = true, now
	rec.Conversion = store.AccountConversion{
		ApprovedAt: store.Time(now), ApprovedBy: eventActor(actor), Address: l.address,
		EndSessions: c.EndSessions, RevokeTokens: c.RevokeTokens,
	}
	if !found {
		_, err = tx.CreateAccount(ctx, tenantID, rec, events...)
		return err
	}
	_, err = tx.UpdateAccount(ctx, tenantID, rec, events...)
	return err
}

func (e *Engine) planConversion(ctx context.Context, tx store.Store, tenantID string, list Conversion) (ConversionPlan, error) {
	plan := ConversionPlan{TenantID: tenantID, TokensEnd: list.RevokeTokens, SessionsEnd: list.EndSessions}
	_, plan.PasswordsEnd = e.cfg.Target.(PasswordEnder)
	if _, ok := e.cfg.Target.(TokenRevoker); list.RevokeTokens && !ok {
		return plan, ErrTokensNotRevoked
	}
	if len(list.Entries) > maxConversion || len(list.Addresses) > maxConversion {
		return plan, ErrTooManyConversions
	}
	c, err := e.newConverter(ctx, tx, tenantID)
	if err != nil {
		return plan, err
	}
	for _, entry := range list.Entries {
		if entry = trimEntry(entry); entry == "" {
			continue
		}
		l, err := c.line(ctx, entry, list.Addresses[entry])
		if err != nil {
			return plan, err
		}
		if l.Code == "ready" {
			plan.Ready++
		}
		plan.Lines = append(plan.Lines, l)
	}
	if err := c.changes(ctx, plan.Lines); err != nil {
		return plan, err
	}
	h := sha256.New()
	h.Write(asJSON([]any{tenantID, list.EndSessions, list.RevokeTokens, plan.PasswordsEnd}))
	for _, l := range plan.Lines {
		h.Write(asJSON([]any{l, l.accountID, l.address}))
	}
	plan.Hash = hex.EncodeToString(h.Sum(nil)[:16])
	return plan, nil
}
