package store

import (
	"context"
	"time"
)

// Identity links a person at an identity provider with an account of the host. Its
// key is (connection, issuer, subject), compared byte by byte; an e-mail address is
// never one.
type Identity struct {
	Meta
	ConnectionID string `json:"connectionId"`
	Issuer       string `json:"issuer"`
	Subject      string `json:"subject"`
	// AccountID is the host's own user ID.
	AccountID string `json:"accountId"`
	// Email is what the provider asserted at the last sign-in, for people to read.
	Email        string    `json:"email,omitempty"`
	LastSignInAt time.Time `json:"lastSignInAt,omitzero"`
}

// IdentityStore keeps linked identities.
type IdentityStore interface {
	// Identity returns the link of this subject, or ErrNotFound.
	Identity(ctx context.Context, tenantID, connectionID, issuer, subject string) (Identity, error)

	// IdentitiesOf returns the links of an account, in ascending order of the ID.
	IdentitiesOf(ctx context.Context, tenantID, accountID string) ([]Identity, error)

	// Identities returns a page of the tenant's links in ascending order of the ID. The filter is the caller's to apply.
	Identities(ctx context.Context, tenantID string, q Query) (Page[Identity], error)

	// CreateIdentity stores a new link. ErrConflict if the ID is taken, the subject is
	// linked at this connection, or the account has a link at this connection.
	CreateIdentity(ctx context.Context, tenantID string, i Identity, events ...Event) (Identity, error)

	// UpdateIdentity replaces the link. ErrNotFound, ErrStale, ErrConflict.
	UpdateIdentity(ctx context.Context, tenantID string, i Identity, events ...Event) (Identity, error)

	// DeleteIdentity removes the link. ErrNotFound.
	DeleteIdentity(ctx context.Context, tenantID, id string, events ...Event) error

	// DeleteIdentitiesOfConnection removes all links of a connection, because its
	// issuer or client changed, and returns how many there were.
	DeleteIdentitiesOfConnection(ctx context.Context, tenantID, connectionID string, events ...Event) (int, error)
}

// AccountSource says how an account came to be with the tenant.
type AccountSource string

// The sources of accounts.
const (
	SourceManual     AccountSource = "manual"
	SourceInvitation AccountSource = "invitation"
	SourceOIDC       AccountSource = "oidc_jit"
	SourceSCIM       AccountSource = "scim"
	SourceConverted  AccountSource = "converted"
)

// Account is what tenantgate knows of one of the host's accounts: where it came
// from and which provisioned user it belongs to. The record's ID is the host's own
// user ID.
type Account struct {
	Meta
	Source AccountSource `json:"source"`
	// SCIMUserID is the provisioned user, empty if there is none.
	SCIMUserID string `json:"scimUserId,omitempty"`
	// Active says that the account may be used, as far as the directory is concerned.
	Active bool `json:"active"`
	// Convertible approves that a directory takes this account over when it sends a
	// user with the account's e-mail address.
	Convertible bool `json:"convertible,omitempty"`
	// Email is for people to read.
	Email string `json:"email,omitempty"`
	// EmailUnproven says that the account was made at a sign-in for an address outside of the
	// tenant's domains, which nobody has proven since. Such an account is never found by its
	// address: neither a sign-in nor a directory takes it over. The host clears it once the
	// person has confirmed the address.
	EmailUnproven bool `json:"emailUnproven,omitempty"`
	// ExternalID is the directory's own ID of the provisioned user, or of the last one that the
	// account had, as far as it sent one.
	ExternalID string `json:"externalId,omitempty"`
	// Conversion tells of the approval that a directory may take the account over, and of the
	// taking over. Zero if there was neither.
	Conversion AccountConversion `json:"conversion,omitzero"`
	// Fields are those whose values may come from the directory and from the person, each once.
	Fields []AccountField `json:"fields,omitempty"`
	// Claims are what the identity provider said about roles and groups, each name once. They are
	// bounded, and kept for tenants whose host hears claims alone.
	Claims []AccountClaim `json:"claims,omitempty"`
}

// AccountConversion tells how a directory came to an account that existed before.
type AccountConversion struct {
	// ApprovedAt and ApprovedBy tell of the approval; zero where none was needed.
	ApprovedAt time.Time  `json:"approvedAt,omitzero"`
	ApprovedBy EventActor `json:"approvedBy,omitzero"`
	// Address is the address with which the directory sends the user, folded, if it is
	// another than the account's.
	Address string `json:"address,omitempty"`
	// EndSessions and RevokeTokens are what whoever approved chose for the moment of the
	// taking over: sessions end, API tokens end.
	EndSessions  bool `json:"endSessions,omitempty"`
	RevokeTokens bool `json:"revokeTokens,omitempty"`
	// AdoptedAt is when the directory took the account over; zero if it has not.
	AdoptedAt time.Time `json:"adoptedAt,omitzero"`
	// Source is where the account came from before that.
	Source AccountSource `json:"source,omitempty"`
	// PasswordEnded says that the account could not sign in with a password any more.
	PasswordEnded bool `json:"passwordEnded,omitempty"`
	// EmailFree says that an owner lets the directory change the address although its ID of the
	// user is not known to be the same.
	EmailFree bool `json:"emailFree,omitempty"`
}

// AccountStore keeps what is known of the host's accounts.
type AccountStore interface {
	// Account returns the account, or ErrNotFound.
	Account(ctx context.Context, tenantID, accountID string) (Account, error)

	// AccountOfSCIMUser returns the account of a provisioned user, or ErrNotFound.
	AccountOfSCIMUser(ctx context.Context, tenantID, scimUserID string) (Account, error)

	// Accounts returns a page of the tenant's accounts in ascending order of the ID.
	// The filter is the caller's to apply.
	Accounts(ctx context.Context, tenantID string, q Query) (Page[Account], error)

	// CreateAccount stores a new account. ErrConflict if the ID is taken or another
	// account has the SCIM user.
	CreateAccount(ctx context.Context, tenantID string, a Account, events ...Event) (Account, error)

	// UpdateAccount replaces the account. ErrNotFound, ErrStale, ErrConflict.
	UpdateAccount(ctx context.Context, tenantID string, a Account, events ...Event) (Account, error)

	// DeleteAccount removes the account. ErrNotFound; ErrStale if version is not zero
	// and not the stored one.
	DeleteAccount(ctx context.Context, tenantID, accountID string, version int64, events ...Event) error
}
