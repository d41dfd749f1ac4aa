package tenant

import "github.com/tenantgate/tenantgate/store"

// EventTypes returns the types of events that this package and package store write, for [WebhookConfig], for a page, or for the
// documentation of a host. Each call returns a list of its own.
func EventTypes() []EventType {
	const (
		connection = "the connection, without its secret"
		domain     = "the domain"
		apiKey     = "the key's record, without the key"
		directory  = "the directory"
		link       = "the link, without what opens it"
		webhook    = "the webhook, of its address the host alone"
		lifecycle  = "the state of the organisation's sign-on"
	)
	return []EventType{
		{Type: "connection.activated", Subject: "connection", Description: "People can sign in at the connection.", Before: connection, After: connection},
		{Type: "connection.approval_given", Subject: "connection", Description: "One of several reviewers that are needed approved the request.", Before: connection, After: connection},
		{Type: "connection.approved", Subject: "connection", Description: "The request was approved: domains are proven and a test sign-in made next.", Before: connection, After: connection},
		{Type: "connection.break_glass_changed", Subject: "connection", Description: "The break-glass addresses are others.", Before: connection, After: connection},
		{Type: "connection.break_glass_lost", Subject: "connection", Description: "Break-glass addresses do not work any more, because the proof of their domain went."},
		{Type: "connection.change_applied", Subject: "connection", Description: "A reviewed change is in force; its request ends.", Before: connection, After: connection},
		{Type: "connection.changed", Subject: "connection", Description: "The settings in force are others, by a change that was approved.", Before: connection, After: connection},
		{Type: "connection.checked", Subject: "connection", Description: "The settings were checked again.", Before: connection, After: connection},
		{Type: "connection.created", Subject: "connection", Description: "A request was begun.", After: connection},
		{Type: "connection.deleted", Subject: "connection", Description: "The connection is not used any more.", Before: connection, After: connection},
		{Type: "connection.next_secret_set", Subject: "connection", Description: "A new client secret waits for a test sign-in that works with it.", Before: connection, After: connection},
		{Type: "connection.next_secret_dropped", Subject: "connection", Description: "The client secret that waited was dropped.", Before: connection, After: connection},
		{Type: "connection.next_secret_in_force", Subject: "connection", Description: "A test sign-in worked with the client secret that waited: it is in force.", Before: connection, After: connection},
		{Type: "connection.people_exported", Subject: "connection", Description: "Somebody took along what an activation means for people."},
		{Type: reviewReminded, Subject: "connection", Description: "Staff or owners were reminded of a request that waits for them."},
		{Type: sessionsEnding, Subject: "connection", Description: "An activation ends sessions of people in its domains: it begins.", After: "whose, and why"},
		{Type: sessionsEnded, Subject: "connection", Description: "The sessions that an activation ends have ended.", After: "how many people it concerned"},
		{Type: "connection.drill_reminded", Subject: "connection", Description: "Owners were asked to try a break-glass address."},
		{Type: "connection.enforcement_changed", Subject: "connection", Description: "Whether members of the domains must sign in here is other than before.", Before: connection, After: connection},
		{Type: "connection.enforcement_lifted", Subject: "connection", Description: "The staff let members sign in otherwise again.", Before: connection, After: connection},
		{Type: "connection.identities_removed", Subject: "connection", Description: "Identities of the connection are not linked with accounts any more."},
		{Type: "connection.information_asked", Subject: "connection", Description: "The staff need an answer before they decide.", Before: connection, After: connection},
		{Type: "connection.message_added", Subject: "connection", Description: "Somebody wrote about the request.", Before: connection, After: connection},
		{Type: "connection.offers_made", Subject: "connection", Description: "Whoever was locked out by the connection's suspension was offered another way in.", After: "how many were"},
		{Type: "connection.rejected", Subject: "connection", Description: "The request was rejected.", Before: connection, After: connection},
		{Type: "connection.removed", Subject: "connection", Description: "The connection was removed with the tenant.", Before: connection},
		{Type: "connection.saved", Subject: "connection", Description: "The request was edited.", Before: connection, After: connection},
		{Type: "connection.secret_expiry_set", Subject: "connection", Description: "The client secret ends at another time.", Before: connection, After: connection},
		{Type: "connection.secret_reminded", Subject: "connection", Description: "Owners were told that the client secret expires, or has."},
		{Type: "connection.secret_replaced", Subject: "connection", Description: "The client secret is another one.", Before: connection, After: connection},
		{Type: "connection.secret_resealed", Subject: "connection", Description: "The client secret is sealed with a newer key; it is the same.", Before: connection, After: connection, Internal: true},
		{Type: "connection.submitted", Subject: "connection", Description: "The request waits for the staff.", Before: connection, After: connection},
		{Type: "connection.suspended", Subject: "connection", Description: "Nobody can sign in at the connection.", Before: connection, After: connection},
		{Type: "connection.tested", Subject: "connection", Description: "Somebody signed in as a test.", Before: connection, After: connection},
		{Type: "connection.withdrawn", Subject: "connection", Description: "The owner took the request back.", Before: connection, After: connection},

		{Type: "domain.added", Subject: "domain", Description: "A domain was claimed.", After: domain},
		{Type: "domain.changed", Subject: "domain", Description: "Whether the domain stands for those below it too is other than before.", Before: domain, After: domain},
		{Type: "domain.checked", Subject: "domain", Description: "A domain was looked at, with another finding than before.", Before: domain, After: domain},
		{Type: "domain.connections_changed", Subject: "domain", Description: "The connections that share the domain are others.", Before: domain, After: domain},
		{Type: "domain.contest_ended", Subject: "domain", Description: "Nobody else proves the name any more.", Before: domain, After: domain},
		{Type: "domain.contested", Subject: "domain", Description: "Somebody else proves a name that this organisation holds.", Before: domain, After: domain},
		{Type: "domain.proof_missing", Subject: "domain", Description: "The proof of a domain is gone; it still counts.", Before: domain, After: domain},
		{Type: "domain.proof_restored", Subject: "domain", Description: "The proof is there again.", Before: domain, After: domain},
		{Type: "domain.removed", Subject: "domain", Description: "A domain is not claimed any more.", Before: domain},
		{Type: "domain.search_ended", Subject: "domain", Description: "A domain that was not proven for long is not looked at any more.", Before: domain, After: domain},
		{Type: "domain.transferred", Subject: "domain", Description: "The domain changed hands by the staff.", Before: domain, After: domain},
		{Type: "domain.verified", Subject: "domain", Description: "The domain is proven.", Before: domain, After: domain},
		{Type: "domain.warned", Subject: "domain", Description: "Owners were told that the proof is gone.", Before: domain, After: domain},
		{Type: "domain.withdrawn", Subject: "domain", Description: "The domain counts as proven no longer.", Before: domain, After: domain},

		{Type: "api_key.created", Subject: "api_key", Description: "A directory got a key.", After: apiKey},
		{Type: "api_key.refused", Subject: "api_key", Description: "A key was presented that was revoked, or has expired."},
		{Type: "api_key.resealed", Subject: "api_key", Description: "The key is sealed with a newer key; it is the same.", Before: apiKey, After: apiKey, Internal: true},
		{Type: "api_key.restored", Subject: "api_key", Description: "A key that was being replaced stays.", Before: apiKey, After: apiKey},
		{Type: "api_key.revealed", Subject: "api_key", Description: "Somebody saw the key again."},
		{Type: "api_key.revoked", Subject: "api_key", Description: "The key opens nothing any more.", Before: apiKey, After: apiKey},
		{Type: "api_key.rotation_cancelled", Subject: "api_key", Description: "The new key of a replacement ended.", Before: apiKey, After: apiKey},
		{Type: "api_key.rotation_completed", Subject: "api_key", Description: "The new key took the place of the old one.", Before: apiKey, After: apiKey},
		{Type: "api_key.rotation_started", Subject: "api_key", Description: "The key is being replaced; both are good for a while.", Before: apiKey, After: apiKey},
		{Type: "api_key.sealed_form_deleted", Subject: "api_key", Description: "The key cannot be shown again.", Before: apiKey, After: apiKey, Internal: true},

		{Type: "directory.enabled", Subject: "directory", Description: "A directory may provision.", Before: directory, After: directory},
		{Type: "directory.disabled", Subject: "directory", Description: "A directory may not provision.", Before: directory, After: directory},
		{Type: "directory.preferences_changed", Subject: "directory", Description: "The choices for provisioned people are others.", Before: directory, After: directory},

		{Type: "setup_link.created", Subject: "setup_link", Description: "A link was made with which somebody without an account sets a part up.", After: link},
		{Type: "setup_link.opened", Subject: "setup_link", Description: "The link was opened.", Before: link, After: link},
		{Type: "setup_link.intent_done", Subject: "setup_link", Description: "A part of what the link is for is done.", Before: link, After: link},
		{Type: "setup_link.completed", Subject: "setup_link", Description: "All that the link is for is done.", Before: link, After: link},
		{Type: "setup_link.refused", Subject: "setup_link", Description: "The link was opened in another browser, which got nothing."},
		{Type: "setup_link.revoked", Subject: "setup_link", Description: "The link opens nothing any more.", Before: link, After: link},
		{Type: "setup_link.removed", Subject: "setup_link", Description: "A link that ended long ago was forgotten."},

		{Type: "webhook.created", Subject: "webhook", Description: "A webhook was made.", After: webhook},
		{Type: "webhook.changed", Subject: "webhook", Description: "Its address, description or types are others.", Before: webhook, After: webhook},
		{Type: "webhook.secret_rotated", Subject: "webhook", Description: "It has a new secret.", Before: webhook, After: webhook},
		{Type: "webhook.secret_resealed", Subject: "webhook", Description: "Its secrets are sealed with a newer key; they are the same.", Before: webhook, After: webhook, Internal: true},
		{Type: "webhook.enabled", Subject: "webhook", Description: "It is sent again.", Before: webhook, After: webhook},
		{Type: "webhook.disabled", Subject: "webhook", Description: "It is not sent any more; Code says why, if nobody did it.", Before: webhook, After: webhook},
		{Type: "webhook.replayed", Subject: "webhook", Description: "It is sent events that it has had.", Before: webhook, After: webhook},
		{Type: "webhook.tested", Subject: "webhook", Description: "Somebody had a test sent.", After: webhook},
		{Type: "webhook.deleted", Subject: "webhook", Description: "The webhook was deleted.", Before: webhook},

		{Type: eventsErased, Subject: "journal", Description: "Events older than is kept were deleted.", After: "how many, and up to when"},
		{Type: "tenant.exported", Subject: "tenant", Description: "Somebody took all records along."},
		{Type: "tenant.forgotten", Subject: "tenant", Description: "The journal of a removed organisation was deleted.", Before: lifecycle, After: lifecycle, Internal: true},
		{Type: "tenant.plan_lapsed", Subject: "tenant", Description: "The plan does not include what is in use any more.", Before: lifecycle, After: lifecycle},
		{Type: "tenant.plan_renewed", Subject: "tenant", Description: "The plan includes it again.", Before: lifecycle, After: lifecycle},
		{Type: "tenant.removal_begun", Subject: "tenant", Description: "The set-up is being removed.", Before: lifecycle, After: lifecycle},
		{Type: "tenant.removed", Subject: "tenant", Description: "The set-up was removed.", After: "how many records of each kind were removed"},
		{Type: "tenant.resumed", Subject: "tenant", Description: "Sign-on works again.", Before: lifecycle, After: lifecycle},
		{Type: "tenant.set_up_anew", Subject: "tenant", Description: "An organisation that was removed begins anew.", Before: lifecycle, After: lifecycle},
		{Type: "tenant.suspended", Subject: "tenant", Description: "Sign-on of the organisation was suspended.", Before: lifecycle, After: lifecycle},

		{Type: "tenant.offers_made", Subject: "tenant", Description: "Whoever was locked out by a suspension was offered another way in.", After: "how many were"},
		{Type: "tenant.person_released", Subject: "account", Description: "An organisation that is removed let somebody go.", After: "what that means for the person"},
		{Type: "break_glass.used", Subject: "connection", Description: "Somebody came in by a break-glass address."},
		{Type: "break_glass.second_factor_missing", Subject: "connection", Description: "Somebody has the password of a break-glass address, and no second factor."},
		{Type: "break_glass.drilled", Subject: "connection", Description: "Somebody tried a break-glass address.", After: "the address"},
		{Type: "audit.exported", Subject: "audit", Description: "Somebody took the audit log along."},

		{Type: WebhookTestType, Subject: kindWebhook, Description: "A test: it is sent at once and stands in no journal."},
		{Type: EventFollowerParked, Subject: subjectFollower, Internal: true, Description: "A part of the application could not take over an event.", After: "which event, and how often it was tried"},
		{Type: EventFollowerRecovered, Subject: subjectFollower, Internal: true, Description: "It took the event over at last.", After: "which event"},
		{Type: store.EventHookFailed, Subject: "event", Internal: true, Description: "A hook of the application failed in the transaction of these events.", After: "the IDs of the events"},
	}
}
