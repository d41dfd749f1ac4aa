package idp

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

// DirectoryConfig is what an organisation's directory begins with.
type DirectoryConfig struct {
	// Slug is the directory's place in addresses: the issuer is BaseURL/Slug. Required; lower-case letters, digits, dashes.
	Slug string
	// Name is the organisation's name. Empty means Slug.
	Name string
	// Dialect is how its SCIM client speaks. Empty means Entra.
	Dialect Dialect
	// Users are the people, Groups name them by e-mail address.
	Users  []User
	Groups []Group
	// Client is the one application that may ask for sign-in.
	Client Client
	// GroupsClaim puts the names of a user's groups into ID tokens, for applications that ask for the scope "groups".
	GroupsClaim bool
	// Keys sign its ID tokens: the first one signs, all are published. Empty makes one for RS256.
	Keys []oidctest.Key
}

// Directory is one organisation at the provider.
type Directory struct {
	slug, name  string
	base        string // path of the provider's pages
	dialect     Dialect
	groupsClaim bool
	provider    *oidctest.Provider
	http        *http.Client
	maxWait     time.Duration
	now         func() time.Time
	log         *slog.Logger

	mu             sync.Mutex
	users          []User
	groups         []group
	client         Client
	scim           scimSettings
	inactiveSignIn bool
	last           Report

	pushing chan struct{} // holds one token: who has put it in may use remote
	remote  knowledge
}

// scimSettings say where to push, and with which key.
type scimSettings struct{ base, token string }

func newDirectory(cfg Config, path string, dc DirectoryConfig) (*Directory, error) {
	httpClient := *cfg.HTTPClient
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	d := &Directory{
		slug: dc.Slug, name: dc.Name, base: path, dialect: dc.Dialect, groupsClaim: dc.GroupsClaim,
		http: &httpClient, maxWait: cfg.MaxRetryWait, now: cfg.Now, log: cfg.Logger, pushing: make(chan struct{}, 1),
	}
	if d.name == "" {
		d.name = d.slug
	}
	if d.dialect == "" {
		d.dialect = Entra
	}
	if _, ok := speakers[d.dialect]; !ok {
		return nil, fmt.Errorf("%w: dialect %q is none of %q and %q", ErrInvalid, d.dialect, Entra, Okta)
	}
	var err error
	d.provider, err = oidctest.New(oidctest.Config{
		Issuer: cfg.BaseURL + "/" + dc.Slug, LoginPage: true, Title: "Sign in to " + d.name, RenderLogin: d.renderLogin, Keys: dc.Keys, Now: cfg.Now,
	})
	if err != nil {
		return nil, err
	}
	if err := d.SetClient(dc.Client); err != nil {
		return nil, err
	}
	for _, u := range dc.Users {
		if err := d.AddUser(u); err != nil {
			return nil, err
		}
	}
	for _, g := range dc.Groups {
		if err := d.AddGroup(g); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Slug is the directory's place in addresses.
func (d *Directory) Slug() string { return d.slug }

// Name is the organisation's name.
func (d *Directory) Name() string { return d.name }

// Dialect is how its SCIM client speaks.
func (d *Directory) Dialect() Dialect { return d.dialect }

// Issuer is the issuer of its ID tokens: the authority that the organisation's owner enters.
func (d *Directory) Issuer() string { return d.provider.Issuer() }

// Provider is the protocol part, for tests that want it to misbehave. Its users and clients are the directory's: what is
// set there is gone with the next change here.
func (d *Directory) Provider() *oidctest.Provider { return d.provider }

// SetInsecureInactiveSignIn lets users that are not active sign in here all the same, as at a provider where somebody
// was taken off the application only. It shows that the application refuses by itself.
func (d *Directory) SetInsecureInactiveSignIn(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inactiveSignIn = on
	d.publishUsers()
}

// publishUsers tells the protocol part who can sign in. The caller holds d.mu.
func (d *Directory) publishUsers() {
	users := make([]oidctest.User, 0, len(d.users))
	for _, u := range d.users {
		user := oidctest.User{
			Subject: u.ID, Email: u.Email, Password: u.Password, Name: u.DisplayName(), Disabled: u.Inactive && !d.inactiveSignIn,
			Claims: map[string]any{"given_name": u.GivenName, "family_name": u.FamilyName},
		}
		if d.groupsClaim {
			user.Groups = []string{}
			for _, g := range d.groups {
				if slices.Contains(g.members, u.ID) {
					user.Groups = append(user.Groups, g.name)
				}
			}
		}
		users = append(users, user)
	}
	d.provider.SetUsers(users...)
}
