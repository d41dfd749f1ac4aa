// Package store holds the contracts of what tenantgate persists: the records and
// the interfaces that an adapter implements. It imports the standard library only,
// so that every other package, and every host, can import it.
//
//	st := memory.New()               // tests and demos
//	st, err := sqlite.New(ctx, db)   // db is the host's own *sql.DB
//	st, err := postgres.New(ctx, db) // likewise
//
// An adapter of a host's own implements [Store] and calls storetest.Run in one
// test; the package comment of storetest says how, in four steps. The doc comments here
// are the contract that the test checks.
//
// One-time tokens outlive their use by minutes: a host calls [DeleteExpired] about once
// an hour.
//
// A host that keeps tables of its own in step with the journal is told of events in the transaction that appends them, see
// [WithEventHook].
//
// # What holds for every method
//
//   - Tenant first. A method reads and changes records of the tenant that it is
//     given and no others. Another tenant's ID answers [ErrNotFound], exactly as
//     an ID that nobody has. Only [Index] looks across tenants, and
//     [SetupLinkStore].TenantsWithSetupLinks, and they answer with references, never with records.
//   - One write, one outcome. The record, what belongs to it and the events given
//     with it are committed together or not at all, also outside [Store.InTx].
//   - An error changes nothing. Inside [Store.InTx] the transaction stays usable
//     after [ErrNotFound], [ErrConflict] and [ErrStale].
//   - Versions. A create stores version 1. An update or delete names the version
//     that its caller read, and answers [ErrStale] when the stored one differs.
//   - Times are UTC with microseconds, those inside records too; a store truncates
//     what is finer, so that a value never changes by being read. JSON may be written
//     anew; bodies, token data and hashes come back byte by byte.
//   - IDs of accounts, teams and members are any text of the host's or the directory's,
//     ordered byte by byte. NUL and invalid UTF-8 are outside of the contract.
//   - Order. Lists are in ascending byte order of the ID. IDs are UUID version 7,
//     so that this is the order of creation. Walking a list with Query.After shows
//     each record that exists during the whole walk exactly once, whatever others
//     write meanwhile.
//   - References are the callers'. A record may name one that does not exist (yet, or any
//     more), so there are no foreign keys; what a delete takes with it, its doc comment
//     says.
//   - Within a transaction a store has the same optional interfaces as outside.
//   - Values are copies. Changing what was passed or returned changes nothing stored.
//   - All methods may be called concurrently. A method whose context is done
//     returns its error, and has then stored all or nothing.
//
// # Security
//
// Nothing here checks who may do what; that is the work of the packages above. A
// store never sees a secret in the clear: client secrets arrive sealed, API keys as
// hashes.
//
// # Compatibility
//
// The interfaces of [Store] do not grow within a major version. New abilities are
// optional interfaces beside it ([SCIMCounter], [SCIMResourceStore],
// [SetupLinkStore], [WebhookStore], [PeopleReader], [LockReader]) that a caller
// discovers and does without.
package store
