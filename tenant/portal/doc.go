// Package portal is the pages on which a customer's administrator sets single sign-on up without asking anybody, and on which
// the host's own staff review what they entered. It is one http.Handler:
//
//	pages, err := portal.New(portal.Config{
//		BaseURL: "https://app.example.com/sso-settings", // where it is mounted
//		Tenants: tenants, Login: login, Store: st,       // what does the work
//		Names: tenantsOfHost, Authorize: whoIsThere,     // organisations, and the host's session
//		SignInURL: "/login",
//		Brand:     portal.Brand{Name: "On Call"},
//	})
//	mux.Handle(pages.Mount())
//
// An owner's pages are at [Handler.URL], those of the host's staff at [Handler.StaffURL], and set-up links
// (tenant.Config.SetupLinkBaseURL is [Handler.SetupLinkBaseURL]) open the pages that their intents allow.
//
// No rule lives here. What may be entered, who may do what and what follows from it is decided by the packages tenant and
// oidc; the portal shows it, and shows a form again with status 422, what was typed and one message per field
// where something is wrong.
//
// # Without JavaScript
//
// Every task works with forms and links alone. The one script adds copy buttons, live counts and the polling of what is under
// way.
//
// # Look and words
//
// [Brand] sets name, logo, colours and font; both the light and the dark look follow from it. Words are English and German;
// [Config].Texts adds languages, and changes words.
//
// # Programs
//
// Each page also answers in JSON where a client asks for it (Accept: application/json), with what the page shows, and refuses with RFC 9457
// problem details and the same codes as the Go API.
//
// # Security
//
// Pages can't be framed but by Config.FrameAncestors, run no script and no style but their own, are stored nowhere and refuse
// forms from other sites. An ID of another tenant is "not found". A secret that was saved is never in a page again.
package portal
