package tenant

import "strings"

// GuideValues are a tenant's own values for its guide. An empty one is not known (yet).
type GuideValues struct {
	// AppName is what the host's product is called. Empty means "this application".
	AppName string
	// RedirectURI, InitiateLoginURI, BackchannelLogoutURI and JWKSURI are those of the connection: oidc.Handler's
	// GuideValues has them.
	RedirectURI          string
	InitiateLoginURI     string
	BackchannelLogoutURI string
	JWKSURI              string
	// SCIMBaseURL is the tenant's, see [Service.SCIMBaseURL].
	SCIMBaseURL string
	// APIKey is the key that was made just now, for the one page that shows it. Empty says that one has to be made.
	APIKey Secret
}

const (
	placeApp         = "{app}"
	placeRedirect    = "{redirect_uri}"
	placeInitiate    = "{initiate_login_uri}"
	placeBackchannel = "{backchannel_logout_uri}"
	placeJWKS        = "{jwks_uri}"
	placeSCIM        = "{scim_base_url}"
	placeKey         = "{api_key}"
)

// Fill returns the guide with the tenant's values in the place of placeholders. A value that is not known leaves its
// [GuideCopy] empty and Missing: the page says when there will be one.
//
// Only an API key that is in v is in the result: show it once, and keep the filled guide nowhere.
func (g Guide) Fill(v GuideValues) Guide {
	g = g.clone()
	app := strings.TrimSpace(shown(v.AppName))
	if app == "" {
		app = "this application"
	}
	g.texts(func(t *GuideText) { t.Text = strings.ReplaceAll(t.Text, placeApp, app) })
	values := map[string]string{
		placeApp: app, placeRedirect: v.RedirectURI, placeInitiate: v.InitiateLoginURI, placeBackchannel: v.BackchannelLogoutURI,
		placeJWKS: v.JWKSURI, placeSCIM: v.SCIMBaseURL, placeKey: v.APIKey.Reveal(),
	}
	for _, steps := range [][]GuideStep{g.OIDC, g.SCIM.Steps} {
		for i := range steps {
			for j := range steps[i].Copy {
				steps[i].Copy[j].fill(values)
			}
		}
	}
	return g
}

// fill puts the values in; what a value brings is not looked at again.
func (c *GuideCopy) fill(values map[string]string) {
	var out strings.Builder
	for rest := c.Value; rest != ""; {
		before, from, found := strings.Cut(rest, "{")
		name, after, closed := strings.Cut(from, "}")
		value, known := values["{"+name+"}"]
		if !found || !closed || !known {
			out.WriteString(rest)
			break
		}
		if value == "" {
			c.Value, c.Missing = "", true
			return
		}
		out.WriteString(before)
		out.WriteString(value)
		rest = after
	}
	c.Value = out.String()
}
