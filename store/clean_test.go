package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

func TestDeleteExpiredReachesEveryTenant(t *testing.T) {
	ctx, st := t.Context(), memory.New()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	const tenants = store.MaxLimit + 5 // more than one page
	for i := range tenants {
		id := fmt.Sprintf("t%05d", i)
		_, err := st.CreateConnection(ctx, id, store.Connection{Meta: store.Meta{ID: "c"}})
		require.NoError(t, err)
		require.NoError(t, st.PutToken(ctx, id, store.Token{Kind: "k", Key: "old", ExpiresAt: now}))
		require.NoError(t, st.PutToken(ctx, id, store.Token{Kind: "k", Key: "new", ExpiresAt: now.Add(time.Minute)}))
	}
	n, err := store.DeleteExpired(ctx, st, now)
	require.NoError(t, err)
	require.Equal(t, tenants, n)
	n, err = store.DeleteExpired(ctx, st, now)
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = st.TakeToken(ctx, "t00000", "k", "new", now)
	require.NoError(t, err, "what has not expired stays")
}
