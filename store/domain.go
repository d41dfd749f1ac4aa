package store

import (
	"context"
	"slices"
	"time"
)

// DomainState says how far the proof of a domain has come.
type DomainState string

// The states of a domain.
const (
	// DomainPending is claimed, not proven. It keeps nobody else from claiming it.
	DomainPending DomainState = "pending"
	// DomainVerified is proven. Only one tenant can hold a name in this state.
	DomainVerified DomainState = "verified"
)

// Domain is an e-mail domain that a tenant claims.
type Domain struct {
	Meta
	// ConnectionID is the connection whose sign-in serves the domain: the first choice
	// where there are others.
	ConnectionID string `json:"connectionId"`
	// OtherConnections serve the domain too, in the order in which people are offered them.
	OtherConnections []string `json:"otherConnections,omitempty"`
	// Name is the A-label form in lower case without a trailing dot.
	Name  string      `json:"name"`
	State DomainState `json:"state"`
	// Token is the value that proves control when it is found at the domain. It is
	// public by nature.
	Token string `json:"token"`
	// Method says what proved the domain: "dns_txt", "http_file", "staff", or a
	// validator's own name.
	Method     string    `json:"method,omitempty"`
	VerifiedAt time.Time `json:"verifiedAt,omitzero"`
	CheckedAt  time.Time `json:"checkedAt,omitzero"`
	// Finding is what the last check found.
	Finding *CheckResult `json:"finding,omitempty"`
	// Subdomains lets addresses in sub-domains sign in too.
	Subdomains bool `json:"subdomains,omitempty"`

	// CheckAt is when the domain is to be looked at next ([Index.DomainsDue]). Zero, as in
	// records that nobody has looked at, means now.
	CheckAt time.Time `json:"checkAt,omitzero"`
	// Unwatched says that it is not to be looked at, whatever CheckAt is.
	Unwatched bool `json:"unwatched,omitempty"`
	// Edited is the version that was written last when something else than what a check found
	// was changed: whoever read that version or a later one knows what is to be known.
	Edited int64 `json:"edited,omitempty"`
	// SoughtSince is since when the proof of a pending domain is looked for.
	SoughtSince time.Time `json:"soughtSince,omitzero"`
	// MissingSince is when the proof of a verified domain was first found missing; zero
	// while it stands.
	MissingSince time.Time `json:"missingSince,omitzero"`
	// Warned is the longest time of missing that its owners were warned of since then.
	Warned time.Duration `json:"warned,omitempty"`
	// ContestedAt is since when the tenant proves control of a name that another tenant
	// holds ([Index.DomainsContested]); zero if it does not.
	ContestedAt time.Time `json:"contestedAt,omitzero"`
}

// DomainDue is a place in the list of domains that are to be looked at.
type DomainDue struct {
	Ref
	// At is the domain's CheckAt.
	At time.Time
}

// Connections are the IDs of all connections that serve the domain, the first choice
// first.
func (d Domain) Connections() []string {
	if d.ConnectionID == "" {
		return slices.Clone(d.OtherConnections)
	}
	return append([]string{d.ConnectionID}, d.OtherConnections...)
}

// ServedBy says whether the connection is one of [Domain.Connections].
func (d Domain) ServedBy(connectionID string) bool {
	return d.ConnectionID == connectionID || slices.Contains(d.OtherConnections, connectionID)
}

// DomainStore keeps domains.
type DomainStore interface {
	// Domain returns the domain, or ErrNotFound.
	Domain(ctx context.Context, tenantID, id string) (Domain, error)

	// Domains returns all domains of the tenant, in ascending order of the ID.
	Domains(ctx context.Context, tenantID string) ([]Domain, error)

	// CreateDomain stores a new domain. ErrConflict if the ID is taken, the tenant has
	// a domain of that name, or it is verified and so is another tenant's.
	CreateDomain(ctx context.Context, tenantID string, d Domain, events ...Event) (Domain, error)

	// UpdateDomain replaces the domain. ErrNotFound, ErrStale, or ErrConflict as for
	// CreateDomain: of several tenants that become verified at once exactly one
	// succeeds.
	UpdateDomain(ctx context.Context, tenantID string, d Domain, events ...Event) (Domain, error)

	// DeleteDomain removes the domain. ErrNotFound; ErrStale if version is not zero and
	// not the stored one.
	DeleteDomain(ctx context.Context, tenantID, id string, version int64, events ...Event) error
}
