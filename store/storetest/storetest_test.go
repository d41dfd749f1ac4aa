package storetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return memory.New() })
}

// TestSharedAndBare runs the suite as an adapter with one database for all checks and
// without optional interfaces meets it.
func TestSharedAndBare(t *testing.T) {
	shared := memory.New()
	storetest.Run(t, func(*testing.T) store.Store { return storetest.Bare(shared) })
}

func TestBare(t *testing.T) {
	st := storetest.Bare(memory.New())
	check := func(st store.Store) {
		_, counts := st.(store.SCIMCounter)
		_, keeps := st.(store.SCIMResourceStore)
		require.False(t, counts)
		require.False(t, keeps)
		_, links := st.(store.SetupLinkStore)
		_, people := st.(store.PeopleReader)
		_, locks := st.(store.LockReader)
		require.False(t, links || people || locks)
	}
	check(st)
	require.NoError(t, st.InTx(t.Context(), func(tx store.Store) error {
		check(tx)
		return tx.InTx(t.Context(), func(inner store.Store) error {
			check(inner)
			return nil
		})
	}))
}

func TestChecksHaveRules(t *testing.T) {
	rules := storetest.Checks()
	require.Greater(t, len(rules), 100)
	for name, rule := range rules {
		require.NotEmpty(t, rule, name)
	}
}
