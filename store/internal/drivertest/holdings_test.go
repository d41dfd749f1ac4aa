package drivertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// TestHoldingsKnowEveryTable fails for a table of tenants' rows that Holdings does not count: nobody would notice that the
// removal of a tenant leaves its rows behind.
func TestHoldingsKnowEveryTable(t *testing.T) {
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			db := b.open(t)
			b.store(t, db)
			var want []string
			for _, table := range (&sqlstore.Dialect{}).Tables() {
				want = append(want, table.Name)
			}
			query := "select m.name from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table' and c.name = 'tenant_id'"
			if b.name == "postgres" {
				want = append(want, "tenantgate_scim_member_changes")
				query = "select table_name from information_schema.columns where table_schema = current_schema() and column_name = 'tenant_id'"
			}
			rows, err := db.QueryContext(t.Context(), query)
			require.NoError(t, err)
			defer rows.Close()
			var got []string
			for rows.Next() {
				var name string
				require.NoError(t, rows.Scan(&name))
				got = append(got, name)
			}
			require.NoError(t, rows.Err())
			require.ElementsMatch(t, want, got, "list the table in sqlstore's Dialect.Tables or Dialect.MoreTables, and let Erase remove its rows")
		})
	}
}
