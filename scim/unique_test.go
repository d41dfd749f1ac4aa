package scim

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A host's own attributes are unique by their definition, wherever they stand.
func TestUniqueByDefinition(t *testing.T) {
	const urn = "urn:acme:1.0:User"
	s := newServer(t, func(c *Config) {
		c.UserExtensions = []Extension{{Schema: Schema{ID: urn, Attributes: []Attribute{
			{Name: "badge", Uniqueness: UniquenessServer},
			{Name: "code", Uniqueness: UniquenessGlobal, CaseExact: true},
			{Name: "number", Type: TypeInteger, Uniqueness: UniquenessServer},
			{Name: "cards", MultiValued: true, SubAttributes: []Attribute{{Name: "value", Uniqueness: UniquenessServer}, {Name: "type"}}},
		}}}}
		c.GroupExtensions = []Extension{{Schema: Schema{ID: "urn:acme:1.0:Group", Attributes: []Attribute{{Name: "room", Uniqueness: UniquenessServer}}}}}
	})
	ext := func(v string) string { return `"` + urn + `":` + v }
	ada := s.user("ada", ext(`{"badge":"A1","code":"x","number":7,"cards":[{"value":"c1"},{"value":"c2","type":"old"}]}`))
	for _, v := range []string{`{"badge":"a1"}`, `{"code":"x"}`, `{"number":7}`, `{"cards":[{"value":"C2","type":"new"}]}`} {
		r := s.do("POST", "/Users", `{"userName":"bob",`+ext(v)+`}`).refused(409, TypeUniqueness)
		require.Contains(t, r.at("detail"), urn)
	}
	require.Equal(t, []string{"ada"}, s.find("/Users", `userName pr`, "userName"))
	bob := s.user("bob", ext(`{"badge":"A2","code":"X","number":8,"cards":[{"value":"c3","type":"old"}]}`))
	s.patch("/Users/"+bob, `{"op":"replace","path":"`+urn+`:badge","value":"A1"}`).refused(409, TypeUniqueness)
	s.patch("/Users/"+bob, `{"op":"add","path":"`+urn+`:cards","value":[{"value":"c1"}]}`).refused(409, TypeUniqueness)
	s.patch("/Users/"+ada, `{"op":"replace","path":"`+urn+`:badge","value":"a1"}`).want(200) // its own
	s.patch("/Users/"+ada, `{"op":"remove","path":"`+urn+`:badge"}`).want(200)
	s.patch("/Users/"+bob, `{"op":"replace","path":"`+urn+`:badge","value":"A1"}`).want(200)
	s.do("DELETE", "/Users/"+ada, "").want(204)
	s.patch("/Users/"+bob, `{"op":"replace","path":"`+urn+`:number","value":7}`).want(200)

	g := `{"displayName":"G","urn:acme:1.0:Group":{"room":"R1"}}`
	s.do("POST", "/Groups", g).want(201)
	r := s.do("POST", "/Groups", g).refused(409, TypeUniqueness)
	require.Contains(t, r.at("detail"), `room "r1"`)
	other := s.group("H")
	s.patch("/Groups/"+other, `{"op":"add","value":{"urn:acme:1.0:Group:room":"R1"}}`).refused(409, TypeUniqueness)
	require.Equal(t, strings.Count(s.do("GET", "/Groups", "").raw, "R1"), 1)

	s.shared = true
	var wg sync.WaitGroup
	made := make([]int, 8)
	for i := range made {
		wg.Go(func() {
			made[i] = s.do("POST", "/Users", `{"userName":"u`+string(rune('a'+i))+`",`+ext(`{"badge":"one"}`)+`}`).status
		})
	}
	wg.Wait()
	created := 0
	for _, status := range made {
		if status == 201 {
			created++
		} else {
			require.Equal(t, 409, status)
		}
	}
	require.Equal(t, 1, created)
}
