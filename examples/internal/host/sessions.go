package host

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Session is somebody who is signed in.
type Session struct {
	UserID string
	OrgID  string
	// ConnectionID, Issuer and Subject are those of oidc.Login, empty for a password.
	ConnectionID string
	Issuer       string
	Subject      string
	// SID is the provider's name of the session, empty if it has none.
	SID string
	// Method is "oidc", "password" or "break_glass".
	Method string
	// IDToken is oidc.Login.IDToken, for signing out at the provider.
	IDToken tenant.Secret
}

const (
	sessionCookie = "oncall_session"
	sessionTTL    = 8 * time.Hour
)

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// StartSession signs somebody in with a new session, and ends the one that the browser
// brought.
func (d *DB) StartSession(ctx context.Context, tx store.Store, w http.ResponseWriter, r *http.Request, s Session, now time.Time) error {
	if err := d.endCookieSession(ctx, tx, r); err != nil {
		return err
	}
	token := rand.Text()
	err := d.exec(ctx, tx, `insert into oncall_sign_ins (token_hash, user_id, org_id, connection_id, issuer, subject, sid, method, id_token, began_at, expires_at)
		values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, hashToken(token), s.UserID, s.OrgID, s.ConnectionID, s.Issuer, s.Subject, s.SID, s.Method,
		s.IDToken.Reveal(), now.Unix(), now.Add(sessionTTL).Unix())
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(sessionTTL.Seconds()), Secure: OverTLS(r),
	})
	return nil
}

// OverTLS tells whether the browser speaks TLS, to us or to a proxy in front.
func OverTLS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// EndSession signs the browser out.
func (d *DB) EndSession(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	return d.endCookieSession(ctx, nil, r)
}

func (d *DB) endCookieSession(ctx context.Context, tx store.Store, r *http.Request) error {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil //nolint:nilerr // no cookie, no session
	}
	return d.exec(ctx, tx, `delete from oncall_sign_ins where token_hash = ?`, hashToken(c.Value))
}

// EndSessionsOf signs a user out everywhere.
func (d *DB) EndSessionsOf(ctx context.Context, tx store.Store, orgID, userID string) error {
	return d.exec(ctx, tx, `delete from oncall_sign_ins where org_id = ? and user_id = ?`, orgID, userID)
}

var _ oidc.SessionRevoker = (*DB)(nil)

// RevokeSessions implements oidc.SessionRevoker: sessions are over, because the provider
// says so, a directory ended somebody's access, or a connection was switched off.
func (d *DB) RevokeSessions(ctx context.Context, tx store.Store, r oidc.Revocation) error {
	query, args := `delete from oncall_sign_ins where org_id = ?`, []any{r.TenantID}
	and := func(condition string, arg any) { query, args = query+` and `+condition, append(args, arg) }
	switch {
	case r.Subject != "" || r.SessionID != "":
		and(`connection_id = ?`, r.ConnectionID)
		and(`issuer = ?`, r.Issuer)
		if r.Subject != "" {
			and(`subject = ?`, r.Subject)
		}
		switch {
		case r.SessionID != "" && r.Subject != "":
			and(`sid in (?, '')`, r.SessionID)
		case r.SessionID != "":
			and(`sid = ?`, r.SessionID)
		}
	case r.AccountID != "":
		and(`user_id = ?`, r.AccountID)
	default:
		and(`connection_id = ?`, r.ConnectionID)
	}
	if !r.BeganBefore.IsZero() {
		and(`began_at < ?`, r.BeganBefore.Unix())
	}
	return d.exec(ctx, tx, query, args...)
}

// Session returns who the browser is signed in as; ok is false if nobody, or if the
// user may no longer be.
func (d *DB) Session(r *http.Request, now time.Time) (s Session, u User, ok bool, err error) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return s, u, false, nil //nolint:nilerr // no cookie, no session
	}
	var idToken string
	err = d.db.QueryRowContext(r.Context(), d.sql(`select user_id, org_id, connection_id, issuer, subject, sid, method, id_token
		from oncall_sign_ins where token_hash = ? and expires_at > ?`), hashToken(c.Value), now.Unix()).
		Scan(&s.UserID, &s.OrgID, &s.ConnectionID, &s.Issuer, &s.Subject, &s.SID, &s.Method, &idToken)
	if idToken != "" {
		s.IDToken = tenant.NewSecret(idToken)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return s, u, false, nil
	}
	if err != nil {
		return s, u, false, err
	}
	u, err = d.User(r.Context(), nil, s.OrgID, s.UserID)
	if errors.Is(err, ErrNoUser) || err == nil && !u.Active {
		return s, u, false, nil
	}
	return s, u, err == nil, err
}
