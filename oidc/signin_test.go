package oidc

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

// TestMisbehaviours is S8 and S19: each row of the conformance suite and each malformed token and document, through
// the whole sign-in.
func TestMisbehaviours(t *testing.T) {
	t.Parallel()
	for _, m := range oidctest.Misbehaviours() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			a := newApp(t)
			a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u1", oidctest.DefaultEmail)
			idp.SetFaults(m.Faults)
			p := a.signIn(oidctest.DefaultEmail)
			if m.Accept {
				require.Equal(t, 200, p.status, p.body)
				require.Equal(t, "home /inside", p.body)
				require.Equal(t, "u1", p.session)
				require.Equal(t, oidctest.DefaultSubject == a.lastLogin().Subject, !strings.HasPrefix(m.Name, "sub of 255"))
				return
			}
			require.Contains(t, []int{400, 403, 503}, p.status, p.body)
			require.Empty(t, p.session)
			require.Zero(t, a.loginCount())
			for _, leak := range []string{"secret stack trace", "<script>", "evil.example", oidctest.DefaultClientSecret} {
				require.NotContains(t, p.body, leak)
			}
			require.NotContains(t, a.log.String(), oidctest.DefaultClientSecret)
			require.NotContains(t, a.log.String(), "secret stack trace")
		})
	}
}
