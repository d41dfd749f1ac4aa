package provisioning

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// FindingPhoneInvalid says that the directory's telephone number of a user can't be read. The user is
// accepted without it.
const FindingPhoneInvalid FindingCode = "phone_invalid"

// FindingFieldInvalid says the same of another field.
const FindingFieldInvalid FindingCode = "field_invalid"

// hearFields reads what the directory says about a person's fields, and writes the values in
// force into the profile.
func (l *loader) hearFields(ctx context.Context, p *person) {
	f := l.e.cfg.Fields
	if f == nil {
		return
	}
	p.heard = f.heardOf(ctx, l.tenantID, *p.user)
	var rec store.Account
	if p.record != nil {
		rec = *p.record
	}
	rec.Fields = f.listen(rec.Fields, p.heard)
	p.profile = f.into(p.profile, rec, l.s.fields)
}

// choices are the tenant's, read once for a plan.
func (a *applier) choices(ctx context.Context, tx store.Store) (choices, error) {
	if a.fields == nil {
		c, err := a.e.cfg.Fields.choicesOf(ctx, tx, a.tenantID)
		if err != nil {
			return c, err
		}
		a.fields = &c
	}
	return *a.fields, nil
}

// firstFields notes what the directory says about a new account, which was made with it.
func (a *applier) firstFields(ctx context.Context, tx store.Store, p *personPlan, rec *store.Account) ([]Field, error) {
	f := a.e.cfg.Fields
	if f == nil || p.heard == nil {
		return nil, nil
	}
	c, err := a.choices(ctx, tx)
	if err != nil {
		return nil, err
	}
	rec.Fields = f.listen(rec.Fields, p.heard)
	a.reportFields(p, rec)
	given, _ := f.due(rec, c, tenant.Actor{}, "") // the event of the account's making tells it
	return given, nil
}

// giveExtra brings the host the fields that are no part of a profile.
func (a *applier) giveExtra(ctx context.Context, tx store.Store, rec store.Account, given []Field) error {
	for _, d := range given {
		if inProfile(d.Name) {
			continue
		}
		c, err := a.choices(ctx, tx)
		if err != nil {
			return err
		}
		if err := a.e.cfg.Fields.setField(ctx, tx, a.tenantID, rec, c, d); err != nil {
			return err
		}
	}
	return nil
}

// bringFields takes a directory's write into what is known of the account's fields, and
// returns the profile with what is in force. It writes the account in any case, so that a
// change by hand at the same moment waits, or makes this one begin again.
func (a *applier) bringFields(ctx context.Context, tx store.Store, p *personPlan) (Profile, error) {
	f := a.e.cfg.Fields
	if f == nil || p.heard == nil {
		return p.profile, nil
	}
	c, err := a.choices(ctx, tx)
	if err != nil {
		return Profile{}, err
	}
	rec, err := tx.Account(ctx, a.tenantID, p.accountID)
	if err != nil {
		return Profile{}, err
	}
	before := fieldOf(rec.Fields, tenant.FieldPhone)
	rec.Fields = f.listen(rec.Fields, p.heard)
	a.reportFields(p, &rec)
	given, events := f.due(&rec, c, tenant.Actor{}, "")
	rec.UpdatedAt = a.e.cfg.Now()
	if rec, err = tx.UpdateAccount(ctx, a.tenantID, rec, events...); err != nil {
		return Profile{}, err
	}
	if err := a.giveExtra(ctx, tx, rec, given); err != nil {
		return Profile{}, err
	}
	profile := f.into(p.profile, rec, c)
	// What the host had before the directory said anything is the person's, as far as we know,
	// and stays until the directory says something else.
	phone := fieldOf(rec.Fields, tenant.FieldPhone)
	unchanged := before.DirectoryAt.IsZero() || before.Given == phone.Given && before.Usable == phone.Usable
	profile.KeepPhone = c.lifted(rec, tenant.FieldPhone) != nil || c.of[tenant.FieldPhone].UserEditable && phone.OwnAt.IsZero() && unchanged
	return profile, nil
}

// adoptFields takes what an account has as the person's own before the directory's values
// come to it.
func (a *applier) adoptFields(ctx context.Context, tx store.Store, p *personPlan, rec *store.Account) error {
	f := a.e.cfg.Fields
	if f == nil || p.heard == nil {
		return nil
	}
	if len(rec.Fields) == 0 {
		host, ok := f.cfg.Target.(FieldReader)
		if !ok {
			return nil // see bringFields
		}
		var values []HostField
		err := f.target.call(ctx, "FieldsOf", func(ctx context.Context) (err error) {
			values, err = host.FieldsOf(ctx, tx, a.tenantID, rec.ID)
			return err
		})
		if err != nil {
			return hostErr("read the fields of an account", err)
		}
		a.takeOver(ctx, rec, values)
	}
	rec.Fields = f.listen(rec.Fields, p.heard)
	a.reportFields(p, rec)
	return nil // the first write of the directory brings what is in force
}

func (a *applier) takeOver(ctx context.Context, rec *store.Account, values []HostField) {
	f, now := a.e.cfg.Fields, a.e.cfg.Now()
	for _, v := range values {
		d, err := f.declared(v.Field)
		if err != nil || v.Value == "" {
			continue
		}
		value, err := f.normalize(ctx, a.tenantID, d, v.Value)
		if err != nil {
			value = v.Value // the host has it so
		}
		have := own(fieldOf(rec.Fields, d.Name), value, now)
		if v.Confirmed {
			have.Confirmed, have.ConfirmedAt = value, store.Time(now)
		}
		have.Given = value
		rec.Fields = putField(rec.Fields, have)
	}
}

// reportFields finds fault with values that cannot be read.
func (a *applier) reportFields(p *personPlan, rec *store.Account) {
	for _, d := range a.e.cfg.Fields.fields {
		have := fieldOf(rec.Fields, d.Name)
		if have.Refused == "" {
			continue
		}
		finding := Finding{
			Code: FindingFieldInvalid, SCIMUserID: p.scimUserID, AccountID: rec.ID, Person: p.profile.label(),
			Message: fmt.Sprintf("The directory's value of %s cannot be kept: it is too long, or has several lines.", d.Name),
		}
		if d.Phone {
			finding.Code = FindingPhoneInvalid
			finding.Message = fmt.Sprintf("The directory's telephone number %q cannot be read. Enter it there with the country's code, such as +49 30 123456.", have.Refused)
		}
		if !slices.Contains(a.found, finding) {
			a.found = append(a.found, finding)
		}
	}
}

// settleFields gives the host what is in force by the tenant's present choices. It holds up
// nothing: what fails is logged, and done by the next reconcile.
func (e *Engine) settleFields(ctx context.Context, tenantID string) {
	if e.cfg.Fields == nil {
		return
	}
	if _, err := e.cfg.Fields.Settle(ctx, tenantID); err != nil {
		e.cfg.Logger.WarnContext(ctx, "provisioning: fields of some accounts could not be settled", "tenant", tenantID, "error", err)
	}
}
