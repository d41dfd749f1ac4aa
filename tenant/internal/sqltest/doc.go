// Package sqltest measures what finding a tenant costs on the SQL stores, and what a process holds in memory that serves a
// hundred thousand tenants. It is a module of its own, so that drivers stay out of the root module.
//
//	go test -C tenant/internal/sqltest -bench . -run '^$'
//
// To make a hundred thousand tenants takes a minute or two on each store. PostgreSQL is measured where it is installed: a
// server is started for it.
package sqltest
