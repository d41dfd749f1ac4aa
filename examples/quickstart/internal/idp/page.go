package idp

import (
	"bytes"
	"embed"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

//go:embed page
var files embed.FS

//go:embed page/style.css
var style []byte

var templates = template.Must(template.ParseFS(files, "page/*.html"))

// page is what every page has.
type page struct {
	Title, Base, Problem string
}

type overviewPage struct {
	page
	Directories []overviewRow
}

type overviewRow struct {
	Slug, Name, Dialect, Issuer string
	Users, Groups               int
}

type directoryPage struct {
	page
	Slug, Name, Dialect, Issuer, Start string
	Users                              []User
	Groups                             []groupView
	Client                             Client
	SCIMBaseURL                        string
	Report                             Report
	MaxExchanges                       int
}

type groupView struct {
	Name    string
	Members []User
	Others  []User // who can be added
}

type loginPage struct {
	oidctest.LoginForm
	Base, Name string
	Accounts   []User
}

// loginHints is how many demonstration accounts a login page shows.
const loginHints = 8

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write(style)
}

func (p *Provider) serveOverview(w http.ResponseWriter, _ *http.Request) {
	data := overviewPage{page: page{Title: "Identity provider", Base: p.path}}
	for _, d := range p.directories {
		data.Directories = append(data.Directories, overviewRow{
			Slug: d.slug, Name: d.name, Dialect: d.dialect.Title(), Issuer: d.Issuer(), Users: len(d.Users()), Groups: len(d.Groups()),
		})
	}
	show(w, http.StatusOK, "overview.html", data)
}

func (p *Provider) showDirectory(w http.ResponseWriter, status int, d *Directory, problem string) {
	data := directoryPage{
		page: page{Title: d.name, Base: p.path, Problem: problem},
		Slug: d.slug, Name: d.name, Dialect: d.dialect.Title(), Issuer: d.Issuer(),
		Users: d.Users(), Client: d.Client(), SCIMBaseURL: d.SCIMBaseURL(), Report: d.LastReport(), MaxExchanges: MaxExchanges,
	}
	data.Start = startAddress(data.Client.InitiateLoginURI, data.Issuer)
	for _, g := range d.Groups() {
		view := groupView{Name: g.Name}
		for _, u := range data.Users {
			if slices.Contains(g.Members, u.Email) {
				view.Members = append(view.Members, u)
			} else {
				view.Others = append(view.Others, u)
			}
		}
		data.Groups = append(data.Groups, view)
	}
	show(w, status, "directory.html", data)
}

// startAddress is where the application begins a sign-in that starts here (OpenID Connect Core section 4).
func startAddress(uri, issuer string) string {
	u, err := url.Parse(uri)
	if err != nil || uri == "" {
		return ""
	}
	q := u.Query()
	q.Set("iss", issuer)
	u.RawQuery = q.Encode()
	return u.String()
}

func (p *Provider) showProblem(w http.ResponseWriter, status int, problem string) {
	show(w, status, "problem.html", page{Title: http.StatusText(status), Base: p.path, Problem: problem})
}

// show renders first, so that a fault can't send half a page.
func show(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "The page can't be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// renderLogin is the login page of the directory's protocol part.
func (d *Directory) renderLogin(w io.Writer, f oidctest.LoginForm) error {
	users := d.Users()
	return templates.ExecuteTemplate(w, "login.html", loginPage{
		LoginForm: f, Base: d.base, Name: d.name, Accounts: users[:min(len(users), loginHints)],
	})
}
