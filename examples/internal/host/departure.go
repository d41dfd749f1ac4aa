package host

import (
	"context"
	"database/sql"
	"errors"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

var (
	_ provisioning.PasswordEnder  = Target{}
	_ provisioning.SessionEnder   = Target{}
	_ provisioning.Deprovisioner  = Target{}
	_ provisioning.AccountDeleter = Target{}
)

// EndPassword implements provisioning.PasswordEnder. The product has no password resets.
func (t Target) EndPassword(ctx context.Context, tx store.Store, tenantID, accountID string) error {
	return t.DB.exec(ctx, tx, `update oncall_users set password_hash = '' where org_id = ? and id = ?`, tenantID, accountID)
}

// EndSessions implements provisioning.SessionEnder.
func (t Target) EndSessions(ctx context.Context, tx store.Store, tenantID, accountID string) error {
	return t.DB.EndSessionsOf(ctx, tx, tenantID, accountID)
}

// BeforeDeprovision implements provisioning.Deprovisioner: a team whose only active administrator goes
// needs another one.
func (t Target) BeforeDeprovision(ctx context.Context, tx store.Store, tenantID, accountID string) ([]provisioning.HandOver, error) {
	return list(ctx, t.DB, tx, func(r *sql.Rows) (h provisioning.HandOver, err error) {
		err = r.Scan(&h.ID, &h.Name)
		h.Kind, h.Message = "team", "The team “"+h.Name+"” has no other administrator."
		return h, err
	}, `select t.id, t.name from oncall_teams t join oncall_memberships m on m.team_id = t.id
		where t.org_id = ? and m.user_id = ? and m.role = ? and not exists (
			select 1 from oncall_memberships o join oncall_users u on u.id = o.user_id and u.org_id = t.org_id
			where o.team_id = t.id and o.user_id <> m.user_id and o.role = m.role and u.active = 1)
		order by t.name`, tenantID, accountID, RoleAdministrator)
}

// DeleteAccount implements provisioning.AccountDeleter.
func (t Target) DeleteAccount(ctx context.Context, tx store.Store, tenantID, accountID string) error {
	if _, err := t.DB.User(ctx, tx, tenantID, accountID); errors.Is(err, ErrNoUser) {
		return nil
	} else if err != nil {
		return err
	}
	if err := t.DB.EndSessionsOf(ctx, tx, tenantID, accountID); err != nil {
		return err
	}
	for _, statement := range []string{
		`delete from oncall_memberships where user_id = ?`,
		`delete from oncall_user_fields where user_id = ?`,
		`delete from oncall_users where id = ?`,
	} {
		if err := t.DB.exec(ctx, tx, statement, accountID); err != nil {
			return err
		}
	}
	return nil
}
