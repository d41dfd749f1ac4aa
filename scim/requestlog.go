package scim

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Exchange is one request of a tenant's directory and its answer, for whoever has to
// find out why provisioning does not do what an administrator expects. It holds
// personal data, but no key and no attribute that is never returned.
type Exchange struct {
	// At is when the request came, Took how long the answer took.
	At   time.Time     `json:"at"`
	Took time.Duration `json:"took"`
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
// The zero value is ready; it is safe for concurrent use.
type RecentRequests struct {
	// PerTenant is how many of each kind are kept. Zero means 50.
	PerTenant int
	// MaxTenants is of how many tenants; the one without requests for the longest time is
	// forgotten first. Zero means 200. An exchange has at most 8 KiB, nearly always less
	// than one: full of the largest, a log takes 240 MiB.
	MaxTenants int

	mu      sync.Mutex
	tenants map[string]*recent
	clock   int64
}

// recent are the requests of one tenant.
type recent struct {
	used                  int64
	good, warned, refused ring
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
	l.clock++
	t.used = l.clock
	switch {
	case e.Error != nil && e.Status != http.StatusTooManyRequests:
		t.refused.add(e, most)
	case len(e.Warnings) > 0:
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
	slices.SortStableFunc(out, func(a, b Exchange) int { return b.At.Compare(a.At) })
	return out
}
