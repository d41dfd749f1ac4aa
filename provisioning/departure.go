package provisioning

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Deprovisioner is an optional interface of a [Target] whose people have duties that somebody
// else must take over, such as being on call (R108).
type Deprovisioner interface {
	// BeforeDeprovision is called in the transaction that ends an account's access, right
	// before [Target].SetActive. It may hand duties over itself, and returns what somebody has to take
	// over: at most 100 things, shown to the owners as [FindingHandOver] and told by
	// [NoticeHandOver]. It cannot keep the access: an error, a panic, or more than 10 seconds undo
	// what it did itself, are recorded as [FindingHandOverFailed], and the access ends.
	BeforeDeprovision(ctx context.Context, tx store.Store, tenantID, accountID string) ([]HandOver, error)
}

// HandOver is something of a person's that somebody has to take over.
type HandOver struct {
	// Kind and ID name it in the host, Name and Message are for people.
	Kind, ID, Name, Message string
}

// AccountDeleter is an optional interface of a [Target] that can delete accounts:
// [store.AccountDelete] may be chosen then.
type AccountDeleter interface {
	// DeleteAccount deletes the account, which has been without access for Config.DeleteAfter,
	// with its memberships. Deleting it again changes nothing.
	DeleteAccount(ctx context.Context, tx store.Store, tenantID, accountID string) error
}

// The findings and the notice about people who go.
const (
	// FindingHandOver: somebody whose access ended leaves something that somebody has to take over.
	FindingHandOver FindingCode = "hand_over"
	// FindingHandOverFailed: the application could not say what somebody leaves.
	FindingHandOverFailed FindingCode = "hand_over_failed"
	// NoticeHandOver is the kind of the notice about either.
	NoticeHandOver = "provisioning_hand_over"
)

const (
	maxHandOver  = 100
	handOverTime = 10 * time.Second
)

// handOver asks the host what somebody leaves. It keeps nobody in.
func (a *applier) handOver(ctx context.Context, tx store.Store, p *personPlan) error {
	d, ok := a.e.cfg.Target.(Deprovisioner)
	if !ok || p.hostGone || p.record == nil || !p.record.Active {
		return nil
	}
	var left []HandOver
	err := tx.InTx(ctx, func(tx store.Store) (err error) {
		limited, cancel := context.WithTimeout(ctx, handOverTime)
		defer cancel()
		if left, err = askHandOver(limited, d, tx, a.tenantID, p.record.ID); err == nil {
			err = limited.Err() // too late, whether it looked at its context or not
		}
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	f := Finding{Code: FindingHandOver, AccountID: p.record.ID, SCIMUserID: p.scimUserID, Person: p.label()}
	if err != nil {
		a.e.cfg.Logger.WarnContext(ctx, "provisioning: what somebody leaves could not be found out; the access ended all the same", "tenant", a.tenantID, "account", p.record.ID, "error", err)
		f.Code, f.Message = FindingHandOverFailed, "The access of this person ended. The application could not say what somebody has to take over: look for yourself."
		a.found = append(a.found, f)
		return nil
	}
	for i, h := range left {
		if i == maxHandOver {
			f.Message = fmt.Sprintf("%d more things are to be taken over from this person.", len(left)-i)
			a.found = append(a.found, f)
			break
		}
		f.Message = clip(h.Message)
		if f.Message == "" {
			f.Message = fmt.Sprintf("Somebody has to take over %s “%s”.", clip(h.Kind), clip(h.Name))
		}
		a.found = append(a.found, f)
	}
	return nil
}

func askHandOver(ctx context.Context, d Deprovisioner, tx store.Store, tenantID, accountID string) (left []HandOver, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("provisioning: BeforeDeprovision panicked: %v", r)
		}
	}()
	return d.BeforeDeprovision(ctx, tx, tenantID, accountID)
}

// deletesAccounts says whether accounts of people who went are deleted after a while.
func (e *Engine) deletesAccounts(s store.ProvisioningSettings) bool {
	_, can := e.cfg.Target.(AccountDeleter)
	policy := s.OnDeprovision
	if policy == "" {
		policy = e.cfg.OnDeprovision
	}
	return can && policy == store.AccountDelete
}

func (e *Engine) checkDeprovision(p store.AccountPolicy, errs *SettingsError) {
	oneOf(errs, "onDeprovision", p, "", store.AccountSuspend, store.AccountDelete)
	if _, can := e.cfg.Target.(AccountDeleter); p == store.AccountDelete && !can {
		errs.add("onDeprovision", "policy_unsupported", "the application deletes no accounts; expected suspend")
	}
}
