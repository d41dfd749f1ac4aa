package oidc

import (
	"strings"

	"github.com/tenantgate/tenantgate/tenant"
)

const maxEmailBytes = 254 // RFC 5321 section 4.5.3.1.3, less the angle brackets

// address is an e-mail address whose domain can be compared: lower case, A-labels, no trailing dot.
type address struct{ local, domain string }

// String gives the address with its domain in normal form and its local part as it came.
func (a address) String() string { return a.local + "@" + a.domain }

// parseAddress takes an e-mail address apart, by the rule of package tenant: whatever two programs could read in two
// ways is refused.
func parseAddress(s string) (address, bool) {
	if len(s) > maxEmailBytes {
		return address{}, false
	}
	domain, err := tenant.EmailDomain(s)
	if err != nil {
		return address{}, false
	}
	local, _, _ := strings.Cut(s, "@")
	return address{local, domain}, true
}
