package records

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// TenantOfDomain implements store.Index.
func (s Setup) TenantOfDomain(ctx context.Context, name string) (store.Ref, error) {
	return s.backend.RefByUnique(ctx, kindDomain, verifiedDomain(name))
}

// ConnectionsByIssuer implements store.Index.
func (s Setup) ConnectionsByIssuer(ctx context.Context, issuer string) ([]store.Ref, error) {
	return s.backend.RefsByIndex(ctx, kindConnection, Index{Name: "issuer", Value: joined(issuer)}, store.Ref{}, 0)
}

// ConnectionsByState implements store.Index.
func (s Setup) ConnectionsByState(ctx context.Context, state store.ConnectionState, after store.Ref, limit int) ([]store.Ref, error) {
	return s.backend.RefsByIndex(ctx, kindConnection, Index{Name: StateIndex, Value: string(state)}, after, store.Query{Limit: limit}.ClampLimit())
}

// DomainsDue implements store.Index.
func (s Setup) DomainsDue(ctx context.Context, at time.Time, after store.DomainDue, limit int) ([]store.DomainDue, error) {
	from := Place{Value: dueValue(after.At), Ref: after.Ref}
	places, err := s.backend.RefsUpTo(ctx, kindDomain, Index{Name: domainDue, Value: dueValue(at)}, from, store.Query{Limit: limit}.ClampLimit())
	if err != nil {
		return nil, err
	}
	out := make([]store.DomainDue, len(places))
	for i, p := range places {
		out[i].Ref = p.Ref
		if p.Value == "" {
			continue
		}
		if out[i].At, err = time.Parse(time.RFC3339Nano, p.Value); err != nil {
			return nil, fmt.Errorf("store: domain %s is due at %q: %w", p.ID, p.Value, err)
		}
	}
	return out, nil
}

// DomainsContested implements store.Index.
func (s Setup) DomainsContested(ctx context.Context, after store.Ref, limit int) ([]store.Ref, error) {
	return s.backend.RefsByIndex(ctx, kindDomain, domainContested(), after, store.Query{Limit: limit}.ClampLimit())
}

// Tenants implements store.Index.
func (s Setup) Tenants(ctx context.Context, after string, limit int) ([]string, error) {
	return s.backend.TenantsWith(ctx, kindConnection, after, store.Query{Limit: limit}.ClampLimit())
}

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// asStale makes ErrStale of a conflict or a missing row; other errors stay.
func asStale(kind string, err error) error {
	if errors.Is(err, store.ErrConflict) || isNotFound(err) {
		return fmt.Errorf("%s: %w", kind, store.ErrStale)
	}
	return err
}
