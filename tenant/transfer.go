package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// maxAffected is how many people a plan names.
const maxAffected = 100

// Transfer is what it means to give a name from the tenant that holds it to one that proves control of it: for the host's staff.
type Transfer struct {
	// ID stands for all that the plan says; [Service.ApplyTransfer] takes it, and refuses if it is no longer so.
	ID   string
	Name string
	// From holds the name, To gets it.
	From, To ContestSide
	// ToProven says that the tenant that gets the name proves control of it now; without that there is no transfer. FromProven
	// says that the holder's record still stands too. Each finding tells what was looked at.
	ToProven, FromProven   bool
	ToFinding, FromFinding Finding
	// Connections are the holder's that serve the name, and what becomes of each.
	Connections []LosingConnection
	// Affected is how many of the holder's active accounts have an address in the name, and sign in by it no more; People names the
	// first hundred of them. Those that the host has and tenantgate does not know are not among them.
	Affected int
	People   []AffectedPerson
}

// LosingConnection is a connection that a domain is taken from.
type LosingConnection struct {
	ID       string
	Name     string
	State    store.ConnectionState
	Enforced bool
	// LastDomain says that it has no other proven domain: nobody signs in at it then.
	LastDomain bool
	// BreakGlass are its break-glass addresses that don't work any more.
	BreakGlass []string
}

// AffectedPerson is an account that signs in by a domain.
type AffectedPerson struct {
	AccountID string
	Email     string
	Source    store.AccountSource
}

// PlanTransfer tells what it would mean to give the name of a tenant's claimed domain to that tenant. Both proofs are looked for
// now. Nothing is changed. The authorizer is asked for ActionVerifyDomain at both tenants; a name that nobody else holds is an
// error with the code wrong_state: it needs no transfer.
func (s *Service) PlanTransfer(ctx context.Context, actor Actor, tenantID, domainID string) (Transfer, error) {
	t, err := s.transferSides(ctx, actor, tenantID, domainID)
	if err != nil {
		return Transfer{}, err
	}
	return t, s.transferEffects(ctx, s.store, &t)
}

// ApplyTransfer does what a plan of [Service.PlanTransfer] says, in one transaction: the holder's domain counts as proven no longer
// and gets a new token, the other tenant's is proven. The old holder's owners get a notice with the reason, and both journals have
// it; neither tells who the other is. Whoever is signed in stays so.
//
// If anything that the plan says is different by now, the error has the code stale: look at a new plan. If the tenant that gets the
// name does not prove control of it now, it is a [*ValidationError] with what was found.
func (s *Service) ApplyTransfer(ctx context.Context, actor Actor, tenantID, domainID, planID, reason string) (store.Domain, error) {
	reason, err := messageText(reason)
	if err != nil {
		return store.Domain{}, err
	}
	planned, err := s.transferSides(ctx, actor, tenantID, domainID)
	if err != nil {
		return store.Domain{}, err
	}
	if !planned.ToProven {
		f := planned.ToFinding
		f.Severity = SeverityError
		return store.Domain{}, &ValidationError{Findings: []Finding{f}}
	}
	var out store.Domain
	err = s.store.InTx(ctx, func(tx store.Store) error {
		t := planned
		var err error
		if t.From.Domain, err = tx.Domain(ctx, planned.From.Domain.TenantID, planned.From.Domain.ID); err != nil {
			return fmt.Errorf("tenant: reading the domain: %w", err)
		}
		if t.To.Domain, err = tx.Domain(ctx, tenantID, domainID); err != nil {
			return fmt.Errorf("tenant: reading the domain: %w", err)
		}
		if t.From.Domain.Version != planned.From.Domain.Version || t.To.Domain.Version != planned.To.Domain.Version {
			return stale()
		}
		if err := s.transferEffects(ctx, tx, &t); err != nil {
			return err
		}
		if t.ID != planID {
			return stale()
		}
		message := fmt.Sprintf("Our team gave %s to another organisation that has proven control of it: %s", t.Name, reason)
		from := t.From.Domain
		from.TenantID = planned.From.Domain.TenantID
		if _, err := s.withdraw(ctx, tx, actor, from, message, true); err != nil {
			return err
		}
		before := t.To.Domain
		after := before
		s.proven(&after, planned.To.Domain.Method)
		after.CheckedAt = s.time()
		finding := t.ToFinding.result()
		after.Finding = &finding
		out, err = s.saveDomain(ctx, tx, actor, tenantID, before, after, "domain.transferred")
		return err
	})
	if err != nil {
		return store.Domain{}, err
	}
	return out, nil
}

// transferSides finds who holds the name and who is to get it, and looks at both proofs. The method of the new proof is in
// To.Domain.Method.
func (s *Service) transferSides(ctx context.Context, actor Actor, tenantID, domainID string) (Transfer, error) {
	if err := s.allow(ctx, actor, ActionVerifyDomain, tenantID); err != nil {
		return Transfer{}, err
	}
	to, err := s.store.Domain(ctx, tenantID, domainID)
	if err != nil {
		return Transfer{}, fmt.Errorf("tenant: reading the domain: %w", err)
	}
	to.TenantID = tenantID
	from, err := provenDomain(ctx, s.store, to.Name)
	if errors.Is(err, store.ErrNotFound) || err == nil && from.TenantID == tenantID {
		return Transfer{}, conflict(ErrorCodeState, "No other organisation holds %s: it needs no transfer.", to.Name)
	}
	if err != nil {
		return Transfer{}, err
	}
	if err := s.allow(ctx, actor, ActionVerifyDomain, from.TenantID); err != nil {
		return Transfer{}, err
	}
	t := Transfer{Name: to.Name, From: ContestSide{Domain: from}, To: ContestSide{Domain: to}}
	for _, side := range []*ContestSide{&t.From, &t.To} {
		if side.Tenant, err = s.organisation(ctx, side.Domain.TenantID); err != nil {
			return Transfer{}, err
		}
	}
	old, err := s.validate(ctx, from.TenantID, from)
	if err != nil {
		return Transfer{}, fmt.Errorf("tenant: checking the domain: %w", err)
	}
	t.FromProven, t.FromFinding = old.Proven, old.Finding
	proof, err := s.validate(ctx, tenantID, to)
	if err != nil {
		return Transfer{}, fmt.Errorf("tenant: checking the domain: %w", err)
	}
	t.ToProven, t.ToFinding, t.To.Domain.Method = proof.Proven, proof.Finding, proof.Method
	return t, nil
}

// transferEffects finds out what the holder loses, and names the plan.
func (s *Service) transferEffects(ctx context.Context, st store.Store, t *Transfer) error {
	from := t.From.Domain
	tenantID := t.From.Tenant.TenantID()
	t.Connections, t.People, t.Affected = nil, nil, 0
	parts := []string{"transfer", tenantID, from.ID, fmt.Sprint(from.Edited), t.To.Tenant.TenantID(), t.To.Domain.ID, fmt.Sprint(t.To.Domain.Edited), fmt.Sprint(t.FromProven)}
	for _, id := range from.Connections() {
		c, domains, err := s.load(ctx, st, tenantID, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		l := LosingConnection{
			ID: id, Name: c.Name, State: c.State, Enforced: c.Enforced, LastDomain: len(verified(domains)) == 1, BreakGlass: unserved(c, from, domains),
		}
		t.Connections = append(t.Connections, l)
		parts = append(parts, id, string(l.State), fmt.Sprint(l.Enforced, l.LastDomain), strings.Join(l.BreakGlass, ","))
	}
	for after := ""; ; {
		page, err := st.Accounts(ctx, tenantID, store.Query{After: after, Limit: store.MaxLimit, ReadOnly: true})
		if err != nil {
			return fmt.Errorf("tenant: reading accounts: %w", err)
		}
		for _, a := range page.Items {
			host, err := EmailDomain(a.Email)
			if err != nil || !a.Active || host != from.Name && (!from.Subdomains || !inDomain(host, from.Name)) {
				continue
			}
			t.Affected++
			parts = append(parts, a.ID)
			if len(t.People) < maxAffected {
				t.People = append(t.People, AffectedPerson{AccountID: a.ID, Email: a.Email, Source: a.Source})
			}
			if len(parts) > maxAffected { // keep it small, whatever the number of people
				parts = []string{noticeID(parts...)}
			}
		}
		if !page.More {
			break
		}
		after = page.Next
	}
	t.ID = noticeID(parts...)
	return nil
}
