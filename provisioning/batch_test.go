package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// batchHost makes many accounts and memberships in one call.
type batchHost struct {
	*fakeHost
	calls []string
	// answer, if set, is what CreateAccounts and SetMembers return instead.
	answer func(ids []string) ([]string, error)
	refuse func(changes []MemberChange) error
}

func (h *batchHost) CreateAccounts(ctx context.Context, tx store.Store, tenantID string, profiles []Profile) (ids []string, err error) {
	h.calls = append(h.calls, fmt.Sprintf("CreateAccounts %d", len(profiles)))
	for _, p := range profiles {
		id, err := h.CreateAccount(ctx, tx, tenantID, p)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	if h.answer != nil {
		return h.answer(ids)
	}
	return ids, nil
}

func (h *batchHost) SetMembers(ctx context.Context, tx store.Store, tenantID string, changes []MemberChange) error {
	h.calls = append(h.calls, fmt.Sprintf("SetMembers %d", len(changes)))
	if h.refuse != nil {
		if err := h.refuse(changes); err != nil {
			return err
		}
	}
	for _, c := range changes {
		var err error
		if c.Role == "" {
			err = h.RemoveMember(ctx, tx, tenantID, c.TeamID, c.AccountID)
		} else {
			err = h.SetMember(ctx, tx, tenantID, c.TeamID, c.AccountID, c.Role)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// batchStory is a large plan: many come, change their roles, and go.
func batchStory(t *testing.T, change ...func(*Config)) *world {
	w := newWorld(t, append(change, func(c *Config) { c.Breaker.InsecureOff = true })...)
	w.host.addTeam("t-1", "One")
	w.host.addTeam("t-2", "Two")
	var names []string
	for i := range 250 {
		names = append(names, fmt.Sprintf("p%03d", i))
	}
	w.user(names...)
	w.group("A", names...)
	w.group("B", names[100:]...)
	w.host.addUser("u-hand", "p007@acme.example", "member") // nobody approved that it is taken over
	w.host.in["t-1"]["u-hand"] = "administrator"
	w.sync()
	w.manual(w.row("A", "t-1", "member", ""), w.row("B", "t-2", "member", "administrator"))
	w.manual(w.row("A", "t-1", "administrator", "owner"))
	w.deleteGroup("A")
	w.sync()
	return w
}

// story is what happened, without IDs.
func (w *world) story() []string {
	var out []string
	for _, ev := range w.events(eventPrefix) {
		out = append(out, ev.Type+" "+ev.Subject.Name+" "+ev.Message)
	}
	slices.Sort(out)
	return out
}

func TestManyAtOnceIsTheSame(t *testing.T) {
	one := batchStory(t)
	for name, spoil := range map[string]func(h *batchHost){
		"as asked": func(*batchHost) {},
		"declines": func(h *batchHost) {
			h.refuse = func([]MemberChange) error { return fmt.Errorf("not today: %w", errors.ErrUnsupported) }
		},
		"gives too few IDs": func(h *batchHost) { h.answer = func(ids []string) ([]string, error) { return ids[1:], nil } },
		"gives one ID twice": func(h *batchHost) {
			h.answer = func(ids []string) ([]string, error) { ids[1] = ids[0]; return ids, nil }
		},
		"gives an empty ID": func(h *batchHost) { h.answer = func(ids []string) ([]string, error) { ids[1] = ""; return ids, nil } },
		"gives somebody's ID": func(h *batchHost) {
			h.answer = func(ids []string) ([]string, error) { ids[1] = "u-root"; return ids, nil }
		},
		"fails":  func(h *batchHost) { h.answer = func([]string) ([]string, error) { return nil, errHost } },
		"panics": func(h *batchHost) { h.refuse = func([]MemberChange) error { panic("batch") } },
	} {
		t.Run(name, func(t *testing.T) {
			many := &batchHost{}
			w := batchStory(t, func(c *Config) {
				many.fakeHost = c.Target.(*fakeHost)
				spoil(many)
				c.Target = many
			})
			require.Equal(t, one.host.state(), w.host.state())
			require.Equal(t, one.story(), w.story())
			require.Empty(t, w.failures())
			w.stable()
		})
	}
}

// TestManyAtOnceIsFewCalls counts the calls of a large plan.
func TestManyAtOnceIsFewCalls(t *testing.T) {
	many := &batchHost{}
	batchStory(t, func(c *Config) {
		many.fakeHost = c.Target.(*fakeHost)
		c.Target = many
	})
	require.Less(t, len(many.calls), 20, "%d people in %d calls: %v", 250, len(many.calls), many.calls)
}

// TestRefusedOneOfMany is a host that refuses one membership of many: nobody else waits,
// and nothing is done twice.
func TestRefusedOneOfMany(t *testing.T) {
	many := &batchHost{}
	w := newWorld(t, func(c *Config) {
		many.fakeHost = c.Target.(*fakeHost)
		c.Target = many
	})
	w.host.addTeam("t-1", "One")
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("p%03d", i))
	}
	w.user(names...)
	w.group("A", names...)
	w.sync()
	bad := w.account("p030")
	refuse := true
	w.host.fail = func(op, id string) error {
		if refuse && op == "SetMember" && id == bad {
			return errHost
		}
		return nil
	}
	plan := w.manual(w.row("A", "t-1", "member", ""))
	require.Len(t, plan.Failures, 1)
	require.Len(t, w.host.in["t-1"], 59)
	require.Len(t, w.events("provisioning.member.add"), 59)
	require.Equal(t, w.ids["p030"], w.failures()[0].SCIMUserID)
	refuse = false
	w.heal()
	require.Len(t, w.host.in["t-1"], 60)
	require.True(t, slices.Contains(many.calls, "SetMembers 60"), strings.Join(many.calls, ", "))
}
