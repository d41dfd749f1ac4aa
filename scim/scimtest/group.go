package scimtest

import (
	"net/http"
	"slices"
)

// The steps with groups that several providers take, and what they look for.

// members expects a group to have exactly these, in any order.
func (a *answer) members(ids ...string) {
	a.status(http.StatusOK)
	a.sameIDs("members", ids, a.memberIDs())
}

// hasMembers expects a group to have these, among others.
func (a *answer) hasMembers(ids ...string) *answer {
	a.status(http.StatusOK)
	got := a.memberIDs()
	lost := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(got, id) })
	if len(lost) > 0 {
		a.problem("members lacks %s", few(lost))
	}
	return a
}

// hasNoMembers expects a group not to have these.
func (a *answer) hasNoMembers(ids ...string) {
	a.status(http.StatusOK)
	for _, id := range a.memberIDs() {
		if slices.Contains(ids, id) {
			a.problem("members has %q, which should not be there", id)
		}
	}
}

func (a *answer) memberIDs() (ids []string) {
	for _, e := range elements(a.at("members")) {
		m, _ := e.(object)
		id, _ := m["value"].(string)
		ids = append(ids, id)
	}
	return ids
}

// unknownMember adds somebody the server does not know, together with somebody it does.
func (s *script) unknownMember(path string, add func(ids ...string) object, before []string, known, why string) {
	s.do("add an unknown member together with a known one",
		"no error; the known one is a member, and nobody was lost", why, func() {
			s.patch(path, add(guid(), known))
			s.get(path).hasMembers(append(before, known)...)
		})
}

// changeAtOnce changes members by requests that are sent at the same time.
func (s *script) changeAtOnce(path string, add, remove []string, adds func(...string) object, removes func(...string) []object) {
	s.do("change members by several requests at once",
		"everybody who was added is a member afterwards, and nobody who was removed",
		"providers send changes of one group in parallel; one that is lost between two others is never sent again", func() {
			var requests []request
			for _, id := range add {
				requests = append(requests, patchRequest(path, adds(id)))
			}
			for _, id := range remove {
				requests = append(requests, patchRequest(path, removes(id)...))
			}
			for _, a := range s.sendAll(requests...) {
				a.status(http.StatusOK, http.StatusNoContent)
			}
			s.get(path).hasMembers(add...).hasNoMembers(remove...)
		})
}

// deleteGroup deletes a group, repeats that, and looks whether it is gone and its members are not.
func (s *script) deleteGroup(group, name, member, why string) {
	s.do("delete the group, twice", "204, then 404; the group is gone, its members' accounts are not", why, func() {
		path := resource("/Groups", group)
		s.delete(path).status(http.StatusNoContent)
		s.get(path).refused(http.StatusNotFound, "")
		s.find("/Groups", filterEq("displayName", s.name(name))).only()
		s.delete(path).status(http.StatusNotFound, http.StatusNoContent)
		s.get(resource("/Users", member)).status(http.StatusOK)
	})
}

// values is a list of members.
func values(ids ...string) (out list) {
	for _, id := range ids {
		out = append(out, object{"value": id})
	}
	return out
}

// addValues and removeValues are operations on members as most providers write them, removeByFilter as the RFC does.
func addValues(ids ...string) object {
	return object{"op": "add", "path": "members", "value": values(ids...)}
}

func removeValues(ids ...string) object {
	return object{"op": "remove", "path": "members", "value": values(ids...)}
}

func removeByFilter(id string) object {
	return object{"op": "remove", "path": "members[" + filterEq("value", id) + "]"}
}
