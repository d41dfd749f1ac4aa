package drivertest

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// question is something that a store is asked often, on the tables of fill.
type question struct {
	name string
	ask  func(ctx context.Context, st store.Store) error
	// index must be named by one of the plans.
	index string
	// Others must be named too.
	others []string
}

func list(q store.Query) func(context.Context, store.Store) error {
	return func(ctx context.Context, st store.Store) error {
		_, err := st.SCIMUsers(ctx, acme, q)
		return err
	}
}

func questions() []question {
	eq := func(attr store.Attr, value string) store.Expr {
		return store.Compare{Attr: attr, Op: store.Eq, Value: value}
	}
	return []question{
		{"user", func(ctx context.Context, st store.Store) error {
			_, err := st.SCIMUser(ctx, acme, "u000042")
			return err
		}, "", nil},
		{"by userName", list(store.Query{Filter: eq(store.AttrUserName, "Name42")}), "tenantgate_scim_users_name", nil},
		{"by several userNames", list(store.Query{Filter: store.In{Attr: store.AttrUserName, Values: []string{"name1", "name2"}}}), "tenantgate_scim_users_name", nil},
		{"by externalId", list(store.Query{Filter: eq(store.AttrExternalID, "x42")}), "tenantgate_scim_users_external", nil},
		{"by e-mail", list(store.Query{Filter: eq("emails.value", "name42@example.com"), Limit: 100}), "tenantgate_scim_keys_pkey", nil},
		{"by userName or e-mail", list(store.Query{Limit: 100, Filter: store.Or{eq(store.AttrUserName, "name42"), eq("emails.value", "name42@example.com")}}), "tenantgate_scim_users_name", []string{"tenantgate_scim_keys_pkey"}},
		{"by group", list(store.Query{Filter: eq(store.AttrGroup, "g0007"), Limit: 100}), "tenantgate_scim_members_pkey", nil},
		{"page after", list(store.Query{After: "u010000", Limit: 100}), "", nil},
		{"page at an offset", list(store.Query{Offset: 15000, Limit: 100}), "", nil},
		{"groups by displayName", func(ctx context.Context, st store.Store) error {
			_, err := st.SCIMGroups(ctx, acme, store.Query{Filter: eq(store.AttrDisplayName, "Group 7"), Limit: 100})
			return err
		}, "tenantgate_scim_groups_name", nil},
		{"group", func(ctx context.Context, st store.Store) error {
			_, err := st.SCIMGroup(ctx, acme, "g0007")
			return err
		}, "", nil},
		{"members", func(ctx context.Context, st store.Store) error {
			_, err := st.SCIMMembers(ctx, acme, "g0007", "u000100", 100)
			return err
		}, "", nil},
		{"groups of a user", func(ctx context.Context, st store.Store) error {
			_, err := st.SCIMGroupsOf(ctx, acme, "u000042")
			return err
		}, "tenantgate_scim_members_member", nil},
		{"member added and removed", func(ctx context.Context, st store.Store) error {
			d := store.MemberDelta{Add: []store.Member{{ID: "new", Kind: store.MemberUser}}, Remove: []string{"u000007"}}
			_, err := st.ChangeSCIMMembers(ctx, acme, "g0007", d, at, nil, event("members", "g0007"))
			return err
		}, "", nil},
		{"several members removed", func(ctx context.Context, st store.Store) error {
			d := store.MemberDelta{Remove: []string{"u001007", "u002007", "u003007"}}
			change, err := st.ChangeSCIMMembers(ctx, acme, "g0007", d, at, nil, event("members", "g0007"))
			if err == nil && len(change.Removed) != 3 {
				err = fmt.Errorf("removed %v", change.Removed)
			}
			return err
		}, "", nil},
		{"create", func(ctx context.Context, st store.Store) error {
			_, err := st.CreateSCIMUser(ctx, acme, user("new", "new"), event("created", "new"))
			return err
		}, "", nil},
		{"update", func(ctx context.Context, st store.Store) error {
			u := user("new", "newer")
			u.Version = 1
			_, err := st.UpdateSCIMUser(ctx, acme, u, event("updated", "new"))
			return err
		}, "", nil},
		{"delete", func(ctx context.Context, st store.Store) error {
			return st.DeleteSCIMUser(ctx, acme, "u000042", 0, event("deleted", "u000042"))
		}, "", nil},
		{"events", func(ctx context.Context, st store.Store) error {
			_, err := st.Events(ctx, acme, store.EventQuery{After: 3, Limit: 100})
			return err
		}, "tenantgate_events_", nil},
		{"old events", func(ctx context.Context, st store.Store) error {
			_, err := st.EraseEvents(ctx, acme, 3, 500)
			return err
		}, "tenantgate_events_", nil},
		{"API key", func(ctx context.Context, st store.Store) error {
			_, err := st.CreateAPIKey(ctx, acme, store.APIKey{Meta: store.Meta{ID: "k", CreatedAt: at, UpdatedAt: at}, Name: "k", Hash: []byte("hash")})
			if err == nil {
				_, err = st.APIKeyByHash(ctx, acme, []byte("hash"))
			}
			return err
		}, "", nil},
		{"tenant of a domain", func(ctx context.Context, st store.Store) error {
			d := store.Domain{Meta: store.Meta{ID: "d", CreatedAt: at, UpdatedAt: at}, Name: "example.com", State: store.DomainVerified}
			if _, err := st.CreateDomain(ctx, acme, d); err != nil {
				return err
			}
			_, err := st.TenantOfDomain(ctx, "example.com")
			return err
		}, "", nil},
		{"domains and their connections", func(ctx context.Context, st store.Store) error {
			meta := store.Meta{ID: "found", CreatedAt: at, UpdatedAt: at}
			if _, err := st.CreateConnection(ctx, acme, store.Connection{Meta: meta}); err != nil {
				return err
			}
			d := store.Domain{Meta: meta, Name: "found.example", State: store.DomainVerified, ConnectionID: meta.ID}
			if _, err := st.CreateDomain(ctx, acme, d); err != nil {
				return err
			}
			for _, connections := range []bool{false, true} {
				q := store.DomainQuery{Names: []string{"x.found.example", "found.example"}, Connections: connections}
				found, err := store.FindDomains(ctx, st, q)
				if err == nil && len(found) != 1 {
					err = fmt.Errorf("found %v", found)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}, "tenantgate_record_unique_pkey", []string{"tenantgate_records_pkey"}},
		{"directory of a key", func(ctx context.Context, st store.Store) error {
			meta := store.Meta{ID: "found", CreatedAt: at, UpdatedAt: at}
			if _, err := st.CreateDirectory(ctx, acme, store.Directory{Meta: meta, ConnectionID: meta.ID}); err != nil {
				return err
			}
			if _, err := st.CreateAPIKey(ctx, acme, store.APIKey{Meta: meta, Name: "found", Hash: []byte("found"), DirectoryID: meta.ID}); err != nil {
				return err
			}
			found, err := store.FindDirectory(ctx, st, acme, []byte("found"))
			if err == nil && found.Directory.ID == "" {
				err = fmt.Errorf("found %v", found)
			}
			return err
		}, "tenantgate_record_unique_pkey", []string{"tenantgate_records_pkey"}},
		{"links and accounts of a page of people", func(ctx context.Context, st store.Store) error {
			i := store.Identity{Meta: store.Meta{ID: "i", CreatedAt: at, UpdatedAt: at}, ConnectionID: "c", Subject: "s", AccountID: "u000007"}
			if _, err := st.CreateIdentity(ctx, acme, i); err != nil {
				return err
			}
			ids := []string{"u000007", "u001007", "u002007", "nobody"}
			people := st.(store.PeopleReader)
			links, err := people.IdentitiesOfAccounts(ctx, acme, ids)
			if err != nil {
				return err
			}
			accounts, err := people.AccountsOfSCIMUsers(ctx, acme, ids)
			if err == nil && (len(links) != 1 || len(accounts) != 3) {
				err = fmt.Errorf("%d links, %d accounts", len(links), len(accounts))
			}
			return err
		}, "", nil},
		{"what locks a page of people", func(ctx context.Context, st store.Store) error {
			locks := st.(store.LockReader)
			if _, err := locks.GrantsOfAccounts(ctx, acme, []string{"u000007", "u001007", "nobody"}); err != nil {
				return err
			}
			groups, err := locks.GroupsWithIDs(ctx, acme, []string{"g0007", "g0008", "none"})
			if err != nil {
				return err
			}
			users, err := locks.SCIMUsersAmong(ctx, acme, []string{"u000007", "u001007", "nobody"})
			if err == nil && (len(groups) != 2 || len(users) != 2) {
				err = fmt.Errorf("%d groups, %d users", len(groups), len(users))
			}
			return err
		}, "", nil},
		{"grants of a group", func(ctx context.Context, st store.Store) error {
			_, err := st.GrantsOfGroup(ctx, acme, "g0007", store.GrantKey{AccountID: "u000100"}, 100)
			return err
		}, "tenantgate_grants_group", nil},
	}
}

// fill makes a tenant of 20,000 users, 1,000 groups and 40,000 memberships beside 500
// small tenants. Both dialects run it: only the series and the time differ.
func fill(t *testing.T, db *sql.DB, series func(from, to int) string, now, no string) {
	t.Helper()
	tenants := []struct {
		id            string
		users, groups int
	}{{acme, 20000, 1000}}
	for i := range 500 {
		tenants = append(tenants, struct {
			id            string
			users, groups int
		}{"tenant" + strconv.Itoa(i), 20, 2})
	}
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	pad := func(n int) string {
		return "substr('00000000' || n, length('00000000' || n) - " + strconv.Itoa(n-1) + ")"
	}
	for _, tenant := range tenants {
		users, groups := series(1, tenant.users), series(1, tenant.groups)
		for _, statement := range []string{
			"insert into tenantgate_scim_users select '" + tenant.id + "', 'u' || " + pad(6) + ", 'Name' || n, 'name' || n, 'x' || n, " + no + ", 1, " + now + ", " + now + ", '', '{}' from " + users,
			"insert into tenantgate_scim_keys (tenant_id, kind, attr, value, record_id) select '" + tenant.id + "', 'u', 'emails.value', 'name' || n || '@example.com', 'u' || " + pad(6) + " from " + users,
			"insert into tenantgate_scim_groups select '" + tenant.id + "', 'g' || " + pad(4) + ", 'Group ' || n, 'group ' || n, null, 1, 0, null, " + now + ", " + now + ", '', '{}' from " + groups,
			"insert into tenantgate_scim_members select '" + tenant.id + "', 'g' || substr('0000' || (n % " + strconv.Itoa(tenant.groups) + "), length('0000' || (n % " + strconv.Itoa(tenant.groups) + ")) - 3), 'u' || " + pad(6) + ", 'User' from " + users,
			"insert into tenantgate_grants select '" + tenant.id + "', 'u' || " + pad(6) + ", 'membership', 'team', 'g' || substr('0000' || (n % 10), length('0000' || (n % 10)) - 3), 'member', '' from " + users,
			"insert into tenantgate_records select '" + tenant.id + "', 'account', 'u' || " + pad(6) + ", 1, " + now + ", " + now + ", null, '{}' from " + users,
			"insert into tenantgate_record_unique select 'account', '" + tenant.id + "', 'scim_user', 'u' || " + pad(6) + ", '" + tenant.id + "', 'u' || " + pad(6) + " from " + users,
		} {
			_, err := tx.ExecContext(t.Context(), statement)
			require.NoError(t, err, statement)
		}
	}
	require.NoError(t, tx.Commit())
}

// recorder notes the statements that a pool runs.
type recorder struct {
	mu         sync.Mutex
	statements []string
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, data.SQL)
	return ctx
}

func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.statements
	r.statements = nil
	return taken
}

// TestPostgresPlans looks at the plans of the statements that the store runs, as the
// server makes them for prepared statements that know no values: none may walk a table
// that grows with a tenant, or with the number of tenants.
func TestPostgresPlans(t *testing.T) {
	ctx := t.Context()
	cfg, err := pgx.ParseConfig(postgresServer(t).Schema(t))
	require.NoError(t, err)
	recorded := &recorder{}
	cfg.Tracer = recorded
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	db.SetMaxOpenConns(1) // so that the setting below holds for all
	st := newPostgres(t, db)
	fill(t, db, func(from, to int) string {
		return "generate_series(" + strconv.Itoa(from) + ", " + strconv.Itoa(to) + ") as s (n)"
	}, "timestamptz '2026-01-01'", "false")
	for range 20 {
		events := make([]store.Event, 500)
		for i := range events {
			events[i] = event("scim.user.updated", strconv.Itoa(i))
		}
		require.NoError(t, st.AppendEvents(ctx, acme, events...))
	}
	_, err = st.Events(ctx, acme, store.EventQuery{Limit: 1})
	require.NoError(t, err)
	exec(t, db, "analyze")
	exec(t, db, "set plan_cache_mode = force_generic_plan")

	for _, q := range questions() {
		t.Run(q.name, func(t *testing.T) {
			recorded.take()
			require.NoError(t, q.ask(ctx, st))
			var plans []string
			for _, statement := range recorded.take() {
				if !strings.HasPrefix(statement, "select") && !strings.HasPrefix(statement, "with") && !strings.HasPrefix(statement, "delete from tenantgate_events") {
					continue
				}
				plans = append(plans, genericPlan(t, db, statement))
			}
			recorded.take()
			require.NotEmpty(t, plans)
			all := strings.Join(plans, "\n\n")
			for _, table := range []string{"scim_users", "scim_groups", "scim_keys", "scim_members", "scim_counts", "grants", "records", "record_unique", "events"} {
				require.NotContains(t, all, "Seq Scan on tenantgate_"+table)
			}
			// A group can be far larger than the planner thinks: one member is looked up.
			require.NotContains(t, all, "Filter: (member_id")
			// There are many more names of one kind than the planner thinks.
			require.NotContains(t, all, "Filter: (value")
			require.Contains(t, all, q.index)
			for _, index := range q.others {
				require.Contains(t, all, index)
			}
		})
	}
}

// TestPostgresPlansLookupsOnce: the server makes one plan for all look-ups, whatever they look for, where it may choose. To
// plan them each time would take longer than the look-up itself.
func TestPostgresPlansLookupsOnce(t *testing.T) {
	ctx := t.Context()
	cfg, err := pgx.ParseConfig(postgresServer(t).Schema(t))
	require.NoError(t, err)
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	db.SetMaxOpenConns(1)
	st := newPostgres(t, db)
	names := []string{"a.example", "b.example", "c.example"}
	for i := range 30 {
		for _, connections := range []bool{false, true} {
			_, err := store.FindDomains(ctx, st, store.DomainQuery{Names: names[:1+i%3], Connections: connections})
			require.NoError(t, err)
		}
		_, err := store.FindDirectory(ctx, st, acme, []byte(names[i%3]))
		require.NoError(t, err)
	}
	var once, each int
	row := db.QueryRowContext(ctx, "select count(*) filter (where generic_plans > 20), count(*) from pg_prepared_statements where statement like 'with %'")
	require.NoError(t, row.Scan(&once, &each))
	require.Equal(t, 3, each)
	require.Equal(t, 3, once)
}

// genericPlan prepares the statement and returns its plan for any values.
func genericPlan(t *testing.T, db *sql.DB, statement string) string {
	t.Helper()
	exec(t, db, "prepare q as "+statement)
	defer exec(t, db, "deallocate q")
	params := 0
	for strings.Contains(statement, "$"+strconv.Itoa(params+1)) {
		params++
	}
	call := "explain execute q"
	if params > 0 {
		call += "(" + strings.TrimSuffix(strings.Repeat("null, ", params), ", ") + ")"
	}
	rows, err := db.QueryContext(t.Context(), call)
	require.NoError(t, err)
	return lines(t, rows, 1)
}

// lines joins one column of a result.
func lines(t *testing.T, rows *sql.Rows, columns int) string {
	t.Helper()
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		dest := make([]any, columns)
		for i := range dest {
			dest[i] = new(any)
		}
		var line string
		dest[columns-1] = &line
		require.NoError(t, rows.Scan(dest...))
		b.WriteString(line + "\n")
	}
	require.NoError(t, rows.Err())
	return b.String()
}

// TestSQLiteSpeed asks the same of SQLite, whose planner has no statistics. A walk of a
// table would take longer by orders of magnitude.
func TestSQLiteSpeed(t *testing.T) {
	for _, driver := range []string{"sqlite", "sqlite3"} {
		t.Run(driver, func(t *testing.T) {
			db := openSQLite(t, driver, "&_pragma=synchronous(0)")
			st := newSQLite(t, db)
			fill(t, db, func(from, to int) string {
				return "(with recursive s (n) as (select " + strconv.Itoa(from) + " union all select n + 1 from s where n < " + strconv.Itoa(to) + ") select n from s)"
			}, "1767225600000000", "0")
			for _, q := range questions() {
				begun := time.Now()
				require.NoError(t, q.ask(t.Context(), st), q.name)
				t.Logf("%-26s %v", q.name, time.Since(begun))
			}
		})
	}
}
