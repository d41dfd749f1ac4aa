package host

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// DB is the product's own database. Where tenantgate's store lives in the same
// database, both write in one transaction.
type DB struct {
	db *sql.DB
	// numbered says that parameters are $1, $2 (PostgreSQL) rather than ?.
	numbered bool
	// joined returns the SQL transaction of a store's transaction.
	joined func(store.Store) (*sql.Tx, bool)
}

// Dialect is what differs between the databases that the quick start runs on.
type Dialect struct {
	// Numbered says that parameters are $1, $2 rather than ?.
	Numbered bool
	// Joined returns the SQL transaction of a store's transaction, so that the
	// product's rows are committed with tenantgate's. Nil if they share no database.
	Joined func(store.Store) (*sql.Tx, bool)
}

// OpenDB makes the product's tables in db if they are not there.
func OpenDB(ctx context.Context, db *sql.DB, d Dialect) (*DB, error) {
	if err := makeTables(ctx, db, d); err != nil {
		return nil, fmt.Errorf("make the product's tables: %w", err)
	}
	joined := d.Joined
	if joined == nil {
		joined = func(store.Store) (*sql.Tx, bool) { return nil, false }
	}
	return &DB{db: db, numbered: d.Numbered, joined: joined}, nil
}

// makeTables runs in one transaction, one at a time: PostgreSQL's "if not exists" is not
// safe when several programs start at once.
func makeTables(ctx context.Context, db *sql.DB, d Dialect) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	statements := schema
	if d.Numbered {
		statements = append([]string{`select pg_advisory_xact_lock(7465206)`}, schema...)
	}
	for _, stmt := range statements {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	return tx.Commit()
}

var schema = []string{
	`create table if not exists oncall_orgs (
		id text primary key, name text not null, root_user_id text not null default '')`,
	`create table if not exists oncall_users (
		id text primary key, org_id text not null, email text not null, name text not null,
		phone text not null default '', password_hash text not null default '',
		source text not null, active integer not null, org_role text not null,
		unique (org_id, email))`,
	`create table if not exists oncall_user_fields (
		user_id text not null, field text not null, value text not null, primary key (user_id, field))`,
	`create table if not exists oncall_teams (
		id text primary key, org_id text not null, name text not null, source text not null,
		unique (org_id, name))`,
	`create table if not exists oncall_memberships (
		team_id text not null, user_id text not null, role text not null, source text not null,
		primary key (team_id, user_id))`,
	`create table if not exists oncall_sign_ins (
		token_hash text primary key, user_id text not null, org_id text not null,
		connection_id text not null default '', issuer text not null, subject text not null, sid text not null default '', method text not null,
		id_token text not null default '', began_at bigint not null, expires_at bigint not null)`,
}

// queries are what *sql.DB and *sql.Tx have in common.
type queries interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// in returns where to run statements: in the transaction of tx if it is one of this
// database, otherwise directly.
func (d *DB) in(tx store.Store) queries {
	if tx != nil {
		if t, ok := d.joined(tx); ok {
			return t
		}
	}
	return d.db
}

// sql numbers the parameters where the database wants that.
func (d *DB) sql(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r == '?' {
			n++
			b.WriteString("$" + strconv.Itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (d *DB) exec(ctx context.Context, tx store.Store, query string, args ...any) error {
	_, err := d.in(tx).ExecContext(ctx, d.sql(query), args...)
	return err
}

// list reads all rows before it returns, so that the connection is free for the next
// statement.
func list[T any](ctx context.Context, d *DB, tx store.Store, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := d.in(tx).QueryContext(ctx, d.sql(query), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
