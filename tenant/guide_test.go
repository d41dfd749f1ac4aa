package tenant

import (
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	textID      = regexp.MustCompile(`^guide\.[a-z0-9]+\.[A-Za-z0-9_.:\[\]" -]+$`)
	placeholder = regexp.MustCompile(`\{[a-z_-]+\}`)
)

// TestR17GuidesAreComplete walks every field of every guide.
func TestR17GuidesAreComplete(t *testing.T) {
	t.Parallel()
	all := Guides()
	require.Len(t, all, 9)
	ids := map[string]bool{}
	fields := []string{FieldAuthority, FieldClientID, FieldClientSecret, FieldSecretExpiry, FieldScopes}
	ours := []string{placeApp, placeRedirect, placeInitiate, placeBackchannel, placeJWKS, placeSCIM, placeKey}
	for i, g := range all {
		require.Equal(t, knownProviders[i], g.Provider)
		require.NotEmpty(t, g.Name)
		g.texts(func(text *GuideText) {
			require.Regexp(t, textID, text.ID)
			require.True(t, strings.HasPrefix(text.ID, "guide."+g.Provider+"."), text.ID)
			require.False(t, ids[text.ID], "%s is there twice", text.ID)
			ids[text.ID] = true
			require.Equal(t, strings.TrimSpace(text.Text), text.Text, text.ID)
			require.True(t, strings.HasSuffix(text.Text, "."), "%s: %s", text.ID, text.Text)
			require.Less(t, len(text.Text), 400, text.ID)
			for _, p := range placeholder.FindAllString(text.Text, -1) {
				require.Equal(t, placeApp, p, text.ID)
			}
		})

		for _, steps := range [][]GuideStep{g.OIDC, g.SCIM.Steps} {
			for _, s := range steps {
				require.NotEmpty(t, s.Text)
				for _, c := range s.Copy {
					require.NotEmpty(t, c.Label, s.ID)
					require.NotEmpty(t, placeholder.FindAllString(c.Value, -1), s.ID)
					for _, p := range placeholder.FindAllString(c.Value, -1) {
						require.Contains(t, ours, p, s.ID)
					}
				}
				for _, k := range s.Keep {
					require.NotEmpty(t, k.Label, s.ID)
					require.Contains(t, fields, k.Field, s.ID)
				}
			}
		}
		requireSteps(t, g)

		require.NotEmpty(t, g.ClientID.Label)
		require.NotEmpty(t, g.ClientSecret.Label)
		for _, c := range []GuideCredential{g.ClientID, g.ClientSecret} {
			require.Equal(t, c.Format.IsZero(), c.Hint.Text == "", "%s: a format needs a hint", g.Name)
			require.False(t, !c.Mistaken.IsZero() && c.MistakenHint.Text == "", g.Name)
		}
		ways := []string{ClientSecretBasic, ClientSecretPost, ClientPrivateKeyJWT, ClientAuthNone}
		require.NotEmpty(t, g.ClientAuth.Supported)
		for _, way := range g.ClientAuth.Supported {
			require.Contains(t, ways, way, g.Name)
		}
		if g.Provider != ProviderGeneric {
			require.Equal(t, g.ClientAuth.Supported[0], g.ClientAuth.Recommended, g.Name)
		}
		require.NotEmpty(t, g.ClientAuth.Note.Text)
		require.NotEmpty(t, g.SCIM.Summary.Text)
		require.NotEmpty(t, g.SCIM.Groups.Text)
		require.NotEmpty(t, g.Notes)
		_, found := ParseScopes(g.Scopes.Extra...)
		require.Empty(t, found, g.Name)
		for _, s := range g.Scopes.Unwanted {
			require.True(t, isScopeToken(s.Scope))
			require.NotEmpty(t, s.Note.Text)
		}
		for _, m := range g.SCIM.Mapping {
			require.NotEmpty(t, m.Target)
			require.NotEmpty(t, m.Source)
			require.NotEmpty(t, m.Note.Text)
		}

		var names, required []string
		for _, c := range g.Claims {
			require.NotEmpty(t, c.Note.Text, c.Name)
			names = append(names, c.Name)
			if c.Required {
				required = append(required, c.Name)
			}
		}
		require.Equal(t, []string{"sub", "email", "email_verified", "name", "groups"}, names)
		require.Equal(t, []string{"sub", "email"}, required)

		if g.Provider != ProviderGeneric { // whose source is the specification
			require.GreaterOrEqual(t, len(g.Sources), 3, g.Name)
		}
		require.NotEmpty(t, g.Sources)
		for _, s := range g.Sources {
			u, err := url.Parse(s.URL)
			require.NoError(t, err)
			require.Equal(t, "https", u.Scheme)
			require.NotEmpty(t, s.About)
			_, err = time.Parse(time.DateOnly, s.Read)
			require.NoError(t, err)
		}
	}
}

// requireSteps: whatever a form needs is among the steps, and the addresses to register too.
func requireSteps(t *testing.T, g Guide) {
	t.Helper()
	var kept, copied []string
	for _, s := range g.OIDC {
		for _, k := range s.Keep {
			kept = append(kept, k.Field)
		}
		for _, c := range s.Copy {
			copied = append(copied, c.Value)
		}
	}
	require.Contains(t, kept, FieldClientID, g.Name)
	require.Contains(t, kept, FieldClientSecret, g.Name)
	require.Contains(t, copied, placeRedirect, g.Name)
	if len(g.Authority.Fixed) == 0 && g.Provider != ProviderKeycloak { // the realm is the administrator's own
		require.Contains(t, kept, FieldAuthority, g.Name)
	}
	for _, scope := range g.Scopes.Extra {
		require.Contains(t, kept, FieldScopes, scope)
	}
	var sent []string
	for _, s := range g.SCIM.Steps {
		for _, c := range s.Copy {
			sent = append(sent, c.Value)
		}
	}
	if g.SCIM.Outgoing == SCIMNone && g.Provider == ProviderGoogle {
		require.Empty(t, g.SCIM.Steps)
		return
	}
	require.Contains(t, sent, placeSCIM, g.Name)
	require.Contains(t, sent, placeKey, g.Name)
}

// TestGuideFill: a tenant's own values stand where they belong; what is not known yet is said to be missing.
func TestGuideFill(t *testing.T) {
	t.Parallel()
	values := GuideValues{
		AppName: "Acme {redirect_uri} On-Call", RedirectURI: "https://app.example.com/sso/signin-oidc/1", InitiateLoginURI: "https://app.example.com/sso/login",
		BackchannelLogoutURI: "https://app.example.com/sso/backchannel-logout/1", JWKSURI: "https://app.example.com/sso/jwks",
		SCIMBaseURL: "https://app.example.com/scim/v2/org-1", APIKey: NewSecret("tgk_once"),
	}
	for _, g := range Guides() {
		full, empty := g.Fill(values), g.Fill(GuideValues{})
		for _, steps := range [][]GuideStep{full.OIDC, full.SCIM.Steps} {
			for _, s := range steps {
				for _, c := range s.Copy {
					require.False(t, c.Missing, s.ID)
					require.Contains(t, []string{values.AppName, values.RedirectURI, values.InitiateLoginURI, values.BackchannelLogoutURI, values.JWKSURI, values.SCIMBaseURL, "tgk_once"}, c.Value, s.ID)
				}
			}
		}
		full.texts(func(text *GuideText) { require.NotContains(t, text.Text, placeApp) })
		for _, steps := range [][]GuideStep{empty.OIDC, empty.SCIM.Steps} {
			for _, s := range steps {
				for _, c := range s.Copy {
					require.True(t, c.Missing && c.Value == "" || c.Value == "this application", "%s: %+v", s.ID, c)
				}
			}
		}
	}
	c := GuideCopy{Value: "{scim_base_url}?x={unknown}&y={"}
	c.fill(map[string]string{placeSCIM: "https://a/{redirect_uri}", placeRedirect: "no"})
	require.Equal(t, "https://a/{redirect_uri}?x={unknown}&y={", c.Value, "a value is not looked at again")
}

// TestGuideIsACopy: whoever changes a guide changes it for nobody else.
func TestGuideIsACopy(t *testing.T) {
	t.Parallel()
	for _, provider := range append(slices.Clone(knownProviders), "no such") {
		g := GuideOf(provider)
		before := GuideOf(provider)
		spoil(reflect.ValueOf(&g).Elem())
		require.Equal(t, before, GuideOf(provider), provider)
		require.NotEqual(t, before, g)
	}
	require.Equal(t, ProviderGeneric, GuideOf("no such").Provider)
}

// spoil changes every text and every element that can be reached.
func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("spoiled")
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			spoil(v.Field(i))
		}
	}
}

func TestGuideTranslate(t *testing.T) {
	t.Parallel()
	g := GuideOf(ProviderEntra)
	german := g.Translate(func(id, text string) string {
		if id == "guide.entra.oidc.register" {
			return "Neue Registrierung für {app}."
		}
		return ""
	}).Fill(GuideValues{AppName: "Rufbereitschaft"})
	require.Equal(t, "Neue Registrierung für Rufbereitschaft.", german.OIDC[0].Text)
	require.Equal(t, g.OIDC[1], GuideOf(ProviderEntra).OIDC[1])
	require.Equal(t, g.OIDC[1].Text, german.OIDC[1].Text, "left as it is")
}

// TestR26GuideAuthorities: each provider's own examples pass its check and are known by it, others are refused.
func TestR26GuideAuthorities(t *testing.T) {
	t.Parallel()
	for _, g := range Guides() {
		good := append([]string{g.Authority.Example}, g.Authority.Fixed...)
		built, found := g.Authority.Build(map[string]string{})
		if len(g.Authority.Placeholders) == 0 {
			require.Empty(t, found, g.Name)
			require.Equal(t, g.Authority.Fixed[0], built)
		} else {
			require.Len(t, found, len(g.Authority.Placeholders))
			require.Equal(t, CodeAuthorityPlaceholder, found[0].Code)
			values := map[string]string{}
			for _, p := range g.Authority.Placeholders {
				require.Contains(t, g.Authority.Pattern, "{"+p.Name+"}")
				require.NotEmpty(t, p.Label)
				require.True(t, p.Format.Fits(p.Example), p.Name)
				values[p.Name] = p.Example
			}
			built, found = g.Authority.Build(values)
			require.Empty(t, found)
			require.Equal(t, g.Authority.Example, built)
			for _, other := range g.Authority.Others {
				require.NotEmpty(t, other.Note.Text)
				for name, value := range values {
					other.Pattern = strings.ReplaceAll(other.Pattern, "{"+name+"}", value)
				}
				good = append(good, other.Pattern)
			}
		}
		require.NotEmpty(t, g.Authority.Find.Text)
		for _, authority := range good {
			got, found := g.ParseAuthority(authority, AuthorityOptions{})
			require.Equal(t, authority, got, "%s: %+v", g.Name, found)
			require.False(t, hasError(found))
			require.Equal(t, g.Provider, DetectProvider(authority), authority)
			require.Equal(t, len(g.Authority.Fixed) > 0, IsSharedAuthority(authority), authority)
		}
	}

	for _, tt := range []struct{ provider, in, code, suggestion string }{
		{ProviderEntra, "https://acme.okta.com", CodeAuthorityOtherProvider, ""},
		{ProviderOkta, "https://login.microsoftonline.com/8a3b0b5e-6a55-4b7e-9a0a-5c6a1a4d7c11/v2.0", CodeAuthorityOtherProvider, ""},
		{ProviderOkta, "https://sso.acme.com/realms/acme", CodeAuthorityOtherProvider, ""},
		{ProviderOkta, "https://acme-admin.okta.com", CodeAuthorityOktaAdmin, "https://acme.okta.com"},
		{ProviderEntra, "https://login.acme.com", CodeAuthorityPattern, ""},
		{ProviderEntra, "https://login.microsoftonline.com.evil.example/x/v2.0", CodeAuthorityPattern, ""},
		{ProviderEntra, "https://login.microsoftonline.com/common/v2.0", CodeAuthorityMultiTenant, "https://login.microsoftonline.com/{tenant-id}/v2.0"},
		{ProviderGoogle, "https://accounts.google.com/o/oauth2", CodeAuthorityPattern, "https://accounts.google.com"},
		{ProviderGoogle, "https://google.com", CodeAuthorityPattern, "https://accounts.google.com"},
		{ProviderJumpCloud, "https://sso.jumpcloud.com/", CodeAuthorityPattern, "https://oauth.id.jumpcloud.com/"},
		{ProviderJumpCloud, "http://oauth.id.jumpcloud.com/", CodeAuthorityNotHTTPS, "https://oauth.id.jumpcloud.com/"},
		{ProviderAuth0, "https://acme.onelogin.com/oidc/2", CodeAuthorityOtherProvider, ""},
		{ProviderKeycloak, "https://accounts.google.com", CodeAuthorityOtherProvider, ""},
		{ProviderOneLogin, "https://auth.pingone.eu/x/as", CodeAuthorityOtherProvider, ""},
		{ProviderPing, "https://acme.auth0.com/", CodeAuthorityOtherProvider, ""},
		{ProviderGeneric, "https://acme.okta.com/app/exk1/sso/saml/metadata", CodeAuthoritySAML, ""},
	} {
		got, found := GuideOf(tt.provider).ParseAuthority(tt.in, AuthorityOptions{})
		require.Empty(t, got, tt.in)
		f := one(t, found)
		require.Equal(t, tt.code, f.Code, tt.in)
		require.Equal(t, SeverityError, f.Severity)
		require.Equal(t, tt.suggestion, f.Suggestion, tt.in)
	}
	for provider, own := range map[string]string{
		ProviderOkta: "https://login.acme.com/oauth2/default", ProviderAuth0: "https://login.acme.com/", ProviderPing: "https://sso.acme.com:443",
		ProviderKeycloak: "https://sso.acme.com/auth/acme", ProviderGeneric: "https://acme.okta.com",
	} {
		_, found := GuideOf(provider).ParseAuthority(own, AuthorityOptions{})
		require.Empty(t, found, "a host of the customer's own")
	}
	_, found := GuideOf(ProviderEntra).ParseAuthority("http://127.0.0.1:8081/x", AuthorityOptions{InsecureAllowLoopback: true})
	require.Empty(t, found, "tests and demos")
}

// TestGuideBuildRefuses: a value never becomes another part of the address than its own.
func TestGuideBuildRefuses(t *testing.T) {
	t.Parallel()
	for provider, tries := range map[string][]map[string]string{
		ProviderEntra:    {{"tenant-id": "common/../x"}, {"tenant-id": "x"}, {"tenant-id": "8a3b0b5e"}},
		ProviderKeycloak: {{"host": "sso.acme.com", "realm": "a/b"}, {"host": "sso.acme.com", "realm": ".."}, {"host": "evil.example/x?", "realm": "a"}, {"host": "sso.acme.com", "realm": "a?b"}},
		ProviderPing:     {{"region": "evil.example", "environment-id": "3f9a1c52-7b6e-4a0e-9a53-1f2d5b7c8e90"}},
		ProviderOneLogin: {{"subdomain": "evil.example/"}, {"subdomain": "a@b"}, {"subdomain": strings.Repeat("a", maxAuthority+1)}},
		ProviderGeneric:  {{"issuer": "user@evil.example"}, {"issuer": "a b"}, {"issuer": "x?y"}},
	} {
		for _, values := range tries {
			got, found := GuideOf(provider).Authority.Build(values)
			require.Empty(t, got, values)
			require.Equal(t, CodeAuthorityPlaceholder, one(t, found).Code, values)
		}
	}
}

// TestDraftIsHeldToTheChosenGuide: the same rules speak when a request is saved, and when it is checked again.
func TestDraftIsHeldToTheChosenGuide(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := acme()
	d.Provider, d.Authority = ProviderEntra, "https://acme.okta.com"
	_, _, err := w.CreateDraft(t.Context(), owner, "acme", d)
	require.Equal(t, CodeAuthorityOtherProvider, CodeOf(err))

	d.Provider, d.Authority, d.ClientID, d.AdditionalScopes = ProviderGoogle, "https://accounts.google.com", "1.apps.googleusercontent.com", []string{"email offline_access groups"}
	c, found, err := w.CreateDraft(t.Context(), owner, "acme", d)
	require.NoError(t, err)
	require.Equal(t, ProviderGoogle, c.Provider)
	var codes []string
	for _, f := range found {
		require.Equal(t, SeverityWarning, f.Severity)
		codes = append(codes, f.Code)
	}
	require.Equal(t, []string{CodeScopeOfflineAccess, CodeScopeUnwanted}, codes, "the guide's own words, once")
	require.Contains(t, found[0].Message, "Google has no scope offline_access")

	d.ClientAuth = ClientPrivateKeyJWT
	_, found, err = w.SaveDraft(t.Context(), owner, "acme", c.ID, c.Version, d)
	require.NoError(t, err)
	require.Equal(t, CodeUnsupportedAuthMethod, found[0].Code)
	require.Equal(t, SeverityWarning, found[0].Severity)
	require.Equal(t, "client_secret_basic, client_secret_post", found[0].Expected)
	c.Version++
	d.ClientAuth = ClientSecretPost

	d.Provider = "keyclok" // not known: the authority tells
	c, _, err = w.SaveDraft(t.Context(), owner, "acme", c.ID, c.Version, d)
	require.NoError(t, err)
	require.Equal(t, ProviderGoogle, c.Provider)
}
