package sqlstore

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	// InsertToken stores a token: tenant, kind, key, data, end.
	InsertToken         = "insert into tenantgate_tokens (tenant_id, kind, token_key, data, expires_at) values ($1, $2, $3, $4, $5) on conflict do nothing"
	takeToken           = "delete from tenantgate_tokens where tenant_id = $1 and kind = $2 and token_key = $3 and expires_at > $4 returning data"
	readToken           = "select data from tenantgate_tokens where tenant_id = $1 and kind = $2 and token_key = $3 and expires_at > $4"
	deleteExpiredTokens = "delete from tenantgate_tokens where tenant_id = $1 and expires_at <= $2"
)

// PutToken implements store.TokenStore.
func (s Shared) PutToken(ctx context.Context, tenantID string, t store.Token) error {
	args := []any{tenantID, t.Kind, t.Key, Blob(t.Data), s.DB.Time(store.Time(t.ExpiresAt))}
	var n int64
	var err error
	switch {
	case !t.Ephemeral || s.DB.tx != nil:
		n, err = s.write(ctx, InsertToken, args...)
	case s.DB.Relax != nil:
		n, err = s.DB.execRelaxed(ctx, InsertToken, args...)
	default:
		n, err = s.write(ctx, s.DB.EphemeralToken, args...)
	}
	if err == nil && n == 0 {
		err = store.ErrConflict
	}
	return Errorf(err, "token")
}

// TakeToken implements store.TokenStore.
func (s Shared) TakeToken(ctx context.Context, tenantID, kind, key string, now time.Time) ([]byte, error) {
	var data []byte
	err := s.statement(ctx, func(db *DB) error {
		return db.One(ctx, []any{&data}, takeToken, tenantID, kind, key, db.Time(store.Time(now)))
	})
	return data, Errorf(err, "token")
}

// ReadToken implements store.TokenStore.
func (s Shared) ReadToken(ctx context.Context, tenantID, kind, key string, now time.Time) ([]byte, error) {
	var data []byte
	err := s.DB.One(ctx, []any{&data}, readToken, tenantID, kind, key, s.DB.Time(store.Time(now)))
	return data, Errorf(err, "token")
}

// DeleteExpiredTokens implements store.TokenStore.
func (s Shared) DeleteExpiredTokens(ctx context.Context, tenantID string, now time.Time) (int, error) {
	n, err := s.write(ctx, deleteExpiredTokens, tenantID, s.DB.Time(store.Time(now)))
	return int(n), Errorf(err, "expired tokens")
}

// write runs a single statement that writes.
func (s Shared) write(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.statement(ctx, func(db *DB) error {
		n, err = db.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

// statement runs fn, one statement that writes: as it is where a statement is its own
// transaction, in turn with other writers where only one may write.
func (s Shared) statement(ctx context.Context, fn func(*DB) error) error {
	return s.DB.Statement(ctx, fn)
}

// Statement runs fn, which is one statement that writes.
func (d *DB) Statement(ctx context.Context, fn func(*DB) error) error {
	if d.tx == nil && d.writer != nil {
		return d.Transact(ctx, fn)
	}
	return d.Retry(ctx, func() error { return fn(d) })
}
