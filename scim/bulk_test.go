package scim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func (s *server) bulk(more string, ops ...string) reply {
	s.t.Helper()
	return s.do("POST", "/Bulk", `{"schemas":["`+urnBulkRequest+`"]`+more+`,"Operations":[`+strings.Join(ops, ",")+`]}`)
}

func bulkUser(id, name string) string {
	return `{"method":"POST","path":"/Users","bulkId":"` + id + `","data":{"userName":"` + name + `"}}`
}

func bulkGroup(id string, members ...string) string {
	return `{"method":"POST","path":"/Groups","bulkId":"` + id + `","data":{"displayName":"` + id + `","members":[{"value":"` + strings.Join(members, `"},{"value":"`) + `"}]}}`
}

func TestBulk(t *testing.T) {
	s := newServer(t)
	old := s.user("old", "")
	r := s.bulk("",
		bulkUser("a", "a"),
		`{"method":"patch","path":"/Users/`+old+`","data":{"Operations":[{"op":"replace","path":"title","value":"x"}]}}`,
		`{"method":"PUT","path":"/Users/bulkId:a","data":{"userName":"a2"}}`,
		bulkUser("dup", "OLD"),
		`{"method":"DELETE","path":"/Users/`+old+`","version":"W/\"9\""}`,
		`{"method":"DELETE","path":"/Users/`+old+`","version":"W/\"2\""}`,
	).want(200)
	require.Equal(t, []string{"201", "200", "200", "409", "412", "204"}, statuses(r))
	require.Equal(t, TypeUniqueness, r.at("Operations", 3, "response", "scimType"))
	require.Nil(t, r.at("Operations", 3, "location"))
	require.Equal(t, r.at("Operations", 0, "location"), r.at("Operations", 2, "location"))
	require.Equal(t, `W/"1"`, r.at("Operations", 0, "version"))
	require.Equal(t, []string{"a2"}, s.do("GET", "/Users", "").column("userName"))
}

func statuses(r reply) (out []string) {
	list, _ := r.at("Operations").([]any)
	for _, e := range list {
		out = append(out, e.(map[string]any)["status"].(string))
	}
	return out
}

func TestBulkReferences(t *testing.T) {
	s := newServer(t)
	r := s.bulk("", bulkGroup("g", "bulkId:later"), bulkUser("later", "u")).want(200)
	require.Equal(t, []string{"201", "201"}, statuses(r))
	u := s.find("/Users", `userName eq "u"`, "id")
	require.Equal(t, u, s.members(s.find("/Groups", `displayName eq "g"`, "id")[0]))

	r = s.bulk("", bulkGroup("x", "bulkId:y"), bulkGroup("y", "bulkId:x")).want(200)
	require.Equal(t, []string{"201", "201"}, statuses(r))
	x, y := s.find("/Groups", `displayName eq "x"`, "id"), s.find("/Groups", `displayName eq "y"`, "id")
	require.Equal(t, y, s.members(x[0]))
	require.Equal(t, x, s.members(y[0]))

	r = s.bulk("", bulkGroup("lost", "bulkId:nowhere"), bulkGroup("hit", "bulkId:bad"), bulkUser("bad", "u")).want(200)
	require.Equal(t, []string{"409", "409", "409"}, statuses(r))
	require.Empty(t, s.find("/Groups", `displayName eq "lost" or displayName eq "hit"`, "id"))
}

func TestBulkLimits(t *testing.T) {
	s := newServer(t, func(c *Config) { c.MaxBulkOperations = 3; c.MaxBulkBytes = 2000 })
	r := s.bulk(`,"failOnErrors":1`, bulkUser("a", ""), bulkUser("b", "b")).want(200)
	require.Equal(t, []string{"400"}, statuses(r), "it stops at the first error")
	require.Empty(t, s.find("/Users", `userName eq "b"`, "id"))
	s.bulk("", bulkUser("a", "1"), bulkUser("b", "2"), bulkUser("c", "3"), bulkUser("d", "4")).refused(413, TypeTooMany)
	s.bulk("", bulkUser("a", strings.Repeat("x", 3000))).refused(413, TypeTooMany)
	s.bulk("", bulkUser("a", "1"), bulkUser("a", "2")).refused(400, TypeInvalidSyntax)
	s.bulk(`,"failOnErrors":"x"`, bulkUser("a", "1")).refused(400, TypeInvalidValue)
	s.do("POST", "/Bulk", `{"schemas":["`+urnBulkRequest+`"]}`).refused(400, TypeInvalidSyntax)
	require.Equal(t, float64(0), s.do("GET", "/Users", "").at("totalResults"))
}

// No operation reaches beyond the tenant's own resources.
func TestBulkPaths(t *testing.T) {
	s := newServer(t)
	u := s.user("u", "")
	for _, op := range []string{
		`{"method":"POST","path":"/Bulk","bulkId":"a","data":{"Operations":[]}}`,
		`{"method":"GET","path":"/Users"}`,
		`{"method":"DELETE","path":"/../globex/Users/` + u + `"}`,
		`{"method":"DELETE","path":"https://evil.example/Users/` + u + `"}`,
		`{"method":"DELETE","path":"/Users"}`,
		`{"method":"DELETE","path":"Users/` + u + `"}`,
		`{"method":"POST","path":"/Users/` + u + `","bulkId":"a","data":{}}`,
		`{"method":"POST","path":"/Users","data":{"userName":"x"}}`,
		`{"method":"PATCH","path":"/Users/` + u + `"}`,
	} {
		require.Equal(t, []string{"400"}, statuses(s.bulk("", op).want(200)), op)
	}
	require.Equal(t, float64(1), s.do("GET", "/Users", "").at("totalResults"))
}

// The version of a bulk answer is the one that the next request can name.
func TestBulkVersionsAreCurrent(t *testing.T) {
	s := newServer(t)
	u, g := s.user("ada", ""), s.group("G")
	add := `{"method":"PATCH","path":"/Groups/` + g + `","data":{"Operations":[{"op":"add","path":"members","value":["` + u + `"]}]}}`
	r := s.do("POST", "/Bulk", `{"Operations":[`+add+`,`+bulkGroup("a", "bulkId:b")+`,`+bulkGroup("b", "bulkId:a")+`]}`).want(200)
	for i := range 3 {
		location, _ := r.at("Operations", i, "location").(string)
		now := s.do("GET", strings.TrimPrefix(location, testBase+"/acme"), "").want(200)
		require.Equal(t, now.header.Get("ETag"), r.at("Operations", i, "version"), i)
	}
	r = s.do("POST", "/Bulk", `{"Operations":[`+add+`,{"method":"DELETE","path":"/Groups/`+g+`"}]}`).want(200)
	require.Equal(t, []string{"200", "204"}, statuses(r))
	require.Nil(t, r.at("Operations", 0, "version"))
}

// Only where a reference belongs is text taken for one.
func TestBulkTextIsNoReference(t *testing.T) {
	s := newServer(t)
	r := s.do("POST", "/Bulk", `{"Operations":[`+bulkGroup("bulkId: is a word", "x")+`,`+bulkGroup("g", "bulkId:none")+`]}`).want(200)
	require.Equal(t, []string{"201", "409"}, statuses(r))
	require.Len(t, s.find("/Groups", `displayName eq "bulkId: is a word"`, "id"), 1)
}
