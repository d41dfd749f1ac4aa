package sqlstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestGrantChange(t *testing.T) {
	grant := func(account, role string) store.Grant {
		return store.Grant{AccountID: account, Kind: store.GrantOrgRole, GroupID: "g", Role: role}
	}
	put, remove := GrantChange(
		[]store.Grant{grant("1", "member"), grant("2", "member"), grant("1", "admin")},
		[]store.GrantKey{grant("2", "").Key(), grant("3", "").Key()})
	require.Equal(t, []store.Grant{grant("1", "admin"), grant("2", "member")}, put)
	require.Equal(t, []store.GrantKey{grant("3", "").Key()}, remove)
}
