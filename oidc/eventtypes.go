package oidc

import "github.com/tenantgate/tenantgate/tenant"

// EventTypes returns the types of events that this package writes, for tenant.WebhookConfig and for a host's pages. Each
// call returns a list of its own.
func EventTypes() []tenant.EventType {
	const who = "connection, issuer, subject and address of whoever signed in"
	return []tenant.EventType{
		{Type: EventSignIn, Subject: subjectAccount, Description: "Somebody signed in.", After: who},
		{Type: EventSignInRefused, Subject: "connection", Description: "Somebody could not sign in; Code says why."},
		{Type: EventLinked, Subject: subjectAccount, Description: "An identity of a provider was linked with an account.", After: who},
		{Type: EventUnlinked, Subject: subjectAccount, Description: "An identity is not linked with an account any more.", After: "connection, issuer and subject of the identity"},
		{Type: EventAccountCreated, Subject: subjectAccount, Description: "An account was made for somebody who signed in for the first time.", After: who},
		{Type: EventEmailChanged, Subject: subjectAccount, Description: "A provider gave another e-mail address for an account.", Before: "the address before", After: who},
		{Type: EventLogout, Subject: subjectAccount, Description: "Sessions of an account ended.", After: "connection, issuer and subject that the sessions began with, and why they ended"},
		{Type: EventLinksDropped, Subject: "connection", Description: "All links of a connection were dropped, because it leads to another provider or client."},
		{Type: EventRevocationFailed, Subject: subjectSessions, Internal: true, Description: "Sessions that are over could not be ended; that is tried again.", After: "which event ends them, and the next attempt"},
		{Type: EventRevocationDone, Subject: subjectSessions, Internal: true, Description: "They were ended at last."},
		{Type: EventConnectionFailing, Subject: "connection", Description: "The provider refuses the application itself, for an expired secret for example."},
		{Type: EventConnectionRecovered, Subject: "connection", Description: "Somebody could sign in again."},
		{Type: EventProviderDrifted, Subject: "connection", Description: "The provider's document has changed, or can't be used any more.", Before: "what it said", After: "what it says"},
		{Type: EventProviderReturned, Subject: "connection", Description: "The provider's document is in order again.", After: "what it says"},
		{Type: EventProviderKept, Subject: "connection", Internal: true, Description: "The provider's document was kept for the first time.", After: "what it says"},
	}
}
