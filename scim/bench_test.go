package scim_test

import (
	"testing"

	"github.com/tenantgate/tenantgate/scim/internal/scimbench"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

func BenchmarkMemory(b *testing.B) {
	scimbench.Run(b, func(*testing.B) store.Store { return memory.New() })
}
