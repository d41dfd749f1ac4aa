package sqltest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/internal/oidcbench"
	"github.com/tenantgate/tenantgate/store/postgres"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestStatementsOfAnAddress pins what finding the way of an e-mail address asks of PostgreSQL: one statement, also where
// there are several names above the address's own, and where there is no way.
func TestStatementsOfAnAddress(t *testing.T) {
	var log statementLog
	config, err := pgx.ParseConfig(pgtest.Start(t).Schema(t))
	require.NoError(t, err)
	config.Tracer = &log
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, postgres.Migrate(t.Context(), db))
	st, err := postgres.New(t.Context(), db)
	require.NoError(t, err)
	h, _ := newHandler(t, st)
	asks := func(name string, want int, ask func()) {
		t.Helper()
		log.take()
		ask()
		sent := log.take()
		for i, q := range sent {
			t.Logf("%s: %2d %s", name, i+1, shortened(q))
		}
		require.Equal(t, want, len(sent), name) //nolint:testifylint // Len prints the statements once more
	}
	login := func(email string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, oidcbench.Base+"/login?email="+email, nil))
		require.Less(t, w.Code, 500)
	}
	login(oidcbench.Email) // reads the provider's document
	asks("sign-in starts", 1, func() { login(oidcbench.Email) })
	asks("no sign-in", 1, func() { login("a@x.y.z.example.com") })
	for _, domain := range []string{"acme.example", "a.b.c.acme.example", "nobody.example"} {
		asks("realms of "+domain, 1, func() { _, _ = tenant.FindRealms(t.Context(), st, domain) })
		asks("owner of "+domain, 1, func() { _, _ = tenant.OwnsDomain(t.Context(), st, oidcbench.Tenant, domain) })
		asks("other holder of "+domain, 1, func() { _, _ = tenant.HeldByOther(t.Context(), st, oidcbench.Tenant, domain) })
	}
}
