package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"strconv"
	"time"

	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		Name:    "sqlite",
		Mark:    '?',
		Time:    func(t time.Time) any { return t.UnixMicro() },
		List:    func(values []string) any { return array(values) },
		InList:  inArray,
		InQuery: func(column, query string) string { return column + " in (" + query + ")" },
		Times: func(times []time.Time) any {
			micros := make([]int64, len(times))
			for i, t := range times {
				micros[i] = t.UnixMicro()
			}
			return array(micros)
		},
		InTimes:          inArray,
		Unindexed:        func(column string) string { return "+" + column },
		UseIndex:         func(index string) string { return " indexed by " + index },
		GrantsAfter:      "(account_id, kind, resource_id) > ($3, $4, $5)",
		MembersVersion:   "r.members_version",
		MembersUpdatedAt: "r.members_updated_at",
		CountRecords:     "select n from tenantgate_scim_counts where tenant_id = $1 and kind = $2",
		// An update takes the right to write even if it changes nothing, and waits for it
		// as long as busy_timeout says. A transaction that has read first could not wait.
		Lock:      "update tenantgate_migrations set version = version where version = -1",
		OneWriter: true,
		Relax:     relax,
		Prepared:  prepared,
	}
}

// relax sets synchronous to NORMAL, with which a commit in WAL mode waits for no disk. The next commit with FULL, on
// any connection, makes durable what came before it, since there is one log.
func relax(ctx context.Context, conn *sql.Conn) (restore func() error, err error) {
	var before int
	if err := conn.QueryRowContext(ctx, "pragma synchronous").Scan(&before); err != nil {
		return nil, err
	}
	const normal = 1
	if before <= normal {
		return func() error { return nil }, nil
	}
	if _, err := conn.ExecContext(ctx, "pragma synchronous = normal"); err != nil {
		return nil, err
	}
	return func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), "pragma synchronous = "+strconv.Itoa(before))
		return err
	}, nil
}

func inArray(column, param string) string {
	return column + " in (select value from json_each(" + param + "))"
}

// array writes texts or numbers as JSON, which is how a statement takes a list.
func array[T string | int64](values []T) string {
	b, _ := json.Marshal(values) // these always marshal
	return string(b)
}
