package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// write stores what is known of an account's fields, tells the journal what is in force now, and
// gives the host what changed for it. actor is who changed it, zero for the rules; byHand is the field
// that was changed by hand, if one was.
func (f *Fields) write(ctx context.Context, tx store.Store, tenantID string, rec *store.Account, c choices, actor tenant.Actor, byHand string, events []store.Event) error {
	given, changed := f.due(rec, c, actor, byHand)
	rec.UpdatedAt = f.cfg.Now()
	stored, err := tx.UpdateAccount(ctx, tenantID, *rec, append(events, changed...)...)
	if err != nil {
		return err
	}
	*rec = stored
	return f.give(ctx, tx, tenantID, *rec, c, given)
}

// due notes in rec what the host is to get, and returns the fields that changed for it and
// their events. A field whose lock somebody lifted is left as it is, unless it is the one that was changed
// by hand.
func (f *Fields) due(rec *store.Account, c choices, actor tenant.Actor, byHand string) (given []Field, events []store.Event) {
	who := system
	if actor != (tenant.Actor{}) {
		who = eventActor(actor)
	}
	for _, d := range f.fields {
		have := fieldOf(rec.Fields, d.Name)
		lifted := c.lifted(*rec, d.Name) != nil
		if lifted && d.Name != byHand {
			continue
		}
		if !lifted && have.Lifted != nil {
			have.Lifted = nil
			rec.Fields = putField(rec.Fields, have)
		}
		v := f.show(*rec, c, d)
		same := have.Given == v.Value && have.Usable == v.Usable()
		if same && !have.Again {
			continue
		}
		given = append(given, d)
		if !same {
			ev := f.event(EventFieldChanged, who, *rec, v)
			ev.Origin = actor.Origin.Event()
			if have.Given != "" {
				ev.Before = asJSON(FieldValue{Field: d.Name, Value: have.Given})
			}
			events = append(events, ev)
		}
		have.Given, have.Usable, have.Again = v.Value, v.Usable(), false
		rec.Fields = putField(rec.Fields, have)
	}
	return given, events
}

// give brings fields to the host.
func (f *Fields) give(ctx context.Context, tx store.Store, tenantID string, rec store.Account, c choices, given []Field) error {
	var inside []string
	for _, d := range given {
		if inProfile(d.Name) {
			inside = append(inside, d.Name)
		} else if err := f.setField(ctx, tx, tenantID, rec, c, d); err != nil {
			return err
		}
	}
	if len(inside) == 0 {
		return nil
	}
	u, err := tx.SCIMUser(ctx, tenantID, rec.SCIMUserID)
	if notFound(err) {
		return nil // the directory deleted the user just now; access ends with the next sync
	}
	if err != nil {
		return fmt.Errorf("provisioning: reading a user: %w", err)
	}
	p := f.into(ProfileOf(u), rec, c)
	p.Email = cmp.Or(rec.Email, p.Email) // the sync alone changes addresses
	// The others are not changed by this: what is lifted, and a number that only the host knows, stay.
	if !slices.Contains(inside, tenant.FieldPhone) {
		p.KeepPhone = c.lifted(rec, tenant.FieldPhone) != nil || c.of[tenant.FieldPhone].UserEditable && fieldOf(rec.Fields, tenant.FieldPhone).OwnAt.IsZero()
	}
	l := c.lift(rec)
	p.Keep = l.keep(inside...)
	if l.of("email") != nil {
		list, err := f.target.Accounts(ctx, tx, tenantID, []string{rec.ID})
		if err != nil {
			return hostErr("read accounts", err)
		}
		if len(list) == 1 {
			p.Email = list[0].Email
		}
	}
	return hostErr("update a profile", f.target.UpdateProfile(ctx, tx, tenantID, rec.ID, p))
}

func (f *Fields) setField(ctx context.Context, tx store.Store, tenantID string, rec store.Account, c choices, d Field) error {
	host, ok := f.cfg.Target.(FieldSetter)
	if !ok {
		return hostErr("set a field", errors.ErrUnsupported) // refused by NewFields
	}
	return hostErr("set a field", f.target.call(ctx, "SetField", func(ctx context.Context) error {
		return host.SetField(ctx, tx, tenantID, rec.ID, f.show(rec, c, d))
	}))
}

// into writes the values in force into a profile.
func (f *Fields) into(p Profile, rec store.Account, c choices) Profile {
	for _, d := range f.fields {
		v := f.show(rec, c, d)
		if v.Lifted != nil && v.Value == "" && fieldOf(rec.Fields, d.Name).Lifted == nil {
			continue // the host leaves it, and what it has is not known
		}
		switch d.Name {
		case tenant.FieldPhone:
			p.Phone, p.PhoneConfirmed, p.PhoneMustConfirm, p.KeepPhone = v.Value, v.Confirmed, v.MustConfirm, false
		case attrDisplayName:
			p.DisplayName = v.Value
		case attrGivenName:
			p.GivenName = v.Value
		case attrFamilyName:
			p.FamilyName = v.Value
		}
	}
	return p
}

// listen takes what the directory says about a user into what is known of the fields.
func (f *Fields) listen(fields []store.AccountField, said []heard) []store.AccountField {
	for i, d := range f.fields {
		have := fieldOf(fields, d.Name)
		if next := hear(have, said[i], d.Phone && f.cfg.StrictPhones); next != have {
			fields = putField(fields, next)
		}
	}
	return fields
}

// Settle gives the host what is in force by the tenant's present choices, for all accounts
// for which that is something else than it was given: after a preference changed. It returns how
// many there were, and goes on after an account that fails; the error joins those of the first hundred. It
// may be stopped and called again at any time. The [Engine] does it when a directory's preferences
// changed, and when it reconciles.
func (f *Fields) Settle(ctx context.Context, tenantID string) (n int, err error) {
	var errs []error
	for a, err := range pages(func(after string) (store.Page[store.Account], error) {
		return f.cfg.Store.Accounts(ctx, tenantID, store.Query{After: after})
	}) {
		if err != nil {
			return n, errors.Join(append(errs, err)...)
		}
		if len(a.Fields) == 0 || a.SCIMUserID == "" {
			continue
		}
		did, err := f.settle(ctx, tenantID, a.ID)
		if did {
			n++
		}
		if refusalOf(err) != nil {
			continue // no directory has the account any more
		}
		if ctx.Err() != nil {
			return n, errors.Join(append(errs, ctx.Err())...)
		}
		if err != nil && len(errs) < 100 {
			errs = append(errs, fmt.Errorf("provisioning: settling account %s: %w", a.ID, err))
		}
	}
	return n, errors.Join(errs...)
}

func (f *Fields) settle(ctx context.Context, tenantID, accountID string) (did bool, err error) {
	err = f.inTx(ctx, func(tx store.Store) error {
		did = false
		rec, c, err := f.load(ctx, tx, tenantID, accountID, Field{})
		if err != nil {
			return err
		}
		before := rec
		if given, _ := f.due(&before, c, tenant.Actor{}, ""); len(given) == 0 {
			return nil
		}
		did = true
		return f.write(ctx, tx, tenantID, &rec, c, tenant.Actor{}, "", nil)
	})
	return did && err == nil, err
}
