package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// kindDomain is the subject of a domain's events.
const kindDomain = "domain"

// setDomains makes the connection's domains those that are wanted: it claims new names
// and gives up others. Names that stay keep their token and their proof.
func (s *Service) setDomains(ctx context.Context, tx store.Store, actor Actor, tenantID, connectionID string, have []store.Domain, want []string) error {
	for _, d := range have {
		if !slices.Contains(want, d.Name) {
			if err := s.leaveDomain(ctx, tx, actor, tenantID, connectionID, d); err != nil {
				return err
			}
		}
	}
	names := domainNames(have)
	for _, name := range want {
		if !slices.Contains(names, name) {
			if err := s.joinDomain(ctx, tx, actor, tenantID, connectionID, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// claimDomain adds a name that is yet to be proven.
func (s *Service) claimDomain(ctx context.Context, tx store.Store, actor Actor, tenantID, connectionID, name string) error {
	token, err := newChallengeToken()
	if err != nil {
		return err
	}
	now := s.time()
	d := store.Domain{
		Meta:         store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now},
		ConnectionID: connectionID, Name: name, State: store.DomainPending, Token: token,
		SoughtSince: now, CheckAt: store.Time(now.Add(firstCheck)),
	}
	e, err := s.event(actor, change{kind: kindDomain, id: d.ID, name: name, what: "domain.added", after: d})
	if err != nil {
		return err
	}
	_, err = tx.CreateDomain(ctx, tenantID, d, e)
	if errors.Is(err, store.ErrConflict) { // pending names only conflict within the tenant
		return stale() // another of its connections has just claimed it
	}
	return written("adding the domain", err)
}

func (s *Service) deleteDomain(ctx context.Context, tx store.Store, actor Actor, tenantID string, d store.Domain) error {
	e, err := s.event(actor, change{kind: kindDomain, id: d.ID, name: d.Name, what: "domain.removed", before: d})
	if err != nil {
		return err
	}
	s.routes.changing(tenantID, d.Name)
	if err := written("removing the domain", tx.DeleteDomain(ctx, tenantID, d.ID, d.Version, e)); err != nil {
		return err
	}
	return s.domainGone(ctx, tx, actor, tenantID, d, false, d.Connections()...)
}

// knows says whether a version that somebody read has all that he may have wanted to know: the
// checks of the background write too, and must not make every page stale.
func knows(d store.Domain, version int64) bool { return version >= d.Edited && version <= d.Version }

// requestEditor tells in which states of a connection the actor may change what was
// reviewed: owners while the request is theirs to edit, staff in any state (D4). The
// authorizer is asked before the transaction, which may hold what it needs to read.
func (s *Service) requestEditor(ctx context.Context, actor Actor, action Action, tenantID string) (func(store.Connection) error, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, action); err != nil {
		return nil, err
	}
	err := s.can(ctx, actor, ActionReview, tenantID)
	if err != nil && !errors.Is(err, ErrForbidden) {
		return nil, err
	}
	staff := err == nil
	return func(c store.Connection) error {
		if staff {
			return nil
		}
		_, err := next(c.State, StepSave)
		return err
	}, nil
}

// AddDomains claims more domains for a connection. While a request is under review,
// and once the connection is active, only staff may (D4). A new domain signs nobody
// in before it is proven. A name that another tenant has proven is refused; staff who
// verify domains can claim it, so that it can be transferred ([Service.PlanTransfer]).
func (s *Service) AddDomains(ctx context.Context, actor Actor, tenantID, connectionID string, domains ...string) (Connection, error) {
	mayEdit, err := s.requestEditor(ctx, actor, ActionManageDomains, tenantID)
	if err != nil {
		return Connection{}, err
	}
	if err := s.needSSO(ctx, tenantID); err != nil {
		return Connection{}, err
	}
	names, findings := ParseDomains(domains...)
	if len(names)+len(findings) == 0 {
		findings = append(findings, errorFinding(FieldDomains, CodeRequired, "Give at least one domain, such as acme.com."))
	}
	if err := s.can(ctx, actor, ActionVerifyDomain, tenantID); err != nil {
		if !errors.Is(err, ErrForbidden) {
			return Connection{}, err
		}
		taken, err := s.takenDomains(ctx, tenantID, names)
		if err != nil {
			return Connection{}, err
		}
		findings = append(findings, taken...)
	}
	if err := refuse(findings); err != nil {
		return Connection{}, err
	}
	var out Connection
	err = s.changeInService(ctx, tenantID, func(tx store.Store) error {
		c, have, err := s.load(ctx, tx, tenantID, connectionID)
		if err != nil {
			return err
		}
		if err := mayEdit(c); err != nil {
			return err
		}
		want := domainNames(have)
		for _, name := range names {
			if !slices.Contains(want, name) {
				want = append(want, name)
			}
		}
		if len(want) > MaxDomains {
			return &ValidationError{Findings: []Finding{errorFinding(FieldDomains, CodeTooMany, "At most %d domains can be associated.", MaxDomains)}}
		}
		if err := s.setDomains(ctx, tx, actor, tenantID, connectionID, have, want); err != nil {
			return err
		}
		out, err = s.view(ctx, tx, tenantID, connectionID)
		return err
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}

// RemoveDomain gives up a domain for all connections that it has, each under the same
// rule as [Service.AddDomains]. The last proven domain of an active connection stays:
// suspend the connection instead.
func (s *Service) RemoveDomain(ctx context.Context, actor Actor, tenantID, domainID string, version int64) error {
	mayEdit, err := s.requestEditor(ctx, actor, ActionManageDomains, tenantID)
	if err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx store.Store) error {
		d, err := tx.Domain(ctx, tenantID, domainID)
		if err != nil {
			return fmt.Errorf("tenant: reading the domain: %w", err)
		}
		if !knows(d, version) {
			return stale()
		}
		for _, id := range d.Connections() {
			if err := s.mayLose(ctx, tx, tenantID, id, d, mayEdit); err != nil {
				return err
			}
		}
		return s.deleteDomain(ctx, tx, actor, tenantID, d)
	})
}

// SetSubdomains chooses whether addresses in a domain's sub-domains sign in at the
// connection too (D5), under the same rule as [Service.AddDomains].
func (s *Service) SetSubdomains(ctx context.Context, actor Actor, tenantID, domainID string, version int64, subdomains bool) (store.Domain, error) {
	mayEdit, err := s.requestEditor(ctx, actor, ActionManageDomains, tenantID)
	if err != nil {
		return store.Domain{}, err
	}
	if subdomains {
		if err := s.needSSO(ctx, tenantID); err != nil {
			return store.Domain{}, err
		}
	}
	return s.editDomain(ctx, actor, tenantID, domainID, version, func(tx store.Store, d *store.Domain) (string, error) {
		if subdomains {
			if err := s.holdInService(ctx, tx, tenantID); err != nil {
				return "", err
			}
		}
		for _, id := range d.Connections() {
			c, _, err := s.load(ctx, tx, tenantID, id)
			if err != nil {
				return "", err
			}
			if err := mayEdit(c); err != nil {
				return "", err
			}
		}
		d.Subdomains = subdomains
		return "domain.changed", nil
	})
}

// VerifyDomain declares a domain proven, on the word of the host's staff.
func (s *Service) VerifyDomain(ctx context.Context, actor Actor, tenantID, domainID string, version int64) (store.Domain, error) {
	if err := s.allow(ctx, actor, ActionVerifyDomain, tenantID); err != nil {
		return store.Domain{}, err
	}
	return s.editDomain(ctx, actor, tenantID, domainID, version, func(_ store.Store, d *store.Domain) (string, error) {
		if d.State == store.DomainVerified {
			return "", conflict(ErrorCodeState, "%s is proven already.", d.Name)
		}
		s.proven(d, MethodStaff)
		d.Finding = nil
		return "domain.verified", nil
	})
}

// editDomain changes a domain in one transaction with its event.
func (s *Service) editDomain(ctx context.Context, actor Actor, tenantID, domainID string, version int64, edit func(store.Store, *store.Domain) (string, error)) (store.Domain, error) {
	var out store.Domain
	err := s.store.InTx(ctx, func(tx store.Store) error {
		before, err := tx.Domain(ctx, tenantID, domainID)
		if err != nil {
			return fmt.Errorf("tenant: reading the domain: %w", err)
		}
		if !knows(before, version) {
			return stale()
		}
		after := before
		what, err := edit(tx, &after)
		if err != nil {
			return err
		}
		if out, err = s.saveDomain(ctx, tx, actor, tenantID, before, after, what); err != nil {
			return err
		}
		left := slices.DeleteFunc(before.Connections(), after.ServedBy)
		return s.domainGone(ctx, tx, actor, tenantID, before, false, left...)
	})
	if err != nil {
		return store.Domain{}, err
	}
	return out, nil
}

// saveDomain writes a domain with its event. The store decides who is first to prove
// a name.
func (s *Service) saveDomain(ctx context.Context, tx store.Store, actor Actor, tenantID string, before, after store.Domain, what string) (store.Domain, error) {
	e, err := s.event(actor, change{kind: kindDomain, id: after.ID, name: after.Name, what: what, before: before, after: after})
	if err != nil {
		return store.Domain{}, err
	}
	after.UpdatedAt = s.time()
	if !foundOnly[what] {
		after.Edited = before.Version + 1
	}
	s.routes.changingDomain(tenantID, before, after)
	after, err = tx.UpdateDomain(ctx, tenantID, after, e)
	if errors.Is(err, store.ErrConflict) {
		return store.Domain{}, conflict(ErrorCodeDomainTaken, "%s", domainTaken(before.Name).Message)
	}
	return after, written("writing the domain", err)
}

// DomainInstructions tells the owner what to publish to prove a domain.
func (s *Service) DomainInstructions(d store.Domain) []DomainInstruction {
	if i, ok := s.cfg.DomainValidator.(DomainInstructor); ok {
		return i.DomainInstructions(DomainClaim{TenantID: d.TenantID, Name: d.Name, Token: d.Token})
	}
	return nil
}

func verified(domains []store.Domain) []store.Domain {
	var out []store.Domain
	for _, d := range domains {
		if d.State == store.DomainVerified {
			out = append(out, d)
		}
	}
	return out
}
