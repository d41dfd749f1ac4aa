package provisioning

import (
	"context"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// locked is the refusal of a field that the tenant leaves to the directory, with the lock's
// explanation.
func (f *Fields) locked(ctx context.Context, tx store.Store, tenantID, accountID string, d Field) error {
	cfg := LocksConfig{Store: f.cfg.Store, UserFields: []string{d.Name}}
	if d.Name == tenant.FieldPhone {
		cfg.PhoneField = d.Name
	}
	locks, err := NewLocks(cfg)
	if err != nil {
		return err
	}
	lock, err := locks.CheckTx(ctx, tx, tenantID, Resource{Kind: ResourceUser, AccountID: accountID}, d.Name, OpUpdate)
	if err != nil {
		return err
	}
	lock.Code = CodeFieldLocked
	r := refuseField(CodeFieldLocked, d.Name, strings.TrimSpace(lock.Reason+" "+lock.HowToChange))
	r.Lock = lock
	return r
}

// fieldFreeIn says whether one of a tenant's directories leaves a field to people: by the SCIM
// attribute's name, or the last part of it, as givenName.
func fieldFreeIn(list []store.Directory, field string) bool {
	return slices.ContainsFunc(list, func(d store.Directory) bool {
		return d.Enabled && slices.ContainsFunc(tenant.FieldPolicies(d.Preferences), func(p tenant.FieldPolicy) bool {
			return p.UserEditable && (p.Field == field || strings.HasSuffix(p.Field, "."+field))
		})
	})
}
