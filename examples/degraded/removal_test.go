package degraded

import (
	"bytes"
	"database/sql"
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

func onSQLite(t *testing.T) *world {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "a.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, sqlite.Migrate(t.Context(), db))
	st, err := sqlite.New(t.Context(), db)
	require.NoError(t, err)
	own, err := host.OpenDB(t.Context(), db, host.Dialect{Joined: sqlite.SQLTx})
	require.NoError(t, err)
	return newWorldOn(t, own, func(*world) store.Store { return st })
}

func onPostgres(t *testing.T) *world {
	t.Helper()
	db, err := sql.Open("pgx", pgtest.Start(t).Schema(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, postgres.Migrate(t.Context(), db))
	st, err := postgres.New(t.Context(), db)
	require.NoError(t, err)
	own, err := host.OpenDB(t.Context(), db, host.Dialect{Numbered: true, Joined: postgres.SQLTx})
	require.NoError(t, err)
	return newWorldOn(t, own, func(*world) store.Store { return st })
}

// TestRemoval removes a tenant with all that sign-ins, a directory and provisioning made, on each store.
func TestRemoval(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *world{"memory": newWorld, "sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			ctx := t.Context()
			_, err := w.st.PutProvisioningSettings(ctx, org, store.ProvisioningSettings{Mode: store.ModeAuto, Auto: store.AutoRule{TeamRole: "member"}})
			require.NoError(t, err)
			require.Equal(t, answer{}, w.try(tenant.OpPushGroup))
			w.sync()
			ada, err := w.db.UserByEmail(ctx, nil, org, "ada@"+domain)
			require.NoError(t, err)
			memberships, err := w.db.MembershipsOf(ctx, nil, org, ada.ID)
			require.NoError(t, err)
			require.Len(t, memberships, 1)
			neutral := w.signIn("nobody@nowhere.example")

			e := tenant.Ending{Kind: tenant.EndingRemove, Offer: tenant.OfferPasswordReset, TakeMemberships: true, Reason: "they left"}
			_, err = w.svc.PlanEnding(ctx, w.owner, org, e)
			require.ErrorIs(t, err, tenant.ErrForbidden, "the staff decides here")
			plan, err := w.svc.PlanEnding(ctx, w.staff, org, e)
			require.NoError(t, err)
			require.Equal(t, 4, plan.Totals.By[tenant.EffectLoses])
			require.Equal(t, 4, plan.Totals.Unlocked)
			require.True(t, plan.Ready(), plan.Findings)
			_, err = w.svc.ApplyEnding(ctx, w.staff, org, e, plan.Hash)
			require.NoError(t, err)

			// Before the first page: nobody signs in, the directory takes away and gives nothing.
			require.Equal(t, neutral.code, w.signIn("ada").code)
			require.Equal(t, answer{status: 403, code: tenant.ErrorCodeTenantRemoved}, w.try(tenant.OpCreateUser))
			require.Equal(t, answer{}, w.try(tenant.OpDeactivate))
			require.Equal(t, answer{}, w.try(tenant.OpDeleteUser))
			n, err := w.svc.RunEndings(ctx)
			require.NoError(t, err)
			require.Equal(t, 1, n)

			got, err := w.st.Holdings(ctx, org)
			require.NoError(t, err)
			for _, kind := range []store.RecordKind{store.KindEvent, store.KindPosition, store.KindLease, store.KindLifecycle, "head", "value"} {
				delete(got, kind) // value: where the lifecycle is found by its state
			}
			require.Empty(t, got, "nothing is orphaned")
			require.ElementsMatch(t, []string{"ada@acme.example password_reset", "bob@acme.example password_reset"}, w.mails, "not those whom the directory sent away")
			for name, active := range map[string]bool{"ada": true, "bob": true, "cleo": false, "dan": false} {
				u, err := w.db.UserByEmail(ctx, nil, org, name+"@"+domain)
				require.NoError(t, err, "the host's accounts stay")
				require.Equal(t, active, u.Active, name)
			}
			memberships, err = w.db.MembershipsOf(ctx, nil, org, ada.ID)
			require.NoError(t, err)
			require.Empty(t, memberships, "what a group gave is taken back")

			status, body := w.scimRaw(http.MethodGet, "/Users")
			require.Equal(t, 401, status, body)
			require.Equal(t, neutral.code, w.signIn("ada").code)
			require.Equal(t, neutral.status, w.signIn("ada").status)
			m, err := w.login.PeekSignInMethods(ctx, "ada@"+domain)
			require.NoError(t, err)
			require.True(t, m.Password, "a new password is a way in")

			// Those who follow the journal read it to the end, and nobody else loses anything by it.
			w.sync()
			follow, stop := contextWithTimeout(t, 300*time.Millisecond)
			_ = w.login.Run(follow, 20*time.Millisecond)
			stop()
			u, err := w.db.UserByEmail(ctx, nil, org, "ada@"+domain)
			require.NoError(t, err)
			require.True(t, u.Active)
			var out bytes.Buffer
			end, err := w.svc.ExportTenant(ctx, w.staff, org, &out)
			require.NoError(t, err)
			require.Equal(t, 1, end.Counts["lifecycle"])
			require.NotContains(t, end.Counts, "scim_user")
		})
	}
}

// TestRemovalIsUndoneWithTheHosts looks that the host's rows commit with ours: a page that fails leaves both as they were.
func TestRemovalIsUndoneWithTheHosts(t *testing.T) {
	w := onSQLite(t)
	ctx := t.Context()
	e := tenant.Ending{Kind: tenant.EndingRemove, Offer: tenant.OfferInvitation}
	plan, err := w.svc.PlanEnding(ctx, w.staff, org, e)
	require.NoError(t, err)
	_, err = w.svc.ApplyEnding(ctx, w.staff, org, e, plan.Hash)
	require.NoError(t, err)
	require.Equal(t, answer{}, w.try(tenant.OpDeactivate))
	full := errors.New("the mail queue is full")
	w.mailErr = full
	before, err := w.st.Holdings(ctx, org)
	require.NoError(t, err)
	_, err = w.svc.ContinueEnding(ctx, org)
	require.ErrorIs(t, err, full)
	after, err := w.st.Holdings(ctx, org)
	require.NoError(t, err)
	require.Equal(t, before, after)
	cleo, err := w.db.UserByEmail(ctx, nil, org, "cleo@"+domain)
	require.NoError(t, err)
	require.True(t, cleo.Active, "her access ends with the page, not without it")
}
