package peerbench

import (
	"net/http"
	"strconv"
)

const (
	users = 10_000
	// large is the group that members are added to; the rest of the users are added.
	large = 9_000
	// slots is how many groups a slice adds members to, so that it has enough to add.
	slots = 4
)

// operation is one row of the table.
type operation struct {
	name string
	// wanted is the throughput asked for, as a multiple of indexed's.
	wanted float64
	status int
	// groups are made before each slice, of so many members, and deleted after it.
	groups, members int
	// limit is how many requests one slice has at most; zero means no limit.
	limit int64
	fill  func(m *message, t *target, n int)
}

var operations = []operation{
	{name: "Create", wanted: 1, status: http.StatusCreated, fill: func(m *message, _ *target, n int) { newUser(m, users+n) }},
	{name: "ReadByID", wanted: 1.5, status: http.StatusOK, fill: readByID},
	{name: "FilterUserName", wanted: 5, status: http.StatusOK, fill: filterUserName},
	{name: "Page100", wanted: 10, status: http.StatusOK, fill: func(m *message, _ *target, _ int) { page(m, users/2+1) }},
	{name: "PatchActive", wanted: 1.5, status: http.StatusOK, fill: patchActive},
	{name: "MemberAddedTo0", status: http.StatusNoContent, groups: slots, limit: slots * (users - large), fill: addMember},
	{name: "MemberAddedTo9000", status: http.StatusNoContent, groups: slots, members: large, limit: slots * (users - large), fill: addMember},
	{name: "GroupOf10000WithoutMembers", status: http.StatusOK, groups: 1, members: users, fill: groupWithoutMembers},
}

// digits appends n with seven digits.
func digits(dst []byte, n int) []byte {
	for div := 1_000_000; div > 0; div /= 10 {
		dst = append(dst, byte('0'+n/div%10))
	}
	return dst
}

// newUser creates the user of a number, with the attributes that Microsoft Entra ID
// maps by default.
func newUser(m *message, n int) {
	m.start("POST")
	m.path = append(m.path, "/Users"...)
	b := m.body
	b = append(b, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"user`...)
	b = append(digits(b, n), `@example.com","externalId":"ext-`...)
	b = append(digits(b, n), `","active":true,"displayName":"User Number `...)
	b = append(digits(b, n), `","title":"Engineer","name":{"givenName":"User","familyName":"Number`...)
	b = append(digits(b, n), `","formatted":"User Number"},"preferredLanguage":"en-US","emails":[{"value":"user`...)
	b = append(digits(b, n), `@example.com","type":"work","primary":true}],"phoneNumbers":[{"value":"+49 30 `...)
	b = append(digits(b, n), `","type":"work"},{"value":"+49 170 `...)
	b = append(digits(b, n), `","type":"mobile"},{"value":"+49 31 `...)
	b = append(digits(b, n), `","type":"fax"}],"addresses":[{"type":"work","formatted":"Floor 3","streetAddress":"1 Long Street","locality":"Berlin","region":"BE","postalCode":"10115","country":"Germany"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"`...)
	m.body = append(digits(b, n), `","department":"Engineering","manager":{"value":"0190f6a4-0000-7000-8000-000000000000"}}}`...)
}

func readByID(m *message, t *target, n int) {
	m.start("GET")
	m.path = append(append(m.path, "/Users/"...), t.users[n%users]...)
}

func filterUserName(m *message, _ *target, n int) {
	m.start("GET")
	m.path = append(m.path, "/Users?filter=userName%20eq%20%22user"...)
	m.path = append(digits(m.path, n%users), "%40example.com%22"...)
}

func page(m *message, startIndex int) {
	m.start("GET")
	m.path = strconv.AppendInt(append(m.path, "/Users?count=100&startIndex="...), int64(startIndex), 10)
}

const patchOp = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`

// patchActive changes one user after the other, so that each request changes something.
func patchActive(m *message, t *target, n int) {
	m.start("PATCH")
	m.path = append(append(m.path, "/Users/"...), t.users[n%users]...)
	m.body = append(m.body, patchOp+`{"op":"replace","path":"active","value":`...)
	m.body = append(strconv.AppendBool(m.body, n/users%2 == 1), "}]}"...)
}

func addMember(m *message, t *target, n int) {
	m.start("PATCH")
	m.path = append(append(m.path, "/Groups/"...), t.groups[n%slots]...)
	m.body = append(m.body, patchOp+`{"op":"add","path":"members","value":[{"value":"`...)
	m.body = append(append(m.body, t.users[large+n/slots%(users-large)]...), `"}]}]}`...)
}

func groupWithoutMembers(m *message, t *target, _ int) {
	m.start("GET")
	m.path = append(append(append(m.path, "/Groups/"...), t.groups[0]...), "?excludedAttributes=members"...)
}

// nothing is asked of handlers that do nothing.
func nothing(m *message, _ *target, _ int) {
	m.start("GET")
	m.path = append(m.path, "/scim/v2/acme/Users/0190f6a4-0000-7000-8000-000000000000"...)
}
