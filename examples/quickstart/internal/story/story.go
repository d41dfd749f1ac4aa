package story

import (
	"context"
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

func (t *teller) org(path string) string { return t.AppURL + "/org/" + t.Org + path }

func (t *teller) directory(path string) string { return t.IDPURL + "/" + t.Org + "/" + path }

func (t *teller) email(name string) string { return name + "@" + t.Domains[0] }

func (t *teller) steps() []step {
	return []step{
		{"The owner signs in with a password", t.ownerSignsIn},
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

func (t *teller) badRequest(ctx context.Context) error {
	a, err := t.owner.post(ctx, t.org("/sso/request"), url.Values{
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
	}
}

func (t *teller) submit(ctx context.Context) error {
	a, err := t.owner.post(ctx, t.org("/sso/request"), t.request())
	if err != nil {
		return err
	}
	if err := a.decode(http.StatusOK, nil); err != nil {
		return err
	}
	page, err := t.sso(ctx)
	if err != nil {
		return err
	}
	if page.State != "submitted" {
		return fmt.Errorf("expected the state submitted, got %s", page.State)
	}
	t.connection = page.ID
	for _, c := range page.Checks {
		t.say("%s: %s", c.Severity, c.Message)
	}
	t.say("state: %s; redirect URI: %s", page.StateText, page.RedirectURI)
	return nil
}

func (t *teller) submitTwice(ctx context.Context) error {
	a, err := t.owner.post(ctx, t.org("/sso/request"), t.request())
	if err != nil {
		return err
	}
	p, err := a.refused(http.StatusConflict, "request_pending")
	if err == nil {
		t.say("409 %s: %s", p.Code, p.Detail)
	}
	return err
}

// ssoPage is the owner's page.
type ssoPage struct {
	ID          string `json:"id"`
	State       string `json:"state"`
	StateText   string `json:"state_text"`
	RedirectURI string `json:"redirect_uri"`
	SCIMBaseURL string `json:"scim_base_url"`
	TestedEmail string `json:"tested_email"`
	Checks      []struct {
		Severity string `json:"severity"`
		Message  string `json:"message"`
	} `json:"checks"`
	Domains []struct {
		ID           string `json:"id"`
		Name         string `json:"name"`
		Verified     bool   `json:"verified"`
		Instructions []struct {
			Type, Name, Value string
		} `json:"instructions"`
	} `json:"domains"`
}

func (t *teller) sso(ctx context.Context) (ssoPage, error) {
	var page ssoPage
	_, err := t.owner.get(ctx, t.org("/sso"), &page)
	return page, err
}

// domainCheck is the answer of "Check now".
type domainCheck struct {
	Name     string
	Verified bool
	Finding  struct{ Code, Message string }
}

func (t *teller) checkDomain(ctx context.Context, id string) (domainCheck, error) {
	var out domainCheck
	a, err := t.owner.post(ctx, t.org("/domains/"+id+"/check"), nil)
	if err != nil {
		return out, err
	}
	return out, a.decode(http.StatusOK, &out)
}

func (t *teller) domainUnproven(ctx context.Context) error {
	page, err := t.sso(ctx)
	if err != nil {
		return err
	}
	if len(page.Domains) != 2 {
		return fmt.Errorf("expected two domains, got %d", len(page.Domains))
	}
	c, err := t.checkDomain(ctx, page.Domains[0].ID)
	if err != nil {
		return err
	}
	if c.Verified || c.Finding.Code != "domain_record_missing" {
		return fmt.Errorf("expected the finding domain_record_missing, got %+v", c)
	}
	t.say("%s", c.Finding.Message)
	return nil
}

func (t *teller) domainsProven(ctx context.Context) error {
	page, err := t.sso(ctx)
	if err != nil {
		return err
	}
	for _, d := range page.Domains {
		for _, i := range d.Instructions {
			t.say("%s %s %q", i.Type, i.Name, i.Value)
		}
		a, err := t.owner.post(ctx, t.org("/domains/"+d.ID+"/publish"), nil)
		if err != nil {
			return err
		}
		if err := a.decode(http.StatusOK, nil); err != nil {
			return err
		}
		c, err := t.checkDomain(ctx, d.ID)
		if err != nil {
			return err
		}
		if !c.Verified {
			return fmt.Errorf("%s is not proven: %s", c.Name, c.Finding.Message)
		}
		t.say("%s is verified", c.Name)
	}
	return nil
}

func (t *teller) approve(ctx context.Context) error {
	if err := t.passwordLogin(ctx, t.staff, t.Staff, "password"); err != nil {
		return err
	}
	var page struct {
		Queue []struct{ Tenant, ID string }
	}
	if _, err := t.staff.get(ctx, t.AppURL+"/staff", &page); err != nil {
		return err
	}
	t.say("%d request(s) in the queue", len(page.Queue))
	for _, q := range page.Queue {
		if q.Tenant != t.Org {
			continue
		}
		a, err := t.staff.post(ctx, t.AppURL+"/staff/"+q.Tenant+"/"+q.ID, url.Values{"decision": {"approve"}})
		if err != nil {
			return err
		}
		t.say("approved")
		return a.decode(http.StatusOK, nil)
	}
	return fmt.Errorf("expected a request of %s in the queue", t.Org)
}

func (t *teller) registerRedirectURI(ctx context.Context) error {
	page, err := t.sso(ctx)
	if err != nil {
		return err
	}
	t.say("%s", page.RedirectURI)
	return t.atProvider(ctx, "client", url.Values{"redirect_uris": {page.RedirectURI}})
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
	a, err := t.owner.post(ctx, t.org("/sso/"+t.connection+"/activate"), nil)
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
	a, err := t.owner.throughProvider(ctx, http.MethodPost, t.org("/sso/"+t.connection+"/test"), t.email("alice"), t.Password)
	if err != nil {
		return err
	}
	if a.status != http.StatusOK {
		return fmt.Errorf("expected to come back to the product, got %d from %s: %s", a.status, a.url, a.short())
	}
	page, err := t.sso(ctx)
	if err != nil {
		return err
	}
	if page.TestedEmail != t.email("alice") {
		return fmt.Errorf("expected a test as %s, got %q", t.email("alice"), page.TestedEmail)
	}
	if text := textOf(a.body); !strings.Contains(text, "Your test sign-in") || !strings.Contains(text, t.email("alice")) || !strings.Contains(text, "This sign-in would") {
		return fmt.Errorf("expected a report of the test, got: %s", a.short())
	}
	t.say("the provider asserted %s; the owner is still signed in as the owner", page.TestedEmail)
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
	a, err := t.owner.post(ctx, t.org("/sso/"+t.connection+"/enforce"), nil)
	if err != nil {
		return err
	}
	if err := a.decode(http.StatusOK, nil); err != nil {
		return err
	}
	page, err := t.sso(ctx)
	if err != nil {
		return err
	}
	if page.State != "active" || page.SCIMBaseURL == "" {
		return fmt.Errorf("expected an active connection with a SCIM base URL, got %+v", page)
	}
	t.scimBaseURL = page.SCIMBaseURL
	t.say("state: %s; SCIM base URL: %s", page.StateText, page.SCIMBaseURL)
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
