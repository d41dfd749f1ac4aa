package store

import (
	"context"
	"time"
)

// DeleteExpired removes the expired one-time tokens of all tenants that have a
// connection, and returns how many there were. The host schedules it, about every hour:
// each sign-in leaves one row that expires after minutes. Several replicas may run it at
// the same time.
func DeleteExpired(ctx context.Context, st Store, now time.Time) (n int, err error) {
	for after := ""; ; {
		tenants, err := st.Tenants(ctx, after, MaxLimit)
		if err != nil {
			return n, err
		}
		for _, id := range tenants {
			k, err := st.DeleteExpiredTokens(ctx, id, now)
			n += k
			if err != nil {
				return n, err
			}
		}
		if len(tenants) < MaxLimit {
			return n, nil
		}
		after = tenants[len(tenants)-1]
	}
}
