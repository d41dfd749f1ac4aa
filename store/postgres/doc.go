// Package postgres keeps what tenantgate persists in PostgreSQL 13 or newer, in the
// host's own database and, where the host wants, in the host's own transactions. It
// is the store for applications that run as several replicas.
//
//	db, err := sql.Open("pgx", dsn)
//	err = postgres.Migrate(ctx, db)     // once per deployment; replicas may race
//	st, err := postgres.New(ctx, db)
//
// Any driver of database/sql will do whose errors have a method SQLState() string;
// github.com/jackc/pgx/v5/stdlib and github.com/lib/pq have it. The package imports
// none.
//
// # Transactions
//
// [Store.InTx] runs several writes as one, [SQLTx] hands a function inside of it the
// *sql.Tx for the host's own tables, and [Store.WithTx] joins a transaction that the
// host began. Transactions that lose against others (serialization failures and
// deadlocks) run again, up to ten times; a transaction that the host began is the
// host's to repeat.
//
// A write of a user, a group or a delta of members is one statement and needs one
// round trip. Inside of a transaction a write that may meet a unique value is guarded
// by a savepoint, so that the transaction stays usable after store.ErrConflict.
//
// # Journal
//
// Writers store events without a number and never wait for each other; whoever reads
// the journal numbers what is committed by then, under a lock of the tenant's head. An
// event that becomes visible later so gets a later number, and no reader passes it.
// This needs no advisory locks and no transaction IDs.
//
// # Security
//
// All values are parameters; no text of a client becomes part of a statement. The
// tables hold no secret in the clear (see package store). The role that serves
// requests needs select, insert, update and delete on the tables, whose names begin
// with tenantgate_; Migrate needs to create tables in the connection's schema.
//
// # Compatibility
//
// Tables are created in the first schema of the connection's search_path. Their
// columns may change with any release; Migrate carries the content over, and New
// refuses tables of another version.
//
// Texts with a NUL character or that are not UTF-8 cannot be stored in PostgreSQL: a
// write of one fails, and a look-up finds nothing.
package postgres
