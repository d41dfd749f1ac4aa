package oidc

import (
	"errors"
	"math"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestSignInOrigin: R51. Sign-ins tell from where they came, refused ones too, once the host says how to find out.
func TestSignInOrigin(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		idp := oidctest.NewServer(t)
		a := newApp(t, func(c *Config) {
			if known {
				c.Origin = tenant.PeerOrigin
			}
		})
		a.connect(idp, "acme", "acme.example")
		a.refused(CodeNotProvisioned)
		a.accounts.add("acme", "u-ada", "ada@acme.example")
		require.Equal(t, 200, a.signIn("ada@acme.example").status)
		require.Equal(t, 200, a.signIn("ada@acme.example").status) // a returning one
		events := a.events("acme", "oidc.")
		require.Len(t, events, 4, "refused, linked, and two sign-ins")
		for _, e := range events {
			if !known {
				require.Zero(t, e.Origin)
				continue
			}
			require.True(t, netip.MustParseAddr(e.Origin.IP).IsLoopback(), e.Type)
			require.Contains(t, e.Origin.UserAgent, "Go-http-client")
		}
	}
}

// TestLogoutOrigin: R51. Logouts by the provider tell from where they came, by its servers and by a browser.
func TestLogoutOrigin(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		a, idp, c, _, l := frontchannelWorld(t, func(c *Config) {
			if known {
				c.Origin = tenant.PeerOrigin
			}
		})
		require.Equal(t, 200, a.logOut(idp, c.ID, oidctest.Logout{Subject: l.Subject}).Status)
		require.Equal(t, 200, a.browser().get(frontchannelURL(a, c, idp.Issuer(), l.SessionID)).status)
		events := a.events("acme", EventLogout)
		require.Len(t, events, 2)
		for _, e := range events {
			if !known {
				require.Zero(t, e.Origin)
				continue
			}
			require.True(t, netip.MustParseAddr(e.Origin.IP).IsLoopback(), e.Actor.ID)
			require.NotEmpty(t, e.Origin.UserAgent, e.Actor.ID)
		}
	}
}

// TestTestSignInOrigin: R51. Whoever records a test knows from where it came back; a host that does not tell keeps what the
// owner's own request said.
func TestTestSignInOrigin(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "o1", Origin: tenant.Origin{IP: netip.MustParseAddr("192.0.2.7")}}
	for _, known := range []bool{true, false} {
		rec := &recorder{}
		a := newApp(t, func(c *Config) {
			if c.OnTest = RecordTests(rec); known {
				c.Origin = tenant.PeerOrigin
			}
		})
		c := a.connect(idp, "acme", "", func(c *store.Connection) { c.State = store.ConnectionApproved })
		a.mux.HandleFunc("/test", func(w http.ResponseWriter, r *http.Request) {
			a.handler.StartTest(w, r, TestRequest{TenantID: "acme", ConnectionID: c.ID, ReturnTo: "/result", Actor: owner})
		})
		require.Equal(t, "home /result", a.browser().get(a.url+"/test").body)
		require.Equal(t, known, rec.by.Origin.IP.IsLoopback())
		require.Equal(t, !known, rec.by.Origin == owner.Origin)
	}
}

// TestRevokerHoldsItsEvents: an event that ends sessions is not erased for its age before the host has ended them, also
// where the revoker came to it late.
func TestRevokerHoldsItsEvents(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) { holdsItsEvents(t, false) })
	t.Run("beside another replica", func(t *testing.T) { holdsItsEvents(t, true) })
}

// holdsItsEvents is the test; with another the second place in the journal has been moved past the events already, by a
// replica that saw them handled and not yet that one failed.
func holdsItsEvents(t *testing.T, another bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		st, host := memory.New(), &table{fail: map[string]error{"u-1": errors.New("not now")}}
		want := leavers(t, st, "acme", 3)
		if another {
			last, err := st.Events(t.Context(), "acme", store.EventQuery{Newest: true, Limit: 1})
			require.NoError(t, err)
			require.NoError(t, st.SavePosition(t.Context(), "acme", revokeRetryReader, 0, last[0].Seq))
		}
		r := newRevoker(t, st, host, &accounts{})
		erase := func() (n int) {
			n, err := st.EraseEvents(t.Context(), "acme", math.MaxInt64, 0)
			require.NoError(t, err)
			return n
		}
		sync := func() {
			_, err := r.SyncAll(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		sync()
		require.Positive(t, erase())
		sync()
		require.Zero(t, erase(), "of those that come after the one that is open none goes")
		host.set(func(s *table) { s.fail = nil })
		time.Sleep(time.Minute)
		sync()
		require.ElementsMatch(t, want[1:2], endedOf(t, st, want[1]))
		sync()
		require.Positive(t, erase())
		left, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: revocationPrefix + "failed"})
		require.NoError(t, err)
		require.Empty(t, left)
	})
}

func endedOf(t *testing.T, st store.Store, accountID string) (out []string) {
	t.Helper()
	events, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventLogout})
	require.NoError(t, err)
	for _, e := range events {
		if e.Subject.ID == accountID {
			out = append(out, e.Subject.ID)
		}
	}
	return out
}
