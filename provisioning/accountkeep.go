package provisioning

import (
	"context"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// ErrNoAccountDeletion says that no deletion of the account is planned.
var ErrNoAccountDeletion = fmt.Errorf("provisioning: no deletion of this account is planned: %w", store.ErrNotFound)

// CancelAccountDeletion keeps an account that waits to be deleted ([Engine.PlannedAccountDeletions]), without access as it
// is. It is planned anew when its access ends again. The error matches [ErrNoAccountDeletion] if
// none is planned. The actor needs [tenant.ActionApplyMapping].
func (e *Engine) CancelAccountDeletion(ctx context.Context, actor tenant.Actor, tenantID, accountID string) error {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionApplyMapping, tenantID); err != nil {
		return err
	}
	return e.inTenant(ctx, tenantID, func(tx store.Store) error {
		d, waits, err := accountDeletions.of(ctx, tx, tenantID, accountID)
		switch {
		case err != nil:
			return err
		case !waits:
			return ErrNoAccountDeletion
		}
		ev := e.keepAccountEvent(d, "somebody decided to keep the account")
		ev.Actor, ev.Origin = eventActor(actor), actor.Origin.Event()
		return tx.AppendEvents(ctx, tenantID, ev)
	})
}
