package portal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// ErrSignIn is what Config.Authorize returns for a browser in which nobody is signed in: the visitor is sent to
// Config.SignInURL.
var ErrSignIn = errors.New("portal: nobody is signed in")

// Visitor is who is at the browser.
type Visitor struct {
	// Actor acts in all that the pages do.
	Actor tenant.Actor
	// Language is a BCP 47 tag such as "de". Empty takes what the browser asks for.
	Language string
	// Zone is the time zone for dates. Nil means UTC.
	Zone *time.Location
}

// Config configures [New]. BaseURL, Tenants, Login, Store, Names and Authorize are required.
type Config struct {
	// BaseURL is where the handler is mounted, such as https://app.example.com/sso-settings. Links, redirects and cookies follow
	// from it, never from a request's Host header. It must be https, but for loopback.
	BaseURL string
	// Tenants does what the pages ask for.
	Tenants *tenant.Service
	// Login has the addresses to register at a provider, and runs test sign-ins.
	Login *oidc.Handler
	// Store keeps, for minutes, what came of a check that took longer than a browser likes to wait; the same as tenant.Config.Store.
	Store store.TokenStore
	// Names finds the name of an organisation; the same as tenant.Config.Tenants.
	Names tenant.Tenants
	// Authorize says who is at the browser, by the host's own session, and whether this person may do this in this organisation;
	// tenantID is empty for what staff do across organisations. It is asked at every request, before anything is read, and the
	// tenant.Authorizer of the parts behind it is asked again at every step.
	//
	// Errors: [ErrSignIn] if nobody is signed in, tenant.ErrForbidden if this person may not (a page that says who can), and
	// store.ErrNotFound if the organisation is not this person's or does not exist, which look the same. Any other error is a
	// failure.
	Authorize func(r *http.Request, tenantID string, action tenant.Action) (Visitor, error)

	// SignInURL is where a visitor goes who is not signed in, with the parameter return_to added. Empty means a page that says so.
	SignInURL string
	// Changed, if set, is called after something changed that background work follows, such as provisioning.Engine's Wake.
	Changed func(tenantID string)

	// Requests has what directories sent and were answered, for the health of screen 8; usually the *scim.Handler, with its
	// Config.Authorizer. Nil leaves that page out.
	Requests RequestLog
	// Refused has what the policy refused them; usually the *provisioning.Engine. Nil leaves that list out.
	Refused RefusedLog

	// Engine is what maps groups to teams and roles, for screen 9 and the pages of single people; nil leaves those pages out.
	Engine *provisioning.Engine
	// Locks say on the pages of single people what can't be changed by hand and why, and lift it (LocksConfig.Authorizer). Nil
	// leaves out which attribute and team it is, and the lifting.
	Locks *provisioning.Locks
	// Fields has the phone number and other fields that people may change themselves. Nil leaves them out.
	Fields *provisioning.Fields

	// Brand is the host's look.
	Brand Brand
	// Texts holds the words of more languages, and other words for the ones there are: by language, then by the English text
	// as it stands in the templates ([Texts] lists them all). What is missing is shown in English.
	Texts map[string]map[string]string
	// FrameAncestors are the origins that may show the pages in a frame, such as https://app.example.com. Nil means none.
	FrameAncestors []string
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger hears of failures. Nil discards.
	Logger *slog.Logger
}

// Handler is the portal. It is safe for concurrent use and keeps nothing between requests; see [Handler.Shutdown].
type Handler struct {
	cfg     Config
	base    *url.URL
	prefix  string // path of base without a slash at the end
	printer map[string]*printer
	assets  assets
	mux     *http.ServeMux
	root    http.Handler

	// working counts the checks under way, slots bounds them; patience is how long a browser waits for one.
	working  sync.WaitGroup
	slots    chan struct{}
	patience time.Duration
}

// New checks cfg and returns the portal.
func New(cfg Config) (*Handler, error) {
	switch {
	case cfg.Tenants == nil:
		return nil, errors.New("portal: Config.Tenants is required: tenant.New makes one")
	case cfg.Login == nil:
		return nil, errors.New("portal: Config.Login is required: oidc.NewHandler makes one")
	case cfg.Store == nil:
		return nil, errors.New("portal: Config.Store is required: the one that tenant.Config has")
	case cfg.Names == nil:
		return nil, errors.New("portal: Config.Names is required: how organisations are called")
	case cfg.Authorize == nil:
		return nil, errors.New("portal: Config.Authorize is required: it says who is at the browser and what they may do")
	}
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Changed == nil {
		cfg.Changed = func(string) {}
	}
	h := &Handler{cfg: cfg, base: base, prefix: strings.TrimSuffix(base.Path, "/"), mux: http.NewServeMux(), slots: make(chan struct{}, maxWork), patience: workPatience}
	if h.cfg.Brand, err = cfg.Brand.checked(); err != nil {
		return nil, err
	}
	if err := checkOrigins(cfg.FrameAncestors); err != nil {
		return nil, err
	}
	if h.printer, err = newPrinters(cfg.Texts); err != nil {
		return nil, err
	}
	if h.assets, err = newAssets(h.prefix, h.cfg.Brand); err != nil {
		return nil, err
	}
	h.routes()
	h.root = http.NewCrossOriginProtection().Handler(h.mux)
	return h, nil
}

func parseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("portal: Config.BaseURL %q: expected an address such as https://app.example.com/sso-settings", raw)
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, fmt.Errorf("portal: Config.BaseURL %q: expected https", raw)
	}
	return u, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

func checkOrigins(origins []string) error {
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(o, " ;,'\"") {
			return fmt.Errorf("portal: Config.FrameAncestors: expected an origin such as https://app.example.com, got %q", o)
		}
	}
	return nil
}

// Mount returns the pattern for the host's router, and the handler.
func (h *Handler) Mount() (pattern string, handler http.Handler) { return h.prefix + "/", h }

// URL is where the owners of an organisation go.
func (h *Handler) URL(tenantID string) string {
	return h.base.Scheme + "://" + h.base.Host + h.ownerBase(tenantID)
}

// StaffURL is where the host's staff go.
func (h *Handler) StaffURL() string { return h.base.Scheme + "://" + h.base.Host + h.prefix + "/staff" }

// SetupLinkBaseURL is for tenant.Config: where set-up links lead.
func (h *Handler) SetupLinkBaseURL() string { return SetupLinkBaseURL(h.cfg.BaseURL) }

// SetupLinkBaseURL returns where the set-up links of a portal at baseURL lead, for tenant.Config, which is needed first.
func SetupLinkBaseURL(baseURL string) string { return strings.TrimSuffix(baseURL, "/") + "/setup" }

func (h *Handler) ownerBase(tenantID string) string {
	return h.prefix + "/t/" + url.PathEscape(tenantID)
}

func (h *Handler) setupBase(tenantID string) string {
	return h.prefix + "/setup/" + url.PathEscape(tenantID)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(context.WithValue(r.Context(), nonceKey{}, newNonce()))
	h.guard(w, r)
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	h.root.ServeHTTP(w, r)
}
