package tenant

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// TestSignIn is a sign-in that succeeded at a connection that need not be active.
type TestSignIn struct {
	// ConfigVersion is that of the connection with which the sign-in began.
	ConfigVersion int64
	// Issuer is the issuer of the ID token, Email the address that it asserted.
	Issuer string
	Email  string
	// ClientAuth is the way of authenticating that the provider took, which the connection
	// uses from now on (R22). Empty leaves the connection's own.
	ClientAuth string
	// SecretSetAt is that of the connection with which the provider was asked, as [store.Connection.WithNextSecret] gives it: a
	// secret that waits (R44) is in force from now on if it is the one that worked. Zero says nothing about the secret.
	SecretSetAt time.Time
}

// RecordTestSignIn keeps that a test sign-in succeeded. It is called by the code that
// verified the sign-in, after it did; no authorizer is asked. by is who signed in.
//
// A test with the secret that waits ([Service.StageSecret]) puts that secret in force, and forgets the old one.
//
// A test of an older configuration, or with a secret that was replaced meanwhile, gives an error with the code stale. An address outside the connection's domains, or an issuer
// that is not the connection's, is a [*ValidationError]: people would be refused.
func (s *Service) RecordTestSignIn(ctx context.Context, by Actor, tenantID, id string, t TestSignIn) (Connection, error) {
	var out Connection
	err := s.store.InTx(ctx, func(tx store.Store) error {
		before, domains, err := s.load(ctx, tx, tenantID, id)
		if err != nil {
			return err
		}
		if before.ConfigVersion != t.ConfigVersion {
			return stale()
		}
		email, err := testedEmail(t, before, domains)
		if err != nil {
			return err
		}
		after, what := before, "connection.tested"
		switch next := before.NextSecret; {
		case next != nil && t.SecretSetAt.Equal(next.SetAt):
			what = "connection.next_secret_in_force"
			if err := s.takeNextSecret(ctx, tx, by, tenantID, &after); err != nil {
				return err
			}
		case !t.SecretSetAt.IsZero() && !t.SecretSetAt.Equal(before.SecretSetAt):
			return stale()
		}
		after.TestedVersion, after.TestedAt, after.TestedEmail = after.ConfigVersion, s.time(), email
		if secretMethod(t.ClientAuth) && (before.ClientAuth == "" || secretMethod(before.ClientAuth)) {
			after.ClientAuth = t.ClientAuth // what the test used, so that the test stays good
		}
		after, err = s.save(ctx, tx, by, tenantID, before, after, what, "")
		out = viewOf(after, domains)
		return err
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}

// secretMethod says whether a way of authenticating sends the client secret. A test
// chooses between those; that a client needs no secret is never found out by trying.
func secretMethod(clientAuth string) bool {
	return clientAuth == ClientSecretBasic || clientAuth == ClientSecretPost
}

func testedEmail(t TestSignIn, c store.Connection, domains []store.Domain) (string, error) {
	refused := func(code, format string, args ...any) (string, error) {
		return "", &ValidationError{Findings: []Finding{errorFinding(FieldDomains, code, format, args...)}}
	}
	if t.Issuer != c.Issuer || c.Issuer == "" {
		return refused(CodeIssuerMismatch, "The sign-in came from %s instead of %s.", shown(t.Issuer), shown(c.Issuer))
	}
	email, err := NormalizeEmail(t.Email)
	if err != nil {
		return refused(CodeEmailInvalid, "The provider sent no usable e-mail address. Configure it to send the email claim.")
	}
	_, host, _ := strings.Cut(email, "@")
	if !slices.ContainsFunc(domains, func(d store.Domain) bool { return host == d.Name || d.Subdomains && inDomain(host, d.Name) }) {
		return refused(CodeDomainMismatch, "The provider sent %s, whose domain is not associated. People with such addresses would be refused.", shown(email))
	}
	return email, nil
}

// Activation is how a connection becomes active.
type Activation struct {
	// Enforced makes sign-in at the provider the only way for people in the domains,
	// apart from break-glass addresses; otherwise it is one way beside others.
	Enforced bool
	// Confirm enforces although there is no break-glass address, or none that works, and although every owner in the domains
	// loses every way in.
	Confirm bool
	// EndSessions ends what people in the connection's domains are signed in with now, so that they sign in anew: all of
	// their sessions at the tenant that began before. Break-glass addresses keep theirs, and the actor too without
	// EndOwnSession. It begins with the activation, is done in pages by [Service.RunEndings], and the host's sessions are
	// ended by package oidc's Revoker, which the host runs. It needs
	// Config.Users: accounts_unlisted otherwise. [Service.ApplyEnding] takes the place of what is left of it.
	EndSessions bool
	// EndOwnSession ends the actor's own as well.
	EndOwnSession bool
	// Hash is that of the plan ([Service.PlanActivation]) that was shown. If it is given, and the same would now mean something
	// else for people, nothing is changed and the error is a [*StaleActivationError] with the present plan; what stands in the
	// way there is a [*ValidationError]. Empty compares nothing.
	Hash string
}

// Activate lets people sign in, for the first time or again after [Service.Suspend]. It
// needs an approved (or suspended) connection, proven domains, a successful test
// sign-in with the present configuration, and a provider that passes the checks now; with
// Enforced also what [Service.Enforcement] reports. All of it is decided in one transaction.
func (s *Service) Activate(ctx context.Context, actor Actor, tenantID, id string, version int64, a Activation) (Connection, error) {
	if err := s.allow(ctx, actor, ActionActivate, tenantID); err != nil {
		return Connection{}, err
	}
	if err := s.needSSO(ctx, tenantID); err != nil {
		return Connection{}, err
	}
	c, domains, err := s.loadAt(ctx, s.store, tenantID, id, version)
	if err != nil {
		return Connection{}, err
	}
	if _, err := nextOf(c, StepActivate); err != nil {
		return Connection{}, err
	}
	if err := s.asPlanned(ctx, actor, tenantID, c, domains, a); err != nil {
		return Connection{}, err
	}
	checked, err := s.checkedToActivate(ctx, tenantID, c, domains, a)
	if err != nil {
		return Connection{}, err
	}
	mayEnforce, err := s.mayEnforce(ctx, actor, tenantID, c, a)
	if err != nil {
		return Connection{}, err
	}
	return s.step(ctx, actor, tenantID, id, version, StepActivate, "connection.activated", "", func(tx store.Store, after *store.Connection, domains []store.Domain) error {
		if err := s.holdInService(ctx, tx, tenantID); err != nil {
			return err
		}
		state := after.State
		*after = checked
		if err := mayEnforce(tx, *after, domains); err != nil {
			return err
		}
		after.State, after.Enforced, after.ActivatedAt = state, a.Enforced, s.time()
		if err := s.ready(*after, domains, a); err != nil { // the check may have found another issuer, and domains may have gone
			return err
		}
		return s.beginSessions(ctx, tx, actor, tenantID, *after, a)
	})
}

// asPlanned refuses choices that don't go together, and an activation that would mean something else than was shown.
func (s *Service) asPlanned(ctx context.Context, actor Actor, tenantID string, c store.Connection, domains []store.Domain, a Activation) error {
	if err := a.check(); err != nil {
		return err
	}
	if a.EndSessions && s.cfg.Users == nil {
		return refuse([]Finding{unlisted(a)})
	}
	if a.Hash == "" {
		return nil
	}
	plan, err := s.planActivation(ctx, tenantID, snapshotOf(actor, c, domains, a))
	if err != nil {
		return err
	}
	if plan.Hash != a.Hash {
		return &StaleActivationError{Plan: plan}
	}
	return refuse(plan.Findings)
}

// checkedToActivate refuses what can't be in force, and returns the connection with what its provider says now.
func (s *Service) checkedToActivate(ctx context.Context, tenantID string, c store.Connection, domains []store.Domain, a Activation) (store.Connection, error) {
	if err := s.ready(c, domains, a); err != nil { // before the network is asked
		return store.Connection{}, err
	}
	checked, findings, err := s.checked(ctx, tenantID, c, domains)
	if err != nil {
		return store.Connection{}, err
	}
	if err := refuse(findings); err != nil {
		return store.Connection{}, err
	}
	if checked.ConfigVersion != c.ConfigVersion && !s.cfg.InsecureSkipTestSignIn {
		return store.Connection{}, conflict(ErrorCodeTestRequired, "The provider's metadata has changed since it was last checked. Run the checks, then test the sign-in again.")
	}
	return checked, nil
}

// ready tells why a connection can't be active.
func (s *Service) ready(c store.Connection, domains []store.Domain, a Activation) error {
	proven := verified(domains)
	if len(proven) == 0 || len(proven) < len(domains) && !s.cfg.AllowPartialDomains {
		var missing []string
		for _, d := range domains {
			if d.State != store.DomainVerified {
				missing = append(missing, d.Name)
			}
		}
		return conflict(ErrorCodeDomainsUnverified, "Prove your domains first: %s.", shown(strings.Join(missing, ", ")))
	}
	if c.Issuer == "" {
		return conflict(ErrorCodeState, "The provider was not checked yet. Run the checks.")
	}
	if s.cfg.InsecureSkipTestSignIn {
		return enforceable(c, a)
	}
	if c.TestedVersion == 0 || c.TestedVersion != c.ConfigVersion {
		return conflict(ErrorCodeTestRequired, "Sign in once with this configuration as a test first.")
	}
	_, host, _ := strings.Cut(c.TestedEmail, "@")
	if !slices.ContainsFunc(proven, func(d store.Domain) bool { return host == d.Name || d.Subdomains && inDomain(host, d.Name) }) {
		return conflict(ErrorCodeTestRequired, "The test sign-in brought %s, whose domain is not proven. Test with an address of a proven domain.", shown(c.TestedEmail))
	}
	return enforceable(c, a)
}

func enforceable(c store.Connection, a Activation) error {
	if a.Enforced && len(c.BreakGlass) == 0 && !a.Confirm {
		return conflict(ErrorCodeConfirmationRequired, "There is no break-glass address: if the provider fails, nobody can sign in. Add one, or confirm.")
	}
	return nil
}

// SetEnforced switches on or off that people must sign in at an active connection's
// provider. Switching on needs what [Service.Enforcement] reports; a [*ValidationError]
// has what is missing. Switching off needs no condition, so that it helps in an emergency.
func (s *Service) SetEnforced(ctx context.Context, actor Actor, tenantID, id string, version int64, a Activation) (Connection, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionActivate); err != nil {
		return Connection{}, err
	}
	if a.Enforced {
		if err := s.needSSO(ctx, tenantID); err != nil {
			return Connection{}, err
		}
	}
	c, domains, err := s.loadAt(ctx, s.store, tenantID, id, version)
	if err != nil {
		return Connection{}, err
	}
	if !a.Enforced && (a.EndSessions || a.Hash != "") {
		return Connection{}, &ValidationError{Findings: []Finding{errorFinding(FieldActivation, CodeActivationInvalid,
			"Sessions end, and plans are compared, when sign-in at the provider is enforced, not when it becomes optional.")}}
	}
	if err := s.asPlanned(ctx, actor, tenantID, c, domains, a); err != nil {
		return Connection{}, err
	}
	mayEnforce, err := s.mayEnforce(ctx, actor, tenantID, c, a)
	if err != nil {
		return Connection{}, err
	}
	return s.edit(ctx, actor, tenantID, id, version, "connection.enforcement_changed", func(tx store.Store, c *store.Connection, domains []store.Domain) error {
		if c.State != store.ConnectionActive {
			return conflict(ErrorCodeState, "The connection is %s. It must be active.", c.State)
		}
		if a.Enforced {
			if err := s.holdInService(ctx, tx, tenantID); err != nil {
				return err
			}
		}
		c.Enforced = a.Enforced
		if err := enforceable(*c, a); err != nil {
			return err
		}
		if err := mayEnforce(tx, *c, domains); err != nil {
			return err
		}
		return s.beginSessions(ctx, tx, actor, tenantID, *c, a)
	})
}

// Suspend stops sign-in at an active connection, where nobody loses the last way in (R50). Its directory goes on, so that
// people can still lose access. Where people would lose it, or the host does not tell, nothing is changed and the error has
// the code confirmation_required: show the plan of an [Ending] of this connection with [Service.PlanEnding] and apply that;
// in an emergency, apply it Unplanned. To see that nobody does, it reads every account of the tenant, in pages.
func (s *Service) Suspend(ctx context.Context, actor Actor, tenantID, id string, version int64, reason string) (Connection, error) {
	if err := s.allow(ctx, actor, ActionSuspend, tenantID); err != nil {
		return Connection{}, err
	}
	if err := s.locksOutNobody(ctx, tenantID, Ending{Kind: EndingSuspend, ConnectionID: id}); err != nil {
		return Connection{}, err
	}
	return s.step(ctx, actor, tenantID, id, version, StepSuspend, "connection.suspended", shown(reason), nil)
}

// Delete ends a connection that is not in force: its secret, domains and linked
// identities are removed, its directory is switched off, and its ID stays taken. Of one that was in force it is refused like
// [Service.Suspend] where people lose the last way in for good.
func (s *Service) Delete(ctx context.Context, actor Actor, tenantID, id string, version int64) error {
	if err := s.allow(ctx, actor, ActionDeleteConnection, tenantID); err != nil {
		return err
	}
	if err := s.locksOutNobody(ctx, tenantID, Ending{Kind: EndingRemove, ConnectionID: id}); err != nil {
		return err
	}
	_, err := s.delete(ctx, actor, tenantID, id, version, "")
	return err
}

func (s *Service) delete(ctx context.Context, actor Actor, tenantID, id string, version int64, reason string) (Connection, error) {
	return s.step(ctx, actor, tenantID, id, version, StepDelete, "connection.deleted", reason, func(tx store.Store, c *store.Connection, domains []store.Domain) error {
		clearSecret(c)
		c.Enforced, c.BreakGlass, c.TestedEmail, c.Metadata = false, nil, "", nil
		if err := s.setDomains(ctx, tx, actor, tenantID, id, domains, nil); err != nil {
			return err
		}
		if err := s.removeLinks(ctx, tx, actor, tenantID, *c); err != nil {
			return err
		}
		if change, err := changeOf(ctx, tx, tenantID, id); err != nil {
			return err
		} else if change.ID != "" {
			if err := s.endChange(ctx, tx, actor, tenantID, change, "connection.deleted"); err != nil {
				return err
			}
		}
		return s.closeDirectory(ctx, tx, actor, tenantID, id)
	})
}
