package provisioning_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/provisioning/provisioningtest"
)

// TestFakeHostKeepsTheContract holds the host of this package's tests to what every host
// is held to.
func TestFakeHostKeepsTheContract(t *testing.T) {
	for _, elsewhere := range []bool{false, true} {
		t.Run(fmt.Sprintf("elsewhere=%v", elsewhere), func(t *testing.T) {
			provisioningtest.Run(t, func(*testing.T) provisioningtest.Host {
				target, st := provisioning.FakeHosts(elsewhere, "acme", "globex")
				return provisioningtest.Host{
					Target: target, Store: st, Tenant: "acme", Other: "globex", Elsewhere: elsewhere,
					OrgRoles: []string{"member", "administrator", "owner"}, TeamRoles: []string{"member", "administrator"},
					JoinByHand: func(_ context.Context, tenantID, team, account, role string) error {
						provisioning.JoinByHand(target, tenantID, team, account, role)
						return nil
					},
				}
			})
		})
	}
}
