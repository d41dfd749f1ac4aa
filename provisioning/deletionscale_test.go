package provisioning

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// readEvents counts the events that are read outside of transactions.
type readEvents struct {
	store.Store
	n int
}

func (r *readEvents) Events(ctx context.Context, tenantID string, q store.EventQuery) ([]store.Event, error) {
	list, err := r.Store.Events(ctx, tenantID, q)
	r.n += len(list)
	return list, err
}

// everDeleting deletes accounts and teams.
type everDeleting struct{ deletingHost }

func (everDeleting) DeleteAccount(context.Context, store.Store, string, string) error { return nil }

// TestDeletionsThatWaitCostNothing: while many wait to be deleted, a change reads what is new of the journal, and what is due
// sooner is found all the same.
func TestDeletionsThatWaitCostNothing(t *testing.T) {
	const n = 3000
	st := &readEvents{}
	w := newWorld(t, func(c *Config) {
		st.Store = c.Store
		c.Store, c.Target = st, everDeleting{deletingHost{c.Target.(*fakeHost)}}
	})
	w.user("ada")
	w.sync()
	plan := func(from, to int, due time.Duration) {
		for chunk := from; chunk < to; chunk += 500 {
			var events []store.Event
			for i := chunk; i < min(chunk+500, to); i++ {
				at := w.clock.Now().Add(due)
				events = append(events,
					w.e.lineEvent(Line{Kind: AccountDeletePlanned, AccountID: fmt.Sprintf("gone-%05d", i), DueAt: at}),
					w.e.lineEvent(Line{Kind: TeamDeletePlanned, TeamID: fmt.Sprintf("old-%05d", i), DueAt: at}))
			}
			require.NoError(t, w.st.AppendEvents(t.Context(), org, events...))
		}
	}
	plan(0, n, 7*24*time.Hour)
	w.sync()
	list, err := w.e.PlannedAccountDeletions(t.Context(), owner, org, 0, 0)
	require.NoError(t, err)
	require.Len(t, list, store.MaxLimit)
	require.Equal(t, "gone-00000", list[0].AccountID)
	for i := range 3 {
		w.user(fmt.Sprintf("person%d", i))
		st.n = 0
		w.sync()
		require.Less(t, st.n, 100)
	}
	plan(n, n+1, time.Hour)
	w.sync()
	w.clock.add(2 * time.Hour)
	w.sync()
	for kind, id := range map[string]string{subjectAccount: fmt.Sprintf("gone-%05d", n), subjectTeam: fmt.Sprintf("old-%05d", n)} {
		last, err := w.st.Events(t.Context(), org, store.EventQuery{SubjectKind: kind, SubjectID: id, Newest: true, Limit: 1})
		require.NoError(t, err)
		require.NotContains(t, last[0].Type, "delete_planned", "it was looked at when its time had come")
	}
}
