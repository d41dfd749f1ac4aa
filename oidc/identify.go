package oidc

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// person is who the provider says has signed in.
type person struct {
	issuer, subject string
	// email, verified and domain are from one and the same document, see readEmail.
	email     string
	addr      address
	hasAddr   bool
	verified  verification
	name      string
	sessionID string
	hosted    string // Google's hd
	edovFalse bool   // Entra's xms_edov is there and not true
	authTime  time.Time
	claims    object
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
	want := h.expect(c, m)
	want.nonce, want.accessToken = a.Nonce, t.accessToken
	claims, err := h.verifier.verify(ctx, t.idToken, want)
	if err != nil {
		return person{}, err
	}
	who := person{issuer: claims.issuer, subject: claims.subject, authTime: claims.authTime, claims: claims.obj}
	if sid, _ := claims.obj.str("sid"); len(sid) <= maxSubjectBytes {
		who.sessionID = sid
	}
	who.hosted, _ = claims.obj.str("hd")
	who.edovFalse = claims.obj.has("xms_edov") && !entraTrue(claims.obj, "xms_edov")
	who.readEmail(claims.obj)
	if (who.email == "" || h.cfg.AlwaysUserinfo) && m.userinfoEndpoint != "" && t.accessToken != "" {
		info, err := h.userinfo(ctx, m, t.accessToken, who.subject)
		if err != nil {
			return person{}, err
		}
		if who.email == "" {
			who.readEmail(info)
		}
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
		want.trusts = func(aud string) bool { return trust(c, aud) }
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
	p.email = email
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
	return doc.isTrue(name) || text == "1" || strings.EqualFold(text, "true") || string(doc[name]) == "1"
}

// userinfo asks the userinfo endpoint (OpenID Connect Core section 5.3). The answer must be about the same subject.
func (h *Handler) userinfo(ctx context.Context, m *metadata, accessToken, subject string) (object, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.userinfoEndpoint, http.NoBody)
	if err != nil {
		return nil, unavailable(CodeProviderConfig, "the userinfo endpoint is no URL", nil)
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	req.Header.Set("Accept", "application/json")
	ans, err := h.out.do(req, maxTokenBytes, CodeProviderDown)
	if err != nil {
		return nil, providerFailure(err, "the userinfo endpoint")
	}
	if ans.status != http.StatusOK {
		return nil, unavailable(CodeProviderDown, "the userinfo endpoint answered with an error", nil)
	}
	if strings.HasPrefix(strings.ToLower(ans.contentType), "application/jwt") {
		return nil, unavailable(CodeUserinfoSigned, "the provider signs userinfo; put the e-mail address into the ID token", nil)
	}
	info, err := parseObject(ans.body)
	if err != nil {
		return nil, denied(CodeUserinfoInvalid, "userinfo is no JSON object with members of different names")
	}
	if sub, _ := info.str("sub"); sub != subject {
		return nil, denied(CodeUserinfoInvalid, "userinfo is about another subject")
	}
	return info, nil
}
