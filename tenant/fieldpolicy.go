package tenant

import (
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// FieldPolicy says what provisioned people may do with a value of their own.
type FieldPolicy struct {
	// Field is the SCIM attribute.
	Field string
	// UserEditable lets them change it in the host.
	UserEditable bool
	// MustConfirm asks them to confirm it before the host relies on it.
	MustConfirm bool
}

// FieldPhone is the attribute that every tenant has preferences about.
const FieldPhone = "phoneNumbers"

// FieldPolicies returns the policies that preferences mean, the phone's first. Attributes
// without one belong to the directory: not editable, nothing to confirm.
func FieldPolicies(p store.SCIMPreferences) []FieldPolicy {
	out := []FieldPolicy{{Field: FieldPhone, UserEditable: p.PhoneEditable, MustConfirm: !p.PhoneUnconfirmed}}
	for _, f := range p.Fields {
		if f.Field != FieldPhone {
			out = append(out, FieldPolicy(f))
		}
	}
	return out
}

// SCIMFields returns Config.SCIMFields: the attributes, beside the phone number, about which owners may choose, for their
// page.
func (s *Service) SCIMFields() []string { return slices.Clone(s.cfg.SCIMFields) }

// checkFields refuses choices for fields that the host does not manage.
func (s *Service) checkFields(p store.SCIMPreferences) []Finding {
	if len(p.Fields) > len(s.cfg.SCIMFields) {
		return []Finding{errorFinding(FieldSCIMFields, CodeFieldUnknown, "People can be given a choice about %d fields beside the phone number, got %d.", len(s.cfg.SCIMFields), len(p.Fields))}
	}
	var out []Finding
	seen := map[string]bool{}
	for _, f := range p.Fields {
		switch {
		case !slices.Contains(s.cfg.SCIMFields, f.Field):
			out = append(out, errorFinding(FieldSCIMFields, CodeFieldUnknown, "There is no choice about this field. Leave it out."))
		case seen[f.Field]:
			out = append(out, errorFinding(FieldSCIMFields, CodeFieldUnknown, "Name the field %s once.", f.Field))
		}
		seen[f.Field] = true
	}
	return out
}
