package postgres

import (
	"context"
	"database/sql"
	"errors"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// What the dialects share is embedded under names that stay in this package.
type (
	shared = sqlstore.Shared
	setup  = records.Setup
	reader = sqlstore.RecordReader
)

// Store keeps everything in PostgreSQL. Make one with [New]. It holds no state beside
// the pool but what some rows were decoded to, may be used by several goroutines, and needs no closing; the pool is the
// host's. It implements store.Store and the optional interfaces store.SCIMCounter,
// store.SCIMResourceStore, store.SetupLinkStore, store.WebhookStore, store.PeopleReader, store.LockReader, store.SignInStore and
// store.LookupStore.
type Store struct {
	shared
	setup
	db *sqlstore.DB
}

var (
	_ store.Store             = (*Store)(nil)
	_ store.SCIMCounter       = (*Store)(nil)
	_ store.SCIMResourceStore = (*Store)(nil)
	_ store.SetupLinkStore    = (*Store)(nil)
	_ store.WebhookStore      = (*Store)(nil)
	_ store.PeopleReader      = (*Store)(nil)
	_ store.LockReader        = (*Store)(nil)
	_ store.SignInStore       = (*Store)(nil)
	_ store.LookupStore       = (*Store)(nil)
)

// New returns a store on the host's pool. It fails if the tables are missing or of
// another version than this code needs; see [Migrate].
func New(ctx context.Context, db *sql.DB) (*Store, error) {
	if db == nil {
		return nil, errors.New("postgres: New needs a *sql.DB")
	}
	if err := checkVersion(ctx, db); err != nil {
		return nil, err
	}
	d, err := sqlstore.Open(ctx, db, dialect())
	if err != nil {
		return nil, err
	}
	return on(d), nil
}

func on(db *sqlstore.DB) *Store {
	return &Store{
		shared: shared{DB: db},
		setup:  records.New(backend{reader: reader{DB: db}}),
		db:     db,
	}
}

// InTx implements store.Store. A function that loses against a concurrent transaction
// runs again, up to ten times in all.
func (s *Store) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return s.db.Transact(ctx, func(db *sqlstore.DB) error { return fn(on(db)) })
}

// WithTx returns a store whose writes are part of a transaction that the host began,
// and whose reads see them. The host commits it or rolls it back, and must roll it
// back after an error that is not store.ErrNotFound, store.ErrConflict or
// store.ErrStale. The store must not be used afterwards, nor by several goroutines.
func (s *Store) WithTx(tx *sql.Tx) store.Store { return on(s.db.Join(tx)) }

// SQLTx returns the transaction that a store is in, for the host's own statements: in
// a function that InTx or InTxThen runs, or after WithTx. It returns false for other
// stores, and where the transaction of InTxThen, which begins with what is written
// first, could not be begun; InTxThen then fails.
func SQLTx(s store.Store) (*sql.Tx, bool) {
	p, ok := store.Unwrap(s).(*Store)
	if !ok {
		return nil, false
	}
	tx := p.db.Tx()
	return tx, tx != nil
}
