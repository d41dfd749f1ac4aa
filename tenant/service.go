package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Config configures [New]. The fields without a default are required.
type Config struct {
	// Store keeps everything.
	Store store.Store
	// Keyring seals client secrets.
	Keyring *Keyring
	// Tenants are the host's organisations.
	Tenants Tenants
	// Authorizer decides who may do what.
	Authorizer Authorizer
	// DomainValidator proves domains: [NewDNSValidator] unless you have reasons.
	DomainValidator DomainValidator
	// ProviderChecker looks at identity providers; package oidc has it.
	ProviderChecker ProviderChecker

	// Users are the host's own accounts, for [Service.AssociatedUsers]. Nil lists those alone that tenantgate knows of.
	Users HostUsers
	// Reviewer decides about requests without a person. Nil leaves all to staff.
	Reviewer Reviewer
	// Approvals is how many different reviewers have to approve a request that Reviewer leaves to staff. Zero means 1;
	// 2 are four eyes.
	Approvals int
	// ReviewWithin is how soon staff answer a request (R47), nights and weekends included: its owners are told until when, see
	// [Service.ReviewStatus]. Zero means that the host does not say.
	ReviewWithin time.Duration
	// StaffNotifier hands notices on to the host's staff, see [Service.RemindOfReviews]. Nil means that they are not reminded;
	// Notifier never gets what is for staff.
	StaffNotifier Notifier
	// RemindStaffAfter is how long a request waits for staff until they are reminded, each once. Nil means three quarters of
	// ReviewWithin, that time, and twice that time, and never if it is zero; empty means never.
	RemindStaffAfter []time.Duration
	// RemindOwnersAfter is how long a request waits for its owners, after staff asked, until they are reminded, each once. Nil
	// means 3, 7 and 14 days; empty means never.
	RemindOwnersAfter []time.Duration
	// Changes says how reviewed settings in force are changed. The default is that a change is reviewed.
	Changes ChangePolicy
	// Entitlements tells what a tenant's plan includes. Nil means that every tenant has
	// everything.
	Entitlements Entitlements
	// Regions are the host's regions, of which this process serves one: API keys are valid there alone. Nil means that there
	// are none.
	Regions *Regions
	// SCIMBaseURL is the address below which each tenant has its SCIM base URL, such as
	// https://app.example.com/scim/v2. With Regions it lies below the current one's base URL, and empty means /scim/v2 there;
	// without, empty means that [Service.SCIMBaseURL] is not used.
	SCIMBaseURL string
	// SCIMFields are the SCIM attributes, beside phoneNumbers, about which owners may choose whether people change and
	// confirm them: those of provisioning.FieldsConfig. Nil means that there are none.
	SCIMFields []string
	// SetupLinkBaseURL is the address below which set-up links lead, such as https://app.example.com/setup: the tenant's ID
	// and the token follow, each as one segment. With Regions it lies below the current one's base URL, and empty means /setup
	// there; without, empty means that the host makes the addresses itself.
	SetupLinkBaseURL string
	// APIKeyPrefix begins every API key: lower-case letters, digits and underscores, at
	// most 16, an underscore last. Empty means [DefaultAPIKeyPrefix].
	APIKeyPrefix string
	// RevealableAPIKeys keeps new API keys sealed with Keyring beside their hash, so that [Service.RevealAPIKey] can show them
	// again. Without it a key is shown once, and whoever has the store and the keyring has no key. Keys from before it was set
	// can't be shown; when it is not set any more, [Service.ResealSecrets] deletes the sealed ones.
	RevealableAPIKeys bool
	// Notifier hands notices on to owners, see [Service.RemindOfExpiry], which needs it.
	Notifier Notifier
	// RemindBefore is how long before a client secret expires its owners are reminded, each once; that it has expired is
	// always told. Nil means 14, 7, 3 and 1 days; empty means at the expiry alone.
	RemindBefore []time.Duration
	// DomainChecks says how the background looks at domains, see [Service.CheckDomains].
	DomainChecks DomainChecks
	// DrillAfter is how long a break-glass address of an enforced connection may go untried before its owners are asked to
	// try it, see [Service.RemindOfDrills]. Zero means 90 days; less than a day is refused.
	DrillAfter time.Duration
	// LocalCredentials tells whether break-glass addresses work, before sign-in at a provider is enforced (R48). Nil means
	// that it is not known: a warning says so.
	LocalCredentials LocalCredentials
	// EnforceAfter is how many sign-ins at a connection must have succeeded before it is enforced, the test sign-in
	// included. Zero means 1.
	EnforceAfter int
	// PlanGrace is how long people who have signed in before go on signing in after the plan lapsed, see [Service.SignInGate].
	// Zero means [DefaultPlanGrace]; negative means that they go on for good.
	PlanGrace time.Duration
	// ClosedWithoutPlan lets nobody sign in while Entitlements fails. By default those go on who have signed in before.
	ClosedWithoutPlan bool
	// People is what the host knows of its people, for [Service.PlanEnding]. Nil means that it is told by where accounts came
	// from, and that nothing can be offered to whoever loses the way in.
	People People
	// Webhooks says how tenants' webhooks go. A [WebhookSender] sends them.
	Webhooks WebhookConfig
	// Releaser lets go of what directories manage in the host when a tenant is removed: package provisioning has one. Nil
	// means that teams and roles stay as they are.
	Releaser Releaser
	// KeepEvents is how long events are kept in the journal, see [Service.EraseOldEvents]. Zero keeps them for good; less than 30
	// days is refused, and with a Notifier less than DrillAfter. What is read from older events is not known any more then:
	// when break-glass addresses were tried last, since when somebody is locked, how often people have signed in.
	KeepEvents time.Duration
	// KeepRemoved is how long the journal of a removed tenant is kept, see [Service.ForgetRemoved]. Zero keeps it for good.
	KeepRemoved time.Duration
	// RealmCache bounds what [Service.RealmsOf] remembers, and for how long.
	RealmCache RealmCache
	// AllowPartialDomains lets a connection become active while some of its domains are
	// not proven; those then don't sign anybody in. One proven domain is always needed.
	AllowPartialDomains bool
	// AllowAuthorityPorts admits providers on ports other than 443.
	AllowAuthorityPorts bool
	// InsecureSkipTestSignIn lets a connection become active without a successful test
	// sign-in. A mistake in the configuration then locks people out.
	InsecureSkipTestSignIn bool
	// InsecureAllowLoopback admits providers at http and https addresses on loopback.
	// For tests and demos.
	InsecureAllowLoopback bool
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger gets what nobody else is told. Nil discards it.
	Logger *slog.Logger
}

// Service is a tenant's set-up: what owners and staff do with it. It keeps nothing in
// memory but what [RealmCache] bounds, and is safe for concurrent use.
//
// Methods that an actor calls ask the [Authorizer] first. Their errors match
// [ErrForbidden], [store.ErrNotFound], [store.ErrConflict] or [store.ErrStale], or are
// a [*ValidationError]; [CodeOf] gives the stable code. Any other error is a failure
// of the store or of the host. A method that fails has changed nothing.
type Service struct {
	cfg    Config
	store  store.Store
	keys   *Keyring
	now    func() time.Time
	log    *slog.Logger
	routes *routes
	// webhookTypes are the types of events that tenants' webhooks may send.
	webhookTypes []EventType
}

// New makes a Service. It fails if a required field is missing, naming it.
func New(cfg Config) (*Service, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("tenant: Config.Store is required: open one with store/postgres or store/sqlite")
	case cfg.Keyring == nil:
		return nil, errors.New("tenant: Config.Keyring is required: make one with NewKeyring")
	case cfg.Tenants == nil:
		return nil, errors.New("tenant: Config.Tenants is required: where the host's organisations are found")
	case cfg.Authorizer == nil:
		return nil, errors.New("tenant: Config.Authorizer is required: it says who may do what")
	case cfg.DomainValidator == nil:
		return nil, errors.New("tenant: Config.DomainValidator is required: make one with NewDNSValidator")
	case cfg.ProviderChecker == nil:
		return nil, errors.New("tenant: Config.ProviderChecker is required: package oidc has one")
	}
	if cfg.APIKeyPrefix == "" {
		cfg.APIKeyPrefix = DefaultAPIKeyPrefix
	}
	if err := checkKeyPrefix(cfg.APIKeyPrefix); err != nil {
		return nil, err
	}
	var err error
	if cfg.SCIMBaseURL, err = cfg.Regions.Base(cfg.SCIMBaseURL, "/scim/v2"); err != nil {
		return nil, fmt.Errorf("tenant: Config.SCIMBaseURL %w", err)
	}
	if err := checkBaseURL("SCIMBaseURL", "scim/v2", &cfg.SCIMBaseURL); err != nil {
		return nil, err
	}
	if cfg.SetupLinkBaseURL, err = cfg.Regions.Base(cfg.SetupLinkBaseURL, "/setup"); err != nil {
		return nil, fmt.Errorf("tenant: Config.SetupLinkBaseURL %w", err)
	}
	if err := checkBaseURL("SetupLinkBaseURL", "setup", &cfg.SetupLinkBaseURL); err != nil {
		return nil, err
	}
	if cfg.RemindBefore, err = checkRemindBefore(cfg.RemindBefore); err != nil {
		return nil, err
	}
	if err := cfg.checkReviews(); err != nil {
		return nil, err
	}
	if cfg.PlanGrace == 0 {
		cfg.PlanGrace = DefaultPlanGrace
	}
	if cfg.KeepRemoved < 0 {
		return nil, errors.New("tenant: Config.KeepRemoved must not be negative; zero keeps the journal for good")
	}
	if cfg.DomainChecks, err = cfg.DomainChecks.complete(cfg.Notifier != nil); err != nil {
		return nil, err
	}
	if cfg.RealmCache, err = cfg.RealmCache.complete(); err != nil {
		return nil, err
	}
	if cfg.DrillAfter == 0 {
		cfg.DrillAfter = defaultDrillAfter
	}
	if cfg.DrillAfter < day {
		return nil, errors.New("tenant: Config.DrillAfter must be at least a day")
	}
	if err := cfg.checkRetention(); err != nil {
		return nil, err
	}
	switch {
	case cfg.Approvals < 0 || cfg.Approvals > maxApprovals:
		return nil, fmt.Errorf("tenant: Config.Approvals must be 0 to %d", maxApprovals)
	case cfg.Approvals == 0:
		cfg.Approvals = 1
	}
	if cfg.Changes != ChangeReviewed && cfg.Changes != ChangeLocked && cfg.Changes != ChangeByOwner {
		return nil, fmt.Errorf("tenant: Config.Changes is %q, expected one of the ChangePolicy constants", cfg.Changes)
	}
	if cfg.EnforceAfter < 0 {
		return nil, errors.New("tenant: Config.EnforceAfter must not be negative")
	}
	if cfg.EnforceAfter == 0 {
		cfg.EnforceAfter = 1
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Webhooks, err = cfg.Webhooks.complete(cfg.InsecureAllowLoopback); err != nil {
		return nil, err
	}
	cfg.Notifier, cfg.StaffNotifier = guardedNotifier(cfg.Notifier), guardedNotifier(cfg.StaffNotifier)
	s := &Service{cfg: cfg, store: cfg.Store, keys: cfg.Keyring, now: cfg.Now, log: cfg.Logger, routes: newRoutes(cfg.RealmCache, cfg.Now)}
	s.webhookTypes = s.WebhookTypes()
	return s, nil
}

// checkBaseURL refuses what can't be the beginning of addresses, and takes a slash from the end.
func checkBaseURL(name, example string, value *string) error {
	if *value == "" {
		return nil
	}
	u, err := url.Parse(*value)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("tenant: Config.%s %q must be a URL such as https://app.example.com/%s", name, *value, example)
	}
	*value = strings.TrimRight(*value, "/")
	return nil
}

// allow asks the authorizer. A tenant ID that can't be one is not found.
func (s *Service) allow(ctx context.Context, actor Actor, action Action, tenantID string) error {
	if CheckID(tenantID) != nil {
		return fmt.Errorf("tenant: no such organisation: %w", store.ErrNotFound)
	}
	return s.can(ctx, actor, action, tenantID)
}

func (s *Service) can(ctx context.Context, actor Actor, action Action, tenantID string) error {
	if err := Allow(ctx, s.cfg.Authorizer, actor, action, tenantID); err != nil {
		return fmt.Errorf("tenant: %s: %w", action, err)
	}
	return nil
}

// organisation asks the host for a tenant, and holds it to its answer: an ID that is
// looked up as something else, such as a slug, would mix organisations up.
func (s *Service) organisation(ctx context.Context, tenantID string) (Tenant, error) {
	t, err := s.cfg.Tenants.Tenant(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("tenant: finding the organisation: %w", err)
	}
	if t.TenantID() != tenantID {
		return nil, fmt.Errorf("tenant: Config.Tenants answered %q with the organisation %q", tenantID, t.TenantID())
	}
	return t, nil
}

// time is now as stores keep it.
func (s *Service) time() time.Time { return store.Time(s.now()) }

// change describes an event. Its values become JSON as they are: callers pass them
// without secrets.
type change struct {
	kind    string // of the subject
	id      string
	name    string
	what    string // type of the event
	before  any
	after   any
	code    string
	message string
}

// event makes the journal's entry of a change.
func (s *Service) event(actor Actor, c change) (store.Event, error) {
	now := s.time()
	e := store.Event{
		ID: store.NewID(now), Type: c.what, At: now, Actor: actor.event(),
		Origin: actor.Origin.Event(), Subject: store.EventSubject{Kind: c.kind, ID: c.id, Name: c.name}, Code: c.code, Message: c.message,
	}
	var err error
	if c.before != nil {
		if e.Before, err = json.Marshal(c.before); err != nil {
			return store.Event{}, fmt.Errorf("tenant: writing an event: %w", err)
		}
	}
	if c.after != nil {
		if e.After, err = json.Marshal(c.after); err != nil {
			return store.Event{}, fmt.Errorf("tenant: writing an event: %w", err)
		}
	}
	return e, nil
}

// Allowed says whether the actor may do something in the tenant, so that a page offers nothing else: nil if so, as the [Authorizer]
// and, for whoever came by a set-up link, its intents say. It is asked again when it is done.
func (s *Service) Allowed(ctx context.Context, actor Actor, action Action, tenantID string) error {
	if tenantID == "" {
		return s.can(ctx, actor, action, tenantID)
	}
	return s.allow(ctx, actor, action, tenantID)
}
