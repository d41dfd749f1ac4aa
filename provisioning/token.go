package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// note is what the engine keeps for a while as a token of the store: drafts, and plans to look at.
type note struct {
	Until time.Time       `json:"until"`
	Data  json.RawMessage `json:"data"`
}

// takeNotes is how often a note is looked for: who reads it has it for the length of a transaction.
const takeNotes = 5

// putNote keeps a value until then.
func putNote(ctx context.Context, tx store.Store, tenantID, kind, key string, value any, until time.Time) error {
	until = store.Time(until)
	data, err := json.Marshal(value)
	if err == nil {
		data, err = json.Marshal(note{Until: until, Data: data})
	}
	if err != nil {
		return fmt.Errorf("provisioning: keeping a %s: %w", kind, err)
	}
	return tx.PutToken(ctx, tenantID, store.Token{Kind: kind, Key: key, Data: data, ExpiresAt: until})
}

// takeNote takes a note away, within a transaction.
func takeNote(ctx context.Context, tx store.Store, tenantID, kind, key string, value any, now time.Time) (until time.Time, err error) {
	data, err := tx.TakeToken(ctx, tenantID, kind, key, store.Time(now))
	if err != nil {
		return until, err
	}
	var n note
	if err = json.Unmarshal(data, &n); err == nil {
		err = json.Unmarshal(n.Data, value)
	}
	if err != nil {
		return until, fmt.Errorf("provisioning: reading a %s: %w", kind, err)
	}
	return n.Until, nil
}

// readNote reads a note and leaves it there. Tokens can only be taken, so it is put back in the same
// transaction; whoever comes at that very moment looks again.
func readNote(ctx context.Context, st store.Store, tenantID, kind, key string, value any, now time.Time) (err error) {
	for range takeNotes {
		err = st.InTx(ctx, func(tx store.Store) error {
			data, err := tx.TakeToken(ctx, tenantID, kind, key, store.Time(now))
			if err != nil {
				return err
			}
			var n note
			if err := json.Unmarshal(data, &n); err != nil {
				return fmt.Errorf("provisioning: reading a %s: %w", kind, err)
			}
			if err := json.Unmarshal(n.Data, value); err != nil {
				return fmt.Errorf("provisioning: reading a %s: %w", kind, err)
			}
			return tx.PutToken(ctx, tenantID, store.Token{Kind: kind, Key: key, Data: data, ExpiresAt: n.Until})
		})
		if !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return err
}
