package sqlstore

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestMigrations(t *testing.T) {
	steps, err := Migrations(fstest.MapFS{
		"migrations/0001_first.sql": {Data: []byte("-- A comment; with a semicolon;\ncreate table a (x integer);\ncreate table b (\n\ty integer\n);\n")},
		"migrations/0002_next.sql":  {Data: []byte("drop table a;")},
	})
	require.NoError(t, err)
	require.Equal(t, []Migration{
		{Version: 1, Name: "first", Statements: []string{"create table a (x integer)", "create table b (\n\ty integer\n)"}},
		{Version: 2, Name: "next", Statements: []string{"drop table a"}},
	}, steps)

	_, err = Migrations(fstest.MapFS{"migrations/0002_next.sql": {}})
	require.ErrorContains(t, err, "0002_next.sql should have the number 1")
}

func TestCheckVersion(t *testing.T) {
	require.NoError(t, CheckVersion("sqlite", 2, 2))
	require.ErrorContains(t, CheckVersion("sqlite", 0, 2), "no tenantgate tables; call sqlite.Migrate first")
	require.ErrorContains(t, CheckVersion("sqlite", 1, 2), "version 1, this code needs 2; call sqlite.Migrate first")
	require.ErrorContains(t, CheckVersion("sqlite", 3, 2), "newer than this code's 2")
}
