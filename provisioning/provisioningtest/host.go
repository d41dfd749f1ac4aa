package provisioningtest

import (
	"context"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// Host is a host to be checked. Target, Store, Tenant, Other, OrgRoles and TeamRoles are
// required.
type Host struct {
	Target provisioning.Target
	// Store begins the transactions that Target's methods get. Its tables are those of the
	// host's database, unless Elsewhere is set.
	Store store.Store
	// Tenant and Other are two organisations. They may have accounts and teams already.
	Tenant, Other string
	// OrgRoles and TeamRoles are those of provisioning.Config, lowest first.
	OrgRoles, TeamRoles []string

	// Elsewhere says that the host's data is not in Store's transactions: what a
	// transaction did that is undone must be remembered instead.
	Elsewhere bool
	// SignIn, if set, signs an account in, and returns what tells whether it still is.
	// Without it, no check looks at sessions.
	SignIn func(ctx context.Context, tenantID, accountID string) (signedIn func(ctx context.Context) (bool, error), err error)
	// JoinByHand, if set, makes an account a member of a team as a person does in the host's
	// pages. Without it, no check looks at what is by hand.
	JoinByHand func(ctx context.Context, tenantID, teamID, accountID, role string) error

	// Fields are the SCIM attributes that SetField is tried with: the names of
	// provisioning.FieldsConfig.Fields that are no part of a Profile. Nil means title.
	Fields []string
	// Field, if set, reads a field of an account as the host's pages show it: "displayName",
	// "phoneNumbers" and those of Fields; empty if there is none. Without it FieldsOf is asked, if the Target is a
	// FieldReader; otherwise no check looks at fields.
	Field func(ctx context.Context, tenantID, accountID, field string) (string, error)
	// Password and Token, if set, give an account a password, or an API token, and return what tells
	// whether it still works. Without them, no check looks at them.
	Password, Token func(ctx context.Context, tenantID, accountID string) (works func(ctx context.Context) (bool, error), err error)
	// Invited, if set, says whether an invitation waits for the account, or was sent.
	Invited func(ctx context.Context, tenantID, accountID string) (bool, error)
	// Duty, if set, gives an account something that somebody has to take over when it goes.
	Duty func(ctx context.Context, tenantID, accountID string) error
}

// checkTimeout ends a check whose host waits for ever, such as one that writes outside of
// the transaction that holds its table.
const checkTimeout = time.Minute

// Run checks the hosts that open returns. Each check is a subtest that calls open once.
// open registers with t.Cleanup whatever closes the host, and may return the same one
// each time. Checks of what a host does not have are skipped.
func Run(t *testing.T, open func(t *testing.T) Host) {
	for _, a := range areas() {
		t.Run(a.name, func(t *testing.T) {
			for _, c := range a.checks {
				t.Run(c.name, func(t *testing.T) {
					h := open(t)
					if missing := h.missing(); missing != "" {
						t.Fatalf("provisioningtest: Host.%s is required", missing)
					}
					if c.needs != nil && !c.needs(h) {
						t.Skip("the host does not have what this check is about")
					}
					c.runOn(t, h)
				})
			}
		})
	}
}

func (h Host) missing() string {
	switch {
	case h.Target == nil:
		return "Target"
	case h.Store == nil:
		return "Store"
	case h.Tenant == "":
		return "Tenant"
	case h.Other == "" || h.Other == h.Tenant:
		return "Other, another tenant,"
	case len(h.OrgRoles) == 0:
		return "OrgRoles"
	case len(h.TeamRoles) == 0:
		return "TeamRoles"
	}
	return ""
}

// area is a noun of the contract, and the checks that are about it.
type area struct {
	name   string
	checks []check
}

// check tests one rule.
type check struct {
	name string
	// rule is what the contract says, in words.
	rule string
	// needs, if set, says whether the host has what the check is about.
	needs func(Host) bool
	run   func(p *probe)
}

// runOn runs the check and reports to r.
func (c check) runOn(r reporter, h Host) {
	ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
	defer cancel()
	c.run(newProbe(ctx, r, h, c.rule))
}

func areas() []area {
	return []area{
		{"accounts", accountChecks()},
		{"profile", profileChecks()},
		{"access", accessChecks()},
		{"roles", roleChecks()},
		{"teams", teamChecks()},
		{"members", memberChecks()},
		{"isolation", isolationChecks()},
		{"transactions", transactionChecks()},
		{"elsewhere", elsewhereChecks()},
		{"at once", atOnceChecks()},
		{"team deleter", deleterChecks()},
		{"many", manyChecks()},
		{"fields", fieldChecks()},
		{"departures", departureChecks()},
		{"take over", takeOverChecks()},
		{"seats", seatChecks()},
		{"team archiver", archiveChecks()},
		{"team members", teamMemberChecks()},
	}
}

func here(h Host) bool      { return !h.Elsewhere }
func elsewhere(h Host) bool { return h.Elsewhere }
