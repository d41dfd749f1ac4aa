package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	deadKeyUsed = "dead_api_key" // kind of the token that remembers the first use
	// deadKeyQuiet is how long the same key is not told again.
	deadKeyQuiet = 30 * day
)

// noteDeadKey tells the owners that a key was presented which was revoked or has expired: the first time, and in the
// journal again after a month. A failure is logged; it changes nothing about the answer.
func (s *Service) noteDeadKey(ctx context.Context, tenantID string, key store.APIKey, from Origin, now time.Time) {
	told := false
	err := s.store.InTx(ctx, func(tx store.Store) error {
		token := store.Token{Kind: deadKeyUsed, Key: key.ID, ExpiresAt: store.Time(now.Add(deadKeyQuiet))}
		if err := tx.PutToken(ctx, tenantID, token); err != nil {
			told = errors.Is(err, store.ErrConflict)
			return err
		}
		n := Notice{
			ID:   noticeID(tenantID, key.ID, store.FormatTime(key.RevokedAt), store.FormatTime(key.ExpiresAt)),
			Kind: NoticeDeadKeyUsed, TenantID: tenantID, KeyID: key.ID, KeyName: key.Name,
		}
		if key.RevokedAt.IsZero() {
			n.ExpiresAt = key.ExpiresAt
			n.Message = fmt.Sprintf("The API key %s (%s) has expired and was used. Give your directory a new one; until then nobody is provisioned or deprovisioned with it.", key.Name, key.Hint)
		} else {
			n.Message = fmt.Sprintf("The API key %s (%s) was revoked and was used. If that is your directory, give it a new one; if not, somebody else has the key.", key.Name, key.Hint)
		}
		if ip := from.Event().IP; ip != "" {
			n.Message += " The request came from " + ip + "."
		}
		if s.cfg.Notifier != nil {
			if err := s.cfg.Notifier.Notify(ctx, tx, n); err != nil {
				return err
			}
		}
		e, err := s.event(Actor{Kind: ActorAPIKey, ID: key.ID, Name: key.Name, Origin: from}, change{
			kind: kindAPIKey, id: key.ID, name: key.Name, what: "api_key.refused", code: n.Kind, message: n.Message,
		})
		if err != nil {
			return err
		}
		return tx.AppendEvents(ctx, tenantID, e)
	})
	if err != nil && !told {
		s.log.WarnContext(ctx, "tenant: the use of a dead API key could not be told", "tenant", tenantID, "key", key.ID, "error", err)
	}
}
