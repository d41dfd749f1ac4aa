package host

import (
	"context"
	"database/sql"

	"github.com/tenantgate/tenantgate/store"
)

// Team is a group of people who take turns on call.
type Team struct {
	ID     string
	OrgID  string
	Name   string
	Source string // "manual" or "scim"
}

// Membership is a person's place in a team.
type Membership struct {
	TeamID string
	UserID string
	Role   string
	Source string // "manual" or "scim"
}

// Teams lists the teams of an organisation.
func (d *DB) Teams(ctx context.Context, tx store.Store, orgID string) ([]Team, error) {
	return list(ctx, d, tx, func(r *sql.Rows) (t Team, err error) {
		return t, r.Scan(&t.ID, &t.OrgID, &t.Name, &t.Source)
	}, `select id, org_id, name, source from oncall_teams where org_id = ? order by name`, orgID)
}

// AddTeam stores a team unless it exists.
func (d *DB) AddTeam(ctx context.Context, tx store.Store, t Team) error {
	return d.exec(ctx, tx, `insert into oncall_teams (id, org_id, name, source) values (?, ?, ?, ?) on conflict do nothing`,
		t.ID, t.OrgID, t.Name, t.Source)
}

// RenameTeam gives a team another name.
func (d *DB) RenameTeam(ctx context.Context, tx store.Store, orgID, id, name string) error {
	return d.exec(ctx, tx, `update oncall_teams set name = ? where org_id = ? and id = ?`, name, orgID, id)
}

// DeleteTeam removes a team and its memberships.
func (d *DB) DeleteTeam(ctx context.Context, tx store.Store, orgID, id string) error {
	if err := d.exec(ctx, tx, `delete from oncall_memberships where team_id in
		(select id from oncall_teams where org_id = ? and id = ?)`, orgID, id); err != nil {
		return err
	}
	return d.exec(ctx, tx, `delete from oncall_teams where org_id = ? and id = ?`, orgID, id)
}

// Memberships lists who is in the organisation's teams.
func (d *DB) Memberships(ctx context.Context, tx store.Store, orgID string) ([]Membership, error) {
	return list(ctx, d, tx, func(r *sql.Rows) (m Membership, err error) {
		return m, r.Scan(&m.TeamID, &m.UserID, &m.Role, &m.Source)
	}, `select m.team_id, m.user_id, m.role, m.source from oncall_memberships m
		join oncall_teams t on t.id = m.team_id where t.org_id = ? order by t.name, m.user_id`, orgID)
}

// MembershipsOf lists the teams of one person.
func (d *DB) MembershipsOf(ctx context.Context, tx store.Store, orgID, userID string) ([]Membership, error) {
	return list(ctx, d, tx, func(r *sql.Rows) (m Membership, err error) {
		return m, r.Scan(&m.TeamID, &m.UserID, &m.Role, &m.Source)
	}, `select m.team_id, m.user_id, m.role, m.source from oncall_memberships m
		join oncall_teams t on t.id = m.team_id where t.org_id = ? and m.user_id = ? order by m.team_id`, orgID, userID)
}

// PutMembership stores a membership or replaces its role and source.
func (d *DB) PutMembership(ctx context.Context, tx store.Store, m Membership) error {
	return d.exec(ctx, tx, `insert into oncall_memberships (team_id, user_id, role, source) values (?, ?, ?, ?)
		on conflict (team_id, user_id) do update set role = excluded.role, source = excluded.source`,
		m.TeamID, m.UserID, m.Role, m.Source)
}

// DeleteMembership removes a person from a team.
func (d *DB) DeleteMembership(ctx context.Context, tx store.Store, teamID, userID string) error {
	return d.exec(ctx, tx, `delete from oncall_memberships where team_id = ? and user_id = ?`, teamID, userID)
}
