package realidp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc"
)

const (
	keycloakVersion = "26.7.3"
	needKeycloak    = "install Java 17 or later and Maven (Debian: apt-get install default-jdk-headless maven) and let Maven reach its central repository, to test against Keycloak"
	keycloakAdmin   = "admin"
)

// TestKeycloak is a tour of Keycloak, with front- and back-channel logout: a client there has one of the two.
func TestKeycloak(t *testing.T) {
	provider{
		name:        "Keycloak " + keycloakVersion,
		methods:     []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		bothSecrets: true,
		alg:         "ES256",
		more:        keycloakAdministration,
		start:       startKeycloak,
	}.tour(t)
}

// keycloak returns the folder of a Keycloak that is ready to start. The first time it is downloaded and, as its guide
// says, built for the database that it shall use.
func keycloak(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"java", "mvn"} {
		_, err := exec.LookPath(tool)
		need(t, err, needKeycloak)
	}
	dir, err := cached(t, "keycloak", keycloakVersion, func(dir string) error {
		artifact := "org.keycloak:keycloak-quarkus-dist:" + keycloakVersion + ":zip"
		if err := run(t, dir, "mvn", "--batch-mode", "--no-transfer-progress", "--quiet",
			"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack", "-Dartifact="+artifact, "-DoutputDirectory="+dir); err != nil {
			return err
		}
		return run(t, dir, filepath.Join(dir, "keycloak-"+keycloakVersion, "bin", "kc.sh"), "build", "--db=dev-mem")
	})
	need(t, err, needKeycloak)
	return filepath.Join(dir, "keycloak-"+keycloakVersion)
}

func startKeycloak(t *testing.T, clients []*client) string {
	t.Helper()
	folder := keycloak(t)
	server := fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	env := []string{
		"KC_BOOTSTRAP_ADMIN_USERNAME=" + keycloakAdmin, "KC_BOOTSTRAP_ADMIN_PASSWORD=" + password,
		"JAVA_OPTS_APPEND=-XX:TieredStopAtLevel=1",
	}
	start(t, server+"/realms/master", env, filepath.Join(folder, "bin", "kc.sh"), "start", "--optimized",
		"--http-enabled=true", "--http-host=127.0.0.1", "--http-port="+server[strings.LastIndexByte(server, ':')+1:],
		"--hostname="+server, "--cache=local")

	var list []map[string]any
	for _, c := range clients {
		list = append(list, keycloakClient(c))
	}
	keycloakAPI(t, server, http.MethodPost, "", map[string]any{
		"realm": "acme", "enabled": true, "clients": list,
		"users": []any{map[string]any{
			"username": ada, "email": ada, "emailVerified": true, "firstName": "Ada", "lastName": "Lovelace", "enabled": true,
			"credentials": []any{map[string]any{"type": "password", "value": password}}, "realmRoles": []string{"offline_access"},
		}},
	})
	return server + "/realms/acme"
}

// keycloakClient is a client as Keycloak's admin API takes it.
func keycloakClient(c *client) map[string]any {
	attributes := map[string]string{
		"post.logout.redirect.uris":           c.postLogoutURI(),
		"backchannel.logout.url":              c.backchannelURI(),
		"backchannel.logout.session.required": "true",
		"pkce.code.challenge.method":          "S256",
	}
	m := map[string]any{
		"clientId": c.id, "redirectUris": []string{c.redirectURI()}, "standardFlowEnabled": true, "directAccessGrantsEnabled": false,
		"attributes": attributes,
		// Switched on, it takes the place of back-channel logout.
		"frontchannelLogout": c.frontChannel,
		"secret":             clientSecret,
	}
	if c.frontChannel {
		attributes["frontchannel.logout.url"] = c.frontchannelURI()
		attributes["frontchannel.logout.session.required"] = "true"
		delete(attributes, "backchannel.logout.url")
	}
	if c.alg != "" {
		attributes["id.token.signed.response.alg"], attributes["user.info.response.signature.alg"] = c.alg, c.alg
	}
	switch c.auth {
	case "private_key_jwt":
		m["clientAuthenticatorType"] = "client-jwt"
		attributes["use.jwks.url"], attributes["jwks.url"] = "true", c.handler.JWKSURI()
	case "none":
		m["publicClient"] = true
	}
	return m
}

// keycloakAPI asks Keycloak's admin API for something, as its administrator.
func keycloakAPI(t *testing.T, server, method, path string, body any) []byte {
	t.Helper()
	form := url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {keycloakAdmin}, "password": {password}}
	text := send(t, http.MethodPost, server+"/realms/master/protocol/openid-connect/token", "application/x-www-form-urlencoded", "", []byte(form.Encode()))
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal(text, &token))
	sent, err := json.Marshal(body)
	require.NoError(t, err)
	return send(t, method, server+"/admin/realms"+path, "application/json", token.AccessToken, sent)
}

// keycloakAdministration rotates the realm's key, and then closes Ada's account.
func keycloakAdministration(t *testing.T, p provider, issuer string, byMethod map[string]*client) {
	server := strings.TrimSuffix(issuer, "/realms/acme")
	c := byMethod["client_secret_basic"]
	t.Run("a new key", func(t *testing.T) {
		require.Equal(t, "inside", p.enter(newBrowser(t, issuer, []*client{c}), c).body)
		before := header(t, c.lastLogin()).Kid
		keycloakAPI(t, server, http.MethodPost, "/acme/components", map[string]any{
			"name": "newer", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
			"config": map[string][]string{"priority": {"1000"}, "algorithm": {"RS256"}},
		})
		require.Equal(t, "inside", p.enter(newBrowser(t, issuer, []*client{c}), c).body)
		require.NotEqual(t, before, header(t, c.lastLogin()).Kid, "the ID token names another key")
	})
	t.Run("an account that was closed", func(t *testing.T) {
		token := c.lastLogin().RefreshToken
		again, err := c.handler.Refresh(t.Context(), token)
		require.NoError(t, err)
		var found []struct{ ID string }
		require.NoError(t, json.Unmarshal(keycloakAPI(t, server, http.MethodGet, "/acme/users?email="+ada, nil), &found))
		require.Len(t, found, 1)
		keycloakAPI(t, server, http.MethodPut, "/acme/users/"+found[0].ID, map[string]any{"enabled": false})
		_, err = c.handler.Refresh(t.Context(), again.RefreshToken)
		require.ErrorIs(t, err, oidc.ErrDenied)
		require.Equal(t, oidc.CodeRefreshRejected, oidc.CodeOf(err))
	})
}

// send asks a provider's administration for something, and returns what it answered.
func send(t *testing.T, method, target, contentType, token string, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Less(t, res.StatusCode, 300, "%s", text)
	return text
}
