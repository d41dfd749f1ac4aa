package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// LocalCredentials tells which accounts of the host can sign in without a provider.
type LocalCredentials interface {
	// HasLocalCredential reports whether the tenant has an active account with this address that could sign in now with a
	// credential of the host's own: a password, and the second factor that the host demands. An error means that it is
	// not known.
	HasLocalCredential(ctx context.Context, tenantID, email string) (bool, error)
}

// LocalCredentialsFunc is a function as [LocalCredentials].
type LocalCredentialsFunc func(ctx context.Context, tenantID, email string) (bool, error)

// HasLocalCredential calls f.
func (f LocalCredentialsFunc) HasLocalCredential(ctx context.Context, tenantID, email string) (bool, error) {
	return f(ctx, tenantID, email)
}

// EnforcementReport tells what stands in the way of enforcing sign-in at a connection's provider (R48). Nothing is
// stored.
type EnforcementReport struct {
	// Findings has one for each precheck, in order or not, in the order in which they should be solved.
	Findings []Finding
	// SignIns is how many sign-ins at the connection succeeded since it was activated and its secret was set, the test
	// sign-in with the present configuration included; counting ends where it is enough.
	SignIns int
}

// Ready says that enforcement may be switched on.
func (r EnforcementReport) Ready() bool { return !hasError(r.Findings) }

// Enforcement tells what an actor who enforces sign-in at the connection's provider would meet. The prechecks:
//
//   - There is a break-glass address, and one of them at least can sign in without the provider, if
//     Config.LocalCredentials can tell.
//   - The actor does not lock himself out: he has signed in at the provider with the address of his account, is a
//     break-glass address, is in none of the connection's domains, or is staff.
//   - Enough people have signed in already (Config.EnforceAfter).
func (s *Service) Enforcement(ctx context.Context, actor Actor, tenantID, id string) (EnforcementReport, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionViewConnection); err != nil {
		return EnforcementReport{}, err
	}
	c, domains, err := s.load(ctx, s.store, tenantID, id)
	if err != nil {
		return EnforcementReport{}, err
	}
	glass, err := s.checkBreakGlass(ctx, tenantID, c)
	if err != nil {
		return EnforcementReport{}, err
	}
	return s.enforcement(ctx, s.store, actor, tenantID, c, domains, glass)
}

// enforcement makes the report. glass is the outcome of checkBreakGlass, which asks the host and therefore runs outside
// of transactions.
func (s *Service) enforcement(ctx context.Context, st store.Store, actor Actor, tenantID string, c store.Connection, domains []store.Domain, glass Finding) (EnforcementReport, error) {
	var r EnforcementReport
	covered, err := s.checkCovered(ctx, st, actor, tenantID, c, domains)
	if err != nil {
		return r, err
	}
	if r.SignIns, err = s.countSignIns(ctx, st, tenantID, c); err != nil {
		return r, err
	}
	r.Findings = []Finding{glass, covered}
	if want := s.cfg.EnforceAfter; r.SignIns < want {
		f := errorFinding(FieldConnection, CodeSignInsRequired, "Let people sign in at the provider while it is optional: %d of %d sign-ins have succeeded so far.", r.SignIns, want)
		f.Expected, f.Got = fmt.Sprint(want), fmt.Sprint(r.SignIns)
		r.Findings = append(r.Findings, f)
	} else {
		r.Findings = append(r.Findings, okFinding(FieldConnection, CodeSignInsRequired, "Sign-in at the provider has succeeded with these settings."))
	}
	return r, nil
}

func okFinding(field, code, format string, args ...any) Finding {
	return Finding{Field: field, Code: code, Severity: SeverityOK, Message: fmt.Sprintf(format, args...)}
}

// checkBreakGlass looks for one address that works.
func (s *Service) checkBreakGlass(ctx context.Context, tenantID string, c store.Connection) (Finding, error) {
	if len(c.BreakGlass) == 0 {
		return errorFinding(FieldBreakGlass, CodeBreakGlassEmpty, "There is no break-glass address: if the provider fails, nobody can sign in. Add one, or confirm."), nil
	}
	if s.cfg.LocalCredentials == nil {
		return warning(FieldBreakGlass, CodeBreakGlassUnusable, "Make sure that %s can sign in with a password and a second factor now.", shown(c.BreakGlass[0])), nil
	}
	for _, email := range c.BreakGlass {
		works, err := s.cfg.LocalCredentials.HasLocalCredential(ctx, tenantID, email)
		if err != nil {
			return Finding{}, fmt.Errorf("tenant: looking for a break-glass account's credential: %w", err)
		}
		if works {
			return okFinding(FieldBreakGlass, CodeBreakGlassUnusable, "%s can sign in without the provider.", shown(email)), nil
		}
	}
	return errorFinding(FieldBreakGlass, CodeBreakGlassUnusable,
		"None of the break-glass addresses can sign in without the provider. Give %s an account with a password and a second factor, or confirm.", shown(c.BreakGlass[0])).got(shown(strings.Join(c.BreakGlass, ", "))), nil
}

// checkCovered makes sure that the actor can sign in afterwards.
func (s *Service) checkCovered(ctx context.Context, st store.Store, actor Actor, tenantID string, c store.Connection, domains []store.Domain) (Finding, error) {
	ok := func(format string, args ...any) (Finding, error) {
		return okFinding(FieldConnection, CodeOwnerNotCovered, format, args...), nil
	}
	email, err := NormalizeEmail(actor.Email)
	known := err == nil
	switch {
	case actor.Kind == ActorStaff || actor.Kind == ActorSystem:
		return ok("Staff sign in elsewhere.")
	case !known:
		return errorFinding(FieldConnection, CodeOwnerNotCovered, "Your own e-mail address is not known, so that nobody can tell whether you could still sign in."), nil
	case slices.Contains(c.BreakGlass, email):
		return ok("%s is a break-glass address.", shown(email))
	case !serves(domains, email):
		return ok("%s is in none of the domains, and goes on signing in as before.", shown(email))
	case c.TestedEmail == email && c.TestedVersion == c.ConfigVersion:
		return ok("You have signed in at the provider as %s with these settings.", shown(email))
	}
	links, err := st.IdentitiesOf(ctx, tenantID, actor.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return Finding{}, fmt.Errorf("tenant: reading linked identities: %w", err)
	}
	if slices.ContainsFunc(links, func(i store.Identity) bool {
		return i.ConnectionID == c.ID && i.Issuer == c.Issuer && !c.ActivatedAt.IsZero() && i.LastSignInAt.After(configuredAt(c))
	}) {
		return ok("You have signed in at the provider as %s.", shown(email))
	}
	f := errorFinding(FieldConnection, CodeOwnerNotCovered,
		"You would lock yourself out: nobody has signed in at the provider as %s yet. Test the sign-in with that address, or add it to the break-glass addresses.", shown(email))
	f.Expected, f.Got = email, shown(c.TestedEmail)
	return f, nil
}

// configuredAt is since when sign-ins tell something about the connection as it is: its
// activation, or the secret that it has.
func configuredAt(c store.Connection) time.Time {
	if c.SecretSetAt.After(c.ActivatedAt) {
		return c.SecretSetAt
	}
	return c.ActivatedAt
}

// serves tells whether an address is in one of the connection's proven domains.
func serves(domains []store.Domain, email string) bool {
	_, host, _ := strings.Cut(email, "@")
	return slices.ContainsFunc(verified(domains), func(d store.Domain) bool {
		return host == d.Name || d.Subdomains && inDomain(host, d.Name)
	})
}

// signInSucceeded is the type of the event that package oidc writes for each sign-in.
const signInSucceeded = "oidc.signin.succeeded"

// countSignIns counts the test, and then sign-ins, newest first, until there are enough.
func (s *Service) countSignIns(ctx context.Context, st store.Store, tenantID string, c store.Connection) (int, error) {
	n := 0
	if c.TestedVersion != 0 && c.TestedVersion == c.ConfigVersion {
		n++
	}
	for before := int64(0); n < s.cfg.EnforceAfter && !c.ActivatedAt.IsZero(); {
		events, err := st.Events(ctx, tenantID, store.EventQuery{Newest: true, Before: before, TypePrefix: signInSucceeded, Limit: store.MaxLimit})
		if err != nil {
			return 0, fmt.Errorf("tenant: counting sign-ins: %w", err)
		}
		for _, e := range events {
			if e.At.Before(configuredAt(c).Add(-time.Minute)) { // the clocks of two replicas may differ
				return n, nil
			}
			var after struct {
				Connection string `json:"connection"`
			}
			if json.Unmarshal(e.After, &after) == nil && after.Connection == c.ID {
				if n++; n == s.cfg.EnforceAfter {
					return n, nil
				}
			}
			before = e.Seq
		}
		if len(events) < store.MaxLimit {
			break
		}
	}
	return n, nil
}

// mayEnforce returns what refuses to enforce, within a transaction, while a precheck fails. Confirm overrides those about
// break-glass addresses alone. It is a no-op where nothing is to be enforced.
func (s *Service) mayEnforce(ctx context.Context, actor Actor, tenantID string, c store.Connection, a Activation) (func(tx store.Store, c store.Connection, domains []store.Domain) error, error) {
	if !a.Enforced || s.cfg.InsecureSkipTestSignIn {
		return func(store.Store, store.Connection, []store.Domain) error { return nil }, nil
	}
	glass, err := s.checkBreakGlass(ctx, tenantID, c)
	if err != nil {
		return nil, err
	}
	if a.Confirm && glass.Severity == SeverityError {
		glass.Severity = SeverityWarning
	}
	return func(tx store.Store, c store.Connection, domains []store.Domain) error {
		r, err := s.enforcement(ctx, tx, actor, tenantID, c, domains, glass)
		if err != nil {
			return err
		}
		return refuse(r.Findings)
	}, nil
}

// LiftEnforcement is for emergencies, from the host's own console: it switches off
// enforcement at all of a tenant's connections, whatever state they are in, without an
// authorizer and without regard to what else is being changed. It returns how many it
// changed. actor and reason go into the journal.
func (s *Service) LiftEnforcement(ctx context.Context, actor Actor, tenantID, reason string) (int, error) {
	if err := CheckID(tenantID); err != nil {
		return 0, fmt.Errorf("tenant: no such organisation: %w", store.ErrNotFound)
	}
	for try := 1; ; try++ {
		n, err := s.liftEnforcement(ctx, actor, tenantID, reason)
		if err == nil || !errors.Is(err, store.ErrStale) || try == liftTries {
			return n, err
		}
	}
}

const liftTries = 10 // against whoever writes at the same time

func (s *Service) liftEnforcement(ctx context.Context, actor Actor, tenantID, reason string) (int, error) {
	n := 0
	err := s.store.InTx(ctx, func(tx store.Store) error {
		n = 0
		all, err := tx.Connections(ctx, tenantID)
		if err != nil {
			return fmt.Errorf("tenant: reading connections: %w", err)
		}
		for _, before := range all {
			if !before.Enforced {
				continue
			}
			after := before
			after.Enforced = false
			if _, err := s.save(ctx, tx, actor, tenantID, before, after, "connection.enforcement_lifted", shown(reason)); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
