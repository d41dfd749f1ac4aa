package provisioning

import (
	"maps"
	"slices"
	"strings"
)

// LockTexts are a host's words for explanations of locks. They add languages, or replace
// our words; what they do not have is in ours, or in English.
type LockTexts interface {
	// LockText returns the text of a key in a language, a tag in lower case such as "fr" or
	// "pt-br"; ok is false if there is none. [LockTextKeys] has the keys, and the places in
	// braces that a text may have. It must not block, and may be called at the same time.
	LockText(lang, key string) (text string, ok bool)
}

// LockTextsFunc is a function as [LockTexts].
type LockTextsFunc func(lang, key string) (text string, ok bool)

// LockText calls f.
func (f LockTextsFunc) LockText(lang, key string) (string, bool) { return f(lang, key) }

// LockTextKey is a text that explanations are made of.
type LockTextKey struct {
	Key string
	// English is the text in English, with its places in braces. What begins with "layout." is
	// a layout of package time.
	English string
}

// LockTextKeys returns all keys, in order, for who translates them.
func LockTextKeys() []LockTextKey {
	out := make([]LockTextKey, 0, len(lockTexts["en"]))
	for _, key := range slices.Sorted(maps.Keys(lockTexts["en"])) {
		out = append(out, LockTextKey{Key: key, English: lockTexts["en"][key]})
	}
	return out
}

// maxLanguages and maxLanguage bound what is looked at of a header.
const (
	maxLanguages = 10
	maxLanguage  = 35 // RFC 5646 section 4.4.1
)

// languages are the tags of a header in its order, each before the language that it is of.
func languages(lang string) []string {
	var out []string
	for part := range strings.SplitSeq(lang, ",") {
		tag, _, _ := strings.Cut(part, ";")
		tag = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(tag), "_", "-"))
		if len(out) >= maxLanguages {
			break
		}
		if tag == "" || len(tag) > maxLanguage {
			continue
		}
		out = append(out, tag)
		if base, _, ok := strings.Cut(tag, "-"); ok && !slices.Contains(out, base) {
			out = append(out, base)
		}
	}
	return out
}

// wordsFor chooses the first language in which there is something.
func wordsFor(texts LockTexts, lang string) words {
	for _, tag := range languages(lang) {
		if texts != nil {
			if _, ok := texts.LockText(tag, "reason.user"); ok {
				return words{texts, tag}
			}
		}
		if lockTexts[tag] != nil {
			return words{texts, tag}
		}
	}
	return words{texts, "en"}
}

func (w words) lookUp(key string) string {
	for _, lang := range [...]string{w.lang, "en"} {
		if w.texts != nil {
			if text, ok := w.texts.LockText(lang, key); ok {
				return text
			}
		}
		if text, ok := lockTexts[lang][key]; ok {
			return text
		}
	}
	return ""
}

// lockTexts are ours, by language.
var lockTexts = map[string]map[string]string{
	"en": {
		"layout.date": "2 January 2006",
		"layout.time": "2 January 2006, 15:04 MST",
		"quote":       "“{name}”",
		"provider":    "your identity provider",
		"somebody":    "somebody",
		"icon":        "Locked",
		"icon.lifted": "Not locked at present",

		"groups.one":     "the group {names}",
		"groups.several": "the groups {names}",
		"groups.more":    "the groups {names} and {n} more",
		"groups.deleted": "a group that was deleted",
		"values.one":     "the role or value {names}",
		"values.several": "the roles or values {names}",
		"values.more":    "the roles or values {names} and {n} more",

		"reason.user":       "This user is managed by {source}.",
		"reason.field":      "This user is managed by {source}.",
		"reason.team":       "This team belongs to {groups} of {source}.",
		"reason.members":    "The members of this team come from {groups} of {source}.",
		"reason.membership": "This membership comes from {groups} of {source}.",
		"reason.org_role":   "This role comes from {groups} of {source}.",

		"since":            "Since {since}.",
		"change":           "Change it in {source}; the next sync updates this page.",
		"change.delete":    "Remove the user in {source}; access ends with the next sync.",
		"change.field":     "Change it in {source}, or let people change their phone number in the SCIM preferences.",
		"change.own_field": "Change it in {source}, or let people change this field themselves in the SCIM preferences.",
		"change.group":     "Change the group in {source}, or what it gives in the provisioning settings.",
		"change.value":     "Change the role or value in {source}, or what it gives in the provisioning settings.",

		"note.sync_paused":  "Provisioning is paused: what groups give or take waits.",
		"note.sync_stale":   "{source} has not synced for {for}.",
		"note.never_synced": "{source} has not synced yet.",
		"last_sync":         "Last sync: {last}.",
		"days.one":          "1 day",
		"days.other":        "{n} days",
		"weeks.one":         "1 week",
		"weeks.other":       "{n} weeks",

		"lifted.directory_disabled":   "{source} managed this until synchronisation was switched off. You can change it here; when it is switched on again, {source} decides.",
		"lifted.plan_required":        "{source} does not manage this while the plan does not include synchronisation. You can change it here; with a plan that includes it, {source} decides again.",
		"lifted.connection_suspended": "{source} does not manage this while its connection is suspended. You can change it here; when the connection is active again, {source} decides.",
		"lifted.tenant_suspended":     "{source} does not manage this while single sign-on is suspended. You can change it here; when it is resumed, {source} decides again.",
		"lifted.tenant_removed":       "Single sign-on is being removed, and {source} does not manage this any more. You can change it here.",
		"lifted.user_gone":            "{source} does not have this user any more. You can change this here.",
		"lifted.override":             "{by} lifted the lock until {until}: “{reason}”. Until then it stays as it is here; after that, {source} decides again.",
		"lifted.override.org_role":    "{by} lifted the lock until {until}: “{reason}”. A role that is changed by hand stays, until an owner takes it back to what {source} gives.",
	},
	"de": {
		"layout.date": "2.1.2006",
		"layout.time": "2.1.2006, 15:04 MST",
		"quote":       "„{name}“",
		"provider":    "Ihrem Identitätsanbieter",
		"somebody":    "jemand",
		"icon":        "Gesperrt",
		"icon.lifted": "Zurzeit nicht gesperrt",

		"groups.one":     "der Gruppe {names}",
		"groups.several": "den Gruppen {names}",
		"groups.more":    "den Gruppen {names} und {n} weiteren",
		"groups.deleted": "einer gelöschten Gruppe",
		"values.one":     "der Rolle oder dem Wert {names}",
		"values.several": "den Rollen oder Werten {names}",
		"values.more":    "den Rollen oder Werten {names} und {n} weiteren",

		"reason.user":       "Diese Person wird von {source} verwaltet.",
		"reason.field":      "Diese Person wird von {source} verwaltet.",
		"reason.team":       "Dieses Team gehört zu {groups} von {source}.",
		"reason.members":    "Die Mitglieder dieses Teams kommen aus {groups} von {source}.",
		"reason.membership": "Diese Mitgliedschaft kommt aus {groups} von {source}.",
		"reason.org_role":   "Diese Rolle kommt aus {groups} von {source}.",

		"since":            "Seit {since}.",
		"change":           "Ändern Sie es bei {source}; die nächste Synchronisierung aktualisiert diese Seite.",
		"change.delete":    "Entfernen Sie die Person bei {source}; der Zugang endet mit der nächsten Synchronisierung.",
		"change.field":     "Ändern Sie es bei {source}, oder lassen Sie Personen ihre Telefonnummer selbst ändern (SCIM-Einstellungen).",
		"change.own_field": "Ändern Sie es bei {source}, oder lassen Sie Personen dieses Feld selbst ändern (SCIM-Einstellungen).",
		"change.group":     "Ändern Sie die Gruppe bei {source}, oder in den Einstellungen der Bereitstellung, was sie gibt.",
		"change.value":     "Ändern Sie die Rolle oder den Wert bei {source}, oder in den Einstellungen der Bereitstellung, was sie geben.",

		"note.sync_paused":  "Die Bereitstellung ruht: Was Gruppen geben oder nehmen, wartet.",
		"note.sync_stale":   "Seit {for} kam keine Synchronisierung von {source}.",
		"note.never_synced": "Es kam noch keine Synchronisierung von {source}.",
		"last_sync":         "Letzte Synchronisierung: {last}.",
		"days.one":          "1 Tag",
		"days.other":        "{n} Tagen",
		"weeks.one":         "1 Woche",
		"weeks.other":       "{n} Wochen",

		"lifted.directory_disabled":   "Dies wurde von {source} verwaltet, bis die Synchronisierung abgeschaltet wurde. Sie können es hier ändern; wird sie wieder eingeschaltet, gilt der Stand bei {source}.",
		"lifted.plan_required":        "Der Tarif enthält keine Synchronisierung, deshalb wird dies nicht von {source} verwaltet. Sie können es hier ändern; mit einem passenden Tarif gilt wieder der Stand bei {source}.",
		"lifted.connection_suspended": "Die Verbindung ist ausgesetzt, deshalb wird dies nicht von {source} verwaltet. Sie können es hier ändern; ist sie wieder aktiv, gilt der Stand bei {source}.",
		"lifted.tenant_suspended":     "Single Sign-on ist ausgesetzt, deshalb wird dies nicht von {source} verwaltet. Sie können es hier ändern; danach gilt wieder der Stand bei {source}.",
		"lifted.tenant_removed":       "Single Sign-on wird entfernt, und dies wird nicht mehr von {source} verwaltet. Sie können es hier ändern.",
		"lifted.user_gone":            "Bei {source} gibt es diese Person nicht mehr. Sie können dies hier ändern.",
		"lifted.override":             "Die Sperre ist bis {until} aufgehoben, von {by}: „{reason}“. Bis dahin bleibt es, wie es hier ist; danach gilt wieder der Stand bei {source}.",
		"lifted.override.org_role":    "Die Sperre ist bis {until} aufgehoben, von {by}: „{reason}“. Eine von Hand geänderte Rolle bleibt, bis sie auf das zurückgesetzt wird, was {source} gibt.",
	},
}
