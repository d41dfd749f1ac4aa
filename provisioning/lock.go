package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// ErrLocked is matched by the error of a locked field: HTTP 409 with the code
// "resource_locked".
var ErrLocked = errors.New("provisioning: locked")

// CodeFieldLocked is the code of a lock that the tenant's preferences can lift (R57).
const CodeFieldLocked = "field_locked"

// ResourceKind is what somebody wants to change in the application.
type ResourceKind string

// The kinds of resources that directories lock.
const (
	ResourceUser       ResourceKind = "user"       // AccountID
	ResourceTeam       ResourceKind = "team"       // TeamID
	ResourceMembership ResourceKind = "membership" // AccountID in TeamID
	ResourceOrgRole    ResourceKind = "org_role"   // AccountID
)

// Resource names something in the host.
type Resource struct {
	Kind      ResourceKind
	AccountID string
	TeamID    string
}

// Op is what somebody wants to do.
type Op string

// The operations.
const (
	OpCreate Op = "create"
	OpUpdate Op = "update"
	OpDelete Op = "delete"
)

// Lock says whether something may be changed by hand, and if not, why and what to do.
// The zero value is "not locked".
type Lock struct {
	Locked bool `json:"locked"`
	// Code is "resource_locked", or "field_locked" for the one field that the tenant may leave to its people (R57).
	Code string `json:"code,omitempty"`
	// Reason says why, HowToChange what to do instead.
	Reason      string `json:"reason,omitempty"`
	HowToChange string `json:"howToChange,omitempty"`
	// Source is what the directory is called, Groups the groups that gave it.
	Source string   `json:"source,omitempty"`
	Groups []string `json:"groups,omitempty"`
	// Since is when the directory took it over; zero if that is not known.
	Since time.Time `json:"since,omitzero"`
}

// Explain is the lock as text for a tooltip; empty if nothing is locked.
func (l Lock) Explain() string {
	if !l.Locked {
		return ""
	}
	text := l.Reason
	if !l.Since.IsZero() {
		text += " Since " + l.Since.Format("2 January 2006") + "."
	}
	return text + " " + l.HowToChange
}

// Err is the lock as an error that matches [ErrLocked]; nil if nothing is locked.
func (l Lock) Err() error {
	if !l.Locked {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrLocked, l.Explain())
}

// LocksConfig configures [NewLocks]. Store is required.
type LocksConfig struct {
	Store store.Store
	// UserFields are the fields of an account that directories manage. Nil means email,
	// userName, displayName, name, givenName, familyName, phone, active and password.
	// Everything else stays editable.
	UserFields []string
	// PhoneField is the one of UserFields that a tenant may leave to its people (R56).
	// Empty means phone.
	PhoneField string
}

// Locks answers what may be changed by hand. Hosts ask on the path of every write, API
// included, and for the icon in lists. It is safe for concurrent use.
type Locks struct {
	cfg LocksConfig
}

// NewLocks checks cfg and returns locks.
func NewLocks(cfg LocksConfig) (*Locks, error) {
	if cfg.Store == nil {
		return nil, errors.New("provisioning: LocksConfig.Store is required")
	}
	if cfg.UserFields == nil {
		cfg.UserFields = []string{"email", "userName", "displayName", "name", "givenName", "familyName", "phone", "active", "password"}
	}
	cfg.PhoneField = cmp.Or(cfg.PhoneField, "phone")
	return &Locks{cfg: cfg}, nil
}

// Check says whether op may be done by hand to the field of the resource; an empty
// field means the resource as a whole. What no directory manages is not locked, and
// nothing is while the tenant's directories are off. Within a transaction of the
// store use [Locks.CheckTx].
//
// Not locked although a group gave the membership: the role in a team (field "role"),
// which stays as somebody sets it (D1). Nor is a role in the organisation that is the
// settings' default and no group's.
func (l *Locks) Check(ctx context.Context, tenantID string, r Resource, field string, op Op) (Lock, error) {
	return l.CheckTx(ctx, l.cfg.Store, tenantID, r, field, op)
}

// CheckTx is Check within a transaction of the host's.
func (l *Locks) CheckTx(ctx context.Context, tx store.Store, tenantID string, r Resource, field string, op Op) (Lock, error) {
	on, phoneFree, err := directoryState(ctx, tx, tenantID)
	if err != nil || !on {
		return Lock{}, err
	}
	c := &lockCheck{ctx: ctx, tx: tx, tenantID: tenantID}
	var lock Lock
	switch r.Kind {
	case ResourceUser:
		lock, err = c.user(l.cfg, r, field, op, phoneFree)
	case ResourceTeam:
		lock, err = c.team(r)
	case ResourceMembership:
		lock, err = c.membership(r, field, op)
	case ResourceOrgRole:
		lock, err = c.granted(r.AccountID, store.GrantOrgRole, "")
	default:
		return Lock{}, fmt.Errorf("provisioning: expected a resource of kind user, team, membership or org_role, got %q", r.Kind)
	}
	if err != nil || !lock.Locked {
		return Lock{}, err
	}
	lock.Code = cmp.Or(lock.Code, "resource_locked")
	return lock, nil
}

// directoryState says whether a directory provisions, and leaves phone numbers to people.
func directoryState(ctx context.Context, tx store.Store, tenantID string) (on, phoneFree bool, err error) {
	list, err := tx.Directories(ctx, tenantID)
	for _, d := range list {
		on = on || d.Enabled
		phoneFree = phoneFree || d.Enabled && d.Preferences.PhoneEditable
	}
	return on, phoneFree, err
}

type lockCheck struct {
	ctx      context.Context
	tx       store.Store
	tenantID string
}

// source is what the owner calls the identity provider.
func (c *lockCheck) source() (string, error) {
	list, err := c.tx.Connections(c.ctx, c.tenantID)
	if err != nil {
		return "", err
	}
	for _, conn := range list {
		if conn.State == store.ConnectionActive && conn.Name != "" {
			return conn.Name, nil
		}
	}
	return "your identity provider", nil
}

func (c *lockCheck) user(cfg LocksConfig, r Resource, field string, op Op, phoneFree bool) (Lock, error) {
	a, err := c.tx.Account(c.ctx, c.tenantID, r.AccountID)
	if errors.Is(err, store.ErrNotFound) || err == nil && a.SCIMUserID == "" {
		return Lock{}, nil // not provisioned, or not any more
	}
	if err != nil {
		return Lock{}, err
	}
	if op == OpUpdate && field != "" && (!slices.Contains(cfg.UserFields, field) || field == cfg.PhoneField && phoneFree) {
		return Lock{}, nil
	}
	if op == OpUpdate && field != "" && field != cfg.PhoneField {
		if list, err := c.tx.Directories(c.ctx, c.tenantID); err != nil || fieldFreeIn(list, field) {
			return Lock{}, err
		}
	}
	source, err := c.source()
	if err != nil {
		return Lock{}, err
	}
	lock := Lock{
		Locked: true, Source: source, Since: a.CreatedAt,
		Reason:      fmt.Sprintf("This user is managed by %s.", source),
		HowToChange: fmt.Sprintf("Change it in %s; the next sync updates this page.", source),
	}
	if op == OpDelete {
		lock.HowToChange = fmt.Sprintf("Remove the user in %s; access ends with the next sync.", source)
	}
	if op == OpUpdate && field == cfg.PhoneField { // the tenant's own choice, not the directory's
		lock.Code = CodeFieldLocked
		lock.HowToChange = fmt.Sprintf("Change it in %s, or let people change their phone number in the SCIM preferences.", source)
	}
	return lock, nil
}

func (c *lockCheck) team(r Resource) (Lock, error) {
	g, err := c.teamGrant(r.TeamID)
	if err != nil || g == nil {
		return Lock{}, err
	}
	return c.byGroups("This team belongs to", []string{g.GroupID})
}

// teamGrant finds the group that has the team.
func (c *lockCheck) teamGrant(teamID string) (*store.Grant, error) {
	list, err := c.tx.Grants(c.ctx, c.tenantID, "")
	for _, g := range list {
		if g.ResourceID == teamID {
			return &g, err
		}
	}
	return nil, err
}

func (c *lockCheck) membership(r Resource, field string, op Op) (Lock, error) {
	if op == OpUpdate && field == "role" {
		return Lock{}, nil
	}
	if op != OpCreate {
		return c.granted(r.AccountID, store.GrantMembership, r.TeamID)
	}
	// Who is in the team of a group is the group's to say.
	g, err := c.teamGrant(r.TeamID)
	if err != nil || g == nil {
		return Lock{}, err
	}
	return c.byGroups("The members of this team come from", []string{g.GroupID})
}

// granted locks what the ledger says that groups gave.
func (c *lockCheck) granted(accountID string, kind store.GrantKind, resourceID string) (Lock, error) {
	if accountID == "" {
		return Lock{}, nil
	}
	list, err := c.tx.Grants(c.ctx, c.tenantID, accountID)
	if err != nil {
		return Lock{}, err
	}
	var groups []string
	for _, g := range list {
		if g.Kind == kind && g.ResourceID == resourceID && g.GroupID != store.GrantedByDefault {
			groups = append(groups, g.GroupID)
		}
	}
	if len(groups) == 0 {
		return Lock{}, nil
	}
	what := "This membership comes from"
	if kind == store.GrantOrgRole {
		what = "This role comes from"
	}
	lock, err := c.byGroups(what, groups)
	if err != nil {
		return Lock{}, err
	}
	lock.Since, err = c.since(accountID, kind, resourceID)
	return lock, err
}

// since finds in the journal when groups gave it last.
func (c *lockCheck) since(accountID string, kind store.GrantKind, teamID string) (time.Time, error) {
	prefix := eventPrefix + "member."
	if kind == store.GrantOrgRole {
		prefix = eventPrefix + string(OrgRoleSet)
	}
	events, err := c.tx.Events(c.ctx, c.tenantID, store.EventQuery{SubjectKind: subjectAccount, SubjectID: accountID, TypePrefix: prefix, Newest: true, Limit: 100})
	if err != nil {
		return time.Time{}, err
	}
	for _, ev := range events {
		if kind == store.GrantOrgRole || strings.Contains(string(ev.After), `"teamId":`+string(asJSON(teamID))) && ev.Type != eventPrefix+string(MemberRole) {
			return ev.At, nil
		}
	}
	return time.Time{}, nil
}

func (c *lockCheck) byGroups(what string, ids []string) (Lock, error) {
	source, err := c.source()
	if err != nil {
		return Lock{}, err
	}
	lock := Lock{Locked: true, Source: source}
	for _, id := range ids {
		g, err := c.tx.SCIMGroup(c.ctx, c.tenantID, id)
		switch {
		case err == nil:
			lock.Groups = append(lock.Groups, g.DisplayName)
		case !errors.Is(err, store.ErrNotFound):
			return Lock{}, err
		}
	}
	groups := "a group that was deleted"
	if len(lock.Groups) > 0 {
		groups = "the group “" + strings.Join(lock.Groups, "”, “") + "”"
	}
	lock.Reason = fmt.Sprintf("%s %s of %s.", what, groups, source)
	lock.HowToChange = fmt.Sprintf("Change the group in %s, or what it gives in the provisioning settings.", source)
	return lock, nil
}
