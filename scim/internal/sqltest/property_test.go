package sqltest

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/scim/internal/filtertest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
	"github.com/tenantgate/tenantgate/tenant"
)

// Whatever a database looks up itself, a filter has the answer that RFC 7644 gives it.
func TestFilterProperty(t *testing.T) {
	for name, open := range map[string]func(*testing.T) store.Store{
		"SQLite":     func(t *testing.T) store.Store { return openSQLite(t) },
		"PostgreSQL": func(t *testing.T) store.Store { return openPostgres(t, pgtest.Start(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			filtertest.Run(t, open(t), func(st store.Store, now func() time.Time) http.Handler { return hostHandler(t, st, now) },
				filtertest.Options{Rounds: 3, Filters: 120})
		})
	}
}

// hostHandler has the schemas that the filters are about.
func hostHandler(t *testing.T, st store.Store, now func() time.Time) http.Handler {
	t.Helper()
	schema := func(published []byte) (s scim.Schema) {
		require.NoError(t, json.Unmarshal(published, &s))
		return s
	}
	h, err := scim.NewHandler(scim.Config{
		BaseURL: filtertest.Base, Store: st, Policy: scim.InsecureAllowAll{}, InsecureNoRateLimit: true, Now: now, MaxFilterBytes: 1 << 20,
		Authenticator: scim.AuthenticatorFunc(func(context.Context, string, string) (tenant.Principal, error) {
			return tenant.Principal{KeyID: "k", KeyName: "test", DirectoryID: "d", ConnectionID: "c", Scopes: []string{scim.ScopeWrite}}, nil
		}),
		UserExtensions:  []scim.Extension{{Schema: schema(filtertest.Staff)}},
		GroupExtensions: []scim.Extension{{Schema: schema(filtertest.Crew)}},
		ResourceTypes: []scim.ResourceType{{
			Name: "Device", Endpoint: "/Devices",
			Schema: schema(filtertest.Device), Extensions: []scim.Extension{{Schema: schema(filtertest.Lease)}},
		}},
	})
	require.NoError(t, err)
	return h
}
