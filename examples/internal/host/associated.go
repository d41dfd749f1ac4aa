package host

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/tenantgate/tenantgate/tenant"
)

// AssociatedUsers tells tenantgate of the product's own accounts (tenant.HostUsersFunc): in the order of the ID's bytes,
// which PostgreSQL has to be asked for.
func (d *DB) AssociatedUsers(ctx context.Context, orgID, after string, limit int) ([]tenant.HostUser, error) {
	id := `u.id`
	if d.numbered {
		id = `u.id collate "C"`
	}
	return list(ctx, d, nil, func(r *sql.Rows) (u tenant.HostUser, err error) {
		var active, root int
		err = r.Scan(&u.ID, &u.Email, &u.Name, &u.Source, &active, &root)
		u.State, u.Root = tenant.UserActive, root != 0
		if active == 0 {
			u.State = tenant.UserSuspended
		}
		return u, err
	}, `select u.id, u.email, u.name, u.source, u.active, case when o.root_user_id = u.id then 1 else 0 end
		from oncall_users u join oncall_orgs o on o.id = u.org_id where u.org_id = ? and `+id+` > ? order by `+id+` limit ?`, orgID, after, limit)
}

// canLink allows a set-up link what its intents allow, as long as whoever made it is still an owner.
func (d *DB) canLink(ctx context.Context, actor tenant.Actor, tenantID string) error {
	link, ok := actor.SetupLink()
	if !ok {
		return fmt.Errorf("no set-up link: %w", tenant.ErrForbidden)
	}
	return d.isOwner(ctx, tenantID, link.CreatedBy.ID)
}
