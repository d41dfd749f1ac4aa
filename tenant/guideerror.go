package tenant

import (
	"slices"
	"strings"
)

// GuideError is something that goes wrong typically at a provider, with its explanation.
type GuideError struct {
	// ID is stable, such as entra.AADSTS50105.
	ID string
	// Provider is the kind of provider, Name what people call it.
	Provider, Name string
	// Kind says what it comes to.
	Kind ErrorKind
	// Places are where it shows.
	Places []ErrorPlace
	// Codes are the values of the provider's error parameter that it comes with; empty means any.
	Codes []string
	// Text is what tells it from others in the provider's description: a code of its own, or a sentence's stable part.
	// Empty means that Codes alone tell.
	Text string
	// Common says that other providers write the same: it is looked for at this kind alone.
	Common bool
	// Example is what a provider wrote, with names and numbers replaced.
	Example string
	// What says what happened, Fix who has to change what. Who is that person.
	What, Fix GuideText
	Who       Responsible
}

// ErrorKind is what an error at a provider comes to.
type ErrorKind string

// The kinds of errors.
const (
	ErrorKindNotAssigned    ErrorKind = "not_assigned"    // the person was not given the application
	ErrorKindConsent        ErrorKind = "consent"         // nobody agreed to what the application asks for
	ErrorKindAccount        ErrorKind = "account"         // the person signed in with an account that is not of this organisation, or blocked
	ErrorKindPolicy         ErrorKind = "policy"          // a rule of the organisation stopped the sign-in
	ErrorKindClientRejected ErrorKind = "client_rejected" // the client ID or secret is wrong
	ErrorKindClientAuth     ErrorKind = "client_auth"     // the secret is sent in a way that is not set up there
	ErrorKindSecretExpired  ErrorKind = "secret_expired"
	ErrorKindRedirectURI    ErrorKind = "redirect_uri" // our redirect URI is not registered
	ErrorKindSetup          ErrorKind = "setup"        // something else about the application's set-up
)

// ErrorPlace is where an error shows.
type ErrorPlace string

// The places.
const (
	// PlacePage is the provider's own page: the browser does not come back.
	PlacePage ErrorPlace = "page"
	// PlaceAuthorization is the answer that the browser brings back. Whoever can make somebody follow a link can write it.
	PlaceAuthorization ErrorPlace = "authorization"
	// PlaceToken is the answer of an endpoint that the application asks itself.
	PlaceToken ErrorPlace = "token"
)

// Responsible is who has to change something.
type Responsible string

// Who has to change something.
const (
	WhoProviderAdmin Responsible = "provider_admin" // the customer's administrator, in the provider's console
	WhoOwner         Responsible = "owner"          // the organisation's owner, in the connection's settings here
	WhoPerson        Responsible = "person"         // who signs in
)

func (e GuideError) clone() GuideError {
	e.Places, e.Codes = slices.Clone(e.Places), slices.Clone(e.Codes)
	return e
}

// maxExplained is how many bytes of a description are looked at.
const maxExplained = 4 << 10

// Explain finds the explanation of an error at a provider in its guide, by its error code and description; for a generic
// provider in all guides, since it may be a known one at a host of the customer's own. At [PlacePage] the description is
// what a person read, and code is empty. It returns false if nothing fits.
//
// code and description are a stranger's text. Their length does not matter: the first 4 KiB are looked at. Nothing of them is in
// the result.
func Explain(provider string, place ErrorPlace, code, description string) (GuideError, bool) {
	description = description[:min(len(description), maxExplained)]
	if g := guideOf(provider); g.Provider != ProviderGeneric {
		return g.explain(place, code, description, true)
	}
	for _, p := range knownProviders {
		own := p == ProviderGeneric
		if e, ok := guideOf(p).explain(place, code, description, own); ok {
			return e, true
		}
	}
	return GuideError{}, false
}

// explain looks among the guide's errors; where it is not known to be this provider, among those that no other writes.
func (g Guide) explain(place ErrorPlace, code, description string, own bool) (GuideError, bool) {
	for i := range g.Errors {
		e := &g.Errors[i]
		if (own || e.Text != "" && !e.Common) && e.fits(place, code, description) {
			return e.clone(), true
		}
	}
	return GuideError{}, false
}

func (e *GuideError) fits(place ErrorPlace, code, description string) bool {
	if place == PlacePage { // a person may paste any error that they saw
		if e.Text != "" {
			return hasWords(description, e.Text)
		}
		return slices.ContainsFunc(e.Codes, func(c string) bool { return hasWords(description, c) })
	}
	return slices.Contains(e.Places, place) && (len(e.Codes) == 0 || slices.Contains(e.Codes, code)) &&
		(e.Text == "" || hasWords(description, e.Text))
}

// hasWords reports whether words stand in a text as they are, and not as a part of longer ones: AADSTS50105 is not in
// AADSTS501051.
func hasWords(text, words string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], words)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(words)
		if (start == 0 || !isWordByte(text[start-1]) || !isWordByte(words[0])) && (end == len(text) || !isWordByte(text[end]) || !isWordByte(words[len(words)-1])) {
			return true
		}
		from = start + 1
	}
}

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}
