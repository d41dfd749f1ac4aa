package tenant

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// maxUserAgent is how many characters of a client's own name are kept.
const maxUserAgent = 256

// Origin is where a request came from, as the host tells it, for the audit log. The zero value says nothing.
type Origin struct {
	// IP is the client's address.
	IP netip.Addr
	// UserAgent is what the client calls itself. It proves nothing. What is longer than 256 characters is cut.
	UserAgent string
}

// Event is the origin as the journal keeps it: bounded, and without characters that disturb a page or a log.
func (o Origin) Event() store.EventOrigin {
	if o == (Origin{}) { // mostly so, where the host does not tell
		return store.EventOrigin{}
	}
	e := store.EventOrigin{UserAgent: clipped(strings.TrimSpace(o.UserAgent), maxUserAgent)}
	if o.IP.IsValid() {
		e.IP = o.IP.Unmap().WithZone("").String()
	}
	return e
}

// OriginFunc tells where a request came from.
type OriginFunc func(*http.Request) Origin

// Of calls f; nil knows nothing.
func (f OriginFunc) Of(r *http.Request) Origin {
	if f == nil {
		return Origin{}
	}
	return f(r)
}

// PeerOrigin is the [OriginFunc] of a host that clients reach directly: the address of the connection. No header is believed
// about it, X-Forwarded-For and Forwarded included, which anybody can write. Behind a proxy it is the proxy's address: see
// [ProxiedOrigin].
func PeerOrigin(r *http.Request) Origin {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return Origin{UserAgent: r.UserAgent()}
	}
	return Origin{IP: peer.Addr().Unmap(), UserAgent: r.UserAgent()}
}

// ProxiedOrigin returns the [OriginFunc] of a host behind proxies at these addresses, each of which appends the address that
// it was reached from to X-Forwarded-For. Of that header it takes the last address that is no proxy's, as long as the
// connection itself came from a proxy: what stands before it was written by anybody. Name the proxies as narrowly as you can.
func ProxiedOrigin(proxies ...netip.Prefix) OriginFunc {
	proxy := func(a netip.Addr) bool {
		for _, p := range proxies {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	return func(r *http.Request) Origin {
		o := PeerOrigin(r)
		hops := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
		for o.IP.IsValid() && proxy(o.IP) && hops != "" {
			last := hops
			if i := strings.LastIndexByte(hops, ','); i >= 0 {
				hops, last = hops[:i], hops[i+1:]
			} else {
				hops = ""
			}
			before, err := netip.ParseAddr(strings.TrimSpace(last))
			if err != nil { // a proxy wrote what is no address: the proxy's own is all that is known
				break
			}
			o.IP = before.Unmap().WithZone("")
		}
		return o
	}
}

// hideOrigin takes the place where staff work out of an event that somebody else reads.
func hideOrigin(reader Actor, e *store.Event) {
	if e.Actor.Kind == string(ActorStaff) && reader.Kind != ActorStaff && reader.Kind != ActorSystem {
		e.Origin = store.EventOrigin{}
	}
}
