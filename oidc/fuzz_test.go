package oidc

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	josejson "github.com/go-jose/go-jose/v4/json"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// FuzzObject: whatever parses names each member once and agrees with encoding/json about its value. S20.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `null`, `{"a":1,"a":2}`, `{"a":{"b":[1,2]},"A":null}`, `{"\u0061":1,"a":2}`, " {\"exp\":1e9}\n", strings.Repeat("[", 100), `{"a" : [ 1 , {"b":"}"} ] , "c":"\\\"", "":-1.5e3}`, "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		obj, err := parseObject(data)
		if err != nil {
			var strict map[string]json.RawMessage // go-jose's decoder refuses repeated members too
			if json.Valid(data) && josejson.Unmarshal(data, &strict) == nil && strict != nil {
				t.Fatalf("refused %q: %v", data, err)
			}
			return
		}
		var std map[string]json.RawMessage
		if err := json.Unmarshal(data, &std); err != nil {
			t.Fatalf("parsed what encoding/json refuses: %q", data)
		}
		if len(std) != len(obj) {
			t.Fatalf("%d members, encoding/json has %d: %q", len(obj), len(std), data)
		}
		for _, m := range obj {
			name, value := string(m.name), m.value
			if string(value) != string(std[name]) {
				t.Fatalf("%q is %q, encoding/json has %q", name, value, std[name])
			}
			var want any
			if json.Unmarshal(value, &want) != nil {
				t.Fatalf("%q is no JSON: %q", name, value)
			}
			if s, ok := obj.str(name); ok && s != want {
				t.Fatalf("%q is the text %q, encoding/json has %q", name, s, want)
			}
			_ = obj.strs(name)
			_, _, _ = obj.date(name)
			_ = obj.isTrue(name)
		}
	})
}

// FuzzMetadata: a document that passes the check has only https endpoints and a pinned algorithm of ours.
func FuzzMetadata(f *testing.F) {
	good := `{"issuer":"https://idp.example","authorization_endpoint":"https://idp.example/a","token_endpoint":"https://idp.example/t","jwks_uri":"https://idp.example/k"}`
	for _, s := range []string{good, `null`, `{}`, strings.Replace(good, "https://idp.example/a", "javascript:alert(1)", 1), strings.Replace(good, `"issuer"`, `"ISSUER"`, 1)} {
		f.Add([]byte(s))
	}
	out := newOutbound(tenant.NewOutboundClient(tenant.OutboundConfig{}), false)
	for _, doc := range documents(f, "discovery") {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkMetadata(t, out, "https://idp.example", data) })
}

// FuzzUserinfo: whatever is answered, plain or as a token, nobody else's claims are taken and nothing is read into them.
func FuzzUserinfo(f *testing.F) {
	for _, s := range []string{`null`, `{"sub":"s","SUB":"x","email":"a@b@c.example","email_verified":"true"}`, `{"sub":"s","sub":"x"}`, "a.b.c", "a.b.c.d.e"} {
		f.Add("application/json", []byte(s))
		f.Add("application/jwt", []byte(s))
	}
	for _, doc := range documents(f, "userinfo") {
		f.Add("application/json; charset=utf-8", doc)
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) { checkUserinfo(t, contentType, body) })
}

// FuzzTokenResponse: whatever a token endpoint answers is a set of tokens as they stand there, or an error of ours.
func FuzzTokenResponse(f *testing.F) {
	for _, s := range []string{`null`, `[]`, `{"id_token":1}`, `{"token_type":"DPoP","access_token":"x"}`, `{"error":"invalid_client","error_description":"AADSTS7000222"}`} {
		f.Add(200, []byte(s))
		f.Add(400, []byte(s))
	}
	for _, doc := range documents(f, "token") {
		f.Add(200, doc)
	}
	for _, doc := range documents(f, "token_error") {
		f.Add(401, doc)
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) { checkTokens(t, status, body) })
}

// FuzzClaims: claims that the provider's own key signed. What is accepted is for us, from it, now, and answers our request.
func FuzzClaims(f *testing.F) {
	for _, doc := range documents(f, "claims") {
		f.Add(doc)
	}
	for _, s := range []string{`null`, `{}`, `{"iss":"https://idp.example","sub":"s","aud":["client","client"],"exp":1700000001,"iat":1.7e9,"nonce":"n","NONCE":"x"}`} {
		f.Add([]byte(s))
	}
	n := newNotary(f)
	f.Fuzz(func(t *testing.T, payload []byte) { n.checkClaims(t, payload) })
}

// FuzzJWKS: whatever is sent, only public asymmetric keys come out, few of them.
func FuzzJWKS(f *testing.F) {
	for _, s := range []string{`{"keys":[]}`, `null`, `{"keys":[null,{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`, `{"keys":[{"kty":"oct","k":"AAAA"}]}`} {
		f.Add([]byte(s))
	}
	for _, doc := range documents(f, "keys") {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkKeys(t, data) })
}

// verifierWithKey has the key set of https://idp.example/keys already, and nobody to ask for another.
func verifierWithKey(f *testing.F) *verifier {
	f.Helper()
	key := mustKey(f)
	cache := newKeyCache(nil, time.Now, time.Second, 10)
	cache.sets.mu.Lock()
	e := cache.sets.entryLocked("https://idp.example/keys")
	e.doc, e.have, e.fetched = []publicKey{key}, true, time.Now().Add(time.Hour)
	for i := range e.forced {
		e.forced[i].at = time.Now().Add(1000 * time.Hour) // no refetch: there is nobody to ask
	}
	cache.sets.mu.Unlock()
	cache.sets.now = func() time.Time { return e.fetched }
	return &verifier{keys: cache, now: time.Now, skew: DefaultClockSkew}
}

// FuzzIDToken: nothing that is not signed by the provider's key is ever accepted, and nothing panics.
func FuzzIDToken(f *testing.F) {
	for _, payload := range []string{`null`, `{}`, `{"iss":"https://idp.example","sub":"s","aud":"client","exp":4102444800,"iat":1,"nonce":"n"}`, `{"aud":[1]}`, `{"exp":"x"}`, `[]`} {
		f.Add(`{"alg":"RS256"}`, payload, "c2ln")
	}
	for _, doc := range documents(f, "claims") {
		f.Add(`{"typ":"JWT","alg":"RS256","kid":"k"}`, string(doc), "c2ln")
	}
	f.Add(`{"alg":"none"}`, `{}`, "")
	f.Add(`{"alg":"RS256","crit":["x"]}`, `null`, "AA")
	v := verifierWithKey(f)
	want := expectation{issuer: "https://idp.example", clientID: "client", jwksURI: "https://idp.example/keys", alg: "RS256", nonce: "n"}
	f.Fuzz(func(t *testing.T, header, payload, signature string) {
		for _, raw := range []string{b64(header) + "." + b64(payload) + "." + signature, header, header + "." + payload + "." + signature} {
			if _, err := v.verify(t.Context(), raw, want); err == nil {
				t.Fatalf("accepted %q", raw)
			}
		}
		if obj, err := parseObject([]byte(payload)); err == nil {
			if set, err := readClaims(obj); err == nil && set == nil {
				t.Fatal("no claims and no error")
			}
		}
	})
}

// FuzzLogoutToken: nothing that is not signed by the provider's key is ever accepted, nothing panics, and claims that
// pass name somebody, can be used once, and are no ID token's. S20.
func FuzzLogoutToken(f *testing.F) {
	good := `{"iss":"https://idp.example","aud":"client","exp":4102444800,"iat":1700000000,"jti":"j","sub":"s","sid":"d","events":{"` + logoutEvent + `":{}}}`
	for _, payload := range []string{
		good, `null`, `{}`, `[]`, strings.Replace(good, `"jti"`, `"nonce":"n","jti"`, 1), strings.Replace(good, `{}`, `null`, 1),
		strings.Replace(good, `"sub":"s","sid":"d",`, ``, 1), strings.Replace(good, `"client"`, `["client","client"]`, 1),
	} {
		f.Add(`{"alg":"RS256","typ":"logout+jwt"}`, payload, "c2ln")
	}
	f.Add(`{"alg":"none"}`, good, "")
	f.Add(`{"alg":"RSA-OAEP","enc":"A128GCM"}`, good, "AA.AA.AA")
	v := verifierWithKey(f)
	v.now = func() time.Time { return time.Unix(1700000000, 0) }
	want := expectation{issuer: "https://idp.example", clientID: "client", jwksURI: "https://idp.example/keys", alg: "RS256"}
	f.Fuzz(func(t *testing.T, header, payload, signature string) {
		for _, raw := range []string{b64(header) + "." + b64(payload) + "." + signature, header, header + "." + payload + "." + signature} {
			if _, err := v.verifyLogout(t.Context(), raw, want); err == nil {
				t.Fatalf("accepted %q", raw)
			}
		}
		obj, err := parseObject([]byte(payload))
		if err != nil {
			return
		}
		claims, err := v.readLogout(obj, want)
		if err != nil {
			return
		}
		var std map[string]any
		if err := json.Unmarshal([]byte(payload), &std); err != nil {
			t.Fatalf("read what encoding/json refuses: %q", payload)
		}
		if _, nonce := std["nonce"]; nonce || claims.tokenID == "" || claims.subject == "" && claims.sessionID == "" {
			t.Fatalf("accepted %q", payload)
		}
		if claims.until.After(v.now().Add(maxLogoutAge + v.skew)) {
			t.Fatalf("to be remembered until %v", claims.until)
		}
	})
}

// FuzzResponse: callback parameters.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{"code=a&state=b", "code=a&code=b", "iss=x&iss=y", "error=access_denied&error_description=%3Cscript%3E", "state=" + strings.Repeat("s", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		res, err := parseResponse(values)
		if err != nil {
			if CodeOf(err) != CodeRequestInvalid && CodeOf(err) != CodeIssuerMixUp {
				t.Fatalf("code %s", CodeOf(err))
			}
			return
		}
		if len(res.state) > maxState || len(res.code) > maxCode {
			t.Fatal("a parameter beyond its bound")
		}
		for name, v := range map[string]string{"state": res.state, "code": res.code, "iss": res.iss, "error": res.err, "error_description": res.description} {
			if v != values.Get(name) || len(values[name]) > 1 {
				t.Fatalf("%s = %q", name, v)
			}
		}
		if err := providerError(store.Connection{}, res.err, res.description); strings.Contains(err.Error(), "<") {
			t.Fatalf("repeats the provider's text: %v", err)
		}
	})
}

// FuzzReturnTo: whatever is accepted stays at the origin, for Go's reading of URLs and for a browser's.
func FuzzReturnTo(f *testing.F) {
	for _, s := range []string{"/", "//evil", `/\evil`, "/a?b=//c", "/%5c", "/..//x", "\t//e", "https:evil"} {
		f.Add(s)
	}
	base, _ := url.Parse("https://app.example.com/sso/login")
	f.Fuzz(func(t *testing.T, s string) {
		if !safeReturnTo(s) {
			return
		}
		for _, form := range []string{s, strings.ReplaceAll(s, `\`, "/"), strings.Map(func(r rune) rune {
			if r == '\t' || r == '\n' || r == '\r' {
				return -1
			}
			return r
		}, s)} {
			u, err := base.Parse(form)
			if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || strings.HasPrefix(form, "//") {
				t.Fatalf("%q leaves the origin", s)
			}
		}
	})
}
