package idp

import "net/url"

// Dialect is how a directory's SCIM client speaks.
type Dialect string

// The dialects.
const (
	// Entra speaks as Microsoft Entra ID does without the flag aadOptscim062020: operation names with a capital, active as
	// a string, members removed by value, groups looked up without members, users changed attribute by attribute.
	Entra Dialect = "entra"
	// Okta replaces users as a whole, deactivates without a path, and removes members by a filter in the path.
	Okta Dialect = "okta"
)

// Title is the dialect's name for people.
func (d Dialect) Title() string {
	if d == Okta {
		return "Okta"
	}
	return "Microsoft Entra ID"
}

// speaker makes a dialect's requests. What it returns as a body becomes JSON.
type speaker interface {
	findUser(userName string) url.Values
	createUser(p profile) any
	// updateUser turns before into after; a zero before says that nothing is known of the user at the other side.
	updateUser(id string, before, after profile) (method string, body any)
	deactivateUser() any
	findGroup(name string) url.Values
	// createGroup may name members; those that it names are not added again.
	createGroup(g group, members []string) (body any, named bool)
	renameGroup(id, name string) any
	// adoptMembers is for a group that somebody else made; changeMembers for one whose members are known.
	adoptMembers(members []string) any
	changeMembers(add, remove []string) any
}

var speakers = map[Dialect]speaker{Entra: entra{}, Okta: okta{}}

// profile is what a push tells about a user. It is comparable: equal profiles need no request.
type profile struct {
	externalID, userName, given, family, display, phone string
	active                                              bool
}

func profileOf(u User) profile {
	return profile{
		externalID: u.ID, userName: u.Email, given: u.GivenName, family: u.FamilyName, display: u.DisplayName(),
		phone: u.Phone, active: !u.Inactive,
	}
}

const (
	userSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	groupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	entraGroupSchema = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
	patchSchema      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

type patchBody struct {
	Schemas    []string    `json:"schemas"`
	Operations []operation `json:"Operations"`
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

func patch(ops ...operation) patchBody {
	return patchBody{Schemas: []string{patchSchema}, Operations: ops}
}

type userBody struct {
	Schemas      []string `json:"schemas"`
	ID           string   `json:"id,omitempty"`
	ExternalID   string   `json:"externalId"`
	UserName     string   `json:"userName"`
	Name         nameBody `json:"name"`
	DisplayName  string   `json:"displayName"`
	Active       bool     `json:"active"`
	Emails       []typed  `json:"emails"`
	PhoneNumbers []typed  `json:"phoneNumbers,omitempty"`
	// Okta sends these two with every new user.
	Groups   *[]string `json:"groups,omitempty"`
	Password string    `json:"password,omitempty"`
}

type nameBody struct {
	GivenName  string `json:"givenName"`
	FamilyName string `json:"familyName"`
}

type typed struct {
	Primary bool   `json:"primary"`
	Type    string `json:"type"`
	Value   string `json:"value"`
}

type groupBody struct {
	Schemas     []string `json:"schemas"`
	ExternalID  string   `json:"externalId,omitempty"`
	DisplayName string   `json:"displayName"`
	Members     []member `json:"members,omitempty"`
}

type member struct {
	Value string `json:"value"`
}

func memberList(ids []string) []member {
	out := make([]member, 0, len(ids))
	for _, id := range ids {
		out = append(out, member{Value: id})
	}
	return out
}

func (p profile) body(schemas ...string) userBody {
	b := userBody{
		Schemas: schemas, ExternalID: p.externalID, UserName: p.userName, Name: nameBody{p.given, p.family},
		DisplayName: p.display, Active: p.active, Emails: []typed{{Primary: true, Type: "work", Value: p.userName}},
	}
	if p.phone != "" {
		b.PhoneNumbers = []typed{{Primary: true, Type: "mobile", Value: p.phone}}
	}
	return b
}

// entra is described at Entra.
type entra struct{}

func (entra) findUser(userName string) url.Values {
	return url.Values{"filter": {"userName eq " + quote(userName)}}
}

func (entra) createUser(p profile) any { return p.body(userSchema, enterpriseSchema) }

func (entra) updateUser(_ string, before, after profile) (string, any) {
	var ops []operation
	text := func(path, was, is string) {
		switch {
		case was == is:
		case is == "":
			ops = append(ops, operation{Op: "Remove", Path: path})
		case was == "":
			ops = append(ops, operation{Op: "Add", Path: path, Value: is})
		default:
			ops = append(ops, operation{Op: "Replace", Path: path, Value: is})
		}
	}
	if before.active != after.active {
		ops = append(ops, entraActive(after.active))
	}
	text("userName", before.userName, after.userName)
	text(`emails[type eq "work"].value`, before.userName, after.userName)
	text("externalId", before.externalID, after.externalID)
	text("displayName", before.display, after.display)
	text("name.givenName", before.given, after.given)
	text("name.familyName", before.family, after.family)
	text(`phoneNumbers[type eq "mobile"].value`, before.phone, after.phone)
	if before == (profile{}) && !after.active {
		ops = append(ops, entraActive(false))
	}
	return "PATCH", patch(ops...)
}

func (entra) deactivateUser() any { return patch(entraActive(false)) }

func entraActive(active bool) operation {
	if active {
		return operation{Op: "Replace", Path: "active", Value: "True"}
	}
	return operation{Op: "Replace", Path: "active", Value: "False"}
}

func (entra) findGroup(name string) url.Values {
	return url.Values{"excludedAttributes": {"members"}, "filter": {"displayName eq " + quote(name)}}
}

func (entra) createGroup(g group, _ []string) (any, bool) {
	return groupBody{Schemas: []string{groupSchema, entraGroupSchema}, ExternalID: g.id, DisplayName: g.name}, false
}

func (entra) renameGroup(_, name string) any {
	return patch(operation{Op: "Replace", Path: "displayName", Value: name})
}

func (e entra) adoptMembers(members []string) any { return e.changeMembers(members, nil) }

func (entra) changeMembers(add, remove []string) any {
	type reference struct {
		Ref   *string `json:"$ref"`
		Value string  `json:"value"`
	}
	var ops []operation
	change := func(op string, ids []string) {
		if len(ids) == 0 {
			return
		}
		refs := make([]reference, 0, len(ids))
		for _, id := range ids {
			refs = append(refs, reference{Value: id})
		}
		ops = append(ops, operation{Op: op, Path: "members", Value: refs})
	}
	change("Add", add)
	change("Remove", remove)
	return patch(ops...)
}

// okta is described at Okta.
type okta struct{}

func (okta) findUser(userName string) url.Values {
	return url.Values{"filter": {"userName eq " + quote(userName)}, "startIndex": {"1"}, "count": {"100"}}
}

func (okta) createUser(p profile) any {
	b := p.body(userSchema)
	b.Groups = &[]string{}
	b.Password = "not-used-" + newID()
	return b
}

func (okta) updateUser(id string, before, after profile) (string, any) {
	if alike := after; before.active != after.active {
		if alike.active = before.active; alike == before {
			return "PATCH", patch(operation{Op: "replace", Value: map[string]bool{"active": after.active}})
		}
	}
	b := after.body(userSchema)
	b.ID = id
	return "PUT", b
}

func (okta) deactivateUser() any {
	return patch(operation{Op: "replace", Value: map[string]bool{"active": false}})
}

func (okta) findGroup(name string) url.Values {
	return url.Values{"filter": {"displayName eq " + quote(name)}, "startIndex": {"1"}, "count": {"100"}}
}

func (okta) createGroup(g group, members []string) (any, bool) {
	return groupBody{Schemas: []string{groupSchema}, DisplayName: g.name, Members: memberList(members)}, true
}

func (okta) renameGroup(id, name string) any {
	return patch(operation{Op: "replace", Value: map[string]string{"id": id, "displayName": name}})
}

func (okta) adoptMembers(members []string) any {
	return patch(operation{Op: "replace", Path: "members", Value: memberList(members)})
}

func (okta) changeMembers(add, remove []string) any {
	var ops []operation
	for _, id := range remove {
		ops = append(ops, operation{Op: "remove", Path: "members[value eq " + quote(id) + "]"})
	}
	if len(add) > 0 {
		ops = append(ops, operation{Op: "add", Path: "members", Value: memberList(add)})
	}
	return patch(ops...)
}
