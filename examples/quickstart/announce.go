package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/tenantgate/tenantgate/examples/internal/host"
)

// announcement is the first line of -json.
type announcement struct {
	AppURL    string       `json:"app_url"`
	PortalURL string       `json:"portal_url"`
	IDPURL    string       `json:"idp_url"`
	StateURL  string       `json:"state_url"`
	Tenants   []tenantInfo `json:"tenants"`
}

// announce says where everything is.
func announce(w io.Writer, o options, p *program, tenants []tenantInfo) error {
	if o.json {
		return json.NewEncoder(w).Encode(announcement{
			AppURL: p.appURL, PortalURL: p.portal.URL(tenants[0].ID), IDPURL: p.idpURL,
			StateURL: p.appURL + "/state", Tenants: tenants,
		})
	}
	if o.demo {
		_, err := fmt.Fprintf(w, "On Call at %s, identity provider at %s, store: %s\n", p.appURL, p.idpURL, p.db.name)
		return err
	}
	_, err := fmt.Fprintf(w, `
  On Call, a small product with enterprise sign-on, is running.

  1. %s/acme/
     The identity provider: press "Push to SCIM" to provision Acme's people and groups.
  2. %s
     The product: sign in as %s, password %q,
     and look at single sign-on, groups and roles, people and teams.
  3. Sign out, then "Continue with OpenID Connect" as alice@%s.

  Store: %s. Stop with Ctrl-C.
`, p.idpURL, p.appURL, tenants[0].OwnerEmail, host.DemoPassword, tenants[0].Domain, p.db.name)
	return err
}
