package store

import (
	"context"
	"time"
)

// Lease is the right to do some work alone for a while.
type Lease struct {
	// Holder is who has the lease: a name that is unique among replicas.
	Holder string
	// Token grows each time the lease passes to another holder. Whoever writes under a
	// lease can pass it on, so that a late writer is recognised.
	Token int64
	// Until is when the lease ends unless it is renewed.
	Until time.Time
}

// LeaseStore lets one of several replicas do a piece of work. Times are the callers'
// clocks: leases should be much longer than the clocks may differ. Correctness must
// not rest on a lease alone; writes are still checked by version or position.
type LeaseStore interface {
	// AcquireLease takes the named lease until the given time, or renews it for the
	// holder who has it. ErrConflict if another holder's lease has not ended at now.
	// Of several concurrent calls for a free lease exactly one succeeds.
	AcquireLease(ctx context.Context, tenantID, name, holder string, now, until time.Time) (Lease, error)

	// ReleaseLease ends the lease if the holder has it; otherwise it does nothing.
	ReleaseLease(ctx context.Context, tenantID, name, holder string) error
}
