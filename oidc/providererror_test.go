package oidc

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestProviderErrors: what providers answer at the authorization endpoint for the mistakes of R10 and R17, and what the
// person and the log are told. Nothing of the provider's text is shown.
func TestProviderErrors(t *testing.T) {
	t.Parallel()
	const entra = "AADSTS50105: Your administrator has configured the application App ('9f1c…') to block users unless they are specifically granted ('assigned') access. <script>"
	for name, tt := range map[string]struct {
		err, description string
		status           int
		code, says, logs string
	}{
		"Entra, not assigned":         {"access_denied", entra, 403, CodeUserNotAssigned, "assigned you", "Users and groups"},
		"Okta, not assigned":          {"access_denied", "User is not assigned to the client application.", 403, CodeUserNotAssigned, "assigned you", "Assignments"},
		"Entra, no consent":           {"consent_required", "AADSTS65001: The user or administrator has not consented", 403, CodeConsentMissing, "grant this application consent", "admin consent"},
		"Entra, admin consent":        {"access_denied", "AADSTS90094: Admin consent is required", 403, CodeConsentMissing, "grant this application consent", "administrator"},
		"a longer number":             {"access_denied", "AADSTS501050: something else", 403, CodeProviderDenied, "cancelled", "access_denied"},
		"cancelled":                   {"access_denied", "", 403, CodeProviderDenied, "cancelled", "access_denied"},
		"consent":                     {"consent_required", "", 403, CodeConsentMissing, "consent", "consent_required"},
		"prompt none":                 {"login_required", "", 403, CodeInteractionRequired, "without a page", "login_required"},
		"account selection":           {"account_selection_required", "", 403, CodeInteractionRequired, "without a page", "account_selection_required"},
		"a text of no known code":     {"shiny_error", entra, 403, CodeProviderDenied, "cancelled", "an error of its own"},
		"a secret's error in a query": {"access_denied", "AADSTS7000222: expired", 403, CodeProviderDenied, "cancelled", "access_denied"},
		"down":                        {"temporarily_unavailable", entra, 503, CodeProviderDown, "could not be reached", "temporarily_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			idp.SetFaults(oidctest.Faults{AuthorizeError: tt.err, AuthorizeErrorDescription: tt.description})
			a := newApp(t)
			a.connect(idp, "acme", "acme.example")
			p := a.signIn(oidctest.DefaultEmail)
			require.Equal(t, tt.status, p.status)
			require.Contains(t, p.body, "<code>"+tt.code+"</code>")
			require.Contains(t, p.body, tt.says)
			require.Contains(t, a.log.String(), tt.logs)
			for _, leak := range []string{"AADSTS", "script", "9f1c…"} {
				require.NotContains(t, p.body, leak)
				require.NotContains(t, a.log.String(), leak)
			}
		})
	}
}

// TestGuidesExplainErrors: every error that a guide knows to come back is explained by it, with the code of its kind.
func TestGuidesExplainErrors(t *testing.T) {
	t.Parallel()
	codes := map[tenant.ErrorKind]string{
		tenant.ErrorKindNotAssigned: CodeUserNotAssigned, tenant.ErrorKindConsent: CodeConsentMissing, tenant.ErrorKindAccount: CodeProviderDenied,
		tenant.ErrorKindPolicy: CodeProviderDenied, tenant.ErrorKindClientRejected: CodeClientRejected, tenant.ErrorKindClientAuth: CodeClientRejected,
		tenant.ErrorKindSecretExpired: CodeSecretExpired, tenant.ErrorKindRedirectURI: CodeProviderConfig, tenant.ErrorKindSetup: CodeProviderConfig,
	}
	seen := 0
	for _, g := range tenant.Guides() {
		for _, known := range g.Errors {
			for _, place := range known.Places {
				code := "invalid_request"
				if len(known.Codes) > 0 {
					code = known.Codes[0]
				}
				var e *Error
				switch place {
				case tenant.PlaceAuthorization:
					e = explainAuthorization(g.Provider, code, known.Example)
				case tenant.PlaceToken:
					e = explainToken(g.Provider, http.StatusBadRequest, code, known.Example, "the token endpoint")
				default:
					continue
				}
				seen++
				require.NotNil(t, e.why, known.ID)
				require.Equal(t, known.ID, e.why.ID)
				require.Equal(t, codes[known.Kind], e.Code, known.ID)
				require.Contains(t, e.Reason, g.Name+": "+known.What.Text)
				require.LessOrEqual(t, len(e.Reason), 500, known.ID)
				require.NotContains(t, e.Reason, "11111111", "nothing of the provider's text")
			}
		}
	}
	require.Greater(t, seen, 40)
}

// TestExplanationOnThePage: the person can hand the guide's sentence on, a program gets its ID, and nothing comes from the
// provider's text.
func TestExplanationOnThePage(t *testing.T) {
	t.Parallel()
	idp := oidctest.NewServer(t)
	a := newApp(t)
	a.connect(idp, "acme", "acme.example", func(c *store.Connection) { c.Provider = tenant.ProviderOkta })
	idp.SetFaults(oidctest.Faults{AuthorizeError: "access_denied", AuthorizeErrorDescription: "User is not assigned to the client application. <b>evil</b>"})
	p := a.signIn(oidctest.DefaultEmail)
	require.Contains(t, p.body, "For your administrator: The person is not assigned to the application. An Okta administrator adds them")
	require.NotContains(t, p.body, "evil")

	// What only another provider writes explains nothing here.
	idp.SetFaults(oidctest.Faults{AuthorizeError: "access_denied", AuthorizeErrorDescription: "AADSTS50105: not assigned"})
	p = a.signIn(oidctest.DefaultEmail)
	require.Contains(t, p.body, "<code>"+CodeProviderDenied+"</code>")
	require.NotContains(t, p.body, "For your administrator")

	rec := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/sso/signin-oidc", http.NoBody)
	r.Header.Set("Accept", "application/json")
	a.handler.refuse(rec, r, providerError(store.Connection{Provider: tenant.ProviderOkta}, "access_denied", "User is not assigned to the client application."), store.Connection{})
	var problem map[string]any
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &problem))
	require.Equal(t, "okta.not_assigned", problem["explanation_id"])
	require.Contains(t, problem["explanation"], "Assignments")
}

// TestRecommendedClientAuth: R22. What the guide recommends is taken where the provider lists it.
func TestRecommendedClientAuth(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string]string{
		tenant.ProviderJumpCloud: authPost, tenant.ProviderAuth0: authPost, tenant.ProviderOkta: authBasic, "": authBasic, "no such": authBasic,
	} {
		got, ok := (&metadata{authMethods: []string{authBasic, authPost}}).authMethod("", provider, false)
		require.True(t, ok)
		require.Equal(t, want, got, provider)
	}
	got, ok := (&metadata{authMethods: []string{authBasic}}).authMethod("", tenant.ProviderJumpCloud, false)
	require.True(t, ok)
	require.Equal(t, authBasic, got, "the provider does not list it")
	got, ok = (&metadata{authMethods: []string{authPost}}).authMethod(authBasic, tenant.ProviderJumpCloud, false)
	require.True(t, ok)
	require.Equal(t, authBasic, got, "the owner chose")
}

// TestExpiredSecret: R43. Entra says so in words; others only that the client was refused.
func TestExpiredSecret(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, code, logs string }{
		"Entra, expired":  {`{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app 'x' are expired.","error_codes":[7000222]}`, CodeSecretExpired, "has expired. An Entra administrator makes a new one"},
		"Entra, wrong":    {`{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`, CodeClientRejected, "not its Secret ID"},
		"Entra, no app":   {`{"error":"unauthorized_client","error_description":"AADSTS700016: Application with identifier 'x' was not found"}`, CodeClientRejected, "no application with this client ID"},
		"others":          {`{"error":"invalid_client"}`, CodeClientRejected, "has the secret expired?"},
		"a wrong code":    {`{"error":"invalid_grant","error_description":"AADSTS7000222"}`, CodeCodeRejected, "refused the code"},
		"an endless text": {`{"error":"invalid_client","error_description":"` + strings.Repeat("x", 100_000) + `AADSTS7000222"}`, CodeClientRejected, "has the secret expired?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := oidctest.NewServer(t)
			idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{oidctest.Token: {Status: 400, Body: tt.body}}})
			a := newApp(t)
			a.connect(idp, "acme", "acme.example")
			p := a.signIn(oidctest.DefaultEmail)
			require.Contains(t, p.body, "<code>"+tt.code+"</code>")
			require.Contains(t, a.log.String(), tt.logs)
			require.NotContains(t, p.body, "AADSTS")
		})
	}
}

// TestEveryCodeHasWords: a person never reads a code without a sentence that was written for it.
func TestEveryCodeHasWords(t *testing.T) {
	t.Parallel()
	for code, words := range texts {
		for _, s := range []string{words.title, words.message, words.help} {
			require.NotEmpty(t, s, code)
		}
		require.False(t, strings.HasSuffix(words.title, "."), code)
		require.True(t, strings.HasSuffix(words.message, "."), code)
		require.True(t, strings.HasSuffix(words.help, "."), code)
	}
}
