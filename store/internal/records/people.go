package records

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

var identities = codec[store.Identity]{
	kind:  kindIdentity,
	meta:  func(i *store.Identity) *store.Meta { return &i.Meta },
	clone: func(i store.Identity) store.Identity { return i },
	stored: func(i store.Identity) (store.Identity, bool) {
		for _, text := range []*string{&i.ConnectionID, &i.Issuer, &i.Subject, &i.AccountID, &i.Email} {
			if !utf8.ValidString(*text) {
				return i, false
			}
			*text = strings.Clone(*text)
		}
		i.LastSignInAt = store.Time(i.LastSignInAt)
		return i, true
	},
	unique: func(i *store.Identity) []Unique {
		return []Unique{
			subjectKey(i.ConnectionID, i.Issuer, i.Subject),
			{Name: "account", Value: joined(i.ConnectionID, i.AccountID)},
		}
	},
	index: func(i *store.Identity) []Index {
		return []Index{{Name: "account", Value: joined(i.AccountID)}, {Name: "connection", Value: i.ConnectionID}}
	},
	head: func(i *store.Identity) any { // a sign-in changes none of it
		return struct {
			ConnectionID string `json:"connectionId"`
			Issuer       string `json:"issuer"`
			Subject      string `json:"subject"`
			AccountID    string `json:"accountId"`
		}{i.ConnectionID, i.Issuer, i.Subject, i.AccountID}
	},
}

func subjectKey(connectionID, issuer, subject string) Unique {
	return Unique{Name: "subject", Value: joined(connectionID, issuer, subject)}
}

// Identity implements store.IdentityStore.
func (s Setup) Identity(ctx context.Context, tenantID, connectionID, issuer, subject string) (store.Identity, error) {
	return identities.by(ctx, s.backend, tenantID, subjectKey(connectionID, issuer, subject))
}

// IdentitiesOf implements store.IdentityStore.
func (s Setup) IdentitiesOf(ctx context.Context, tenantID, accountID string) ([]store.Identity, error) {
	return identities.decodeAll(s.backend.RowsByIndex(ctx, tenantID, kindIdentity, Index{Name: "account", Value: joined(accountID)}))
}

// IdentitiesOfAccounts implements store.PeopleReader.
func (s Setup) IdentitiesOfAccounts(ctx context.Context, tenantID string, accountIDs []string) ([]store.Identity, error) {
	if len(accountIDs) == 0 {
		return nil, ctx.Err()
	}
	values := make([]string, len(accountIDs))
	for i, id := range accountIDs {
		values[i] = joined(id)
	}
	return identities.decodeAll(s.backend.RowsByIndexes(ctx, tenantID, kindIdentity, "account", values))
}

// Identities implements store.IdentityStore.
func (s Setup) Identities(ctx context.Context, tenantID string, q store.Query) (store.Page[store.Identity], error) {
	return page(ctx, s.backend, identities, tenantID, q)
}

// CreateIdentity implements store.IdentityStore.
func (s Setup) CreateIdentity(ctx context.Context, tenantID string, i store.Identity, events ...store.Event) (store.Identity, error) {
	return identities.create(ctx, s.backend, tenantID, i, events)
}

// UpdateIdentity implements store.IdentityStore.
func (s Setup) UpdateIdentity(ctx context.Context, tenantID string, i store.Identity, events ...store.Event) (store.Identity, error) {
	return identities.update(ctx, s.backend, tenantID, i, events)
}

// DeleteIdentity implements store.IdentityStore.
func (s Setup) DeleteIdentity(ctx context.Context, tenantID, id string, events ...store.Event) error {
	return s.backend.DeleteRow(ctx, tenantID, kindIdentity, id, 0, events)
}

// DeleteIdentitiesOfConnection implements store.IdentityStore.
func (s Setup) DeleteIdentitiesOfConnection(ctx context.Context, tenantID, connectionID string, events ...store.Event) (int, error) {
	return s.backend.DeleteRowsByIndex(ctx, tenantID, kindIdentity, Index{Name: "connection", Value: connectionID}, events)
}

var accounts = codec[store.Account]{
	kind: kindAccount,
	meta: func(a *store.Account) *store.Meta { return &a.Meta },
	clone: func(a store.Account) store.Account {
		a.Fields = slices.Clone(a.Fields)
		for i, f := range a.Fields {
			if f.Pending != nil {
				pending := *f.Pending
				a.Fields[i].Pending = &pending
			}
			if f.Lifted != nil {
				lifted := *f.Lifted
				a.Fields[i].Lifted = &lifted
			}
		}
		a.Claims = slices.Clone(a.Claims)
		for i, c := range a.Claims {
			a.Claims[i].Values = slices.Clone(c.Values)
		}
		return a
	},
	unique: func(a *store.Account) []Unique {
		if a.SCIMUserID == "" {
			return nil
		}
		return []Unique{scimUserKey(a.SCIMUserID)}
	},
}

const scimUserName = "scim_user"

func scimUserKey(id string) Unique { return Unique{Name: scimUserName, Value: id} }

// Account implements store.AccountStore.
func (s Setup) Account(ctx context.Context, tenantID, accountID string) (store.Account, error) {
	return accounts.get(ctx, s.backend, tenantID, accountID)
}

// AccountOfSCIMUser implements store.AccountStore.
func (s Setup) AccountOfSCIMUser(ctx context.Context, tenantID, scimUserID string) (store.Account, error) {
	return accounts.by(ctx, s.backend, tenantID, scimUserKey(scimUserID))
}

// AccountsWithIDs implements store.PeopleReader.
func (s Setup) AccountsWithIDs(ctx context.Context, tenantID string, ids []string) ([]store.Account, error) {
	if len(ids) == 0 {
		return nil, ctx.Err()
	}
	return accounts.decodeAll(s.backend.RowsByIDs(ctx, tenantID, kindAccount, ids))
}

// AccountsOfSCIMUsers implements store.PeopleReader.
func (s Setup) AccountsOfSCIMUsers(ctx context.Context, tenantID string, scimUserIDs []string) ([]store.Account, error) {
	if len(scimUserIDs) == 0 {
		return nil, ctx.Err()
	}
	return accounts.decodeAll(s.backend.RowsByUniques(ctx, tenantID, kindAccount, scimUserName, scimUserIDs))
}

// Accounts implements store.AccountStore.
func (s Setup) Accounts(ctx context.Context, tenantID string, q store.Query) (store.Page[store.Account], error) {
	return page(ctx, s.backend, accounts, tenantID, q)
}

// CreateAccount implements store.AccountStore.
func (s Setup) CreateAccount(ctx context.Context, tenantID string, a store.Account, events ...store.Event) (store.Account, error) {
	return accounts.create(ctx, s.backend, tenantID, a, events)
}

// UpdateAccount implements store.AccountStore.
func (s Setup) UpdateAccount(ctx context.Context, tenantID string, a store.Account, events ...store.Event) (store.Account, error) {
	return accounts.update(ctx, s.backend, tenantID, a, events)
}

// DeleteAccount implements store.AccountStore.
func (s Setup) DeleteAccount(ctx context.Context, tenantID, accountID string, version int64, events ...store.Event) error {
	return s.backend.DeleteRow(ctx, tenantID, kindAccount, accountID, version, events)
}

// page reads a page in key order and leaves the filter to the caller.
func page[T any](ctx context.Context, b Backend, c codec[T], tenantID string, q store.Query) (store.Page[T], error) {
	limit := q.ClampLimit()
	rows, err := b.Rows(ctx, tenantID, c.kind, q.After, limit+1)
	more := len(rows) > limit
	if more {
		rows = rows[:limit]
	}
	items, err := c.decodeAll(rows, err)
	if err != nil {
		return store.Page[T]{}, err
	}
	p := store.Page[T]{Items: items, More: more}
	if more {
		p.Next = rows[limit-1].ID
	}
	return p, nil
}
