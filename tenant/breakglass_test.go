package tenant

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// factor is what a host's login keeps in the context of a request: that a second factor was passed.
type factor struct{}

// TestBreakGlassSecondFactor: R45. The host's policy asks for a second factor; the password alone opens nothing, and that
// somebody has it is told.
func TestBreakGlassSecondFactor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.active(t, "t1", acme())
	var asked []string
	broken := errors.New("sessions down")
	var fails error
	b, err := NewBreakGlassList(BreakGlassConfig{Store: w.store, Now: w.clock, SecondFactor: func(ctx context.Context, tenantID, email string) (bool, error) {
		asked = append(asked, tenantID+" "+email)
		passed, _ := ctx.Value(factor{}).(bool)
		return passed, fails
	}})
	require.NoError(t, err)
	from := len(w.events(t, "t1", 0))

	ok, err := b.Decide(ctx, "t1", "other@acme.com")
	require.NoError(t, err)
	require.False(t, ok)
	require.Empty(t, asked, "only whoever may bypass the provider is asked")

	ok, err = b.DecideFrom(ctx, "t1", "Admin@ACME.com", Origin{IP: netip.MustParseAddr("192.0.2.7")})
	require.False(t, ok)
	require.Equal(t, ErrorCodeSecondFactor, CodeOf(err))
	require.ErrorIs(t, err, ErrForbidden)
	require.Equal(t, []string{"t1 admin@acme.com"}, asked)
	require.Equal(t, []string{"break_glass.second_factor_missing"}, w.events(t, "t1", from))
	events, err := w.store.Events(ctx, "t1", store.EventQuery{Newest: true, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "192.0.2.7", events[0].Origin.IP)
	require.Equal(t, "admin@acme.com", events[0].Actor.Name)
	require.Equal(t, ErrorCodeSecondFactor, events[0].Code)
	listed, err := b.Listed(ctx, "t1", "admin@acme.com")
	require.NoError(t, err)
	require.True(t, listed, "a page that asks learns nothing else than before")

	fails = broken
	ok, err = b.Decide(context.WithValue(ctx, factor{}, true), "t1", "admin@acme.com")
	require.ErrorIs(t, err, broken)
	require.False(t, ok, "unknown means no")
	fails = nil
	ok, err = b.Decide(context.WithValue(ctx, factor{}, true), "t1", "admin@acme.com")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []string{"break_glass.second_factor_missing", "break_glass.used"}, w.events(t, "t1", from))

	// Who comes without the factor has not tried whether the address works.
	c := w.stored(t, w.connectionOf(t).ID)
	w.pass(time.Hour)
	_, err = b.Decide(ctx, "t1", "admin@acme.com")
	require.Equal(t, ErrorCodeSecondFactor, CodeOf(err))
	last, err := w.lastTried(ctx, w.store, c, "admin@acme.com")
	require.NoError(t, err)
	require.Equal(t, store.Time(w.clock().Add(-time.Hour)), last)
}

// connectionOf is the tenant's only connection.
func (w *world) connectionOf(t testing.TB) Connection {
	t.Helper()
	all, err := w.Connections(t.Context(), owner, "t1")
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

// TestBreakGlassUseIsTold: R45. The owners get a notice of each use, with the use or not at all; a mail that can't be queued
// keeps nobody out.
func TestBreakGlassUseIsTold(t *testing.T) {
	t.Parallel()
	w, box := newWorld(t), &mailbox{}
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	f := &faults{}
	b, err := NewBreakGlassList(BreakGlassConfig{Store: &failing{w.store, f}, Now: w.clock, Notifier: box})
	require.NoError(t, err)
	use := func() (bool, error) { return b.Decide(ctx, "t1", "admin@acme.com") }
	from := len(w.events(t, "t1", 0))

	ok, err := use()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []string{"break_glass.used", mailEvent}, w.events(t, "t1", from))
	require.Equal(t, Notice{
		ID: box.calls[0].ID, Kind: NoticeBreakGlassUsed, TenantID: "t1", ConnectionID: c.ID, ConnectionName: "Acme login", Emails: []string{"admin@acme.com"},
		Since:   store.Time(w.clock()),
		Message: "Somebody signed in with the break-glass address admin@acme.com, without the identity provider, on 24 November 2026, 12:00 UTC. If nobody of you did, change its password now.",
	}, box.calls[0])
	ok, err = use()
	require.NoError(t, err)
	require.True(t, ok)
	require.NotEqual(t, box.calls[0].ID, box.calls[1].ID, "each use")

	box.fail = errors.New("queue full")
	ok, err = use()
	require.NoError(t, err)
	require.True(t, ok, "the mail server may be what is down")
	require.Equal(t, 3, w.of(t, "t1", "break_glass.used"))
	require.Equal(t, 2, w.of(t, "t1", mailEvent))

	// What can't be recorded opens nothing, and is told to nobody.
	box.fail = nil
	before := w.state(t, "t1")
	for at := 1; ; at++ {
		f.begin(at, true)
		ok, err = use()
		if len(f.end()) < at {
			break
		}
		require.ErrorIs(t, err, errBroken)
		require.False(t, ok)
		require.Equal(t, before, w.state(t, "t1"))
	}
	require.True(t, ok)
}
