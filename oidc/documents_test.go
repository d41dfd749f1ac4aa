package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/tenant"
)

// documents are what well-known providers send, by provider and kind: testdata/providers/<provider>/<kind>.json. They are
// written after the providers' own, with keys, names and numbers that are nobody's.
func documents(tb testing.TB, kind string) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "providers", "*", kind+".json"))
	require.NoError(tb, err)
	require.GreaterOrEqual(tb, len(files), 6, kind)
	docs := map[string][]byte{}
	for _, f := range files {
		body, err := os.ReadFile(f)
		require.NoError(tb, err)
		docs[filepath.Base(filepath.Dir(f))] = body
	}
	return docs
}

// TestProviderDocuments: the metadata and keys of well-known providers are read as they are.
func TestProviderDocuments(t *testing.T) {
	t.Parallel()
	out := newOutbound(tenant.NewOutboundClient(tenant.OutboundConfig{}), false)
	keys := documents(t, "keys")
	for name, tt := range map[string]struct {
		authority, auth string
		warnings        []string
	}{
		"entra":     {"https://login.microsoftonline.com/" + someGUID + "/v2.0", authBasic, []string{CodeNoPKCE}},
		"okta":      {"https://acme.okta.com", authBasic, nil},
		"google":    {"https://accounts.google.com", authBasic, nil},
		"auth0":     {"https://acme.eu.auth0.com", authPost, []string{CodeIssuerTrailingSlash}},
		"keycloak":  {"https://sso.acme.example/realms/acme", authBasic, nil},
		"jumpcloud": {"https://oauth.id.jumpcloud.com/", authPost, nil},
	} {
		m, err := parseMetadata(documents(t, "discovery")[name])
		require.NoError(t, err, name)
		var warnings []string
		for _, f := range m.check(tt.authority, out) {
			require.NotEqual(t, tenant.SeverityError, f.Severity, "%s: %s", name, f.Message)
			warnings = append(warnings, f.Code)
		}
		require.Equal(t, tt.warnings, warnings, name)
		alg, ok := m.signingAlg()
		require.True(t, ok)
		require.Equal(t, "RS256", alg, name)
		method, ok := m.authMethod("", name, false)
		require.True(t, ok)
		require.Equal(t, tt.auth, method, name)
		require.NotEmpty(t, m.userinfoEndpoint, name)
		set, err := parseJWKS(keys[name])
		require.NoError(t, err, name)
		require.NotEmpty(t, set, name)
		for _, k := range set {
			require.True(t, k.fits(k.id, alg), "%s %s", name, k.id)
		}
	}
}

// canned is a provider that answers every request with one document.
type canned struct {
	status      int
	contentType string
	body        []byte
}

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Header: http.Header{"Content-Type": {c.contentType}}, Body: io.NopCloser(bytes.NewReader(c.body)),
	}, nil
}

// userinfoSaid is what a userinfo answer with this body leads to.
func userinfoSaid(tb testing.TB, contentType string, body []byte) (object, error) {
	tb.Helper()
	out := newOutbound(&http.Client{Transport: canned{200, contentType, body}}, false)
	h := &Handler{out: out, verifier: &verifier{keys: newKeyCache(out, time.Now, time.Second, 10), now: time.Now, skew: DefaultClockSkew}}
	want := expectation{issuer: "https://idp.example", clientID: "client", jwksURI: "https://idp.example/keys", alg: "RS256"}
	return h.userinfo(tb.Context(), &metadata{userinfoEndpoint: "https://idp.example/userinfo"}, want, "t", "s")
}

// decoded is what encoding/json makes of a document that was accepted.
func decoded(tb testing.TB, body []byte) (std map[string]any) {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&std); err != nil || !json.Valid(body) {
		tb.Fatalf("accepted what encoding/json refuses: %v", err)
	}
	return std
}

// checkUserinfo is what must hold for whatever a provider answers at its userinfo endpoint.
func checkUserinfo(tb testing.TB, contentType string, body []byte) {
	tb.Helper()
	info, err := userinfoSaid(tb, contentType, body)
	if err != nil {
		if !errors.Is(err, ErrDenied) && !errors.Is(err, ErrUnavailable) {
			tb.Fatalf("an error of no family: %v", err)
		}
		return
	}
	if media, _, _ := strings.Cut(contentType, ";"); strings.EqualFold(strings.TrimSpace(media), "application/jwt") {
		tb.Fatal("accepted a token that nobody signed")
	}
	std := decoded(tb, body)
	if std["sub"] != "s" {
		tb.Fatalf("accepted userinfo about %v", std["sub"])
	}
	var who person
	who.readEmail(info)
	if who.email != "" && who.email != std["email"] || len(who.email) > maxEmailBytes {
		tb.Fatalf("took the address %q", who.email)
	}
	if who.verified == verifiedTrue && std["email_verified"] != true {
		tb.Fatalf("took email_verified %v for true", std["email_verified"])
	}
	if who.hasAddr && strings.Count(who.email, "@") != 1 {
		tb.Fatalf("took %q for an address", who.email)
	}
}

// checkTokens is what must hold for whatever a token endpoint answers.
func checkTokens(tb testing.TB, status int, body []byte) {
	tb.Helper()
	got, err := parseTokens(&answer{status: status, body: body}, call{what: "the token endpoint"})
	if err != nil {
		if e, ok := errors.AsType[*Error](err); !ok || e.Code == "" || len(e.Reason) > 500 {
			tb.Fatalf("a strange error: %v", err)
		}
		return
	}
	std := decoded(tb, body)
	if status != 200 {
		tb.Fatalf("accepted status %d", status)
	}
	for name, s := range map[string]string{"id_token": got.idToken, "access_token": got.accessToken, "refresh_token": got.refreshToken} {
		if s != "" && s != std[name] {
			tb.Fatalf("%s is %q, the document has %v", name, s, std[name])
		}
	}
}

// checkMetadata is what must hold for a discovery document that passes the check: only https endpoints, and a pinned
// algorithm of ours.
func checkMetadata(tb testing.TB, out *outbound, authority string, body []byte) {
	tb.Helper()
	m, err := parseMetadata(body)
	if err != nil || hasErrors(m.check(authority, out)) {
		return
	}
	endpoints := []string{m.authorizationEndpoint, m.tokenEndpoint, m.jwksURI}
	for _, optional := range m.optional() {
		if *optional != "" {
			endpoints = append(endpoints, *optional)
		}
	}
	for _, u := range endpoints {
		if !strings.HasPrefix(strings.ToLower(u), "https://") || strings.ContainsAny(u, " \t\r\n\\") {
			tb.Fatalf("accepted %q", u)
		}
	}
	if alg, ok := m.signingAlg(); !ok || alg == "none" || strings.HasPrefix(alg, "HS") {
		tb.Fatalf("pinned %q", alg)
	}
	if matchIssuer(authority, m.issuer) == issuerDiffers {
		tb.Fatalf("accepted the issuer %q", m.issuer)
	}
}

// checkKeys is what must hold for a key set: public asymmetric keys, few of them.
func checkKeys(tb testing.TB, body []byte) {
	tb.Helper()
	keys, err := parseJWKS(body)
	if err != nil {
		return
	}
	if len(keys) > maxJWKSKeys {
		tb.Fatalf("%d keys", len(keys))
	}
	for _, k := range keys {
		if k.fits(k.id, "HS256") || k.fits(k.id, "none") {
			tb.Fatal("a key fits a symmetric algorithm or none")
		}
	}
}

// notary signs whatever it is given, with a key that its verifier knows.
type notary struct {
	verifier *verifier
	signer   jose.Signer
	want     expectation
}

func newNotary(tb testing.TB) notary {
	tb.Helper()
	cache, _, want, signer := signedToken(tb, "ES256")
	want.accessToken = "access"
	return notary{
		verifier: &verifier{keys: cache, now: func() time.Time { return time.Unix(1700000000, 0) }, skew: DefaultClockSkew}, signer: signer, want: want,
	}
}

// checkClaims is what must hold for claims that a provider really signed: a token is accepted only if it is for us, from
// it, about somebody, now, and answers our request.
func (n notary) checkClaims(tb testing.TB, payload []byte) {
	tb.Helper()
	set, err := n.verifier.verify(tb.Context(), n.sign(tb, payload), n.want)
	if err != nil {
		if !errors.Is(err, ErrDenied) {
			tb.Fatalf("an error of another family: %v", err)
		}
		return
	}
	std := decoded(tb, payload)
	aud, ok := std["aud"].(string)
	if list, isList := std["aud"].([]any); isList && len(list) > 0 {
		aud, ok = list[0].(string)
		for _, a := range list {
			ok = ok && a == n.want.clientID
		}
	}
	number, _ := std["exp"].(json.Number)
	exp, _ := number.Float64()
	if !ok || aud != n.want.clientID || std["iss"] != n.want.issuer || std["nonce"] != n.want.nonce || std["sub"] != set.subject ||
		set.subject == "" || len(set.subject) > maxSubjectBytes || exp < 1700000000-60 {
		tb.Fatalf("accepted %s", payload)
	}
}

// spoiled yields a document in many broken forms: cut off, with a byte replaced, and with each member's value replaced,
// repeated, or under a name in capitals.
func spoiled(doc []byte, step int, yield func([]byte)) {
	yield(doc)
	for i := 0; i < len(doc); i += step {
		yield(doc[:i])
		for _, b := range []byte("\"{}[],:0\x00\xff\\") {
			own := bytes.Clone(doc)
			own[i] = b
			yield(own)
		}
	}
	obj, err := parseObject(doc)
	if err != nil {
		return
	}
	for i, m := range obj {
		name, value := string(m.name), m.value
		member := []byte(`"` + name + `"`)
		for _, v := range []string{`null`, `0`, `-1e309`, `true`, `""`, `[]`, `{}`, `[null]`, `"\ud800"`, `"` + strings.Repeat("x", 5000) + `"`, strings.Repeat("[", 500) + strings.Repeat("]", 500)} {
			own := slices.Clone(obj)
			own[i].value = json.RawMessage(v)
			if out, err := json.Marshal(own); err == nil {
				yield(out)
			}
		}
		for _, other := range []string{string(member), strings.ToUpper(string(member))} {
			yield([]byte("{" + other + ":" + string(value) + "," + strings.TrimPrefix(strings.TrimSpace(string(doc)), "{")))
		}
	}
}

// TestS20_SpoiledDocuments: the documents of well-known providers in thousands of broken forms. The fuzz targets go on from
// the same ones.
func TestS20_SpoiledDocuments(t *testing.T) {
	proves(t)
	t.Parallel()
	out := newOutbound(tenant.NewOutboundClient(tenant.OutboundConfig{}), false)
	n := newNotary(t)
	for kind, check := range map[string]func(t *testing.T, body []byte){
		"discovery": func(t *testing.T, body []byte) { checkMetadata(t, out, "https://acme.okta.com", body) },
		"keys":      func(t *testing.T, body []byte) { checkKeys(t, body) },
		"token":     func(t *testing.T, body []byte) { checkTokens(t, 200, body) },
		"token_error": func(t *testing.T, body []byte) {
			checkTokens(t, 400, body)
			checkTokens(t, 200, body)
		},
		"userinfo": func(t *testing.T, body []byte) { checkUserinfo(t, "application/json", body) },
		"claims":   func(t *testing.T, body []byte) { n.checkClaims(t, body) },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			count := 0
			for name, doc := range documents(t, kind) {
				step := 1 + len(doc)/50
				spoiled(doc, step, func(body []byte) {
					count++
					check(t, body)
				})
				if kind == "claims" {
					_, err := n.verifier.verify(t.Context(), n.sign(t, doc), n.want)
					// Only at_hash of a real access token is checked beyond this.
					require.NoError(t, err, name)
				}
			}
			require.Greater(t, count, 3000)
		})
	}
}

func (n notary) sign(tb testing.TB, payload []byte) string {
	tb.Helper()
	signed, err := n.signer.Sign(payload)
	require.NoError(tb, err)
	raw, err := signed.CompactSerialize()
	require.NoError(tb, err)
	return raw
}

// TestS20_EveryInputIsFuzzed: each document that comes from outside has a fuzz target, with findings of earlier runs.
func TestS20_EveryInputIsFuzzed(t *testing.T) {
	proves(t)
	t.Parallel()
	files, err := filepath.Glob("fuzz*_test.go")
	require.NoError(t, err)
	var source strings.Builder
	for _, f := range files {
		body, err := os.ReadFile(f)
		require.NoError(t, err)
		source.Write(body)
	}
	for _, target := range []string{
		"Response", "LogoutToken", "Metadata", "JWKS", "Userinfo", "TokenResponse", "IDToken", "Claims", "ReturnTo", "Object",
	} {
		require.Contains(t, source.String(), "func Fuzz"+target+"(f *testing.F)")
	}
}
