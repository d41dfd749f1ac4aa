// Package provisioningtest checks that a host's provisioning.Target keeps the contract
// that the engine counts on. It ships with the module, and imports the standard library
// and our own packages only.
//
//	func TestTarget(t *testing.T) {
//		provisioningtest.Run(t, func(t *testing.T) provisioningtest.Host {
//			db := open(t) // the host's database, with two organisations
//			return provisioningtest.Host{
//				Target: host.Target{DB: db}, Store: db.Store(),
//				Tenant: "acme", Other: "globex",
//				OrgRoles:  []string{"member", "administrator", "owner"},
//				TeamRoles: []string{"member", "administrator"},
//			}
//		})
//	}
//
// # What is checked
//
//   - Each method as package provisioning's doc comments say: what it does, done twice, and
//     for IDs that are not there.
//   - Isolation: what a tenant is told and changes is never another's.
//   - Transactions: what is undone in ours is undone in the host, or, for a host whose data
//     is elsewhere ([Host].Elsewhere), remembered.
//   - Several calls at the same time.
//   - Optional interfaces that the Target has: TeamDeleter, TeamArchiver, GroupTeamCreator,
//     MemberSetter, AccountsCreator, FieldSetter, FieldReader, Deprovisioner, AccountDeleter, PasswordEnder,
//     TokenRevoker, SessionEnder, AccountInviter, SeatCounter and TeamMemberLister. What some of them did can only be
//     seen with the functions of [Host].
//
// A failed check prints the rule in words, what was done, what was expected and what
// came. Run one alone with -run, for example -run 'TestTarget/members/role'.
//
// The checks make accounts and teams with random names in both tenants and leave them
// there. One database can therefore be shared by all checks; give the suite one that is
// thrown away afterwards. Use the real database, not a mock, and -race.
//
// # What is not checked
//
// What the host's own pages and sign-in do, beyond what [Host].SignIn and
// the functions of [Host] show; speed; and what a crash of the machine leaves behind.
//
// # Security
//
// Isolation is tried with real IDs of the other tenant, for every method that takes one.
//
// # Compatibility
//
// Checks may be added in minor versions where package provisioning's doc comments already
// say what they check. A host that fails a new check had a fault before.
package provisioningtest
