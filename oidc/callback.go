package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	maxCode     = 16 << 10
	usedAttempt = "oidc_attempt" // kind of the one-time token
)

// response is an authorization response (OpenID Connect Core section 3.1.2.5), each parameter at most once.
type response struct{ state, code, iss, err, description string }

// readResponse takes the parameters from the query of a GET or the body of a POST, never from both.
func readResponse(w http.ResponseWriter, r *http.Request) (response, error) {
	values := r.URL.Query()
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		if err := r.ParseForm(); err != nil {
			return response{}, badRequest(CodeRequestInvalid, "the provider's form can't be read")
		}
		values = r.PostForm
	}
	return parseResponse(values)
}

func parseResponse(values url.Values) (response, error) {
	var res response
	for _, to := range []struct {
		name  string
		value *string
	}{{"state", &res.state}, {"code", &res.code}, {"iss", &res.iss}, {"error", &res.err}, {"error_description", &res.description}} {
		given := values[to.name]
		if len(given) > 1 {
			code := CodeRequestInvalid
			if to.name == "iss" {
				code = CodeIssuerMixUp
			}
			return response{}, badRequest(code, "the parameter "+to.name+" came more than once")
		}
		if len(given) == 1 {
			*to.value = given[0]
		}
	}
	if len(res.code) > maxCode || len(res.iss) > maxURLBytes || len(res.state) > maxState {
		return response{}, badRequest(CodeRequestInvalid, "a parameter is too long")
	}
	return res, nil
}

// serveCallback takes the provider's answer. The state, and the cookie of the browser that started the sign-in, prove
// that the answer belongs to it. Nothing is written to the database before that, nor for an answer without a code; for a
// code, a token that it was used, and one event if the provider gave tokens for it, however often the answer is sent.
func (h *Handler) serveCallback(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead { // ServeMux sends it to GET's handler; it must not use up the answer
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	res, err := readResponse(w, r)
	if err != nil {
		h.refuse(w, r, err, store.Connection{})
		return
	}
	a, err := h.findAttempt(r, res.state)
	if err != nil {
		h.refuse(w, r, err, store.Connection{})
		return
	}
	h.deleteCookie(w, h.cookieName(a.State))
	if !h.cfg.InsecureSharedRedirectURI && r.PathValue("connection") != a.ConnectionID {
		h.refuse(w, r, badRequest(CodeFlowMismatch, "the answer arrived at the redirect URI of another connection"), store.Connection{})
		return
	}
	if a.Test == nil && (res.err != "" || res.code == "") {
		// Anybody can start a sign-in and send this to himself: it is told, and writes nothing.
		c, err := h.activeConnection(r.Context(), a.TenantID, a.ConnectionID)
		if err == nil {
			_, err = h.checkResponse(r.Context(), a, res, c)
		} else {
			err = lookupError(err, errNotActive())
		}
		h.refuse(w, r, err, c)
		return
	}
	c, err := h.consume(r.Context(), a)
	if err != nil {
		h.refuse(w, r, err, store.Connection{})
		return
	}
	m, err := h.checkAnswer(r.Context(), a, res, &c)
	var who person
	if err == nil {
		who, err = h.identify(r.Context(), c, m, a, res.code)
		h.noteSignIn(r.Context(), c, m, a, err)
	}
	if a.Test != nil {
		h.finishTest(w, r, c, a, who, err)
		return
	}
	if err != nil && !who.redeemed { // the same for a code that the provider does not know
		h.refuse(w, r, err, c)
		return
	}
	if err != nil {
		h.refuseAttempt(w, r, err, a, c)
		return
	}
	held := newHeldResponse()
	login, err := h.signIn(r, held, c, a, who)
	if err != nil {
		h.refuseAttempt(w, r, err, a, c)
		return
	}
	held.release(w, login.ReturnTo)
}

// checkAnswer refuses the answer if the connection is in no state for it, and forgets the connection then, as if it were
// not there.
func (h *Handler) checkAnswer(ctx context.Context, a attempt, res response, c *store.Connection) (*metadata, error) {
	usable := c.State == store.ConnectionActive
	if a.Test != nil {
		usable = slices.Contains(testable, c.State)
		*c = c.WithNextSecret()
	}
	if !usable {
		*c = store.Connection{}
		return nil, errNotActive()
	}
	return h.checkResponse(ctx, a, res, *c)
}

func errNotActive() error {
	return denied(CodeConnectionOff, "the connection is not active any more")
}

// checkResponse refuses answers from, and for, anybody else (RFC 9700 section 4.4, RFC 9207), and the provider's own
// errors.
func (h *Handler) checkResponse(ctx context.Context, a attempt, res response, c store.Connection) (*metadata, error) {
	if c.Issuer != a.Issuer || c.ClientID != a.ClientID {
		return nil, badRequest(CodeFlowMismatch, "the connection was changed while the sign-in was under way")
	}
	m, err := h.providers.forConnection(ctx, c)
	if err != nil {
		return nil, err
	}
	if res.iss != c.Issuer && (res.iss != "" || m.issInResponse) {
		return m, badRequest(CodeIssuerMixUp, "iss is not the issuer that the browser was sent to, or is missing although the provider announces it")
	}
	if res.err != "" {
		return m, providerError(c, res.err, res.description)
	}
	if res.code == "" {
		return m, badRequest(CodeRequestInvalid, "the answer has neither a code nor an error")
	}
	return m, nil
}

// consume makes the attempt unusable on every replica before anything is asked of the provider. Of several answers
// with one state exactly one goes on. It returns the connection, the zero one if there is none any more.
func (h *Handler) consume(ctx context.Context, a attempt) (store.Connection, error) {
	c, err := store.UseAttempt(ctx, h.cfg.Store, a.TenantID, store.Token{
		Kind: usedAttempt, Key: a.tokenKey(), ExpiresAt: store.Time(time.Unix(a.Expires, 0).Add(time.Minute)),
		Ephemeral: true, // the code is good once at the provider, too
	}, a.ConnectionID)
	switch {
	case errors.Is(err, store.ErrConflict):
		return store.Connection{}, badRequest(CodeFlowUsed, "this answer was taken already")
	case err != nil:
		return store.Connection{}, unavailable(CodeInternal, "the sign-in could not be recorded", err)
	case c.ID != "":
		c.TenantID = a.TenantID
	}
	return c, nil
}

// signIn finds the account and lets the host make its session, in one transaction. That somebody signed in once more is
// its last write, and where it is the only one there needs to be no transaction.
func (h *Handler) signIn(r *http.Request, held *heldResponse, c store.Connection, a attempt, who person) (Login, error) {
	var login Login
	var committed func()
	ctx := r.Context()
	who.origin = h.cfg.Origin.Of(r).Event()
	g := h.askGate(ctx, c.TenantID)
	if g.existing != nil {
		return Login{}, g.existing
	}
	err := store.InTxThen(ctx, h.cfg.Store, func(tx store.Store) (func(store.Store) error, error) {
		held.reset()
		m := matcher{h: h, tx: tx, conn: c, who: who, now: store.Time(h.now()), closed: g.first}
		if err := m.look(ctx); err != nil {
			return nil, err
		}
		acct, first, err := m.match(ctx)
		if err != nil {
			return nil, err
		}
		refresh, err := h.sealRefresh(c, a.Nonce, acct.ID, who)
		if err != nil {
			return nil, err
		}
		login = Login{
			TenantID: c.TenantID, ConnectionID: c.ID, Account: acct, Issuer: who.issuer, Subject: who.subject,
			Email: who.email, EmailChange: m.change, SessionID: who.sessionID, First: first, ReturnTo: h.returnTo(a.ReturnTo),
			IDToken: tenant.NewSecret(who.tokens.idToken), RefreshToken: refresh,
			EmailUnproven: m.unproven, Requested: a.request(c), StartedElsewhere: a.Elsewhere,
			AuthenticatedAt: who.authTime, ACR: who.acr, AMR: who.amr, claims: who.claims, userinfo: who.userinfo,
		}
		if err := h.rememberSession(ctx, tx, c, who); err != nil {
			return nil, err
		}
		committed = h.hearClaims(ctx, tx, login)
		return m.last, h.callHost(ctx, r, held, tx, login)
	})
	if err == nil {
		if committed != nil {
			committed()
		}
		return login, nil
	}
	if _, known := errors.AsType[*Error](err); known {
		return Login{}, err
	}
	return Login{}, unavailable(CodeInternal, "the sign-in could not be stored", err)
}

func (h *Handler) callHost(ctx context.Context, r *http.Request, held *heldResponse, tx store.Store, login Login) error {
	err := h.cfg.OnLogin.OnLogin(ctx, held, r, tx, login)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDenied):
		if e, ours := errors.AsType[*Error](err); ours && e.family != nil {
			return err
		}
		return hostRefused("the application refused the sign-in", err)
	default:
		return unavailable(CodeInternal, "the application could not make a session", err)
	}
}
