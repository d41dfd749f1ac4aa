package tenant

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func FuzzParseDomains(f *testing.F) {
	for _, s := range []string{"acme.com, ops.acme.com", "https://acme.com/x", "it@acme.com", "*.a.b", "bücher.example", "xn--a.com", "1.2.3.4", "a。b", "co.uk"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		names, findings := ParseDomains(in)
		if len(names) > MaxDomains {
			t.Fatalf("%d names", len(names))
		}
		for _, name := range names {
			if name != strings.ToLower(name) || !strings.Contains(name, ".") || len(name) > 253 || strings.HasSuffix(name, ".") || strings.ContainsAny(name, "/@*: ") {
				t.Errorf("ParseDomains(%q) gave %q", in, name)
			}
			again, more := ParseDomains(name)
			if len(more) != 0 || !slices.Equal(again, []string{name}) {
				t.Errorf("%q parses to %q, %v", name, again, more)
			}
		}
		checkFindings(t, findings)
	})
}

func FuzzParseBreakGlass(f *testing.F) {
	for _, s := range []string{"admin@acme.com", "x@ops.acme.com, y@evil.org", "a@b@acme.com", `"x"@acme.com`, "x@acme.com.evil.org"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		emails, findings := ParseBreakGlass([]string{"acme.com"}, in)
		for _, e := range emails {
			domain, err := EmailDomain(e)
			if err != nil || domain != "acme.com" && !strings.HasSuffix(domain, ".acme.com") || strings.Count(e, "@") != 1 {
				t.Errorf("ParseBreakGlass(%q) gave %q", in, e)
			}
			if again, err := NormalizeEmail(e); err != nil || again != e {
				t.Errorf("%q normalises to %q, %v", e, again, err)
			}
		}
		checkFindings(t, findings)
	})
}

func FuzzParseScopes(f *testing.F) {
	for _, s := range []string{"email groups", "a,b;c", `x"y`, "offline_access", "a\\b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		scopes, findings := ParseScopes(in)
		for i, s := range scopes {
			if !isScopeToken(s) || len(s) > maxScopeLength || slices.Contains(scopes[:i], s) {
				t.Errorf("ParseScopes(%q) gave %q", in, scopes)
			}
		}
		checkFindings(t, findings)
	})
}

func FuzzParseAuthority(f *testing.F) {
	for _, s := range []string{
		"https://login.acme.com/", "http://localhost:1", "https://a@b/c", "https://[::1]:2/x", "<?xml", "https://x-admin.okta.com",
		"https://login.microsoftonline.com/common", "https://10.0.0.1", "HTTPS://A.b:443/.well-known/openid-configuration", "https://a.b/c%2f", "https://a.b/%7e/%C3%A9",
	} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, in string, loose bool) {
		opts := AuthorityOptions{AllowPorts: loose, InsecureAllowLoopback: loose}
		got, findings := ParseAuthority(in, opts)
		checkFindings(t, findings)
		if (got == "") != hasError(findings) {
			t.Fatalf("ParseAuthority(%q) = %q with %v", in, got, findings)
		}
		if got == "" {
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Host == "" || u.Scheme != "https" && !loose {
			t.Errorf("ParseAuthority(%q) gave %q", in, got)
		}
		again, _ := ParseAuthority(got, opts)
		if again != got {
			t.Errorf("%q parses to %q", got, again)
		}
	})
}

func FuzzOpen(f *testing.F) {
	ring, err := NewKeyring(KeyringConfig{Keys: []Key{{ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("secret"), []byte("aad"), uint16(3), byte(1))
	f.Add([]byte{}, []byte{}, uint16(0), byte(0x80))
	f.Add([]byte{1, 2, 'k', '1'}, []byte{0}, uint16(60000), byte(0))
	f.Fuzz(func(t *testing.T, in, aad []byte, at uint16, flip byte) {
		if _, err := ring.Open(in, aad); err == nil {
			t.Errorf("opened %x, which nobody sealed", in)
		}
		sealed, err := ring.Seal(in, aad)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := ring.Open(sealed, aad); err != nil || !bytes.Equal(plain, in) {
			t.Errorf("sealed %x, opened %x, %v", in, plain, err)
		}
		if _, err := ring.Open(sealed, append(aad, 0)); err == nil {
			t.Error("opened with another aad")
		}
		if _, err := ring.Open(sealed[:int(at)%len(sealed)], aad); err == nil {
			t.Error("opened a part")
		}
		if flip != 0 {
			sealed[int(at)%len(sealed)] ^= flip
			if _, err := ring.Open(sealed, aad); err == nil {
				t.Error("opened a changed value")
			}
		}
	})
}

func FuzzAPIKey(f *testing.F) {
	key, err := newAPIKey(DefaultAPIKeyPrefix)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key.Reveal())
	f.Add("tgk_")
	f.Add("")
	f.Fuzz(func(t *testing.T, in string) {
		if !wellFormedAPIKey(DefaultAPIKeyPrefix, in) {
			return
		}
		if len(in) != len(key.Reveal()) || !strings.HasPrefix(in, DefaultAPIKeyPrefix) {
			t.Errorf("accepted %q", in)
		}
	})
}

// checkFindings holds what every finding promises.
func checkFindings(t *testing.T, findings []Finding) {
	t.Helper()
	for _, f := range findings {
		if f.Field == "" || f.Code == "" || f.Message == "" || f.Severity == "" {
			t.Errorf("incomplete finding %+v", f)
		}
		if strings.ContainsAny(f.Message+f.Got, "\x00\r\n\x1b\u202e") {
			t.Errorf("finding %+v has control characters", f)
		}
	}
}
