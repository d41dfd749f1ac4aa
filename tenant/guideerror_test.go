package tenant

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestR65ErrorsAreExplained: what a provider wrote leads to its explanation, and to no other.
func TestR65ErrorsAreExplained(t *testing.T) {
	t.Parallel()
	kinds := map[ErrorKind]bool{}
	for _, g := range Guides() {
		if g.Provider != ProviderPing && g.Provider != ProviderGoogle {
			require.GreaterOrEqual(t, len(g.Errors), 4, g.Name)
		}
		seen := map[string]bool{}
		for _, e := range g.Errors {
			require.False(t, seen[e.ID], e.ID)
			seen[e.ID], kinds[e.Kind] = true, true
			require.True(t, strings.HasPrefix(e.ID, g.Provider+"."), e.ID)
			require.Equal(t, g.Provider, e.Provider)
			require.Equal(t, g.Name, e.Name)
			require.NotEmpty(t, e.What.Text)
			require.NotEmpty(t, e.Fix.Text)
			require.Contains(t, []Responsible{WhoProviderAdmin, WhoOwner, WhoPerson}, e.Who)
			require.NotEmpty(t, e.Places, e.ID)
			require.True(t, e.Text != "" || len(e.Codes) > 0, "%s: nothing tells it", e.ID)
			require.NotEmpty(t, e.Example, e.ID)
			for _, place := range e.Places {
				code := ""
				if len(e.Codes) > 0 {
					code = e.Codes[0]
				}
				switch place {
				case PlacePage:
					code = ""
				case PlaceAuthorization:
					require.NotEmpty(t, e.Codes, "%s: anybody can write what the browser brings; it must be an error that fits", e.ID)
					require.NotContains(t, []ErrorKind{ErrorKindClientRejected, ErrorKindClientAuth, ErrorKindSecretExpired}, e.Kind, "%s: known at the token endpoint alone", e.ID)
				case PlaceToken:
				default:
					t.Fatalf("%s: place %q", e.ID, place)
				}
				got, ok := Explain(g.Provider, place, code, e.Example)
				require.True(t, ok, "%s at %s", e.ID, place)
				require.Equal(t, e.ID, got.ID, "at %s", place)
				if e.Text != "" && !e.Common {
					got, ok = Explain(ProviderGeneric, place, code, e.Example)
					require.True(t, ok, e.ID)
					require.Equal(t, e.ID, got.ID, "a known provider at a host of the customer's own")
				}
			}
		}
	}
	require.Len(t, kinds, 9, "every kind is met")
}

// TestUnknownErrorsAreNotExplained: better no explanation than a wrong one.
func TestUnknownErrorsAreNotExplained(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		provider, code, description string
		place                       ErrorPlace
	}{
		{ProviderEntra, "access_denied", "", PlaceAuthorization},
		{ProviderEntra, "access_denied", "AADSTS501051: something longer", PlaceAuthorization},
		{ProviderEntra, "access_denied", "XAADSTS50105", PlaceAuthorization},
		{ProviderEntra, "access_denied", "aadsts50105", PlaceAuthorization},
		{ProviderEntra, "access_denied", "AADSTS7000222: a secret's error in a query", PlaceAuthorization},
		{ProviderEntra, "invalid_grant", "AADSTS7000222: not with this error", PlaceToken},
		{ProviderEntra, "shiny_error", "AADSTS50105", PlaceAuthorization},
		{ProviderEntra, "access_denied", "AADSTS50105", "elsewhere"},
		{ProviderEntra, "access_denied", strings.Repeat("x", maxExplained) + "AADSTS50105", PlaceAuthorization},
		{ProviderOkta, "access_denied", "AADSTS50105", PlaceAuthorization},
		{ProviderGoogle, "access_denied", "cancelled", PlaceAuthorization},
		{ProviderGeneric, "access_denied", "The resource owner or authorization server denied the request.", PlaceAuthorization},
		{ProviderGeneric, "access_denied", "Unauthorized", PlaceToken},
		{"no such", "", "Sorry, but we're having trouble signing you in.", PlacePage},
		{ProviderEntra, "", "", PlacePage},
	} {
		_, ok := Explain(tt.provider, tt.place, tt.code, tt.description)
		require.False(t, ok, "%+v", tt)
	}
	e, ok := Explain("", PlaceToken, "invalid_client", "")
	require.True(t, ok)
	require.Equal(t, "generic.client", e.ID)
	e.Codes[0], e.Places[0] = "spoiled", "spoiled"
	again, _ := Explain("", PlaceToken, "invalid_client", "")
	require.Equal(t, "invalid_client", again.Codes[0], "a copy")
}

// FuzzExplain: whatever a stranger writes picks one of our own explanations, unchanged, or none.
func FuzzExplain(f *testing.F) {
	known := map[string]GuideError{}
	for _, g := range Guides() {
		for _, e := range g.Errors {
			known[e.ID] = e
			code := ""
			if len(e.Codes) > 0 {
				code = e.Codes[0]
			}
			f.Add(g.Provider, string(e.Places[0]), code, e.Example)
		}
	}
	f.Add("", "", "", strings.Repeat("AADSTS50105", 1000))
	f.Fuzz(func(t *testing.T, provider, place, code, description string) {
		e, ok := Explain(provider, ErrorPlace(place), code, description)
		if !ok {
			return
		}
		want, there := known[e.ID]
		if !there || want.What != e.What || want.Fix != e.Fix || want.Kind != e.Kind || want.Name != e.Name {
			t.Fatalf("not one of ours: %+v", e)
		}
		if _, chosen := guides[provider]; chosen && provider != ProviderGeneric && e.Provider != provider {
			t.Fatalf("an error of %s at %s", e.Provider, provider)
		}
		if e.Text != "" && !strings.Contains(description, e.Text) {
			t.Fatalf("%s is not in %q", e.Text, description)
		}
		if again, ok := Explain(provider, ErrorPlace(place), code, description+strings.Repeat(" ", maxExplained)); !ok || again.ID != e.ID {
			if len(description) <= maxExplained {
				t.Fatalf("%s became %s behind spaces", e.ID, again.ID)
			}
		}
	})
}
