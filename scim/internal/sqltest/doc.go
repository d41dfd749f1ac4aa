// Package sqltest runs what needs a handler on the SQL stores: the property test of
// filters, and the benchmarks. It is a module of its own, so that drivers stay out of the
// root module.
//
//	go test -C scim/internal/sqltest
//	go test -C scim/internal/sqltest -bench . -run '^$'
//
// PostgreSQL is tested where it is installed: a server is started for the test.
package sqltest
