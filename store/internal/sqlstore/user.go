package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// Shared implements the contracts whose statements are the same in every dialect.
// Adapters embed it.
type Shared struct{ DB *DB }

const (
	userColumns       = "r.id, r.version, r.created_at, r.updated_at, r.user_name, r.external_id, r.active, r.keys, r.body"
	userColumnsNoBody = "r.id, r.version, r.created_at, r.updated_at, r.user_name, r.external_id, r.active, r.keys, null"

	selectUser = "select " + userColumns + " from tenantgate_scim_users r where r.tenant_id = $1 and r.id = $2"
)

// userScan holds what a row of a user is scanned into, so that a page makes it once.
type userScan struct {
	user             store.SCIMUser
	created, updated Timestamp
	externalID       sql.NullString
	keys             sql.RawBytes
	body             []byte
	dest             []any
}

func newUserScan() *userScan {
	s := &userScan{}
	s.dest = []any{&s.user.ID, &s.user.Version, &s.created, &s.updated, &s.user.UserName, &s.externalID, &s.user.Active, &s.keys, &s.body}
	return s
}

func (s *userScan) take(tenantID string, keys []byte) (store.SCIMUser, error) {
	u := s.user
	var err error
	if u.Keys, err = DecodeKeys(keys); err != nil {
		return u, fmt.Errorf("user %s: %w", u.ID, err)
	}
	u.TenantID, u.ExternalID, u.Body = tenantID, s.externalID.String, s.body
	u.CreatedAt, u.UpdatedAt = s.created.Time, s.updated.Time
	return u, nil
}

// SCIMUser implements store.SCIMUserStore.
func (s Shared) SCIMUser(ctx context.Context, tenantID, id string) (store.SCIMUser, error) {
	row := newUserScan()
	var keys []byte // a row on its own cannot lend its bytes
	row.dest[7] = &keys
	if err := s.DB.Reader().One(ctx, row.dest, selectUser, tenantID, id); err != nil {
		return store.SCIMUser{}, Errorf(err, "SCIM user")
	}
	return row.take(tenantID, keys)
}

// SCIMUsers implements store.SCIMUserStore.
func (s Shared) SCIMUsers(ctx context.Context, tenantID string, q store.Query) (store.Page[store.SCIMUser], error) {
	sel := s.DB.page(Users, tenantID, q)
	columns := userColumns
	if q.WithoutBody {
		columns = userColumnsNoBody
	}
	row := newUserScan()
	var users []store.SCIMUser
	err := s.DB.Reader().Each(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(row.dest...); err != nil {
			return err
		}
		u, err := row.take(tenantID, row.keys)
		users = append(users, u)
		return err
	}, "select "+columns+" from tenantgate_scim_users r where "+sel.where, sel.args...)
	if err != nil {
		return store.Page[store.SCIMUser]{}, Errorf(err, "SCIM users")
	}
	return finish(sel, users, func(u *store.SCIMUser) string { return u.ID }), nil
}

// CountSCIMUsers implements store.SCIMCounter.
func (s Shared) CountSCIMUsers(ctx context.Context, tenantID string, filter store.Expr) (int, error) {
	return s.count(ctx, Users, tenantID, filter)
}

// CountSCIMGroups implements store.SCIMCounter.
func (s Shared) CountSCIMGroups(ctx context.Context, tenantID string, filter store.Expr) (int, error) {
	return s.count(ctx, Groups, tenantID, filter)
}
