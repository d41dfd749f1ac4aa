package main

import (
	"context"
	"database/sql"
	"log"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/tenantgate/tenantgate/store/postgres"
)

// openDatabase opens the application's own database and brings our tables up to date.
func openDatabase() *sql.DB {
	db := must(sql.Open("pgx", os.Getenv("DATABASE_URL")))
	if err := postgres.Migrate(context.Background(), db); err != nil {
		log.Fatal(err)
	}
	return db
}

// must ends the program at an error: nothing is mounted half-way.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
