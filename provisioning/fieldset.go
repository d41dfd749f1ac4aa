package provisioning

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// The types of events about fields. After is the [FieldValue], without a code; in those about
// codes the value is masked.
const (
	EventFieldChanged   = eventPrefix + "field.changed"   // another value is in force, or it was confirmed
	EventFieldCode      = eventPrefix + "field.code"      // a code was asked for; Code says why it was not sent
	EventFieldConfirmed = eventPrefix + "field.confirmed" // the person confirmed a value
	EventFieldRefused   = eventPrefix + "field.refused"   // a wrong code; Code says more
)

// Values returns the declared fields of an account, the phone number first. An account that no directory
// provisions has none. The actor needs [tenant.ActionChangeOwnField] for itself,
// [tenant.ActionChangeField] for others.
func (f *Fields) Values(ctx context.Context, actor tenant.Actor, tenantID, accountID string) ([]FieldValue, error) {
	if err := f.allow(ctx, actor, tenantID, accountID); err != nil {
		return nil, err
	}
	rec, c, err := f.load(ctx, f.cfg.Store, tenantID, accountID, Field{})
	if r := refusalOf(err); r != nil && r.Code == CodeFieldNotManaged {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make([]FieldValue, len(f.fields))
	for i, d := range f.fields {
		out[i] = f.show(rec, c, d)
	}
	return out, nil
}

// Set changes a field by hand: an empty value clears it. The host gets it in the same
// transaction ([Target].UpdateProfile, or [FieldSetter]). Where the tenant wants values confirmed and this one was not,
// a code is sent to it; the one before stays in force until [Fields.Confirm], and is there in the answer
// with the value that waits. Setting it again sends another code. Where somebody lifted the lock
// ([FieldValue].Lifted) the value holds until that ends.
//
// The actor needs [tenant.ActionChangeOwnField] for itself, [tenant.ActionChangeField] for
// others. A [FieldRefusal] has the code field_unknown, field_not_managed (the host changes
// the field itself), field_locked, field_invalid, phone_invalid, resend_too_soon, too_many_codes, number_refused or
// code_not_sent; with the last two the answer tells how it is.
func (f *Fields) Set(ctx context.Context, actor tenant.Actor, tenantID, accountID, field, value string) (FieldValue, error) {
	if err := f.allow(ctx, actor, tenantID, accountID); err != nil {
		return FieldValue{}, err
	}
	d, err := f.declared(field)
	if err != nil {
		return FieldValue{}, err
	}
	if value, err = f.normalize(ctx, tenantID, d, value); err != nil {
		return FieldValue{}, err
	}
	return f.change(ctx, tenantID, accountID, d, func(tx store.Store, w *fieldWrite) error {
		if !w.editable() {
			return f.locked(ctx, tx, tenantID, accountID, d)
		}
		now, _ := w.inForce()
		switch {
		case value != "" && w.choice().MustConfirm && !w.confirmed(value):
			return w.start(ctx, tx, actor, value)
		case value == now && w.lifted == nil:
			w.have.Pending = nil // what waited is not wanted any more
			return nil
		}
		w.byHand(value)
		w.actor = actor
		return nil
	})
}

// SendCode sends a code for the value that waits, or if none does for the one in force that the person has not
// confirmed: a directory's number, or one from before it had to be. Only people themselves
// can ask for it; the actor needs [tenant.ActionChangeOwnField]. The refusals are those of
// [Fields.Set], own_field_only and nothing_to_confirm.
func (f *Fields) SendCode(ctx context.Context, actor tenant.Actor, tenantID, accountID, field string) (FieldValue, error) {
	d, err := f.ownField(ctx, actor, tenantID, accountID, field)
	if err != nil {
		return FieldValue{}, err
	}
	return f.change(ctx, tenantID, accountID, d, func(tx store.Store, w *fieldWrite) error {
		value, _ := w.inForce()
		if w.have.Pending != nil {
			value = w.have.Pending.Value
		}
		if value == "" || w.confirmed(value) {
			return refuseField(CodeNothingToConfirm, field, "There is nothing to confirm.")
		}
		return w.start(ctx, tx, actor, value)
	})
}

// Confirm takes the code that was sent to the value that waits, and puts that in force. A
// code is good once, for this account, field and value, and not after another one was sent. Confirming what is
// confirmed already changes nothing, so that a form may be sent twice.
//
// Only people themselves can confirm; the actor needs [tenant.ActionChangeOwnField]. A
// [FieldRefusal] has the code field_unknown, field_not_managed, own_field_only,
// nothing_to_confirm, code_wrong, code_expired, too_many_attempts or confirm_changed.
func (f *Fields) Confirm(ctx context.Context, actor tenant.Actor, tenantID, accountID, field, code string) (FieldValue, error) {
	d, err := f.ownField(ctx, actor, tenantID, accountID, field)
	if err != nil {
		return FieldValue{}, err
	}
	var refusal *FieldRefusal
	v, err := f.change(ctx, tenantID, accountID, d, func(tx store.Store, w *fieldWrite) (err error) {
		refusal, err = f.confirm(ctx, tx, actor, w, code)
		return err
	})
	if err == nil && refusal != nil {
		return v, refusal
	}
	return v, err
}

// confirm looks at a code. A refusal is returned beside the error, since the guess counts
// and its event is written although nothing else happens.
func (f *Fields) confirm(ctx context.Context, tx store.Store, actor tenant.Actor, w *fieldWrite, code string) (*FieldRefusal, error) {
	now, p := f.cfg.Now(), w.have.Pending
	if p == nil {
		if v := f.show(w.rec, w.c, w.field); v.Confirmed {
			return nil, nil
		}
		return refuseField(CodeNothingToConfirm, w.field.Name, "There is nothing to confirm. Ask for a code first."), nil
	}
	no := func(code, message string) *FieldRefusal {
		w.tell(actor, EventFieldRefused, FieldValue{Field: w.field.Name, Value: masked(p.Value)}, code, message)
		return refuseField(code, w.field.Name, message)
	}
	// Of a code that is over the journal tells once: whoever goes on trying must not fill it.
	once := func(code, message string) (*FieldRefusal, error) {
		if first, err := f.firstTime(ctx, tx, w.tenantID, *p, code); err != nil {
			return nil, err
		} else if first {
			return no(code, message), nil
		}
		return refuseField(code, w.field.Name, message), nil
	}
	if !now.Before(p.ExpiresAt) {
		return once(CodeCodeExpired, "This code is too old. Ask for another one.")
	}
	switch ok, err := f.attempt(ctx, tx, w.tenantID, *p); {
	case err != nil:
		return nil, err
	case !ok:
		return once(CodeTooManyAttempts, "There were too many attempts with this code. Ask for another one.")
	}
	_, err := tx.TakeToken(ctx, w.tenantID, tokenCode, codeKey(w.tenantID, w.rec.ID, w.field, *p, plainCode(code)), now)
	if notFound(err) {
		if again, err := tx.Account(ctx, w.tenantID, w.rec.ID); err != nil || again.Version != w.rec.Version {
			return nil, errOr(err, errAgain) // the same form, sent twice at once
		}
		return no(CodeCodeWrong, "This is not the code that was sent. Look again, or ask for another one."), nil
	}
	if err != nil {
		return nil, err
	}
	if err := f.noWait(ctx, tx, w.tenantID, w.rec.ID, p.SentAt); err != nil { // the code arrived; the next is for something else
		return nil, err
	}
	inForce, _ := w.inForce()
	if p.Value != inForce && !w.editable() {
		w.have.Pending = nil
		return no(CodeConfirmChanged, "Meanwhile your organisation left this to its directory. Nothing was changed."), nil
	}
	w.confirm(p.Value, p.Value != inForce)
	w.actor = actor
	w.tell(actor, EventFieldConfirmed, f.show(w.rec, w.c, w.field, w.have), "", "")
	return nil, nil
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// fieldWrite is a change of one field in the making.
type fieldWrite struct {
	f        *Fields
	tenantID string
	rec      store.Account
	c        choices
	field    Field
	have     store.AccountField
	// lifted is the override of the field's lock, or nil; given says that the host is to get the
	// field although its lock is lifted.
	lifted  *store.LockOverride
	given   bool
	actor   tenant.Actor // who changed it, zero for the rules
	events  []store.Event
	message *CodeMessage // to be sent afterwards
}

func (w *fieldWrite) choice() tenant.FieldPolicy { return w.c.of[w.field.Name] }

func (w *fieldWrite) tell(actor tenant.Actor, typ string, v FieldValue, code, message string) {
	ev := w.f.event(typ, eventActor(actor), w.rec, v)
	ev.Origin, ev.Code, ev.Message = actor.Origin.Event(), code, message
	w.events = append(w.events, ev)
}

func (w *fieldWrite) start(ctx context.Context, tx store.Store, actor tenant.Actor, value string) error {
	have, m, err := w.f.startCode(ctx, tx, w.tenantID, w.rec.ID, w.field, w.have, value)
	if err != nil {
		return err
	}
	w.have, w.message = have, &m
	w.tell(actor, EventFieldCode, FieldValue{Field: w.field.Name, Value: masked(value)}, "", "")
	return nil
}

// change runs fn on one field in a transaction, writes down what came of it, gives it to the
// host, and sends the message that fn left.
func (f *Fields) change(ctx context.Context, tenantID, accountID string, d Field, fn func(tx store.Store, w *fieldWrite) error) (FieldValue, error) {
	var w *fieldWrite
	err := f.inTx(ctx, func(tx store.Store) error {
		rec, c, err := f.load(ctx, tx, tenantID, accountID, d)
		if err != nil {
			return err
		}
		w = &fieldWrite{f: f, tenantID: tenantID, rec: rec, c: c, field: d, have: fieldOf(rec.Fields, d.Name), lifted: c.lifted(rec, d.Name)}
		before := w.have
		if err := fn(tx, w); err != nil {
			return err
		}
		if w.have == before && len(w.events) == 0 {
			return nil
		}
		if w.have != before {
			w.rec.Fields = putField(rec.Fields, w.have)
		}
		byHand := ""
		if w.given {
			byHand = d.Name
		}
		return f.write(ctx, tx, tenantID, &w.rec, c, w.actor, byHand, w.events)
	})
	if err != nil {
		return FieldValue{}, err
	}
	if w.message != nil {
		if err := f.send(ctx, *w.message); err != nil {
			rec, loadErr := f.cfg.Store.Account(context.WithoutCancel(ctx), tenantID, accountID)
			if loadErr != nil {
				return FieldValue{}, err
			}
			return f.show(rec, w.c, d), err
		}
	}
	return f.show(w.rec, w.c, d), nil
}

// load reads a provisioned account and the tenant's choices.
func (f *Fields) load(ctx context.Context, tx store.Store, tenantID, accountID string, d Field) (store.Account, choices, error) {
	rec, err := tx.Account(ctx, tenantID, accountID)
	if notFound(err) || err == nil && rec.SCIMUserID == "" {
		return rec, choices{}, refuseField(CodeFieldNotManaged, d.Name, "No directory provisions this account.")
	}
	if err != nil {
		return rec, choices{}, fmt.Errorf("provisioning: reading an account: %w", err)
	}
	c, err := f.choicesOf(ctx, tx, tenantID)
	return rec, c, err
}

// inTx runs fn in a transaction, again if somebody else was faster.
func (f *Fields) inTx(ctx context.Context, fn func(tx store.Store) error) error {
	for attempt := 1; ; attempt++ {
		err := f.cfg.Store.InTx(ctx, fn)
		if !errors.Is(err, store.ErrStale) || attempt == 50 || ctx.Err() != nil {
			return err
		}
	}
}

// isSelf says whether the actor is the person of the account. Staff act for others: their IDs may be of another kind.
func isSelf(actor tenant.Actor, accountID string) bool {
	switch actor.Kind {
	case tenant.ActorUser, tenant.ActorOwner:
		return accountID != "" && actor.ID == accountID
	}
	return false
}

func (f *Fields) allow(ctx context.Context, actor tenant.Actor, tenantID, accountID string) error {
	action := tenant.ActionChangeField
	if isSelf(actor, accountID) {
		action = tenant.ActionChangeOwnField
	}
	return tenant.Allow(ctx, f.cfg.Authorizer, actor, action, tenantID)
}

// ownField is for what only people themselves can do.
func (f *Fields) ownField(ctx context.Context, actor tenant.Actor, tenantID, accountID, field string) (Field, error) {
	if err := f.allow(ctx, actor, tenantID, accountID); err != nil {
		return Field{}, err
	}
	if !isSelf(actor, accountID) {
		return Field{}, refuseField(CodeOwnFieldOnly, field, "Only the person whose account it is can confirm this.")
	}
	return f.declared(field)
}

// show is a field as it is, or would be with other knowledge of it.
func (f *Fields) show(rec store.Account, c choices, d Field, have ...store.AccountField) FieldValue {
	known := fieldOf(rec.Fields, d.Name)
	if len(have) > 0 {
		known = have[0]
	}
	return valueOf(known, c.of[d.Name], c.lifted(rec, d.Name), f.cfg.Limits.ResendAfter)
}

func (f *Fields) event(typ string, actor store.EventActor, rec store.Account, v FieldValue) store.Event {
	now := f.cfg.Now()
	return store.Event{
		ID: store.NewID(now), Type: typ, At: now, Actor: actor, After: asJSON(v),
		Subject: store.EventSubject{Kind: subjectAccount, ID: rec.ID, Name: rec.Email},
	}
}
