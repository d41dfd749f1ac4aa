package tenant

// stepPart is something that a step has beside its text.
type stepPart interface{ addTo(s *GuideStep) }

func (c GuideCopy) addTo(s *GuideStep) { s.Copy = append(s.Copy, c) }
func (k GuideKeep) addTo(s *GuideStep) { s.Keep = append(s.Keep, k) }

type optionalStep struct{}

func (optionalStep) addTo(s *GuideStep) { s.Optional = true }

// optional marks a step that can be left out.
var optional optionalStep

// step makes a step of a guide; its ID is made unique when the guide is named.
func step(id, text string, parts ...stepPart) GuideStep {
	s := GuideStep{GuideText: GuideText{ID: id, Text: text}}
	for _, p := range parts {
		p.addTo(&s)
	}
	return s
}

func enter(label, value string) GuideCopy { return GuideCopy{Label: label, Value: value} }

func keep(label, field string) GuideKeep { return GuideKeep{Label: label, Field: field} }

func note(id, text string) GuideText { return GuideText{ID: id, Text: text} }

// says is a text whose ID follows from its place.
func says(text string) GuideText { return GuideText{Text: text} }

// claims are those that every sign-in reads, with how this provider sends them.
func claims(sub, email, verified, name, groups string) []GuideClaim {
	return []GuideClaim{
		{Name: "sub", Required: true, Note: says(sub)},
		{Name: "email", Required: true, Note: says(email)},
		{Name: "email_verified", Note: says(verified)},
		{Name: "name", Note: says(name)},
		{Name: "groups", Note: says(groups)},
	}
}

// guideRead is when the sources were read.
const guideRead = "2026-11-26"

func source(url, about string) GuideSource {
	return GuideSource{URL: url, Read: guideRead, About: about}
}

// Where errors show.
var (
	onPage      = []ErrorPlace{PlacePage}
	inAnswer    = []ErrorPlace{PlacePage, PlaceAuthorization}
	inToken     = []ErrorPlace{PlaceToken}
	pageOrToken = []ErrorPlace{PlacePage, PlaceToken}
	anywhere    = []ErrorPlace{PlacePage, PlaceAuthorization, PlaceToken}
)

// Error codes of RFC 6749 and OpenID Connect Core that explanations wait for.
const (
	codeAccessDenied   = "access_denied"
	codeInvalidClient  = "invalid_client"
	codeInvalidGrant   = "invalid_grant"
	codeInvalidRequest = "invalid_request"
	codeInvalidScope   = "invalid_scope"
	codeUnauthorized   = "unauthorized_client"
	codeConsent        = "consent_required"
	codeInteraction    = "interaction_required"
)
