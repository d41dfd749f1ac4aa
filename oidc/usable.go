package oidc

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// usable refuses accounts of other tenants, and those that the host or the directory switched off.
//
// emails are those that the person is known by beside the account's own: what the provider asserts now, and what it
// asserted before. An account without a link to a provisioned user is known to the directory by any of them, and a
// provider, or a person who may edit a profile there, must not get around it by sending another one, or none.
func (m *matcher) usable(ctx context.Context, acct Account, emails ...string) error {
	if !acct.Member {
		return denied(CodeOtherTenant, "the account does not belong to this tenant")
	}
	if err := m.activeInDirectory(ctx, acct, emails); err != nil {
		return err // first: whoever the directory switched off asks there, also where the host closed the account for that
	}
	if acct.Disabled {
		return denied(CodeAccountDisabled, "the application closed this account")
	}
	return nil
}

// activeInDirectory refuses whom the directory deactivated.
func (m *matcher) activeInDirectory(ctx context.Context, acct Account, emails []string) error {
	record, err := m.account(ctx, acct.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return m.storeFailed(err)
	case !record.Active:
		return errInactive()
	case record.SCIMUserID != "":
		active, err := m.userActive(ctx, record.SCIMUserID)
		if errors.Is(err, store.ErrNotFound) || err == nil && !active {
			return errInactive()
		}
		if err != nil {
			return m.storeFailed(err)
		}
		return nil
	}
	// No link to a provisioned user: one with this very name may exist all the same.
	emails = append(emails, acct.Email)
	seen := make([]string, 0, len(emails))
	for i, email := range emails {
		if slices.Contains(emails[:i], email) { // nearly always it is one address
			continue
		}
		addr, ok := parseAddress(email)
		key := store.Fold(addr.String())
		if !ok || slices.Contains(seen, key) {
			continue
		}
		seen = append(seen, key)
		if switchedOff, err := m.inactiveByEmail(ctx, addr.String()); err != nil {
			return err
		} else if switchedOff {
			return errInactive()
		}
	}
	return nil
}

func errInactive() error {
	return denied(CodeUserInactive, "the directory deactivated this user")
}

// scimUser finds the provisioned user with the address.
func (m *matcher) scimUser(ctx context.Context, email string) (store.SCIMUser, bool, error) {
	return scimUserOf(ctx, m.tx, m.conn.TenantID, email)
}

// scimUserOf finds the provisioned user whose userName is the address or, if there is none, who has it among the
// e-mail addresses. Of several of those an inactive one decides: nobody gets in by an address that the directory
// took away.
func scimUserOf(ctx context.Context, tx store.Store, tenantID, email string) (store.SCIMUser, bool, error) {
	if email == "" {
		return store.SCIMUser{}, false, nil
	}
	for _, filter := range filtersOf(email) {
		users, err := scimUsersWhere(ctx, tx, tenantID, filter)
		if err != nil {
			return store.SCIMUser{}, false, unavailable(CodeInternal, "the provisioned users could not be read", err)
		}
		if i := slices.IndexFunc(users, func(u store.SCIMUser) bool { return !u.Active }); i >= 0 {
			return users[i], true, nil
		}
		if len(users) > 0 {
			return users[0], true, nil
		}
	}
	return store.SCIMUser{}, false, nil
}

// filtersOf are the questions for users with an address, in the order in which their answers count.
func filtersOf(email string) []store.Compare {
	return []store.Compare{
		{Attr: store.AttrUserName, Op: store.Eq, Value: email},
		{Attr: store.AttrEmail, Op: store.Eq, Value: store.Fold(email)},
	}
}

// scimUsersWhere reads all users that match, also from a store that leaves the filter to its caller.
func scimUsersWhere(ctx context.Context, tx store.Store, tenantID string, filter store.Expr) ([]store.SCIMUser, error) {
	var users []store.SCIMUser
	for q := (store.Query{Filter: filter, WithoutBody: true}); ; {
		page, err := tx.SCIMUsers(ctx, tenantID, q)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Items {
			if store.Matches(filter, u.Values) {
				users = append(users, u)
			}
		}
		if !page.More {
			return users, nil
		}
		q.After = page.Next
	}
}
