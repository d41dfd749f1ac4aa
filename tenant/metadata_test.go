package tenant

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// TestR21MetadataKept: what the provider's document said is kept when it is in order, and only then.
func TestR21MetadataKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.report.Metadata = &store.ProviderMetadata{Issuer: "https://login.acme.com/", TokenEndpoint: "https://login.acme.com/token"}
	c := w.active(t, "acme", acme())
	require.Equal(t, w.clock(), c.Metadata.FetchedAt)
	require.Equal(t, "https://login.acme.com/token", c.Metadata.TokenEndpoint)
	version := c.ConfigVersion

	marked := func() store.Connection {
		r, err := w.store.Connection(t.Context(), "acme", c.ID)
		require.NoError(t, err)
		r.DriftCode, r.DriftSince = CodeDiscoveryNotFound, w.clock()
		r, err = w.store.UpdateConnection(t.Context(), "acme", r)
		require.NoError(t, err)
		return r
	}
	marked()
	w.pass(time.Hour)
	good := w.report
	for name, change := range map[string]func(*ProviderReport){
		"an error": func(r *ProviderReport) {
			r.Findings = []Finding{errorFinding(FieldAuthority, CodeNoUsableKey, "no key")}
		},
		"another issuer": func(r *ProviderReport) { r.Issuer = "https://evil.example" },
		"of another": func(r *ProviderReport) {
			r.Metadata = &store.ProviderMetadata{Issuer: "https://evil.example"}
		},
		"none": func(r *ProviderReport) { r.Metadata = nil },
	} {
		w.report = good
		change(&w.report)
		got, _, err := w.RunChecks(t.Context(), owner, "acme", c.ID)
		require.NoError(t, err, name)
		require.Equal(t, c.Metadata, got.Metadata, name)
		require.Equal(t, CodeDiscoveryNotFound, got.DriftCode, name)
	}
	w.report = good
	w.report.Metadata.TokenEndpoint = "https://login.acme.com/moved"
	got, _, err := w.RunChecks(t.Context(), owner, "acme", c.ID)
	require.NoError(t, err)
	require.Equal(t, "https://login.acme.com/moved", got.Metadata.TokenEndpoint)
	require.Equal(t, w.clock(), got.Metadata.FetchedAt)
	require.Empty(t, got.DriftCode)
	require.Zero(t, got.DriftSince)
	require.Equal(t, version, got.ConfigVersion)
	require.Equal(t, version, got.TestedVersion)
}

// TestNewConfigurationForgetsTheOldOnesTroubles: another authority has another document, other credentials another
// chance; a replaced secret waits for the sign-in that shows that it works.
func TestNewConfigurationForgetsTheOldOnesTroubles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.report.Metadata = &store.ProviderMetadata{Issuer: "https://login.acme.com/"}
	c := w.draft(t, "acme", acme())
	_, _, err := w.RunChecks(t.Context(), owner, "acme", c.ID)
	require.NoError(t, err)
	r, err := w.store.Connection(t.Context(), "acme", c.ID)
	require.NoError(t, err)
	require.NotNil(t, r.Metadata)
	r.FailingCode, r.FailingSince, r.DriftCode, r.DriftSince = "client_rejected", w.clock(), CodeDiscoveryNotFound, w.clock()
	r, err = w.store.UpdateConnection(t.Context(), "acme", r)
	require.NoError(t, err)

	c, _, err = w.ReplaceSecret(t.Context(), owner, "acme", c.ID, r.Version, NewSecret("another-secret-value"), time.Time{})
	require.NoError(t, err)
	require.Equal(t, "client_rejected", c.FailingCode)

	d := acme()
	d.Authority = "https://other.acme.com"
	c, _, err = w.SaveDraft(t.Context(), owner, "acme", c.ID, c.Version, d)
	require.NoError(t, err)
	require.Nil(t, c.Metadata)
	require.Empty(t, c.DriftCode)
	require.Empty(t, c.FailingCode)
	require.Zero(t, c.FailingSince)
}
