package scimtest

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
)

// urnEntraGroup is Microsoft's own schema, which every group from Entra names beside the core one.
const urnEntraGroup = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

func playEntra(s *script, style entraStyle) {
	probe := filterEq("userName", guid())
	s.lookUpAbsent(probe, "",
		`"Test Connection" looks for a random GUID; anything but an empty list and the administrator can't save the settings`)
	s.wrongKey("/Users?filter="+url.QueryEscape(probe),
		"Entra shows the error to the administrator and puts provisioning into quarantine")
	s.do("read the schemas", "200 and no null anywhere",
		"Entra offers the attributes found there for mapping, and stops reading at a null", func() {
			if a := s.get("/Schemas").status(http.StatusOK); hasNull(a.body) {
				a.problem("the schemas have a null in them")
			}
		})
	user := entraUser(s, "ada")
	ada := s.create("ada", "every user assigned in Entra begins like this: extensions named but not sent, nulls, empty lists", user)
	s.duplicate(ada, user, "Entra repeats a creation whose answer it lost, and then links the existing account")
	entraLookUps(s, ada)
	people := s.people(10, "they are the manager and the groups' members in what follows")
	entraUpdates(s, style, ada, people[0])
	entraActive(s, style, ada)
	entraGroups(s, style, ada, people)
}

func entraUser(s *script, name string) object {
	return object{
		"schemas": list{urnUser, urnEnterprise}, "externalId": s.tag + "-" + name, "active": true,
		"addresses": nil, "displayName": s.name(name), "meta": object{"resourceType": "User"},
		"emails": list{object{"primary": true, "type": "work", "value": s.userName(name)}},
		"name":   object{"formatted": nil, "familyName": "Lovelace", "givenName": "Ada"},
		"roles":  list{}, "title": nil, "department": nil, "manager": nil, "phoneNumbers": nil,
	}
}

func entraLookUps(s *script, ada string) {
	s.do("look the user up by each matching attribute", "exactly this user, whatever attribute was chosen for matching",
		"a server that answers with everybody, or with a 400, makes Entra change or duplicate the wrong account", func() {
			s.find("/Users", filterEq("userName", s.userName("ada"))).only(ada)
			s.find("/Users", filterEq("externalId", s.tag+"-ada")).only(ada)
			s.find("/Users", filterEq(`emails[type eq "work"].value`, s.userName("ada"))).only(ada)
			s.find("/Users", filterEq("userName", s.userName("ada"))+" and "+filterEq("externalId", guid())).only()
			s.find("/Users", filterEq(`emails[type eq "work"].value`, guid())).only()
		})
}

func entraUpdates(s *script, style entraStyle, ada, manager string) {
	path := resource("/Users", ada)
	s.do("change attributes of the user", "all of them have the new value, the others their old one",
		"Entra sends what changed in one request and never looks again", func() {
			s.patch(path, style.set(object{
				"displayName": s.name("countess"), "name.familyName": "King",
				`emails[type eq "work"].value`: s.userName("countess"), urnEnterprise + ":department": "Analysis",
			})...)
			s.get(path).status(http.StatusOK).has(s.name("countess"), "displayName").
				has("King", "name", "familyName").has("Ada", "name", "givenName").
				hasWhere(s.userName("countess"), "emails", "type", "work").
				has("Analysis", urnEnterprise, "department").has(true, "active").has(s.userName("ada"), "userName")
		})
	s.do("add a value that a value path does not match yet", "the value is created with the path's type",
		"a mapped phone number or second address is sent like this the first time", func() {
			s.patch(path, style.addValue(`phoneNumbers[type eq "mobile"].value`, "+44 20 7946 0000"))
			s.get(path).status(http.StatusOK).hasWhere("+44 20 7946 0000", "phoneNumbers", "type", "mobile")
		})
	s.do("set and clear the manager", "the manager's value is the other user's id, then there is none",
		"Entra sends managers in forms of its own; a refusal stops the whole user from being updated", func() {
			for _, op := range style.managers(manager) {
				s.patch(path, op)
				s.get(path).status(http.StatusOK).has(manager, urnEnterprise, "manager", "value")
				s.patch(path, style.noManager())
				s.get(path).status(http.StatusOK).has(nil, urnEnterprise, "manager", "value")
			}
		})
	s.do("assign app roles", "the role's JSON text comes back as it was sent, and the primary role is created beside it",
		"app roles travel as JSON within a string; a server that unpacks it gives people other roles, or none", func() {
			role := fmt.Sprintf(`{"id":%q,"value":"25","displayName":"On call"}`, guid())
			s.patch(path, style.appRoles(role))
			s.get(path).status(http.StatusOK).hasWhere(role, "roles", "value", role)
			s.patch(path, style.addValue(`roles[primary eq "True"].value`, "admin"))
			s.get(path).status(http.StatusOK).hasWhere("admin", "roles", "primary", true).
				hasWhere(role, "roles", "value", role)
		})
	s.do("send an empty list of operations", "an answer that is not a 5xx",
		"Microsoft's validator does, and counts a 5xx as a failed server", func() {
			a := s.send(patchRequest(path))
			if a.err != nil || a.code >= http.StatusInternalServerError {
				a.status(http.StatusOK, http.StatusNoContent, http.StatusBadRequest)
			}
		})
}

func entraActive(s *script, style entraStyle, ada string) {
	change := func(active bool) func(string) {
		return func(path string) { s.patch(path, style.setActive(active)) }
	}
	s.setActive("disable the user", false, ada, "ada", change(false),
		`this is how somebody who left loses access: a server that overlooks it, or the string "False", lets them stay`)
	s.setActive("enable the user", true, ada, "ada", change(true), "somebody who came back is enabled, not created again")
}

func entraGroups(s *script, style entraStyle, ada string, people []string) {
	var group string
	s.do("create a group", "201; found by displayName, without members when they are excluded",
		"Entra creates groups empty and names a schema of its own beside the core one", func() {
			byName := filterEq("displayName", s.name("engineers"))
			s.find("/Groups", byName, "excludedAttributes=members").only()
			group = s.post("/Groups", object{
				"schemas": list{urnGroup, urnEntraGroup}, "externalId": s.tag + "-group", "displayName": s.name("engineers"),
				"meta": object{"resourceType": "Group"}, "members": list{},
			}).created()
			s.find("/Groups", byName, "excludedAttributes=members").only(group)
		})
	s.need(group)
	path := resource("/Groups", group)
	s.do("add members, twice", "the group has exactly them, each once, and none when members are excluded",
		"Entra adds members a few at a time, never sends the whole list, and repeats what it lost the answer to", func() {
			s.patch(path, style.addMembers(ada, people[0]))
			s.patch(path, style.addMembers(people[1]))
			s.get(path).members(ada, people[0], people[1])
			s.patch(path, style.addMembers(ada, people[0]))
			s.get(path).members(ada, people[0], people[1])
			s.get(path+"?excludedAttributes=members").status(http.StatusOK).has(nil, "members").has(s.name("engineers"), "displayName")
		})
	s.do("ask whether somebody is a member", "the group for a member, nothing for another user",
		"Entra decides by this probe whether to send the membership", func() {
			probe := func(user string) *answer {
				return s.find("/Groups", filterEq("id", group)+" and "+filterEq("members", user), "excludedAttributes=members")
			}
			probe(ada).only(group)
			probe(people[5]).only()
		})
	s.do("remove one member, twice", "this member is gone, all others stay, and the repetition is no error",
		"a server that overlooks it lets people keep access; one that empties the group takes it from everybody", func() {
			for range 2 {
				s.patch(path, style.removeMembers(people[0])...)
				s.get(path).members(ada, people[1])
			}
		})
	s.unknownMember(path, style.addMembers, []string{ada, people[1]}, people[0],
		"a member may arrive before its user, or never; Entra retries the refused request for weeks and nobody in it gets access")
	s.do("rename, add and remove in one request", "all of it happened",
		"Entra collects what changed in a group into one request", func() {
			ops := []object{style.rename(s.name("builders")), style.addMembers(people[2], people[3])}
			s.patch(path, append(ops, style.removeMembers(people[0], people[1])...)...)
			s.get(path).status(http.StatusOK).has(s.name("builders"), "displayName").
				hasMembers(ada, people[2], people[3]).hasNoMembers(people[0], people[1])
		})
	s.changeAtOnce(path, people[4:], people[2:4], style.addMembers, style.removeMembers)
	s.do("delete a member's account", "the group has the others only",
		"what is left of a deleted account is a member that Entra can't remove any more", func() {
			s.delete(resource("/Users", people[5])).status(http.StatusNoContent)
			s.get(path).hasMembers(ada, people[4]).hasNoMembers(people[5])
		})
	s.deleteGroup(group, "builders", ada, "Entra deletes a group that is no longer assigned")
	s.deleteUser(ada, "ada", "Entra deletes an account 30 days after the person was deleted, and repeats it when the answer was lost")
}

// guid is a random identifier as Entra writes them.
func guid() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
