package scim_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/scim/scimtest"
)

const (
	jsonType = "application/scim+json"
	urnOfAda = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// fault is a server that has one thing wrong, as servers were seen to, and the step that has to find it.
type fault struct {
	name     string
	provider scimtest.Provider
	step     string
	says     string // part of the problem
	left     bool   // the server can't be cleaned up
	members  int
	plant    middleware
}

func get(r *http.Request) bool { return r.Method == http.MethodGet }

func filtered(words ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		f := r.URL.Query().Get("filter")
		return get(r) && f != "" && slices.ContainsFunc(words, func(w string) bool { return strings.Contains(f, w) })
	}
}

func lower(v any) string {
	s, _ := v.(string)
	return strings.ToLower(s)
}

func faults() []fault {
	return slices.Concat(keyFaults(), lookUpFaults(), userFaults(), groupFaults(), pageFaults(), answerFaults())
}

func keyFaults() []fault {
	const step = "ask with a wrong key, and without one"
	bad := func(r *http.Request) bool { return r.Header.Get("Authorization") != "Bearer "+key }
	goodKey := func(when func(*http.Request) bool) middleware {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if when(r) {
					r.Header.Set("Authorization", "Bearer "+key)
				}
				h.ServeHTTP(w, r)
			})
		}
	}
	return []fault{
		{name: "any key is good", provider: scimtest.Okta, step: step, says: "answered 200, expected 401", plant: goodKey(bad)},
		{
			name: "no key is good", provider: scimtest.Google, step: step, says: "answered 200, expected 401",
			plant: goodKey(func(r *http.Request) bool { return strings.TrimSpace(r.Header.Get("Authorization")) == "" }),
		},
		{
			name: "an empty key is good", provider: scimtest.Entra, step: step, says: "answered 200, expected 401",
			plant: goodKey(func(r *http.Request) bool { return strings.TrimSpace(r.Header.Get("Authorization")) == "Bearer" }),
		},
		{
			name: "401 as HTML", provider: scimtest.JumpCloud, step: step, says: "HTML page",
			plant: instead(bad, 401, "text/html; charset=utf-8", "<h1>Unauthorized</h1>", "WWW-Authenticate", "Bearer"),
		},
		{
			name: "401 without WWW-Authenticate", provider: scimtest.OneLogin, step: step, says: "WWW-Authenticate",
			plant: got("", "", func(a *reply) { a.header.Del("WWW-Authenticate") }),
		},
		{
			name: "403 for a wrong key", provider: scimtest.Ping, step: step, says: "answered 403, expected 401",
			plant: instead(bad, 403, jsonType, scimError("403", "")),
		},
		{
			name: "status as a number in errors", provider: scimtest.Okta, step: step, says: `expected the string "401"`,
			plant: got("", "", func(a *reply) {
				if a.status >= 400 {
					a.body["status"] = a.status
				}
			}),
		},
	}
}

func lookUpFaults() []fault {
	return []fault{
		{
			name: "an unsupported filter gives everybody", provider: scimtest.Okta,
			step: "look up by an attribute that the server does not know", says: "totalResults",
			plant: query("GET", "/Users", func(q url.Values) {
				if !strings.HasPrefix(q.Get("filter"), "userName eq ") {
					q.Del("filter")
				}
			}),
		},
		{
			name: "an unsupported filter gives everybody to Entra", provider: scimtest.Entra,
			step: "look the user up by each matching attribute", says: "expected 0: nothing matches",
			plant: query("GET", "/Users", func(q url.Values) {
				if strings.HasPrefix(q.Get("filter"), "emails[") {
					q.Del("filter")
				}
			}),
		},
		{
			name: "and is ignored", provider: scimtest.Entra, step: "look the user up by each matching attribute", says: "expected 0",
			plant: query("GET", "/Users", func(q url.Values) {
				first, _, _ := strings.Cut(q.Get("filter"), " and ")
				q.Set("filter", first)
			}),
		},
		{
			name: "a value path in a filter is refused", provider: scimtest.EntraFlagged,
			step: "look the user up by each matching attribute", says: "answered 400, expected 200 (the server says",
			plant: instead(filtered("emails["), 400, jsonType, scimError("400", "invalidFilter")),
		},
		{
			name: "nobody is 404", provider: scimtest.Entra, step: "look for a user that is not there", says: "answered 404, expected 200",
			plant: instead(filtered("userName eq"), 404, jsonType, scimError("404", "")),
		},
		{
			name: "the membership probe is refused", provider: scimtest.Entra, step: "ask whether somebody is a member", says: "answered 400",
			plant: instead(filtered("members eq"), 400, jsonType, scimError("400", "invalidFilter")),
		},
		{
			name: "the membership probe looks at the group alone", provider: scimtest.EntraFlagged,
			step: "ask whether somebody is a member", says: "expected 0",
			plant: query("GET", "/Groups", func(q url.Values) {
				if f := q.Get("filter"); strings.Contains(f, "members eq") {
					first, _, _ := strings.Cut(f, " and ")
					q.Set("filter", first)
				}
			}),
		},
		{
			name: "userName knows case", provider: scimtest.Okta, step: "look the user up, in other letters too", says: "something that matches is missing",
			plant: query("GET", "/Users", func(q url.Values) {
				if f := q.Get("filter"); strings.Contains(f, "SCIMTEST") {
					q.Set("filter", `userName eq "nobody"`)
				}
			}),
		},
		{
			name: "operators know case", provider: scimtest.Ping, step: "look for a user that is not there", says: "answered 400",
			plant: instead(filtered(" Eq "), 400, jsonType, scimError("400", "invalidFilter")),
		},
		{
			name: "groups are not found by name", provider: scimtest.OneLogin, step: "create a group", says: "is missing",
			plant: got("GET", "/Groups", func(a *reply) {
				if a.r.URL.Query().Get("filter") != "" {
					resources(a, func(object) object { return nil })
				}
			}),
		},
	}
}

func pageFaults() []fault {
	const step = "list the users page by page, twice"
	return []fault{
		{
			name: "totalResults counts the page", provider: scimtest.Okta, step: step, says: "no page has",
			plant: got("GET", "/Users", func(a *reply) {
				if list, ok := a.body["Resources"].([]any); ok {
					a.body["totalResults"] = len(list)
				}
			}),
		},
		{
			name: "totalResults is too high", provider: scimtest.Okta, step: step, says: "the pages have 6",
			plant: got("GET", "/Users", func(a *reply) {
				if total, ok := a.body["totalResults"].(float64); ok && a.r.URL.Query().Get("filter") == "" {
					a.body["totalResults"] = total + 1
				}
			}),
		},
		{
			name: "startIndex is ignored", provider: scimtest.Okta, step: step, says: "was on an earlier page already",
			plant: query("GET", "/Users", func(q url.Values) { q.Del("startIndex") }),
		},
		{
			name: "startIndex counts from 0", provider: scimtest.Okta, step: step, says: "the pages have",
			plant: query("GET", "/Users", func(q url.Values) {
				if v := q.Get("startIndex"); v != "" && v != "1" {
					n := int(v[0]-'0') + 1
					q.Set("startIndex", string(rune('0'+n)))
				}
			}),
		},
		{
			name: "no page goes beyond 100", provider: scimtest.Okta, step: step, says: "the pages have 100", members: 105,
			plant: got("GET", "/Users", func(a *reply) {
				if n := a.body["startIndex"]; n != nil && n.(float64) > 100 {
					a.body["Resources"] = []any{}
				} else if list, ok := a.body["Resources"].([]any); ok && n.(float64)+float64(len(list)) > 101 {
					a.body["Resources"] = list[:101-int(n.(float64))]
				}
			}),
		},
		{
			name: "the order changes", provider: scimtest.Okta, step: step, says: "the order is not stable",
			plant: func(h http.Handler) http.Handler {
				var mu sync.Mutex
				n := 0
				return got("GET", "/Users", func(a *reply) {
					mu.Lock()
					defer mu.Unlock()
					if list, _ := a.body["Resources"].([]any); len(list) > 1 {
						if n++; n > 3 {
							slices.Reverse(list)
						}
					}
				})(h)
			},
		},
		{
			name: "count is ignored", provider: scimtest.Google, step: "probe for one user, now that there are some", says: "asked for count=1",
			plant: query("GET", "/Users", func(q url.Values) { q.Del("count") }),
		},
		{
			name: "numbers are strings", provider: scimtest.Okta, step: "probe the lists of users and groups", says: `totalResults is "0", expected an integer`,
			plant: got("GET", "/Users", func(a *reply) {
				if a.body["totalResults"] != nil {
					a.body["totalResults"] = "0"
				}
			}),
		},
		{
			name: "a list is a bare array", provider: scimtest.OneLogin, step: "probe the list of users", says: "schemas is absent",
			plant: instead(func(r *http.Request) bool { return match(r, "GET", "/Users") }, 200, "application/json", "[]"),
		},
		{
			name: "the list of groups is empty", provider: scimtest.Ping, step: "create a group", says: "none has the id",
			plant: got("GET", "/Groups", func(a *reply) {
				if a.r.URL.Query().Get("filter") == "" {
					resources(a, func(object) object { return nil })
				}
			}),
		},
	}
}

func answerFaults() []fault {
	users := func(r *http.Request) bool { return match(r, "GET", "/Users") }
	return []fault{
		{
			name: "429 whatever is waited", provider: scimtest.OneLogin, step: "probe the list of users", says: "sent 4 times, each after the time that Retry-After asked for",
			plant: instead(users, 429, jsonType, scimError("429", ""), "Retry-After", "0"),
		},
		{
			name: "503 for an hour", provider: scimtest.OneLogin, step: "probe the list of users", says: "asks to come back in 1h0m0s",
			plant: instead(users, 503, jsonType, scimError("503", ""), "Retry-After", "3600"),
		},
		{
			name: "a login page", provider: scimtest.OneLogin, step: "probe the list of users", says: "an HTML page, not SCIM",
			plant: instead(users, 200, "text/html", "<html>Sign in</html>"),
		},
		{
			name: "a redirect", provider: scimtest.OneLogin, step: "probe the list of users", says: "answered 302, expected 200",
			plant: instead(users, 302, "", "", "Location", "https://login.example.com"),
		},
		{
			name: "plain text", provider: scimtest.OneLogin, step: "probe the list of users", says: `Content-Type "text/plain"`,
			plant: instead(users, 200, "text/plain", `{}`),
		},
		{
			name: "half of an answer", provider: scimtest.OneLogin, step: "probe the list of users", says: "no JSON",
			plant: instead(users, 200, jsonType, `{"schemas":["urn:`),
		},
		{
			name: "two answers", provider: scimtest.OneLogin, step: "probe the list of users", says: "behind the JSON",
			plant: instead(users, 200, jsonType, `{}{}`),
		},
		{
			name: "a huge answer", provider: scimtest.OneLogin, step: "probe the list of users", says: "a body of more than 8388608 bytes",
			plant: instead(users, 200, jsonType, `{"x":"`+strings.Repeat("x", 9<<20)+`"}`),
		},
		{
			name: "a schema with null", provider: scimtest.Entra, step: "read the schemas", says: "null",
			plant: got("GET", "/Schemas", func(a *reply) { a.body["description"] = nil }),
		},
	}
}

func TestFaults(t *testing.T) {
	found := faults()
	require.GreaterOrEqual(t, len(found), 20)
	for _, f := range found {
		t.Run(f.name, func(t *testing.T) {
			good, st := newHandler(t)
			cfg := call(f.plant(good), f.provider)
			cfg.Members = max(5, f.members)
			report, err := scimtest.Check(t.Context(), cfg)
			require.NoError(t, err)
			require.False(t, report.OK())
			i := slices.IndexFunc(report.Scripts[0].Steps, func(s scimtest.Step) bool { return s.Name == f.step })
			require.GreaterOrEqual(t, i, 0, "no step %q in\n%s", f.step, report)
			step := report.Scripts[0].Steps[i]
			require.Contains(t, step.Problem, f.says, "%s", report)
			require.True(t, slices.ContainsFunc(report.Failed(), func(s scimtest.Step) bool { return s.Name == f.step }))
			text := report.String()
			require.Contains(t, text, "FAIL  "+f.step+"\n")
			require.Contains(t, text, "because:  "+step.Why)
			require.NotContains(t, text, key)
			for _, before := range report.Scripts[0].Steps[:i] {
				require.Empty(t, before.Problem, "%s is found before %s", before.Name, f.step)
			}
			if f.left {
				require.NotEmpty(t, report.Scripts[0].Left)
				require.Contains(t, text, "left behind on the server: "+report.Scripts[0].Left[0])
				return
			}
			require.Empty(t, report.Scripts[0].Left)
			requireEmpty(t, st)
		})
	}
}
