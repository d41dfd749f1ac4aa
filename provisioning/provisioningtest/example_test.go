package provisioningtest_test

import (
	"testing"

	"github.com/tenantgate/tenantgate/provisioning/provisioningtest"
)

// A host's own test, named TestTarget, is this call with the host's database and its own
// roles.
func ExampleRun() {
	_ = func(t *testing.T) {
		provisioningtest.Run(t, func(*testing.T) provisioningtest.Host {
			app := newApp(false) // open the database, make two organisations
			return provisioningtest.Host{
				Target: target{app}, Store: app.host(nil).Store,
				Tenant: "acme", Other: "globex",
				OrgRoles: orgRoles, TeamRoles: teamRoles,
				SignIn: app.signIn,
			}
		})
	}
}
