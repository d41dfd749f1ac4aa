package pages

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/oidc"
)

// loginBody is the sign-in page's.
type loginBody struct {
	Email string `json:"email"`
	// ReturnTo is the page that asked for a sign-in, empty for the first page of whoever signs in.
	ReturnTo string `json:"return_to,omitempty"`
}

// returnTo is the page that asked for a sign-in: one of this product, whatever the address says.
func returnTo(r *http.Request) string {
	to, err := url.Parse(r.FormValue("return_to"))
	if err != nil || to.Scheme != "" || to.Host != "" || to.User != nil || !strings.HasPrefix(to.Path, "/") || strings.HasPrefix(to.Path, "//") || strings.Contains(to.Path, `\`) {
		return ""
	}
	return to.RequestURI()
}

// login shows the sign-in page, or passes a sign-in on to tenantgate: for an e-mail
// address, or for a provider that starts one (iss).
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("email") != "" || q.Has("iss") {
		http.Redirect(w, r, s.Login.InitiateLoginURI()+"?"+q.Encode(), http.StatusSeeOther)
		return
	}
	s.render(w, r, http.StatusOK, "login", visitor{}, page{Title: "Sign in", Body: loginBody{ReturnTo: returnTo(r)}})
}

// wrongPassword is the one answer to everybody who may not sign in with a password,
// for whatever reason.
const wrongPassword = "That did not work. Check the address and the password, or continue with OpenID Connect." //nolint:gosec // no credential, a text about one

// passwordLogin is the product's own way in. The password is checked first and the
// policy after, so that nobody learns from the answer which accounts there are.
func (s *Server) passwordLogin(w http.ResponseWriter, r *http.Request) {
	email, password := r.FormValue("email"), r.FormValue("password")
	users, err := s.DB.UsersByEmail(r.Context(), email)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if len(users) == 0 {
		host.User{}.CheckPassword(password)
	}
	for _, u := range users {
		if !u.CheckPassword(password) || !u.Active {
			continue
		}
		method, err := s.passwordMethod(r.Context(), u)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		if method == "" {
			continue
		}
		if err := s.DB.StartSession(r.Context(), nil, w, r, host.Session{UserID: u.ID, OrgID: u.OrgID, Method: method}, s.Now()); err != nil {
			s.fail(w, r, err)
			return
		}
		to := "/"
		if u.OrgRole == host.RoleOwner {
			to = s.Portal.URL(u.OrgID)
		}
		if u.OrgID == host.StaffOrg {
			to = "/staff"
		}
		if page := returnTo(r); page != "" {
			to = page
		}
		s.done(w, r, to, map[string]any{"user_id": u.ID, "method": method})
		return
	}
	if wantsJSON(r) {
		s.problem(w, r, http.StatusUnauthorized, "sign_in_failed", wrongPassword, nil)
		return
	}
	s.render(w, r, http.StatusUnprocessableEntity, "login", visitor{}, page{Title: "Sign in", Problem: wrongPassword, Body: loginBody{Email: email, ReturnTo: returnTo(r)}})
}

// passwordMethod says how a password signs this user in; empty if it may not.
func (s *Server) passwordMethod(ctx context.Context, u host.User) (string, error) {
	methods, err := s.Login.SignInMethods(ctx, u.Email)
	switch {
	case err != nil || !methods.Password:
		return "", err
	case methods.BreakGlass:
		return "break_glass", nil
	}
	return "password", nil
}

// logout ends the session here, and then the one at the provider that it came from.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	session, _, _, err := s.DB.Session(r, s.Now())
	if err == nil {
		err = s.DB.EndSession(r.Context(), w, r)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if session.ConnectionID != "" && !wantsJSON(r) {
		s.Login.StartLogout(w, r, oidc.LogoutRequest{TenantID: session.OrgID, ConnectionID: session.ConnectionID, IDToken: session.IDToken, ReturnTo: "/"})
		return
	}
	s.done(w, r, "/", map[string]any{"signed_out": true})
}

// me tells who is signed in.
func (s *Server) me(w http.ResponseWriter, r *http.Request) {
	session, u, ok, err := s.DB.Session(r, s.Now())
	switch {
	case err != nil:
		s.fail(w, r, err)
	case !ok:
		s.writeJSON(w, http.StatusUnauthorized, "application/problem+json", map[string]any{
			"title": "Unauthorized", "status": http.StatusUnauthorized, "code": "unauthenticated",
		})
	default:
		s.writeJSON(w, http.StatusOK, "application/json", map[string]any{
			"email": u.Email, "subject": session.Subject, "issuer": session.Issuer, "tenant": u.OrgID, "user_id": u.ID, "method": session.Method,
		})
	}
}
