//go:build unix

package pgtest_test

import (
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
)

func TestStartAndStop(t *testing.T) {
	var address string
	t.Run("running", func(t *testing.T) {
		server := pgtest.Start(t)
		first, second := server.Schema(t), server.Schema(t)
		require.NotEqual(t, first, second, "each test has a schema of its own")
		u, err := url.Parse(first)
		require.NoError(t, err)
		address = u.Host
		c, err := net.DialTimeout("tcp", address, time.Second)
		require.NoError(t, err)
		require.NoError(t, c.Close())
	})
	if address == "" {
		return // skipped: nothing to stop
	}
	_, err := net.DialTimeout("tcp", address, time.Second)
	require.Error(t, err, "the server ended with the test")
}
