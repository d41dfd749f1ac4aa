package provisioning

import (
	"cmp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/tenant"
)

// maxLockGroups bounds the groups that an explanation names.
const maxLockGroups = 5

// Explain is the lock as text, for a tooltip or a page: why it is locked and by whom, since
// when, what to do instead, and how the sync does; or why it is not although a directory manages it. It is
// empty if no directory does. lang is a language tag or an Accept-Language header ("de-AT, en");
// English is what is used where there is no text in any of its languages, and with the empty one.
// The text is plain: escape it in HTML. Names from outside are cleaned of what cannot be seen.
func (l Lock) Explain(lang string) string {
	w := wordsFor(l.texts, lang)
	parts := []string{l.reason(w)}
	if l.Locked {
		if !l.Since.IsZero() {
			parts = append(parts, w.text("since", "since", w.date(l.Since)))
		}
		parts = append(parts, l.howToChange(w))
		for _, n := range l.Notes {
			parts = append(parts, l.note(w, n))
		}
		if !l.LastSync.IsZero() {
			parts = append(parts, w.text("last_sync", "last", w.time(l.LastSync)))
		}
	}
	if l.Source == "" { // its place may be at the beginning
		for i, p := range parts {
			parts[i] = capital(p)
		}
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// reason says why it is locked, or why it is not.
func (l Lock) reason(w words) string {
	switch {
	case l.Lifted == LiftedOverride && l.Override != nil:
		key := "lifted.override"
		if l.Variant == LockedOrgRole {
			key = "lifted.override.org_role"
		}
		by := cmp.Or(label(l.Override.By.Name), w.text("somebody"))
		return w.text(key, "source", l.source(w), "by", by, "until", w.time(l.Override.Until), "reason", line(l.Override.Reason))
	case l.Lifted != "":
		return w.text("lifted."+string(l.Lifted), "source", l.source(w))
	case l.Variant != "":
		return w.text("reason."+string(l.Variant), "source", l.source(w), "groups", l.groups(w))
	}
	return l.Reason // empty, or of a lock that was not made here
}

// howToChange says what to do instead.
func (l Lock) howToChange(w words) string {
	key := "change"
	switch {
	case !l.Locked:
		return ""
	case l.Variant == "":
		return l.HowToChange
	case l.Variant.byGroup() && len(l.Groups) == 0 && len(l.Values) > 0:
		key = "change.value"
	case l.Variant.byGroup():
		key = "change.group"
	case l.Op == OpDelete:
		key = "change.delete"
	case l.Variant == LockedField:
		key = "change.field"
		if l.Field != "" && l.Field != tenant.FieldPhone {
			key = "change.own_field"
		}
	}
	return w.text(key, "source", l.source(w))
}

func (l Lock) note(w words, n LockNote) string {
	if n == NoteSyncStale && l.LastSync.IsZero() {
		return w.text("note.never_synced", "source", l.source(w))
	}
	silent := ""
	if n == NoteSyncStale {
		silent = w.span(l.At.Sub(l.LastSync))
	}
	return w.text("note."+string(n), "source", l.source(w), "for", silent, "last", w.date(l.LastSync))
}

func (l Lock) source(w words) string { return cmp.Or(label(l.Source), w.text("provider")) }

// groups names those that gave it.
func (l Lock) groups(w words) string {
	kind, list := "groups", l.Groups
	if len(list) == 0 {
		kind, list = "values", l.Values
	}
	if len(list) == 0 {
		return w.text("groups.deleted")
	}
	names := make([]string, 0, maxLockGroups)
	for _, g := range list[:min(len(list), maxLockGroups)] {
		names = append(names, w.text("quote", "name", label(g)))
	}
	all := strings.Join(names, ", ")
	switch more := len(list) - len(names); {
	case more > 0:
		return w.text(kind+".more", "names", all, "n", strconv.Itoa(more))
	case len(names) > 1:
		return w.text(kind+".several", "names", all)
	}
	return w.text(kind+".one", "names", all)
}

// line is what somebody wrote, in one line.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

// words are the texts in one language.
type words struct {
	texts LockTexts // the host's, or nil
	lang  string
}

func (w words) date(t time.Time) string { return t.UTC().Format(w.text("layout.date")) }
func (w words) time(t time.Time) string { return t.UTC().Format(w.text("layout.time")) }

// span is a time in days or weeks.
func (w words) span(d time.Duration) string {
	n, unit := int(d/(24*time.Hour)), "days"
	if n >= 14 {
		n, unit = n/7, "weeks"
	}
	if n == 1 {
		return w.text(unit + ".one")
	}
	return w.text(unit+".other", "n", strconv.Itoa(n))
}

// text fills the places of a text, each once: what a name has that looks like a place stays.
func (w words) text(key string, places ...string) string {
	rest := w.lookUp(key)
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(rest, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, tail, ok := strings.Cut(after, "}")
		i := 0
		for i+1 < len(places) && places[i] != name {
			i += 2
		}
		if !ok || i+1 >= len(places) {
			b.WriteByte('{') // of a text that is not ours
			rest = after
			continue
		}
		b.WriteString(places[i+1])
		rest = tail
	}
}
