package oidc

import (
	"context"
	"errors"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// SignInMethods says in which ways somebody may get a session.
type SignInMethods struct {
	// OIDC says that the address's domain has an active connection: offer "Continue with OpenID Connect".
	OIDC bool
	// Password says that the host's own ways (password, magic link, reset, invitation, API key) may lead to a session.
	Password bool
	// BreakGlass says that Password is true only because the address may bypass the provider. Such an account needs a second
	// factor; the use was recorded, but by PeekSignInMethods.
	BreakGlass bool
	// SecondFactor says that Password is false only because a second factor is missing (tenant.BreakGlassConfig.SecondFactor):
	// ask for it, and then ask again.
	SecondFactor bool
	// TenantID and ConnectionID are those of the connection, the first choice where a domain has several; empty without one.
	TenantID, ConnectionID string
}

// SignInMethods tells the host's own login code which ways are open to an address. Ask at the one place where a session
// is made, whatever led there, and after all credentials were checked, the second factor included: a refusal then tells
// nobody without them that the account exists, is provisioned, or may break the glass. Pages, and code that sends mail
// (resets, magic links), ask [Handler.PeekSignInMethods] and answer the visitor the same either way.
//
// The provider is the only way in for users that a directory provisions (R76), and for everybody in a domain whose
// connection is enforced; Config.BreakGlass alone makes an exception. An address of no active connection may use the
// host's own ways, so that a suspended one leaves nobody without any (R50), and neither does a plan that does not include
// sign-on any more (Config.Gate); whom the directory set inactive the host
// refuses by its own account.
//
// Text without an @ is a name of the host's own, and may use its ways. An address that can't be read safely gets no way in
// at a domain that has a connection: the host's look-up may read it otherwise.
//
// The address decides: pass the one that the account has, not one that was typed, and ask for each where an account has
// several. Where people can change their address, or sign in with one outside of the tenant's domains, ask
// [Handler.AccountSignInMethods].
//
// The store is asked the same for every address of a connection's domains, whether there is such an account or not. Only
// the use of a break-glass address writes, which takes longer.
//
// An error matches ErrUnavailable and means that the answer is unknown: refuse.
func (h *Handler) SignInMethods(ctx context.Context, email string) (SignInMethods, error) {
	return h.signInMethods(ctx, email, &tenant.Origin{})
}

// SignInMethodsFrom is SignInMethods of a request that came from there, which is recorded with the use of a break-glass
// address: by a Config.BreakGlass that has
//
//	DecideFrom(ctx context.Context, tenantID, email string, from tenant.Origin) (bool, error)
//
// as tenant.BreakGlassList does.
func (h *Handler) SignInMethodsFrom(ctx context.Context, email string, from tenant.Origin) (SignInMethods, error) {
	return h.signInMethods(ctx, email, &from)
}

// PeekSignInMethods answers as [Handler.SignInMethods] does and records no use of a break-glass address: for pages, and for
// mails that may lead to a session later. A host with a Config.BreakGlass of its own makes it implement
//
//	Listed(ctx context.Context, tenantID, email string) (bool, error)
//
// as tenant.BreakGlassList does; without, nobody breaks the glass here.
func (h *Handler) PeekSignInMethods(ctx context.Context, email string) (SignInMethods, error) {
	return h.signInMethods(ctx, email, nil)
}

// AccountSignInMethods answers as [Handler.SignInMethods] does for the account's address, and knows the account: one that a
// directory of the tenant provisions has no way in but the provider, whatever its address is. Ask it for each tenant that
// the account belongs to.
func (h *Handler) AccountSignInMethods(ctx context.Context, tenantID, accountID, email string) (SignInMethods, error) {
	return h.AccountSignInMethodsFrom(ctx, tenantID, accountID, email, tenant.Origin{})
}

// AccountSignInMethodsFrom is AccountSignInMethods of a request that came from there: see [Handler.SignInMethodsFrom].
func (h *Handler) AccountSignInMethodsFrom(ctx context.Context, tenantID, accountID, email string, from tenant.Origin) (SignInMethods, error) {
	record, err := h.cfg.Store.Account(ctx, tenantID, accountID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return SignInMethods{}, unavailable(CodeInternal, "the account could not be read", err)
	}
	methods, peekErr := h.signInMethods(ctx, email, nil)
	switch {
	case peekErr != nil:
		return SignInMethods{}, peekErr
	case err != nil || record.SCIMUserID == "" || !methods.Password || methods.BreakGlass:
		return h.signInMethods(ctx, email, &from)
	}
	methods.TenantID = tenantID
	bypass, err := h.breaksGlass(ctx, tenantID, email, &from)
	switch {
	case tenant.CodeOf(err) == tenant.ErrorCodeSecondFactor:
		methods.SecondFactor = true
	case err != nil:
		return SignInMethods{}, err
	}
	methods.Password, methods.BreakGlass = bypass, bypass
	return methods, nil
}

// signInMethods answers; use is where somebody comes from who signs in now, and nil for whoever asks only.
func (h *Handler) signInMethods(ctx context.Context, email string, use *tenant.Origin) (SignInMethods, error) {
	email = strings.TrimSpace(email)
	_, after, isAddress := cutLast(email, "@")
	if !isAddress {
		return SignInMethods{Password: true}, nil // a name of the host's own
	}
	addr, readable := parseAddress(email)
	domain := addr.domain
	if !readable { // what the host's look-up may read otherwise than we do gets no way around the provider
		var err error
		if domain, err = tenant.NormalizeDomain(after); err != nil {
			return SignInMethods{}, nil //nolint:nilerr // nobody's domain, and no way in
		}
	}
	realm, err := tenant.FindRealm(ctx, h.cfg.Store, domain)
	if errors.Is(err, store.ErrNotFound) {
		return SignInMethods{Password: true}, nil
	}
	if err != nil {
		return SignInMethods{}, unavailable(CodeInternal, "the set-up could not be read", err)
	}
	if h.closedByPlan(ctx, realm.TenantID) {
		return SignInMethods{Password: true}, nil
	}
	methods := SignInMethods{OIDC: true, TenantID: realm.TenantID, ConnectionID: realm.ConnectionID}
	if !readable {
		return methods, nil
	}
	provisioned, err := h.isProvisioned(ctx, realm.TenantID, addr.String())
	if err != nil {
		return SignInMethods{}, err
	}
	bound := realm.Enforced || provisioned
	if !bound {
		use = nil
	}
	bypass, err := h.breaksGlass(ctx, realm.TenantID, addr.String(), use)
	switch {
	case tenant.CodeOf(err) == tenant.ErrorCodeSecondFactor:
		methods.SecondFactor = true
	case err != nil:
		return SignInMethods{}, err
	}
	methods.Password, methods.BreakGlass = !bound || bypass, bound && bypass
	return methods, nil
}

// breaksGlass tells whether an address may bypass the provider. It looks at the list for every address alike; with an origin
// it is a use where it is listed. An error with the code second_factor_required says that it may with a second factor.
func (h *Handler) breaksGlass(ctx context.Context, tenantID, email string, use *tenant.Origin) (bool, error) {
	l, canList := h.cfg.BreakGlass.(lister)
	if canList {
		listed, err := l.Listed(ctx, tenantID, email)
		if err != nil {
			return false, unavailable(CodeInternal, "the break-glass list could not be asked", err)
		}
		if !listed || use == nil {
			return listed, nil
		}
	}
	if use == nil {
		return false, nil
	}
	decide := func() (bool, error) { return h.cfg.BreakGlass.Decide(ctx, tenantID, email) }
	if d, ok := h.cfg.BreakGlass.(decider); ok {
		decide = func() (bool, error) { return d.DecideFrom(ctx, tenantID, email, *use) }
	}
	bypass, err := decide()
	if tenant.CodeOf(err) == tenant.ErrorCodeSecondFactor {
		return false, err
	}
	if err != nil {
		return false, unavailable(CodeInternal, "the break-glass list could not be asked", err)
	}
	return bypass, nil
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// lister is a BreakGlass that can be asked without it being a use, as tenant.BreakGlassList can.
type lister interface {
	Listed(ctx context.Context, tenantID, email string) (bool, error)
}

// decider is a BreakGlass that records where a use came from, as tenant.BreakGlassList does.
type decider interface {
	DecideFrom(ctx context.Context, tenantID, email string, from tenant.Origin) (bool, error)
}

// isProvisioned tells whether a directory provisions the user with this address. It asks the same questions whatever
// the answers are: how long it takes tells nothing about the account.
func (h *Handler) isProvisioned(ctx context.Context, tenantID, email string) (bool, error) {
	provisioned := false
	for _, filter := range filtersOf(email) {
		users, err := scimUsersWhere(ctx, h.cfg.Store, tenantID, filter)
		if err != nil {
			return false, unavailable(CodeInternal, "the provisioned users could not be read", err)
		}
		provisioned = provisioned || len(users) > 0
	}
	acct, err := h.cfg.Accounts.AccountByEmail(ctx, h.cfg.Store, tenantID, email)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return false, unavailable(CodeInternal, "the application's accounts could not be read", err)
	}
	id := acct.ID
	if err != nil || !acct.Member || id == "" {
		id = "none" // an ID that no account has, or whose record decides nothing
	}
	record, recordErr := h.cfg.Store.Account(ctx, tenantID, id)
	if recordErr != nil && !errors.Is(recordErr, store.ErrNotFound) {
		return false, unavailable(CodeInternal, "the account could not be read", recordErr)
	}
	if err == nil && acct.Member && recordErr == nil && record.SCIMUserID != "" {
		provisioned = true
	}
	return provisioned, nil
}
