package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Config configures [New]. Store, Target, Authorizer, OrgRoles and TeamRoles are
// required.
type Config struct {
	Store  store.Store
	Target Target
	// Authorizer decides who may see and change a tenant's mapping.
	Authorizer tenant.Authorizer

	// OrgRoles are the host's roles in an organisation, lowest first, such as member,
	// administrator, owner. The lowest is what a new account has, the highest is an
	// owner's.
	OrgRoles []string
	// TeamRoles are the roles in a team, lowest first, such as member, administrator.
	TeamRoles []string
	// MaxProvisionableRole is the highest of OrgRoles that groups may give. Empty means
	// the one below the highest: making owners by group is a host's decision.
	MaxProvisionableRole string

	// ImpliedTeamRoles says which role in every team an organisation role means, where it
	// means one: {"administrator": "administrator", "owner": "administrator"} in a host whose
	// administrators may do everything in all teams. Plans then show how what people may
	// do in teams changes with their role in the organisation ([RightsChange]).
	ImpliedTeamRoles map[string]string

	// Mapper, if set, decides for all tenants instead of the mode that each chose.
	Mapper GroupMapper
	// MaxTeamName is the longest name of a team in characters. Zero means 100.
	MaxTeamName int
	// ManyGroups is how many groups may pass a filter before a preview warns. Zero means 200.
	ManyGroups int
	// Notifier, if set, is told what a person should look at, each thing once a week at most:
	// [NoticePaused], [NoticeViolation], [NoticeNoSeat] and [NoticeStuck]. It is called by
	// [Engine.Run] and [Engine.Sync]; what it refuses is told again later and holds up nothing.
	Notifier tenant.Notifier
	// Breaker pauses a tenant whose directory takes access from many people at once.
	Breaker Breaker
	// CallTimeout bounds each call of Target and Mapper, by the deadline of its ctx. Zero
	// means 30 seconds. A call of Target that ignores its ctx is waited for and logged,
	// since it has the transaction; a mapper that does is left behind.
	CallTimeout time.Duration

	// DeleteAfter is how long a team whose group went waits before it is deleted, where the
	// tenant's settings want it deleted and the host is a [TeamDeleter]. Zero means 7 days, less than
	// zero that it is deleted at once.
	// An account of somebody who went waits as long where accounts are deleted.
	DeleteAfter time.Duration
	// OnDeprovision is what becomes of the account of somebody whom a directory set inactive or
	// deleted, in tenants that chose nothing. Empty means that it is suspended; to delete it
	// needs a Target that is an [AccountDeleter].
	OnDeprovision store.AccountPolicy
	// ReconcileEvery is how often [Engine.ReconcileDue] compares everybody in a tenant. Zero means a
	// day; less than a minute is refused.
	ReconcileEvery time.Duration

	// Fields, if set, keeps the phone number and what else people may have a say in: profiles
	// then have the values in force. Nil hands on what the directory says, see [Profile].KeepPhone.
	Fields *Fields

	// Entitlements tells what a tenant's plan includes, the same as LocksConfig.Entitlements, so that
	// explanations ([Engine.Explain], [Engine.ExplainTeam]) call locked what [Locks] do. Nil means that of Fields,
	// and without it that every tenant has everything.
	Entitlements tenant.Entitlements

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger hears of failures. Nil discards.
	Logger *slog.Logger
}

// Engine follows the directories' journal and keeps the host's accounts, teams and
// roles as the tenants' rules say. It is safe for concurrent use, and any number of
// engines may work on one store. Settings are changed through [Engine.Apply]; who writes
// them past it calls [Engine.Reconcile].
type Engine struct {
	cfg Config
	// target is cfg.Target with each call guarded; optional interfaces are cfg.Target's.
	target Target
	guard  guard
	mapper GroupMapper // cfg.Mapper, guarded; nil if there is none
	roles  roleOrder
	wake   chan struct{}
	// pagePeople is for tests; zero means the constant.
	pagePeople int

	mu       sync.Mutex
	backoff  map[string]backoff   // by tenant
	retryDue map[string]time.Time // when a tenant's open work is due next
	notices  map[string]backoff   // by tenant
	// deletions are looked at again then, or when the journal has grown.
	deletions        map[string]deletionCheck
	accountDeletions map[string]deletionCheck
}

// New checks cfg and returns an engine. It starts nothing: see [Engine.Run].
func New(cfg Config) (*Engine, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("provisioning: Config.Store is required: open one with store/postgres or store/sqlite")
	case cfg.Target == nil:
		return nil, errors.New("provisioning: Config.Target is required: who the host's accounts and teams are")
	case cfg.Authorizer == nil:
		return nil, errors.New("provisioning: Config.Authorizer is required: it says who may do what")
	case cfg.MaxTeamName < 0 || cfg.ManyGroups < 0 || cfg.CallTimeout < 0:
		return nil, errors.New("provisioning: Config.MaxTeamName, Config.ManyGroups and Config.CallTimeout must not be negative")
	}
	if _, can := cfg.Target.(AccountDeleter); cfg.OnDeprovision != "" && cfg.OnDeprovision != store.AccountSuspend && (cfg.OnDeprovision != store.AccountDelete || !can) {
		return nil, errors.New("provisioning: Config.OnDeprovision must be suspend, or delete with a Target that is an AccountDeleter")
	}
	roles, err := newRoleOrder(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Entitlements == nil && cfg.Fields != nil {
		cfg.Entitlements = cfg.Fields.cfg.Entitlements
	}
	if cfg.DeleteAfter == 0 {
		cfg.DeleteAfter = deleteAfter
	}
	if cfg.ReconcileEvery == 0 {
		cfg.ReconcileEvery = reconcileEvery
	}
	if cfg.ReconcileEvery < time.Minute {
		return nil, errors.New("provisioning: Config.ReconcileEvery must be at least a minute")
	}
	if cfg.MaxTeamName == 0 {
		cfg.MaxTeamName = 100
	}
	if cfg.ManyGroups == 0 {
		cfg.ManyGroups = 200
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Breaker = cfg.Breaker.withDefaults()
	e := &Engine{cfg: cfg, roles: roles, wake: make(chan struct{}, 1), backoff: map[string]backoff{}, retryDue: map[string]time.Time{}, deletions: map[string]deletionCheck{}, accountDeletions: map[string]deletionCheck{}, notices: map[string]backoff{}}
	e.guard = guard{timeout: cmp.Or(cfg.CallTimeout, defaultCallTimeout), logger: cfg.Logger}
	e.target = guardedTarget{host: cfg.Target, guard: e.guard}
	switch cfg.Mapper.(type) {
	case nil:
	case *ManualMapper, *AutoMapper: // ours
		e.mapper = cfg.Mapper
	default:
		e.mapper = newGuardedMapper(cfg.Mapper, e.guard)
	}
	return e, nil
}

// mapperOf returns the mapper that the settings choose.
func (e *Engine) mapperOf(s store.ProvisioningSettings) (GroupMapper, error) {
	switch {
	case e.mapper != nil:
		return e.mapper, nil
	case s.Mode == store.ModeManual:
		return NewManualMapper(s.Rows), nil
	case s.Mode == store.ModeAuto:
		return NewAutoMapper(s.Auto)
	default:
		return noMapper, nil
	}
}

// settingsOf returns the tenant's settings; mode "none" if it has made none.
func settingsOf(ctx context.Context, tx store.Store, tenantID string) (store.ProvisioningSettings, error) {
	s, err := tx.ProvisioningSettings(ctx, tenantID)
	if errors.Is(err, store.ErrNotFound) {
		return store.ProvisioningSettings{Mode: store.ModeNone}, nil
	}
	return s, err
}

// Settings returns the tenant's settings, of mode "none" if it has made none yet.
// The actor needs [tenant.ActionViewMapping].
func (e *Engine) Settings(ctx context.Context, actor tenant.Actor, tenantID string) (store.ProvisioningSettings, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewMapping, tenantID); err != nil {
		return store.ProvisioningSettings{}, err
	}
	return settingsOf(ctx, e.cfg.Store, tenantID)
}

// Preview returns what these settings would do to everybody in the tenant, and changes
// nothing. Start from [Engine.Settings], whose Version they must keep. The error is a
// [SettingsError] if they cannot be followed. The actor needs
// [tenant.ActionEditMapping].
func (e *Engine) Preview(ctx context.Context, actor tenant.Actor, tenantID string, s store.ProvisioningSettings) (Plan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionEditMapping, tenantID); err != nil {
		return Plan{}, err
	}
	var plan Plan
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) (err error) {
		plan, err = e.planAll(ctx, tx, actor, tenantID, s)
		return err
	})
	return plan, err
}

// planAll computes what settings do to everybody, and what the actor has to confirm.
func (e *Engine) planAll(ctx context.Context, tx store.Store, actor tenant.Actor, tenantID string, s store.ProvisioningSettings) (Plan, error) {
	stored, err := settingsOf(ctx, tx, tenantID)
	if err != nil {
		return Plan{}, err
	}
	s.Meta, s.Overrides = stored.Meta, stored.Overrides // these are not the mapping's
	if s.Pause, err = pauseOf(s, stored); err != nil {
		return Plan{}, err
	}
	if s, err = e.checkSettings(ctx, tx, tenantID, s, stored); err != nil {
		return Plan{}, err
	}
	plan, err := e.planEverybody(ctx, tx, tenantID, s, func(l *loader) { l.was = &stored })
	e.askConfirmations(&plan, actor)
	return plan, err
}

// planEverybody computes what is to do for everybody with settings that are known to be
// sound, or were when they were saved. Each of with says what else the plan is about.
func (e *Engine) planEverybody(ctx context.Context, tx store.Store, tenantID string, s store.ProvisioningSettings, with ...func(*loader)) (Plan, error) {
	l, err := e.newLoader(ctx, tx, tenantID, &s)
	if err != nil {
		return Plan{}, err
	}
	for _, fn := range with {
		fn(l)
	}
	plan, _, err := l.planEverybody(ctx)
	return plan, err
}

// whole completes a plan of everybody with what only shows when all is looked at.
func (e *Engine) whole(plan Plan, s *snapshot) Plan {
	plan.report(s, e.cfg)
	plan.seal()
	return plan
}

// Apply saves the settings and does what their preview showed, in one transaction. If
// that is no longer what would be done, it changes nothing and returns a
// [StalePlanError] with the present plan. If the plan asks for confirmations that c
// does not give, it changes nothing and returns an [UnconfirmedError]. What the host
// refuses for one person is undone for this person, reported in Plan.Failures and tried
// again by [Engine.Sync]. The actor needs [tenant.ActionApplyMapping].
func (e *Engine) Apply(ctx context.Context, actor tenant.Actor, tenantID string, s store.ProvisioningSettings, c Confirm) (Plan, error) {
	return e.applyShown(ctx, actor, tenantID, c, func(tx store.Store) (Plan, error) {
		plan, err := e.planAll(ctx, tx, actor, tenantID, s)
		if err == nil && plan.Settings.Version != s.Version {
			err = &StalePlanError{Plan: plan}
		}
		return plan, err
	})
}

// applyShown applies what make plans, if it is what was shown and confirmed.
func (e *Engine) applyShown(ctx context.Context, actor tenant.Actor, tenantID string, c Confirm, makePlan func(tx store.Store) (Plan, error)) (Plan, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionApplyMapping, tenantID); err != nil {
		return Plan{}, err
	}
	var plan Plan
	err := e.inTenant(ctx, tenantID, func(tx store.Store) (err error) {
		if plan, err = makePlan(tx); err != nil {
			return err
		}
		if plan.Hash != c.Hash {
			return &StalePlanError{Plan: plan}
		}
		if err := plan.confirmed(c); err != nil {
			return err
		}
		return e.save(ctx, tx, actor, &plan)
	})
	if err != nil {
		return Plan{}, err
	}
	return plan, nil
}

// save stores a plan's settings and does the plan. The breaker counts what happens
// afterwards.
func (e *Engine) save(ctx context.Context, tx store.Store, actor tenant.Actor, plan *Plan) error {
	before, err := settingsOf(ctx, tx, plan.TenantID)
	if err != nil {
		return err
	}
	next := plan.Settings
	next.UpdatedAt = e.cfg.Now()
	e.signPause(&next, before, actor)
	if next.CreatedAt.IsZero() {
		next.CreatedAt = next.UpdatedAt
	}
	if plan.Settings, err = tx.PutProvisioningSettings(ctx, plan.TenantID, next); err != nil {
		return err
	}
	if err := e.apply(ctx, tx, plan); err != nil {
		return err
	}
	if before.Unmanaged.Teams == store.TeamDelete && next.Unmanaged.Teams != store.TeamDelete {
		if err := e.cancelDeletions(ctx, tx, plan.TenantID, eventActor(actor)); err != nil {
			return err
		}
	}
	plan.ID = store.NewID(e.cfg.Now())
	ev := e.event(EventSettings, eventActor(actor), store.EventSubject{Kind: subjectSettings, ID: plan.ID})
	ev.Origin = actor.Origin.Event()
	ev.Before, ev.After = asJSON(before), asJSON(next)
	if err := tx.AppendEvents(ctx, plan.TenantID, append(e.pauseEvents(next, before, actor), ev)...); err != nil {
		return err
	}
	if err := e.recordApplied(ctx, tx, actor, plan); err != nil {
		return err
	}
	return forgetLosers(ctx, tx, plan.TenantID)
}

// errBusy says that another transaction on the tenant was faster.
var errBusy = fmt.Errorf("provisioning: another change of this tenant was faster; try again: %w", store.ErrStale)

// lockTenant lets one transaction at a time work on a tenant, by writing the reader's
// position first: whoever comes second waits, and then reads what the first one did.
func lockTenant(ctx context.Context, tx store.Store, tenantID string) error {
	at, err := tx.Position(ctx, tenantID, reader)
	if err != nil {
		return err
	}
	err = tx.SavePosition(ctx, tenantID, reader, at, at)
	if errors.Is(err, store.ErrStale) {
		return errBusy
	}
	return err
}

// inTenant runs fn in a transaction that works on the tenant alone.
func (e *Engine) inTenant(ctx context.Context, tenantID string, fn func(tx store.Store) error) error {
	for attempt := 1; ; attempt++ {
		err := e.cfg.Store.InTx(ctx, func(tx store.Store) error {
			if err := lockTenant(ctx, tx, tenantID); err != nil {
				return err
			}
			return fn(tx)
		})
		if !errors.Is(err, errBusy) || attempt == 20 {
			return err
		}
	}
}
