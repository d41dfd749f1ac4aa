package store

import "context"

// PeopleReader is an optional interface of a [Store]: what a list of people needs, read at
// once for a whole page of them. Without it the caller asks for each person.
type PeopleReader interface {
	// IdentitiesOfAccounts returns the links of these accounts, at most MaxLimit, in
	// ascending order of the link's ID. Accounts without a link, unknown ones and
	// duplicates add nothing.
	IdentitiesOfAccounts(ctx context.Context, tenantID string, accountIDs []string) ([]Identity, error)

	// AccountsWithIDs returns the accounts with these IDs, at most MaxLimit, in ascending order
	// of the ID. Unknown ones and duplicates add nothing.
	AccountsWithIDs(ctx context.Context, tenantID string, ids []string) ([]Account, error)

	// AccountsOfSCIMUsers returns the accounts of these provisioned users, at most
	// MaxLimit, in ascending order of the account's ID. Users without an account, unknown
	// ones and duplicates add nothing; the empty user is nobody's.
	AccountsOfSCIMUsers(ctx context.Context, tenantID string, scimUserIDs []string) ([]Account, error)
}
