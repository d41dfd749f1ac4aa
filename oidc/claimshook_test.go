package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
)

// listener is a ClaimsHook that notes what it hears of some claims.
type listener struct {
	mu        sync.Mutex
	heard     []string
	committed int
}

func (l *listener) OnClaims(_ context.Context, tx store.Store, tenantID, connectionID, accountID string, claim func(string) ([]byte, bool)) func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := map[string]json.RawMessage{}
	for _, name := range []string{"groups", "Groups", "roles", "hidden"} {
		if raw, ok := claim(name); ok {
			said[name] = raw
		}
	}
	text, _ := json.Marshal(said)
	l.heard = append(l.heard, fmt.Sprint(tenantID, " ", connectionID != "" && tx != nil, " ", accountID, " ", string(text)))
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.committed++
	}
}

// TestD9ClaimsHook: whoever hears claims gets them with the host's account, in the transaction and once it has
// committed; not at a sign-in that fails, and userinfo only fills gaps.
func TestD9ClaimsHook(t *testing.T) {
	l := &listener{}
	idp := oidctest.NewServer(t)
	a := newApp(t, func(c *Config) { c.Claims, c.AlwaysUserinfo = l, true })
	a.connect(idp, "acme", "acme.example")
	a.accounts.add("acme", "u-ada", oidctest.DefaultEmail)
	idp.SetFaults(oidctest.Faults{
		Claims: func(c map[string]any) { c["groups"] = []string{"ops"}; c["Groups"] = []string{"admins"} },
		UserinfoClaims: func(c map[string]any) {
			c["groups"] = []string{"other"}
			c["roles"] = []any{7}
		},
	})
	require.Equal(t, http.StatusOK, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, []string{`acme true u-ada {"Groups":["admins"],"groups":["ops"],"roles":[7]}`}, l.heard)
	require.Equal(t, 1, l.committed)

	a.hook = func(http.ResponseWriter, Login) error { return errors.New("no session") }
	require.Equal(t, http.StatusServiceUnavailable, a.signIn(oidctest.DefaultEmail).status)
	require.Equal(t, 1, l.committed, "what the host refused did not commit")

	a.hook = nil
	idp.SetFaults(oidctest.Faults{Claims: func(c map[string]any) { c["nonce"] = "another" }})
	heard := len(l.heard)
	require.NotEqual(t, http.StatusOK, a.signIn(oidctest.DefaultEmail).status)
	require.Len(t, l.heard, heard, "an ID token that is not verified says nothing")
}
