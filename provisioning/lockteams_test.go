package provisioning

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// lineCounter counts the lines of the ledger that are read, and in how many reads.
type lineCounter struct {
	*memory.Store
	reads, lines, most int
}

func (c *lineCounter) InTx(ctx context.Context, fn func(store.Store) error) error { return fn(c) }

func (c *lineCounter) count(list []store.Grant, err error) ([]store.Grant, error) {
	c.reads++
	c.lines += len(list)
	c.most = max(c.most, len(list))
	return list, err
}

func (c *lineCounter) Grants(ctx context.Context, tenantID, id string) ([]store.Grant, error) {
	return c.count(c.Store.Grants(ctx, tenantID, id))
}

func (c *lineCounter) AllGrants(ctx context.Context, tenantID string, after store.GrantKey, limit int) ([]store.Grant, error) {
	return c.count(c.Store.AllGrants(ctx, tenantID, after, limit))
}

// TestLocksOfManyTeams: what is read for the icons of a list of teams is bounded by the list and by pages, not by how many
// teams of groups there are, and each answer is that of Check.
func TestLocksOfManyTeams(t *testing.T) {
	const all = 3000
	st := &lineCounter{Store: memory.New()}
	ctx := t.Context()
	_, err := st.CreateConnection(ctx, org, store.Connection{Meta: store.Meta{ID: "c"}, State: store.ConnectionActive})
	require.NoError(t, err)
	_, err = st.CreateDirectory(ctx, org, store.Directory{Meta: store.Meta{ID: "d"}, ConnectionID: "c", Enabled: true})
	require.NoError(t, err)
	team := func(i int) string { return fmt.Sprintf("t%05d", i) }
	var lines []store.Grant
	for i := range all {
		if i%3 != 0 { // each third was made by hand
			lines = append(lines, store.Grant{Kind: store.GrantTeam, ResourceID: team(i), GroupID: "g" + team(i)})
		}
	}
	require.NoError(t, st.ChangeGrants(ctx, org, append(lines, store.Grant{AccountID: "ada", Kind: store.GrantMembership, ResourceID: team(1), GroupID: "g"}), nil))
	locks, err := NewLocks(LocksConfig{Store: st})
	require.NoError(t, err)
	every := func(n, step int) (ids []int) {
		for i := range n {
			ids = append(ids, i*step)
		}
		return ids
	}
	r := rand.New(rand.NewPCG(1, 2))
	for name, tt := range map[string]struct {
		ids          []int
		reads, lines int // at most
	}{
		"the first page":                     {every(100, 1), 1, 200},
		"the last ones, and some after them": {[]int{all - 3, all - 2, all - 1, all, all + 1}, 1, 10},
		"far apart":                          {every(100, all/100), 30, 2500},
		"five far apart":                     {every(5, all/5), 5, 60},
		"anywhere":                           {r.Perm(all)[:250], 10, 2500},
		"one twice":                          {[]int{4, 4, 5, 7, 8, 10}, 1, 12},
		"none that there is":                 {every(20, 3), 20, 500},
	} {
		t.Run(name, func(t *testing.T) {
			changes := make([]Change, len(tt.ids))
			for i, id := range tt.ids {
				changes[i] = Change{Resource{Kind: ResourceTeam, TeamID: team(id)}, "name", OpUpdate}
			}
			st.reads, st.lines, st.most = 0, 0, 0
			list, err := locks.CheckAll(ctx, org, changes)
			require.NoError(t, err)
			t.Logf("%d reads, %d lines", st.reads, st.lines)
			require.LessOrEqual(t, st.reads, tt.reads)
			require.LessOrEqual(t, st.lines, tt.lines)
			require.LessOrEqual(t, st.most, store.MaxLimit)
			for i, id := range tt.ids {
				require.Equal(t, id%3 != 0 && id < all, list[i].Locked, team(id))
			}
		})
	}
}
