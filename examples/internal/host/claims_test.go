package host_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestU17RolesByClaimsAtSignIn: in an organisation without a directory, people sign in at a real provider over HTTP, and
// have the roles and teams that its claim gives; a sign-in with an overage takes nothing, and one with an empty list
// does. On both databases.
func TestU17RolesByClaimsAtSignIn(t *testing.T) {
	for name, open := range databases(t) {
		t.Run(name, func(t *testing.T) {
			p := newPlans(t, open(t))
			for _, d := range must(p.d.st.Directories(t.Context(), "acme")) {
				require.NoError(t, p.d.st.DeleteDirectory(t.Context(), "acme", d.ID, d.Version))
			}
			require.NoError(t, p.d.db.AddUser(t.Context(), nil, host.User{ID: "u-ada", OrgID: "acme", Email: oidctest.DefaultEmail, Source: store.SourceManual, Active: true, OrgRole: host.RoleMember}, ""))
			idp := oidctest.NewServer(t)
			m := p.meta()
			_, err := p.d.st.CreateConnection(t.Context(), "acme", store.Connection{
				Meta: m, State: store.ConnectionActive, Name: "Acme", Authority: idp.Issuer(), Issuer: idp.Issuer(), ClientID: oidctest.DefaultClientID,
			})
			require.NoError(t, err)
			_, err = p.d.st.CreateDomain(t.Context(), "acme", store.Domain{Meta: p.meta(), ConnectionID: m.ID, Name: "acme.example", State: store.DomainVerified})
			require.NoError(t, err)

			mux := http.NewServeMux()
			srv := httptest.NewServer(mux)
			t.Cleanup(srv.Close)
			keys, err := tenant.NewKeyring(tenant.KeyringConfig{Keys: []tenant.Key{{ID: "k1", Bytes: []byte(strings.Repeat("k", 32))}}})
			require.NoError(t, err)
			login, err := oidc.NewHandler(oidc.Config{
				BaseURL: srv.URL + "/sso", Store: p.d.st, Keys: keys, Accounts: host.Accounts{DB: p.d.db}, OnLogin: p.d.db, Claims: p.e,
				Secrets: oidc.SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) {
					return tenant.NewSecret(oidctest.DefaultClientSecret), nil
				}),
				InsecureAllowLoopback: true,
			})
			require.NoError(t, err)
			mux.Handle(login.Mount())
			mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "home") })
			signIn := func(claims map[string]any) {
				t.Helper()
				idp.SetFaults(oidctest.Faults{Claims: func(c map[string]any) {
					for k, v := range claims {
						c[k] = v
					}
				}})
				jar, err := cookiejar.New(nil)
				require.NoError(t, err)
				client := &http.Client{Jar: jar, Timeout: 30 * time.Second}
				res, err := client.Get(srv.URL + "/sso/login?email=" + url.QueryEscape(oidctest.DefaultEmail))
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				require.Equal(t, http.StatusOK, res.StatusCode)
				require.Equal(t, srv.URL+"/", res.Request.URL.String())
				p.sync()
			}
			ada := func() (role string, teams []host.Membership) {
				t.Helper()
				u, err := p.d.db.UserByEmail(t.Context(), nil, "acme", oidctest.DefaultEmail)
				require.NoError(t, err)
				teams, err = p.d.db.MembershipsOf(t.Context(), nil, "acme", u.ID)
				require.NoError(t, err)
				return u.OrgRole, teams
			}

			signIn(map[string]any{"groups": []string{"ops", "admins"}}) // before anything is declared
			role, teams := ada()
			require.Equal(t, host.RoleMember, role)
			require.Empty(t, teams)
			plan := p.set(func(s *store.ProvisioningSettings) {
				s.Authority = store.RoleAuthority{OrgRole: store.AuthorityClaims, Teams: store.AuthorityClaims, Claim: "groups", Rows: []store.ValueRow{
					{Source: store.AuthorityClaims, Value: "admins", OrgRole: host.RoleAdministrator},
					{Source: store.AuthorityClaims, Value: "ops", TeamID: "t-ops", TeamRole: host.RoleMember},
				}}
			})
			require.Len(t, plan.Lines, 2, "the preview had the last claims to go by")
			role, teams = ada()
			require.Equal(t, host.RoleAdministrator, role)
			require.Len(t, teams, 1)

			x, err := p.e.ExplainTeam(t.Context(), p.owner, "acme", "t-ops", "", 0)
			require.NoError(t, err)
			require.False(t, x.ByHandUnknown)
			require.Equal(t, provisioning.Source("claim:ops"), x.Members[0].Right.Wins)
			require.Contains(t, x.Text(), "Who has the identity provider's value “ops” becomes member, by value row 2.")

			signIn(map[string]any{"_claim_names": map[string]any{"groups": "src1"}})
			role, teams = ada()
			require.Equal(t, host.RoleAdministrator, role)
			require.Len(t, teams, 1, "absent is not empty")
			signIn(map[string]any{"groups": []string{}})
			role, teams = ada()
			require.Equal(t, host.RoleMember, role)
			require.Empty(t, teams)
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
