package store_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestNewIDIsUUIDv7InOrder(t *testing.T) {
	now := time.Date(2026, 11, 24, 10, 0, 0, 123456789, time.UTC)
	ids := make([]string, 5000) // more than one tick holds
	for i := range ids {
		ids[i] = store.NewID(now)
	}
	require.True(t, slices.IsSorted(ids), "IDs of one process ascend, also within one instant")
	require.Len(t, slices.Compact(slices.Clone(ids)), len(ids))

	u, err := uuid.Parse(ids[0])
	require.NoError(t, err)
	require.EqualValues(t, 7, u.Version())
	require.Equal(t, uuid.RFC4122, u.Variant())
	sec, nsec := u.Time().UnixTime()
	require.WithinDuration(t, now, time.Unix(sec, nsec), time.Second)
}

func TestNewIDIsUniqueUnderConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu   sync.Mutex
			seen = map[string]bool{}
			wg   sync.WaitGroup
		)
		for range 8 {
			wg.Go(func() {
				for range 500 {
					id := store.NewID(time.Now())
					mu.Lock()
					seen[id] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		require.Len(t, seen, 8*500)
	})
}

func TestFold(t *testing.T) {
	for _, tt := range []struct{ a, b string }{
		{"Alice@Example.com", "alice@eXample.COM"},
		{"STRASSE", "strasse"},
		{"Ünsal", "ünsal"},
		{"ΣΊΣΥΦΟΣ", "σίσυφος"}, // final sigma
		{"\u212Aelvin", "kelvin"},
		{"ſ", "s"},
	} {
		require.Equal(t, store.Fold(tt.a), store.Fold(tt.b), "%q and %q", tt.a, tt.b)
	}
	require.NotEqual(t, store.Fold("e\u0301"), store.Fold("\u00e9"), "normal forms stay apart")
	require.Equal(t, "plain", store.Fold("plain"))
}

func TestMatches(t *testing.T) {
	u := store.SCIMUser{
		Meta:     store.Meta{ID: "1", UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		UserName: "Alice", ExternalID: "Ext", Active: true,
		Keys: []store.Key{{Attr: "emails.value", Value: "a@x"}, {Attr: "emails.value", Value: "b@x"}},
	}
	for _, tt := range []struct {
		name string
		e    store.Expr
		want bool
	}{
		{"nil", nil, true},
		{"all", store.All{}, true},
		{"empty and", store.And{}, true},
		{"empty or", store.Or{}, false},
		{"user name in any case", store.Compare{Attr: store.AttrUserName, Op: store.Eq, Value: "aLICE"}, true},
		{"external ID by case", store.Compare{Attr: store.AttrExternalID, Op: store.Eq, Value: "ext"}, false},
		{"one of several values", store.Compare{Attr: "emails.value", Op: store.Eq, Value: "b@x"}, true},
		{"prefix", store.Compare{Attr: "emails.value", Op: store.Sw, Value: "c"}, false},
		{"in", store.In{Attr: store.AttrID, Values: []string{"0", "1"}}, true},
		{"in nothing", store.In{Attr: store.AttrID}, false},
		{"time", store.Compare{Attr: store.AttrUpdatedAt, Op: store.Gt, Value: "2026-01-02T03:04:04.999999Z"}, true},
		{"and", store.And{store.All{}, store.Compare{Attr: store.AttrActive, Op: store.Eq, Value: "false"}}, false},
		{"or", store.Or{store.Compare{Attr: store.AttrActive, Op: store.Eq, Value: "true"}, store.Or{}}, true},
		{"absent attribute", store.Compare{Attr: "nickName", Op: store.Eq, Value: ""}, false},
	} {
		require.Equal(t, tt.want, store.Matches(tt.e, u.Values), tt.name)
	}
}
