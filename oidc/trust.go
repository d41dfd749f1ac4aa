package oidc

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// checkHostedDomain holds Google's hd to the tenant's domains, at every sign-in: all of Google's customers share one
// issuer, and addresses of other mail systems can be verified there too.
func (m *matcher) checkHostedDomain(ctx context.Context) error {
	if !isGoogle(m.conn.Issuer) {
		return nil
	}
	name, err := tenant.NormalizeDomain(m.who.hosted)
	if err != nil {
		return denied(CodeHostedDomain, "the account is not managed by a Google Workspace organisation")
	}
	inside, err := tenant.OwnsDomain(ctx, m.tx, m.conn.TenantID, name)
	if err != nil {
		return m.storeFailed(err)
	}
	if !inside {
		return denied(CodeHostedDomain, "the account's Google Workspace organisation is not this tenant's")
	}
	return nil
}

// trustEmail decides whether the address may find an account (OIDC.md rule 3): it is in a verified domain of the
// tenant that the connection serves, and the document that it came from does not say otherwise.
func (m *matcher) trustEmail(ctx context.Context) error {
	if m.who.guest {
		return denied(CodeGuestUser, "the provider sent no e-mail address, and the user name is that of another organisation's user; give guests the email claim, or leave them out")
	}
	if m.who.email == "" {
		return denied(CodeEmailMissing, "the provider sent no e-mail address; add the email claim and scope")
	}
	if !m.who.hasAddr {
		return denied(CodeEmailMissing, "the provider sent an e-mail address that can't be read safely")
	}
	shared := m.conn.SharedIssuer || isSharedIssuer(m.conn.Issuer)
	trusted := m.who.verified == verifiedTrue ||
		m.who.verified == verifiedText && m.conn.EmailVerifiedString ||
		m.who.verified == verifiedUnstated && !shared && !m.h.cfg.RequireEmailVerified
	if !trusted {
		return denied(CodeEmailUnverified, "the provider does not state that the e-mail address is verified")
	}
	if m.who.edovFalse {
		return denied(CodeEmailUnverified, "xms_edov says that the e-mail address's domain is not verified")
	}
	d, err := tenant.OwnedDomain(ctx, m.tx, m.conn.TenantID, m.who.addr.domain)
	switch {
	case errors.Is(err, store.ErrNotFound):
		m.foreign = true
		return denied(CodeEmailDomain, "the e-mail address is in none of the tenant's verified domains")
	case err != nil:
		return m.storeFailed(err)
	case !d.ServedBy(m.conn.ID):
		// Another connection of the tenant's vouches for these people, and may be the only one that does.
		return denied(CodeEmailDomain, "the e-mail address is in a domain of the tenant that this connection does not serve")
	}
	return nil
}
