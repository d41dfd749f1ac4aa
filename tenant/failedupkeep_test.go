package tenant

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// upkeep makes, for each piece of background work, a world in which there is something to do, in several tenants or pages.
var upkeep = map[string]func(t *testing.T, f *faulty) attempt{
	"CheckDomains": func(t *testing.T, f *faulty) attempt {
		f.draft(t, "t1", acme())
		f.draft(t, "t2", Draft{Domains: []string{"beta.com", "gamma.com"}})
		f.proven["ops.example"], f.proven["beta.com"] = true, true
		f.pass(2 * time.Minute)
		return anyNumber(f.CheckDomains)
	},
	"ContinueEnding": func(t *testing.T, f *faulty) attempt {
		f.populated(t, &f.town, "t1", "acme.com", 3)
		f.begin(t, Ending{Kind: EndingRemove})
		return func(ctx context.Context) error {
			for {
				if p, err := f.ContinueEnding(ctx, "t1"); p.Done || err != nil {
					return err
				}
			}
		}
	},
	"RunEndings": func(t *testing.T, f *faulty) attempt {
		f.populated(t, &f.town, "t1", "acme.com", 3)
		f.begin(t, Ending{Kind: EndingSuspend, Offer: OfferPasswordReset})
		return anyNumber(f.RunEndings)
	},
	"DeleteEndedSetupLinks": func(t *testing.T, f *faulty) attempt {
		f.link(t, "t1", IntentSSO)
		f.link(t, "t1", IntentDomains)
		f.link(t, "t2", IntentSCIM)
		f.pass(200 * day)
		return anyNumber(f.DeleteEndedSetupLinks)
	},
	"EraseOldEvents": func(t *testing.T, f *faulty) attempt {
		f.happen(t, "t1", retentionPage+5, "old.one")
		f.happen(t, "t2", 3, "old.one")
		f.pass(366 * day)
		f.happen(t, "t1", 1, "young.one")
		return anyNumber(f.EraseOldEvents)
	},
	"ForgetRemoved": func(t *testing.T, f *faulty) attempt {
		f.active(t, "t1", acme())
		f.begin(t, Ending{Kind: EndingRemove})
		_, err := f.RunEndings(t.Context())
		require.NoError(t, err)
		f.pass(2 * day)
		return anyNumber(f.ForgetRemoved)
	},
	"RemindOfDrills": func(t *testing.T, f *faulty) attempt {
		d := acme()
		d.BreakGlass = []string{"admin@acme.com", "root@acme.com"}
		c := f.active(t, "t1", d)
		_, err := f.SetEnforced(t.Context(), owner, "t1", c.ID, c.Version, Activation{Enforced: true, Confirm: true})
		require.NoError(t, err)
		f.pass(91 * day)
		return anyNumber(f.RemindOfDrills)
	},
	"RemindOfExpiry": func(t *testing.T, f *faulty) attempt {
		for id, name := range map[string]string{"t1": "acme.com", "t2": "beta.com"} {
			d := acme()
			d.Domains, d.BreakGlass, d.SecretExpiresAt = []string{name}, []string{"admin@" + name}, f.clock().Add(30*day)
			f.active(t, id, d)
		}
		f.pass(25 * day)
		return anyNumber(f.RemindOfExpiry)
	},
	"RemindOfReviews": func(t *testing.T, f *faulty) attempt {
		f.submitted(t, "t1", acme())
		c := f.submitted(t, "t2", Draft{Domains: []string{"beta.com"}, Authority: "https://login.acme.com", ClientID: "c", ClientSecret: NewSecret(testSecret)})
		_, err := f.AskForInformation(t.Context(), staff, "t2", c.ID, c.Version, "which?")
		require.NoError(t, err)
		f.pass(5 * day)
		return anyNumber(f.RemindOfReviews)
	},
	"ResealAllSecrets": func(t *testing.T, f *faulty) attempt {
		f.rotated(t)
		return anyNumber(f.ResealAllSecrets)
	},
	"ResealSecrets": func(t *testing.T, f *faulty) attempt {
		f.rotated(t)
		return func(ctx context.Context) error { _, err := f.ResealSecrets(ctx, "t1"); return err }
	},
}

// anyNumber is a piece of work of which it does not matter how much it did.
func anyNumber(work func(context.Context) (int, error)) attempt {
	return func(ctx context.Context) error { _, err := work(ctx); return err }
}

// rotated has secrets of all kinds, and then another key.
func (f *faulty) rotated(t *testing.T) {
	t.Helper()
	c := f.active(t, "t1", acme())
	_, _, err := f.StageSecret(t.Context(), owner, "t1", c.ID, c.Version, NewSecret(nextSecret), time.Time{})
	require.NoError(t, err)
	f.apiKey(t)
	f.webhook(t)
	f.active(t, "t2", Draft{Domains: []string{"beta.com"}, Authority: "https://login.acme.com", ClientID: "c", ClientSecret: NewSecret(testSecret)})
	require.NoError(t, f.keys.Reload(t.Context(), providerFunc(func() (KeyringConfig, error) {
		return KeyringConfig{Keys: []Key{testKey("k2", 2), {ID: "k1", Bytes: bytes.Repeat([]byte{7}, 32)}}}, nil
	})))
}

// outcome is what the work came to: what each tenant has and was told, in any order.
func (f *faulty) outcome(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, id := range []string{"t1", "t2"} {
		events, err := f.store.Events(t.Context(), id, store.EventQuery{})
		require.NoError(t, err)
		for _, e := range events {
			out[id] = append(out[id], strings.ReplaceAll(e.Type+" "+e.Subject.Name+" "+e.Message, f.hooks.URL, ""))
		}
		held, err := f.store.Holdings(t.Context(), id)
		require.NoError(t, err)
		for kind, n := range held {
			if kind != store.KindLease { // ends by itself
				out[id] = append(out[id], string(kind)+" "+counted(n, "record"))
			}
		}
		slices.Sort(out[id])
	}
	return out
}

// TestUpkeepGoesOnAfterAFailure breaks each call of the store that a piece of background work makes, once and from then on. It
// says so, and the next run does what was left: nothing is missing in the end, and nobody was told anything twice.
func TestUpkeepGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	broken := 0
	for _, name := range slices.Sorted(maps.Keys(upkeep)) {
		t.Run(name, func(t *testing.T) {
			// run breaks a call, and then lets the next run go through.
			run := func(at int, stays bool) (outcome map[string][]string, calls []string) {
				f := newFaulty(t)
				work := upkeep[name](t, f)
				f.faults.begin(at, stays)
				err := work(t.Context())
				calls = f.faults.end()
				if at > 0 && len(calls) >= at {
					require.ErrorIs(t, err, errBroken, "call %d of %v", at, calls)
				} else {
					require.NoError(t, err)
				}
				f.pass(2 * time.Hour) // leases end, and what failed is due again
				require.NoError(t, work(t.Context()), "call %d of %v", at, calls)
				return f.outcome(t), calls
			}
			want, all := run(0, false)
			require.NotEmpty(t, all)
			for at := range all {
				for _, stays := range []bool{false, true} {
					got, calls := run(at+1, stays)
					require.Equal(t, want, got, "call %d of %v", at+1, calls)
					broken++
				}
			}
		})
	}
	t.Logf("%d pieces of work, %d broken calls", len(upkeep), broken)
}
