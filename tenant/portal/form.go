package portal

import (
	"net/url"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// form is what was typed, or what is stored, with what is wrong with it. It never holds a secret.
type form struct {
	values url.Values
	errors map[string][]tenant.Finding
	// General are the findings that are about no field of the form.
	General []tenant.Finding
}

// newForm makes a form of values; findings go to the fields they are about, as far as fields names them.
func newForm(values url.Values, findings []tenant.Finding, fields ...string) *form {
	f := &form{values: values, errors: map[string][]tenant.Finding{}}
	known := map[string]bool{}
	for _, name := range fields {
		known[name] = true
	}
	for _, x := range findings {
		if known[x.Field] {
			f.errors[x.Field] = append(f.errors[x.Field], x)
		} else {
			f.General = append(f.General, x)
		}
	}
	return f
}

// Value is what a field holds.
func (f *form) Value(name string) string { return f.values.Get(name) }

// Has says whether a box is ticked, or a value of several chosen.
func (f *form) Has(name, value string) bool {
	for _, x := range f.values[name] {
		if x == value {
			return true
		}
	}
	return false
}

// Errors are what is wrong with a field.
func (f *form) Errors(name string) []tenant.Finding { return f.errors[name] }

// MarshalJSON shows programs what a page shows people.
func (f *form) MarshalJSON() ([]byte, error) {
	return marshal(map[string]any{"values": f.values, "findings": f.General})
}

// input is one field of a form, for the template of that name.
type input struct {
	ID, Name, Type, Label, Help string
	Value                       string
	Required                    bool
	Autocomplete                string
	Errors                      []tenant.Finding
	// Options are those of a select.
	Options []option
	// Rows makes it a textarea.
	Rows int
	// Describe are the IDs of help and errors.
	Describe string
	Invalid  bool
}

type option struct {
	Value, Label string
	Selected     bool
}

// input makes a field: {{template "input" (input .Form "authority" "Authority URL" "url" "help" "…")}}. After the type come pairs:
// help, rows, autocomplete, required.
func (p *printer) input(f *form, name, label, kind string, pairs ...any) (input, error) {
	more, err := dict(pairs...)
	if err != nil {
		return input{}, err
	}
	in := input{ID: "f-" + strings.NewReplacer(".", "-", "[", "-", "]", "").Replace(name), Name: name, Type: kind, Label: p.text(label), Errors: f.Errors(name)}
	if kind != "password" {
		in.Value = f.Value(name)
	}
	if help, _ := more["help"].(string); help != "" {
		in.Help = p.text(help)
	}
	in.Rows, _ = more["rows"].(int)
	in.Required, _ = more["required"].(bool)
	in.Autocomplete, _ = more["autocomplete"].(string)
	if in.Autocomplete == "" {
		in.Autocomplete = "off"
	}
	in.Invalid = len(in.Errors) > 0
	in.describe()
	return in, nil
}

// choice makes a select of options.
func (p *printer) choice(f *form, name, label string, options []option, pairs ...any) (input, error) {
	in, err := p.input(f, name, label, "select", pairs...)
	if err != nil {
		return in, err
	}
	for _, o := range options {
		o.Selected = o.Value == in.Value
		in.Options = append(in.Options, o)
	}
	return in, nil
}

func (in *input) describe() {
	var ids []string
	if in.Help != "" {
		ids = append(ids, in.ID+"-help")
	}
	if in.Invalid {
		ids = append(ids, in.ID+"-error")
	}
	in.Describe = strings.Join(ids, " ")
}

// asFinding is a stored result of a check as a finding.
func asFinding(c any) tenant.Finding {
	switch c := c.(type) {
	case tenant.Finding:
		return c
	case store.CheckResult:
		return tenant.Finding{
			Field: c.Field, Code: c.Code, Severity: tenant.Severity(c.Severity), Message: c.Message,
			Expected: c.Expected, Got: c.Got, Suggestion: c.Suggestion,
		}
	case *store.CheckResult:
		if c != nil {
			return asFinding(*c)
		}
	}
	return tenant.Finding{}
}

// localTime is a time as an input of the type datetime-local takes it.
func localTime(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format("2006-01-02T15:04")
}

// hint is what a finding suggests, empty where its message says it already.
func hint(c any) string {
	f := asFinding(c)
	if strings.Contains(f.Message, f.Suggestion) {
		return ""
	}
	return f.Suggestion
}
