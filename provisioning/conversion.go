package provisioning

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// maxConversion bounds one list of accounts to convert.
const maxConversion = store.MaxLimit

// ConversionLine says what approving does for one entry of the list.
type ConversionLine struct {
	// Entry is what was asked for: an e-mail address or an account's ID.
	Entry     string `json:"entry"`
	AccountID string `json:"accountId,omitempty"`
	Email     string `json:"email,omitempty"`
	// Code is "ready", or why the account can not be converted: "not_found",
	// "domain_not_verified", "root_user", "break_glass", "already_provisioned",
	// "already_approved" or "duplicate".
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ConversionPlan is what approving a list of accounts does.
type ConversionPlan struct {
	TenantID string           `json:"tenantId"`
	Lines    []ConversionLine `json:"lines"`
	// Ready counts the lines that approving changes.
	Ready int `json:"ready"`
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

// ErrTooManyConversions says that a list is too long.
var ErrTooManyConversions = fmt.Errorf("provisioning: expected at most %d accounts to convert at once", maxConversion)

// PlanConversion says which of these accounts, by e-mail address or by the host's ID, a
// directory may be allowed to take over, and why not the others (R59). It changes
// nothing. The actor needs [tenant.ActionManageSCIM].
func (e *Engine) PlanConversion(ctx context.Context, actor tenant.Actor, tenantID string, entries []string) (ConversionPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionManageSCIM, tenantID); err != nil {
		return ConversionPlan{}, err
	}
	var plan ConversionPlan
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) (err error) {
		plan, err = e.planConversion(ctx, tx, tenantID, entries)
		return err
	})
	return plan, err
}

// ApproveConversion lets a directory take over the accounts that the previewed plan
// says are ready: the next time it sends a user with such an address, the account becomes
// that user's, with all it has. It changes nothing and returns a [StaleConversionError] if the
// plan is another by now. The actor needs [tenant.ActionManageSCIM].
func (e *Engine) ApproveConversion(ctx context.Context, actor tenant.Actor, tenantID string, entries []string, hash string) (ConversionPlan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionManageSCIM, tenantID); err != nil {
		return ConversionPlan{}, err
	}
	var plan ConversionPlan
	err := e.inTenant(ctx, tenantID, func(tx store.Store) (err error) {
		if plan, err = e.planConversion(ctx, tx, tenantID, entries); err != nil {
			return err
		}
		if plan.Hash != hash {
			return &StaleConversionError{Plan: plan}
		}
		for _, l := range plan.Lines {
			if l.Code != "ready" {
				continue
			}
			if err := e.approve(ctx, tx, actor, tenantID, l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return ConversionPlan{}, err
	}
	return plan, nil
}

func (e *Engine) approve(ctx context.Context, tx store.Store, actor tenant.Actor, tenantID string, l ConversionLine) error {
	now := e.cfg.Now()
	ev := e.event(EventConvertible, eventActor(actor), store.EventSubject{Kind: subjectAccount, ID: l.AccountID, Name: l.Email})
	ev.Origin = actor.Origin.Event()
	ev.Message = "A directory may take this account over."
	rec, err := tx.Account(ctx, tenantID, l.AccountID)
	if errors.Is(err, store.ErrNotFound) {
		_, err = tx.CreateAccount(ctx, tenantID, store.Account{
			Meta:   store.Meta{ID: l.AccountID, CreatedAt: now, UpdatedAt: now},
			Source: store.SourceManual, Active: true, Convertible: true, Email: l.Email,
		}, ev)
		return err
	}
	if err != nil {
		return err
	}
	rec.Convertible, rec.UpdatedAt = true, now
	_, err = tx.UpdateAccount(ctx, tenantID, rec, ev)
	return err
}

func (e *Engine) planConversion(ctx context.Context, tx store.Store, tenantID string, entries []string) (ConversionPlan, error) {
	plan := ConversionPlan{TenantID: tenantID}
	if len(entries) > maxConversion {
		return plan, ErrTooManyConversions
	}
	c := &converter{e: e, tx: tx, tenantID: tenantID, seen: map[string]bool{}}
	var err error
	if c.root, err = e.cfg.Target.RootAccount(ctx, tx, tenantID); err != nil {
		return plan, hostErr("read the root account", err)
	}
	if c.domains, err = loadDomains(ctx, tx, tenantID); err != nil {
		return plan, err
	}
	if c.breakGlass, err = breakGlassOf(ctx, tx, tenantID); err != nil {
		return plan, err
	}
	h := sha256.New()
	h.Write([]byte(tenantID))
	for _, entry := range entries {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		l, err := c.line(ctx, entry)
		if err != nil {
			return plan, err
		}
		if l.Code == "ready" {
			plan.Ready++
		}
		h.Write(asJSON(l))
		plan.Lines = append(plan.Lines, l)
	}
	plan.Hash = hex.EncodeToString(h.Sum(nil)[:16])
	return plan, nil
}

// converter judges the entries of one list.
type converter struct {
	e          *Engine
	tx         store.Store
	tenantID   string
	root       string
	domains    verifiedDomains
	breakGlass map[string]bool
	seen       map[string]bool
}

func (c *converter) line(ctx context.Context, entry string) (ConversionLine, error) {
	l := ConversionLine{Entry: entry}
	say := func(code, message string) (ConversionLine, error) {
		l.Code, l.Message = code, message
		return l, nil
	}
	account, err := c.find(ctx, entry)
	if errors.Is(err, store.ErrNotFound) {
		return say("not_found", "There is no such account in the application.")
	}
	if err != nil {
		return l, err
	}
	l.AccountID, l.Email = account.ID, account.Email
	rec, err := c.tx.Account(ctx, c.tenantID, account.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return l, err
	}
	switch {
	case c.seen[account.ID]:
		return say("duplicate", "The account is in the list twice.")
	case account.ID == c.root:
		return say("root_user", "This account created the organisation and cannot be provisioned.")
	case c.breakGlass[foldEmail(account.Email)]:
		return say("break_glass", "The address is on the break-glass list. Take it off first.")
	case !c.domains.has(account.Email):
		return say("domain_not_verified", "The address is not in a verified domain of the organisation ("+c.domains.names()+").")
	case rec.SCIMUserID != "":
		return say("already_provisioned", "A directory provisions this account already.")
	case rec.Convertible:
		return say("already_approved", "The account was approved before and waits for the directory.")
	}
	c.seen[account.ID] = true
	return say("ready", "The directory takes the account over when it sends a user with this address. Its history stays.")
}

func (c *converter) find(ctx context.Context, entry string) (AccountState, error) {
	if strings.Contains(entry, "@") {
		a, err := c.e.cfg.Target.AccountByEmail(ctx, c.tx, c.tenantID, entry)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			err = hostErr("find an account by its address", err)
		}
		return a, err
	}
	list, err := c.e.cfg.Target.Accounts(ctx, c.tx, c.tenantID, []string{entry})
	if err != nil {
		return AccountState{}, hostErr("read accounts", err)
	}
	if i := slices.IndexFunc(list, func(a AccountState) bool { return a.ID == entry }); i >= 0 {
		return list[i], nil
	}
	return AccountState{}, store.ErrNotFound
}
