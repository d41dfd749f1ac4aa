package provisioning

import (
	"bytes"
	_ "embed" // for the style sheet
	"html/template"
	"strings"
)

// lockCSS is what [Locks.Handler] serves as lock.css.
//
//go:embed lock.css
var lockCSS []byte

// LockIcon is the icon of a lock with its explanation, for pages in HTML (R106, R107): a button
// that a keyboard and a finger reach, described by the explanation, which opens without a
// script when it is pressed, and is the title for whoever points at it. It is empty if no directory has to do with it, and another icon if the lock is lifted. id
// makes the element's own ID, "lock-" and id, and must be the page's only one; lang is as for [Lock.Explain]. There is no
// style and no script in it, so that a strict Content-Security-Policy holds; the classes are "lock",
// "lock-lifted" and "lock-text", see lock.css of [Locks.Handler].
func LockIcon(l Lock, id, lang string) template.HTML {
	text := l.Explain(lang)
	if text == "" {
		return ""
	}
	w := wordsFor(l.texts, lang)
	v := struct{ ID, Lang, Label, Text, Class string }{
		"lock-" + strings.Join(strings.Fields(id), "-"), w.lang, w.text("icon"), text, "lock",
	}
	if !l.Locked {
		v.Class, v.Label = "lock lock-lifted", w.text("icon.lifted")
	}
	var b bytes.Buffer
	if err := lockIcon.Execute(&b, v); err != nil { // the buffer takes everything
		return ""
	}
	return template.HTML(b.String()) //nolint:gosec // html/template made it
}

// The path is a padlock; a lifted one is open.
var lockIcon = template.Must(template.New("lock").Parse(`<button type="button" class="{{.Class}}" lang="{{.Lang}}" aria-label="{{.Label}}" aria-describedby="{{.ID}}" title="{{.Text}}" popovertarget="{{.ID}}">` +
	`<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false"><path fill="currentColor" d="` +
	`{{if eq .Class "lock"}}M4 7V5a4 4 0 0 1 8 0v2h1v7H3V7zm2 0h4V5a2 2 0 0 0-4 0z{{else}}M4 7V5a4 4 0 0 1 8 0H10a2 2 0 0 0-4 0v2h7v7H3V7z{{end}}"/></svg></button>` +
	`<span class="lock-text" id="{{.ID}}" lang="{{.Lang}}" role="tooltip" popover>{{.Text}}</span>`))

// LockFuncs are functions for html/template:
//
//	{{lockIcon .Lock "email-42"}}       the icon, see [LockIcon]
//	{{lockIcon .Lock "email-42" "de"}}  in another language than that of LockFuncs
//	{{lockText .Lock}}                  the explanation alone, for aria-describedby of a field
func LockFuncs(lang string) template.FuncMap {
	choose := func(langs []string) string {
		if len(langs) > 0 {
			return langs[0]
		}
		return lang
	}
	return template.FuncMap{
		"lockIcon": func(l Lock, id string, langs ...string) template.HTML { return LockIcon(l, id, choose(langs)) },
		"lockText": func(l Lock, langs ...string) string { return l.Explain(choose(langs)) },
	}
}
