package scim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// before is the user that TestPatch changes.
const before = `{"userName":"ada","displayName":"D","title":"T","active":true,"name":{"givenName":"A","familyName":"B"},
	"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"}],
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Eng","manager":{"value":"m"}}}`

func TestPatch(t *testing.T) {
	const ent = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
	for _, tt := range []struct {
		name, ops string
		path      []any
		want      string // JSON of what stands at path afterwards
	}{
		{"add sets", `{"op":"add","path":"nickName","value":"N"}`, []any{"nickName"}, `"N"`},
		{"replace sets", `{"op":"replace","path":"nickName","value":"N"}`, []any{"nickName"}, `"N"`},
		{"path in any case", `{"op":"replace","path":"DISPLAYNAME","value":"N"}`, []any{"displayName"}, `"N"`},
		{"remove", `{"op":"remove","path":"title"}`, []any{"title"}, `null`},
		{"remove what isn't there", `{"op":"remove","path":"nickName"}`, []any{"nickName"}, `null`},
		{"replace with null removes", `{"op":"replace","path":"title","value":null}`, []any{"title"}, `null`},
		{"replace with an empty array removes", `{"op":"replace","path":"emails","value":[]}`, []any{"emails"}, `null`},
		{"sub-attribute keeps its siblings", `{"op":"replace","path":"name.familyName","value":"C"}`, []any{"name"}, `{"familyName":"C","givenName":"A"}`},
		{"complex replace merges", `{"op":"replace","path":"name","value":{"familyName":"C","givenName":null}}`, []any{"name"}, `{"familyName":"C"}`},
		{"remove a sub-attribute", `{"op":"remove","path":"name.givenName"}`, []any{"name"}, `{"familyName":"B"}`},
		{"remove the last sub-attributes", `{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name.familyName"}`, []any{"name"}, `null`},
		{"add appends", `{"op":"add","path":"emails","value":[{"value":"o@x"}]}`, []any{"emails"}, `[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"},{"value":"o@x"}]`},
		{"add of the same is one", `{"op":"add","path":"emails","value":[{"value":"h@x","type":"home"}]}`, []any{"emails"}, `[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"}]`},
		{"a new primary takes the mark", `{"op":"add","path":"emails","value":[{"value":"o@x","primary":true}]}`, []any{"emails"}, `[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home"},{"value":"o@x","primary":true}]`},
		{"the primary moves by a value path", `{"op":"replace","path":"emails[type eq \"home\"].primary","value":true}`, []any{"emails"}, `[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home","primary":true}]`},
		{"replace the list", `{"op":"replace","path":"emails","value":[{"value":"n@x"}]}`, []any{"emails"}, `[{"value":"n@x"}]`},
		{"replace a matching value", `{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"n@x","type":"work"}}`, []any{"emails"}, `[{"value":"n@x","type":"work"},{"value":"h@x","type":"home"}]`},
		{"replace in a matching value", `{"op":"replace","path":"emails[type eq \"work\" and primary eq true].value","value":"n@x"}`, []any{"emails", 0}, `{"value":"n@x","type":"work","primary":true}`},
		{"remove a matching value", `{"op":"remove","path":"emails[value ew \"@x\" and not (type eq \"home\")]"}`, []any{"emails"}, `[{"value":"h@x","type":"home"}]`},
		{"remove in a matching value", `{"op":"remove","path":"emails[type eq \"work\"].primary"}`, []any{"emails", 0}, `{"value":"w@x","type":"work"}`},
		{"remove all matching values", `{"op":"remove","path":"emails[value pr]"}`, []any{"emails"}, `null`},
		{"core URN", `{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq \"work\"].value","value":"n@x"}`, []any{"emails", 0, "value"}, `"n@x"`},
		{"extension URN", `{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Ops"}`, []any{json.RawMessage(ent), "department"}, `"Ops"`},
		{"extension as a whole", `{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"division":"X"}}`, []any{json.RawMessage(ent)}, `{"department":"Eng","division":"X","manager":{"value":"m"}}`},
		{"remove an extension", `{"op":"remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}`, []any{"schemas"}, `["urn:ietf:params:scim:schemas:core:2.0:User"]`},
		{"no path merges", `{"op":"replace","value":{"displayName":"N","name":{"familyName":"C"},"id":"x","unknown":1}}`, []any{"name"}, `{"familyName":"C","givenName":"A"}`},
		{"no path keeps the rest", `{"op":"replace","value":{"displayName":"N"}}`, []any{"title"}, `"T"`},
		{"no path, extension", `{"op":"add","value":{` + ent + `:{"department":"Ops"}}}`, []any{json.RawMessage(ent), "manager", "value"}, `"m"`},
		{"the last sub-attribute of a value", `{"op":"add","path":"addresses[type eq \"work\"].country","value":"DE"},{"op":"replace","path":"addresses[type eq \"work\"].country","value":""}`, []any{"addresses"}, `null`},
		{"no path, extension cleared", `{"op":"replace","value":{` + ent + `:null}}`, []any{json.RawMessage(ent)}, `null`},
		{"no path, extension's attribute cleared", `{"op":"replace","value":{` + ent + `:{"manager":null}}}`, []any{json.RawMessage(ent)}, `{"department":"Eng"}`},
		{"in order", `{"op":"remove","path":"emails"},{"op":"add","path":"emails","value":[{"value":"q@x","type":"work"}]},{"op":"replace","path":"emails[type eq \"work\"].value","value":"r@x"}`, []any{"emails"}, `[{"value":"r@x","type":"work"}]`},
		{"nothing to do", ``, []any{"title"}, `"T"`},
		{"schemas follow from the resource", `{"op":"add","path":"schemas","value":["urn:x"]}`, []any{"schemas", 2}, `null`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			id := s.do("POST", "/Users", before).want(201).id()
			s.patch("/Users/"+id, tt.ops).want(200)
			for i, p := range tt.path {
				if raw, ok := p.(json.RawMessage); ok {
					var name string
					require.NoError(t, json.Unmarshal(raw, &name))
					tt.path[i] = name
				}
			}
			got, err := json.Marshal(s.do("GET", "/Users/"+id, "").at(tt.path...))
			require.NoError(t, err)
			require.JSONEq(t, tt.want, string(got))
		})
	}
}

// A refused operation undoes the ones before it.
func TestPatchRefusals(t *testing.T) {
	s := newServer(t)
	id := s.do("POST", "/Users", before).want(201).id()
	want := s.do("GET", "/Users/"+id, "").raw
	for _, tt := range []struct{ op, scimType string }{
		{`{"op":"move","path":"title","value":"x"}`, TypeInvalidSyntax},
		{`{"path":"title","value":"x"}`, TypeInvalidSyntax},
		{`{"op":"replace","path":"id","value":"x"}`, TypeMutability},
		{`{"op":"replace","path":"meta.created","value":"1990-01-01T00:00:00Z"}`, TypeMutability},
		{`{"op":"add","path":"groups","value":[{"value":"g"}]}`, TypeMutability},
		{`{"op":"remove","path":"userName"}`, TypeMutability},
		{`{"op":"replace","path":"userName","value":""}`, TypeMutability},
		{`{"op":"replace","path":"nothing","value":"x"}`, TypeInvalidPath},
		{`{"op":"replace","path":"name.nothing","value":"x"}`, TypeInvalidPath},
		{`{"op":"replace","path":"title[value eq \"x\"]","value":"x"}`, TypeInvalidPath},
		{`{"op":"replace","path":"emails[type eq","value":"x"}`, TypeInvalidPath},
		{`{"op":"replace","path":"emails[nothing eq 1].value","value":"x"}`, TypeInvalidFilter},
		{`{"op":"replace","path":5,"value":"x"}`, TypeInvalidPath},
		{`{"op":"replace","path":"emails[type eq \"other\"].value","value":"x"}`, TypeNoTarget},
		{`{"op":"remove"}`, TypeNoTarget},
		{`{"op":"add","value":"x"}`, TypeInvalidValue},
		{`{"op":"add","path":"title"}`, TypeInvalidValue},
		{`{"op":"replace","path":"active","value":"maybe"}`, TypeInvalidValue},
		{`{"op":"replace","path":"name","value":"x"}`, TypeInvalidValue},
		{`{"op":"replace","path":"emails","value":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, TypeInvalidValue},
	} {
		s.patch("/Users/"+id, `{"op":"replace","path":"title","value":"changed"},`+tt.op).refused(400, tt.scimType)
		require.JSONEq(t, want, s.do("GET", "/Users/"+id, "").raw, tt.op)
	}
	s.do("PATCH", "/Users/"+id, `{"schemas":["urn:x"],"Operations":[]}`).refused(400, TypeInvalidSyntax)
	s.do("PATCH", "/Users/"+id, `{}`).refused(400, TypeInvalidSyntax)
	s.do("PATCH", "/Users/"+id, `{"Operations":[1]}`).refused(400, TypeInvalidSyntax)
	s.user("bob", "")
	s.patch("/Users/"+id, `{"op":"replace","path":"userName","value":"BOB"}`).refused(409, TypeUniqueness)
	s.patch("/Users/nobody", `{"op":"move"}`).refused(404, "")
}

// What changes nothing moves neither version nor lastModified, and tells nobody.
func TestPatchNoOp(t *testing.T) {
	s := newServer(t)
	id := s.do("POST", "/Users", before).want(201).id()
	want := s.do("GET", "/Users/"+id, "").raw
	for _, op := range []string{
		`{"op":"add","path":"emails","value":[{"value":"w@x","type":"work","primary":true}]}`,
		`{"op":"replace","path":"active","value":"True"}`,
		`{"op":"replace","value":{"title":"T"}}`,
		`{"op":"remove","path":"nickName"}`,
		`{"op":"remove","path":"emails","value":[]}`,
		`{"op":"remove","path":"emails[type eq \"other\"]"}`,
	} {
		require.JSONEq(t, want, s.patch("/Users/"+id, op).want(200).raw, op)
	}
	require.Len(t, s.events(), 1)
}

// However many operations one request has, they cost what their values do: an attribute
// with many values is not copied for each.
func TestManyOperationsOnManyValues(t *testing.T) {
	s := newServer(t)
	id := s.user("ada", "")
	var ops []string
	for i := range maxValues {
		ops = append(ops, fmt.Sprintf(`{"op":"add","path":"emails","value":[{"value":"a%d@x","type":"work"}]}`, i))
	}
	full := strings.Join(ops, ",")
	require.Len(t, s.patch("/Users/"+id, full).want(200).at("emails"), maxValues)
	s.patch("/Users/"+id, full+`,{"op":"add","path":"emails","value":[{"value":"more@x"}]}`).refused(400, TypeInvalidValue)
	allocs := testing.AllocsPerRun(1, func() { s.patch("/Users/"+id, full).want(200) })
	require.Less(t, allocs, 100.0*maxValues, "allocations grow with operations times values")
	r := s.do("GET", "/Users?attributes="+strings.Repeat("a,", maxNames+1), "").refused(400, TypeInvalidValue)
	require.Contains(t, r.at("detail"), "attributes")
}
