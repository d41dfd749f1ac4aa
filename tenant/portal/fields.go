package portal

import (
	"net/url"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// fieldChoice is what an owner chose for a field that the host lets them choose about.
type fieldChoice struct {
	Field             string
	Editable, Confirm bool
}

// fieldChoices are those for all fields beside the phone number, in the host's order.
func (v *visit) fieldChoices(p store.SCIMPreferences) []fieldChoice {
	var out []fieldChoice
	for _, name := range v.h.cfg.Tenants.SCIMFields() {
		c := fieldChoice{Field: name}
		if i := slices.IndexFunc(p.Fields, func(f store.FieldPreference) bool { return f.Field == name }); i >= 0 {
			c.Editable, c.Confirm = p.Fields[i].UserEditable, p.Fields[i].MustConfirm
		}
		out = append(out, c)
	}
	return out
}

// typedFields are those of a form. A field that the host has no choice about is taken along, so that it is refused.
func typedFields(values url.Values) []store.FieldPreference {
	var out []store.FieldPreference
	for _, name := range values["field_editable"] {
		out = append(out, store.FieldPreference{Field: name, UserEditable: true, MustConfirm: slices.Contains(values["field_confirm"], name)})
	}
	for _, name := range values["field_confirm"] {
		if !slices.Contains(values["field_editable"], name) {
			out = append(out, store.FieldPreference{Field: name, MustConfirm: true})
		}
	}
	return out
}

// typedPreferences are the preferences of a form.
func typedPreferences(values url.Values) store.SCIMPreferences {
	return store.SCIMPreferences{
		Wanted: true, PhoneEditable: values.Get("phone_editable") != "", PhoneUnconfirmed: values.Get("phone_confirm") == "", Fields: typedFields(values),
	}
}
