// Package drivertest runs the suite of package storetest, and what only a real
// database can show, on real drivers: modernc.org/sqlite, github.com/ncruces/go-sqlite3
// and github.com/jackc/pgx on a PostgreSQL server that the tests start. It is a module
// of its own, never published, so that no host has drivers added to its build.
package drivertest
