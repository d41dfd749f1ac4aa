package tenant

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const keysVariable = "TENANTGATE_TEST_KEYS"

func TestEnvironmentKeys(t *testing.T) {
	a, b := bytes.Repeat([]byte{0xfb, 0xff}, 16), bytes.Repeat([]byte{2}, 33)
	ctx := t.Context()
	_, err := LoadKeyring(ctx, EnvironmentKeys(keysVariable))
	require.ErrorContains(t, err, keysVariable)

	t.Setenv(keysVariable, "2026-11:"+base64.StdEncoding.EncodeToString(a)+", \n 2025.04:"+base64.RawURLEncoding.EncodeToString(a)+"\r\nx:"+base64.StdEncoding.EncodeToString(b)+",")
	cfg, err := EnvironmentKeys(keysVariable).Keys(ctx)
	require.NoError(t, err)
	require.Equal(t, []Key{{ID: "2026-11", Bytes: a}, {ID: "2025.04", Bytes: a}, {ID: "x", Bytes: b}}, cfg.Keys)
	ring, err := LoadKeyring(ctx, EnvironmentKeys(keysVariable))
	require.NoError(t, err)
	sealed, err := ring.Seal([]byte("value"), nil)
	require.NoError(t, err)
	require.True(t, ring.Current(sealed))

	// A changed variable counts from the reload on; a broken one changes nothing.
	t.Setenv(keysVariable, "new:"+base64.StdEncoding.EncodeToString(b)+" 2026-11:"+base64.StdEncoding.EncodeToString(a))
	require.NoError(t, ring.Reload(ctx, EnvironmentKeys(keysVariable)))
	require.False(t, ring.Current(sealed))
	t.Setenv(keysVariable, "new:")
	require.Error(t, ring.Reload(ctx, EnvironmentKeys(keysVariable)))
	plain, err := ring.Open(sealed, nil)
	require.NoError(t, err)
	require.Equal(t, "value", string(plain))
}

func TestBrokenEnvironmentKeys(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	for value, want := range map[string]string{
		"": "no key", ",": "no key",
		good:               "key 1 is not ID:VALUE",
		":" + good:         "key 1 is not ID:VALUE",
		"a/b:" + good:      "key 1 is not ID:VALUE",
		"k:" + good + " x": "key 2 is not ID:VALUE",
		"k:" + good[:8]:    "key 1 has 6 bytes, expected at least 32",
		"k:" + good + "!":  "the value of key 1 is not base64",
		"k:%%%%":           "the value of key 1 is not base64",
	} {
		_, err := parseKeys(value)
		require.ErrorContains(t, err, want, value)
		if len(value) > 20 {
			require.NotContains(t, err.Error(), good[:8])
		}
	}
}

func FuzzEnvironmentKeys(f *testing.F) {
	f.Add("k:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	f.Add("a:b,c:d\n")
	f.Fuzz(func(t *testing.T, value string) {
		keys, err := parseKeys(value)
		if err != nil {
			require.Empty(t, keys)
			for _, word := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(",: \t\r\n", r) }) {
				require.False(t, len(word) > 30 && strings.Contains(err.Error(), word))
			}
			return
		}
		require.NotEmpty(t, keys)
		for _, k := range keys {
			require.True(t, validKeyID(k.ID))
			require.GreaterOrEqual(t, len(k.Bytes), minRootKey)
		}
	})
}
