package sqlite

import (
	"bytes"
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

const (
	insertUser = "insert into tenantgate_scim_users" +
		" (tenant_id, id, user_name, user_name_key, external_id, active, version, created_at, updated_at, keys, body)" +
		" values ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10) on conflict do nothing"
	selectUserState = "select version, created_at, user_name_key, keys from tenantgate_scim_users where tenant_id = $1 and id = $2"
	selectNameTaken = "select 1 from tenantgate_scim_users where tenant_id = $1 and user_name_key = $2"
	updateUser      = "update tenantgate_scim_users set user_name = $3, user_name_key = $4, external_id = $5, active = $6," +
		" version = version + 1, updated_at = $7, keys = $8, body = $9 where tenant_id = $1 and id = $2"
	deleteUser = "delete from tenantgate_scim_users where tenant_id = $1 and id = $2"
)

// CreateSCIMUser implements store.SCIMUserStore.
func (s *Store) CreateSCIMUser(ctx context.Context, tenantID string, u store.SCIMUser, events ...store.Event) (store.SCIMUser, error) {
	u.TenantID, u.Version = tenantID, 1
	u.CreatedAt, u.UpdatedAt = store.Time(u.CreatedAt), store.Time(u.UpdatedAt)
	err := write(ctx, s.db, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		if err := refuseMetKeys(ctx, db, tenantID, sqlstore.Users, u.ID, u.Keys); err != nil {
			return err
		}
		n, err := db.Exec(ctx, insertUser, tenantID, u.ID, u.UserName, store.Fold(u.UserName), db.Optional(u.ExternalID), u.Active,
			db.Time(u.CreatedAt), db.Time(u.UpdatedAt), sqlstore.EncodeKeys(u.Keys), sqlstore.Blob(u.Body))
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrConflict
		}
		if err := insertKeys(ctx, db, tenantID, sqlstore.Users, u.ID, u.Keys); err != nil {
			return err
		}
		if err := count(ctx, db, tenantID, sqlstore.Users, 1); err != nil {
			return err
		}
		return appendEvents(ctx, db, tenantID, rows)
	})
	if err != nil {
		return store.SCIMUser{}, sqlstore.Errorf(err, "SCIM user")
	}
	return u, nil
}

// UpdateSCIMUser implements store.SCIMUserStore.
func (s *Store) UpdateSCIMUser(ctx context.Context, tenantID string, u store.SCIMUser, events ...store.Event) (store.SCIMUser, error) {
	u.TenantID, u.UpdatedAt = tenantID, store.Time(u.UpdatedAt)
	err := write(ctx, s.db, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		var version int64
		var created sqlstore.Timestamp
		var oldName string
		var oldKeys []byte
		if err := db.One(ctx, []any{&version, &created, &oldName, &oldKeys}, selectUserState, tenantID, u.ID); err != nil {
			return err
		}
		if version != u.Version {
			return store.ErrStale
		}
		name, keys := store.Fold(u.UserName), sqlstore.EncodeKeys(u.Keys)
		if name != oldName {
			if err := refuseTaken(ctx, db, selectNameTaken, tenantID, name); err != nil {
				return err
			}
		}
		rekeyed := !bytes.Equal(keys, oldKeys)
		if rekeyed {
			if err := refuseMetKeys(ctx, db, tenantID, sqlstore.Users, u.ID, u.Keys); err != nil {
				return err
			}
		}
		if _, err := db.Exec(ctx, updateUser, tenantID, u.ID, u.UserName, name, db.Optional(u.ExternalID), u.Active,
			db.Time(u.UpdatedAt), keys, sqlstore.Blob(u.Body)); err != nil {
			return err
		}
		if rekeyed {
			if err := replaceKeys(ctx, db, tenantID, sqlstore.Users, u.ID, u.Keys); err != nil {
				return err
			}
		}
		u.CreatedAt = created.Time
		return appendEvents(ctx, db, tenantID, rows)
	})
	if err != nil {
		return store.SCIMUser{}, sqlstore.Errorf(err, "SCIM user")
	}
	u.Version++
	return u, nil
}

// DeleteSCIMUser implements store.SCIMUserStore.
func (s *Store) DeleteSCIMUser(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	err := write(ctx, s.db, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		var stored int64
		var created sqlstore.Timestamp
		var name string
		var keys []byte
		if err := db.One(ctx, []any{&stored, &created, &name, &keys}, selectUserState, tenantID, id); err != nil {
			return err
		}
		if version != 0 && version != stored {
			return store.ErrStale
		}
		if _, err := db.Exec(ctx, deleteUser, tenantID, id); err != nil {
			return err
		}
		if err := removeRecord(ctx, db, tenantID, sqlstore.Users, id, events); err != nil {
			return err
		}
		return appendEvents(ctx, db, tenantID, rows)
	})
	return sqlstore.Errorf(err, "SCIM user")
}

// refuseTaken returns store.ErrConflict if the query finds a row.
func refuseTaken(ctx context.Context, db *sqlstore.DB, query string, args ...any) error {
	var one int
	switch err := db.One(ctx, []any{&one}, query, args...); {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return store.ErrConflict
}
