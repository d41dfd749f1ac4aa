package records

import "github.com/tenantgate/tenantgate/store"

// What adapters need that find domains and directories together, see store.LookupStore.
const (
	KindDomain    = kindDomain
	KindDirectory = kindDirectory
	KindAPIKey    = kindAPIKey
	// ConnectionKey names the unique value of a directory that is its connection's ID.
	ConnectionKey = "connection"
	// LifecycleID is the ID of the row of kind store.KindLifecycle.
	LifecycleID = lifecycleID
	// StateIndex names the index of connections and lifecycles by their state.
	StateIndex = "state"
)

// VerifiedKey names the unique value of a verified domain that is its name, of all tenants.
const VerifiedKey = "verified"

// HashKey is the unique value of an API key.
func HashKey(hash []byte) Unique { return keyHash(hash) }

// DecodeDomain decodes a row; one without an ID is no domain.
func DecodeDomain(r Row) (store.Domain, error) { return decodeFound(domains, r) }

// DecodeDirectory decodes a row of a directory.
func DecodeDirectory(r Row) (store.Directory, error) { return decodeFound(directories, r) }

// DecodeAPIKey decodes a row of an API key.
func DecodeAPIKey(r Row) (store.APIKey, error) { return decodeFound(apiKeys, r) }
