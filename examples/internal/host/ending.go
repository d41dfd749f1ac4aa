package host

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// People tells who of the product's people has another way in when a customer's sign-on ends.
type People struct {
	DB *DB
	// Mail sends a person an offer. A product queues its mails through tx, so that each goes out once.
	Mail func(ctx context.Context, tx store.Store, orgID string, p tenant.Person, o tenant.Offer) error
}

var _ tenant.People = People{}

// People implements tenant.People.
func (h People) People(ctx context.Context, tenantID string, ids []string) ([]tenant.Person, error) {
	org, err := h.DB.Org(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	var out []tenant.Person
	for _, id := range ids {
		u, err := h.DB.User(ctx, nil, tenantID, id)
		if errors.Is(err, ErrNoUser) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, tenant.Person{
			AccountID: u.ID, Email: u.Email, Active: u.Active, Owner: u.OrgRole == RoleOwner, Root: u.ID == org.RootUserID,
			LocalCredential: u.passwordHash != "",
		})
	}
	return out, nil
}

// OfferWayIn implements tenant.People.
func (h People) OfferWayIn(ctx context.Context, tx store.Store, tenantID string, p tenant.Person, o tenant.Offer) error {
	return h.Mail(ctx, tx, tenantID, p, o)
}
