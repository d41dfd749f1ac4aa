package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
)

// DB runs statements: on the pool, or in one transaction.
type DB struct {
	Dialect
	pool   *sql.DB
	tx     *transaction
	stmts  *statements
	writer chan struct{}
	// Memo is shared by all that share the pool.
	Memo *records.Memo
}

// Open returns a DB on the host's pool.
func Open(ctx context.Context, pool *sql.DB, d Dialect) (*DB, error) {
	db := &DB{Dialect: d, pool: pool, Memo: records.NewMemo()}
	if d.Prepared != nil {
		stmts, err := prepare(ctx, pool, d)
		if err != nil {
			return nil, db.fail(ctx, err)
		}
		db.stmts = stmts
	}
	if d.OneWriter {
		db.writer = make(chan struct{}, 1)
	}
	return db, nil
}

// Join returns a DB on a transaction that the host began and will end.
func (d *DB) Join(tx *sql.Tx) *DB {
	joined := *d
	joined.tx = &transaction{Tx: tx}
	return &joined
}

// Joined says whether the DB is in a transaction, be it one that has yet to begin.
func (d *DB) Joined() bool { return d.tx != nil }

// Tx returns the transaction that the DB is in, which it begins if need be. It is nil if there is none, or if it could
// not be begun; it is then not committed either.
func (d *DB) Tx() *sql.Tx {
	if d.tx == nil || d.usable() != nil {
		return nil
	}
	return d.tx.Tx
}

// Reader returns the DB on which statements run that only read: on the pool as long as the transaction has written
// nothing that they would have to see.
func (d *DB) Reader() *DB {
	if d.tx != nil && d.tx.Tx == nil && d.tx.failed == nil {
		return d.Outside()
	}
	return d
}

// Exec runs a statement and returns how many rows it changed.
func (d *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := d.usable(); err != nil {
		return 0, err
	}
	if !d.storable(args) {
		return 0, fmt.Errorf("%s: %w", d.Name, ErrText)
	}
	var res sql.Result
	stmt, err := d.statement(ctx, query) //nolint:sqlclosecheck // it lives as long as the pool
	switch {
	case err != nil:
	case stmt != nil:
		res, err = stmt.ExecContext(ctx, args...)
	case d.tx != nil:
		res, err = d.tx.ExecContext(ctx, d.text(query), args...)
	default:
		res, err = d.pool.ExecContext(ctx, d.text(query), args...)
	}
	if err != nil {
		return 0, d.fail(ctx, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, d.fail(ctx, err)
	}
	return n, nil
}

// Each runs a query and calls visit with each row. A text that the database cannot
// hold is found nowhere.
func (d *DB) Each(ctx context.Context, visit func(*sql.Rows) error, query string, args ...any) error {
	if err := d.usable(); err != nil {
		return err
	}
	if !d.storable(args) {
		return nil
	}
	var rows *sql.Rows
	stmt, err := d.statement(ctx, query) //nolint:sqlclosecheck // it lives as long as the pool
	switch {
	case err != nil:
	case stmt != nil:
		rows, err = stmt.QueryContext(ctx, args...)
	case d.tx != nil:
		rows, err = d.tx.QueryContext(ctx, d.text(query), args...)
	default:
		rows, err = d.pool.QueryContext(ctx, d.text(query), args...)
	}
	if err != nil {
		return d.fail(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return d.fail(ctx, err)
		}
	}
	if err := rows.Err(); err != nil {
		return d.fail(ctx, err)
	}
	return nil
}

// One runs a query that gives at most one row and scans it. Without a row the error
// is store.ErrNotFound, and ErrText besides if an argument cannot be stored.
func (d *DB) One(ctx context.Context, dest []any, query string, args ...any) error {
	if err := d.usable(); err != nil {
		return err
	}
	if !d.storable(args) {
		return errNoSuchText
	}
	var row *sql.Row
	stmt, err := d.statement(ctx, query) //nolint:sqlclosecheck // it lives as long as the pool
	switch {
	case err != nil:
		return d.fail(ctx, err)
	case stmt != nil:
		row = stmt.QueryRowContext(ctx, args...)
	case d.tx != nil:
		row = d.tx.QueryRowContext(ctx, d.text(query), args...)
	default:
		row = d.pool.QueryRowContext(ctx, d.text(query), args...)
	}
	err = row.Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	if err != nil {
		return d.fail(ctx, err)
	}
	return nil
}

// usable begins the transaction if that is still to be done. It returns the error after which the transaction can do
// nothing but roll back.
func (d *DB) usable() error {
	if d.tx == nil {
		return nil
	}
	if d.tx.Tx == nil && d.tx.failed == nil {
		d.tx.Tx, d.tx.failed = d.tx.begin()
	}
	return d.tx.failed
}

// statement returns the prepared statement, or nil if the query is to be run as text.
func (d *DB) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if d.stmts == nil {
		return nil, nil
	}
	stmt := d.stmts.get(query)
	if d.tx != nil {
		if stmt == nil {
			return nil, nil
		}
		return d.tx.StmtContext(ctx, stmt), nil
	}
	if stmt != nil {
		return stmt, nil
	}
	return d.stmts.prepare(ctx, query)
}

func (d *DB) text(query string) string {
	if d.stmts == nil {
		return query
	}
	return d.stmts.text(query)
}

// fail wraps an error of the database, and remembers that the transaction must not be
// committed. When the context is done, that is what happened, whatever the driver
// calls it.
func (d *DB) fail(ctx context.Context, err error) error {
	if ctxErr := ctx.Err(); ctxErr != nil && !errors.Is(err, ctxErr) {
		err = ctxErr
	}
	if unavailable(err) {
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	err = fmt.Errorf("%s: %w", d.Name, err)
	if d.tx != nil && d.tx.failed == nil {
		d.tx.failed = err
	}
	return err
}
