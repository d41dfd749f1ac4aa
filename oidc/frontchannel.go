package oidc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	// DefaultSessionLife is how long a provider's session IDs are remembered where Config.SessionLife is zero.
	DefaultSessionLife = 30 * 24 * time.Hour

	frontchannelPath  = "/frontchannel-logout/"
	knownSession      = "oidc_session" // kind of the token that remembers a sid
	frontchannelActor = "frontchannel-logout"
)

// FrontchannelLogoutURI is what the administrator registers at the provider as the connection's front-channel logout
// URI (OpenID Connect Front-Channel Logout 1.0 section 2), with "session required" switched on: without iss and sid in
// the address nothing happens. Where the provider offers back-channel logout too, use that: browsers keep cookies, and
// some whole requests, from pages inside of others.
func (h *Handler) FrontchannelLogoutURI(connectionID string) string {
	return strings.TrimSuffix(h.base.String(), "/") + frontchannelPath + url.PathEscape(connectionID)
}

// rememberSession keeps that the provider's session ID belongs to a session here, for as long as sessions last. The
// front-channel request is unsigned: only a session ID that the provider itself gave in an ID token makes anything
// happen, and one that nobody was given writes nothing.
func (h *Handler) rememberSession(ctx context.Context, tx store.Store, c store.Connection, who person) error {
	if h.cfg.Sessions == nil || who.sessionID == "" {
		return nil
	}
	now := store.Time(h.now())
	key := sessionKey(c, who.sessionID)
	data, err := json.Marshal(who.subject)
	if err != nil {
		return unavailable(CodeInternal, "the provider's session could not be recorded", err)
	}
	// The same session ID comes again when somebody signs in twice from one session at the provider.
	if _, err := tx.TakeToken(ctx, c.TenantID, knownSession, key, now); err != nil && !errors.Is(err, store.ErrNotFound) {
		return unavailable(CodeInternal, "the provider's session could not be recorded", err)
	}
	token := store.Token{Kind: knownSession, Key: key, Data: data, ExpiresAt: store.Time(now.Add(h.cfg.SessionLife))}
	err = tx.PutToken(ctx, c.TenantID, token)
	if errors.Is(err, store.ErrConflict) { // one that is over and was not removed yet
		if _, err = tx.DeleteExpiredTokens(ctx, c.TenantID, now); err == nil {
			err = tx.PutToken(ctx, c.TenantID, token)
		}
	}
	if err != nil && !errors.Is(err, store.ErrConflict) { // by now, a sign-in beside this one has put it
		return unavailable(CodeInternal, "the provider's session could not be recorded", err)
	}
	return nil
}

// sessionKey is under which a session ID is remembered: within one connection and issuer, of whatever length it is.
func sessionKey(c store.Connection, sessionID string) string {
	sum := sha256.Sum256([]byte(c.ID + "\x00" + c.Issuer + "\x00" + sessionID))
	return hex.EncodeToString(sum[:])
}

// serveFrontchannelLogout is loaded by a page of the provider in a frame (section 3). It answers the same whether there
// was such a session or not.
func (h *Handler) serveFrontchannelLogout(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	if r.Method == http.MethodHead { // a link checker ends no session
		return
	}
	q := r.URL.Query()
	if len(q["iss"]) != 1 || len(q["sid"]) != 1 || q.Get("sid") == "" || checkName("sid", q.Get("sid")) != nil {
		h.refuseFrontchannel(w, r, badRequest(CodeRequestInvalid, "expected iss and sid once each; switch on at the provider that the logout names its session"), store.Connection{})
		return
	}
	c, err := h.connectionForLogout(r.Context(), q.Get("iss"), r.PathValue("connection"))
	if err != nil {
		h.refuseFrontchannel(w, r, lookupError(err, badRequest(CodeNoConnection, "no active connection with this address has this issuer")), c)
		return
	}
	if err := h.endSession(r.Context(), c, q.Get("sid"), h.cfg.Origin.Of(r)); err != nil {
		h.refuseFrontchannel(w, r, err, c)
		return
	}
	h.frontchannelPage(w, http.StatusOK, "Signed out.", h.frames(r.Context(), c))
}

// endSession lets the host end the session with this ID, if an ID token of the connection ever named it.
func (h *Handler) endSession(ctx context.Context, c store.Connection, sessionID string, from tenant.Origin) error {
	now := store.Time(h.now())
	err := h.cfg.Store.InTx(ctx, func(tx store.Store) error {
		data, err := tx.TakeToken(ctx, c.TenantID, knownSession, sessionKey(c, sessionID), now)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		r := Revocation{TenantID: c.TenantID, ConnectionID: c.ID, Issuer: c.Issuer, SessionID: sessionID, Reason: ReasonFrontchannelLogout}
		var subject string
		if json.Unmarshal(data, &subject) == nil {
			link, err := tx.Identity(ctx, c.TenantID, c.ID, c.Issuer, subject)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			r.AccountID = link.AccountID
		}
		if err := h.cfg.Sessions.RevokeSessions(ctx, tx, r); err != nil {
			return unavailable(CodeInternal, "the application could not end the sessions", err)
		}
		event := logoutEventOf(r, now)
		event.Actor.ID, event.Origin = frontchannelActor, from.Event()
		return tx.AppendEvents(ctx, c.TenantID, event)
	})
	if _, known := errors.AsType[*Error](err); known || err == nil {
		return err
	}
	return unavailable(CodeInternal, "the logout could not be stored", err)
}

// frames are the origins whose pages may show the answer in a frame: the provider's own.
func (h *Handler) frames(ctx context.Context, c store.Connection) string {
	urls := []string{c.Issuer}
	if m, err := h.providers.forConnection(ctx, c); err == nil {
		urls = append(urls, m.authorizationEndpoint, m.endSessionEndpoint)
	}
	var origins []string
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil && u.Host != "" && h.out.allowed(u.Scheme, u.Hostname()) && !strings.ContainsAny(u.Host, " ;,'\"*") {
			origins = append(origins, u.Scheme+"://"+u.Host)
		}
	}
	if len(origins) == 0 {
		return "'none'"
	}
	return strings.Join(origins, " ")
}

func (h *Handler) frontchannelPage(w http.ResponseWriter, status int, text, frames string) {
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors "+frames)
	w.WriteHeader(status)
	w.Write([]byte("<!doctype html><title>" + text + "</title><p>" + text))
}

func (h *Handler) refuseFrontchannel(w http.ResponseWriter, r *http.Request, err error, c store.Connection) {
	h.logRefusal(r.Context(), "oidc: front-channel logout refused", err, c, rand.Text())
	h.frontchannelPage(w, statusOf(err), "The sign-out failed.", "'none'")
}
