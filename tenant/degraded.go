package tenant

import (
	"fmt"
	"strings"
)

// Operation is something that people, directories and owners do.
type Operation string

// The operations of the table of degraded modes.
const (
	OpSignIn       Operation = "sign-in"       // of somebody who has signed in before
	OpFirstSignIn  Operation = "first sign-in" // of somebody who has not
	OpBreakGlass   Operation = "break-glass"   // the host's own sign-in of a break-glass address, while the provider is enforced
	OpCreateUser   Operation = "SCIM create"   // a directory creates a user
	OpDeactivate   Operation = "deactivate"    // a directory sets a user inactive
	OpDeleteUser   Operation = "SCIM delete"   // a directory deletes a user
	OpPushGroup    Operation = "group push"    // a directory creates a group with a member
	OpReadConfig   Operation = "read"          // an owner reads the set-up
	OpChangeConfig Operation = "change"        // an owner, or staff, changes the set-up
	OpHealth       Operation = "health"        // an owner asks Service.Health
)

// Operations returns the operations in the order of the table's columns.
func Operations() []Operation {
	return []Operation{
		OpSignIn, OpFirstSignIn, OpBreakGlass, OpCreateUser, OpDeactivate, OpDeleteUser, OpPushGroup, OpReadConfig, OpChangeConfig, OpHealth,
	}
}

// Behaviour is what an operation does in a mode.
type Behaviour struct {
	// Status is the HTTP status of a refusal, and Code its stable code; zero and empty for an operation that works. A 503
	// has Retry-After.
	Status int
	Code   string
	// Later says that an operation works, and what it gives waits until the mode is over.
	Later bool
	// Otherwise says that the operation works by other means than usual: people sign in with the host's own password.
	Otherwise bool
}

// Works says that the operation is done.
func (b Behaviour) Works() bool { return b.Status == 0 }

// String is the cell of the table.
func (b Behaviour) String() string {
	switch {
	case b.Later:
		return "later"
	case b.Otherwise:
		return "password"
	case b.Works():
		return "yes"
	}
	return fmt.Sprintf("%d %s", b.Status, b.Code)
}

// DegradedMode is a row of the table.
type DegradedMode struct {
	Mode Mode
	// When says what the mode is about.
	When string
	// Does has every one of [Operations].
	Does map[Operation]Behaviour
}

// DegradedModes returns what works in which mode, with package oidc, scim and provisioning around the [Service] and
// Config.Gate of oidc set. Whatever lapsed or failed, a directory takes access away, unless nothing can be stored at all:
// then it is told to come back. A test makes every cell true, and keeps this table current:
//
//	mode                 | sign-in                   | first sign-in             | break-glass     | SCIM create              | deactivate      | SCIM delete     | group push               | read | change            | health
//	---------------------+---------------------------+---------------------------+-----------------+--------------------------+-----------------+-----------------+--------------------------+------+-------------------+-------
//	plan_lapsed          | yes                       | 403 plan_required         | yes             | 403 plan_required        | yes             | yes             | 403 plan_required        | yes  | 403 plan_required | yes
//	plan_unknown         | yes                       | 503 plan_unknown          | yes             | 503 plan_unknown         | yes             | yes             | 503 plan_unknown         | yes  | 503 plan_unknown  | yes
//	connection_suspended | password                  | password                  | yes             | 403 connection_suspended | yes             | yes             | 403 connection_suspended | yes  | yes               | yes
//	provisioning_paused  | yes                       | yes                       | yes             | later                    | yes             | yes             | later                    | yes  | yes               | yes
//	secret_expired       | 503 client_secret_expired | 503 client_secret_expired | yes             | yes                      | yes             | yes             | yes                      | yes  | yes               | yes
//	secret_unreadable    | 503 secret_unreadable     | 503 secret_unreadable     | yes             | yes                      | yes             | yes             | yes                      | yes  | yes               | yes
//	dns_drift            | yes                       | yes                       | yes             | yes                      | yes             | yes             | yes                      | yes  | yes               | yes
//	provider_down        | 503 provider_unavailable  | 503 provider_unavailable  | yes             | yes                      | yes             | yes             | yes                      | yes  | yes               | yes
//	store_read_only      | 503 internal              | 503 internal              | 503 unavailable | 503 unavailable          | 503 unavailable | 503 unavailable | 503 unavailable          | yes  | 503 unavailable   | yes
//
// In plan_lapsed this is the time of Config.PlanGrace; after it nobody signs in at the provider, and people have the host's
// own ways. "later" is stored, and what it gives waits; "password" is one of the host's own ways in, for people who have
// one. The codes of SCIM are those of refusals in the journal: its answers have a status and a detail.
func DegradedModes() []DegradedMode {
	refused := func(status int, code string) Behaviour { return Behaviour{Status: status, Code: code} }
	row := func(m Mode, when string, differs map[Operation]Behaviour) DegradedMode {
		d := DegradedMode{Mode: m, When: when, Does: map[Operation]Behaviour{}}
		for _, op := range Operations() {
			d.Does[op] = differs[op]
		}
		return d
	}
	signIns := func(b Behaviour) map[Operation]Behaviour {
		return map[Operation]Behaviour{OpSignIn: b, OpFirstSignIn: b}
	}
	lapsed, unknown := refused(403, ErrorCodePlanRequired), refused(503, ErrorCodePlanUnknown)
	suspended, full := refused(403, ErrorCodeConnectionSuspended), refused(503, ErrorCodeUnavailable)
	return []DegradedMode{
		row(ModePlanLapsed, "The plan does not include single sign-on and SCIM any more; its grace is not over.", map[Operation]Behaviour{
			OpFirstSignIn: lapsed, OpCreateUser: lapsed, OpPushGroup: lapsed, OpChangeConfig: lapsed,
		}),
		row(ModePlanUnknown, "Config.Entitlements fails.", map[Operation]Behaviour{
			OpFirstSignIn: unknown, OpCreateUser: unknown, OpPushGroup: unknown, OpChangeConfig: unknown,
		}),
		row(ModeConnectionSuspended, "The connection was suspended.", map[Operation]Behaviour{
			OpSignIn: {Otherwise: true}, OpFirstSignIn: {Otherwise: true}, OpCreateUser: suspended, OpPushGroup: suspended,
		}),
		row(ModeProvisioningPaused, "An owner, or the brake on mass changes, paused provisioning.", map[Operation]Behaviour{
			OpCreateUser: {Later: true}, OpPushGroup: {Later: true},
		}),
		row(ModeSecretExpired, "The provider says that the client secret has expired.", signIns(refused(503, "client_secret_expired"))),
		row(ModeSecretUnreadable, "The key that sealed the client secret is gone.", signIns(refused(503, ErrorCodeSecretUnreadable))),
		row(ModeDNSDrift, "The record that proved a domain is gone.", nil),
		row(ModeProviderDown, "The provider does not answer.", signIns(refused(503, "provider_unavailable"))),
		row(ModeStoreReadOnly, "The database is read-only, full or failing over.", map[Operation]Behaviour{
			OpSignIn: refused(503, "internal"), OpFirstSignIn: refused(503, "internal"), OpBreakGlass: full, OpCreateUser: full,
			OpDeactivate: full, OpDeleteUser: full, OpPushGroup: full, OpChangeConfig: full,
		}),
	}
}

// DegradedTable renders [DegradedModes] as text: one line for each mode, with a heading.
func DegradedTable() string {
	table := [][]string{{"mode"}}
	for _, op := range Operations() {
		table[0] = append(table[0], string(op))
	}
	for _, m := range DegradedModes() {
		line := []string{string(m.Mode)}
		for _, op := range Operations() {
			line = append(line, m.Does[op].String())
		}
		table = append(table, line)
	}
	widths := make([]int, len(table[0]))
	for _, line := range table {
		for i, cell := range line {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	for n, line := range table {
		for i, cell := range line {
			if i > 0 {
				b.WriteString(" | ")
			}
			b.WriteString(cell)
			if i < len(line)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-len(cell)))
			}
		}
		b.WriteByte('\n')
		if n == 0 {
			for i, w := range widths {
				if i > 0 {
					b.WriteString("-+-")
				}
				b.WriteString(strings.Repeat("-", w))
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
