package oidc

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/tenant"
)

// attempt is one unfinished sign-in. It travels sealed in a cookie of its own, so that several can be under way in one
// browser, any replica can finish it, and starting one writes nothing to the database.
type attempt struct {
	TenantID     string `json:"t"`
	ConnectionID string `json:"c"`
	// Issuer and ClientID are those that the browser was sent to; a connection that was changed meanwhile does not
	// take the answer.
	Issuer   string `json:"i"`
	ClientID string `json:"a"`
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	ReturnTo string `json:"r"`
	// Prompt, MaxAge (seconds, or maxAgeNow) and ACRValues are what the host asked of the provider.
	Prompt    []string `json:"p,omitempty"`
	MaxAge    int64    `json:"m,omitempty"`
	ACRValues []string `json:"l,omitempty"`
	// ClientAuth is the client authentication that a test found to work, see push.
	ClientAuth string `json:"h,omitempty"`
	// Elsewhere says that another site started it.
	Elsewhere bool `json:"f,omitempty"`
	// Test is who started a test sign-in, of the configuration with this version; nil for a real one.
	Test          *tenant.Actor `json:"x,omitempty"`
	ConfigVersion int64         `json:"g,omitempty"`
	Report        bool          `json:"o,omitempty"`
	Started       int64         `json:"b"` // Unix seconds
	Expires       int64         `json:"e"`
}

const (
	attemptLife  = 10 * time.Minute
	maxAttempts  = 8 // unfinished sign-ins of one browser; the oldest go first
	maxCookies   = 64
	maxState     = 128
	cookieHost   = "__Host-"
	cookiePrefix = "tg_signin_"
	cookieRegion = "tg_signin." // and the region's ID
	cookieAAD    = "tenantgate oidc attempt 1 "
)

// newAttempt fills in what must be unpredictable: 256 bits each for state, nonce and the PKCE verifier. The state begins
// with the region, so that another region can say where an answer belongs.
func (h *Handler) newAttempt() attempt {
	now := h.now()
	return attempt{
		State: h.statePrefix() + randomText(), Nonce: randomText(), Verifier: randomText(),
		Started: now.Unix(), Expires: now.Add(attemptLife).Unix(),
	}
}

func randomText() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// cookieName is the name of the cookie that belongs to a state. It tells nothing about the state.
func (h *Handler) cookieName(state string) string {
	sum := sha256.Sum256([]byte("cookie " + state))
	return h.cookiePrefix() + hex.EncodeToString(sum[:8])
}

// cookiePrefix has __Host- wherever browsers accept it, that is with https. Regions at one host leave each other's cookies
// alone.
func (h *Handler) cookiePrefix() string {
	prefix := cookiePrefix
	if region := h.cfg.Regions.Binding(); region != "" {
		prefix = cookieRegion + region + "_"
	}
	if h.secure {
		return cookieHost + prefix
	}
	return prefix
}

// tokenKey is under which a used state is remembered: a hash, so that the store never holds a state.
func (a attempt) tokenKey() string {
	sum := sha256.Sum256([]byte("used " + a.State))
	return hex.EncodeToString(sum[:])
}

// setAttempt seals the attempt into its cookie and makes room for it.
func (h *Handler) setAttempt(w http.ResponseWriter, r *http.Request, a attempt) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return err
	}
	name := h.cookieName(a.State)
	sealed, err := h.keys.Seal(plain, []byte(cookieAAD+name))
	if err != nil {
		return err
	}
	h.dropOldAttempts(w, r)
	http.SetCookie(w, h.cookie(name, base64.RawURLEncoding.EncodeToString(sealed), int(attemptLife/time.Second)))
	return nil
}

// cookie is Lax where the provider answers by redirect. An answer by form_post is a cross-site POST, to which browsers
// attach only SameSite=None cookies, which must be Secure.
func (h *Handler) cookie(name, value string, maxAge int) *http.Cookie {
	c := &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: h.secure, SameSite: http.SameSiteLaxMode}
	if h.cfg.FormPost {
		c.SameSite = http.SameSiteNoneMode
	}
	return c
}

func (h *Handler) deleteCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, h.cookie(name, "", -1))
}

// dropOldAttempts deletes cookies that can't be opened, are over, or are too many: browsers and proxies bound the
// Cookie header, and a full one would lock the user out of the whole host.
func (h *Handler) dropOldAttempts(w http.ResponseWriter, r *http.Request) {
	type held struct {
		name    string
		started int64
	}
	var live []held
	for i, c := range r.Cookies() {
		if !strings.HasPrefix(c.Name, h.cookiePrefix()) {
			continue
		}
		a, ok := h.openAttempt(c)
		if i >= maxCookies || !ok || h.now().Unix() >= a.Expires {
			h.deleteCookie(w, c.Name)
			continue
		}
		live = append(live, held{c.Name, a.Started})
	}
	slices.SortFunc(live, func(a, b held) int { return cmp.Compare(a.started, b.started) })
	for len(live) >= maxAttempts {
		h.deleteCookie(w, live[0].name)
		live = live[1:]
	}
}

// findAttempt returns the attempt that a state belongs to, from the cookie of this very browser.
func (h *Handler) findAttempt(r *http.Request, state string) (attempt, error) {
	if state == "" || len(state) > maxState {
		return attempt{}, badRequest(CodeFlowMissing, "the answer has no state")
	}
	if err := h.checkRegion(state); err != nil {
		return attempt{}, err
	}
	cookies := r.CookiesNamed(h.cookieName(state))
	if len(cookies) != 1 {
		return attempt{}, badRequest(CodeFlowMissing, "this browser has no sign-in under way that this answer belongs to")
	}
	a, ok := h.openAttempt(cookies[0])
	if !ok || subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1 {
		return attempt{}, badRequest(CodeFlowMissing, "the cookie of this sign-in can't be opened")
	}
	if h.now().Unix() >= a.Expires {
		return attempt{}, badRequest(CodeFlowExpired, "the sign-in was started more than ten minutes ago")
	}
	return a, nil
}

func (h *Handler) openAttempt(c *http.Cookie) (attempt, bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return attempt{}, false
	}
	plain, err := h.keys.Open(sealed, []byte(cookieAAD+c.Name))
	if err != nil {
		return attempt{}, false
	}
	a, err := decodeAttempt(plain)
	if err != nil || a.State == "" || a.Nonce == "" || a.Verifier == "" {
		return attempt{}, false
	}
	return a, true
}

// decodeAttempt reads what json.Marshal made of an attempt. Each callback does it, and json.Unmarshal takes as long for it as
// for opening the cookie.
func decodeAttempt(data []byte) (attempt, error) {
	obj, err := parseObject(data)
	if err != nil {
		return attempt{}, err
	}
	var a attempt
	for _, to := range []struct {
		name  string
		value *string
	}{
		{"t", &a.TenantID},
		{"c", &a.ConnectionID},
		{"i", &a.Issuer},
		{"a", &a.ClientID},
		{"s", &a.State},
		{"n", &a.Nonce},
		{"v", &a.Verifier},
		{"r", &a.ReturnTo},
		{"h", &a.ClientAuth},
	} {
		*to.value, _ = obj.str(to.name)
	}
	a.Elsewhere, a.Report = obj.isTrue("f"), obj.isTrue("o")
	for _, to := range []struct {
		name  string
		value *int64
	}{{"m", &a.MaxAge}, {"g", &a.ConfigVersion}, {"b", &a.Started}, {"e", &a.Expires}} {
		if raw := obj.get(to.name); raw != nil {
			if *to.value, err = strconv.ParseInt(string(raw), 10, 64); err != nil {
				return attempt{}, err
			}
		}
	}
	return a, errors.Join(decodeRare(obj, "p", &a.Prompt), decodeRare(obj, "l", &a.ACRValues), decodeRare(obj, "x", &a.Test))
}

// decodeRare decodes a member that few objects have.
func decodeRare[T any](obj object, name string, to *T) error {
	raw := obj.get(name)
	if raw == nil {
		return nil
	}
	var v T // not to itself: json.Unmarshal would have all of what it is in allocated
	err := json.Unmarshal(raw, &v)
	*to = v
	return err
}
