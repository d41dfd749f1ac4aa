package browser

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	hostile = `"><script>document.title="broken"</script><img src=x onerror="document.title='broken'">`
	turned  = "acme\u202Emoc.example"
)

var huge = strings.Repeat("long ", 20_000)

// TestBadInput sends what is wrong, empty, huge or hostile with the portal's forms: the same page with status 422, the
// values kept, a message at the field and read out with it, and nothing saved.
func TestBadInput(t *testing.T) {
	who := person{looks: true}
	who.app = sharedQuickstart(t)
	acme := who.app.Tenants[0]
	owner := who.at(t)
	owner.open(who.app.portal(acme.ID, ""))
	owner.signIn(acme.OwnerEmail)
	owner.press("the built-in provider")
	var address string
	owner.do(chromedp.Location(&address))
	connection := "/c/" + path.Base(address)
	owner.press("Request a change")
	owner.do(chromedp.Location(&address))
	change := "/c/" + path.Base(path.Dir(address))

	for _, tt := range []struct {
		name, page string
		field      string // label
		value      string
		button     string
		within     string
		says       string
	}{
		{"domains wrong", change + "/details", "Associated domains", "acme, *.acme.example", "Save", "", "acme is not a domain."},
		{"domains huge", change + "/details", "Associated domains", huge, "Save", "", "Some entries need a change."},
		{"domains hostile", change + "/details", "Associated domains", hostile, "Save", "", "Some entries need a change."},
		{"domains turned around", change + "/details", "Associated domains", turned, "Save", "", "Some entries need a change."},
		{"authority wrong", change + "/details", "Authority URL", "ftp://acme.example", "Save", "", "Some entries need a change."},
		{"authority hostile", change + "/details", "Authority URL", hostile, "Save", "", "Some entries need a change."},
		{"client ID hostile", change + "/details", "Client ID", hostile, "Save", "", "Some entries need a change."},
		{"break-glass wrong", change + "/details", "Break-glass e-mails (optional)", "nobody", "Save", "", "Some entries need a change."},
		{"scopes hostile", change + "/details", "Additional scopes (optional)", hostile, "Save", "", "Some entries need a change."},
		{"message empty", connection, "Message to the reviewers", " ", "Send", "", "Some entries need a change."},
		{"message huge", connection, "Message to the reviewers", huge, "Send", "", "Some entries need a change."},
		{"secret empty", connection + "/secret", "New client secret", "", "Replace the old one at once", "", "Some entries need a change."},
		{"domain added wrong", "/domains", "Associated domains", "gmail.com", "Add domains", "", "gmail.com is a public mail provider"},
		{"domain added hostile", "/domains", "Associated domains", hostile, "Add domains", "", "Some entries need a change."},
		{"key without a name", "/provisioning", "Name of the new key", " ", "Create API key", "", "Some entries need a change."},
		{"key with a huge name", "/provisioning", "Name of the new key", huge, "Create API key", "", "Some entries need a change."},
		{"webhook to nowhere", "/webhooks", "Address", "ftp://acme.example", "Create webhook", "", "Some entries need a change."},
		{"webhook hostile", "/webhooks", "Address", hostile, "Create webhook", "", "Some entries need a change."},
		{"webhook of unknown events", "/webhooks", "Events (optional)", hostile, "Create webhook", "", "Some entries need a change."},
		{"link with a bad address", "/links", "E-mail (optional)", hostile, "Create link", "", "Some entries need a change."},
		{"suspended for a huge reason", connection + "/suspend", "Reason", huge, "Suspend", "Reason", "It was not done."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := *owner
			p.t = t
			p.open(who.app.portal(acme.ID, tt.page))
			p.do(chromedp.Evaluate(`document.querySelectorAll("form").forEach(function (f) { f.noValidate = true; })`, nil))
			if tt.field == "E-mail (optional)" {
				p.fill("For whom", "Ida")
			}
			p.fill(tt.field, tt.value)
			var within []string
			if tt.within != "" {
				within = append(within, tt.within)
			}
			require.EqualValues(t, http.StatusUnprocessableEntity, p.press(tt.button, within...), p.text())
			p.sees(tt.says)
			p.called("field", tt.field)
			if tt.field != "New client secret" {
				require.Equal(t, strings.TrimRight(tt.value, " "), strings.TrimRight(p.value(), " "), "kept")
			}
			var title, spoken string
			p.do(chromedp.Title(&title), chromedp.Evaluate(`(function () {
				var f = document.querySelector("[data-found]");
				if (f.getAttribute("aria-invalid") !== "true") { return ""; }
				return (f.getAttribute("aria-describedby") || "").split(" ").filter(function (id) { return id.endsWith("-error"); })
					.map(function (id) { return document.getElementById(id).textContent.trim(); }).join(" ");
			})()`, &spoken))
			require.NotContains(t, title, "broken", "no script of a value runs")
			require.NotEmpty(t, spoken, "the message is read out with the field")
			p.look("refused-" + strings.ReplaceAll(tt.name, " ", "-"))
		})
	}

	// Nothing was saved.
	owner.open(who.app.portal(acme.ID, change+"/details"))
	for label, value := range map[string]string{
		"Associated domains": acme.Domain, "Authority URL": who.app.IDPURL + "/" + acme.ID, "Additional scopes (optional)": "",
	} {
		owner.called("field", label)
		require.Equal(t, value, owner.value(), label)
	}
	owner.open(who.app.portal(acme.ID, "/links"))
	owner.sees("No links yet.")
	owner.open(who.app.portal(acme.ID, connection))
	owner.press("Overview")
	owner.sees("Active")
}

// TestHostileNames: what a directory sends is text, whatever it looks like.
func TestHostileNames(t *testing.T) {
	who := person{looks: true}
	who.app = sharedQuickstart(t)
	globex := who.app.Tenants[1]
	user := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"mallory@%s","displayName":%s,
		"emails":[{"value":"mallory@%[1]s","primary":true}],"active":true}`, globex.Domain, quote(hostile+turned))
	group := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":%s}`, quote(hostile+turned))
	for path, body := range map[string]string{"/Users": user, "/Groups": group} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, globex.SCIMBaseURL+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+globex.SCIMToken)
		req.Header.Set("Content-Type", "application/scim+json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusCreated, resp.StatusCode)
	}
	owner := who.at(t)
	owner.open(who.app.portal(globex.ID, ""))
	owner.signIn(globex.OwnerEmail)
	for _, page := range []string{"/people", "/audit", "/provisioning/requests", ""} {
		owner.open(who.app.portal(globex.ID, page))
		var title string
		owner.do(chromedp.Title(&title))
		require.NotContains(t, title, "broken", page)
	}
	owner.open(who.app.portal(globex.ID, "/people"))
	owner.sees("<script>document.title")
	owner.look("people-hostile")
}
