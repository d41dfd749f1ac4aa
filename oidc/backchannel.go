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
	backchannelPath = "/backchannel-logout/"
	maxLogoutBytes  = 32 << 10             // of a request's body
	usedLogout      = "oidc_logout"        // kind of the one-time token
	logoutActor     = "backchannel-logout" // who the journal says did it
)

// BackchannelLogoutURI is what the administrator registers at the provider as the connection's back-channel logout URI
// (OpenID Connect Back-Channel Logout 1.0 section 2.2), where the provider offers it. Nothing is served there unless
// Config.Sessions is set.
func (h *Handler) BackchannelLogoutURI(connectionID string) string {
	return strings.TrimSuffix(h.base.String(), "/") + backchannelPath + url.PathEscape(connectionID)
}

// serveBackchannelLogout takes a logout token from a provider. It is the one address where anybody may make us check a
// signature: the body is bounded, keys are fetched again at a limited rate, and nothing is written before the token has
// passed. There is no limit on requests: strangers could use it up and keep sessions alive.
func (h *Handler) serveBackchannelLogout(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	raw, err := readLogoutToken(w, r)
	if err != nil {
		h.refuseLogout(w, r, err, store.Connection{})
		return
	}
	c, claims, err := h.checkLogout(r.Context(), r.PathValue("connection"), raw)
	if err == nil {
		err = h.logOut(r.Context(), c, claims, h.cfg.Origin.Of(r))
	}
	if err != nil {
		h.refuseLogout(w, r, err, c)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// readLogoutToken takes the parameter from the body, where it must be once.
func readLogoutToken(w http.ResponseWriter, r *http.Request) (string, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogoutBytes)
	if err := r.ParseForm(); err != nil {
		return "", badRequest(CodeRequestInvalid, "the form can't be read")
	}
	given := r.PostForm["logout_token"]
	if len(given) != 1 || given[0] == "" {
		return "", badRequest(CodeRequestInvalid, "expected one logout_token in a form")
	}
	return given[0], nil
}

// checkLogout finds the connection of the address and verifies the token with its settings.
func (h *Handler) checkLogout(ctx context.Context, connectionID, raw string) (store.Connection, logoutClaims, error) {
	t, err := parseToken(raw, logoutTokenForm)
	if err != nil {
		return store.Connection{}, logoutClaims{}, err
	}
	issuer, _ := t.claims.str("iss")
	c, err := h.connectionForLogout(ctx, issuer, connectionID)
	if err != nil {
		return c, logoutClaims{}, lookupError(err, badRequest(CodeNoConnection, "no active connection with this address has this issuer"))
	}
	m, err := h.providers.forConnection(ctx, c)
	if err != nil {
		return c, logoutClaims{}, err
	}
	claims, err := h.verifier.verifyLogout(ctx, raw, h.expect(c, m))
	return c, claims, err
}

// connectionForLogout finds a connection by its ID and the issuer that an unverified token names: the address has no
// tenant. Issuers that all their customers share have too many connections to look through for anybody who asks, and
// send no logout tokens.
func (h *Handler) connectionForLogout(ctx context.Context, issuer, connectionID string) (store.Connection, error) {
	if issuer == "" || len(issuer) > maxURLBytes || strings.ContainsRune(issuer, 0) || isSharedIssuer(issuer) {
		return store.Connection{}, store.ErrNotFound
	}
	refs, err := h.cfg.Store.ConnectionsByIssuer(ctx, issuer)
	if err != nil {
		return store.Connection{}, err
	}
	var found []store.Ref
	for _, ref := range refs {
		if ref.ID == connectionID {
			found = append(found, ref)
		}
	}
	if len(found) != 1 { // IDs are unique within a tenant; a host may have given one to two of them
		return store.Connection{}, store.ErrNotFound
	}
	return h.activeConnection(ctx, found[0].TenantID, found[0].ID)
}

// logOut uses the token up, lets the host end sessions, and tells the journal, in one transaction.
func (h *Handler) logOut(ctx context.Context, c store.Connection, claims logoutClaims, from tenant.Origin) error {
	now := store.Time(h.now())
	err := h.cfg.Store.InTx(ctx, func(tx store.Store) error {
		err := tx.PutToken(ctx, c.TenantID, store.Token{
			Kind: usedLogout, Key: logoutKey(c, claims.tokenID), ExpiresAt: store.Time(claims.until.Add(MaxClockSkew + time.Minute)),
		})
		if errors.Is(err, store.ErrConflict) {
			return badRequest(CodeLogoutUsed, "this logout token was taken already")
		}
		if err != nil {
			return err
		}
		r := Revocation{
			TenantID: c.TenantID, ConnectionID: c.ID, Issuer: c.Issuer, Subject: claims.subject, SessionID: claims.sessionID,
			Reason: ReasonBackchannelLogout,
		}
		if r.Subject != "" {
			link, err := tx.Identity(ctx, c.TenantID, c.ID, c.Issuer, r.Subject)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			r.AccountID = link.AccountID
		}
		if err := h.cfg.Sessions.RevokeSessions(ctx, tx, r); err != nil {
			return unavailable(CodeInternal, "the application could not end the sessions", err)
		}
		event := logoutEventOf(r, now)
		event.Origin = from.Event()
		event.After = asJSON(logoutEventData{
			Connection: c.ID, Issuer: c.Issuer, Subject: r.Subject, Reason: r.Reason,
			Issued: claims.issued.Unix(), Session: sessionKeyOf(c, claims.sessionID),
		})
		return tx.AppendEvents(ctx, c.TenantID, event)
	})
	if _, known := errors.AsType[*Error](err); known || err == nil {
		return err
	}
	return unavailable(CodeInternal, "the logout could not be stored", err)
}

// logoutKey is under which a used logout token is remembered, of whatever length its jti is.
func logoutKey(c store.Connection, tokenID string) string {
	sum := sha256.Sum256([]byte(c.ID + "\x00" + c.Issuer + "\x00" + tokenID))
	return hex.EncodeToString(sum[:])
}

// logoutEventData is what an EventLogout says in After.
type logoutEventData struct {
	Connection string `json:"connection"`
	Issuer     string `json:"issuer"`
	Subject    string `json:"subject"`
	Reason     string `json:"reason"`
	// Issued is the iat of a logout token in Unix seconds, Session the key of its sid (see sessionKey): a sid itself ends
	// sessions, and owners read the journal.
	Issued  int64  `json:"issued,omitempty"`
	Session string `json:"session,omitempty"`
}

// sessionKeyOf is sessionKey, "" without a session ID.
func sessionKeyOf(c store.Connection, sessionID string) string {
	if sessionID == "" {
		return ""
	}
	return sessionKey(c, sessionID)
}

// asJSON encodes a struct of strings and numbers, which can't fail.
func asJSON(v any) json.RawMessage {
	data, _ := json.Marshal(v) //nolint:errchkjson // see above
	return data
}

// logoutEventOf tells the journal who was logged out.
func logoutEventOf(r Revocation, now time.Time) store.Event {
	e := store.Event{
		ID: store.NewID(now), Type: EventLogout, At: now,
		After:   asJSON(logoutEventData{Connection: r.ConnectionID, Issuer: r.Issuer, Subject: r.Subject, Reason: r.Reason}),
		Actor:   store.EventActor{Kind: string(tenant.ActorSystem), ID: logoutActor, Name: "The OpenID provider"},
		Subject: store.EventSubject{Kind: "connection", ID: r.ConnectionID},
		Message: "The provider ended all sessions of this person.",
	}
	if r.SessionID != "" {
		e.Message = "The provider ended one session."
	}
	if r.AccountID != "" {
		e.Subject = store.EventSubject{Kind: "account", ID: r.AccountID}
	}
	return e
}

// refuseLogout answers with 400, whatever the reason (section 2.8), and with no more about it than its code.
func (h *Handler) refuseLogout(w http.ResponseWriter, r *http.Request, err error, c store.Connection) {
	id := rand.Text()
	h.logRefusal(r.Context(), "oidc: logout refused", err, c, id)
	answer := map[string]string{
		"error": "invalid_request", "error_description": "The logout token was refused.", "code": CodeOf(err), "correlation_id": id,
	}
	if errors.Is(err, ErrUnavailable) {
		answer["error"], answer["error_description"] = "server_error", "The logout failed. It may be tried again."
	}
	body, _ := json.Marshal(answer) //nolint:errchkjson // strings
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	w.Write(body)
}
