package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// backend keeps the set-up records.
type backend struct{ reader }

var _ records.Backend = backend{}

const (
	insertRecord      = "insert into tenantgate_records (tenant_id, kind, id, version, created_at, updated_at, body) values ($1, $2, $3, 1, $4, $5, $6)"
	selectRecordState = "select version, created_at from tenantgate_records where tenant_id = $1 and kind = $2 and id = $3"
	updateRecord      = "update tenantgate_records set version = version + 1, updated_at = $4, body = $5 where tenant_id = $1 and kind = $2 and id = $3"
	// updateBody is updateRecord for a row whose values stay as they are.
	updateBody = "update tenantgate_records set version = version + 1, updated_at = $5, body = $6" +
		" where tenant_id = $1 and kind = $2 and id = $3 and version = $4 and substr(body, 1, length($7)) = $7 returning created_at"
	deleteRecord = "delete from tenantgate_records where tenant_id = $1 and kind = $2 and id = $3"

	selectUniqueOwner = "select tenant_id, id from tenantgate_record_unique where kind = $1 and scope = $2 and name = $3 and value = $4"
	insertUnique      = "insert into tenantgate_record_unique (tenant_id, kind, id, scope, name, value) values ($1, $2, $3, $4, $5, $6) on conflict do nothing"
	deleteUnique      = "delete from tenantgate_record_unique where tenant_id = $1 and kind = $2 and id = $3"
	insertIndex       = "insert into tenantgate_record_index (tenant_id, kind, id, name, value) values ($1, $2, $3, $4, $5) on conflict do nothing"
	deleteIndex       = "delete from tenantgate_record_index where tenant_id = $1 and kind = $2 and id = $3"

	selectIndexed = "select id from tenantgate_record_index where kind = $2 and name = $3 and value = $4 and tenant_id = $1 order by id"
)

// InsertRow implements records.Backend.
func (b backend) InsertRow(ctx context.Context, r records.Row, events []store.Event) error {
	err := write(ctx, b.DB, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		if _, _, err := state(ctx, db, r); !errors.Is(err, store.ErrNotFound) {
			if err == nil {
				err = store.ErrConflict
			}
			return err
		}
		if err := refuseMet(ctx, db, r); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, insertRecord, r.TenantID, r.Kind, r.ID, db.Time(r.CreatedAt), db.Time(r.UpdatedAt), sqlstore.Blob(r.Body)); err != nil {
			return err
		}
		if err := insertValues(ctx, db, r); err != nil {
			return err
		}
		return appendEvents(ctx, db, r.TenantID, rows)
	})
	return sqlstore.Errorf(err, "%s", r.Kind)
}

// UpdateRow implements records.Backend.
func (b backend) UpdateRow(ctx context.Context, r records.Row, events []store.Event) (time.Time, error) {
	var created time.Time
	err := write(ctx, b.DB, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		if r.Head != nil {
			var at sqlstore.Timestamp
			err := db.One(ctx, []any{&at}, updateBody, r.TenantID, r.Kind, r.ID, r.Version, db.Time(r.UpdatedAt), sqlstore.Blob(r.Body), r.Head)
			if err == nil {
				created = at.Time
				return appendEvents(ctx, db, r.TenantID, rows)
			}
			if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		r := r.WithValues()
		version, at, err := state(ctx, db, r)
		if err != nil {
			return err
		}
		if version != r.Version {
			return store.ErrStale
		}
		if err := refuseMet(ctx, db, r); err != nil {
			return err
		}
		if _, err := db.Exec(ctx, updateRecord, r.TenantID, r.Kind, r.ID, db.Time(r.UpdatedAt), sqlstore.Blob(r.Body)); err != nil {
			return err
		}
		if err := deleteValues(ctx, db, r); err != nil {
			return err
		}
		if err := insertValues(ctx, db, r); err != nil {
			return err
		}
		created = at
		return appendEvents(ctx, db, r.TenantID, rows)
	})
	return created, sqlstore.Errorf(err, "%s", r.Kind)
}

// DeleteRow implements records.Backend.
func (b backend) DeleteRow(ctx context.Context, tenantID, kind, id string, version int64, events []store.Event) error {
	r := records.Row{TenantID: tenantID, Kind: kind, ID: id}
	err := write(ctx, b.DB, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		stored, _, err := state(ctx, db, r)
		if err != nil {
			return err
		}
		if version != 0 && version != stored {
			return store.ErrStale
		}
		if err := deleteRow(ctx, db, r); err != nil {
			return err
		}
		return appendEvents(ctx, db, tenantID, rows)
	})
	return sqlstore.Errorf(err, "%s", kind)
}

// DeleteRowsByIndex implements records.Backend.
func (b backend) DeleteRowsByIndex(ctx context.Context, tenantID, kind string, key records.Index, events []store.Event) (int, error) {
	deleted := 0
	err := write(ctx, b.DB, events, func(db *sqlstore.DB, rows []sqlstore.EventRow) error {
		ids, err := texts(ctx, db, selectIndexed, tenantID, kind, key.Name, key.Value)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := deleteRow(ctx, db, records.Row{TenantID: tenantID, Kind: kind, ID: id}); err != nil {
				return err
			}
		}
		deleted = len(ids)
		return appendEvents(ctx, db, tenantID, rows)
	})
	return deleted, sqlstore.Errorf(err, "%s", kind)
}

func state(ctx context.Context, db *sqlstore.DB, r records.Row) (version int64, created time.Time, err error) {
	var at sqlstore.Timestamp
	err = db.One(ctx, []any{&version, &at}, selectRecordState, r.TenantID, r.Kind, r.ID)
	return version, at.Time, err
}

// refuseMet returns store.ErrConflict if another row has one of r's unique values.
func refuseMet(ctx context.Context, db *sqlstore.DB, r records.Row) error {
	for _, u := range r.Unique {
		var owner store.Ref
		switch err := db.One(ctx, []any{&owner.TenantID, &owner.ID}, selectUniqueOwner, r.Kind, u.Scope(r.TenantID), u.Name, u.Value); {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		case owner != store.Ref{TenantID: r.TenantID, ID: r.ID}:
			return store.ErrConflict
		}
	}
	return nil
}

func insertValues(ctx context.Context, db *sqlstore.DB, r records.Row) error {
	for _, u := range r.Unique {
		if _, err := db.Exec(ctx, insertUnique, r.TenantID, r.Kind, r.ID, u.Scope(r.TenantID), u.Name, u.Value); err != nil {
			return err
		}
	}
	for _, i := range r.Index {
		if _, err := db.Exec(ctx, insertIndex, r.TenantID, r.Kind, r.ID, i.Name, i.Value); err != nil {
			return err
		}
	}
	return nil
}

func deleteValues(ctx context.Context, db *sqlstore.DB, r records.Row) error {
	for _, statement := range []string{deleteUnique, deleteIndex} {
		if _, err := db.Exec(ctx, statement, r.TenantID, r.Kind, r.ID); err != nil {
			return err
		}
	}
	return nil
}

func deleteRow(ctx context.Context, db *sqlstore.DB, r records.Row) error {
	if _, err := db.Exec(ctx, deleteRecord, r.TenantID, r.Kind, r.ID); err != nil {
		return err
	}
	return deleteValues(ctx, db, r)
}
