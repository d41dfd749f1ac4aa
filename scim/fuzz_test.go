package scim

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/scim/internal/filter"
	"github.com/tenantgate/tenantgate/store"
)

func fuzzType(tb testing.TB, s Schema, ext ...Extension) (*resourceType, *filter.Parser) {
	tb.Helper()
	rt, err := newResourceType(ResourceType{Name: "User", Endpoint: "/Users", Schema: s, Extensions: ext})
	if err != nil {
		tb.Fatal(err)
	}
	return rt, filter.NewParser(filter.Config{URNs: urns([]*resourceType{rt})})
}

// What was read and written once is read and written the same again.
func FuzzResource(f *testing.F) {
	for _, seed := range []string{
		before, `{}`, `[]`, `{"userName":"a","emails":[{"value":"x","primary":true},{"value":"x"}]}`, `{"name":null,"active":"True","roles":["a"]}`,
		`{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":"m"}}`, `{"x509Certificates":[{"value":"AAAA"}]}`,
	} {
		f.Add([]byte(seed))
	}
	rt, _ := fuzzType(f, UserSchema(), Extension{Schema: EnterpriseUserSchema()})
	f.Fuzz(func(t *testing.T, data []byte) {
		raw, err := decodeObject(data)
		if err != nil {
			return
		}
		doc, err := rt.canonical(raw, dialect{})
		if err != nil {
			return
		}
		rt.dropSecrets(doc)
		first := rt.encode(nil, doc)
		if !json.Valid(first) {
			t.Fatalf("no JSON: %q", first)
		}
		again, err := decodeObject(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := rt.encode(nil, again); !bytes.Equal(first, second) {
			t.Fatalf("%s became %s", first, second)
		}
	})
}

// A patch is refused, or gives a document that is valid and stays the same
// when it is read again; it never touches the document it started from.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		`{"Operations":[{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}]}`,
		`{"Operations":[{"op":"Add","path":"manager","value":[{"value":"m"}]},{"op":"remove","path":"name.givenName"}]}`,
		`{"Operations":[{"op":"replace","value":{"name.givenName":"K","active":"False","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":""}}]}`,
		`{"Operations":[{"op":"remove","path":"emails","value":[{"value":"h@x"}]},{"op":"add","path":"emails.primary","value":true}]}`,
		`{"Operations":[{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"manager":{"value":"x"}}}]}`,
		`{"Operations":{"op":"add","path":"roles[primary eq \"True\" and not (type pr)]","value":"a"}}`,
	} {
		f.Add([]byte(seed))
	}
	rt, parser := fuzzType(f, UserSchema(), Extension{Schema: EnterpriseUserSchema()})
	raw, err := decodeObject([]byte(before))
	if err != nil {
		f.Fatal(err)
	}
	doc, err := rt.canonical(raw, dialect{})
	if err != nil {
		f.Fatal(err)
	}
	start := rt.encode(nil, doc)
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := decodeObject(data)
		if err != nil {
			return
		}
		p, err := rt.parsePatch(body, parser, dialect{}, 100, 100, new(work))
		if err != nil {
			return
		}
		next, err := p.apply(doc)
		part, partErr := decodePart(start, p.needs(), true)
		if partErr != nil {
			t.Fatal(partErr)
		}
		same, sameErr := p.apply(part)
		if (err == nil) != (sameErr == nil) || err == nil && !bytes.Equal(rt.encode(nil, next), rt.encode(nil, same)) {
			t.Fatalf("on what it needs alone: %v, %v", err, sameErr)
		}
		if got := rt.encode(nil, doc); !bytes.Equal(got, start) {
			t.Fatalf("the document changed: %s", got)
		}
		if err != nil {
			return
		}
		out := rt.encode(nil, next)
		if !json.Valid(out) {
			t.Fatalf("no JSON: %q", out)
		}
		read, err := decodeObject(out)
		if err != nil {
			t.Fatal(err)
		}
		canonical, err := rt.canonical(read, dialect{strict: true})
		if err != nil {
			t.Fatalf("%s is not valid: %v", out, err)
		}
		if again := rt.encode(nil, canonical); !bytes.Equal(out, again) {
			t.Fatalf("%s became %s", out, again)
		}
	})
}

// Filters never panic on any document, and what is pushed down lets through
// all that matches.
func FuzzFilterOnUser(f *testing.F) {
	for _, seed := range []string{`userName eq "ada"`, `emails[type eq "work" and not (primary eq false)].value co "x"`, `not (title pr) or meta.created gt "2020-01-01T00:00:00Z"`, `groups eq "x"`} {
		f.Add(seed)
	}
	s := newServer(f)
	s.do("POST", "/Users", before).want(201)
	page, err := s.store.SCIMUsers(f.Context(), "acme", storeAll)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in string) {
		h, err := NewHandler(Config{BaseURL: testBase, Store: s.store, Policy: InsecureAllowAll{}, Authenticator: AuthenticatorFunc(nil)})
		if err != nil {
			t.Fatal(err)
		}
		e, err := h.parser.Filter(in)
		if err != nil {
			return
		}
		c, err := h.types[0].compile(e, dialect{})
		if err != nil {
			return
		}
		r := &request{tenant: "acme", base: testBase}
		m, err := h.matcher(t.Context(), r, h.types[0], c)
		if err != nil {
			t.Fatal(err)
		}
		u := page.Items[0]
		rec := fromUser(u)
		yes, err := m.match(t.Context(), &rec)
		if err != nil {
			t.Fatal(err)
		}
		expr, exact := h.pushdown(h.types[0], c)
		if pushed := storeMatches(expr, u); yes && !pushed || exact && yes != pushed {
			t.Fatalf("filter %v, pushed down %v (exact %v) to %#v", yes, pushed, exact, expr)
		}
	})
}

var storeAll = store.Query{}

func storeMatches(e store.Expr, u store.SCIMUser) bool { return store.Matches(e, u.Values) }

// A bulk request is refused or every operation has an answer of its own; never
// is the server at fault.
func FuzzBulk(f *testing.F) {
	for _, seed := range []string{
		`{"Operations":[` + bulkUser("a", "a") + `,` + bulkGroup("g", "bulkId:a", "bulkId:g") + `]}`,
		`{"failOnErrors":1,"Operations":[` + bulkGroup("x", "bulkId:y") + `,` + bulkGroup("y", "bulkId:x") + `]}`,
		`{"Operations":[{"method":"PATCH","path":"/Users/bulkId:a","data":{"Operations":[]}},` + bulkUser("a", "a") + `]}`,
		`{"Operations":[{"method":"DELETE","path":"/Users/x","version":"W/\"1\""},{"method":"PUT","path":"/Groups/bulkId:z","data":{}}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := newServer(t)
		r := s.do("POST", "/Bulk", body)
		if r.status >= 500 {
			t.Fatalf("status %d: %s", r.status, r.raw)
		}
		for _, status := range statuses(r) {
			if status >= "500" {
				t.Fatal(r.raw)
			}
		}
	})
}

// A PATCH of a group is refused and changes nothing, or leaves each member once; the
// server is never at fault.
func FuzzPatchGroup(f *testing.F) {
	for _, seed := range []string{
		`{"Operations":[{"op":"Add","path":"members","value":[{"$ref":null,"value":"a"}]},{"op":"Remove","path":"members","value":[{"value":"u1"}]}]}`,
		`{"Operations":[{"op":"remove","path":"members[value eq \"u1\" or value eq \"u2\"]"},{"op":"replace","value":{"id":"x","displayName":"M"}}]}`,
		`{"Operations":[{"op":"replace","path":"members","value":["u2","u3"]},{"op":"replace","path":"members[value eq \"u2\"].value","value":"u9"}]}`,
		`{"Operations":[{"op":"remove","path":"members[not (type eq \"User\")]"},{"op":"add","value":{"members":{"value":"z"},"urn:ietf:params:scim:schemas:core:2.0:Group:displayName":"Q"}}]}`,
		`{"Operations":[{"name":"addMember","value":[{"value":"x"}]},{"op":"remove","path":"members"}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s := newServer(t)
		g := s.group("G", "u1", "u2")
		start := s.do("GET", "/Groups/"+g, "")
		r := s.do("PATCH", "/Groups/"+g, body)
		now := s.do("GET", "/Groups/"+g, "").want(200)
		if r.status >= 500 {
			t.Fatalf("status %d: %s", r.status, r.raw)
		}
		if r.status >= 400 && now.raw != start.raw {
			t.Fatalf("refused with %d, but %s became %s", r.status, start.raw, now.raw)
		}
		seen := map[any]bool{}
		list, _ := now.at("members").([]any)
		for _, m := range list {
			id := m.(map[string]any)["value"]
			if seen[id] {
				t.Fatalf("%v is a member twice: %s", id, now.raw)
			}
			seen[id] = true
		}
	})
}

// A query is answered or refused, whatever its parameters: filter, sort, cursor, names.
func FuzzQuery(f *testing.F) {
	s := newServer(f)
	s.do("POST", "/Users", before).want(201)
	s.group("G", "u1", "u2")
	next, _ := s.do("GET", "/Users?count=1&sortBy=emails&cursor=", "").at("nextCursor").(string)
	for _, seed := range []string{
		`filter=userName+eq+"ada"&startIndex=1&count=100`, `sortBy=name.familyName&sortOrder=descending&cursor=&count=1`, `count=0&cursor=x`,
		`attributes=userName,urn:ietf:params:scim:schemas:core:2.0:User:emails.value&excludedAttributes=members`, "cursor=" + next,
		`filter=members[value+eq+"u1"]+and+id+pr&sortBy=displayName`, `filter=groups.value+eq+"%00"&attributes=a.b.c,,[`, `startIndex=-1&count=99999999999999999999`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		here := &server{t: t, h: s.h, store: s.store}
		for _, path := range []string{"/Users", "/Groups", "/Schemas", ""} {
			r := here.request("GET", path, "")
			r.URL.RawQuery = query
			if got := here.send(r); got.status >= 500 {
				t.Fatalf("%s: status %d: %s", path, got.status, got.raw)
			}
		}
	})
}

// Whatever a body looks like, the request log has no password that the body gives in a
// way that the handler would take for one.
func FuzzRequestLog(f *testing.F) {
	const secret = "s3cret-Pa55"
	for _, seed := range []string{
		`{"userName":"a","password":"s3cret-Pa55"}`, `{"Operations":[{"op":"add","path":"password","value":"s3cret-Pa55"}]}`,
		`{"Operations":[{"op":"add","value":{"urn:ietf:params:scim:schemas:core:2.0:User:PassWord":"s3cret-Pa55"}}]}`,
		`{"urn:ietf:params:scim:schemas:core:2.0:User":{"p\u0061ssword":"s3cret-Pa55"}}`, `{"filter":"password eq \"s3cret-Pa55\""}`,
	} {
		f.Add(seed)
	}
	rt, parser := fuzzType(f, UserSchema(), Extension{Schema: EnterpriseUserSchema()})
	hidden := secretsOf([]*resourceType{rt})
	f.Fuzz(func(t *testing.T, body string) {
		kept := hidden.body([]byte(body))
		if !utf8.ValidString(kept) {
			t.Fatalf("not UTF-8: %q", kept)
		}
		if isASCII([]byte(body)) && hidden.inASCII([]byte(body)) != hidden.in(body) {
			t.Fatalf("in says %t of %q, inASCII the opposite", hidden.in(body), body)
		}
		raw, err := decodeObject([]byte(body))
		if err != nil {
			return
		}
		given := false
		if doc, err := rt.canonical(raw, dialect{}); err == nil {
			given = doc["password"] == secret
		}
		if p, err := rt.parsePatch(raw, parser, dialect{}, 100, 100, new(work)); err == nil {
			if next, err := p.apply(map[string]any{}); err == nil {
				given = given || next["password"] == secret
			}
		}
		// The secret may be somewhere else as well, where nobody could know it for one.
		if given && strings.Count(body, secret) == 1 && strings.Contains(kept, secret) {
			t.Fatalf("the log keeps %q", kept)
		}
	})
}
