// Command minimal mounts all of tenantgate in an application with PostgreSQL.
package main

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/tenantgate/tenantgate/examples/internal/host" // stands for your application
	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/tenant"
	"github.com/tenantgate/tenantgate/tenant/portal"
)

func main() {
	ctx, base, db, mux := context.Background(), os.Getenv("BASE_URL"), openDatabase(), http.NewServeMux()
	st, keys := must(postgres.New(ctx, db)), must(tenant.LoadKeyring(ctx, tenant.EnvironmentKeys("SEALING_KEYS")))
	app := must(host.OpenDB(ctx, db, host.Dialect{Numbered: true, Joined: postgres.SQLTx}))
	tenants := must(tenant.New(tenant.Config{Store: st, Keyring: keys, Tenants: app, Authorizer: app, LocalCredentials: app, Users: tenant.HostUsersFunc(app.AssociatedUsers), SCIMBaseURL: base + "/scim/v2", SetupLinkBaseURL: portal.SetupLinkBaseURL(base + "/settings/sso"), DomainValidator: must(tenant.NewDNSValidator(tenant.DNSConfig{})), ProviderChecker: oidc.NewChecker(oidc.CheckerConfig{})}))
	login := must(oidc.NewHandler(oidc.Config{BaseURL: base + "/sso", Store: st, Secrets: tenants, Keys: keys, Accounts: host.Accounts{DB: app}, OnLogin: app, Sessions: app, OnTest: oidc.RecordTests(tenants), Logger: slog.Default()}))
	engine := must(provisioning.New(provisioning.Config{Store: st, Target: host.Target{DB: app}, Authorizer: app, OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles()}))
	wake := func(string) { engine.Wake(); login.Wake() }
	directory := must(scim.NewHandler(scim.Config{BaseURL: base + "/scim/v2", Store: st, Authenticator: scim.APIKeys(tenants), Authorizer: app, Policy: must(provisioning.NewPolicy(provisioning.PolicyConfig{Store: st, Target: host.Target{DB: app}})), Written: wake}))
	pages := must(portal.New(portal.Config{BaseURL: base + "/settings/sso", Tenants: tenants, Login: login, Store: st, Names: app, Authorize: app.Visitor, SignInURL: "/login", Changed: wake, Requests: directory, Refused: engine, Engine: engine, Brand: portal.Brand{Name: "On Call"}}))
	mux.Handle(login.Mount())     // /sso/login, /sso/signin-oidc/{connection}, /sso/backchannel-logout/{connection}, …
	mux.Handle(directory.Mount()) // /scim/v2/{tenant}/Users, …/Groups
	mux.Handle(pages.Mount())     // /settings/sso/t/{tenant} for owners, /settings/sso/staff, /settings/sso/setup/{tenant}
	background := must(tenant.NewRunner(tenant.RunnerConfig{Service: tenants, Logger: slog.Default(), Tasks: []tenant.Task{
		{Name: "provisioning", Loop: func(ctx context.Context) error { return engine.Run(ctx, 10*time.Second) }}, {Name: "sign-in", Loop: func(ctx context.Context) error { return login.Run(ctx, 10*time.Second) }},
	}}))
	go func() { log.Fatal(background.Run(ctx)) }()
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), mux)) //nolint:gosec // timeouts are the host's own choice
}
