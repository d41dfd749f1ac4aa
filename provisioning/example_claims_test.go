package provisioning_test

import (
	"context"
	"fmt"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// A tenant without a directory has roles by a claim: sign-ins bring it (oidc.Config.Claims is the engine), and the
// preview goes by what they brought last.
func ExampleEngine_OnClaims() {
	ctx := context.Background()
	st, app := memory.New(), newApp()
	engine, err := provisioning.New(provisioning.Config{
		Store: st, Target: app,
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		OrgRoles:   []string{"member", "administrator", "owner"}, TeamRoles: []string{"member", "administrator"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "u1", Name: "Root"}
	ada, err := app.CreateAccount(ctx, st, "acme", provisioning.Profile{Email: "ada@acme.example"})
	if err != nil {
		fmt.Println(err)
	}

	// What oidc does at a sign-in.
	claims := map[string]string{"groups": `["SRE-admins","staff"]`}
	engine.OnClaims(ctx, st, "acme", "connection", ada, func(name string) ([]byte, bool) {
		value, ok := claims[name]
		return []byte(value), ok
	})

	settings := store.ProvisioningSettings{Authority: store.RoleAuthority{
		OrgRole: store.AuthorityClaims, Claim: "groups",
		Rows: []store.ValueRow{{Source: store.AuthorityClaims, Value: "SRE-admins", OrgRole: "administrator"}},
	}}
	plan, err := engine.Preview(ctx, owner, "acme", settings)
	for _, l := range plan.Lines {
		fmt.Println(l.Kind, l.From, l.To, l.Source, l.Reason)
	}
	fmt.Println(err)
	// Output:
	// org_role.set member administrator claim:SRE-admins has the identity provider's value “SRE-admins”, value row 1
	// <nil>
}

// A team tells where it comes from and what puts people into it.
func ExampleEngine_ExplainTeam() {
	ctx := context.Background()
	engine, owner, err := planned("SRE")
	if err != nil {
		fmt.Println(err)
		return
	}
	settings := store.ProvisioningSettings{Mode: store.ModeManual, Rows: []store.MappingRow{{GroupID: "g1", TeamID: "t1", TeamRole: "member"}}}
	plan, err := engine.Preview(ctx, owner, "acme", settings)
	if err != nil {
		fmt.Println(err)
	}
	if _, err := engine.Apply(ctx, owner, "acme", settings, provisioning.Confirm{Hash: plan.Hash}); err != nil {
		fmt.Println(err)
	}
	x, err := engine.ExplainTeam(ctx, owner, "acme", "t1", "", 0)
	fmt.Print(x.Text())
	fmt.Println(err)
	// Output:
	// Team “On-call” was made in the application.
	// Who is in group “SRE” becomes member, by row 1.
	// Members by hand are not listed here.
	// <nil>
}
