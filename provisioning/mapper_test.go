package provisioning

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// externalMapper names teams by externalId; it is a host's own.
type externalMapper struct{ needs bool }

func (m externalMapper) NeedsExternalID() bool { return m.needs }

func (externalMapper) MapGroups(_ context.Context, _ string, groups []Group) ([]Give, error) {
	var out []Give
	for _, g := range groups {
		if g.ExternalID != "" {
			out = append(out, Give{GroupID: g.ID, GroupTeam: true, TeamName: "Team " + g.ExternalID, TeamRole: "member", Rule: "by externalId"})
		}
	}
	return out, nil
}

// TestHostsMapperSeesExternalIDs if it says that it needs them, and never by chance.
func TestHostsMapperSeesExternalIDs(t *testing.T) {
	for _, needs := range []bool{true, false} {
		w := newWorld(t, func(c *Config) { c.Mapper = externalMapper{needs} })
		w.user("ada", "ben")
		w.group("A", "ada")
		w.setExternalID("A", "7")
		w.sync()
		_, err := w.e.Reconcile(t.Context(), org)
		require.NoError(t, err)
		w.join("A", "ben")
		w.sync()
		if !needs {
			require.Empty(t, w.host.teams)
			continue
		}
		team := w.host.teamNamed("Team 7")
		require.Len(t, w.host.in[team], 2)
		w.stable()

		// The modes' reports say nothing about a host's own mapper.
		plan := w.preview(store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member", FilterKind: "list", Filter: "none"}})
		require.Empty(t, plan.Findings)
	}
}
