package store

import (
	"context"
	"time"
)

// ConnectionState is a step in the life of a connection, from the owner's request
// to its end.
type ConnectionState string

// The states. Which may follow which is the tenant package's rule.
const (
	ConnectionDraft            ConnectionState = "draft"
	ConnectionSubmitted        ConnectionState = "submitted"
	ConnectionNeedsInformation ConnectionState = "needs_information"
	ConnectionApproved         ConnectionState = "approved"
	ConnectionActive           ConnectionState = "active"
	ConnectionRejected         ConnectionState = "rejected"
	ConnectionWithdrawn        ConnectionState = "withdrawn"
	ConnectionSuspended        ConnectionState = "suspended"
	ConnectionDeleted          ConnectionState = "deleted"
)

// Connection is a tenant's OpenID Connect provider and the request that sets it up.
type Connection struct {
	Meta
	State ConnectionState `json:"state"`
	// ChangeOf is the ID of the connection in force that this one is a requested change of; empty for all others.
	// ChangeBase is a fingerprint of the settings that it was a change of.
	ChangeOf   string `json:"changeOf,omitempty"`
	ChangeBase string `json:"changeBase,omitempty"`
	// Name is what the owner calls the provider; empty means none.
	Name string `json:"name,omitempty"`
	// Provider is the kind of provider ("entra", "okta", "generic", …).
	Provider string `json:"provider,omitempty"`
	// Authority is the address that the owner gave, normalised.
	Authority string `json:"authority"`
	// Issuer is the issuer exactly as the provider's metadata states it; empty until
	// the metadata was read.
	Issuer string `json:"issuer,omitempty"`
	// SharedIssuer says that the issuer serves many customers (Google, JumpCloud).
	SharedIssuer bool   `json:"sharedIssuer,omitempty"`
	ClientID     string `json:"clientId"`
	// SealedSecret is the client secret, sealed for this tenant, record and field.
	SealedSecret []byte `json:"sealedSecret,omitempty"`
	// SecretHint is what may be shown of the secret: its last characters.
	SecretHint  string    `json:"secretHint,omitempty"`
	SecretSetAt time.Time `json:"secretSetAt,omitzero"`
	// SecretExpiresAt is zero if the owner gave no expiry.
	SecretExpiresAt time.Time `json:"secretExpiresAt,omitzero"`
	// NextSecret waits for a test sign-in that succeeds with it, and then takes the place of SealedSecret; nil if none does.
	NextSecret *NextSecret `json:"nextSecret,omitempty"`
	// ClientAuth is "client_secret_basic", "client_secret_post", "private_key_jwt" or
	// "none".
	ClientAuth string `json:"clientAuth,omitempty"`
	// SigningAlg is the one algorithm that ID tokens are accepted with.
	SigningAlg string `json:"signingAlg,omitempty"`
	// AdditionalScopes are asked for beside openid, profile and email.
	AdditionalScopes []string `json:"additionalScopes,omitempty"`
	// BreakGlass are e-mail addresses that may sign in without the provider.
	BreakGlass []string `json:"breakGlass,omitempty"`
	// Enforced says that members of the domains must sign in here; otherwise they may.
	Enforced bool `json:"enforced,omitempty"`
	// JustInTime lets people sign in whom no directory provisioned, with an address in a
	// proven domain of the tenant: an account is made for them.
	JustInTime bool `json:"justInTime,omitempty"`
	// JustInTimeAnyDomain extends JustInTime to people whose address is in no proven domain
	// of any tenant, such as contractors. It means nothing without JustInTime.
	JustInTimeAnyDomain bool `json:"justInTimeAnyDomain,omitempty"`
	// EmailVerifiedString accepts email_verified as the string "true".
	EmailVerifiedString bool `json:"emailVerifiedString,omitempty"`
	// EmailFallback names the claim that stands for the e-mail address of people who have none: "preferred_username" or
	// "upn". Empty means none does.
	EmailFallback string `json:"emailFallback,omitempty"`
	// SCIM is the owner's wish for provisioning, part of the request.
	SCIM SCIMPreferences `json:"scim"`
	// ConfigVersion counts changes of what a sign-in depends on. TestedVersion is the
	// one that the last successful test sign-in used.
	ConfigVersion int64     `json:"configVersion"`
	TestedVersion int64     `json:"testedVersion,omitempty"`
	TestedAt      time.Time `json:"testedAt,omitzero"`
	// TestedEmail is the address that the test sign-in brought.
	TestedEmail string `json:"testedEmail,omitempty"`
	// Metadata is what the provider's discovery document said when it was last read and
	// found in order; nil if it never was. Sign-in falls back on it.
	Metadata *ProviderMetadata `json:"metadata,omitempty"`
	// DriftSince is when the provider's document became unusable for us, DriftCode why; zero
	// while it is in order.
	DriftSince time.Time `json:"driftSince,omitzero"`
	DriftCode  string    `json:"driftCode,omitempty"`
	// FailingSince is when the provider began to refuse the application itself, such as for
	// an expired secret, FailingCode why; zero since the last sign-in that worked.
	FailingSince time.Time `json:"failingSince,omitzero"`
	FailingCode  string    `json:"failingCode,omitempty"`
	// Checks are the findings of the last check of the configuration.
	Checks    []CheckResult `json:"checks,omitempty"`
	CheckedAt time.Time     `json:"checkedAt,omitzero"`
	// Messages are what owner and staff wrote to each other about the request.
	Messages    []ReviewMessage `json:"messages,omitempty"`
	SubmittedAt time.Time       `json:"submittedAt,omitzero"`
	// SubmittedBy asked for the review that is under way. Approvals are those of the staff who
	// approved it, as long as more are needed.
	SubmittedBy EventActor   `json:"submittedBy,omitzero"`
	Approvals   []EventActor `json:"approvals,omitempty"`
	// AskedAt is when staff asked for information last; zero once the request was submitted again.
	AskedAt     time.Time `json:"askedAt,omitzero"`
	DecidedAt   time.Time `json:"decidedAt,omitzero"`
	ActivatedAt time.Time `json:"activatedAt,omitzero"`
	// Approved are the settings that were approved last; nil before the first time.
	Approved *ConnectionSettings `json:"approved,omitempty"`
}

// NextSecret is a client secret that is not in force yet.
type NextSecret struct {
	// Sealed is the secret, sealed as Connection.SealedSecret is.
	Sealed []byte `json:"sealed,omitempty"`
	// Hint is what may be shown of it: its last characters.
	Hint  string    `json:"hint,omitempty"`
	SetAt time.Time `json:"setAt,omitzero"`
	// ExpiresAt is zero if the owner gave no expiry.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// WithNextSecret returns the connection as it is once the secret that waits is in force, for the test sign-in that decides
// about it; the same connection if none waits. SecretSetAt then says when that secret was entered, which tells the two apart.
func (c Connection) WithNextSecret() Connection {
	if n := c.NextSecret; n != nil {
		c.SealedSecret, c.SecretHint, c.SecretSetAt, c.SecretExpiresAt, c.NextSecret = n.Sealed, n.Hint, n.SetAt, n.ExpiresAt, nil
	}
	return c
}

// ConnectionSettings are the parts of a connection that a review is about.
type ConnectionSettings struct {
	Name                string   `json:"name,omitempty"`
	Provider            string   `json:"provider,omitempty"`
	Domains             []string `json:"domains,omitempty"` // names, sorted
	Authority           string   `json:"authority,omitempty"`
	Issuer              string   `json:"issuer,omitempty"`
	ClientID            string   `json:"clientId,omitempty"`
	ClientAuth          string   `json:"clientAuth,omitempty"`
	BreakGlass          []string `json:"breakGlass,omitempty"`
	AdditionalScopes    []string `json:"additionalScopes,omitempty"`
	JustInTime          bool     `json:"justInTime,omitempty"`
	JustInTimeAnyDomain bool     `json:"justInTimeAnyDomain,omitempty"`
	EmailVerifiedString bool     `json:"emailVerifiedString,omitempty"`
	EmailFallback       string   `json:"emailFallback,omitempty"`
}

// ProviderMetadata is the part of a provider's discovery document that sign-in uses,
// within bounds: of lists, the values that we know.
type ProviderMetadata struct {
	// FetchedAt is when the document was read.
	FetchedAt             time.Time `json:"fetchedAt"`
	Issuer                string    `json:"issuer"`
	AuthorizationEndpoint string    `json:"authorizationEndpoint"`
	TokenEndpoint         string    `json:"tokenEndpoint"`
	JWKSURI               string    `json:"jwksUri"`
	UserinfoEndpoint      string    `json:"userinfoEndpoint,omitempty"`
	EndSessionEndpoint    string    `json:"endSessionEndpoint,omitempty"`
	PushedRequestEndpoint string    `json:"pushedRequestEndpoint,omitempty"`
	// PushRequired and IssInResponse are what RFC 9126 and RFC 9207 let a provider announce.
	PushRequired  bool     `json:"pushRequired,omitempty"`
	IssInResponse bool     `json:"issInResponse,omitempty"`
	ResponseModes []string `json:"responseModes,omitempty"`
	SigningAlgs   []string `json:"signingAlgs,omitempty"`
	AuthMethods   []string `json:"authMethods,omitempty"`
	AssertionAlgs []string `json:"assertionAlgs,omitempty"`
	Scopes        []string `json:"scopes,omitempty"`
}

// SCIMPreferences are a tenant's choices for provisioned users.
type SCIMPreferences struct {
	// Wanted says that the owner wants provisioning.
	Wanted bool `json:"wanted,omitempty"`
	// PhoneEditable lets provisioned users change their phone number in the host.
	PhoneEditable bool `json:"phoneEditable,omitempty"`
	// PhoneUnconfirmed lets provisioned users keep a phone number without confirming it.
	PhoneUnconfirmed bool `json:"phoneUnconfirmed,omitempty"`
	// Fields are the choices for other fields than the phone number, each once. Those that
	// are not named belong to the directory.
	Fields []FieldPreference `json:"fields,omitempty"`
}

// CheckResult is one finding of a check.
type CheckResult struct {
	Field      string `json:"field"`
	Code       string `json:"code"`
	Severity   string `json:"severity"`
	Message    string `json:"message"`
	Expected   string `json:"expected,omitempty"`
	Got        string `json:"got,omitempty"`
	Suggestion string `json:"suggestion,omitempty"`
}

// ReviewMessage is a message about a request.
type ReviewMessage struct {
	At   time.Time  `json:"at"`
	From EventActor `json:"from"`
	Text string     `json:"text"`
}

// ConnectionStore keeps connections.
type ConnectionStore interface {
	// Connection returns the connection, or ErrNotFound.
	Connection(ctx context.Context, tenantID, id string) (Connection, error)

	// Connections returns all connections of the tenant, in ascending order of the ID.
	Connections(ctx context.Context, tenantID string) ([]Connection, error)

	// CreateConnection stores a new connection. ErrConflict if the ID is taken.
	CreateConnection(ctx context.Context, tenantID string, c Connection, events ...Event) (Connection, error)

	// UpdateConnection replaces the connection. ErrNotFound, ErrStale.
	UpdateConnection(ctx context.Context, tenantID string, c Connection, events ...Event) (Connection, error)

	// DeleteConnection removes the connection. ErrNotFound; ErrStale if version is not
	// zero and not the stored one. Domains and identities are the caller's to remove.
	DeleteConnection(ctx context.Context, tenantID, id string, version int64, events ...Event) error
}
