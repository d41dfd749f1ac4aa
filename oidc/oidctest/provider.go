package oidctest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Client is an application that is registered at the provider.
type Client struct {
	ID     string
	Secret string
	// AuthMethod is "client_secret_basic", "client_secret_post", "private_key_jwt" or "none"; empty accepts the first two.
	AuthMethod string
	// JWKSURI is where the client's public keys are, for private_key_jwt. They are fetched for each assertion.
	JWKSURI string
	// RedirectURIs and PostLogoutRedirectURIs are compared exactly. Empty accepts every URI, which tests on random ports
	// need.
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	// BackchannelLogoutURI gets a logout token, and FrontchannelLogoutURI is shown in a frame, when somebody signs out at
	// the provider's end_session_endpoint.
	BackchannelLogoutURI  string
	FrontchannelLogoutURI string
}

// User is somebody who can sign in.
type User struct {
	Subject  string
	Email    string
	Password string // for the login page; empty accepts any
	Name     string
	Groups   []string
	// EmailVerified is the claim as it is sent. Nil sends true; use Unstated to send none.
	EmailVerified any
	// SessionID is the sid claim. Empty gives each sign-in one of its own.
	SessionID string
	// Claims are added to the ID token and userinfo and win over the ones above.
	Claims map[string]any
	// Disabled refuses the sign-in at the provider.
	Disabled bool
}

// Unstated is the value of User.EmailVerified that leaves the claim out.
var Unstated = new(struct{ unstated bool })

// Config describes a provider.
type Config struct {
	// Issuer is the address at which the provider is reached, such as http://127.0.0.1:8081. It may have a path, and
	// end in a slash. Required for New.
	Issuer string
	// Clients and Users are who may use it. Both can be changed later.
	Clients []Client
	Users   []User
	// LoginPage asks for e-mail and password. Without it the user whose e-mail is the login_hint signs in, else the
	// first one.
	LoginPage bool
	// RenderLogin writes the login page. Nil means a plain one.
	RenderLogin RenderLogin
	// Title is shown on the login page. Empty means "Sign in".
	Title string
	// Keys sign ID tokens: the first one signs, all are published. Empty generates one for RS256.
	Keys []Key
	// EmailInUserinfo leaves e-mail and name out of ID tokens, as some providers do.
	EmailInUserinfo bool
	// SignUserinfo answers userinfo requests with a signed token (OpenID Connect Core section 5.3.2).
	SignUserinfo bool
	// PushedRequests offers pushed authorization requests (RFC 9126), RequirePushedRequests takes no others.
	PushedRequests, RequirePushedRequests bool
	// Decoys publishes keys that verify no signature beside Keys, as the conformance suite does: one for secp256k1, and an RSA
	// and an EC key for encryption.
	Decoys bool
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Provider is an OpenID provider: an http.Handler to be served at the issuer's address. All methods may be called
// concurrently, also while it serves.
type Provider struct {
	issuer string
	path   string // of the issuer, without a trailing slash
	now    func() time.Time
	mux    *http.ServeMux

	loginPage       bool
	renderLogin     RenderLogin
	title           string
	emailInUserinfo bool
	signUserinfo    bool
	push, mustPush  bool
	decoys          []map[string]any

	mu      sync.Mutex
	clients []Client
	users   []User
	keys    []Key
	faults  Faults
	counts  map[Endpoint]int
	pending map[string]authRequest // login page shown, by handle
	codes   map[string]grant
	tokens  map[string]grant
	refresh map[string]grant
	pushed  map[string]pushedRequest // by request_uri
	jtis    map[string]bool          // of client assertions

	violations []string
}

// authRequest is an authorization request that was accepted.
type authRequest struct {
	clientID, redirectURI, state, nonce, challenge, scope, responseMode string
	loginHint                                                           string
	expires                                                             time.Time
}

// grant is what a code or an access token stands for.
type grant struct {
	authRequest
	user      User
	sessionID string
	at        time.Time
	access    string // the last access token that a refresh token came with
}

const (
	requestLife = 10 * time.Minute
	codeLife    = time.Minute
	tokenLife   = 10 * time.Minute
	maxHeld     = 10_000 // unfinished requests, codes and tokens, each
)

// New makes a provider. The error says what is missing in the configuration.
func New(cfg Config) (*Provider, error) {
	u, err := url.Parse(cfg.Issuer)
	if err != nil || u.Scheme == "" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("oidctest: Config.Issuer %q must be an absolute URL without query and fragment", cfg.Issuer)
	}
	if len(cfg.Keys) == 0 {
		key, err := GenerateKey("key-1", "RS256")
		if err != nil {
			return nil, err
		}
		cfg.Keys = []Key{key}
	}
	for _, k := range cfg.Keys {
		if k.Private == nil {
			return nil, errors.New("oidctest: a key in Config.Keys has no Private")
		}
	}
	p := &Provider{
		issuer: cfg.Issuer, path: strings.TrimSuffix(u.Path, "/"), now: cfg.Now,
		loginPage: cfg.LoginPage, renderLogin: cfg.RenderLogin, title: cfg.Title, emailInUserinfo: cfg.EmailInUserinfo,
		signUserinfo: cfg.SignUserinfo, push: cfg.PushedRequests || cfg.RequirePushedRequests, mustPush: cfg.RequirePushedRequests,
		clients: slices.Clone(cfg.Clients), users: slices.Clone(cfg.Users), keys: slices.Clone(cfg.Keys),
		counts: map[Endpoint]int{}, pending: map[string]authRequest{}, codes: map[string]grant{}, tokens: map[string]grant{},
		refresh: map[string]grant{}, pushed: map[string]pushedRequest{}, jtis: map[string]bool{},
	}
	if p.now == nil {
		p.now = time.Now
	}
	if cfg.Decoys {
		p.decoys = decoys()
	}
	if p.renderLogin == nil {
		p.renderLogin = renderLogin
	}
	if p.title == "" {
		p.title = "Sign in"
	}
	p.mux = http.NewServeMux()
	for pattern, route := range map[string]struct {
		endpoint Endpoint
		handle   http.HandlerFunc
	}{
		"GET /.well-known/openid-configuration": {Discovery, p.serveDiscovery},
		"GET /keys":                             {Keys, p.serveKeys},
		"GET /authorize":                        {Authorize, p.serveAuthorize},
		"POST /authorize":                       {Authorize, p.serveAuthorize},
		"POST /token":                           {Token, p.serveToken},
		"GET /userinfo":                         {Userinfo, p.serveUserinfo},
		"POST /userinfo":                        {Userinfo, p.serveUserinfo},
		"POST /par":                             {PushedRequest, p.servePushed},
		"GET /logout":                           {EndSession, p.serveEndSession},
		"POST /logout":                          {EndSession, p.serveEndSession},
	} {
		p.mux.HandleFunc(pattern, p.faulty(route.endpoint, route.handle))
	}
	p.mux.HandleFunc("POST /login", p.serveLogin)
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	http.StripPrefix(p.path, p.mux).ServeHTTP(w, r)
}

// Issuer is the provider's issuer, exactly as in its metadata.
func (p *Provider) Issuer() string { return p.issuer }

// SetUsers replaces the users.
func (p *Provider) SetUsers(users ...User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users = slices.Clone(users)
}

// Users returns the users.
func (p *Provider) Users() []User {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.users)
}

// SetClients replaces the clients.
func (p *Provider) SetClients(clients ...Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients = slices.Clone(clients)
}

// SetFaults replaces the faults; the zero value ends all misbehaviour.
func (p *Provider) SetFaults(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.Endpoints = maps.Clone(f.Endpoints)
	p.faults = f
}

// SetKeys replaces the signing keys: the first one signs, all are published.
func (p *Provider) SetKeys(keys ...Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = slices.Clone(keys)
}

// Count tells how many requests an endpoint got.
func (p *Provider) Count(e Endpoint) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[e]
}

// faulty counts the request and lets the endpoint's fault answer first.
func (p *Provider) faulty(e Endpoint, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.counts[e]++
		fault := p.faults.Endpoints[e]
		p.mu.Unlock()
		if !fault.apply(w, r) {
			next(w, r)
		}
	}
}

func (p *Provider) currentFaults() Faults {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults
}

func (p *Provider) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	base := strings.TrimSuffix(p.issuer, "/")
	p.mu.Lock()
	var algs []string
	for _, k := range p.keys {
		if !slices.Contains(algs, k.Alg) {
			algs = append(algs, k.Alg)
		}
	}
	faults := p.faults
	p.mu.Unlock()
	doc := map[string]any{
		"issuer":                                         p.issuer,
		"authorization_endpoint":                         base + "/authorize",
		"token_endpoint":                                 base + "/token",
		"userinfo_endpoint":                              base + "/userinfo",
		"jwks_uri":                                       base + "/keys",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query", "form_post"},
		"end_session_endpoint":                           base + "/logout",
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          algs,
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"code_challenge_methods_supported":               []string{"S256"},
		"scopes_supported":                               []string{"openid", "profile", "email", "groups", "offline_access"},
		"claims_supported":                               []string{"sub", "sid", "email", "email_verified", "name", "groups"},
		"backchannel_logout_supported":                   true,
		"backchannel_logout_session_supported":           true,
		"frontchannel_logout_supported":                  true,
		"frontchannel_logout_session_supported":          true,
		"authorization_response_iss_parameter_supported": true,
	}
	if p.push {
		doc["pushed_authorization_request_endpoint"] = base + "/par"
		doc["require_pushed_authorization_requests"] = p.mustPush
	}
	if faults.Metadata != nil {
		faults.Metadata(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

func (p *Provider) serveKeys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	keys := make([]any, 0, len(p.keys))
	for _, k := range p.keys {
		keys = append(keys, k.jwk())
	}
	for _, k := range p.decoys {
		keys = append(keys, k)
	}
	faults := p.faults
	p.mu.Unlock()
	doc := map[string]any{"keys": keys}
	if faults.KeySet != nil {
		faults.KeySet(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

func writeJSON(w http.ResponseWriter, status int, doc any) {
	body, err := json.Marshal(doc)
	if err != nil {
		http.Error(w, "oidctest: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body)
}

func random() string { return rand.Text() + rand.Text() }
