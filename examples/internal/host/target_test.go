package host_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/provisioning/provisioningtest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestTarget holds the product to what provisioning counts on, on both databases that
// its rows share with ours.
func TestTarget(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		file, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "host.db")+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, file.Close()) })
		require.NoError(t, sqlite.Migrate(t.Context(), file))
		st, err := sqlite.New(t.Context(), file)
		require.NoError(t, err)
		checkTarget(t, file, st, host.Dialect{Joined: sqlite.SQLTx})
	})
	t.Run("postgres", func(t *testing.T) {
		pool, err := sql.Open("pgx", pgtest.Start(t).Schema(t))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, pool.Close()) })
		require.NoError(t, postgres.Migrate(t.Context(), pool))
		st, err := postgres.New(t.Context(), pool)
		require.NoError(t, err)
		checkTarget(t, pool, st, host.Dialect{Numbered: true, Joined: postgres.SQLTx})
	})
}

func checkTarget(t *testing.T, pool *sql.DB, st store.Store, d host.Dialect) {
	db, err := host.OpenDB(t.Context(), pool, d)
	require.NoError(t, err)
	for _, org := range []string{"acme", "globex"} {
		require.NoError(t, db.AddUser(t.Context(), nil, host.User{
			ID: "root-" + org, OrgID: org, Email: "root@" + org + ".example", Source: store.SourceManual, Active: true, OrgRole: host.RoleOwner,
		}, ""))
		require.NoError(t, db.AddOrg(t.Context(), host.Org{ID: org, Name: org, RootUserID: "root-" + org}))
	}
	provisioningtest.Run(t, func(*testing.T) provisioningtest.Host {
		return provisioningtest.Host{
			Target: host.Target{DB: db}, Store: st, Tenant: "acme", Other: "globex",
			OrgRoles: host.OrgRoles(), TeamRoles: host.TeamRoles(),
			SignIn: func(ctx context.Context, tenantID, accountID string) (func(context.Context) (bool, error), error) {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
				if err := db.StartSession(ctx, nil, w, r, host.Session{UserID: accountID, OrgID: tenantID, Method: "oidc"}, time.Now()); err != nil {
					return nil, err
				}
				for _, c := range w.Result().Cookies() {
					r.AddCookie(c)
				}
				return func(context.Context) (bool, error) {
					_, _, ok, err := db.Session(r, time.Now())
					return ok, err
				}, nil
			},
			Fields: []string{"title", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"},
			Field: func(ctx context.Context, tenantID, accountID, field string) (string, error) {
				u, err := db.User(ctx, nil, tenantID, accountID)
				switch {
				case err != nil:
					return "", err
				case field == "displayName":
					return u.Name, nil
				case field == tenant.FieldPhone:
					return u.Phone, nil
				}
				return db.UserField(ctx, nil, tenantID, accountID, field)
			},
			Password: func(ctx context.Context, tenantID, accountID string) (func(context.Context) (bool, error), error) {
				hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
				if err == nil {
					_, err = pool.ExecContext(ctx, fmt.Sprintf(`update oncall_users set password_hash = '%s' where id = '%s'`, hash, accountID))
				}
				return func(ctx context.Context) (bool, error) {
					u, err := db.User(ctx, nil, tenantID, accountID)
					return u.CheckPassword("correct horse"), err
				}, err
			},
			Duty: func(ctx context.Context, tenantID, accountID string) error {
				id := "t-" + rand.Text()
				if err := db.AddTeam(ctx, nil, host.Team{ID: id, OrgID: tenantID, Name: id, Source: "manual"}); err != nil {
					return err
				}
				return db.PutMembership(ctx, nil, host.Membership{TeamID: id, UserID: accountID, Role: host.RoleAdministrator, Source: "manual"})
			},
			JoinByHand: func(ctx context.Context, _, team, account, role string) error {
				return db.PutMembership(ctx, nil, host.Membership{TeamID: team, UserID: account, Role: role, Source: "manual"})
			},
		}
	})
}
