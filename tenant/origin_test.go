package tenant

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestPeerOrigin: what anybody can write into a header is not believed.
func TestPeerOrigin(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "[::ffff:203.0.113.9]:4711"
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	r.Header.Set("Forwarded", "for=198.51.100.1")
	r.Header.Set("User-Agent", "curl/8")
	require.Equal(t, Origin{IP: netip.MustParseAddr("203.0.113.9"), UserAgent: "curl/8"}, PeerOrigin(r))
	require.Equal(t, store.EventOrigin{IP: "203.0.113.9", UserAgent: "curl/8"}, PeerOrigin(r).Event())
	for _, peer := range []string{"", "@", "pipe", "1.2.3.4"} {
		r.RemoteAddr = peer
		require.Equal(t, Origin{UserAgent: "curl/8"}, PeerOrigin(r), peer)
	}
	require.Zero(t, OriginFunc(nil).Of(r))
}

func TestProxiedOrigin(t *testing.T) {
	t.Parallel()
	of := ProxiedOrigin(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"))
	for _, tt := range []struct {
		peer string
		hops []string
		want string
	}{
		{"203.0.113.9:1", []string{"198.51.100.1"}, "203.0.113.9"}, // no proxy: the header is anybody's
		{"10.0.0.1:1", nil, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"6.6.6.6, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"6.6.6.6", "198.51.100.1,10.0.0.2"}, "198.51.100.1"},
		{"[fd00::1]:1", []string{"2001:db8::7, 10.3.0.2"}, "2001:db8::7"},
		{"10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"10.0.0.1:1", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"198.51.100.1,"}, "10.0.0.1"},
		{"10.0.0.1:1", []string{"::ffff:198.51.100.1%eth0"}, "198.51.100.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tt.peer
		r.Header["X-Forwarded-For"] = tt.hops
		require.Equal(t, tt.want, of(r).IP.String(), "%v", tt)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.1:1"
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	require.Equal(t, "10.0.0.1", ProxiedOrigin()(r).IP.String())
}

// TestOriginIsBounded: what came from outside is cut, and can't disturb a log.
func TestOriginIsBounded(t *testing.T) {
	t.Parallel()
	e := Origin{UserAgent: " a\x00b\nc\u202ed\xff" + strings.Repeat("é", 5000)}.Event()
	require.Len(t, []rune(e.UserAgent), maxUserAgent+1)
	require.True(t, strings.HasPrefix(e.UserAgent, "a b c d\uFFFDéé"), "%q", e.UserAgent[:20])
	require.Zero(t, Origin{}.Event())
}

// TestAuditOrigin: R51. From where something was done is told, exported and selected by; where staff worked, to staff alone.
func TestAuditOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	home, office := owner, staff
	home.Origin = Origin{IP: netip.MustParseAddr("203.0.113.9"), UserAgent: "Firefox"}
	office.Origin = Origin{IP: netip.MustParseAddr("192.0.2.44"), UserAgent: "Chrome"}
	c, _, err := w.CreateDraft(t.Context(), home, "t1", acme())
	require.NoError(t, err)
	c, _, err = w.Submit(t.Context(), home, "t1", c.ID, c.Version)
	require.NoError(t, err)
	_, _, err = w.Approve(t.Context(), office, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.NoError(t, w.store.AppendEvents(t.Context(), "t1", store.Event{ID: "x", Type: "host.own", Actor: store.EventActor{Kind: "host"}, Origin: store.EventOrigin{IP: "no address"}}))

	seen := func(reader Actor, network string) map[string]store.EventOrigin {
		q := AuditQuery{}
		if network != "" {
			q.Network = netip.MustParsePrefix(network)
		}
		page, err := w.Audit(t.Context(), reader, "t1", q)
		require.NoError(t, err)
		out := map[string]store.EventOrigin{}
		for _, e := range page.Entries {
			out[e.Type] = e.Origin
		}
		return out
	}
	homeOrigin, officeOrigin := home.Origin.Event(), office.Origin.Event()
	all := seen(owner, "")
	require.Equal(t, homeOrigin, all["connection.submitted"])
	require.Contains(t, all, "connection.approved")
	require.Zero(t, all["connection.approved"])
	require.Contains(t, seen(owner, "203.0.113.0/24"), "connection.submitted")
	require.NotContains(t, seen(owner, "203.0.113.0/24"), "connection.approved")
	require.Empty(t, seen(owner, "192.0.2.44/32"), "a filter must not tell what is hidden")
	require.Empty(t, seen(owner, "2001:db8::/32"))

	w.cfg.Authorizer = AuthorizerFunc(func(context.Context, Actor, Action, string) error { return nil })
	require.Equal(t, map[string]store.EventOrigin{"connection.approved": officeOrigin, "directory.enabled": officeOrigin}, seen(staff, "192.0.2.44/32"))

	for reader, want := range map[Actor]bool{owner: false, staff: true} {
		for name, export := range map[string]func(*bytes.Buffer) error{
			"audit": func(b *bytes.Buffer) error {
				_, err := w.ExportAudit(t.Context(), reader, "t1", AuditQuery{}, b)
				return err
			},
			"tenant": func(b *bytes.Buffer) error { _, err := w.ExportTenant(t.Context(), reader, "t1", b); return err },
		} {
			var b bytes.Buffer
			require.NoError(t, export(&b))
			require.Contains(t, b.String(), `"origin":{"ip":"203.0.113.9","userAgent":"Firefox"}`, name)
			require.Equal(t, want, strings.Contains(b.String(), "192.0.2.44"), "%s for %s", name, reader.Kind)
		}
	}

	bad := netip.PrefixFrom(netip.MustParseAddr("192.0.2.1"), 99)
	w.refusedWith(t, "t1", CodeFilterInvalid, func() error {
		_, err := w.Audit(t.Context(), owner, "t1", AuditQuery{Network: bad})
		return err
	})
	w.refusedWith(t, "t1", CodeFilterInvalid, func() error {
		_, err := w.ExportAudit(t.Context(), owner, "t1", AuditQuery{Network: bad}, &bytes.Buffer{})
		return err
	})
}

// TestBreakGlassOrigin: R45. The alarm about a use says from where.
func TestBreakGlassOrigin(t *testing.T) {
	t.Parallel()
	w, _, _ := enforced(t)
	var told BreakGlassUse
	list, err := NewBreakGlassList(BreakGlassConfig{Store: w.store, Now: w.clock, OnUse: func(_ context.Context, u BreakGlassUse) { told = u }})
	require.NoError(t, err)
	from := Origin{IP: netip.MustParseAddr("2001:db8::1"), UserAgent: "Safari"}
	bypass, err := list.DecideFrom(t.Context(), "t1", "admin@acme.com", from)
	require.NoError(t, err)
	require.True(t, bypass)
	require.Equal(t, from, told.Origin)
	last, err := w.store.Events(t.Context(), "t1", store.EventQuery{Newest: true, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, from.Event(), last[0].Origin)
}
