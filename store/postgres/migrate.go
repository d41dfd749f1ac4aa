package postgres

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Row 0 of this table is locked by whoever migrates.
const (
	createVersions = "create table if not exists tenantgate_migrations (version bigint primary key, name text not null, applied_at timestamptz not null)"
	insertLock     = "insert into tenantgate_migrations (version, name, applied_at) values (0, 'lock', now()) on conflict do nothing"
	takeLock       = "select version from tenantgate_migrations where version = 0 for update"
	selectVersion  = "select coalesce(max(version), 0) from tenantgate_migrations"
	insertVersion  = "insert into tenantgate_migrations (version, name, applied_at) values ($1, $2, now())"
)

// Migrate creates the tables or brings them up to date, in one transaction. Calling it
// again changes nothing, and several replicas may call it at once: one does the work
// and the others wait. It refuses tables that are newer than this code.
func Migrate(ctx context.Context, db *sql.DB) error {
	steps, err := sqlstore.Migrations(migrations)
	if err != nil {
		return err
	}
	// Even "if not exists" fails when two create the same table at the same moment; the
	// one that lost finds it there the next time.
	for attempt := 1; ; attempt++ {
		if err = prepareVersions(ctx, db); err == nil {
			break
		}
		if attempt == 10 || !createdMeanwhile(err) {
			return fmt.Errorf("postgres: prepare the migration: %w", err)
		}
		select {
		case <-time.After(rand.N(50 * time.Millisecond)):
		case <-ctx.Done():
			return fmt.Errorf("postgres: prepare the migration: %w", ctx.Err())
		}
	}
	return apply(ctx, db, steps)
}

func prepareVersions(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, createVersions); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, insertLock)
	return err
}

func createdMeanwhile(err error) bool {
	switch sqlstore.SQLState(err) {
	case "23505", "42P07", "42710", "40001", "40P01", "XX000": // XX000: "tuple concurrently updated"
		return true
	}
	return false
}

func apply(ctx context.Context, db *sql.DB, steps []sqlstore.Migration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	defer tx.Rollback()

	var version int
	if err := tx.QueryRowContext(ctx, takeLock).Scan(&version); err != nil {
		return fmt.Errorf("postgres: migrate: lock: %w", err)
	}
	if err := tx.QueryRowContext(ctx, selectVersion).Scan(&version); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	if version > len(steps) {
		return sqlstore.CheckVersion("postgres", version, len(steps))
	}
	for _, step := range steps[version:] {
		for _, statement := range step.Statements {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("postgres: migration %d (%s): %w", step.Version, step.Name, err)
			}
		}
		if _, err := tx.ExecContext(ctx, insertVersion, step.Version, step.Name); err != nil {
			return fmt.Errorf("postgres: migration %d (%s): %w", step.Version, step.Name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	return nil
}

// checkVersion compares the tables' version with what this code needs.
func checkVersion(ctx context.Context, db *sql.DB) error {
	steps, err := sqlstore.Migrations(migrations)
	if err != nil {
		return err
	}
	var version int
	err = db.QueryRowContext(ctx, selectVersion).Scan(&version)
	if err != nil && sqlstore.SQLState(err) != "42P01" { // undefined table
		return fmt.Errorf("postgres: read the tables' version: %w", err)
	}
	return sqlstore.CheckVersion("postgres", version, len(steps))
}
