package oidc

import (
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/tenant"
)

// noEmail tells whether a document has no e-mail address: one that is there and is no address is a mistake of the
// provider's, and nothing stands in for it.
func noEmail(doc object) bool {
	email, isText := doc.str("email")
	return !doc.has("email") || string(doc.get("email")) == "null" || isText && email == ""
}

// readFallback takes the address from the claim that the connection names (R18). It is from the ID token alone, which is
// signed. email_verified is about email and vouches for no other claim: true counts as not stated, so that who is trusted
// without it is trusted here; anything else refuses as ever.
func (p *person) readFallback(doc object, claim string) {
	value, ok := doc.str(claim)
	if !ok || value == "" || len(value) > maxEmailBytes {
		return
	}
	if p.guest = isGuest(doc, p.issuer); p.guest {
		return
	}
	p.email, p.emailClaim = value, claim
	p.addr, p.hasAddr = parseAddress(value)
	if p.verified = verifiedUnstated; doc.has("email_verified") && !doc.isTrue("email_verified") {
		p.verified = verifiedNo
	}
}

// fallback is the claim that stood for the address; empty where it was email.
func (p *person) fallback() string {
	if p.emailClaim == "email" {
		return ""
	}
	return p.emailClaim
}

// isGuest tells whether the person is another organisation's user. Entra says so in each of three ways, of which an
// application gets those that it asked for: the mark in the user principal name, acct, and idp, which then names another
// directory than the issuer does.
func isGuest(doc object, issuer string) bool {
	for _, claim := range []string{tenant.EmailFallbackUserName, tenant.EmailFallbackUPN} {
		if name, _ := doc.str(claim); strings.Contains(strings.ToUpper(name), "#EXT#") {
			return true
		}
	}
	if !isEntra(issuer) {
		return false // elsewhere these claims mean other things
	}
	if acct, _ := doc.str("acct"); acct == "1" || string(doc.get("acct")) == "1" {
		return true
	}
	idp, _ := doc.str("idp")
	return idp != "" && !sameDirectory(idp, issuer)
}

// sameDirectory tells whether idp names the directory of the issuer: as the issuer, or as that of the other version.
func sameDirectory(idp, issuer string) bool {
	if idp == issuer {
		return true
	}
	i, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	id, _, _ := strings.Cut(strings.Trim(i.Path, "/"), "/")
	u, err := url.Parse(idp)
	return err == nil && guid.MatchString(id) && isEntra(idp) && strings.EqualFold(strings.SplitN(strings.Trim(u.Path, "/"), "/", 2)[0], id)
}
