package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	endingPage  = 50 // people in a transaction
	endingLease = 2 * time.Minute
	endingName  = "tenant.ending"
	endingTries = 10 // against whoever writes at the same time
)

// EndingProgress is how far an ending has come.
type EndingProgress struct {
	// Done says that nothing is left to do.
	Done bool
	// Removed counts the records that are gone, by kind, Offered the people to whom another way in was offered.
	Removed map[store.RecordKind]int
	Offered int
	// People are those whose sessions this page ends, for an activation that ends sessions.
	People int
}

// ContinueEnding does the next page of what [Service.ApplyEnding] began, of one connection too, or of the sessions that an activation ends
// (Activation.EndSessions): one transaction. Call it until Done. All that it
// needs is in the store, so that another replica goes on after a crash, with the page that was not committed; several that
// work on one tenant hinder each other and do no harm. It asks no authorizer: the ending was allowed.
//
// A removal goes in this order, each page only when nothing of what is before it is left: accounts with their links, grants
// and provisioned users; links of accounts without a record; users, groups, grants and every other kind of record; and in
// the last transaction API keys, directories, domains and connections, which are then free. Until that one, directories
// still take access away: whoever was deactivated there is let go only with his access ended (Release.EndAccess), or, without
// Config.Releaser, when that has happened; the error until then has the code deprovisioning_pending.
//
// What remains, for the audit: the tenant's journal with the event "tenant.removed", how far its readers got and their leases, and the
// [store.Lifecycle]. See [Service.ForgetRemoved].
func (s *Service) ContinueEnding(ctx context.Context, tenantID string) (EndingProgress, error) {
	for try := 1; ; try++ {
		p, err := s.continueEnding(ctx, tenantID)
		if err == nil || !errors.Is(err, store.ErrStale) || try == endingTries {
			return p, err
		}
	}
}

func (s *Service) continueEnding(ctx context.Context, tenantID string) (EndingProgress, error) {
	l, err := s.lifecycle(ctx, s.store, tenantID)
	if err != nil {
		return EndingProgress{}, err
	}
	work, err := readWork(l)
	if err != nil {
		return EndingProgress{}, err
	}
	if l.State == store.ServiceOn && len(work.Sessions) > 0 {
		step := &endingStep{s: s, tenantID: tenantID, before: l, work: work}
		err = step.sessions(ctx)
		return EndingProgress{Done: step.done, People: step.people}, err
	}
	if !work.left(l.State) {
		return EndingProgress{Done: true, Removed: work.Removed, Offered: work.Offered}, nil
	}
	if work.Removed == nil {
		work.Removed = map[store.RecordKind]int{}
	}
	step := &endingStep{s: s, tenantID: tenantID, before: l, work: work}
	switch {
	case l.State == store.ServiceRemoving:
		err = step.remove(ctx)
	case work.Ending.Offer != OfferNothing:
		err = step.offers(ctx)
	default:
		err = step.connectionOffers(ctx)
	}
	return EndingProgress{Done: step.done, Removed: step.work.Removed, Offered: step.work.Offered}, err
}

// endingStep is one page of an ending.
type endingStep struct {
	s        *Service
	tenantID string
	before   store.Lifecycle
	work     endingWork
	people   int
	done     bool
}

// tx runs fn in a transaction that records the progress with it. Of two replicas that do the same page one commits.
func (x *endingStep) tx(ctx context.Context, fn func(tx store.Store, work *endingWork) (what string, err error)) error {
	done := x.work
	err := x.s.store.InTx(ctx, func(tx store.Store) error {
		work := x.work
		work.Removed = map[store.RecordKind]int{}
		for kind, n := range x.work.Removed {
			work.Removed[kind] = n
		}
		what, err := fn(tx, &work)
		if err != nil {
			return err
		}
		after := x.before
		switch what {
		case "tenant.removed":
			after.State, after.StateSince = store.ServiceRemoved, x.s.time()
		case "tenant.offers_made":
			work.Ending.Offer = OfferNothing
		}
		if after.Work = nil; after.State != store.ServiceOn || work.left(after.State) {
			if after.Work, err = work.encode(); err != nil {
				return err
			}
		}
		after.Version, after.UpdatedAt = x.before.Version, x.s.time()
		var events []store.Event
		if what != "" {
			e, err := x.s.event(x.actor(), change{kind: kindTenant, id: x.tenantID, what: what, after: map[string]any{"removed": work.Removed, "offered": work.Offered}})
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		_, err = tx.PutLifecycle(ctx, x.tenantID, after, events...)
		done = work
		return written("writing the progress of an ending", err)
	})
	if err == nil {
		x.work = done
	}
	return err
}

// actor is who began the ending.
func (x *endingStep) actor() Actor {
	return actorOf(x.work.Actor)
}

// offers makes one page of the offers of a suspension: to accounts in the order of their IDs, then to people who are known
// by their links alone.
func (x *endingStep) offers(ctx context.Context) error {
	snap, err := x.s.endingSnapshot(ctx, x.s.store, x.tenantID, x.work.Ending)
	if err != nil {
		return err
	}
	accounts, next, err := x.offerPage(ctx)
	if err != nil {
		return err
	}
	page, err := x.s.personFacts(ctx, x.s.store, x.tenantID, accounts)
	if err != nil {
		return err
	}
	last := next.After == "" && next.Links
	err = x.tx(ctx, func(tx store.Store, work *endingWork) (string, error) {
		for _, p := range page {
			if x.before.State == store.ServiceOn && snap.wayInAgain(p) { // resumed meanwhile
				continue
			}
			if err := x.offer(ctx, tx, snap, p, work); err != nil {
				return "", err
			}
		}
		work.After, work.Links = next.After, next.Links
		if last {
			return "tenant.offers_made", nil
		}
		return "", nil
	})
	x.done = err == nil && last && !x.work.left(x.before.State)
	return err
}

// offerPage reads the accounts of a page, and where the next one begins: Links without After says that there is none.
func (x *endingStep) offerPage(ctx context.Context) (accounts []store.Account, next endingWork, err error) {
	q := store.Query{After: x.work.After, Limit: endingPage}
	if !x.work.Links {
		page, err := x.s.store.Accounts(ctx, x.tenantID, q)
		if err != nil {
			return nil, next, fmt.Errorf("tenant: reading accounts: %w", err)
		}
		if page.More {
			return page.Items, endingWork{After: page.Next}, nil
		}
		x.work.After, q.After, accounts = "", "", page.Items
	}
	links, err := x.s.store.Identities(ctx, x.tenantID, q)
	if err != nil {
		return nil, next, fmt.Errorf("tenant: reading linked identities: %w", err)
	}
	for _, link := range links.Items {
		first, err := firstLinkWithoutRecord(ctx, x.s.store, x.tenantID, link)
		if err != nil {
			return nil, next, err
		}
		if first {
			accounts = append(accounts, accountOfLink(link))
		}
	}
	next.Links = true
	if links.More {
		next.After = links.Next
	}
	return accounts, next, nil
}

// offer offers a person another way in, if the ending takes the last one.
func (x *endingStep) offer(ctx context.Context, tx store.Store, snap endingSnapshot, p endingPerson, work *endingWork) error {
	e := effectOn(snap, x.work.Ending, p)
	if e.Offered == OfferNothing || p.host == nil {
		return nil
	}
	if x.s.cfg.People == nil {
		return errors.New("tenant: Config.People is required to go on with this ending: it makes the offers")
	}
	if err := x.s.cfg.People.OfferWayIn(ctx, tx, x.tenantID, *p.host, e.Offered); err != nil {
		return fmt.Errorf("tenant: offering %s another way in: %w", p.account.ID, err)
	}
	work.Offered++
	return nil
}

// RunEndings goes on with every ending that has work left, and with the sessions that activations end, of all tenants, until
// it is done, and returns how many tenants it finished. The host schedules it, about every minute, on any replica: a lease keeps others off a tenant that one works on.
// The error joins those of the tenants that failed, of which a hundred are told; the others were done.
func (s *Service) RunEndings(ctx context.Context) (int, error) {
	holder, n := store.NewID(s.now()), 0
	var failed []error
	for _, state := range []store.ServiceState{store.ServiceRemoving, store.ServiceSuspended, store.ServiceOn} {
		for after := ""; ; {
			tenants, err := s.store.TenantsInState(ctx, state, after, endingPage)
			if err != nil {
				return n, errors.Join(append(failed, wrapped("reading tenants", err))...)
			}
			for _, id := range tenants {
				finished, err := s.runEnding(ctx, id, holder)
				if ctx.Err() != nil {
					return n, errors.Join(append(failed, ctx.Err())...)
				}
				if err != nil && len(failed) < maxErrors {
					failed = append(failed, fmt.Errorf("ending of %s: %w", id, err))
				}
				if finished {
					n++
				}
			}
			if len(tenants) < endingPage {
				break
			}
			after = tenants[len(tenants)-1]
		}
	}
	return n, errors.Join(failed...)
}

// runEnding does the pages of one tenant. finished says that the last one was among them.
func (s *Service) runEnding(ctx context.Context, tenantID, holder string) (finished bool, err error) {
	l, err := s.lifecycle(ctx, s.store, tenantID)
	if err != nil {
		return false, err
	}
	if w, err := readWork(l); err != nil || !w.left(l.State) {
		return false, err
	}
	for {
		now := s.now()
		_, err := s.store.AcquireLease(ctx, tenantID, endingName, holder, now, now.Add(endingLease))
		if errors.Is(err, store.ErrConflict) {
			return false, nil // another replica is at it
		}
		if err != nil {
			return false, wrapped("taking the lease of an ending", err)
		}
		var p EndingProgress
		err = guarded(func() (err error) { // a host's panic is this tenant's failure
			p, err = s.ContinueEnding(ctx, tenantID)
			return err
		})
		if p.Done || err != nil {
			return p.Done, errors.Join(err, s.store.ReleaseLease(ctx, tenantID, endingName, holder))
		}
	}
}
