package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
)

// The host imports the driver of its choice, opens the database and owns the pool.
func ExampleNew() {
	ctx := context.Background()
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	if err := postgres.Migrate(ctx, db); err != nil {
		fmt.Println(err)
		return
	}
	st, err := postgres.New(ctx, db)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = st.SCIMUser(ctx, "acme", "nobody")
	fmt.Println(err)
}

// A row of the host's own table is committed together with what tenantgate writes.
func ExampleSQLTx() {
	var st store.Store // made by postgres.New
	ctx := context.Background()
	err := st.InTx(ctx, func(tx store.Store) error {
		if _, err := tx.CreateAccount(ctx, "acme", store.Account{Meta: store.Meta{ID: "42"}}); err != nil {
			return err
		}
		own, _ := postgres.SQLTx(tx)
		_, err := own.ExecContext(ctx, "update people set sso = true where id = $1", 42)
		return err
	})
	fmt.Println(err)
}

// The host's transaction comes first, and tenantgate joins it.
func ExampleStore_WithTx() {
	var (
		ctx = context.Background()
		db  *sql.DB         // the host's
		st  *postgres.Store // made by postgres.New
	)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "delete from people where id = $1", 42); err != nil {
		fmt.Println(err)
		return
	}
	if err := st.WithTx(tx).DeleteAccount(ctx, "acme", "42", 0); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tx.Commit())
}
