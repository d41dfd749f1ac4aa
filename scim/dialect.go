package scim

import (
	"strings"
)

// dialect says how identity providers' ways of speaking are brought to the
// form that RFC 7643 and RFC 7644 describe, before anything else looks at a
// value. Each method names who speaks so; recorded exchanges are in testdata.
// A strict dialect takes the RFCs' form alone.
type dialect struct {
	strict bool
	// unknown collects the names that no schema knows; nil forgets them.
	unknown *[]string
}

// ignore passes over a name that no schema knows. Everybody sends some: Entra what an
// administrator maps, Okta its own profile's.
func (d dialect) ignore(name string) {
	if d.unknown != nil {
		*d.unknown = append(*d.unknown, name)
	}
}

// op lower-cases an operation's name. Entra (without aadOptscim062020) sends
// "Add", "Replace" and "Remove".
func (d dialect) op(name string) string {
	if d.strict {
		return name
	}
	return strings.ToLower(name)
}

// boolean reads "True" and "False". Entra sends them for active and for
// primary in value paths; its Postman collection for everything.
func (d dialect) boolean(v any) (b, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		if d.strict {
			return false, false
		}
		switch strings.ToLower(v) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}

// cleared reports whether v means "no value". null and [] do for everybody
// (RFC 7643 section 2.5); Entra sends "" to clear a string or the manager.
func (d dialect) cleared(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case string:
		return v == "" && !d.strict
	}
	return false
}

// values makes a list of what was sent for a multi-valued attribute. Entra,
// OneLogin and others send a single object, or a plain string for members and
// roles, where the RFC has an array.
func (d dialect) values(v any) ([]any, bool) {
	if list, ok := v.([]any); ok {
		return list, true
	}
	if d.strict {
		return nil, false
	}
	switch v.(type) {
	case map[string]any, string, bool:
		return []any{v}, true
	}
	return nil, false
}

// single unwraps an array of one for a single-valued attribute. Entra sends
// the manager as [{"value":"…"}].
func (d dialect) single(v any) any {
	if list, ok := v.([]any); ok && len(list) == 1 && !d.strict {
		return list[0]
	}
	return v
}

// plain unwraps an object around the value of a simple attribute. Entra has sent a group's
// name as [{"$ref":null,"value":"…"}].
func (d dialect) plain(v any) any {
	m, ok := v.(map[string]any)
	if !ok || d.strict {
		return v
	}
	inner, ok := member(m, "value")
	for key, e := range m {
		if !strings.EqualFold(key, "value") && (e != nil || !strings.EqualFold(key, "$ref")) {
			return v
		}
	}
	if !ok {
		return v
	}
	return inner
}

// object makes the complex value that a plain string stands for: Entra sends
// the manager as a string, Microsoft's collection members, others roles and
// e-mails.
func (d dialect) object(a *attribute, v any) (map[string]any, bool) {
	if m, ok := v.(map[string]any); ok {
		return m, true
	}
	if s, ok := v.(string); ok && !d.strict && a.sub("value") != nil {
		return map[string]any{"value": s}, true
	}
	return nil, false
}

// borrowed lets a PATCH path name an extension's attribute without the URN,
// as Entra does for manager and department.
func (d dialect) borrowed(rt *resourceType, name string) (*container, *attribute) {
	if d.strict {
		return nil, nil
	}
	for _, c := range rt.exts {
		if a := c.attr(name); a != nil {
			return c, a
		}
	}
	return nil, nil
}

// operationList finds the operations of a PATCH in any case, and a single
// object where the RFC has an array.
func (d dialect) operationList(body map[string]any) ([]any, bool) {
	v, ok := member(body, "Operations")
	if !ok {
		return nil, false
	}
	return d.values(v)
}

// createsUnmatched reports whether an operation whose value path matches
// nothing makes the value. Entra adds emails[type eq "work"].value so, and with
// aadOptscim062020 replaces it as a key of an operation without path (lax).
func (d dialect) createsUnmatched(op string, lax bool) bool {
	return (op == opAdd || lax) && !d.strict
}

// memberOperation translates the "name":"addMember" of Microsoft's Postman
// collection.
func (d dialect) memberOperation(o map[string]any) (op, path string) {
	if d.strict {
		return "", ""
	}
	v, _ := member(o, "name")
	name, _ := v.(string)
	switch strings.ToLower(name) {
	case "addmember":
		return opAdd, "members"
	case "removemember":
		return opRemove, "members"
	}
	return "", ""
}

// schemas reports whether a resource's schemas fit its type. OneLogin may send
// the URN of SCIM 1; leaving them out is forgiven.
func (d dialect) schemas(v any, core string) bool {
	list := elements(v)
	if len(list) == 0 {
		return !d.strict
	}
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return false
		}
		if strings.EqualFold(s, core) || !d.strict && strings.EqualFold(s, "urn:scim:schemas:core:1.0") {
			return true
		}
	}
	return false
}
