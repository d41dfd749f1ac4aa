package scim

import (
	"errors"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	defaultRequestsPerSecond = 100
	// guessesPerSecond and guessesAtOnce are how many wrong keys one address may send
	// before it hears 429. A good key from the same address is never held back.
	guessesPerSecond = 5
	guessesAtOnce    = 50
	// maxLimiters bounds the keys that are remembered. A key whose allowance is full
	// again needs no memory.
	maxLimiters = 10_000
)

// limiters hold the allowance of each API key that was used lately. Each replica
// counts for itself.
type limiters struct {
	rate  rate.Limit
	burst int

	mu   sync.Mutex
	keys map[string]*rate.Limiter
}

func newLimiters(perSecond, burst int) *limiters {
	return &limiters{rate: rate.Limit(perSecond), burst: burst, keys: map[string]*rate.Limiter{}}
}

// wait returns zero if the key may send n requests at now, otherwise how long it has to
// wait. It must not be more than are allowed at once.
func (l *limiters) wait(key string, now time.Time, n int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	lim := l.keys[key]
	if lim == nil {
		if len(l.keys) >= maxLimiters {
			l.forget(now)
		}
		lim = rate.NewLimiter(l.rate, l.burst)
		l.keys[key] = lim
	}
	res := lim.ReserveN(now, n)
	delay := res.DelayFrom(now)
	if delay > 0 {
		res.CancelAt(now)
	}
	return delay
}

// forget drops the keys whose allowance is full; if none is, all of them, so that
// memory stays bounded.
func (l *limiters) forget(now time.Time) {
	for key, lim := range l.keys {
		if lim.TokensAt(now) >= float64(l.burst) {
			delete(l.keys, key)
		}
	}
	if len(l.keys) >= maxLimiters {
		clear(l.keys)
	}
}

// allow refuses n requests of a key that sends too many, with the seconds to wait in
// Retry-After (RFC 6585 section 4). Each operation of a bulk request counts as one.
func (h *Handler) allow(w http.ResponseWriter, tenantID, keyID string, n int) error {
	if h.limits == nil || n < 1 {
		return nil
	}
	delay := h.limits.wait(tenantID+"/"+keyID, h.cfg.Now(), n)
	if delay <= 0 {
		return nil
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(delay.Seconds()))))
	return &Error{
		Status: http.StatusTooManyRequests,
		Detail: "This API key sends more than " + strconv.Itoa(h.cfg.RequestsPerSecond) + " requests a second. Wait as long as Retry-After says.",
	}
}

// refuseGuessing makes 429 of a 401 for an address that sends many wrong keys (R66). It
// looks at nothing but the address, so that the answer tells nothing about tenants.
func (h *Handler) refuseGuessing(w http.ResponseWriter, r *http.Request, err error) error {
	var e *Error
	if h.guesses == nil || !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
		return err
	}
	delay := h.guesses.wait(network(r.RemoteAddr), h.cfg.Now(), 1)
	if delay <= 0 {
		return err
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(delay.Seconds()))))
	return &Error{Status: http.StatusTooManyRequests, Detail: "Too many requests with a wrong API key. Check the key, and wait as long as Retry-After says."}
}

// network is whom an address belongs to: of IPv6 somebody has a /64 at least.
func network(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	addr := at.Addr().Unmap()
	if addr.Is4() {
		return addr.String()
	}
	p, _ := addr.WithZone("").Prefix(64) // every IPv6 address has one
	return p.String()
}
