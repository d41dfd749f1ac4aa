// Package sqlite keeps what tenantgate persists in an SQLite file, 3.35 or newer: the
// embedded store for an application that runs as one process.
//
//	db, err := sql.Open("sqlite", "file:app.db?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
//	err = sqlite.Migrate(ctx, db)
//	st, err := sqlite.New(ctx, db)
//
// Any driver of database/sql will do; modernc.org/sqlite and
// github.com/ncruces/go-sqlite3/driver need no C compiler. The package imports none.
//
// # How to open the file
//
// New refuses a database without a busy_timeout, with which writers would fail instead
// of waiting, and one that is not in WAL mode, in which a writer would block readers.
// Both can be part of the name of the data source, as above; ncruces' driver names
// itself sqlite3. "synchronous" is the host's choice: FULL keeps what was acknowledged
// also when the power fails, NORMAL is faster and keeps it when the process does.
//
// # Transactions
//
// [Store.InTx] runs several writes as one, [SQLTx] hands a function inside of it the
// *sql.Tx for the host's own tables, and [Store.WithTx] joins a transaction that the
// host began. One transaction writes at a time; others wait their turn, or until their
// context is done. A function inside InTx must use the store that it is given: a write
// through another one waits for a turn that does not come.
//
// A transaction that the host began should write before it reads: SQLite refuses to
// turn a reading transaction into a writing one after somebody else has written.
//
// # Security
//
// All values are parameters; no text of a client becomes part of a statement. The
// tables hold no secret in the clear (see package store), yet the file holds personal
// data: give it the permissions that this asks for.
//
// # Compatibility
//
// The tables' names begin with tenantgate_. Their columns may change with any release;
// Migrate carries the content over, and New refuses tables of another version.
package sqlite
