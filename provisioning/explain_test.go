package provisioning

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestExplain is U5: every right with all that gives it, and what each group alone gives.
func TestExplain(t *testing.T) {
	w := newWorld(t, implied)
	w.host.addTeam("t-dev", "Dev")
	w.host.addTeam("t-ops", "Ops")
	w.host.addTeam("t-hand", "Hand")
	w.user("ada")
	w.group("Admins", "ada")
	w.group("Devs", "ada")
	w.group("Idle", "ada")
	w.sync()
	w.manual(w.row("Admins", "t-dev", "administrator", "administrator"), w.row("Devs", "t-dev", "member", ""), w.row("Devs", "t-ops", "member", ""))
	id := w.account("ada")
	w.host.in["t-hand"][id] = "member"
	w.host.in["t-ops"][id] = "administrator" // by hand since

	before, calls := w.host.state(), w.host.calls
	x, err := w.e.Explain(t.Context(), owner, org, id)
	require.NoError(t, err)
	require.Equal(t, before, w.host.state(), "an explanation changes nothing")
	require.Equal(t, calls, w.host.calls)

	require.Equal(t, "Ada", x.Person)
	require.Equal(t, w.ids["ada"], x.Directory.SCIMUserID)
	require.Equal(t, store.SourceSCIM, x.Account.Source)
	require.True(t, x.Active)
	require.Contains(t, x.Attributes, ExplainedAttribute{"email", "ada@acme.example", AttributeDirectory})
	require.True(t, x.Lock.Locked)
	require.Equal(t, GroupSource(w.ids["Admins"]), x.OrgRole.Wins)
	require.Equal(t, `Ada has an account of the source scim.
The directory has the user as ada@acme.example, active.
The role in the organisation is administrator.
By hand: member.
By group “Admins”, row 1: administrator, which decides.
The role in team “Dev” is administrator.
By group “Admins”, row 1: administrator, which decides.
By group “Devs”, row 2: member.
The role in team “Hand” is member.
By hand: member.
In effect it is administrator, by the role in the organisation.
The role in team “Ops” is administrator.
By group “Devs”, row 3: member.
Changed by hand since: administrator, which decides.
Without group “Admins” the person would be member instead of administrator in team “Dev”.
Without group “Admins” the person would be member instead of administrator in the organisation.
Without group “Devs” the person would lose administrator in team “Ops”.
Without group “Idle” nothing would be lost.
`, x.Text())
	require.False(t, x.Teams[1].Locked, "what was given by hand is not locked")
	require.True(t, x.Teams[0].Locked)

	// What it says would be lost is what a sync takes.
	w.leave("Devs", "ada")
	w.sync()
	require.Empty(t, w.host.role("t-ops", id))
	require.Equal(t, "administrator", w.host.role("t-dev", id))
}

// TestExplainAccountByHand: the root user, who no directory has.
func TestExplainAccountByHand(t *testing.T) {
	w := newWorld(t)
	x, err := w.e.Explain(t.Context(), owner, org, "u-root")
	require.NoError(t, err)
	require.True(t, x.Root)
	require.Nil(t, x.Directory)
	require.False(t, x.Lock.Locked)
	require.Equal(t, []RightSource{{Source: SourceManual, Role: "owner"}}, x.OrgRole.Sources)
	require.Equal(t, []ExplainedAttribute{{"email", "root@acme.example", AttributeHost}}, x.Attributes)
}

// TestExplainShowsWhatWaits: a pause, what it holds back, and what the application refused.
func TestExplainShowsWhatWaits(t *testing.T) {
	w := newWorld(t)
	w.host.addTeam("t-dev", "Dev")
	w.user("ada")
	w.group("Devs", "ada")
	w.sync()
	w.host.fail = func(op, _ string) error {
		if op == "SetMember" {
			return fmt.Errorf("disk full")
		}
		return nil
	}
	w.manual(w.row("Devs", "t-dev", "member", ""))
	x, err := w.e.Explain(t.Context(), owner, org, w.account("ada"))
	require.NoError(t, err)
	require.NotNil(t, x.Open)
	require.NotContains(t, x.Text(), "disk full")
	require.Len(t, x.Pending, 1)
	require.Equal(t, MemberAdd, x.Pending[0].Kind)
}

// TestExplainRefuses: unknown accounts, and who may not look at people.
func TestExplainRefuses(t *testing.T) {
	w := newWorld(t)
	w.user("ada")
	w.sync()
	for _, id := range []string{"", "nobody", "\x00"} {
		_, err := w.e.Explain(t.Context(), owner, org, id)
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = w.e.Timeline(t.Context(), owner, org, id, 0, 0)
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	cfg := w.cfg
	cfg.Authorizer = tenant.AuthorizerFunc(func(_ context.Context, _ tenant.Actor, a tenant.Action, _ string) error {
		require.Equal(t, tenant.ActionViewUsers, a)
		return tenant.ErrForbidden
	})
	e, err := New(cfg)
	require.NoError(t, err)
	_, err = e.Explain(t.Context(), owner, org, w.account("ada"))
	require.ErrorIs(t, err, tenant.ErrForbidden)
	_, err = e.Timeline(t.Context(), owner, org, w.account("ada"), 0, 0)
	require.ErrorIs(t, err, tenant.ErrForbidden)
}

// TestTimeline pages through a person's events, newest first, each once.
func TestTimeline(t *testing.T) {
	w := newWorld(t)
	w.user("ada", "ben")
	w.sync()
	for i := range 5 {
		w.active("ada", i%2 == 1)
		w.sync()
	}
	id := w.account("ada")
	all, err := w.e.Timeline(t.Context(), owner, org, id, 0, 0)
	require.NoError(t, err)
	require.Zero(t, all.Next)
	require.Greater(t, len(all.Events), 10)
	var parts []store.Event
	for before := int64(0); ; {
		page, err := w.e.Timeline(t.Context(), owner, org, id, before, 2)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Events), 2)
		parts = append(parts, page.Events...)
		if before = page.Next; before == 0 {
			break
		}
	}
	require.Equal(t, all.Events, parts)
	for _, ev := range parts {
		require.Contains(t, []string{id, w.ids["ada"]}, ev.Subject.ID, "nobody else's")
	}
}

// countingReads counts calls of the store and of the host.
type countingReads struct {
	*fakeHost
	n int
}

func (c *countingReads) Accounts(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]AccountState, error) {
	c.n++
	return c.fakeHost.Accounts(ctx, tx, tenantID, ids)
}

func (c *countingReads) Teams(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]Team, error) {
	c.n++
	return c.fakeHost.Teams(ctx, tx, tenantID, ids)
}

type readCounter struct {
	store.Store
	n *int
}

func (c readCounter) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return c.Store.InTx(ctx, func(tx store.Store) error { return fn(readCounter{tx, c.n}) })
}

func (c readCounter) SCIMGroup(ctx context.Context, tenantID, id string) (store.SCIMGroup, error) {
	*c.n++
	return c.Store.SCIMGroup(ctx, tenantID, id)
}

func (c readCounter) SCIMGroupsOf(ctx context.Context, tenantID string, ids ...string) (map[string][]store.GroupRef, error) {
	*c.n++
	return c.Store.SCIMGroupsOf(ctx, tenantID, ids...)
}

func (c readCounter) Grants(ctx context.Context, tenantID, accountID string) ([]store.Grant, error) {
	*c.n++
	return c.Store.Grants(ctx, tenantID, accountID)
}

func (c readCounter) GrantsOfGroup(ctx context.Context, tenantID, groupID string, after store.GrantKey, limit int) ([]store.Grant, error) {
	*c.n++
	return c.Store.GrantsOfGroup(ctx, tenantID, groupID, after, limit)
}

func (c readCounter) Events(ctx context.Context, tenantID string, q store.EventQuery) ([]store.Event, error) {
	*c.n++
	return c.Store.Events(ctx, tenantID, q)
}

// TestExplainReadsAsMuchForManyGroups: the calls that could grow with groups and teams do not.
func TestExplainReadsAsMuchForManyGroups(t *testing.T) {
	reads := func(groups int) int {
		w := newWorld(t)
		w.user("ada")
		var rows []store.MappingRow
		for i := range groups {
			team := w.host.addTeam(fmt.Sprintf("t-%d", i), fmt.Sprintf("Team %d", i))
			name := fmt.Sprintf("G%d", i)
			w.group(name, "ada")
			rows = append(rows, w.row(name, team, "member", ""))
		}
		w.sync()
		w.manual(rows...)
		cfg, host := w.cfg, &countingReads{fakeHost: w.host}
		cfg.Target = host
		cfg.Store = readCounter{w.st, &host.n}
		e, err := New(cfg)
		require.NoError(t, err)
		x, err := e.Explain(t.Context(), owner, org, w.account("ada"))
		require.NoError(t, err)
		require.Len(t, x.Teams, groups)
		require.Len(t, x.Groups, groups)
		return host.n
	}
	few, many := reads(2), reads(60)
	require.Equal(t, few, many)
	require.Positive(t, few)
}
