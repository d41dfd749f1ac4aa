package scimtest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const (
	urnUser       = "urn:ietf:params:scim:schemas:core:2.0:User"
	urnGroup      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	urnEnterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	urnPatch      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	urnList       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	urnError      = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// The steps that several providers take. Each says why in the words of the provider that takes it.

// wrongKey asks with a token that nobody has.
func (s *script) wrongKey(path, why string) {
	s.do("ask with a wrong key", "401 with an Error whose status is the string 401 and which has a detail", why, func() {
		s.send(request{method: http.MethodGet, path: path, token: s.tag + "-wrong"}).refused(http.StatusUnauthorized, "")
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
	s.do("create the user "+name, "201 with the user, its id and its Location; reading it gives the same", why, func() {
		a := s.post("/Users", body).created()
		if id = a.id(); id == "" {
			return
		}
		s.checkUser(a, name)
		s.checkUser(s.get(resource("/Users", id)).status(http.StatusOK).has(id, "id"), name)
	})
	s.need(id)
	return id
}

func (s *script) checkUser(a *answer, name string) {
	a.has(s.userName(name), "userName").has(true, "active").has("User", "meta", "resourceType").has(nil, "password")
	if !a.broken && !slices.Contains(elements(a.at("schemas")), any(urnUser)) {
		a.problem("schemas is %s, expected %s in it", show(a.at("schemas")), urnUser)
	}
	if location, _ := a.at("meta", "location").(string); !a.broken && !strings.HasPrefix(location, "http") {
		a.problem("meta.location is %q, expected the user's absolute address", location)
	}
}

// people makes n plain users for groups.
func (s *script) people(n int, why string) (ids []string) {
	s.do(fmt.Sprintf("create %d more users", n), "201 for each", why, func() {
		for i := range n {
			name := fmt.Sprintf("member%d", i+1)
			ids = append(ids, s.post("/Users", object{
				"schemas": list{urnUser}, "userName": s.userName(name), "active": true, "displayName": s.name(name),
				"name":   object{"givenName": "Member", "familyName": fmt.Sprint(i + 1)},
				"emails": list{object{"primary": true, "type": "work", "value": s.userName(name)}},
			}).created().id())
		}
	})
	s.need(ids...)
	return ids
}

// duplicate repeats a creation, as a provider does that lost the answer.
func (s *script) duplicate(id string, body object, why string) {
	s.do("create the same user again", "409 with scimType uniqueness, and still one user", why, func() {
		s.post("/Users", body).refused(http.StatusConflict, "uniqueness")
		s.find("/Users", filterEq("userName", body["userName"].(string))).only(id)
	})
}

// setActive changes active by an operation and looks whether the user is so, and still found.
func (s *script) setActive(name string, active bool, id, user string, change func(path string), why string) {
	expect := fmt.Sprintf("the user has active %v afterwards and is still found by its userName", active)
	s.do(name, expect, why, func() {
		path := resource("/Users", id)
		change(path)
		s.get(path).status(http.StatusOK).has(active, "active")
		s.find("/Users", filterEq("userName", s.userName(user))).only(id)
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

// deleteGroup deletes a group and looks whether it is gone and its members are not.
func (s *script) deleteGroup(group, member, why string) {
	s.do("delete the group", "204; the group is gone, its members' accounts are not", why, func() {
		path := resource("/Groups", group)
		s.delete(path).status(http.StatusNoContent)
		s.get(path).refused(http.StatusNotFound, "")
		s.get(resource("/Users", member)).status(http.StatusOK)
	})
}

// page is how many resources pages asks for at once, maxPages where it stops.
const (
	page     = 3
	maxPages = 12
)

// pages walks through the users twice by index.
func (s *script) pages(why string) {
	s.do("list the users page by page, twice", "every page has the numbers it says, no user comes twice, and both walks give the same", why, func() {
		first, total := s.walk()
		second, _ := s.walk()
		switch {
		case len(s.step.Problems) > 0:
		case !slices.Equal(first, second):
			s.problem("the second walk through the pages gave other users, or in another order, than the first: the order is not stable")
		case total <= page*maxPages && len(first) != total:
			s.problem(fmt.Sprintf("totalResults says %d users, the pages have %d", total, len(first)))
		}
	})
}

func (s *script) walk() (seen []string, total int) {
	for n := range maxPages {
		a := s.get(fmt.Sprintf("/Users?startIndex=%d&count=%d", n*page+1, page)).listing()
		if a.broken {
			return nil, 0
		}
		ids := a.ids()
		if len(ids) > page {
			a.problem("%d resources on the page, asked for %d", len(ids), page)
			return nil, 0
		}
		for _, id := range ids {
			if slices.Contains(seen, id) {
				a.problem("user %s was on an earlier page already", id)
				return nil, 0
			}
			seen = append(seen, id)
		}
		if total = a.total(); len(seen) >= total || len(ids) == 0 {
			break
		}
	}
	return seen, total
}

// filterEq is a filter by one value.
func filterEq(attr, value string) string { return fmt.Sprintf("%s eq %q", attr, value) }

// values is a list of members.
func values(ids ...string) (out list) {
	for _, id := range ids {
		out = append(out, object{"value": id})
	}
	return out
}

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
