package portal_test

import (
	"fmt"
	"net/http"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
	"github.com/tenantgate/tenantgate/tenant/portal"
)

// The host's parts, made elsewhere.
var (
	tenants       *tenant.Service
	login         *oidc.Handler
	st            store.Store
	organisations tenant.Tenants
	authorizer    tenant.Authorizer
	engine        *provisioning.Engine
	locks         *provisioning.Locks // with LocksConfig.Authorizer, so that owners can lift them
	fields        *provisioning.Fields
	directory     *scim.Handler
)

// session is who is signed in, by the host's own cookie, and of which organisation.
func session(*http.Request) (actor tenant.Actor, organisation string, ok bool) {
	return tenant.Actor{}, "", false
}

func ExampleNew() {
	pages, err := portal.New(portal.Config{
		BaseURL: "https://app.example.com/sso-settings", SignInURL: "/login",
		Tenants: tenants, Login: login, Store: st, Names: organisations,
		Engine: engine, Locks: locks, Fields: fields, // groups and roles, and a page for each person
		Requests: directory, Refused: engine, // how the directory's requests go
		Authorize: func(r *http.Request, tenantID string, action tenant.Action) (portal.Visitor, error) {
			actor, organisation, ok := session(r)
			switch {
			case !ok:
				return portal.Visitor{}, portal.ErrSignIn
			case tenantID != "" && tenantID != organisation && actor.Kind != tenant.ActorStaff:
				return portal.Visitor{}, store.ErrNotFound // not even that it exists
			}
			return portal.Visitor{Actor: actor}, tenant.Allow(r.Context(), authorizer, actor, action, tenantID)
		},
		Brand: portal.Brand{Name: "On Call", Accent: "#5b21b6"},
	})
	if err != nil {
		fmt.Println(err) // here: the parts are not made
		return
	}
	mux := http.NewServeMux()
	mux.Handle(pages.Mount())
	// Output: portal: Config.Tenants is required: tenant.New makes one
}
