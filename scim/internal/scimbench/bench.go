package scimbench

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Base is the BaseURL that the handler has to have; it takes the key "key" for
// the tenant "acme".
const Base = "https://app.example.com/scim/v2"

// users is how many users the tenant has when reads are measured.
const users = 1000

// Run runs all benchmarks, each on a handler of its own with an empty store.
func Run(b *testing.B, open func(b *testing.B) http.Handler) {
	for _, one := range []struct {
		name string
		run  func(*testing.B, *client)
	}{
		{"Create", create},
		{"Read", read},
		{"FilterUserName", filterUserName},
		{"PatchActive", patchActive},
		{"Page100", page},
		{"GroupWithoutMembers10000", groupWithoutMembers},
		{"AddMember/to=10", func(b *testing.B, c *client) { addMember(b, c, 10) }},
		{"AddMember/to=10000", func(b *testing.B, c *client) { addMember(b, c, 10000) }},
	} {
		b.Run(one.name, func(b *testing.B) {
			c := &client{b: b, h: open(b)}
			b.ReportAllocs()
			one.run(b, c)
		})
	}
}

// client calls the handler without a network.
type client struct {
	b *testing.B
	h http.Handler
}

// sink is a ResponseWriter that keeps what the client needs.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(status int) { s.status = status }

func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }

// call sends a request, wants a status and returns the new resource's ID.
func (c *client) call(method, path, body string, want int) string {
	r, err := http.NewRequestWithContext(c.b.Context(), method, Base+"/acme"+path, strings.NewReader(body))
	if err != nil {
		c.b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer key")
	w := &sink{header: http.Header{}, status: http.StatusOK}
	c.h.ServeHTTP(w, r)
	if w.status != want {
		c.b.Fatalf("%s %s: status %d, want %d", method, path, w.status, want)
	}
	location := w.header.Get("Location")
	return location[strings.LastIndexByte(location, '/')+1:]
}

func user(i int) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
"userName":"user%07d@example.com","externalId":"ext-%07d","active":true,"displayName":"User Number %d","title":"Engineer",
"name":{"givenName":"User","familyName":"Number%d","formatted":"User Number %d"},"preferredLanguage":"en","locale":"en-US","timezone":"Europe/Berlin",
"emails":[{"value":"user%07d@example.com","type":"work","primary":true},{"value":"home%07d@example.org","type":"home"}],
"phoneNumbers":[{"value":"+49 30 %07d","type":"work"}],
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"%d","department":"Engineering","costCenter":"4130"}}`, i, i, i, i, i, i, i, i, i)
}

func (c *client) seed() []string {
	ids := make([]string, users)
	for i := range ids {
		ids[i] = c.call("POST", "/Users", user(i), http.StatusCreated)
	}
	return ids
}

func create(b *testing.B, c *client) {
	for i := 0; b.Loop(); i++ {
		c.call("POST", "/Users", user(i), http.StatusCreated)
	}
}

func read(b *testing.B, c *client) {
	ids := c.seed()
	for i := 0; b.Loop(); i++ {
		c.call("GET", "/Users/"+ids[i%users], "", http.StatusOK)
	}
}

func filterUserName(b *testing.B, c *client) {
	c.seed()
	for i := 0; b.Loop(); i++ {
		f := fmt.Sprintf(`userName eq "user%07d@example.com"`, i%users)
		c.call("GET", "/Users?filter="+url.QueryEscape(f), "", http.StatusOK)
	}
}

func patchActive(b *testing.B, c *client) {
	ids := c.seed()
	for i := 0; b.Loop(); i++ {
		body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"active","value":"%t"}]}`, i/users%2 == 1)
		c.call("PATCH", "/Users/"+ids[i%users], body, http.StatusOK)
	}
}

func page(b *testing.B, c *client) {
	c.seed()
	for b.Loop() {
		c.call("GET", "/Users?startIndex=501&count=100", "", http.StatusOK)
	}
}

func (c *client) group(members int) string {
	var list strings.Builder
	for i := range members {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, `{"value":"member-%07d"}`, i)
	}
	return c.call("POST", "/Groups", `{"displayName":"Group","members":[`+list.String()+`]}`, http.StatusCreated)
}

func groupWithoutMembers(b *testing.B, c *client) {
	id := c.group(10000)
	for b.Loop() {
		c.call("GET", "/Groups/"+id+"?excludedAttributes=members", "", http.StatusOK)
	}
}

// addMember adds one member and takes it out again, so that the group keeps
// its size.
func addMember(b *testing.B, c *client, size int) {
	ids := c.seed()
	group := c.group(size)
	for i := 0; b.Loop(); i++ {
		op := "Add"
		if i%2 == 1 {
			op = "Remove"
		}
		body := fmt.Sprintf(`{"Operations":[{"op":%q,"path":"members","value":[{"value":%q}]}]}`, op, ids[i/2%users])
		c.call("PATCH", "/Groups/"+group, body, http.StatusNoContent)
	}
}
