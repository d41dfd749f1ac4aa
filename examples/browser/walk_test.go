package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestOwnerWithThePointer goes from nothing to people who sign in and find their teams, and looks at every page on the way.
func TestOwnerWithThePointer(t *testing.T) {
	goFromNothingToTeams(t, person{app: fresh(t), looks: true})
}

// TestOwnerWithTheKeyboard does the same without a pointer: everything is reached, seen and used by keys.
func TestOwnerWithTheKeyboard(t *testing.T) {
	goFromNothingToTeams(t, person{app: fresh(t), keyboard: true})
}

// TestOwnerWithoutScripts does the same in a browser that runs no scripts.
func TestOwnerWithoutScripts(t *testing.T) {
	goFromNothingToTeams(t, person{app: fresh(t), noScript: true})
}

const (
	initech      = "initech.example"
	initechOwner = "owner@initech.example"
)

// signIn signs in with the product's own form.
func (p *person) signIn(email string) {
	p.t.Helper()
	p.called("field", "Password")
	p.fillIn("With a password", "E-mail address", email)
	p.fill("Password", password)
	p.press("Sign in", "With a password")
}

// fillIn is fill for one of several fields of the same name.
func (p *person) fillIn(within, label, value string) {
	p.t.Helper()
	p.called("field", label, within)
	if p.keyboard {
		p.reach(label)
		p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(2)), chromedp.KeyEvent(value))
		return
	}
	p.do(chromedp.SetValue(found, value, chromedp.ByQuery))
}

// fact is what stands beside a name in a list of facts.
func (p *person) fact(name string) string {
	p.t.Helper()
	var value string
	p.do(chromedp.Evaluate(`(function (name) {
		var dt = Array.from(document.querySelectorAll("dt")).find(function (e) { return e.textContent.trim() === name; });
		var code = dt && dt.nextElementSibling.querySelector("code");
		return code ? code.textContent : dt ? dt.nextElementSibling.textContent.trim() : "";
	})(`+quote(name)+`)`, &value))
	require.NotEmpty(p.t, value, "%s in: %s", name, p.text())
	return value
}

// next follows the next step that the overview proposes.
func (p *person) next(title string) {
	p.t.Helper()
	p.sees("Next: " + title)
	p.press(title, "Next:")
}

func goFromNothingToTeams(t *testing.T, who person) {
	t.Helper()
	owner, reviewer, provider := who.at(t), who.at(t), who.at(t)
	portal := owner.app.portal("initech", "")

	// Whoever opens the portal signs in first, and is there then.
	owner.open(portal)
	owner.look("product-sign-in")
	owner.signIn(initechOwner)
	owner.sees("Single sign-on", "Not configured")
	owner.look("overview-empty")
	for _, page := range []string{"Domains", "Provisioning", "Set-up links"} {
		owner.press(page)
		owner.look(strings.ToLower(strings.ReplaceAll(page, " ", "-")) + "-empty")
	}
	owner.press("Overview")

	// The application at the provider.
	owner.next("Choose your identity provider")
	owner.look("choose-provider")
	owner.press("Other OpenID Connect provider")
	owner.look("application")
	redirectURI := owner.fact("Redirect URI")
	provider.open(who.app.IDPURL + "/initech/")
	provider.look("idp-directory-empty")
	clientID, secret, authority := provider.fact("Client ID"), provider.fact("Client secret"), provider.fact("Authority")
	provider.fill("Redirect URIs, one a line", redirectURI)
	provider.press("Save", "Redirect URIs, one a line")

	// The details, first with mistakes.
	owner.press("Enter the details")
	owner.look("details-empty")
	owner.fill("Associated domains", "gmail.com, it@initech.example")
	owner.fill("Authority URL", "https://initech-admin.okta.com")
	owner.fill("Client ID", "two words")
	owner.fill("Client secret", secret)
	owner.press("Save and submit")
	owner.sees("Some entries need a change.", "gmail.com is a public mail provider", "Did you mean initech.example?")
	owner.doesNotSee(secret)
	owner.look("details-refused")
	owner.fill("Associated domains", initech)
	owner.fill("Authority URL", authority)
	owner.fill("Client ID", clientID)
	owner.fill("Client secret", secret)
	owner.fill("Break-glass e-mails (optional)", "break-glass@initech.example")
	owner.tick("Set up provisioning")
	owner.press("Save and check")
	owner.sees("The provider's metadata was read.")
	owner.look("details-checked")
	owner.press("Save and submit")
	owner.sees("Your request was submitted.", "In review")
	owner.look("connection-in-review")
	owner.fill("Message to the reviewers", "We would like to begin on Monday.")
	owner.press("Send")
	owner.sees("Your message was sent.", "We would like to begin on Monday.")

	// The staff look at it, ask, and approve.
	reviewer.open(who.app.AppURL + "/login")
	reviewer.signIn(staff)
	reviewer.press("Requests that wait")
	reviewer.look("staff-queue")
	reviewer.press("Other OpenID Connect provider")
	reviewer.look("staff-review")
	reviewer.press("Reject")
	reviewer.sees("Some entries need a change.")
	reviewer.look("staff-review-refused")
	reviewer.fill("Message to the owners", "Whose domain is it?")
	reviewer.press("Ask for information")
	reviewer.sees("Your decision was recorded.", "Whose domain is it?")
	owner.press("Overview")
	owner.sees("Your answer is needed")
	owner.look("overview-needs-information")
	owner.press("Other OpenID Connect provider")
	owner.sees("Whose domain is it?")
	owner.look("connection-needs-information")
	owner.fill("Message to the reviewers", "Ours, see the record.")
	owner.press("Send")
	owner.press("Submit request")
	owner.sees("In review")

	// The domain, before and with its record.
	owner.press("Domains")
	owner.sees("Not proven yet")
	owner.look("domains-pending")
	name, value := owner.fact("Name"), owner.fact("Value")
	owner.press("Check now")
	owner.sees("Checked just now.", "No TXT record at "+name)
	owner.look("domains-missing")
	provider.open(who.app.AppURL + "/dns")
	provider.look("product-dns")
	provider.fill("Name", name)
	provider.fill("Value", value)
	provider.press("Publish")
	provider.sees("Published.")
	owner.press("Check now")
	owner.sees("Proven")
	owner.look("domains-proven")

	reviewer.press("Requests that wait")
	reviewer.press("Other OpenID Connect provider")
	reviewer.press("Approve")
	reviewer.sees("Your decision was recorded.")
	reviewer.look("staff-approved")
	reviewer.press("Requests that wait")
	reviewer.sees("Nothing waits for you.")
	reviewer.look("staff-queue-empty")

	// A test signs nobody in.
	owner.press("Overview")
	owner.sees("Ready to test")
	owner.look("overview-ready-to-test")
	owner.press("Other OpenID Connect provider")
	owner.press("Activation")
	owner.look("activation-too-early")
	owner.press("Show what that means")
	owner.press("Activate")
	owner.sees("as a test first")
	owner.look("activation-refused")
	owner.press("Overview")
	owner.next("Test the sign-in")
	owner.look("test")
	settings := owner.tab
	owner.pressForTab("Test sign-in")
	owner.sees("Identity provider of")
	owner.look("idp-sign-in")
	owner.fill("E-mail address", "alice@"+initech)
	owner.fill("Password", password)
	owner.press("Sign in")
	owner.sees("What came back", "alice@"+initech, "This sign-in would")
	owner.look("test-result")
	owner.closeTab(settings)
	owner.press("Overview")
	owner.sees("Ready to activate")

	owner.next("Activate")
	owner.look("activation")
	owner.press("Show what that means")
	owner.sees("What it means for people", "owner@initech.example")
	owner.look("activation-plan")
	owner.press("Activate")
	owner.sees("Single sign-on is active.")
	owner.look("overview-active")

	// The directory.
	owner.press("Provisioning")
	owner.look("provisioning-no-key")
	owner.fill("Name of the new key", "Initech directory")
	owner.press("Create API key")
	owner.sees("It is shown once.")
	owner.look("provisioning-new-key")
	var key string
	owner.do(chromedp.Text(`section.once code`, &key, chromedp.ByQuery))
	var baseURL string
	owner.do(chromedp.Text(`section[aria-labelledby=url] code`, &baseURL, chromedp.ByQuery))
	owner.press("Provisioning")
	owner.doesNotSee(key)
	provider.open(who.app.IDPURL + "/initech/")
	provider.fill("Base URL", baseURL)
	provider.fill("Token (API key)", key)
	provider.press("Save", "Base URL")
	provider.press("Push to SCIM")
	provider.sees("4 users created")
	provider.look("idp-directory-pushed")
	owner.press("People")
	owner.sees("alice@"+initech, "Directory")
	owner.look("people")
	owner.press("Provisioning")
	owner.look("provisioning")
	owner.press("Requests of your directory")
	owner.sees("POST")
	owner.look("requests")
	owner.press("Audit log")
	owner.sees("scim.user.created")
	owner.look("audit")

	owner.mapsGroups(provider)

	// Somebody of the directory signs in.
	bob := who.at(t)
	bob.open(who.app.AppURL + "/login")
	bob.fillIn("With your organisation's provider", "E-mail address", "bob@"+initech)
	bob.press("Continue with OpenID Connect")
	bob.fill("E-mail address", "bob@"+initech)
	bob.fill("Password", password)
	bob.press("Sign in")
	bob.sees("Quick start")
	bob.open(who.app.AppURL + "/me")
	bob.sees(`"email":"bob@`+initech+`"`, `"method":"oidc"`)
	bob.open(portal)
	bob.sees("Only an owner of the organisation can do this.")
	bob.look("forbidden")
}

// mapsGroups turns groups of the directory into teams, first by hand, then by a rule. The provider has pushed them.
func (p *person) mapsGroups(product *person) {
	p.t.Helper()
	teams := func(has ...string) {
		p.t.Helper()
		product.open(p.app.AppURL + "/org/initech/teams")
		if product.lookFor("field", "Password") != "" {
			product.signIn(initechOwner)
			product.open(p.app.AppURL + "/org/initech/teams")
		}
		product.sees(has...)
	}
	p.press("Groups and roles")
	p.look("groups-none")
	p.press("Groups of the directory")
	p.sees("oncall-sre", "Your directory has pushed 3 groups.")
	p.look("groups-list")
	p.press("Rules")

	p.tick("Manual")
	p.press("Choose this mode")
	p.sees("Your draft is not in force yet", "No group is mapped yet.")
	p.look("groups-manual-empty")
	p.press("Map a group")
	p.look("groups-row")
	p.press("Put into the draft")
	p.sees("Some entries need a change.")
	p.look("groups-row-refused")
	p.choose("Group", "oncall-sre")
	p.choose("Team", "Printers")
	p.choose("Role in the team", "Administrator")
	p.press("Put into the draft")
	p.sees("Printers", "1 row")
	p.press("Map a group")
	p.choose("Group", "oncall-database")
	p.choose("Role in the organisation", "Administrator")
	p.press("Put into the draft")
	p.sees("2 rows")
	p.press("Move row 2 up")
	p.look("groups-manual")
	p.press("Picture")
	p.look("groups-picture")
	p.press("Preview")
	p.sees("2 people join a team", "Save and apply")
	p.look("preview-manual")
	p.press("People 2")
	p.sees("Alice Archer", "in group “oncall-sre”")
	p.look("preview-manual-people")
	p.press("Save and apply")
	p.sees("Applied.")
	p.look("groups-history")
	teams("alice@"+initech, "bob@"+initech)

	p.press("Rules")
	p.tick("Automatic")
	p.press("Choose this mode")
	p.look("groups-automatic")
	p.choose("Groups", "Those that match a regular expression (RE2)")
	p.fill("Names or patterns", "oncall-(")
	p.press("Count what matches")
	p.sees("Some entries need a change.")
	p.look("groups-automatic-refused")
	p.choose("Groups", "Those that match a pattern, such as team-*")
	p.fill("Names or patterns", "oncall-*")
	p.press("Count what matches")
	p.sees("2 groups of 3 match.")
	p.press("Put into the draft", "Which groups get a team")
	p.choose("Memberships and roles that the rules stop to give", "They are taken back")
	p.press("Put into the draft", "What holds for everybody")
	p.press("Preview")
	p.sees("2 teams created")
	p.look("preview-automatic")
	p.press("Save and apply")
	p.sees("Applied.")
	teams("oncall-sre", "oncall-database")
	p.press("Take it back…")
	p.sees("What taking it back does")
	p.look("preview-undo")

	p.press("People", "People")
	p.press("Alice Archer")
	p.sees("oncall-sre")
	p.look("person")
}
