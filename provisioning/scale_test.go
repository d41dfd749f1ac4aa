package provisioning

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// TestManyPeople crosses every page: more people than one query returns, in one group.
func TestManyPeople(t *testing.T) {
	for _, mode := range []string{"manual", "auto"} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.Breaker.InsecureOff = true })
			w.st = w.st.(*joined).Store.(*memory.Store)
			w.cfg.Store = w.st
			var err error
			w.e, err = New(w.cfg)
			require.NoError(t, err)
			const people = store.MaxLimit + 150
			names := make([]string, people)
			for i := range names {
				names[i] = fmt.Sprintf("p%04d", i)
			}
			w.user(names...)
			w.user("apart")
			w.group("Other", "apart")
			w.group("Big", names...)
			w.sync()
			team := w.host.addTeam("t-big", "By hand")
			if mode == "manual" {
				w.manual(w.row("Big", team, "member", ""))
			} else {
				w.set(auto(func(a *store.AutoRule) { a.FilterKind, a.Filter = "list", "Big" }))
				team = w.host.teamNamed("Big")
			}
			require.Len(t, w.host.in[team], people)

			w.renameGroup("Big", "Elsewhere")
			w.sync()
			if mode == "auto" {
				require.Empty(t, w.host.in[team], "it does not pass the filter any more")
				w.host.teams[team] = "Was big" // an ordinary team by now
				w.renameGroup("Big", "big")
				w.sync()
				team = w.host.teamNamed("big")
			}
			require.Len(t, w.host.in[team], people)
			w.deleteGroup("Big")
			w.sync()
			require.Empty(t, w.host.in[team])
			w.stable()
		})
	}
}

func TestBreakerCountsTheTenant(t *testing.T) {
	for _, counts := range []bool{true, false} {
		w := mapped(t, func(c *Config) { c.Breaker = Breaker{People: 2, Percent: 50} })
		if counts { // memory counts by itself; the joined store does not say that it can
			w.st = w.st.(*joined).Store
			w.cfg.Store = w.st
			var err error
			w.e, err = New(w.cfg)
			require.NoError(t, err)
		}
		var names []string
		for i := range 10 {
			names = append(names, fmt.Sprintf("p%d", i))
		}
		w.user(names...)
		w.join("A", names...)
		w.sync()
		w.leave("A", names[:5]...)
		w.sync()
		require.Empty(t, w.events(EventBreaker), "half of them may go")
		w.clock.add(time.Hour)
		w.leave("A", names[5:9]...)
		w.sync()
		require.Empty(t, w.events(EventBreaker), "outside of the window, others do not count")
		w.leave("A", names[9])
		w.join("A", names[:8]...)
		w.sync()
		w.deleteGroup("A")
		w.sync()
		require.Len(t, w.events(EventBreaker), 1)
	}
}

func TestRefusedTeamIsMadeLater(t *testing.T) {
	w := newWorld(t)
	refuse := true
	w.host.fail = func(op, id string) error {
		if refuse && op == "CreateTeam" && id == "A" {
			return errHost
		}
		return nil
	}
	w.user("ada", "ben")
	w.set(auto())
	w.group("A", "ada")
	w.group("B", "ada", "ben")
	w.sync()
	require.Empty(t, w.host.teamNamed("A"))
	require.Equal(t, "member", w.host.role(w.host.teamNamed("B"), w.account("ben")))
	require.Len(t, w.events(EventFailed), 2, "the team, and who would be in it")
	refuse = false
	w.clock.add(time.Hour)
	w.sync()
	require.Equal(t, "member", w.host.role(w.host.teamNamed("A"), w.account("ada")))
	require.Equal(t, "member", w.host.role(w.host.teamNamed("B"), w.account("ada")))
	w.sync()
	require.Len(t, w.events(EventRecovered), 2)
	w.stable()
}

func TestRefusedDepartureOfAnOrphan(t *testing.T) {
	w := mapped(t)
	w.user("ada")
	w.join("A", "ada")
	w.sync()
	refuse := true
	w.host.fail = func(op, _ string) error {
		if refuse && op == "RemoveMember" {
			return errHost
		}
		return nil
	}
	w.deleteGroup("A")
	w.sync()
	refuse = false
	require.Equal(t, "member", w.host.role("t-ops", w.account("ada")))
	w.clock.add(time.Hour)
	w.sync()
	require.Empty(t, w.host.role("t-ops", w.account("ada")))
	require.Len(t, w.events(EventRecovered), 1)
}

func TestRenameIntoATakenName(t *testing.T) {
	w := newWorld(t)
	w.group("A")
	w.group("B")
	w.host.addTeam("t-x", "X")
	w.set(auto())
	w.renameGroup("A", "b")
	w.sync()
	require.NotEmpty(t, w.host.teamNamed("A"), "the team keeps its name")
	w.renameGroup("B", "x")
	w.sync()
	found := w.events(EventFinding)
	require.Equal(t, string(FindingTeamNameShared), found[0].Code)
	require.Equal(t, string(FindingTeamNameTaken), found[len(found)-1].Code)
}

// TestHostsMapperIsHeldToRoles gives what Preview would have refused in settings.
func TestHostsMapperIsHeldToRoles(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.MaxProvisionableRole = "administrator"
		c.Mapper = GroupMapperFunc(func(_ context.Context, _ string, groups []Group) ([]Give, error) {
			var out []Give
			for _, g := range groups {
				out = append(
					out,
					Give{GroupID: g.ID, TeamID: "t-ops", TeamRole: "boss"},
					Give{GroupID: g.ID, OrgRole: "boss"},
					Give{GroupID: g.ID, OrgRole: "owner"},
					Give{GroupID: g.ID, TeamID: "t-nix", TeamRole: "member"},
				)
			}
			return out, nil
		})
	})
	w.host.addTeam("t-ops", "Ops")
	w.user("ada")
	w.group("A", "ada")
	w.sync()
	plan, err := w.e.Reconcile(t.Context(), org)
	require.NoError(t, err)
	require.ElementsMatch(t, []FindingCode{FindingRoleUnknown, FindingRoleUnknown, FindingRoleAboveMax, FindingTeamMissing}, w.codes(plan))
	require.Equal(t, "member", w.host.byEmail(t, "ada@acme.example").Role)
	require.Empty(t, w.host.in["t-ops"])
	require.False(t, plan.GivesTopRole)
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, err := range []error{
		&StalePlanError{}, &StaleConversionError{},
		&SettingsError{Fields: []FieldError{{Field: "mode", Message: "expected none"}}},
		&hostError{op: "read teams", err: errHost},
	} {
		require.Contains(t, err.Error(), "provisioning: ")
	}
}
