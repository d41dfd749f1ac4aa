package provisioning

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// What a directory is told when it may not have an account.
const (
	rootRefusal   = "This account created the organisation and cannot be provisioned. Change its e-mail address in the application to provision this one."
	accountExists = "An account with this e-mail address exists already and was not approved for conversion. An owner of the organisation can approve it; then send the user again."
	accountTaken  = "An account with this e-mail address belongs to another user of this directory."
	otherAccount  = "An account with this e-mail address exists already, and this user has another one. Change one of the two addresses in the application."
	planRefusal   = "SCIM is not included in this organisation's plan."
	planUnknown   = "What this organisation's plan includes could not be found out. Send the request again later."
)

// PolicyConfig configures [NewPolicy]. Store and Target are required.
type PolicyConfig struct {
	Store  store.Store
	Target Target
	// Entitlements tells what a tenant's plan includes, as in tenant.Config. Nil means
	// that every tenant has everything. An error refuses nothing that takes access away.
	Entitlements tenant.Entitlements
	// RepeatRefusal is how long the same refusal is recorded only once, since directories
	// try again every few minutes. Zero means an hour.
	RepeatRefusal time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger hears when a refusal could not be recorded. Nil discards.
	Logger *slog.Logger
}

// Policy decides about a directory's writes before they are stored: the plan, the state of
// the directory's connection and of the tenant as a whole ([tenant.CheckWrite], D10), the
// root user (R4), domains (on create and on every change of an address) and accounts
// that exist already (R59). It is safe for concurrent use.
//
// Writes that only take access away are never refused. The brake on mass changes is
// not here but in the engine ([Breaker]): refusing a request would make the directory
// try it again for ever, and hide from the owner what it wants.
//
// What is refused here on create is also unknown to the directory: a search for the
// user finds nothing, since nothing was stored. The codes of refusals are
// "plan_required", "plan_unknown" (503: the directory tries again), "connection_suspended",
// "tenant_suspended", "tenant_removed", "wrong_state", "root_user", "domain_not_verified", "account_exists" and
// "account_taken".
type Policy struct {
	cfg PolicyConfig
}

// NewPolicy checks cfg and returns a policy.
func NewPolicy(cfg PolicyConfig) (*Policy, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("provisioning: PolicyConfig.Store is required")
	case cfg.Target == nil:
		return nil, errors.New("provisioning: PolicyConfig.Target is required")
	}
	cfg.RepeatRefusal = cmp.Or(cfg.RepeatRefusal, time.Hour)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Target = guardedTarget{host: cfg.Target, guard: guard{timeout: defaultCallTimeout, logger: cfg.Logger}}
	return &Policy{cfg: cfg}, nil
}

// Check returns nil to let the write through, a [*tenant.Refusal] to refuse it, or another
// error if it could not be found out. A refusal is recorded as [EventRefused], so that
// the owner sees what the directory was told. Call it outside of a transaction.
func (p *Policy) Check(ctx context.Context, w tenant.DirectoryWrite) error {
	if w.Deprovisioning {
		return nil
	}
	var (
		user    policyUser
		refusal *tenant.Refusal
		err     error
	)
	if refusal, err = p.checkPlan(ctx, w); err != nil {
		return err
	}
	switch {
	case refusal != nil:
	case w.ResourceType != "User" || len(w.After) == 0:
		return nil
	default:
		if user, err = readPolicyUser(w); err != nil {
			return err
		}
		if refusal, err = p.checkUser(ctx, w, user); err != nil {
			return err
		}
	}
	if refusal == nil {
		return nil
	}
	p.record(ctx, w, user, refusal)
	return refusal
}

// checkPlan asks whether the tenant may be given access by a directory at all.
func (p *Policy) checkPlan(ctx context.Context, w tenant.DirectoryWrite) (*tenant.Refusal, error) {
	if p.cfg.Entitlements != nil {
		included, err := p.cfg.Entitlements.Entitled(ctx, w.TenantID)
		if err != nil {
			p.cfg.Logger.WarnContext(ctx, "provisioning: whether the plan includes SCIM could not be found out", "tenant", w.TenantID, "error", err)
			return &tenant.Refusal{Status: 503, Code: tenant.ErrorCodePlanUnknown, Detail: planUnknown}, nil
		}
		if !included.SCIM {
			return &tenant.Refusal{Status: 403, Code: tenant.ErrorCodePlanRequired, Detail: planRefusal}, nil
		}
	}
	return tenant.CheckWrite(ctx, p.cfg.Store, w, p.cfg.Now())
}

// policyUser is what of a write decides.
type policyUser struct {
	created       bool
	before, after Profile
}

func readPolicyUser(w tenant.DirectoryWrite) (policyUser, error) {
	u := policyUser{created: len(w.Before) == 0}
	var err error
	if u.after, err = profileOfResource(w.ID, w.After); err != nil || u.created {
		return u, err
	}
	u.before, err = profileOfResource(w.ID, w.Before)
	return u, err
}

func profileOfResource(id string, body json.RawMessage) (Profile, error) {
	var b profileBody
	if err := b.read(body); err != nil {
		return Profile{}, fmt.Errorf("provisioning: expected a user as JSON: %w", err)
	}
	return b.profile(id, b.userName, b.externalID), nil
}

func (p *Policy) checkUser(ctx context.Context, w tenant.DirectoryWrite, u policyUser) (refusal *tenant.Refusal, err error) {
	emailNew := u.created || foldEmail(u.before.Email) != foldEmail(u.after.Email)
	nameNew := u.created || store.Fold(u.before.UserName) != store.Fold(u.after.UserName)
	if !emailNew && !nameNew {
		return nil, nil
	}
	var addresses []string // those that are new
	if emailNew && u.after.Email != "" {
		addresses = append(addresses, u.after.Email)
	}
	name := ""
	if nameNew && emailDomain(u.after.UserName) != "" {
		if name = plainEmail(u.after.UserName); !slices.Contains(addresses, name) {
			addresses = append(addresses, u.after.UserName)
		}
	}
	// A transaction for the host to read in, which does not begin where it reads elsewhere: nothing is written.
	err = store.InTxThen(ctx, p.cfg.Store, func(tx store.Store) (_ func(store.Store) error, err error) {
		refusal = nil
		// The root user's address may be in nobody's domain: the clearer answer first.
		if emailNew && u.after.Email != "" {
			if refusal, err = p.checkAccount(ctx, tx, w, u.after.Email); err != nil || refusal != nil {
				return nil, err
			}
		}
		if name != "" && !(emailNew && name == u.after.Email) {
			refusal, err = p.checkName(ctx, tx, w, name)
		}
		return nil, err
	})
	if err != nil || refusal != nil && refusal.Code == codeRootUser {
		return refusal, err
	}
	// Outside, so that nobody waits for it. It goes before a refusal because of an account: of an
	// address in a foreign domain nobody learns whether it has one.
	if foreign, err := checkDomains(ctx, p.cfg.Store, w.TenantID, addresses); err != nil || foreign != nil {
		return foreign, err
	}
	return refusal, nil
}

// checkDomains refuses an address outside of the tenant's domains.
func checkDomains(ctx context.Context, st store.Store, tenantID string, addresses []string) (*tenant.Refusal, error) {
	owned := ""
	for _, address := range addresses {
		domain := emailDomain(address)
		if domain != "" && domain == owned {
			continue
		}
		ok, err := tenant.OwnsDomain(ctx, st, tenantID, domain)
		if err != nil {
			return nil, err
		}
		if !ok {
			domains, err := loadDomains(ctx, st, tenantID)
			if err != nil {
				return nil, err
			}
			return &tenant.Refusal{
				Status: 400, SCIMType: "invalidValue", Code: "domain_not_verified",
				Detail: fmt.Sprintf("The address %q is not in a verified domain of this organisation (%s).", clip(address), domains.names()),
			}, nil
		}
		owned = domain
	}
	return nil, nil
}

// checkName asks whether the user name is the root user's address, whatever e-mail
// addresses come with it: at sign-in a user name that is an address stands for its owner.
func (p *Policy) checkName(ctx context.Context, tx store.Store, w tenant.DirectoryWrite, name string) (*tenant.Refusal, error) {
	account, err := p.cfg.Target.AccountByEmail(ctx, tx, w.TenantID, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, hostErr("find an account by its address", err)
	}
	root, err := p.cfg.Target.RootAccount(ctx, tx, w.TenantID)
	if err != nil {
		return nil, hostErr("read the root account", err)
	}
	if account.ID != root {
		return nil, nil
	}
	return rootConflict(), nil
}

const codeRootUser = "root_user"

func rootConflict() *tenant.Refusal {
	return &tenant.Refusal{Status: 409, SCIMType: "uniqueness", Code: codeRootUser, Detail: rootRefusal}
}

// checkAccount asks whether the host has an account of the address that this user may
// not have.
func (p *Policy) checkAccount(ctx context.Context, tx store.Store, w tenant.DirectoryWrite, email string) (*tenant.Refusal, error) {
	account, err := p.cfg.Target.AccountByEmail(ctx, tx, w.TenantID, email)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, hostErr("find an account by its address", err)
	}
	root, err := p.cfg.Target.RootAccount(ctx, tx, w.TenantID)
	if err != nil {
		return nil, hostErr("read the root account", err)
	}
	conflict := func(code, detail string) (*tenant.Refusal, error) {
		return &tenant.Refusal{Status: 409, SCIMType: "uniqueness", Code: code, Detail: detail}, nil
	}
	if account.ID == root {
		return rootConflict(), nil
	}
	if w.ID != "" {
		has, err := tx.AccountOfSCIMUser(ctx, w.TenantID, w.ID)
		switch {
		case err == nil && has.ID == account.ID:
			return nil, nil // the user's own
		case err == nil:
			return conflict("account_exists", otherAccount)
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	if tied, err := p.tied(ctx, tx, w.TenantID, email); err != nil || tied {
		return nil, err
	}
	rec, err := tx.Account(ctx, w.TenantID, account.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return conflict("account_exists", accountExists)
	case err != nil:
		return nil, err
	case rec.SCIMUserID != "":
		return conflict("account_taken", accountTaken)
	case !adoptable(&rec):
		return conflict("account_exists", accountExists)
	}
	return nil, nil
}

// tied says whether an owner tied the address to an account that waits for the directory.
func (p *Policy) tied(ctx context.Context, tx store.Store, tenantID, email string) (bool, error) {
	id, err := tiedTo(ctx, tx, tenantID, subjectAddress, foldEmail(email))
	if err != nil || id == "" {
		return false, err
	}
	rec, err := tx.Account(ctx, tenantID, id)
	if notFound(err) {
		return false, nil
	}
	return err == nil && rec.Convertible && rec.Conversion.Address == foldEmail(email), err
}

// record keeps the refusal in the journal, once in a while for the same one.
func (p *Policy) record(ctx context.Context, w tenant.DirectoryWrite, u policyUser, r *tenant.Refusal) {
	now := p.cfg.Now()
	subject := store.EventSubject{Kind: "scim_refusal", ID: r.Code + ":" + store.Fold(cmp.Or(u.after.Email, u.after.UserName, w.ID)), Name: cmp.Or(u.after.UserName, w.ID)}
	last, err := p.cfg.Store.Events(ctx, w.TenantID, store.EventQuery{SubjectKind: subject.Kind, SubjectID: subject.ID, Newest: true, Limit: 1})
	if err == nil && (len(last) == 0 || now.Sub(last[0].At) >= p.cfg.RepeatRefusal) {
		err = p.cfg.Store.AppendEvents(ctx, w.TenantID, store.Event{
			ID: store.NewID(now), Type: EventRefused, At: now, Actor: system, Subject: subject, Code: r.Code, Message: r.Detail,
		})
	}
	if err != nil {
		p.cfg.Logger.ErrorContext(ctx, "provisioning: a refusal could not be recorded", "tenant", w.TenantID, "code", r.Code, "error", err)
	}
}

// clip keeps what came from outside from making a message long.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
