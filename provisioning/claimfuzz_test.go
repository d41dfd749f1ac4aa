package provisioning

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/store"
)

// checkValues holds what was read to its bounds.
func checkValues(t *testing.T, values []string) {
	total := 0
	for _, v := range values {
		if !plainValue(v) {
			t.Fatalf("%q is a value that no row can name", v)
		}
		total += len(v)
	}
	if len(values) > maxValues || total > maxValueBytes || !slices.IsSorted(values) || len(slices.Compact(slices.Clone(values))) != len(values) {
		t.Fatalf("values out of bounds, or of order: %q", values)
	}
}

// FuzzReadClaim: whatever a provider sends is read within the bounds, and a list is read only if encoding/json
// sees the same texts in it.
func FuzzReadClaim(f *testing.F) {
	for _, s := range []string{`["a","b"]`, `"a"`, `null`, `7`, `[7]`, `[["a"]]`, `{"a":1}`, `["a",`, `["\u0000","\ud800","a"]`, `[" a ","a"]`, ``, strings.Repeat("[", 10_000), `["` + strings.Repeat("x", 300) + `"]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		values, state := readClaim(raw)
		if state != store.ClaimRead {
			if values != nil {
				t.Fatalf("%q is %s, and has values", raw, state)
			}
			return
		}
		checkValues(t, values)
		if !json.Valid(raw) {
			return // what comes after the value is not looked at: claims are cut out of a document that was
		}
		var one string
		var many []string
		if json.Unmarshal(raw, &one) == nil {
			many = []string{one}
		} else if err := json.Unmarshal(raw, &many); err != nil {
			t.Fatalf("%q was read as %q: %v", raw, values, err)
		}
		for _, v := range values {
			if !slices.ContainsFunc(many, func(s string) bool { return strings.TrimSpace(s) == v }) {
				t.Fatalf("%q has no %q", raw, v)
			}
		}
	})
}

// FuzzReadRoles: whatever a directory sends as a resource is read within the bounds.
func FuzzReadRoles(f *testing.F) {
	for _, s := range []string{`{"roles":[{"value":"a"}]}`, `{"roles":["{\"value\":\"25\"}"]}`, `{"roles":{"value":7}}`, `{"ROLES":"x","roles":[[]]}`, `{"roles":[{"value":"a"`, `[]`, `{"roles":[{"value":"{\"value\":{}}"}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, resource []byte) {
		values, ok := readRoles(resource)
		if !ok && values != nil {
			t.Fatalf("%q has values although it was not read", resource)
		}
		checkValues(t, values)
	})
}

// FuzzFindClaim: a way through objects ends, and gives JSON.
func FuzzFindClaim(f *testing.F) {
	f.Add("realm_access.roles", []byte(`{"roles":["a"]}`))
	f.Add("a.b.c.d.e", []byte(`{"b":{"c":{"d":1}}}`))
	f.Add(".", []byte(`{"":1}`))
	f.Fuzz(func(t *testing.T, name string, object []byte) {
		raw, ok := claimSource(func(n string) ([]byte, bool) { return object, n == strings.Split(name, ".")[0] && n != name }).find(name)
		if ok && !json.Valid(raw) && json.Valid(object) {
			t.Fatalf("%q leads to %q, which is no JSON", name, raw)
		}
	})
}
