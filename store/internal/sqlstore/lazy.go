package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

// errOver is what a store answers that is used after its transaction.
var errOver = errors.New("the transaction is over")

// TransactThen runs fn, and then last, if it returns one, in a transaction that begins with the first write. If that is
// last's, there is none: a single write is a transaction of its own.
func (d *DB) TransactThen(ctx context.Context, fn func(*DB) (last func(*DB) error, err error)) error {
	all := func(in *DB) error {
		last, err := fn(in)
		if err == nil && last != nil {
			err = last(in)
		}
		return err
	}
	if d.tx != nil {
		return d.savepoint(ctx, all)
	}
	return d.Retry(ctx, func() error { return d.transactThen(ctx, fn) })
}

func (d *DB) transactThen(ctx context.Context, fn func(*DB) (func(*DB) error, error)) error {
	in := *d
	in.tx = &transaction{}
	in.tx.begin = func() (*sql.Tx, error) { return d.begin(ctx, in.tx) }
	defer in.tx.end()
	last, err := fn(&in)
	switch {
	case err != nil:
		return err
	case in.tx.failed != nil:
		return in.tx.failed
	case in.tx.Tx != nil:
		if last != nil {
			if err := last(&in); err != nil {
				return err
			}
		}
		return in.commit(ctx)
	case ctx.Err() != nil:
		return d.fail(ctx, ctx.Err())
	case last != nil:
		return last(d)
	}
	return nil
}

// begin begins a transaction that may write.
func (d *DB) begin(ctx context.Context, t *transaction) (*sql.Tx, error) {
	release, err := d.turn(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := d.pool.BeginTx(ctx, nil)
	if err == nil && d.Lock != "" {
		if _, err = d.Join(tx).Exec(ctx, d.Lock); err != nil {
			tx.Rollback()
		}
	}
	if err != nil {
		release()
		return nil, d.fail(ctx, err)
	}
	t.release = release
	return tx, nil
}

// end rolls back what was not committed, and lets nothing begin any more.
func (t *transaction) end() {
	if t.Tx != nil {
		t.Rollback()
	}
	if t.release != nil {
		t.release()
	}
	if t.failed == nil {
		t.failed = errOver
	}
}
