// Package storetest checks that an adapter keeps the contracts of package store. It
// ships with the module, imports the standard library only, and is the one suite that
// our own adapters and a host's pass.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
//	}
//
// # To write an adapter
//
//  1. Read the doc comments of package store: they say what each method answers when
//     something is missing, a duplicate, stale or written by several at once.
//
//  2. Implement [store.Store] on your database. Let the database keep what must be
//     unique and what must be compared and swapped; a search before a write is not
//     enough. Three contracts shape the schema, so decide them first: the order of
//     events ([store.Journal]), members as rows of their own ([store.SCIMGroupStore])
//     and comparing folded values ([store.Fold], [store.Key]). Of filters, equality on
//     ID, userName and externalId must be exact; the rest may be left to the caller
//     ([store.Page]). Package store/memory is the contract in its shortest form; the
//     schemas of store/postgres and store/sqlite are in their migrations.
//
//  3. Call [Run] in one test, with -race, on the real database: not on a mock, and
//     with as many connections as you use in production. Call it once more through
//     [Bare] if the adapter has optional interfaces, so that both ways of using it are
//     tested:
//
//     storetest.Run(t, func(t *testing.T) store.Store { return storetest.Bare(open(t)) })
//
//  4. Read what a failed check prints: the rule in words, what the suite did, what it
//     expected and what came. Run one check alone with -run, for example
//     -run 'TestStore/users/userName_unique'.
//
// The checks use tenants, domains and issuers that they choose at random, and never
// remove them. One database can therefore be shared by all checks and by tests that run
// at the same time; give the suite a database that is thrown away afterwards.
//
// # What is not checked
//
// Strings that hold a NUL character or are no valid UTF-8 are outside of the contract,
// because PostgreSQL cannot store them as text; bytes (bodies, hashes, tokens' data)
// may be anything. What a crash of the machine leaves behind, and speed, are the
// adapter's own tests' work.
//
// # Security
//
// Isolation of tenants is checked for every method by construction: a table of calls
// is compared with the methods of the interfaces, and a method without a row fails the
// suite. Each is called for a tenant that has nothing and for one that has the same IDs
// and keys, and everything that the other tenant has is read again after each call.
//
// # Compatibility
//
// Checks may be added in minor versions where package store's doc comments already say
// what they check. An adapter that fails a new check had a fault before.
package storetest
