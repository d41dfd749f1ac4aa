// Package sqlbench runs the benchmarks of the SCIM handler on the SQL stores.
// It is a module of its own, so that drivers stay out of the root module.
//
//	go test -C scim/internal/sqlbench -bench . -run '^$'
//
// PostgreSQL is measured where it is installed: the benchmarks start one.
package sqlbench
