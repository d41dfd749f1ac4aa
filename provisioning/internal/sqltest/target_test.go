package sqltest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/provisioning/provisioningtest"
	"github.com/tenantgate/tenantgate/store"
)

func TestTarget(t *testing.T) {
	each(t, func(t *testing.T, open func() *replica) {
		r := open()
		provisioningtest.Run(t, func(*testing.T) provisioningtest.Host {
			return provisioningtest.Host{
				Target: r.target(), Store: r.st, Tenant: org, Other: "globex", OrgRoles: orgRoles, TeamRoles: teamRoles,
				Elsewhere: r.app.Joined == nil,
				JoinByHand: func(ctx context.Context, _, team, account, role string) error {
					return r.app.exec(ctx, nil, `insert into app_members values (?, ?, ?, 1)`, team, account, role)
				},
			}
		})
	})
}

// TestLargePlan does a plan for many people, with a person whom the database refuses.
func TestLargePlan(t *testing.T) {
	each(t, func(t *testing.T, open func() *replica) {
		r := open()
		const people = 450
		var names []string
		for i := range people {
			names = append(names, fmt.Sprintf("p%03d", i))
		}
		r.user(names...)
		r.group("A", names...)
		r.group("B", names[200:]...)
		// Somebody of another organisation has the address, so that the insert fails.
		require.NoError(t, r.app.exec(r.ctx, nil, `insert into app_accounts values ('u-x', 'globex', 'p300@acme.example', 1, 'member', 'member', '')`))
		calls := map[string]int{}
		r.app.Before = func(call string) { calls[call]++ }
		r.sync()
		plan := r.set(store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member", OrgRole: "administrator"}})
		require.Equal(t, people+250, plan.Totals.Joins)
		require.Len(t, plan.Failures, 1)
		require.Equal(t, people-1+249, strings.Count(r.state(), ": p"))
		page, err := r.engine.Failures(r.ctx, owner, org, "", 0)
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		require.Equal(t, r.ids["p300"], page.Items[0].SCIMUserID)
		require.Less(t, calls["SetMembers"], 10, "many at once: %v", calls)

		require.NoError(t, r.app.exec(r.ctx, nil, `delete from app_accounts where id = 'u-x'`))
		res, err := r.engine.Retry(r.ctx, owner, org)
		require.NoError(t, err)
		require.Equal(t, provisioning.RetryResult{Tried: 1, Recovered: 1}, res)
		require.Equal(t, people+250, strings.Count(r.state(), ": p"))
		r.sync()
		r.stable()
	})
}

// TestTwoReplicas runs two programs on one database while the directory writes: nothing
// is done or told twice.
func TestTwoReplicas(t *testing.T) {
	each(t, func(t *testing.T, open func() *replica) {
		dir := open()
		dir.group("A")
		dir.group("B")
		dir.set(store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member"}})
		const people = 15
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var problems [2]error
		for i := range problems {
			r := open()
			wg.Go(func() {
				for {
					if _, err := r.engine.Sync(r.ctx, org); err != nil {
						problems[i] = errors.Join(problems[i], err)
					}
					select {
					case <-stop:
						return
					default:
					}
				}
			})
		}
		for i := range people {
			name := fmt.Sprintf("p%02d", i)
			dir.user(name)
			dir.members("A", []string{name}, nil)
			if i%2 == 0 {
				dir.members("B", []string{name}, nil)
			}
		}
		for i := range people { // who went before being synced never had an account
			dir.members("A", nil, []string{fmt.Sprintf("p%02d", i)})
		}
		close(stop)
		wg.Wait()
		require.NoError(t, errors.Join(problems[:]...))
		dir.sync()
		dir.stable()
		told := dir.told()
		require.Equal(t, people, told["provisioning.account.create"])
		require.Equal(t, 2, told["provisioning.team.create"])
		require.LessOrEqual(t, told["provisioning.member.add"], people+(people+1)/2)
		require.Equal(t, people, strings.Count(dir.state(), "account p"))
		require.Equal(t, (people+1)/2, strings.Count(dir.state(), "B: p"))
		require.NotContains(t, dir.state(), "A: p")
	})
}
