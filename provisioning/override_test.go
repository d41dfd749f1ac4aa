package provisioning

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// lift lifts a lock for a day.
func (w *world) lift(l *Locks, r Resource, field string) store.LockOverride {
	w.Helper()
	o, err := l.Override(w.ctx, owner, org, OverrideRequest{Resource: r, Field: field, Reason: "Okta is being replaced", Until: w.clock.Now().Add(24 * time.Hour)})
	require.NoError(w, err)
	return o
}

// rename is what the directory, or the host, calls a person.
func (w *world) nameIn(directory, name string) {
	u, err := w.st.SCIMUser(w.ctx, org, w.ids[directory])
	require.NoError(w, err)
	u.Body = []byte(strings.Replace(string(userBody(u.UserName, true)), `"displayName":"`, `"displayName":"`+name+` `, 1))
	_, err = w.st.UpdateSCIMUser(w.ctx, org, u, w.ev("scim.user.updated", subjectUser, u.ID, u.Body))
	require.NoError(w, err)
	w.sync()
}

// TestOverrideOfAField is the story of a field: lifted, changed by hand, kept, and the directory's
// again.
func TestOverrideOfAField(t *testing.T) {
	w, ada := lockWorld(t)
	locks := newLocks(w)
	require.True(t, w.lock(locks, lockOf(ada), "displayName", OpUpdate).Locked)
	o := w.lift(locks, lockOf(ada), "displayName")

	l := w.lock(locks, lockOf(ada), "displayName", OpUpdate)
	require.False(t, l.Locked)
	require.Equal(t, LiftedOverride, l.Lifted)
	require.Equal(t, o, *l.Override)
	require.Equal(t, "root@acme.example lifted the lock until 25 November 2026, 09:00 UTC: “Okta is being replaced”. Until then it stays as it is here; after that, Okta decides again.", l.Explain("en"))
	require.True(t, w.lock(locks, lockOf(ada), "email", OpUpdate).Locked, "the field alone")
	require.True(t, w.lock(locks, lockOf(ada), "", OpDelete).Locked)
	require.True(t, w.lock(locks, Resource{Kind: ResourceOrgRole, AccountID: ada}, "", OpUpdate).Locked)

	w.host.users[ada].Name = "by hand"
	w.nameIn("ada", "Countess")
	require.Equal(t, "by hand", w.host.users[ada].Name, "the sync leaves it")
	_, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Equal(t, "by hand", w.host.users[ada].Name)

	list, err := locks.Overrides(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, []store.LockOverride{o}, list)
	require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
	require.True(t, w.lock(locks, lockOf(ada), "displayName", OpUpdate).Locked)
	w.sync()
	require.Equal(t, "Countess Ada", w.host.users[ada].Name, "the directory's again")
	w.stable()
	require.ErrorIs(t, locks.RevokeOverride(t.Context(), owner, org, o.ID), store.ErrNotFound)

	// The journal tells.
	done := w.events(eventPrefix + "lock.")
	require.Len(t, done, 2)
	require.Equal(t, EventOverridden, done[0].Type)
	require.Equal(t, "Okta is being replaced", done[0].Message)
	require.Equal(t, store.EventActor{Kind: "owner", ID: "u-root", Name: "root@acme.example"}, done[0].Actor)
	require.Equal(t, store.EventSubject{Kind: subjectAccount, ID: ada}, done[0].Subject)
	require.Equal(t, EventOverrideEnded, done[1].Type)
	require.Equal(t, OverrideEndedRevoked, done[1].Code)
}

// TestOverrideEndsByItself: what its time was over for is the directory's at the next reconcile, or
// when the directory writes before.
func TestOverrideEndsByItself(t *testing.T) {
	w, ada := lockWorld(t)
	locks := newLocks(w)
	w.lift(locks, lockOf(ada), "email")
	w.lift(locks, lockOf(ada), "displayName")
	w.host.users[ada].Email, w.host.users[ada].Name = "ada@home.example", "by hand"
	w.nameIn("ada", "Countess")
	require.Equal(t, "ada@home.example", w.host.users[ada].Email)
	w.clock.add(25 * time.Hour)
	require.True(t, w.lock(locks, lockOf(ada), "email", OpUpdate).Locked, "at once")
	list, err := locks.Overrides(t.Context(), owner, org)
	require.NoError(t, err)
	require.Empty(t, list)
	w.sync()
	require.Equal(t, "by hand", w.host.users[ada].Name)
	_, err = w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Equal(t, "Countess Ada", w.host.users[ada].Name)
	require.Equal(t, "ada@acme.example", w.host.users[ada].Email)
	ended := w.events(EventOverrideEnded)
	require.Len(t, ended, 2)
	require.Equal(t, OverrideEndedExpired, ended[0].Code)
	require.Equal(t, "system", ended[0].Actor.Kind)
	s, err := w.st.ProvisioningSettings(t.Context(), org)
	require.NoError(t, err)
	require.Empty(t, s.Overrides)
	w.stable()
	require.Len(t, w.events(EventOverrideEnded), 2)
}

// TestOverrideOfAWholeUser: nothing of the user is updated, and access ends all the same (D10).
func TestOverrideOfAWholeUser(t *testing.T) {
	w, ada := lockWorld(t)
	locks := newLocks(w)
	w.lift(locks, lockOf(ada), "")
	require.False(t, w.lock(locks, lockOf(ada), "", OpDelete).Locked)
	require.False(t, w.lock(locks, lockOf(ada), "phone", OpUpdate).Locked)
	w.host.users[ada].Name = "by hand"
	w.nameIn("ada", "Countess")
	require.Equal(t, "by hand", w.host.users[ada].Name)

	w.host.users[ada].Active = false // an owner suspends her, which the directory does not know
	w.sync()
	_, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.False(t, w.host.users[ada].Active)

	w.host.users[ada].Active = true
	w.active("ada", false)
	w.sync()
	require.False(t, w.host.users[ada].Active, "what the directory ends is ended")
	w.host.users[ada].Active = true // past that
	_, err = w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.False(t, w.host.users[ada].Active)
}

func TestOverrideOfAMembership(t *testing.T) {
	w, ada := lockWorld(t)
	w.user("ben")
	w.join("SRE", "ben")
	w.sync()
	locks := newLocks(w)
	ops := Resource{Kind: ResourceMembership, AccountID: ada, TeamID: "t-ops"}
	o := w.lift(locks, ops, "")
	require.False(t, w.lock(locks, ops, "", OpDelete).Locked)
	require.True(t, w.lock(locks, Resource{Kind: ResourceMembership, AccountID: w.account("ben"), TeamID: "t-ops"}, "", OpDelete).Locked)

	delete(w.host.in["t-ops"], ada)
	_, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Empty(t, w.host.role("t-ops", ada), "not put in again")
	w.leave("SRE", "ada")
	w.join("SRE", "ada")
	w.sync()
	require.Empty(t, w.host.role("t-ops", ada), "nor when the group gives it anew")
	w.stable()

	require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
	w.sync()
	require.Equal(t, "member", w.host.role("t-ops", ada))
	w.stable()

	// What the directory takes back is taken back.
	w.lift(locks, ops, "")
	w.leave("SRE", "ada")
	w.sync()
	require.Empty(t, w.host.role("t-ops", ada))
}

func TestOverrideOfARole(t *testing.T) {
	w, ada := lockWorld(t)
	locks := newLocks(w)
	role := Resource{Kind: ResourceOrgRole, AccountID: ada}
	o := w.lift(locks, role, "")
	l := w.lock(locks, role, "", OpUpdate)
	require.False(t, l.Locked)
	require.Contains(t, l.Explain("en"), "A role that is changed by hand stays")
	w.host.users[ada].Role = "member"
	w.stable()
	require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
	w.stable()
	require.Equal(t, "member", w.host.users[ada].Role, "until an owner takes it back (D1)")
	w.reset(Reset{OrgRoles: true})
	require.Equal(t, "administrator", w.host.users[ada].Role)
}

func TestOverrideOfATeam(t *testing.T) {
	w, ada := lockWorld(t)
	w.set(auto())
	locks := newLocks(w)
	team := Resource{Kind: ResourceTeam, TeamID: w.host.teamNamed("SRE")}
	o := w.lift(locks, team, "name")
	require.False(t, w.lock(locks, team, "name", OpUpdate).Locked)
	require.True(t, w.lock(locks, team, "", OpDelete).Locked)
	w.host.teams[team.TeamID] = "Reliability"
	w.renameGroup("SRE", "SRE 2")
	w.sync()
	require.Equal(t, "Reliability", w.host.teams[team.TeamID])
	w.stable()
	require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
	w.sync()
	require.Equal(t, "SRE 2", w.host.teams[team.TeamID])

	// A team that is deleted while its lock is lifted is made again afterwards, with its people.
	o = w.lift(locks, team, "")
	delete(w.host.teams, team.TeamID)
	delete(w.host.in, team.TeamID)
	_, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.Empty(t, w.host.teamNamed("SRE 2"))
	require.NoError(t, locks.RevokeOverride(t.Context(), owner, org, o.ID))
	w.sync()
	again := w.host.teamNamed("SRE 2")
	require.NotEmpty(t, again)
	require.NotEmpty(t, w.host.role(again, ada))
	w.stable()
}

// TestOverridesAreNotTheMapping: settings and undo leave them, and they leave the settings.
func TestOverridesAreNotTheMapping(t *testing.T) {
	w, ada := lockWorld(t)
	locks := newLocks(w)
	plan := w.manual(w.row("SRE", "t-ops", "administrator", ""))
	w.lift(locks, lockOf(ada), "displayName")
	w.lift(locks, lockOf(ada), "email")
	shown, err := w.e.PreviewUndo(t.Context(), owner, org, plan.ID)
	require.NoError(t, err, "they supersede nothing")
	_, err = w.e.ApplyUndo(t.Context(), owner, org, plan.ID, agree(shown))
	require.NoError(t, err)
	s, err := w.e.Settings(t.Context(), owner, org)
	require.NoError(t, err)
	require.Len(t, s.Overrides, 2)
	s.Overrides = nil
	s.Mode = store.ModeNone
	shown, err = w.e.Preview(t.Context(), owner, org, s)
	require.NoError(t, err)
	_, err = w.e.Apply(t.Context(), owner, org, s, agree(shown))
	require.NoError(t, err)
	list, err := locks.Overrides(t.Context(), owner, org)
	require.NoError(t, err)
	require.Len(t, list, 2, "a form of the settings cannot end them, nor make any")
}

func TestOverridesAreRefused(t *testing.T) {
	w, ada := lockWorld(t)
	locks := newLocks(w)
	in := func(d time.Duration) time.Time { return w.clock.Now().Add(d) }
	good := OverrideRequest{Resource: lockOf(ada), Reason: "gone", Until: in(time.Hour)}
	tests := []struct {
		change      func(r *OverrideRequest)
		field, code string
	}{
		{func(r *OverrideRequest) { r.Resource.Kind = "group" }, "resource", "resource_invalid"},
		{func(r *OverrideRequest) { r.Resource.AccountID = "" }, "resource", "resource_invalid"},
		{func(r *OverrideRequest) { r.Resource.AccountID = strings.Repeat("x", 300) }, "resource", "resource_invalid"},
		{func(r *OverrideRequest) { r.Resource = Resource{Kind: ResourceMembership, AccountID: ada} }, "resource", "resource_invalid"},
		{func(r *OverrideRequest) { r.Resource = Resource{Kind: ResourceTeam, AccountID: ada} }, "resource", "resource_invalid"},
		{func(r *OverrideRequest) { r.Field = "a\x00" }, "field", "resource_invalid"},
		{func(r *OverrideRequest) { r.Reason = " \n" }, "reason", "reason_invalid"},
		{func(r *OverrideRequest) { r.Reason = strings.Repeat("x", 501) }, "reason", "reason_invalid"},
		{func(r *OverrideRequest) { r.Reason = "x\u202ey" }, "reason", "reason_invalid"},
		{func(r *OverrideRequest) { r.Until = time.Time{} }, "until", "until_invalid"},
		{func(r *OverrideRequest) { r.Until = in(-time.Hour) }, "until", "until_invalid"},
		{func(r *OverrideRequest) { r.Until = in(MaxOverride + time.Hour) }, "until", "until_invalid"},
		{func(r *OverrideRequest) { r.Field = "avatar" }, "resource", "not_locked"},
		{func(r *OverrideRequest) { r.Resource = lockOf("u-root") }, "resource", "not_locked"},
		{func(r *OverrideRequest) { r.Resource = lockOf("u-of-globex") }, "resource", "not_locked"},
		{func(r *OverrideRequest) {
			r.Resource = Resource{Kind: ResourceMembership, AccountID: ada, TeamID: "t-ops"}
			r.Field = "role"
		}, "resource", "not_locked"},
	}
	before := w.host.state()
	for _, tt := range tests {
		r := good
		tt.change(&r)
		_, err := locks.Override(t.Context(), owner, org, r)
		var bad *OverrideError
		require.ErrorAs(t, err, &bad, "%+v", r)
		require.Equal(t, tt.field, bad.Field, bad.Message)
		require.Equal(t, tt.code, bad.Code)
		require.NotEmpty(t, bad.Message)
	}
	w.directory(func(d *store.Directory) { d.Enabled = false })
	_, err := locks.Override(t.Context(), owner, org, good)
	require.ErrorContains(t, err, "not_locked")
	require.ErrorContains(t, err, "switched off")
	w.directory(func(d *store.Directory) { d.Enabled = true })
	_, err = locks.Override(t.Context(), owner, "globex", good)
	require.ErrorContains(t, err, "not_locked", "another tenant's user is nobody there")
	list, err := locks.Overrides(t.Context(), owner, org)
	require.NoError(t, err)
	require.Empty(t, list)
	require.Empty(t, w.events(eventPrefix+"lock."))
	require.Equal(t, before, w.host.state())

	// The same again is the same one, for longer.
	first := w.lift(locks, lockOf(ada), "Email")
	again, err := locks.Override(t.Context(), tenant.Actor{Kind: tenant.ActorStaff, ID: "st-1", Name: "Support"}, org,
		OverrideRequest{Resource: Resource{Kind: ResourceUser, AccountID: ada, TeamID: "ignored"}, Field: "email", Reason: "more time", Until: in(48 * time.Hour)})
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, store.EventActor{Kind: "staff", ID: "st-1", Name: "Support"}, again.By)
	list, err = locks.Overrides(t.Context(), owner, org)
	require.NoError(t, err)
	require.Equal(t, []store.LockOverride{again}, list)
	require.Contains(t, w.lock(locks, lockOf(ada), "email", OpUpdate).Explain("en"), "Support lifted the lock until 26 November 2026")
	require.ErrorIs(t, locks.RevokeOverride(t.Context(), owner, "globex", first.ID), store.ErrNotFound)
}

// TestOverridesAskTheAuthorizer: each call, and an action of its own.
func TestOverridesAskTheAuthorizer(t *testing.T) {
	w, ada := lockWorld(t)
	var asked []tenant.Action
	locks := newLocks(w, func(c *LocksConfig) {
		c.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, a tenant.Action, _ string) error {
			asked = append(asked, a)
			return tenant.ErrForbidden
		})
	})
	none := newLocks(w, func(c *LocksConfig) { c.Authorizer = nil })
	for _, l := range []*Locks{locks, none} {
		_, err := l.Override(t.Context(), owner, org, OverrideRequest{Resource: lockOf(ada), Reason: "x", Until: w.clock.Now().Add(time.Hour)})
		require.ErrorIs(t, err, tenant.ErrForbidden)
		require.ErrorIs(t, l.RevokeOverride(t.Context(), owner, org, "x"), tenant.ErrForbidden)
		_, err = l.Overrides(t.Context(), owner, org)
		require.ErrorIs(t, err, tenant.ErrForbidden)
	}
	require.Equal(t, []tenant.Action{tenant.ActionOverrideLock, tenant.ActionOverrideLock, tenant.ActionViewUsers}, asked)
	_, err := newLocks(w).Override(t.Context(), tenant.Actor{Kind: tenant.ActorSetupLink}, org, OverrideRequest{})
	require.ErrorIs(t, err, tenant.ErrForbidden)
}

// TestOverridesAtOnce: concurrent calls all take effect, up to the bound.
func TestOverridesAtOnce(t *testing.T) {
	st, _, _ := lockPage(t, 20)
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	locks, err := NewLocks(LocksConfig{Store: st.Store, Authorizer: tenant.AuthorizerFunc(allowAll), Now: func() time.Time { return now }})
	require.NoError(t, err)
	request := func(account int, field string) error {
		_, err := locks.Override(t.Context(), owner, org, OverrideRequest{Resource: lockOf(fmt.Sprintf("u%05d", account)), Field: field, Reason: "x", Until: now.Add(time.Hour)})
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		all.Go(func() { errs[i] = request(i, "") })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	list, err := locks.Overrides(t.Context(), owner, org)
	require.NoError(t, err)
	require.Len(t, list, 20)

	fillOverrides(t, st.Store, now)
	var bad *OverrideError
	require.ErrorAs(t, request(3, "email"), &bad)
	require.Equal(t, "too_many", bad.Code)
	require.NoError(t, request(3, ""), "one that there is can be prolonged")
}

func fillOverrides(t *testing.T, st *memory.Store, now time.Time) {
	t.Helper()
	s, err := st.ProvisioningSettings(t.Context(), org)
	require.NoError(t, err)
	for i := len(s.Overrides); i < maxOverrides; i++ {
		s.Overrides = append(s.Overrides, store.LockOverride{ID: fmt.Sprint(i), Kind: "team", TeamID: fmt.Sprint(i), Until: now.Add(time.Hour)})
	}
	_, err = st.PutProvisioningSettings(t.Context(), org, s)
	require.NoError(t, err)
}
