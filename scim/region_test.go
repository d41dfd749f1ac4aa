package scim

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// organisation is a host's own type.
type organisation string

func (o organisation) TenantID() string   { return string(o) }
func (o organisation) TenantName() string { return string(o) }

func regions(t testing.TB, current string) *tenant.Regions {
	t.Helper()
	r, err := tenant.NewRegions(tenant.RegionsConfig{Current: current, Regions: []tenant.Region{
		{ID: "us", Label: "US", BaseURL: "https://app.example.com"}, {ID: "eu", Label: "EU", BaseURL: "https://app.example.eu"},
	}})
	require.NoError(t, err)
	return r
}

// TestR64BaseURLOfTheRegion: the base URL is the current region's, and no other.
func TestR64BaseURLOfTheRegion(t *testing.T) {
	t.Parallel()
	cfg := Config{Store: memory.New(), Policy: InsecureAllowAll{}, Authenticator: AuthenticatorFunc(nil), Regions: regions(t, "eu")}
	h, err := NewHandler(cfg)
	require.NoError(t, err)
	require.Equal(t, "https://app.example.eu/scim/v2/acme", h.TenantBaseURL("acme"))
	cfg.BaseURL = testBase
	_, err = NewHandler(cfg)
	require.ErrorContains(t, err, "scim: Config.BaseURL")
	require.ErrorContains(t, err, "the region eu")
}

// TestR14CursorOfAnotherRegion: a cursor is good in its own region alone, also where an API key is good in both.
func TestR14CursorOfAnotherRegion(t *testing.T) {
	t.Parallel()
	us := newServer(t, func(c *Config) { c.Regions = regions(t, "us") })
	eu := newServer(t, func(c *Config) {
		c.Store, c.BaseURL, c.Regions = us.store, "https://app.example.eu/scim/v2", regions(t, "eu")
	})
	for _, name := range []string{"a", "b", "c"} {
		us.do("POST", "/Users", `{"userName":"`+name+`@acme.example"}`).want(201)
	}
	cursor := us.do("GET", "/Users?count=1&cursor=", "").want(200).at("nextCursor").(string)
	us.do("GET", "/Users?count=1&cursor="+cursor, "").want(200)
	eu.do("GET", "/Users?count=1&cursor="+cursor, "").refused(400, TypeInvalidCursor)
}

// TestR14KeyOfAnotherRegion: two regions that share a database and a keyring answer each other's keys like keys that never
// were: 401, the same body and headers.
func TestR14KeyOfAnotherRegion(t *testing.T) {
	t.Parallel()
	st := memory.New()
	ring, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}}})
	require.NoError(t, err)
	service := func(region string) *tenant.Service {
		s, err := tenant.New(tenant.Config{
			Store: st, Keyring: ring, Regions: regions(t, region),
			Tenants:    tenant.TenantsFunc(func(_ context.Context, id string) (tenant.Tenant, error) { return organisation(id), nil }),
			Authorizer: tenant.AuthorizerFunc(func(context.Context, tenant.Actor, tenant.Action, string) error { return nil }),
			ProviderChecker: tenant.ProviderCheckerFunc(func(context.Context, tenant.ProviderRequest) (tenant.ProviderReport, error) {
				return tenant.ProviderReport{Issuer: "https://login.acme.com", ClientAuth: tenant.ClientSecretBasic, SigningAlg: "RS256"}, nil
			}),
			DomainValidator: tenant.StaffValidator{},
		})
		require.NoError(t, err)
		return s
	}
	eu, us := service("eu"), service("us")
	actor := tenant.Actor{Kind: tenant.ActorOwner, ID: "u1"}
	c, _, err := eu.CreateDraft(t.Context(), actor, "acme", tenant.Draft{
		Domains: []string{"acme.com"}, Authority: "https://login.acme.com", ClientID: "c", ClientSecret: tenant.NewSecret("s3cret"),
		SCIM: store.SCIMPreferences{Wanted: true},
	})
	require.NoError(t, err)
	c, _, err = eu.Submit(t.Context(), actor, "acme", c.ID, c.Version)
	require.NoError(t, err)
	_, _, err = eu.Approve(t.Context(), tenant.Actor{Kind: tenant.ActorStaff, ID: "s1"}, "acme", c.ID, c.Version)
	require.NoError(t, err)
	_, err = eu.EnableSCIM(t.Context(), actor, "acme", c.ID, store.SCIMPreferences{Wanted: true})
	require.NoError(t, err)
	key, _, err := eu.CreateAPIKey(t.Context(), actor, "acme", tenant.NewAPIKey{Name: "Entra"})
	require.NoError(t, err)

	server := func(s *tenant.Service, region string) func(key string) *httptest.ResponseRecorder {
		h, err := NewHandler(Config{Store: st, Policy: InsecureAllowAll{}, Authenticator: APIKeys(s), Regions: regions(t, region)})
		require.NoError(t, err)
		return func(key string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodGet, "/scim/v2/acme/Users", http.NoBody)
			r.Header.Set("Authorization", "Bearer "+key)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
	}
	require.Equal(t, 200, server(eu, "eu")(key.Reveal()).Code)
	inUS := server(us, "us")
	foreign, unknown := inUS(key.Reveal()), inUS("tgk_never")
	require.Equal(t, 401, foreign.Code)
	require.Equal(t, unknown.Body.String(), foreign.Body.String())
	require.Equal(t, unknown.Header(), foreign.Header())
}
