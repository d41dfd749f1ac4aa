package oidctest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// LogoutMisbehaviours returns faults of a logout token, for [Logout.Faults]. Send each for a subject and a session ID,
// from a provider whose first key is for RS256 and which publishes one for ES256 beside it.
func LogoutMisbehaviours() []Misbehaviour {
	return slices.Concat(logoutConformance(), logoutClaims(), logoutTimes(), logoutForms())
}

// logoutConformance are the conformance suite's rows.
func logoutConformance() []Misbehaviour {
	const name = "oidcc-client-test-rp-backchannel-rpinitlogout"
	invalid := func(claim string) Faults {
		return Faults{Claims: func(c map[string]any) { c[claim] = fmt.Sprint(c[claim]) + "INVALID" }}
	}
	return []Misbehaviour{
		{Name: name, Accept: true},
		{Name: name + "-alg-none", Faults: Faults{Alg: "none"}},
		{Name: name + "-no-event", Faults: claim("events", nil)},
		{Name: name + "-with-nonce", Faults: claim("nonce", "n")},
		{Name: name + "-wrong-alg", Faults: Faults{Alg: "ES256"}},
		{Name: name + "-wrong-aud", Faults: invalid("aud")},
		{Name: name + "-wrong-event", Faults: claim("events", map[string]any{"http://schemas.openid.net/event/foobar": map[string]any{}})},
		{Name: name + "-wrong-iss", Faults: invalid("iss")},
	}
}

func logoutClaims() []Misbehaviour {
	event := func(value any) Faults { return claim("events", map[string]any{LogoutEvent: value}) }
	return []Misbehaviour{
		{Name: "events null", Faults: claim("events", []byte(nil))},
		{Name: "events as array", Faults: claim("events", []string{LogoutEvent})},
		{Name: "events as string", Faults: claim("events", LogoutEvent)},
		{Name: "event null", Faults: event(nil)},
		{Name: "event as array", Faults: event([]string{})},
		{Name: "event as string", Faults: event("{}")},
		{Name: "event with a member", Faults: event(map[string]any{"x": 1}), Accept: true},
		{Name: "a further event", Accept: true, Faults: claim("events", map[string]any{LogoutEvent: map[string]any{}, "https://x.example": 1})},
		{Name: "nonce null", Faults: claim("nonce", []byte(nil))},
		{Name: "nonce empty", Faults: claim("nonce", "")},
		{Name: "sub alone", Faults: claim("sid", nil), Accept: true},
		{Name: "sid alone", Faults: claim("sub", nil), Accept: true},
		{Name: "neither sub nor sid", Faults: Faults{Claims: func(c map[string]any) {
			delete(c, "sub")
			delete(c, "sid")
		}}},
		{Name: "sub empty", Faults: claim("sub", "")},
		{Name: "sub null", Faults: claim("sub", []byte(nil))},
		{Name: "sub number", Faults: claim("sub", 42)},
		{Name: "sub of 256 bytes", Faults: claim("sub", strings.Repeat("s", 256))},
		{Name: "sub with NUL", Faults: claim("sub", "a\x00b")},
		{Name: "sid empty", Faults: claim("sid", "")},
		{Name: "sid null", Faults: claim("sid", []byte(nil))},
		{Name: "sid number", Faults: claim("sid", 42)},
		{Name: "sid of 256 bytes", Faults: claim("sid", strings.Repeat("s", 256))},
		{Name: "jti missing", Faults: claim("jti", nil)},
		{Name: "jti empty", Faults: claim("jti", "")},
		{Name: "jti number", Faults: claim("jti", 42)},
		{Name: "jti of 2 KiB", Faults: claim("jti", strings.Repeat("j", 2<<10))},
		{Name: "iss missing", Faults: claim("iss", nil)},
		{Name: "iss as array", Faults: claim("iss", []string{"x"})},
		{Name: "aud missing", Faults: claim("aud", nil)},
		{Name: "aud as array of this client", Faults: claim("aud", []string{DefaultClientID}), Accept: true},
		{Name: "aud with an untrusted audience", Faults: claim("aud", []string{DefaultClientID, "other"})},
		{Name: "SUB beside sub is ignored", Faults: claim("SUB", "admin"), Accept: true},
	}
}

func logoutTimes() []Misbehaviour {
	at := func(change map[string]time.Duration) Faults {
		return Faults{Claims: func(c map[string]any) {
			for name, d := range change {
				c[name] = time.Now().Add(d).Unix()
			}
		}}
	}
	return []Misbehaviour{
		{Name: "exp missing", Faults: claim("exp", nil)},
		{Name: "exp as string", Faults: claim("exp", "4102444800")},
		{Name: "expired six minutes ago", Faults: at(map[string]time.Duration{"exp": -6 * time.Minute, "iat": -8 * time.Minute})},
		{Name: "expired ten seconds ago, within the skew", Accept: true, Faults: at(map[string]time.Duration{"exp": -10 * time.Second, "iat": -2 * time.Minute})},
		{Name: "issued two days ago, valid for a year", Faults: at(map[string]time.Duration{"exp": 365 * 24 * time.Hour, "iat": -48 * time.Hour})},
		{Name: "issued now, valid for a year", Accept: true, Faults: at(map[string]time.Duration{"exp": 365 * 24 * time.Hour})},
		{Name: "iat missing", Faults: claim("iat", nil)},
		{Name: "iat null", Faults: claim("iat", []byte(nil))},
		{Name: "issued six minutes ahead", Faults: at(map[string]time.Duration{"iat": 6 * time.Minute, "exp": 8 * time.Minute})},
		{Name: "issued ten seconds ahead, within the skew", Accept: true, Faults: at(map[string]time.Duration{"iat": 10 * time.Second})},
		{Name: "not valid before one hour ahead", Faults: at(map[string]time.Duration{"nbf": time.Hour})},
	}
}

func logoutForms() []Misbehaviour {
	header := func(name string, value any) Faults {
		return Faults{Header: func(h map[string]any) {
			if value == nil {
				delete(h, name)
				return
			}
			h[name] = value
		}}
	}
	payload := func(f func([]byte) []byte) Faults { return Faults{Payload: f} }
	appendix := func(member string) Faults {
		return payload(func(b []byte) []byte { return append(bytes.TrimSuffix(b, []byte("}")), []byte(","+member+"}")...) })
	}
	raw := func(f func(string) string) Faults { return Faults{IDToken: f} }
	asIDToken := func(nonce bool) Faults {
		f := header("typ", "JWT")
		f.Claims = func(c map[string]any) {
			delete(c, "events")
			if nonce {
				c["nonce"] = "n"
			}
		}
		return f
	}
	return []Misbehaviour{
		{Name: "an ID token", Faults: asIDToken(true)},
		{Name: "an ID token without nonce", Faults: asIDToken(false)},
		{Name: "typ absent", Faults: header("typ", nil), Accept: true},
		{Name: "typ JWT", Faults: header("typ", "JWT"), Accept: true},
		{Name: "typ LOGOUT+JWT", Faults: header("typ", "LOGOUT+JWT"), Accept: true},
		{Name: "typ at+jwt", Faults: header("typ", "at+jwt")},
		{Name: "typ secevent+jwt", Faults: header("typ", "secevent+jwt")},
		{Name: "typ number", Faults: header("typ", 1)},
		{Name: "kid unknown", Faults: header("kid", "no-such-key")},
		{Name: "kid absent, one key for the algorithm", Faults: header("kid", nil), Accept: true},
		{Name: "embedded jwk", Faults: header("jwk", map[string]any{"kty": "RSA", "n": "AQAB", "e": "AQAB"})},
		{Name: "jku", Faults: header("jku", "https://evil.example/keys")},
		{Name: "crit unknown", Faults: Faults{Header: func(h map[string]any) { h["crit"], h["x"] = []string{"x"}, 1 }}},
		{Name: "alg HS256 with the client's secret", Faults: Faults{Alg: "HS256"}},
		{Name: "another algorithm of the same key (PS256)", Faults: Faults{Alg: "PS256"}},
		{Name: "signature corrupted", Faults: raw(func(s string) string {
			i := strings.LastIndexByte(s, '.') + 1
			return s[:i] + flip(s[i:])
		})},
		{Name: "signature removed", Faults: raw(func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] })},
		{Name: "payload null", Faults: payload(func([]byte) []byte { return []byte("null") })},
		{Name: "payload array", Faults: payload(func(b []byte) []byte { return append(append([]byte("["), b...), ']') })},
		{Name: "payload nested deeply", Faults: appendix(`"x":` + strings.Repeat("[", 11_000) + strings.Repeat("]", 11_000))},
		{Name: "sub twice", Faults: appendix(`"sub":"admin"`)},
		{Name: "events twice", Faults: appendix(`"events":{}`)},
		{Name: "encrypted (five parts)", Faults: raw(func(s string) string { return s + ".x.y" })},
		{Name: "four parts", Faults: raw(func(s string) string { return s + ".x" })},
		{Name: "JSON serialisation", Faults: raw(func(s string) string {
			p := strings.SplitN(s, ".", 3)
			return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, p[0], p[1], p[2])
		})},
		{Name: "token empty", Faults: raw(func(string) string { return "" })},
		{Name: "token of 200 KiB", Faults: claim("x", strings.Repeat("x", 200<<10))},
	}
}
