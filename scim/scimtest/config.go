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
	// Token is the bearer token that is sent (RFC 6750). It is in no report and in no error.
	Token string
	// Providers are run in this order. Empty means all, see Providers.
	Providers []Provider
	// UserDomain ends the userName and e-mail of every user that is made, for servers that accept their customer's
	// domains alone. Empty means "example.com".
	UserDomain string
	// Members is how many users Okta's script makes for its large group and for its pages. More than 100 shows whether
	// a server cuts either at 100. Zero means 105, and 5 is the least; choose less than 105 for a server that stops
	// somebody who makes and deletes so many.
	Members int
	// HTTPClient sends the requests. Nil means one with the default transport. Redirects are never followed: identity
	// providers do not follow them on writes.
	HTTPClient *http.Client
	// RequestTimeout bounds each request. Zero means 30 seconds.
	RequestTimeout time.Duration
	// ScriptTimeout bounds what one provider does; steps that are left then are not tried. Deleting what was made comes
	// on top, with a minute at most. Zero means 5 minutes.
	ScriptTimeout time.Duration
	// MaxRetryWait is the longest that a server may ask to wait in Retry-After (429, 503). A request is sent four times
	// at most. Zero means 30 seconds.
	MaxRetryWait time.Duration
}

const (
	defaultUserDomain     = "example.com"
	defaultMembers        = 105
	minMembers            = 5
	defaultRequestTimeout = 30 * time.Second
	defaultScriptTimeout  = 5 * time.Minute
	defaultMaxRetryWait   = 30 * time.Second
)

// fill checks what is required and puts defaults in place. Its errors repeat no value that may hold a secret.
func (c *Config) fill() error {
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || (u.Scheme != "https" && u.Scheme != "http") ||
		u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("scimtest: Config.BaseURL has to be an absolute address such as %q, without user, query and fragment",
			"https://app.example.com/scim/v2/acme")
	case c.Token == "":
		return errors.New("scimtest: Config.Token is required: the API key of the directory to be tested")
	case strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("scimtest: Config.Token has a character that a bearer token can't have, such as a space or a line's end")
	case strings.ContainsAny(c.UserDomain, "@ "):
		return fmt.Errorf("scimtest: Config.UserDomain has to be a domain such as %q, got %q", defaultUserDomain, c.UserDomain)
	case c.Members != 0 && c.Members < minMembers:
		return fmt.Errorf("scimtest: Config.Members has to be %d at least, got %d", minMembers, c.Members)
	}
	for _, p := range c.Providers {
		if !slices.Contains(Providers(), p) {
			return fmt.Errorf("scimtest: Config.Providers has %q; known are %q", p, Providers())
		}
	}
	if len(c.Providers) == 0 {
		c.Providers = Providers()
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.UserDomain == "" {
		c.UserDomain = defaultUserDomain
	}
	if c.Members == 0 {
		c.Members = defaultMembers
	}
	orDefault(&c.RequestTimeout, defaultRequestTimeout)
	orDefault(&c.ScriptTimeout, defaultScriptTimeout)
	orDefault(&c.MaxRetryWait, defaultMaxRetryWait)
	return nil
}

func orDefault(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}
