package scim_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/scim/scimtest"
)

func groupFaults() []fault {
	byFilter := func(op object) bool { return strings.HasPrefix(lower(op["path"]), "members[") }
	return []fault{
		{
			name: "one of two members is dropped", provider: scimtest.Entra, step: "add members, twice", says: "members lacks",
			plant: each("/Groups", func(op object) object {
				if list, ok := op["value"].([]any); ok && lower(op["op"]) == "add" {
					op["value"] = list[:1]
				}
				return op
			}),
		},
		{
			name: "add replaces", provider: scimtest.EntraFlagged, step: "add members, twice", says: "members lacks",
			plant: each("/Groups", func(op object) object {
				if op["op"] == "add" {
					op["op"] = "replace"
				}
				return op
			}),
		},
		{
			name: "a member is there twice", provider: scimtest.Entra, step: "add members, twice", says: "which should not be there",
			plant: got("GET", "/Groups/", func(a *reply) {
				if list, _ := a.body["members"].([]any); len(list) > 2 {
					a.body["members"] = append(list, list[0])
				}
			}),
		},
		{
			name: "excludedAttributes is ignored", provider: scimtest.Entra, step: "add members, twice", says: "members is",
			plant: query("GET", "/Groups/", func(q url.Values) { q.Del("excludedAttributes") }),
		},
		{
			name: "remove with value empties the group", provider: scimtest.Entra, step: "remove one member, twice", says: "members lacks",
			plant: each("/Groups", func(op object) object {
				if lower(op["op"]) == "remove" {
					delete(op, "value")
				}
				return op
			}),
		},
		{
			name: "remove by a filter is ignored with 204", provider: scimtest.EntraFlagged, step: "remove one member, twice", says: "which should not be there",
			plant: each("/Groups", func(op object) object {
				if byFilter(op) {
					return nil
				}
				return op
			}),
		},
		{
			name: "remove by a filter is ignored with 204 for Okta", provider: scimtest.Okta, step: "remove and add members in one request", says: "which should not be there",
			plant: each("/Groups", func(op object) object {
				if byFilter(op) {
					return nil
				}
				return op
			}),
		},
		{
			name: "removing nobody is an error", provider: scimtest.JumpCloud, step: "remove somebody who is no member", says: "answered 400",
			plant: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					unknown := false
					if match(r, "PATCH", "/Groups") {
						_, group := read(h, r, "GET", strings.TrimPrefix(r.URL.Path, base), nil)
						refusePatch(func(ops []any) bool {
							op := ops[0].(object)
							list, _ := op["value"].([]any)
							unknown = op["op"] == "remove" && len(list) == 1 && !hasMember(group, list[0].(object)["value"])
							return unknown
						}, 400, "noTarget")(h).ServeHTTP(w, r)
						return
					}
					h.ServeHTTP(w, r)
				})
			},
		},
		{
			name: "an unknown member fails the request", provider: scimtest.Okta, step: "add an unknown member together with a known one", says: "answered 404",
			plant: refuseUnknown,
		},
		{
			name: "only the first operation counts", provider: scimtest.Entra, step: "rename, add and remove in one request", says: "members lacks",
			plant: operations("/Groups", func(ops []any) []any { return ops[:1] }),
		},
		{
			name: "members are lost between requests", provider: scimtest.Entra, step: "change members by several requests at once", says: "members",
			plant: loseUpdates,
		},
		{
			name: "members are cut at 100", provider: scimtest.Okta, step: "replace all members", says: "it has 100 of 105", members: 105,
			plant: got("GET", "/Groups/", func(a *reply) {
				if list, _ := a.body["members"].([]any); len(list) > 100 {
					a.body["members"] = list[:100]
				}
			}),
		},
		{
			name: "replace adds", provider: scimtest.Okta, step: "replace all members", says: "which should not be there",
			plant: each("/Groups", func(op object) object {
				if op["op"] == "replace" && op["path"] == "members" {
					op["op"] = "add"
				}
				return op
			}),
		},
		{
			name: "renaming empties the group", provider: scimtest.Okta, step: "rename the group", says: "members lacks",
			plant: each("/Groups", func(op object) object {
				if v, ok := op["value"].(object); ok && v["displayName"] != nil {
					v["members"] = []any{}
				}
				return op
			}),
		},
		{
			name: "an id in a value is refused", provider: scimtest.Okta, step: "rename the group", says: "answered 400",
			plant: refuseOps("/Groups", func(op object) bool {
				v, _ := op["value"].(object)
				return v["id"] != nil
			}, "mutability"),
		},
		{
			name: "users have no groups", provider: scimtest.Okta, step: "read a user's groups", says: "is absent",
			plant: got("GET", "/Users/", func(a *reply) { delete(a.body, "groups") }),
		},
		{
			name: "PUT keeps the members", provider: scimtest.Okta, step: "update the group by PUT", says: "which should not be there",
			plant: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if match(r, "PUT", "/Groups") {
						_, before := read(h, r, "GET", strings.TrimPrefix(r.URL.Path, base), nil)
						sent("PUT", "", func(body object) { body["members"] = before["members"] })(h).ServeHTTP(w, r)
						return
					}
					h.ServeHTTP(w, r)
				})
			},
		},
		{
			name: "members of a new group are dropped", provider: scimtest.JumpCloud, step: "create the test group", says: "members lacks",
			plant: sent("POST", "/Groups", func(body object) { delete(body, "members") }),
		},
		{
			name: "Microsoft's schema is refused", provider: scimtest.Entra, step: "create a group", says: "answered 400, expected 201",
			plant: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					refuse := false
					sent("POST", "/Groups", func(body object) {
						schemas, _ := body["schemas"].([]any)
						refuse = len(schemas) > 1
					})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
					instead(func(*http.Request) bool { return refuse }, 400, jsonType, scimError("400", "invalidSyntax"))(h).ServeHTTP(w, r)
				})
			},
		},
		{
			name: "a deleted member stays", provider: scimtest.Entra, step: "delete a member's account", says: "which should not be there",
			plant: func(h http.Handler) http.Handler {
				var mu sync.Mutex
				deleted := ""
				return got("", "", func(a *reply) {
					mu.Lock()
					defer mu.Unlock()
					if id, ok := strings.CutPrefix(a.r.URL.Path, base+"/Users/"); ok && a.r.Method == http.MethodDelete && deleted == "" {
						deleted = id
					}
					if list, ok := a.body["members"].([]any); ok && deleted != "" {
						a.body["members"] = append(list, object{"value": deleted})
					}
				})(h)
			},
		},
		{
			name: "deleting a group deletes its members", provider: scimtest.OneLogin, step: "delete the group, twice", says: "answered 404, expected 200",
			plant: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if match(r, "DELETE", "/Groups") {
						_, list := read(h, r, "GET", "/Users", nil)
						for _, u := range list["Resources"].([]any) {
							read(h, r, "DELETE", "/Users/"+u.(object)["id"].(string), nil)
						}
					}
					h.ServeHTTP(w, r)
				})
			},
		},
		{
			name: "groups can't be deleted", provider: scimtest.JumpCloud, step: "delete the group, twice", says: "answered 501", left: true,
			plant: instead(func(r *http.Request) bool { return match(r, "DELETE", "/Groups") }, 501, jsonType, scimError("501", "")),
		},
	}
}

func hasMember(group object, id any) bool {
	list, _ := group["members"].([]any)
	return slices.ContainsFunc(list, func(m any) bool { return m.(object)["value"] == id })
}

// refuseUnknown answers 404 when a member is nobody's ID.
func refuseUnknown(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusePatch(func(ops []any) bool {
			return slices.ContainsFunc(ops, func(o any) bool {
				list, _ := o.(object)["value"].([]any)
				return slices.ContainsFunc(list, func(m any) bool {
					member, _ := m.(object)
					id, _ := member["value"].(string)
					status, _ := read(h, r, "GET", "/Users/"+id, nil)
					return match(r, "PATCH", "/Groups") && status == 404
				})
			})
		}, 404, "")(h).ServeHTTP(w, r)
	})
}

// loseUpdates reads a group, thinks, and writes all of its members.
func loseUpdates(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !match(r, "PATCH", "/Groups") {
			h.ServeHTTP(w, r)
			return
		}
		path := strings.TrimPrefix(r.URL.Path, base)
		_, before := read(h, r, "GET", path, nil)
		rec := httptest.NewRecorder()
		each("", func(op object) object {
			if list, ok := op["value"].([]any); ok && op["op"] == "Add" {
				had, _ := before["members"].([]any)
				op["op"], op["value"] = "replace", append(had, list...)
				time.Sleep(10 * time.Millisecond)
			}
			return op
		})(h).ServeHTTP(rec, r)
		w.WriteHeader(rec.Code)
	})
}
