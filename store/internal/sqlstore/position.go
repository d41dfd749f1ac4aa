package sqlstore

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
)

const (
	selectPosition = "select seq from tenantgate_positions where tenant_id = $1 and reader = $2"
	firstPosition  = "insert into tenantgate_positions as p (tenant_id, reader, seq) values ($1, $2, $3)" +
		" on conflict (tenant_id, reader) do update set seq = excluded.seq where p.seq = 0"
	movePosition = "update tenantgate_positions set seq = $4 where tenant_id = $1 and reader = $2 and seq = $3"
)

// Position implements store.Journal.
func (s Shared) Position(ctx context.Context, tenantID, reader string) (int64, error) {
	var seq int64
	err := s.DB.One(ctx, []any{&seq}, selectPosition, tenantID, reader)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return seq, Errorf(err, "position of %q", reader)
}

// SavePosition implements store.Journal.
func (s Shared) SavePosition(ctx context.Context, tenantID, reader string, from, to int64) error {
	query, args := movePosition, []any{tenantID, reader, from, to}
	if from == 0 {
		query, args = firstPosition, []any{tenantID, reader, to}
	}
	n, err := s.write(ctx, query, args...)
	if err == nil && n == 0 {
		err = store.ErrStale
	}
	return Errorf(err, "position of %q", reader)
}
