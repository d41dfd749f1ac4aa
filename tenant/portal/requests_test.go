package portal

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// oneRefusal is a policy that refused something once.
type oneRefusal struct{}

func (oneRefusal) Refused(_ context.Context, _ tenant.Actor, tenantID string, _ int64, _ int) ([]provisioning.RefusedWrite, int64, error) {
	return []provisioning.RefusedWrite{{Seq: 1, Code: "root_user", Message: "This account created the organisation.", Name: tenantID + " <root>"}}, 0, nil
}

// TestRequestsOfADirectory: screen 8's health. An owner sees how the directory's requests go, what was refused and why, and takes
// the log along for support; nobody else does.
func TestRequestsOfADirectory(t *testing.T) {
	w := newWorld(t)
	c := w.activeConnection(t)
	_, err := w.tenants.EnableSCIM(t.Context(), who["owner"], org, c.ID, store.SCIMPreferences{Wanted: true})
	require.NoError(t, err)
	key, _, err := w.tenants.CreateAPIKey(t.Context(), who["owner"], org, tenant.NewAPIKey{Name: "entra"})
	require.NoError(t, err)
	cfg := scim.Config{
		BaseURL: "https://app.example.com/scim/v2", Store: w.store, Authenticator: scim.APIKeys(w.tenants), Policy: scim.InsecureAllowAll{},
		Authorizer: tenant.AuthorizerFunc(w.can), Now: w.clock,
	}
	directory, err := scim.NewHandler(cfg)
	require.NoError(t, err)
	send := func(path, body string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, cfg.BaseURL+"/"+org+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+key.Reveal())
		directory.ServeHTTP(httptest.NewRecorder(), r)
	}
	for range 25 {
		send("/Users/.search", `{"count":1}`)
	}
	send("/Users", `{"userName":"<ada>","password":"s3cret-Pa55"}`)
	send("/Users", `{"userName":"<ada>"}`)

	page := at("/provisioning/requests")
	require.Equal(t, http.StatusNotFound, w.as(t, "owner").get(page).status, "where the host has no log there is no page")
	require.NotContains(t, w.as(t, "owner").get(at("/provisioning")).body, page)
	w.portal.cfg.Requests, w.portal.cfg.Refused = directory, oneRefusal{}
	b := w.as(t, "owner")
	require.Contains(t, b.get(at("/provisioning")).body, page)
	for _, language := range []string{"de", "en"} {
		b.header.Set("Accept-Language", language)
		a := b.get(page)
		require.Equal(t, http.StatusOK, a.status)
		require.Contains(t, a.body, "3.7 %", "one of 27 was refused")
		require.Contains(t, a.body, org+" &lt;root&gt;")
		require.Contains(t, a.body, "&lt;ada&gt;")
		for _, not := range []string{"s3cret", key.Reveal(), "%!", "ZgotmplZ", "<ada>"} {
			require.NotContains(t, a.body, not)
		}
		idsAreUnique(t, page, a.body)
	}
	a := b.get(page)
	next := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(a.body)
	require.NotNil(t, next)
	a = b.get(strings.ReplaceAll(next[1], "&amp;", "&"))
	require.Equal(t, 7, strings.Count(a.body, "<code>POST /Users/.search"))
	require.Contains(t, a.body, `rel="prev"`)
	a = b.get(page + "?result=refused&before=x")
	require.NotContains(t, a.body, ".search")
	require.Contains(t, a.body, "409")

	a = b.post(page+"/export", "result", "refused")
	require.Equal(t, "application/x-ndjson", a.header.Get("Content-Type"))
	require.Contains(t, a.header.Get("Content-Disposition"), "scim-requests.ndjson")
	var e scim.Exchange
	require.NoError(t, json.Unmarshal([]byte(a.body), &e))
	require.Equal(t, 409, e.Status)
	events, err := w.store.Events(t.Context(), org, store.EventQuery{TypePrefix: scim.EventRequestsExported})
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Equal(t, who["owner"].ID, events[0].Actor.ID)

	require.Equal(t, http.StatusForbidden, w.as(t, "member").get(page).status)
	require.Equal(t, http.StatusNotFound, w.as(t, "stranger").get(page).status)
	require.Equal(t, http.StatusNotFound, w.as(t, "stranger").post(page+"/export").status)

	cfg.NoRequestLog = true
	w.portal.cfg.Requests, err = scim.NewHandler(cfg)
	require.NoError(t, err)
	a = b.get(page)
	require.Equal(t, http.StatusOK, a.status)
	require.NotContains(t, a.body, "/export", "there is nothing to take along")
	require.Equal(t, http.StatusNotFound, b.post(page+"/export").status)
}
