package tenant

import "fmt"

// The claims that can stand for the e-mail address of people who have none: [Draft].EmailFallback.
const (
	// EmailFallbackUserName is preferred_username, which Entra sends with the scope profile.
	EmailFallbackUserName = "preferred_username"
	// EmailFallbackUPN is upn, an optional claim of Entra's.
	EmailFallbackUPN = "upn"
)

// checkEmailFallback names what the choice means, for the owner and for those who review (R18).
func checkEmailFallback(claim, authority string) []Finding {
	switch {
	case claim == "":
		return nil
	case claim != EmailFallbackUserName && claim != EmailFallbackUPN:
		f := errorFinding(FieldEmailFallback, CodeEmailFallbackInvalid, "%s can't stand for the e-mail address.", shown(claim)).got(shown(claim))
		f.Expected = fmt.Sprintf("nothing, %s, %s", EmailFallbackUserName, EmailFallbackUPN)
		return []Finding{f}
	case IsSharedAuthority(authority):
		return []Finding{errorFinding(FieldEmailFallback, CodeEmailFallbackShared,
			"This provider serves many organisations, and vouches for e-mail addresses alone. Leave out what else may stand for one.").got(claim)}
	}
	return []Finding{warning(FieldEmailFallback, CodeEmailFallback,
		"People for whom your provider sends no e-mail address are taken to be the owner of the address in %s. Use this only where nobody can choose it themselves, as in Entra.", claim)}
}
