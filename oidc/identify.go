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
	// ahead, if not nil, is what look would read, see lookMeanwhile.
	ahead *known
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
	unsigned, claims, err := h.verifier.read(t.idToken, want)
	if err != nil {
		return unknown, err
	}
	if err := a.checkAge(claims.authTime, h.now(), h.cfg.ClockSkew); err != nil {
		return unknown, err
	}
	who := h.personOf(want, claims, t)
	signed := func() error { return h.verifier.signed(ctx, unsigned, want, signIn) }
	if !h.asksUserinfo(m, who) {
		who.completeEmail(c.EmailFallback)
		if a.Test == nil {
			who.ahead, err = h.lookMeanwhile(ctx, c, who, signed)
		} else {
			err = signed()
		}
		if err != nil {
			return unknown, err
		}
		who.redeemed = true
		return who, nil
	}
	if err := signed(); err != nil {
		return unknown, err
	}
	who, err = h.describe(ctx, c.EmailFallback, m, want, who)
	who.redeemed = true
	return who, err
}

// personOf reads who an ID token is about.
func (h *Handler) personOf(want expectation, claims *claimSet, t tokens) person {
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
	return who
}

// asksUserinfo tells whether the userinfo endpoint is needed, and there to be asked.
func (h *Handler) asksUserinfo(m *metadata, who person) bool {
	return (who.email == "" || h.cfg.AlwaysUserinfo) && m.userinfoEndpoint != "" && who.tokens.accessToken != ""
}

// describe completes what the verified ID token says by what the userinfo endpoint does, where that is needed. fallback is
// the connection's EmailFallback.
func (h *Handler) describe(ctx context.Context, fallback string, m *metadata, want expectation, who person) (person, error) {
	if h.asksUserinfo(m, who) {
		info, err := h.userinfo(ctx, m, want, who.tokens.accessToken, who.subject)
		if err != nil {
			return person{}, err
		}
		who.userinfo = info
		if who.email == "" {
			who.readEmail(info)
		}
	}
	who.completeEmail(fallback)
	return who, nil
}

// completeEmail takes the claim that stands for a missing address, if no document has one.
func (p *person) completeEmail(fallback string) {
	if fallback != "" && noEmail(p.claims) && noEmail(p.userinfo) {
		p.readFallback(p.claims, fallback)
	}
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
