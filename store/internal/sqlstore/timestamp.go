package sqlstore

import (
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Timestamp scans a column that holds a time: a timestamp, microseconds since 1970, or
// NULL for the zero time.
type Timestamp struct{ time.Time }

// Scan implements sql.Scanner.
func (t *Timestamp) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		t.Time = time.Time{}
	case time.Time:
		t.Time = store.Time(v)
	case int64:
		t.Time = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a column of times holds a %T", v)
	}
	return nil
}
