package scim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestGroupMembers(t *testing.T) {
	s := newServer(t)
	a, b, c := s.user("a", ""), s.user("b", ""), s.user("c", "")
	nested := s.group("Nested")
	g := s.group("G", a, a, "pending", nested)
	r := s.do("GET", "/Groups/"+g, "").want(200)
	members, _ := r.at("members").([]any)
	require.ElementsMatch(t, []any{
		map[string]any{"value": a, "type": "User", "$ref": "/Users/" + a},
		map[string]any{"value": nested, "type": "Group", "$ref": "/Groups/" + nested},
		map[string]any{"value": "pending"},
	}, members)

	value := func(ids ...string) string { return `[{"value":"` + strings.Join(ids, `"},{"value":"`) + `"}]` }
	for _, tt := range []struct {
		name, ops string
		want      []string
	}{
		{"add", `{"op":"Add","path":"members","value":[{"$ref":null,"value":"` + b + `"}]}`, []string{a, b, "pending", nested}},
		{"add again", `{"op":"add","path":"members","value":` + value(b, b) + `}`, []string{a, b, "pending", nested}},
		{"add one object", `{"op":"add","path":"members","value":{"value":"` + c + `"}}`, []string{a, b, c, "pending", nested}},
		{"remove listed", `{"op":"Remove","path":"members","value":` + value(a, "pending") + `}`, []string{b, c, nested}},
		{"remove an empty list", `{"op":"Remove","path":"members","value":[]}`, []string{b, c, nested}},
		{"remove somebody else", `{"op":"remove","path":"members[value eq \"nobody\"]"}`, []string{b, c, nested}},
		{"remove by type", `{"op":"remove","path":"members[type eq \"Group\"]"}`, []string{b, c}},
		{"remove by value", `{"op":"remove","path":"members[value eq \"` + b + `\"]"}`, []string{c}},
		{"remove, add, replace", `{"op":"remove","path":"members[value eq \"` + c + `\"]"},{"op":"add","path":"members","value":` + value(b) + `},{"op":"replace","path":"members","value":` + value(a, b) + `}`, []string{a, b}},
		{"add then remove", `{"op":"add","path":"members","value":` + value(c) + `},{"op":"remove","path":"members","value":` + value(c, a) + `}`, []string{b}},
		{"remove all, add one", `{"op":"remove","path":"members"},{"op":"add","path":"members","value":["` + a + `"]}`, []string{a}},
		{"without a path", `{"op":"add","value":{"members":` + value(b) + `,"id":"x"}}`, []string{a, b}},
		{"Microsoft's collection", `{"name":"addMember","op":"add","path":"members","value":["` + c + `"]}`, []string{a, b, c}},
		{"replace by none", `{"op":"replace","path":"members","value":[]}`, []string{}},
	} {
		s.patch("/Groups/"+g, tt.ops).want(204)
		require.ElementsMatch(t, tt.want, s.members(g), tt.name)
	}
}

func TestGroupRenameKeepsMembers(t *testing.T) {
	s := newServer(t)
	u := s.user("a", "")
	g := s.group("G", u)
	s.patch("/Groups/"+g, `{"op":"replace","value":{"id":"`+g+`","displayName":"H"}}`).want(204)
	r := s.do("GET", "/Groups/"+g, "")
	require.Equal(t, "H", r.at("displayName"))
	require.Equal(t, []string{u}, s.members(g))
	require.Equal(t, "H", s.do("GET", "/Users/"+u, "").at("groups", 0, "display"))

	s.do("PUT", "/Groups/"+g, `{"displayName":"I"}`).want(200)
	require.Empty(t, s.members(g), "a replacement without members clears them")
	s.do("PUT", "/Groups/"+g, `{"members":[]}`).refused(400, TypeInvalidValue)
	s.patch("/Groups/"+g, `{"op":"remove","path":"displayName"}`).refused(400, TypeMutability)
}

func TestGroupAnswers(t *testing.T) {
	s := newServer(t)
	u := s.user("a", "")
	g := s.group("G", u)
	for query, want := range map[string][]string{
		"":                                               {"displayName", "id", "members", "meta", "schemas"},
		"?excludedAttributes=members":                    {"displayName", "id", "meta", "schemas"},
		"?excludedAttributes=members,meta":               {"displayName", "id", "schemas"},
		"?attributes=displayName":                        {"displayName", "id", "schemas"},
		"?attributes=members":                            {"id", "members", "schemas"},
		"?attributes=" + URNGroup + ":members":           {"id", "members", "schemas"},
		"?attributes=members.value":                      {"id", "members", "schemas"},
		"?attributes=" + URNGroup:                        {"displayName", "id", "members", "schemas"},
		"?excludedAttributes=id,schemas":                 {"displayName", "id", "members", "meta", "schemas"},
		"?attributes=nothing":                            {"id", "schemas"},
		"?attributes=members&excludedAttributes=members": {"id", "schemas"},
	} {
		for _, r := range []reply{
			s.do("GET", "/Groups/"+g+query, "").want(200),
			s.patch("/Groups/"+g+query, `{"op":"add","path":"members","value":[{"value":"`+u+`"}]}`),
		} {
			if r.status == 204 {
				require.Empty(t, query)
				continue
			}
			var got []string
			for k := range r.body.(map[string]any) {
				got = append(got, k)
			}
			slices.Sort(got)
			require.Equal(t, want, got, query)
		}
	}
	require.Equal(t, map[string]any{"value": u}, s.do("GET", "/Groups/"+g+"?attributes=members.value", "").at("members", 0))
	s.patch("/Groups/"+g+"?attributes=displayName", `{"op":"replace","path":"displayName","value":"H"}`).want(200)
}

// Deltas of many requests at once all take effect.
func TestConcurrentMembers(t *testing.T) {
	s := newServer(t)
	g := s.group("G")
	s.shared = true
	each := func(op string) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				s.patch("/Groups/"+g, fmt.Sprintf(`{"op":%q,"path":"members","value":[{"value":"m%d"}]}`, op, i)).want(204)
			})
		}
		wg.Wait()
	}
	each("add")
	require.Len(t, s.members(g), 20)
	each("remove")
	require.Empty(t, s.members(g))
}

// A group larger than a page of the store is answered whole.
func TestLargeGroup(t *testing.T) {
	s := newServer(t)
	ids := make([]string, 2500)
	for i := range ids {
		ids[i] = fmt.Sprintf("member-%04d", i)
	}
	g := s.group("G", ids...)
	require.Equal(t, ids, s.members(g))
	s.patch("/Groups/"+g, `{"op":"remove","path":"members[value sw \"member-00\"]"}`).want(204)
	require.Equal(t, ids[100:], s.members(g))
	r := s.do("GET", "/Groups?attributes=members.value", "").want(200)
	require.Len(t, r.at("Resources", 0, "members"), 2400)
}

// countsMembers counts how often members are read.
type countsMembers struct {
	store.Store
	reads *atomic.Int64
}

func (s countsMembers) SCIMMembers(ctx context.Context, tenantID, groupID, after string, limit int) ([]store.Member, error) {
	s.reads.Add(1)
	return s.Store.SCIMMembers(ctx, tenantID, groupID, after, limit)
}

// A request that asks for no members reads none, however large the group is.
func TestMembersAreReadOnlyWhenAskedFor(t *testing.T) {
	var reads atomic.Int64
	s := newServer(t, func(c *Config) { c.Store = countsMembers{c.Store, &reads} })
	u := s.user("ada", "")
	g := s.group("G", u, "b", "c")
	reads.Store(0)
	for _, tt := range []struct{ method, path, body string }{
		{"GET", "/Groups/" + g + "?excludedAttributes=members", ""},
		{"GET", "/Groups/" + g + "?attributes=displayName,externalId", ""},
		{"GET", "/Groups?excludedAttributes=members", ""},
		{"GET", "/Groups?excludedAttributes=members&filter=displayName+eq+%22G%22", ""},
		{"GET", "/Groups?attributes=id&filter=id+eq+%22" + g + "%22+and+members+eq+%22" + u + "%22", ""},
		{"GET", "/Users?filter=groups.value+eq+%22" + g + "%22", ""},
		{"GET", "/Users/" + u, ""},
		{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"add","path":"members","value":[{"value":"d"}]}]}`},
		{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"remove","path":"members[value eq \"d\"]"},{"op":"Remove","path":"members","value":[{"value":"c"}]}]}`},
		{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"replace","value":{"displayName":"H"}}]}`},
		{"PATCH", "/Groups/" + g + "?attributes=displayName", `{"Operations":[{"op":"replace","path":"members","value":["x","y"]}]}`},
		{"DELETE", "/Users/" + u, ""},
		{"DELETE", "/Groups/" + g, ""},
	} {
		require.Less(t, s.do(tt.method, tt.path, tt.body).status, 300, tt)
		require.Zero(t, reads.Load(), tt)
	}
}

// The members of a group that are users can be read page by page, by index and by cursor.
func TestMembersByPage(t *testing.T) { onStores(t, testMembersByPage) }

func testMembersByPage(t *testing.T, pick func(*Config)) {
	s := newServer(t, pick)
	var in []string
	for i := range 7 {
		id := s.user(fmt.Sprint("u", i), "")
		if i != 3 {
			in = append(in, id)
		}
	}
	g := s.group("G", append(in, "nobody")...)
	query := "/Users?attributes=id&filter=groups.value+eq+%22" + g + "%22&count=2"
	var byIndex, byCursor []string
	for start := 1; start <= 7; start += 2 {
		r := s.do("GET", fmt.Sprint(query, "&startIndex=", start), "").want(200)
		require.Equal(t, float64(6), r.at("totalResults"))
		byIndex = append(byIndex, r.column("id")...)
	}
	for cursor, more := "", true; more; {
		r := s.do("GET", query+"&cursor="+cursor, "").want(200)
		byCursor = append(byCursor, r.column("id")...)
		cursor, more = r.at("nextCursor").(string)
	}
	require.Equal(t, in, byIndex)
	require.Equal(t, in, byCursor)
}

func TestGroupEvents(t *testing.T) {
	s := newServer(t)
	g := s.group("G", "a")
	s.patch("/Groups/"+g, `{"op":"add","path":"members","value":["a"]}`).want(204)
	s.patch("/Groups/"+g, `{"op":"replace","path":"members","value":["b"]},{"op":"replace","path":"displayName","value":"H"}`).want(204)
	s.do("DELETE", "/Groups/"+g, "").want(204)
	var types []string
	e := s.events()
	for _, one := range e {
		types = append(types, one.Type)
		require.Equal(t, g, one.Subject.ID)
	}
	require.Equal(t, []string{EventGroupCreated, EventGroupMembers, EventGroupUpdated, EventGroupDeleted}, types)
	require.Equal(t, &store.MemberChange{Added: []string{"a"}}, e[0].Members)
	require.Equal(t, &store.MemberChange{Added: []string{"b"}, Removed: []string{"a"}}, e[1].Members)
	require.Contains(t, string(e[2].Before), `"G"`)
	require.Contains(t, string(e[2].After), `"H"`)
}

func TestGroupVersions(t *testing.T) {
	s := newServer(t)
	g := s.group("G")
	tag := s.do("GET", "/Groups/"+g, "").header.Get("ETag")
	s.patch("/Groups/"+g, `{"op":"add","path":"members","value":["a"]}`).want(204)
	next := s.do("GET", "/Groups/"+g, "").header.Get("ETag")
	require.NotEqual(t, tag, next, "a group's tag moves with its members")
	r := s.request("PATCH", "/Groups/"+g, `{"Operations":[{"op":"remove","path":"members"}]}`)
	r.Header.Set("If-Match", tag)
	s.send(r).refused(412, "")
	require.Len(t, s.members(g), 1)
	r = s.request("PATCH", "/Groups/"+g, `{"Operations":[{"op":"remove","path":"members"}]}`)
	r.Header.Set("If-Match", next)
	s.send(r).want(204)
}

// A member that a path names is replaced where it is, and nowhere else (RFC 7644 section
// 3.5.2.3).
func TestReplaceOneMember(t *testing.T) { onStores(t, testReplaceOneMember) }

func testReplaceOneMember(t *testing.T, pick func(*Config)) {
	s := newServer(t, pick)
	a, b, c := s.user("a", ""), s.user("b", ""), s.user("c", "")
	g := s.group("G", a, b)
	op := func(op, in, sub, value string) string {
		return `{"op":"` + op + `","path":"members[value eq \"` + in + `\"]` + sub + `","value":` + value + `}`
	}
	s.patch("/Groups/"+g, op("replace", c, "", `{"value":"`+c+`"}`)).refused(400, TypeNoTarget)
	s.patch("/Groups/"+g, op("replace", c, ".value", `"`+c+`"`)).refused(400, TypeNoTarget)
	s.patch("/Groups/"+g, `{"op":"remove","path":"members"},`+op("replace", a, "", `{"value":"`+c+`"}`)).refused(400, TypeNoTarget)
	s.patch("/Groups/"+g, op("add", a, "", `{"value":"`+c+`"}`)).refused(400, TypeInvalidValue)
	s.patch("/Groups/"+g, op("replace", a, "", `[{"value":"a"},{"value":"b"}]`)).refused(400, TypeInvalidValue)
	require.ElementsMatch(t, []string{a, b}, s.members(g))
	tag := s.do("GET", "/Groups/"+g, "").header.Get("ETag")
	s.patch("/Groups/"+g, op("replace", a, "", `{"value":"`+a+`"}`)).want(204)
	require.Equal(t, tag, s.do("GET", "/Groups/"+g, "").header.Get("ETag"))
	s.patch("/Groups/"+g, op("replace", a, "", `{"value":"`+c+`"}`)).want(204)
	require.ElementsMatch(t, []string{c, b}, s.members(g))
	s.patch("/Groups/"+g, `{"op":"add","path":"members","value":[{"value":"x"}]},`+op("replace", "x", ".value", `"`+a+`"`)).want(204)
	require.ElementsMatch(t, []string{a, b, c}, s.members(g))
	s.patch("/Groups/"+g, op("add", "y", "", `{"value":"y"}`)).want(204)
	require.ElementsMatch(t, []string{a, b, c, "y"}, s.members(g))
}
