package tenant

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func twoRegions(t testing.TB, current string, change ...func([]Region)) *Regions {
	t.Helper()
	list := []Region{{ID: "us", Label: "US hosted", BaseURL: "https://app.example.com"}, {ID: "eu", Label: "EU hosted", BaseURL: "https://app.example.eu/"}}
	for _, c := range change {
		c(list)
	}
	r, err := NewRegions(RegionsConfig{Regions: list, Current: current})
	require.NoError(t, err)
	return r
}

func TestNewRegions(t *testing.T) {
	t.Parallel()
	r := twoRegions(t, "eu")
	require.Equal(t, Region{ID: "eu", Label: "EU hosted", BaseURL: "https://app.example.eu"}, r.Current())
	all := r.All()
	require.Len(t, all, 2)
	all[0].BaseURL = "https://evil.example"
	require.Equal(t, "https://app.example.com", r.All()[0].BaseURL, "a copy")
	us, ok := r.Region("us")
	require.True(t, ok)
	require.Equal(t, "US hosted", us.Label)
	_, ok = r.Region("")
	require.False(t, ok)

	good := func() RegionsConfig {
		return RegionsConfig{Current: "a", Regions: []Region{{ID: "a", Label: "A", BaseURL: "https://a.example"}, {ID: "b", Label: "B", BaseURL: "https://b.example"}}}
	}
	for name, tt := range map[string]struct {
		change func(*RegionsConfig)
		says   string
	}{
		"none":             {func(c *RegionsConfig) { c.Regions = nil }, "1 to 64 regions"},
		"too many":         {func(c *RegionsConfig) { c.Regions = make([]Region, 65) }, "1 to 64 regions"},
		"no current":       {func(c *RegionsConfig) { c.Current = "" }, "is not among the regions"},
		"unknown current":  {func(c *RegionsConfig) { c.Current = "c" }, `"c" is not among`},
		"no ID":            {func(c *RegionsConfig) { c.Regions[0].ID = "" }, "region ID"},
		"a dot":            {func(c *RegionsConfig) { c.Regions[0].ID = "a.b" }, "region ID"},
		"upper case":       {func(c *RegionsConfig) { c.Regions[0].ID = "EU" }, "region ID"},
		"a long ID":        {func(c *RegionsConfig) { c.Regions[0].ID = strings.Repeat("a", 17) }, "region ID"},
		"twice":            {func(c *RegionsConfig) { c.Regions[1].ID = "a" }, "two regions"},
		"no label":         {func(c *RegionsConfig) { c.Regions[1].Label = " " }, "needs a Label"},
		"an odd label":     {func(c *RegionsConfig) { c.Regions[1].Label = "a\x00" }, "needs a Label"},
		"no URL":           {func(c *RegionsConfig) { c.Regions[1].BaseURL = "b.example" }, "BaseURL"},
		"http":             {func(c *RegionsConfig) { c.Regions[1].BaseURL = "http://b.example" }, "https://"},
		"loopback":         {func(c *RegionsConfig) { c.Regions[1].BaseURL = "http://127.0.0.1" }, "InsecureAllowLoopback"},
		"a query":          {func(c *RegionsConfig) { c.Regions[1].BaseURL = "https://b.example?x" }, "BaseURL"},
		"a user":           {func(c *RegionsConfig) { c.Regions[1].BaseURL = "https://u@b.example" }, "BaseURL"},
		"dots in the path": {func(c *RegionsConfig) { c.Regions[1].BaseURL = "https://b.example/a/../b" }, "BaseURL"},
		"one URL":          {func(c *RegionsConfig) { c.Regions[1].BaseURL = "https://A.example:443/" }, "must not be the same"},
		"one inside":       {func(c *RegionsConfig) { c.Regions[1].BaseURL = "https://a.example/eu" }, "one below the other"},
		"two originals":    {func(c *RegionsConfig) { c.Regions[0].Original, c.Regions[1].Original = true, true }, "at most one"},
	} {
		cfg := good()
		tt.change(&cfg)
		_, err := NewRegions(cfg)
		require.ErrorContains(t, err, tt.says, name)
	}
	cfg := good()
	cfg.InsecureAllowLoopback, cfg.Regions[1].BaseURL = true, "http://127.0.0.1:8080"
	_, err := NewRegions(cfg)
	require.NoError(t, err)
}

// TestR13RegionBase: what is shown to customers lies in their region.
func TestR13RegionBase(t *testing.T) {
	t.Parallel()
	r := twoRegions(t, "eu")
	for given, want := range map[string]string{
		"": "https://app.example.eu/sso", "https://app.example.eu/auth": "https://app.example.eu/auth", "https://APP.example.eu:443": "https://APP.example.eu:443",
	} {
		got, err := r.Base(given, "/sso")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, given := range []string{"https://app.example.com/sso", "https://app.example.eu.evil.example", "https://app.example.euro/", "http://app.example.eu/sso", "/sso", "https://app.example.eu/../x"} {
		_, err := r.Base(given, "/sso")
		require.ErrorContains(t, err, "the region eu", given)
	}
	var none *Regions
	got, err := none.Base("https://x.example", "/sso")
	require.NoError(t, err)
	require.Equal(t, "https://x.example", got)
	require.Nil(t, none.All())
	require.Zero(t, none.Current())
	require.Empty(t, none.Binding())

	w := newWorld(t, func(c *Config) { c.Regions, c.SCIMBaseURL = r, "" })
	require.Equal(t, "https://app.example.eu/scim/v2/acme", w.SCIMBaseURL("acme"))
	cfg := w.cfg
	cfg.SCIMBaseURL = "https://app.example.com/scim/v2"
	_, err = New(cfg)
	require.ErrorContains(t, err, "Config.SCIMBaseURL")
}

// recorded counts what an authentication asks of the store.
type recorded struct {
	store.Store
	mu    sync.Mutex
	calls []string
}

func (s *recorded) note(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

func (s *recorded) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *recorded) APIKeyByHash(ctx context.Context, tenantID string, hash []byte) (store.APIKey, error) {
	s.note("APIKeyByHash " + tenantID)
	return s.Store.APIKeyByHash(ctx, tenantID, hash)
}

func (s *recorded) Directory(ctx context.Context, tenantID, id string) (store.Directory, error) {
	s.note("Directory")
	return s.Store.Directory(ctx, tenantID, id)
}

func (s *recorded) MarkAPIKeyUsed(ctx context.Context, tenantID, id string, at time.Time) error {
	s.note("MarkAPIKeyUsed")
	return s.Store.MarkAPIKeyUsed(ctx, tenantID, id, at)
}

func (s *recorded) InTx(ctx context.Context, f func(store.Store) error) error {
	s.note("InTx")
	return s.Store.InTx(ctx, f)
}

// TestR14KeysOfAnotherRegion: two regions that share database and keyring by mistake. A key of one is in the other what a
// key is that there never was: the same error, after the same questions to the store, and nobody is told.
func TestR14KeysOfAnotherRegion(t *testing.T) {
	t.Parallel()
	eu := newWorld(t, func(c *Config) { c.Regions, c.SCIMBaseURL = twoRegions(t, "eu"), "" })
	eu.active(t, "acme", acme())
	secret, key, err := eu.CreateAPIKey(t.Context(), owner, "acme", NewAPIKey{Name: "Entra"})
	require.NoError(t, err)
	_, err = eu.AuthenticateAPIKey(t.Context(), "acme", secret.Reveal())
	require.NoError(t, err)

	st := &recorded{Store: eu.store}
	cfg := eu.cfg
	cfg.Store, cfg.Regions, cfg.SCIMBaseURL, cfg.SetupLinkBaseURL = st, twoRegions(t, "us"), "", ""
	us, err := New(cfg)
	require.NoError(t, err)
	never, err := newAPIKey(DefaultAPIKeyPrefix)
	require.NoError(t, err)

	ask := func(presented string) ([]string, error) {
		st.take()
		_, err := us.AuthenticateAPIKey(t.Context(), "acme", presented)
		return st.take(), err
	}
	wantCalls, want := ask(never.Reveal())
	require.Equal(t, []string{"APIKeyByHash acme"}, wantCalls)
	require.ErrorIs(t, want, ErrBadAPIKey)
	calls, got := ask(secret.Reveal())
	require.Equal(t, want, got)
	require.Equal(t, wantCalls, calls)

	// A revoked one as well: it is no dead key there.
	events := len(eu.events(t, "acme", 0))
	key, err = eu.RevokeAPIKey(t.Context(), owner, "acme", key.ID, latest(t, eu, key.ID).Version, true)
	require.NoError(t, err)
	calls, got = ask(secret.Reveal())
	require.Equal(t, want, got)
	require.Equal(t, wantCalls, calls)
	require.NotContains(t, eu.events(t, "acme", events), "api_key.refused")
	require.False(t, key.RevokedAt.IsZero())

	// A rotated key is bound like a new one.
	_, second, err := eu.CreateAPIKey(t.Context(), owner, "acme", NewAPIKey{Name: "Okta"})
	require.NoError(t, err)
	fresh, _, err := eu.StartKeyRotation(t.Context(), owner, "acme", second.ID, second.Version)
	require.NoError(t, err)
	_, err = eu.AuthenticateAPIKey(t.Context(), "acme", fresh.Reveal())
	require.NoError(t, err)
	_, got = ask(fresh.Reveal())
	require.ErrorIs(t, got, ErrBadAPIKey)
}

func latest(t testing.TB, w *world, id string) store.APIKey {
	t.Helper()
	keys, err := w.APIKeys(t.Context(), owner, "acme")
	require.NoError(t, err)
	i := slices.IndexFunc(keys, func(k store.APIKey) bool { return k.ID == id })
	require.GreaterOrEqual(t, i, 0)
	return keys[i]
}

// TestOriginalRegionKeepsWhatWasThere: a host that gets regions later loses no key, and no other region gains one.
func TestOriginalRegionKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	before := newWorld(t)
	before.active(t, "acme", acme())
	secret, _, err := before.CreateAPIKey(t.Context(), owner, "acme", NewAPIKey{Name: "Entra"})
	require.NoError(t, err)
	original := func(list []Region) { list[0].Original = true }
	in := func(region string, change ...func([]Region)) *Service {
		cfg := before.cfg
		cfg.SCIMBaseURL, cfg.Regions = "", twoRegions(t, region, change...)
		s, err := New(cfg)
		require.NoError(t, err)
		return s
	}
	_, err = in("us", original).AuthenticateAPIKey(t.Context(), "acme", secret.Reveal())
	require.NoError(t, err)
	_, err = in("eu", original).AuthenticateAPIKey(t.Context(), "acme", secret.Reveal())
	require.ErrorIs(t, err, ErrBadAPIKey)
	_, err = in("us").AuthenticateAPIKey(t.Context(), "acme", secret.Reveal())
	require.ErrorIs(t, err, ErrBadAPIKey, "a region that is not the original one")
}

// TestRegionsBindKeyrings: what one region sealed, no other opens, with the same keys.
func TestRegionsBindKeyrings(t *testing.T) {
	t.Parallel()
	ring, err := NewKeyring(KeyringConfig{Keys: []Key{{ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}}})
	require.NoError(t, err)
	sealed, err := twoRegions(t, "eu").Bind(ring).Seal([]byte("x"), nil)
	require.NoError(t, err)
	plain, err := twoRegions(t, "eu").Bind(ring).Open(sealed, nil)
	require.NoError(t, err)
	require.Equal(t, "x", string(plain))
	for name, other := range map[string]*Keyring{
		"us": twoRegions(t, "us").Bind(ring), "none": ring, "original": twoRegions(t, "us", func(l []Region) { l[0].Original = true }).Bind(ring),
	} {
		_, err := other.Open(sealed, nil)
		require.ErrorIs(t, err, ErrSealBroken, name)
	}
	var none *Regions
	require.Same(t, ring, none.Bind(ring))
}
