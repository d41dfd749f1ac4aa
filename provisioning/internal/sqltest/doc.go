// Package sqltest runs provisioning on the SQL stores, with a host whose tables are in the
// same database and with one that keeps its data elsewhere: the contract of its Target,
// programs that are killed between two calls of the host, and two replicas at once. It is a
// module of its own, so that drivers stay out of the root module.
//
//	go test -C provisioning/internal/sqltest
//
// PostgreSQL is tested where it is installed: a server is started for the test.
package sqltest
