// Package scim is a SCIM 2.0 service provider (RFC 7643, RFC 7644, RFC 9865) for
// many tenants: identity providers push users and groups into it.
//
//	h, err := scim.NewHandler(scim.Config{
//		BaseURL:       "https://app.example.com/scim/v2",
//		Store:         st,
//		Authenticator: scim.APIKeys(service), // *tenant.Service
//		Policy:        policy,                // provisioning.NewPolicy: root user, domains, plan, mass changes
//	})
//	mux.Handle(h.Mount())
//
// Each tenant has a base URL of its own, [Handler.TenantBaseURL], and one or more
// API keys. Users, groups, PATCH, filters, sorting, paging by index and by
// cursor, bulk requests, entity tags and the discovery endpoints are served;
// a host adds extensions and resource types by their definition alone
// ([Extension], [ResourceType]).
//
// A group's members are a relation in the store: adding one costs the same in a
// group of ten and of a hundred thousand, and a group is answered page by page.
// Members are in no answer that leaves them out with excludedAttributes=members, and those
// that are users can be read page by page: GET /Users?filter=groups.value eq "ID", by
// index or by cursor.
//
// A version (meta.version, ETag) moves with all that is written to its resource, a group's
// with its members too. The groups that a user shows are those groups' data: they don't
// move the user's version, so a client that follows memberships reads the groups.
//
// Every write stores its event in the same transaction, so the journal tells all
// that happened. The last requests of each tenant, what they were answered and what was
// passed over are kept for owners and for whoever supports a customer
// ([Handler.ReadRequests], [Handler.Traffic], [Handler.ExportRequests], [Config.RequestLog]).
//
// Package scimtest has clients that behave like the identity providers which customers
// have; a host runs them against its own server with one call.
//
// # Security
//
// The tenant comes from the path and the API key has to belong to it; an unknown
// tenant, a foreign key and a wrong key get the same 401. IDs are given by us,
// an externalId is never a key. Attributes that are never returned, such as a
// password, are dropped before anything is stored or told. Whatever comes from
// outside has a bound: bodies, nesting, filters, operations, members, pages, the size of a
// resource, and what one request may compare. A [Policy] is asked before each write, but
// can't keep access from being taken away.
//
// # Compatibility
//
// Identity providers speak dialects; by default they are understood (see
// [Config.Strict]): string booleans and operation names in any case from Entra,
// a manager as a string or list, members as plain strings, URN and dotted keys
// in an operation without path, an add whose value path matches nothing, a
// remove that lists values, "" to clear. Unknown attributes are ignored, unknown members
// of a group and groups in groups are accepted; both are warnings in the request log.
//
// # Support
//
// What a directory sent and was answered, without secrets, an owner reads, counts and exports with
// [Handler.ReadRequests], [Handler.Traffic] and [Handler.ExportRequests]. By default each replica
// keeps the last requests in memory; a [StoredRequests] is one log for all of them.
package scim
