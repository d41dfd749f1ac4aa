package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
)

// unavailable says whether a database's error means that it can do nothing about this statement just now, and the
// statement itself is in order.
func unavailable(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false // the caller's own
	}
	if errors.Is(err, driver.ErrBadConn) {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	switch state := SQLState(err); {
	case state == "25006": // read_only_sql_transaction
		return true
	case len(state) == 5: // connection exceptions, insufficient resources, operator intervention, system errors
		class := state[:2]
		return class == "08" || class == "53" || class == "58" || class == "57" && state != "57014"
	}
	// SQLite's drivers have no common type, and all have its texts.
	text := err.Error()
	for _, part := range []string{"readonly database", "database or disk is full", "database is locked", "disk I/O error", "unable to open database file"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
