package scim

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestCreateUser(t *testing.T) {
	s := newServer(t)
	r := s.do("POST", "/Users", `{"schemas":["`+URNUser+`","`+URNEnterpriseUser+`"],"USERNAME":"Ada@Example.com","id":"mine",
		"meta":{"created":"1999-01-01T00:00:00Z"},"groups":[{"value":"g"}],"password":"s3cret","externalId":"E1",
		"name":{"GIVENNAME":"Ada","formatted":null},"title":"","emails":[],"unknown":{"x":1},
		"phoneNumbers":[{"Value":"555","Primary":"True"}],"`+strings.ToUpper(URNEnterpriseUser)+`":{"Department":"R&D","manager":"m1"}}`).want(201)
	id := r.id()
	require.NotEqual(t, "mine", id)
	require.Equal(t, "application/scim+json", r.header.Get("Content-Type"))
	require.Equal(t, testBase+"/acme/Users/"+id, r.header.Get("Location"))
	require.Equal(t, r.header.Get("Location"), r.at("meta", "location"))
	require.Equal(t, `W/"1"`, r.header.Get("ETag"))
	require.Equal(t, "Ada@Example.com", r.at("userName"))
	require.Equal(t, true, r.at("active"), "a new user is active")
	require.Equal(t, "Ada", r.at("name", "givenName"))
	require.Equal(t, true, r.at("phoneNumbers", 0, "primary"))
	require.Equal(t, []any{URNUser, URNEnterpriseUser}, r.at("schemas"))
	require.Equal(t, "R&D", r.at(URNEnterpriseUser, "department"))
	require.Equal(t, "m1", r.at(URNEnterpriseUser, "manager", "value"))
	for _, gone := range []string{"password", "groups", "title", "emails", "unknown"} {
		require.Nil(t, r.at(gone), gone)
	}
	require.NotContains(t, r.raw, "1999")
	again := s.do("GET", "/Users/"+id, "").want(200)
	require.JSONEq(t, r.raw, again.raw)

	e := s.events()
	require.Len(t, e, 1)
	require.Equal(t, EventUserCreated, e[0].Type)
	require.Equal(t, store.EventActor{Kind: "api_key", ID: "k1", Name: "Directory"}, e[0].Actor)
	require.Equal(t, id, e[0].Subject.ID)
	require.NotContains(t, string(e[0].After), "s3cret")
}

func TestCreateUserRefusals(t *testing.T) {
	s := newServer(t)
	s.user("taken@example.com", "")
	for _, tt := range []struct {
		body     string
		status   int
		scimType string
	}{
		{`{"displayName":"x"}`, 400, TypeInvalidValue},
		{`{"userName":"  "}`, 400, TypeInvalidValue},
		{`{"userName":""}`, 400, TypeInvalidValue},
		{`{"userName":5}`, 400, TypeInvalidValue},
		{`{"userName":{"a":1}}`, 400, TypeInvalidValue},
		{`{"userName":"a","name":"Ada"}`, 400, TypeInvalidValue},
		{`{"userName":"a","active":"maybe"}`, 400, TypeInvalidValue},
		{`{"userName":"a","userName":"b"}`, 400, TypeInvalidSyntax},
		{`{"userName":"a","USERNAME":"b"}`, 400, TypeInvalidSyntax},
		{`{"userName":"a\u0000"}`, 400, TypeInvalidValue},
		{`{"userName":"a\ud800"}`, 400, TypeInvalidSyntax},
		{`{"userName":"a","emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, 400, TypeInvalidValue},
		{`{"userName":"a","x509Certificates":[{"value":"%%%"}]}`, 400, TypeInvalidValue},
		{`{"schemas":["` + URNGroup + `"],"userName":"a"}`, 400, TypeInvalidSyntax},
		{`{"userName":"TAKEN@example.com"}`, 409, TypeUniqueness},
		{`{"userName":"` + strings.Repeat("a", 5000) + `"}`, 400, TypeInvalidValue},
		{`{"userName":"a","emails":[{"value":"` + strings.Repeat("a", 5000) + `"}]}`, 400, TypeInvalidValue},
		{`[]`, 400, TypeInvalidSyntax},
		{`{`, 400, TypeInvalidSyntax},
		{`{} x`, 400, TypeInvalidSyntax},
		{` `, 400, TypeInvalidSyntax},
		{strings.Repeat(`{"name":`, 5000) + "1" + strings.Repeat("}", 5000), 400, TypeInvalidSyntax},
	} {
		s.do("POST", "/Users", tt.body).refused(tt.status, tt.scimType)
	}
	require.Equal(t, float64(1), s.do("GET", "/Users", "").at("totalResults"), "a refused create stores nothing")
	require.Len(t, s.events(), 1)
}

func TestReplaceUser(t *testing.T) {
	s := newServer(t)
	id := s.user("ada", `"title":"T","active":false,"emails":[{"value":"a@x"}],"`+URNEnterpriseUser+`":{"department":"D"}`)
	r := s.do("PUT", "/Users/"+id, `{"id":"other","userName":"ada2","displayName":"New"}`).want(200)
	require.Equal(t, id, r.at("id"))
	require.Equal(t, "ada2", r.at("userName"))
	require.Equal(t, "New", r.at("displayName"))
	for _, gone := range []string{"title", "emails", URNEnterpriseUser} {
		require.Nil(t, r.at(gone), gone)
	}
	require.Equal(t, false, r.at("active"), "leaving active out must not bring a user back")
	require.Equal(t, `W/"2"`, r.header.Get("ETag"))

	same := s.do("PUT", "/Users/"+id, `{"userName":"ada2","displayName":"New"}`).want(200)
	require.JSONEq(t, r.raw, same.raw, "a replacement that changes nothing moves no version")
	require.Len(t, s.events(), 2)

	s.user("bob", "")
	s.do("PUT", "/Users/"+id, `{"userName":"BOB"}`).refused(409, TypeUniqueness)
	s.do("PUT", "/Users/"+id, `{"displayName":"x"}`).refused(400, TypeInvalidValue)
	s.do("PUT", "/Users/nobody", `{"userName":"x"}`).refused(404, "")
}

func TestDeleteUser(t *testing.T) {
	s := newServer(t)
	id := s.user("ada", "")
	g := s.group("Staff", id)
	require.Equal(t, g, s.do("GET", "/Users/"+id, "").at("groups", 0, "value"))
	r := s.do("DELETE", "/Users/"+id, "").want(204)
	require.Empty(t, r.raw)
	s.do("GET", "/Users/"+id, "").refused(404, "")
	s.do("DELETE", "/Users/"+id, "").refused(404, "")
	require.Empty(t, s.members(g))
	s.user("ada", "") // the name is free again
}

func TestEntityTags(t *testing.T) {
	s := newServer(t)
	id := s.user("ada", "")
	with := func(method, header, tag, body string) reply {
		r := s.request(method, "/Users/"+id, body)
		r.Header.Set(header, tag)
		return s.send(r)
	}
	with("GET", "If-None-Match", `W/"1"`, "").want(304)
	with("GET", "If-None-Match", `"0", "1"`, "").want(304)
	with("GET", "If-None-Match", `W/"2"`, "").want(200)
	with("PUT", "If-Match", `W/"9"`, `{"userName":"ada","title":"x"}`).refused(412, "")
	with("PUT", "If-Match", `W/"1"`, `{"userName":"ada","title":"x"}`).want(200)
	with("DELETE", "If-Match", `W/"1"`, "").refused(412, "")
	with("DELETE", "If-Match", `*`, "").want(204)
}

// Writers that name no version are all served: a lost race is tried again.
func TestConcurrentPatches(t *testing.T) {
	s := newServer(t)
	id := s.user("ada", "")
	attrs := []string{
		"title", "nickName", "displayName", "userType", "locale", "timezone", "preferredLanguage", "profileUrl", "externalId",
		"name.givenName", "name.familyName", "name.middleName", "name.honorificPrefix", "name.honorificSuffix", "name.formatted",
	}
	s.shared = true
	var wg sync.WaitGroup
	for _, a := range attrs {
		wg.Go(func() { s.patch("/Users/"+id, fmt.Sprintf(`{"op":"add","path":%q,"value":"x"}`, a)).want(200) })
	}
	wg.Wait()
	r := s.do("GET", "/Users/"+id, "")
	for _, a := range attrs {
		var path []any
		for part := range strings.SplitSeq(a, ".") {
			path = append(path, part)
		}
		require.Equal(t, "x", r.at(path...), a)
	}
	require.Equal(t, `W/"16"`, r.header.Get("ETag"))
}

// staleStore always has somebody else who is faster.
type staleStore struct{ store.Store }

func (staleStore) UpdateSCIMUser(context.Context, string, store.SCIMUser, ...store.Event) (store.SCIMUser, error) {
	return store.SCIMUser{}, fmt.Errorf("update: %w", store.ErrStale)
}

func TestLostRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, func(c *Config) { c.Store = staleStore{c.Store} })
		id := s.user("ada", "")
		r := s.patch("/Users/"+id, `{"op":"add","path":"title","value":"x"}`).refused(503, "")
		require.Equal(t, "1", r.header.Get("Retry-After"))
		q := s.request("PUT", "/Users/"+id, `{"userName":"b"}`)
		q.Header.Set("If-Match", `W/"1"`)
		s.send(q).refused(412, "")
	})
}
