package host

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// Target lets provisioning change the product's people and teams. Everything it
// writes is in the transaction that it is given.
type Target struct{ DB *DB }

var (
	_ provisioning.Target      = Target{}
	_ provisioning.TeamDeleter = Target{}
)

// RootAccount implements provisioning.Target.
func (t Target) RootAccount(ctx context.Context, tx store.Store, tenantID string) (string, error) {
	var id string
	err := t.DB.in(tx).QueryRowContext(ctx, t.DB.sql(`select root_user_id from oncall_orgs where id = ?`), tenantID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// AccountByEmail implements provisioning.Target.
func (t Target) AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (provisioning.AccountState, error) {
	u, err := t.DB.UserByEmail(ctx, tx, tenantID, email)
	if errors.Is(err, ErrNoUser) {
		return provisioning.AccountState{}, fmt.Errorf("account %s: %w", email, store.ErrNotFound)
	}
	if err != nil {
		return provisioning.AccountState{}, err
	}
	return t.state(ctx, tx, u)
}

// Accounts implements provisioning.Target.
func (t Target) Accounts(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]provisioning.AccountState, error) {
	var out []provisioning.AccountState
	for _, id := range ids {
		u, err := t.DB.User(ctx, tx, tenantID, id)
		if errors.Is(err, ErrNoUser) {
			continue
		}
		if err != nil {
			return nil, err
		}
		s, err := t.state(ctx, tx, u)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (t Target) state(ctx context.Context, tx store.Store, u User) (provisioning.AccountState, error) {
	s := provisioning.AccountState{ID: u.ID, Email: u.Email, Active: u.Active, OrgRole: u.OrgRole}
	memberships, err := t.DB.MembershipsOf(ctx, tx, u.OrgID, u.ID)
	for _, m := range memberships {
		s.Teams = append(s.Teams, provisioning.Membership{TeamID: m.TeamID, Role: m.Role})
	}
	return s, err
}

// Owners implements provisioning.Target.
func (t Target) Owners(ctx context.Context, tx store.Store, tenantID string) ([]string, error) {
	return t.DB.Owners(ctx, tx, tenantID)
}

// CreateAccount implements provisioning.Target.
func (t Target) CreateAccount(ctx context.Context, tx store.Store, tenantID string, p provisioning.Profile) (string, error) {
	if p.Email == "" { // a directory may name people by something else
		p.Email = p.UserName
	}
	u := User{
		ID: uuid.NewString(), OrgID: tenantID, Email: p.Email, Name: displayName(p), Phone: p.Phone,
		Source: store.SourceSCIM, Active: true, OrgRole: RoleMember,
	}
	return u.ID, t.DB.AddUser(ctx, tx, u, "")
}

func displayName(p provisioning.Profile) string {
	if p.DisplayName != "" {
		return p.DisplayName
	}
	name, _, _ := strings.Cut(p.Email, "@")
	return name
}

// UpdateProfile implements provisioning.Target.
func (t Target) UpdateProfile(ctx context.Context, tx store.Store, tenantID, accountID string, p provisioning.Profile) error {
	u, err := t.DB.User(ctx, tx, tenantID, accountID)
	if err != nil {
		return err
	}
	if p.Email != "" {
		u.Email = p.Email
	}
	if !p.Keeps("name") && !p.Keeps("displayName") {
		u.Name = displayName(p)
	}
	if p.Phone != "" && !p.Keeps("phone") && (!p.KeepPhone || u.Phone == "") {
		u.Phone = p.Phone
	}
	if u.Source == store.SourceManual || u.Source == store.SourceInvitation {
		u.Source = store.SourceConverted
	}
	return t.DB.UpdateUser(ctx, tx, u)
}

// SetActive implements provisioning.Target.
func (t Target) SetActive(ctx context.Context, tx store.Store, tenantID, accountID string, active bool) error {
	if !active {
		if err := t.DB.EndSessionsOf(ctx, tx, tenantID, accountID); err != nil {
			return err
		}
	}
	return t.DB.exec(ctx, tx, `update oncall_users set active = ? where org_id = ? and id = ?`, asInt(active), tenantID, accountID)
}

// SetOrgRole implements provisioning.Target.
func (t Target) SetOrgRole(ctx context.Context, tx store.Store, tenantID, accountID, role string) error {
	return t.DB.SetOrgRole(ctx, tx, tenantID, accountID, role)
}

// Teams implements provisioning.Target.
func (t Target) Teams(ctx context.Context, tx store.Store, tenantID string, ids []string) ([]provisioning.Team, error) {
	all, err := t.DB.Teams(ctx, tx, tenantID)
	var out []provisioning.Team
	for _, team := range all {
		if ids == nil || slices.Contains(ids, team.ID) {
			out = append(out, provisioning.Team{ID: team.ID, Name: team.Name})
		}
	}
	return out, err
}

// CreateTeam implements provisioning.Target.
func (t Target) CreateTeam(ctx context.Context, tx store.Store, tenantID, name string) (string, error) {
	team := Team{ID: uuid.NewString(), OrgID: tenantID, Name: name, Source: "scim"}
	return team.ID, t.DB.AddTeam(ctx, tx, team)
}

// RenameTeam implements provisioning.Target.
func (t Target) RenameTeam(ctx context.Context, tx store.Store, tenantID, teamID, name string) error {
	return t.DB.RenameTeam(ctx, tx, tenantID, teamID, name)
}

// DeleteTeamIfUnused implements provisioning.TeamDeleter.
func (t Target) DeleteTeamIfUnused(ctx context.Context, tx store.Store, tenantID, teamID string) (bool, error) {
	var members int
	err := t.DB.in(tx).QueryRowContext(ctx, t.DB.sql(`select count(*) from oncall_memberships where team_id = ?`), teamID).Scan(&members)
	if err != nil || members > 0 {
		return false, err
	}
	return true, t.DB.DeleteTeam(ctx, tx, tenantID, teamID)
}

// SetMember implements provisioning.Target.
func (t Target) SetMember(ctx context.Context, tx store.Store, tenantID, teamID, accountID, role string) error {
	return t.DB.exec(ctx, tx, `insert into oncall_memberships (team_id, user_id, role, source)
		select t.id, u.id, ?, 'scim' from oncall_teams t join oncall_users u on u.org_id = t.org_id
		where t.org_id = ? and t.id = ? and u.id = ?
		on conflict (team_id, user_id) do update set role = excluded.role`, role, tenantID, teamID, accountID)
}

// RemoveMember implements provisioning.Target.
func (t Target) RemoveMember(ctx context.Context, tx store.Store, tenantID, teamID, accountID string) error {
	return t.DB.exec(ctx, tx, `delete from oncall_memberships where user_id = ? and team_id in
		(select id from oncall_teams where org_id = ? and id = ?)`, accountID, tenantID, teamID)
}
