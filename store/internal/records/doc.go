// Package records maps the set-up records of package store (connections, domains,
// directories, API keys, identities, accounts, provisioning settings, set-up links, resources of
// registered types) to one generic row, so that an adapter keeps them all with a
// handful of operations and a new field needs no migration.
package records
