package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// count reads the kept number of all records, or counts those that match.
func (s Shared) count(ctx context.Context, kind Kind, tenantID string, filter store.Expr) (int, error) {
	c := compiler{Dialect: &s.DB.Dialect, kind: kind, args: []any{tenantID}}
	cond := c.compile(filter)
	if !cond.exact {
		return 0, fmt.Errorf("%s: this filter cannot be counted: %w", s.DB.Name, errors.ErrUnsupported)
	}
	var n int
	query, args := "select count(*) from "+kind.table()+" r where r.tenant_id = $1 and "+cond.onRow(), c.args
	switch {
	case cond.is(never):
		return 0, nil
	case cond.is(always):
		query, args = s.DB.CountRecords, []any{tenantID, string(kind)}
	}
	err := s.DB.One(ctx, []any{&n}, query, args...)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return n, Errorf(err, "count")
}
