package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// The SCIM attributes that a [Profile] has and people may be given. Others need a
// [FieldSetter].
const (
	attrDisplayName = "displayName"
	attrGivenName   = "name.givenName"
	attrFamilyName  = "name.familyName"
)

// maxFieldText is the longest value of a field in characters.
const maxFieldText = 256

// Field is a field of accounts that the host manages: the directory says it, and tenants
// choose whether people may change it and must confirm it.
type Field struct {
	// Name is the SCIM attribute: "displayName", "title", "name.givenName", or one of an extension,
	// "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department". Of an attribute with
	// several values the primary one is taken, or the first.
	Name string
	// Phone says that values are telephone numbers, which are kept as [ParsePhone] reads them.
	Phone bool
}

// FieldSetter is an optional interface of a [Target], needed for fields beside the phone
// number, displayName, name.givenName and name.familyName, which come with a [Profile].
type FieldSetter interface {
	// SetField gives an account the value of a field, which is empty if there is none. Calling it
	// again changes nothing.
	SetField(ctx context.Context, tx store.Store, tenantID, accountID string, v FieldValue) error
}

// FieldReader is an optional interface of a [Target]: what accounts had before a directory took
// them over counts as their people's own. Without it the directory's next change replaces it.
type FieldReader interface {
	// FieldsOf returns the values that the account has, in any order. Those of fields that
	// are not declared in [FieldsConfig] are left out.
	FieldsOf(ctx context.Context, tx store.Store, tenantID, accountID string) ([]HostField, error)
}

// HostField is a value that an account has in the host.
type HostField struct {
	// Field is the SCIM attribute, "phoneNumbers" for the phone number.
	Field string
	Value string
	// Confirmed says that the person confirmed it to the host.
	Confirmed bool
}

// FieldsConfig configures [NewFields]. Store, Target, Authorizer and Sender are required.
type FieldsConfig struct {
	Store  store.Store
	Target Target
	// Authorizer is asked about [tenant.ActionChangeOwnField] where people act for themselves,
	// and about [tenant.ActionChangeField] where they act for others.
	Authorizer tenant.Authorizer
	// Sender sends the codes with which people confirm.
	Sender CodeSender

	// Fields are the fields beside the phone number, at most 20. The same list of names is
	// tenant.Config.SCIMFields.
	Fields []Field
	// CallingCode is the code of the country for telephone numbers without one, such as "49", see
	// [ParsePhone]. Empty means that they are not understood. TenantCallingCode, if set, says it for
	// each tenant; what it leaves empty is CallingCode.
	CallingCode       string
	TenantCallingCode func(ctx context.Context, tenantID string) string
	// StrictPhones takes a number from the directory that cannot be read for none: the one before
	// goes. Without it that stays. The user is accepted in both cases.
	StrictPhones bool
	// PhoneField is what overrides of locks call the phone number, as LocksConfig.PhoneField. Empty
	// means phone; "phoneNumbers" is understood, too.
	PhoneField string
	// Limits bound codes and guesses.
	Limits CodeLimits
	// Entitlements tells what a tenant's plan includes, the same as LocksConfig.Entitlements: without SCIM
	// in it people may change every field. Nil means that every tenant has everything; an error leaves
	// it at what the tenant chose.
	Entitlements tenant.Entitlements

	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger hears of failures. Nil discards.
	Logger *slog.Logger
}

// Fields keeps those fields of provisioned accounts that the directory and the person
// both have a say in: the phone number (R56, R57) and what the host declares beside it. The host's
// own pages change these fields through [Fields.Set], which refuses what the tenant has not left to
// its people and sends a code where a value must be confirmed. [Config].Fields lets the
// [Engine] do the same for what directories write. It is safe for concurrent use.
//
// Of the directory's value and the person's the one that changed last is in force, and
// both are kept: see [FieldValue].
//
// While somebody has lifted the lock of a field, or of the whole user ([Locks.Override]), the field may be
// changed whatever the tenant chose, and only so: no write of the directory, no [Fields.Settle] and
// no other field's change brings the host another value of it. What is entered meanwhile is
// kept aside. When the override ends, it is gone, and the host is given what counts without it, also
// where it had written its own tables meanwhile.
//
// While no directory is heard, since it is off, its connection or sign-on is suspended or the plan lapsed, people may
// change every field, as nothing is locked then ([Locks]). Once one is heard again, what they entered counts
// by the tenant's choice.
type Fields struct {
	cfg    FieldsConfig
	fields []Field // the phone number first
	target guardedTarget
}

var fieldName = regexp.MustCompile(`^(urn:[a-zA-Z0-9:._-]+:)?[a-zA-Z][a-zA-Z0-9_-]*(\.[a-zA-Z][a-zA-Z0-9_-]*)?$`)

// fieldsOfOthers decide who a person is, or may do something: they are nobody's to change.
var fieldsOfOthers = []string{"id", "externalid", "username", "emails", "active", "password", "groups", "roles", "entitlements", "meta", "schemas", "x509certificates"}

// NewFields checks cfg and returns fields.
func NewFields(cfg FieldsConfig) (*Fields, error) {
	switch {
	case cfg.Store == nil:
		return nil, errors.New("provisioning: FieldsConfig.Store is required")
	case cfg.Target == nil:
		return nil, errors.New("provisioning: FieldsConfig.Target is required: who the host's accounts are")
	case cfg.Authorizer == nil:
		return nil, errors.New("provisioning: FieldsConfig.Authorizer is required: it says who may do what")
	case cfg.Sender == nil:
		return nil, errors.New("provisioning: FieldsConfig.Sender is required: it sends the codes with which people confirm")
	case len(cfg.Fields) > 20:
		return nil, fmt.Errorf("provisioning: FieldsConfig.Fields has %d fields, expected at most 20", len(cfg.Fields))
	}
	if err := checkCallingCode(cfg.CallingCode); err != nil {
		return nil, err
	}
	var err error
	if cfg.Limits, err = cfg.Limits.withDefaults(); err != nil {
		return nil, err
	}
	f := &Fields{fields: []Field{{Name: tenant.FieldPhone, Phone: true}}}
	_, setter := cfg.Target.(FieldSetter)
	for _, d := range cfg.Fields {
		first, _, _ := strings.Cut(d.Name, ".")
		switch {
		case !fieldName.MatchString(d.Name) || len(d.Name) > maxFieldText:
			return nil, fmt.Errorf("provisioning: FieldsConfig.Fields: expected a SCIM attribute, got %q", d.Name)
		case slices.Contains(fieldsOfOthers, strings.ToLower(first)):
			return nil, fmt.Errorf("provisioning: FieldsConfig.Fields: %s says who a person is or what they may do; it is the directory's", d.Name)
		case slices.ContainsFunc(f.fields, func(have Field) bool { return strings.EqualFold(have.Name, d.Name) }):
			return nil, fmt.Errorf("provisioning: FieldsConfig.Fields: %s is there already", d.Name)
		case !setter && !inProfile(d.Name):
			return nil, fmt.Errorf("provisioning: FieldsConfig.Fields: %s needs a Target that is a FieldSetter", d.Name)
		}
		f.fields = append(f.fields, d)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Fields = nil // f.fields has them
	f.cfg = cfg
	f.target = guardedTarget{host: cfg.Target, guard: guard{timeout: defaultCallTimeout, logger: cfg.Logger}}
	return f, nil
}

func inProfile(name string) bool {
	switch name {
	case tenant.FieldPhone, attrDisplayName, attrGivenName, attrFamilyName:
		return true
	}
	return false
}

// declared returns the field of this name.
func (f *Fields) declared(name string) (Field, error) {
	for _, d := range f.fields {
		if d.Name == name {
			return d, nil
		}
	}
	return Field{}, refuseField(CodeFieldUnknown, name, "There is no such field to change here.")
}

// choices are what a tenant chose for each declared field.
type choices struct {
	// on says that a directory is heard; nothing is locked otherwise.
	on bool
	of map[string]tenant.FieldPolicy
	// overrides are the locks that are lifted now, phone is what they call the phone number.
	overrides []store.LockOverride
	phone     string
}

// choicesOf reads a tenant's choices. Of several directories one that allows is enough, and
// one that asks for confirmation.
func (f *Fields) choicesOf(ctx context.Context, tx store.Store, tenantID string) (choices, error) {
	list, err := tx.Directories(ctx, tenantID)
	if err != nil {
		return choices{}, err
	}
	settings, err := settingsOf(ctx, tx, tenantID)
	if err != nil {
		return choices{}, err
	}
	on, err := heardIn(ctx, tx, tenantID, list)
	if err != nil {
		return choices{}, err
	}
	on = on && !planLapsed(ctx, f.cfg.Entitlements, tenantID)
	if err := ctx.Err(); err != nil {
		return choices{}, err
	}
	c := choices{phone: f.cfg.PhoneField, on: on, of: map[string]tenant.FieldPolicy{}}
	for _, d := range f.fields {
		// Who never chose has to confirm numbers (R57).
		c.of[d.Name] = tenant.FieldPolicy{Field: d.Name, UserEditable: !c.on, MustConfirm: len(list) == 0 && d.Name == tenant.FieldPhone}
	}
	for _, d := range list {
		if c.on && !d.Enabled {
			continue
		}
		for _, p := range tenant.FieldPolicies(d.Preferences) {
			have, ok := c.of[p.Field]
			if !ok {
				continue // the host declares it no longer
			}
			have.UserEditable, have.MustConfirm = have.UserEditable || p.UserEditable, have.MustConfirm || p.MustConfirm
			c.of[p.Field] = have
		}
	}
	c.overrides, _ = liveOverrides(settings.Overrides, f.cfg.Now())
	return c, nil
}

// callingCode is the code of the country for the tenant's numbers without one.
func (f *Fields) callingCode(ctx context.Context, tenantID string) string {
	if f.cfg.TenantCallingCode == nil {
		return f.cfg.CallingCode
	}
	var code string
	err := f.target.call(ctx, "TenantCallingCode", func(ctx context.Context) error {
		code = f.cfg.TenantCallingCode(ctx, tenantID)
		return checkCallingCode(code)
	})
	if err != nil {
		f.cfg.Logger.ErrorContext(ctx, "provisioning: the host's calling code is not used", "tenant", tenantID, "error", err)
		code = ""
	}
	return cmp.Or(code, f.cfg.CallingCode)
}

// normalize brings a person's value to the form in which it is kept.
func (f *Fields) normalize(ctx context.Context, tenantID string, d Field, value string) (string, error) {
	if strings.TrimSpace(value) == "" {
		return "", nil
	}
	if d.Phone {
		p, err := ParsePhone(value, f.callingCode(ctx, tenantID))
		if err != nil {
			return "", refuseField(CodePhoneInvalid, d.Name, "This is no telephone number that we can call. Enter it with the country's code, such as +49 30 123456.")
		}
		return p.Number, nil
	}
	if !plainText(value) {
		return "", refuseField(CodeFieldInvalid, d.Name, fmt.Sprintf("Expected a text of at most %d characters on one line.", maxFieldText))
	}
	return strings.TrimSpace(value), nil
}

func plainText(s string) bool {
	return len(s) <= 4*maxFieldText && utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxFieldText && !strings.ContainsFunc(s, unicode.IsControl)
}

// heardOf reads what the directory says about each declared field of a user, in their order. What is
// not understood is said to be refused; the user is accepted all the same.
func (f *Fields) heardOf(ctx context.Context, tenantID string, u store.SCIMUser) []heard {
	p := ProfileOf(u)
	out := make([]heard, len(f.fields))
	for i, d := range f.fields {
		var raw string
		switch d.Name {
		case tenant.FieldPhone:
			raw = p.Phone
		case attrDisplayName:
			raw = p.DisplayName
		case attrGivenName:
			raw = p.GivenName
		case attrFamilyName:
			raw = p.FamilyName
		default:
			raw = attributeOf(u.Body, d.Name)
		}
		h := heard{at: u.UpdatedAt}
		switch value, err := f.normalize(ctx, tenantID, d, raw); {
		case err != nil:
			h.refused = strings.ToValidUTF8(clip(raw), "\uFFFD")
		default:
			h.value = value
		}
		out[i] = h
	}
	return out
}
