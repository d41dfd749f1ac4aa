package host

import (
	"context"
	"database/sql"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

var _ provisioning.TeamMemberLister = Target{}

// TeamMembers implements provisioning.TeamMemberLister.
func (t Target) TeamMembers(ctx context.Context, tx store.Store, tenantID, teamID, after string, limit int) ([]string, error) {
	id := `m.user_id`
	if t.DB.numbered { // PostgreSQL compares by the database's language otherwise
		id = `m.user_id collate "C"`
	}
	return list(ctx, t.DB, tx, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) },
		`select m.user_id from oncall_memberships m join oncall_teams t on t.id = m.team_id
		where t.org_id = ? and m.team_id = ? and `+id+` > ? order by `+id+` limit ?`, tenantID, teamID, after, limit)
}
