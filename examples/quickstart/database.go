package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
)

// database is tenantgate's store and the product's own tables, in one database where
// there is one.
type database struct {
	store store.Store
	host  *host.DB
	name  string // for people
	close func() error
}

const connectTimeout = 5 * time.Second

// openDatabase opens what -store names. An error is one line, and leaves no file
// behind that was not there before.
func openDatabase(ctx context.Context, o options) (*database, error) {
	switch {
	case o.store == "memory":
		return openMemory(ctx)
	case strings.HasPrefix(o.store, "postgres"):
		return openPostgres(ctx, o.store)
	case o.store == "":
		dir, err := os.MkdirTemp("", "tenantgate-quickstart-")
		if err != nil {
			return nil, fmt.Errorf("can't make a temporary folder: %w; name a file with -store sqlite:FILE", err)
		}
		d, err := openSQLite(ctx, filepath.Join(dir, "quickstart.db"))
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		closeFile := d.close
		d.close = func() error { return errors.Join(closeFile(), os.RemoveAll(dir)) }
		return d, nil
	default:
		return openSQLite(ctx, strings.TrimPrefix(o.store, "sqlite:"))
	}
}

func openMemory(ctx context.Context) (*database, error) {
	// The product's own tables are in SQL all the same; they go with the process too.
	db, err := sql.Open("sqlite", "file:oncall?mode=memory&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // each connection would have a database of its own
	own, err := host.OpenDB(ctx, db, host.Dialect{})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &database{store: memory.New(), host: own, name: "memory", close: db.Close}, nil
}

func openSQLite(ctx context.Context, file string) (*database, error) {
	// The driver's own message for a folder that is missing or closed says little. A file
	// that is there already, or that another program makes just now, is used as it is.
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	isNew := err == nil
	switch {
	case isNew:
		_ = f.Close()
	case !errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("can't make the database file: %w; name one in a folder that you may write to, with -store sqlite:FILE", err)
	}
	d, err := openSQLiteFile(ctx, file)
	if err != nil {
		if isNew {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(file + suffix)
			}
		}
		return nil, fmt.Errorf("can't use %s as a database: %s; name another file with -store sqlite:FILE", file, oneLine(err))
	}
	return d, nil
}

func openSQLiteFile(ctx context.Context, file string) (*database, error) {
	q := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: url.PathEscape(file), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	if err := sqlite.Migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	st, err := sqlite.New(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	own, err := host.OpenDB(ctx, db, host.Dialect{Joined: sqlite.SQLTx})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &database{store: st, host: own, name: "SQLite file " + file, close: db.Close}, nil
}

func openPostgres(ctx context.Context, dsn string) (*database, error) {
	d, err := openPostgresDSN(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("can't use PostgreSQL at %s: %s; check that it runs and that the user may create tables", redactURL(dsn), oneLine(err))
	}
	return d, nil
}

func openPostgresDSN(ctx context.Context, dsn string) (*database, error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	ctxConnect, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := db.PingContext(ctxConnect); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := postgres.Migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	st, err := postgres.New(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	own, err := host.OpenDB(ctx, db, host.Dialect{Numbered: true, Joined: postgres.SQLTx})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &database{store: st, host: own, name: "PostgreSQL at " + redactURL(dsn), close: db.Close}, nil
}

// oneLine brings an error that a driver wrote over several lines to one.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
