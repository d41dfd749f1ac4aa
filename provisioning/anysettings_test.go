package provisioning

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestAnySettingsReachTheirEnd plays random stories of a directory and of an owner who
// changes every setting there is. What a preview shows is what apply does; afterwards
// nothing is left to do; the ledger has nothing of groups that somebody is not in; what is
// by hand stays.
func TestAnySettingsReachTheirEnd(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			w := newWorld(t, canAll, func(c *Config) { c.Breaker.InsecureOff = true })
			for i := range 3 {
				w.host.addTeam(fmt.Sprintf("t-%d", i), fmt.Sprintf("Team %d", i))
			}
			w.host.in["t-0"]["u-root"] = "administrator"
			w.host.addTeam("t-taken", "G1")
			w.host.in["t-taken"]["u-root"] = "member"
			for i := range 5 {
				w.user(fmt.Sprintf("p%d", i))
			}
			for i := range 4 {
				w.group(fmt.Sprintf("G%d", i), fmt.Sprintf("p%d", i))
			}
			w.sync()
			for range 15 {
				byHand := false
				for range r.IntN(4) {
					byHand = w.randomDeed(r) || byHand
				}
				if r.IntN(3) > 0 {
					w.sync()
				}
				if r.IntN(2) == 0 {
					w.sync()
					w.set(w.anySettings(r))
				}
				w.sync()
				if byHand { // no event tells of it
					_, err := w.e.Reconcile(t.Context(), org)
					require.NoError(t, err)
				}
				w.stable()
				w.ledgerIsTrue()
				require.Equal(t, "administrator", w.host.role("t-0", "u-root"))
				require.Equal(t, "member", w.host.role("t-taken", "u-root"))
			}
			w.set(taking(store.ProvisioningSettings{}))
			grants, err := w.st.AllGrants(t.Context(), org, store.GrantKey{}, 0)
			require.NoError(t, err)
			require.Empty(t, grants)
		})
	}
}

// ledgerIsTrue checks that people hold only what groups give that they are in.
func (w *world) ledgerIsTrue() {
	w.Helper()
	grants, err := w.st.AllGrants(w.ctx, org, store.GrantKey{}, 0)
	require.NoError(w, err)
	for _, g := range grants {
		if g.AccountID == "" || g.GroupID == store.GrantedByDefault {
			continue
		}
		a, err := w.st.Account(w.ctx, org, g.AccountID)
		require.NoError(w, err)
		of, err := w.st.SCIMGroupsOf(w.ctx, org, a.SCIMUserID)
		require.NoError(w, err)
		in := false
		for _, ref := range of[a.SCIMUserID] {
			in = in || ref.ID == g.GroupID
		}
		require.True(w, in, "%+v", g)
	}
}

func (w *world) randomDeed(r *rand.Rand) (byHand bool) {
	person, group := fmt.Sprintf("p%d", r.IntN(5)), fmt.Sprintf("G%d", r.IntN(4))
	switch n := r.IntN(20); {
	case n < 7:
		w.join(group, person)
	case n < 12:
		w.leave(group, person)
	case n < 14:
		w.renameGroup(group, fmt.Sprintf("%s-%d", group, r.IntN(3)))
	case n < 16:
		w.renameGroup(group, group)
	case n < 18:
		w.remake(group, group, "", person)
	case n == 18:
		w.host.users[w.account(person)].Role = orgRoles[r.IntN(2)]
		return true
	default: // by hand, too
		id := w.account(person)
		for _, team := range sortedKeys(w.host.in) {
			members := w.host.in[team]
			if _, in := members[id]; in && team != "t-0" {
				members[id] = teamRoles[r.IntN(2)]
				return true
			}
		}
	}
	return false
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (w *world) anySettings(r *rand.Rand) store.ProvisioningSettings {
	s := store.ProvisioningSettings{
		Mode:           pick(r, store.ModeNone, store.ModeManual, store.ModeManual, store.ModeAuto, store.ModeAuto),
		RoleRule:       pick(r, store.RoleHighest, store.RoleFirstRow),
		DefaultOrgRole: pick(r, "", "", "member", "administrator"),
		Unmanaged: store.UnmanagedRule{
			Teams:  pick(r, store.TeamKeep, store.TeamArchive, store.TeamDelete),
			People: pick(r, store.PeopleKeep, store.PeopleTake),
		},
		Auto: store.AutoRule{
			FilterKind: "glob", Filter: pick(r, "G*", "G1*\nG2*", "G?", "*-1"), TeamRole: pick(r, teamRoles...),
			OrgRole: pick(r, "", "administrator"), OnRename: pick(r, store.RenameTeam, store.RenameKeepTeam),
			Naming: store.TeamNaming{StripPrefix: pick(r, "", "g"), StripSuffix: pick(r, "", "-1"), Template: pick(r, "", "{group} crew")},
		},
	}
	for i := range 4 {
		id := w.ids[fmt.Sprintf("G%d", i)]
		if r.IntN(2) == 0 && !w.host.archived[fmt.Sprintf("t-%d", i%3)] {
			s.Rows = append(s.Rows, store.MappingRow{GroupID: id, TeamID: fmt.Sprintf("t-%d", i%3), TeamRole: pick(r, teamRoles...), OrgRole: pick(r, "", "member", "administrator")})
		}
		switch r.IntN(6) {
		case 0:
			s.Auto.Adopt = append(s.Auto.Adopt, id)
		case 1:
			s.Auto.Skip = append(s.Auto.Skip, id)
		case 2:
			s.Auto.Names = append(s.Auto.Names, store.GroupTeamName{GroupID: id, Name: pick(r, "Team 1", "Crew", "G1")})
		}
	}
	return s
}
