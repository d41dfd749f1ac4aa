package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/examples/quickstart/internal/idp"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// tenantInfo is what -json tells of a tenant.
type tenantInfo struct {
	ID                   string `json:"id"`
	Domain               string `json:"domain"`
	OwnerEmail           string `json:"owner_email"`
	SCIMBaseURL          string `json:"scim_base_url"`
	SCIMToken            string `json:"scim_token"`
	RedirectURI          string `json:"redirect_uri"`
	InitiateLoginURI     string `json:"initiate_login_uri"`
	BackchannelLogoutURI string `json:"backchannel_logout_uri"`

	FrontchannelLogoutURI string `json:"frontchannel_logout_uri"`
	PostLogoutRedirectURI string `json:"post_logout_redirect_uri"`
}

// seedOrg is an organisation that the quick start begins with.
type seedOrg struct {
	id, name string
	domains  []string
	teams    []string
}

func (s seedOrg) owner() string { return "owner@" + s.domains[0] }

// thirdOrg names the organisation that has no sign-on yet. A demo makes its own, so
// that it can be played again on the same database.
func thirdOrg(o options) string {
	if o.demo {
		return "initech-" + strings.ToLower(rand.Text()[:6])
	}
	return "initech"
}

func (p *program) seeds() []seedOrg {
	acme := seedOrg{id: "acme", name: "Acme", domains: []string{"acme.example"}, teams: []string{"Platform", "Support"}}
	if len(p.domains) > 0 {
		acme.domains = p.domains
	}
	return []seedOrg{
		acme,
		{id: "globex", name: "Globex", domains: []string{"globex.example"}, teams: []string{"Operations"}},
		{id: p.third, name: "Initech", domains: []string{p.third + ".example", p.third + "-mail.example"}, teams: []string{"Printers", "Database"}},
	}
}

// directories are what the built-in identity provider begins with.
func (p *program) directories() []idp.DirectoryConfig {
	var out []idp.DirectoryConfig
	for i, s := range p.seeds() {
		domain := s.domains[0]
		people := []idp.User{
			{Email: "alice@" + domain, GivenName: "Alice", FamilyName: "Archer", Phone: "+49 30 901820"},
			{Email: "bob@" + domain, GivenName: "Bob", FamilyName: "Baker"},
			{Email: "carol@" + domain, GivenName: "Carol", FamilyName: "Clark"},
			{Email: "dave@" + domain, GivenName: "Dave", FamilyName: "Dunn"},
		}
		for i := range people {
			people[i].Password = host.DemoPassword
		}
		id, secret := clientOf(s.id)
		out = append(out, idp.DirectoryConfig{
			Slug: s.id, Name: s.name, Users: people, Dialect: []idp.Dialect{idp.Entra, idp.Okta}[i%2],
			Groups: []idp.Group{
				{Name: "oncall-sre", Members: []string{"alice@" + domain, "bob@" + domain}},
				{Name: "oncall-database", Members: []string{"bob@" + domain, "carol@" + domain}},
				{Name: "everybody", Members: []string{"alice@" + domain, "bob@" + domain, "carol@" + domain, "dave@" + domain}},
			},
			Client: idp.Client{ID: id, Secret: secret, InitiateLoginURI: p.appURL + "/sso/login"},
		})
	}
	return out
}

// clientOf derives an application's credentials at the built-in provider, so that they
// are the same when the program starts again on the same database.
func clientOf(org string) (id, secret string) {
	mac := hmac.New(sha256.New, demoKey.Bytes)
	mac.Write([]byte(org))
	return "oncall-" + org, hex.EncodeToString(mac.Sum(nil))
}

// seed makes people, teams, and the first two tenants' sign-on and provisioning, while
// no other program does so on the same database.
func (p *program) seed(ctx context.Context) ([]tenantInfo, error) {
	holder := store.NewID(time.Now())
	for {
		now := time.Now()
		_, err := p.db.store.AcquireLease(ctx, host.StaffOrg, "quickstart.seed", holder, now, now.Add(time.Minute))
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	out, err := p.seedAll(ctx)
	return out, errors.Join(err, p.db.store.ReleaseLease(context.WithoutCancel(ctx), host.StaffOrg, "quickstart.seed", holder))
}

func (p *program) seedAll(ctx context.Context) ([]tenantInfo, error) {
	if err := p.seedStaff(ctx); err != nil {
		return nil, err
	}
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{demoKey}, Primary: demoKey.ID})
	if err != nil {
		return nil, err
	}
	svc, err := p.newTenants(keys, true)
	if err != nil {
		return nil, err
	}
	var out []tenantInfo
	for i, s := range p.seeds() {
		owner, err := p.seedPeople(ctx, s)
		if err != nil {
			return nil, err
		}
		if s.id == p.third {
			continue
		}
		info, err := p.seedSignOn(ctx, svc, s, host.Actor(owner), i == 0 && p.authority != "")
		if err != nil {
			return nil, fmt.Errorf("can't set up %s: %w", s.name, explained(err))
		}
		out = append(out, info)
	}
	return out, nil
}

// explained says in words what was refused: flags come from a person too.
func explained(err error) error {
	var invalid *tenant.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	var parts []string
	for _, f := range invalid.Findings {
		if f.Severity == tenant.SeverityError {
			parts = append(parts, f.Message)
		}
	}
	return errors.New(strings.Join(parts, " "))
}

func (p *program) seedStaff(ctx context.Context) error {
	if err := p.db.host.AddOrg(ctx, host.Org{ID: host.StaffOrg, Name: "On Call staff", RootUserID: "staff-reviewer"}); err != nil {
		return err
	}
	return p.db.host.AddUser(ctx, nil, host.User{
		ID: "staff-reviewer", OrgID: host.StaffOrg, Email: host.StaffEmail, Name: "Rita Reviewer",
		Source: store.SourceManual, Active: true, OrgRole: host.RoleMember,
	}, host.DemoPassword)
}

// seedPeople makes the organisation with its owner (the root user), a break-glass
// account, and teams.
func (p *program) seedPeople(ctx context.Context, s seedOrg) (host.User, error) {
	owner := host.User{
		ID: s.id + "-owner", OrgID: s.id, Email: s.owner(), Name: s.name + " owner",
		Source: store.SourceManual, Active: true, OrgRole: host.RoleOwner,
	}
	glass := host.User{
		ID: s.id + "-break-glass", OrgID: s.id, Email: "break-glass@" + s.domains[0], Name: "Break glass",
		Source: store.SourceManual, Active: true, OrgRole: host.RoleOwner,
	}
	for _, u := range []host.User{owner, glass} {
		if err := p.seedUser(ctx, u); err != nil {
			return owner, err
		}
	}
	// After its people, so that whoever finds it finds them.
	if err := p.db.host.AddOrg(ctx, host.Org{ID: s.id, Name: s.name, RootUserID: owner.ID}); err != nil {
		return owner, err
	}
	for i, name := range s.teams {
		t := host.Team{ID: fmt.Sprintf("%s-team-%d", s.id, i+1), OrgID: s.id, Name: name, Source: "manual"}
		if err := p.db.host.AddTeam(ctx, nil, t); err != nil {
			return owner, err
		}
	}
	return owner, nil
}

// seedUser makes a user, or gives the one of an earlier run this run's address.
func (p *program) seedUser(ctx context.Context, u host.User) error {
	if err := p.db.host.AddUser(ctx, nil, u, host.DemoPassword); err != nil {
		return err
	}
	stored, err := p.db.host.User(ctx, nil, u.OrgID, u.ID)
	if err != nil || stored.Email == u.Email {
		return err
	}
	stored.Email = u.Email
	return p.db.host.UpdateUser(ctx, nil, stored)
}

// seedSignOn brings a tenant to the state in which the story ends: sign-on active,
// provisioning on, a key in the provider's settings.
func (p *program) seedSignOn(ctx context.Context, svc *tenant.Service, s seedOrg, owner tenant.Actor, foreign bool) (tenantInfo, error) {
	id, secret := clientOf(s.id)
	draft := tenant.Draft{
		Name: "the built-in provider", Authority: p.idpURL + "/" + s.id, ClientID: id, ClientSecret: tenant.NewSecret(secret),
		Domains: s.domains, BreakGlass: []string{"break-glass@" + s.domains[0]},
		SCIM: store.SCIMPreferences{Wanted: true},
	}
	if foreign {
		draft.Name, draft.Authority, draft.ClientID, draft.ClientSecret = "", p.authority, p.clientID, tenant.NewSecret(p.clientSecret)
		draft.ClientAuth = p.clientAuthMethod()
	}
	c, err := p.ensureActive(ctx, svc, s, owner, draft)
	if err != nil {
		return tenantInfo{}, err
	}
	token, err := p.freshKey(ctx, svc, s.id, owner)
	if err != nil {
		return tenantInfo{}, err
	}
	if d, ok := p.idp.Directory(s.id); ok {
		if err := d.SetRedirectURIs(p.login.RedirectURI(c.ID)); err != nil {
			return tenantInfo{}, err
		}
		if err := d.SetSCIM(svc.SCIMBaseURL(s.id), token); err != nil {
			return tenantInfo{}, err
		}
	}
	return tenantInfo{
		ID: s.id, Domain: s.domains[0], OwnerEmail: s.owner(), SCIMBaseURL: svc.SCIMBaseURL(s.id), SCIMToken: token,
		RedirectURI: p.login.RedirectURI(c.ID), InitiateLoginURI: p.login.InitiateLoginURI(),
		BackchannelLogoutURI:  p.login.BackchannelLogoutURI(c.ID),
		FrontchannelLogoutURI: p.login.FrontchannelLogoutURI(c.ID),
		PostLogoutRedirectURI: p.login.PostLogoutRedirectURI(c.ID),
	}, nil
}

// ensureActive returns the tenant's active connection. One of an earlier run that
// points elsewhere is replaced.
func (p *program) ensureActive(ctx context.Context, svc *tenant.Service, s seedOrg, owner tenant.Actor, draft tenant.Draft) (tenant.Connection, error) {
	list, err := svc.Connections(ctx, owner, s.id)
	if err != nil {
		return tenant.Connection{}, err
	}
	for _, c := range list {
		if c.State == store.ConnectionActive && c.Authority == draft.Authority && c.ClientID == draft.ClientID &&
			(draft.ClientAuth == "" || c.ClientAuth == draft.ClientAuth) && sameDomains(c.Domains, draft.Domains) {
			return p.ensureSecret(ctx, svc, s.id, owner, c, draft.ClientSecret)
		}
		if err := p.remove(ctx, svc, s.id, owner, c); err != nil {
			return tenant.Connection{}, err
		}
	}
	c, _, err := svc.CreateDraft(ctx, owner, s.id, draft)
	if err != nil {
		return c, err
	}
	for _, d := range c.Domains {
		for _, i := range svc.DomainInstructions(d) {
			p.publish(i.Name, i.Value)
		}
		if d, err = svc.CheckDomain(ctx, owner, s.id, d.ID); err != nil {
			return c, err
		}
		if d.State != store.DomainVerified {
			return c, fmt.Errorf("domain %s could not be proven", d.Name)
		}
	}
	if c, err = svc.Connection(ctx, owner, s.id, c.ID); err != nil {
		return c, err
	}
	if c, _, err = svc.Submit(ctx, owner, s.id, c.ID, c.Version); err != nil {
		return c, err
	}
	staff, err := p.db.host.User(ctx, nil, host.StaffOrg, "staff-reviewer")
	if err != nil {
		return c, err
	}
	if c, _, err = svc.Approve(ctx, host.Actor(staff), s.id, c.ID, c.Version); err != nil {
		return c, err
	}
	return svc.Activate(ctx, owner, s.id, c.ID, c.Version, tenant.Activation{})
}

// ensureSecret replaces the client secret if another one was given this time.
func (p *program) ensureSecret(ctx context.Context, svc *tenant.Service, orgID string, owner tenant.Actor, c tenant.Connection, secret tenant.Secret) (tenant.Connection, error) {
	_, stored, err := svc.SignInConnection(ctx, orgID, c.ID)
	if err == nil && stored.Equal(secret) {
		return c, nil
	}
	c, _, err = svc.ReplaceSecret(ctx, owner, orgID, c.ID, c.Version, secret, c.SecretExpiresAt)
	return c, err
}

func sameDomains(have []store.Domain, want []string) bool {
	if len(have) != len(want) {
		return false
	}
	for i, d := range have {
		if d.Name != want[i] || d.State != store.DomainVerified {
			return false
		}
	}
	return true
}

// remove ends a connection by whatever steps its state allows.
func (p *program) remove(ctx context.Context, svc *tenant.Service, orgID string, owner tenant.Actor, c tenant.Connection) error {
	var err error
	switch c.State {
	case store.ConnectionActive:
		e := tenant.Ending{Kind: tenant.EndingSuspend, ConnectionID: c.ID, Unplanned: true, Reason: "the quick start was started with another provider"}
		if _, err = svc.ApplyEnding(ctx, owner, orgID, e, ""); err == nil {
			c, err = svc.Connection(ctx, owner, orgID, c.ID)
		}
	case store.ConnectionSubmitted, store.ConnectionNeedsInformation, store.ConnectionApproved:
		c, err = svc.Withdraw(ctx, owner, orgID, c.ID, c.Version)
	}
	if err != nil {
		return err
	}
	e := tenant.Ending{Kind: tenant.EndingRemove, ConnectionID: c.ID, Confirm: true}
	plan, err := svc.PlanEnding(ctx, owner, orgID, e)
	if err == nil {
		_, err = svc.ApplyEnding(ctx, owner, orgID, e, plan.Hash)
	}
	return err
}

const (
	seedKeyName = "quick start "
	// keptKeys is how many keys of other runs stay: somebody may still use them.
	keptKeys = 4
)

// freshKey makes an API key, since that of an earlier run is stored as a hash alone.
func (p *program) freshKey(ctx context.Context, svc *tenant.Service, orgID string, owner tenant.Actor) (string, error) {
	keys, err := svc.APIKeys(ctx, owner, orgID)
	if err != nil {
		return "", err
	}
	keys = slices.DeleteFunc(keys, func(k store.APIKey) bool { return !k.RevokedAt.IsZero() || !strings.HasPrefix(k.Name, seedKeyName) })
	for _, k := range keys[:max(0, len(keys)-keptKeys)] { // oldest first
		if _, err := svc.RevokeAPIKey(ctx, owner, orgID, k.ID, k.Version, true); err != nil {
			return "", err
		}
	}
	key, _, err := svc.CreateAPIKey(ctx, owner, orgID, tenant.NewAPIKey{Name: seedKeyName + store.NewID(time.Now())})
	if err != nil {
		return "", err
	}
	return key.Reveal(), nil
}

// clientAuthMethod is -client-auth in the words of OpenID Connect.
func (p *program) clientAuthMethod() string {
	switch p.clientAuth {
	case "basic":
		return tenant.ClientSecretBasic
	case "post":
		return tenant.ClientSecretPost
	}
	return ""
}

// laterChecker lets a provider of -authority start after this program, since it may
// need the redirect URI first: a provider that can't be reached is taken at its word.
type laterChecker struct {
	tenant.ProviderChecker
	clientAuth string
}

func (l laterChecker) CheckProvider(ctx context.Context, req tenant.ProviderRequest) (tenant.ProviderReport, error) {
	r, err := l.ProviderChecker.CheckProvider(ctx, req)
	if err != nil || r.Issuer != "" {
		return r, err
	}
	for _, f := range r.Findings {
		if f.Severity == tenant.SeverityError && f.Code != tenant.CodeDiscoveryNotFound && f.Code != tenant.CodeDiscoveryTimeout {
			return r, errors.New("the provider of -authority: " + f.Message)
		}
	}
	if l.clientAuth == "" {
		l.clientAuth = tenant.ClientSecretBasic
	}
	return tenant.ProviderReport{Issuer: req.Authority, ClientAuth: l.clientAuth, SigningAlg: "RS256"}, nil
}
