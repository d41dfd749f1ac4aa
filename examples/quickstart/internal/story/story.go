package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config says where the program runs and who is in it.
type Config struct {
	AppURL, IDPURL string
	// Org is the organisation that has no sign-on yet; its directory has this slug too.
	Org string
	// Domains are two: the people have addresses in the first.
	Domains [2]string
	// ClientID and ClientSecret are its application at the provider.
	ClientID, ClientSecret string
	Owner, BreakGlass      string
	Staff                  string
	Password               string // everybody's
	// OtherBaseURL is another tenant's SCIM base URL.
	OtherBaseURL string
	// PortalURL is where the organisation's owner sets single sign-on up, StaffURL where the product's staff reviews.
	PortalURL, StaffURL string
	// OrgName is what is typed to make single sign-on the only way in.
	OrgName string
}

// Play tells the story and writes each step with what came back. The error is that of
// the first step that went otherwise.
func Play(ctx context.Context, cfg Config, w io.Writer) error {
	t := &teller{Config: cfg, w: w}
	var err error
	for _, b := range []**browser{&t.owner, &t.staff, &t.idp, &t.bob, &t.carol, &t.stranger} {
		if *b, err = newBrowser(); err != nil {
			return err
		}
	}
	for i, s := range t.steps() {
		if err := s.do(ctx); err != nil {
			fmt.Fprintf(w, "%2d. %s\n    FAILED: %v\n", i+1, s.title, err)
			return fmt.Errorf("step %d, %q: %w", i+1, s.title, err)
		}
		fmt.Fprintf(w, "%2d. %s\n", i+1, s.title)
		for _, line := range t.said {
			fmt.Fprintf(w, "    %s\n", line)
		}
		t.said = nil
	}
	_, err = fmt.Fprintln(w, "The whole story worked.")
	return err
}

// teller keeps what one step leaves for the next.
type teller struct {
	Config
	w                                       io.Writer
	said                                    []string
	owner, staff, idp, bob, carol, stranger *browser
	connection                              string
	scimBaseURL, apiKey                     string
}

type step struct {
	title string
	do    func(context.Context) error
}

// say adds a line to what the step tells.
func (t *teller) say(format string, args ...any) {
	t.said = append(t.said, fmt.Sprintf(format, args...))
}

// org is one of the product's own pages of the organisation, set one of the portal's.
func (t *teller) org(path string) string { return t.AppURL + "/org/" + t.Org + path }

func (t *teller) set(path string) string { return t.PortalURL + path }

func (t *teller) directory(path string) string { return t.IDPURL + "/" + t.Org + "/" + path }

func (t *teller) email(name string) string { return name + "@" + t.Domains[0] }

func (t *teller) steps() []step {
	return []step{
		{"The owner signs in with a password", t.ownerSignsIn},
		{"The owner chooses an identity provider", t.begin},
		{"A request with mistakes is refused, each with its reason", t.badRequest},
		{"The owner submits a request with two domains and a break-glass address", t.submit},
		{"A second request while one is in review is refused", t.submitTwice},
		{"A domain without its record is not proven", t.domainUnproven},
		{"With the records in DNS both domains are proven", t.domainsProven},
		{"The staff reviews the request and approves it", t.approve},
		{"The owner registers the redirect URI at the provider", t.registerRedirectURI},
		{"Without a test sign-in the connection can't be activated", t.activateTooEarly},
		{"A test sign-in goes through the provider and makes no session", t.testSignIn},
		{"The owner activates sign-on as the only way in", t.activate},
		{"The owner makes an API key", t.makeKey},
		{"At another tenant's base URL the key opens nothing", t.foreignKey},
		{"The provider pushes its directory over SCIM", t.push},
		{"The product lists the people with their source", t.listPeople},
		{"Manual mode: a group is mapped to a team, previewed and applied", t.manualMode},
		{"Automatic mode: the preview shows which groups become teams", t.autoMode},
		{"Bob signs in with OpenID Connect", t.bobSignsIn},
		{"A field that the directory manages can't be changed in the product", t.lockedField},
		{"Bob is removed from a group and loses the team", t.removeFromGroup},
		{"Carol signs in, is set inactive, and is out", t.deactivate},
		{"Nobody else has a way around: a password of the domain opens nothing", t.noWayAround},
		{"The break-glass address still gets in", t.breakGlass},
		{"The journal tells all of it", t.journal},
	}
}

func (t *teller) ownerSignsIn(ctx context.Context) error {
	return t.passwordLogin(ctx, t.owner, t.Owner, "password")
}

// passwordLogin signs a person in with the product's own form.
func (t *teller) passwordLogin(ctx context.Context, b *browser, email, method string) error {
	a, err := b.post(ctx, t.AppURL+"/login/password", url.Values{"email": {email}, "password": {t.Password}})
	if err != nil {
		return err
	}
	var out struct{ Method string }
	if err := a.decode(http.StatusOK, &out); err != nil {
		return err
	}
	if out.Method != method {
		return fmt.Errorf("expected a sign-in by %s, got %s", method, out.Method)
	}
	t.say("%s is signed in (%s)", email, out.Method)
	return nil
}

// begin chooses a provider, which makes a draft.
func (t *teller) begin(ctx context.Context) error {
	var overview struct {
		Status struct{ Text string }
		Next   struct{ Title string }
	}
	if _, err := t.owner.get(ctx, t.set(""), &overview); err != nil {
		return err
	}
	t.say("status: %s; next: %s", overview.Status.Text, overview.Next.Title)
	a, err := t.owner.post(ctx, t.set("/new"), url.Values{"provider": {"generic"}})
	if err != nil {
		return err
	}
	var made struct{ ID string }
	if err := a.decode(http.StatusOK, &made); err != nil {
		return err
	}
	t.connection = made.ID
	c, err := t.look(ctx)
	if err != nil {
		return err
	}
	t.say("redirect URI: %s", c.RedirectURI)
	return nil
}

func (t *teller) badRequest(ctx context.Context) error {
	a, err := t.save(ctx, url.Values{
		"domains":     {"gmail.com, it@" + t.Domains[0] + ", *." + t.Domains[0]},
		"authority":   {"https://idp.example/saml/metadata"},
		"client_id":   {"on call"},
		"break_glass": {"admin@elsewhere.example"},
	})
	if err != nil {
		return err
	}
	var p problem
	if err := a.decode(http.StatusUnprocessableEntity, &p); err != nil {
		return err
	}
	fields := map[string]bool{}
	for _, f := range p.Findings {
		fields[f.Field] = true
		t.say("%s (%s): %s", f.Field, f.Code, f.Message)
	}
	for _, want := range []string{"domains", "authority", "client_id"} {
		if !fields[want] {
			return fmt.Errorf("expected a finding about %s, got %v", want, fields)
		}
	}
	return nil
}

// request is the form as the owner fills it in.
func (t *teller) request() url.Values {
	return url.Values{
		"domains":       {t.Domains[0] + ", " + t.Domains[1]},
		"authority":     {t.IDPURL + "/" + t.Org},
		"client_id":     {t.ClientID},
		"client_secret": {t.ClientSecret},
		"break_glass":   {t.BreakGlass + ", " + t.Owner}, // nobody is to lock himself out
		"scim":          {"1"},
		"phone_confirm": {"1"},
		"then":          {"submit"},
	}
}

// save sends the connection's details, for the version that is stored.
func (t *teller) save(ctx context.Context, form url.Values) (answer, error) {
	return t.change(ctx, "/details", form)
}

// change posts a form of the connection, for the version that is stored, and waits for what takes longer.
func (t *teller) change(ctx context.Context, path string, form url.Values) (answer, error) {
	c, err := t.look(ctx)
	if err != nil {
		return answer{}, err
	}
	form.Set("version", fmt.Sprint(c.Version))
	a, err := t.owner.post(ctx, t.set("/c/"+t.connection+path), form)
	if err != nil {
		return a, err
	}
	return t.owner.outcome(ctx, t.AppURL, a)
}

func (t *teller) submit(ctx context.Context) error {
	a, err := t.save(ctx, t.request())
	if err != nil {
		return err
	}
	if err := a.decode(http.StatusOK, nil); err != nil {
		return err
	}
	c, err := t.look(ctx)
	if err != nil {
		return err
	}
	if c.State != "submitted" {
		return fmt.Errorf("expected the state submitted, got %s", c.State)
	}
	for _, x := range c.Checks {
		t.say("%s: %s", x.Severity, x.Message)
	}
	t.say("status: %s", c.Status.Text)
	return nil
}

func (t *teller) submitTwice(ctx context.Context) error {
	a, err := t.save(ctx, t.request())
	if err != nil {
		return err
	}
	p, err := a.refused(http.StatusConflict, "request_pending")
	if err == nil {
		t.say("409 %s: %s", p.Code, p.Detail)
	}
	return err
}

// connectionPage is the connection as the owner sees it.
type connectionPage struct {
	ID          string
	Version     int64
	State       string
	Status      struct{ Text string }
	RedirectURI string `json:"redirectUri"`
	Checks      []struct{ Severity, Message string }
}

func (t *teller) look(ctx context.Context) (connectionPage, error) {
	var page connectionPage
	_, err := t.owner.get(ctx, t.set("/c/"+t.connection), &page)
	return page, err
}

// domainCard is a domain as the owner sees it.
type domainCard struct {
	ID           string
	Name         string
	Verified     bool
	Message      string
	Finding      struct{ Code string }
	Instructions []struct{ Type, Name, Value string }
}

func (t *teller) domains(ctx context.Context) ([]domainCard, error) {
	var page struct{ Domains []domainCard }
	_, err := t.owner.get(ctx, t.set("/domains"), &page)
	return page.Domains, err
}

// checkDomain presses "Check now" and returns what the page says then.
func (t *teller) checkDomain(ctx context.Context, id string) (domainCard, error) {
	a, err := t.owner.post(ctx, t.set("/domains/"+id+"/check"), nil)
	if err == nil {
		a, err = t.owner.outcome(ctx, t.AppURL, a)
	}
	if err == nil {
		err = a.decode(http.StatusOK, nil)
	}
	if err != nil {
		return domainCard{}, err
	}
	list, err := t.domains(ctx)
	for _, d := range list {
		if d.ID == id {
			return d, nil
		}
	}
	return domainCard{}, errors.Join(err, fmt.Errorf("expected the domain %s in the list", id))
}

func (t *teller) domainUnproven(ctx context.Context) error {
	list, err := t.domains(ctx)
	if err != nil {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("expected two domains, got %d", len(list))
	}
	d, err := t.checkDomain(ctx, list[0].ID)
	if err != nil {
		return err
	}
	if d.Verified || d.Finding.Code != "domain_record_missing" {
		return fmt.Errorf("expected the finding domain_record_missing, got %+v", d)
	}
	t.say("%s", d.Message)
	return nil
}

func (t *teller) domainsProven(ctx context.Context) error {
	list, err := t.domains(ctx)
	if err != nil {
		return err
	}
	for _, d := range list {
		for _, i := range d.Instructions {
			t.say("%s %s %q", i.Type, i.Name, i.Value)
			a, err := t.owner.post(ctx, t.AppURL+"/dns", url.Values{"name": {i.Name}, "value": {i.Value}})
			if err != nil {
				return err
			}
			if err := a.decode(http.StatusOK, nil); err != nil {
				return err
			}
		}
		c, err := t.checkDomain(ctx, d.ID)
		if err != nil {
			return err
		}
		if !c.Verified {
			return fmt.Errorf("%s is not proven: %s", c.Name, c.Message)
		}
		t.say("%s is verified", c.Name)
	}
	return nil
}

func (t *teller) approve(ctx context.Context) error {
	if err := t.passwordLogin(ctx, t.staff, t.Staff, "password"); err != nil {
		return err
	}
	var queue struct {
		Requests []struct {
			TenantID string `json:"tenantId"`
			ID       string
		}
	}
	if _, err := t.staff.get(ctx, t.StaffURL, &queue); err != nil {
		return err
	}
	t.say("%d request(s) in the queue", len(queue.Requests))
	for _, q := range queue.Requests {
		if q.TenantID != t.Org {
			continue
		}
		at := t.StaffURL + "/t/" + q.TenantID + "/c/" + q.ID
		var sheet struct{ Version int64 }
		if _, err := t.staff.get(ctx, at, &sheet); err != nil {
			return err
		}
		a, err := t.staff.post(ctx, at, url.Values{"decision": {"approve"}, "version": {fmt.Sprint(sheet.Version)}})
		if err == nil {
			a, err = t.staff.outcome(ctx, t.AppURL, a)
		}
		if err != nil {
			return err
		}
		t.say("approved")
		return a.decode(http.StatusOK, nil)
	}
	return fmt.Errorf("expected a request of %s in the queue", t.Org)
}

func (t *teller) registerRedirectURI(ctx context.Context) error {
	c, err := t.look(ctx)
	if err != nil {
		return err
	}
	t.say("%s", c.RedirectURI)
	return t.atProvider(ctx, "client", url.Values{"redirect_uris": {c.RedirectURI}})
}

// atProvider sends a form of the identity provider's own page.
func (t *teller) atProvider(ctx context.Context, form string, values url.Values) error {
	a, err := t.idp.post(ctx, t.directory(form), values)
	if err != nil {
		return err
	}
	return a.decode(http.StatusOK, nil)
}

func (t *teller) activateTooEarly(ctx context.Context) error {
	a, err := t.change(ctx, "/activate", url.Values{"mode": {"optional"}})
	if err != nil {
		return err
	}
	p, err := a.refused(http.StatusConflict, "test_required")
	if err == nil {
		t.say("409 %s: %s", p.Code, p.Detail)
	}
	return err
}

func (t *teller) testSignIn(ctx context.Context) error {
	a, err := t.owner.throughProvider(ctx, http.MethodPost, t.set("/c/"+t.connection+"/test"), t.email("alice"), t.Password)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("expected to come back to the portal, got %d from %s: %s", a.status, a.url, a.short())
	}
	if text := textOf(a.body); !strings.Contains(text, "What came back") || !strings.Contains(text, t.email("alice")) || !strings.Contains(text, "This sign-in would") {
		return fmt.Errorf("expected a report of the test, got: %s", a.short())
	}
	var page struct{ Tested bool }
	if _, err := t.owner.get(ctx, t.set("/c/"+t.connection+"/test"), &page); err != nil {
		return err
	}
	if !page.Tested {
		return errors.New("expected the configuration to be tested")
	}
	t.say("the provider asserted %s; the owner is still signed in as the owner", t.email("alice"))
	return t.signedInAs(ctx, t.owner, t.Owner)
}

// signedInAs asks the product who a browser is.
func (t *teller) signedInAs(ctx context.Context, b *browser, email string) error {
	var me struct{ Email, Issuer, Subject, Tenant string }
	if _, err := b.get(ctx, t.AppURL+"/me", &me); err != nil {
		return err
	}
	if me.Email != email {
		return fmt.Errorf("expected to be signed in as %s, got %s", email, me.Email)
	}
	return nil
}

func (t *teller) activate(ctx context.Context) error {
	a, err := t.change(ctx, "/activate", url.Values{"mode": {"enforced"}, "confirm_name": {t.OrgName}})
	if err != nil {
		return err
	}
	if err := a.decode(http.StatusOK, nil); err != nil {
		return err
	}
	c, err := t.look(ctx)
	if err != nil {
		return err
	}
	var provisioning struct{ BaseURL string }
	if _, err := t.owner.get(ctx, t.set("/provisioning"), &provisioning); err != nil {
		return err
	}
	if c.State != "active" || provisioning.BaseURL == "" {
		return fmt.Errorf("expected an active connection with a SCIM base URL, got %+v %+v", c, provisioning)
	}
	t.scimBaseURL = provisioning.BaseURL
	t.say("status: %s; SCIM base URL: %s", c.Status.Text, t.scimBaseURL)
	return nil
}

// eventually repeats a look at something that follows on its own.
func eventually(ctx context.Context, look func(context.Context) error) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := look(ctx)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func quoted(names []string) string { return strings.Join(names, ", ") }
