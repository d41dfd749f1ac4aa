package provisioning

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/tenant"
)

// TestR6RootAddressIsFree: the root user is known by the account, not by the address. Once it has another one, the old one
// is provisioned as somebody new, and the new one can't be.
func TestR6RootAddressIsFree(t *testing.T) {
	w := newWorld(t)
	p := w.policy()
	var r *tenant.Refusal
	require.ErrorAs(t, p.Check(t.Context(), create(`{"userName":"root@acme.example"}`)), &r)
	require.Equal(t, "root_user", r.Code)

	w.host.users["u-root"].Email = "devops@acme.example"
	require.NoError(t, p.Check(t.Context(), create(`{"userName":"root@acme.example"}`)))
	w.user("root")
	w.sync()
	id := w.account("root")
	require.NotEqual(t, "u-root", id)
	require.Equal(t, "root@acme.example", w.host.users[id].Email)
	require.Equal(t, "devops@acme.example", w.host.users["u-root"].Email)
	require.Equal(t, "owner", w.host.users["u-root"].Role)

	require.ErrorAs(t, p.Check(t.Context(), create(`{"userName":"Devops@acme.example"}`)), &r)
	require.Equal(t, "root_user", r.Code)
	// An address that only looks like it is somebody else's.
	require.NoError(t, p.Check(t.Context(), create(`{"userName":"devops+eu@acme.example"}`)))
}
