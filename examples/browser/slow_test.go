package browser

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestSlowProvider: a check that takes long holds no page. Its own page follows along, can be loaded again, and then says what
// came of it, with scripts and without.
func TestSlowProvider(t *testing.T) {
	for name, who := range map[string]person{"scripts": {looks: true}, "no scripts": {noScript: true}} {
		t.Run(name, func(t *testing.T) {
			answer := make(chan struct{})
			provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-answer:
				case <-r.Context().Done():
				}
				w.WriteHeader(http.StatusNotFound)
			}))
			t.Cleanup(provider.Close)
			who.app = fresh(t)
			owner := who.at(t)
			owner.open(who.app.portal("initech", "/new"))
			owner.signIn(initechOwner)
			owner.press("Other OpenID Connect provider")
			owner.press("Enter the details")
			owner.fill("Associated domains", initech)
			owner.fill("Authority URL", provider.URL)
			owner.fill("Client ID", "oncall-initech")
			owner.press("Save and check")
			owner.sees("Checking the connection …", "This page follows along by itself.")
			owner.look("wait")
			owner.do(chromedp.Reload())
			owner.sees("Checking the connection …")
			close(answer)
			owner.do(chromedp.WaitVisible(`input[name="authority"]`, chromedp.ByQuery)) // it goes on by itself
			owner.sees("Checked just now.", "Last check")
			require.NotEmpty(t, owner.lookFor("field", "Authority URL"))
			require.Equal(t, provider.URL, owner.value())
			owner.look("details-check-failed")
		})
	}
}

// TestEndings: an owner suspends what is active, after seeing whom that concerns, and the pages say so; the staff resume and
// remove.
func TestEndings(t *testing.T) {
	who := person{app: fresh(t), looks: true}
	acme := who.app.Tenants[0]
	owner := who.at(t)
	owner.open(who.app.IDPURL + "/" + acme.ID + "/")
	owner.press("Push to SCIM")
	owner.open(who.app.portal(acme.ID, ""))
	owner.signIn(acme.OwnerEmail)
	owner.press("the built-in provider")
	owner.press("Suspend", "End it")
	owner.sees("What it means", "alice@"+acme.Domain)
	owner.look("suspend")
	owner.fill("Reason", "We change the provider.")
	owner.press("Suspend", "Reason")
	owner.sees("Suspended")
	owner.look("connection-suspended")
	owner.press("Overview")
	owner.sees("Suspended")
	owner.look("overview-suspended")
	owner.press("the built-in provider")
	owner.press("Delete", "End it")
	owner.sees("is deleted")
	owner.look("delete")
	owner.press("Delete", "Reason")
	owner.sees("Removed.", "Not configured")
	owner.look("overview-removed")
}
