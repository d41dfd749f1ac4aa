package scim

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"sync"
	"time"
	"unsafe"
)

// Exchange is one request of a tenant's directory and its answer, for whoever has to
// find out why provisioning does not do what an administrator expects. It holds
// personal data, but no key and no attribute that is never returned.
type Exchange struct {
	// Seq is its place in the log: a request that was answered later has a larger one, within a replica.
	Seq int64 `json:"seq,omitempty"`
	// At is when the request came, Took how long the answer took.
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`
	// DirectoryID is the directory that the key speaks for.
	DirectoryID string `json:"directoryId,omitempty"`
	// KeyID and KeyName say which API key was used.
	KeyID   string `json:"keyId"`
	KeyName string `json:"keyName"`
	// CorrelationID is the request's X-Request-Id, as in the journal.
	CorrelationID string `json:"correlationId,omitempty"`
	UserAgent     string `json:"userAgent,omitempty"`
	Method        string `json:"method"`
	// Path follows the tenant's base URL, with its query. Parameters that SCIM does not
	// know have "REDACTED" for a value.
	Path string `json:"path"`
	// Request is the body, cut after 4 KiB. What is never returned, such as a password,
	// is replaced by "REDACTED".
	Request string `json:"request,omitempty"`
	// Status is what was answered.
	Status int `json:"status"`
	// Error is the answer of a request that was refused.
	Error *Error `json:"error,omitempty"`
	// Warnings say what was accepted though it was not as it should be.
	Warnings []Warning `json:"warnings,omitempty"`
}

// RequestLog hears of each authenticated request after it was answered. It is called by
// several goroutines at once and must not block.
type RequestLog interface {
	LogRequest(ctx context.Context, tenantID string, e Exchange)
}

// RequestLogFunc is a [RequestLog] made of a function.
type RequestLogFunc func(ctx context.Context, tenantID string, e Exchange)

// LogRequest calls f.
func (f RequestLogFunc) LogRequest(ctx context.Context, tenantID string, e Exchange) {
	f(ctx, tenantID, e)
}

// RecentRequests is a [RequestLog] in memory: it keeps the last requests of each tenant
// in three kinds, those that went well, those with a warning, and those that were
// refused, so that an import of thousands of users does not push out the one refusal that
// matters. Who was only told to wait (429) counts as gone well. Each replica has its own: where
// there are several, [StoredRequests] is the log that they share.
// It counts all requests of a day by directory. The zero value is ready; it is safe for concurrent use.
type RecentRequests struct {
	// PerTenant is how many of each kind are kept. Zero means 50.
	PerTenant int
	// MaxTenants is of how many tenants; the one without requests for the longest time is
	// forgotten first. Zero means 200.
	MaxTenants int
	// MaxBytes is how much all of it may take, in memory, counts included. Zero means 32 MiB, which holds
	// some 150 requests of 200 tenants each at a usual 1 KiB; an exchange takes 8 KiB at most, the counts of a directory
	// 6 KiB. Where that is not enough, whole tenants are forgotten, as for MaxTenants, and at last the oldest of the
	// one that is left.
	MaxBytes int

	mu      sync.Mutex
	tenants map[string]*list.Element // of order
	order   list.List                // of *recent, the one whose last request is the newest first
	bytes   int
	clock   int64
}

var _ RequestReader = (*RecentRequests)(nil)

const defaultLogBytes = 32 << 20

// recent are the requests of one tenant.
type recent struct {
	tenantID              string
	bytes                 int // of all that is here
	good, warned, refused ring
	counts                map[string]*requestCounter // by directory
}

// ring holds the last exchanges; next is the place that the next one takes.
type ring struct {
	list []Exchange
	next int
}

// add keeps an exchange and returns how many bytes more there are now.
func (r *ring) add(e Exchange, most int) int {
	if len(r.list) < most {
		r.list = append(r.list, e)
		return e.size()
	}
	old := r.list[r.next].size()
	r.list[r.next] = e
	r.next = (r.next + 1) % most
	return e.size() - old
}

// shorten drops the older half of what is here, and returns how many bytes that were.
func (r *ring) shorten() int {
	all := slices.Concat(r.list[r.next:], r.list[:r.next]) // the oldest first
	n, dropped := 0, (len(all)+1)/2
	for i := range all[:dropped] {
		n += all[i].size()
	}
	r.list, r.next = slices.Clone(all[dropped:]), 0
	return n
}

// size is about how much memory an exchange takes.
func (e *Exchange) size() int {
	n := int(unsafe.Sizeof(*e)) + len(e.DirectoryID) + len(e.KeyID) + len(e.KeyName) + len(e.CorrelationID) + len(e.UserAgent) + len(e.Method) + len(e.Path) + len(e.Request)
	if e.Error != nil {
		n += int(unsafe.Sizeof(*e.Error)) + len(e.Error.Detail)
	}
	for i := range e.Warnings {
		n += int(unsafe.Sizeof(e.Warnings[i]))
		for _, name := range e.Warnings[i].Names {
			n += int(unsafe.Sizeof(name)) + len(name)
		}
	}
	return n
}

// of returns what is kept of a tenant, nil if nothing is. The log holds its lock.
func (l *RecentRequests) of(tenantID string) *recent {
	if e := l.tenants[tenantID]; e != nil {
		return e.Value.(*recent)
	}
	return nil
}

// LogRequest keeps the exchange.
func (l *RecentRequests) LogRequest(_ context.Context, tenantID string, e Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	most := cmp.Or(max(l.PerTenant, 0), 50)
	t := l.of(tenantID)
	if t == nil {
		if l.tenants == nil {
			l.tenants = map[string]*list.Element{}
		}
		t = &recent{tenantID: tenantID}
		l.tenants[tenantID] = l.order.PushFront(t)
		for len(l.tenants) > cmp.Or(max(l.MaxTenants, 0), 200) {
			l.forgetOldest()
		}
	}
	l.order.MoveToFront(l.tenants[tenantID])
	// The clock's time, or a little later, so that places of several replicas compare, too.
	l.clock = max(l.clock+1, e.At.UnixMicro())
	e.Seq = l.clock
	r := e.result()
	more := t.count(e, r)
	switch r {
	case RequestRefused:
		more += t.refused.add(e, most)
	case RequestWarned:
		more += t.warned.add(e, most)
	default:
		more += t.good.add(e, most)
	}
	t.bytes += more
	l.bytes += more
	l.makeRoom(cmp.Or(max(l.MaxBytes, 0), defaultLogBytes))
}

// makeRoom forgets until no more than so many bytes are left, or one exchange.
func (l *RecentRequests) makeRoom(most int) {
	for l.bytes > most && l.order.Len() > 1 {
		l.forgetOldest()
	}
	for l.bytes > most {
		t := l.order.Front().Value.(*recent)
		longest := &t.good
		for _, r := range []*ring{&t.warned, &t.refused} {
			if len(r.list) > len(longest.list) {
				longest = r
			}
		}
		if len(longest.list) <= 1 {
			return
		}
		n := longest.shorten()
		t.bytes -= n
		l.bytes -= n
	}
}

func (l *RecentRequests) forgetOldest() {
	t := l.order.Remove(l.order.Back()).(*recent)
	l.bytes -= t.bytes
	delete(l.tenants, t.tenantID)
}

// Requests returns what is kept of a tenant, the newest first.
func (l *RecentRequests) Requests(tenantID string) []Exchange {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.of(tenantID)
	if t == nil {
		return nil
	}
	out := slices.Concat(t.good.list, t.warned.list, t.refused.list)
	slices.SortFunc(out, func(a, b Exchange) int { return cmp.Compare(b.Seq, a.Seq) })
	return out
}
