package tenant

import (
	"context"
	"errors"
	"io"
	"maps"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// calls is every method that an actor calls.
func calls(w *world, c Connection, key store.APIKey, dir store.Directory) map[string]func(ctx context.Context, a Actor, tenantID string) error {
	d := c.Domains[0]
	return map[string]func(context.Context, Actor, string) error{
		"Connection": func(ctx context.Context, a Actor, id string) error {
			_, err := w.Connection(ctx, a, id, c.ID)
			return err
		},
		"Connections": func(ctx context.Context, a Actor, id string) error { _, err := w.Connections(ctx, a, id); return err },
		"CreateDraft": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.CreateDraft(ctx, a, id, Draft{})
			return err
		},
		"SaveDraft": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.SaveDraft(ctx, a, id, c.ID, c.Version, acme())
			return err
		},
		"Submit": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.Submit(ctx, a, id, c.ID, c.Version)
			return err
		},
		"Withdraw": func(ctx context.Context, a Actor, id string) error {
			_, err := w.Withdraw(ctx, a, id, c.ID, c.Version)
			return err
		},
		"AskForInformation": func(ctx context.Context, a Actor, id string) error {
			_, err := w.AskForInformation(ctx, a, id, c.ID, c.Version, "?")
			return err
		},
		"Reject": func(ctx context.Context, a Actor, id string) error {
			_, err := w.Reject(ctx, a, id, c.ID, c.Version, "no")
			return err
		},
		"Approve": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.Approve(ctx, a, id, c.ID, c.Version)
			return err
		},
		"AddMessage": func(ctx context.Context, a Actor, id string) error {
			_, err := w.AddMessage(ctx, a, id, c.ID, c.Version, "m")
			return err
		},
		"RunChecks": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.RunChecks(ctx, a, id, c.ID)
			return err
		},
		"Activate": func(ctx context.Context, a Actor, id string) error {
			_, err := w.Activate(ctx, a, id, c.ID, c.Version, Activation{})
			return err
		},
		"SetEnforced": func(ctx context.Context, a Actor, id string) error {
			_, err := w.SetEnforced(ctx, a, id, c.ID, c.Version, Activation{})
			return err
		},
		"Suspend": func(ctx context.Context, a Actor, id string) error {
			_, err := w.Suspend(ctx, a, id, c.ID, c.Version, "")
			return err
		},
		"Delete": func(ctx context.Context, a Actor, id string) error { return w.Delete(ctx, a, id, c.ID, c.Version) },
		"ReplaceSecret": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.ReplaceSecret(ctx, a, id, c.ID, c.Version, NewSecret("x"), time.Time{})
			return err
		},
		"StartChange": func(ctx context.Context, a Actor, id string) error {
			_, err := w.StartChange(ctx, a, id, c.ID)
			return err
		},
		"ApplyChange": func(ctx context.Context, a Actor, id string) error {
			_, err := w.ApplyChange(ctx, a, id, c.ID, c.Version, false)
			return err
		},
		"PlanActivation": func(ctx context.Context, a Actor, id string) error {
			_, err := w.PlanActivation(ctx, a, id, c.ID, Activation{})
			return err
		},
		"ActivationPeople": func(ctx context.Context, a Actor, id string) error {
			_, err := w.ActivationPeople(ctx, a, id, c.ID, Activation{}, ActivationQuery{})
			return err
		},
		"ExportActivation": func(ctx context.Context, a Actor, id string) error {
			_, err := w.ExportActivation(ctx, a, id, c.ID, Activation{}, io.Discard)
			return err
		},
		"Review": func(ctx context.Context, a Actor, id string) error {
			_, err := w.Review(ctx, a, id, c.ID)
			return err
		},
		"Enforcement": func(ctx context.Context, a Actor, id string) error {
			_, err := w.Enforcement(ctx, a, id, c.ID)
			return err
		},
		"StageSecret": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.StageSecret(ctx, a, id, c.ID, c.Version, NewSecret("x"), time.Time{})
			return err
		},
		"DropNextSecret": func(ctx context.Context, a Actor, id string) error {
			_, err := w.DropNextSecret(ctx, a, id, c.ID, c.Version)
			return err
		},
		"SetSecretExpiry": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.SetSecretExpiry(ctx, a, id, c.ID, c.Version, time.Time{}, false)
			return err
		},
		"AddDomains": func(ctx context.Context, a Actor, id string) error {
			_, err := w.AddDomains(ctx, a, id, c.ID, "b.example")
			return err
		},
		"RemoveDomain": func(ctx context.Context, a Actor, id string) error {
			return w.RemoveDomain(ctx, a, id, d.ID, d.Version)
		},
		"SetSubdomains": func(ctx context.Context, a Actor, id string) error {
			_, err := w.SetSubdomains(ctx, a, id, d.ID, d.Version, true)
			return err
		},
		"SetDomainConnections": func(ctx context.Context, a Actor, id string) error {
			_, err := w.SetDomainConnections(ctx, a, id, d.ID, d.Version, c.ID)
			return err
		},
		"VerifyDomain": func(ctx context.Context, a Actor, id string) error {
			_, err := w.VerifyDomain(ctx, a, id, d.ID, d.Version)
			return err
		},
		"CheckDomain": func(ctx context.Context, a Actor, id string) error {
			_, err := w.CheckDomain(ctx, a, id, d.ID)
			return err
		},
		"WithdrawDomain": func(ctx context.Context, a Actor, id string) error {
			_, err := w.WithdrawDomain(ctx, a, id, d.ID, d.Version, "sold")
			return err
		},
		"PlanTransfer": func(ctx context.Context, a Actor, id string) error {
			_, err := w.PlanTransfer(ctx, a, id, d.ID)
			return err
		},
		"ApplyTransfer": func(ctx context.Context, a Actor, id string) error {
			_, err := w.ApplyTransfer(ctx, a, id, d.ID, "plan", "sold")
			return err
		},
		"DrillBreakGlass": func(ctx context.Context, a Actor, id string) error {
			return w.DrillBreakGlass(ctx, a, id, c.ID, "admin@acme.com")
		},
		"EnableSCIM": func(ctx context.Context, a Actor, id string) error {
			_, err := w.EnableSCIM(ctx, a, id, c.ID, store.SCIMPreferences{})
			return err
		},
		"DisableSCIM": func(ctx context.Context, a Actor, id string) error {
			_, err := w.DisableSCIM(ctx, a, id, dir.ID, dir.Version, true)
			return err
		},
		"SetSCIMPreferences": func(ctx context.Context, a Actor, id string) error {
			_, err := w.SetSCIMPreferences(ctx, a, id, dir.ID, dir.Version, store.SCIMPreferences{})
			return err
		},
		"CreateSetupLink": func(ctx context.Context, a Actor, id string) error {
			_, err := w.CreateSetupLink(ctx, a, id, NewSetupLink{Name: "n", Intents: []Intent{IntentSSO}})
			return err
		},
		"SetupLinks": func(ctx context.Context, a Actor, id string) error {
			_, err := w.SetupLinks(ctx, a, id, "", 0)
			return err
		},
		"RevokeSetupLink": func(ctx context.Context, a Actor, id string) error {
			_, err := w.RevokeSetupLink(ctx, a, id, c.ID)
			return err
		},
		"SetBreakGlass": func(ctx context.Context, a Actor, id string) error {
			_, err := w.SetBreakGlass(ctx, a, id, c.ID, c.Version, false, "admin@acme.com")
			return err
		},
		"Directories": func(ctx context.Context, a Actor, id string) error { _, err := w.Directories(ctx, a, id); return err },
		"CreateAPIKey": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.CreateAPIKey(ctx, a, id, NewAPIKey{Name: "n", DirectoryID: dir.ID})
			return err
		},
		"APIKeys": func(ctx context.Context, a Actor, id string) error { _, err := w.APIKeys(ctx, a, id); return err },
		"RevokeAPIKey": func(ctx context.Context, a Actor, id string) error {
			_, err := w.RevokeAPIKey(ctx, a, id, key.ID, key.Version, true)
			return err
		},
		"StartKeyRotation": func(ctx context.Context, a Actor, id string) error {
			_, _, err := w.StartKeyRotation(ctx, a, id, key.ID, key.Version)
			return err
		},
		"CompleteKeyRotation": func(ctx context.Context, a Actor, id string) error {
			_, err := w.CompleteKeyRotation(ctx, a, id, key.ID, key.Version, true)
			return err
		},
		"Audit": func(ctx context.Context, a Actor, id string) error {
			_, err := w.Audit(ctx, a, id, AuditQuery{})
			return err
		},
		"ExportAudit": func(ctx context.Context, a Actor, id string) error {
			_, err := w.ExportAudit(ctx, a, id, AuditQuery{}, io.Discard)
			return err
		},
		"RevealAPIKey": func(ctx context.Context, a Actor, id string) error {
			_, err := w.RevealAPIKey(ctx, a, id, key.ID)
			return err
		},
		"CancelKeyRotation": func(ctx context.Context, a Actor, id string) error {
			_, err := w.CancelKeyRotation(ctx, a, id, key.ID, key.Version)
			return err
		},
	}
}

// ofTenant are the methods that are about a tenant as a whole.
func ofTenant(w *world) map[string]func(context.Context, Actor, string) error {
	return map[string]func(context.Context, Actor, string) error{
		"PlanEnding": func(ctx context.Context, a Actor, id string) error {
			_, err := w.PlanEnding(ctx, a, id, Ending{Kind: EndingRemove})
			return err
		},
		"ApplyEnding": func(ctx context.Context, a Actor, id string) error {
			_, err := w.ApplyEnding(ctx, a, id, Ending{Kind: EndingRemove}, "hash")
			return err
		},
		"ResumeTenant": func(ctx context.Context, a Actor, id string) error { return w.ResumeTenant(ctx, a, id, "") },
		"ExportTenant": func(ctx context.Context, a Actor, id string) error {
			_, err := w.ExportTenant(ctx, a, id, io.Discard)
			return err
		},
		"Health": func(ctx context.Context, a Actor, id string) error { _, err := w.Health(ctx, a, id); return err },
		"CountAssociatedUsers": func(ctx context.Context, a Actor, id string) error {
			_, err := w.CountAssociatedUsers(ctx, a, id)
			return err
		},
		"AssociatedUsers": func(ctx context.Context, a Actor, id string) error {
			_, err := w.AssociatedUsers(ctx, a, id, UserQuery{})
			return err
		},
	}
}

// TestEveryMethodOfAnActorIsTried: who adds a method that an actor calls adds it to calls, or says here why not.
func TestEveryMethodOfAnActorIsTried(t *testing.T) {
	elsewhere := map[string]string{
		"Queue": "TestEveryMethodAsksTheAuthorizer", "Contests": "TestEveryMethodAsksTheAuthorizer",
		"RecordTestSignIn":  "asks nobody: it is called by the code that verified a sign-in",
		"LiftEnforcement":   "asks nobody: it is for the host's console",
		"CompleteSetupLink": "the link is its own permission: TestSetupLinkStory",
		"Allowed":           "is the question itself: TestAllowed",
	}
	for _, m := range []string{
		"Webhooks", "CreateWebhook", "EditWebhook", "EnableWebhook", "DisableWebhook", "DeleteWebhook", "ReplayWebhook",
		"RotateWebhookSecret", "TestWebhook", "WebhookLog",
	} {
		elsewhere[m] = "TestWebhookRefusals"
	}
	w := newWorld(t)
	tried := calls(w, Connection{Domains: []store.Domain{{}}}, store.APIKey{}, store.Directory{})
	maps.Copy(tried, ofTenant(w))
	typ, actor := reflect.TypeFor[*Service](), reflect.TypeFor[Actor]()
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		for j := range m.Type.NumIn() {
			if m.Type.In(j) == actor && elsewhere[m.Name] == "" && tried[m.Name] == nil {
				t.Errorf("%s is not tried: %v", m.Name, m.Type)
			}
		}
	}
}

func TestEveryMethodAsksTheAuthorizer(t *testing.T) {
	w := newWorld(t)
	c := w.approved(t, "t1", acme())
	_, key, err := w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "entra"})
	require.NoError(t, err)
	dirs, err := w.Directories(t.Context(), owner, "t1")
	require.NoError(t, err)
	all := calls(w, c, key, dirs[0])
	maps.Copy(all, ofTenant(w))
	for name, call := range all {
		w.refusedWith(t, "t1", ErrorCodeForbidden, func() error {
			err := call(t.Context(), stranger, "t1")
			require.ErrorIs(t, err, ErrForbidden, name)
			return err
		})
	}
	_, err = w.Queue(t.Context(), owner, store.Ref{}, 10)
	require.ErrorIs(t, err, ErrForbidden)
	_, err = w.Contests(t.Context(), owner, store.Ref{}, 10)
	require.ErrorIs(t, err, ErrForbidden)
}

// TestEveryMethodKeepsTenantsApart gives each method another tenant's IDs: they must be
// unknown, whoever asks.
func TestEveryMethodKeepsTenantsApart(t *testing.T) {
	w := newWorld(t)
	c := w.approved(t, "t1", acme())
	_, key, err := w.CreateAPIKey(t.Context(), owner, "t1", NewAPIKey{Name: "entra"})
	require.NoError(t, err)
	dirs, err := w.Directories(t.Context(), owner, "t1")
	require.NoError(t, err)
	lists := map[string]bool{"SetupLinks": true, "CreateSetupLink": true, "Connections": true, "CreateDraft": true, "Directories": true, "APIKeys": true, "Audit": true, "ExportAudit": true}
	before := len(w.events(t, "t1", 0))
	for name, call := range calls(w, c, key, dirs[0]) {
		actor := owner
		switch name {
		case "AskForInformation", "Reject", "Approve", "VerifyDomain", "WithdrawDomain", "PlanTransfer", "ApplyTransfer", "Review":
			actor = staff
		}
		for _, foreign := range []string{"t2", "", "a/b", "\x00"} {
			if lists[name] && foreign == "t2" {
				require.NoError(t, call(t.Context(), actor, foreign), name)
				continue
			}
			require.ErrorIs(t, call(t.Context(), actor, foreign), store.ErrNotFound, "%s at %q", name, foreign)
		}
	}
	for name, call := range ofTenant(w) {
		for _, foreign := range []string{"", "a/b", "\x00"} {
			require.ErrorIs(t, call(t.Context(), owner, foreign), store.ErrNotFound, "%s at %q", name, foreign)
		}
	}
	require.Len(t, w.events(t, "t1", 0), before)
	list, err := w.Connections(t.Context(), owner, "t2")
	require.NoError(t, err)
	for _, other := range list {
		require.Empty(t, other.Domains)
	}
}

func TestAuthorizerFailureIsNotForbidden(t *testing.T) {
	down := errors.New("database down")
	w := newWorld(t, func(c *Config) {
		c.Authorizer = AuthorizerFunc(func(context.Context, Actor, Action, string) error { return down })
	})
	_, err := w.Connections(t.Context(), owner, "t1")
	require.ErrorIs(t, err, down)
	require.NotErrorIs(t, err, ErrForbidden)
	_, _, err = w.RunChecks(t.Context(), owner, "t1", "x")
	require.ErrorIs(t, err, down)
}

func TestNewRefuses(t *testing.T) {
	good := newWorld(t).cfg
	for field, change := range map[string]func(*Config){
		"Tenants": func(c *Config) { c.Tenants = nil },
		"Store":   func(c *Config) { c.Store = nil }, "Keyring": func(c *Config) { c.Keyring = nil }, "Authorizer": func(c *Config) { c.Authorizer = nil },
		"DomainValidator": func(c *Config) { c.DomainValidator = nil }, "ProviderChecker": func(c *Config) { c.ProviderChecker = nil },
		"SetupLinkBaseURL":                                 func(c *Config) { c.SetupLinkBaseURL = "https://app.example.com/setup?x=1" },
		"DomainChecks.GiveUpAfter":                         func(c *Config) { c.DomainChecks.GiveUpAfter = time.Minute },
		"DomainChecks.RecheckEvery":                        func(c *Config) { c.DomainChecks.RecheckEvery = -day },
		"DomainChecks.WarnAfter":                           func(c *Config) { c.DomainChecks.WarnAfter = []time.Duration{0} },
		"DomainChecks.WithdrawAfter":                       func(c *Config) { c.DomainChecks.WithdrawAfter = 30 * day }, // the last warning is then
		"DomainChecks.WithdrawAfter needs Config.Notifier": func(c *Config) { c.DomainChecks.WithdrawAfter = 31 * day },
		"DrillAfter":                                       func(c *Config) { c.DrillAfter = time.Hour },
		"APIKeyPrefix":                                     func(c *Config) { c.APIKeyPrefix = "Bad" }, "SCIMBaseURL": func(c *Config) { c.SCIMBaseURL = "app.example.com/scim" },
	} {
		cfg := good
		change(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, "Config."+field)
	}
	_, err := NewBreakGlassList(BreakGlassConfig{})
	require.ErrorContains(t, err, "BreakGlassConfig.Store")
}

func TestFirstToProveADomainHasIt(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.proven["acme.com"] = true
	w.proven["ops.example"] = true
	const tenants = 6
	conns := make([]Connection, tenants)
	for i := range conns {
		conns[i] = w.draft(t, "t"+string(rune('1'+i)), acme()) // a claim that is not proven blocks nobody
	}
	var wg sync.WaitGroup
	errs := make([]error, tenants)
	for i, c := range conns {
		wg.Go(func() { _, errs[i] = w.CheckDomain(ctx, owner, c.TenantID, c.Domains[0].ID) })
	}
	wg.Wait()
	winners := 0
	for i, err := range errs {
		if err == nil {
			winners++
			continue
		}
		require.Equal(t, ErrorCodeDomainTaken, CodeOf(err))
		require.ErrorIs(t, err, store.ErrConflict)
		for _, c := range conns {
			require.NotContains(t, err.Error(), c.TenantID, "nothing about the holder")
		}
		d, err := w.store.Domain(ctx, conns[i].TenantID, conns[i].Domains[0].ID)
		require.NoError(t, err)
		require.Equal(t, store.DomainPending, d.State)
		require.Equal(t, CodeDomainTaken, d.Finding.Code)

		w.refusedWith(t, conns[i].TenantID, CodeDomainTaken, func() error {
			_, _, err := w.Submit(ctx, owner, conns[i].TenantID, conns[i].ID, conns[i].Version)
			return err
		})
		w.refusedWith(t, conns[i].TenantID, ErrorCodeDomainTaken, func() error {
			_, err := w.VerifyDomain(ctx, staff, conns[i].TenantID, d.ID, d.Version)
			return err
		})
	}
	require.Equal(t, 1, winners)
	w.refusedWith(t, "t9", CodeDomainTaken, func() error {
		_, _, err := w.CreateDraft(ctx, owner, "t9", acme())
		return err
	})
}

func TestDomainsOfOneTenant(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.draft(t, "t1", acme())
	second := w.draft(t, "t1", Draft{Domains: []string{"second.example"}})
	second, err := w.AddDomains(ctx, owner, "t1", second.ID, "acme.com")
	require.NoError(t, err, "two connections can serve one domain")
	require.Equal(t, []string{c.ID, second.ID}, second.Domains[0].Connections())
	w.refusedWith(t, "t1", CodeRequired, func() error {
		_, err := w.AddDomains(ctx, owner, "t1", second.ID, " , ")
		return err
	})
	d := c.Domains[0]
	require.NotEqual(t, d.Token, c.Domains[1].Token)
	require.Len(t, d.Token, 32)

	got, err := w.CheckDomain(ctx, owner, "t1", d.ID)
	require.NoError(t, err)
	require.Equal(t, store.DomainPending, got.State)
	require.Equal(t, CodeDomainRecordMissing, got.Finding.Code)
	events := len(w.events(t, "t1", 0))
	got, err = w.CheckDomain(ctx, owner, "t1", d.ID)
	require.NoError(t, err)
	require.Len(t, w.events(t, "t1", 0), events, "the same finding again is no news")

	got, err = w.VerifyDomain(ctx, staff, "t1", d.ID, got.Version)
	require.NoError(t, err)
	require.Equal(t, MethodStaff, got.Method)
	got, err = w.CheckDomain(ctx, owner, "t1", d.ID)
	require.NoError(t, err)
	require.Equal(t, store.DomainVerified, got.State, "a proof is sticky")
	require.Equal(t, CodeDomainRecordMissing, got.Finding.Code)

	w.refusedWith(t, "t1", ErrorCodeStale, func() error { return w.RemoveDomain(ctx, owner, "t1", d.ID, 1) })
	require.NoError(t, w.RemoveDomain(ctx, owner, "t1", d.ID, got.Version))
}

func TestSubdomains(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	_, err := w.RealmOf(ctx, "a@dev.acme.com")
	require.ErrorIs(t, err, store.ErrNotFound)
	domains, err := w.store.Domains(ctx, "t1")
	require.NoError(t, err)
	_, err = w.SetSubdomains(ctx, owner, "t1", domains[0].ID, domains[0].Version, true)
	require.Equal(t, ErrorCodeChangeNeedsReview, CodeOf(err))
	_, err = w.SetSubdomains(ctx, staff, "t1", domains[0].ID, domains[0].Version, true)
	require.NoError(t, err)
	realm, err := w.RealmOf(ctx, "a@x.dev.ACME.com")
	require.NoError(t, err)
	require.Equal(t, Realm{TenantID: "t1", ConnectionID: c.ID, Domain: "acme.com"}, realm)
	for _, email := range []string{"a@notacme.com", "a@acme.com.evil.org", "a@b@acme.com", "acme.com", "", "a@com", "a@acme.com."} {
		_, err := w.RealmOf(ctx, email)
		require.ErrorIs(t, err, store.ErrNotFound, email)
	}
	none, err := w.ConnectionsOfIssuer(ctx, "")
	require.NoError(t, err)
	require.Empty(t, none)
}

// TestRealmOfSuspendedSubdomain: while a tenant's own connection is suspended, its people
// are not sent to the customer who has the domain above.
func TestRealmOfSuspendedSubdomain(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.active(t, "t1", acme())
	domains, err := w.store.Domains(ctx, "t1")
	require.NoError(t, err)
	_, err = w.SetSubdomains(ctx, staff, "t1", domains[0].ID, domains[0].Version, true)
	require.NoError(t, err)
	d := acme()
	d.Domains, d.BreakGlass = []string{"dev.acme.com"}, nil
	c := w.active(t, "t2", d)

	realm, err := w.RealmOf(ctx, "a@dev.acme.com")
	require.NoError(t, err)
	require.Equal(t, "t2", realm.TenantID)
	_, err = w.Suspend(ctx, staff, "t2", c.ID, c.Version, "test")
	require.NoError(t, err)
	for _, email := range []string{"a@dev.acme.com", "a@x.dev.acme.com"} {
		_, err = w.RealmOf(ctx, email)
		require.ErrorIs(t, err, store.ErrNotFound, email)
	}
	realm, err = w.RealmOf(ctx, "a@ops.acme.com")
	require.NoError(t, err)
	require.Equal(t, "t1", realm.TenantID)
}

func TestDirectory(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	d := acme()
	d.SCIM = store.SCIMPreferences{}
	c := w.submitted(t, "t1", d)
	enable := func() error {
		_, err := w.EnableSCIM(ctx, owner, "t1", c.ID, store.SCIMPreferences{})
		return err
	}
	w.refusedWith(t, "t1", ErrorCodeOIDCRequired, enable)
	c, _, err := w.Approve(ctx, staff, "t1", c.ID, c.Version)
	require.NoError(t, err)
	dirs, err := w.Directories(ctx, owner, "t1")
	require.NoError(t, err)
	require.Empty(t, dirs, "SCIM is opt-in")
	w.plan.SCIM = false
	w.refusedWith(t, "t1", ErrorCodePlanRequired, enable)
	w.plan.SCIM = true
	dir, err := w.EnableSCIM(ctx, owner, "t1", c.ID, store.SCIMPreferences{PhoneEditable: true})
	require.NoError(t, err)
	again, err := w.EnableSCIM(ctx, owner, "t1", c.ID, store.SCIMPreferences{PhoneEditable: true})
	require.NoError(t, err)
	require.Equal(t, dir, again)
	require.Equal(t, []FieldPolicy{{Field: FieldPhone, UserEditable: true, MustConfirm: true}}, FieldPolicies(dir.Preferences))

	dir, err = w.SetSCIMPreferences(ctx, owner, "t1", dir.ID, dir.Version, store.SCIMPreferences{PhoneUnconfirmed: true})
	require.NoError(t, err)
	require.Equal(t, []FieldPolicy{{Field: FieldPhone}}, FieldPolicies(dir.Preferences))
	w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, func() error {
		_, err := w.DisableSCIM(ctx, owner, "t1", dir.ID, dir.Version, false)
		return err
	})
	dir, err = w.DisableSCIM(ctx, owner, "t1", dir.ID, dir.Version, true)
	require.NoError(t, err)
	require.False(t, dir.Enabled)
	w.refusedWith(t, "t1", ErrorCodeStale, func() error {
		_, err := w.DisableSCIM(ctx, owner, "t1", dir.ID, dir.Version-1, true)
		return err
	})

	require.NoError(t, enable())
	_, err = w.Withdraw(ctx, owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	dirs, err = w.Directories(ctx, owner, "t1")
	require.NoError(t, err)
	require.False(t, dirs[0].Enabled, "SCIM rests on the approval")
}

func TestAPIKeys(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	create := func(n NewAPIKey) func() error {
		return func() error {
			_, _, err := w.CreateAPIKey(ctx, owner, "t1", n)
			return err
		}
	}
	w.refusedWith(t, "t1", ErrorCodeSCIMRequired, create(NewAPIKey{Name: "entra"}))
	c := w.active(t, "t1", acme())
	w.refusedWith(t, "t1", CodeRequired, create(NewAPIKey{Name: " "}))
	w.refusedWith(t, "t1", CodeNameInvalid, create(NewAPIKey{Name: strings.Repeat("a", 101)}))
	w.refusedWith(t, "t1", CodeScopeInvalid, create(NewAPIKey{Name: "a", Scopes: []string{"admin"}}))
	w.refusedWith(t, "t1", CodeDateInvalid, create(NewAPIKey{Name: "a", ExpiresAt: w.clock()}))
	w.refusedWith(t, "t1", "not_found", create(NewAPIKey{Name: "a", DirectoryID: "other"}))

	secret, key, err := w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: " Entra  prod "})
	require.NoError(t, err)
	require.Equal(t, "Entra prod", key.Name)
	require.Equal(t, "tgk_…"+secret.Reveal()[len(secret.Reveal())-4:], key.Hint)
	require.Equal(t, []string{ScopeSCIMRead, ScopeSCIMWrite}, key.Scopes)
	require.Equal(t, "owner@acme.com", key.CreatedBy.Name)
	require.Empty(t, key.Hash)
	raw, err := w.store.APIKey(ctx, "t1", key.ID)
	require.NoError(t, err)
	require.NotContains(t, string(raw.Hash), secret.Reveal())
	w.refusedWith(t, "t1", ErrorCodeNameTaken, create(NewAPIKey{Name: "ENTRA prod"}))

	p, err := w.AuthenticateAPIKey(ctx, "t1", secret.Reveal())
	require.NoError(t, err)
	require.Equal(t, Principal{
		TenantID: "t1", KeyID: key.ID, KeyName: "Entra prod", DirectoryID: key.DirectoryID, ConnectionID: c.ID,
		Scopes: []string{ScopeSCIMRead, ScopeSCIMWrite}, Preferences: store.SCIMPreferences{Wanted: true, PhoneEditable: true}, CheckedAt: w.clock(),
	}, p)

	w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, func() error {
		_, err := w.RevokeAPIKey(ctx, owner, "t1", key.ID, key.Version, false)
		return err
	})
	_, short, err := w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: "short", Scopes: []string{ScopeSCIMRead, ScopeSCIMRead}, ExpiresAt: w.clock().Add(time.Hour)})
	require.NoError(t, err)
	require.Equal(t, []string{ScopeSCIMRead}, short.Scopes)
	w.pass(2 * time.Hour)
	w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, func() error { // an expired key is no second one
		_, err := w.RevokeAPIKey(ctx, owner, "t1", key.ID, key.Version, false)
		return err
	})
	_, _, err = w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: "second"})
	require.NoError(t, err)
	revoked, err := w.RevokeAPIKey(ctx, owner, "t1", key.ID, key.Version, false)
	require.NoError(t, err)
	require.False(t, revoked.RevokedAt.IsZero())
	again, err := w.RevokeAPIKey(ctx, owner, "t1", key.ID, 0, false)
	require.NoError(t, err)
	require.Equal(t, revoked.RevokedAt, again.RevokedAt)
	_, err = w.AuthenticateAPIKey(ctx, "t1", secret.Reveal())
	require.ErrorIs(t, err, ErrBadAPIKey)
	require.NoError(t, create(NewAPIKey{Name: "entra prod"})(), "the name of a revoked key is free")

	list, err := w.APIKeys(ctx, owner, "t1")
	require.NoError(t, err)
	require.Len(t, list, 4)
	for _, k := range list {
		require.Empty(t, k.Hash)
	}
	for i := range MaxAPIKeys - 2 {
		require.NoError(t, create(NewAPIKey{Name: "k" + strings.Repeat("x", i)})())
	}
	w.refusedWith(t, "t1", ErrorCodeTooMany, create(NewAPIKey{Name: "one more"}))
	w.events(t, "t1", 0)
}

func TestAuthenticateAPIKeyTellsNothing(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.active(t, "t1", acme())
	other := acme()
	other.Domains, other.BreakGlass = []string{"globex.example"}, nil
	w.active(t, "t2", other)
	mine, key, err := w.CreateAPIKey(ctx, owner, "t1", NewAPIKey{Name: "a", ExpiresAt: w.clock().Add(time.Hour)})
	require.NoError(t, err)
	good := mine.Reveal()
	unknown, err := newAPIKey("tgk_")
	require.NoError(t, err)
	bad := []struct{ tenantID, key string }{
		{"t2", good},
		{"t3", good},
		{"", good},
		{"a/b", good},
		{"t1", ""},
		{"t1", "tgk_"},
		{"t1", unknown.Reveal()},
		{"t1", good + " "},
		{"t1", " " + good},
		{"t1", strings.ToLower(good) + "x"},
		{"t1", strings.Repeat("a", 1<<20)},
		{"t1", "\x00"},
		{"T1", good},
	}
	for _, b := range bad {
		p, err := w.AuthenticateAPIKey(ctx, b.tenantID, b.key)
		require.Equal(t, ErrBadAPIKey, err, "%q", b)
		require.Empty(t, p)
	}

	read := func() time.Time {
		k, err := w.store.APIKey(ctx, "t1", key.ID)
		require.NoError(t, err)
		return k.LastUsedAt
	}
	_, err = w.AuthenticateAPIKey(ctx, "t1", good)
	require.NoError(t, err)
	first := read()
	require.Equal(t, store.Time(w.clock()), first)
	w.pass(30 * time.Second)
	_, err = w.AuthenticateAPIKey(ctx, "t1", good)
	require.NoError(t, err)
	require.Equal(t, first, read(), "not every request writes")
	w.pass(31 * time.Second)
	_, err = w.AuthenticateAPIKey(ctx, "t1", good)
	require.NoError(t, err)
	require.True(t, read().After(first))

	dirs, err := w.Directories(ctx, owner, "t1")
	require.NoError(t, err)
	_, err = w.DisableSCIM(ctx, owner, "t1", dirs[0].ID, dirs[0].Version, true)
	require.NoError(t, err)
	_, err = w.AuthenticateAPIKey(ctx, "t1", good)
	require.Equal(t, ErrorCodeSCIMDisabled, CodeOf(err))
	require.ErrorIs(t, err, ErrForbidden)
	w.pass(time.Hour)
	_, err = w.AuthenticateAPIKey(ctx, "t1", good)
	require.Equal(t, ErrBadAPIKey, err, "expired")
}

func TestBreakGlassList(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	b, err := NewBreakGlassList(BreakGlassConfig{Store: w.store, Now: w.clock})
	require.NoError(t, err)
	c := w.approved(t, "t1", acme())
	ok, err := b.Decide(ctx, "t1", "admin@acme.com")
	require.NoError(t, err)
	require.False(t, ok, "not in force yet")
	w.prove(t, "t1", c)
	c = w.tested(t, "t1", c)
	c, err = w.Activate(ctx, owner, "t1", c.ID, c.Version, Activation{})
	require.NoError(t, err)

	n := len(w.events(t, "t1", 0))
	for _, e := range []string{"other@acme.com", "admin@acme.com.evil.org", "admin@ops.example", "", "admin", "a@admin@acme.com"} {
		ok, err := b.Decide(ctx, "t1", e)
		require.NoError(t, err)
		require.False(t, ok, e)
	}
	ok, err = b.Decide(ctx, "t2", "admin@acme.com")
	require.NoError(t, err)
	require.False(t, ok)
	ok, err = b.Listed(ctx, "t1", "Admin@Acme.com")
	require.NoError(t, err)
	require.True(t, ok)
	require.Empty(t, w.events(t, "t1", n))
	ok, err = b.Decide(ctx, "t1", " Admin@ACME.com ")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []string{"break_glass.used"}, w.events(t, "t1", n))

	_, err = w.Suspend(ctx, owner, "t1", c.ID, c.Version, "")
	require.NoError(t, err)
	ok, err = b.Decide(ctx, "t1", "admin@acme.com")
	require.NoError(t, err)
	require.True(t, ok, "a suspended connection keeps its way out")

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	ok, err = b.Decide(cancelled, "t1", "admin@acme.com")
	require.Error(t, err)
	require.False(t, ok)
}

func TestMessages(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.submitted(t, "t1", acme())
	w.refusedWith(t, "t1", CodeRequired, func() error {
		_, err := w.Reject(ctx, staff, "t1", c.ID, c.Version, " ")
		return err
	})
	w.refusedWith(t, "t1", CodeTooLong, func() error {
		_, err := w.AddMessage(ctx, owner, "t1", c.ID, c.Version, strings.Repeat("ä", maxMessage+1))
		return err
	})
	for range maxMessages {
		var err error
		c, err = w.AddMessage(ctx, owner, "t1", c.ID, c.Version, "hello\x00")
		require.NoError(t, err)
	}
	require.Equal(t, "hello\uFFFD", c.Messages[0].Text)
	w.refusedWith(t, "t1", ErrorCodeTooMany, func() error {
		_, err := w.AddMessage(ctx, owner, "t1", c.ID, c.Version, "more")
		return err
	})
}

func TestQueuePages(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		d := acme()
		d.Domains, d.BreakGlass = []string{"c" + string(rune('a'+i)) + ".example"}, nil
		w.submitted(t, "t"+string(rune('a'+i)), d)
	}
	var seen []string
	page := QueuePage{More: true}
	for page.More {
		var err error
		page, err = w.Queue(t.Context(), staff, page.Next, 2)
		require.NoError(t, err)
		for _, c := range page.Requests {
			seen = append(seen, c.TenantID)
		}
	}
	require.Equal(t, []string{"ta", "tb", "tc", "td", "te"}, seen)
}

func TestConcurrentSubmitsAreOne(t *testing.T) {
	w := newWorld(t)
	c := w.draft(t, "t1", acme())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, _, err := w.Submit(t.Context(), owner, "t1", c.ID, c.Version)
			if err != nil || got.State != store.ConnectionSubmitted {
				t.Errorf("%v %v", got.State, err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, []string{"connection.submitted"}, w.events(t, "t1", 3))
}

func TestSetBreakGlass(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	set := func(a Actor, confirm bool, emails ...string) func() error {
		return func() error {
			got, err := w.SetBreakGlass(ctx, a, "t1", c.ID, c.Version, confirm, emails...)
			if err == nil {
				c = got
			}
			return err
		}
	}
	w.refusedWith(t, "t1", ErrorCodeChangeNeedsReview, set(owner, true, "a@acme.com"))
	w.refusedWith(t, "t1", CodeBreakGlassDomainMismatch, set(staff, true, "a@evil.org"))
	require.NoError(t, set(staff, false, "a@acme.com, b@x.ops.example")())
	require.Equal(t, []string{"a@acme.com", "b@x.ops.example"}, c.BreakGlass)
	var err error
	c, err = w.SetEnforced(ctx, owner, "t1", c.ID, c.Version, Activation{Enforced: true})
	require.NoError(t, err)
	w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, set(staff, false))
	require.NoError(t, set(staff, true)())
	require.Empty(t, c.BreakGlass)

	d := w.draft(t, "t2", Draft{Domains: []string{"globex.example"}})
	d, err = w.SetBreakGlass(ctx, owner, "t2", d.ID, d.Version, false, "a@globex.example")
	require.NoError(t, err)
	require.Equal(t, []string{"a@globex.example"}, d.BreakGlass)
}

func TestResealSecrets(t *testing.T) {
	cfg := KeyringConfig{Keys: []Key{testKey("old", 1)}}
	ring := testRing(t, cfg)
	w := newWorld(t, func(c *Config) { c.Keyring = ring })
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	w.draft(t, "t1", Draft{})
	n, err := w.ResealSecrets(ctx, "t1")
	require.NoError(t, err)
	require.Zero(t, n)

	provide := func(keys ...Key) {
		require.NoError(t, ring.Reload(ctx, providerFunc(func() (KeyringConfig, error) { return KeyringConfig{Keys: keys}, nil })))
	}
	provide(testKey("new", 2), testKey("old", 1))
	n, err = w.ResealSecrets(ctx, "t1")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	provide(testKey("new", 2))
	after, secret, err := w.SignInConnection(ctx, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, testSecret, secret.Reveal())
	require.Equal(t, c.ConfigVersion, after.ConfigVersion)
	require.True(t, c.SecretSetAt.Equal(after.SecretSetAt))
	events := w.events(t, "t1", 0)
	require.Equal(t, "connection.secret_resealed", events[len(events)-1])

	provide(testKey("third", 3))
	n, err = w.ResealSecrets(ctx, "t1")
	require.ErrorIs(t, err, ErrSecretUnreadable)
	require.ErrorIs(t, err, ErrUnknownKey)
	require.Zero(t, n)
	require.NotContains(t, err.Error(), testSecret)
}

func TestOnlyOrganisationsOfTheHost(t *testing.T) {
	gone := map[string]bool{}
	w := newWorld(t, func(c *Config) {
		c.Tenants = TenantsFunc(func(_ context.Context, id string) (Tenant, error) {
			switch {
			case gone[id]:
				return nil, store.ErrNotFound
			case id == "slug":
				return organisation("t1"), nil
			}
			return organisation(id), nil
		})
	})
	gone["nobody"] = true
	_, _, err := w.CreateDraft(t.Context(), owner, "nobody", Draft{})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, err = w.CreateDraft(t.Context(), owner, "slug", Draft{})
	require.ErrorContains(t, err, `answered "slug" with the organisation "t1"`)

	submitted := w.submitted(t, "t2", acme())
	page, err := w.Queue(t.Context(), staff, store.Ref{}, 0)
	require.NoError(t, err)
	require.Len(t, page.Requests, 1)
	require.Equal(t, submitted.ID, page.Requests[0].ID)
	require.Equal(t, "Organisation t2", page.Requests[0].Tenant.TenantName())

	gone["t2"] = true // deleted while its request waits
	page, err = w.Queue(t.Context(), staff, store.Ref{}, 0)
	require.NoError(t, err)
	require.Empty(t, page.Requests)
}

// TestAllowed: a page asks what it may offer, and gets the answer that the step will get.
func TestAllowed(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.Allowed(t.Context(), owner, ActionEditConnection, "t1"))
	require.ErrorIs(t, w.Allowed(t.Context(), owner, ActionReview, "t1"), ErrForbidden)
	require.ErrorIs(t, w.Allowed(t.Context(), owner, ActionReview, ""), ErrForbidden)
	require.NoError(t, w.Allowed(t.Context(), staff, ActionReview, ""))
	require.ErrorIs(t, w.Allowed(t.Context(), stranger, ActionViewConnection, "t1"), ErrForbidden)
	require.ErrorIs(t, w.Allowed(t.Context(), owner, ActionViewConnection, "../t1"), store.ErrNotFound)
	l, err := w.CreateSetupLink(t.Context(), owner, "t1", NewSetupLink{Name: "Ida", Intents: []Intent{IntentDomains}})
	require.NoError(t, err)
	peek, err := w.PeekSetupLink(t.Context(), "t1", l.Token, Secret{})
	require.NoError(t, err)
	session, err := w.OpenSetupLink(t.Context(), "t1", l.Token, peek.Browser)
	require.NoError(t, err)
	require.NoError(t, w.Allowed(t.Context(), session.Actor, ActionManageDomains, "t1"))
	require.ErrorIs(t, w.Allowed(t.Context(), session.Actor, ActionEditConnection, "t1"), ErrForbidden)
	require.ErrorIs(t, w.Allowed(t.Context(), session.Actor, ActionManageDomains, "t2"), ErrForbidden)
}
