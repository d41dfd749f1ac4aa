package scim

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/tenant"
)

func TestPolicy(t *testing.T) {
	var asked []tenant.DirectoryWrite
	var answer error
	s := newServer(t, func(c *Config) {
		c.Policy = PolicyFunc(func(_ context.Context, w tenant.DirectoryWrite) error {
			asked = append(asked, w)
			return answer
		})
	})
	last := func() tenant.DirectoryWrite { return asked[len(asked)-1] }
	u := s.user("ada", `"password":"s3cret"`)
	require.Equal(t, tenant.DirectoryCreate, last().Action)
	require.Equal(t, "acme", last().TenantID)
	require.Equal(t, "k1", last().Principal.KeyID)
	require.Contains(t, string(last().After), "ada")
	require.NotContains(t, string(last().After), "s3cret")
	g := s.group("G", u)
	require.Equal(t, []string{u}, last().AddMembers)

	answer = &Error{Status: 403, Detail: "SCIM is not in this plan."}
	s.do("POST", "/Users", `{"userName":"bob"}`).refused(403, "")
	s.do("PUT", "/Users/"+u, `{"userName":"bob"}`).refused(403, "")
	s.patch("/Users/"+u, `{"op":"add","path":"title","value":"x"}`).refused(403, "")
	s.patch("/Groups/"+g, `{"op":"add","path":"members","value":["x"]}`).refused(403, "")

	// Taking access away always works.
	s.patch("/Groups/"+g, `{"op":"remove","path":"members","value":["`+u+`"]}`).want(204)
	require.True(t, last().Deprovisioning)
	require.Empty(t, s.members(g))
	s.patch("/Users/"+u, `{"op":"replace","path":"active","value":"False"}`).want(200)
	require.True(t, last().Deprovisioning)
	s.patch("/Users/"+u, `{"op":"replace","path":"active","value":true}`).refused(403, "")
	s.do("DELETE", "/Groups/"+g, "").want(204)
	s.do("DELETE", "/Users/"+u, "").want(204)

	// Okta deactivates with a whole resource: the rest is left out.
	answer = nil
	u = s.user("ada", `"title":"T"`)
	answer = &Error{Status: 403, Detail: "No."}
	r := s.do("PUT", "/Users/"+u, `{"userName":"evil@elsewhere.example","active":false}`).want(200)
	require.Equal(t, false, r.at("active"))
	require.Equal(t, "ada", r.at("userName"))
	require.Equal(t, "T", r.at("title"))

	// So with a name that somebody has: the policy is not the only one who refuses.
	answer = nil
	s.user("taken", "")
	v := s.user("vera", "")
	r = s.do("PUT", "/Users/"+v, `{"userName":"taken","active":false}`).want(200)
	require.Equal(t, false, r.at("active"))
	require.Equal(t, "vera", r.at("userName"))
	s.do("PUT", "/Users/"+v, `{"userName":"taken","active":false}`).refused(409, TypeUniqueness)

	answer = errors.New("pq: connection refused")
	r = s.do("POST", "/Users", `{"userName":"bob"}`).refused(500, "")
	require.NotContains(t, r.raw, "pq")
}

// TestPolicyRefusesPartOfAGroup: who leaves has left, whatever else the request wanted.
func TestPolicyRefusesPartOfAGroup(t *testing.T) { onStores(t, testPolicyRefusesPartOfAGroup) }

func testPolicyRefusesPartOfAGroup(t *testing.T, pick func(*Config)) {
	var answer error
	s := newServer(t, pick, func(c *Config) {
		c.Policy = PolicyFunc(func(context.Context, tenant.DirectoryWrite) error { return answer })
	})
	a, b, c, d := s.user("a", ""), s.user("b", ""), s.user("c", ""), s.user("d", "")
	g := s.group("G", a, b, c)
	answer = &Error{Status: 403, Detail: "SCIM is not in this plan."}

	// Entra mixes a name, removals and additions.
	entra := `{"op":"Replace","path":"displayName","value":"H"},{"op":"Remove","path":"members","value":[{"value":"` + a + `"}]},{"op":"Add","path":"members","value":[{"value":"` + d + `"}]}`
	r := s.patch("/Groups/"+g, entra).want(200)
	require.Equal(t, "G", r.at("displayName"))
	require.ElementsMatch(t, []string{b, c}, s.members(g))
	s.patch("/Groups/"+g, entra).refused(403, "")

	// Others send the whole group.
	s.do("PUT", "/Groups/"+g, `{"displayName":"G","members":[{"value":"`+b+`"},{"value":"`+d+`"}]}`).want(200)
	require.Equal(t, []string{b}, s.members(g))
	s.do("PUT", "/Groups/"+g, `{"displayName":"G","members":[{"value":"`+b+`"},{"value":"`+d+`"}]}`).refused(403, "")
	s.patch("/Groups/"+g, `{"op":"replace","path":"members","value":[{"value":"`+d+`"}]}`).want(200)
	require.Empty(t, s.members(g))
}

// TestPolicyRefusesWithEveryType: what a host's policy answers reaches the directory as it is, also with the types of
// RFC 7644 section 3.12 that the handler has no use for itself, and nothing is stored.
func TestPolicyRefusesWithEveryType(t *testing.T) {
	var answer error
	s := newServer(t, func(c *Config) {
		c.Policy = PolicyFunc(func(context.Context, tenant.DirectoryWrite) error { return answer })
	})
	for _, typ := range []string{
		TypeInvalidFilter, TypeTooMany, TypeUniqueness, TypeMutability, TypeInvalidSyntax, TypeInvalidPath, TypeNoTarget, TypeInvalidValue,
		TypeInvalidVers, TypeSensitive, TypeInvalidCursor, TypeInvalidCount,
	} {
		answer = &Error{Status: 400, Type: typ, Detail: "Ask your administrator."}
		r := s.do("POST", "/Users", `{"userName":"bob"}`).refused(400, typ)
		require.Equal(t, "Ask your administrator.", r.at("detail"))
	}
	require.Equal(t, 0.0, s.do("GET", `/Users?filter=userName+eq+%22bob%22`, "").want(200).at("totalResults"), "what was refused is not found either")
}
