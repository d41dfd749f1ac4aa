package tenant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// BreakGlass decides who may sign in without the identity provider although it is
// enforced, so that a broken provider locks nobody out for good.
//
// The host's own login asks after it has checked the password (and the second factor
// that it demands), never before: otherwise the login page tells which addresses are
// special. Package oidc and directories' syncs ask to leave such accounts alone.
type BreakGlass interface {
	// Decide reports whether the account with this address may bypass the provider of
	// the tenant now. True is recorded as a use. An error means that it could not be
	// decided or recorded; the bypass is then refused.
	Decide(ctx context.Context, tenantID, email string) (bool, error)
}

// BreakGlassFunc is a function as a [BreakGlass].
type BreakGlassFunc func(ctx context.Context, tenantID, email string) (bool, error)

// Decide calls f.
func (f BreakGlassFunc) Decide(ctx context.Context, tenantID, email string) (bool, error) {
	return f(ctx, tenantID, email)
}

// BreakGlassConfig configures [NewBreakGlassList].
type BreakGlassConfig struct {
	// Store holds the connections with their lists, and the journal. Required.
	Store store.Store
	// RootAddress tells the present address of the account that created the organisation (D6): it may bypass the provider
	// too, without standing on any list, where its domain is one of an active or suspended connection's. The host answers
	// "" where the owner declined that, and where there is no such account. An error refuses the bypass of everybody whom no
	// list has. Nil means that the lists alone count.
	RootAddress func(ctx context.Context, tenantID string) (string, error)
	// SecondFactor tells whether whoever signs in, whose password was checked, has passed a second factor as well (R45), by
	// what the host keeps in ctx. It is asked about an address that may bypass the provider, before that is a use. False
	// refuses it: the error has the code second_factor_required and matches [ErrForbidden], and an event
	// "break_glass.second_factor_missing" tells that somebody has the password. Nil is for a host whose login asks everybody
	// for a second factor before it asks here.
	SecondFactor func(ctx context.Context, tenantID, email string) (passed bool, err error)
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Notifier hands a notice of each use on to the owners, in the transaction that records the use. One that fails is logged
	// and keeps nobody out, since much may be broken at that moment; the journal has the use. Nil tells nobody.
	Notifier Notifier
	// OnUse is told about each use after it was recorded, so that the host can alert the owners at once. It should not
	// take long: somebody waits for his sign-in. Nil tells nobody; the journal has the use anyway.
	OnUse func(ctx context.Context, u BreakGlassUse)
	// Logger gets a warning for each use. Nil discards it.
	Logger *slog.Logger
}

// BreakGlassUse is somebody who may sign in without the provider although it is enforced.
type BreakGlassUse struct {
	TenantID string
	// ConnectionID is the connection that lists the address.
	ConnectionID string
	Email        string
	At           time.Time
	// Origin is where the request came from, where [BreakGlassList.DecideFrom] was told.
	Origin Origin
}

// BreakGlassList is the default [BreakGlass]: the addresses that the owner listed in an
// active or suspended connection, as long as their domain is one of its proven ones
// or below one, and the root user's where BreakGlassConfig.RootAddress is set. Each use is an event "break_glass.used" in the tenant's journal, and told
// to BreakGlassConfig.Notifier and OnUse.
type BreakGlassList struct {
	store    store.Store
	root     func(ctx context.Context, tenantID string) (string, error)
	second   func(ctx context.Context, tenantID, email string) (bool, error)
	notifier Notifier
	onUse    func(ctx context.Context, u BreakGlassUse)
	now      func() time.Time
	log      *slog.Logger
}

// NewBreakGlassList makes the default [BreakGlass].
func NewBreakGlassList(cfg BreakGlassConfig) (*BreakGlassList, error) {
	if cfg.Store == nil {
		return nil, errors.New("tenant: BreakGlassConfig.Store is required")
	}
	b := &BreakGlassList{store: cfg.Store, root: cfg.RootAddress, second: cfg.SecondFactor, notifier: cfg.Notifier, onUse: cfg.OnUse, now: cfg.Now, log: cfg.Logger}
	if b.now == nil {
		b.now = time.Now
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	return b, nil
}

var _ BreakGlass = (*BreakGlassList)(nil)

// Decide implements [BreakGlass].
func (b *BreakGlassList) Decide(ctx context.Context, tenantID, email string) (bool, error) {
	return b.DecideFrom(ctx, tenantID, email, Origin{})
}

// DecideFrom is Decide of a request that came from there, for the journal and OnUse.
func (b *BreakGlassList) DecideFrom(ctx context.Context, tenantID, email string, from Origin) (bool, error) {
	c, listed, err := b.find(ctx, tenantID, email)
	if err != nil || !listed {
		return false, err
	}
	email, err = NormalizeEmail(email)
	if err != nil {
		return false, nil //nolint:nilerr // find compared it already; what is no address is not listed
	}
	now := store.Time(b.now())
	e := store.Event{
		ID: store.NewID(now), Type: breakGlassUsed, At: now,
		Actor:   Actor{Kind: ActorUser, Email: email}.event(),
		Origin:  from.Event(),
		Subject: store.EventSubject{Kind: kindConnection, ID: c.ID, Name: c.Name},
		Message: email + " may sign in without the identity provider.",
	}
	if err := b.secondFactor(ctx, tenantID, email, e); err != nil {
		return false, err
	}
	if err := b.record(ctx, tenantID, c, email, e); err != nil {
		return false, fmt.Errorf("tenant: recording the use of a break-glass address: %w", err)
	}
	b.log.WarnContext(ctx, "tenant: break-glass address used", "tenant", tenantID, "email", email)
	if b.onUse != nil {
		b.onUse(ctx, BreakGlassUse{TenantID: tenantID, ConnectionID: c.ID, Email: email, At: now, Origin: from})
	}
	return true, nil
}

// secondFactor refuses whoever has not passed a second factor that the host demands. e is what a use would be.
func (b *BreakGlassList) secondFactor(ctx context.Context, tenantID, email string, e store.Event) error {
	if b.second == nil {
		return nil
	}
	passed, err := b.second(ctx, tenantID, email)
	if err != nil {
		return fmt.Errorf("tenant: asking for the second factor of a break-glass address: %w", err)
	}
	if passed {
		return nil
	}
	e.Type, e.Code = breakGlassSecondFactor, ErrorCodeSecondFactor
	e.Message = "Somebody has the password of " + email + ", and no second factor."
	if err := b.store.AppendEvents(ctx, tenantID, e); err != nil {
		return fmt.Errorf("tenant: recording a break-glass address without a second factor: %w", err)
	}
	return forbidden(ErrorCodeSecondFactor, "Signing in without the identity provider needs a second factor.")
}

// record writes a use, and hands on the notice of it.
func (b *BreakGlassList) record(ctx context.Context, tenantID string, c store.Connection, email string, e store.Event) error {
	if b.notifier == nil {
		return b.store.AppendEvents(ctx, tenantID, e)
	}
	n := Notice{
		ID: noticeID(tenantID, c.ID, NoticeBreakGlassUsed, e.ID), Kind: NoticeBreakGlassUsed, TenantID: tenantID, ConnectionID: c.ID, ConnectionName: c.Name,
		Emails: []string{email}, Since: e.At,
		Message: fmt.Sprintf("Somebody signed in with the break-glass address %s, without the identity provider, on %s. If nobody of you did, change its password now.", email, e.At.Format("2 January 2006, 15:04 MST")),
	}
	return b.store.InTx(ctx, func(tx store.Store) error {
		if err := tx.AppendEvents(ctx, tenantID, e); err != nil {
			return err
		}
		if err := tx.InTx(ctx, func(tx store.Store) error { return b.notifier.Notify(ctx, tx, n) }); err != nil {
			b.log.ErrorContext(ctx, "tenant: the use of a break-glass address could not be told", "tenant", tenantID, "connection", c.ID, "error", err)
		}
		return nil
	})
}

// Listed reports the same as Decide and records nothing: for syncs and previews that
// leave such accounts alone. It reads the same, whether the address is listed or not.
func (b *BreakGlassList) Listed(ctx context.Context, tenantID, email string) (bool, error) {
	_, listed, err := b.find(ctx, tenantID, email)
	return listed, err
}

// find looks for the connection that lists the address.
func (b *BreakGlassList) find(ctx context.Context, tenantID, email string) (store.Connection, bool, error) {
	email, err := NormalizeEmail(email)
	if err != nil || CheckID(tenantID) != nil {
		return store.Connection{}, false, nil //nolint:nilerr // what is no address is not listed
	}
	connections, err := b.store.Connections(ctx, tenantID)
	if err != nil {
		return store.Connection{}, false, fmt.Errorf("tenant: reading break-glass addresses: %w", err)
	}
	domains, err := b.store.Domains(ctx, tenantID)
	if err != nil {
		return store.Connection{}, false, fmt.Errorf("tenant: reading domains: %w", err)
	}
	root, err := b.rootAddress(ctx, tenantID)
	_, host, _ := strings.Cut(email, "@")
	for _, c := range connections {
		inForce := c.State == store.ConnectionActive || c.State == store.ConnectionSuspended
		listed := err == nil && email == root || slices.Contains(c.BreakGlass, email)
		if inForce && listed &&
			slices.ContainsFunc(verified(domainsOf(domains, c.ID)), func(d store.Domain) bool { return inDomain(host, d.Name) }) {
			return c, true, nil
		}
	}
	return store.Connection{}, false, err
}

// rootAddress asks the host for the root user's address, for every address alike.
func (b *BreakGlassList) rootAddress(ctx context.Context, tenantID string) (string, error) {
	if b.root == nil {
		return "", nil
	}
	address, err := b.root(ctx, tenantID)
	if err != nil {
		return "", fmt.Errorf("tenant: asking for the root user's address: %w", err)
	}
	address, err = NormalizeEmail(address)
	if err != nil {
		return "", nil //nolint:nilerr // none, or one that nobody can sign in with
	}
	return address, nil
}

// SetBreakGlass replaces a connection's break-glass addresses, separated like those of
// [ParseBreakGlass]; none empties the list. Owners may while the request is theirs to
// edit, staff in any state (D4). An enforced connection keeps at least one, unless
// confirm says otherwise.
func (s *Service) SetBreakGlass(ctx context.Context, actor Actor, tenantID, id string, version int64, confirm bool, emails ...string) (Connection, error) {
	mayEdit, err := s.requestEditor(ctx, actor, ActionEditConnection, tenantID)
	if err != nil {
		return Connection{}, err
	}
	var out Connection
	err = s.store.InTx(ctx, func(tx store.Store) error {
		before, domains, err := s.loadAt(ctx, tx, tenantID, id, version)
		if err != nil {
			return err
		}
		if err := mayEdit(before); err != nil {
			return err
		}
		after := before
		var findings []Finding
		after.BreakGlass, findings = ParseBreakGlass(domainNames(domains), emails...)
		if err := refuse(findings); err != nil {
			return err
		}
		if err := enforceable(after, Activation{Enforced: after.Enforced, Confirm: confirm}); err != nil {
			return err
		}
		after, err = s.save(ctx, tx, actor, tenantID, before, after, breakGlassChanged, "")
		out = viewOf(after, domains)
		return err
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}
