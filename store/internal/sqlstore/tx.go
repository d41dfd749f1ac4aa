package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// maxAttempts bounds how often a transaction is tried when the database says that it
// lost against another one.
const maxAttempts = 10

// transaction is the state of one transaction.
type transaction struct {
	*sql.Tx
	// depth is the number of savepoints that are open.
	depth int
	// failed is the error after which the innermost savepoint, or the transaction,
	// can only be rolled back.
	failed error
	// after runs when the transaction has committed; nobody runs it for a transaction
	// that the host began.
	after []func()
}

// Transact runs fn in a transaction, or as a part of the one that the DB is in.
func (d *DB) Transact(ctx context.Context, fn func(*DB) error) error {
	if d.tx != nil {
		return d.savepoint(ctx, fn)
	}
	release, err := d.turn(ctx)
	if err != nil {
		return err
	}
	defer release()
	return d.Retry(ctx, func() error { return d.transact(ctx, fn) })
}

// Guard runs fn so that an error of it leaves the transaction usable. Outside of a
// transaction it adds nothing: fn is then one statement.
func (d *DB) Guard(ctx context.Context, fn func(*DB) error) error {
	if d.tx == nil {
		return d.Retry(ctx, func() error { return fn(d) })
	}
	return d.savepoint(ctx, fn)
}

// Retry runs fn, which is a transaction or a single statement, again while it loses
// against concurrent ones. Within a transaction that is for whoever began it.
func (d *DB) Retry(ctx context.Context, fn func() error) error {
	if d.tx != nil {
		return fn()
	}
	for attempt := 1; ; attempt++ {
		err := fn()
		if err == nil || attempt == maxAttempts || !lost(err) {
			return err
		}
		// Who starts again at once meets the same others again.
		pause := time.NewTimer(rand.N(5 * time.Millisecond << min(attempt, 7)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// After runs fn once what was written is committed: now, outside of a transaction.
func (d *DB) After(fn func()) {
	if d.tx == nil {
		fn()
		return
	}
	d.tx.after = append(d.tx.after, fn)
}

// Outside returns the DB on the pool, for work that follows a commit.
func (d *DB) Outside() *DB {
	out := *d
	out.tx = nil
	return &out
}

func (d *DB) transact(ctx context.Context, fn func(*DB) error) error {
	tx, err := d.pool.BeginTx(ctx, nil)
	if err != nil {
		return d.fail(ctx, err)
	}
	// A rollback after the commit does nothing; it is here for errors and panics.
	defer tx.Rollback()

	in := d.Join(tx)
	if d.Lock != "" {
		if _, err := in.Exec(ctx, d.Lock); err != nil {
			return err
		}
	}
	if err := fn(in); err != nil {
		return err
	}
	if in.tx.failed != nil {
		return in.tx.failed
	}
	if err := tx.Commit(); err != nil {
		return d.fail(ctx, err)
	}
	for _, after := range in.tx.after {
		after()
	}
	return nil
}

// savepoint runs fn between a savepoint and its release, and undoes what fn did if it
// fails or panics.
func (d *DB) savepoint(ctx context.Context, fn func(*DB) error) (err error) {
	if d.tx.failed != nil {
		return d.tx.failed
	}
	d.tx.depth++
	defer func() { d.tx.depth-- }()
	name := "tenantgate_" + strconv.Itoa(d.tx.depth)
	if err := d.control(ctx, "savepoint "+name); err != nil {
		return err
	}
	after, done := len(d.tx.after), false
	defer func() {
		if done {
			return
		}
		d.tx.after = d.tx.after[:after]
		d.tx.failed = nil
		if undo := d.control(ctx, "rollback to savepoint "+name); undo == nil {
			_ = d.control(ctx, "release savepoint "+name) // a failure is kept in d.tx.failed
		}
	}()
	if err := fn(d); err != nil {
		return err
	}
	if d.tx.failed != nil {
		return d.tx.failed
	}
	done = true
	return d.control(ctx, "release savepoint "+name)
}

// control runs a statement that has no parameters and is not worth preparing.
func (d *DB) control(ctx context.Context, statement string) error {
	if _, err := d.tx.ExecContext(ctx, statement); err != nil {
		return d.fail(ctx, err)
	}
	return nil
}

// SQLState returns the five characters by which a database names an error (ISO 9075),
// for drivers whose errors have them.
func SQLState(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// lost says that the database gave up this transaction in favour of another one, and
// that trying again is the answer.
func lost(err error) bool {
	switch SQLState(err) {
	case "40001", "40P01": // serialization failure, deadlock
		return true
	}
	return false
}

// Unique says that a statement met a value that must be unique.
func Unique(err error) bool { return SQLState(err) == "23505" }

// Refused makes reason of store.ErrNotFound, which is what a statement that returned no
// row answers.
func Refused(err, reason error) error {
	switch {
	case errors.Is(err, ErrText):
		return ErrText
	case errors.Is(err, store.ErrNotFound):
		return reason
	}
	return err
}

// Errorf adds what was tried to an error.
func Errorf(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
