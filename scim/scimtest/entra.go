package scimtest

import (
	"crypto/rand"
	"fmt"
	"net/http"
)

// urnEntraGroup is Microsoft's own schema, which every group from Entra names beside the core one.
const urnEntraGroup = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

// entraStyle is how Entra writes operations: with or without aadOptscim062020.
type entraStyle interface {
	// set changes attributes of a user. Keys are paths.
	set(attrs object) []object
	setActive(active bool) object
	addMembers(ids ...string) object
	// removeMembers needs one operation or one for each.
	removeMembers(ids ...string) []object
	rename(name string) object
	manager(id string) object
	noManager() object
}

// entraClassic is the default: capital letters, a path for each value, strings for booleans.
type entraClassic struct{}

func (entraClassic) set(attrs object) (ops []object) {
	for path, v := range attrs {
		ops = append(ops, object{"op": "Replace", "path": path, "value": v})
	}
	return ops
}

func (entraClassic) setActive(active bool) object {
	word := map[bool]string{true: "True", false: "False"}[active]
	return object{"op": "Replace", "path": "active", "value": word}
}

func (entraClassic) addMembers(ids ...string) object {
	return object{"op": "Add", "path": "members", "value": refs(ids)}
}

func (entraClassic) removeMembers(ids ...string) []object {
	return []object{{"op": "Remove", "path": "members", "value": refs(ids)}}
}

func (entraClassic) rename(name string) object {
	return object{"op": "Replace", "path": "displayName", "value": name}
}

func (entraClassic) manager(id string) object {
	return object{"op": "Add", "path": urnEnterprise + ":manager", "value": refs([]string{id})}
}

func (entraClassic) noManager() object {
	return object{"op": "Replace", "path": urnEnterprise + ":manager", "value": ""}
}

// refs is how Entra lists references.
func refs(ids []string) (out list) {
	for _, id := range ids {
		out = append(out, object{"$ref": nil, "value": id})
	}
	return out
}

// entraFlagged writes one operation without path, with dotted and URN keys.
type entraFlagged struct{}

func (entraFlagged) set(attrs object) []object {
	return []object{{"op": "replace", "value": attrs}}
}

func (entraFlagged) setActive(active bool) object {
	return object{"op": "replace", "value": object{"active": active}}
}

func (entraFlagged) addMembers(ids ...string) object {
	return object{"op": "add", "path": "members", "value": values(ids...)}
}

func (entraFlagged) removeMembers(ids ...string) (ops []object) {
	for _, id := range ids {
		ops = append(ops, object{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", id)})
	}
	return ops
}

func (entraFlagged) rename(name string) object {
	return object{"op": "replace", "value": object{"displayName": name}}
}

func (entraFlagged) manager(id string) object {
	return object{"op": "add", "value": object{urnEnterprise + ":manager": id}}
}

func (entraFlagged) noManager() object {
	return object{"op": "remove", "path": urnEnterprise + ":manager"}
}

func playEntra(s *script, style entraStyle) {
	s.lookUpAbsent(filterEq("userName", guid()), "", `"Test Connection" looks for a random GUID; anything but an empty list and the administrator can't save the settings`)
	s.wrongKey("/Users?filter="+"userName+eq+%22"+guid()+"%22", "Entra shows the error to the administrator and puts provisioning into quarantine")
	s.do("read the schemas", "200 and no null anywhere", "Entra offers the attributes found there for mapping, and stops reading at a null", func() {
		a := s.get("/Schemas").status(http.StatusOK)
		if !a.broken && hasNull(a.body) {
			a.problem("the schemas have a null in them")
		}
	})
	user := entraUser(s, "ada")
	ada := s.create("ada", "every user assigned in Entra begins like this: extensions named but not sent, nulls, empty lists", user)
	s.duplicate(ada, user, "Entra repeats a creation whose answer it lost, and then links the existing account")
	entraLookUps(s, ada)
	people := s.people(6, "they are the groups' members in what follows")
	entraUpdates(s, style, ada, people[0:])
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
			s.find("/Users", fmt.Sprintf(`emails[type eq "work"].value eq %q`, s.userName("ada"))).only(ada)
			s.find("/Users", fmt.Sprintf(`userName eq %q and externalId eq %q`, s.userName("ada"), guid())).only()
			s.find("/Users", fmt.Sprintf(`emails[type eq "work"].value eq %q`, guid())).only()
		})
}

func entraUpdates(s *script, style entraStyle, ada string, people []string) {
	path := resource("/Users", ada)
	s.do("change attributes of the user", "all of them have the new value, the others their old one", "Entra sends what changed in one request and never looks again", func() {
		s.patch(path, style.set(object{
			"displayName": s.name("countess"), "name.familyName": "King", `emails[type eq "work"].value`: s.userName("countess"),
			urnEnterprise + ":department": "Analysis",
		})...)
		s.get(path).status(http.StatusOK).has(s.name("countess"), "displayName").has("King", "name", "familyName").has("Ada", "name", "givenName").
			hasTyped(s.userName("countess"), "emails", "work", "value").has("Analysis", urnEnterprise, "department").has(true, "active")
	})
	s.do("add a value that a value path does not match yet", "the value is created with the path's type", "a mapped phone number or second address is sent like this the first time", func() {
		s.patch(path, object{"op": "Add", "path": `phoneNumbers[type eq "mobile"].value`, "value": "+44 20 7946 0000"})
		s.get(path).status(http.StatusOK).hasTyped("+44 20 7946 0000", "phoneNumbers", "mobile", "value")
	})
	s.do("set and clear the manager", "the manager's value is the other user's id, then there is none", "Entra sends managers in forms of its own; a refusal stops the whole user from being updated", func() {
		s.patch(path, style.manager(people[0]))
		s.get(path).status(http.StatusOK).has(people[0], urnEnterprise, "manager", "value")
		s.patch(path, style.noManager())
		s.get(path).status(http.StatusOK).has(nil, urnEnterprise, "manager", "value")
	})
	s.do("send an empty list of operations", "an answer that is not a 5xx", "Microsoft's validator does, and counts a 5xx as a failed server", func() {
		a := s.send(request{method: http.MethodPatch, path: path, body: object{"schemas": list{urnPatch}, "Operations": list{}}})
		if a.code >= http.StatusInternalServerError {
			a.problem("answered %d", a.code)
		}
	})
	change := func(active bool) func(string) {
		return func(path string) { s.patch(path, style.setActive(active)) }
	}
	s.setActive("disable the user", false, ada, "ada", change(false), "this is how somebody who left loses access: a server that overlooks it, or the string \"False\", lets them stay")
	s.setActive("enable the user", true, ada, "ada", change(true), "somebody who came back is enabled, not created again")
}

func entraGroups(s *script, style entraStyle, ada string, people []string) {
	var group string
	s.do("create a group", "201; found by displayName, without members when they are excluded", "Entra creates groups empty and names a schema of its own beside the core one", func() {
		group = s.post("/Groups", object{
			"schemas": list{urnGroup, urnEntraGroup}, "externalId": s.tag + "-group", "displayName": s.name("engineers"),
			"meta": object{"resourceType": "Group"}, "members": list{},
		}).created().id()
		s.find("/Groups", filterEq("displayName", s.name("engineers")), "excludedAttributes=members").only(group)
	})
	s.need(group)
	path := resource("/Groups", group)
	s.do("add members", "the group has exactly them, and none when they are excluded", "Entra adds members a few at a time and never sends the whole list again", func() {
		s.patch(path, style.addMembers(ada, people[0]))
		s.patch(path, style.addMembers(people[1]))
		s.get(path).members(ada, people[0], people[1])
		s.get(path+"?excludedAttributes=members").status(http.StatusOK).has(nil, "members").has(s.name("engineers"), "displayName")
	})
	s.do("add a member again", "no error, and the member is there once", "Entra repeats an operation whose answer it lost", func() {
		s.patch(path, style.addMembers(ada))
		s.get(path).members(ada, people[0], people[1])
	})
	s.do("ask whether somebody is a member", "the group for a member, nothing for another user", "Entra decides by this probe whether to send the membership", func() {
		probe := func(user string) *answer {
			return s.find("/Groups", fmt.Sprintf("id eq %q and members eq %q", group, user), "excludedAttributes=members")
		}
		probe(ada).only(group)
		probe(people[5]).only()
	})
	s.do("remove one member", "this member is gone, all others stay", "a server that overlooks it lets people keep access; one that empties the group takes it from everybody", func() {
		s.patch(path, style.removeMembers(people[0])...)
		s.get(path).members(ada, people[1])
	})
	s.unknownMember(path, func(id string) object { return style.addMembers(id) }, []string{ada, people[1]}, people[0],
		"a member may arrive before its user, or never; Entra retries the refused request for weeks and nobody in it gets access")
	s.do("rename, add and remove in one request", "all of it happened", "Entra collects what changed in a group into one request", func() {
		ops := append([]object{style.rename(s.name("builders")), style.addMembers(people[2], people[3])}, style.removeMembers(people[0], people[1])...)
		s.patch(path, ops...)
		s.get(path).has(s.name("builders"), "displayName").hasMembers(ada, people[2], people[3]).hasNoMembers(people[0], people[1])
	})
	s.concurrent(path, style.addMembers, people[0], people[1], people[4], people[5])
	s.do("delete a member's account", "the group has the others only", "what is left of a deleted account is a member that Entra can't remove any more", func() {
		s.delete(resource("/Users", people[5])).status(http.StatusNoContent)
		s.get(path).hasMembers(ada, people[4]).hasNoMembers(people[5])
	})
	s.deleteGroup(group, ada, "Entra deletes a group that is no longer assigned")
	s.deleteUser(ada, "ada", "Entra deletes an account 30 days after the person was deleted, and repeats it when the answer was lost")
}

// unknownMember adds somebody the server does not know, together with somebody it does.
func (s *script) unknownMember(path string, add func(id string) object, before []string, known, why string) {
	s.do("add an unknown member and a known one", "no error; the known member is there, and nobody was lost", why, func() {
		s.patch(path, add(guid()), add(known))
		s.get(path).hasMembers(append(before, known)...)
	})
}

// concurrent adds members by requests that are sent at once.
func (s *script) concurrent(path string, add func(ids ...string) object, ids ...string) {
	s.do("add members by several requests at once", "all of them are members afterwards", "providers send changes of one group in parallel; a member lost between two of them is never sent again", func() {
		requests := make([]request, len(ids))
		for i, id := range ids {
			requests[i] = patchRequest(path, add(id))
		}
		for _, a := range s.sendAll(requests...) {
			a.status(http.StatusOK, http.StatusNoContent)
		}
		s.get(path).hasMembers(ids...)
	})
}

// guid is a random identifier as Entra writes them.
func guid() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand.Read never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		for _, e := range v {
			if hasNull(e) {
				return true
			}
		}
	case object:
		for _, e := range v {
			if hasNull(e) {
				return true
			}
		}
	}
	return false
}
