package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/sqlite"
)

// The host imports the driver of its choice, opens the file and owns the pool.
func ExampleNew() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:app.db?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	if err := sqlite.Migrate(ctx, db); err != nil {
		fmt.Println(err)
		return
	}
	st, err := sqlite.New(ctx, db)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = st.SCIMUser(ctx, "acme", "nobody")
	fmt.Println(err)
}

// A row of the host's own table is committed together with what tenantgate writes.
func ExampleSQLTx() {
	var st store.Store // made by sqlite.New
	ctx := context.Background()
	err := st.InTx(ctx, func(tx store.Store) error {
		if _, err := tx.CreateAccount(ctx, "acme", store.Account{Meta: store.Meta{ID: "42"}}); err != nil {
			return err
		}
		own, _ := sqlite.SQLTx(tx)
		_, err := own.ExecContext(ctx, "update people set sso = 1 where id = ?", 42)
		return err
	})
	fmt.Println(err)
}
