package tenant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func testKey(id string, b byte) Key { return Key{ID: id, Bytes: bytes.Repeat([]byte{b}, 32)} }

func testRing(t *testing.T, cfg KeyringConfig) *Keyring {
	t.Helper()
	k, err := NewKeyring(cfg)
	require.NoError(t, err)
	return k
}

func TestSealRotation(t *testing.T) {
	old := testRing(t, KeyringConfig{Keys: []Key{testKey("2026", 1)}})
	aad := FieldAAD("t1", "c1", "client_secret")
	sealed, err := old.Seal([]byte("value"), aad)
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "value")
	twin, err := old.Seal([]byte("value"), aad)
	require.NoError(t, err)
	require.NotEqual(t, sealed, twin)

	both := testRing(t, KeyringConfig{Keys: []Key{testKey("2026", 1), testKey("2027", 2)}, Primary: "2027"})
	plain, err := both.Open(sealed, aad)
	require.NoError(t, err)
	require.Equal(t, "value", string(plain))
	require.True(t, old.Current(sealed))
	require.False(t, both.Current(sealed))

	fresh, err := both.Seal(plain, aad)
	require.NoError(t, err)
	require.True(t, both.Current(fresh))
	_, err = old.Open(fresh, aad)
	require.ErrorIs(t, err, ErrUnknownKey)

	other := testRing(t, KeyringConfig{Keys: []Key{testKey("2026", 9)}})
	_, err = other.Open(sealed, aad)
	require.ErrorIs(t, err, ErrSealBroken)
}

func TestSealIsBoundToItsPlace(t *testing.T) {
	k := testRing(t, KeyringConfig{Keys: []Key{testKey("k", 1)}})
	sealed, err := k.Seal([]byte("value"), FieldAAD("t1", "c1", "client_secret"))
	require.NoError(t, err)
	for _, aad := range [][]byte{nil, FieldAAD("t2", "c1", "client_secret"), FieldAAD("t1", "c2", "client_secret"), FieldAAD("t1", "c1", "x"), FieldAAD("t1c1", "", "client_secret")} {
		_, err := k.Open(sealed, aad)
		require.ErrorIs(t, err, ErrSealBroken)
	}
	require.NotEqual(t, FieldAAD("a", "bc", "d"), FieldAAD("ab", "c", "d"))
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		_, err := k.Open(changed, FieldAAD("t1", "c1", "client_secret"))
		require.Error(t, err, i)
		_, err = k.Open(sealed[:i], FieldAAD("t1", "c1", "client_secret"))
		require.ErrorIs(t, err, ErrSealBroken, i)
	}
}

func TestDeriveSeparatesPurposes(t *testing.T) {
	k := testRing(t, KeyringConfig{Keys: []Key{testKey("k", 1)}})
	cookie, cursor := k.Derive("cookie"), k.Derive("cursor")
	sealed, err := cookie.Seal([]byte("x"), nil)
	require.NoError(t, err)
	_, err = k.Derive("cookie").Open(sealed, nil)
	require.NoError(t, err)
	for _, other := range []*Keyring{k, cursor, k.Derive("cookie").Derive(""), k.Derive("cook").Derive("ie")} {
		_, err = other.Open(sealed, nil)
		require.ErrorIs(t, err, ErrSealBroken)
	}
}

// providerFunc is a KeyProvider of a function.
type providerFunc func() (KeyringConfig, error)

func (f providerFunc) Keys(context.Context) (KeyringConfig, error) { return f() }

func TestReload(t *testing.T) {
	cfg := KeyringConfig{Keys: []Key{testKey("a", 1)}}
	var fail error
	p := providerFunc(func() (KeyringConfig, error) { return cfg, fail })
	k, err := LoadKeyring(t.Context(), p)
	require.NoError(t, err)
	cookies := k.Derive("cookie")
	before, err := cookies.Seal([]byte("x"), nil)
	require.NoError(t, err)

	cfg = KeyringConfig{Keys: []Key{testKey("b", 2), testKey("a", 1)}}
	require.NoError(t, k.Reload(t.Context(), p))
	require.False(t, cookies.Current(before))
	_, err = cookies.Open(before, nil)
	require.NoError(t, err)
	after, err := cookies.Seal([]byte("x"), nil)
	require.NoError(t, err)
	require.True(t, cookies.Current(after))

	fail = errors.New("kms down")
	require.ErrorIs(t, k.Reload(t.Context(), p), fail)
	_, err = cookies.Open(after, nil)
	require.NoError(t, err)
	fail = nil
	cfg = KeyringConfig{}
	require.Error(t, k.Reload(t.Context(), p))
	_, err = cookies.Open(after, nil)
	require.NoError(t, err)
}

func TestKeyringConcurrent(t *testing.T) {
	k := testRing(t, KeyringConfig{Keys: []Key{testKey("a", 1)}})
	p := providerFunc(func() (KeyringConfig, error) {
		return KeyringConfig{Keys: []Key{testKey("b", 2), testKey("a", 1)}}, nil
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				sealed, err := k.Seal([]byte("x"), nil)
				if err == nil {
					_, err = k.Open(sealed, nil)
				}
				if err == nil {
					err = k.Reload(t.Context(), p)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestNewKeyringRefuses(t *testing.T) {
	for name, cfg := range map[string]KeyringConfig{
		"no keys":    {},
		"short key":  {Keys: []Key{{ID: "a", Bytes: make([]byte, 31)}}},
		"no ID":      {Keys: []Key{testKey("", 1)}},
		"bad ID":     {Keys: []Key{testKey("a/b", 1)}},
		"long ID":    {Keys: []Key{testKey(strings.Repeat("a", 65), 1)}},
		"twice":      {Keys: []Key{testKey("a", 1), testKey("a", 2)}},
		"no primary": {Keys: []Key{testKey("a", 1)}, Primary: "b"},
	} {
		_, err := NewKeyring(cfg)
		require.Error(t, err, name)
	}
	_, err := LoadKeyring(t.Context(), nil)
	require.Error(t, err)
}

// printed shows a value in every way that programs print one.
func printed(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
	if data, err := json.Marshal(v); err == nil {
		b.Write(data)
	}
	return b.String()
}

func TestSecretsCannotBePrinted(t *testing.T) {
	type holder struct {
		Public  Secret
		private Secret
		Nested  map[string][]Secret
		Pointer *Secret
	}
	const value = "hunter2-hunter2-hunter2"
	s := NewSecret(value)
	k := testKey("the-id", 'K')
	for _, v := range []any{
		s, &s,
		[]Secret{s},
		map[string]Secret{"x": s},
		holder{s, s, map[string][]Secret{"x": {s}}, &s},
		&holder{private: s},
		Draft{ClientSecret: s},
		struct{ a any }{s},
		k, &k,
		[]Key{k},
		KeyringConfig{Keys: []Key{k}},
		testRing(t, KeyringConfig{Keys: []Key{k}}),
	} {
		out := printed(t, v)
		require.NotContains(t, out, value)
		require.NotContains(t, out, "68756e74657232") // hex
		require.NotContains(t, out, "KKKK")
		require.NotContains(t, out, "4b4b4b4b")
		require.NotContains(t, strings.ToLower(out), "75, 75, 75")
		require.NotContains(t, out, "75 75 75")
		require.NotContains(t, out, "0x4b, 0x4b")
	}
	require.Contains(t, printed(t, s), "REDACTED")
	require.Contains(t, printed(t, k), "the-id")
}

func TestSecret(t *testing.T) {
	require.True(t, NewSecret("").IsZero())
	require.True(t, Secret{}.IsZero())
	require.Empty(t, Secret{}.Reveal())
	require.Equal(t, "x", NewSecret("x").Reveal())
	require.True(t, NewSecret("x").Equal(NewSecret("x")))
	require.False(t, NewSecret("x").Equal(NewSecret("y")))
	require.False(t, NewSecret("x").Equal(Secret{}))

	var in struct{ Secret Secret }
	require.NoError(t, json.Unmarshal([]byte(`{"secret":"s3cret"}`), &in))
	require.Equal(t, "s3cret", in.Secret.Reveal())
	out, err := json.Marshal(in)
	require.NoError(t, err)
	require.JSONEq(t, `{"Secret":"REDACTED"}`, string(out))
	require.Error(t, json.Unmarshal(out, &in), "a redacted secret must not come back as a value")

	require.Equal(t, "9876", NewSecret("0123456789abc9876").hint())
	require.Equal(t, "67", NewSecret("01234567").hint())
	require.Empty(t, NewSecret("0123456").hint())
}

func TestAPIKeyFormat(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		key, err := newAPIKey("tgk_")
		require.NoError(t, err)
		v := key.Reveal()
		require.Regexp(t, `^tgk_[0-9A-Za-z]{49}$`, v)
		require.True(t, wellFormedAPIKey("tgk_", v))
		require.False(t, seen[v])
		seen[v] = true
		require.False(t, wellFormedAPIKey("other_", v))
		require.False(t, wellFormedAPIKey("tgk_", v[:len(v)-1]))
		require.False(t, wellFormedAPIKey("tgk_", v+"0"))
		swapped := []byte(v)
		if swapped[10] != swapped[11] {
			swapped[10], swapped[11] = swapped[11], swapped[10]
			require.False(t, wellFormedAPIKey("tgk_", string(swapped)), "the checksum finds a typing error")
		}
		require.Len(t, hashAPIKey(v), 32)
	}
	require.NoError(t, checkKeyPrefix("acme_live_"))
	for _, p := range []string{"", "tgk", "TGK_", "a-b_", strings.Repeat("a", 16) + "_"} {
		require.Error(t, checkKeyPrefix(p), p)
	}
}
