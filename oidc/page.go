package oidc

import (
	"bytes"
	"html/template"
	"net/http"
)

// page is what the handler's own pages show. Nothing of it comes from a provider.
type page struct {
	Title, Message, Help string
	Admin                string // what the provider's guide says about its error
	Code, CorrelationID  string
	StartAgain           string
	// Regions are all regions, where people may be in the wrong one.
	Regions []RegionLogin
	// The login form.
	Form     bool
	Action   string
	ReturnTo string
	// The chooser.
	Choices []choice
	Hidden  []field
}

func (h *Handler) showLoginForm(w http.ResponseWriter, returnTo string) {
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Content-Type-Options", "nosniff")
	if !safeReturnTo(returnTo) {
		returnTo = ""
	}
	h.writePage(w, http.StatusOK, page{
		Title: "Continue with OpenID Connect", Message: "Enter your work e-mail address. You sign in at your organisation.",
		Form: true, Action: h.prefix + "/login", ReturnTo: returnTo, Regions: h.LoginRegions(),
	})
}

func (h *Handler) writePage(w http.ResponseWriter, status int, p page) {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, p); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Security-Policy", contentSecurityPolicy)
	head.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	w.Write(body.Bytes())
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>` + pageStyle + `</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Message}}</p>
{{- if .Help}}
<p>{{.Help}}</p>
{{- end}}
{{- if .Admin}}
<p>For your administrator: {{.Admin}}</p>
{{- end}}
{{- if .Form}}
<form method="get" action="{{.Action}}">
<label for="email">Work e-mail address</label>
<input id="email" name="email" type="email" autocomplete="email" required>
{{- if .ReturnTo}}
<input type="hidden" name="return_to" value="{{.ReturnTo}}">
{{- end}}
<button>Continue</button>
</form>
{{- end}}
{{- if .Choices}}
<form method="get" action="{{.Action}}">
{{- range .Hidden}}
<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{- end}}
{{- range .Choices}}
<button name="connection" value="{{.ID}}">{{.Name}}</button>
{{- end}}
</form>
{{- end}}
{{- if .Regions}}
<p>Region:{{range .Regions}} {{if .Current}}<b>{{.Label}}</b>{{else}}<a href="{{.URL}}">{{.Label}}</a>{{end}}{{end}}</p>
{{- end}}
{{- if .StartAgain}}
<p><a href="{{.StartAgain}}">Start again</a></p>
{{- end}}
{{- if .Code}}
<p class="small">Code: <code>{{.Code}}</code><br>Reference: <code>{{.CorrelationID}}</code></p>
{{- end}}
</main>
</body>
</html>
`))
