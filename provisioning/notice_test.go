package provisioning

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// mailbox keeps the notices that were committed.
type mailbox struct {
	list []tenant.Notice
	err  error
}

func (m *mailbox) Notify(_ context.Context, _ store.Store, n tenant.Notice) error {
	if m.err != nil {
		return m.err
	}
	m.list = append(m.list, n)
	return nil
}

func (m *mailbox) kinds() []string {
	out := make([]string, len(m.list))
	for i, n := range m.list {
		out[i] = n.Kind
	}
	return out
}

// settle lets the engine read what it wrote itself.
func (w *world) settle() {
	w.Helper()
	w.sync()
	w.sync()
}

// TestNoticesAreHandedOnOnce: what a person should look at is told, and not for each event.
func TestNoticesAreHandedOnOnce(t *testing.T) {
	box := &mailbox{}
	w, names := crowd(t, func(c *Config) { c.Notifier = box })
	w.user("root") // the root user's address
	w.settle()
	require.Equal(t, []string{NoticeViolation}, box.kinds())
	require.Contains(t, box.list[0].Message, "Root: This account created the organisation")
	require.Equal(t, org, box.list[0].TenantID)
	for range 3 {
		w.active("root", true)
		w.clock.add(25 * time.Hour) // the journal has it once a day
		w.settle()
	}
	require.Len(t, w.events(EventFinding), 4)
	require.Len(t, box.list, 1)

	w.leave("A", names[:6]...)
	w.settle()
	require.Equal(t, []string{NoticeViolation, NoticePaused}, box.kinds())
	require.Contains(t, box.list[1].Message, "6 of 11 people")
	require.NotEqual(t, box.list[0].ID, box.list[1].ID)
	require.Len(t, w.events(EventNotified), 2)

	w.clock.add(repeatNotice)
	w.active("root", true)
	w.settle()
	require.Equal(t, []string{NoticeViolation, NoticePaused, NoticeViolation}, box.kinds(), "once a week")
}

// TestNoticeThatFailsHoldsUpNothing: access ends whatever the notifier does (D10).
func TestNoticeThatFailsHoldsUpNothing(t *testing.T) {
	box := &mailbox{err: errors.New("no mail today")}
	w, names := crowd(t, func(c *Config) { c.Notifier = box })
	w.leave("A", names[:6]...)
	w.active(names[9], false)
	w.settle()
	require.False(t, w.host.byEmail(t, names[9]+"@acme.example").Active)
	require.Empty(t, w.events(EventNotified))
	box.err = nil
	w.settle()
	require.Empty(t, box.list, "not at once")
	w.clock.add(time.Hour)
	w.settle()
	require.Equal(t, []string{NoticePaused}, box.kinds())
	other, err := New(w.cfg)
	require.NoError(t, err)
	_, err = other.SyncAll(t.Context())
	require.NoError(t, err)
	require.Len(t, box.list, 1, "another replica tells nothing twice")
}

// TestNoticesOfManyAreOne: a host that is down for hours is one notice.
func TestNoticesOfManyAreOne(t *testing.T) {
	box := &mailbox{}
	w, names := crowd(t, func(c *Config) { c.Notifier = box })
	w.host.fail = func(op, _ string) error {
		if op == "RemoveMember" {
			return errHost
		}
		return nil
	}
	w.leave("A", names[:3]...)
	for range 11 {
		w.settle()
		w.clock.add(time.Hour)
	}
	require.Empty(t, box.list, "it may go away by itself")
	for range 9 {
		w.clock.add(time.Hour)
		w.settle()
	}
	require.Equal(t, []string{NoticeStuck}, box.kinds())
	require.Contains(t, box.list[0].Message, "3 people or groups")
}

func TestNoticeOfSeats(t *testing.T) {
	box := &mailbox{}
	h := &seatedHost{limit: 2}
	w := mapped(t, func(c *Config) {
		h.fakeHost = c.Target.(*fakeHost)
		c.Target, c.Notifier = h, box
	})
	w.user("ada", "ben", "cid")
	w.settle()
	require.Equal(t, []string{NoticeNoSeat}, box.kinds())
	require.Equal(t, "All seats of the organisation's plan are taken: 2 people wait for one.", box.list[0].Message)
	w.clock.add(time.Hour)
	w.settle()
	require.Len(t, box.list, 1)
}

// TestNoticesOfThePastAreNone: a notifier that is set later is not told of years.
func TestNoticesOfThePastAreNone(t *testing.T) {
	w, names := crowd(t)
	w.leave("A", names...)
	w.settle()
	w.clock.add(repeatNotice + time.Hour)
	box := &mailbox{}
	w.cfg.Notifier = box
	var err error
	w.e, err = New(w.cfg)
	require.NoError(t, err)
	w.settle()
	require.Empty(t, box.list)
}
