package scimtest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config says which server is run against, and as whom. BaseURL and Token are required.
type Config struct {
	// BaseURL is what a customer would enter at the identity provider: the address that /Users and /Groups follow.
	BaseURL string
	// Token is the bearer token that is sent (RFC 6750). It is in no report.
	Token string
	// Providers are run in this order. Nil means all, see Providers.
	Providers []Provider
	// UserDomain ends the userName and e-mail of every user that is made, for servers which accept their customer's
	// domains alone. Empty means "example.com".
	UserDomain string
	// HTTPClient sends the requests. Nil means a client of its own; redirects are not followed, since identity
	// providers do not follow them on writes.
	HTTPClient *http.Client
	// Timeout bounds each request. Zero means 30 seconds.
	Timeout time.Duration
	// MaxRetryWait bounds what is waited for one Retry-After when the server answers 429 or 503. Zero means 30
	// seconds. A request is sent four times at most.
	MaxRetryWait time.Duration
}

const (
	defaultUserDomain = "example.com"
	defaultTimeout    = 30 * time.Second
	defaultRetryWait  = 30 * time.Second
)

// fill checks what is required and puts defaults in place.
func (c *Config) fill() error {
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("scimtest: Config.BaseURL has to be an absolute address such as %q, got %q", "https://app.example.com/scim/v2/acme", c.BaseURL)
	case c.Token == "":
		return errors.New("scimtest: Config.Token is required: the API key of the directory to be tested")
	case strings.ContainsAny(c.UserDomain, "@ "):
		return fmt.Errorf("scimtest: Config.UserDomain has to be a domain such as %q, got %q", defaultUserDomain, c.UserDomain)
	}
	for _, p := range c.Providers {
		if !slices.Contains(Providers(), p) {
			return fmt.Errorf("scimtest: Config.Providers has %q; known are %q", p, Providers())
		}
	}
	if c.Providers == nil {
		c.Providers = Providers()
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.UserDomain == "" {
		c.UserDomain = defaultUserDomain
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxRetryWait <= 0 {
		c.MaxRetryWait = defaultRetryWait
	}
	return nil
}
