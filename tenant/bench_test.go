package tenant

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkAuthenticateAPIKey(b *testing.B) {
	w := newWorld(b)
	w.active(b, "t1", acme())
	secret, _, err := w.CreateAPIKey(b.Context(), owner, "t1", NewAPIKey{Name: "a"})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.AuthenticateAPIKey(b.Context(), "t1", secret.Reveal()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKeyringOpen(b *testing.B) {
	ring, err := NewKeyring(KeyringConfig{Keys: []Key{{ID: "k", Bytes: bytes.Repeat([]byte{1}, 32)}}})
	require.NoError(b, err)
	sealed, err := ring.Seal(bytes.Repeat([]byte{2}, 400), []byte("aad"))
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.Open(sealed, []byte("aad")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseDomains(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if names, _ := ParseDomains("acme.com, bücher.example, ops.acme.co.uk"); len(names) != 3 {
			b.Fatal(names)
		}
	}
}
