// Package provisioning turns a directory's users and groups into the host's accounts,
// teams and roles. It follows the journal that the SCIM package writes, asks a
// [GroupMapper] what groups give, compares that with what was given before and with
// what the host has, and calls the host's [Target] for the difference.
//
//	e, err := provisioning.New(provisioning.Config{
//		Store: st, Target: host, Authorizer: authz,
//		OrgRoles:  []string{"member", "administrator", "owner"}, // lowest first
//		TeamRoles: []string{"member", "administrator"},
//	})
//	go e.Run(ctx, 0) // follow all tenants; e.Wake() after a directory's write
//
//	plan, err := e.Preview(ctx, actor, tenantID, settings) // show plan.Lines, plan.Findings
//	plan, err = e.Apply(ctx, actor, tenantID, settings, provisioning.Confirm{Hash: plan.Hash})
//
// Three more types serve the host's other paths: a [Policy] decides about a
// directory's writes before they are stored, [Locks] say what may not be changed by
// hand, and [Engine.PlanConversion] lets a directory take over accounts that exist. What a
// directory was refused is a card that an owner decides about ([Engine.Conflicts]). Searches of
// a directory find what it created and nothing else: an account that it may take over is
// its own once it has sent a POST for it.
//
// # One computation
//
// Preview, Apply, Sync and Reconcile compute a [Plan] with one pure function from a
// snapshot of the people concerned. A preview shows all of it, with reasons; Apply does
// it only if it still is what was shown; Sync does the same for those whom new events
// concern. So the end does not depend on the order of groups, and a second run changes
// nothing.
//
// # What is given, and taken
//
//   - Every membership and role that a group gave stands in a ledger, with the group.
//     Only that is ever taken away: memberships by hand survive, a membership from two
//     groups stays while one of them gives it, and a role that a person had before
//     comes back. Of several roles the highest wins, or that of the first row, as the
//     tenant chose. Lines of a plan and of the ledger tell their [Source].
//   - Who has no role by a group has the settings' default role, if there is one. It takes
//     nothing away from what somebody gave by hand.
//   - The role in a team is set when the sync adds the member; a later change by hand
//     is kept and shown as an override, until an owner takes it back ([Engine.PreviewReset]).
//     A member by hand keeps its role, too.
//   - Missing data removes nothing: a mapper that fails, a group or team that cannot be
//     read, an unknown member leave everything as it is.
//   - Nobody provisions the root user. A last owner, and an owner on the break-glass
//     list, keep the role. A rule that would break this is recorded as a finding and
//     stops neither the sync nor a sign-in.
//   - A user who is set inactive or deleted loses access at once ([Target].SetActive),
//     whatever is paused; this holds for a last owner, too, with a finding, but not for
//     a break-glass owner. Coming back restores everything.
//   - A change of the mode or the filter takes nobody out of a team by surprise: people
//     stay as if by hand unless the owner chose to take back what the settings stop to
//     cover ([store.UnmanagedRule]). Each of them is a line of the plan.
//   - A row whose group or team is gone, or whose team is archived, is flagged and stays. A
//     group that the directory deleted and made again is proposed in its place ([Relink]).
//
// # Teams of automatic mode
//
// A team belongs to its group: it is made and named with it, by the owner's rule for names
// or a name chosen for this group, cleaned of what cannot be seen. A team of that name that
// exists already is a conflict until the owner chooses to adopt it, to choose another name
// or to skip the group. A team that loses its group becomes an ordinary one, or is archived,
// or deleted if it is unused, as the owner chose and the host can ([TeamArchiver],
// [TeamDeleter]); a team that was adopted is always kept. [Engine.MatchGroups] shows what a
// filter selects while it is written.
//
// A deletion waits (Config.DeleteAfter): [Engine.PlannedDeletions] lists it with its date, and
// it is cancelled when its cause goes.
//
// # Roles by other sources
//
// A tenant may declare that another source than groups decides about the role in the organisation, about teams, or
// about both ([store.RoleAuthority]): the attribute roles of provisioned users, in all forms in which Entra ID and
// Okta send it, or a claim of the identity provider at sign-in, for tenants without a directory. There is one
// authority for each, and settings that contradict it are refused. Rows say what a value gives; from there on it is
// like a group: the same plan, limits, protection, ledger ([ValueSource]), locks and explanation.
//
//	oidc.Config{…, Claims: e} // the engine hears claims at sign-in: see [Engine.OnClaims]
//
// The claims of the last sign-in are kept with the account, bounded, so that a preview has something to go by before
// anything is declared. A claim that is absent, too long, elsewhere (Entra ID's overage) or no list of texts takes
// nothing, and no sign-in fails by one. A provider that leaves the claim out for who has no groups, as Entra ID does,
// cannot take the last one away: let the directory do it, or give people at least one value.
//
// # Plans that people apply
//
// A plan counts what it does, seats included ([SeatCounter]), and shows also what changes
// though no assignment does: the rights that a role in the organisation gives in every team
// ([RightsChange]). Large ones are shown page by page ([Engine.PreviewPage]). It names what
// it wants confirmed ([Confirmation]): making owners, taking from very many people, taking from
// whoever applies it. What was applied can be taken back, as a plan again ([Engine.PreviewUndo]).
// [Engine.Pause] holds everything back, [Engine.Held] shows what waits, and
// [Engine.Resume] lets it through.
//
// [Engine.Explain] tells all about one person as data and as text: what gives each right, what
// each group alone gives, what waits. [Engine.Timeline] tells what happened, and
// [Engine.ExplainGroup] what a group gives to whom, and [Engine.ExplainTeam] where a team comes from and why
// each of its members is in it.
//
// # Locks
//
// What a directory manages is not changed by hand: [Locks.Guard] wraps the routes of a host's API,
// [Locks.RequireTx] asks in the transaction of a write and is exact there, [Locks.CheckAll] and
// [Locks.Split] serve tables and bulk operations. Each [Lock] explains itself in the reader's
// language ([Lock.Explain], [LockTexts]), and [LockFuncs] and [Locks.Handler] have its icon for
// the host's pages. Locks are lifted with the sync, and by owners and staff for a time
// ([Locks.Override]); what was changed meanwhile stays until that ends.
//
// # Fields that people change
//
// The phone number, and other fields that the host declares, may have two values: the
// directory's and the person's own. [Fields] keeps both, and the one that changed last is
// in force; the tenant chooses for each field whether people may change it, and whether they must
// confirm it with a code. A number that cannot be read fails no user. With [Config].Fields
// the engine's profiles have what is in force; the host's own pages call [Fields.Set]. A field whose
// lock somebody lifted is people's until that ends, and then what it would be without
// ([FieldValue].Lifted).
//
// # What goes wrong
//
// Position, ledger, events and (for a host on the same database) the host's rows are
// committed together: a crash at any point is repeated, and two replicas never apply
// the same event. A host elsewhere says what it did for transactions that did not commit
// ([Target]); it is finished or taken back. What the host refuses for one person is set
// aside, recorded, and tried again with growing pauses, while the others go on:
// [Engine.Failures] lists it, [Engine.Retry] tries it at once. Each call of the host's code
// has a deadline (Config.CallTimeout), a panic in it is an error, and an answer about
// somebody else than asked is not used. Package provisioningtest checks a host's Target.
// Changes of groups that would take access from very many people pause the tenant and ask
// ([Breaker]).
// What a person should look at goes to Config.Notifier, once. [Engine.ReconcileTask], for
// tenant.Runner, compares everybody once a day, mends what somebody changed past the locks,
// and reports it ([Engine.LastReconcile]).
//
// # Security
//
// The host names the highest role that groups may give (by default the one below
// owner), and making owners wants a confirmation of its own. Errors of the host go to
// the log and not into the journal, which customers read. Filters are RE2 with bounds
// on length and number. All calls that a person makes ask the Authorizer.
//
// # Compatibility
//
// [Target] and [GroupMapper] do not grow within a major version; new abilities are
// optional interfaces such as [TeamDeleter], [TeamArchiver], and, for many at once,
// [MemberSetter] and [AccountsCreator]. Codes and kinds are stable.
package provisioning
