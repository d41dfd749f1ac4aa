// Package sqlbench runs the benchmarks of the SCIM handler on the SQL stores.
// It is a module of its own, so that drivers stay out of the root module.
//
//	go test -C scim/internal/sqlbench -bench . -run '^$'
//
// PostgreSQL is measured where TENANTGATE_POSTGRES names a database that may be
// emptied, such as postgres://postgres@127.0.0.1:5432/bench.
package sqlbench
