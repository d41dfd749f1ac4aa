package oidc

import (
	"context"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// person is who the provider says has signed in.
type person struct {
	// redeemed says that the provider gave tokens for the code: somebody signed in there.
	redeemed        bool
	issuer, subject string
	// email, verified and domain are from one and the same document, see readEmail.
	email     string
	addr      address
	hasAddr   bool
	verified  verification
	name      string
	sessionID string
	// emailClaim is the claim that email is from.
	emailClaim string
	// guest says that the claim which would stand for a missing address is that of another organisation's user.
	guest     bool
	hosted    string // Google's hd
	edovFalse bool   // Entra's xms_edov is there and not true
	authTime  time.Time
	// algorithm and keyID are those of the ID token, issued and received its iat and when it came.
	algorithm, keyID string
	issued, received time.Time
	acr              string
	amr              []string
	claims           object
	userinfo         object // nil if it was not asked for
	tokens           tokens
	origin           store.EventOrigin
}

// verification is what a document says about its e-mail address.
type verification int

const (
	verifiedUnstated verification = iota
	verifiedTrue
	verifiedText // the string "true"
	verifiedNo   // anything else that is stated
)

// identify redeems the code and checks everything that the provider says about the person.
func (h *Handler) identify(ctx context.Context, c store.Connection, m *metadata, a attempt, code string) (person, error) {
	t, err := h.exchange(ctx, c, m, a, code)
	if err != nil {
		return person{}, err
	}
	unknown := person{redeemed: true}
	want := h.expect(c, m)
	want.nonce, want.accessToken = a.Nonce, t.accessToken
	claims, err := h.verifier.verify(ctx, t.idToken, want)
	if err != nil {
		return unknown, err
	}
	if err := a.checkAge(claims.authTime, h.now(), h.cfg.ClockSkew); err != nil {
		return unknown, err
	}
	who, err := h.describe(ctx, c.EmailFallback, m, want, claims, t)
	who.redeemed = true
	return who, err
}

// describe reads who the verified ID token is about, and asks the userinfo endpoint where that is needed. fallback is the
// connection's EmailFallback.
func (h *Handler) describe(ctx context.Context, fallback string, m *metadata, want expectation, claims *claimSet, t tokens) (person, error) {
	who := person{
		issuer: claims.issuer, subject: claims.subject, authTime: claims.authTime, acr: claims.acr, claims: claims.obj, tokens: t,
		amr: claims.obj.strs("amr"), algorithm: want.alg, keyID: claims.keyID, issued: claims.issued, received: h.now(),
	}
	if sid, _ := claims.obj.str("sid"); checkName("sid", sid) == nil {
		who.sessionID = sid
	}
	who.hosted, _ = claims.obj.str("hd")
	who.edovFalse = claims.obj.has("xms_edov") && !entraTrue(claims.obj, "xms_edov")
	who.readEmail(claims.obj)
	if (who.email == "" || h.cfg.AlwaysUserinfo) && m.userinfoEndpoint != "" && t.accessToken != "" {
		info, err := h.userinfo(ctx, m, want, t.accessToken, who.subject)
		if err != nil {
			return person{}, err
		}
		who.userinfo = info
		if who.email == "" {
			who.readEmail(info)
		}
	}
	if fallback != "" && noEmail(claims.obj) && noEmail(who.userinfo) {
		who.readFallback(claims.obj, fallback)
	}
	return who, nil
}

// expect is what the tokens of a connection must say.
func (h *Handler) expect(c store.Connection, m *metadata) expectation {
	want := expectation{issuer: c.Issuer, clientID: c.ClientID, jwksURI: m.jwksURI, alg: c.SigningAlg}
	if want.alg == "" {
		want.alg, _ = m.signingAlg() // check saw to it that there is one
	}
	if trust := h.cfg.TrustAudience; trust != nil {
		own := c // of the closure, so that c itself is copied to no other place where there is none
		want.trusts = func(aud string) bool { return trust(own, aud) }
	}
	return want
}

// readEmail takes the address and what is said about it from one document: an email_verified of one document says
// nothing about the email of another.
func (p *person) readEmail(doc object) {
	email, ok := doc.str("email")
	if !ok || email == "" || len(email) > maxEmailBytes {
		return
	}
	p.email, p.emailClaim = email, "email"
	p.addr, p.hasAddr = parseAddress(email)
	switch text, isText := doc.str("email_verified"); {
	case !doc.has("email_verified"):
		p.verified = verifiedUnstated
	case doc.isTrue("email_verified"):
		p.verified = verifiedTrue
	case isText && text == "true":
		p.verified = verifiedText
	default:
		p.verified = verifiedNo
	}
	if name, ok := doc.str("name"); ok && len(name) <= 256 {
		p.name = name
	}
}

// entraTrue reads a claim that Microsoft sends as true, "1" or 1.
func entraTrue(doc object, name string) bool {
	text, _ := doc.str(name)
	return doc.isTrue(name) || text == "1" || strings.EqualFold(text, "true") || string(doc.get(name)) == "1"
}
