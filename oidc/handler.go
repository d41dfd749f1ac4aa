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
	// mount path come from it, never from a request's Host header.
	BaseURL string
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

// Account is one of the host's accounts, seen from one tenant.
type Account struct {
	// ID is the host's own, stable user ID.
	ID string
	// Email is the account's address.
	Email string
	// Member says that the account belongs to the tenant already. Nobody joins a tenant by signing in.
	Member bool
	// Disabled refuses the sign-in: the host closed the account.
	Disabled bool
}

// Accounts is how sign-in finds the host's accounts. Both methods get the transaction of the sign-in, or outside of one
// ([Handler.SignInMethods], [Handler.Refresh], tests) the store itself, and should read through it where the accounts live
// in the same database.
type Accounts interface {
	// AccountByID returns the account, or an error that matches store.ErrNotFound.
	AccountByID(ctx context.Context, tx store.Store, tenantID, accountID string) (Account, error)

	// AccountByEmail returns the account with this address, compared as the host compares addresses, or an error that
	// matches store.ErrNotFound. The address's domain is in lower case with A-labels. An account that does not belong
	// to the tenant is returned as well, with Member false: it must be refused, not made a second time.
	AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (Account, error)
}

// AccountCreator is an optional interface of [Accounts]: it makes accounts at the first sign-in (just in time) for
// connections that allow it.
type AccountCreator interface {
	// CreateAccount makes an account that belongs to the tenant.
	CreateAccount(ctx context.Context, tx store.Store, tenantID string, n NewAccount) (Account, error)
}

// NewAccount is what is known about somebody who signs in for the first time.
type NewAccount struct {
	Email string
	Name  string // as the provider sent it, may be empty
	// EmailUnproven says that the address is in none of the tenant's domains, at a connection that makes accounts for
	// such people too (JustInTimeAnyDomain): the tenant's provider asserts it, and its owner never proved it to anybody.
	// Send nothing confidential there, link nothing with it, and let it confirm itself before it is good for a password;
	// then clear store.Account.EmailUnproven.
	EmailUnproven bool
	// ConnectionID, Issuer and Subject are what the person is known by from now on.
	ConnectionID, Issuer, Subject string

	claims, userinfo object
}

// Claims decodes the claims of the verified ID token into v, as [Login.Claims] does.
func (n NewAccount) Claims(v any) error { return decodeClaims(n.claims, v) }

// Userinfo decodes the answer of the userinfo endpoint into v, as [Login.Userinfo] does.
func (n NewAccount) Userinfo(v any) error { return decodeClaims(n.userinfo, v) }

// Login is a sign-in that passed all checks.
type Login struct {
	TenantID     string
	ConnectionID string
	// Account is the host's account.
	Account Account
	// Issuer and Subject are the permanent name of the person at the provider.
	Issuer, Subject string
	// Email is what the provider asserted at this sign-in, empty if it sent none. It is proven only if First is set and
	// EmailUnproven is not; afterwards Subject is the person's name, and the address a wish of the provider's.
	Email string
	// EmailUnproven says that the account was made just in time for an address in none of the tenant's domains, which
	// nobody proved: don't let it reach anything.
	EmailUnproven bool
	// EmailChange is set if the provider asserts another address than at the sign-in before. It changes nothing by itself:
	// Subject, not the address, says who the person is. The journal has it as [EventEmailChanged].
	EmailChange *EmailChange
	// SessionID is the provider's sid claim, empty if it sent none. Keep it with TenantID, Issuer and Subject in the
	// session, so that back-channel logout finds it (see [Revocation]).
	SessionID string
	// First says that the account was linked with this identity just now. Tell its owner.
	First bool
	// IDToken is the ID token as it came. Keep it in the session, for [Handler.StartLogout]; it is good for nothing else.
	IDToken tenant.Secret
	// RefreshToken is for [Handler.Refresh] alone: sealed, and bound to tenant, connection and subject. Zero if
	// Config.RefreshTokens does not ask for one, or the provider gave none. Keep the latest one in the session.
	RefreshToken tenant.Secret
	// ACR is the authentication context class, AMR the methods by which the person authenticated, as far as the provider
	// tells (acr, amr).
	ACR string
	AMR []string
	// StartedElsewhere says that another site started the sign-in: a portal of the provider's, or a link on any page. Whoever
	// made the link may have chosen the provider, and with it the person: ask before you replace the session of another
	// account (login CSRF). Browsers that don't tell (Sec-Fetch-Site) are believed to have started here.
	StartedElsewhere bool
	// Requested is what the host asked for with [Handler.StartLogin]: Prompt, MaxAge and ACRValues; zero for any other
	// sign-in. Another person than the one who was signed in may come back: compare Account.ID with the session's. Keep
	// AuthenticatedAt and ACR in the session and check them where the dangerous action is done, not at ReturnTo, which
	// anybody can name.
	Requested LoginRequest
	// ReturnTo is the safe path where the browser goes next.
	ReturnTo string
	// AuthenticatedAt is the provider's auth_time, zero if it sent none.
	AuthenticatedAt time.Time

	claims, userinfo object
}

// Userinfo decodes the answer of the userinfo endpoint into v, as Claims does. Without one (see Config.AlwaysUserinfo) v
// stays as it is.
func (l Login) Userinfo(v any) error { return decodeClaims(l.userinfo, v) }

// Claims decodes the claims of the verified ID token into v, such as a struct with a groups field, as encoding/json does,
// but with names compared exactly: Groups or groupſ is not groups, so give fields their names by tags, and an object that
// names a member twice is an error. Claims that the token does not have leave v as it is: absent is not empty.
func (l Login) Claims(v any) error {
	return decodeClaims(l.claims, v)
}

// LoginHook makes the host's session.
//
// The browser comes from another site: a session cookie of the host's that is SameSite=Strict is not with it, nor, where
// Config.FormPost is set, one that is Lax. A new cookie that is Strict is not sent with the redirect to ReturnTo either.
type LoginHook interface {
	// OnLogin runs in the transaction in which the sign-in is recorded; what it writes through tx commits with it. It
	// must start a new session with a new ID, and end one that the browser had, so that a planted session is worthless.
	//
	// What it writes to w (cookies, usually) is held back until the transaction has committed, and dropped if it does
	// not. If it writes neither a status nor a body, the browser is sent to l.ReturnTo. OnLogin may be called more than
	// once for one sign-in when the database asks for a retry.
	//
	// An error that matches ErrDenied refuses the person (403), see [Denied]; any other is our own failure (503).
	OnLogin(ctx context.Context, w http.ResponseWriter, r *http.Request, tx store.Store, l Login) error
}

// LoginFunc is a function as a [LoginHook].
type LoginFunc func(ctx context.Context, w http.ResponseWriter, r *http.Request, tx store.Store, l Login) error

// OnLogin calls f.
func (f LoginFunc) OnLogin(ctx context.Context, w http.ResponseWriter, r *http.Request, tx store.Store, l Login) error {
	return f(ctx, w, r, tx, l)
}

// Handler signs people in. It is safe for concurrent use and holds nothing but caches of providers' documents, so that
// any replica can serve any request.
type Handler struct {
	cfg       Config
	base      *url.URL
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
		cfg: cfg, base: base, prefix: strings.TrimSuffix(base.Path, "/"), secure: base.Scheme == "https",
		keys: cfg.Keys.Derive("oidc/attempt"), tokenKeys: cfg.Keys.Derive("oidc/refresh"), clientKeys: clientKeys, out: newOutbound(cfg.HTTPClient, cfg.InsecureAllowLoopback), now: cfg.Now, log: cfg.Logger,
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
	shared := strings.TrimSuffix(h.base.String(), "/") + callbackPath
	if h.cfg.InsecureSharedRedirectURI {
		return shared
	}
	return shared + "/" + url.PathEscape(connectionID)
}

// InitiateLoginURI is the address for third-party-initiated login (OpenID Connect Core section 4).
func (h *Handler) InitiateLoginURI() string {
	return strings.TrimSuffix(h.base.String(), "/") + "/login"
}
