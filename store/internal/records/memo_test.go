package records

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestMemo(t *testing.T) {
	t.Parallel()
	m := NewMemo()
	row := func(tenantID, id, body string) Row {
		return Row{TenantID: tenantID, Kind: kindConnection, ID: id, Version: 7, Body: []byte(body)}
	}
	decode := func(r Row) store.Connection {
		c, err := DecodeConnection(r)
		require.NoError(t, err)
		return c
	}
	first := m.Row(row("acme", "c", `{"state":"active","additionalScopes":["a"]}`))
	c := decode(first)
	c.AdditionalScopes[0] = "changed by a caller"
	again := m.Row(row("acme", "c", `{"state":"active","additionalScopes":["a"]}`))
	require.Same(t, first.Decoded, again.Decoded)
	require.Equal(t, []string{"a"}, decode(again).AdditionalScopes)
	again.Version = 8
	require.EqualValues(t, 8, decode(again).Version, "what is not in the body is the row's")
	require.Equal(t, "acme", decode(again).TenantID)

	changed := m.Row(row("acme", "c", `{"state":"suspended"}`))
	require.Equal(t, store.ConnectionSuspended, decode(changed).State)
	other := m.Row(row("other", "c", `{"state":"draft"}`))
	require.Equal(t, store.ConnectionDraft, decode(other).State)
	require.Equal(t, store.ConnectionSuspended, decode(m.Row(row("acme", "c", `{"state":"suspended"}`))).State)

	require.Nil(t, m.Row(Row{TenantID: "acme", Kind: kindAccount, ID: "a", Body: []byte(`{}`)}).Decoded, "another kind")
	require.Nil(t, m.Row(Row{TenantID: "acme", Kind: kindConnection}).Decoded, "no row")
	for i := range 3 * memoSize {
		m.Row(row("acme", strconv.Itoa(i), `{}`))
	}
	require.Len(t, m.rows, memoSize)
}
