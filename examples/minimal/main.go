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
)

func main() {
	ctx, base, db, mux := context.Background(), os.Getenv("BASE_URL"), openDatabase(), http.NewServeMux()
	st := must(postgres.New(ctx, db))
	app := must(host.OpenDB(ctx, db, host.Dialect{Numbered: true, Joined: postgres.SQLTx}))
	keys := must(tenant.LoadKeyring(ctx, tenant.EnvironmentKeys("SEALING_KEYS")))

	tenants := must(tenant.New(tenant.Config{Store: st, Keyring: keys, Tenants: app, Authorizer: app, LocalCredentials: app, SCIMBaseURL: base + "/scim/v2", DomainValidator: must(tenant.NewDNSValidator(tenant.DNSConfig{})), ProviderChecker: oidc.NewChecker(oidc.CheckerConfig{})}))
	login := must(oidc.NewHandler(oidc.Config{BaseURL: base + "/sso", Store: st, Secrets: tenants, Keys: keys, Accounts: host.Accounts{DB: app}, OnLogin: app, Sessions: app, OnTest: oidc.RecordTests(tenants), Logger: slog.Default()}))
	engine := must(provisioning.New(provisioning.Config{Store: st, Target: host.Target{DB: app}, Authorizer: app, OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles()}))
	policy := must(provisioning.NewPolicy(provisioning.PolicyConfig{Store: st, Target: host.Target{DB: app}}))
	directory := must(scim.NewHandler(scim.Config{BaseURL: base + "/scim/v2", Store: st, Authenticator: scim.APIKeys(tenants), Policy: policy, Written: func(string) { engine.Wake(); login.Wake() }}))
	mux.Handle(login.Mount())     // /sso/login, /sso/signin-oidc/{connection}, /sso/backchannel-logout/{connection}, …
	mux.Handle(directory.Mount()) // /scim/v2/{tenant}/Users, …/Groups
	background := must(tenant.NewRunner(tenant.RunnerConfig{Service: tenants, Logger: slog.Default(), Tasks: []tenant.Task{
		{Name: "provisioning", Loop: func(ctx context.Context) error { return engine.Run(ctx, 10*time.Second) }},
		{Name: "sign-in", Loop: func(ctx context.Context) error { return login.Run(ctx, 10*time.Second) }},
	}}))
	go func() { log.Fatal(background.Run(ctx)) }()
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), mux)) //nolint:gosec // timeouts are the host's own choice
}
