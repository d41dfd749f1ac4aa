package sqltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// App is an application with SQL tables: in the database of the store, or elsewhere.
type App struct {
	DB *sql.DB
	// Numbered says that parameters are $1, $2 rather than ?.
	Numbered bool
	// Joined returns the *sql.Tx of a store's transaction; nil for a host elsewhere.
	Joined func(store.Store) (*sql.Tx, bool)
	// Before, if set, hears of each call before it is done, and After when it is.
	Before, After func(call string)
}

var schema = []string{
	`create table if not exists app_accounts (id text primary key, tenant text not null, email text not null, active integer not null,
		role text not null, own_role text not null, created_for text not null)`,
	`create unique index if not exists app_email on app_accounts (lower(email))`,
	`create table if not exists app_teams (id text primary key, tenant text not null, name text not null, created_for text not null)`,
	`create table if not exists app_members (team text not null, account text not null, role text not null, by_hand integer not null,
		primary key (team, account))`,
}

// Migrate makes the tables, and an owner for each tenant.
func (a *App) Migrate(ctx context.Context, tenants ...string) error {
	for _, s := range schema {
		if _, err := a.DB.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	for _, id := range tenants {
		if err := a.exec(ctx, nil, `insert into app_accounts values (?, ?, ?, 1, 'owner', 'owner', '') on conflict do nothing`, "root-"+id, id, "root@"+id+".example"); err != nil {
			return err
		}
	}
	return nil
}

type queries interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// in is where statements run: in the transaction of tx, if the tables are in its database.
func (a *App) in(tx store.Store) queries {
	if tx != nil && a.Joined != nil {
		if t, ok := a.Joined(tx); ok {
			return t
		}
	}
	return a.DB
}

func (a *App) sql(query string) string {
	if !a.Numbered {
		return query
	}
	parts := strings.Split(query, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}

func (a *App) exec(ctx context.Context, tx store.Store, query string, args ...any) error {
	_, err := a.in(tx).ExecContext(ctx, a.sql(query), args...)
	return err
}

// rows reads all before it returns: the connection has to be free for the next statement.
func (a *App) rows(ctx context.Context, tx store.Store, columns int, query string, args ...any) ([][]string, error) {
	rows, err := a.in(tx).QueryContext(ctx, a.sql(query), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]string
	for rows.Next() {
		row := make([]string, columns)
		to := make([]any, columns)
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// call tells of one call of the host.
func (a *App) call(name string, fn func() error) error {
	if a.Before != nil {
		a.Before(name)
	}
	err := fn()
	if a.After != nil {
		a.After(name)
	}
	return err
}

// marks are as many parameters as there are IDs.
func marks(ids []string) (list string, args []any) {
	for _, id := range ids {
		args = append(args, id)
	}
	return strings.TrimSuffix(strings.Repeat("?,", len(ids)), ","), args
}

// Target is the application's Target. It implements the optional interfaces for many at
// once.
type Target struct{ *App }

var (
	_ provisioning.TeamDeleter     = Target{}
	_ provisioning.MemberSetter    = Target{}
	_ provisioning.AccountsCreator = Target{}
)

const accountColumns = `select id, email, active, role, own_role, created_for from app_accounts `

func (t Target) accounts(ctx context.Context, tx store.Store, where string, args ...any) ([]provisioning.AccountState, error) {
	rows, err := t.rows(ctx, tx, 6, accountColumns+where, args...)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	out := make([]provisioning.AccountState, len(rows))
	index := map[string]int{}
	ids := make([]string, len(rows))
	for i, r := range rows {
		out[i] = provisioning.AccountState{ID: r[0], Email: r[1], Active: r[2] != "0", OrgRole: r[3]}
		if t.Joined == nil {
			out[i].OwnOrgRole, out[i].CreatedFor = r[4], r[5]
		}
		ids[i], index[r[0]] = r[0], i
	}
	list, in := marks(ids)
	members, err := t.rows(ctx, tx, 4, `select team, account, role, by_hand from app_members where account in (`+list+`) order by team`, in...)
	for _, m := range members {
		i := index[m[1]]
		out[i].Teams = append(out[i].Teams, provisioning.Membership{TeamID: m[0], Role: m[2], Provisioned: t.Joined == nil && m[3] == "0"})
	}
	return out, err
}

// RootAccount implements provisioning.Target.
func (t Target) RootAccount(_ context.Context, _ store.Store, tenantID string) (string, error) {
	return "root-" + tenantID, t.call("RootAccount", func() error { return nil })
}

// AccountByEmail implements provisioning.Target.
func (t Target) AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (out provisioning.AccountState, err error) {
	err = t.call("AccountByEmail", func() error {
		list, err := t.accounts(ctx, tx, `where tenant = ? and lower(email) = lower(?)`, tenantID, email)
		if err == nil && len(list) == 0 {
			return fmt.Errorf("account %s: %w", email, store.ErrNotFound)
		}
		if err == nil {
			out = list[0]
		}
		return err
	})
	return out, err
}

// Accounts implements provisioning.Target.
func (t Target) Accounts(ctx context.Context, tx store.Store, tenantID string, ids []string) (out []provisioning.AccountState, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = t.call("Accounts", func() (err error) {
		list, args := marks(ids)
		out, err = t.accounts(ctx, tx, `where tenant = ? and id in (`+list+`)`, append([]any{tenantID}, args...)...)
		return err
	})
	return out, err
}

// Owners implements provisioning.Target.
func (t Target) Owners(ctx context.Context, tx store.Store, tenantID string) (ids []string, err error) {
	err = t.call("Owners", func() error {
		rows, err := t.rows(ctx, tx, 1, `select id from app_accounts where tenant = ? and active = 1 and role = 'owner'`, tenantID)
		for _, r := range rows {
			ids = append(ids, r[0])
		}
		return err
	})
	return ids, err
}

// CreateAccount implements provisioning.Target.
func (t Target) CreateAccount(ctx context.Context, tx store.Store, tenantID string, p provisioning.Profile) (string, error) {
	id := "u-" + rand.Text()
	return id, t.call("CreateAccount", func() error {
		return t.exec(ctx, tx, `insert into app_accounts values (?, ?, ?, 1, 'member', 'member', ?)`, id, tenantID, p.Email, p.SCIMUserID)
	})
}

// CreateAccounts implements provisioning.AccountsCreator with one statement.
func (t Target) CreateAccounts(ctx context.Context, tx store.Store, tenantID string, profiles []provisioning.Profile) (ids []string, err error) {
	if len(profiles) == 0 {
		return nil, nil
	}
	var args []any
	for _, p := range profiles {
		id := "u-" + rand.Text()
		ids = append(ids, id)
		args = append(args, id, tenantID, p.Email, p.SCIMUserID)
	}
	values := strings.TrimSuffix(strings.Repeat("(?, ?, ?, 1, 'member', 'member', ?),", len(profiles)), ",")
	return ids, t.call("CreateAccounts", func() error { return t.exec(ctx, tx, `insert into app_accounts values `+values, args...) })
}

// UpdateProfile implements provisioning.Target.
func (t Target) UpdateProfile(ctx context.Context, tx store.Store, tenantID, id string, p provisioning.Profile) error {
	return t.call("UpdateProfile", func() error {
		if p.Email == "" {
			return nil
		}
		return t.exec(ctx, tx, `update app_accounts set email = ? where tenant = ? and id = ?`, p.Email, tenantID, id)
	})
}

// SetActive implements provisioning.Target.
func (t Target) SetActive(ctx context.Context, tx store.Store, tenantID, id string, active bool) error {
	n := 0
	if active {
		n = 1
	}
	return t.call("SetActive", func() error {
		return t.exec(ctx, tx, `update app_accounts set active = ? where tenant = ? and id = ?`, n, tenantID, id)
	})
}

// SetOrgRole implements provisioning.Target.
func (t Target) SetOrgRole(ctx context.Context, tx store.Store, tenantID, id, role string) error {
	return t.call("SetOrgRole", func() error {
		return t.exec(ctx, tx, `update app_accounts set role = ? where tenant = ? and id = ?`, role, tenantID, id)
	})
}

// Teams implements provisioning.Target.
func (t Target) Teams(ctx context.Context, tx store.Store, tenantID string, ids []string) (out []provisioning.Team, err error) {
	if ids != nil && len(ids) == 0 {
		return nil, nil
	}
	err = t.call("Teams", func() error {
		where, args := "", []any{tenantID}
		if ids != nil {
			list, in := marks(ids)
			where, args = ` and id in (`+list+`)`, append(args, in...)
		}
		rows, err := t.rows(ctx, tx, 3, `select id, name, created_for from app_teams where tenant = ?`+where, args...)
		for _, r := range rows {
			out = append(out, provisioning.Team{ID: r[0], Name: r[1], CreatedFor: r[2]})
		}
		return err
	})
	return out, err
}

// CreateTeam implements provisioning.Target.
func (t Target) CreateTeam(ctx context.Context, tx store.Store, tenantID, name string) (string, error) {
	return t.createTeam(ctx, tx, tenantID, "", name)
}

func (t Target) createTeam(ctx context.Context, tx store.Store, tenantID, groupID, name string) (string, error) {
	id := "t-" + rand.Text()
	return id, t.call("CreateTeam", func() error {
		return t.exec(ctx, tx, `insert into app_teams values (?, ?, ?, ?)`, id, tenantID, name, groupID)
	})
}

// RenameTeam implements provisioning.Target.
func (t Target) RenameTeam(ctx context.Context, tx store.Store, tenantID, id, name string) error {
	return t.call("RenameTeam", func() error {
		return t.exec(ctx, tx, `update app_teams set name = ? where tenant = ? and id = ?`, name, tenantID, id)
	})
}

// DeleteTeamIfUnused implements provisioning.TeamDeleter.
func (t Target) DeleteTeamIfUnused(ctx context.Context, tx store.Store, tenantID, id string) (deleted bool, err error) {
	err = t.call("DeleteTeamIfUnused", func() error {
		r, err := t.in(tx).ExecContext(ctx, t.sql(`delete from app_teams where tenant = ? and id = ?
			and not exists (select 1 from app_members where team = app_teams.id)`), tenantID, id)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		deleted = n == 1
		return err
	})
	return deleted, err
}

const setMember = `insert into app_members select t.id, a.id, ?, 0 from app_teams t join app_accounts a on a.tenant = t.tenant
	where t.tenant = ? and t.id = ? and a.id = ?
	on conflict (team, account) do update set role = excluded.role`

// SetMember implements provisioning.Target.
func (t Target) SetMember(ctx context.Context, tx store.Store, tenantID, team, account, role string) error {
	return t.call("SetMember", func() error { return t.exec(ctx, tx, setMember, role, tenantID, team, account) })
}

const removeMember = `delete from app_members where account = ? and team in (select id from app_teams where tenant = ? and id = ?)`

// RemoveMember implements provisioning.Target.
func (t Target) RemoveMember(ctx context.Context, tx store.Store, tenantID, team, account string) error {
	return t.call("RemoveMember", func() error { return t.exec(ctx, tx, removeMember, account, tenantID, team) })
}

// SetMembers implements provisioning.MemberSetter: two statements, each for many rows, would be faster still.
func (t Target) SetMembers(ctx context.Context, tx store.Store, tenantID string, changes []provisioning.MemberChange) error {
	return t.call("SetMembers", func() error {
		var errs []error
		for _, c := range changes {
			if c.Role == "" {
				errs = append(errs, t.exec(ctx, tx, removeMember, c.AccountID, tenantID, c.TeamID))
			} else {
				errs = append(errs, t.exec(ctx, tx, setMember, c.Role, tenantID, c.TeamID, c.AccountID))
			}
		}
		return errors.Join(errs...)
	})
}

// ElsewhereTarget is the Target of an application elsewhere, which remembers.
type ElsewhereTarget struct{ Target }

var _ provisioning.GroupTeamCreator = ElsewhereTarget{}

// CreateGroupTeam implements provisioning.GroupTeamCreator.
func (t ElsewhereTarget) CreateGroupTeam(ctx context.Context, tx store.Store, tenantID, groupID, name string) (string, error) {
	return t.createTeam(ctx, tx, tenantID, groupID, name)
}

// State is all that tests compare, without IDs.
func (a *App) State(ctx context.Context) (string, error) {
	var out []string
	for _, q := range []string{
		`select 'account ' || email || ' ' || role || ' ' || active from app_accounts`,
		`select 'team ' || name from app_teams`,
		`select t.name || ': ' || a.email || ' ' || m.role from app_members m join app_teams t on t.id = m.team join app_accounts a on a.id = m.account`,
	} {
		rows, err := a.rows(ctx, nil, 1, q+` order by 1`)
		if err != nil {
			return "", err
		}
		for _, r := range rows {
			out = append(out, r[0])
		}
	}
	return strings.Join(out, "\n"), nil
}
