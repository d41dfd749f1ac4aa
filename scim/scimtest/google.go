package scimtest

import "net/http"

func playGoogle(s *script) {
	s.do("probe for one user", "a ListResponse with integers and one user at most",
		"Google tests the connection so, and a server without users has to pass as well", func() {
			s.get("/Users?count=1").listing().atMost(1)
		})
	s.wrongKey("/Users?count=1", "Google tells the administrator that the key has to be replaced")
	s.lookUpAbsent(filterEq("userName", s.userName("ada")), "", "Google looks before each creation")
	user := object{
		"schemas": list{urnUser, urnEnterprise}, "externalId": s.tag + "-ada", "active": true,
		"displayName": s.name("ada"), "name": object{"givenName": "Ada", "familyName": "Lovelace"},
		"emails":      list{object{"primary": true, "type": "work", "value": s.userName("ada")}},
		urnEnterprise: object{"department": "Analysis"},
	}
	ada := s.create("ada", "Google creates everybody who is in the application's scope", user)
	s.do("probe for one user, now that there are some", "one user, and totalResults counts all",
		"the same request as before must not depend on how many there are", func() {
			bob := s.post("/Users", merged(user, object{"userName": s.userName("bob"), "externalId": nil, "emails": nil})).created()
			a := s.get("/Users?count=1").listing().atMost(1)
			if len(a.resources()) != 1 || a.total() < 2 {
				a.problem("%d resources and totalResults %d, expected one resource of two at least", len(a.resources()), a.total())
			}
			s.delete(resource("/Users", bob)).status(http.StatusNoContent)
		})
	s.duplicate(ada, user, "Google repeats a creation whose answer it lost")
	s.do("update the user by PUT", "the new values, the extension's included", "Google sends the whole user for a change", func() {
		path := resource("/Users", ada)
		s.put(path, merged(user, object{
			"id": ada, "name": object{"givenName": "Ada", "familyName": "King"}, urnEnterprise: object{"department": "Engines"},
		})).status(http.StatusOK)
		s.get(path).status(http.StatusOK).has("King", "name", "familyName").has("Engines", urnEnterprise, "department").has(true, "active")
	})
	suspend := func(active bool) func(string) {
		return func(path string) {
			s.patch(path, object{"op": "replace", "path": "active", "value": active})
		}
	}
	s.setActive("suspend the user", false, ada, "ada", suspend(false),
		"Google suspends people for days before it deletes them; a server that overlooks it lets them stay")
	s.setActive("reactivate the user", true, ada, "ada", suspend(true), "a suspension can be taken back")
	s.deleteUser(ada, "ada", "Google deletes after the time that the administrator chose, and repeats it when the answer was lost")
}
