package host

import (
	"net/http"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
	"github.com/tenantgate/tenantgate/tenant/portal"
)

// Visitor is portal.Config.Authorize: who is at the browser by the product's own session, and whether they may do this. Whoever
// does not belong to the organisation learns nothing, not even whether it exists.
func (d *DB) Visitor(r *http.Request, tenantID string, action tenant.Action) (portal.Visitor, error) {
	_, u, ok, err := d.Session(r, time.Now())
	switch {
	case err != nil:
		return portal.Visitor{}, err
	case !ok:
		return portal.Visitor{}, portal.ErrSignIn
	case u.OrgID != StaffOrg && u.OrgID != tenantID:
		return portal.Visitor{}, store.ErrNotFound
	}
	return portal.Visitor{Actor: Actor(u)}, d.Can(r.Context(), Actor(u), action, tenantID)
}
