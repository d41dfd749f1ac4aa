package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// The engine keeps drafts, and plans to look at, for a while as tokens of the store.

// putNote keeps a value until then.
func putNote(ctx context.Context, tx store.Store, tenantID, kind, key string, value any, until time.Time) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("provisioning: keeping a %s: %w", kind, err)
	}
	return tx.PutToken(ctx, tenantID, store.Token{Kind: kind, Key: key, Data: data, ExpiresAt: store.Time(until)})
}

// readNote reads a note and leaves it there.
func readNote(ctx context.Context, st store.Store, tenantID, kind, key string, value any, now time.Time) error {
	data, err := st.ReadToken(ctx, tenantID, kind, key, store.Time(now))
	if err == nil {
		err = openNote(kind, data, value)
	}
	return err
}

// takeNote reads a note and takes it away, within a transaction that puts the next one.
func takeNote(ctx context.Context, tx store.Store, tenantID, kind, key string, value any, now time.Time) error {
	data, err := tx.TakeToken(ctx, tenantID, kind, key, store.Time(now))
	if err == nil {
		err = openNote(kind, data, value)
	}
	return err
}

func openNote(kind string, data []byte, value any) error {
	if err := json.Unmarshal(data, value); err != nil {
		return fmt.Errorf("provisioning: reading a %s: %w", kind, err)
	}
	return nil
}
