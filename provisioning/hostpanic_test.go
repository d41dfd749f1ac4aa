package provisioning

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestHostPanicsStopNobodyElse: what panics in the host for one organisation does not keep a round from the next ones, whose
// directories may have taken access away.
func TestHostPanicsStopNobodyElse(t *testing.T) {
	t.Run("the notifier", func(t *testing.T) {
		asked := 0
		w, _ := crowd(t, func(c *Config) {
			c.Notifier = tenant.NotifierFunc(func(context.Context, store.Store, tenant.Notice) error {
				asked++
				panic("no mail server")
			})
		})
		w.user("root") // the root user's address: a violation that owners are told
		require.NotPanics(t, w.settle)
		require.Positive(t, asked)
		require.Empty(t, w.events(EventNotified), "it is tried again")
	})
	t.Run("the calling code", func(t *testing.T) {
		w := newFieldWorld(t, func(c *FieldsConfig) {
			c.TenantCallingCode = func(context.Context, string) string { panic("no such country") }
		})
		require.NotPanics(t, func() { w.phone(ada, "+49 30 111111") })
		require.Equal(t, "+4930111111", w.hostPhone())
		v, err := w.set(tenant.FieldPhone, "030 222222")
		require.NoError(t, err)
		require.Equal(t, "+4930222222", v.Pending.Value, "the code for all tenants stands in")
	})
}
