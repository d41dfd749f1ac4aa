package scim

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
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
// matters. Who was only told to wait (429) counts as gone well. Each replica has its own.
// It counts all requests of a day by directory. The zero value is ready; it is safe for concurrent use.
type RecentRequests struct {
	// PerTenant is how many of each kind are kept. Zero means 50.
	PerTenant int
	// MaxTenants is of how many tenants; the one without requests for the longest time is
	// forgotten first. Zero means 200. An exchange has at most 8 KiB, nearly always less
	// than one: full of the largest, a log takes 240 MiB. The counts take 7 KiB more for each directory.
	MaxTenants int

	mu      sync.Mutex
	tenants map[string]*recent
	clock   int64
}

var _ RequestReader = (*RecentRequests)(nil)

// recent are the requests of one tenant.
type recent struct {
	used                  int64
	good, warned, refused ring
	counts                map[string]*requestCounter // by directory
}

// ring holds the last exchanges; next is the place that the next one takes.
type ring struct {
	list []Exchange
	next int
}

func (r *ring) add(e Exchange, most int) {
	if len(r.list) < most {
		r.list = append(r.list, e)
		return
	}
	r.list[r.next] = e
	r.next = (r.next + 1) % most
}

// LogRequest keeps the exchange.
func (l *RecentRequests) LogRequest(_ context.Context, tenantID string, e Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	most, tenants := l.PerTenant, l.MaxTenants
	if most <= 0 {
		most = 50
	}
	if tenants <= 0 {
		tenants = 200
	}
	t := l.tenants[tenantID]
	if t == nil {
		if l.tenants == nil {
			l.tenants = map[string]*recent{}
		}
		if len(l.tenants) >= tenants {
			l.forgetOldest()
		}
		t = &recent{}
		l.tenants[tenantID] = t
	}
	// The clock's time, or a little later, so that places of several replicas compare, too.
	l.clock = max(l.clock+1, e.At.UnixMicro())
	e.Seq, t.used = l.clock, l.clock
	r := e.result()
	t.count(e, r)
	switch r {
	case RequestRefused:
		t.refused.add(e, most)
	case RequestWarned:
		t.warned.add(e, most)
	default:
		t.good.add(e, most)
	}
}

func (l *RecentRequests) forgetOldest() {
	oldest, at := "", int64(0)
	for id, t := range l.tenants {
		if oldest == "" || t.used < at {
			oldest, at = id, t.used
		}
	}
	delete(l.tenants, oldest)
}

// Requests returns what is kept of a tenant, the newest first.
func (l *RecentRequests) Requests(tenantID string) []Exchange {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tenants[tenantID]
	if t == nil {
		return nil
	}
	out := slices.Concat(t.good.list, t.warned.list, t.refused.list)
	slices.SortFunc(out, func(a, b Exchange) int { return cmp.Compare(b.Seq, a.Seq) })
	return out
}
