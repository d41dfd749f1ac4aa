package tenant

import (
	"context"
	"fmt"
	"strconv"

	"github.com/tenantgate/tenantgate/store"
)

// tellDecision tells the owners what became of their request.
func (s *Service) tellDecision(ctx context.Context, tx store.Store, tenantID string, c store.Connection, step Step, text string) error {
	what := "Your request for sign-in at your identity provider"
	if c.ChangeOf != "" {
		what = "Your request to change sign-in at your identity provider"
	}
	switch step {
	case StepAsk:
		return s.tellOwners(ctx, tx, tenantID, c, NoticeInformationAsked, what+" needs more information: "+text)
	case StepReject:
		return s.tellOwners(ctx, tx, tenantID, c, NoticeRejected, what+" was not approved: "+text)
	case StepApprove:
		left := " was approved. Prove your domains, sign in once as a test, and then activate it."
		if c.ChangeOf != "" {
			left = " was approved. Sign in once as a test, and then put it in force."
		}
		return s.tellOwners(ctx, tx, tenantID, c, NoticeApproved, what+left)
	}
	return nil
}

// tellOwners hands a notice about a connection on, within the transaction of what it is about: a change that can't be
// told is not made.
func (s *Service) tellOwners(ctx context.Context, tx store.Store, tenantID string, c store.Connection, kind, message string) error {
	if s.cfg.Notifier == nil {
		return nil
	}
	n := Notice{
		ID: noticeID(tenantID, c.ID, kind, strconv.FormatInt(c.Version, 10)), Kind: kind, TenantID: tenantID,
		ConnectionID: c.ID, ConnectionName: c.Name, Message: message,
	}
	if err := s.cfg.Notifier.Notify(ctx, tx, n); err != nil {
		return fmt.Errorf("tenant: telling the owners: %w", err)
	}
	return nil
}
