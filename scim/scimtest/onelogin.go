package scimtest

import "net/http"

// urnSCIM1 is the schema of SCIM 1, which OneLogin's connectors may still name.
const urnSCIM1 = "urn:scim:schemas:core:1.0"

func playOneLogin(s *script) {
	s.do("probe the list of users", "a ListResponse whose numbers are integers",
		"OneLogin enables provisioning only when the list can be read", func() {
			s.get("/Users").listing()
		})
	s.wrongKey("/Users", "OneLogin shows the answer to the administrator")
	s.lookUpAbsent(filterEq("userName", s.userName("ada")), "", "OneLogin looks before each creation")
	user := object{
		"schemas": list{urnSCIM1}, "externalId": s.tag + "-ada", "active": true,
		"name":   object{"givenName": "Ada", "familyName": "Lovelace"},
		"emails": list{object{"primary": true, "type": "work", "value": s.userName("ada")}},
	}
	ada := s.create("ada", "OneLogin may name SCIM 1's schema; the answer has to be SCIM 2.0 all the same", user)
	s.duplicate(ada, user, "OneLogin repeats a creation whose answer it lost")
	s.do("update the user by PUT", "the new values", "OneLogin sends the whole user for a change", func() {
		path := resource("/Users", ada)
		s.put(path, merged(user, object{"name": object{"givenName": "Ada", "familyName": "King"}})).status(http.StatusOK)
		s.get(path).status(http.StatusOK).has("King", "name", "familyName").has(s.userName("ada"), "userName")
	})
	oneLoginGroup(s, ada)
	s.setActive("suspend the user", false, ada, "ada", func(path string) {
		s.put(path, merged(user, object{"active": false})).status(http.StatusOK)
	}, "OneLogin suspends people whose access was taken; a server that overlooks it lets them stay")
	s.deleteUser(ada, "ada", "OneLogin deletes, where the administrator chose so, and repeats it when the answer was lost")
}

func oneLoginGroup(s *script, ada string) {
	var group string
	s.do("create a group", "201, and the group is found by its name",
		"OneLogin reads the groups to offer them in its rules", func() {
			s.get("/Groups").listing()
			group = s.post("/Groups", object{"schemas": list{urnGroup}, "displayName": s.name("engineers")}).created()
			s.find("/Groups", filterEq("displayName", s.name("engineers"))).only(group)
		})
	s.need(group)
	s.do("add and remove a member", "the member is there, then not",
		"OneLogin's rules move people between groups one by one", func() {
			path := resource("/Groups", group)
			s.patch(path, addValues(ada))
			s.get(path).members(ada)
			s.patch(path, removeByFilter(ada))
			s.get(path).members()
		})
	s.deleteGroup(group, "engineers", ada, "the rule that made it is gone")
}
