// Package sqltest runs the benchmark of the callback on the SQL stores. It is a module of its own, so that drivers stay out
// of the root module.
//
//	go test -C oidc/internal/sqltest -bench . -run '^$'
//
// PostgreSQL is measured where it is installed: a server is started for it.
package sqltest
