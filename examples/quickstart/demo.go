package main

import (
	"context"
	"io"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/examples/quickstart/internal/story"
)

// playDemo tells the whole story against the running program.
func playDemo(ctx context.Context, p *program, w io.Writer) error {
	org := p.seeds()[2]
	if d, ok := p.idp.Directory(org.id); ok {
		// So that it is the product, not the provider, that refuses somebody who was set
		// inactive.
		d.SetInsecureInactiveSignIn(true)
	}
	id, secret := clientOf(org.id)
	return story.Play(ctx, story.Config{
		AppURL: p.appURL, IDPURL: p.idpURL, Org: org.id, Domains: [2]string{org.domains[0], org.domains[1]},
		ClientID: id, ClientSecret: secret, Owner: org.owner(), BreakGlass: "break-glass@" + org.domains[0],
		Staff: host.StaffEmail, Password: host.DemoPassword, OtherBaseURL: p.tenants.SCIMBaseURL("acme"),
		PortalURL: p.portal.URL(org.id), StaffURL: p.portal.StaffURL(), OrgName: org.name,
	}, w)
}
