package idp

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// realSCIM is our own service provider with a store in memory.
type realSCIM struct {
	t     *testing.T
	store *memory.Store
	base  string
}

func newRealSCIM(t *testing.T) *realSCIM {
	t.Helper()
	s := &realSCIM{t: t, store: memory.New()}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	h, err := scim.NewHandler(scim.Config{
		BaseURL: server.URL + "/scim/v2", Store: s.store, Policy: scim.InsecureAllowAll{},
		Authenticator: scim.AuthenticatorFunc(func(_ context.Context, tenantID, bearer string) (tenant.Principal, error) {
			if tenantID != "acme" || bearer != fakeToken {
				return tenant.Principal{}, scim.ErrUnauthorized
			}
			return tenant.Principal{KeyID: "k", DirectoryID: "d", ConnectionID: "c", Scopes: []string{scim.ScopeWrite}}, nil
		}),
	})
	require.NoError(t, err)
	mux.Handle(h.Mount())
	s.base = h.TenantBaseURL("acme")
	return s
}

// get reads a resource list as the API shows it.
func (s *realSCIM) get(path string) []map[string]any {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.base+path, nil)
	require.NoError(s.t, err)
	r.Header.Set("Authorization", "Bearer "+fakeToken)
	res, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer res.Body.Close()
	var list struct{ Resources []map[string]any }
	require.NoError(s.t, json.NewDecoder(res.Body).Decode(&list))
	return list.Resources
}

// state is who is there, and which groups have whom.
func (s *realSCIM) state() (active map[string]bool, groups map[string][]string) {
	s.t.Helper()
	active, groups = map[string]bool{}, map[string][]string{}
	names := map[string]string{}
	for _, u := range s.get("/Users") {
		active[u["userName"].(string)] = u["active"].(bool)
		names[u["id"].(string)] = u["userName"].(string)
	}
	for _, g := range s.get("/Groups") {
		name := g["displayName"].(string)
		groups[name] = []string{}
		members, _ := g["members"].([]any)
		for _, m := range members {
			groups[name] = append(groups[name], names[m.(map[string]any)["value"].(string)])
		}
	}
	return active, groups
}

func TestPushToTheRealHandler(t *testing.T) {
	for _, dialect := range []Dialect{Entra, Okta} {
		t.Run(string(dialect), func(t *testing.T) {
			s := newRealSCIM(t)
			p, err := New(testConfig(dialect))
			require.NoError(t, err)
			d, _ := p.Directory("acme")
			require.NoError(t, d.SetSCIM(s.base, fakeToken))
			push := func(want string) {
				t.Helper()
				r, err := d.Push(t.Context())
				require.NoError(t, err, "%+v", r)
				require.Equal(t, want, r.String())
			}
			push("2 users created, 1 group created, 2 members added")
			active, groups := s.state()
			require.Equal(t, map[string]bool{"ada@acme.example": true, "bob@acme.example": true}, active)
			require.ElementsMatch(t, []string{"ada@acme.example", "bob@acme.example"}, groups["SRE"])
			push("nothing to change")

			require.NoError(t, d.SetActive("bob@acme.example", false))
			require.NoError(t, d.SetActive("cid@acme.example", true))
			require.NoError(t, d.RemoveMember("SRE", "bob@acme.example"))
			require.NoError(t, d.UpdateUser("ada@acme.example", func(u *User) {
				u.Email, u.FamilyName, u.Phone = "countess@acme.example", "King", "+44 20 7946 0000"
			}))
			require.NoError(t, d.RenameGroup("SRE", "Site reliability"))
			push("1 user created, 1 user updated, 1 user deactivated, 1 group renamed, 1 member added, 1 member removed")
			active, groups = s.state()
			require.Equal(t, map[string]bool{"countess@acme.example": true, "bob@acme.example": false, "cid@acme.example": true}, active)
			require.Len(t, groups, 1)
			require.ElementsMatch(t, []string{"countess@acme.example", "cid@acme.example"}, groups["Site reliability"])
			ada := s.get(`/Users?filter=externalId%20eq%20%22u-ada%22`)[0]
			require.Equal(t, "King", ada["name"].(map[string]any)["familyName"])
			require.Equal(t, "+44 20 7946 0000", ada["phoneNumbers"].([]any)[0].(map[string]any)["value"])
			require.Equal(t, "countess@acme.example", ada["emails"].([]any)[0].(map[string]any)["value"])

			require.NoError(t, d.UpdateUser("countess@acme.example", func(u *User) { u.Phone = "" }))
			push("1 user updated")
			require.Empty(t, s.get(`/Users?filter=externalId%20eq%20%22u-ada%22`)[0]["phoneNumbers"])

			// A directory that was set up anew finds what it had made before.
			again, err := New(testConfig(dialect))
			require.NoError(t, err)
			d2, _ := again.Directory("acme")
			require.NoError(t, d2.SetSCIM(s.base, fakeToken))
			r, err := d2.Push(t.Context())
			require.NoError(t, err)
			require.Equal(t, 2, r.UsersMatched, "bob and cid; ada has another address by now")
			require.Equal(t, 1, r.UsersCreated)
			active, _ = s.state()
			require.Equal(t, map[string]bool{
				"countess@acme.example": true, "ada@acme.example": true, "bob@acme.example": true, "cid@acme.example": false,
			}, active)

			require.NoError(t, d.RemoveUser("cid@acme.example"))
			require.NoError(t, d.RemoveGroup("Site reliability"))
			push("1 user deactivated, 1 group deleted")
			_, groups = s.state()
			require.NotContains(t, groups, "Site reliability")
			require.Contains(t, groups, "SRE")

			require.NoError(t, d.SetSCIM(s.base, "another-key"))
			_, err = d.Push(t.Context())
			require.ErrorIs(t, err, ErrUnauthorized)
		})
	}
}
