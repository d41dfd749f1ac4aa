package idp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// pushTime bounds a push that a page waits for.
const pushTime = 2 * time.Minute

// routes mounts pages, forms and the protocol parts of all directories.
func (p *Provider) routes() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", p.serveOverview)
	pages.HandleFunc("GET /style.css", serveStyle)
	pages.HandleFunc("GET /{slug}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, p.path+"/"+r.PathValue("slug")+"/", http.StatusMovedPermanently)
	})
	pages.HandleFunc("GET /{slug}/{$}", p.withDirectory(func(w http.ResponseWriter, _ *http.Request, d *Directory) {
		p.showDirectory(w, http.StatusOK, d, "")
	}))
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.showProblem(w, http.StatusForbidden, "This form was sent from another site. Open the page here and send it again.")
	}))
	for path, f := range forms {
		pages.Handle("POST /{slug}/"+path, guard.Handler(p.withDirectory(func(w http.ResponseWriter, r *http.Request, d *Directory) {
			p.serveForm(w, r, d, f)
		})))
	}
	// The protocol part strips the issuer's path by itself. Its login form is guarded too; the other endpoints are for
	// other sites and prove themselves by code, secret and PKCE.
	protocol := p.withDirectory(func(w http.ResponseWriter, r *http.Request, d *Directory) {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawPath = p.path+r.URL.Path, ""
		w.Header().Del("Content-Security-Policy") // its form_post page sends itself by script; the login page has a policy of its own
		d.provider.ServeHTTP(w, r)
	})
	pages.Handle("/{slug}/{endpoint...}", protocol)
	pages.Handle("POST /{slug}/login", guard.Handler(protocol))
	return http.StripPrefix(p.path, withHeaders(pages))
}

// withHeaders sets what holds for all pages.
func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // with no-referrer a browser hides the origin of our own forms as well
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (p *Provider) withDirectory(next func(http.ResponseWriter, *http.Request, *Directory)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d, ok := p.Directory(r.PathValue("slug"))
		if !ok {
			p.showProblem(w, http.StatusNotFound, "There is no such organisation here.")
			return
		}
		next(w, r, d)
	}
}

// form is what a POST does, and the part of the page that it leads back to.
type form struct {
	do     func(context.Context, *Directory, url.Values) error
	anchor string
}

var forms = map[string]form{
	"users":         {addUser, "users"},
	"users/active":  {setActive, "users"},
	"users/remove":  {removeUser, "users"},
	"groups":        {addGroup, "groups"},
	"groups/remove": {removeGroup, "groups"},
	"members":       {addMember, "groups"},
	"members/remove": {
		func(_ context.Context, d *Directory, v url.Values) error {
			return d.RemoveMember(v.Get("group"), v.Get("email"))
		}, "groups",
	},
	"scim":   {setSCIM, "scim"},
	"push":   {pushNow, "log"},
	"client": {setRedirectURIs, "client"},
}

func addUser(_ context.Context, d *Directory, v url.Values) error {
	return d.AddUser(User{
		Email: v.Get("email"), Password: v.Get("password"), Phone: strings.TrimSpace(v.Get("phone")),
		GivenName: strings.TrimSpace(v.Get("given_name")), FamilyName: strings.TrimSpace(v.Get("family_name")),
	})
}

func setActive(_ context.Context, d *Directory, v url.Values) error {
	return d.SetActive(v.Get("email"), v.Get("active") == "true")
}

func removeUser(_ context.Context, d *Directory, v url.Values) error {
	return d.RemoveUser(v.Get("email"))
}

func addGroup(_ context.Context, d *Directory, v url.Values) error {
	return d.AddGroup(Group{Name: v.Get("name")})
}

func removeGroup(_ context.Context, d *Directory, v url.Values) error {
	return d.RemoveGroup(v.Get("name"))
}

func addMember(_ context.Context, d *Directory, v url.Values) error {
	return d.AddMember(v.Get("group"), v.Get("email"))
}

// setSCIM keeps the token when the field is empty, but only for the base URL that it was entered for: else whoever can
// send the form would have it sent to a server of their own.
func setSCIM(_ context.Context, d *Directory, v url.Values) error {
	base, token := strings.TrimRight(strings.TrimSpace(v.Get("base_url")), "/"), v.Get("token")
	if token == "" {
		d.mu.Lock()
		if base != "" && base == d.scim.base {
			token = d.scim.token
		}
		d.mu.Unlock()
	}
	return d.SetSCIM(base, token)
}

// pushNow leaves what went wrong on the way to the log, where it is shown.
func pushNow(ctx context.Context, d *Directory, _ url.Values) error {
	ctx, cancel := context.WithTimeout(ctx, pushTime)
	defer cancel()
	_, err := d.Push(ctx)
	if errors.Is(err, ErrNotConfigured) {
		return err
	}
	return nil
}

func setRedirectURIs(_ context.Context, d *Directory, v url.Values) error {
	return d.SetRedirectURIs(strings.Fields(v.Get("redirect_uris"))...)
}

// serveForm does what a form asks for and shows the page again: by redirect, or with the reason why not.
func (p *Provider) serveForm(w http.ResponseWriter, r *http.Request, d *Directory, f form) {
	if err := r.ParseForm(); err != nil {
		p.showProblem(w, http.StatusBadRequest, "The form can't be read.")
		return
	}
	err := f.do(r.Context(), d, r.PostForm)
	if err != nil {
		status := http.StatusUnprocessableEntity
		switch {
		case errors.Is(err, ErrNotFound):
			status = http.StatusNotFound
		case errors.Is(err, ErrConflict):
			status = http.StatusConflict
		}
		p.showDirectory(w, status, d, strings.TrimPrefix(err.Error(), "idp: "))
		return
	}
	http.Redirect(w, r, p.path+"/"+d.slug+"/#"+f.anchor, http.StatusSeeOther)
}
