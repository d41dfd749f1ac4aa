package provisioning

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

func lockOf(account string) Resource { return Resource{Kind: ResourceUser, AccountID: account} }

func newLocks(w *world, change ...func(*LocksConfig)) *Locks {
	w.Helper()
	cfg := LocksConfig{Store: w.st, Now: w.clock.Now, Authorizer: tenant.AuthorizerFunc(allowAll)}
	for _, fn := range change {
		fn(&cfg)
	}
	l, err := NewLocks(cfg)
	require.NoError(w, err)
	return l
}

// lockWorld has ada, whom the directory manages, in the team Ops and an administrator by the
// group SRE.
func lockWorld(t *testing.T) (w *world, ada string) {
	w = newWorld(t)
	w.host.addTeam("t-ops", "Ops")
	w.user("ada")
	w.group("SRE", "ada")
	w.sync()
	w.manual(w.row("SRE", "t-ops", "member", "administrator"))
	return w, w.account("ada")
}

func (w *world) lock(l *Locks, r Resource, field string, op Op) Lock {
	w.Helper()
	lock, err := l.Check(w.ctx, org, r, field, op)
	require.NoError(w, err)
	return lock
}

// TestLocksAreLiftedWithTheSync is the table of Locks.
func TestLocksAreLiftedWithTheSync(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, w *world, cfg *LocksConfig)
		lifted LockLift
		note   LockNote
		says   string
	}{
		{"nothing", func(*testing.T, *world, *LocksConfig) {}, "", "", "managed by Okta"},
		{"directory off", func(_ *testing.T, w *world, _ *LocksConfig) {
			w.directory(func(d *store.Directory) { d.Enabled = false })
		}, LiftedDirectoryOff, "", "switched off"},
		{"connection gone", func(t *testing.T, w *world, _ *LocksConfig) {
			require.NoError(t, w.st.DeleteConnection(w.ctx, org, w.ids["conn"], 0))
		}, LiftedDirectoryOff, "", "Your identity provider managed this until"},
		{"plan lapsed", func(_ *testing.T, _ *world, cfg *LocksConfig) {
			cfg.Entitlements = tenant.EntitlementsFunc(func(context.Context, string) (tenant.Included, error) {
				return tenant.Included{SSO: true}, nil
			})
		}, LiftedPlan, "", "the plan does not include"},
		{"plan unknown", func(_ *testing.T, _ *world, cfg *LocksConfig) {
			cfg.Entitlements = tenant.EntitlementsFunc(func(context.Context, string) (tenant.Included, error) {
				return tenant.Included{}, errors.New("billing is down")
			})
		}, "", "", "managed by Okta"},
		{"connection suspended", func(t *testing.T, w *world, _ *LocksConfig) {
			c, err := w.st.Connection(w.ctx, org, w.ids["conn"])
			require.NoError(t, err)
			c.State = store.ConnectionSuspended
			_, err = w.st.UpdateConnection(w.ctx, org, c)
			require.NoError(t, err)
		}, LiftedConnection, "", "connection is suspended"},
		{"tenant suspended", func(t *testing.T, w *world, _ *LocksConfig) {
			_, err := w.st.PutLifecycle(w.ctx, org, store.Lifecycle{State: store.ServiceSuspended})
			require.NoError(t, err)
		}, LiftedSuspended, "", "single sign-on is suspended"},
		{"tenant being removed", func(t *testing.T, w *world, _ *LocksConfig) {
			_, err := w.st.PutLifecycle(w.ctx, org, store.Lifecycle{State: store.ServiceRemoving})
			require.NoError(t, err)
		}, LiftedRemoved, "", "is being removed"},
		{"user gone, the sync waits", func(_ *testing.T, w *world, _ *LocksConfig) {
			w.deleteUser("ada")
		}, LiftedUserGone, "", "does not have this user any more"},
		{"paused", func(t *testing.T, w *world, _ *LocksConfig) {
			_, err := w.e.Pause(w.ctx, owner, org, "moving to another directory")
			require.NoError(t, err)
		}, "", NoteSyncPaused, ""},
		{"silent for three weeks", func(t *testing.T, w *world, _ *LocksConfig) {
			require.NoError(t, w.st.MarkDirectoryUsed(w.ctx, org, w.ids["dir"], w.clock.Now()))
			w.clock.add(22 * 24 * time.Hour)
		}, "", NoteSyncStale, "Okta has not synced for 3 weeks. Last sync: 24 November 2026, 09:00 UTC."},
		{"never heard of", func(_ *testing.T, w *world, _ *LocksConfig) {
			w.clock.add(22 * 24 * time.Hour)
		}, "", NoteSyncStale, "Okta has not synced yet."},
		{"silent, and the host does not mind", func(_ *testing.T, w *world, cfg *LocksConfig) {
			w.clock.add(22 * 24 * time.Hour)
			cfg.StaleAfter = -1
		}, "", "", "managed by Okta"},
		{"another directory is on", func(t *testing.T, w *world, _ *LocksConfig) {
			w.directory(func(d *store.Directory) { d.Enabled = false })
			_, err := w.st.CreateConnection(w.ctx, org, store.Connection{Meta: w.meta("conn2"), State: store.ConnectionActive, Name: "Entra"})
			require.NoError(t, err)
			_, err = w.st.CreateDirectory(w.ctx, org, store.Directory{Meta: w.meta("dir2"), ConnectionID: w.ids["conn2"], Enabled: true})
			require.NoError(t, err)
		}, "", "", "managed by Entra"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, ada := lockWorld(t)
			locks := newLocks(w, func(cfg *LocksConfig) { tt.change(t, w, cfg) })
			l := w.lock(locks, lockOf(ada), "email", OpUpdate)
			require.Equal(t, tt.lifted, l.Lifted)
			require.Equal(t, tt.lifted == "", l.Locked)
			require.Contains(t, l.Explain("en"), tt.says)
			require.NotEmpty(t, l.Explain("de"))
			if tt.lifted != "" {
				require.NoError(t, l.Err())
				require.Empty(t, l.Code)
			}
			for _, r := range []Resource{{Kind: ResourceOrgRole, AccountID: ada}, {Kind: ResourceMembership, AccountID: ada, TeamID: "t-ops"}} {
				l := w.lock(locks, r, "", OpDelete)
				require.Equal(t, tt.lifted, l.Lifted, r.Kind)
				require.Equal(t, tt.lifted == "", l.Locked)
				if tt.note != "" {
					require.Contains(t, l.Notes, tt.note)
				} else {
					require.Empty(t, l.Notes)
				}
			}
			if tt.note == NoteSyncPaused {
				require.Empty(t, l.Notes, "profiles follow the directory all the same")
			}
			// What no directory manages has no lift to tell of either.
			require.Equal(t, Lock{}, w.lock(locks, lockOf("u-root"), "email", OpUpdate))
		})
	}
}

// TestBreakGlassOwnerGone: whom the directory deleted and a rule kept is free.
func TestBreakGlassOwnerGone(t *testing.T) {
	w := newWorld(t)
	w.user("glass")
	w.group("Owners", "glass")
	w.sync()
	w.manual(w.row("Owners", "", "", "owner"))
	glass := w.account("glass")
	locks := newLocks(w)
	require.True(t, w.lock(locks, lockOf(glass), "email", OpUpdate).Locked)
	w.deleteUser("glass")
	w.sync()
	require.True(t, w.host.users[glass].Active, "kept by the break-glass list")
	l := w.lock(locks, lockOf(glass), "email", OpUpdate)
	require.False(t, l.Locked)
	require.Equal(t, LiftedUserGone, l.Lifted)
}

func TestLockedFieldsByAnySpelling(t *testing.T) {
	w, ada := lockWorld(t)
	locks := newLocks(w)
	for _, field := range []string{
		"Email", "EMAIL", "name.givenName", "name[0]", "Name.x", "USERNAME", "pa\u017f\u017fword", "email:x", "phone.value",
	} {
		require.True(t, w.lock(locks, lockOf(ada), field, OpUpdate).Locked, field)
	}
	for _, field := range []string{"avatar", "emails2", "nickname", ".email", "\x00", "e-mail"} {
		require.False(t, w.lock(locks, lockOf(ada), field, OpUpdate).Locked, field)
	}
	require.False(t, w.lock(locks, Resource{Kind: ResourceMembership, AccountID: ada, TeamID: "t-ops"}, "Role", OpUpdate).Locked)
	for _, c := range []Change{
		{}, {Resource: lockOf(ada)}, {Resource: lockOf(ada), Op: "replace"}, {Resource: Resource{Kind: "User"}, Op: OpUpdate},
	} {
		_, err := locks.Check(t.Context(), org, c.Resource, c.Field, c.Op)
		require.ErrorContains(t, err, "expected", "%+v", c)
	}
	for _, id := range []string{"", "\x00", "u-nix", "'; drop table"} {
		require.Equal(t, Lock{}, w.lock(locks, Resource{Kind: ResourceUser, AccountID: id, TeamID: id}, "", OpDelete))
		require.Equal(t, Lock{}, w.lock(locks, Resource{Kind: ResourceTeam, AccountID: id, TeamID: id}, "", OpDelete))
		require.Equal(t, Lock{}, w.lock(locks, Resource{Kind: ResourceOrgRole, AccountID: id}, "", OpUpdate))
	}
	l, err := locks.Check(t.Context(), "globex", lockOf(ada), "email", OpUpdate)
	require.NoError(t, err)
	require.Equal(t, Lock{}, l, "another tenant's account is nobody here")
}

// counting counts the reads of a store.
type counting struct {
	*memory.Store
	reads int
}

func (c *counting) Directories(ctx context.Context, id string) ([]store.Directory, error) {
	c.reads++
	return c.Store.Directories(ctx, id)
}

func (c *counting) Connections(ctx context.Context, id string) ([]store.Connection, error) {
	c.reads++
	return c.Store.Connections(ctx, id)
}

func (c *counting) Connection(ctx context.Context, tenantID, id string) (store.Connection, error) {
	c.reads++
	return c.Store.Connection(ctx, tenantID, id)
}

func (c *counting) Lifecycle(ctx context.Context, id string) (store.Lifecycle, error) {
	c.reads++
	return c.Store.Lifecycle(ctx, id)
}

func (c *counting) ProvisioningSettings(ctx context.Context, id string) (store.ProvisioningSettings, error) {
	c.reads++
	return c.Store.ProvisioningSettings(ctx, id)
}

func (c *counting) Account(ctx context.Context, tenantID, id string) (store.Account, error) {
	c.reads++
	return c.Store.Account(ctx, tenantID, id)
}

func (c *counting) AccountsWithIDs(ctx context.Context, tenantID string, ids []string) ([]store.Account, error) {
	c.reads++
	return c.Store.AccountsWithIDs(ctx, tenantID, ids)
}

func (c *counting) Grants(ctx context.Context, tenantID, id string) ([]store.Grant, error) {
	c.reads++
	return c.Store.Grants(ctx, tenantID, id)
}

func (c *counting) AllGrants(ctx context.Context, tenantID string, after store.GrantKey, limit int) ([]store.Grant, error) {
	c.reads++
	return c.Store.AllGrants(ctx, tenantID, after, limit)
}

func (c *counting) GrantsOfAccounts(ctx context.Context, tenantID string, ids []string) ([]store.Grant, error) {
	c.reads++
	return c.Store.GrantsOfAccounts(ctx, tenantID, ids)
}

func (c *counting) SCIMGroup(ctx context.Context, tenantID, id string) (store.SCIMGroup, error) {
	c.reads++
	return c.Store.SCIMGroup(ctx, tenantID, id)
}

func (c *counting) GroupsWithIDs(ctx context.Context, tenantID string, ids []string) ([]store.GroupRef, error) {
	c.reads++
	return c.Store.GroupsWithIDs(ctx, tenantID, ids)
}

func (c *counting) SCIMUser(ctx context.Context, tenantID, id string) (store.SCIMUser, error) {
	c.reads++
	return c.Store.SCIMUser(ctx, tenantID, id)
}

func (c *counting) SCIMUsersAmong(ctx context.Context, tenantID string, ids []string) ([]string, error) {
	c.reads++
	return c.Store.SCIMUsersAmong(ctx, tenantID, ids)
}

func (c *counting) Events(ctx context.Context, tenantID string, q store.EventQuery) ([]store.Event, error) {
	c.reads++
	return c.Store.Events(ctx, tenantID, q)
}

// lockPage is a tenant with n provisioned people, each with a role and a membership of groups of
// their own, and what a page of them asks.
func lockPage(t testing.TB, n int) (*counting, *Locks, []Change) {
	t.Helper()
	st := memory.New()
	ctx, now := t.Context(), time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	meta := func(id string) store.Meta { return store.Meta{ID: id, CreatedAt: now, UpdatedAt: now} }
	must := func(err error) { require.NoError(t, err) }
	_, err := st.CreateConnection(ctx, org, store.Connection{Meta: meta("c"), State: store.ConnectionActive, Name: "Okta"})
	must(err)
	_, err = st.CreateDirectory(ctx, org, store.Directory{Meta: meta("d"), ConnectionID: "c", Enabled: true})
	must(err)
	var changes []Change
	var grants []store.Grant
	for i := range n {
		id, group, team := fmt.Sprintf("u%05d", i), fmt.Sprintf("g%05d", i), fmt.Sprintf("t%05d", i)
		_, err := st.CreateSCIMUser(ctx, org, store.SCIMUser{Meta: meta("s" + id), UserName: id, Active: true})
		must(err)
		_, err = st.CreateAccount(ctx, org, store.Account{Meta: meta(id), Source: store.SourceSCIM, SCIMUserID: "s" + id, Active: true})
		must(err)
		_, err = st.CreateSCIMGroup(ctx, org, store.SCIMGroup{Meta: meta(group), DisplayName: "Group " + group}, nil)
		must(err)
		grants = append(grants,
			store.Grant{AccountID: id, Kind: store.GrantMembership, ResourceID: team, GroupID: group, Role: "member"},
			store.Grant{AccountID: id, Kind: store.GrantOrgRole, GroupID: group, Role: "administrator"},
			store.Grant{Kind: store.GrantTeam, ResourceID: team, GroupID: group})
		changes = append(changes,
			Change{Resource{Kind: ResourceUser, AccountID: id}, "email", OpUpdate},
			Change{Resource{Kind: ResourceUser, AccountID: id}, "avatar", OpUpdate},
			Change{Resource{Kind: ResourceOrgRole, AccountID: id}, "", OpUpdate},
			Change{Resource{Kind: ResourceMembership, AccountID: id, TeamID: team}, "", OpDelete},
			Change{Resource{Kind: ResourceMembership, AccountID: "by-hand", TeamID: team}, "", OpCreate},
			Change{Resource{Kind: ResourceTeam, TeamID: team}, "name", OpUpdate})
	}
	must(st.ChangeGrants(ctx, org, grants, nil))
	counted := &counting{Store: st}
	locks, err := NewLocks(LocksConfig{Store: counted, Now: func() time.Time { return now }})
	must(err)
	return counted, locks, changes
}

// TestLocksOfAPage: a page of 100 people with roles, memberships and teams costs as many reads as
// one of 10, and each answer is that of Check.
func TestLocksOfAPage(t *testing.T) {
	reads := map[int]int{}
	for _, n := range []int{10, 100} {
		st, locks, changes := lockPage(t, n)
		st.reads = 0
		list, err := locks.CheckAll(t.Context(), org, changes)
		require.NoError(t, err)
		reads[n] = st.reads
		for i, c := range changes {
			one, err := locks.Check(t.Context(), org, c.Resource, c.Field, c.Op)
			require.NoError(t, err)
			require.Equal(t, one, list[i], "%+v", c)
			require.Equal(t, c.Field != "avatar", one.Locked)
			if one.Variant.byGroup() && one.Locked {
				require.Len(t, one.Groups, 1)
			}
		}
	}
	require.Equal(t, reads[10], reads[100])
	require.LessOrEqual(t, reads[100], 12)

	st, locks, changes := lockPage(t, 1)
	for _, tt := range []struct {
		change Change
		reads  int
	}{
		{changes[0], 7},
		{changes[1], 1},
		{changes[2], 10},
		{changes[3], 10},
		{changes[4], 8},
		{changes[5], 8},
		{Change{Resource{Kind: ResourceUser, AccountID: "by-hand"}, "email", OpUpdate}, 2},
		{Change{Resource{Kind: ResourceOrgRole, AccountID: "by-hand"}, "", OpUpdate}, 2},
		{Change{Resource{Kind: ResourceTeam, TeamID: "by-hand"}, "", OpUpdate}, 2},
		{Change{Resource{Kind: ResourceMembership, AccountID: "by-hand", TeamID: "by-hand"}, "", OpDelete}, 2},
	} {
		st.reads = 0
		_, err := locks.Check(t.Context(), org, tt.change.Resource, tt.change.Field, tt.change.Op)
		require.NoError(t, err)
		require.LessOrEqual(t, st.reads, tt.reads, "%+v", tt.change)
	}
	st.reads = 0
	_, err := locks.Check(t.Context(), "globex", lockOf("u"), "email", OpUpdate)
	require.NoError(t, err)
	require.Equal(t, 2, st.reads, "a tenant without a directory")

	_, err = locks.CheckAll(t.Context(), org, make([]Change, MaxChanges+1))
	require.ErrorContains(t, err, "at most 1000")
	list, err := locks.CheckAll(t.Context(), org, nil)
	require.NoError(t, err)
	require.Empty(t, list)
}

// TestBulkSkipsWhatIsLocked: a bulk operation does what it may and says what it left.
func TestBulkSkipsWhatIsLocked(t *testing.T) {
	w, ada := lockWorld(t)
	w.host.addUser("u-eve", "eve@acme.example", "member")
	locks := newLocks(w)
	remove := func(id string) Change { return Change{Resource: lockOf(id), Op: OpDelete} }
	allowed, refused, err := locks.Split(t.Context(), org, []Change{remove("u-eve"), remove(ada), remove("u-root"), remove(ada)})
	require.NoError(t, err)
	require.Equal(t, []int{0, 2}, allowed)
	require.Len(t, refused, 2)
	require.Equal(t, 1, refused[0].Index)
	require.Equal(t, 3, refused[1].Index)
	require.Equal(t, ada, refused[0].Change.Resource.AccountID)
	require.Contains(t, refused[0].Lock.Explain("en"), "Remove the user in Okta")
	_, _, err = locks.Split(t.Context(), org, []Change{{Resource: lockOf(ada), Op: "merge"}})
	require.Error(t, err)
}
