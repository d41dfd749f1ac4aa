package oidc

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

var _ TestRecorder = (*tenant.Service)(nil)

// recorder is a TestRecorder that answers with an error.
type recorder struct {
	got []tenant.TestSignIn
	by  tenant.Actor
	err error
}

func (r *recorder) RecordTestSignIn(_ context.Context, by tenant.Actor, _, _ string, t tenant.TestSignIn) (tenant.Connection, error) {
	r.got, r.by = append(r.got, t), by
	return tenant.Connection{}, r.err
}

// TestRecordTests: a good test is recorded; the page of a bad one, or of one that does not count, says which it is.
func TestRecordTests(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	rec := &recorder{}
	a := newApp(t, func(c *Config) { c.OnTest = RecordTests(rec) })
	c := a.connect(idp, "acme", "", func(c *store.Connection) { c.State, c.ConfigVersion = store.ConnectionApproved, 7 })
	owner := tenant.Actor{Kind: tenant.ActorOwner, ID: "o1"}
	a.mux.HandleFunc("/test", func(w http.ResponseWriter, r *http.Request) {
		a.handler.StartTest(w, r, TestRequest{TenantID: "acme", ConnectionID: c.ID, ReturnTo: "/result", Actor: owner})
	})
	test := func() view { return a.browser().get(a.url + "/test") }

	require.Equal(t, "home /result", test().body)
	require.Equal(t, []tenant.TestSignIn{{ConfigVersion: 7, Issuer: idp.Issuer(), Email: oidctest.DefaultEmail, ClientAuth: tenant.ClientSecretBasic}}, rec.got)
	require.Equal(t, owner, rec.by)

	rec.err = &tenant.ValidationError{Findings: []tenant.Finding{{Code: tenant.CodeDomainMismatch, Severity: tenant.SeverityError}}}
	p := test()
	require.Equal(t, 403, p.status)
	require.Contains(t, p.body, CodeTestRefused)

	rec.err = errors.New("the database is down")
	p = test()
	require.Equal(t, 503, p.status)
	require.NotContains(t, p.body, "database")

	rec.got = nil
	idp.SetFaults(oidctest.Faults{Alg: "none"})
	p = test()
	require.Equal(t, 403, p.status)
	require.Contains(t, p.body, CodeTokenInvalid)
	require.Empty(t, rec.got, "a bad test is not recorded")
	require.Nil(t, RecordTests(nil))
}
