package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// checkTimeout ends a check whose store waits for ever.
const checkTimeout = 2 * time.Minute

// Run checks that the stores which open returns keep the contracts of package store.
// Each check is a subtest that calls open once; a failed check prints the rule that
// was broken, what was done, what was expected and what came.
//
// open returns a store that is ready for use, and registers with t.Cleanup whatever
// closes it. It may return the same database each time: every check works with
// tenants, domains and issuers of its own, chosen at random, and ignores what others
// have stored.
//
// Checks of optional interfaces ([store.SCIMCounter], [store.SCIMResourceStore],
// [store.SetupLinkStore], [store.WebhookStore], [store.PeopleReader], [store.LockReader], [store.SignInStore], [store.LookupStore]) are skipped for a store that
// does not have them.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, a := range areas() {
		t.Run(a.name, func(t *testing.T) {
			for _, c := range a.checks {
				t.Run(c.name, func(t *testing.T) {
					st := open(t)
					if c.needs != nil && !c.needs(st) {
						t.Skip("the store does not have the optional interface that this check is about")
					}
					c.runOn(t, st)
				})
			}
		})
	}
}

// Bare returns st without its optional interfaces, in transactions too, so that a
// store can be tested as callers meet it that know the required methods alone.
func Bare(st store.Store) store.Store { return bare{st} }

type bare struct{ store.Store }

func (b bare) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return b.Store.InTx(ctx, func(tx store.Store) error { return fn(bare{tx}) })
}

// area is a noun of the contracts, and the checks that are about it.
type area struct {
	name   string
	checks []check
}

// check tests one rule of the contracts.
type check struct {
	// name is short, for the names of subtests.
	name string
	// rule is what the contract says, in words.
	rule string
	// needs, if set, says whether the store has what the check is about.
	needs func(store.Store) bool
	run   func(p *probe)
}

// runOn runs the check and reports to r.
func (c check) runOn(r reporter, st store.Store) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	c.run(newProbe(ctx, r, st, c.rule))
}

func areas() []area {
	return []area{
		{"connections", recordChecks(connections)},
		{"domains", append(recordChecks(domains), domainChecks()...)},
		{"directories", append(recordChecks(directories), directoryChecks()...)},
		{"apikeys", append(recordChecks(apiKeys), apiKeyChecks()...)},
		{"users", slices.Concat(recordChecks(users), userChecks(), uniqueChecks(users))},
		{"groups", slices.Concat(recordChecks(groups), groupChecks(), uniqueChecks(groups))},
		{"members", memberChecks()},
		{"identities", append(recordChecks(identities), identityChecks()...)},
		{"accounts", append(recordChecks(accounts), accountChecks()...)},
		{"provisioning", provisioningChecks()},
		{"lifecycle", lifecycleChecks()},
		{"ledger", ledgerChecks()},
		{"tokens", tokenChecks()},
		{"leases", leaseChecks()},
		{"journal", journalChecks()},
		{"followers", followerChecks()},
		{"index", indexChecks()},
		{"paging", pagingChecks()},
		{"filters", filterChecks()},
		{"tx", txChecks()},
		{"methods", methodChecks()},
		{"isolation", isolationChecks()},
		{"resources", slices.Concat(recordChecks(resources), resourceChecks(), uniqueChecks(resources))},
		{"counter", counterChecks()},
		{"setuplinks", slices.Concat(recordChecks(setupLinks), setupLinkChecks())},
		{"webhooks", recordChecks(webhooks)},
		{"people", peopleChecks()},
		{"locks", lockChecks()},
		{"signin", signInChecks()},
		{"lookup", lookupChecks()},
	}
}
