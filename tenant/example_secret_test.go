package tenant_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/tenant"
)

// A new client secret is tried before anybody's sign-in depends on it.
func ExampleService_StageSecret() {
	svc, err := newService(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil })
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "user-1"}
	c, err := activeConnection(ctx, svc, owner)
	if err != nil {
		fmt.Println(err)
		return
	}

	c, _, err = svc.StageSecret(ctx, owner, "org-1", c.ID, c.Version, tenant.NewSecret("the-new-secret-4711-4711"), time.Time{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("in force …%s, waiting …%s\n", c.SecretHint, c.NextSecret.Hint)

	// The owner's test sign-in uses the one that waits; package oidc's RecordTests calls this when it succeeded.
	c, err = svc.RecordTestSignIn(ctx, owner, "org-1", c.ID, tenant.TestSignIn{
		ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "ada@acme.com", SecretSetAt: c.NextSecret.SetAt,
	})
	fmt.Printf("in force …%s, nothing waits: %t, %v\n", c.SecretHint, c.NextSecret == nil, err)
	// Output:
	// in force …0815, waiting …4711
	// in force …4711, nothing waits: true, <nil>
}

// activeConnection walks through a request of org-1.
func activeConnection(ctx context.Context, svc *tenant.Service, owner tenant.Actor) (tenant.Connection, error) {
	staff := tenant.Actor{Kind: tenant.ActorStaff, ID: "staff-1"}
	c, _, err := svc.CreateDraft(ctx, owner, "org-1", tenant.Draft{
		Domains: []string{"acme.com"}, Authority: "https://login.acme.com", ClientID: "app", ClientSecret: tenant.NewSecret("the-old-secret-0815-0815"),
	})
	do := func(step func() (tenant.Connection, error)) {
		if err == nil {
			c, err = step()
		}
	}
	do(func() (tenant.Connection, error) {
		c, _, err := svc.Submit(ctx, owner, "org-1", c.ID, c.Version)
		return c, err
	})
	do(func() (tenant.Connection, error) {
		c, _, err := svc.Approve(ctx, staff, "org-1", c.ID, c.Version)
		return c, err
	})
	do(func() (tenant.Connection, error) {
		_, err := svc.VerifyDomain(ctx, staff, "org-1", c.Domains[0].ID, c.Domains[0].Version)
		return c, err
	})
	do(func() (tenant.Connection, error) {
		return svc.RecordTestSignIn(ctx, owner, "org-1", c.ID, tenant.TestSignIn{ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "ada@acme.com"})
	})
	do(func() (tenant.Connection, error) {
		return svc.Activate(ctx, owner, "org-1", c.ID, c.Version, tenant.Activation{})
	})
	return c, err
}

// The root user's account should be nobody's own.
func ExampleCheckRootUser() {
	for _, email := range []string{"devops@acme.com", "ada.king@acme.com"} {
		for _, f := range tenant.CheckRootUser(email) {
			fmt.Println(f.Severity, f.Code, f.Got)
		}
	}
	// Output:
	// warning root_user_personal ada.king@acme.com
}
