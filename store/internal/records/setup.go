package records

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Setup implements the contracts of the set-up records on a Backend. Adapters embed
// it.
type Setup struct{ backend Backend }

// New returns the contracts of the set-up records on b.
func New(b Backend) Setup { return Setup{backend: b} }

// The kinds of rows.
const (
	kindConnection   = "connection"
	kindDomain       = "domain"
	kindDirectory    = "directory"
	kindAPIKey       = "api_key"
	kindIdentity     = "identity"
	kindAccount      = "account"
	kindProvisioning = "provisioning"
	kindSetupLink    = "setup_link"
	kindResource     = "resource:" // followed by the resource type
)

var connections = codec[store.Connection]{
	kind:  kindConnection,
	meta:  func(c *store.Connection) *store.Meta { return &c.Meta },
	clone: cloneConnection,
	index: func(c *store.Connection) []Index {
		keys := []Index{{Name: StateIndex, Value: string(c.State)}}
		if c.State == store.ConnectionActive && c.Issuer != "" {
			keys = append(keys, Index{Name: "issuer", Value: joined(c.Issuer)})
		}
		return keys
	},
}

func cloneConnection(c store.Connection) store.Connection {
	c.SCIM.Fields = slices.Clone(c.SCIM.Fields)
	c.SealedSecret = slices.Clone(c.SealedSecret)
	if c.NextSecret != nil {
		n := *c.NextSecret
		n.Sealed = slices.Clone(n.Sealed)
		c.NextSecret = &n
	}
	c.AdditionalScopes, c.BreakGlass = slices.Clone(c.AdditionalScopes), slices.Clone(c.BreakGlass)
	c.Checks, c.Messages, c.Approvals = slices.Clone(c.Checks), slices.Clone(c.Messages), slices.Clone(c.Approvals)
	if c.Metadata != nil {
		m := *c.Metadata
		m.ResponseModes, m.SigningAlgs, m.Scopes = slices.Clone(m.ResponseModes), slices.Clone(m.SigningAlgs), slices.Clone(m.Scopes)
		m.AuthMethods, m.AssertionAlgs = slices.Clone(m.AuthMethods), slices.Clone(m.AssertionAlgs)
		c.Metadata = &m
	}
	if c.Approved != nil {
		a := *c.Approved
		a.Domains, a.BreakGlass, a.AdditionalScopes = slices.Clone(a.Domains), slices.Clone(a.BreakGlass), slices.Clone(a.AdditionalScopes)
		c.Approved = &a
	}
	return c
}

// Connection implements store.ConnectionStore.
func (s Setup) Connection(ctx context.Context, tenantID, id string) (store.Connection, error) {
	return connections.get(ctx, s.backend, tenantID, id)
}

// Connections implements store.ConnectionStore.
func (s Setup) Connections(ctx context.Context, tenantID string) ([]store.Connection, error) {
	return connections.decodeAll(s.backend.Rows(ctx, tenantID, kindConnection, "", 0))
}

// CreateConnection implements store.ConnectionStore.
func (s Setup) CreateConnection(ctx context.Context, tenantID string, c store.Connection, events ...store.Event) (store.Connection, error) {
	return connections.create(ctx, s.backend, tenantID, c, events)
}

// UpdateConnection implements store.ConnectionStore.
func (s Setup) UpdateConnection(ctx context.Context, tenantID string, c store.Connection, events ...store.Event) (store.Connection, error) {
	return connections.update(ctx, s.backend, tenantID, c, events)
}

// DeleteConnection implements store.ConnectionStore.
func (s Setup) DeleteConnection(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return s.backend.DeleteRow(ctx, tenantID, kindConnection, id, version, events)
}

var domains = codec[store.Domain]{
	kind: kindDomain,
	meta: func(d *store.Domain) *store.Meta { return &d.Meta },
	clone: func(d store.Domain) store.Domain {
		if d.Finding != nil {
			finding := *d.Finding
			d.Finding = &finding
		}
		d.OtherConnections = slices.Clone(d.OtherConnections)
		return d
	},
	unique: func(d *store.Domain) []Unique {
		keys := []Unique{{Name: "name", Value: d.Name}}
		if d.State == store.DomainVerified {
			keys = append(keys, verifiedDomain(d.Name))
		}
		return keys
	},
	index: func(d *store.Domain) []Index {
		var keys []Index
		if !d.Unwatched {
			keys = append(keys, Index{Name: domainDue, Value: dueValue(d.CheckAt)})
		}
		if !d.ContestedAt.IsZero() {
			keys = append(keys, domainContested())
		}
		return keys
	},
}

// domainDue is the index of the domains that are to be looked at, by when.
const domainDue = "due"

// dueValue is a time as the index has it: in byte order, and empty for the zero time,
// which stands for always. A migration writes the empty one.
func dueValue(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return store.FormatTime(t)
}

func domainContested() Index { return Index{Name: "contested", Value: "1"} }

func verifiedDomain(name string) Unique { return Unique{Global: true, Name: VerifiedKey, Value: name} }

// Domain implements store.DomainStore.
func (s Setup) Domain(ctx context.Context, tenantID, id string) (store.Domain, error) {
	return domains.get(ctx, s.backend, tenantID, id)
}

// Domains implements store.DomainStore.
func (s Setup) Domains(ctx context.Context, tenantID string) ([]store.Domain, error) {
	return domains.decodeAll(s.backend.Rows(ctx, tenantID, kindDomain, "", 0))
}

// CreateDomain implements store.DomainStore.
func (s Setup) CreateDomain(ctx context.Context, tenantID string, d store.Domain, events ...store.Event) (store.Domain, error) {
	return domains.create(ctx, s.backend, tenantID, d, events)
}

// UpdateDomain implements store.DomainStore.
func (s Setup) UpdateDomain(ctx context.Context, tenantID string, d store.Domain, events ...store.Event) (store.Domain, error) {
	return domains.update(ctx, s.backend, tenantID, d, events)
}

// DeleteDomain implements store.DomainStore.
func (s Setup) DeleteDomain(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return s.backend.DeleteRow(ctx, tenantID, kindDomain, id, version, events)
}

var directories = codec[store.Directory]{
	kind: kindDirectory,
	meta: func(d *store.Directory) *store.Meta { return &d.Meta },
	used: func(d *store.Directory) *time.Time { return &d.LastRequestAt },
	clone: func(d store.Directory) store.Directory {
		d.Preferences.Fields = slices.Clone(d.Preferences.Fields)
		return d
	},
	unique: func(d *store.Directory) []Unique { return []Unique{{Name: ConnectionKey, Value: d.ConnectionID}} },
}

// Directory implements store.DirectoryStore.
func (s Setup) Directory(ctx context.Context, tenantID, id string) (store.Directory, error) {
	return directories.get(ctx, s.backend, tenantID, id)
}

// Directories implements store.DirectoryStore.
func (s Setup) Directories(ctx context.Context, tenantID string) ([]store.Directory, error) {
	return directories.decodeAll(s.backend.Rows(ctx, tenantID, kindDirectory, "", 0))
}

// CreateDirectory implements store.DirectoryStore.
func (s Setup) CreateDirectory(ctx context.Context, tenantID string, d store.Directory, events ...store.Event) (store.Directory, error) {
	return directories.create(ctx, s.backend, tenantID, d, events)
}

// UpdateDirectory implements store.DirectoryStore.
func (s Setup) UpdateDirectory(ctx context.Context, tenantID string, d store.Directory, events ...store.Event) (store.Directory, error) {
	if _, err := directories.update(ctx, s.backend, tenantID, d, events); err != nil {
		return store.Directory{}, err
	}
	return s.Directory(ctx, tenantID, d.ID)
}

// DeleteDirectory implements store.DirectoryStore.
func (s Setup) DeleteDirectory(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return s.backend.DeleteRow(ctx, tenantID, kindDirectory, id, version, events)
}

// MarkDirectoryUsed implements store.DirectoryStore.
func (s Setup) MarkDirectoryUsed(ctx context.Context, tenantID, id string, at time.Time) error {
	return s.backend.TouchRow(ctx, tenantID, kindDirectory, id, store.Time(at))
}

var apiKeys = codec[store.APIKey]{
	kind: kindAPIKey,
	meta: func(k *store.APIKey) *store.Meta { return &k.Meta },
	used: func(k *store.APIKey) *time.Time { return &k.LastUsedAt },
	clone: func(k store.APIKey) store.APIKey {
		k.Hash, k.SealedKey, k.Scopes = slices.Clone(k.Hash), slices.Clone(k.SealedKey), slices.Clone(k.Scopes)
		return k
	},
	unique: func(k *store.APIKey) []Unique {
		keys := []Unique{keyHash(k.Hash)}
		if k.RevokedAt.IsZero() {
			keys = append(keys, Unique{Name: "name", Value: store.Fold(k.Name)})
		}
		return keys
	},
}

func keyHash(hash []byte) Unique { return Unique{Name: "hash", Value: hex.EncodeToString(hash)} }

// APIKey implements store.APIKeyStore.
func (s Setup) APIKey(ctx context.Context, tenantID, id string) (store.APIKey, error) {
	return apiKeys.get(ctx, s.backend, tenantID, id)
}

// APIKeyByHash implements store.APIKeyStore.
func (s Setup) APIKeyByHash(ctx context.Context, tenantID string, hash []byte) (store.APIKey, error) {
	return apiKeys.by(ctx, s.backend, tenantID, keyHash(hash))
}

// APIKeys implements store.APIKeyStore.
func (s Setup) APIKeys(ctx context.Context, tenantID string) ([]store.APIKey, error) {
	return apiKeys.decodeAll(s.backend.Rows(ctx, tenantID, kindAPIKey, "", 0))
}

// CreateAPIKey implements store.APIKeyStore.
func (s Setup) CreateAPIKey(ctx context.Context, tenantID string, k store.APIKey, events ...store.Event) (store.APIKey, error) {
	return apiKeys.create(ctx, s.backend, tenantID, k, events)
}

// UpdateAPIKey implements store.APIKeyStore.
func (s Setup) UpdateAPIKey(ctx context.Context, tenantID string, k store.APIKey, events ...store.Event) (store.APIKey, error) {
	if _, err := apiKeys.update(ctx, s.backend, tenantID, k, events); err != nil {
		return store.APIKey{}, err
	}
	return s.APIKey(ctx, tenantID, k.ID)
}

// MarkAPIKeyUsed implements store.APIKeyStore.
func (s Setup) MarkAPIKeyUsed(ctx context.Context, tenantID, id string, at time.Time) error {
	return s.backend.TouchRow(ctx, tenantID, kindAPIKey, id, store.Time(at))
}
