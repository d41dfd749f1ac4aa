package tenant_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// organisation is the host's own type.
type organisation struct{ id, name string }

func (o organisation) TenantID() string   { return o.id }
func (o organisation) TenantName() string { return o.name }

func ExampleNew() {
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "2026-11", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	dns, err := tenant.NewDNSValidator(tenant.DNSConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	svc, err := tenant.New(tenant.Config{
		Store:           memory.New(),
		Keyring:         keys,
		DomainValidator: dns,
		Tenants: tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) {
			return organisation{id, "Acme"}, nil // the host looks it up
		}),
		Authorizer: tenant.AuthorizerFunc(func(_ context.Context, a tenant.Actor, action tenant.Action, _ string) error {
			if a.Kind == tenant.ActorOwner && action != tenant.ActionReview {
				return nil
			}
			return tenant.ErrForbidden
		}),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{Issuer: "https://login.acme.com", SigningAlg: "RS256"}, nil // package oidc has the real one
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var org tenant.Tenant = organisation{"org-1", "Acme"}
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "user-1"}
	_, _, err = svc.CreateDraft(context.Background(), owner, org.TenantID(), tenant.Draft{Domains: []string{"acme.com, it@globex.com"}})
	var refused *tenant.ValidationError
	if errors.As(err, &refused) {
		fmt.Println(refused.Findings[0].Code, refused.Findings[0].Message)
	}
	c, _, err := svc.CreateDraft(context.Background(), owner, org.TenantID(), tenant.Draft{
		Domains: []string{"acme.com, globex.com"}, Authority: "https://login.acme.com", ClientID: "app", ClientSecret: tenant.NewSecret("s3cret"),
	})
	fmt.Println(c.State, len(c.Domains), err)
	// Output:
	// domain_is_email it@globex.com is an e-mail address. Did you mean globex.com?
	// draft 2 <nil>
}

// A link for somebody of the customer's IT who has no account.
func ExampleService_CreateSetupLink() {
	svc, err := newService(func(_ context.Context, a tenant.Actor, _ tenant.Action, _ string) error {
		if a.Kind == tenant.ActorOwner || a.Kind == tenant.ActorSetupLink { // what a link may do is bounded already
			return nil
		}
		return tenant.ErrForbidden
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "user-1"}
	link, err := svc.CreateSetupLink(ctx, owner, "org-1", tenant.NewSetupLink{Name: "Ida of IT", Intents: []tenant.Intent{tenant.IntentSSO}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(link.URL) // hand on link.URL.Reveal()

	// GET: the page shows one button, and gives the browser what to keep.
	peek, err := svc.PeekSetupLink(ctx, "org-1", link.Token, tenant.Secret{})
	fmt.Println(peek.Link.State, err)
	// POST: the button was pressed.
	_, err = svc.OpenSetupLink(ctx, "org-1", link.Token, peek.Browser)
	fmt.Println(err)
	// Each request after that: who is it?
	session, err := svc.SetupLinkSession(ctx, "org-1", peek.Browser)
	fmt.Println(session.Actor.Name, err)
	c, _, err := svc.CreateDraft(ctx, session.Actor, "org-1", tenant.Draft{Domains: []string{"acme.com"}})
	fmt.Println(c.State, err)
	_, err = svc.APIKeys(ctx, session.Actor, "org-1")
	fmt.Println(tenant.CodeOf(err))
	// Output:
	// REDACTED
	// waiting <nil>
	// <nil>
	// Ida of IT <nil>
	// draft <nil>
	// forbidden
}

func ExampleNewKeyring() {
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{
		Keys: []tenant.Key{
			{ID: "2026-11", Bytes: bytes.Repeat([]byte{1}, 32)}, // 32 random bytes from the host's secrets
			{ID: "2025-04", Bytes: bytes.Repeat([]byte{2}, 32)}, // still opens what it sealed
		},
		Primary: "2026-11",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	sealed, _ := keys.Seal([]byte("client secret"), tenant.FieldAAD("org-1", "conn-1", "client_secret"))
	_, err = keys.Open(sealed, tenant.FieldAAD("org-2", "conn-1", "client_secret"))
	fmt.Println(errors.Is(err, tenant.ErrSealBroken))
	plain, _ := keys.Open(sealed, tenant.FieldAAD("org-1", "conn-1", "client_secret"))
	fmt.Println(string(plain))
	// Output:
	// true
	// client secret
}

// vault is a KeyProvider: a KMS, a secret manager, a file.
type vault struct{}

func (vault) Keys(context.Context) (tenant.KeyringConfig, error) {
	return tenant.KeyringConfig{Keys: []tenant.Key{{ID: "v1", Bytes: bytes.Repeat([]byte{3}, 32)}}}, nil
}

func ExampleLoadKeyring() {
	keys, err := tenant.LoadKeyring(context.Background(), vault{})
	if err != nil {
		fmt.Println(err)
		return
	}
	cookies := keys.Derive("cookie") // one root key serves many purposes
	sealed, _ := cookies.Seal([]byte("flow"), nil)
	_, err = keys.Open(sealed, nil)
	fmt.Println(err)
	// Output:
	// tenant: seal broken
}

func ExampleNewOutboundClient() {
	client := tenant.NewOutboundClient(tenant.OutboundConfig{})
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://169.254.169.254/latest/meta-data/", http.NoBody)
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := client.Do(req)
	if err == nil {
		_ = res.Body.Close()
	}
	fmt.Println(errors.Is(err, tenant.ErrBlockedAddress))
	// Output:
	// true
}

func ExampleNewDNSValidator() {
	dns, err := tenant.NewDNSValidator(tenant.DNSConfig{Label: "_acme-host-challenge", Prefix: "acme-host="})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range dns.DomainInstructions(tenant.DomainClaim{Name: "dev.globex.com", Token: "abc"}) {
		fmt.Println(i.Type, i.Name, i.ShortName, i.Value)
	}
	// Output:
	// TXT _acme-host-challenge.dev.globex.com _acme-host-challenge.dev acme-host=abc
}

func ExampleNewHTTPValidator() {
	file, err := tenant.NewHTTPValidator(tenant.HTTPConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range file.DomainInstructions(tenant.DomainClaim{Name: "globex.com", Token: "abc"}) {
		fmt.Println(i.Type, i.Name, i.Value)
	}
	// Output:
	// FILE https://globex.com/.well-known/tenantgate-challenge.txt tenantgate-verification=abc
}

func ExampleAnyOf() {
	dns, err := tenant.NewDNSValidator(tenant.DNSConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	either, err := tenant.AnyOf(dns, tenant.StaffValidator{}) // a TXT record, or our own staff
	fmt.Println(either != nil, err)
	// Output:
	// true <nil>
}

func ExampleNewBreakGlassList() {
	list, err := tenant.NewBreakGlassList(tenant.BreakGlassConfig{Store: memory.New()})
	if err != nil {
		fmt.Println(err)
		return
	}
	// In the host's own login, after password and second factor were checked:
	allowed, err := list.Decide(context.Background(), "org-1", "admin@acme.com")
	fmt.Println(allowed, err)
	// Output:
	// false <nil>
}

func ExampleNewSecret() {
	s := tenant.NewSecret("hunter2")
	fmt.Printf("%v %q %#v\n", s, s, s)
	fmt.Println(s.Reveal())
	// Output:
	// REDACTED REDACTED REDACTED
	// hunter2
}

func ExampleNewRunner() {
	svc, err := newService(func(context.Context, tenant.Actor, tenant.Action, string) error {
		return tenant.ErrForbidden // the background asks no authorizer
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := tenant.NewRunner(tenant.RunnerConfig{
		Service: svc,
		Tasks: []tenant.Task{{Name: "invoices", Every: time.Hour, Run: func(context.Context) (int, error) {
			fmt.Println("the host's own work")
			return 1, nil
		}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A server starts r.Run(ctx) in a goroutine of its own; a scheduler starts a process that does what is due, once.
	fmt.Println(r.RunOnce(context.Background()))
	// Output:
	// the host's own work
	// <nil>
}

func ExampleGuideOf() {
	g := tenant.GuideOf(tenant.ProviderJumpCloud).Fill(tenant.GuideValues{
		AppName: "Acme On-Call", RedirectURI: "https://app.example.com/sso/signin-oidc/1", InitiateLoginURI: "https://app.example.com/sso/login",
	})
	for _, step := range g.OIDC[2:4] {
		fmt.Println(step.Text)
		for _, c := range step.Copy {
			fmt.Println(" ", c.Label+":", c.Value)
		}
	}
	_, findings := g.ParseAuthority("https://acme.okta.com", tenant.AuthorityOptions{})
	fmt.Println(findings[0].Code)
	// Output:
	// On the tab SSO enter both addresses.
	//   Redirect URIs: https://app.example.com/sso/signin-oidc/1
	//   Login URL: https://app.example.com/sso/login
	// Choose Client Secret POST as Client Authentication Type.
	// authority_other_provider
}

func ExampleExplain() {
	// What a person read on the provider's page, and pasted.
	e, ok := tenant.Explain(tenant.ProviderEntra, tenant.PlacePage, "", "AADSTS50105: Your administrator has configured the application …")
	fmt.Println(ok, e.ID, e.Who)
	fmt.Println(e.What.Text, e.Fix.Text)
	// Output:
	// true entra.AADSTS50105 provider_admin
	// The person is not assigned to the application. An Entra administrator adds them, or a group of theirs, under Enterprise applications, Users and groups. Members of nested groups don't count.
}

func ExampleNewRegions() {
	regions, err := tenant.NewRegions(tenant.RegionsConfig{
		Regions: []tenant.Region{
			{ID: "us", Label: "US hosted", BaseURL: "https://app.example.com", Original: true},
			{ID: "eu", Label: "EU hosted", BaseURL: "https://app.example.eu"},
		},
		Current: "eu", // from this process's environment
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The same value goes into tenant.Config, oidc.Config and scim.Config, without any base URL there.
	login, err := regions.Base("", "/sso")
	fmt.Println(login, err)
	_, err = regions.Base("https://app.example.com/sso", "")
	fmt.Println(err)
	// Output:
	// https://app.example.eu/sso <nil>
	// "https://app.example.com/sso" is not below https://app.example.eu, the base URL of the region eu
}

// newService is a Service as [ExampleNew] makes it.
func newService(can tenant.AuthorizerFunc) (*tenant.Service, error) {
	keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "2026-11", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	if err != nil {
		return nil, err
	}
	dns, err := tenant.NewDNSValidator(tenant.DNSConfig{})
	if err != nil {
		return nil, err
	}
	return tenant.New(tenant.Config{
		Store: memory.New(), Keyring: keys, DomainValidator: dns, Authorizer: can, SetupLinkBaseURL: "https://app.example.com/setup",
		Tenants: tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) { return organisation{id, "Acme"}, nil }),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{Issuer: "https://login.acme.com", SigningAlg: "RS256"}, nil
		}),
	})
}

// An owner sees what activation means for people, agrees, and everybody signs in anew.
func ExampleService_PlanActivation() {
	activate := func(ctx context.Context, svc *tenant.Service, r *http.Request, owner tenant.Actor, c tenant.Connection) error {
		owner.Origin = tenant.PeerOrigin(r) // for the audit log
		a := tenant.Activation{Enforced: true, EndSessions: true}
		plan, err := svc.PlanActivation(ctx, owner, c.TenantID, c.ID, a)
		if err != nil {
			return err
		}
		fmt.Printf("%d of %d people are not found by their address\n", plan.Totals.By[tenant.MatchNone], plan.Totals.InDomains)
		// The owner looks at it here, and agrees.
		a.Hash = plan.Hash
		if _, err := svc.Activate(ctx, owner, c.TenantID, c.ID, c.Version, a); err != nil {
			return err // a *tenant.StaleActivationError has the present plan
		}
		_, err = svc.RunEndings(ctx) // the host's worker calls it too; package oidc's Revoker ends the sessions
		return err
	}
	_ = activate
	// Output:
}

// Behind a proxy of one's own the client's address is in a header that this proxy writes.
func ExampleProxiedOrigin() {
	origin := tenant.ProxiedOrigin(netip.MustParsePrefix("10.0.0.0/8"))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "10.0.0.7:50123"
	r.Header.Set("X-Forwarded-For", "6.6.6.6, 203.0.113.9") // the first was in the client's own request
	fmt.Println(origin(r).IP)
	// Output: 203.0.113.9
}
