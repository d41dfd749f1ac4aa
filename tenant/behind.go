package tenant

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// behind walks through the tenants whose journal a reader has not read to its end.
type behind struct {
	store   store.Store
	reader  string
	workers int
	// skip, if set, leaves a tenant out of this round.
	skip func(tenantID string) bool
	// work does a tenant's work for a while; more says that some is left.
	work func(ctx context.Context, tenantID string) (n int, more bool, err error)
	// unread and failed, if set, are told that the journal could not be read, and that work failed.
	unread func(err error)
	failed func(tenantID string, err error)
}

// round works on all of them, several at a time, until none has more. It goes on after a tenant that
// fails, and leaves that one to the next round; the errors are joined.
func (b behind) round(ctx context.Context) (total int, err error) {
	var mu sync.Mutex
	var errs []error
	failed := map[string]bool{}
	for again := true; again && ctx.Err() == nil; {
		again = false
		for after := ""; ctx.Err() == nil; {
			tenants, err := b.store.TenantsBehind(ctx, b.reader, after, store.MaxLimit)
			if err != nil {
				if b.unread != nil {
					b.unread(err)
				}
				return total, errors.Join(append(errs, err)...)
			}
			inTurns(b.workers, tenants, func(id string) {
				mu.Lock()
				skip := failed[id] || ctx.Err() != nil || b.skip != nil && b.skip(id)
				mu.Unlock()
				if skip {
					return
				}
				n, more, err := b.work(ctx, id)
				mu.Lock()
				defer mu.Unlock()
				total += n
				again = again || more
				if err != nil {
					failed[id] = true
					errs = append(errs, err)
					if b.failed != nil {
						b.failed(id, err)
					}
				}
			})
			if len(tenants) < store.MaxLimit {
				break
			}
			after = tenants[len(tenants)-1]
		}
	}
	return total, errors.Join(errs...)
}

// inTurns does all of them, so many at a time.
func inTurns(workers int, ids []string, do func(id string)) {
	next := make(chan string)
	var working sync.WaitGroup
	for range min(workers, len(ids)) {
		working.Go(func() {
			for id := range next {
				do(id)
			}
		})
	}
	for _, id := range ids {
		next <- id
	}
	close(next)
	working.Wait()
}

// lookEvery calls look at once, then every interval and at each wake, until ctx ends.
func lookEvery(ctx context.Context, interval time.Duration, wake <-chan struct{}, look func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		look()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		}
	}
}
