package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/examples/quickstart/internal/dnsserver"
	"github.com/tenantgate/tenantgate/examples/quickstart/internal/idp"
	"github.com/tenantgate/tenantgate/examples/quickstart/internal/pages"
	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
	"github.com/tenantgate/tenantgate/tenant/portal"
)

// program is the product with everything around it.
type program struct {
	options
	db             *database
	dns            *dnsserver.Server
	appURL, idpURL string
	// third is the organisation that has no sign-on yet.
	third string

	idp     *idp.Provider
	tenants *tenant.Service
	login   *oidc.Handler
	scim    *scim.Handler
	engine  *provisioning.Engine
	portal  *portal.Handler
	runner  *tenant.Runner
	app     http.Handler
	log     *slog.Logger
}

// demoKey seals secrets and cookies. A host loads its key from where it keeps secrets;
// here the database may outlive the process, and the key must too.
var demoKey = tenant.Key{ID: "quickstart", Bytes: []byte("this key is printed in the source code")[:32]}

// assemble makes the parts and puts them together.
func assemble(ctx context.Context, o options, l *listeners, db *database) (*program, error) {
	p := &program{
		options: o, db: db, dns: l.dns, third: thirdOrg(o),
		appURL: "http://" + l.app.Addr().String(), idpURL: "http://" + l.idp.Addr().String(),
		log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if o.demo {
		p.log = slog.New(slog.DiscardHandler) // the demo asks for refusals, and tells of them itself
	}
	var err error
	if p.idp, err = idp.New(idp.Config{BaseURL: p.idpURL, Directories: p.directories()}); err != nil {
		return nil, err
	}
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{demoKey}, Primary: demoKey.ID})
	if err != nil {
		return nil, err
	}
	if err := p.newEngine(); err != nil {
		return nil, err
	}
	if p.tenants, err = p.newTenants(keys, false); err != nil {
		return nil, err
	}
	breakGlass, err := tenant.NewBreakGlassList(tenant.BreakGlassConfig{Store: db.store, Logger: p.log})
	if err != nil {
		return nil, err
	}
	if p.login, err = oidc.NewHandler(oidc.Config{
		BaseURL: p.appURL + "/sso", Store: db.store, Secrets: p.tenants, Keys: keys,
		Accounts: host.Accounts{DB: db.host}, OnLogin: db.host, Claims: p.engine, OnTest: oidc.RecordTests(p.tenants),
		Sessions: db.host, Gate: p.tenants, BreakGlass: breakGlass, LoginURL: "/login", InsecureAllowLoopback: true, Logger: p.log,
		Origin: tenant.PeerOrigin,
	}); err != nil {
		return nil, err
	}
	if err := p.assembleProvisioning(); err != nil {
		return nil, err
	}
	if p.runner, err = tenant.NewRunner(tenant.RunnerConfig{
		Service: p.tenants, DomainChecksEvery: 5 * time.Second, Logger: p.log, // often, so that a newcomer need not wait
		Tasks: []tenant.Task{
			{Name: "provisioning", Loop: func(ctx context.Context) error { return p.engine.Run(ctx, time.Second) }},
			{Name: "sign-in", Loop: func(ctx context.Context) error { return p.login.Run(ctx, time.Second) }},
		},
	}); err != nil {
		return nil, err
	}
	if err := p.publishAgain(ctx); err != nil {
		return nil, err
	}
	locks, err := provisioning.NewLocks(provisioning.LocksConfig{Store: db.store})
	if err != nil {
		return nil, err
	}
	if p.portal, err = portal.New(portal.Config{
		BaseURL: p.portalURL(), Tenants: p.tenants, Login: p.login, Store: db.store, Names: db.host, Authorize: db.host.Visitor,
		SignInURL: "/login", Changed: func(string) { p.changed() }, Requests: p.scim, Refused: p.engine, Engine: p.engine, Locks: locks,
		Brand: portal.Brand{Name: "On Call", HomeURL: "/"}, Logger: p.log,
	}); err != nil {
		return nil, err
	}
	site := pages.New(pages.Config{
		DB: db.host, Store: db.store, Tenants: p.tenants, Login: p.login, Portal: p.portal, Locks: locks,
		IDPURL: p.idpURL, Directory: p.directoryURL, Publish: func(name, value string) error { return p.dns.SetTXT(name, value) }, Now: time.Now, Logger: p.log,
	})
	mux := http.NewServeMux()
	mux.Handle(p.login.Mount())
	mux.Handle(p.scim.Mount())
	mux.Handle(p.portal.Mount())
	mux.Handle("/", site)
	p.app = mux
	return p, nil
}

// newTenants makes the service of the tenants' set-up. The one that the quick start
// seeds its own tenants with needs no test sign-in.
func (p *program) newTenants(keys *tenant.Keyring, seeding bool) (*tenant.Service, error) {
	dns, err := tenant.NewDNSValidator(tenant.DNSConfig{Server: p.dns.Addr(), Timeout: 3 * time.Second})
	if err != nil {
		return nil, err
	}
	var checker tenant.ProviderChecker = oidc.NewChecker(oidc.CheckerConfig{InsecureAllowLoopback: true})
	if seeding && p.authority != "" {
		checker = laterChecker{checker, p.clientAuthMethod()}
	}
	return tenant.New(tenant.Config{
		Store: p.db.store, Keyring: keys, Tenants: p.db.host, Authorizer: p.db.host, DomainValidator: dns, ProviderChecker: checker,
		LocalCredentials: p.db.host, Notifier: tenant.NotifierFunc(p.notify),
		People: host.People{DB: p.db.host, Mail: p.offer}, Releaser: p.engine.Releaser(),
		SCIMBaseURL: p.appURL + "/scim/v2", SetupLinkBaseURL: portal.SetupLinkBaseURL(p.portalURL()), Users: tenant.HostUsersFunc(p.db.host.AssociatedUsers), AllowAuthorityPorts: true,
		InsecureAllowLoopback: true, InsecureSkipTestSignIn: seeding, Logger: p.log,
	})
}

// newEngine makes what follows the directories.
func (p *program) newEngine() (err error) {
	p.engine, err = provisioning.New(provisioning.Config{
		Store: p.db.store, Target: host.Target{DB: p.db.host}, Authorizer: p.db.host,
		OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles(),
		MaxProvisionableRole: host.RoleOwner, // after an explicit confirmation (D3)
		Breaker:              provisioning.Breaker{InsecureOff: p.scimPolicy == "open"}, Logger: p.log,
	})
	return err
}

// assembleProvisioning makes the SCIM endpoints.
func (p *program) assembleProvisioning() (err error) {
	target := host.Target{DB: p.db.host}
	open := p.scimPolicy == "open"
	cfg := scim.Config{
		BaseURL: p.appURL + "/scim/v2", Store: p.db.store, Authenticator: scim.APIKeys(p.tenants),
		Written: func(string) { p.changed() }, Authorizer: p.db.host, Logger: p.log, Origin: tenant.PeerOrigin,
	}
	if open {
		cfg.Policy, cfg.ResourceTypes, cfg.InsecureNoRateLimit = scim.InsecureAllowAll{}, []scim.ResourceType{testResources()}, true
	} else {
		policy, err := provisioning.NewPolicy(provisioning.PolicyConfig{Store: p.db.store, Target: target, Logger: p.log})
		if err != nil {
			return err
		}
		cfg.Policy = policy
	}
	p.scim, err = scim.NewHandler(cfg)
	return err
}

// notify stands for a mail to the organisation's owners; a product queues it through tx.
func (p *program) notify(ctx context.Context, _ store.Store, n tenant.Notice) error {
	level := slog.LevelWarn
	if n.Kind == tenant.NoticeApproved { // good news, and the quick start's own beginning
		level = slog.LevelInfo
	}
	p.log.Log(ctx, level, "mail to the owners: "+n.Message, "organisation", n.TenantID, "connection", n.ConnectionName)
	return nil
}

// offer stands for a mail to somebody who loses the way in; a product queues it through tx.
func (p *program) offer(_ context.Context, _ store.Store, orgID string, who tenant.Person, o tenant.Offer) error {
	p.log.Warn("mail to "+who.Email+": here is another way in", "organisation", orgID, "offer", o)
	return nil
}

// changed lets those who follow the journal look at once.
func (p *program) changed() {
	p.engine.Wake()
	p.login.Wake()
}

// serve starts the servers and the worker; the channel tells how they ended, once all
// of them have.
func (p *program) serve(ctx context.Context, l *listeners) <-chan error {
	done := make(chan error, 1)
	failed := make(chan error, 3)
	ctx, cancel := context.WithCancel(ctx)
	servers := []*http.Server{newServer(p.app), newServer(p.idp)}
	for i, lis := range []net.Listener{l.app, l.idp} {
		go func() { failed <- servers[i].Serve(lis) }()
	}
	go func() { failed <- p.runner.Run(ctx) }()
	go func() {
		defer cancel()
		var errs error
		pending := 3
		select {
		case <-ctx.Done():
		case err := <-failed:
			errs, pending = err, pending-1
		}
		cancel()
		grace, stop := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer stop()
		for _, s := range servers {
			_ = s.Shutdown(grace)
		}
		_ = p.portal.Shutdown(grace)
		for ; pending > 0; pending-- {
			errs = errors.Join(errs, <-failed)
		}
		if errors.Is(errs, http.ErrServerClosed) || errors.Is(errs, context.Canceled) {
			errs = nil
		}
		done <- errs
		close(done)
	}()
	return done
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 3 * time.Minute, IdleTimeout: time.Minute}
}

// publish puts the record that proves a domain into the quick start's own DNS.
func (p *program) publish(name, value string) {
	if err := p.dns.SetTXT(name, value); err != nil {
		p.log.Error("publish a TXT record", "name", name, "error", err)
	}
}

// publishAgain gives the quick start's own DNS the records of the domains that the database has proven: the last program's
// DNS ended with it.
func (p *program) publishAgain(ctx context.Context) error {
	for after := ""; ; {
		ids, err := p.db.store.Tenants(ctx, after, store.MaxLimit)
		if err != nil {
			return err
		}
		for _, id := range ids {
			after = id
			domains, err := p.db.store.Domains(ctx, id)
			if err != nil {
				return err
			}
			for _, d := range domains {
				if d.State != store.DomainVerified {
					continue
				}
				for _, i := range p.tenants.DomainInstructions(d) {
					p.publish(i.Name, i.Value)
				}
			}
		}
		if len(ids) < store.MaxLimit {
			return nil
		}
	}
}

// portalURL is where the portal is mounted.
func (p *program) portalURL() string { return p.appURL + "/settings/sso" }

// directoryURL is the page of an organisation's directory at the built-in provider.
func (p *program) directoryURL(orgID string) string {
	if _, ok := p.idp.Directory(orgID); !ok {
		return ""
	}
	return fmt.Sprintf("%s/%s/", p.idpURL, orgID)
}
