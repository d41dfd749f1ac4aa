package portal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// A plan that takes long to compute is kept for an hour, so that its page can be loaded again, by whoever asked for it, on any replica.

const (
	keptKind = "portal_kept"
	keptLife = time.Hour
)

// keptNote is what is kept: for one person, about one thing.
type keptNote struct {
	Actor string          `json:"actor"`
	About string          `json:"about"`
	Data  json.RawMessage `json:"data"`
}

// keepFor keeps a value that a page shows, and returns its name.
func (v *visit) keepFor(ctx context.Context, about string, value any) (string, error) {
	data, err := json.Marshal(value)
	if err == nil {
		data, err = json.Marshal(keptNote{Actor: v.actorKey(), About: about, Data: data})
	}
	if err != nil {
		return "", fmt.Errorf("portal: keeping a plan: %w", err)
	}
	id := rand.Text()
	err = v.h.cfg.Store.PutToken(ctx, v.tenantID, store.Token{Kind: keptKind, Key: id, Data: data, ExpiresAt: store.Time(v.h.cfg.Now().Add(keptLife))})
	return id, err
}

// kept reads what was kept. What is gone, of somebody else or about something else is store.ErrNotFound.
func (v *visit) kept(id, about string, value any) error {
	ctx := v.r.Context()
	data, err := v.takeBack(ctx, id)
	if err != nil {
		return err
	}
	var n keptNote
	if err := json.Unmarshal(data, &n); err != nil {
		return fmt.Errorf("portal: what was kept can't be read: %w", err)
	}
	if n.Actor != v.actorKey() || n.About != about {
		return store.ErrNotFound
	}
	return json.Unmarshal(n.Data, value)
}

// takeBack takes a token and puts it back, since tokens are read by taking them: in one transaction, where the store has any.
func (v *visit) takeBack(ctx context.Context, id string) ([]byte, error) {
	var data []byte
	again := func(tokens store.TokenStore) (err error) {
		now := v.h.cfg.Now()
		if data, err = tokens.TakeToken(ctx, v.tenantID, keptKind, id, store.Time(now)); err != nil {
			return err
		}
		return tokens.PutToken(ctx, v.tenantID, store.Token{Kind: keptKind, Key: id, Data: data, ExpiresAt: store.Time(now.Add(keptLife))})
	}
	st, ok := v.h.cfg.Store.(store.Store)
	if !ok {
		return data, again(v.h.cfg.Store)
	}
	for try := 1; ; try++ {
		err := st.InTx(ctx, func(tx store.Store) error { return again(tx) })
		if !errors.Is(err, store.ErrStale) || try == 5 {
			return data, err
		}
	}
}
