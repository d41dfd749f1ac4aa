package provisioning

import (
	"context"
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// field is the lock of a field that a tenant may leave to its people, and has not.
func (c *lockCheck) field(rec store.Account, phone bool) (Lock, error) {
	source, err := c.source()
	if err != nil {
		return Lock{}, err
	}
	what := "it"
	if phone {
		what = "their phone number"
	}
	return Lock{
		Locked: true, Code: CodeFieldLocked, Source: source, Since: rec.CreatedAt,
		Reason:      fmt.Sprintf("This user is managed by %s.", source),
		HowToChange: fmt.Sprintf("Change it in %s, or let people change %s in the SCIM preferences.", source, what),
	}, nil
}

// fieldFree says whether the tenant leaves a field to its people: by the SCIM attribute's
// name, or the last part of it, as givenName.
func fieldFree(ctx context.Context, tx store.Store, tenantID, field string) (bool, error) {
	list, err := tx.Directories(ctx, tenantID)
	for _, d := range list {
		for _, p := range tenant.FieldPolicies(d.Preferences) {
			if d.Enabled && p.UserEditable && (p.Field == field || strings.HasSuffix(p.Field, "."+field)) {
				return true, err
			}
		}
	}
	return false, err
}
