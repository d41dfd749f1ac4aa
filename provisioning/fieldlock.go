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
	cfg := LocksConfig{Store: f.cfg.Store, UserFields: []string{d.Name}, Fields: []string{d.Name}}
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

// heardIn says whether one of a tenant's directories is on and may give, which is what locks hold for.
func heardIn(ctx context.Context, tx store.Store, tenantID string, list []store.Directory) (bool, error) {
	for _, d := range list {
		if !d.Enabled {
			continue
		}
		refusal, err := tenant.CheckDirectory(ctx, tx, tenantID, d.ConnectionID)
		if err != nil || refusal == nil {
			return err == nil, err
		}
	}
	return false, nil
}

// movesChoices says whether an event may change who may change fields.
func movesChoices(ev store.Event) bool {
	switch ev.Type {
	case "connection.activated", "connection.suspended", "tenant.suspended", "tenant.resumed":
		return true
	case "tenant.plan_lapsed", "tenant.plan_renewed":
		return true
	}
	return strings.HasPrefix(ev.Type, "directory.")
}

// means says whether a lock's field is a SCIM attribute, or a part of it: by the attribute's name, or by
// that of a profile's field, as givenName.
func means(attribute, field string) bool {
	return slices.ContainsFunc(namesOf(attribute), func(n string) bool { return sameField(n, field) })
}

// fieldFreeIn says whether one of a tenant's directories leaves a field to people.
func fieldFreeIn(list []store.Directory, field string) bool {
	return slices.ContainsFunc(list, func(d store.Directory) bool {
		return d.Enabled && slices.ContainsFunc(tenant.FieldPolicies(d.Preferences), func(p tenant.FieldPolicy) bool {
			return p.UserEditable && means(p.Field, field)
		})
	})
}

// choiceIn finds the attribute that a field is among those about which tenants have a choice: the
// host's, and those about which this one chose.
func choiceIn(list []store.Directory, declared []string, field string) string {
	for _, d := range list {
		for _, p := range tenant.FieldPolicies(d.Preferences) {
			declared = append(slices.Clip(declared), p.Field)
		}
	}
	for _, attribute := range declared {
		if means(attribute, field) {
			return attribute
		}
	}
	return ""
}
