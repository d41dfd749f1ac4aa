package realidp

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// TestDex is a tour of dex with its database of passwords. It has no sessions and no logout, ignores max_age,
// and takes a secret in either way.
func TestDex(t *testing.T) {
	provider{
		name:        "dex 2.45.1",
		methods:     []string{"client_secret_basic", "client_secret_post"},
		lacks:       []string{rpInitiated, backChannel, frontChannel, pushed, formPost, issParameter},
		bothSecrets: true,
		forgets:     true,
		ageless:     true,
		start:       startDex,
	}.tour(t)
}

func startDex(t *testing.T, clients []*client) string {
	t.Helper()
	program := goProgram(t, "dex", "github.com/dexidp/dex/cmd/dex")
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	require.NoError(t, err)
	port := freePort(t)
	issuer := fmt.Sprintf("http://127.0.0.1:%d/dex", port)
	var list []map[string]any
	for _, c := range clients {
		list = append(list, map[string]any{"id": c.id, "name": c.id, "secret": clientSecret, "redirectURIs": []string{c.redirectURI()}})
	}
	// JSON is YAML too.
	text, err := json.Marshal(map[string]any{
		"issuer": issuer, "storage": map[string]any{"type": "memory"}, "web": map[string]any{"http": fmt.Sprintf("127.0.0.1:%d", port)},
		"staticClients": list, "enablePasswordDB": true,
		"staticPasswords": []any{map[string]any{"email": ada, "username": "Ada", "userID": "08a8684b", "hash": string(hash)}},
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "dex.yaml")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	start(t, issuer+"/healthz", nil, program, "serve", file)
	return issuer
}
