package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

const erasePage = 200 // records in a transaction

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
	snap, err := x.s.endingSnapshot(ctx, x.s.store, x.tenantID, x.work.Ending)
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
	slices.Sort(kinds)
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
		x.s.routes.changing(x.tenantID, "")
		if err := tx.DeleteConnection(ctx, x.tenantID, c.ID, c.Version, e); err != nil {
			return written("removing the connection", err)
		}
		work.Removed[store.KindConnection]++
	}
	return nil
}
