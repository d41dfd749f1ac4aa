package provisioning

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// dutyHost has people with duties, and deletes accounts.
type dutyHost struct {
	*fakeHost
	ask     func(ctx context.Context, tx store.Store, id string) ([]HandOver, error)
	deleted *[]string
}

func (h dutyHost) BeforeDeprovision(ctx context.Context, tx store.Store, _, id string) ([]HandOver, error) {
	return h.ask(ctx, tx, id)
}

func (h dutyHost) DeleteAccount(_ context.Context, _ store.Store, _, id string) error {
	return h.change("DeleteAccount", id, func() {
		delete(h.users, id)
		for _, members := range h.in {
			delete(members, id)
		}
		*h.deleted = append(*h.deleted, id)
	})
}

func dutyWorld(t *testing.T, ask func(ctx context.Context, tx store.Store, id string) ([]HandOver, error), change ...func(*Config)) (*world, *[]string) {
	deleted := &[]string{}
	w := newWorld(t, append([]func(*Config){func(c *Config) { c.Target = dutyHost{c.Target.(*fakeHost), ask, deleted} }}, change...)...)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada")
	w.group("A", "ada")
	w.sync()
	w.manual(w.row("A", "t-ops", "member", "administrator"))
	return w, deleted
}

func noDuties(context.Context, store.Store, string) ([]HandOver, error) { return nil, nil }

// TestHandOverCannotBlock: whatever the host does before access ends, it ends.
func TestHandOverCannotBlock(t *testing.T) {
	many := make([]HandOver, 150)
	for i := range many {
		many[i] = HandOver{Kind: "shift", Name: strings.Repeat("x", i)}
	}
	for name, tt := range map[string]struct {
		ask  func(ctx context.Context, tx store.Store, id string) ([]HandOver, error)
		code FindingCode
		n    int
	}{
		"nothing": {noDuties, "", 0},
		"two": {func(context.Context, store.Store, string) ([]HandOver, error) {
			return []HandOver{{Kind: "rota", Name: "Night"}, {Message: "Ada is on call today."}}, nil
		}, FindingHandOver, 2},
		"more than one can read": {func(context.Context, store.Store, string) ([]HandOver, error) { return many, nil }, FindingHandOver, 101},
		"an error": {func(ctx context.Context, tx store.Store, _ string) ([]HandOver, error) {
			if err := tx.AppendEvents(ctx, org, store.Event{ID: "ev", Type: "host.left"}); err != nil {
				return nil, err
			}
			return nil, errors.New("incidents are open")
		}, FindingHandOverFailed, 1},
		"a panic": {func(context.Context, store.Store, string) ([]HandOver, error) { panic("boom") }, FindingHandOverFailed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := dutyWorld(t, tt.ask)
			id := w.account("ada")
			w.active("ada", false)
			w.sync()
			require.False(t, w.host.users[id].Active)
			n := 0
			for _, ev := range w.events(EventFinding) {
				if ev.Code == string(tt.code) {
					require.Equal(t, id, ev.Subject.ID)
					n++
				}
			}
			require.Equal(t, tt.n, n)
			require.Empty(t, w.events("host.left"), "what it did itself is undone")
			require.Len(t, w.events(eventPrefix+string(AccountDeactivate)), 1, "sessions end by the journal")
			w.active("ada", true)
			w.sync()
			require.True(t, w.host.users[id].Active)
			require.Equal(t, "member", w.host.role("t-ops", id))
			w.stable()
		})
	}
}

// TestHandOverIsTold to the owners.
func TestHandOverIsTold(t *testing.T) {
	var told []tenant.Notice
	w, _ := dutyWorld(t, func(context.Context, store.Store, string) ([]HandOver, error) {
		return []HandOver{{Message: "Take over the night shift."}}, nil
	}, func(c *Config) {
		c.Notifier = tenant.NotifierFunc(func(_ context.Context, _ store.Store, n tenant.Notice) error {
			told = append(told, n)
			return nil
		})
	})
	w.active("ada", false)
	w.sync()
	w.sync()
	require.Len(t, told, 1)
	require.Equal(t, NoticeHandOver, told[0].Kind)
	require.Contains(t, told[0].Message, "Take over the night shift.")
}

// TestAccountsAreDeletedAfterAWhile where the settings, or the host, say so.
func TestAccountsAreDeletedAfterAWhile(t *testing.T) {
	w, deleted := dutyWorld(t, noDuties, func(c *Config) { c.OnDeprovision = store.AccountDelete })
	id := w.account("ada")
	w.active("ada", false)
	w.sync()
	require.False(t, w.host.users[id].Active, "access ends at once")
	list, err := w.e.PlannedAccountDeletions(t.Context(), owner, org, 0, 0)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, id, list[0].AccountID)
	require.WithinDuration(t, w.clock.Now().Add(deleteAfter), list[0].DueAt, time.Minute)

	w.clock.add(6 * 24 * time.Hour)
	w.active("ada", true)
	w.sync()
	require.True(t, w.host.users[id].Active)
	require.Equal(t, "administrator", w.host.users[id].Role, "with all that was there")
	w.clock.add(8 * 24 * time.Hour)
	w.sync()
	require.Empty(t, *deleted)

	w.active("ada", false)
	w.sync()
	w.clock.add(3 * 24 * time.Hour)
	w.deleteUser("ada")
	w.sync()
	w.clock.add(5 * 24 * time.Hour)
	_, err = w.e.SyncAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{id}, *deleted, "seven days after access ended")
	_, err = w.st.Account(t.Context(), org, id)
	require.ErrorIs(t, err, store.ErrNotFound)
	w.stable()
	w.user("ada")
	w.sync()
	require.NotEqual(t, id, w.account("ada"), "a new account")
}

// TestAccountDeletionIsKept where something speaks against it.
func TestAccountDeletionIsKept(t *testing.T) {
	for name, arrange := range map[string]func(w *world, id string){
		"other settings": func(w *world, _ string) {
			s, err := w.e.Settings(w.ctx, owner, org)
			require.NoError(w, err)
			s.OnDeprovision = store.AccountSuspend
			w.set(s)
		},
		"root":              func(w *world, id string) { w.host.root = id },
		"restored":          func(w *world, id string) { w.host.users[id].Active = true },
		"the host is gone":  func(w *world, id string) { require.NoError(w, w.st.DeleteAccount(w.ctx, org, id, 0)) },
		"no directory's":    func(w *world, id string) { w.unconvert(id) },
		"break-glass since": func(w *world, id string) { w.host.users[id].Email = "glass@acme.example" },
	} {
		t.Run(name, func(t *testing.T) {
			w, deleted := dutyWorld(t, noDuties)
			s, err := w.e.Settings(t.Context(), owner, org)
			require.NoError(t, err)
			s.OnDeprovision = store.AccountDelete
			w.set(s)
			w.host.addUser("u-eve", "eve@acme.example", "member")
			w.convert(Conversion{Entries: []string{"u-eve"}})
			w.user("eve")
			w.sync()
			w.active("eve", false)
			w.sync()
			arrange(w, "u-eve")
			w.clock.add(8 * 24 * time.Hour)
			w.sync()
			require.Empty(t, *deleted)
			require.Len(t, w.events(EventAccountDeleteCancelled), 1)
		})
	}
	w := newWorld(t)
	_, err := w.e.Preview(t.Context(), owner, org, store.ProvisioningSettings{OnDeprovision: store.AccountDelete})
	require.ErrorContains(t, err, "the application deletes no accounts")
	cfg := w.cfg
	cfg.OnDeprovision = store.AccountDelete
	_, err = New(cfg)
	require.ErrorContains(t, err, "OnDeprovision")
}

// TestU8DeprovisionedByTheDirectorysID: who never signed in, or signed in as somebody else,
// loses access all the same.
func TestU8DeprovisionedByTheDirectorysID(t *testing.T) {
	w, _ := dutyWorld(t, noDuties)
	id := w.account("ada")
	_, err := w.st.CreateIdentity(t.Context(), org, store.Identity{Meta: w.meta("link"), ConnectionID: "c-other", Issuer: "https://other.example", Subject: "nobody", AccountID: id, Email: "else@acme.example"})
	require.NoError(t, err)
	w.host.users[id].Email = "changed.by.hand@acme.example"
	w.deleteUser("ada")
	w.sync()
	require.False(t, w.host.users[id].Active)
}

// TestHandOverTooLate: what a host does in more than its time is undone, and told, also if it looks at no context.
func TestHandOverTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := dutyWorld(t, func(_ context.Context, tx store.Store, _ string) ([]HandOver, error) {
			time.Sleep(handOverTime + time.Second)
			return nil, tx.AppendEvents(context.Background(), org, store.Event{ID: "ev", Type: "host.left"})
		})
		id := w.account("ada")
		w.active("ada", false)
		w.sync()
		require.False(t, w.host.users[id].Active)
		require.Empty(t, w.events("host.left"))
		found := w.events(EventFinding)
		require.Len(t, found, 1)
		require.Equal(t, string(FindingHandOverFailed), found[0].Code)
	})
}
