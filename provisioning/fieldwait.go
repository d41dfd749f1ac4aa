package provisioning

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// tokenSent says when an account was sent a code.
const tokenSent = "field_code_sent"

// sentKeys are where the time of an account's last code may be: those of the present stretch of time and the one before, so
// that none is in the way of another for longer than it counts.
func (f *Fields) sentKeys(accountID string, now time.Time) [2]string {
	r := f.cfg.Limits.ResendAfter
	at := now.Truncate(r)
	key := func(t time.Time) string { return accountID + "/" + strconv.FormatInt(t.UnixNano(), 36) }
	return [2]string{key(at), key(at.Add(-r))}
}

// wait notes that the account is sent a code now, or says how long it has to wait: whatever field or value the one before was
// for, and whether that still waits.
func (f *Fields) wait(ctx context.Context, tx store.Store, tenantID, accountID string, now time.Time) (time.Duration, error) {
	r, keys := f.cfg.Limits.ResendAfter, f.sentKeys(accountID, now)
	for _, key := range keys {
		data, err := tx.TakeToken(ctx, tenantID, tokenSent, key, now)
		switch {
		case notFound(err):
			continue
		case err != nil:
			return 0, err
		}
		sent, err := strconv.ParseInt(string(data), 10, 64)
		if err != nil {
			continue // not ours
		}
		// A clock that went back must not let anybody wait for longer than the rule says.
		if wait := time.Unix(0, sent).Add(r).Sub(now); wait > 0 && wait <= r {
			return wait, nil // the refusal puts the token back
		}
	}
	err := tx.PutToken(ctx, tenantID, store.Token{
		Kind: tokenSent, Key: keys[0], Data: []byte(strconv.FormatInt(now.UnixNano(), 10)), ExpiresAt: store.Time(now.Add(3 * r)),
	})
	if errors.Is(err, store.ErrConflict) {
		return 0, errAgain
	}
	return 0, err
}

// noWait lets an account ask again at once: what it asked for was not sent, or was confirmed.
func (f *Fields) noWait(ctx context.Context, tx store.Store, tenantID, accountID string, sent time.Time) error {
	for _, key := range f.sentKeys(accountID, sent) {
		if _, err := tx.TakeToken(ctx, tenantID, tokenSent, key, sent); err != nil && !notFound(err) {
			return err
		}
	}
	return nil
}

// firstTime says whether this is the first time that something is told of a code.
func (f *Fields) firstTime(ctx context.Context, tx store.Store, tenantID string, p store.PendingField, what string) (bool, error) {
	until := p.ExpiresAt
	if now := f.cfg.Now(); until.Before(now) {
		until = store.Time(now)
	}
	err := tx.PutToken(ctx, tenantID, store.Token{Kind: tokenAttempt, Key: p.ID + "/" + what, ExpiresAt: until.Add(f.cfg.Limits.Window)})
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}
