package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
)

// execRelaxed runs one statement, outside of a transaction, whose commit need not survive a crash of the server.
func (d *DB) execRelaxed(ctx context.Context, query string, args ...any) (n int64, err error) {
	if !d.storable(args) {
		return 0, fmt.Errorf("%s: %w", d.Name, ErrText)
	}
	release, err := d.turn(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return 0, d.fail(ctx, err)
	}
	defer conn.Close()
	restore, err := d.Relax(ctx, conn)
	if err != nil {
		discard(conn) // in whatever state it is
		return 0, d.fail(ctx, err)
	}
	defer func() {
		if restore() != nil {
			discard(conn)
		}
	}()
	res, err := conn.ExecContext(ctx, d.text(query), args...)
	if err != nil {
		return 0, d.fail(ctx, err)
	}
	if n, err = res.RowsAffected(); err != nil {
		return 0, d.fail(ctx, err)
	}
	return n, nil
}

// discard takes a connection out of the pool: others must not get it with a setting of ours.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}

// turn waits for the right to write, where one transaction of this process writes at a time.
func (d *DB) turn(ctx context.Context) (release func(), err error) {
	if d.writer == nil {
		return func() {}, nil
	}
	select {
	case d.writer <- struct{}{}:
		return func() { <-d.writer }, nil
	case <-ctx.Done():
		return nil, d.fail(ctx, ctx.Err())
	}
}
