package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

const (
	selectMembers     = "select m.member_id, m.kind from tenantgate_scim_members m where m.tenant_id = $1 and m.group_id = $2 and m.member_id > $3 order by m.member_id limit $4"
	selectGroupExists = "select 1 from tenantgate_scim_groups r where r.tenant_id = $1 and r.id = $2"
	selectGroupsOf    = "select m.member_id, r.id, r.display_name from tenantgate_scim_members m" +
		" join tenantgate_scim_groups r on r.tenant_id = m.tenant_id and r.id = m.group_id where m.tenant_id = $1 and "
)

// GroupColumns are the columns of a group named r that GroupScan reads.
func (d *Dialect) GroupColumns(body string) string {
	return "r.id, r.version, r.created_at, r.updated_at, r.display_name, r.external_id, " +
		d.MembersVersion + ", " + d.MembersUpdatedAt + ", r.keys, " + body
}

type groupScan struct {
	group                     store.SCIMGroup
	created, updated, members Timestamp
	externalID                sql.NullString
	keys                      []byte
	body                      []byte
	dest                      []any
}

func newGroupScan() *groupScan {
	s := &groupScan{}
	s.dest = []any{
		&s.group.ID, &s.group.Version, &s.created, &s.updated, &s.group.DisplayName, &s.externalID,
		&s.group.MembersVersion, &s.members, &s.keys, &s.body,
	}
	return s
}

func (s *groupScan) take(tenantID string) (store.SCIMGroup, error) {
	g := s.group
	var err error
	if g.Keys, err = DecodeKeys(s.keys); err != nil {
		return g, fmt.Errorf("group %s: %w", g.ID, err)
	}
	g.TenantID, g.ExternalID, g.Body = tenantID, s.externalID.String, s.body
	g.CreatedAt, g.UpdatedAt, g.MembersUpdatedAt = s.created.Time, s.updated.Time, s.members.Time
	return g, nil
}

// SCIMGroup implements store.SCIMGroupStore.
func (s Shared) SCIMGroup(ctx context.Context, tenantID, id string) (store.SCIMGroup, error) {
	row := newGroupScan()
	query := "select " + s.DB.GroupColumns("r.body") + " from tenantgate_scim_groups r where r.tenant_id = $1 and r.id = $2"
	if err := s.DB.One(ctx, row.dest, query, tenantID, id); err != nil {
		return store.SCIMGroup{}, Errorf(err, "SCIM group")
	}
	return row.take(tenantID)
}

// SCIMGroups implements store.SCIMGroupStore.
func (s Shared) SCIMGroups(ctx context.Context, tenantID string, q store.Query) (store.Page[store.SCIMGroup], error) {
	sel := s.DB.page(Groups, tenantID, q)
	body := "r.body"
	if q.WithoutBody {
		body = "null"
	}
	row := newGroupScan()
	var groups []store.SCIMGroup
	err := s.DB.Each(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(row.dest...); err != nil {
			return err
		}
		g, err := row.take(tenantID)
		groups = append(groups, g)
		return err
	}, "select "+s.DB.GroupColumns(body)+" from tenantgate_scim_groups r where "+sel.where, sel.args...)
	if err != nil {
		return store.Page[store.SCIMGroup]{}, Errorf(err, "SCIM groups")
	}
	return finish(sel, groups, func(g *store.SCIMGroup) string { return g.ID }), nil
}

// SCIMMembers implements store.SCIMGroupStore.
func (s Shared) SCIMMembers(ctx context.Context, tenantID, groupID, after string, limit int) ([]store.Member, error) {
	var members []store.Member
	err := s.DB.Each(ctx, func(rows *sql.Rows) error {
		var m store.Member
		err := rows.Scan(&m.ID, &m.Kind)
		members = append(members, m)
		return err
	}, selectMembers, tenantID, groupID, after, store.Query{Limit: limit}.ClampLimit())
	if err == nil && len(members) == 0 {
		var one int
		err = s.DB.One(ctx, []any{&one}, selectGroupExists, tenantID, groupID)
	}
	return members, Errorf(err, "members of SCIM group")
}

// SCIMGroupsOf implements store.SCIMGroupStore.
func (s Shared) SCIMGroupsOf(ctx context.Context, tenantID string, memberIDs ...string) (map[string][]store.GroupRef, error) {
	groups := make(map[string][]store.GroupRef, len(memberIDs))
	c := compiler{Dialect: &s.DB.Dialect, args: []any{tenantID}}
	var storable []string
	for _, id := range memberIDs {
		if s.DB.storable([]any{id}) {
			storable = append(storable, id)
		}
	}
	if len(storable) == 0 {
		return groups, nil
	}
	cond := "m.member_id = $2"
	if len(storable) == 1 {
		c.args = append(c.args, storable[0])
	} else {
		cond = c.InList("m.member_id", c.arg(c.List(storable)))
	}
	err := s.DB.Each(ctx, func(rows *sql.Rows) error {
		var member string
		var g store.GroupRef
		if err := rows.Scan(&member, &g.ID, &g.DisplayName); err != nil {
			return err
		}
		groups[member] = append(groups[member], g)
		return nil
	}, selectGroupsOf+cond, c.args...)
	if err != nil {
		return nil, Errorf(err, "groups of members")
	}
	// Sorted here: asked for an order, SQLite would walk all memberships in that order.
	for _, refs := range groups {
		slices.SortFunc(refs, func(a, b store.GroupRef) int { return strings.Compare(a.ID, b.ID) })
	}
	return groups, nil
}
