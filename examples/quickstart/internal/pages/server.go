package pages

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
	"github.com/tenantgate/tenantgate/tenant/portal"
)

// Config is what the pages work with; all of it is required.
type Config struct {
	DB      *host.DB
	Store   store.Store
	Tenants *tenant.Service
	Login   *oidc.Handler
	// Portal is where owners set single sign-on up, and the staff reviews.
	Portal *portal.Handler
	Locks  *provisioning.Locks
	// IDPURL is the built-in identity provider; Directory returns the page of an
	// organisation's directory there, empty if it has none.
	IDPURL    string
	Directory func(orgID string) string
	// Publish puts a TXT record into the quick start's own DNS.
	Publish func(name, value string) error
	Now     func() time.Time
	Logger  *slog.Logger
}

// Server serves the pages.
type Server struct {
	Config
	mux *http.ServeMux
}

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed style.css
var styleSheet []byte

var templates = template.Must(template.New("").Funcs(template.FuncMap{"date": date}).ParseFS(templateFiles, "templates/*.html"))

func date(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2 Jan 2006 15:04 UTC")
}

// New returns the pages. They know no prefix: mount them at the root.
func New(cfg Config) *Server {
	s := &Server{Config: cfg, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(styleSheet)
	})
	s.mux.HandleFunc("GET /{$}", s.home)
	s.mux.HandleFunc("GET /login", s.login)
	s.mux.HandleFunc("POST /login/password", s.passwordLogin)
	s.mux.HandleFunc("POST /logout", s.logout)
	s.mux.HandleFunc("GET /me", s.me)
	s.mux.HandleFunc("GET /state", s.state)
	s.mux.HandleFunc("GET /dns", s.dns)
	s.mux.HandleFunc("POST /dns", s.publish)

	s.owner("GET /org/{org}/users", s.users)
	s.owner("GET /org/{org}/users/{user}", s.user)
	s.owner("POST /org/{org}/users/{user}", s.saveUser)
	s.owner("GET /org/{org}/teams", s.teams)

	s.staff("GET /staff", s.backOffice)
	s.staff("POST /staff/{org}/export", s.exportTenant)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.notFound(w, r) })
	return s
}

// ServeHTTP implements http.Handler. Forms from other sites are refused.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	// No form-action: browsers hold it against the redirects after a form too, and sign-in
	// leads to whatever provider the customer has.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	http.NewCrossOriginProtection().Handler(s.mux).ServeHTTP(w, r)
}

// visitor is who is signed in, and where.
type visitor struct {
	user  host.User
	org   host.Org // of the page
	actor tenant.Actor
}

// page is what a template gets.
type page struct {
	Title   string
	Tab     string
	Org     *host.Org
	Who     string
	Staff   bool
	Notice  string
	Problem string
	// NavOrg is the organisation whose pages the header links to: the visitor's own, if
	// its owner.
	NavOrg string
	// Portal is where that owner sets single sign-on up.
	Portal string
	// Directory is the page of Org's directory at the built-in provider, empty if none.
	Directory string
	// Body is the page's own; it is also what a client gets that asks for JSON.
	Body any
}

// owner guards a page of an organisation's owner. Whoever does not belong to the
// organisation learns nothing, not even whether it exists.
func (s *Server) owner(pattern string, h func(http.ResponseWriter, *http.Request, visitor)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		_, u, ok, err := s.DB.Session(r, s.Now())
		switch {
		case err != nil:
			s.fail(w, r, err)
			return
		case !ok:
			s.signInFirst(w, r)
			return
		}
		org, err := s.DB.Org(r.Context(), r.PathValue("org"))
		if err != nil || u.OrgID != org.ID {
			s.notFound(w, r)
			return
		}
		if u.OrgRole != host.RoleOwner {
			s.problem(w, r, http.StatusForbidden, "forbidden", "Only an owner of the organisation can open this page. Sign in as the owner, or ask the owner.", nil)
			return
		}
		h(w, r, visitor{user: u, org: org, actor: host.Actor(u)})
	})
}

// staff guards a page of the product's own staff.
func (s *Server) staff(pattern string, h func(http.ResponseWriter, *http.Request, visitor)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		_, u, ok, err := s.DB.Session(r, s.Now())
		switch {
		case err != nil:
			s.fail(w, r, err)
		case !ok:
			s.signInFirst(w, r)
		case u.OrgID != host.StaffOrg:
			s.notFound(w, r)
		default:
			h(w, r, visitor{user: u, actor: host.Actor(u)})
		}
	})
}

func (s *Server) signInFirst(w http.ResponseWriter, r *http.Request) {
	if wantsJSON(r) {
		s.problem(w, r, http.StatusUnauthorized, "unauthenticated", "Sign in first.", nil)
		return
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.problem(w, r, http.StatusNotFound, "not_found", "There is no such page, or it is not yours to see. Sign in as somebody else if it should be.", nil)
}

// render shows a page, or its Body to a client that wants JSON.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, v visitor, p page) {
	if wantsJSON(r) {
		s.writeJSON(w, status, "application/json", p.Body)
		return
	}
	if v.user.ID != "" {
		p.Who, p.Staff = v.user.Email, v.user.OrgID == host.StaffOrg
	}
	if v.user.OrgRole == host.RoleOwner && !p.Staff {
		p.NavOrg, p.Portal = v.user.OrgID, s.Portal.URL(v.user.OrgID)
	}
	if v.org.ID != "" {
		p.Org, p.Directory = &v.org, s.Directory(v.org.ID)
	}
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, p); err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// done goes on to a page after a form was taken, or says so to a client that wants JSON.
func (s *Server) done(w http.ResponseWriter, r *http.Request, to string, body any) {
	if wantsJSON(r) {
		s.writeJSON(w, http.StatusOK, "application/json", body)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func wantsJSON(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept"), "application/json") || strings.HasPrefix(r.Header.Get("Accept"), "application/problem+json")
}

func (s *Server) writeJSON(w http.ResponseWriter, status int, contentType string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		s.Logger.Error("answer", "error", err)
		status, b = http.StatusInternalServerError, []byte(`{"status":500}`)
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// problem is a refusal: RFC 9457 for programs, a page for people.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, status int, code, message string, findings []tenant.Finding) {
	if wantsJSON(r) {
		s.writeJSON(w, status, "application/problem+json", map[string]any{
			"title": http.StatusText(status), "status": status, "code": code, "detail": message, "findings": findings,
		})
		return
	}
	_, u, _, _ := s.DB.Session(r, s.Now())
	s.render(w, r, status, "error", visitor{user: u}, page{Title: http.StatusText(status), Body: struct{ Message string }{message}})
}

// fail answers for an error: with its reason if it is a refusal, without if it is a
// failure of ours.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var (
		invalid *tenant.ValidationError
		refusal *tenant.Error
	)
	switch {
	case errors.As(err, &invalid):
		s.problem(w, r, http.StatusUnprocessableEntity, tenant.CodeOf(err), invalid.Refusals()[0].Message, invalid.Findings)
	case errors.Is(err, tenant.ErrUnavailable), errors.Is(err, store.ErrUnavailable):
		s.Logger.Warn("unavailable", "path", r.URL.Path, "error", err)
		w.Header().Set("Retry-After", "30")
		s.problem(w, r, http.StatusServiceUnavailable, tenant.CodeOf(err), "This can't be done just now. Nothing was changed. Try again in a minute.", nil)
	case errors.As(err, &refusal):
		s.problem(w, r, statusOf(err), refusal.Code, refusal.Message, nil)
	case errors.Is(err, tenant.ErrForbidden), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrStale):
		s.problem(w, r, statusOf(err), tenant.CodeOf(err), http.StatusText(statusOf(err))+".", nil)
	default:
		s.Logger.Error("request failed", "path", r.URL.Path, "error", err)
		s.problem(w, r, http.StatusInternalServerError, "internal", "Something went wrong on our side. Try again.", nil)
	}
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, tenant.ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, store.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrStale):
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}
