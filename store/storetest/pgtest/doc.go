// Package pgtest starts a PostgreSQL server of its own for tests and benchmarks: a new
// cluster in a temporary folder, on a free port of the loopback interface, with fsync
// on, stopped and removed at the end.
//
//	server := pgtest.Start(t)          // skips without PostgreSQL; with CI=true it fails
//	db, err := sql.Open("pgx", server.Schema(t))
//
// It needs the programs of a PostgreSQL server (Debian: postgresql), and an account that
// is not root's to run them as: when the test is root's, that of postgres or nobody.
//
// # Security
//
// The server lets everybody on this machine in. It is for tests alone.
//
// # Compatibility
//
// It imports the standard library only; the driver is the caller's. It runs where
// PostgreSQL and Unix processes do.
package pgtest
