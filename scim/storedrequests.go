package scim

import (
	"cmp"
	"container/list"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// StoredRequestsConfig configures [NewStoredRequests].
type StoredRequestsConfig struct {
	// Store keeps the log for all replicas. It must be a [store.SCIMResourceStore], as our adapters are. Required.
	Store store.Store
	// PerTenant is how many requests of each kind (gone well, with a warning, refused) a replica keeps of a tenant for each
	// five minutes: the newest. All are counted. Zero means 50.
	PerTenant int
	// KeepFor is how long requests are kept. Zero means a day; less than a day is refused, since the counts are of a day.
	KeepFor time.Duration
	// FlushEvery is how long a request waits at most until the other replicas see it. Zero means 5 seconds.
	FlushEvery time.Duration
	// MaxBytes is how much may be in memory, for the five minutes that run or while the store fails. Zero means 32 MiB. From
	// half of it on it is written at once; what is more, because the store fails, is lost, that of tenants who were quiet for
	// the longest time first.
	MaxBytes int
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger gets what could not be written. Nil discards it.
	Logger *slog.Logger
}

// StoredRequests is a [RequestLog] that all replicas share: what one of them answered, an owner reads and counts at any of
// them ([RequestReader]). A request costs no statement: what came is written in the background, for each tenant that sent
// something one transaction of two records in FlushEvery. What waits is lost when a process is killed: it is a log for
// whoever looks for a mistake, and no record of what was done, which is the journal.
//
// The host runs [StoredRequests.Run], for example as the Loop of a tenant.Task, and [StoredRequests.Clean] about daily. What
// it keeps goes with the tenant, of which nothing more is kept once its removal has begun, and is part of its export. It is safe for concurrent use.
type StoredRequests struct {
	cfg     StoredRequestsConfig
	replica string

	flushing sync.Mutex // one at a time writes
	wake     chan struct{}

	mu      sync.Mutex
	order   list.List // of *requestBatch, the one whose last request is the newest first
	batches map[string]*list.Element
	bytes   int
	clock   int64
	made    int
	lost    int // requests that were forgotten unwritten, since it was told last
}

var (
	_ RequestLog    = (*StoredRequests)(nil)
	_ RequestReader = (*StoredRequests)(nil)
)

const (
	// The types of the records, which are no resource types that are served.
	requestLogType    = "tenantgate.request-log"
	requestCountsType = "tenantgate.request-counts"

	maxStep     = int64(99_999_999_999)
	maxBatch    = 128 << 10 // bytes of one record, about
	oldRequests = 100       // records that are deleted at a time
)

// requestBatch are the requests of one tenant in five minutes at this replica: what one pair of records holds.
type requestBatch struct {
	tenantID              string
	step                  int64
	id                    string
	bytes                 int
	good, warned, refused ring
	counts                map[string]*stepCounts
	dirty, exists         bool
}

func (b *requestBatch) rings() []*ring { return []*ring{&b.good, &b.warned, &b.refused} }

// NewStoredRequests makes a log in the store. It fails if the store can't keep it.
func NewStoredRequests(cfg StoredRequestsConfig) (*StoredRequests, error) {
	if cfg.Store == nil {
		return nil, errors.New("scim: StoredRequestsConfig.Store is required")
	}
	if _, ok := cfg.Store.(store.SCIMResourceStore); !ok {
		return nil, errors.New("scim: StoredRequestsConfig.Store must be a store.SCIMResourceStore, which keeps the log")
	}
	cfg.KeepFor = cmp.Or(cfg.KeepFor, 24*time.Hour)
	if cfg.KeepFor < 24*time.Hour {
		return nil, errors.New("scim: StoredRequestsConfig.KeepFor must be at least a day, of which the requests are counted")
	}
	if cfg.PerTenant < 0 || cfg.FlushEvery < 0 || cfg.MaxBytes < 0 {
		return nil, errors.New("scim: StoredRequestsConfig.PerTenant, FlushEvery and MaxBytes must not be negative")
	}
	cfg.PerTenant, cfg.FlushEvery, cfg.MaxBytes = cmp.Or(cfg.PerTenant, 50), cmp.Or(cfg.FlushEvery, 5*time.Second), cmp.Or(cfg.MaxBytes, defaultLogBytes)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	id := store.NewID(cfg.Now())
	return &StoredRequests{cfg: cfg, replica: id[len(id)-12:], batches: map[string]*list.Element{}, wake: make(chan struct{}, 1)}, nil
}

// stepOfSeq is in which five minutes a place in the log is.
func stepOfSeq(seq int64) int64 { return seq / countStep.Microseconds() }

// stepKey begins the IDs of a step's records: in ascending order the newest come first.
func stepKey(step int64) string { return fmt.Sprintf("%011d", maxStep-max(step, 0)) }

// stepOfKey is the step that an ID begins with.
func stepOfKey(id string) int64 {
	var inverted int64
	if _, err := fmt.Sscanf(id[:min(len(id), 11)], "%d", &inverted); err != nil {
		return 0
	}
	return maxStep - inverted
}

// LogRequest implements [RequestLog].
func (l *StoredRequests) LogRequest(_ context.Context, tenantID string, e Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := e.At.UnixMicro()
	if l.clock++; l.clock < at || l.clock > at+time.Hour.Microseconds() { // a clock that was wrong is set right
		l.clock = at
	}
	e.Seq = l.clock
	b := l.batch(tenantID, stepOfSeq(e.Seq))
	b.dirty = true
	more, result := b.count(e.DirectoryID, e.result()), &b.good
	switch e.result() {
	case RequestRefused:
		result = &b.refused
	case RequestWarned:
		result = &b.warned
	}
	more += result.add(e, l.cfg.PerTenant)
	for b.bytes+more > maxBatch {
		longest := slices.MaxFunc(b.rings(), func(x, y *ring) int { return cmp.Compare(len(x.list), len(y.list)) })
		if len(longest.list) <= 1 {
			break
		}
		more -= longest.shorten()
	}
	b.bytes += more
	l.bytes += more
	if l.bytes > l.cfg.MaxBytes/2 {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	for l.bytes > l.cfg.MaxBytes && l.order.Len() > 1 {
		oldest := l.order.Back().Value.(*requestBatch)
		if oldest.dirty {
			l.lost += oldest.requests()
		}
		l.forget(oldest)
	}
}

// batch is where a tenant's request is put.
func (l *StoredRequests) batch(tenantID string, step int64) *requestBatch {
	key := stepKey(step) + tenantID
	if e := l.batches[key]; e != nil {
		l.order.MoveToFront(e)
		return e.Value.(*requestBatch)
	}
	l.made++
	b := &requestBatch{tenantID: tenantID, step: step, id: fmt.Sprintf("%s.%s.%d", stepKey(step), l.replica, l.made), counts: map[string]*stepCounts{}}
	l.batches[key] = l.order.PushFront(b)
	return b
}

func (l *StoredRequests) forget(b *requestBatch) {
	key := stepKey(b.step) + b.tenantID
	if e := l.batches[key]; e != nil && e.Value == any(b) {
		l.order.Remove(e)
		delete(l.batches, key)
		l.bytes -= b.bytes
	}
}

// count counts a request and returns how many bytes more there are now.
func (b *requestBatch) count(directoryID string, r RequestResult) (more int) {
	c := b.counts[directoryID]
	if c == nil {
		if len(b.counts) >= maxCounted {
			return 0
		}
		c = &stepCounts{}
		b.counts[directoryID] = c
		more = 64 + len(directoryID)
	}
	c.add(r)
	return more
}

func (b *requestBatch) requests() (n int) {
	for _, r := range b.rings() {
		n += len(r.list)
	}
	return n
}

// Run writes what came, every FlushEvery, until ctx ends, and then once more.
func (l *StoredRequests) Run(ctx context.Context) error {
	tick := time.NewTicker(l.cfg.FlushEvery)
	defer tick.Stop()
	rest := max(l.cfg.FlushEvery/10, time.Millisecond) // a store that fails is not asked for each request
	for {
		select {
		case <-tick.C:
			l.flushFor(ctx, time.Minute)
		case <-l.wake:
			l.flushFor(ctx, time.Minute)
			select {
			case <-time.After(rest):
			case <-ctx.Done():
			}
		case <-ctx.Done():
			l.flushFor(context.WithoutCancel(ctx), 10*time.Second)
			return ctx.Err()
		}
	}
}

// flushFor writes what came, for as long as that, and logs what could not be written.
func (l *StoredRequests) flushFor(ctx context.Context, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	l.tell(ctx, l.Flush(ctx))
}

// tell logs what could not be written.
func (l *StoredRequests) tell(ctx context.Context, err error) {
	l.mu.Lock()
	lost := l.lost
	l.lost = 0
	l.mu.Unlock()
	if err != nil || lost > 0 {
		l.cfg.Logger.WarnContext(ctx, "scim: the request log could not be written", "error", err, "lost", lost)
	}
}

// Flush writes what came since, of all tenants. What could not be written stays for the next time; the error joins those of
// the first ten tenants.
func (l *StoredRequests) Flush(ctx context.Context) error { return l.flush(ctx, "") }

// flush writes what came, of one tenant or, where that is empty, of all. Whoever reads one tenant's log does not wait for the
// others: where it is being written already, that is left to it.
func (l *StoredRequests) flush(ctx context.Context, tenantID string) error {
	if tenantID == "" {
		l.flushing.Lock()
	} else if !l.flushing.TryLock() {
		return nil
	}
	defer l.flushing.Unlock()
	l.mu.Lock()
	var due []*requestBatch
	for e := l.order.Back(); e != nil; e = e.Prev() {
		if b := e.Value.(*requestBatch); b.dirty && (tenantID == "" || b.tenantID == tenantID) {
			due = append(due, b)
		}
	}
	l.mu.Unlock()
	var failed []error
	for _, b := range due {
		if err := l.write(ctx, b); err != nil && len(failed) < 10 {
			failed = append(failed, fmt.Errorf("scim: writing the request log of %s: %w", b.tenantID, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	// What is over changes no more; of what goes on, the memory is for what is not written yet.
	l.mu.Lock()
	defer l.mu.Unlock()
	now := stepOfSeq(max(l.clock, l.cfg.Now().UnixMicro()))
	for e := l.order.Back(); e != nil; {
		b, before := e.Value.(*requestBatch), e.Prev()
		if !b.dirty && (b.step < now || l.bytes > l.cfg.MaxBytes/2) {
			l.forget(b)
		}
		e = before
	}
	return errors.Join(failed...)
}

// write writes one batch, and deletes what is too old when it is a new one.
func (l *StoredRequests) write(ctx context.Context, b *requestBatch) error {
	l.mu.Lock()
	exchanges := slices.Concat(b.good.list, b.warned.list, b.refused.list)
	counts := make(map[string]RequestCounts, len(b.counts))
	for id, c := range maps.All(b.counts) {
		var sum RequestCounts
		sum.sum(*c)
		counts[id] = sum
	}
	b.dirty = false
	l.mu.Unlock()

	slices.SortFunc(exchanges, func(x, y Exchange) int { return cmp.Compare(y.Seq, x.Seq) })
	err := l.put(ctx, b, exchanges, counts)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		b.dirty = true
		return err
	}
	b.exists = true
	return nil
}

func (l *StoredRequests) put(ctx context.Context, b *requestBatch, exchanges []Exchange, counts map[string]RequestCounts) error {
	logged, err := json.Marshal(exchanges)
	if err != nil {
		return err
	}
	counted, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	if !b.exists {
		if _, err := l.deleteOld(ctx, b.tenantID); err != nil {
			return err
		}
	}
	now := store.Time(l.cfg.Now())
	return l.cfg.Store.InTx(ctx, func(tx store.Store) error {
		st, ok := tx.(store.SCIMResourceStore)
		if !ok {
			return errors.New("scim: a transaction of StoredRequestsConfig.Store is no store.SCIMResourceStore")
		}
		switch life, err := tx.Lifecycle(ctx, b.tenantID); {
		case err == nil && (life.State == store.ServiceRemoving || life.State == store.ServiceRemoved):
			return nil // nothing is to be left of it
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
		for typ, body := range map[string][]byte{requestLogType: logged, requestCountsType: counted} {
			r := store.SCIMResource{Meta: store.Meta{ID: b.id, CreatedAt: now, UpdatedAt: now}, Type: typ, Body: body}
			old, err := st.SCIMResource(ctx, b.tenantID, typ, b.id)
			switch {
			case errors.Is(err, store.ErrNotFound):
				_, err = st.CreateSCIMResource(ctx, b.tenantID, r)
			case err == nil:
				r.Version = old.Version
				_, err = st.UpdateSCIMResource(ctx, b.tenantID, r)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteOld deletes what a tenant's log has for longer than KeepFor, and returns how many records that were.
func (l *StoredRequests) deleteOld(ctx context.Context, tenantID string) (n int, err error) {
	st := l.cfg.Store.(store.SCIMResourceStore)
	for _, typ := range []string{requestLogType, requestCountsType} {
		after := stepKey(stepOfSeq(l.cfg.Now().Add(-l.cfg.KeepFor).UnixMicro())) + "~" // behind those of the step itself
		for {
			page, err := st.SCIMResources(ctx, tenantID, typ, store.Query{After: after, Limit: oldRequests, WithoutBody: true})
			if err != nil {
				return n, err
			}
			for i := range page.Items {
				err := st.DeleteSCIMResource(ctx, tenantID, typ, page.Items[i].ID, 0)
				if err != nil && !errors.Is(err, store.ErrNotFound) { // another replica was faster
					return n, err
				}
				n++
			}
			if !page.More {
				break
			}
			after = page.Next
		}
	}
	return n, nil
}

// Clean deletes what is older than KeepFor of tenants that have a connection, and returns how many records that were. What a
// tenant's directory sends deletes it too, so that Clean is for those that went quiet. The host schedules it, about daily, on
// any replica: as a tenant.Task. The error joins those of the first ten tenants that failed.
func (l *StoredRequests) Clean(ctx context.Context) (int, error) {
	n := 0
	var failed []error
	for after := ""; ; {
		tenants, err := l.cfg.Store.Tenants(ctx, after, store.MaxLimit)
		if err != nil {
			return n, errors.Join(append(failed, fmt.Errorf("scim: reading tenants: %w", err))...)
		}
		for _, id := range tenants {
			deleted, err := l.deleteOld(ctx, id)
			n += deleted
			if ctx.Err() != nil {
				return n, errors.Join(append(failed, ctx.Err())...)
			}
			if err != nil && len(failed) < 10 {
				failed = append(failed, fmt.Errorf("scim: cleaning the request log of %s: %w", id, err))
			}
		}
		if len(tenants) < store.MaxLimit {
			return n, errors.Join(failed...)
		}
		after = tenants[len(tenants)-1]
	}
}
