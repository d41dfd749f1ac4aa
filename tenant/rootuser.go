package tenant

import (
	"slices"
	"strings"
)

// FieldRootUser is the field of findings about the account that created the organisation.
const FieldRootUser = "root_user"

// CodeRootUserPersonal is the code of a warning: the root user looks like somebody's own account.
const CodeRootUserPersonal = "root_user_personal"

// roles are words that addresses of no particular person have.
var roles = []string{
	"account", "accounts", "admin", "administrator", "admins", "billing", "breakglass", "cloud", "contact", "desk", "dev", "devops", "engineering",
	"help", "helpdesk", "hostmaster", "identity", "idp", "info", "infra", "infrastructure", "iam", "it", "mail", "monitoring", "noc", "office", "oncall",
	"operations", "ops", "org", "owner", "platform", "postmaster", "root", "saas", "scim", "security", "service", "services", "sre", "sso", "support",
	"sysadmin", "system", "systems", "team", "tech", "webmaster",
}

// CheckRootUser looks at the address of the account that created the organisation (R5). No directory can provision that
// account (R4), so that somebody's own one is better not it: a warning says so where the address looks like a person's. It is
// a guess, holds nobody up, and says nothing about what is no address.
func CheckRootUser(email string) []Finding {
	email, err := NormalizeEmail(email)
	if err != nil {
		return nil
	}
	local, _, _ := strings.Cut(email, "@")
	local, _, _ = strings.Cut(local, "+")
	words := strings.FieldsFunc(strings.ToLower(local), func(r rune) bool { return r < 'a' || r > 'z' })
	if slices.ContainsFunc(words, func(word string) bool { return slices.Contains(roles, word) }) {
		return nil
	}
	f := warning(FieldRootUser, CodeRootUserPersonal,
		"%s created the organisation, and can't be provisioned by a directory. It looks like somebody's own address. Give this account an address of a team, so that the person can be provisioned with theirs.", shown(email))
	f.Expected = "an address such as devops@acme.com"
	return []Finding{f.got(shown(email))}
}
