package host_test

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
)

// TestRevokeSessions: a provider's logout ends exactly the sessions that oidc.Revocation names.
func TestRevokeSessions(t *testing.T) {
	const issuer = "https://idp.example"
	sessions := map[string]host.Session{
		"ada at work":        {UserID: "ada", OrgID: "acme", ConnectionID: "c1", Issuer: issuer, Subject: "1", SID: "work", Method: "oidc"},
		"ada at home":        {UserID: "ada", OrgID: "acme", ConnectionID: "c1", Issuer: issuer, Subject: "1", SID: "home", Method: "oidc"},
		"ada, no sid":        {UserID: "ada", OrgID: "acme", ConnectionID: "c1", Issuer: issuer, Subject: "1", Method: "oidc"},
		"ada, password":      {UserID: "ada", OrgID: "acme", Method: "password"},
		"bob, no sid":        {UserID: "bob", OrgID: "acme", ConnectionID: "c1", Issuer: issuer, Subject: "2", Method: "oidc"},
		"bob":                {UserID: "bob", OrgID: "acme", ConnectionID: "c1", Issuer: issuer, Subject: "2", SID: "bob", Method: "oidc"},
		"another issuer":     {UserID: "eve", OrgID: "acme", ConnectionID: "c1", Issuer: issuer + "/", Subject: "1", SID: "work", Method: "oidc"},
		"another connection": {UserID: "eve", OrgID: "acme", ConnectionID: "c2", Issuer: issuer, Subject: "1", SID: "work", Method: "oidc"},
		"another company":    {UserID: "ann", OrgID: "globex", ConnectionID: "c1", Issuer: issuer, Subject: "1", SID: "work", Method: "oidc"},
	}
	for name, tt := range map[string]struct {
		r    oidc.Revocation
		ends []string
	}{
		"somebody":     {oidc.Revocation{Subject: "1"}, []string{"ada at work", "ada at home", "ada, no sid"}},
		"one session":  {oidc.Revocation{SessionID: "work"}, []string{"ada at work"}},
		"both":         {oidc.Revocation{Subject: "1", SessionID: "work"}, []string{"ada at work", "ada, no sid"}},
		"neither fits": {oidc.Revocation{Subject: "3", SessionID: "work"}, nil},
		"an account":   {oidc.Revocation{AccountID: "ada"}, []string{"ada at work", "ada at home", "ada, no sid", "ada, password"}},
		"a connection": {oidc.Revocation{}, []string{"ada at work", "ada at home", "ada, no sid", "bob, no sid", "bob", "another issuer"}},
		"long ago":     {oidc.Revocation{AccountID: "ada", BeganBefore: time.Now().Add(-time.Hour)}, nil},
		"until now":    {oidc.Revocation{AccountID: "bob", BeganBefore: time.Now().Add(time.Minute)}, []string{"bob, no sid", "bob"}},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := sql.Open("sqlite", "file:"+t.TempDir()+"/host.db")
			require.NoError(t, err)
			defer file.Close()
			db, err := host.OpenDB(t.Context(), file, host.Dialect{})
			require.NoError(t, err)
			now, cookies := time.Now(), map[string]*http.Cookie{}
			for _, id := range []string{"ada", "bob", "eve"} {
				require.NoError(t, db.AddUser(t.Context(), nil, host.User{ID: id, OrgID: "acme", Email: id + "@acme.example", Source: store.SourceManual, Active: true}, ""))
			}
			require.NoError(t, db.AddUser(t.Context(), nil, host.User{ID: "ann", OrgID: "globex", Email: "ann@globex.example", Source: store.SourceManual, Active: true}, ""))
			for who, s := range sessions {
				w := httptest.NewRecorder()
				require.NoError(t, db.StartSession(t.Context(), nil, w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), s, now))
				cookies[who] = w.Result().Cookies()[0]
			}
			tt.r.TenantID, tt.r.ConnectionID, tt.r.Issuer = "acme", "c1", issuer
			require.NoError(t, db.RevokeSessions(t.Context(), nil, tt.r))
			for who, cookie := range cookies {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
				r.AddCookie(cookie)
				got, _, ok, err := db.Session(r, now)
				require.NoError(t, err)
				if !ok {
					require.Contains(t, tt.ends, who)
					continue
				}
				require.NotContains(t, tt.ends, who)
				require.Equal(t, sessions[who], got)
			}
		})
	}
}
