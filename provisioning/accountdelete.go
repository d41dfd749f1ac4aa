package provisioning

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// The lines about accounts that are deleted after a while.
const (
	AccountDeletePlanned LineKind = "account.delete_planned"
	AccountDelete        LineKind = "account.delete"
)

// EventAccountDeleteCancelled is the type of the event by which an account that waits to be
// deleted stays.
const EventAccountDeleteCancelled = eventPrefix + "account.delete_cancelled"

const (
	accountDeleteReader = "provisioning.account_deletions"
	accountDeletePrefix = eventPrefix + "account.delete"
)

// accountDeletions wait by the line of kind [AccountDeletePlanned]; [AccountDelete] or
// [EventAccountDeleteCancelled] closes them.
var accountDeletions = waiting[PlannedAccountDeletion]{
	reader: accountDeleteReader, prefix: accountDeletePrefix, subject: subjectAccount, opens: accountDeletionBy,
	at: func(d PlannedAccountDeletion) (int64, time.Time, string) { return d.Seq, d.DueAt, d.eventID },
}

// PlannedAccountDeletion is an account without access that will be deleted.
type PlannedAccountDeletion struct {
	AccountID string `json:"accountId"`
	Person    string `json:"person"`
	// PlannedAt is when the access ended, DueAt when the account is deleted unless the directory
	// restores the user, somebody restores the account, or the settings keep such accounts.
	PlannedAt time.Time `json:"plannedAt"`
	DueAt     time.Time `json:"dueAt"`
	Reason    string    `json:"reason"`
	// Seq is the deletion's place in the list, for the page that follows.
	Seq int64 `json:"seq"`

	eventID string
}

// PlannedAccountDeletions lists up to limit accounts (zero means [store.MaxLimit]) that wait
// to be deleted, from the first whose Seq is greater than after. The actor needs
// [tenant.ActionViewMapping].
func (e *Engine) PlannedAccountDeletions(ctx context.Context, actor tenant.Actor, tenantID string, after int64, limit int) ([]PlannedAccountDeletion, error) {
	return accountDeletions.page(ctx, e, actor, tenantID, after, limit)
}

func accountDeletionBy(ev store.Event) (PlannedAccountDeletion, bool) {
	var l Line
	if ev.Type != eventPrefix+string(AccountDeletePlanned) || json.Unmarshal(ev.After, &l) != nil {
		return PlannedAccountDeletion{}, false
	}
	return PlannedAccountDeletion{
		AccountID: ev.Subject.ID, Person: l.Person, PlannedAt: ev.At, DueAt: l.DueAt, Reason: l.Reason, Seq: ev.Seq, eventID: ev.ID,
	}, true
}

func (e *Engine) keepAccountEvent(d PlannedAccountDeletion, reason string) store.Event {
	ev := e.lineEvent(Line{Kind: AccountReactivate, AccountID: d.AccountID, Person: d.Person, Reason: reason})
	ev.Type = EventAccountDeleteCancelled
	return ev
}

// keptAccount closes the deletion of somebody who is back.
func (a *applier) keptAccount(ctx context.Context, tx store.Store, accountID string) ([]store.Event, error) {
	if _, can := a.e.cfg.Target.(AccountDeleter); !can {
		return nil, nil
	}
	d, waits, err := accountDeletions.of(ctx, tx, a.tenantID, accountID)
	if err != nil || !waits {
		return nil, err
	}
	return []store.Event{a.e.keepAccountEvent(d, "the directory restored the user")}, nil
}

// deleteAccountsDue deletes the accounts whose time has come.
func (e *Engine) deleteAccountsDue(ctx context.Context, tenantID string) error {
	if _, can := e.cfg.Target.(AccountDeleter); !can {
		return nil
	}
	return accountDeletions.due(ctx, e, tenantID, e.accountDeletions, e.deleteAccount)
}

// deleteAccount deletes one account, or finds why it stays; closed is false if it is to be
// looked at again.
func (e *Engine) deleteAccount(ctx context.Context, tenantID string, d PlannedAccountDeletion) (closed bool, err error) {
	return accountDeletions.finish(ctx, e, tenantID, d.AccountID, d, func(tx store.Store, s store.ProvisioningSettings) error {
		why, err := e.whyAccountKept(ctx, tx, tenantID, d.AccountID, s)
		if err != nil {
			return err
		}
		if why != "" {
			return tx.AppendEvents(ctx, tenantID, e.keepAccountEvent(d, why))
		}
		return e.removeAccount(ctx, tx, tenantID, d)
	})
}

// whyAccountKept says why an account is not deleted; empty if it is.
func (e *Engine) whyAccountKept(ctx context.Context, tx store.Store, tenantID, accountID string, s store.ProvisioningSettings) (string, error) {
	if !e.deletesAccounts(s) {
		return "the settings keep such accounts now", nil
	}
	root, err := e.target.RootAccount(ctx, tx, tenantID)
	if err != nil {
		return "", hostErr("read the root account", err)
	}
	glass, err := breakGlassOf(ctx, tx, tenantID)
	if err != nil {
		return "", err
	}
	host, err := e.hostAccount(ctx, tx, tenantID, accountID)
	if err != nil && !notFound(err) {
		return "", err
	}
	rec, err := tx.Account(ctx, tenantID, accountID)
	if notFound(err) {
		return "nothing is known of the account any more", nil
	}
	switch {
	case err != nil:
		return "", err
	case accountID == root || glass[foldEmail(host.Email)] || glass[foldEmail(rec.Email)]:
		return "the account is the root user's, or on the break-glass list", nil
	case rec.Active || host.Active:
		return "the account has access again", nil
	case rec.Source != store.SourceSCIM && rec.Source != store.SourceConverted:
		return "no directory has the account any more", nil
	}
	return "", nil
}

func (e *Engine) removeAccount(ctx context.Context, tx store.Store, tenantID string, d PlannedAccountDeletion) error {
	t, ok := e.cfg.Target.(AccountDeleter)
	if !ok {
		return nil
	}
	if err := e.guard.call(ctx, "DeleteAccount", func(ctx context.Context) error { return t.DeleteAccount(ctx, tx, tenantID, d.AccountID) }); err != nil {
		return hostErr("delete an account", err)
	}
	grants, err := tx.Grants(ctx, tenantID, d.AccountID)
	if err != nil {
		return err
	}
	drop := make([]store.GrantKey, len(grants))
	for i, g := range grants {
		drop[i] = g.Key()
	}
	if err := tx.ChangeGrants(ctx, tenantID, nil, drop); err != nil {
		return err
	}
	links, err := tx.IdentitiesOf(ctx, tenantID, d.AccountID)
	if err != nil {
		return err
	}
	for _, l := range links {
		if err := tx.DeleteIdentity(ctx, tenantID, l.ID); err != nil {
			return err
		}
	}
	line := Line{Kind: AccountDelete, AccountID: d.AccountID, Person: d.Person, Reason: d.Reason}
	return tx.DeleteAccount(ctx, tenantID, d.AccountID, 0, e.lineEvent(line))
}
