package memory

import (
	"bytes"
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

type tokenKey struct{ kind, key string }

// PutToken implements [store.TokenStore].
func (s *Store) PutToken(ctx context.Context, tenantID string, tok store.Token) error {
	return s.putToken(ctx, tenantID, tok, func(*tenant) {})
}

// TakeToken implements [store.TokenStore].
func (s *Store) TakeToken(ctx context.Context, tenantID, kind, key string, now time.Time) (data []byte, err error) {
	k := tokenKey{kind, key}
	err = s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		tok, ok := t.tokens[k]
		if !ok || !store.Time(now).Before(tok.ExpiresAt) {
			return notFound(kind+" token", key)
		}
		delete(t.tokens, k)
		log.add(func() { t.tokens[k] = tok })
		data = bytes.Clone(tok.Data)
		return nil
	})
	return data, err
}

// ReadToken implements [store.TokenStore].
func (s *Store) ReadToken(ctx context.Context, tenantID, kind, key string, now time.Time) (data []byte, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		tok, ok := t.tokens[tokenKey{kind, key}]
		if !ok || !store.Time(now).Before(tok.ExpiresAt) {
			return notFound(kind+" token", key)
		}
		data = bytes.Clone(tok.Data)
		return nil
	})
	return data, err
}

// DeleteExpiredTokens implements [store.TokenStore].
func (s *Store) DeleteExpiredTokens(ctx context.Context, tenantID string, now time.Time) (n int, err error) {
	err = s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		for k, tok := range t.tokens {
			if store.Time(now).Before(tok.ExpiresAt) {
				continue
			}
			delete(t.tokens, k)
			log.add(func() { t.tokens[k] = tok })
			n++
		}
		return nil
	})
	return n, err
}
