package oidc

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestRevokerAfterActivation: R48. Whose sessions an activation ends loses what began before it, and keeps what began since:
// the event itself may come much later.
func TestRevokerAfterActivation(t *testing.T) {
	t.Parallel()
	st := memory.New()
	sessions := &endings{}
	activated := store.Time(time.Now().Add(-time.Hour))
	after, err := json.Marshal(tenant.EndSessions{ConnectionID: "c1", Before: activated})
	require.NoError(t, err)
	happened(t, st, "acme", store.Event{Type: tenant.EventEndSessions, Subject: store.EventSubject{Kind: "account", ID: "a1", Name: "ada@acme.com"}, After: after})
	for _, no := range []store.Event{
		{Type: tenant.EventEndSessions, Subject: store.EventSubject{Kind: "account"}, After: after},
		{Type: tenant.EventEndSessions, Subject: store.EventSubject{Kind: "connection", ID: "c1"}, After: after},
		{Type: tenant.EventEndSessions, Subject: store.EventSubject{Kind: "account", ID: "a2"}, After: []byte(`[]`)},
	} {
		happened(t, st, "acme", no)
	}
	synced(t, newRevoker(t, st, sessions, &accounts{}))
	require.Equal(t, []Revocation{{TenantID: "acme", AccountID: "a1", BeganBefore: activated.Add(clockMargin), Reason: ReasonActivated}}, told(t, st, "acme"))
	events, err := st.Events(t.Context(), "acme", store.EventQuery{TypePrefix: EventLogout})
	require.NoError(t, err)
	require.Len(t, events, 1)
	require.Contains(t, events[0].Message, "signs in at a provider now")
}
