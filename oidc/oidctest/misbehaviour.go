package oidctest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Misbehaviour is one thing that a provider can do wrong during a sign-in or a logout, with what a relying party must do
// then.
type Misbehaviour struct {
	// Name is the conformance suite's ID where it has one, else words of our own.
	Name string
	// Faults make it happen.
	Faults Faults
	// Accept says that the sign-in must succeed all the same; otherwise it must end without a session. A logout must end
	// sessions and be answered with 200, or be refused with 400.
	Accept bool
}

// Misbehaviours returns faults that show in one sign-in. Use each with a provider that signs with RS256.
func Misbehaviours() []Misbehaviour {
	return slices.Concat(claimMisbehaviours(), timeMisbehaviours(), signatureMisbehaviours(), formMisbehaviours(), documentMisbehaviours())
}

// claim makes Faults that set one claim; a nil value removes it.
func claim(name string, value any) Faults {
	return Faults{Claims: func(c map[string]any) {
		if value == nil {
			delete(c, name)
			return
		}
		c[name] = value
	}}
}

// suffix makes Faults that append a character to a string claim.
func suffix(name string) Faults {
	return Faults{Claims: func(c map[string]any) { c[name] = fmt.Sprint(c[name]) + "1" }}
}

func claimMisbehaviours() []Misbehaviour {
	return []Misbehaviour{
		{Name: "oidcc-client-test", Accept: true},
		{Name: "oidcc-client-test-invalid-iss", Faults: suffix("iss")},
		{Name: "oidcc-client-test-missing-sub", Faults: claim("sub", nil)},
		{Name: "oidcc-client-test-invalid-aud", Faults: suffix("aud")},
		{Name: "oidcc-client-test-missing-aud", Faults: claim("aud", nil)},
		{Name: "oidcc-client-test-missing-iat", Faults: claim("iat", nil)},
		{Name: "oidcc-client-test-nonce-invalid", Faults: suffix("nonce")},
		{Name: "oidcc-client-test-invalid-athash", Faults: suffix("at_hash")},
		{Name: "missing iss", Faults: claim("iss", nil)},
		{Name: "missing nonce", Faults: claim("nonce", nil)},
		{Name: "missing exp", Faults: claim("exp", nil)},
		{Name: "missing at_hash is allowed in the code flow", Faults: claim("at_hash", nil), Accept: true},
		{Name: "iss as array", Faults: claim("iss", []string{"x"})},
		{Name: "sub empty", Faults: claim("sub", "")},
		{Name: "sub null", Faults: claim("sub", []byte(nil))},
		{Name: "sub number", Faults: claim("sub", 42)},
		{Name: "sub of 256 bytes", Faults: claim("sub", strings.Repeat("s", 256))},
		{Name: "sub of 255 bytes", Faults: claim("sub", strings.Repeat("s", 255)), Accept: true},
		{Name: "sub with NUL", Faults: claim("sub", "a\x00b")},
		{Name: "aud as array of this client", Faults: claim("aud", []string{DefaultClientID}), Accept: true},
		{Name: "aud empty array", Faults: claim("aud", []string{})},
		{Name: "aud object", Faults: claim("aud", map[string]any{"0": DefaultClientID})},
		{Name: "aud with a second audience and no azp", Faults: claim("aud", []string{DefaultClientID, "other"})},
		{Name: "aud with an untrusted audience and azp", Faults: Faults{Claims: func(c map[string]any) {
			c["aud"], c["azp"] = []string{DefaultClientID, "other"}, DefaultClientID
		}}},
		{Name: "azp of another client", Faults: claim("azp", "other")},
		{Name: "azp of this client", Faults: claim("azp", DefaultClientID), Accept: true},
		{Name: "odd types in claims that nobody needs", Accept: true, Faults: Faults{Claims: func(c map[string]any) {
			c["locale"], c["updated_at"], c["address"] = map[string]any{"a": 1}, "2024-01-02 03:04:05", "Street 1"
			c["phone_number_verified"], c["name"], c["auth_time"] = nil, 7, "yesterday"
		}}},
	}
}

func timeMisbehaviours() []Misbehaviour {
	after := func(name string, d time.Duration) Faults {
		return Faults{Claims: func(c map[string]any) { c[name] = time.Now().Add(d).Unix() }}
	}
	return []Misbehaviour{
		{Name: "expired six minutes ago", Faults: after("exp", -6*time.Minute)},
		{Name: "expired ten seconds ago, within the skew", Faults: after("exp", -10*time.Second), Accept: true},
		{Name: "issued six minutes ahead", Faults: after("iat", 6*time.Minute)},
		{Name: "issued ten seconds ahead, within the skew", Faults: after("iat", 10*time.Second), Accept: true},
		{Name: "not valid before one hour ahead", Faults: after("nbf", time.Hour)},
		{Name: "exp as string", Faults: claim("exp", "4102444800")},
		{Name: "exp negative", Faults: claim("exp", -1)},
		{Name: "exp beyond all years", Faults: claim("exp", 1e300)},
		{Name: "iat null", Faults: claim("iat", []byte(nil))},
	}
}

func signatureMisbehaviours() []Misbehaviour {
	header := func(name string, value any) Faults {
		return Faults{Header: func(h map[string]any) { h[name] = value }}
	}
	token := func(f func(head, payload, sig string) string) Faults {
		return Faults{IDToken: func(raw string) string {
			p := strings.SplitN(raw, ".", 3)
			return f(p[0], p[1], p[2])
		}}
	}
	return []Misbehaviour{
		{Name: "oidcc-client-test-idtoken-sig-none", Faults: Faults{Alg: "none"}},
		{Name: "oidcc-client-test-invalid-sig-hs256", Faults: Faults{Alg: "HS256"}},
		{Name: "oidcc-client-test-invalid-sig-rs256", Faults: token(func(h, p, s string) string { return h + "." + p + "." + flip(s) })},
		{Name: "alg None", Faults: header("alg", "None")},
		{Name: "another algorithm of the same key (PS256)", Faults: Faults{Alg: "PS256"}},
		{Name: "signature removed", Faults: token(func(h, p, _ string) string { return h + "." + p + "." })},
		{Name: "payload changed", Faults: token(func(h, _, s string) string { return h + "." + b64([]byte(`{"sub":"admin"}`)) + "." + s })},
		{Name: "kid unknown", Faults: header("kid", "no-such-key")},
		{Name: "kid absent, one key", Faults: Faults{Header: func(h map[string]any) { delete(h, "kid") }}, Accept: true},
		{Name: "embedded jwk", Faults: header("jwk", map[string]any{"kty": "RSA", "n": "AQAB", "e": "AQAB"})},
		{Name: "jku", Faults: header("jku", "https://evil.example/keys")},
		{Name: "crit unknown", Faults: Faults{Header: func(h map[string]any) { h["crit"], h["x"] = []string{"x"}, 1 }}},
		{Name: "b64 false", Faults: Faults{Header: func(h map[string]any) { h["crit"], h["b64"] = []string{"b64"}, false }}},
		{Name: "typ logout+jwt", Faults: header("typ", "logout+jwt")},
		{Name: "typ at+jwt", Faults: header("typ", "at+jwt")},
		{Name: "typ absent", Faults: Faults{Header: func(h map[string]any) { delete(h, "typ") }}, Accept: true},
	}
}

func formMisbehaviours() []Misbehaviour {
	payload := func(f func([]byte) []byte) Faults { return Faults{Payload: f} }
	insert := func(member string) Faults {
		return payload(func(b []byte) []byte { return append([]byte("{"+member+","), bytes.TrimPrefix(b, []byte("{"))...) })
	}
	appendix := func(member string) Faults {
		return payload(func(b []byte) []byte { return append(bytes.TrimSuffix(b, []byte("}")), []byte(","+member+"}")...) })
	}
	raw := func(f func(string) string) Faults { return Faults{IDToken: f} }
	return []Misbehaviour{
		{Name: "payload null", Faults: payload(func([]byte) []byte { return []byte("null") })},
		{Name: "payload array", Faults: payload(func(b []byte) []byte { return append(append([]byte("["), b...), ']') })},
		{Name: "payload string", Faults: payload(func([]byte) []byte { return []byte(`"x"`) })},
		{Name: "payload nested deeply", Faults: appendix(`"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000))},
		{Name: "sub twice", Faults: insert(`"sub":"admin"`)},
		{Name: "email_verified twice", Faults: appendix(`"email_verified":true`)},
		{Name: "SUB beside sub is ignored", Faults: appendix(`"SUB":"admin"`), Accept: true},
		{Name: "four parts", Faults: raw(func(s string) string { return s + ".x" })},
		{Name: "five parts", Faults: raw(func(s string) string { return s + ".x.y" })},
		{Name: "JSON serialisation", Faults: raw(func(s string) string {
			p := strings.SplitN(s, ".", 3)
			return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, p[0], p[1], p[2])
		})},
		{Name: "token empty", Faults: raw(func(string) string { return "" })},
		{Name: "token of 200 KiB", Faults: claim("x", strings.Repeat("x", 200<<10))},
	}
}

func documentMisbehaviours() []Misbehaviour {
	at := func(e Endpoint, f Fault) Faults { return Faults{Endpoints: map[Endpoint]Fault{e: f}} }
	metadata := func(name string, value any) Faults {
		return Faults{Metadata: func(m map[string]any) {
			if value == nil {
				delete(m, name)
				return
			}
			m[name] = value
		}}
	}
	var all []Misbehaviour
	for _, e := range []Endpoint{Discovery, Keys, Token} {
		for _, f := range []struct {
			name  string
			fault Fault
		}{
			{"null", Fault{Body: "null"}},
			{"array", Fault{Body: "[]"}},
			{"empty object", Fault{Body: "{}"}},
			{"no JSON", Fault{Body: "<html>"}},
			{"status 500", Fault{Status: 500, Body: "secret stack trace"}},
			{"redirect", Fault{Redirect: "https://evil.example/"}},
			{"endless body", Fault{Endless: 64 << 20}},
		} {
			all = append(all, Misbehaviour{Name: string(e) + ": " + f.name, Faults: at(e, f.fault)})
		}
	}
	return append(all,
		Misbehaviour{Name: "oidcc-client-test-discovery-issuer-mismatch", Faults: Faults{Metadata: func(m map[string]any) {
			m["issuer"] = fmt.Sprint(m["issuer"]) + "INVALID"
		}}},
		Misbehaviour{Name: "discovery: unused fields of odd types", Accept: true, Faults: Faults{Metadata: func(m map[string]any) {
			m["response_types_supported"], m["claims_parameter_supported"], m["ui_locales_supported"] = "code", "true", 7
		}}},
		Misbehaviour{Name: "discovery: no jwks_uri", Faults: metadata("jwks_uri", nil)},
		Misbehaviour{Name: "discovery: no token_endpoint", Faults: metadata("token_endpoint", nil)},
		Misbehaviour{Name: "discovery: authorization_endpoint javascript:", Faults: metadata("authorization_endpoint", "javascript:alert(1)")},
		Misbehaviour{Name: "discovery: token_endpoint file:", Faults: metadata("token_endpoint", "file:///etc/passwd")},
		Misbehaviour{Name: "discovery: jwks_uri with user", Faults: metadata("jwks_uri", "https://user:pw@idp.example/keys")},
		Misbehaviour{Name: "discovery: only alg none", Faults: metadata("id_token_signing_alg_values_supported", []string{"none"})},
		Misbehaviour{Name: "discovery: token_endpoint at a private http address", Faults: metadata("token_endpoint", "http://169.254.169.254/latest")},
		Misbehaviour{Name: "keys: malformed ones among good ones", Accept: true, Faults: Faults{KeySet: func(m map[string]any) {
			keys, _ := m["keys"].([]any)
			m["keys"] = append([]any{
				nil, "x",
				map[string]any{"kty": "RSA"},
				map[string]any{"kty": "oct", "k": "AAAA"},
				map[string]any{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
				map[string]any{"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
				map[string]any{"kty": "RSA", "n": "AQAB", "e": "AQAB", "x5c": []string{"!"}},
				map[string]any{"kty": "ML-DSA"},
			}, keys...)
		}}},
		Misbehaviour{Name: "keys: none left", Faults: Faults{KeySet: func(m map[string]any) {
			m["keys"] = []any{}
		}}},
		Misbehaviour{Name: "response: iss of another provider (RFC 9207)", Faults: Faults{Response: func(v map[string][]string) {
			v["iss"] = []string{"https://evil.example"}
		}}},
		Misbehaviour{Name: "response: iss missing although advertised", Faults: Faults{Response: func(v map[string][]string) { delete(v, "iss") }}},
		Misbehaviour{Name: "response: iss twice", Faults: Faults{Response: func(v map[string][]string) { v["iss"] = append(v["iss"], v["iss"]...) }}},
		Misbehaviour{Name: "response: state changed", Faults: Faults{Response: func(v map[string][]string) { v["state"] = []string{v["state"][0] + "x"} }}},
		Misbehaviour{Name: "response: state missing", Faults: Faults{Response: func(v map[string][]string) { delete(v, "state") }}},
		Misbehaviour{Name: "response: code twice", Faults: Faults{Response: func(v map[string][]string) { v["code"] = append(v["code"], "x") }}},
		Misbehaviour{Name: "response: error", Faults: Faults{AuthorizeError: "access_denied", AuthorizeErrorDescription: "<script>alert(1)</script>"}},
	)
}

// flip changes one bit in the middle of a base64url signature.
func flip(s string) string {
	if s == "" {
		return s
	}
	b := []byte(s)
	i := len(b) / 2
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}
