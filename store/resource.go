package store

import "context"

// SCIMResource is a resource of a type that the host registered with the SCIM
// package (RFC 7643 section 6), beside users and groups.
type SCIMResource struct {
	Meta
	// Type is the resource type's name; it is part of the record's identity.
	Type string `json:"-"`
	// ExternalID is the client's own identifier, empty if it sent none.
	ExternalID string `json:"externalId,omitempty"`
	// Body is the resource as JSON without id and meta.
	Body []byte `json:"body"`
	// Keys are the values by which the resource can be found, and those that no other
	// resource of the tenant and type may have.
	Keys []Key `json:"keys,omitempty"`
}

// SCIMResourceStore is an optional interface of a [Store]: resources of types that
// a host registers. Without it only users and groups can be served.
type SCIMResourceStore interface {
	// SCIMResource returns the resource, or ErrNotFound.
	SCIMResource(ctx context.Context, tenantID, typ, id string) (SCIMResource, error)

	// SCIMResources returns a page of the tenant's resources of the type. A store may
	// leave the filter to the caller (Page.Exact).
	SCIMResources(ctx context.Context, tenantID, typ string, q Query) (Page[SCIMResource], error)

	// CreateSCIMResource stores a new resource. ErrConflict if its ID or one of its
	// Unique Keys is taken; of several concurrent creates with one of them exactly one
	// succeeds.
	CreateSCIMResource(ctx context.Context, tenantID string, r SCIMResource, events ...Event) (SCIMResource, error)

	// UpdateSCIMResource replaces the resource. ErrNotFound, ErrStale, or ErrConflict
	// if another resource has one of the Unique Keys; checked in this order.
	UpdateSCIMResource(ctx context.Context, tenantID string, r SCIMResource, events ...Event) (SCIMResource, error)

	// DeleteSCIMResource removes the resource. ErrNotFound; ErrStale if version is not
	// zero and not the stored one. The Unique Keys are free afterwards.
	DeleteSCIMResource(ctx context.Context, tenantID, typ, id string, version int64, events ...Event) error
}
