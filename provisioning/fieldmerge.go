package provisioning

import (
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// FieldSource says whose value of a field is in force.
type FieldSource string

// The sources. A field that nobody gave a value has none.
const (
	FieldFromDirectory FieldSource = "idp"
	FieldFromUser      FieldSource = "user"
)

// heard is what a directory's write says about a field.
type heard struct {
	value string
	// refused is a value that could not be read; value is empty then.
	refused string
	// at is when the directory wrote it.
	at time.Time
}

// hear takes what the directory says into what is known of a field. The same value again
// changes nothing, so that a later value of the person's stays. strict takes a value that cannot
// be read for none; otherwise the one before stays.
func hear(f store.AccountField, h heard, strict bool) store.AccountField {
	f.Refused = h.refused
	if h.refused != "" && !strict || h.value == f.Directory {
		return f
	}
	f.Directory = h.value
	if f.DirectoryAt.Before(h.at) { // a clock that went back makes nothing older
		f.DirectoryAt = store.Time(h.at)
	}
	return f
}

// own takes a person's value, or that it was cleared. It comes after all that the directory
// said so far, whatever its clock shows.
func own(f store.AccountField, value string, now time.Time) store.AccountField {
	f.Own, f.OwnAt, f.Pending = value, store.Time(now), nil
	if !f.OwnAt.After(f.DirectoryAt) {
		f.OwnAt = f.DirectoryAt.Add(time.Microsecond)
	}
	return f
}

// inForce says which value of a field counts. Of the directory's and the person's it is the one
// that changed last; a directory that has none leaves the person's. Where people may
// not change the field, their value counts only if they confirmed it: who had a
// confirmed number when the preference changed keeps it until the directory's changes.
func inForce(f store.AccountField, p tenant.FieldPolicy) (value string, source FieldSource) {
	mine := !f.OwnAt.IsZero() && (p.UserEditable || f.Own != "" && f.Own == f.Confirmed)
	switch {
	case mine && (f.Directory == "" || f.OwnAt.After(f.DirectoryAt)):
		return f.Own, FieldFromUser
	case f.Directory != "":
		return f.Directory, FieldFromDirectory
	}
	return "", ""
}

// FieldValue is one field of an account: the value in force, and where it is from.
type FieldValue struct {
	// Field is the SCIM attribute.
	Field string `json:"field"`
	// Value is in force; empty if there is none.
	Value string `json:"value,omitempty"`
	// Source says whose it is: of the directory's and the person's value the one that changed last.
	// A directory that has none leaves the person's. Where people may not change the field, an
	// own value counts only if it was confirmed.
	Source FieldSource `json:"source,omitempty"`
	// Since is when the source gave it.
	Since time.Time `json:"since,omitzero"`
	// Confirmed says that the person confirmed this very value.
	Confirmed bool `json:"confirmed"`
	// UserEditable and MustConfirm are the tenant's choice. See [FieldValue.Editable].
	UserEditable bool `json:"userEditable"`
	MustConfirm  bool `json:"mustConfirm"`
	// Lifted is the override by which the field may be changed until that ends; nil if nobody lifted its
	// lock. Value is then what was entered meanwhile, or else what the host was given last: what
	// it wrote into its own tables is not known here.
	Lifted *store.LockOverride `json:"lifted,omitempty"`
	// Directory and Own are what both said last, in force or not. DirectoryRefused is a
	// later value of the directory's that could not be read.
	Directory        string    `json:"directory,omitempty"`
	DirectoryAt      time.Time `json:"directoryAt,omitzero"`
	DirectoryRefused string    `json:"directoryRefused,omitempty"`
	Own              string    `json:"own,omitempty"`
	OwnAt            time.Time `json:"ownAt,omitzero"`
	// Pending is a value that is in force once it is confirmed; nil if none waits.
	Pending *PendingValue `json:"pending,omitempty"`
}

// PendingValue is a value that waits for its code.
type PendingValue struct {
	Value string `json:"value"`
	// ExpiresAt is until when the code is good, ResendAt from when on another can be sent.
	ExpiresAt time.Time `json:"expiresAt"`
	ResendAt  time.Time `json:"resendAt"`
}

// Editable says that the value may be changed by hand: the tenant leaves it to its people, or somebody
// lifted the lock.
func (v FieldValue) Editable() bool { return v.UserEditable || v.Lifted != nil }

// Usable says that the host may rely on the value: it was confirmed, or need not be.
func (v FieldValue) Usable() bool { return v.Value != "" && (v.Confirmed || !v.MustConfirm) }

// valueOf is a field as it is shown.
func valueOf(f store.AccountField, p tenant.FieldPolicy, lifted *store.LockOverride, resendAfter time.Duration) FieldValue {
	v := FieldValue{
		Field: p.Field, UserEditable: p.UserEditable, MustConfirm: p.MustConfirm, Lifted: lifted,
		Directory: f.Directory, DirectoryAt: f.DirectoryAt, DirectoryRefused: f.Refused, Own: f.Own, OwnAt: f.OwnAt,
	}
	v.Value, v.Source = inForceHere(f, p, lifted)
	v.Confirmed = v.Value != "" && v.Value == f.Confirmed
	switch {
	case lifted != nil && f.Lifted != nil:
		v.Since = f.Lifted.At
		v.Confirmed = v.Confirmed || v.Value != "" && f.Lifted.Confirmed
	case v.Source == FieldFromDirectory && v.Value == f.Directory:
		v.Since = f.DirectoryAt
	case v.Source == FieldFromUser:
		v.Since = f.OwnAt
	}
	if f.Pending != nil {
		v.Pending = &PendingValue{Value: f.Pending.Value, ExpiresAt: f.Pending.ExpiresAt, ResendAt: f.Pending.SentAt.Add(resendAfter)}
	}
	return v
}

// fieldOf returns what is known of a field; nothing if it never had a value.
func fieldOf(fields []store.AccountField, name string) store.AccountField {
	for _, f := range fields {
		if f.Field == name {
			return f
		}
	}
	return store.AccountField{Field: name}
}

// putField returns the fields with this one, in the order of their names, and leaves those
// that were given as they are.
func putField(fields []store.AccountField, f store.AccountField) []store.AccountField {
	out := slices.Clone(fields)
	i := slices.IndexFunc(out, func(have store.AccountField) bool { return have.Field >= f.Field })
	switch {
	case i < 0:
		return append(out, f)
	case out[i].Field == f.Field:
		out[i] = f
		return out
	}
	return slices.Insert(out, i, f)
}
