package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/sqlstore"
)

// kind writes a part of a statement for users or for groups.
func (s *statement) kind(part string, kind sqlstore.Kind) {
	s.WriteString(strings.ReplaceAll(part, "%k", string(kind)))
}

// keys writes a part that needs the keys as three arrays.
func (s *statement) keys(d *sqlstore.Dialect, part string, kind sqlstore.Kind, keys []store.Key) {
	attrs, values, unique := keyArrays(d, keys)
	s.args = append(s.args, attrs, values, unique)
	n := len(s.args)
	s.kind(strings.NewReplacer("%a", "$"+strconv.Itoa(n-2), "%v", "$"+strconv.Itoa(n-1), "%u", "$"+strconv.Itoa(n)).Replace(part), kind)
}

// count writes the part that counts a record.
func (s *statement) count(kind sqlstore.Kind, delta string) {
	s.kind(strings.ReplaceAll(countOne, "%d", delta), kind)
}

// foldEvery is how many rows of changes are written, on average, until somebody adds
// them up. Whose number is divisible does it, so that nobody needs to count.
const foldEvery = 256

const (
	// Rows that somebody else is adding up are left to them, so that nobody waits.
	foldCounts = "with f as (delete from tenantgate_scim_counts where tenant_id = $1 and kind = $2 and id in (" +
		"select id from tenantgate_scim_counts where tenant_id = $1 and kind = $2 for update skip locked) returning delta)" +
		" insert into tenantgate_scim_counts (tenant_id, kind, delta) select $1, $2, sum(delta) from f having count(*) > 0"

	foldMembers = "with f as (delete from tenantgate_scim_member_changes where tenant_id = $1 and group_id = $2 and id in (" +
		"select id from tenantgate_scim_member_changes where tenant_id = $1 and group_id = $2 for update skip locked) returning changed_at)" +
		" update tenantgate_scim_groups set members_version = members_version + (select count(*) from f)," +
		" members_updated_at = greatest(members_updated_at, (select max(changed_at) from f)) where tenant_id = $1 and id = $2"
)

// foldCount adds up the rows of a number, when it is this write's turn and after it is
// committed. It may fail: the sum is the same, folded or not.
func (s *Store) foldCount(ctx context.Context, tenantID string, kind sqlstore.Kind, row int64) {
	if row%foldEvery != 0 {
		return
	}
	out := s.db.Outside()
	s.db.After(func() { _, _ = out.Exec(ctx, foldCounts, tenantID, string(kind)) })
}

// foldChanges does the same for the changes of a group's members.
func (s *Store) foldChanges(ctx context.Context, tenantID, groupID string, row int64) {
	if row%foldEvery != 0 {
		return
	}
	out := s.db.Outside()
	s.db.After(func() { _, _ = out.Exec(ctx, foldMembers, tenantID, groupID) })
}
