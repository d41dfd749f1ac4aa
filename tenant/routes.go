package tenant

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// RealmCache bounds what [Service.RealmsOf] remembers: whose people an e-mail domain's are, and that they are nobody's. The
// zero value is fine.
//
// A change that is made through a Service is seen by it at once: it asks the store for MaxAge after that. Other replicas see
// it MaxAge later at the latest. API keys are not remembered at all, nor is what sign-ins, break-glass and SCIM decide by.
type RealmCache struct {
	// Entries is how many domains with a connection are remembered, and how many without one: whoever types invented
	// addresses pushes out no customer. One takes some 300 bytes, with a long name a little more. Zero means
	// [DefaultRealmEntries]; negative remembers none.
	Entries int
	// MaxAge is how old an answer may be. Zero means [DefaultRealmAge]; it must be at most [MaxRealmAge].
	MaxAge time.Duration
}

// The bounds of [RealmCache].
const (
	DefaultRealmEntries = 10_000
	DefaultRealmAge     = 30 * time.Second
	MaxRealmAge         = 10 * time.Minute

	maxRealmEntries = 10_000_000
	maxBars         = 10_000
)

func (c RealmCache) complete() (RealmCache, error) {
	if c.Entries == 0 {
		c.Entries = DefaultRealmEntries
	}
	if c.MaxAge == 0 {
		c.MaxAge = DefaultRealmAge
	}
	switch {
	case c.Entries > maxRealmEntries:
		return c, errors.New("tenant: Config.RealmCache.Entries must be at most 10,000,000")
	case c.MaxAge < 0 || c.MaxAge > MaxRealmAge:
		return c, errors.New("tenant: Config.RealmCache.MaxAge must be more than zero and at most 10 minutes; negative Entries remember nothing")
	}
	return c, nil
}

// routes remembers where the people of domains sign in.
type routes struct {
	RealmCache
	now func() time.Time

	mu             sync.RWMutex
	known, unknown shelf
	// bars say until when answers about a tenant, or about a name and those below it, are not to be trusted: this replica is
	// changing them. What was read before then is neither kept nor served, so that nobody has to know when the change is
	// committed; one that takes longer than MaxAge is seen as one of another replica. all bars everything.
	tenants, names map[string]time.Time
	all            time.Time
}

type route struct {
	holder string // the tenant, also where it signs nobody in
	realms []Realm
	at     time.Time // when the store was asked
	slot   int
}

func newRoutes(c RealmCache, now func() time.Time) *routes {
	return &routes{RealmCache: c, now: now, tenants: map[string]time.Time{}, names: map[string]time.Time{}}
}

// get returns what is remembered of a domain; no realms means that it is known to have none.
func (r *routes) get(domain string) ([]Realm, bool) {
	if r.Entries < 0 {
		return nil, false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, ok := r.known.entries[domain]
	if !ok {
		e, ok = r.unknown.entries[domain]
	}
	if age := r.now().Sub(e.at); !ok || age < 0 || age >= r.MaxAge || r.barred(domain, e.holder, e.at) {
		return nil, false
	}
	return slices.Clone(e.realms), true
}

// put remembers an answer of the store, which was asked at the given time.
func (r *routes) put(domain, holder string, realms []Realm, at time.Time) {
	if r.Entries < 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.barred(domain, holder, at) {
		return
	}
	domain = strings.Clone(domain) // not the whole address
	into, other := &r.known, &r.unknown
	if len(realms) == 0 {
		into, other = other, into
	}
	delete(other.entries, domain)
	into.put(domain, route{holder: holder, realms: realms, at: at}, r.Entries)
}

func (r *routes) barred(domain, holder string, at time.Time) bool {
	if at.Before(r.all) || at.Before(r.tenants[holder]) {
		return true
	}
	if len(r.names) > 0 {
		for name := range namesAbove(domain) {
			if at.Before(r.names[name]) {
				return true
			}
		}
	}
	return false
}

// changing says that a tenant's connections are about to change, or one of its domains: then name says which.
func (r *routes) changing(tenantID, name string) {
	if r.Entries < 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	until := now.Add(r.MaxAge)
	if len(r.tenants)+len(r.names) >= maxBars {
		over := func(_ string, until time.Time) bool { return now.Sub(until) >= r.MaxAge } // nothing from before can come any more
		deleteWhere(r.tenants, over)
		deleteWhere(r.names, over)
		if len(r.tenants)+len(r.names) >= maxBars {
			clear(r.tenants)
			clear(r.names)
			r.all = until
		}
	}
	r.tenants[tenantID] = until
	if name != "" {
		r.names[name] = until
	}
}

func deleteWhere(m map[string]time.Time, over func(string, time.Time) bool) {
	for k, v := range m {
		if over(k, v) {
			delete(m, k)
		}
	}
}

// changingConnection is for a connection that is written.
func (r *routes) changingConnection(tenantID string, before, after store.Connection) {
	if before.State != after.State || before.Enforced != after.Enforced {
		r.changing(tenantID, "")
	}
}

// changingDomain is for a domain that is written.
func (r *routes) changingDomain(tenantID string, before, after store.Domain) {
	proven := before.State == store.DomainVerified
	switch {
	case proven != (after.State == store.DomainVerified),
		proven && (before.Subdomains != after.Subdomains || !slices.Equal(before.Connections(), after.Connections())):
		r.changing(tenantID, before.Name)
	}
}

// shelf keeps so many entries; the oldest goes first.
type shelf struct {
	entries map[string]route
	order   []string // a ring, once it is full
	next    int
}

func (s *shelf) put(key string, e route, most int) {
	if old, ok := s.entries[key]; ok {
		e.slot = old.slot
		s.entries[key] = e
		return
	}
	if s.entries == nil {
		s.entries = map[string]route{}
	}
	if len(s.order) < most {
		e.slot = len(s.order)
		s.order = append(s.order, key)
	} else {
		e.slot = s.next
		if oldest := s.order[e.slot]; s.entries[oldest].slot == e.slot { // it may have gone, and come back elsewhere
			delete(s.entries, oldest)
		}
		s.order[e.slot] = key
		s.next = (s.next + 1) % most
	}
	s.entries[key] = e
}
