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

	answer = errors.New("pq: connection refused")
	r = s.do("POST", "/Users", `{"userName":"bob"}`).refused(500, "")
	require.NotContains(t, r.raw, "pq")
}
