package portal

import "github.com/tenantgate/tenantgate/store"

// eventTexts say in words what the journal records by type. An event's own message follows them, and a type that is not here is
// shown as it is.
var eventTexts = map[string]string{
	"connection.created":             "A request was begun",
	"connection.saved":               "The connection's details were saved",
	"connection.checked":             "The connection was checked",
	"connection.submitted":           "The request was submitted",
	"connection.message_added":       "A message was sent",
	"connection.information_asked":   "The reviewers asked for information",
	"connection.withdrawn":           "The request was withdrawn",
	"connection.approved":            "The request was approved",
	"connection.rejected":            "The request was rejected",
	"connection.tested":              "A test sign-in worked",
	"connection.activated":           "Single sign-on was activated",
	"connection.suspended":           "The connection was suspended",
	"connection.deleted":             "The connection was deleted",
	"connection.change_applied":      "A change was put in force",
	"connection.enforcement_changed": "Whether it is the only way in was changed",
	"connection.enforcement_lifted":  "It is not the only way in any more",
	"connection.secret_replaced":     "The client secret was replaced",
	"connection.secret_expiry_set":   "The expiry of the client secret was set",
	"connection.break_glass_changed": "The break-glass e-mails were changed",
	"domain.added":                   "A domain was added",
	"domain.verified":                "A domain was proven",
	"domain.checked":                 "A domain was checked",
	"domain.changed":                 "A domain was changed",
	"domain.removed":                 "A domain was removed",
	"domain.proof_missing":           "The record of a domain is missing",
	"domain.proof_restored":          "The record of a domain is back",
	"directory.enabled":              "Provisioning was switched on",
	"directory.disabled":             "Provisioning was switched off",
	"directory.preferences_changed":  "The preferences of provisioning were changed",
	"api_key.created":                "An API key was made",
	"api_key.revoked":                "An API key was revoked",
	"api_key.rotation_started":       "An API key is being replaced",
	"api_key.rotation_completed":     "An API key was replaced",
	"api_key.rotation_cancelled":     "An API key is not replaced after all",
	"setup_link.created":             "A set-up link was made",
	"setup_link.opened":              "A set-up link was opened",
	"setup_link.completed":           "A set-up link was completed",
	"setup_link.revoked":             "A set-up link was revoked",
	"scim.user.created":              "The directory sent a user",
	"scim.user.updated":              "The directory changed a user",
	"scim.user.deleted":              "The directory removed a user",
	"scim.group.created":             "The directory sent a group",
	"scim.group.updated":             "The directory changed a group",
	"scim.group.deleted":             "The directory removed a group",
	"scim.group.members_changed":     "The directory changed the members of a group",
	"oidc.signin.succeeded":          "Somebody signed in at the provider",
	"oidc.account.created":           "A sign-in made an account",
	"oidc.identity.linked":           "An identity was linked with an account",
	"oidc.identity.unlinked":         "An identity was unlinked",
	"break_glass.used":               "A break-glass e-mail was used",
	"audit.exported":                 "The audit log was downloaded",
}

// event says what an event is about: in other languages than English by its type, as far as there are words for it, since its message is
// English.
func (p *printer) event(e store.Event) string {
	text, known := eventTexts[e.Type]
	other := p.texts[findingText("event."+e.Type)]
	switch {
	case other != "":
		return other
	case e.Message != "" && !known:
		return e.Message
	case e.Message != "" && p.language == english:
		return text + ": " + e.Message
	case known:
		return p.text(text)
	}
	return e.Type
}
