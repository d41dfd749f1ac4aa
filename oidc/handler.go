package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Config configures [NewHandler]. The fields without a default are required.
type Config struct {
	// BaseURL is where the handler is reached from outside, such as https://app.example.com/sso. Redirect URIs and the
	// mount path come from it, never from a request's Host header. With Regions it lies below the current one's base URL, and
	// empty means /sso there.
	BaseURL string
	// Regions are the host's regions, of which this process serves one: sign-ins, refresh tokens and test reports of another
	// are refused, and pages offer all of them, see [Handler.LoginRegions]. Nil means that there are none.
	Regions *tenant.Regions
	// Store holds connections, domains, linked identities and the journal. Each sign-in leaves a one-time token there,
	// which the host's clean-up removes after it expired (store.TokenStore.DeleteExpiredTokens).
	Store store.Store
	// Secrets opens client secrets; tenant.Service does.
	Secrets Secrets
	// Keys seals what browsers and the host carry: the cookies of unfinished sign-ins and sign-outs, test reports, and
	// refresh tokens, so that a key must stay in the ring for as long as sessions live.
	Keys *tenant.Keyring
	// Accounts finds the host's accounts.
	Accounts Accounts
	// OnLogin makes the host's session.
	OnLogin LoginHook
	// Claims hears what providers say about groups and roles; a provisioning.Engine does. Nil means that nobody does.
	Claims ClaimsHook

	// Sessions ends the host's sessions: when a provider says so, see [Handler.BackchannelLogoutURI] and
	// [Handler.FrontchannelLogoutURI], and, where [Handler.Run] runs, when somebody lost access in other ways. Nil means
	// that there is none of it: the addresses answer with 404.
	Sessions SessionRevoker
	// SessionLife is how long the host's sessions last at most. So long the provider's session IDs (sid) are remembered, by
	// which a front-channel logout is known to be about a session. Zero means DefaultSessionLife.
	SessionLife time.Duration
	// BreakGlass says who may sign in without the provider, see [Handler.SignInMethods]. Nil means the addresses that
	// owners listed in their connections (tenant.BreakGlassList).
	BreakGlass tenant.BreakGlass
	// Gate says whether people may sign in at a tenant's providers, as the tenant's plan goes: tenant.Service does. It is
	// asked at sign-ins and by [Handler.SignInMethods], not at tests. Nil means that no plan stands in the way.
	Gate tenant.SignInGate
	// OnTest takes the results of test sign-ins, see [Handler.StartTest]. [RecordTests] keeps them in tenant.Service. Nil
	// means that there are no tests.
	OnTest TestHook
	// OnAlarm hears of what owners must be told, see [Alarm]. Nil means that the journal alone has it.
	OnAlarm AlarmHook
	// LoginURL is where error pages let people start again: an absolute path of the host, or a URL. Empty means the
	// handler's own login page.
	LoginURL string
	// DefaultReturnTo is where people land who came without a (safe) return_to. Empty means "/".
	DefaultReturnTo string
	// ClockSkew is how far a provider's clock may be off, either way, at most MaxClockSkew. Zero means DefaultClockSkew.
	ClockSkew time.Duration
	// FormPost asks providers to answer by a POST (OAuth 2.0 Form Post Response Mode) where they offer it. The cookies
	// of unfinished sign-ins are then SameSite=None. Needs an https BaseURL.
	FormPost bool
	// AlwaysUserinfo asks the userinfo endpoint at every sign-in, not only where the ID token has no e-mail address; see
	// [Login.Userinfo].
	AlwaysUserinfo bool
	// RequireEmailVerified refuses a first sign-in whose e-mail address the provider does not state to be verified. By
	// default an issuer that serves one customer alone, such as Entra's, need not state it.
	RequireEmailVerified bool
	// ExternalIDClaim names the claim that is the externalId of the users whom a connection's directory provisions: "sub",
	// or "oid" at Entra with externalId mapped to objectId. A first sign-in then finds the account by it, also one with
	// another e-mail address, and an address that was given to somebody else finds nobody's account. The asserted address
	// must pass the same checks as ever, and belong to no other account. It counts for a tenant that has one directory,
	// of this connection. Nil, and any other answer, means that accounts are found by address alone.
	ExternalIDClaim func(c store.Connection) string
	// RefreshTokens tells whether a connection's sign-ins shall bring a refresh token, see [Handler.Refresh]. Nil asks for
	// none, ever. Most providers give one for the scope offline_access, which is asked for then; some, by OpenID Connect
	// Core section 11, only if the person consents each time (LoginRequest.Prompt).
	RefreshTokens func(c store.Connection) bool
	// ClientKeys prove to providers who the application is, for connections with private_key_jwt: the first that the
	// provider takes signs, all of them are published at [Handler.JWKSURI]. To replace a key, add the new one at the end,
	// let providers read it, and move it to the front. Empty means that there is no private_key_jwt.
	ClientKeys []ClientKey
	// TrustAudience tells whether an ID token may name this audience beside the client. Nil trusts none.
	TrustAudience func(c store.Connection, audience string) bool

	// HTTPClient talks to providers. Nil means tenant.NewOutboundClient, which refuses private addresses; a client of your
	// own, for a proxy or tracing, must do that itself, or wrap that client's transport. Redirects are
	// not followed, whatever the client says; a client without a Timeout gets one of 10 seconds.
	HTTPClient *http.Client
	// InsecureSharedRedirectURI has all connections use one redirect URI, {base}/signin-oidc, for hosts that registered it
	// at providers already. What it gives up: with a redirect URI for each connection, a hostile customer's provider can't
	// have another provider's code delivered to itself (RFC 9700 section 4.4). With a shared one only iss (RFC 9207) tells
	// answers apart, where a provider sends it; it is demanded of those that announce it.
	InsecureSharedRedirectURI bool
	// InsecureAllowLoopback allows a BaseURL and providers at http://127.0.0.1, ::1 and localhost. For tests and demos.
	InsecureAllowLoopback bool
	// Origin tells where a request came from, for the journal's events about sign-ins, their tests and logouts:
	// tenant.PeerOrigin, or tenant.ProxiedOrigin behind proxies. Nil records nothing.
	Origin tenant.OriginFunc
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Logger gets one line for each refused sign-in or logout. Nil discards them.
	Logger *slog.Logger
}

// Secrets opens the sealed client secret of a connection.
type Secrets interface {
	// ClientSecret returns the secret in the clear. An error is the administrator's to solve: a key is missing.
	ClientSecret(ctx context.Context, c store.Connection) (tenant.Secret, error)
}

// SecretsFunc is a function as [Secrets].
type SecretsFunc func(ctx context.Context, c store.Connection) (tenant.Secret, error)

// ClientSecret calls f.
func (f SecretsFunc) ClientSecret(ctx context.Context, c store.Connection) (tenant.Secret, error) {
	return f(ctx, c)
}

// Handler signs people in. It is safe for concurrent use and holds nothing but caches of providers' documents, so that
// any replica can serve any request.
type Handler struct {
	cfg       Config
	base      *url.URL
	shared    string // redirect URI without a connection
	prefix    string // path of BaseURL without a trailing slash
	secure    bool
	keys      *tenant.Keyring // of cookies
	tokenKeys *tenant.Keyring // of refresh tokens

	clientKeys *clientKeys // nil without keys
	revoker    *Revoker    // nil without Config.Sessions
	out        *outbound
	providers  *providers
	verifier   *verifier
	now        func() time.Time
	log        *slog.Logger
	mux        *http.ServeMux
}

// NewHandler makes the handler. It returns an error that names the field if a required one is missing or unsafe.
func NewHandler(cfg Config) (*Handler, error) {
	var err error
	if cfg.BaseURL, err = cfg.Regions.Base(cfg.BaseURL, "/sso"); err != nil {
		return nil, fmt.Errorf("oidc: Config.BaseURL %w", err)
	}
	base, err := parseBase(cfg)
	if err != nil {
		return nil, err
	}
	if err := cfg.complete(base); err != nil {
		return nil, err
	}
	clientKeys, err := newClientKeys(cfg.ClientKeys)
	if err != nil {
		return nil, err
	}
	h := &Handler{
		cfg: cfg, base: base, shared: strings.TrimSuffix(base.String(), "/") + callbackPath, prefix: strings.TrimSuffix(base.Path, "/"), secure: base.Scheme == "https",
		keys: cfg.Regions.Bind(cfg.Keys.Derive("oidc/attempt")), tokenKeys: cfg.Regions.Bind(cfg.Keys.Derive("oidc/refresh")), clientKeys: clientKeys, out: newOutbound(cfg.HTTPClient, cfg.InsecureAllowLoopback), now: cfg.Now, log: cfg.Logger,
	}
	h.providers = newProviders(h.out, h.now, defaultFetchTimeout)
	h.verifier = &verifier{keys: h.providers.keys, now: h.now, skew: cfg.ClockSkew}
	if h.cfg.LoginURL == "" {
		h.cfg.LoginURL = h.prefix + "/login"
	}
	h.mux = http.NewServeMux()
	h.mux.HandleFunc("GET "+h.prefix+"/login", h.serveLogin)
	h.mux.HandleFunc("POST "+h.prefix+"/login", h.serveLogin)
	if cfg.Sessions != nil {
		h.revoker, err = NewRevoker(RevokerConfig{Store: cfg.Store, Sessions: cfg.Sessions, Accounts: cfg.Accounts, Now: cfg.Now, Logger: cfg.Logger})
		if err != nil {
			return nil, err
		}
	}
	callback := h.prefix + callbackPath + "/{connection}"
	if cfg.InsecureSharedRedirectURI {
		callback = h.prefix + callbackPath
	}
	h.mux.HandleFunc("GET "+callback, h.serveCallback)
	h.mux.HandleFunc("POST "+callback, h.serveCallback)
	h.mux.HandleFunc("GET "+h.prefix+signedOutPath+"{connection}", h.serveSignedOut)
	if cfg.Sessions != nil {
		h.mux.HandleFunc("POST "+h.prefix+backchannelPath+"{connection}", h.serveBackchannelLogout)
		h.mux.HandleFunc("GET "+h.prefix+frontchannelPath+"{connection}", h.serveFrontchannelLogout)
	}
	if clientKeys != nil {
		h.mux.HandleFunc("GET "+h.prefix+jwksPath, h.serveJWKS)
	}
	return h, nil
}

const callbackPath = "/signin-oidc"

func parseBase(cfg Config) (*url.URL, error) {
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Hostname() == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" || strings.ContainsAny(base.Path, "{}\\ ") {
		return nil, fmt.Errorf("oidc: Config.BaseURL %q must be a URL like https://app.example.com/sso", cfg.BaseURL)
	}
	if base.Scheme != "https" && !(base.Scheme == "http" && cfg.InsecureAllowLoopback && isLoopback(base.Hostname())) {
		return nil, fmt.Errorf("oidc: Config.BaseURL %q must start with https:// (http is for loopback with InsecureAllowLoopback)", cfg.BaseURL)
	}
	return base, nil
}

// complete checks what is required and fills in the defaults.
func (cfg *Config) complete(base *url.URL) error {
	switch {
	case cfg.Store == nil:
		return errors.New("oidc: Config.Store is required: open one with store/postgres or store/sqlite")
	case cfg.Secrets == nil:
		return errors.New("oidc: Config.Secrets is required: it opens client secrets, as tenant.Service does")
	case cfg.Keys == nil:
		return errors.New("oidc: Config.Keys is required: make it with tenant.NewKeyring")
	case cfg.Accounts == nil:
		return errors.New("oidc: Config.Accounts is required: it finds the host's accounts")
	case cfg.OnLogin == nil:
		return errors.New("oidc: Config.OnLogin is required: it starts the host's session")
	case cfg.ClockSkew < 0 || cfg.ClockSkew > MaxClockSkew:
		return fmt.Errorf("oidc: Config.ClockSkew %v must be between 0 and %v", cfg.ClockSkew, MaxClockSkew)
	case cfg.SessionLife < 0:
		return errors.New("oidc: Config.SessionLife must not be negative")
	case cfg.FormPost && base.Scheme != "https":
		return errors.New("oidc: Config.FormPost needs an https BaseURL: browsers send SameSite=None cookies over https only")
	case cfg.DefaultReturnTo != "" && !safeReturnTo(cfg.DefaultReturnTo):
		return fmt.Errorf("oidc: Config.DefaultReturnTo %q must be a path like /home", cfg.DefaultReturnTo)
	}
	if cfg.ClockSkew == 0 {
		cfg.ClockSkew = DefaultClockSkew
	}
	if cfg.SessionLife == 0 {
		cfg.SessionLife = DefaultSessionLife
	}
	if cfg.DefaultReturnTo == "" {
		cfg.DefaultReturnTo = "/"
	}
	if cfg.BreakGlass == nil {
		list, err := tenant.NewBreakGlassList(tenant.BreakGlassConfig{Store: cfg.Store, Now: cfg.Now, Logger: cfg.Logger})
		if err != nil {
			return err
		}
		cfg.BreakGlass = list
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = tenant.NewOutboundClient(tenant.OutboundConfig{InsecureAllowLoopback: cfg.InsecureAllowLoopback})
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Mount returns the pattern and the handler for an http.ServeMux:
//
//	mux.Handle(login.Mount())
func (h *Handler) Mount() (pattern string, handler http.Handler) { return h.prefix + "/", h }

// ServeHTTP implements http.Handler. It expects the path as it came from outside, with the prefix of BaseURL.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// RedirectURI is what the administrator registers at the provider for this connection. There is one for each
// connection, so that one tenant's provider can't have another's answers delivered to itself (RFC 9700 section 4.4),
// unless Config.InsecureSharedRedirectURI says otherwise.
func (h *Handler) RedirectURI(connectionID string) string {
	shared := h.shared
	if h.cfg.InsecureSharedRedirectURI {
		return shared
	}
	return shared + "/" + url.PathEscape(connectionID)
}

// GuideValues are the addresses that a connection's administrator enters in the provider's console, for
// [tenant.Guide.Fill]; the host adds its name and what belongs to SCIM. Those that are switched off are empty; without a
// connection, those that each connection has of its own are.
func (h *Handler) GuideValues(connectionID string) tenant.GuideValues {
	v := tenant.GuideValues{InitiateLoginURI: h.InitiateLoginURI()}
	if h.clientKeys != nil {
		v.JWKSURI = h.JWKSURI()
	}
	if connectionID != "" || h.cfg.InsecureSharedRedirectURI {
		v.RedirectURI = h.RedirectURI(connectionID)
	}
	if connectionID != "" && h.cfg.Sessions != nil {
		v.BackchannelLogoutURI = h.BackchannelLogoutURI(connectionID)
	}
	return v
}

// InitiateLoginURI is the address for third-party-initiated login (OpenID Connect Core section 4).
func (h *Handler) InitiateLoginURI() string {
	return strings.TrimSuffix(h.base.String(), "/") + "/login"
}
