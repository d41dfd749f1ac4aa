package scimtest

import (
	"net/http"
	"slices"
	"strings"
)

// oktaPage is what Okta adds to every look-up.
const oktaPage = "startIndex=1 count=100"

func playOkta(s *script) {
	s.do("probe the lists of users and groups", "ListResponses whose numbers are there and integers, and at most two users",
		`Okta's "Test Connector Configuration" reads small pages and refuses numbers in quotes`, func() {
			s.get("/Users?startIndex=1&count=2").listing().integers("startIndex", "itemsPerPage").atMost(2)
			s.get("/Groups?startIndex=1&count=100").listing().integers("startIndex", "itemsPerPage")
		})
	s.wrongKey("/Users?startIndex=1&count=2", "Okta shows the detail to the administrator and has the status checked in its test suite")
	s.lookUpAbsent(filterEq("userName", s.userName("ada")), oktaPage,
		"Okta looks before each creation; with an answer that is not empty it links a stranger's account")
	user := oktaUser(s, "ada")
	ada := s.create("ada", "Okta's creation has a password, a locale and an empty list of groups; the password must never come back", user)
	s.duplicate(ada, user, "Okta repeats a creation whose answer it lost, and reports a conflict to the administrator by scimType")
	s.do("look up by an attribute that the server does not know", "an empty list or 400, never users",
		"an answer with everybody is taken as everybody matching", func() {
			a := s.find("/Users", filterEq("scimtestUnknown", "x"), strings.Fields(oktaPage)...)
			if a.code == http.StatusBadRequest {
				a.refused(http.StatusBadRequest, "")
				return
			}
			a.only()
		})
	s.do("look the user up, in other letters too", "exactly this user; userName knows no case",
		"directories change the case of addresses, and a miss makes a second account", func() {
			for _, name := range []string{s.userName("ada"), strings.ToUpper(s.userName("ada"))} {
				s.find("/Users", filterEq("userName", name), strings.Fields(oktaPage)...).only(ada)
			}
		})
	oktaUpdates(s, ada, user)
	people := s.people(s.cfg.Members, "they fill pages and are pushed in groups")
	s.pages(append(people[:len(people):len(people)], ada),
		"Okta imports everybody in pages, and takes somebody who slipped between two as deleted")
	oktaGroupPush(s, ada, people)
}

func oktaUser(s *script, name string) object {
	return object{
		"schemas": list{urnUser}, "externalId": s.tag + "-" + name, "active": true, "locale": "en-US", "displayName": s.name(name),
		"name":   object{"givenName": "Ada", "familyName": "Lovelace"},
		"emails": list{object{"primary": true, "type": "work", "value": s.userName(name)}},
		"groups": list{}, "password": guid(),
	}
}

func oktaUpdates(s *script, ada string, user object) {
	path := resource("/Users", ada)
	s.do("update the profile by PUT", "the user has the new values, and is the same one",
		"applications made with Okta's wizard get the whole profile for every change", func() {
			s.put(path, merged(user, object{
				"id": ada, "password": nil, "displayName": s.name("countess"), "name": object{"givenName": "Ada", "familyName": "King"},
			})).status(http.StatusOK)
			s.get(path).status(http.StatusOK).has(ada, "id").has("King", "name", "familyName").has(s.name("countess"), "displayName").
				has(s.userName("ada"), "userName").hasWhere(s.userName("ada"), "emails", "type", "work").has(true, "active")
		})
	patch := func(active bool) func(string) {
		return func(path string) {
			s.patch(path, object{"op": "replace", "value": object{"active": active}})
		}
	}
	put := func(active bool) func(string) {
		return func(path string) {
			s.put(path, merged(user, object{"id": ada, "active": active, "password": nil})).status(http.StatusOK)
		}
	}
	const leave = "people who leave are deactivated, never deleted: a server that overlooks it lets them stay"
	s.setActive("deactivate by PATCH", false, ada, "ada", patch(false), leave)
	s.setActive("reactivate by PATCH", true, ada, "ada", patch(true),
		"people who come back are reactivated; a conflict here has no way out for the administrator")
	s.setActive("deactivate by PUT", false, ada, "ada", put(false), leave)
	s.setActive("reactivate by PUT", true, ada, "ada", put(true), "applications made with Okta's wizard do it so")
}

func oktaGroupPush(s *script, ada string, people []string) {
	var group string
	body := object{
		"schemas": list{urnGroup}, "displayName": s.name("on-call"),
		"members": list{object{"value": ada, "display": s.userName("ada")}},
	}
	s.do("push a group", "201 with the member", "Okta creates the group with whoever is in it at that moment", func() {
		group = s.post("/Groups", body).created()
		s.get(resource("/Groups", group)).members(ada)
	})
	s.need(group)
	path := resource("/Groups", group)
	s.do("link an existing group by its name", "exactly this group",
		`Okta's "link group" looks by displayName before it pushes`, func() {
			s.find("/Groups", filterEq("displayName", s.name("on-call")), strings.Fields(oktaPage)...).only(group)
		})
	s.do("remove and add members in one request", "who was removed is gone, who was added is there",
		"this is Okta's usual membership change; what is overlooked stays so", func() {
			s.patch(path, removeByFilter(ada), addValues(people[0], people[1]))
			s.get(path).members(people[0], people[1])
		})
	all := slices.Concat(people[1:], []string{ada})
	s.do("replace all members", "exactly the new list",
		"Okta sends the full list after a failed push, and groups are large", func() {
			s.patch(path, object{"op": "replace", "path": "members", "value": values(all...)})
			s.get(path).members(all...)
		})
	s.do("rename the group", "the new name and the same members",
		"Okta renames with the id in the value; a server that takes it for a whole group loses the members", func() {
			s.patch(path, object{"op": "replace", "value": object{"id": group, "displayName": s.name("pagers")}})
			s.get(path).status(http.StatusOK).has(s.name("pagers"), "displayName").members(all...)
		})
	s.unknownMember(path, addValues, all, people[0],
		"Okta does not repeat a request that got a 400: nobody in it becomes a member")
	s.do("read a user's groups", "groups names the group",
		"administrators look here to see why somebody has access (RFC 7643 section 4.1.2: readOnly, derived)", func() {
			s.get(resource("/Users", ada)).status(http.StatusOK).hasWhere(group, "groups", "value", group)
		})
	s.do("update the group by PUT", "the new name and exactly the new list",
		"applications made with Okta's wizard get the whole group for every change", func() {
			s.put(path, merged(body, object{"id": group, "members": values(people[2], people[3])})).status(http.StatusOK)
			s.get(path).status(http.StatusOK).has(s.name("on-call"), "displayName").members(people[2], people[3])
		})
	s.deleteGroup(group, "on-call", ada, "Okta deletes a pushed group when the push ends")
}
