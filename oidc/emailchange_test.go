package oidc

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
)

// TestEmailChange: the subject stays the person, whatever the address becomes; the host is told whether the new one may
// be believed.
func TestEmailChange(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		email    string
		verified any
		want     *EmailChange
	}{
		"the same":                      {"ada@acme.example", true, nil},
		"the same in another spelling":  {"ada@ACME.example", true, nil},
		"married":                       {"ada.king@acme.example", true, &EmailChange{Previous: "ada@acme.example"}},
		"not verified":                  {"ada.king@acme.example", false, &EmailChange{Previous: "ada@acme.example", Refusal: CodeEmailUnverified}},
		"in nobody's domain":            {"ada@gmail.example", true, &EmailChange{Previous: "ada@acme.example", Refusal: CodeEmailDomain}},
		"that of another tenant's user": {"bob@rival.example", true, &EmailChange{Previous: "ada@acme.example", Refusal: CodeEmailDomain}},
		"none at all":                   {"", true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, acme, _, _, _ := twoTenants(t)
			acme.SetUsers(oidctest.User{Subject: "s1", Email: "ada@acme.example"})
			require.Equal(t, 200, a.signIn("ada@acme.example").status)
			require.Nil(t, a.lastLogin().EmailChange)

			acme.SetUsers(oidctest.User{Subject: "s1", Email: tt.email, EmailVerified: tt.verified})
			p := a.signIn("ada@acme.example")
			require.Equal(t, 200, p.status, p.body)
			l := a.lastLogin()
			require.Equal(t, "u-ada", l.Account.ID)
			require.Equal(t, tt.want, l.EmailChange)
			events := a.events("acme", EventEmailChanged)
			if tt.want == nil {
				require.Empty(t, events)
				return
			}
			require.Len(t, events, 1)
			require.Equal(t, tt.want.Refusal, events[0].Code)
			require.JSONEq(t, `{"email":"ada@acme.example"}`, string(events[0].Before))

			require.Equal(t, 200, a.signIn("ada@acme.example").status, "told once")
			require.Nil(t, a.lastLogin().EmailChange)
			require.Len(t, a.events("acme", EventEmailChanged), 1)
		})
	}
}
