package scimtest

import "net/http"

func playJumpCloud(s *script) {
	const because = `JumpCloud plays this through when the administrator presses "Activate", and activates nothing if a part of it fails`
	s.wrongKey("/Users?startIndex=1&count=100", "JumpCloud tests the key at activation and shows the answer")
	s.do("read the lists of users and groups", "ListResponses whose numbers are integers", because, func() {
		s.get("/Users?startIndex=1&count=100").listing().atMost(100)
		s.get("/Groups?startIndex=1&count=100").listing().atMost(100)
	})
	s.lookUpAbsent(filterEq("userName", s.userName("test")), "", because)
	user := object{
		"schemas": list{urnUser, urnEnterprise}, "externalId": s.tag + "-test", "active": true, "displayName": s.name("test"),
		"name":   object{"givenName": "Test", "familyName": "User"},
		"emails": list{object{"primary": true, "type": "work", "value": s.userName("test")}},
	}
	id := s.create("test", because, user)
	s.duplicate(id, user, "JumpCloud repeats a creation whose answer it lost")
	s.do("update the test user by PUT", "the new values", because, func() {
		path := resource("/Users", id)
		s.put(path, merged(user, object{"id": id, "displayName": s.name("changed")})).status(http.StatusOK)
		s.get(path).status(http.StatusOK).has(s.name("changed"), "displayName").has(s.userName("test"), "userName")
	})
	jumpCloudGroup(s, id, because)
	s.setActive("deactivate the test user", false, id, "test", func(path string) {
		s.put(path, merged(user, object{"id": id, "active": false})).status(http.StatusOK)
	}, "people who leave are deactivated like this; a server that overlooks it lets them stay")
	s.deleteUser(id, "test", because)
}

func jumpCloudGroup(s *script, user, because string) {
	var group string
	s.do("create the test group", "201 with the member", because, func() {
		group = s.post("/Groups", object{
			"schemas": list{urnGroup}, "displayName": s.name("test"), "members": values(user),
		}).created()
		s.get(resource("/Groups", group)).members(user)
	})
	s.need(group)
	path := resource("/Groups", group)
	s.do("remove somebody who is no member", "no error, and the member stays",
		"JumpCloud names people who have left before it looks who is there", func() {
			s.patch(path, removeValues(guid()))
			s.get(path).members(user)
		})
	s.do("remove the member by its value", "no members", because, func() {
		s.patch(path, removeValues(user))
		s.get(path).members()
	})
	s.deleteGroup(group, "test", user, because)
}
