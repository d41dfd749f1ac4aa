package memory

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestEventLogBehavesLikeASlice compares random growth and truncation with a plain slice.
func TestEventLogBehavesLikeASlice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var log eventLog
	var want []string
	for step := range 400 {
		if rnd.IntN(4) == 0 {
			n := rnd.IntN(len(want) + 1)
			log.truncate(n)
			want = want[:n]
		} else {
			for range rnd.IntN(3 * eventPiece) {
				id := fmt.Sprint(step, len(want))
				log.append(store.Event{ID: id})
				want = append(want, id)
			}
		}
		require.Equal(t, len(want), log.len())
		for i, id := range want {
			require.Equal(t, id, log.at(i).ID)
		}
	}
}

// TestRolledBackEventsAreGone takes back more events than one piece holds.
func TestRolledBackEventsAreGone(t *testing.T) {
	ctx, st := t.Context(), New()
	events := func(n int) []store.Event {
		out := make([]store.Event, n)
		for i := range out {
			out[i] = store.Event{ID: store.NewID(time.Now()), Type: "test.happened", At: time.Now()}
		}
		return out
	}
	require.NoError(t, st.AppendEvents(ctx, "acme", events(eventPiece-1)...))
	undone := errors.New("undone")
	require.ErrorIs(t, st.InTx(ctx, func(tx store.Store) error {
		require.NoError(t, tx.AppendEvents(ctx, "acme", events(2*eventPiece+5)...))
		return undone
	}), undone)
	require.NoError(t, st.AppendEvents(ctx, "acme", events(2)...))
	require.Len(t, all(ctx, t, st), eventPiece+1)
}

func all(ctx context.Context, t *testing.T, st store.Store) (out []store.Event) {
	t.Helper()
	for after := int64(0); ; {
		page, err := st.Events(ctx, "acme", store.EventQuery{After: after})
		require.NoError(t, err)
		if len(page) == 0 {
			return out
		}
		out = append(out, page...)
		after = page[len(page)-1].Seq
	}
}

// TestEventsKeepNoRequest has the store keep parts of a large text: the text itself must
// not stay in memory with them.
func TestEventsKeepNoRequest(t *testing.T) {
	request := strings.Repeat("x", 1<<20) + "Ada Lovelace"
	name := request[1<<20:]
	st := New()
	require.NoError(t, st.AppendEvents(t.Context(), "acme", store.Event{
		ID: "1", Type: "test.happened", Subject: store.EventSubject{Kind: "user", Name: name}, At: time.Now(),
	}))
	kept := st.db.tenants["acme"].events.at(0).Subject.Name
	require.Equal(t, name, kept)
	require.NotSame(t, unsafe.StringData(name), unsafe.StringData(kept))
}

// TestEventsShareTheStoredBody keeps one copy of a record that an event tells as it was stored,
// and hands out none of it.
func TestEventsShareTheStoredBody(t *testing.T) {
	ctx, st := t.Context(), New()
	body := []byte(`{"userName":"ada"}`)
	_, err := st.CreateSCIMUser(ctx, "acme", store.SCIMUser{Meta: store.Meta{ID: "1"}, UserName: "ada", Body: body},
		store.Event{ID: "1", Type: "test.created", After: body, At: time.Now()})
	require.NoError(t, err)
	clear(body) // the caller's own again
	inside := st.db.tenants["acme"]
	user, _ := inside.users.get("1")
	require.Same(t, &user.Body[0], &inside.events.at(0).After[0])

	events, err := st.Events(ctx, "acme", store.EventQuery{})
	require.NoError(t, err)
	clear(events[0].After)
	read, err := st.SCIMUser(ctx, "acme", "1")
	require.NoError(t, err)
	require.JSONEq(t, `{"userName":"ada"}`, string(read.Body))
	require.True(t, slices.Contains(user.Body, 'a'))
}
