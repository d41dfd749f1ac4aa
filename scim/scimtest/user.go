package scimtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The steps with users that several providers take. Each says why in the words of the provider that takes it.

// wrongKey asks with a token that nobody has, and with none.
func (s *script) wrongKey(path, why string) {
	s.do("ask with a wrong key, and without one",
		"401 with WWW-Authenticate and an Error whose status is the string 401 and which has a detail", why, func() {
			for _, auth := range [][]string{{"Bearer " + s.tag + "-wrong"}, {}, {"Bearer "}} {
				a := s.send(request{method: http.MethodGet, path: path, auth: auth}).refused(http.StatusUnauthorized, "")
				if a.header.Get("WWW-Authenticate") == "" {
					a.problem("there is no WWW-Authenticate header (RFC 9110 section 15.5.2)")
				}
			}
		})
}

// lookUpAbsent looks for a user that is not there.
func (s *script) lookUpAbsent(filter, more, why string) {
	s.do("look for a user that is not there", "200 with an empty list", why, func() {
		s.find("/Users", filter, strings.Fields(more)...).only()
	})
}

// create makes a user from a body without userName, and reads it back.
func (s *script) create(name, why string, body object) (id string) {
	body["userName"] = s.userName(name)
	s.do("create the user "+name,
		"201 with the user and its id; reading it gives the same, and never a password", why, func() {
			a := s.post("/Users", body)
			id = a.created()
			s.checkUser(a, name)
			s.checkUser(s.get(resource("/Users", id)).status(http.StatusOK).has(id, "id"), name)
		})
	s.need(id)
	return id
}

func (s *script) checkUser(a *answer, name string) {
	a.has(s.userName(name), "userName").has(true, "active").has(nil, "password")
	if !slices.Contains(elements(a.at("schemas")), any(urnUser)) {
		a.problem("schemas is %s, expected %s in it", show(a.at("schemas")), urnUser)
	}
}

// people makes n plain users for groups. There are always n IDs; they are empty when the step failed.
func (s *script) people(n int, why string) []string {
	ids := make([]string, n)
	s.do(fmt.Sprintf("create %d more users", n), "201 for each", why, func() {
		requests := make([]request, n)
		for i := range n {
			name := fmt.Sprintf("member%d", i+1)
			requests[i] = request{method: http.MethodPost, path: "/Users", body: object{
				"schemas": list{urnUser}, "userName": s.userName(name), "active": true, "displayName": s.name(name),
				"name":   object{"givenName": "Member", "familyName": fmt.Sprint(i + 1)},
				"emails": list{object{"primary": true, "type": "work", "value": s.userName(name)}},
			}}
		}
		for i, a := range s.sendAll(requests...) {
			ids[i] = a.created()
		}
	})
	s.need(ids...)
	return ids
}

// duplicate repeats a creation, as a provider does that lost the answer.
func (s *script) duplicate(id string, body object, why string) {
	s.do("create the same user again", "409 with scimType uniqueness, and still one user, which can be found", why, func() {
		s.post("/Users", body).refused(http.StatusConflict, "uniqueness")
		s.find("/Users", filterEq("userName", body["userName"].(string))).only(id)
	})
}

// setActive changes active and looks whether the user is so, and still found. The change is sent twice, as after a lost
// answer.
func (s *script) setActive(name string, active bool, id, user string, change func(path string), why string) {
	expect := fmt.Sprintf("the user has active %v afterwards, sent again too, and is still found by its userName", active)
	s.do(name, expect, why, func() {
		path := resource("/Users", id)
		for range 2 {
			change(path)
			s.get(path).status(http.StatusOK).has(active, "active")
		}
		a := s.find("/Users", filterEq("userName", s.userName(user))).only(id)
		if m, _ := a.resources()[0].(object); m["active"] != active {
			a.problem("active in the list is %s, expected %v", show(m["active"]), active)
		}
	})
}

// deleteUser deletes a user, repeats that, and looks whether it is gone.
func (s *script) deleteUser(id, user, why string) {
	s.do("delete the user, twice", "204, then 404; the user is neither read nor found afterwards", why, func() {
		path := resource("/Users", id)
		s.delete(path).status(http.StatusNoContent)
		s.get(path).refused(http.StatusNotFound, "")
		s.find("/Users", filterEq("userName", s.userName(user))).only()
		s.delete(path).status(http.StatusNotFound, http.StatusNoContent)
	})
}

// filterEq is a filter by one value.
func filterEq(attr, value string) string { return fmt.Sprintf("%s eq %q", attr, value) }

// merged is a body with some members changed; nil removes one.
func merged(body, changes object) object {
	out := object{}
	for k, v := range body {
		out[k] = v
	}
	for k, v := range changes {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}
