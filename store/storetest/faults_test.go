package storetest_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// faults are adapters with one fault each, and the check that must find it.
var faults = []struct {
	name  string
	check string
	open  func() store.Store
}{
	{"a read ignores the tenant", "isolation/strangers", broken(func(b base) store.Store { return &readsAnyTenant{base: b} })},
	{"a delete ignores the tenant", "isolation/twins", broken(func(b base) store.Store { return &deletesAnyTenant{base: b} })},
	{"the tenant's name is folded", "isolation/names", broken(func(b base) store.Store { return foldsTenants{b} })},
	{"userName is compared with its case", "users/userName unique", broken(func(b base) store.Store { return caseSensitive{b} })},
	{"userName is looked up, then inserted", "users/userName at once", broken(func(b base) store.Store { return looksThenInserts{b} })},
	{"an update does not compare the version", "users/update stale", broken(func(b base) store.Store { return noCompareAndSwap{b} })},
	{"an update compares the version, then writes", "users/update at once", broken(func(b base) store.Store { return comparesThenSwaps{b} })},
	{"unique keys are not kept apart", "users/unique key", broken(func(b base) store.Store { return forgetsUnique{b} })},
	{"unique keys are looked up, then inserted", "groups/unique key at once", broken(func(b base) store.Store { return looksForKeys{b} })},
	{"unique keys are kept apart across tenants", "users/unique key others", broken(func(b base) store.Store {
		return holdsForAll{b, new(sync.Mutex), map[store.Key]string{}}
	})},
	{"a unique key is not free after an update", "users/unique key free", broken(func(b base) store.Store {
		return keepsOldKeys{b, new(sync.Mutex), map[store.Key]bool{}}
	})},
	{"the body is reformatted", "users/body", broken(func(b base) store.Store { return reformats{b} })},
	{"returned bytes are the store's own", "users/copies", broken(func(b base) store.Store { return &sharesBody{base: b} })},
	{"times are returned as given", "users/times", broken(func(b base) store.Store { return echoesTimes{b} })},
	{"a deleted user stays a member", "users/delete memberships", broken(func(b base) store.Store { return keepsMember{b} })},
	{"a list is not in order", "connections/list", broken(func(b base) store.Store { return reversed{b} })},
	{"a missing record is an empty one", "domains/missing", broken(func(b base) store.Store { return emptyDomain{b} })},
	{"a domain is verified twice", "domains/verified at once", broken(func(b base) store.Store { return verifiesTwice{b} })},
	{"a connection gets two directories", "directories/one per connection", broken(func(b base) store.Store { return twoDirectories{b} })},
	{"a revoked key is not found by its hash", "apikeys/by hash", broken(func(b base) store.Store { return hidesRevoked{b} })},
	{"an update of a group drops its members", "groups/update members", broken(func(b base) store.Store { return dropsMembers{b} })},
	{"a zero time becomes 1970", "identities/create zero", broken(func(b base) store.Store { return epoch{b} })},
	{"accounts without a user belong to the empty user", "accounts/of user", broken(func(b base) store.Store { return emptyUser{b} })},
	{"settings are written whatever their version", "provisioning/settings stale", broken(func(b base) store.Store { return settingsRegardless{b} })},
	{"a lifecycle is written whatever its version", "lifecycle/stale", broken(func(b base) store.Store { return lifecycleRegardless{b} })},
	{"a kind is not counted", "lifecycle/holdings", broken(func(b base) store.Store { return forgetsTokens{b} })},
	{"erasing removes all at once", "lifecycle/erase", broken(func(b base) store.Store { return erasesAll{b} })},
	{"erasing leaves a kind", "lifecycle/erase all", broken(func(b base) store.Store { return keepsLeases{b} })},
	{"events are said to be erased and stay", "lifecycle/erase events", broken(func(b base) store.Store { return erasesNoEvents{b} })},
	{"old events are erased past the Seq", "lifecycle/erase old events", broken(func(b base) store.Store { return erasesPast{b} })},
	{"events are erased that a reader has not handled", "lifecycle/erase read events", broken(func(b base) store.Store { return erasesUnread{b} })},
	{"how many events there are is read, then so many are erased", "lifecycle/erase old events at once", broken(func(b base) store.Store { return countsThenErases{b} })},
	{"a state lists every tenant", "lifecycle/states", broken(func(b base) store.Store { return allInState{b} })},
	{"the ledger is not in order", "ledger/order", broken(func(b base) store.Store { return ledgerReversed{b} })},
	{"a member delta replaces what others wrote", "members/at once", broken(func(b base) store.Store { return losesDelta{b} })},
	{"a delta without a change makes an event", "members/no change", broken(func(b base) store.Store { return eventOfNothing{b} })},
	{"ifVersion is ignored", "members/if version", broken(func(b base) store.Store { return noIfVersion{b} })},
	{"a read of a token takes it", "tokens/read", broken(func(b base) store.Store { return readTakes{b} })},
	{"a read of a token knows no end", "tokens/read", broken(func(b base) store.Store { return readsExpired{b} })},
	{"a token is read, then deleted", "tokens/once at once", broken(func(b base) store.Store { return takesTwice{b} })},
	{"a token is overwritten", "tokens/put once", broken(func(b base) store.Store { return overwrites{b} })},
	{"a token outlives its end by a microsecond", "tokens/delete expired", broken(func(b base) store.Store { return livesOn{b} })},
	{"an ephemeral token is not stored", "tokens/ephemeral", broken(func(b base) store.Store { return forgetsEphemeral{b} })},
	{"an ephemeral token is looked up, then put", "tokens/ephemeral at once", broken(func(b base) store.Store { return looksForEphemeral{b} })},
	{"a lease has two holders", "leases/one holder", broken(func(b base) store.Store { return sharedLease{b} })},
	{"a lease's token never grows", "leases/token", broken(func(b base) store.Store { return sameToken{b} })},
	{"events of one write are reversed", "journal/events", broken(func(b base) store.Store { return reversesEvents{b} })},
	{"a position moves whatever it was", "journal/position at once", broken(func(b base) store.Store { return movesRegardless{b} })},
	{"an event becomes visible after later ones", "followers/misses nothing", broken(func(b base) store.Store { return &showsLate{base: b} })},
	{"references are not in order", "index/issuer", broken(func(b base) store.Store { return refsReversed{b} })},
	{"a domain without a time is never due", "index/due", broken(func(b base) store.Store { return dueWithTime{b} })},
	{"a domain is due after the given time alone", "index/due", broken(func(b base) store.Store { return dueByTime{b} })},
	{"a contest that ended is listed", "index/contested", broken(func(b base) store.Store { return &longContests{base: b} })},
	{"pages are counted, not keyed", "paging/SCIM user walk among writers", broken(func(b base) store.Store { return pagesByOffset{b} })},
	{"an or is cut to its first term", "filters/match", broken(func(b base) store.Store { return cutsOr{b} })},
	{"an underscore in a filter is a wildcard", "filters/text", broken(func(b base) store.Store { return wildcards{b} })},
	{"an event survives a rollback", "tx/rollback", broken(func(b base) store.Store { return &eventSurvives{base: b} })},
	{"a panic commits", "tx/panic", broken(func(b base) store.Store { return panicCommits{b} })},
	{"a nested transaction is not undone", "tx/nested error", broken(func(b base) store.Store { return flatTx{b} })},
	{"a refused call breaks the transaction", "tx/after errors", broken(func(b base) store.Store { return aborts{b} })},
	{"others see what is not committed", "tx/others", broken(func(b base) store.Store { return &dirtyReads{base: b} })},
	{"the event of a write is lost", "methods/events", broken(func(b base) store.Store { return losesEvent{b} })},
	{"a failed write leaves its event", "methods/failed events", broken(func(b base) store.Store { return eventOfFailure{b} })},
	{"the context is ignored", "methods/cancelled", broken(func(b base) store.Store { return ignoresContext{b} })},
	{"a resource is found under any type", "resources/types", func() store.Store { return &anyType{Store: memory.New()} }},
	{"the token of an attempt is not stored", "signin/attempt", func() store.Store { return &forgetsAttempt{*newSigns(memory.New())} }},
	{"an attempt is looked up, then used", "signin/attempt at once", func() store.Store { return &looksForAttempt{*newSigns(memory.New())} }},
	{"a sign-in does not see that the user was switched off", "signin/records", func() store.Store { return &allActive{*newSigns(memory.New())} }},
	{"a sign-in finds users by userName alone", "signin/users", func() store.Store { return &byNameAlone{*newSigns(memory.New())} }},
	{"the last write is outside of the transaction", "signin/then undone", func() store.Store { return &lastOutside{*newSigns(memory.New())} }},
	{"a sign-in finds what another tenant has", "isolation/strangers", func() store.Store { return &foreignSignIn{*newSigns(memory.New())} }},
	{"a look-up finds a name that is not proven", "lookup/domains", func() store.Store { return &findsPending{*newLooks()} }},
	{"a look-up leaves out connections that are not active", "lookup/serving", func() store.Store { return &servesActive{*newLooks()} }},
	{"a look-up does not see that the tenant is suspended", "lookup/directory", func() store.Store { return &forgetsSuspension{*newLooks()} }},
	{"a look-up finds the key of another tenant", "isolation/strangers", func() store.Store { return &keyOfAnyTenant{*newLooks()} }},
	{"the last request of a directory is lost with an update", "directories/used", broken(func(b base) store.Store { return forgetsRequests{b} })},
	{"a count is out of date", "counter/writes", func() store.Store { return &countsOnce{Store: memory.New()} }},
	{"an update of a webhook keeps its log", "webhooks/update", func() store.Store { return &keepsLog{memory.New()} }},
	{"a deleted webhook is only switched off", "webhooks/delete", func() store.Store { return &switchesOff{memory.New()} }},
	{"an open link is found by the empty browser", "setuplinks/by hash", func() store.Store { return &anyBrowser{memory.New()} }},
	{"the use of a link is lost with an update", "setuplinks/used", func() store.Store { return &forgetsUse{memory.New()} }},
	{"a set-up link is found in any tenant", "isolation/strangers", func() store.Store {
		return &linkOfAnyTenant{Store: memory.New(), mu: new(sync.Mutex), seen: map[string]string{}}
	}},
	{"an account asked for twice is two", "people/accounts", func() store.Store { return &asksEach{memory.New()} }},
	{"an account asked for twice has its lines twice", "locks/grants", func() store.Store { return &grantsTwice{memory.New()} }},
	{"groups come as they were asked for", "locks/groups", func() store.Store { return &groupsAsAsked{memory.New()} }},
	{"whoever is asked for is a user", "locks/users", func() store.Store { return &everybodyThere{memory.New()} }},
}

// base is a working store without optional interfaces.
type base struct{ store.Store }

func broken(wrap func(base) store.Store) func() store.Store {
	return func() store.Store { return wrap(base{storetest.Bare(memory.New())}) }
}

// TestPlantedFaults proves that the suite finds what it is there to find, by the rule
// that the fault breaks.
func TestPlantedFaults(t *testing.T) {
	rules := storetest.Checks()
	found := map[string]bool{}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			require.Contains(t, rules, f.check)
			failures, ran := storetest.Failures(t.Context(), f.open, f.check)
			require.Positive(t, ran, "the check runs")
			for _, failure := range failures {
				if failure.Check == f.check {
					require.Contains(t, failure.Text, "rule:     "+rules[f.check], "the broken rule is printed")
					require.Contains(t, failure.Text, "did:")
					require.Contains(t, failure.Text, "expected:")
					require.Contains(t, failure.Text, "got:")
					t.Log(failure.Text)
					return
				}
			}
			t.Errorf("%s did not find that %s", f.check, f.name)
		})
		area, _, _ := strings.Cut(f.check, "/")
		found[area] = true
	}
	for name := range rules {
		area, _, _ := strings.Cut(name, "/")
		require.True(t, found[area], "a fault is planted for the area %s", area)
	}
}

// TestWorkingStoreHasNoFailures makes sure that what finds faults in broken stores
// finds none in one that works; TestMemory runs all checks.
func TestWorkingStoreHasNoFailures(t *testing.T) {
	failures, ran := storetest.Failures(t.Context(), func() store.Store { return base{storetest.Bare(memory.New())} }, "tokens/", "leases/", "tx/", "isolation/")
	require.Greater(t, ran, 20)
	for _, f := range failures {
		t.Error(f.Text)
	}
}
