package host_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/store"
)

// TestUpdateUserBringsNothingBack: a form that was read before the directory ended
// access is saved afterwards.
func TestUpdateUserBringsNothingBack(t *testing.T) {
	file, err := sql.Open("sqlite", "file:"+t.TempDir()+"/host.db")
	require.NoError(t, err)
	defer file.Close()
	db, err := host.OpenDB(t.Context(), file, host.Dialect{})
	require.NoError(t, err)
	require.NoError(t, db.AddUser(t.Context(), nil, host.User{
		ID: "ada", OrgID: "acme", Email: "ada@acme.example", Source: store.SourceSCIM, Active: true, OrgRole: host.RoleOwner,
	}, ""))
	form, err := db.User(t.Context(), nil, "acme", "ada")
	require.NoError(t, err)

	target := host.Target{DB: db}
	require.NoError(t, target.SetActive(t.Context(), nil, "acme", "ada", false))
	require.NoError(t, target.SetOrgRole(t.Context(), nil, "acme", "ada", host.RoleMember))
	form.Phone = "+49 30 1"
	require.NoError(t, db.UpdateUser(t.Context(), nil, form))

	u, err := db.User(t.Context(), nil, "acme", "ada")
	require.NoError(t, err)
	require.Equal(t, "+49 30 1", u.Phone)
	require.False(t, u.Active)
	require.Equal(t, host.RoleMember, u.OrgRole)
}

func TestNobodyHasNoPassword(t *testing.T) {
	for _, password := range []string{"", "nobody", host.DemoPassword} {
		require.False(t, host.User{}.CheckPassword(password))
	}
}
