package oidctest

import (
	"html/template"
	"io"
	"net/http"
	"slices"
	"strings"
)

// LoginForm is what a login page has to show: a form that posts the fields "email", "password" and "request" to Action.
type LoginForm struct {
	Title string
	// Action is where the form is posted, Request the value of its hidden field "request".
	Action, Request string
	// Email is what was typed before, or the login_hint.
	Email string
	// Problem says why the attempt before was refused. Empty on the first page.
	Problem string
}

// RenderLogin writes a login page. It may call the provider's methods.
type RenderLogin func(w io.Writer, form LoginForm) error

// hold keeps a request while the login page is shown and returns its handle.
func (p *Provider) hold(req authRequest) string {
	handle := random()
	p.mu.Lock()
	defer p.mu.Unlock()
	makeRoom(p.pending)
	p.pending[handle] = req
	return handle
}

// serveLogin checks e-mail and password. The handle, which only the page's reader knows, protects against forged posts.
func (p *Provider) serveLogin(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the request can't be read", http.StatusBadRequest)
		return
	}
	handle := r.PostForm.Get("request")
	p.mu.Lock()
	req, ok := p.pending[handle]
	p.mu.Unlock()
	if !ok || !p.now().Before(req.expires) {
		http.Error(w, "This sign-in is over. Go back to the application and start again.", http.StatusBadRequest)
		return
	}
	email, password := strings.TrimSpace(r.PostForm.Get("email")), r.PostForm.Get("password")
	users := p.Users()
	i := slices.IndexFunc(users, func(u User) bool {
		return strings.EqualFold(u.Email, email) && !u.Disabled && (u.Password == "" || u.Password == password)
	})
	if i < 0 {
		p.showLogin(w, http.StatusUnprocessableEntity, handle, email, "E-mail address or password is wrong, or the user is switched off.")
		return
	}
	p.mu.Lock()
	delete(p.pending, handle)
	p.mu.Unlock()
	p.grantCode(w, r, req, users[i])
}

func (p *Provider) showLogin(w http.ResponseWriter, status int, handle, email, problem string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	form := LoginForm{Title: p.title, Action: p.path + "/login", Request: handle, Email: email, Problem: problem}
	p.renderLogin(w, form) //nolint:errcheck // the client went away
}

func renderLogin(w io.Writer, form LoginForm) error { return loginPage.Execute(w, form) }

var loginPage = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f3f4f6; color: #111827 }
main { max-width: 22rem; margin: 12vh auto 0; padding: 2rem; background: #fff; border: 1px solid #d1d5db; border-radius: .5rem }
h1 { font-size: 1.25rem; margin: 0 0 1rem }
label { display: block; margin-top: .75rem }
input { width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; border: 1px solid #6b7280; border-radius: .25rem }
button { font: inherit; margin-top: 1.25rem; width: 100%; padding: .6rem; border: 0; border-radius: .25rem; background: #1d4ed8; color: #fff }
.problem { color: #b91c1c }
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{if .Problem}}<p class="problem" role="alert" id="problem">{{.Problem}}</p>{{end}}
<form method="post" action="{{.Action}}">
<input type="hidden" name="request" value="{{.Request}}">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="username" required value="{{.Email}}"{{if .Problem}} aria-describedby="problem"{{end}}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password">
<button>Sign in</button>
</form>
</main>
</body>
</html>
`))
