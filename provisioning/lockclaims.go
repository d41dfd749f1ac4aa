package provisioning

import (
	"context"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// byClaim says whether what gave something is a claim's value.
func byClaim(id string) bool {
	a, _, _ := valueIn(id)
	return a == store.AuthorityClaims
}

// byClaims says that nothing but claims gave it.
func (m managed) byClaims() bool {
	return len(m.groups) > 0 && !slices.ContainsFunc(m.groups, func(id string) bool { return !byClaim(id) })
}

// claimsLifted says why no claims are heard: no sign-in at a connection that counts can bring any.
func (r *lockReader) claimsLifted(ctx context.Context, a store.RoleAuthority, connections []store.Connection) (LockLift, error) {
	lift := LiftedConnection
	for _, c := range connections {
		if c.State != store.ConnectionActive || c.ChangeOf != "" || a.ConnectionID != "" && a.ConnectionID != c.ID {
			continue
		}
		refusal, err := tenant.CheckDirectory(ctx, r.tx, r.tenantID, c.ID)
		if err != nil || refusal == nil {
			return "", err
		}
		lift = liftOf(refusal.Code)
	}
	return lift, nil
}
