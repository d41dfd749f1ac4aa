package tenant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	endingPage  = 50  // people in a transaction
	erasePage   = 200 // records in a transaction
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
}

// ContinueEnding does the next page of what [Service.ApplyEnding] began: one transaction. Call it until Done. All that it
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
	if l.State != store.ServiceRemoving && (l.State != store.ServiceSuspended || work.Ending.Offer == OfferNothing) {
		return EndingProgress{Done: true, Removed: work.Removed, Offered: work.Offered}, nil
	}
	if work.Removed == nil {
		work.Removed = map[store.RecordKind]int{}
	}
	step := &endingStep{s: s, tenantID: tenantID, before: l, work: work}
	if l.State == store.ServiceSuspended {
		err = step.offers(ctx)
	} else {
		err = step.remove(ctx)
	}
	return EndingProgress{Done: step.done, Removed: step.work.Removed, Offered: step.work.Offered}, err
}

// endingStep is one page of an ending.
type endingStep struct {
	s        *Service
	tenantID string
	before   store.Lifecycle
	work     endingWork
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
		if after.Work, err = work.encode(); err != nil {
			return err
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
	return Actor{Kind: ActorKind(x.work.Actor.Kind), ID: x.work.Actor.ID, Name: x.work.Actor.Name}
}

// offers makes one page of the offers of a suspension: to accounts in the order of their IDs, then to people who are known
// by their links alone.
func (x *endingStep) offers(ctx context.Context) error {
	snap, err := x.s.endingSnapshot(ctx, x.s.store, x.tenantID)
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
	x.done = err == nil && last
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

// accountOfLink stands for an account that is known by a link alone.
func accountOfLink(link store.Identity) store.Account {
	return store.Account{Meta: store.Meta{ID: link.AccountID}, Email: link.Email, Active: true}
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

// remove does one page of a removal.
func (x *endingStep) remove(ctx context.Context) error {
	for _, page := range []func(context.Context) (bool, error){x.removeAccounts, x.removeLinks, x.removeUsers, x.removeGroups, x.removeGrants, x.removeOthers} {
		if did, err := page(ctx); did || err != nil {
			return err
		}
	}
	return x.close(ctx)
}

// removeAccounts lets go of a page of accounts.
func (x *endingStep) removeAccounts(ctx context.Context) (bool, error) {
	page, err := x.s.store.Accounts(ctx, x.tenantID, store.Query{Limit: endingPage})
	if err != nil || len(page.Items) == 0 {
		return false, wrapped("reading accounts", err)
	}
	return true, x.letGo(ctx, page.Items)
}

// removeLinks lets go of a page of people who are known by their links alone.
func (x *endingStep) removeLinks(ctx context.Context) (bool, error) {
	page, err := x.s.store.Identities(ctx, x.tenantID, store.Query{Limit: endingPage})
	if err != nil || len(page.Items) == 0 {
		return false, wrapped("reading linked identities", err)
	}
	var accounts []store.Account
	for _, link := range page.Items {
		if !slices.ContainsFunc(accounts, func(a store.Account) bool { return a.ID == link.AccountID }) {
			accounts = append(accounts, accountOfLink(link))
		}
	}
	return true, x.letGo(ctx, accounts)
}

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("tenant: %s: %w", what, err)
}

// letGo releases people in one transaction. The host is asked about them before it.
func (x *endingStep) letGo(ctx context.Context, accounts []store.Account) error {
	snap, err := x.s.endingSnapshot(ctx, x.s.store, x.tenantID)
	if err != nil {
		return err
	}
	people, err := x.s.personFacts(ctx, x.s.store, x.tenantID, accounts)
	if err != nil {
		return err
	}
	return x.tx(ctx, func(tx store.Store, work *endingWork) (string, error) {
		for _, p := range people {
			if err := x.person(ctx, tx, snap, p, work); err != nil {
				return "", err
			}
		}
		return "", nil
	})
}

// person lets go of one person: what groups gave, the provisioned user, the links and the record.
func (x *endingStep) person(ctx context.Context, tx store.Store, snap endingSnapshot, p endingPerson, work *endingWork) error {
	id := p.account.ID
	record, err := tx.Account(ctx, x.tenantID, id)
	recorded := err == nil
	if recorded {
		p.account = record // as it is now
	} else if !isNotFound(err) {
		return wrapped("reading an account", err)
	}
	endAccess, err := x.removeUserOf(ctx, tx, p.account, work)
	if err != nil {
		return err
	}
	grants, err := tx.Grants(ctx, x.tenantID, id)
	if err != nil {
		return wrapped("reading the ledger", err)
	}
	p.grants = len(grants)
	if endAccess {
		p.account.Active = false
	}
	if err := x.release(ctx, tx, Release{TenantID: x.tenantID, AccountID: id, Grants: grants, Take: work.Ending.TakeMemberships, EndAccess: endAccess}, work); err != nil {
		return err
	}
	if err := x.offer(ctx, tx, snap, p, work); err != nil {
		return err
	}
	links, err := tx.IdentitiesOf(ctx, x.tenantID, id)
	if err != nil {
		return wrapped("reading linked identities", err)
	}
	for _, link := range links {
		if err := tx.DeleteIdentity(ctx, x.tenantID, link.ID); err != nil {
			return wrapped("removing a linked identity", err)
		}
		work.Removed[store.KindIdentity]++
	}
	effect := effectOn(snap, work.Ending, p)
	e, err := x.s.event(x.actor(), change{kind: "account", id: id, name: effect.Email, what: "tenant.person_released", after: effect})
	if err != nil {
		return err
	}
	if !recorded {
		return wrapped("writing the journal", tx.AppendEvents(ctx, x.tenantID, e))
	}
	work.Removed[store.KindAccount]++
	return wrapped("removing an account", tx.DeleteAccount(ctx, x.tenantID, id, record.Version, e))
}

// removeUserOf removes the provisioned user of an account, and says whether the directory took the account's access and
// nobody has ended it yet.
func (x *endingStep) removeUserOf(ctx context.Context, tx store.Store, a store.Account, work *endingWork) (endAccess bool, err error) {
	if a.SCIMUserID == "" {
		return false, nil
	}
	u, err := tx.SCIMUser(ctx, x.tenantID, a.SCIMUserID)
	switch {
	case isNotFound(err):
		return a.Active, nil
	case err != nil:
		return false, wrapped("reading a provisioned user", err)
	}
	work.Removed[store.KindUser]++
	err = tx.DeleteSCIMUser(ctx, x.tenantID, u.ID, u.Version)
	return a.Active && !u.Active, wrapped("removing a provisioned user", err)
}

// release has the host let go, and removes the lines of the ledger.
func (x *endingStep) release(ctx context.Context, tx store.Store, r Release, work *endingWork) error {
	switch {
	case x.s.cfg.Releaser != nil:
		if err := x.s.cfg.Releaser.Release(ctx, tx, r); err != nil {
			return fmt.Errorf("tenant: releasing what a directory managed (account %q): %w", r.AccountID, err)
		}
	case r.EndAccess:
		return conflict(ErrorCodeDeprovisioning, "The directory took access from account %s, and the application has not done so yet. Let provisioning catch up, then go on.", r.AccountID)
	case r.Take && len(r.Grants) > 0:
		return errors.New("tenant: Config.Releaser is required to go on with this ending: it takes teams and roles back")
	}
	if len(r.Grants) == 0 {
		return nil
	}
	keys := make([]store.GrantKey, len(r.Grants))
	for i, g := range r.Grants {
		keys[i] = g.Key()
	}
	work.Removed[store.KindGrant] += len(keys)
	return wrapped("removing lines of the ledger", tx.ChangeGrants(ctx, x.tenantID, nil, keys))
}

// removeUsers removes a page of provisioned users without an account.
func (x *endingStep) removeUsers(ctx context.Context) (bool, error) {
	page, err := x.s.store.SCIMUsers(ctx, x.tenantID, store.Query{Limit: erasePage, WithoutBody: true})
	if err != nil || len(page.Items) == 0 {
		return false, wrapped("reading provisioned users", err)
	}
	return true, x.tx(ctx, func(tx store.Store, work *endingWork) (string, error) {
		for _, u := range page.Items {
			// An account may have been made for the user meanwhile; it is let go first then.
			if _, err := tx.AccountOfSCIMUser(ctx, x.tenantID, u.ID); err == nil {
				continue
			} else if !isNotFound(err) {
				return "", wrapped("reading an account", err)
			}
			if err := tx.DeleteSCIMUser(ctx, x.tenantID, u.ID, 0); err != nil && !isNotFound(err) {
				return "", wrapped("removing a provisioned user", err)
			}
			work.Removed[store.KindUser]++
		}
		return "", nil
	})
}

// removeGroups removes a page of groups with their members.
func (x *endingStep) removeGroups(ctx context.Context) (bool, error) {
	page, err := x.s.store.SCIMGroups(ctx, x.tenantID, store.Query{Limit: endingPage, WithoutBody: true})
	if err != nil || len(page.Items) == 0 {
		return false, wrapped("reading groups", err)
	}
	return true, x.tx(ctx, func(tx store.Store, work *endingWork) (string, error) {
		for _, g := range page.Items {
			if err := tx.DeleteSCIMGroup(ctx, x.tenantID, g.ID, 0); err != nil && !isNotFound(err) {
				return "", wrapped("removing a group", err)
			}
			work.Removed[store.KindGroup]++
		}
		return "", nil
	})
}

// removeGrants lets go of what is left in the ledger: teams of groups, and grants to accounts that nobody knows any more.
func (x *endingStep) removeGrants(ctx context.Context) (bool, error) {
	lines, err := x.s.store.AllGrants(ctx, x.tenantID, store.GrantKey{}, erasePage)
	if err != nil || len(lines) == 0 {
		return false, wrapped("reading the ledger", err)
	}
	return true, x.tx(ctx, func(tx store.Store, work *endingWork) (string, error) {
		for _, account := range slices.Compact(accountsOf(lines)) {
			grants := slices.DeleteFunc(slices.Clone(lines), func(g store.Grant) bool { return g.AccountID != account })
			r := Release{TenantID: x.tenantID, AccountID: account, Grants: grants, Take: work.Ending.TakeMemberships}
			if err := x.release(ctx, tx, r, work); err != nil {
				return "", err
			}
		}
		return "", nil
	})
}

func accountsOf(lines []store.Grant) []string {
	out := make([]string, len(lines))
	for i, g := range lines {
		out[i] = g.AccountID
	}
	return out
}

// closing are the kinds that go in the last transaction: as long as they are there, a directory can take access away.
func closing(kind store.RecordKind) bool {
	switch kind {
	case store.KindConnection, store.KindDomain, store.KindDirectory, store.KindAPIKey:
		return true
	}
	return false
}

// removeOthers removes a page of another kind: whichever the store has that is left.
func (x *endingStep) removeOthers(ctx context.Context) (bool, error) {
	left, err := x.s.store.Holdings(ctx, x.tenantID)
	if err != nil {
		return false, wrapped("counting records", err)
	}
	kinds := make([]store.RecordKind, 0, len(left))
	for kind := range left {
		if !remains(kind) && !closing(kind) && !goesAlong(kind) {
			kinds = append(kinds, kind)
		}
	}
	slices.SortFunc(kinds, func(a, b store.RecordKind) int { return cmp.Compare(a, b) })
	for _, kind := range kinds {
		did := false
		err := x.tx(ctx, func(tx store.Store, work *endingWork) (string, error) {
			n, err := tx.Erase(ctx, x.tenantID, kind, erasePage)
			did = n > 0
			work.Removed[kind] += n
			return "", wrapped("removing records", err)
		})
		if did || err != nil {
			return did, err
		}
	}
	return false, nil
}

// close ends the removal: what let directories in goes at last, in one transaction.
func (x *endingStep) close(ctx context.Context) error {
	err := x.tx(ctx, func(tx store.Store, work *endingWork) (string, error) {
		if err := x.closeSetup(ctx, tx, work); err != nil {
			return "", err
		}
		left, err := tx.Holdings(ctx, x.tenantID)
		if err != nil {
			return "", wrapped("counting records", err)
		}
		for kind := range left {
			if !remains(kind) && !goesAlong(kind) {
				return "", stale() // somebody was faster: another page
			}
		}
		return "tenant.removed", nil
	})
	x.done = err == nil
	return err
}

// goesAlong says which kinds are rows of others, of which none is left.
func goesAlong(kind store.RecordKind) bool { return kind == store.KindMember || kind == "counter" }

func (x *endingStep) closeSetup(ctx context.Context, tx store.Store, work *endingWork) error {
	domains, err := tx.Domains(ctx, x.tenantID)
	if err != nil {
		return wrapped("reading domains", err)
	}
	for _, d := range domains {
		if err := x.s.deleteDomain(ctx, tx, x.actor(), x.tenantID, d); err != nil {
			return err
		}
		work.Removed[store.KindDomain]++
	}
	// Of users and groups none is left: their counters are.
	for _, kind := range []store.RecordKind{store.KindUser, store.KindGroup, store.KindAPIKey, store.KindDirectory} {
		for {
			n, err := tx.Erase(ctx, x.tenantID, kind, 0)
			if err != nil {
				return wrapped("removing records", err)
			}
			if work.Removed[kind] += n; n < store.MaxLimit {
				break
			}
		}
	}
	connections, err := tx.Connections(ctx, x.tenantID)
	if err != nil {
		return wrapped("reading connections", err)
	}
	for _, c := range connections {
		e, err := x.s.event(x.actor(), change{kind: kindConnection, id: c.ID, name: c.Name, what: "connection.removed", before: journalled(c)})
		if err != nil {
			return err
		}
		if err := tx.DeleteConnection(ctx, x.tenantID, c.ID, c.Version, e); err != nil {
			return written("removing the connection", err)
		}
		work.Removed[store.KindConnection]++
	}
	return nil
}

// RunEndings goes on with every ending that has work left, of all tenants, until it is done, and returns how many it
// finished. The host schedules it, about every minute, on any replica: a lease keeps others off a tenant that one works on.
// The error joins those of the tenants that failed; the others were done.
func (s *Service) RunEndings(ctx context.Context) (int, error) {
	holder, n := store.NewID(s.now()), 0
	var failed []error
	for _, state := range []store.ServiceState{store.ServiceRemoving, store.ServiceSuspended} {
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
				if err != nil {
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
	if w, err := readWork(l); err != nil || l.State == store.ServiceSuspended && w.Ending.Offer == OfferNothing {
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
		p, err := s.ContinueEnding(ctx, tenantID)
		if p.Done || err != nil {
			return p.Done, errors.Join(err, s.store.ReleaseLease(ctx, tenantID, endingName, holder))
		}
	}
}

// ForgetRemoved erases the journal of tenants that were removed longer ago than Config.KeepRemoved, with all else that
// remained, and returns how many it forgot. An event "tenant.forgotten" and the [store.Lifecycle] stay as the only trace. Without
// Config.KeepRemoved it does nothing. The host schedules it, about once a day, on any replica; it may stop anywhere.
func (s *Service) ForgetRemoved(ctx context.Context) (int, error) {
	n := 0
	if s.cfg.KeepRemoved == 0 {
		return 0, nil
	}
	var failed []error
	for after := ""; ; {
		tenants, err := s.store.TenantsInState(ctx, store.ServiceRemoved, after, endingPage)
		if err != nil {
			return n, errors.Join(append(failed, wrapped("reading tenants", err))...)
		}
		for _, id := range tenants {
			forgot, err := s.forget(ctx, id)
			if err != nil {
				failed = append(failed, fmt.Errorf("forgetting %s: %w", id, err))
			}
			if forgot {
				n++
			}
		}
		if len(tenants) < endingPage {
			return n, errors.Join(failed...)
		}
		after = tenants[len(tenants)-1]
	}
}

func (s *Service) forget(ctx context.Context, tenantID string) (bool, error) {
	l, err := s.lifecycle(ctx, s.store, tenantID)
	if err != nil {
		return false, err
	}
	work, err := readWork(l)
	if err != nil || work.Forgotten || l.State != store.ServiceRemoved || s.now().Before(l.StateSince.Add(s.cfg.KeepRemoved)) {
		return false, err
	}
	for _, kind := range []store.RecordKind{store.KindEvent, store.KindLease, store.KindPosition} {
		for {
			n := 0
			err := s.store.InTx(ctx, func(tx store.Store) error {
				if now, err := s.lifecycle(ctx, tx, tenantID); err != nil || now.Version != l.Version { // set up anew
					return errors.Join(err, stale())
				}
				n, err = tx.Erase(ctx, tenantID, kind, 0)
				return err
			})
			if err != nil {
				return false, wrapped("erasing what remained", err)
			}
			if n < store.MaxLimit {
				break
			}
		}
	}
	return true, s.store.InTx(ctx, func(tx store.Store) error {
		after := l
		if after.Work, err = (endingWork{Forgotten: true}).encode(); err != nil {
			return err
		}
		after.Reason = ""
		_, err := s.putLifecycle(ctx, tx, Actor{Kind: ActorSystem, Name: "retention"}, store.Lifecycle{Meta: l.Meta, State: l.State, StateSince: l.StateSince}, after, "tenant.forgotten", "", "")
		return err
	})
}
