package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestSetupLink has an owner make a link, and somebody of the customer's IT, who has no account, do with it what it is for.
func TestSetupLink(t *testing.T) {
	for name, who := range map[string]person{"pointer": {looks: true}, "keyboard": {keyboard: true}, "no scripts": {noScript: true}} {
		t.Run(name, func(t *testing.T) {
			who.app = fresh(t)
			setUpByLink(t, who)
		})
	}
}

func setUpByLink(t *testing.T, who person) {
	t.Helper()
	owner := who.at(t)
	owner.open(owner.app.portal("initech", "/links"))
	owner.signIn(initechOwner)
	owner.fill("For whom", "  ")
	owner.press("Create link")
	owner.sees("Some entries need a change.")
	owner.look("links-refused")
	owner.fill("For whom", `Ida <script>alert("x")</script> of IT`)
	owner.tick("Connect your identity provider")
	owner.tick("Prove your domains")
	owner.press("Create link")
	owner.sees("It is shown once.", "not opened yet")
	owner.look("links-new")
	var link string
	owner.do(chromedp.Text(`section.once code`, &link, chromedp.ByQuery))

	ida := who.at(t)
	ida.open(link)
	ida.sees("This link was made for Ida", "Prove your domains", "Continue")
	ida.look("link-opened")
	ida.press("Continue")
	ida.sees("Not configured", "Your link is good until")
	ida.doesNotSee("Audit log")
	ida.look("link-overview")
	ida.next("Choose your identity provider")
	ida.press("Okta")
	ida.sees("Sign-in at Okta")
	ida.look("link-application")
	ida.press("Enter the details")
	ida.fill("Associated domains", "co.uk")
	ida.fill("Authority URL", "https://initech.okta.com/app/abc/sso/saml/metadata")
	ida.press("Save")
	ida.sees("Some entries need a change.", "co.uk is a public suffix.")
	ida.look("link-details-refused")
	ida.press("Domains")
	ida.sees("No domains yet.")

	// The link is one browser's.
	thief := who.at(t)
	thief.open(link)
	thief.sees("This link can't be used")
	thief.look("link-refused")

	owner.open(owner.app.portal("initech", "/links"))
	owner.sees("in use", "1 of 10 times")
	owner.look("links-in-use")
	ida.press("Overview")
	ida.press("I am done")
	ida.sees("You are done.")
	ida.look("link-done")
	ida.open(ida.app.AppURL + "/settings/sso/setup/initech")
	require.NotEmpty(t, ida.lookFor("button", "Skip to the content"))
	ida.doesNotSee("Not configured")
	owner.open(owner.app.portal("initech", "/links"))
	owner.sees("completed")
}
