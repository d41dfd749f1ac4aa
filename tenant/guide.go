package tenant

import "slices"

// Guide tells an owner how to set up one kind of identity provider, as data: what to enter where in the provider's
// console, what to bring back, and what goes wrong there typically (R10 to R12, R16 to R28, R65). The checks of this
// package, the explanations of package oidc and a host's pages read the same guide.
//
// Texts are English. Each has an ID that stays the same within a major version, so that a host can bring its own
// ([Guide.Translate]). Names of a provider's menus and fields are as its English console has them. Texts and values may hold
// placeholders in braces until [Guide.Fill] puts the tenant's own values in.
//
// A Guide is a copy: changing it changes nothing for others.
type Guide struct {
	// Provider is the kind of provider: a Provider… constant.
	Provider string
	// Name is what people call it.
	Name string
	// Authority says which authorities it has.
	Authority GuideAuthority
	// ClientID and ClientSecret describe what its console gives out.
	ClientID     GuideCredential
	ClientSecret GuideCredential
	// SecretMonths is how long a client secret lasts at most, in months; zero means that it need not expire.
	SecretMonths int
	// ClientAuth says how the application proves itself at the token endpoint.
	ClientAuth GuideClientAuth
	// Scopes says what to ask for.
	Scopes GuideScopes
	// OIDC are the steps for sign-in, in order; SCIM says whether and how it provisions people.
	OIDC []GuideStep
	SCIM GuideSCIM
	// Claims are those that a sign-in reads.
	Claims []GuideClaim
	// Notes are limits and surprises.
	Notes []GuideText
	// Errors are what typically goes wrong, the more special ones first. [Explain] looks errors up.
	Errors []GuideError
	// Sources are where the facts come from.
	Sources []GuideSource
}

// GuideText is one text with the ID by which it is translated.
type GuideText struct {
	ID   string
	Text string
}

// GuideStep is one step in a provider's console.
type GuideStep struct {
	GuideText
	// Copy are values of ours to enter there.
	Copy []GuideCopy
	// Keep are values that the console shows in this step and our form asks for.
	Keep []GuideKeep
	// Optional steps can be left out.
	Optional bool
}

// GuideCopy is a value to enter in a provider's console.
type GuideCopy struct {
	// Label is the name of the field in the console.
	Label string
	// Value has placeholders until [Guide.Fill] puts values in.
	Value string
	// Missing says that the host has no such value (yet): an API key before it is made, for example. Value is then
	// empty.
	Missing bool
}

// GuideKeep is a value to bring back from a provider's console.
type GuideKeep struct {
	// Label is its name in the console.
	Label string
	// Field is where our form takes it: a Field… constant.
	Field string
}

// GuideCredential describes a client ID or a client secret.
type GuideCredential struct {
	// Label is its name in the console.
	Label string
	// Format is what a right one looks like; the zero value fits everything. What does not fit is warned of with Hint.
	Format GuideFormat
	// Mistaken is what a wrong one looks like that people copy instead; the zero value fits nothing here. It is warned of
	// with MistakenHint.
	Mistaken     GuideFormat
	Hint         GuideText
	MistakenHint GuideText
}

// GuideClientAuth says how the application proves itself.
type GuideClientAuth struct {
	// Recommended is what a new connection uses where the provider lists it, Supported are all that it can do, of
	// those that we speak. Both have values such as [ClientSecretBasic].
	Recommended string
	Supported   []string
	// Note says where it is chosen in the console.
	Note GuideText
}

// GuideScopes says which scopes to ask for beyond [DefaultScopes].
type GuideScopes struct {
	// Extra are to be entered as additional scopes, even where they are among the defaults (R54).
	Extra []string
	// Unwanted are scopes that lead to trouble there.
	Unwanted []GuideScope
}

// GuideScope is a scope with what to know about it.
type GuideScope struct {
	Scope string
	Note  GuideText
}

// GuideSCIM says how the provider provisions people.
type GuideSCIM struct {
	// Outgoing says whether it can at all.
	Outgoing SCIMOutgoing
	// Summary says what that means for the owner.
	Summary GuideText
	Steps   []GuideStep
	// Mapping are the attributes that must be mapped, beside what the provider maps by itself.
	Mapping []GuideMapping
	// Groups says how groups are sent.
	Groups GuideText
	// Notes are limits and surprises.
	Notes []GuideText
}

// SCIMOutgoing says whether a provider sends SCIM requests to an application of the customer's own.
type SCIMOutgoing string

// What providers can do.
const (
	SCIMSameApp SCIMOutgoing = "same_app" // from the application that signs people in
	SCIMOwnApp  SCIMOutgoing = "own_app"  // from a second application in its console
	SCIMByCode  SCIMOutgoing = "by_code"  // with code that the customer keeps
	SCIMNone    SCIMOutgoing = "none"     // not at all
)

// GuideMapping is one attribute mapping of a provider's provisioning.
type GuideMapping struct {
	// Target is the SCIM attribute, Source the provider's.
	Target, Source string
	Note           GuideText
}

// GuideClaim is a claim that a sign-in reads.
type GuideClaim struct {
	Name string
	// Required says that there is no sign-in without it.
	Required bool
	// Note says what it is for and how the provider comes to send it.
	Note GuideText
}

// GuideSource is a public page that facts were taken from.
type GuideSource struct {
	URL string
	// Read is when it was read last, as YYYY-MM-DD.
	Read string
	// About says what it was read for.
	About string
}

// knownProviders are the kinds that have a guide, in the order in which a page offers them.
var knownProviders = []string{
	ProviderEntra, ProviderOkta, ProviderGoogle, ProviderJumpCloud, ProviderAuth0,
	ProviderKeycloak, ProviderOneLogin, ProviderPing, ProviderGeneric,
}

// guides are made once; callers get copies.
var guides = func() map[string]Guide {
	all := map[string]Guide{}
	for _, guide := range []func() Guide{
		entraGuide, oktaGuide, googleGuide, jumpCloudGuide, auth0Guide, keycloakGuide, oneLoginGuide, pingGuide, genericGuide,
	} {
		g := guide()
		g.name()
		all[g.Provider] = g
	}
	return all
}()

// Guides returns the guides of all providers in the order in which a page offers them, the one for any other provider
// last.
func Guides() []Guide {
	all := make([]Guide, 0, len(knownProviders))
	for _, provider := range knownProviders {
		all = append(all, GuideOf(provider))
	}
	return all
}

// GuideOf returns the guide of a kind of provider. An unknown kind gets the generic one.
func GuideOf(provider string) Guide { return guideOf(provider).clone() }

// guideOf is for reading alone.
func guideOf(provider string) Guide {
	if g, ok := guides[provider]; ok {
		return g
	}
	return guides[ProviderGeneric]
}

// clone copies whatever a caller could change.
func (g Guide) clone() Guide {
	g.Authority = g.Authority.clone()
	g.ClientID.Format.OneOf = slices.Clone(g.ClientID.Format.OneOf)
	g.ClientAuth.Supported = slices.Clone(g.ClientAuth.Supported)
	g.Scopes.Extra, g.Scopes.Unwanted = slices.Clone(g.Scopes.Extra), slices.Clone(g.Scopes.Unwanted)
	g.OIDC, g.SCIM.Steps = cloneSteps(g.OIDC), cloneSteps(g.SCIM.Steps)
	g.SCIM.Mapping, g.SCIM.Notes = slices.Clone(g.SCIM.Mapping), slices.Clone(g.SCIM.Notes)
	g.Claims, g.Notes, g.Sources = slices.Clone(g.Claims), slices.Clone(g.Notes), slices.Clone(g.Sources)
	g.Errors = slices.Clone(g.Errors)
	for i := range g.Errors {
		g.Errors[i] = g.Errors[i].clone()
	}
	return g
}

func cloneSteps(steps []GuideStep) []GuideStep {
	out := slices.Clone(steps)
	for i := range out {
		out[i].Copy, out[i].Keep = slices.Clone(out[i].Copy), slices.Clone(out[i].Keep)
	}
	return out
}

// texts calls f with each text that the guide has.
func (g *Guide) texts(f func(*GuideText)) {
	each := func(t *GuideText) {
		if t.Text != "" {
			f(t)
		}
	}
	g.Authority.texts(each)
	for _, t := range []*GuideText{
		&g.ClientID.Hint, &g.ClientID.MistakenHint, &g.ClientSecret.Hint, &g.ClientSecret.MistakenHint,
		&g.ClientAuth.Note, &g.SCIM.Summary, &g.SCIM.Groups,
	} {
		each(t)
	}
	for _, steps := range [][]GuideStep{g.OIDC, g.SCIM.Steps} {
		for i := range steps {
			each(&steps[i].GuideText)
		}
	}
	for _, notes := range [][]GuideText{g.Notes, g.SCIM.Notes} {
		for i := range notes {
			each(&notes[i])
		}
	}
	for i := range g.Scopes.Unwanted {
		each(&g.Scopes.Unwanted[i].Note)
	}
	for i := range g.SCIM.Mapping {
		each(&g.SCIM.Mapping[i].Note)
	}
	for i := range g.Claims {
		each(&g.Claims[i].Note)
	}
	for i := range g.Errors {
		each(&g.Errors[i].What)
		each(&g.Errors[i].Fix)
	}
}

// name makes the IDs of the texts and errors unique by the provider's name.
func (g *Guide) name() {
	for i := range g.Errors {
		e := &g.Errors[i]
		e.What.ID, e.Fix.ID = "error."+e.ID+".what", "error."+e.ID+".fix"
		e.ID, e.Provider, e.Name = g.Provider+"."+e.ID, g.Provider, g.Name
	}
	for i := range g.Claims {
		g.Claims[i].Note.ID = "claim." + g.Claims[i].Name
	}
	for i := range g.Scopes.Unwanted {
		g.Scopes.Unwanted[i].Note.ID = "scope." + g.Scopes.Unwanted[i].Scope
	}
	for i := range g.SCIM.Mapping {
		g.SCIM.Mapping[i].Note.ID = "scim.mapping." + g.SCIM.Mapping[i].Target
	}
	g.texts(func(t *GuideText) { t.ID = "guide." + g.Provider + "." + t.ID })
}

// Translate returns the guide with its texts in another language: f gets a text's ID and the English text, and returns
// the text to show, or "" to leave it. Placeholders in braces must be kept, so translate before [Guide.Fill].
func (g Guide) Translate(f func(id, text string) string) Guide {
	g = g.clone()
	g.texts(func(t *GuideText) {
		if other := f(t.ID, t.Text); other != "" {
			t.Text = other
		}
	})
	return g
}
