package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Contest is a name that one tenant holds and another proves control of (R31). It is for the host's staff: neither tenant
// learns anything about the other.
type Contest struct {
	Name string
	// Since is when the challenger first proved control.
	Since time.Time
	// Holder has the name proven; Challenger claims it.
	Holder, Challenger ContestSide
}

// ContestSide is one of the two tenants.
type ContestSide struct {
	Tenant Tenant
	Domain store.Domain
}

// ContestPage is a part of the list of contests.
type ContestPage struct {
	// Contests are ordered by the challenger's tenant and domain. Those that were settled meanwhile, and those of
	// organisations that the host no longer has, are left out.
	Contests []Contest
	// More says that others may follow; Next is where to continue.
	More bool
	Next store.Ref
}

// Contests returns the contested names, from the first after the given one (zero: from the start), up to limit (zero, or more
// than store.MaxLimit, means that many). The authorizer is asked for ActionVerifyDomain without a tenant.
func (s *Service) Contests(ctx context.Context, actor Actor, after store.Ref, limit int) (ContestPage, error) {
	if err := s.can(ctx, actor, ActionVerifyDomain, ""); err != nil {
		return ContestPage{}, err
	}
	if limit <= 0 || limit > store.MaxLimit {
		limit = store.MaxLimit
	}
	refs, err := s.store.DomainsContested(ctx, after, limit)
	if err != nil {
		return ContestPage{}, fmt.Errorf("tenant: reading the contested domains: %w", err)
	}
	page := ContestPage{More: len(refs) == limit}
	for _, ref := range refs {
		page.Next = ref
		c, err := s.contest(ctx, ref)
		if errors.Is(err, store.ErrNotFound) {
			continue // settled since
		}
		if err != nil {
			return ContestPage{}, err
		}
		page.Contests = append(page.Contests, c)
	}
	return page, nil
}

// contest reads both sides.
func (s *Service) contest(ctx context.Context, ref store.Ref) (Contest, error) {
	d, err := s.store.Domain(ctx, ref.TenantID, ref.ID)
	if err != nil {
		return Contest{}, fmt.Errorf("tenant: reading the domain: %w", err)
	}
	if d.ContestedAt.IsZero() || d.State == store.DomainVerified {
		return Contest{}, store.ErrNotFound
	}
	held, err := provenDomain(ctx, s.store, d.Name)
	if err != nil {
		return Contest{}, err
	}
	c := Contest{Name: d.Name, Since: d.ContestedAt, Holder: ContestSide{Domain: held}, Challenger: ContestSide{Domain: d}}
	if c.Holder.Tenant, err = s.organisation(ctx, held.TenantID); err != nil {
		return Contest{}, err
	}
	c.Challenger.Tenant, err = s.organisation(ctx, ref.TenantID)
	return c, err
}

// recordContest keeps that a tenant has proven a name which another one holds: for its own page that it is taken, for staff
// that there are two. It is looked at again as seldom as a proven domain, for as long as both stand.
func (s *Service) recordContest(ctx context.Context, actor Actor, tenantID string, seen store.Domain, proof DomainProof) error {
	return s.store.InTx(ctx, func(tx store.Store) error {
		before, err := tx.Domain(ctx, tenantID, seen.ID)
		if err != nil {
			return fmt.Errorf("tenant: reading the domain: %w", err)
		}
		if before.Version != seen.Version {
			return stale()
		}
		now, what := s.time(), ""
		after := before
		result := domainTaken(before.Name).result()
		result.Expected = proof.Finding.Expected
		after.CheckedAt, after.Finding, after.Unwatched = now, &result, false
		after.CheckAt = store.Time(now.Add(jittered(s.cfg.DomainChecks.RecheckEvery)))
		if before.ContestedAt.IsZero() {
			after.ContestedAt, what = now, "domain.contested"
		}
		_, err = s.saveFound(ctx, tx, actor, tenantID, before, after, what)
		return err
	})
}
