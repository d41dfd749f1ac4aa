package realidp

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

const oidcProviderVersion = "9.13.3"

// program is what the test runs. As a part of it, a change runs it again.
//
//go:embed provider.mjs
var program string

const needNode = "install Node.js 20 or later with npm (Debian: apt-get install nodejs npm) and let npm reach its registry, to test against oidc-provider"

// TestOIDCProvider is a tour of oidc-provider, which is OpenID certified: PKCE is demanded, iss is sent, e-mail is in
// userinfo, and refresh tokens need a consent.
func TestOIDCProvider(t *testing.T) {
	provider{
		name:    "oidc-provider " + oidcProviderVersion,
		methods: []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		lacks:   []string{frontChannel},

		consent:     true,
		bothSecrets: true,
		cancels:     true,
		alg:         "ES256",
		start:       startOIDCProvider,
	}.tour(t)
}

func startOIDCProvider(t *testing.T, clients []*client) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		_, err := exec.LookPath(tool)
		need(t, err, needNode)
	}
	var installed struct{ Version string }
	if text, err := os.ReadFile("node_modules/oidc-provider/package.json"); err != nil || json.Unmarshal(text, &installed) != nil || installed.Version != oidcProviderVersion {
		need(t, run(t, ".", "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"), needNode)
	}
	var list []map[string]any
	for _, c := range clients {
		m := map[string]any{
			"client_id": c.id, "token_endpoint_auth_method": c.auth, "redirect_uris": []string{c.redirectURI()},
			"post_logout_redirect_uris": []string{c.postLogoutURI()}, "grant_types": []string{"authorization_code", "refresh_token"},
			"backchannel_logout_uri": c.backchannelURI(), "backchannel_logout_session_required": true,
		}
		if c.alg != "" {
			m["id_token_signed_response_alg"], m["userinfo_signed_response_alg"] = c.alg, c.alg
		}
		switch c.auth {
		case "private_key_jwt":
			m["jwks_uri"] = c.handler.JWKSURI()
		case "none":
		default:
			m["client_secret"] = clientSecret
		}
		list = append(list, m)
	}
	text, err := json.Marshal(list)
	require.NoError(t, err)
	port := freePort(t)
	issuer := fmt.Sprintf("http://127.0.0.1:%d", port)
	start(t, issuer+"/.well-known/openid-configuration", nil, "node", "--input-type=module", "--eval", program, "--", strconv.Itoa(port), string(text))
	return issuer
}
