package idp

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

// Client is the application that is registered at a directory.
type Client struct {
	// ID and Secret are what the organisation's owner enters at the application. Required.
	ID, Secret string
	// AuthMethod is client_secret_basic or client_secret_post. Empty takes both.
	AuthMethod string
	// RedirectURIs are compared exactly. With none, every sign-in is refused: the first one is known when the application
	// has made the connection.
	RedirectURIs []string
	// InitiateLoginURI is where the directory's page begins a sign-in at the application (OpenID Connect Core section
	// 4). Empty shows no link.
	InitiateLoginURI string
}

// noRedirectURI equals no redirect URI that a request can have, since those have a host. The protocol part takes an
// empty list for "all".
const noRedirectURI = "none"

// Client returns the application, its secret included.
func (d *Directory) Client() Client {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.client
	c.RedirectURIs = slices.Clone(c.RedirectURIs)
	return c
}

// SetClient replaces the application. The error matches [ErrInvalid]: ID or secret missing, an unknown method, or an
// address that isn't an absolute one without fragment.
func (d *Directory) SetClient(c Client) error {
	c.RedirectURIs = slices.Clone(c.RedirectURIs)
	if err := c.check(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setClient(c)
	return nil
}

// SetRedirectURIs replaces the redirect URIs. The error matches [ErrInvalid].
func (d *Directory) SetRedirectURIs(uris ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.client
	c.RedirectURIs = slices.Clone(uris)
	if err := c.check(); err != nil {
		return err
	}
	d.setClient(c)
	return nil
}

// setClient stores a checked client and tells the protocol part. The caller holds d.mu.
func (d *Directory) setClient(c Client) {
	d.client = c
	allowed := c.RedirectURIs
	if len(allowed) == 0 {
		allowed = []string{noRedirectURI}
	}
	d.provider.SetClients(oidctest.Client{ID: c.ID, Secret: c.Secret, AuthMethod: c.AuthMethod, RedirectURIs: allowed})
}

func (c Client) check() error {
	switch {
	case c.ID == "" || c.Secret == "":
		return fmt.Errorf("%w: a client needs ID and secret", ErrInvalid)
	case c.AuthMethod != "" && c.AuthMethod != "client_secret_basic" && c.AuthMethod != "client_secret_post":
		return fmt.Errorf("%w: method %q is none of client_secret_basic and client_secret_post", ErrInvalid, c.AuthMethod)
	}
	uris := c.RedirectURIs
	if c.InitiateLoginURI != "" {
		uris = append(slices.Clone(uris), c.InitiateLoginURI)
	}
	for _, raw := range uris {
		if u, err := url.Parse(raw); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Contains(raw, "#") {
			return fmt.Errorf("%w: %q must be an absolute http or https address without fragment", ErrInvalid, raw)
		}
	}
	return nil
}

// SetSCIM says where to push and with which API key; two empty strings switch pushing off. What earlier pushes learnt
// of another base URL is forgotten. The error matches [ErrInvalid].
func (d *Directory) SetSCIM(baseURL, token string) error {
	baseURL, token = strings.TrimRight(strings.TrimSpace(baseURL), "/"), strings.TrimSpace(token)
	if baseURL == "" && token == "" {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.scim = scimSettings{}
		return nil
	}
	u, err := url.Parse(baseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%w: SCIM base URL must be an absolute http or https address without query", ErrInvalid)
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%w: SCIM token must be the API key, without spaces", ErrInvalid)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scim = scimSettings{base: baseURL, token: token}
	return nil
}

// SCIMBaseURL is where a push goes; empty means that nobody said so yet. There is no way to read the token.
func (d *Directory) SCIMBaseURL() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.scim.base
}
