package oidc

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
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

// TestExpiredSecret: R43. Entra says so in words; others only that the client was refused.
func TestExpiredSecret(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, code, logs string }{
		"Entra, expired":  {`{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app 'x' are expired.","error_codes":[7000222]}`, CodeSecretExpired, "expired; make a new one"},
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
