package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	createVersions = "create table if not exists tenantgate_migrations (version integer primary key, name text not null, applied_at text not null)"
	selectTable    = "select count(*) from sqlite_master where type = 'table' and name = 'tenantgate_migrations'"
	selectVersion  = "select coalesce(max(version), 0) from tenantgate_migrations"
	insertVersion  = "insert into tenantgate_migrations (version, name, applied_at) values (?1, ?2, datetime('now'))"
)

// Migrate creates the tables or brings them up to date, in one transaction. Calling it
// again changes nothing, and several processes may call it at once: one does the work
// and the others wait. It refuses tables that are newer than this code, and a database
// that [New] would refuse for the way in which it was opened.
func Migrate(ctx context.Context, db *sql.DB) error {
	steps, err := sqlstore.Migrations(migrations)
	if err != nil {
		return err
	}
	if err := waitUntilOpen(ctx, db); err != nil {
		return err
	}
	if err := checkPragmas(ctx, db); err != nil {
		return err
	}
	// The transaction is begun by hand, since database/sql cannot ask for one that may
	// write at once.
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "begin immediate"); err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	err = apply(ctx, conn, steps)
	if err == nil {
		_, err = conn.ExecContext(ctx, "commit")
	}
	if err != nil {
		// The connection goes back to the pool, so it is left clean though ctx be done.
		_, undo := conn.ExecContext(context.WithoutCancel(ctx), "rollback")
		return fmt.Errorf("sqlite: migrate: %w", errors.Join(err, undo))
	}
	return nil
}

// waitUntilOpen opens a connection. When several processes turn a new file to WAL mode
// at once, SQLite tells all but one that the file is locked and does not wait.
func waitUntilOpen(ctx context.Context, db *sql.DB) error {
	for attempt := 1; ; attempt++ {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		if attempt == 50 || !strings.Contains(err.Error(), "database is locked") {
			return fmt.Errorf("sqlite: open: %w", err)
		}
		select {
		case <-time.After(rand.N(50 * time.Millisecond)):
		case <-ctx.Done():
			return fmt.Errorf("sqlite: open: %w", ctx.Err())
		}
	}
}

func apply(ctx context.Context, conn *sql.Conn, steps []sqlstore.Migration) error {
	if _, err := conn.ExecContext(ctx, createVersions); err != nil {
		return err
	}
	var version int
	if err := conn.QueryRowContext(ctx, selectVersion).Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return sqlstore.CheckVersion("sqlite", version, len(steps))
	}
	for _, step := range steps[version:] {
		for _, statement := range step.Statements {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("migration %d (%s): %w", step.Version, step.Name, err)
			}
		}
		if _, err := conn.ExecContext(ctx, insertVersion, step.Version, step.Name); err != nil {
			return fmt.Errorf("migration %d (%s): %w", step.Version, step.Name, err)
		}
	}
	return nil
}

// checkVersion compares the tables' version with what this code needs.
func checkVersion(ctx context.Context, db *sql.DB) error {
	steps, err := sqlstore.Migrations(migrations)
	if err != nil {
		return err
	}
	var tables, version int
	if err := db.QueryRowContext(ctx, selectTable).Scan(&tables); err != nil {
		return fmt.Errorf("sqlite: read the tables' version: %w", err)
	}
	if tables > 0 {
		if err := db.QueryRowContext(ctx, selectVersion).Scan(&version); err != nil {
			return fmt.Errorf("sqlite: read the tables' version: %w", err)
		}
	}
	return sqlstore.CheckVersion("sqlite", version, len(steps))
}

// checkPragmas refuses a database that would fail under load.
func checkPragmas(ctx context.Context, db *sql.DB) error {
	var timeout int
	if err := db.QueryRowContext(ctx, "pragma busy_timeout").Scan(&timeout); err != nil {
		return fmt.Errorf("sqlite: read busy_timeout: %w", err)
	}
	if timeout <= 0 {
		return errors.New(`sqlite: the database has no busy_timeout, so that a writer would fail instead of waiting for another one; ` +
			`open it with one on each connection, for example with "_pragma=busy_timeout(10000)" in the name of the data source`)
	}
	var mode string
	if err := db.QueryRowContext(ctx, "pragma journal_mode").Scan(&mode); err != nil {
		return fmt.Errorf("sqlite: read journal_mode: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf(`sqlite: the database is in journal mode %q, in which a writer blocks all readers; `+
			`open a file (not ":memory:") with "_pragma=journal_mode(WAL)" in the name of the data source, or run "pragma journal_mode = wal" once`, mode)
	}
	return nil
}
