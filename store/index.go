package store

import (
	"context"
	"time"
)

// Index is the only contract that looks across tenants: it answers which tenant a
// domain, an issuer or a piece of work belongs to, before the tenant is known. It
// returns references, never records; what it names is then read through the
// tenant's own methods, which check again.
type Index interface {
	// TenantOfDomain returns the domain record that holds this name as verified, an
	// A-label in lower case. ErrNotFound if there is none. At most one tenant can.
	TenantOfDomain(ctx context.Context, name string) (Ref, error)

	// ConnectionsByIssuer returns the active connections whose issuer is exactly this,
	// ordered by tenant and ID; customers of one provider may share an issuer.
	ConnectionsByIssuer(ctx context.Context, issuer string) ([]Ref, error)

	// ConnectionsByState returns up to limit connections in the state (at most
	// MaxLimit), ordered by tenant and ID, from the first after the given one: the
	// staff's queue.
	ConnectionsByState(ctx context.Context, state ConnectionState, after Ref, limit int) ([]Ref, error)

	// DomainsDue returns up to limit domains (at most MaxLimit) that are not Unwatched and
	// whose CheckAt is at or before the given time, ordered by CheckAt, tenant and ID, from
	// the first after the given one; the zero DomainDue is before all.
	DomainsDue(ctx context.Context, at time.Time, after DomainDue, limit int) ([]DomainDue, error)

	// DomainsContested returns up to limit domains (at most MaxLimit) whose ContestedAt is
	// set, ordered by tenant and ID, from the first after the given one.
	DomainsContested(ctx context.Context, after Ref, limit int) ([]Ref, error)

	// Tenants returns the IDs of tenants that have a connection, in byte order, from the
	// first after the given one, up to limit (at most MaxLimit).
	Tenants(ctx context.Context, after string, limit int) ([]string, error)

	// TenantsBehind returns the IDs of tenants whose journal has events after the
	// position of the named reader, in byte order, from the first after the given one,
	// up to limit (at most MaxLimit).
	TenantsBehind(ctx context.Context, reader, after string, limit int) ([]string, error)

	// TenantsInState returns the IDs of tenants whose [Lifecycle] is in the state, in byte order, from the first after the
	// given one, up to limit (at most MaxLimit). Of those in ServiceOn, which nearly all are, it returns the ones that have
	// Work.
	TenantsInState(ctx context.Context, state ServiceState, after string, limit int) ([]string, error)
}
