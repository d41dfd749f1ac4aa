package sqltest

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// TestDraftsAndKeptPlans: drafts and plans to look at survive in a database, and are read by two replicas at once without getting lost.
func TestDraftsAndKeptPlans(t *testing.T) {
	each(t, func(t *testing.T, open func() *replica) {
		r, other := open(), open()
		r.user("ada")
		r.group("A", "ada")
		r.sync()
		draft, err := r.engine.ChangeDraft(r.ctx, owner, org, 0, func(s *store.ProvisioningSettings) error {
			s.Mode, s.Auto.TeamRole = store.ModeAuto, "member"
			return nil
		})
		require.NoError(t, err)
		kept, err := other.engine.PreviewDraft(r.ctx, owner, org)
		require.NoError(t, err)
		require.Equal(t, 1, kept.Plan.Totals.TeamsCreated)
		var wg sync.WaitGroup
		problems := make([]error, 4)
		for i := range problems {
			e := r.engine
			if i%2 == 1 {
				e = other.engine
			}
			wg.Go(func() {
				for range 10 {
					d, err := e.Draft(r.ctx, owner, org)
					if err == nil && d.Revision != draft.Revision {
						err = errors.New("the draft got lost")
					}
					_, keptErr := e.KeptPage(r.ctx, owner, org, kept.ID, provisioning.PageQuery{Tab: provisioning.TabTeams})
					problems[i] = errors.Join(problems[i], err, keptErr)
				}
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(problems...))
		groups, err := other.engine.Groups(r.ctx, owner, org, provisioning.GroupQuery{Search: "a"})
		require.NoError(t, err)
		require.Len(t, groups.Groups, 1)
		require.Equal(t, 1, groups.Groups[0].Members)
		teams, err := other.engine.Teams(r.ctx, owner, org, provisioning.TeamQuery{})
		require.NoError(t, err)
		before := teams.Total
		_, err = other.engine.ApplyKept(r.ctx, owner, org, kept.ID, provisioning.Confirm{})
		require.NoError(t, err)
		teams, err = r.engine.Teams(r.ctx, owner, org, provisioning.TeamQuery{})
		require.NoError(t, err)
		require.Equal(t, before+1, teams.Total)
		r.stable()
	})
}
