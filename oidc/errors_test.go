package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// TestHostsReasonIsLogged: what the host says about a refusal is in the log, and not on the page.
func TestHostsReasonIsLogged(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		status int
		code   string
		logs   string
	}{
		"Denied":           {Denied("the plan has no free seat"), 403, CodeHostRefused, "the plan has no free seat"},
		"wrapped sentinel": {fmt.Errorf("no free seat: %w", ErrDenied), 403, CodeHostRefused, "no free seat"},
		"another failure":  {errors.New("disk full"), 503, CodeInternal, "disk full"},
		"an Error of its own making, which has no family": {&Error{Code: "made_up"}, 503, CodeInternal, "made_up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			a := newApp(t)
			a.connect(idp, "acme", "acme.example")
			a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
			a.hook = func(http.ResponseWriter, Login) error { return tt.err }
			p := a.signIn(oidctest.DefaultEmail)
			require.Equal(t, tt.status, p.status)
			require.Contains(t, p.body, "<code>"+tt.code+"</code>")
			require.NotContains(t, p.body, tt.logs)
			require.Contains(t, a.log.String(), tt.logs)
			require.Empty(t, p.session)
			links, err := a.store.IdentitiesOf(t.Context(), "acme", "u-ada")
			require.NoError(t, err)
			require.Empty(t, links)
		})
	}
	e := &Error{Code: "x", Reason: "y"}
	require.Equal(t, "oidc: sign-in unavailable: x: y", e.Error())
	require.ErrorIs(t, e, ErrUnavailable)
}

// TestAlarmPanics: a host's bug there costs neither a sign-in nor the process.
func TestAlarmPanics(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Token: {Status: 401, Body: `{"error":"invalid_client"}`}}})
	a := newApp(t, func(c *Config) {
		c.OnAlarm = AlarmFunc(func(context.Context, Alarm) error { panic("the host's mailer") })
	})
	a.connect(idp, "acme", "acme.example")
	require.Contains(t, a.signIn(oidctest.DefaultEmail).body, CodeClientRejected)
	require.Contains(t, a.log.String(), "the host's mailer")
	require.Len(t, a.events("acme", EventConnectionFailing), 1)
}

// TestUserinfoReachesTheHost: what userinfo alone has, at a sign-in and when an account is made.
func TestUserinfoReachesTheHost(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	idp.SetFaults(oidctest.Faults{UserinfoClaims: func(c map[string]any) { c["department"] = "Engines" }})
	host := &making{}
	a := newApp(t, func(c *Config) {
		c.AlwaysUserinfo = true
		host.Accounts = c.Accounts
		c.Accounts = host
	})
	a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.JustInTime = true })
	require.Equal(t, 200, a.signIn(oidctest.DefaultEmail).status)
	type more struct {
		Department string `json:"department"`
	}
	var atLogin, atCreation more
	require.NoError(t, a.lastLogin().Userinfo(&atLogin))
	require.NoError(t, host.made.Userinfo(&atCreation))
	require.Equal(t, "Engines", atLogin.Department)
	require.Equal(t, "Engines", atCreation.Department)
	require.Equal(t, idp.Issuer()+" "+oidctest.DefaultSubject, host.made.Issuer+" "+host.made.Subject)
	var none more
	require.NoError(t, Login{}.Userinfo(&none))
	require.Zero(t, none)
}

// making keeps what the host is told of a new account.
type making struct {
	Accounts
	made NewAccount
}

func (m *making) CreateAccount(ctx context.Context, tx store.Store, tenantID string, n NewAccount) (Account, error) {
	m.made = n
	return m.Accounts.(AccountCreator).CreateAccount(ctx, tx, tenantID, n)
}
