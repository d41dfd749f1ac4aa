package tenant

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// MaxDomainConnections is how many connections can serve one domain.
const MaxDomainConnections = 20

// joinDomain makes a connection serve a domain: it claims the name, or joins another of
// the tenant's connections that has it, as a further choice. Nobody signs in at it before
// it is active.
func (s *Service) joinDomain(ctx context.Context, tx store.Store, actor Actor, tenantID, connectionID, name string) error {
	all, err := tx.Domains(ctx, tenantID)
	if err != nil {
		return fmt.Errorf("tenant: reading domains: %w", err)
	}
	i := slices.IndexFunc(all, func(d store.Domain) bool { return d.Name == name })
	if i < 0 {
		return s.claimDomain(ctx, tx, actor, tenantID, connectionID, name)
	}
	after := all[i]
	if len(after.Connections()) >= MaxDomainConnections {
		return &ValidationError{Findings: []Finding{tooManyConnections(name)}}
	}
	setConnections(&after, append(after.Connections(), connectionID))
	_, err = s.saveDomain(ctx, tx, actor, tenantID, all[i], after, "domain.connections_changed")
	return err
}

// leaveDomain ends that a connection serves a domain. The domain goes with the last one.
func (s *Service) leaveDomain(ctx context.Context, tx store.Store, actor Actor, tenantID, connectionID string, d store.Domain) error {
	left := slices.DeleteFunc(d.Connections(), func(id string) bool { return id == connectionID })
	if len(left) == 0 {
		return s.deleteDomain(ctx, tx, actor, tenantID, d)
	}
	after := d
	setConnections(&after, left)
	if _, err := s.saveDomain(ctx, tx, actor, tenantID, d, after, "domain.connections_changed"); err != nil {
		return err
	}
	return s.domainGone(ctx, tx, actor, tenantID, d, false, connectionID)
}

func setConnections(d *store.Domain, ids []string) {
	d.ConnectionID, d.OtherConnections = ids[0], nil
	if len(ids) > 1 {
		d.OtherConnections = slices.Clone(ids[1:])
	}
}

func tooManyConnections(name string) Finding {
	return errorFinding(FieldDomains, CodeTooMany, "At most %d connections can serve %s.", MaxDomainConnections, name)
}

// SetDomainConnections chooses which of the tenant's connections serve a domain (R78),
// the first choice first: the order in which a login page offers them. At least one is
// needed, at most [MaxDomainConnections].
//
// Anybody who manages domains may change the order; for a connection that joins or leaves
// the rule of [Service.AddDomains] counts, and an active connection keeps its last proven
// domain.
func (s *Service) SetDomainConnections(ctx context.Context, actor Actor, tenantID, domainID string, version int64, connectionIDs ...string) (store.Domain, error) {
	mayEdit, err := s.requestEditor(ctx, actor, ActionManageDomains, tenantID)
	if err != nil {
		return store.Domain{}, err
	}
	if err := s.needSSO(ctx, tenantID); err != nil {
		return store.Domain{}, err
	}
	if len(connectionIDs) == 0 {
		return store.Domain{}, &ValidationError{Findings: []Finding{errorFinding(FieldDomains, CodeRequired, "Choose at least one connection, or remove the domain.")}}
	}
	return s.editDomain(ctx, actor, tenantID, domainID, version, func(tx store.Store, d *store.Domain) (string, error) {
		if err := s.holdInService(ctx, tx, tenantID); err != nil {
			return "", err
		}
		have := d.Connections()
		var want []string
		for _, id := range connectionIDs {
			if slices.Contains(want, id) {
				continue
			}
			c, _, err := s.load(ctx, tx, tenantID, id)
			if err != nil {
				return "", err
			}
			if !slices.Contains(have, id) {
				if err := mayEdit(c); err != nil {
					return "", err
				}
			}
			want = append(want, id)
		}
		if len(want) > MaxDomainConnections {
			return "", &ValidationError{Findings: []Finding{tooManyConnections(d.Name)}}
		}
		for _, id := range have {
			if !slices.Contains(want, id) {
				if err := s.mayLose(ctx, tx, tenantID, id, *d, mayEdit); err != nil {
					return "", err
				}
			}
		}
		setConnections(d, want)
		return "domain.connections_changed", nil
	})
}

// mayLose refuses to take a domain from a connection that the actor may not edit, or
// that nobody could sign in at without it.
func (s *Service) mayLose(ctx context.Context, tx store.Store, tenantID, connectionID string, d store.Domain, mayEdit func(store.Connection) error) error {
	c, domains, err := s.load(ctx, tx, tenantID, connectionID)
	if err != nil {
		return err
	}
	if err := mayEdit(c); err != nil {
		return err
	}
	if c.State == store.ConnectionActive && d.State == store.DomainVerified && len(verified(domains)) == 1 {
		return conflict(ErrorCodeState, "%s is the last proven domain of an active connection. Suspend the connection instead.", d.Name)
	}
	return nil
}
