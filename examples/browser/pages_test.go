package browser

import (
	"path"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestPagesInForce looks at every page of an organisation whose sign-on is active, in German, whose long words are the
// hardest for a narrow screen.
func TestPagesInForce(t *testing.T) {
	who := person{app: sharedQuickstart(t), looks: true}
	globex := who.app.Tenants[1]
	owner := who.at(t)
	owner.open(who.app.IDPURL + "/" + globex.ID + "/")
	owner.press("Push to SCIM")
	owner.open(who.app.portal(globex.ID, ""))
	owner.signIn(globex.OwnerEmail)
	owner.press("the built-in provider")
	var address string
	owner.do(chromedp.Location(&address))
	connection := "/c/" + path.Base(address)

	owner.do(network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": "de"}))
	for _, page := range []string{
		"", "/new", "/domains", "/provisioning", "/provisioning/requests", "/groups", "/groups/list", "/groups/picture", "/groups/history",
		"/groups/row", "/people", "/people/convert", "/webhooks", "/links", "/audit", connection, connection + "/application", connection + "/details",
		connection + "/secret", connection + "/test", connection + "/activate", connection + "/suspend",
	} {
		owner.open(who.app.portal(globex.ID, page))
		var language string
		owner.do(chromedp.Evaluate(`document.documentElement.lang`, &language))
		require.Equal(t, "de", language, page)
		name := strings.ReplaceAll(strings.TrimPrefix(strings.ReplaceAll(page, connection, "/connection"), "/"), "/", "-")
		if name == "" {
			name = "overview"
		}
		owner.look("german-" + name)
	}
	owner.open(who.app.portal(globex.ID, "/c/nowhere"))
	owner.look("german-not-found")
}

// TestWithoutScriptsMeansIt: what a script adds is not there where none runs, and is where one does.
func TestWithoutScriptsMeansIt(t *testing.T) {
	for name, who := range map[string]person{"scripts": {}, "no scripts": {noScript: true}} {
		who.app = sharedQuickstart(t)
		acme := who.app.Tenants[0]
		owner := who.at(t)
		owner.open(who.app.portal(acme.ID, "/provisioning"))
		owner.signIn(acme.OwnerEmail)
		owner.sees(acme.SCIMBaseURL)
		require.Equal(t, !who.noScript, owner.lookFor("button", "Copy") != "", name)
	}
}
