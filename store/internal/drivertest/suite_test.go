package drivertest

import (
	"testing"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// TestStore runs the suite on each database: as it is, and as callers meet it that know
// no optional interface.
func TestStore(t *testing.T) {
	for _, b := range backends() {
		t.Run(b.name, func(t *testing.T) {
			// One database for all checks, which keep to tenants of their own: that is how
			// it is used, and what one check leaves behind must not disturb another.
			st := b.store(t, b.open(t))
			storetest.Run(t, func(*testing.T) store.Store { return st })
			if b.name == "ncruces" {
				return // its SQL is modernc's
			}
			t.Run("bare", func(t *testing.T) {
				storetest.Run(t, func(*testing.T) store.Store { return storetest.Bare(st) })
			})
		})
	}
}
