package scimtest

import (
	"maps"
	"slices"
)

// entraStyle is how Entra writes operations: with or without aadOptscim062020.
type entraStyle interface {
	// set changes attributes of a user. Keys are paths.
	set(attrs object) []object
	// addValue adds a value at a path that matches nothing yet.
	addValue(path string, value any) object
	setActive(active bool) object
	addMembers(ids ...string) object
	// removeMembers needs one operation, or one for each.
	removeMembers(ids ...string) []object
	rename(name string) object
	// managers are the ways in which a manager is set.
	managers(id string) []object
	noManager() object
	appRoles(values ...string) object
}

// entraClassic is the default: capital letters, a path for each value, strings for booleans.
type entraClassic struct{}

func (entraClassic) set(attrs object) (ops []object) {
	for _, path := range slices.Sorted(maps.Keys(attrs)) {
		ops = append(ops, object{"op": "Replace", "path": path, "value": attrs[path]})
	}
	return ops
}

func (entraClassic) addValue(path string, value any) object {
	return object{"op": "Add", "path": path, "value": value}
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

func (entraClassic) managers(id string) []object {
	return []object{
		{"op": "Add", "path": "manager", "value": refs([]string{id})},
		{"op": "Replace", "path": urnEnterprise + ":manager", "value": id},
		{"op": "Add", "path": urnEnterprise + ".manager", "value": id},
	}
}

func (entraClassic) noManager() object {
	return object{"op": "Replace", "path": urnEnterprise + ":manager", "value": ""}
}

func (entraClassic) appRoles(roles ...string) object {
	return object{"op": "Add", "path": "roles", "value": values(roles...)}
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

func (entraFlagged) addValue(path string, value any) object {
	return object{"op": "add", "value": object{path: value}}
}

func (entraFlagged) setActive(active bool) object {
	return object{"op": "replace", "value": object{"active": active}}
}

func (entraFlagged) addMembers(ids ...string) object { return addValues(ids...) }

func (entraFlagged) removeMembers(ids ...string) (ops []object) {
	for _, id := range ids {
		ops = append(ops, removeByFilter(id))
	}
	return ops
}

func (entraFlagged) rename(name string) object {
	return object{"op": "replace", "value": object{"displayName": name}}
}

func (entraFlagged) managers(id string) []object {
	return []object{
		{"op": "add", "value": object{urnEnterprise + ":manager": id}},
		{"op": "replace", "path": urnEnterprise + ":manager", "value": object{"value": id}},
	}
}

func (entraFlagged) noManager() object {
	return object{"op": "remove", "path": urnEnterprise + ":manager"}
}

func (entraFlagged) appRoles(roles ...string) object {
	return object{"op": "replace", "path": "roles", "value": values(roles...)}
}
