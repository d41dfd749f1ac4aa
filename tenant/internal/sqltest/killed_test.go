package sqltest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/sqlite"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

// A program that is to be killed is this test, run again with these set.
const (
	envDriver = "SQLTEST_DRIVER"
	envSource = "SQLTEST_SOURCE"
	envNow    = "SQLTEST_NOW"  // its clock
	envKill   = "SQLTEST_KILL" // the notice to be killed at, from 1; negative: once it is in the queue; 0: never
)

func openShared(tb testing.TB, driver, source string) store.Store {
	tb.Helper()
	db, err := sql.Open(driver, source)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, db.Close()) })
	var st store.Store
	if driver == "sqlite" {
		require.NoError(tb, sqlite.Migrate(tb.Context(), db))
		st, err = sqlite.New(tb.Context(), db)
	} else {
		require.NoError(tb, postgres.Migrate(tb.Context(), db))
		st, err = postgres.New(tb.Context(), db)
	}
	require.NoError(tb, err)
	return st
}

// TestRemindersInAProgramOfItsOwn is a replica: it sends the reminders that are due, and is perhaps killed over one.
func TestRemindersInAProgramOfItsOwn(t *testing.T) {
	driver := os.Getenv(envDriver)
	if driver == "" {
		t.Skip("run by TestRemindersOfReplicasThatAreKilled")
	}
	now, err := time.Parse(time.RFC3339, os.Getenv(envNow))
	require.NoError(t, err)
	at, err := strconv.Atoi(os.Getenv(envKill))
	require.NoError(t, err)
	n := 0
	kill := func(when bool) {
		if when {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal comes
		}
	}
	st := openShared(t, driver, os.Getenv(envSource))
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	require.NoError(t, err)
	s, err := tenant.New(tenant.Config{
		Store: st, Keyring: ring, Now: func() time.Time { return now }, DomainValidator: proven{},
		Tenants:    tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) { return organisation(id), nil }),
		Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
		ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
			return tenant.ProviderReport{}, errors.New("nobody is set up here")
		}),
		Notifier: tenant.NotifierFunc(func(ctx context.Context, tx store.Store, notice tenant.Notice) error {
			n++
			kill(n == at)
			err := tx.AppendEvents(ctx, notice.TenantID, store.Event{
				ID: store.NewID(time.Now()), Type: "mail", At: store.Time(now), Message: notice.ConnectionID + " " + notice.Before.String(), Actor: store.EventActor{Kind: "host"},
			})
			kill(n == -at)
			return err
		}),
	})
	require.NoError(t, err)
	_, err = s.RemindOfExpiry(t.Context())
	require.NoError(t, err)
}

// TestRemindersOfReplicasThatAreKilled: two replicas send the reminders at the same time, and again and again one of them is
// killed over a notice, before or after it is in the queue. In the end each secret has each of its reminders exactly once.
func TestRemindersOfReplicasThatAreKilled(t *testing.T) {
	for driver, source := range map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string {
			return "file:" + filepath.Join(t.TempDir(), "store.db") + "?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)"
		},
		"pgx": func(t *testing.T) string { return pgtest.Start(t).Schema(t) },
	} {
		t.Run(driver, func(t *testing.T) { remindersOfKilled(t, driver, source(t)) })
	}
}

func remindersOfKilled(t *testing.T, driver, source string) {
	t.Helper()
	const day = 24 * time.Hour
	st, expires := openShared(t, driver, source), store.Time(time.Now().Add(100*day))
	var want []string
	for i := range 4 {
		for range 2 {
			c, err := st.CreateConnection(t.Context(), fmt.Sprint("tenant-", i), store.Connection{
				Meta: store.Meta{ID: store.NewID(time.Now()), CreatedAt: time.Now(), UpdatedAt: time.Now()}, State: store.ConnectionActive,
				SealedSecret: []byte("sealed"), SecretSetAt: store.Time(time.Now()), SecretExpiresAt: expires,
			})
			require.NoError(t, err)
			for _, before := range []time.Duration{14 * day, 7 * day, 3 * day, day, 0} {
				want = append(want, c.ID+" "+before.String())
			}
		}
	}
	var killed atomic.Int32
	replica := func(now time.Time, at int) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRemindersInAProgramOfItsOwn$")
		cmd.Env = append(os.Environ(), envDriver+"="+driver, envSource+"="+source, envNow+"="+now.Format(time.RFC3339), envKill+"="+strconv.Itoa(at))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		switch {
		case err == nil:
		case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled():
			killed.Add(1)
		default:
			t.Errorf("a replica failed: %v\n%s", err, out)
		}
	}
	for i, before := range []time.Duration{15 * day, 13 * day, 6 * day, 2 * day, day / 2, -day} {
		now := expires.Add(-before)
		// Each is killed at its second or third notice, before or after that is in the queue: of the eight that are due
		// neither can do all, so that one is killed at least.
		var both sync.WaitGroup
		for _, at := range []int{2 + i%2, -2 - i%2} {
			both.Go(func() { replica(now, at) })
		}
		both.Wait()
		replica(now, -1) // alone; the one after it begins with what this one had in the queue and did not commit
		replica(now, 0)
	}
	var got []string
	for i := range 4 {
		events, err := st.Events(t.Context(), fmt.Sprint("tenant-", i), store.EventQuery{TypePrefix: "mail"})
		require.NoError(t, err)
		for _, e := range events {
			got = append(got, e.Message)
		}
	}
	require.ElementsMatch(t, want, got)
	require.GreaterOrEqual(t, killed.Load(), int32(5), "one for each threshold")
	t.Logf("%d reminders, %d replicas killed", len(got), killed.Load())
}
