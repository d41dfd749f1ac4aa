package scim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// many joins n texts.
func many(n int, f func(i int) string) string {
	out := make([]string, n)
	for i := range out {
		out[i] = f(i)
	}
	return strings.Join(out, ",")
}

// What fits the body's limit and would still cost seconds or gigabytes is refused at once,
// and changes nothing.
func TestCostlyRequests(t *testing.T) {
	s := newServer(t)
	u := s.user("ada", `"roles":[`+many(maxValues, func(i int) string { return fmt.Sprintf(`{"value":"r%d"}`, i) })+`]`)
	g := s.group("G", "x")
	before := s.do("GET", "/Users/"+u, "").raw
	members := s.do("GET", "/Groups/"+g, "").raw
	deep := strings.Repeat("(", 100_000)

	s.patch("/Users/"+u, `{"op":"add","value":{`+many(20_000, func(i int) string { return fmt.Sprintf(`"x%d":1`, i) })+`}}`).refused(413, TypeTooMany)
	s.patch("/Users/"+u, `{"op":"remove","path":"roles","value":[`+many(100_000, func(i int) string { return fmt.Sprintf(`"%d"`, i) })+`]}`).refused(400, TypeInvalidValue)
	s.patch("/Users/"+u, many(5000, func(i int) string {
		return fmt.Sprintf(`{"op":"add","path":"roles[value eq \"r%d\"]","value":{"display":"d"}}`, i%maxValues)
	})).refused(413, TypeTooMany)
	s.patch("/Users/"+u, many(500, func(i int) string {
		return `{"op":"remove","path":"roles[` + strings.Repeat(`value co \"zz\" or `, 40) + `value eq \"x\"]"}`
	})).refused(413, TypeTooMany)
	s.patch("/Users/"+u, `{"op":"add","value":{"nothing":[`+many(300_000, func(int) string { return "0" })+`]}}`).refused(413, TypeTooMany)
	s.patch("/Users/"+u, `{"op":"replace","path":"title","value":"`+strings.Repeat("x", 2<<20)+`"}`).refused(413, TypeTooMany)
	s.do("POST", "/Users", `{"userName":"big","title":"`+strings.Repeat("x", 2<<20)+`"}`).refused(413, TypeTooMany)
	s.patch("/Users/"+u, `{"op":"remove","path":"roles[`+deep+`"}`).refused(400, TypeInvalidPath)
	s.do("POST", "/Users/.search", `{"filter":"`+deep+`"}`).refused(400, TypeInvalidFilter)
	s.patch("/Groups/"+g, many(2, func(i int) string {
		return `{"op":"remove","path":"members[` + strings.Repeat(`type co \"zz\" or `, maxMemberTerms/2) + `type eq \"x\"]"}`
	})).refused(400, TypeTooMany)
	require.Equal(t, before, s.do("GET", "/Users/"+u, "").raw)
	require.Equal(t, members, s.do("GET", "/Groups/"+g, "").raw)

	s.patch("/Users/"+u, `{"op":"replace","path":"roles.display","value":"`+strings.Repeat("x", 200<<10)+`"}`).refused(413, TypeTooMany)
	few := newServer(t, func(c *Config) { c.MaxMembers = 3 })
	fg := few.group("G")
	few.patch("/Groups/"+fg, many(4, func(i int) string {
		return fmt.Sprintf(`{"op":"add","path":"members[value eq \"m%d\"]","value":{"value":"m%d"}}`, i, i)
	})).refused(413, TypeTooMany)
	few.patch("/Groups/"+fg, `{"op":"remove","path":"members[value eq \"a\" or value eq \"b\" or value eq \"c\" or value eq \"d\"]"}`).refused(413, TypeTooMany)

	// The most that one request may be is taken.
	s.patch("/Groups/"+g, `{"op":"replace","path":"members","value":[`+many(25_000, func(i int) string { return fmt.Sprintf(`{"value":"m%d"}`, i) })+`]}`).want(204)
}

// A store is asked for a part of a long filter; the rest is tested on what it gives.
func TestLongFilters(t *testing.T) {
	s := newServer(t)
	s.user("ada", `"title":"T"`)
	s.user("bob", "")
	h := s.handler()
	for filter, want := range map[string][]string{
		strings.Repeat(`userName sw "a" and `, 200) + `title pr`:                             {"ada"},
		strings.Repeat(`userName sw "x" or `, 200) + `userName eq "bob"`:                     {"bob"},
		`(` + strings.Repeat(`id sw "x" or `, 200) + `title pr) and userName sw "a"`:         {"ada"},
		`userName sw "a" and not (` + strings.Repeat(`id sw "x" or `, 200) + `id eq "y")`:    {"ada"},
		strings.Repeat(`(userName sw "a" or userName sw "b") and `, 60) + `userName sw "bo"`: {"bob"},
	} {
		require.Equal(t, want, s.find("/Users", filter, "userName"), filter)
		e, err := h.parser.Filter(filter)
		require.NoError(t, err)
		c, err := h.types[0].compile(e, dialect{})
		require.NoError(t, err)
		expr, exact := h.pushdown(h.types[0], c)
		require.LessOrEqual(t, exprTerms(expr), maxPushed)
		require.False(t, exact)
	}
}

// Many values of one attribute are one question to the store.
func TestOneOfManyValues(t *testing.T) { onStores(t, testOneOfManyValues) }

func testOneOfManyValues(t *testing.T, pick func(*Config)) {
	s := newServer(t, pick)
	a, b := s.user("ada", `"externalId":"E1","emails":[{"value":"ada@x"}]`), s.user("bob", "")
	s.user("eve", "")
	for filter, want := range map[string][]string{
		strings.Repeat(`userName eq "x" or `, 200) + `userName eq "BOB"`: {"bob"},
		`id eq "` + b + `" or id eq "none" or id eq "` + a + `"`:         {"ada", "bob"},
		`externalId eq "E1" or externalId eq "e1"`:                       {"ada"},
		`emails.value eq "ADA@x" or emails.value eq "y"`:                 {"ada"},
		`active eq true or active eq false`:                              {"ada", "bob", "eve"},
		`userName eq "ada" or externalId eq "E1" or userName eq "eve"`:   {"ada", "eve"},
	} {
		require.Equal(t, want, s.find("/Users", filter, "userName"), filter)
	}
	h := s.handler()
	e, err := h.parser.Filter(`userName eq "a" or userName eq "b" or userName eq "c"`)
	require.NoError(t, err)
	c, err := h.types[0].compile(e, dialect{})
	require.NoError(t, err)
	expr, exact := h.pushdown(h.types[0], c)
	require.True(t, exact)
	require.Equal(t, store.In{Attr: store.AttrUserName, Values: []string{"a", "b", "c"}}, expr)
}

// handler is what newServer has mounted.
func (s *server) handler() *Handler {
	s.t.Helper()
	h, err := NewHandler(Config{BaseURL: testBase, Store: s.store, Policy: InsecureAllowAll{}, Authenticator: AuthenticatorFunc(nil)})
	require.NoError(s.t, err)
	return h
}

// What runs in a circle is whole before anything later looks at it, or is not there.
func TestBulkCircles(t *testing.T) {
	circle := bulkGroup("a", "bulkId:b") + "," + bulkGroup("b", "bulkId:a")
	s := newServer(t)
	r := s.do("POST", "/Bulk", `{"Operations":[`+circle+`,
		{"method":"PATCH","path":"/Groups/bulkId:b","data":{"Operations":[{"op":"replace","path":"displayName","value":"B2"},{"op":"add","path":"members","value":["x"]}]}}]}`).want(200)
	require.Equal(t, []string{"201", "201", "200"}, statuses(r))
	b := s.find("/Groups", `displayName eq "B2"`, "id")
	require.Len(t, b, 1)
	require.ElementsMatch(t, []string{"x", s.find("/Groups", `displayName eq "a"`, "id")[0]}, s.members(b[0]))

	s = newServer(t)
	r = s.do("POST", "/Bulk", `{"Operations":[`+circle+`,{"method":"DELETE","path":"/Groups/bulkId:b"},{"method":"DELETE","path":"/Groups/bulkId:a"}]}`).want(200)
	require.Equal(t, []string{"201", "201", "204", "204"}, statuses(r))
	require.Empty(t, s.find("/Groups", `id pr`, "id"))

	s = newServer(t, func(c *Config) {
		c.Policy = PolicyFunc(func(_ context.Context, w tenant.DirectoryWrite) error {
			if w.Action == tenant.DirectoryReplace {
				return &Error{Status: 403, Detail: "No."}
			}
			return nil
		})
	})
	r = s.do("POST", "/Bulk", `{"failOnErrors":1,"Operations":[`+circle+`,`+bulkUser("u", "u")+`]}`).want(200)
	require.Equal(t, []string{"409", "403"}, statuses(r), "and what comes later is not tried")
	require.Empty(t, s.find("/Groups", `id pr`, "id"), "a circle is there as a whole or not at all")
}

// Each operation of a bulk request counts for the rate limit.
func TestBulkCountsForTheRate(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	s := newServer(t, func(c *Config) { c.RequestsPerSecond, c.Burst, c.Now = 10, 100, func() time.Time { return now } })
	bulk := func(n int, k string) reply {
		return s.do("POST", "/Bulk", `{"Operations":[`+many(n, func(i int) string { return bulkUser(fmt.Sprint(k, i), fmt.Sprint(k, i)) })+`]}`)
	}
	bulk(60, "a").want(200)
	r := bulk(60, "b").refused(429, "")
	require.NotEmpty(t, r.header.Get("Retry-After"))
	require.Empty(t, s.find("/Users", `userName sw "b"`, "id"))
	now = now.Add(time.Minute)
	bulk(300, "c").want(200) // more than the burst takes all of it
	s.do("GET", "/Users", "").refused(429, "")
}

// A host may change what it requires; access can be taken away all the same.
func TestDeprovisioningAfterTheSchemaChanged(t *testing.T) {
	st := memory.New()
	s := newServer(t, func(c *Config) { c.Store = st })
	ids := []string{s.user("u1", `"title":"T"`), s.user("u2", ""), s.user("u3", "")}
	badge := Extension{Required: true, Schema: Schema{ID: "urn:acme:1.0:User", Attributes: []Attribute{{Name: "badge", Required: true}}}}
	s = newServer(t, func(c *Config) { c.Store, c.UserExtensions = st, []Extension{badge} })
	s.patch("/Users/"+ids[0], `{"op":"replace","path":"active","value":"False"}`).want(200)
	r := s.do("PUT", "/Users/"+ids[1], `{"userName":"other","active":false}`).want(200)
	require.Equal(t, false, r.at("active"))
	require.Equal(t, "u2", r.at("userName"), "the rest was incomplete")
	s.do("PUT", "/Users/"+ids[1], `{"userName":"other","active":false}`).refused(400, TypeInvalidValue)
	s.do("PUT", "/Users/"+ids[2], `{"userName":"other"}`).refused(400, TypeInvalidValue)
	s.patch("/Users/"+ids[2], `{"op":"add","value":{"urn:acme:1.0:User:badge":"7"}}`).want(200)
	s.patch("/Users/"+ids[2], `{"op":"remove","path":"urn:acme:1.0:User:badge"}`).want(400)
}

// An attribute that became complex has old values without sub-attributes.
func TestAttributeThatBecameComplex(t *testing.T) {
	st := memory.New()
	with := func(a Attribute) func(*Config) {
		return func(c *Config) {
			c.Store, c.UserExtensions = st, []Extension{{Schema: Schema{ID: "urn:acme:1.0:User", Attributes: []Attribute{a}}}}
		}
	}
	id := newServer(t, with(Attribute{Name: "tags", MultiValued: true})).user("ada", `"urn:acme:1.0:User":{"tags":["a"]}`)
	s := newServer(t, with(Attribute{Name: "tags", MultiValued: true, SubAttributes: []Attribute{{Name: "value"}, {Name: "display"}}}))
	s.patch("/Users/"+id, `{"op":"add","path":"urn:acme:1.0:User:tags[value eq \"a\"].display","value":"x"}`).refused(400, TypeInvalidPath)
	s.patch("/Users/"+id, `{"op":"replace","path":"urn:acme:1.0:User:tags","value":[{"value":"b"}]}`).want(200)
}

// A host's attribute may have the name of a relation.
func TestHostAttributesNamedLikeRelations(t *testing.T) {
	s := newServer(t, func(c *Config) {
		c.ResourceTypes = []ResourceType{{Name: "Team", Endpoint: "/Teams", Schema: Schema{ID: "urn:acme:Team", Attributes: []Attribute{
			{Name: "members", MultiValued: true}, {Name: "groups", MultiValued: true}, {Name: "name"},
		}}}}
	})
	id := s.do("POST", "/Teams", `{"name":"t","members":["a"],"groups":["b"]}`).want(201).id()
	r := s.do("GET", "/Teams/"+id+"?excludedAttributes=members,groups", "").want(200)
	require.Nil(t, r.at("members"))
	require.Nil(t, r.at("groups"))
	require.Equal(t, "t", r.at("name"))
	require.Equal(t, []string{id}, s.find("/Teams", `members eq "a" and groups eq "b"`, "id"))
}

// slowStore takes a while for an update, so that many meet.
type slowStore struct{ store.Store }

func (s slowStore) UpdateSCIMUser(ctx context.Context, tenantID string, u store.SCIMUser, e ...store.Event) (store.SCIMUser, error) {
	time.Sleep(2 * time.Millisecond)
	return s.Store.UpdateSCIMUser(ctx, tenantID, u, e...)
}

// All who change one user at once are served, and none of their changes is lost.
func TestManyChangeOneUser(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Store = slowStore{c.Store} })
	id := s.user("ada", "")
	s.shared = true
	const clients, each = 25, 8
	var wg sync.WaitGroup
	var refused atomic.Int64
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				if s.patch("/Users/"+id, fmt.Sprintf(`{"op":"add","path":"roles","value":[{"value":"%d-%d"}]}`, c, i)).status != 200 {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.Zero(t, refused.Load())
	require.Len(t, s.do("GET", "/Users/"+id, "").at("roles"), clients*each)
}

// failsReading can't read groups once a change of members is stored.
type failsReading struct {
	store.Store
	stored *atomic.Bool
}

func (s failsReading) ChangeSCIMMembers(ctx context.Context, tenantID, groupID string, d store.MemberDelta, at time.Time, v *store.GroupVersion, e ...store.Event) (store.MemberChange, error) {
	defer s.stored.Store(true)
	return s.Store.ChangeSCIMMembers(ctx, tenantID, groupID, d, at, v, e...)
}

func (s failsReading) SCIMGroup(ctx context.Context, tenantID, id string) (store.SCIMGroup, error) {
	if s.stored.Load() {
		return store.SCIMGroup{}, errors.New("connection reset")
	}
	return s.Store.SCIMGroup(ctx, tenantID, id)
}

// Whoever follows the journal hears of what was written, though the answer failed.
func TestWrittenHearsOfWritesWhoseAnswerFailed(t *testing.T) {
	var stored atomic.Bool
	heard := 0
	s := newServer(t, func(c *Config) {
		c.Store, c.PatchGroupContent, c.Written = failsReading{c.Store, &stored}, true, func(string) { heard++ }
	})
	g := s.group("G")
	heard, s.shared = 0, true // the write stands, though its answer failed
	s.patch("/Groups/"+g, `{"op":"add","path":"members","value":["x"]}`).refused(500, "")
	require.Equal(t, 1, heard)
}

// A member's value has to be one, wherever a PATCH names it.
func TestMembersInPathsAreChecked(t *testing.T) {
	s := newServer(t)
	g := s.group("G", "x")
	for _, id := range []string{strings.Repeat("a", maxMemberID+1), `a\\u0000b`, "", "  "} {
		for _, op := range []string{"add", "remove", "replace"} {
			s.patch("/Groups/"+g, `{"op":"`+op+`","path":"members[value eq \"`+id+`\"]","value":{"value":"x"}}`).refused(400, TypeInvalidValue)
		}
	}
	require.Equal(t, []string{"x"}, s.members(g))
}

func TestDeadline(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	r := s.send(s.request("GET", "/Users", "").WithContext(ctx)).refused(503, "")
	require.NotEmpty(t, r.header.Get("Retry-After"))
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1", "[2001:db8:1:2:3::4]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80": "fe80::/64", "@": "@",
	} {
		require.Equal(t, want, network(in))
	}
}

// If-Match on a group compares its members as well, also when somebody is faster between
// reading and writing.
func TestIfMatchOnAGroupWhoseMembersMove(t *testing.T) {
	for _, method := range []string{"PUT", "DELETE"} {
		var meddle func()
		s := newServer(t, func(c *Config) {
			c.Policy = PolicyFunc(func(_ context.Context, w tenant.DirectoryWrite) error {
				if meddle != nil && w.Action != tenant.DirectoryCreate {
					f := meddle
					meddle = nil
					f()
				}
				return nil
			})
		})
		g := s.group("G", "a")
		r := s.request(method, "/Groups/"+g, `{"displayName":"H","members":[{"value":"a"}]}`)
		r.Header.Set("If-Match", s.do("GET", "/Groups/"+g, "").header.Get("ETag"))
		meddle = func() { s.patch("/Groups/"+g, `{"op":"add","path":"members","value":["b"]}`).want(204) }
		s.send(r).refused(412, "")
		require.ElementsMatch(t, []string{"a", "b"}, s.members(g), method)
	}
}

// Many references cost what they are.
func TestBulkMesh(t *testing.T) {
	const groups, each = 300, 60
	s := newServer(t, func(c *Config) { c.InsecureNoRateLimit = true })
	r := s.do("POST", "/Bulk", `{"Operations":[`+many(groups, func(i int) string {
		refs := make([]string, each)
		for k := range refs {
			refs[k] = fmt.Sprint("bulkId:g", (i+k+1)%groups)
		}
		return bulkGroup(fmt.Sprint("g", i), refs...)
	})+`]}`).want(200)
	for _, status := range statuses(r) {
		require.Equal(t, "201", status)
	}
	page := s.do("GET", "/Groups?count=1", "").want(200)
	require.Len(t, page.at("Resources", 0, "members"), each)
}
