package storetest_test

import (
	"testing"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
)

// An adapter calls the suite in one test, which go test runs by the name TestStore.
func ExampleRun() {
	test := func(t *testing.T) {
		open := func(*testing.T) store.Store { return memory.New() }
		storetest.Run(t, open)
	}
	_ = test
}

// The same adapter is tested again as callers meet it that know the required methods
// alone.
func ExampleBare() {
	test := func(t *testing.T) {
		storetest.Run(t, func(*testing.T) store.Store { return storetest.Bare(memory.New()) })
	}
	_ = test
}
