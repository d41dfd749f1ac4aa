package records

import "github.com/tenantgate/tenantgate/store"

// What adapters need that read the records of a sign-in together, see store.SignInStore.
const (
	KindConnection = kindConnection
	KindIdentity   = kindIdentity
	KindAccount    = kindAccount
	// UserKey names the unique value of an account that is its SCIM user's ID.
	UserKey = scimUserName
)

// SubjectKey is the unique value of an identity.
func SubjectKey(q store.SignInQuery) Unique { return subjectKey(q.ConnectionID, q.Issuer, q.Subject) }

// DecodeConnection decodes a row; one without an ID is no connection.
func DecodeConnection(r Row) (store.Connection, error) { return decodeFound(connections, r) }

// DecodeIdentity decodes a row of an identity.
func DecodeIdentity(r Row) (store.Identity, error) { return decodeFound(identities, r) }

// DecodeAccount decodes a row of an account.
func DecodeAccount(r Row) (store.Account, error) { return decodeFound(accounts, r) }

func decodeFound[T any](c codec[T], r Row) (T, error) {
	if r.ID == "" {
		var none T
		return none, nil
	}
	return c.decode(r)
}
