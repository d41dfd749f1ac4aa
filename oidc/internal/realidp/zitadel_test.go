package realidp

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	zoidc "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// TestZitadel is a tour of zitadel/oidc's provider package, with the storage and the login page of its example. Its ID
// tokens have no e-mail address, and those for a refresh token no nonce.
func TestZitadel(t *testing.T) {
	provider{
		name:    "zitadel/oidc 3.51.17",
		methods: []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		lacks:   []string{backChannel, frontChannel, pushed, formPost, issParameter},

		bothSecrets: true,
		forgets:     true,
		start:       startZitadel,
	}.tour(t)
}

// zitadelStorage is the example's, with clients that authenticate as they registered.
type zitadelStorage struct {
	*storage.Storage
	clients []*client
}

func (s zitadelStorage) find(id string) *client {
	i := slices.IndexFunc(s.clients, func(c *client) bool { return c.id == id })
	if i < 0 {
		return nil
	}
	return s.clients[i]
}

// GetClientByClientID implements op.OPStorage.
func (s zitadelStorage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c := s.find(id)
	if c == nil {
		return nil, fmt.Errorf("no client %s", id)
	}
	return zitadelClient{storage.WebClient(id, clientSecret, c.redirectURI()), c}, nil
}

// GetKeyByIDAndClientID implements op.OPStorage.
func (s zitadelStorage) GetKeyByIDAndClientID(_ context.Context, keyID, clientID string) (*jose.JSONWebKey, error) {
	if c := s.find(clientID); c == nil || c.auth != "private_key_jwt" {
		return nil, fmt.Errorf("no key of %s", clientID)
	}
	return &jose.JSONWebKey{KeyID: keyID, Use: "sig", Key: clientKey().Public()}, nil
}

type zitadelClient struct {
	*storage.Client
	own *client
}

// AuthMethod implements op.Client.
func (c zitadelClient) AuthMethod() zoidc.AuthMethod { return zoidc.AuthMethod(c.own.auth) }

// PostLogoutRedirectURIs implements op.Client.
func (c zitadelClient) PostLogoutRedirectURIs() []string { return []string{c.own.postLogoutURI()} }

// zitadelUsers has Ada alone.
type zitadelUsers struct{}

func (zitadelUsers) ada() *storage.User {
	return &storage.User{ID: "id1", Username: ada, Password: password, FirstName: "Ada", LastName: "Lovelace", Email: ada, EmailVerified: true}
}

// GetUserByID implements storage.UserStore.
func (u zitadelUsers) GetUserByID(id string) *storage.User {
	if id != u.ada().ID {
		return nil
	}
	return u.ada()
}

// GetUserByUsername implements storage.UserStore.
func (u zitadelUsers) GetUserByUsername(name string) *storage.User {
	if name != ada {
		return nil
	}
	return u.ada()
}

// ExampleClientID implements storage.UserStore.
func (zitadelUsers) ExampleClientID() string { return "" }

func startZitadel(t *testing.T, clients []*client) string {
	t.Helper()
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	own := map[string]*storage.Client{}
	for _, c := range clients {
		own[c.id] = storage.WebClient(c.id, clientSecret, c.redirectURI())
	}
	st := zitadelStorage{storage.NewStorageWithClients(zitadelUsers{}, own), clients}
	mux.Handle("/", exampleop.SetupServer(srv.URL, st, slog.New(slog.DiscardHandler), false, op.WithAllowInsecure()))
	return srv.URL
}
