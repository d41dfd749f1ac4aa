package drivertest

import (
	"crypto/rand"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestLongValues keeps values that are longer than an entry of an index may be, and finds
// them.
func TestLongValues(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx := t.Context()
		st := b.store(t, b.open(t))
		noise := make([]byte, 5000) // which does not shrink by being compressed
		_, err := rand.Read(noise)
		require.NoError(t, err)
		long := hex.EncodeToString(noise)

		u := user("1", long)
		u.ExternalID = long
		u.Keys = []store.Key{{Attr: "photos.value", Value: long}}
		u, err = st.CreateSCIMUser(ctx, acme, u, event("scim.user.created", "1"))
		require.NoError(t, err)
		other := user("2", long[:len(long)-1]+"x")
		other.ExternalID = long[:1500]
		other.Keys = []store.Key{{Attr: "photos.value", Value: long[:1500]}}
		other, err = st.CreateSCIMUser(ctx, acme, other)
		require.NoError(t, err)
		_, err = st.CreateSCIMUser(ctx, acme, user("3", long))
		require.ErrorIs(t, err, store.ErrConflict)
		g := store.SCIMGroup{Meta: store.Meta{ID: "g", CreatedAt: at, UpdatedAt: at}, DisplayName: long, ExternalID: long}
		_, err = st.CreateSCIMGroup(ctx, acme, g, nil)
		require.NoError(t, err)

		for _, attr := range []store.Attr{store.AttrUserName, store.AttrExternalID, "photos.value"} {
			for _, e := range []store.Expr{
				store.Compare{Attr: attr, Op: store.Eq, Value: long},
				store.In{Attr: attr, Values: []string{"nobody's", long}},
			} {
				p, err := st.SCIMUsers(ctx, acme, store.Query{Filter: e})
				require.NoError(t, err)
				require.True(t, p.Exact)
				require.Equal(t, []store.SCIMUser{u}, p.Items, "%s", attr)
			}
			for _, prefix := range []string{long[:10], long[:1200]} {
				p, err := st.SCIMUsers(ctx, acme, store.Query{Filter: store.Compare{Attr: attr, Op: store.Sw, Value: prefix}})
				require.NoError(t, err)
				require.Equal(t, []store.SCIMUser{u, other}, p.Items, "%s", attr)
			}
		}
		groups, err := st.SCIMGroups(ctx, acme, store.Query{Filter: store.Compare{Attr: store.AttrDisplayName, Op: store.Eq, Value: long}})
		require.NoError(t, err)
		require.Len(t, groups.Items, 1)
		require.Equal(t, long, groups.Items[0].DisplayName)
	})
}
