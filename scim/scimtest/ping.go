package scimtest

import (
	"fmt"
	"net/http"
	"slices"
)

// Facts about Ping are from docs.pingidentity.com: "SCIM Provisioner" (no PATCH for users; groups are found by reading
// all of them) and PingOne's "SCIM filter expressions" (username Eq "…", email Co "…").
func playPing(s *script) {
	s.lookUpAbsent(fmt.Sprintf("username Eq %q", s.userName("ada")), "",
		"PingOne's default filter spells both words so; names and operators know no case (RFC 7644 section 3.4.2.2)")
	s.wrongKey("/Users?filter="+"username+Eq+%22x%22", "Ping writes the answer to the log that the administrator reads")
	user := object{
		"schemas": list{urnUser}, "externalId": s.tag + "-ada", "active": true,
		"name":   object{"givenName": "Ada", "familyName": "Lovelace"},
		"emails": list{object{"primary": true, "type": "work", "value": s.userName("ada")}},
	}
	ada := s.create("ada", "Ping creates everybody whom the rule selects", user)
	s.duplicate(ada, user, "Ping repeats a creation whose answer it lost")
	s.do("look the user up by name and by address", "exactly this user",
		"administrators choose userName or the address as the identifier; a miss makes a second account", func() {
			s.find("/Users", fmt.Sprintf("username Eq %q", s.userName("ada"))).only(ada)
			s.find("/Users", filterEq("emails", s.userName("ada"))).only(ada)
			s.find("/Users", filterEq("emails", guid())).only()
		})
	s.do("update the user by PUT", "the new values", "Ping never sends a PATCH for a user", func() {
		path := resource("/Users", ada)
		s.put(path, merged(user, object{"id": ada, "name": object{"givenName": "Ada", "familyName": "King"}})).status(http.StatusOK)
		s.get(path).status(http.StatusOK).has("King", "name", "familyName").has(s.userName("ada"), "userName").has(true, "active")
	})
	pingGroup(s, ada)
	put := func(active bool) func(string) {
		return func(path string) {
			s.put(path, merged(user, object{"id": ada, "active": active})).status(http.StatusOK)
		}
	}
	s.setActive("disable the user by PUT", false, ada, "ada", put(false),
		"people who leave are disabled where the administrator chose so; a server that overlooks it lets them stay")
	s.setActive("enable the user by PUT", true, ada, "ada", put(true), "Ping enables people again who come back")
	s.deleteUser(ada, "ada", "Ping deletes where the administrator chose so, and repeats it when the answer was lost")
}

func pingGroup(s *script, ada string) {
	var group string
	s.do("create a group", "201, and reading all groups finds it",
		"Ping finds groups by reading all of them, and makes a second one if its own is not there", func() {
			group = s.post("/Groups", object{"schemas": list{urnGroup}, "displayName": s.name("engineers")}).created()
			s.readGroups(group)
		})
	s.need(group)
	s.do("add and remove a member", "the member is there, then not", "Ping changes memberships by PATCH", func() {
		path := resource("/Groups", group)
		s.patch(path, addValues(ada))
		s.get(path).members(ada)
		s.patch(path, removeByFilter(ada))
		s.get(path).members()
	})
	s.deleteGroup(group, "engineers", ada, "Ping deletes groups that were deleted or are not selected any more")
}

// readGroups reads all groups until it finds one.
func (s *script) readGroups(group string) {
	seen := 0
	for range maxPages {
		a := s.get(fmt.Sprintf("/Groups?startIndex=%d&count=100", seen+1)).listing().atMost(100)
		if slices.Contains(a.ids(), group) {
			return
		}
		seen += len(a.ids())
		if len(a.ids()) == 0 || seen >= a.total() {
			a.problem("this is the last of %d groups, and none has the id %q", a.total(), group)
		}
	}
}
