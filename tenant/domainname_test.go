package tenant

import "testing"

// FuzzNormalizeDomain: what is passed on without a look at IDNA's tables is what these make of it, and a name that is in order
// stays as it is.
func FuzzNormalizeDomain(f *testing.F) {
	for _, s := range []string{
		"acme.example", "a.b", "acme", "", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "a.-b", "a.b-", "xn--a.b", "ab--c.de", "a.xn--p1ai", "a.b-c", "a-b.c",
		"a.1", "1.a", "1.2", "a.1b", "A.b", "a_b.c", "ä.de", "a.b ", "a\u00ad.b", "127.0.0.1", "a.0x1", "3com.example", "a.--", "1-1.a1",
		"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc.de", "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcd.de",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		slow, err := normalizeDomain(name)
		if isNormalDomain(name) && (err != nil || slow != name) {
			t.Fatalf("%q: %q, %v", name, slow, err)
		}
		fast, fastErr := NormalizeDomain(name)
		if fast != slow || (err == nil) != (fastErr == nil) {
			t.Fatalf("%q: %q, %v; by the tables %q, %v", name, fast, fastErr, slow, err)
		}
		if err == nil {
			if again, err := NormalizeDomain(fast); err != nil || again != fast {
				t.Fatalf("%q is not in order: %q, %v", fast, again, err)
			}
		}
	})
}
