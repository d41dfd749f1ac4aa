package tenant

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// reviewed is a world whose staff answer within four days, with the mailboxes of owners and staff.
func reviewed(t *testing.T, change ...func(*Config)) (w *world, owners, team *mailbox) {
	t.Helper()
	owners, team = &mailbox{}, &mailbox{}
	w = newWorld(t, append([]func(*Config){func(c *Config) {
		c.ReviewWithin, c.Notifier, c.StaffNotifier = 4*day, owners, team
	}}, change...)...)
	return w, owners, team
}

func (w *world) reviewReminders(t testing.TB) int {
	t.Helper()
	n, err := w.RemindOfReviews(t.Context())
	require.NoError(t, err)
	return n
}

// TestReviewStatus: R47. The owner is shown until when to expect an answer, and who has to do something next.
func TestReviewStatus(t *testing.T) {
	t.Parallel()
	w, _, _ := reviewed(t)
	require.Equal(t, ReviewStatus{}, w.ReviewStatus(w.draft(t, "t2", acme())))
	c := w.submitted(t, "t1", acme())
	due := w.clock().Add(4 * day)
	require.Equal(t, ReviewStatus{
		WaitsFor: ReviewStaff, Since: w.clock(), AnswerBy: due,
		Message: "Our team reviews your request. Expect an answer by 28 November 2026, 12:00 UTC.",
	}, w.ReviewStatus(c))
	page, err := w.Queue(t.Context(), staff, store.Ref{}, 0)
	require.NoError(t, err)
	require.Equal(t, due, page.Requests[0].AnswerBy)
	sheet, err := w.Review(t.Context(), staff, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, due, sheet.AnswerBy)

	w.pass(4*day + time.Second)
	st := w.ReviewStatus(c)
	require.True(t, st.Overdue)
	require.Contains(t, st.Message, "longer than we said")

	c, err = w.AskForInformation(t.Context(), staff, "t1", c.ID, c.Version, "Which region?")
	require.NoError(t, err)
	require.Equal(t, ReviewStatus{
		WaitsFor: ReviewOwner, Since: w.clock(), Message: "Our team asked you something on 28 November 2026, 12:00 UTC. Answer it, and submit the request again.",
	}, w.ReviewStatus(c))

	c, _, err = w.Submit(t.Context(), owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Equal(t, w.clock().Add(4*day), w.ReviewStatus(c).AnswerBy, "a new time for a new answer")
	c, _, err = w.Approve(t.Context(), staff, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Equal(t, ReviewStatus{}, w.ReviewStatus(c))

	silent := newWorld(t)
	require.Equal(t, "Our team reviews your request.", silent.ReviewStatus(silent.submitted(t, "t1", acme())).Message)
}

// TestReviewReminders: R47. Staff are reminded when the time is nearly over, when it is, and once more; owners never see it.
func TestReviewReminders(t *testing.T) {
	t.Parallel()
	w, owners, team := reviewed(t)
	c := w.submitted(t, "t1", acme())
	since := c.SubmittedAt
	for range 40 {
		w.reviewReminders(t)
		w.pass(6 * time.Hour)
	}
	require.Empty(t, owners.calls)
	require.Len(t, team.calls, 3)
	require.Equal(t, Notice{
		ID: team.calls[0].ID, Kind: NoticeReviewWaits, TenantID: "t1", ConnectionID: c.ID, ConnectionName: "Acme login",
		Since: since, AnswerBy: since.Add(4 * day), After: 3 * day,
		Message: "A request has been waiting for review since 24 November 2026, 12:00 UTC. Its owner was told to expect an answer by 28 November 2026, 12:00 UTC.",
	}, team.calls[0])
	require.Contains(t, team.calls[1].Message, "should have had an answer by 28 November 2026")
	require.Equal(t, []time.Duration{3 * day, 4 * day, 8 * day}, []time.Duration{team.calls[0].After, team.calls[1].After, team.calls[2].After})
	require.Equal(t, 3, w.of(t, "t1", reviewReminded))

	// Long forgotten, and cleaned up: nobody is reminded of the same again.
	w.pass(200 * day)
	_, err := store.DeleteExpired(t.Context(), w.store, w.clock())
	require.NoError(t, err)
	require.Zero(t, w.reviewReminders(t))
	require.Equal(t, c.Version, mustConnection(t, w, c.ID).Version, "a reminder is in nobody's way who edits")
}

func mustConnection(t *testing.T, w *world, id string) Connection {
	t.Helper()
	c, err := w.Connection(t.Context(), owner, "t1", id)
	require.NoError(t, err)
	return c
}

// TestReviewRemindersOfOwners: R47. Owners are reminded of a question; a request that was submitted again and asked about
// again begins anew.
func TestReviewRemindersOfOwners(t *testing.T) {
	t.Parallel()
	w, owners, team := reviewed(t)
	c := w.submitted(t, "t1", acme())
	c, err := w.AskForInformation(t.Context(), staff, "t1", c.ID, c.Version, "Which region?")
	require.NoError(t, err)
	asked := w.clock()
	w.pass(10 * day) // the background did not run: the longest alone is told
	require.Equal(t, 1, w.reviewReminders(t))
	require.Zero(t, w.reviewReminders(t), "once")
	require.Equal(t, Notice{
		ID: owners.calls[0].ID, Kind: NoticeAnswerMissing, TenantID: "t1", ConnectionID: c.ID, ConnectionName: "Acme login", Since: asked, After: 7 * day,
		Message: "Our team asked you something about your request on 24 November 2026, 12:00 UTC and waits for your answer. Answer it, and submit the request again.",
	}, owners.calls[0])
	c, _, err = w.Submit(t.Context(), owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Zero(t, w.reviewReminders(t))
	c, err = w.AskForInformation(t.Context(), staff, "t1", c.ID, c.Version, "And who are you?")
	require.NoError(t, err)
	w.pass(3 * day)
	require.Equal(t, 1, w.reviewReminders(t))
	_, err = w.Withdraw(t.Context(), owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	w.pass(4 * day)
	require.Zero(t, w.reviewReminders(t))
	require.Empty(t, team.calls)
}

// TestReviewRemindersOnce: of any number of replicas one reminds; where the host fails, the next run does.
func TestReviewRemindersOnce(t *testing.T) {
	t.Parallel()
	w, _, team := reviewed(t)
	for _, id := range []string{"t1", "t2", "t3"} {
		d := acme()
		d.Domains = []string{id + ".example"}
		d.BreakGlass = nil
		w.submitted(t, id, d)
	}
	w.gone["t3"] = true // the host deleted the organisation
	w.pass(5 * day)
	team.fail = errors.New("mail server down")
	n, err := w.RemindOfReviews(t.Context())
	require.ErrorContains(t, err, "mail server down")
	require.Zero(t, n)
	require.Zero(t, w.of(t, "t1", reviewReminded), "nothing is recorded that nobody was told")
	team.fail, team.calls = nil, nil
	var sent atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			n, err := w.RemindOfReviews(t.Context())
			sent.Add(int64(n))
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, int64(2), sent.Load())
	require.Len(t, team.calls, 2)
	require.Equal(t, 1, w.of(t, "t1", mailEvent))
	require.Zero(t, w.of(t, "t3", mailEvent))
}

// TestReviewRemindersOfWhom: nobody is told what is for the other side, and no reminder needs a promise.
func TestReviewRemindersOfWhom(t *testing.T) {
	t.Parallel()
	none := newWorld(t)
	_, err := none.RemindOfReviews(t.Context())
	require.ErrorContains(t, err, "Config.StaffNotifier or Config.Notifier is required")

	w, owners, _ := reviewed(t, func(c *Config) { c.StaffNotifier = nil })
	w.submitted(t, "t1", acme())
	w.pass(5 * day)
	require.Zero(t, w.reviewReminders(t))
	require.Empty(t, owners.calls)

	w, _, team := reviewed(t, func(c *Config) { c.ReviewWithin, c.RemindStaffAfter = 0, []time.Duration{2 * day, day} })
	w.submitted(t, "t1", acme())
	w.pass(day)
	require.Equal(t, 1, w.reviewReminders(t))
	require.Equal(t, "A request has been waiting for review since 24 November 2026, 12:00 UTC.", team.calls[0].Message)

	w, _, team = reviewed(t, func(c *Config) { c.ReviewWithin = 0 })
	w.submitted(t, "t1", acme())
	w.pass(50 * day)
	require.Zero(t, w.reviewReminders(t))
	require.Empty(t, team.calls)
}

func TestReviewTimesAreChecked(t *testing.T) {
	t.Parallel()
	base := newWorld(t).cfg
	for _, tt := range []struct {
		want   string
		change func(*Config)
	}{
		{"ReviewWithin", func(c *Config) { c.ReviewWithin = -time.Hour }},
		{"RemindStaffAfter", func(c *Config) { c.RemindStaffAfter = []time.Duration{0} }},
		{"RemindOwnersAfter", func(c *Config) { c.RemindOwnersAfter = make([]time.Duration, maxWaitSteps+1) }},
	} {
		cfg := base
		tt.change(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, "Config."+tt.want)
	}
}

// TestRunnerRemindsAndErases: the Runner does what the configuration asks for, and nothing else.
func TestRunnerRemindsAndErases(t *testing.T) {
	t.Parallel()
	names := func(w *world, change func(*RunnerConfig)) (out []string) {
		cfg := RunnerConfig{Service: w.Service}
		if change != nil {
			change(&cfg)
		}
		for _, task := range cfg.tasks() {
			out = append(out, task.Name)
		}
		return out
	}
	plain := names(newWorld(t), nil)
	require.NotContains(t, plain, TaskReviewReminders)
	require.NotContains(t, plain, TaskRetention)

	w, _, team := reviewed(t, func(c *Config) { c.KeepEvents = 100 * day })
	require.Subset(t, names(w, nil), []string{TaskReviewReminders, TaskRetention})
	off := names(w, func(c *RunnerConfig) { c.ReviewRemindersEvery, c.RetentionEvery = -1, -1 })
	require.NotContains(t, off, TaskReviewReminders)
	require.NotContains(t, off, TaskRetention)

	w.submitted(t, "t1", acme())
	w.pass(5 * day)
	r, err := NewRunner(RunnerConfig{Service: w.Service})
	require.NoError(t, err)
	require.NoError(t, r.RunOnce(t.Context()))
	require.Len(t, team.calls, 1)
	w.happen(t, "t2", 1, "old.one")
	w.pass(101 * day)
	require.NoError(t, r.RunOnce(t.Context()))
	require.Equal(t, []string{eventsErased}, w.events(t, "t2", 0))
}
