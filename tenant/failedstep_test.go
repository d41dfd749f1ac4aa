package tenant

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// faulty is a world with everything configured, on a store whose calls the test breaks.
type faulty struct {
	*world
	*office
	faults *faults
	box    *mailbox
	hooks  *httptest.Server
}

func newFaulty(t *testing.T) *faulty {
	t.Helper()
	f := &faulty{office: &office{town: town{people: map[string]Person{}}, local: map[string]time.Time{}}, faults: &faults{}, box: &mailbox{}}
	f.hooks = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(f.hooks.Close)
	f.world = newWorld(t, func(c *Config) {
		c.Store = &failing{c.Store, f.faults}
		c.Users, c.People, c.LocalCredentials, c.Releaser, c.Notifier, c.StaffNotifier = f.office, f.office, f.office, f.office, f.box, f.box
		c.ReviewWithin, c.SetupLinkBaseURL, c.RevealableAPIKeys = 4*day, "https://app.example.com/setup", true
		c.InsecureAllowLoopback, c.Webhooks.EventTypes = true, hostTypes
		c.KeepEvents, c.KeepRemoved = 365*day, day
	})
	f.local["admin@acme.com"] = f.clock()
	f.office.add("u1", "owner@acme.com", Person{Active: true, Owner: true, LocalCredential: true})
	f.office.add("u2", "ada@acme.com", Person{Active: true})
	return f
}

// whole is all that the store has of t1 and t2: what a step that fails leaves as it was.
func (f *faulty) whole(t *testing.T) []any {
	t.Helper()
	var all []any
	for _, id := range []string{"t1", "t2"} {
		links, err := f.store.(store.SetupLinkStore).SetupLinks(t.Context(), id, store.Query{})
		require.NoError(t, err)
		hooks, err := f.store.(store.WebhookStore).Webhooks(t.Context(), id)
		require.NoError(t, err)
		lifecycle, err := f.store.Lifecycle(t.Context(), id)
		if err != nil {
			require.ErrorIs(t, err, store.ErrNotFound)
		}
		accounts, err := f.store.Accounts(t.Context(), id, store.Query{})
		require.NoError(t, err)
		all = append(all, f.state(t, id), links, hooks, lifecycle, accounts)
	}
	return all
}

// types are the types of t1's events, in order.
func (f *faulty) types(t *testing.T) []string { return f.events(t, "t1", 0) }

// key makes an API key of t1.
func (f *faulty) apiKey(t *testing.T) (Secret, store.APIKey) {
	t.Helper()
	secret, key, err := f.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "Entra"})
	require.NoError(t, err)
	return secret, key
}

func (f *faulty) newHook() NewWebhook {
	return NewWebhook{URL: f.hooks.URL + "/in", Types: []string{"x.*"}}
}

func (f *faulty) webhook(t *testing.T) Webhook {
	t.Helper()
	h, err := f.CreateWebhook(t.Context(), owner, "t1", f.newHook())
	require.NoError(t, err)
	return h.Webhook
}

// held makes acme.com t1's, and the claim of it one of t2 that could prove it.
func (f *faulty) held(t *testing.T) (challenger store.Domain) {
	t.Helper()
	challenger = f.draft(t, "t2", Draft{Domains: []string{"acme.com"}, Name: "Other"}).Domains[0]
	f.active(t, "t1", acme())
	return challenger
}

// attempt is a call that succeeds in the world that made it.
type attempt func(ctx context.Context) error

// steps makes, for each method of Service that reads or writes the store, a world in which it succeeds.
func steps() map[string]func(t *testing.T, f *faulty) attempt {
	// of one connection in some state
	conn := func(state func(f *faulty, t *testing.T) Connection, call func(ctx context.Context, f *faulty, c Connection) error) func(*testing.T, *faulty) attempt {
		return func(t *testing.T, f *faulty) attempt {
			t.Helper()
			c := state(f, t)
			return func(ctx context.Context) error { return call(ctx, f, c) }
		}
	}
	draft := func(f *faulty, t *testing.T) Connection { return f.draft(t, "t1", acme()) }
	submitted := func(f *faulty, t *testing.T) Connection { return f.submitted(t, "t1", acme()) }
	approved := func(f *faulty, t *testing.T) Connection { return f.approved(t, "t1", acme()) }
	active := func(f *faulty, t *testing.T) Connection { return f.active(t, "t1", acme()) }
	ready := func(f *faulty, t *testing.T) Connection {
		c := f.approved(t, "t1", acme())
		f.prove(t, "t1", c)
		return f.tested(t, "t1", c)
	}
	suspended := func(f *faulty, t *testing.T) Connection {
		c := f.active(t, "t1", acme())
		c, err := f.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "")
		require.NoError(t, err)
		return c
	}
	// of a directory, a key, a webhook or a link that there is
	key := func(call func(ctx context.Context, f *faulty, s Secret, k store.APIKey) error) func(*testing.T, *faulty) attempt {
		return func(t *testing.T, f *faulty) attempt {
			t.Helper()
			f.active(t, "t1", acme())
			s, k := f.apiKey(t)
			return func(ctx context.Context) error { return call(ctx, f, s, k) }
		}
	}
	rotating := func(call func(ctx context.Context, f *faulty, k store.APIKey) error) func(*testing.T, *faulty) attempt {
		return func(t *testing.T, f *faulty) attempt {
			t.Helper()
			f.active(t, "t1", acme())
			_, k := f.apiKey(t)
			_, fresh, err := f.StartKeyRotation(t.Context(), owner, "t1", k.ID, k.Version)
			require.NoError(t, err)
			return func(ctx context.Context) error { return call(ctx, f, fresh) }
		}
	}
	directory := func(call func(ctx context.Context, f *faulty, d store.Directory) error) func(*testing.T, *faulty) attempt {
		return func(t *testing.T, f *faulty) attempt {
			t.Helper()
			f.active(t, "t1", acme())
			all, err := f.Directories(t.Context(), owner, "t1")
			require.NoError(t, err)
			return func(ctx context.Context) error { return call(ctx, f, all[0]) }
		}
	}
	hook := func(call func(ctx context.Context, f *faulty, h Webhook) error) func(*testing.T, *faulty) attempt {
		return func(t *testing.T, f *faulty) attempt {
			t.Helper()
			h := f.webhook(t)
			return func(ctx context.Context) error { return call(ctx, f, h) }
		}
	}
	link := func(call func(ctx context.Context, f *faulty, l CreatedSetupLink) error) func(*testing.T, *faulty) attempt {
		return func(t *testing.T, f *faulty) attempt {
			t.Helper()
			l := f.link(t, "t1", IntentDomains)
			return func(ctx context.Context) error { return call(ctx, f, l) }
		}
	}
	tenant := func(call func(ctx context.Context, f *faulty) error) func(*testing.T, *faulty) attempt {
		return func(t *testing.T, f *faulty) attempt {
			t.Helper()
			f.active(t, "t1", acme())
			return func(ctx context.Context) error { return call(ctx, f) }
		}
	}
	ending := func(e Ending, state func(f *faulty, t *testing.T) Connection) func(*testing.T, *faulty) attempt {
		return func(t *testing.T, f *faulty) attempt {
			t.Helper()
			c, e := state(f, t), e
			if e.ConnectionID != "" {
				e.ConnectionID = c.ID
			}
			p, err := f.PlanEnding(t.Context(), owner, "t1", e)
			require.NoError(t, err)
			return func(ctx context.Context) error { _, err := f.ApplyEnding(ctx, owner, "t1", e, p.Hash); return err }
		}
	}
	return map[string]func(*testing.T, *faulty) attempt{
		"CreateDraft": func(_ *testing.T, f *faulty) attempt {
			return func(ctx context.Context) error { _, _, err := f.CreateDraft(ctx, owner, "t1", acme()); return err }
		},
		"SaveDraft": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			d := acme()
			d.Domains, d.BreakGlass = []string{"new.example"}, nil
			_, _, err := f.SaveDraft(ctx, owner, "t1", c.ID, c.Version, d)
			return err
		}),
		"Submit": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			_, _, err := f.Submit(ctx, owner, "t1", c.ID, c.Version)
			return err
		}),
		"Submit/approved by a policy": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			f.cfg.Reviewer = AutoApprove()
			_, _, err := f.Submit(ctx, owner, "t1", c.ID, c.Version)
			return err
		}),
		"Submit/a change": func(t *testing.T, f *faulty) attempt {
			c := f.active(t, "t1", acme())
			ch, err := f.StartChange(t.Context(), owner, "t1", c.ID)
			require.NoError(t, err)
			ch, _, err = f.SaveDraft(t.Context(), owner, "t1", ch.ID, ch.Version, changed())
			require.NoError(t, err)
			return func(ctx context.Context) error {
				_, _, err := f.Submit(ctx, owner, "t1", ch.ID, ch.Version)
				return err
			}
		},
		"Withdraw": conn(approved, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.Withdraw(ctx, owner, "t1", c.ID, c.Version)
			return err
		}),
		"AskForInformation": conn(submitted, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.AskForInformation(ctx, staff, "t1", c.ID, c.Version, "which client?")
			return err
		}),
		"Reject": conn(submitted, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.Reject(ctx, staff, "t1", c.ID, c.Version, "no")
			return err
		}),
		"Approve": conn(submitted, func(ctx context.Context, f *faulty, c Connection) error {
			_, _, err := f.Approve(ctx, staff, "t1", c.ID, c.Version)
			return err
		}),
		"Approve/the first of two": conn(submitted, func(ctx context.Context, f *faulty, c Connection) error {
			f.cfg.Approvals = 2
			_, _, err := f.Approve(ctx, staff, "t1", c.ID, c.Version)
			return err
		}),
		"AddMessage": conn(submitted, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.AddMessage(ctx, staff, "t1", c.ID, c.Version, "hello")
			return err
		}),
		"RunChecks": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			_, _, err := f.RunChecks(ctx, owner, "t1", c.ID)
			return err
		}),
		"RecordTestSignIn": conn(approved, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.RecordTestSignIn(ctx, owner, "t1", c.ID, TestSignIn{ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "owner@acme.com"})
			return err
		}),
		"RecordTestSignIn/of the next secret": func(t *testing.T, f *faulty) attempt {
			c := f.active(t, "t1", acme())
			f.pass(time.Hour)
			c, _, err := f.StageSecret(t.Context(), owner, "t1", c.ID, c.Version, NewSecret(nextSecret), time.Time{})
			require.NoError(t, err)
			return func(ctx context.Context) error {
				_, err := f.RecordTestSignIn(ctx, owner, "t1", c.ID, TestSignIn{ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "owner@acme.com", SecretSetAt: c.NextSecret.SetAt})
				return err
			}
		},
		"Activate": conn(ready, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.Activate(ctx, owner, "t1", c.ID, c.Version, Activation{})
			return err
		}),
		"Activate/enforced, sessions end": conn(ready, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.Activate(ctx, owner, "t1", c.ID, c.Version, Activation{Enforced: true, Confirm: true, EndSessions: true})
			return err
		}),
		"Activate/again": conn(suspended, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.Activate(ctx, owner, "t1", c.ID, c.Version, Activation{})
			return err
		}),
		"SetEnforced": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.SetEnforced(ctx, owner, "t1", c.ID, c.Version, Activation{Enforced: true, Confirm: true})
			return err
		}),
		"LiftEnforcement": func(t *testing.T, f *faulty) attempt {
			c := f.active(t, "t1", acme())
			_, err := f.SetEnforced(t.Context(), owner, "t1", c.ID, c.Version, Activation{Enforced: true, Confirm: true})
			require.NoError(t, err)
			return func(ctx context.Context) error {
				_, err := f.Service.LiftEnforcement(ctx, staff, "t1", "locked out")
				return err
			}
		},
		"Suspend": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.Suspend(ctx, owner, "t1", c.ID, c.Version, "")
			return err
		}),
		"Delete": conn(suspended, func(ctx context.Context, f *faulty, c Connection) error {
			return f.Service.Delete(ctx, owner, "t1", c.ID, c.Version)
		}),
		"ReplaceSecret": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			_, _, err := f.ReplaceSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret(nextSecret), time.Time{})
			return err
		}),
		"StageSecret": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			_, _, err := f.StageSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret(nextSecret), time.Time{})
			return err
		}),
		"DropNextSecret": func(t *testing.T, f *faulty) attempt {
			c := f.active(t, "t1", acme())
			c, _, err := f.StageSecret(t.Context(), owner, "t1", c.ID, c.Version, NewSecret(nextSecret), time.Time{})
			require.NoError(t, err)
			return func(ctx context.Context) error {
				_, err := f.DropNextSecret(ctx, owner, "t1", c.ID, c.Version)
				return err
			}
		},
		"SetSecretExpiry": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			_, _, err := f.SetSecretExpiry(ctx, owner, "t1", c.ID, c.Version, f.clock().Add(90*day), false)
			return err
		}),
		"StartChange": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.StartChange(ctx, owner, "t1", c.ID)
			return err
		}),
		"ApplyChange": func(t *testing.T, f *faulty) attempt {
			ch := f.requested(t, f.active(t, "t1", acme()), changed())
			for _, d := range ch.Domains {
				if d.State != store.DomainVerified {
					f.prove(t, "t1", Connection{Domains: []store.Domain{d}})
				}
			}
			ch = f.tested(t, "t1", ch)
			return func(ctx context.Context) error {
				_, err := f.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, true)
				return err
			}
		},
		"SetBreakGlass": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.SetBreakGlass(ctx, owner, "t1", c.ID, c.Version, true, "root@acme.com")
			return err
		}),
		"DrillBreakGlass": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			return f.DrillBreakGlass(ctx, owner, "t1", c.ID, "admin@acme.com")
		}),
		"AddDomains": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.AddDomains(ctx, owner, "t1", c.ID, "b.example, c.example")
			return err
		}),
		"RemoveDomain": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			d := c.Domains[slices.IndexFunc(c.Domains, func(d store.Domain) bool { return d.Name == "ops.example" })]
			return f.RemoveDomain(ctx, owner, "t1", d.ID, d.Version)
		}),
		"SetSubdomains": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.SetSubdomains(ctx, owner, "t1", c.Domains[0].ID, c.Domains[0].Version, true)
			return err
		}),
		"SetDomainConnections": func(t *testing.T, f *faulty) attempt {
			first, second := f.twoConnections(t)
			d := f.domainNamed(t, "acme.com")
			return func(ctx context.Context) error {
				_, err := f.SetDomainConnections(ctx, owner, "t1", d.ID, d.Version, second.ID, first.ID)
				return err
			}
		},
		"VerifyDomain": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.VerifyDomain(ctx, staff, "t1", c.Domains[0].ID, c.Domains[0].Version)
			return err
		}),
		"CheckDomain": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.CheckDomain(ctx, owner, "t1", c.Domains[0].ID)
			return err
		}),
		"CheckDomain/proven": func(t *testing.T, f *faulty) attempt {
			d := f.draft(t, "t1", acme()).Domains[0]
			f.proven[d.Name] = true
			return func(ctx context.Context) error { _, err := f.CheckDomain(ctx, owner, "t1", d.ID); return err }
		},
		"WithdrawDomain": func(t *testing.T, f *faulty) attempt {
			f.active(t, "t1", acme())
			d := f.domainNamed(t, "acme.com")
			return func(ctx context.Context) error {
				_, err := f.WithdrawDomain(ctx, staff, "t1", d.ID, d.Version, "sold")
				return err
			}
		},
		"PlanTransfer": func(t *testing.T, f *faulty) attempt {
			d := f.held(t)
			return func(ctx context.Context) error { _, err := f.PlanTransfer(ctx, staff, "t2", d.ID); return err }
		},
		"ApplyTransfer": func(t *testing.T, f *faulty) attempt {
			d := f.held(t)
			p, err := f.PlanTransfer(t.Context(), staff, "t2", d.ID)
			require.NoError(t, err)
			return func(ctx context.Context) error {
				_, err := f.ApplyTransfer(ctx, staff, "t2", d.ID, p.ID, "sold")
				return err
			}
		},
		"EnableSCIM": func(t *testing.T, f *faulty) attempt {
			d := acme()
			d.SCIM = store.SCIMPreferences{}
			c := f.active(t, "t1", d)
			return func(ctx context.Context) error {
				_, err := f.EnableSCIM(ctx, owner, "t1", c.ID, store.SCIMPreferences{Wanted: true})
				return err
			}
		},
		"DisableSCIM": directory(func(ctx context.Context, f *faulty, d store.Directory) error {
			_, err := f.DisableSCIM(ctx, owner, "t1", d.ID, d.Version, true)
			return err
		}),
		"SetSCIMPreferences": directory(func(ctx context.Context, f *faulty, d store.Directory) error {
			_, err := f.SetSCIMPreferences(ctx, owner, "t1", d.ID, d.Version, store.SCIMPreferences{Wanted: true})
			return err
		}),
		"CreateAPIKey": directory(func(ctx context.Context, f *faulty, _ store.Directory) error {
			_, _, err := f.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: "n"})
			return err
		}),
		"RevokeAPIKey": key(func(ctx context.Context, f *faulty, _ Secret, k store.APIKey) error {
			_, err := f.RevokeAPIKey(ctx, owner, "t1", k.ID, k.Version, true)
			return err
		}),
		"RevealAPIKey": key(func(ctx context.Context, f *faulty, _ Secret, k store.APIKey) error {
			_, err := f.RevealAPIKey(ctx, owner, "t1", k.ID)
			return err
		}),
		"StartKeyRotation": key(func(ctx context.Context, f *faulty, _ Secret, k store.APIKey) error {
			_, _, err := f.StartKeyRotation(ctx, owner, "t1", k.ID, k.Version)
			return err
		}),
		"CompleteKeyRotation": rotating(func(ctx context.Context, f *faulty, k store.APIKey) error {
			_, err := f.CompleteKeyRotation(ctx, owner, "t1", k.ID, k.Version, true)
			return err
		}),
		"CancelKeyRotation": rotating(func(ctx context.Context, f *faulty, k store.APIKey) error {
			_, err := f.CancelKeyRotation(ctx, owner, "t1", k.ID, k.Version)
			return err
		}),
		"CreateSetupLink": func(_ *testing.T, f *faulty) attempt {
			return func(ctx context.Context) error {
				_, err := f.CreateSetupLink(ctx, owner, "t1", NewSetupLink{Name: "Ida", Intents: []Intent{IntentSSO}})
				return err
			}
		},
		"SetupLinks": link(func(ctx context.Context, f *faulty, _ CreatedSetupLink) error {
			_, err := f.SetupLinks(ctx, owner, "t1", "", 0)
			return err
		}),
		"RevokeSetupLink": link(func(ctx context.Context, f *faulty, l CreatedSetupLink) error {
			_, err := f.RevokeSetupLink(ctx, owner, "t1", l.ID)
			return err
		}),
		"PeekSetupLink": link(func(ctx context.Context, f *faulty, l CreatedSetupLink) error {
			_, err := f.PeekSetupLink(ctx, "t1", l.Token, Secret{})
			return err
		}),
		"OpenSetupLink": func(t *testing.T, f *faulty) attempt {
			l := f.link(t, "t1", IntentDomains)
			p, err := f.PeekSetupLink(t.Context(), "t1", l.Token, Secret{})
			require.NoError(t, err)
			return func(ctx context.Context) error { _, err := f.OpenSetupLink(ctx, "t1", l.Token, p.Browser); return err }
		},
		"SetupLinkSession": func(t *testing.T, f *faulty) attempt {
			_, browser := f.open(t, "t1", f.link(t, "t1", IntentDomains))
			return func(ctx context.Context) error { _, err := f.SetupLinkSession(ctx, "t1", browser); return err }
		},
		"CompleteSetupLink": func(t *testing.T, f *faulty) attempt {
			s, _ := f.open(t, "t1", f.link(t, "t1", IntentDomains))
			return func(ctx context.Context) error { return f.CompleteSetupLink(ctx, s.Actor) }
		},
		"CreateWebhook": func(_ *testing.T, f *faulty) attempt {
			return func(ctx context.Context) error { _, err := f.CreateWebhook(ctx, owner, "t1", f.newHook()); return err }
		},
		"EditWebhook": hook(func(ctx context.Context, f *faulty, h Webhook) error {
			n := f.newHook()
			n.Description = "other"
			_, err := f.EditWebhook(ctx, owner, "t1", h.ID, h.Version, n)
			return err
		}),
		"DisableWebhook": hook(func(ctx context.Context, f *faulty, h Webhook) error {
			_, err := f.DisableWebhook(ctx, owner, "t1", h.ID, h.Version)
			return err
		}),
		"EnableWebhook": func(t *testing.T, f *faulty) attempt {
			h := f.webhook(t)
			h, err := f.DisableWebhook(t.Context(), owner, "t1", h.ID, h.Version)
			require.NoError(t, err)
			return func(ctx context.Context) error {
				_, err := f.EnableWebhook(ctx, owner, "t1", h.ID, h.Version, true)
				return err
			}
		},
		"DeleteWebhook": hook(func(ctx context.Context, f *faulty, h Webhook) error {
			return f.DeleteWebhook(ctx, owner, "t1", h.ID, h.Version)
		}),
		"ReplayWebhook": hook(func(ctx context.Context, f *faulty, h Webhook) error {
			_, err := f.ReplayWebhook(ctx, owner, "t1", h.ID, h.Version, WebhookReplay{Since: f.clock().Add(-day)})
			return err
		}),
		"RotateWebhookSecret": hook(func(ctx context.Context, f *faulty, h Webhook) error {
			_, err := f.RotateWebhookSecret(ctx, owner, "t1", h.ID, h.Version, 0)
			return err
		}),
		"Webhooks": hook(func(ctx context.Context, f *faulty, _ Webhook) error {
			_, err := f.Webhooks(ctx, owner, "t1")
			return err
		}),
		"WebhookLog": hook(func(ctx context.Context, f *faulty, h Webhook) error {
			_, _, err := f.WebhookLog(ctx, owner, "t1", h.ID)
			return err
		}),
		"TestWebhook": hook(func(ctx context.Context, f *faulty, h Webhook) error {
			_, err := f.TestWebhook(ctx, owner, "t1", h.ID)
			return err
		}),
		"ApplyEnding/suspend":       ending(Ending{Kind: EndingSuspend, Offer: OfferInvitation}, active),
		"ApplyEnding/remove":        ending(Ending{Kind: EndingRemove}, active),
		"ApplyEnding/downgrade":     ending(Ending{Kind: EndingDowngrade}, active),
		"ApplyEnding/one":           ending(Ending{Kind: EndingSuspend, ConnectionID: "?", Offer: OfferInvitation}, active),
		"ApplyEnding/one, for good": ending(Ending{Kind: EndingRemove, ConnectionID: "?"}, suspended),
		"ApplyEnding/unplanned":     ending(Ending{Kind: EndingSuspend, Unplanned: true}, active),
		"PlanEnding": tenant(func(ctx context.Context, f *faulty) error {
			_, err := f.PlanEnding(ctx, owner, "t1", Ending{Kind: EndingRemove})
			return err
		}),
		"ResumeTenant": func(t *testing.T, f *faulty) attempt {
			f.active(t, "t1", acme())
			f.begin(t, Ending{Kind: EndingSuspend})
			return func(ctx context.Context) error { return f.ResumeTenant(ctx, owner, "t1", "over") }
		},
		"ExportTenant": tenant(func(ctx context.Context, f *faulty) error {
			_, err := f.ExportTenant(ctx, owner, "t1", io.Discard)
			return err
		}),
		"ExportAudit": tenant(func(ctx context.Context, f *faulty) error {
			_, err := f.ExportAudit(ctx, owner, "t1", AuditQuery{}, io.Discard)
			return err
		}),
		"Audit": tenant(func(ctx context.Context, f *faulty) error {
			_, err := f.Audit(ctx, owner, "t1", AuditQuery{})
			return err
		}),
		"Health":      tenant(func(ctx context.Context, f *faulty) error { _, err := f.Health(ctx, owner, "t1"); return err }),
		"APIKeys":     tenant(func(ctx context.Context, f *faulty) error { _, err := f.APIKeys(ctx, owner, "t1"); return err }),
		"Directories": tenant(func(ctx context.Context, f *faulty) error { _, err := f.Directories(ctx, owner, "t1"); return err }),
		"Connections": tenant(func(ctx context.Context, f *faulty) error { _, err := f.Connections(ctx, owner, "t1"); return err }),
		"Contests": func(t *testing.T, f *faulty) attempt {
			d := f.held(t)
			_, err := f.CheckDomain(t.Context(), owner, "t2", d.ID)
			require.Equal(t, ErrorCodeDomainTaken, CodeOf(err))
			return func(ctx context.Context) error { _, err := f.Contests(ctx, staff, store.Ref{}, 0); return err }
		},
		"Queue": conn(submitted, func(ctx context.Context, f *faulty, _ Connection) error {
			_, err := f.Queue(ctx, staff, store.Ref{}, 0)
			return err
		}),
		"Connection": conn(draft, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.Connection(ctx, owner, "t1", c.ID)
			return err
		}),
		"Review": conn(submitted, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.Review(ctx, staff, "t1", c.ID)
			return err
		}),
		"Enforcement": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.Enforcement(ctx, owner, "t1", c.ID)
			return err
		}),
		"PlanActivation": conn(ready, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.PlanActivation(ctx, owner, "t1", c.ID, Activation{})
			return err
		}),
		"ActivationPeople": conn(ready, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.ActivationPeople(ctx, owner, "t1", c.ID, Activation{}, ActivationQuery{})
			return err
		}),
		"ExportActivation": conn(ready, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.ExportActivation(ctx, owner, "t1", c.ID, Activation{}, io.Discard)
			return err
		}),
		"AssociatedUsers": tenant(func(ctx context.Context, f *faulty) error {
			_, err := f.AssociatedUsers(ctx, owner, "t1", UserQuery{})
			return err
		}),
		"CountAssociatedUsers": tenant(func(ctx context.Context, f *faulty) error {
			_, err := f.CountAssociatedUsers(ctx, owner, "t1")
			return err
		}),
		"AuthenticateAPIKey": key(func(ctx context.Context, f *faulty, s Secret, _ store.APIKey) error {
			_, err := f.AuthenticateAPIKey(ctx, "t1", s.Reveal())
			return err
		}),
		"SignInConnection": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			_, _, err := f.SignInConnection(ctx, "t1", c.ID)
			return err
		}),
		"SignInGate": tenant(func(ctx context.Context, f *faulty) error {
			existing, _ := f.SignInGate(ctx, "t1")
			return existing
		}),
		"RealmOf":  tenant(func(ctx context.Context, f *faulty) error { _, err := f.RealmOf(ctx, "a@acme.com"); return err }),
		"RealmsOf": tenant(func(ctx context.Context, f *faulty) error { _, err := f.RealmsOf(ctx, "a@acme.com"); return err }),
		"ConnectionsOfIssuer": conn(active, func(ctx context.Context, f *faulty, c Connection) error {
			_, err := f.ConnectionsOfIssuer(ctx, c.Issuer)
			return err
		}),
	}
}

// spared are calls that may fail while the succeeds: what it does beside its work is left out then.
var spared = map[string][]string{
	"AuthenticateAPIKey": {"MarkAPIKeyUsed", "MarkDirectoryUsed"}, // a sync goes on, though a date is old
	"SetupLinkSession":   {"MarkSetupLinkUsed"},
	"SignInGate":         {"Lifecycle"}, // sign-in goes on as if the plan had lapsed now
	"Health":             {"Lifecycle"}, // the same
}

// told are events that are written before anything is handed out, so that nobody gets hold of it unseen: a step that fails
// afterwards leaves them.
var told = map[string]string{"ExportTenant": "tenant.exported", "ExportAudit": "audit.exported", "ExportActivation": "connection.people_exported", "TestWebhook": "webhook.tested"}

// TestFailedStepChangesNothing breaks each call of the store that a step makes, once and from then on, the beginning and the
// commit of its transactions included: the step fails, and the tenant is as it was before.
func TestFailedStepChangesNothing(t *testing.T) {
	t.Parallel()
	all := steps()
	broken := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			for _, stays := range []bool{false, true} {
				broken += breakStep(t, all[name], spared[name], told[name], stays)
			}
		})
	}
	t.Logf("%d steps, %d broken calls", len(all), broken)
}

// breakStep breaks one call after the other, until the step makes no more, and returns how many that were.
func breakStep(t *testing.T, prepare func(*testing.T, *faulty) attempt, spared []string, told string, stays bool) int {
	t.Helper()
	f := newFaulty(t)
	call := prepare(t, f)
	before := f.whole(t)
	for at := 1; ; at++ {
		f.faults.begin(at, stays)
		err := call(t.Context())
		calls := f.faults.end()
		if len(calls) < at {
			require.NoError(t, err)
			require.NotEmpty(t, calls, "it asks the store for nothing")
			return at - 1
		}
		if err == nil {
			require.Contains(t, spared, calls[at-1], "it succeeds although call %d of %v failed", at, calls)
			f = newFaulty(t)
			call = prepare(t, f)
			before = f.whole(t)
			continue
		}
		require.ErrorIs(t, err, errBroken, "call %d of %v", at, calls)
		if after := f.whole(t); !reflect.DeepEqual(before, after) {
			events := f.types(t)
			require.Equal(t, told, events[len(events)-1], "call %d of %v changed something: %v", at, calls, events)
			before = after
		}
	}
}

// TestEveryStepIsBroken: who adds a method that uses the store adds it to steps, or says here why not.
func TestEveryStepIsBroken(t *testing.T) {
	t.Parallel()
	elsewhere := map[string]string{
		"Allowed": "reads nothing", "Included": "reads nothing", "ClientSecret": "reads nothing",
		"AuthenticateAPIKeyFrom": "is what AuthenticateAPIKey calls",
	}
	for name := range upkeep {
		elsewhere[name] = "TestUpkeepGoesOnAfterAFailure"
	}
	tried := map[string]bool{}
	for name := range steps() {
		name, _, _ = strings.Cut(name, "/")
		tried[name] = true
	}
	typ, ctx := reflect.TypeFor[*Service](), reflect.TypeFor[context.Context]()
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		if m.Type.NumIn() > 1 && m.Type.In(1) == ctx && !tried[m.Name] && elsewhere[m.Name] == "" {
			t.Errorf("%s is not tried: %v", m.Name, m.Type)
		}
	}
}
