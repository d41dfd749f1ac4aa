package scim_test

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
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// Whatever a store looks up itself, a filter has the answer that RFC 7644 gives it.
func TestFilterProperty(t *testing.T) {
	filtertest.Run(t, memory.New(), func(st store.Store, now func() time.Time) http.Handler {
		h, err := scim.NewHandler(scim.Config{
			BaseURL: filtertest.Base, Store: st, Policy: scim.InsecureAllowAll{}, InsecureNoRateLimit: true, Now: now, MaxFilterBytes: 1 << 20,
			Authenticator: scim.AuthenticatorFunc(func(context.Context, string, string) (tenant.Principal, error) {
				return tenant.Principal{KeyID: "k", KeyName: "test", DirectoryID: "d", ConnectionID: "c", Scopes: []string{scim.ScopeWrite}}, nil
			}),
			UserExtensions:  []scim.Extension{{Schema: hostSchema(t, filtertest.Staff)}},
			GroupExtensions: []scim.Extension{{Schema: hostSchema(t, filtertest.Crew)}},
			ResourceTypes: []scim.ResourceType{{
				Name: "Device", Endpoint: "/Devices",
				Schema: hostSchema(t, filtertest.Device), Extensions: []scim.Extension{{Schema: hostSchema(t, filtertest.Lease)}},
			}},
		})
		require.NoError(t, err)
		return h
	}, filtertest.Options{Rounds: 5, Filters: 250})
}

func hostSchema(t *testing.T, published []byte) (s scim.Schema) {
	t.Helper()
	require.NoError(t, json.Unmarshal(published, &s))
	return s
}
