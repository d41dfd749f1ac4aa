package provisioning

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// seatedHost has a number of seats, and refuses who comes when they are taken.
type seatedHost struct {
	*fakeHost
	limit int
	err   error
	lie   int
}

func (h *seatedHost) used() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, u := range h.users {
		if u.Active {
			n++
		}
	}
	return n
}

func (h *seatedHost) Seats(context.Context, store.Store, string) (Seats, error) {
	return Seats{Limit: h.limit, Used: h.used() + h.lie}, h.err
}

func (h *seatedHost) CreateAccount(ctx context.Context, tx store.Store, tenantID string, p Profile) (string, error) {
	if h.used() >= h.limit {
		return "", errors.New("expected a free seat")
	}
	return h.fakeHost.CreateAccount(ctx, tx, tenantID, p)
}

func seated(t testing.TB, limit int) (*world, *seatedHost) {
	h := &seatedHost{limit: limit}
	w := mapped(t, func(c *Config) {
		h.fakeHost = c.Target.(*fakeHost)
		c.Target = h
	})
	return w, h
}

// TestSeats: who does not fit waits, in the order of coming, and nobody who is in goes.
func TestSeats(t *testing.T) {
	w, h := seated(t, 3)
	w.user("ada", "ben", "cid", "dan")
	w.join("A", "ada", "ben", "cid", "dan")
	_, plan := w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeNone})
	require.Equal(t, &SeatPlan{Limit: 3, UsedBefore: 1, UsedAfter: 3, Missing: 2}, plan.Totals.Seats)
	require.Equal(t, []FindingCode{FindingNoSeat, FindingNoSeat}, w.codes(plan))
	require.Equal(t, []string{"Cid", "Dan"}, []string{plan.Findings[0].Person, plan.Findings[1].Person})

	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("ben")))
	require.Len(t, w.host.users, 3)
	failed := w.events(EventFailed)
	require.Equal(t, []string{"no_seat", "no_seat"}, []string{failed[0].Code, failed[1].Code})

	// In one sync somebody goes and somebody comes.
	w.user("eva")
	w.active("ada", false)
	w.sync()
	require.Len(t, w.host.users, 4, "the seat went to eva, who was next to be looked at")

	w.clock.add(time.Hour)
	w.sync()
	require.Len(t, w.host.users, 4, "still none free")
	h.limit = 4
	w.clock.add(time.Hour)
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", w.account("cid")), "the first who waits is the next")
	require.Len(t, w.events(EventRecovered), 1)

	// Fewer seats than people: nobody goes, and who comes back waits.
	h.limit = 1
	w.active("ada", true)
	w.sync()
	require.False(t, w.host.byEmail(t, "ada@acme.example").Active)
	require.Equal(t, 4, h.used())
	_, plan = w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeNone})
	require.Equal(t, &SeatPlan{Limit: 1, UsedBefore: 4, UsedAfter: 4, Missing: 2}, plan.Totals.Seats)
	require.Zero(t, Seats{Limit: 1, Used: 4}.Free())

	h.limit = 50
	w.clock.add(2 * time.Hour)
	w.sync()
	_, plan = w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeNone})
	require.Equal(t, &SeatPlan{Limit: 50, UsedBefore: 6, UsedAfter: 6, Free: 44}, plan.Totals.Seats)
	require.True(t, w.host.byEmail(t, "ada@acme.example").Active)
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")), "with all that was there")
	w.stable()
}

// TestSeatsOfWhomIsTakenOver: an account that is in already takes no second seat.
func TestSeatsOfWhomIsTakenOver(t *testing.T) {
	w, _ := seated(t, 2)
	w.host.addUser("u-ada", "ada@acme.example", "member")
	plan, err := w.e.PlanConversion(t.Context(), owner, org, Conversion{Entries: []string{"u-ada"}})
	require.NoError(t, err)
	_, err = w.e.ApproveConversion(t.Context(), owner, org, Conversion{Entries: []string{"u-ada"}}, plan.Hash)
	require.NoError(t, err)
	w.user("ada", "ben")
	w.sync()
	require.Len(t, w.host.users, 2)
	rec, err := w.st.Account(t.Context(), org, "u-ada")
	require.NoError(t, err)
	require.Equal(t, w.ids["ada"], rec.SCIMUserID)
}

func TestSeatsThatCannotBeCounted(t *testing.T) {
	w, h := seated(t, 0)
	h.err = errors.ErrUnsupported
	h.limit = 9
	w.user("ada")
	w.sync()
	require.Len(t, w.host.users, 2, "this organisation's are not counted")
	_, plan := w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeNone})
	require.Nil(t, plan.Totals.Seats)

	h.err = errHost
	w.user("ben")
	w.active("ada", false)
	w.sync()
	require.False(t, w.host.byEmail(t, "ada@acme.example").Active, "ending access needs no seat (D10)")
	require.Len(t, w.host.users, 2)
	_, plan = w.previewBy(owner, store.ProvisioningSettings{Mode: store.ModeNone})
	require.Equal(t, []FindingCode{FindingSeatsUnknown}, w.codes(plan))
	h.err, h.lie = nil, -9
	w.clock.add(time.Hour)
	w.sync()
	require.Len(t, w.host.users, 2)
	h.lie = 0
	w.clock.add(time.Hour)
	w.sync()
	require.Len(t, w.host.users, 3)
	w.stable()
}
