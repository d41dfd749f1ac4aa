package tenant

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// directoryID is a directory's ID, as Microsoft writes it.
const directoryID = "8a3b0b5e-6a55-4b7e-9a0a-5c6a1a4d7c11"

// TestEveryBadEntryLeavesTheRequest: whatever an owner gets wrong in one field is refused with its code, for a new request
// and for one that is there, and neither is written.
func TestEveryBadEntryLeavesTheRequest(t *testing.T) {
	t.Parallel()
	authority := func(provider, a string) func(*Draft) {
		return func(d *Draft) { d.Provider, d.Authority = provider, a }
	}
	domains := func(entries ...string) func(*Draft) { return func(d *Draft) { d.Domains, d.BreakGlass = entries, nil } }
	for _, tt := range []struct {
		code, field string
		spoil       func(*Draft)
	}{
		{CodeDomainInvalid, FieldDomains, domains("https://acme.com/x")},
		{CodeDomainPublicSuffix, FieldDomains, domains("co.uk")},
		{CodeDomainConsumer, FieldDomains, domains("gmail.com")},
		{CodeDomainIsEmail, FieldDomains, domains("it@acme.com")},
		{CodeDomainTaken, FieldDomains, domains("held.example")},
		{CodeTooMany, FieldDomains, domains(strings.Repeat("x ", MaxDomains+1))},
		{CodeTooLong, FieldDomains, domains(strings.Repeat("a,", maxListBytes))},
		{CodeAuthorityInvalid, FieldAuthority, authority("", "https://login.acme.com?x=1")},
		{CodeAuthorityNotHTTPS, FieldAuthority, authority("", "http://login.acme.com")},
		{CodeAuthoritySAML, FieldAuthority, authority("", "<EntityDescriptor/>")},
		{CodeAuthorityMultiTenant, FieldAuthority, authority("", "https://login.microsoftonline.com/common/v2.0")},
		{CodeAuthorityOktaAdmin, FieldAuthority, authority("", "https://acme-admin.okta.com")},
		{CodeAuthorityEndpoint, FieldAuthority, authority("", "https://acme.okta.com/oauth2/v1/authorize")},
		{CodeAuthorityPort, FieldAuthority, authority("", "https://login.acme.com:8443")},
		{CodeAuthorityOtherProvider, FieldAuthority, authority(ProviderEntra, "https://acme.okta.com")},
		{CodeAuthorityPattern, FieldAuthority, authority(ProviderGoogle, "https://google.com")},
		{CodeDiscoveryBlocked, FieldAuthority, authority("", "https://169.254.169.254/latest")},
		{CodeClientIDInvalid, FieldClientID, func(d *Draft) { d.ClientID = "a b" }},
		{CodeSecretInvalid, FieldClientSecret, func(d *Draft) { d.ClientSecret = NewSecret("never shown") }},
		{CodeClientAuthInvalid, FieldClientAuth, func(d *Draft) { d.ClientAuth = "magic" }},
		{CodeSecretExpiredAlready, FieldSecretExpiry, func(d *Draft) { d.SecretExpiresAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{CodeEmailInvalid, FieldBreakGlass, func(d *Draft) { d.BreakGlass = []string{"admin"} }},
		{CodeBreakGlassDomainMismatch, FieldBreakGlass, func(d *Draft) { d.BreakGlass = []string{"x@acme.com.evil.org"} }},
		{CodeTooMany, FieldBreakGlass, func(d *Draft) { d.BreakGlass = []string{strings.Repeat("x ", MaxBreakGlass+1)} }},
		{CodeScopeInvalid, FieldScopes, func(d *Draft) { d.AdditionalScopes = []string{`a"b`} }},
		{CodeTooMany, FieldScopes, func(d *Draft) { d.AdditionalScopes = strings.Split("s"+strings.Repeat(" sx", maxScopes+1), " ") }},
		{CodeJustInTimeOff, FieldJustInTime, func(d *Draft) { d.JustInTimeAnyDomain = true }},
		{CodeEmailFallbackInvalid, FieldEmailFallback, func(d *Draft) { d.EmailFallback = "sub" }},
		{CodeEmailFallbackInvalid, FieldEmailFallback, func(d *Draft) { d.EmailFallback = "UPN " }},
		{CodeEmailFallbackShared, FieldEmailFallback, func(d *Draft) {
			d.Provider, d.Authority, d.EmailFallback = ProviderGoogle, "https://accounts.google.com", EmailFallbackUserName
			d.ClientID, d.AdditionalScopes, d.ClientSecret = "1-a.apps.googleusercontent.com", nil, Secret{}
		}},
		{CodeNameInvalid, FieldConnection, func(d *Draft) { d.Name = strings.Repeat("a", maxName+1) }},
	} {
		t.Run(tt.field+" "+tt.code, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			holder := acme()
			holder.Domains, holder.BreakGlass = []string{"held.example"}, nil
			w.active(t, "t2", holder)
			c := w.draft(t, "t1", acme())
			d := acme()
			tt.spoil(&d)
			if tt.field == FieldScopes && tt.code == CodeTooMany { // doubles count once
				for i := range d.AdditionalScopes {
					d.AdditionalScopes[i] += strings.Repeat("y", i)
				}
			}
			check := func(err error) error {
				v, ok := errors.AsType[*ValidationError](err)
				require.True(t, ok, "%v", err)
				require.Len(t, v.Refusals(), 1, "%v", v)
				f := v.Refusals()[0]
				require.Equal(t, tt.field, f.Field)
				require.NotEmpty(t, f.Message)
				require.NotContains(t, f.Message+f.Got+f.Expected+f.Suggestion, "never shown")
				require.NotContains(t, err.Error(), "t2")
				return err
			}
			w.refusedWith(t, "t1", tt.code, func() error {
				_, _, err := w.CreateDraft(t.Context(), owner, "t1", d)
				return check(err)
			})
			w.refusedWith(t, "t1", tt.code, func() error {
				_, _, err := w.SaveDraft(t.Context(), owner, "t1", c.ID, c.Version, d)
				return check(err)
			})
			_, _, err := w.Submit(t.Context(), owner, "t1", c.ID, c.Version)
			require.NoError(t, err, "the request goes on as it was")
		})
	}
}

// TestEveryWarningIsKept: what is only worth a look is saved, and reviewers see it.
func TestEveryWarningIsKept(t *testing.T) {
	t.Parallel()
	const entra = "https://login.microsoftonline.com/" + directoryID
	for _, tt := range []struct {
		code  string
		worry func(*Draft)
	}{
		{CodeAuthorityEntraV1, func(d *Draft) { d.Authority = entra }},
		{CodeClientIDIsTenantID, func(d *Draft) { d.Authority, d.ClientID = entra+"/v2.0", directoryID }},
		{CodeClientIDFormat, func(d *Draft) { d.Authority, d.ClientID = "https://acme.okta.com", "abc" }},
		{CodeSecretLooksLikeID, func(d *Draft) { d.ClientSecret = NewSecret(d.ClientID) }},
		{CodeSecretExpiryFar, func(d *Draft) {
			d.Authority, d.SecretExpiresAt = entra+"/v2.0", time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		}},
		{CodeSecretExpiredAlready, func(d *Draft) {
			d.SecretExpiresAt, d.AcceptExpired = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), true
		}},
		{CodeScopeOfflineAccess, func(d *Draft) { d.AdditionalScopes = []string{"offline_access"} }},
		{CodeScopeUnwanted, func(d *Draft) {
			d.Authority, d.AdditionalScopes = entra+"/v2.0", []string{"groups"}
		}},
		{CodeJustInTimeAnyDomain, func(d *Draft) { d.JustInTime, d.JustInTimeAnyDomain = true, true }},
		{CodeEmailFallback, func(d *Draft) { d.EmailFallback = EmailFallbackUPN }},
		{CodeBreakGlassEmpty, func(d *Draft) { d.BreakGlass = nil }},
	} {
		t.Run(tt.code, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			d := acme()
			tt.worry(&d)
			c := w.draft(t, "t1", d)
			c, findings, err := w.Submit(t.Context(), owner, "t1", c.ID, c.Version)
			require.NoError(t, err)
			require.Contains(t, codes(findings, SeverityWarning), tt.code)
			require.Contains(t, checkCodes(c.Checks), tt.code, "staff see it")
		})
	}
}

// TestEveryFaultOfAProviderStopsTheStep: R34. At submit, at approval, at activation and when a change is put in force, each
// fault is refused with its code, and the request stays where it was.
func TestEveryFaultOfAProviderStopsTheStep(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		CodeDiscoveryNotFound, CodeDiscoveryTimeout, CodeDiscoveryInvalidJSON, CodeDiscoveryIncomplete, CodeDiscoveryBlocked, CodeDiscoveryRedirect,
		CodeIssuerMismatch, CodeUnsupportedAuthMethod, CodeJWKSUnreachable, CodeNoUsableKey, CodeTLSError,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx := t.Context()
			good := w.report
			stopped := func(c Connection, step func(c Connection) (Connection, error)) Connection {
				t.Helper()
				w.report = ProviderReport{Findings: []Finding{errorFinding(FieldAuthority, code, "Something is wrong with the provider.")}}
				w.refusedWith(t, "t1", code, func() error { _, err := step(c); return err })
				w.report = good
				out, err := step(c)
				require.NoError(t, err)
				return out
			}
			submit := func(c Connection) (Connection, error) {
				out, _, err := w.Submit(ctx, owner, "t1", c.ID, c.Version)
				return out, err
			}
			approve := func(c Connection) (Connection, error) {
				out, _, err := w.Approve(ctx, staff, "t1", c.ID, c.Version)
				return out, err
			}
			c := stopped(stopped(w.draft(t, "t1", acme()), submit), approve)
			w.prove(t, "t1", c)
			c = stopped(w.tested(t, "t1", c), func(c Connection) (Connection, error) {
				return w.Activate(ctx, owner, "t1", c.ID, c.Version, Activation{})
			})
			require.Equal(t, store.ConnectionActive, c.State)

			d := acme()
			d.ClientSecret, d.AdditionalScopes = Secret{}, []string{"teams"}
			ch := w.tested(t, "t1", w.requested(t, c, d))
			c = stopped(ch, func(ch Connection) (Connection, error) {
				return w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
			})
			require.Equal(t, []string{"teams"}, c.AdditionalScopes)
		})
	}
}
