package oidc

import (
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/oidc/oidctest"
	"github.com/tenantgate/tenantgate/tenant"
)

// hasty is a client that gives up early, so that tests of slow providers end.
func hasty(timeout time.Duration) func(*Config) {
	return func(c *Config) {
		c.HTTPClient = tenant.NewOutboundClient(tenant.OutboundConfig{InsecureAllowLoopback: true, Timeout: timeout})
	}
}

// TestS15_HostileProviders: what one provider sends costs its own sign-in a bounded time and bounded memory. It does not
// run in parallel, since it looks at the memory of the whole process.
func TestS15_HostileProviders(t *testing.T) {
	proves(t)
	const (
		timeout = 250 * time.Millisecond
		memory  = 4 << 20 // allocated by a sign-in, freed parts included
	)
	faults := map[string]oidctest.Fault{
		"hangs":                    {Delay: time.Hour},
		"a byte each second":       {Drip: time.Second},
		"bytes without an end":     {Drip: time.Millisecond},
		"1 GiB":                    {Endless: 1 << 30},
		"a gzip bomb of 1 GiB":     {Bomb: 1 << 30},
		"headers without an end":   {HeaderFlood: 1 << 30},
		"1 GiB with an error":      {Status: 400, Endless: 1 << 30},
		"an error, byte by byte":   {Status: 400, Drip: time.Second},
		"a redirect with 1 GiB":    {Redirect: "/elsewhere", Endless: 1 << 30},
		"a redirect, byte by byte": {Redirect: "/elsewhere", Drip: time.Second},
	}
	for _, e := range []oidctest.Endpoint{oidctest.Discovery, oidctest.Keys, oidctest.Token, oidctest.Userinfo, oidctest.PushedRequest} {
		t.Run(string(e), func(t *testing.T) {
			apps := map[string]*app{}
			for name, f := range faults {
				idp := oidctest.NewServerConfig(t, oidctest.Config{EmailInUserinfo: true, RequirePushedRequests: e == oidctest.PushedRequest})
				apps[name] = newApp(t, hasty(timeout))
				apps[name].connect(idp, "acme", "acme.example")
				idp.SetFaults(oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{e: f}})
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			var wg sync.WaitGroup
			for name, a := range apps {
				wg.Go(func() {
					if p := a.signIn(oidctest.DefaultEmail); p.status != http.StatusServiceUnavailable || a.loginCount() > 0 {
						t.Errorf("%s: status %d: %s", name, p.status, p.body)
					}
				})
			}
			wg.Wait()
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			require.Less(t, took, 2*timeout+3*time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(memory*len(faults)))
			t.Logf("%d sign-ins took %v and allocated %d KiB each", len(faults), took, (after.TotalAlloc-before.TotalAlloc)>>10/uint64(len(faults)))
		})
	}
}

// TestS15_ManyKeys: a set of 10,000 keys is refused as a whole; the keys of an earlier one go on.
func TestS15_ManyKeys(t *testing.T) {
	proves(t)
	t.Parallel()
	a, idp, _ := oneTenant(t)
	idp.SetFaults(oidctest.Faults{KeySet: func(m map[string]any) {
		keys, _ := m["keys"].([]any)
		for range 10_000 {
			keys = append(keys, map[string]any{"kty": "x"})
		}
		m["keys"] = keys
	}})
	p := a.signIn(oidctest.DefaultEmail)
	require.Equal(t, 503, p.status)
	require.Contains(t, p.body, CodeProviderDown)
}

// percentile of sorted durations.
func percentile(all []time.Duration, p int) time.Duration {
	slices.Sort(all)
	return all[(len(all)-1)*p/100]
}

// TestS15_OtherTenants: while a provider hangs and its tenant's people try to sign in again and again, those of other
// tenants sign in as fast as before. The p99 of both are logged.
func TestS15_OtherTenants(t *testing.T) {
	proves(t)
	const (
		workers = 4
		each    = 60
		stuck   = 200
	)
	type reached struct {
		endpoint oidctest.Endpoint
		count    int
	}
	measure := func(t *testing.T, faults *oidctest.Faults, waitFor reached) []time.Duration {
		good, bad := oidctest.NewServer(t), oidctest.NewServer(t)
		a := newApp(t, hasty(20*time.Second))
		for _, name := range []string{"acme", "globex", "initech", "umbrella"} {
			a.connect(good, name, name+".example")
			a.accounts.add(name, "u-"+name, "ada@"+name+".example")
		}
		a.connect(bad, "stuck", "stuck.example")
		var hung sync.WaitGroup
		if faults != nil {
			bad.SetFaults(*faults)
			for range stuck {
				hung.Go(func() {
					b := a.browser()
					req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/sso/login?email=x@stuck.example", http.NoBody)
					if err == nil {
						if res, err := b.client.Do(req); err == nil {
							_ = res.Body.Close()
						}
					}
				})
			}
			// All of them wait now, and nobody is busy any more.
			require.Eventually(t, func() bool { return bad.Count(waitFor.endpoint) >= waitFor.count }, 20*time.Second, 10*time.Millisecond)
			time.Sleep(300 * time.Millisecond)
		}
		var mu sync.Mutex
		var all []time.Duration
		var wg sync.WaitGroup
		for _, name := range []string{"acme", "globex", "initech", "umbrella"} {
			good.SetUsers(
				oidctest.User{Subject: "acme", Email: "ada@acme.example"}, oidctest.User{Subject: "globex", Email: "ada@globex.example"},
				oidctest.User{Subject: "initech", Email: "ada@initech.example"}, oidctest.User{Subject: "umbrella", Email: "ada@umbrella.example"},
			)
			wg.Go(func() {
				for range each {
					start := time.Now()
					p := a.signIn("ada@" + name + ".example")
					took := time.Since(start)
					if p.status != 200 {
						t.Errorf("%s: status %d", name, p.status)
						return
					}
					mu.Lock()
					all = append(all, took)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		bad.Close()
		hung.Wait()
		require.Len(t, all, workers*each)
		return all
	}
	alone := measure(t, nil, reached{})
	t.Logf("healthy tenants alone: p50 %v, p99 %v", percentile(alone, 50), percentile(alone, 99))
	for name, tt := range map[oidctest.Endpoint]struct {
		fault oidctest.Fault
		wait  reached
	}{
		oidctest.Discovery: {oidctest.Fault{Delay: time.Hour}, reached{oidctest.Discovery, 1}}, // one request, however many wait
		oidctest.Keys:      {oidctest.Fault{Drip: time.Second}, reached{oidctest.Token, stuck}},
		oidctest.Token:     {oidctest.Fault{Delay: time.Hour}, reached{oidctest.Token, stuck}},
	} {
		beside := measure(t, &oidctest.Faults{Endpoints: map[oidctest.Endpoint]oidctest.Fault{name: tt.fault}}, tt.wait)
		t.Logf("with %d sign-ins that hang at their provider's %s: p50 %v, p99 %v", stuck, name, percentile(beside, 50), percentile(beside, 99))
		// Nothing waits for the others: what is left is what a busy machine does to a p99.
		require.Less(t, percentile(beside, 50), 3*percentile(alone, 50)+20*time.Millisecond)
		require.Less(t, percentile(beside, 99), 3*percentile(alone, 99)+150*time.Millisecond)
	}
}
