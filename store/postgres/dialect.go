package postgres

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// ephemeralToken sets synchronous_commit for its own transaction alone. Others see the row when that has committed; only the
// write-ahead log gets to the disk up to three wal_writer_delays later.
const ephemeralToken = "insert into tenantgate_tokens (tenant_id, kind, token_key, data, expires_at)" +
	" select $1, $2, $3, $4::bytea, $5::timestamptz from set_config('synchronous_commit', 'off', true) on conflict do nothing"

func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		Name:    "postgres",
		Mark:    '$',
		Time:    func(t time.Time) any { return t },
		List:    func(values []string) any { return array(values) },
		InList:  func(column, param string) string { return column + " = any(" + param + "::text[])" },
		InQuery: func(column, query string) string { return column + " = any(array(" + query + "))" },
		Times:   func(times []time.Time) any { return timeArray(times) },
		InTimes: func(column, param string) string { return column + " = any(" + param + "::text[]::timestamptz[])" },
		// An entry of an index has at most 2,700 bytes or so.
		MaxIndexed: 1000,
		ExternalID: " and octet_length(c.external_id) <= 1000",
		Storable:   storable,
		Unindexed:  func(column string) string { return column },
		UseIndex:   func(string) string { return "" },
		// Beginning with the group, it fits the index that begins with the group alone.
		GrantsAfter: "(group_id, account_id, kind, resource_id) > ($2, $3, $4, $5)",
		MembersVersion: "r.members_version + (select count(*) from tenantgate_scim_member_changes c" +
			" where c.tenant_id = r.tenant_id and c.group_id = r.id)",
		MembersUpdatedAt: "greatest(r.members_updated_at, (select max(c.changed_at) from tenantgate_scim_member_changes c" +
			" where c.tenant_id = r.tenant_id and c.group_id = r.id))",
		MoreTables:     []sqlstore.Table{{Name: "tenantgate_scim_member_changes", Kind: "counter"}},
		EphemeralToken: ephemeralToken,
		CountRecords:   "select coalesce(sum(delta), 0)::bigint from tenantgate_scim_counts where tenant_id = $1 and kind = $2",
	}
}

// storable says whether a text column can hold s.
func storable(s string) bool {
	return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s)
}

// array writes an array of texts as a literal, which every driver can pass.
func array(values []string) string {
	n := 2
	for _, v := range values {
		n += len(v) + 3
	}
	b := make([]byte, 0, n)
	b = append(b, '{')
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		for j := 0; j < len(v); j++ {
			if v[j] == '"' || v[j] == '\\' {
				b = append(b, '\\')
			}
			b = append(b, v[j])
		}
		b = append(b, '"')
	}
	return string(append(b, '}'))
}

func timeArray(times []time.Time) string {
	texts := make([]string, len(times))
	for i, t := range times {
		texts[i] = store.FormatTime(t)
	}
	return array(texts)
}

// keyArrays splits keys into three arrays of one length.
func keyArrays(d *sqlstore.Dialect, keys []store.Key) (attrs, values, unique string) {
	rows := d.KeyRows(keys)
	a, v, u := make([]string, len(rows)), make([]string, len(rows)), make([]string, len(rows))
	for i, k := range rows {
		a[i], v[i], u[i] = string(k.Attr), k.Value, strconv.FormatBool(k.Unique)
	}
	return array(a), array(v), array(u)
}
