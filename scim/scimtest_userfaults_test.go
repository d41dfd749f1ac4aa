package scim_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/tenantgate/tenantgate/scim/scimtest"
)

func userFaults() []fault {
	disable := func(op object) (on, found bool) {
		if lower(op["path"]) != "active" {
			return false, false
		}
		return lower(op["value"]) == "true", true
	}
	return []fault{
		{
			name: "False is ignored", provider: scimtest.Entra, step: "disable the user", says: "active is true, expected false",
			plant: each("/Users", func(op object) object {
				if _, text := op["value"].(string); text && lower(op["path"]) == "active" {
					return nil
				}
				return op
			}),
		},
		{
			name: "False is true", provider: scimtest.Entra, step: "disable the user", says: "active is true, expected false",
			plant: each("/Users", func(op object) object {
				if _, found := disable(op); found {
					op["value"] = true
				}
				return op
			}),
		},
		{
			name: "an operation without path is ignored", provider: scimtest.Okta, step: "deactivate by PATCH", says: "active is true",
			plant: each("/Users", func(op object) object {
				if op["path"] == nil {
					return nil
				}
				return op
			}),
		},
		{
			name: "PUT ignores active", provider: scimtest.Okta, step: "deactivate by PUT", says: "active is true",
			plant: sent("PUT", "/Users", func(body object) { body["active"] = true }),
		},
		{
			name: "inactive people are hidden", provider: scimtest.Google, step: "suspend the user", says: "something that matches is missing",
			plant: got("GET", "/Users", func(a *reply) {
				resources(a, func(u object) object {
					if u["active"] == false {
						return nil
					}
					return u
				})
			}),
		},
		{
			name: "the list has everybody active", provider: scimtest.Google, step: "suspend the user", says: "active in the list is true",
			plant: got("GET", "/Users", func(a *reply) {
				resources(a, func(u object) object { u["active"] = true; return u })
			}),
		},
		{
			name: "PATCH answers 200 and does nothing", provider: scimtest.Entra, step: "change attributes of the user", says: "displayName is",
			plant: operations("/Users", func([]any) []any { return nil }),
		},
		{
			name: "dotted keys are ignored", provider: scimtest.EntraFlagged, step: "change attributes of the user", says: `name.familyName is "Lovelace", expected "King"`,
			plant: each("/Users", func(op object) object {
				if v, ok := op["value"].(object); ok {
					delete(v, "name.familyName")
				}
				return op
			}),
		},
		{
			name: "an add whose value path matches nothing is refused", provider: scimtest.Entra,
			step: "add a value that a value path does not match yet", says: "answered 400",
			plant: refuseOps("/Users", func(op object) bool { return strings.HasPrefix(lower(op["path"]), "phonenumbers[") }, "noTarget"),
		},
		{
			name: "an add whose value path matches nothing is ignored", provider: scimtest.EntraFlagged,
			step: "add a value that a value path does not match yet", says: "is absent, expected",
			plant: each("/Users", func(op object) object {
				if v, ok := op["value"].(object); ok {
					delete(v, `phoneNumbers[type eq "mobile"].value`)
				}
				return op
			}),
		},
		{
			name: "a manager as a string is refused", provider: scimtest.Entra, step: "set and clear the manager", says: "answered 400",
			plant: refuseOps("/Users", func(op object) bool {
				s, text := op["value"].(string)
				return text && s != "" && strings.HasSuffix(lower(op["path"]), "manager")
			}, "invalidValue"),
		},
		{
			name: "a manager is not cleared", provider: scimtest.Entra, step: "set and clear the manager", says: "expected absent",
			plant: each("/Users", func(op object) object {
				if op["value"] == "" {
					return nil
				}
				return op
			}),
		},
		{
			name: "app roles are unpacked", provider: scimtest.Entra, step: "assign app roles", says: "expected",
			plant: each("/Users", func(op object) object {
				if list, ok := op["value"].([]any); ok && lower(op["path"]) == "roles" {
					list[0].(object)["value"] = "25"
				}
				return op
			}),
		},
		{
			name: "no operations are a 500", provider: scimtest.EntraFlagged, step: "send an empty list of operations", says: "answered 500",
			plant: refusePatch(func(ops []any) bool { return len(ops) == 0 }, 500, ""),
		},
		{
			name: "a duplicate is 409 without scimType", provider: scimtest.Entra, step: "create the same user again", says: `scimType is absent, expected "uniqueness"`,
			plant: got("POST", "/Users", func(a *reply) { delete(a.body, "scimType") }),
		},
		{
			name: "a duplicate is 500", provider: scimtest.OneLogin, step: "create the same user again", says: "answered 500, expected 409",
			plant: got("POST", "/Users", func(a *reply) {
				if a.status == 409 {
					a.status = 500
				}
			}),
		},
		{
			name: "a duplicate is created", provider: scimtest.Ping, step: "create the same user again", says: "answered 201, expected 409",
			plant: func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if match(r, "POST", "/Users") {
						rec := httptest.NewRecorder()
						sent("POST", "", func(body object) {
							if status, found := read(h, r, "GET", "/Users?filter="+url.QueryEscape(`userName eq "`+body["userName"].(string)+`"`), nil); status == 200 && found["totalResults"] != 0.0 {
								body["userName"] = body["userName"].(string) + "2"
							}
						})(h).ServeHTTP(rec, r)
						w.Header().Set("Content-Type", jsonType)
						w.WriteHeader(rec.Code)
						w.Write(rec.Body.Bytes())
						return
					}
					h.ServeHTTP(w, r)
				})
			},
		},
		{
			name: "the password comes back", provider: scimtest.Okta, step: "create the user ada", says: "password is",
			plant: got("POST", "/Users", func(a *reply) { a.body["password"] = "hunter2" }),
		},
		{
			name: "SCIM 1 is echoed", provider: scimtest.OneLogin, step: "create the user ada", says: "schemas is",
			plant: got("", "/Users/", func(a *reply) {
				if a.body["userName"] != nil {
					a.body["schemas"] = []any{"urn:scim:schemas:core:1.0"}
				}
			}),
		},
		{
			name: "created is 200", provider: scimtest.JumpCloud, step: "create the user test", says: "answered 200, expected 201",
			plant: got("POST", "/Users", func(a *reply) {
				if a.status == 201 {
					a.status = 200
				}
			}),
		},
		{
			name: "created without id", provider: scimtest.Google, step: "create the user ada", says: "id is absent",
			plant: got("POST", "/Users", func(a *reply) { delete(a.body, "id") }),
		},
		{
			name: "PUT drops the extension", provider: scimtest.Google, step: "update the user by PUT", says: `department is absent, expected "Engines"`,
			plant: sent("PUT", "/Users", func(body object) { delete(body, urnOfAda) }),
		},
		{
			name: "delete leaves the user", provider: scimtest.OneLogin, step: "delete the user, twice", says: "answered 200, expected 404", left: true,
			plant: instead(func(r *http.Request) bool { return match(r, "DELETE", "/Users") }, 204, "", ""),
		},
		{
			name: "delete leaves the user in lists", provider: scimtest.Google, step: "delete the user, twice", says: "expected 0",
			plant: func(h http.Handler) http.Handler {
				var mu sync.Mutex
				gone := map[string]bool{}
				return got("", "/Users", func(a *reply) {
					mu.Lock()
					defer mu.Unlock()
					id := strings.TrimPrefix(a.r.URL.Path, base+"/Users/")
					if a.r.Method == http.MethodDelete && a.status == 204 {
						gone[id] = true
					}
					if f := a.r.URL.Query().Get("filter"); len(gone) > 1 && strings.Contains(f, "-ada@") && a.body["totalResults"] == 0.0 {
						a.body["totalResults"], a.body["Resources"] = 1.0, []any{object{"id": "x"}}
					}
				})(h)
			},
		},
		{
			name: "a second delete is 500", provider: scimtest.JumpCloud, step: "delete the user, twice", says: "answered 500, expected 404 or 204",
			plant: got("DELETE", "/Users", func(a *reply) {
				if a.status == 404 {
					a.status = 500
				}
			}),
		},
		{
			name: "delete is refused", provider: scimtest.Ping, step: "delete the user, twice", says: "answered 405", left: true,
			plant: instead(func(r *http.Request) bool { return match(r, "DELETE", "/Users") }, 405, jsonType, scimError("405", "")),
		},
	}
}

// refusePatch answers PATCH requests with an error.
func refusePatch(when func(ops []any) bool, status int, scimType string) middleware {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			refuse := false
			if r.Method == http.MethodPatch {
				operations("", func(ops []any) []any { refuse = when(ops); return ops })(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
			}
			instead(func(*http.Request) bool { return refuse }, status, jsonType, scimError("400", scimType))(h).ServeHTTP(w, r)
		})
	}
}

// refuseOps answers with 400 when an operation is one of these.
func refuseOps(path string, when func(op object) bool, scimType string) middleware {
	refuse := refusePatch(func(ops []any) bool {
		return slices.ContainsFunc(ops, func(o any) bool { return when(o.(object)) })
	}, 400, scimType)
	return func(h http.Handler) http.Handler {
		refused := refuse(h)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if match(r, "PATCH", path) {
				refused.ServeHTTP(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
}
