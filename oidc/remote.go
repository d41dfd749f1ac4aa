package oidc

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/tenant"
)

// remote keeps documents that were fetched from providers, by URL: one request however many wait for it, bounded
// memory, an age limit, and a pause after failures. The request runs on a context of its own, since the first caller
// may go away while others wait.
type remote[T any] struct {
	// fetch gets the document. weight is its share of the budget.
	fetch func(ctx context.Context, key string) (doc T, weight int, err error)
	now   func() time.Time

	timeout time.Duration // of one fetch
	// fresh is the age up to which a document is used without asking again.
	fresh time.Duration
	// usable is the age up to which an old document is still used when the provider does not answer.
	usable time.Duration
	// background lets a document older than fresh be used at once while it is fetched anew.
	background bool
	// pause is the time without requests after a failure.
	pause time.Duration
	// budget bounds the sum of the weights; the documents used longest ago go first.
	budget int

	mu      sync.Mutex
	entries map[string]*list.Element // of *entry[T]
	order   list.List                // most recently used first
	weight  int
}

// entry is one document, or the failure to get one.
type entry[T any] struct {
	key      string
	doc      T
	have     bool
	weight   int
	fetched  time.Time // of doc
	failed   time.Time // zero when the last fetch succeeded
	failure  error
	inflight *flight

	forced [askers]allowance
}

// allowance limits the fetches that a caller forces, see refresh.
type allowance struct {
	tokens float64
	at     time.Time // when tokens was counted
}

// asker is who forces a fetch. Each kind has an allowance of its own, so that strangers can't use up that of sign-ins.
type asker int

const (
	signIn   asker = iota // by a token that the provider handed out itself
	stranger              // by a token that anybody may have sent
	schedule              // by the host's regular refresh
	askers
)

// flight is a fetch that is under way.
type flight struct{ done chan struct{} }

// Fetches that are forced by what somebody else sent (an unknown key ID, a bad signature): a burst, then one in a while.
const (
	forcedBurst  = 3
	forcedRefill = 30 * time.Second
	entryWeight  = 1 // of an entry without a document
)

// get returns the document, fetching it where there is none or it is too old.
func (r *remote[T]) get(ctx context.Context, key string) (T, error) {
	r.mu.Lock()
	e := r.entryLocked(key)
	now := r.now()
	age := now.Sub(e.fetched)
	switch {
	case e.have && age < r.fresh && age >= 0:
		doc := e.doc
		r.mu.Unlock()
		return doc, nil
	case e.inflight == nil && !e.failed.IsZero() && now.Sub(e.failed) < r.pause && now.Sub(e.failed) >= 0:
		defer r.mu.Unlock()
		return r.staleLocked(e, now)
	case e.have && r.background && age < r.usable:
		doc := e.doc
		if e.inflight == nil {
			r.startLocked(ctx, e)
		}
		r.mu.Unlock()
		return doc, nil
	}
	if e.inflight == nil {
		r.startLocked(ctx, e)
	}
	f := e.inflight
	r.mu.Unlock()
	return r.wait(ctx, e, f)
}

// refresh fetches the document again although it is fresh, because it lacks something. It does so for a few callers
// and then once in a while; otherwise it reports that nothing newer can be had.
func (r *remote[T]) refresh(ctx context.Context, key string, by asker) (doc T, asked bool, err error) {
	r.mu.Lock()
	e := r.entryLocked(key)
	now := r.now()
	if e.inflight == nil {
		if !e.forced[by].take(now) || !e.failed.IsZero() && now.Sub(e.failed) < r.pause {
			r.mu.Unlock()
			return doc, false, nil
		}
		r.startLocked(ctx, e)
	}
	f := e.inflight
	r.mu.Unlock()
	doc, err = r.wait(ctx, e, f)
	return doc, true, err
}

// take uses up one forced fetch, if one is left. Its entry's lock is held.
func (a *allowance) take(now time.Time) bool {
	if a.at.IsZero() {
		a.tokens = forcedBurst
	} else if gone := now.Sub(a.at); gone > 0 {
		a.tokens = min(forcedBurst, a.tokens+float64(gone)/float64(forcedRefill))
	}
	a.at = now
	if a.tokens < 1 {
		return false
	}
	a.tokens--
	return true
}

func (r *remote[T]) wait(ctx context.Context, e *entry[T], f *flight) (T, error) {
	var none T
	select {
	case <-f.done:
	case <-ctx.Done():
		return none, &failure{code: tenant.CodeDiscoveryTimeout, reason: "the caller gave up waiting", cause: ctx.Err()}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.staleLocked(e, r.now())
}

// staleLocked returns what there is: the document while it is usable, else the failure.
func (r *remote[T]) staleLocked(e *entry[T], now time.Time) (T, error) {
	if e.have && (e.failed.IsZero() || now.Sub(e.fetched) < r.usable) {
		return e.doc, nil
	}
	var none T
	if e.failure != nil {
		return none, e.failure
	}
	return none, &failure{code: tenant.CodeDiscoveryTimeout, reason: "the document could not be fetched"}
}

// startLocked begins a fetch. Its goroutine ends when the fetch does, at the latest after the timeout.
func (r *remote[T]) startLocked(ctx context.Context, e *entry[T]) {
	f := &flight{done: make(chan struct{})}
	e.inflight = f
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	go func() {
		defer cancel()
		doc, weight, err := r.guarded(ctx, e.key)
		r.mu.Lock()
		defer r.mu.Unlock()
		defer close(f.done)
		e.inflight = nil
		if err != nil {
			e.failed, e.failure = r.now(), err
			return
		}
		if r.entries[e.key] != nil && r.entries[e.key].Value == e {
			r.weight += weight + entryWeight - e.weight
		}
		e.doc, e.have, e.weight = doc, true, weight+entryWeight
		e.fetched, e.failed, e.failure = r.now(), time.Time{}, nil
		r.evictLocked(e)
	}()
}

// guarded keeps a panic in a library from ending the process: this runs in a goroutine that net/http does not guard.
func (r *remote[T]) guarded(ctx context.Context, key string) (doc T, weight int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("oidc: reading the document failed")
		}
	}()
	return r.fetch(ctx, key)
}

// entryLocked finds or makes the entry of a key and marks it as used.
func (r *remote[T]) entryLocked(key string) *entry[T] {
	if el, ok := r.entries[key]; ok {
		r.order.MoveToFront(el)
		return el.Value.(*entry[T])
	}
	if r.entries == nil {
		r.entries = make(map[string]*list.Element)
	}
	e := &entry[T]{key: key, weight: entryWeight}
	r.entries[key] = r.order.PushFront(e)
	r.weight += e.weight
	r.evictLocked(e)
	return e
}

// evictLocked drops the entries used longest ago until the budget holds. Those who wait for a dropped entry still get
// their answer.
func (r *remote[T]) evictLocked(keep *entry[T]) {
	for r.weight > r.budget {
		last := r.order.Back()
		if last == nil || last.Value == keep {
			return
		}
		e := r.order.Remove(last).(*entry[T])
		delete(r.entries, e.key)
		r.weight -= e.weight
	}
}
