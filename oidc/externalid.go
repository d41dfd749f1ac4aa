package oidc

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// byExternalID finds the account of the one provisioned user whose externalId is value; found is false if there is none
// to be sure of.
func (m *matcher) byExternalID(ctx context.Context, value string) (acct Account, found bool, err error) {
	if value == "" {
		return Account{}, false, nil
	}
	filter := store.Compare{Attr: store.AttrExternalID, Op: store.Eq, Value: value}
	page, err := m.tx.SCIMUsers(ctx, m.conn.TenantID, store.Query{Filter: filter, Limit: 2, WithoutBody: true})
	if err != nil {
		return Account{}, false, m.storeFailed(err)
	}
	if len(page.Items) != 1 || page.Items[0].ExternalID != value { // nobody, or two: externalId need not be unique
		return Account{}, false, nil
	}
	u := page.Items[0]
	if !u.Active {
		return Account{}, false, denied(CodeUserInactive, "the directory deactivated this user")
	}
	record, err := m.tx.AccountOfSCIMUser(ctx, m.conn.TenantID, u.ID)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, false, nil
	}
	if err != nil {
		return Account{}, false, m.storeFailed(err)
	}
	acct, err = m.h.cfg.Accounts.AccountByID(ctx, m.tx, m.conn.TenantID, record.ID)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, false, nil
	}
	if err != nil {
		return Account{}, false, m.hostFailed(err)
	}
	return acct, true, nil
}

// checkExternalID refuses an account that the address found, if its provisioned user has another externalId: the address
// was given to somebody else.
func (m *matcher) checkExternalID(ctx context.Context, acct Account, value string) error {
	if value == "" {
		return nil
	}
	record, err := m.tx.Account(ctx, m.conn.TenantID, acct.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && record.SCIMUserID == "" {
		return nil
	}
	if err != nil {
		return m.storeFailed(err)
	}
	u, err := m.tx.SCIMUser(ctx, m.conn.TenantID, record.SCIMUserID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil // usable refuses it
	case err != nil:
		return m.storeFailed(err)
	case u.ExternalID != "" && u.ExternalID != value:
		return denied(CodeAccountConflict, "the account with this e-mail address is that of a provisioned user with another externalId")
	}
	return nil
}

// externalID is the externalId that the person's provisioned user has, by the claim that the host named
// (Config.ExternalIDClaim); empty if there is no telling.
//
// A provisioned user's record does not say which directory sent it. Only the tenant's one directory, if it belongs to
// this connection, speaks of the same people as this provider: another provider of the tenant could pick its subjects
// after the externalIds.
func (m *matcher) externalID(ctx context.Context) (string, error) {
	value := m.externalIDClaim()
	if value == "" {
		return "", nil
	}
	directories, err := m.tx.Directories(ctx, m.conn.TenantID)
	if err != nil {
		return "", m.storeFailed(err)
	}
	if len(directories) != 1 || directories[0].ConnectionID != m.conn.ID {
		return "", nil
	}
	return value, nil
}

// externalIDClaim reads the claim. oid counts at Entra alone, which assigns it; at other providers a claim of that name
// may be what people type into their profile.
func (m *matcher) externalIDClaim() string {
	if m.h.cfg.ExternalIDClaim == nil {
		return ""
	}
	var value string
	switch m.h.cfg.ExternalIDClaim(m.conn) {
	case "sub":
		value = m.who.subject
	case "oid":
		if isEntra(m.conn.Issuer) {
			value, _ = m.who.claims.str("oid")
		}
	}
	if checkName("externalId", value) != nil {
		return ""
	}
	return value
}

// isEntra tells whether an issuer is one of Microsoft's.
func isEntra(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" {
		return false
	}
	for v2, v1 := range entraIssuers {
		if strings.EqualFold(u.Host, v2) || strings.EqualFold(u.Host, v1) {
			return true
		}
	}
	return false
}
