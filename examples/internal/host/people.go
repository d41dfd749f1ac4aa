package host

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Org is one of the product's customers. It is a tenant.Tenant.
type Org struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// RootUserID is who made the organisation; no directory may touch this user.
	RootUserID string `json:"-"`
}

// TenantID implements tenant.Tenant.
func (o Org) TenantID() string { return o.ID }

// TenantName implements tenant.Tenant.
func (o Org) TenantName() string { return o.Name }

// The roles that the product knows, lowest first.
const (
	RoleMember        = "member"
	RoleAdministrator = "administrator"
	RoleOwner         = "owner"
)

// OrgRoles are the roles in an organisation, lowest first.
func OrgRoles() []string { return []string{RoleMember, RoleAdministrator, RoleOwner} }

// TeamRoles are the roles in a team, lowest first.
func TeamRoles() []string { return []string{RoleMember, RoleAdministrator} }

// User is a person with an account.
type User struct {
	ID      string
	OrgID   string
	Email   string
	Name    string
	Phone   string
	Source  store.AccountSource
	Active  bool
	OrgRole string
	// passwordHash is empty for people who have no password.
	passwordHash string
}

// ErrNoUser says that the organisation has no such user.
var ErrNoUser = errors.New("no such user")

const userColumns = `id, org_id, email, name, phone, password_hash, source, active, org_role`

func scanUser(row interface{ Scan(...any) error }) (User, error) {
	var (
		u      User
		active int
	)
	err := row.Scan(&u.ID, &u.OrgID, &u.Email, &u.Name, &u.Phone, &u.passwordHash, &u.Source, &active, &u.OrgRole)
	u.Active = active != 0
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoUser
	}
	return u, err
}

// Orgs lists the organisations.
func (d *DB) Orgs(ctx context.Context) ([]Org, error) {
	return list(ctx, d, nil, func(r *sql.Rows) (o Org, err error) {
		return o, r.Scan(&o.ID, &o.Name, &o.RootUserID)
	}, `select id, name, root_user_id from oncall_orgs order by id`)
}

// Org returns an organisation.
func (d *DB) Org(ctx context.Context, id string) (Org, error) {
	var o Org
	err := d.db.QueryRowContext(ctx, d.sql(`select id, name, root_user_id from oncall_orgs where id = ?`), id).
		Scan(&o.ID, &o.Name, &o.RootUserID)
	return o, err
}

// Tenant implements tenant.Tenants.
func (d *DB) Tenant(ctx context.Context, id string) (tenant.Tenant, error) {
	o, err := d.Org(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("organisation %s: %w", id, store.ErrNotFound)
	}
	return o, err
}

// AddOrg stores an organisation unless it exists.
func (d *DB) AddOrg(ctx context.Context, o Org) error {
	return d.exec(ctx, nil, `insert into oncall_orgs (id, name, root_user_id) values (?, ?, ?) on conflict do nothing`,
		o.ID, o.Name, o.RootUserID)
}

// User returns a user of an organisation, or ErrNoUser.
func (d *DB) User(ctx context.Context, tx store.Store, orgID, id string) (User, error) {
	return scanUser(d.in(tx).QueryRowContext(ctx, d.sql(`select `+userColumns+` from oncall_users where org_id = ? and id = ?`), orgID, id))
}

// UserByEmail returns the organisation's user with this address, or ErrNoUser.
func (d *DB) UserByEmail(ctx context.Context, tx store.Store, orgID, email string) (User, error) {
	return scanUser(d.in(tx).QueryRowContext(ctx, d.sql(`select `+userColumns+` from oncall_users where org_id = ? and email = ?`),
		orgID, foldEmail(email)))
}

// UsersByEmail returns the users of all organisations with this address.
func (d *DB) UsersByEmail(ctx context.Context, email string) ([]User, error) {
	return list(ctx, d, nil, func(r *sql.Rows) (User, error) { return scanUser(r) },
		`select `+userColumns+` from oncall_users where email = ? order by org_id`, foldEmail(email))
}

// Users lists the users of an organisation.
func (d *DB) Users(ctx context.Context, tx store.Store, orgID string) ([]User, error) {
	return list(ctx, d, tx, func(r *sql.Rows) (User, error) { return scanUser(r) },
		`select `+userColumns+` from oncall_users where org_id = ? order by email`, orgID)
}

// AddUser stores a user unless there is one with this ID or address.
func (d *DB) AddUser(ctx context.Context, tx store.Store, u User, password string) error {
	hash := ""
	if password != "" {
		b, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost) // a demo's passwords are printed anyway
		if err != nil {
			return err
		}
		hash = string(b)
	}
	return d.exec(ctx, tx, `insert into oncall_users (`+userColumns+`) values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing`,
		u.ID, u.OrgID, foldEmail(u.Email), u.Name, u.Phone, hash, string(u.Source), asInt(u.Active), u.OrgRole)
}

// UpdateUser replaces name, address, phone and source. Access and role have their own
// ways, so that a form that was read before never brings back what was taken since.
func (d *DB) UpdateUser(ctx context.Context, tx store.Store, u User) error {
	return d.exec(ctx, tx, `update oncall_users set email = ?, name = ?, phone = ?, source = ?
		where org_id = ? and id = ?`, foldEmail(u.Email), u.Name, u.Phone, string(u.Source), u.OrgID, u.ID)
}

// SetOrgRole gives a user another role in the organisation.
func (d *DB) SetOrgRole(ctx context.Context, tx store.Store, orgID, id, role string) error {
	return d.exec(ctx, tx, `update oncall_users set org_role = ? where org_id = ? and id = ?`, role, orgID, id)
}

// Owners lists the IDs of the active owners of an organisation.
func (d *DB) Owners(ctx context.Context, tx store.Store, orgID string) ([]string, error) {
	return list(ctx, d, tx, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) },
		`select id from oncall_users where org_id = ? and org_role = ? and active = 1 order by id`, orgID, RoleOwner)
}

// noPassword is a hash that costs as much to check as a real one.
const noPassword = "$2a$04$0KZaM7arhltMh/d/BdXSk.nr4sgCMvS7aS1sSNc0wSFAgCjJGpR6q" //nolint:gosec // opens nothing

// CheckPassword says whether the user has this password. It takes as long for somebody
// without one, or for the zero User, so that time tells nobody which accounts there are.
func (u User) CheckPassword(password string) bool {
	hash := u.passwordHash
	if hash == "" {
		hash = noPassword
	}
	same := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	return same && u.passwordHash != ""
}

// foldEmail is the form in which the product stores addresses: tenantgate's own, with
// the domain as A-labels, so that both compare alike.
func foldEmail(s string) string {
	if email, err := tenant.NormalizeEmail(s); err == nil {
		return strings.ToLower(email)
	}
	return strings.ToLower(strings.TrimSpace(s))
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
