package provisioning

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// profileFields are the names of a [Profile]'s fields in locks, by the SCIM attributes that
// Fields knows, or by themselves.
var profileFields = map[string][]string{
	tenant.FieldPhone: {"phone"},
	attrDisplayName:   nil,
	attrGivenName:     {"givenName"},
	attrFamilyName:    {"familyName"},
	"email":           {"emails"},
	"userName":        nil,
	"externalId":      nil,
}

// namesOf are the names by which locks may call a SCIM attribute.
func namesOf(attribute string) []string {
	return append([]string{attribute}, profileFields[attribute]...)
}

// calls says whether the name of a lock's field means a SCIM attribute, or all of what it is a
// part of.
func calls(name, attribute string) bool {
	return slices.ContainsFunc(namesOf(attribute), func(n string) bool { return sameField(name, n) })
}

// userLift is what of a user somebody lifted the lock of.
type userLift struct {
	overrides []store.LockOverride // of this user
	phone     string               // another name of the phone number
}

// liftedOf finds it among the live overrides.
func liftedOf(live []store.LockOverride, accountID, phone string) userLift {
	l := userLift{phone: phone}
	user := Resource{Kind: ResourceUser, AccountID: accountID}
	for _, o := range live {
		if accountID != "" && overriddenResource(o) == user {
			l.overrides = append(l.overrides, o)
		}
	}
	return l
}

// whole says that all of the user is lifted.
func (l userLift) whole() bool {
	return slices.ContainsFunc(l.overrides, func(o store.LockOverride) bool { return o.Field == "" })
}

// of is the override of an attribute; nil if its lock is not lifted.
func (l userLift) of(attribute string) *store.LockOverride {
	for i, o := range l.overrides {
		if o.Field == "" || calls(o.Field, attribute) || attribute == tenant.FieldPhone && l.phone != "" && sameField(o.Field, l.phone) {
			return &l.overrides[i]
		}
	}
	return nil
}

// keep are the names of what an update of the profile leaves: what is lifted, but for the
// attributes that the update is for.
func (l userLift) keep(updated ...string) []string {
	var out []string
	add := func(names ...string) {
		for _, n := range names {
			if n != "" && !slices.ContainsFunc(out, func(have string) bool { return strings.EqualFold(have, n) }) {
				out = append(out, n)
			}
		}
	}
	for _, o := range l.overrides { // as they name them, if nothing of it is updated
		if !slices.ContainsFunc(updated, func(u string) bool {
			return l.of(u) != nil && (calls(o.Field, u) || u == tenant.FieldPhone && sameField(o.Field, l.phone))
		}) {
			add(o.Field)
		}
	}
	for _, attribute := range sortedKeys(profileFields) {
		if l.of(attribute) != nil && !slices.Contains(updated, attribute) {
			add(namesOf(attribute)...)
		}
	}
	if l.of(tenant.FieldPhone) != nil && !slices.Contains(updated, tenant.FieldPhone) {
		add(l.phone)
	}
	return out
}

// lifted is the live override of an account's field; nil if its lock is as the tenant chose.
func (c choices) lifted(rec store.Account, field string) *store.LockOverride {
	if len(c.overrides) == 0 {
		return nil
	}
	return c.lift(rec).of(field)
}

func (c choices) lift(rec store.Account) userLift { return liftedOf(c.overrides, rec.ID, c.phone) }

// editable says that people may change the field, or somebody lifted its lock.
func (w *fieldWrite) editable() bool { return w.choice().UserEditable || w.lifted != nil }

func (w *fieldWrite) inForce() (value string, source FieldSource) {
	return inForceHere(w.have, w.choice(), w.lifted)
}

// confirmed says that the person confirmed this value.
func (w *fieldWrite) confirmed(value string) bool {
	meanwhile := w.lifted != nil && w.have.Lifted != nil && w.have.Lifted.Confirmed && value == w.have.Lifted.Value
	return value != "" && (value == w.have.Confirmed || meanwhile)
}

// byHand takes a value that a person set. Under a lifted lock it is in force until that ends,
// beside what is known otherwise; where people may change the field anyway, it is their own, too.
func (w *fieldWrite) byHand(value string) {
	if w.lifted != nil {
		w.hold(value, w.confirmed(value))
	}
	if w.choice().UserEditable {
		w.have = own(w.have, value, w.f.cfg.Now())
	}
	w.have.Pending = nil
}

// confirm takes a value that the person confirmed; changed says that another is in force. What was
// confirmed under a lifted lock leaves what the person had confirmed before, which counts when that ends.
func (w *fieldWrite) confirm(value string, changed bool) {
	meanwhile := w.lifted != nil && (changed || w.have.Lifted != nil)
	if meanwhile {
		w.hold(value, true)
	}
	w.given = true
	if !meanwhile || w.choice().UserEditable {
		w.have.Confirmed, w.have.ConfirmedAt = value, store.Time(w.f.cfg.Now())
		if changed {
			w.have = own(w.have, value, w.f.cfg.Now())
		}
	}
	w.have.Pending = nil
}

// hold keeps a value under a lifted lock. The host is given it, whatever we know of what it has.
func (w *fieldWrite) hold(value string, confirmed bool) {
	w.have.Lifted = &store.LiftedField{Value: value, At: store.Time(w.f.cfg.Now()), Confirmed: confirmed}
	w.have.Again, w.given = true, true
}

// inForceHere is which value counts for an account: while somebody has lifted the lock, what was set
// by hand meanwhile, or what the host got last.
func inForceHere(f store.AccountField, p tenant.FieldPolicy, lifted *store.LockOverride) (value string, source FieldSource) {
	if lifted == nil {
		return inForce(f, p)
	}
	switch {
	case f.Lifted != nil:
		return f.Lifted.Value, FieldFromUser
	case f.Given == "":
		return "", ""
	case f.Given != f.Directory && !f.OwnAt.IsZero() && f.Given == f.Own:
		return f.Given, FieldFromUser
	}
	return f.Given, FieldFromDirectory
}

// markEnded notes on the accounts of overrides that ended that the host may have something else
// in their fields than it was given: it may have changed its own tables meanwhile.
func markEnded(ctx context.Context, tx store.Store, tenantID string, ended []store.LockOverride, now time.Time) error {
	done := map[string]bool{}
	for _, o := range ended {
		if ResourceKind(o.Kind) != ResourceUser || done[o.AccountID] {
			continue
		}
		done[o.AccountID] = true
		rec, err := tx.Account(ctx, tenantID, o.AccountID)
		if notFound(err) || err == nil && len(rec.Fields) == 0 {
			continue
		}
		if err != nil {
			return err
		}
		rec.Fields = slices.Clone(rec.Fields)
		for i := range rec.Fields {
			rec.Fields[i].Again = true
		}
		rec.UpdatedAt = now
		if _, err := tx.UpdateAccount(ctx, tenantID, rec); err != nil {
			return err
		}
	}
	return nil
}
