// Package tenant keeps a customer organisation and its set-up: the request for an
// OpenID Connect connection and its review, domains and their proof, break-glass
// addresses, client secrets, SCIM directories and API keys.
//
//	svc, err := tenant.New(tenant.Config{
//		Store:           st,                         // any store.Store
//		Keyring:         keys,                       // tenant.NewKeyring: seals client secrets
//		Tenants:         orgs,                       // the host's organisations
//		Authorizer:      tenant.AuthorizerFunc(can), // the host's roles decide
//		DomainValidator: dns,                        // tenant.NewDNSValidator
//		ProviderChecker: checker,                    // oidc.NewChecker
//	})
//	c, findings, err := svc.CreateDraft(ctx, actor, org.ID, tenant.Draft{ … })
//	c, findings, err = svc.Submit(ctx, actor, org.ID, c.ID, c.Version)
//
// An owner's request goes from draft to submitted, is approved by the host's staff (or
// by a [Reviewer]), its domains are proven by a [DomainValidator], somebody signs in
// as a test, and it becomes active. [Steps] tells what is possible in each state. What is in
// force changes by [Service.StartChange], the same way, while people go on signing in.
// A portal, a JSON API and a host's own pages all call the same [Service].
//
// Until when staff answer a request ([Service.ReviewStatus]), and what activation means for the people in the domains
// ([Service.PlanActivation]), is shown before anybody relies on it.
//
// Somebody without an account does an owner's part by a set-up link ([Service.CreateSetupLink]), in its tenant and within
// its intents alone.
//
// What happens is told to the host in the same transaction ([store.WithEventHook]), to parts of it after the commit
// ([Followers]), and to owners' and the host's own servers as signed webhooks ([Service.CreateWebhook], [WebhookSender],
// [VerifyWebhook]). All of it comes from the journal, in the order of each tenant, and can be asked for again; [EventTypes] and
// its siblings in the other packages say what there is.
//
// A domain that is claimed is looked at until it is proven, and then about daily; owners
// are reminded of secrets that expire, of break-glass addresses that nobody tries and of questions that they left open, and
// staff of requests that wait. Events that are older than a policy allows are erased ([Service.EraseOldEvents]).
// [Runner] does all of it, and a host's own tasks, in the background of every replica.
// What the host's staff need to know of two tenants that prove the same name is in
// [Service.Contests] and [Service.PlanTransfer].
//
// The journal is the audit log ([Service.Audit]): who, from where ([Origin]), what changed.
//
// Sign-on as a whole, or one connection, is suspended or removed by a plan that shows whom it locks out ([Service.PlanEnding]), and taken
// along as one stream ([Service.ExportTenant]). What works while a plan lapsed, a secret expired or the store takes no
// writes stands in [DegradedModes]; [Service.Health] tells an owner which of them are in force.
//
// Input is checked here and nowhere else: [ParseDomains], [ParseAuthority] and their
// siblings give the value in its one form, and a [Finding] with a stable code for
// each mistake. A refusal is a [*ValidationError] (HTTP 422) or an [*Error] (403, 404,
// 409, 412 by what it matches); [CodeOf] gives the code.
//
// What is peculiar to Entra, Okta and others is data: [GuideOf] has the steps in a provider's
// console with the values to copy, the checks that its entries are held to, and what its
// errors mean ([Explain]). Package oidc and a host's pages use the same.
//
// A host that runs in several regions states them once, with [NewRegions].
//
// # Security
//
// Client secrets are sealed with the tenant, record and field they belong to, and open
// nowhere else ([Keyring]). A new one waits beside the old one until a test sign-in has succeeded with it
// ([Service.StageSecret]). API keys are 256 random bits, of which a hash is stored.
// [Secret] can't be printed. A domain belongs to the tenant that proves it first, as
// the store's unique index decides; what others hold is never told. Requests to
// addresses that customers typed go through [NewOutboundClient], which refuses private
// addresses when it dials. The [Authorizer] is asked at every call; without one there
// is no Service; what somebody by a set-up link may do at most is checked before. Other
// packages ask through [Allow]. Changes and their journal events commit together.
//
// # Compatibility
//
// Codes, event types and the text of sealed values and API keys are stable within a
// major version; messages are not. New abilities arrive as new methods of [Service],
// new fields whose zero value keeps the old behaviour, and optional interfaces beside
// [DomainValidator].
package tenant
