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
)

// Session is somebody who is signed in.
type Session struct {
	UserID  string
	OrgID   string
	Issuer  string
	Subject string
	// SID is the provider's name of the session, empty if it has none.
	SID string
	// Method is "oidc", "password" or "break_glass".
	Method string
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
	err := d.exec(ctx, tx, `insert into oncall_sessions (token_hash, user_id, org_id, issuer, subject, sid, method, expires_at)
		values (?, ?, ?, ?, ?, ?, ?, ?)`, hashToken(token), s.UserID, s.OrgID, s.Issuer, s.Subject, s.SID, s.Method, now.Add(sessionTTL).Unix())
	if err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int(sessionTTL.Seconds()),
	})
	return nil
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
	return d.exec(ctx, tx, `delete from oncall_sessions where token_hash = ?`, hashToken(c.Value))
}

// EndSessionsOf signs a user out everywhere.
func (d *DB) EndSessionsOf(ctx context.Context, tx store.Store, orgID, userID string) error {
	return d.exec(ctx, tx, `delete from oncall_sessions where org_id = ? and user_id = ?`, orgID, userID)
}

var _ oidc.SessionRevoker = (*DB)(nil)

// RevokeSessions implements oidc.SessionRevoker: the provider says that a session is
// over, or all of somebody's.
func (d *DB) RevokeSessions(ctx context.Context, tx store.Store, r oidc.Revocation) error {
	query, args := `delete from oncall_sessions where org_id = ? and issuer = ?`, []any{r.TenantID, r.Issuer}
	if r.Subject != "" {
		query, args = query+` and subject = ?`, append(args, r.Subject)
	}
	switch {
	case r.SessionID != "" && r.Subject != "":
		query, args = query+` and sid in (?, '')`, append(args, r.SessionID)
	case r.SessionID != "":
		query, args = query+` and sid = ?`, append(args, r.SessionID)
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
	err = d.db.QueryRowContext(r.Context(), d.sql(`select user_id, org_id, issuer, subject, sid, method from oncall_sessions
		where token_hash = ? and expires_at > ?`), hashToken(c.Value), now.Unix()).
		Scan(&s.UserID, &s.OrgID, &s.Issuer, &s.Subject, &s.SID, &s.Method)
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
