package browser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestNewcomer does what the start page proposes: push the directory, look at the people and teams as the owner, and read a lock.
func TestNewcomer(t *testing.T) {
	who := person{looks: true}
	who.app = sharedQuickstart(t)
	acme := who.app.Tenants[0]
	p := who.at(t)
	p.open(who.app.AppURL)
	p.look("product-start")
	p.open(who.app.IDPURL + "/" + acme.ID + "/")
	p.press("Push to SCIM")
	p.sees("4 users created")
	p.open(who.app.AppURL + "/login")
	p.signIn(acme.OwnerEmail)
	p.sees("Single sign-on", "Active")
	p.press("On Call")
	p.press("People")
	p.sees("alice@"+acme.Domain, "scim")
	p.look("product-people")
	p.do(chromedp.Focus(`button.lock`, chromedp.ByQuery))
	var tip string
	p.do(chromedp.Text(`button.lock + .tip`, &tip, chromedp.ByQuery))
	require.Contains(t, tip, "managed by", "the lock explains itself by keyboard too")
	p.press("Edit alice@" + acme.Domain)
	p.look("product-person")
	p.fill("Name", "Somebody Else")
	p.press("Save")
	p.sees("Change it in the built-in provider")
	p.look("product-person-locked")
	p.press("Teams")
	p.sees("Platform")
	p.look("product-teams")
	p.press("Sign out")
	p.open(who.app.AppURL + "/login")
	p.signIn(staff)
	p.sees("Back office")
	p.look("product-back-office")
	p.press("Acme")
	p.sees("End it")
	p.look("staff-organisation")
	p.press("Preview a removal")
	p.sees("What it means", "People who lose every way in")
	p.look("staff-removal")
	p.press("Remove")
	p.sees("It was not done.")
	p.look("staff-removal-refused")
	p.press("Contested domains")
	p.look("staff-contests")
	p.open(who.app.AppURL + "/nowhere")
	p.look("product-not-found")
}

// TestPicturesOfTheREADME makes them anew where README_PICTURES names a folder; the walks look at the same pages.
func TestPicturesOfTheREADME(t *testing.T) {
	dir := os.Getenv("README_PICTURES")
	if dir == "" {
		dir = t.TempDir() // that they can be made is seen all the same
	}
	who := person{app: sharedQuickstart(t)}
	owner := who.at(t)
	owner.open(who.app.portal("initech", "/new"))
	owner.signIn(initechOwner)
	owner.press("Other OpenID Connect provider")
	owner.press("Enter the details")
	owner.fill("Associated domains", initech)
	owner.fill("Authority URL", who.app.IDPURL+"/initech")
	owner.fill("Client ID", "oncall-initech")
	owner.fill("Client secret", "a-secret-of-some-length-7f3a")
	owner.press("Save and submit")
	owner.press("Overview")
	owner.sees("In review")
	owner.do(emulation.SetDeviceMetricsOverride(1000, 644, 1, false))
	owner.cut(filepath.Join(dir, "overview.png"))

	acme := who.app.Tenants[0]
	admin := who.at(t)
	admin.open(who.app.IDPURL + "/" + acme.ID + "/")
	admin.press("Push to SCIM")
	admin.open(who.app.portal(acme.ID, "/groups"))
	admin.signIn(acme.OwnerEmail)
	admin.tick("Automatic")
	admin.press("Choose this mode")
	admin.choose("Groups", "Those that match a pattern, such as team-*")
	admin.fill("Names or patterns", "oncall-*")
	admin.press("Put into the draft", "Which groups get a team")
	admin.press("Preview")
	admin.press("People 4")
	admin.do(emulation.SetDeviceMetricsOverride(1100, 760, 1, false))
	admin.cut(filepath.Join(dir, "preview.png"))
	admin.press("Back to the rules")
	admin.press("Discard the draft")
}

// cut writes what the screen shows as PNG.
func (p *person) cut(file string) {
	p.t.Helper()
	var png []byte
	p.do(chromedp.CaptureScreenshot(&png))
	require.NoError(p.t, os.WriteFile(file, png, 0o644)) //nolint:gosec // a picture for everybody
}
