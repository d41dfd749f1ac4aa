package host

import (
	"context"
	"database/sql"
	"errors"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

var (
	_ provisioning.FieldSetter = Target{}
	_ provisioning.FieldReader = Target{}
)

// SetField implements provisioning.FieldSetter: a person's title, department and the like. An empty one
// is stored, too, as what the person has.
func (t Target) SetField(ctx context.Context, tx store.Store, tenantID, accountID string, v provisioning.FieldValue) error {
	return t.DB.PutUserField(ctx, tx, tenantID, accountID, v.Field, v.Value)
}

// FieldsOf implements provisioning.FieldReader. The product confirms no numbers itself.
func (t Target) FieldsOf(ctx context.Context, tx store.Store, tenantID, accountID string) ([]provisioning.HostField, error) {
	u, err := t.DB.User(ctx, tx, tenantID, accountID)
	if errors.Is(err, ErrNoUser) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := list(ctx, t.DB, tx, func(r *sql.Rows) (f provisioning.HostField, err error) {
		return f, r.Scan(&f.Field, &f.Value)
	}, `select field, value from oncall_user_fields where user_id = ? order by field`, u.ID)
	return append([]provisioning.HostField{{Field: tenant.FieldPhone, Value: u.Phone}, {Field: "displayName", Value: u.Name}}, out...), err
}

// PutUserField stores a field of a person of the organisation.
func (d *DB) PutUserField(ctx context.Context, tx store.Store, orgID, userID, field, value string) error {
	return d.exec(ctx, tx, `insert into oncall_user_fields (user_id, field, value)
		select u.id, ?, ? from oncall_users u where u.org_id = ? and u.id = ?
		on conflict (user_id, field) do update set value = excluded.value`, field, value, orgID, userID)
}

// UserField returns a field of a person of the organisation; empty if there is none.
func (d *DB) UserField(ctx context.Context, tx store.Store, orgID, userID, field string) (value string, err error) {
	err = d.in(tx).QueryRowContext(ctx, d.sql(`select f.value from oncall_user_fields f join oncall_users u on u.id = f.user_id
		where u.org_id = ? and u.id = ? and f.field = ?`), orgID, userID, field).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}
