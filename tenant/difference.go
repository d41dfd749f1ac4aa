package tenant

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/tenantgate/tenantgate/store"
)

// Difference is a setting that is not as it was approved last, for those who review.
type Difference struct {
	// Field is a Field… constant.
	Field string
	// Before and After are the values as people read them, one for a plain setting, any number for a list; none where
	// there is no value.
	Before, After []string
}

// Added are the values of After that Before has not.
func (d Difference) Added() []string { return without(d.After, d.Before) }

// Removed are the values of Before that After has not.
func (d Difference) Removed() []string { return without(d.Before, d.After) }

func without(of, others []string) []string {
	return slices.DeleteFunc(slices.Clone(of), func(v string) bool { return slices.Contains(others, v) })
}

// Differences compares settings, in the order of the form. The order of a list's values does not matter.
func Differences(before, after store.ConnectionSettings) []Difference {
	var out []Difference
	was, is := rows(before), rows(after)
	for i := range is {
		a, b := slices.Sorted(slices.Values(was[i].Before)), slices.Sorted(slices.Values(is[i].Before))
		if !slices.Equal(a, b) {
			out = append(out, Difference{Field: is[i].Field, Before: was[i].Before, After: is[i].Before})
		}
	}
	return out
}

// rows are the settings in the order of the form, each as the Before of a difference.
func rows(s store.ConnectionSettings) []Difference {
	one := func(v string) []string {
		if v == "" {
			return nil
		}
		return []string{v}
	}
	yes := func(v bool) []string { return []string{strconv.FormatBool(v)} }
	return []Difference{
		{Field: FieldConnection, Before: one(s.Name)},
		{Field: FieldProvider, Before: one(s.Provider)},
		{Field: FieldDomains, Before: s.Domains},
		{Field: FieldAuthority, Before: one(s.Authority)},
		{Field: FieldIssuer, Before: one(s.Issuer)},
		{Field: FieldClientID, Before: one(s.ClientID)},
		{Field: FieldClientAuth, Before: one(s.ClientAuth)},
		{Field: FieldBreakGlass, Before: s.BreakGlass},
		{Field: FieldScopes, Before: s.AdditionalScopes},
		{Field: FieldJustInTime, Before: yes(s.JustInTime)},
		{Field: FieldJustInTimeAnyDomain, Before: yes(s.JustInTimeAnyDomain)},
		{Field: FieldEmailVerifiedString, Before: yes(s.EmailVerifiedString)},
		{Field: FieldEmailFallback, Before: one(s.EmailFallback)},
	}
}

// settingsOf are the settings that a review is about.
func settingsOf(c store.Connection, domains []store.Domain) store.ConnectionSettings {
	return store.ConnectionSettings{
		Name: c.Name, Provider: c.Provider, Domains: slices.Sorted(slices.Values(domainNames(domains))),
		Authority: c.Authority, Issuer: c.Issuer, ClientID: c.ClientID, ClientAuth: c.ClientAuth,
		BreakGlass: c.BreakGlass, AdditionalScopes: c.AdditionalScopes,
		JustInTime: c.JustInTime, JustInTimeAnyDomain: c.JustInTimeAnyDomain,
		EmailVerifiedString: c.EmailVerifiedString, EmailFallback: c.EmailFallback,
	}
}

// fingerprint is the same for the same settings.
func fingerprint(s store.ConnectionSettings) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("tenant: settings are strings and bools: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
