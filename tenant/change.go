package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// ChangePolicy says how the reviewed settings of a connection in force are changed (R49, D4): authority, client, domains,
// break-glass addresses, scopes and who gets an account. A client secret and its expiry are always the owner's own to
// replace, see [Service.ReplaceSecret].
type ChangePolicy string

// The policies.
const (
	// ChangeReviewed has owners begin a change, and it is reviewed like the first request. It is the default.
	ChangeReviewed ChangePolicy = ""
	// ChangeLocked leaves it to the host's staff to begin one.
	ChangeLocked ChangePolicy = "locked"
	// ChangeByOwner approves an owner's change as soon as it passes the checks; Config.Reviewer is not asked. New domains
	// must still be proven, and a test sign-in must succeed.
	ChangeByOwner ChangePolicy = "owner"
)

// StartChange begins a change of a connection that is active or suspended, and returns it: a connection of its own, with
// ChangeOf set, that holds the same settings and goes through [Service.SaveDraft], [Service.Submit], the review and a
// test sign-in like any request, while the one in force goes on unchanged. [Service.ApplyChange] puts it in force. A
// change that was begun already is returned as it is, so that there is one at a time.
//
// A change holds no client secret before a new one is entered: at the same client of the same provider, the one in force
// serves for the test too. SCIM is no part of it.
func (s *Service) StartChange(ctx context.Context, actor Actor, tenantID, connectionID string) (Connection, error) {
	if err := s.mayChange(ctx, actor, tenantID); err != nil {
		return Connection{}, err
	}
	if err := s.needSSO(ctx, tenantID); err != nil {
		return Connection{}, err
	}
	var out Connection
	err := s.changeInService(ctx, tenantID, func(tx store.Store) error {
		base, domains, err := s.inForce(ctx, tx, tenantID, connectionID)
		if err != nil {
			return err
		}
		if open, err := changeOf(ctx, tx, tenantID, base.ID); err != nil || open.ID != "" {
			if err == nil {
				out, err = s.view(ctx, tx, tenantID, open.ID)
			}
			return err
		}
		now := s.time()
		c := store.Connection{
			Meta:  store.Meta{ID: store.NewID(now), TenantID: tenantID, CreatedAt: now, UpdatedAt: now},
			State: store.ConnectionDraft, ChangeOf: base.ID, ChangeBase: fingerprint(settingsOf(base, domains)),
			Name: base.Name, Provider: base.Provider, Authority: base.Authority, Issuer: base.Issuer, SharedIssuer: base.SharedIssuer,
			ClientID: base.ClientID, ClientAuth: base.ClientAuth, SigningAlg: base.SigningAlg, Metadata: base.Metadata,
			AdditionalScopes: base.AdditionalScopes, BreakGlass: base.BreakGlass,
			JustInTime: base.JustInTime, JustInTimeAnyDomain: base.JustInTimeAnyDomain,
			EmailVerifiedString: base.EmailVerifiedString, EmailFallback: base.EmailFallback,
			SecretExpiresAt: base.SecretExpiresAt, SCIM: base.SCIM, ConfigVersion: 1,
		}
		if err := s.createConnection(ctx, tx, actor, tenantID, c); err != nil {
			return err
		}
		if err := s.setDomains(ctx, tx, actor, tenantID, c.ID, nil, domainNames(domains)); err != nil {
			return err
		}
		out, err = s.view(ctx, tx, tenantID, c.ID)
		return err
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}

// mayChange asks whether the actor may begin a change.
func (s *Service) mayChange(ctx context.Context, actor Actor, tenantID string) error {
	if s.cfg.Changes != ChangeLocked {
		return s.allowOrStaff(ctx, actor, tenantID, ActionEditConnection)
	}
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionViewConnection); err != nil {
		return err
	}
	err := s.can(ctx, actor, ActionReview, tenantID)
	if errors.Is(err, ErrForbidden) {
		return conflict(ErrorCodeChangeNeedsReview, "These settings are in force. Ask our team to change them.")
	}
	return err
}

// inForce loads a connection that a change can be about.
func (s *Service) inForce(ctx context.Context, st store.Store, tenantID, id string) (store.Connection, []store.Domain, error) {
	base, domains, err := s.load(ctx, st, tenantID, id)
	if err == nil && base.State != store.ConnectionActive && base.State != store.ConnectionSuspended {
		err = conflict(ErrorCodeState, "The connection is %s. Only settings in force need a change; edit the request itself.", base.State)
	}
	return base, domains, err
}

// changeOf returns the change of a connection that has not ended; one without an ID if there is none.
func changeOf(ctx context.Context, st store.Store, tenantID, connectionID string) (store.Connection, error) {
	all, err := st.Connections(ctx, tenantID)
	if err != nil {
		return store.Connection{}, fmt.Errorf("tenant: reading connections: %w", err)
	}
	i := slices.IndexFunc(all, func(c store.Connection) bool {
		return c.ChangeOf == connectionID && c.State != store.ConnectionDeleted
	})
	if i < 0 {
		return store.Connection{}, nil
	}
	return all[i], nil
}

// rebase makes a change that is being edited one of the settings that are in force now.
func (s *Service) rebase(ctx context.Context, tx store.Store, tenantID string, c *store.Connection) error {
	if c.ChangeOf == "" {
		return nil
	}
	base, domains, err := s.inForce(ctx, tx, tenantID, c.ChangeOf)
	if err != nil {
		return err
	}
	c.ChangeBase, c.SCIM = fingerprint(settingsOf(base, domains)), base.SCIM
	return nil
}

// current refuses a change of settings that are not in force any more: what a reviewer saw as the difference would not be
// what happens.
func (s *Service) current(ctx context.Context, st store.Store, tenantID string, c store.Connection) error {
	if c.ChangeOf == "" {
		return nil
	}
	base, domains, err := s.inForce(ctx, st, tenantID, c.ChangeOf)
	if err != nil {
		return err
	}
	if c.ChangeBase != fingerprint(settingsOf(base, domains)) {
		return conflict(ErrorCodeChangeOutdated, "The connection itself has changed since this change was made. Withdraw it, look at the difference, and save it again.")
	}
	return nil
}

// secretHolder returns the record whose client secret a connection uses: for a change without a secret of its own that of
// the connection in force, as long as it goes to the same client of the same provider.
func (s *Service) secretHolder(ctx context.Context, st store.Store, tenantID string, c store.Connection) (store.Connection, error) {
	if c.ChangeOf == "" || len(c.SealedSecret) > 0 {
		return c, nil
	}
	base, err := st.Connection(ctx, tenantID, c.ChangeOf)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return c, nil
	case err != nil:
		return store.Connection{}, fmt.Errorf("tenant: reading the connection: %w", err)
	case hostOf(base.Authority) != hostOf(c.Authority) || base.ClientID != c.ClientID:
		return c, nil
	}
	base.TenantID = tenantID
	return base, nil
}

// ApplyChange puts an approved change in force: the connection that it is about takes over all its settings, and keeps its
// ID, state, enforcement, directory and, at the same client of the same provider, the linked identities; otherwise those
// are removed and sessions end, as package oidc's Revoker does. The change itself is gone then. It returns the connection
// in force.
//
// It needs what [Service.Activate] needs: proven domains, a test sign-in with the change's settings, a provider that passes
// the checks now and, where the connection is enforced, what [Service.Enforcement] reports for them; confirmed is
// Activation.Confirm. Settings in force that changed since the change was made give change_outdated.
func (s *Service) ApplyChange(ctx context.Context, actor Actor, tenantID, id string, version int64, confirmed bool) (Connection, error) {
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
	if _, err := nextOf(c, StepApply); err != nil {
		return Connection{}, err
	}
	if err := s.current(ctx, s.store, tenantID, c); err != nil {
		return Connection{}, err
	}
	base, _, err := s.inForce(ctx, s.store, tenantID, c.ChangeOf)
	if err != nil {
		return Connection{}, err
	}
	a := Activation{Enforced: base.Enforced, Confirm: confirmed}
	checked, err := s.checkedToActivate(ctx, tenantID, c, domains, a)
	if err != nil {
		return Connection{}, err
	}
	mayEnforce, err := s.mayEnforce(ctx, actor, tenantID, c, a)
	if err != nil {
		return Connection{}, err
	}
	var out Connection
	err = s.changeInService(ctx, tenantID, func(tx store.Store) error {
		c, domains, err := s.loadAt(ctx, tx, tenantID, id, version)
		if err != nil {
			return err
		}
		if err := s.current(ctx, tx, tenantID, c); err != nil {
			return err
		}
		base, _, err := s.inForce(ctx, tx, tenantID, c.ChangeOf)
		if err != nil {
			return err
		}
		if a.Enforced != base.Enforced {
			return stale()
		}
		if err := mayEnforce(tx, checked, domains); err != nil {
			return err
		}
		if err := s.ready(checked, domains, a); err != nil {
			return err
		}
		if err := s.apply(ctx, tx, actor, tenantID, base, checked, domains); err != nil {
			return err
		}
		if err := s.endChange(ctx, tx, actor, tenantID, c, "connection.change_applied"); err != nil {
			return err
		}
		out, err = s.view(ctx, tx, tenantID, base.ID)
		return err
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}

// apply writes a change's settings into the connection in force.
func (s *Service) apply(ctx context.Context, tx store.Store, actor Actor, tenantID string, base, c store.Connection, domains []store.Domain) error {
	after := base
	after.Name, after.Provider, after.Authority, after.ClientID = c.Name, c.Provider, c.Authority, c.ClientID
	after.Issuer, after.SharedIssuer, after.SigningAlg, after.ClientAuth = c.Issuer, c.SharedIssuer, c.SigningAlg, c.ClientAuth
	after.AdditionalScopes, after.BreakGlass = c.AdditionalScopes, c.BreakGlass
	after.JustInTime, after.JustInTimeAnyDomain = c.JustInTime, c.JustInTimeAnyDomain
	after.EmailVerifiedString, after.EmailFallback = c.EmailVerifiedString, c.EmailFallback
	after.Metadata, after.DriftSince, after.DriftCode = c.Metadata, time.Time{}, ""
	after.Checks, after.CheckedAt, after.Approved = c.Checks, c.CheckedAt, c.Approved
	after.SubmittedAt, after.DecidedAt = c.SubmittedAt, c.DecidedAt
	if err := s.applySecret(tenantID, &after, base, c); err != nil {
		return err
	}
	if signInChanged(base, after) {
		after.ConfigVersion++
		after.FailingSince, after.FailingCode = time.Time{}, ""
	}
	if c.TestedVersion == c.ConfigVersion {
		after.TestedVersion, after.TestedAt, after.TestedEmail = after.ConfigVersion, c.TestedAt, c.TestedEmail
	}
	if _, err := s.save(ctx, tx, actor, tenantID, base, after, "connection.changed", ""); err != nil {
		return err
	}
	have, err := tx.Domains(ctx, tenantID)
	if err != nil {
		return fmt.Errorf("tenant: reading domains: %w", err)
	}
	return s.setDomains(ctx, tx, actor, tenantID, base.ID, domainsOf(have, base.ID), domainNames(domains))
}

// applySecret takes a change's own client secret over, or keeps the one in force where it is for the same client.
func (s *Service) applySecret(tenantID string, after *store.Connection, base, c store.Connection) error {
	switch {
	case len(c.SealedSecret) > 0:
		plain, err := s.keys.Open(c.SealedSecret, FieldAAD(tenantID, c.ID, secretField))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrSecretUnreadable, err)
		}
		if err := s.putSecret(tenantID, after, NewSecret(string(plain)), c.SecretSetAt); err != nil {
			return err
		}
		after.SecretExpiresAt = c.SecretExpiresAt
	case hostOf(base.Authority) != hostOf(c.Authority) || base.ClientID != c.ClientID:
		clearSecret(after)
	}
	return nil
}

// endChange removes a change together with what it claimed.
func (s *Service) endChange(ctx context.Context, tx store.Store, actor Actor, tenantID string, c store.Connection, what string) error {
	after := c
	after.State = store.ConnectionDeleted
	clearSecret(&after)
	after.BreakGlass, after.TestedEmail, after.Metadata = nil, "", nil
	if _, err := s.save(ctx, tx, actor, tenantID, c, after, what, ""); err != nil {
		return err
	}
	all, err := tx.Domains(ctx, tenantID)
	if err != nil {
		return fmt.Errorf("tenant: reading domains: %w", err)
	}
	return s.setDomains(ctx, tx, actor, tenantID, c.ID, domainsOf(all, c.ID), nil)
}
