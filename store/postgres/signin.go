package postgres

import (
	"context"
	"database/sql"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// oneByOne is a store without store.SignInStore.
type oneByOne struct{ store.Store }

const (
	// The set-up record of kind connection that the last parameter names, or NULLs, if the token was put; no row if not.
	thenConnection = " select r.id, r.version, r.created_at, r.updated_at, r.body" +
		" from t left join tenantgate_records r on r.tenant_id = $1 and r.kind = $6 and r.id = $7"
	lastingAttempt = "with t as (" + sqlstore.InsertToken + " returning 1)" + thenConnection
	attempt        = "with t as (" + ephemeralToken + " returning 1)" + thenConnection

	// Each record is found by its ID after a part of its own gave that: a planner that knows nothing of the tables would rather
	// join them by walking the tenant.
	//
	// The account's ID is in the identity's body. PostgreSQL reads no JSON with an escaped NUL; such a body's account is
	// looked for by itself. What SCIM user an account names is one of its unique values.
	findSignIn = "with i as (select r.id, r.version, r.created_at, r.updated_at, r.body, position('\\u0000' in convert_from(r.body, 'UTF8')) > 0 as odd" +
		" from tenantgate_records r where r.tenant_id = $1 and r.kind = $4 and r.id = (select n.id from tenantgate_record_unique n" +
		" where n.kind = $4 and n.scope = $1 and n.name = $5 and n.value = $6 and n.tenant_id = $1))" +
		", a as (select r.id, r.version, r.created_at, r.updated_at, r.body from tenantgate_records r where r.tenant_id = $1 and r.kind = $7" +
		" and r.id = (select case when i.odd then null else convert_from(i.body, 'UTF8')::json ->> 'accountId' end from i))" +
		" select 'connection', r.id, r.version, r.created_at, r.updated_at, r.body, false" +
		" from tenantgate_records r where r.tenant_id = $1 and r.kind = $2 and r.id = $3" +
		" union all select 'identity', i.id, i.version, i.created_at, i.updated_at, i.body, i.odd from i" +
		" union all select 'account', a.id, a.version, a.created_at, a.updated_at, a.body, false from a" +
		" union all select 'user', u.id, 0, null, null, null, u.active from tenantgate_scim_users u where u.tenant_id = $1 and u.id = (" +
		"select n.value from tenantgate_record_unique n where n.kind = $7 and n.tenant_id = $1 and n.id = (select a.id from a) and n.name = $8)" +
		" union all select 'named', r.id, 0, null, null, null, r.active from tenantgate_scim_users r where r.tenant_id = $1 and r.user_name_key = $9" +
		" union all select 'addressed', r.id, 0, null, null, null, r.active from tenantgate_scim_users r where r.tenant_id = $1 and r.id = any(array(" +
		"select k.record_id from tenantgate_scim_keys k where k.tenant_id = $1 and k.kind = 'u' and k.attr = $10 and k.value = $9 limit $11))"
)

// SignInStoreOf implements store.SignInStore.
func (s *Store) SignInStoreOf() store.Store { return s }

// UseAttempt implements store.SignInStore.
func (s *Store) UseAttempt(ctx context.Context, tenantID string, t store.Token, connectionID string) (store.Connection, error) {
	if s.db.Joined() || !storable(connectionID) {
		return store.UseAttempt(ctx, oneByOne{s}, tenantID, t, connectionID)
	}
	query := lastingAttempt
	if t.Ephemeral {
		query = attempt
	}
	row := newScannedRow()
	err := s.db.Retry(ctx, func() error {
		return s.db.One(ctx, row.dest, query, tenantID, t.Kind, t.Key, sqlstore.Blob(t.Data), store.Time(t.ExpiresAt), records.KindConnection, connectionID)
	})
	if err != nil {
		return store.Connection{}, sqlstore.Errorf(sqlstore.Refused(err, store.ErrConflict), "token")
	}
	return records.DecodeConnection(s.db.Memo.Row(row.take(tenantID, records.KindConnection)))
}

// FindSignIn implements store.SignInStore.
func (s *Store) FindSignIn(ctx context.Context, tenantID string, q store.SignInQuery) (store.SignIn, error) {
	email := store.Fold(q.Email)
	if !storable(tenantID + q.ConnectionID + email) {
		return store.FindSignIn(ctx, oneByOne{s}, tenantID, q)
	}
	var key any // nothing equals NULL
	if email != "" {
		key = s.db.Indexed(email)
	}
	subject := records.SubjectKey(q)
	var out store.SignIn
	var part string
	var flag, odd bool
	row := newScannedRow()
	dest := append(append([]any{&part}, row.dest...), &flag)
	err := s.db.Reader().Each(ctx, func(rows *sql.Rows) (err error) {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		user := store.SignInUser{ID: row.id.String, Active: flag}
		switch part {
		case "connection":
			out.Connection, err = records.DecodeConnection(s.db.Memo.Row(row.take(tenantID, records.KindConnection)))
		case "identity":
			odd = flag
			out.Identity, err = records.DecodeIdentity(row.take(tenantID, records.KindIdentity))
		case "account":
			out.Account, err = records.DecodeAccount(row.take(tenantID, records.KindAccount))
		case "user":
			out.User = user
		default:
			user.Named = part == "named"
			out.ByEmail = append(out.ByEmail, user)
		}
		return err
	}, findSignIn, tenantID, records.KindConnection, q.ConnectionID, records.KindIdentity, subject.Name, subject.Value,
		records.KindAccount, records.UserKey, key, string(store.AttrEmail), store.MaxLimit+1)
	switch {
	case err != nil:
		return store.SignIn{}, sqlstore.Errorf(err, "sign-in")
	case odd:
		return store.FindSignIn(ctx, oneByOne{s}, tenantID, q)
	}
	if out.More = len(out.ByEmail) > store.MaxLimit; out.More {
		out.ByEmail = out.ByEmail[:store.MaxLimit]
	}
	return out, nil
}

// scannedRow is a set-up record that may be missing.
type scannedRow struct {
	id               sql.NullString
	version          sql.NullInt64
	created, updated sqlstore.Timestamp
	body             []byte
	dest             []any
}

func newScannedRow() *scannedRow {
	r := &scannedRow{}
	r.dest = []any{&r.id, &r.version, &r.created, &r.updated, &r.body}
	return r
}

// take returns the row; one without an ID if there was none.
func (r *scannedRow) take(tenantID, kind string) records.Row {
	return records.Row{
		TenantID: tenantID, Kind: kind, ID: r.id.String, Version: r.version.Int64,
		CreatedAt: r.created.Time, UpdatedAt: r.updated.Time, Body: r.body,
	}
}

// InTxThen implements store.SignInStore.
func (s *Store) InTxThen(ctx context.Context, fn func(tx store.Store) (last func(tx store.Store) error, err error)) error {
	return s.db.TransactThen(ctx, func(db *sqlstore.DB) (func(*sqlstore.DB) error, error) {
		last, err := fn(on(db))
		if err != nil || last == nil {
			return nil, err
		}
		return func(db *sqlstore.DB) error { return last(on(db)) }, nil
	})
}
