package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// town is the host of the tests of endings: its people, and what it was asked to do.
type town struct {
	people   map[string]Person // by account
	offered  []string
	released []Release
	fails    error // of Release and OfferWayIn
}

func (h *town) People(_ context.Context, _ string, ids []string) ([]Person, error) {
	var out []Person
	for _, id := range ids {
		if p, ok := h.people[id]; ok {
			out = append(out, p)
		}
	}
	return out, nil
}

func (h *town) OfferWayIn(_ context.Context, _ store.Store, _ string, p Person, o Offer) error {
	if h.fails != nil {
		return h.fails
	}
	h.offered = append(h.offered, p.AccountID+":"+string(o))
	return nil
}

func (h *town) Release(_ context.Context, _ store.Store, r Release) error {
	if h.fails != nil {
		return h.fails
	}
	h.released = append(h.released, r)
	return nil
}

// populated has one record of every kind: an active connection, a directory with a key, n provisioned people in a group
// with grants, somebody who signed in just in time, somebody with a password, and one known by the link alone.
func (w *world) populated(t testing.TB, h *town, tenantID, domain string, n int) Connection {
	t.Helper()
	d := acme()
	d.Domains, d.BreakGlass = []string{domain}, []string{"admin@" + domain}
	c := w.active(t, tenantID, d)
	_, _, err := w.CreateAPIKey(t.Context(), owner, tenantID, NewAPIKey{Name: "directory"})
	require.NoError(t, err)
	ctx, now := t.Context(), w.clock()
	meta := func(id string) store.Meta { return store.Meta{ID: id, CreatedAt: now, UpdatedAt: now} }
	var members []store.Member
	account := func(id string, source store.AccountSource, user string) {
		_, err := w.store.CreateAccount(ctx, tenantID, store.Account{Meta: meta(id), Source: source, SCIMUserID: user, Active: true, Email: id + "@" + domain})
		require.NoError(t, err)
		h.people[id] = Person{AccountID: id, Email: id + "@" + domain, Active: true}
	}
	link := func(id string) {
		_, err := w.store.CreateIdentity(ctx, tenantID, store.Identity{Meta: meta("link-" + id), ConnectionID: c.ID, Issuer: c.Issuer, Subject: id, AccountID: id, Email: id + "@" + domain})
		require.NoError(t, err)
	}
	for i := range n {
		id := fmt.Sprintf("%s-p%03d", tenantID, i)
		_, err := w.store.CreateSCIMUser(ctx, tenantID, store.SCIMUser{Meta: meta("scim-" + id), UserName: id, Active: true, Body: []byte(`{"userName":"` + id + `"}`)})
		require.NoError(t, err)
		members = append(members, store.Member{ID: "scim-" + id, Kind: store.MemberUser})
		account(id, store.SourceSCIM, "scim-"+id)
		link(id)
		require.NoError(t, w.store.ChangeGrants(ctx, tenantID, []store.Grant{{AccountID: id, Kind: store.GrantMembership, ResourceID: "team", GroupID: "g1", Role: "member"}}, nil))
	}
	account(tenantID+"-jit", store.SourceOIDC, "")
	link(tenantID + "-jit")
	account(tenantID+"-owner", store.SourceManual, "")
	link(tenantID + "-owner")
	h.people[tenantID+"-owner"] = Person{AccountID: tenantID + "-owner", Email: "admin@" + domain, Active: true, Owner: true, Root: true, LocalCredential: true}
	link(tenantID + "-linked")
	h.people[tenantID+"-linked"] = Person{AccountID: tenantID + "-linked", Email: "linked@" + domain, Active: true}
	_, err = w.store.CreateSCIMGroup(ctx, tenantID, store.SCIMGroup{Meta: meta("g1"), DisplayName: "Ops", Body: []byte(`{"displayName":"Ops"}`)}, members)
	require.NoError(t, err)
	require.NoError(t, w.store.ChangeGrants(ctx, tenantID, []store.Grant{{Kind: store.GrantTeam, ResourceID: "team", GroupID: "g1"}}, nil))
	_, err = w.store.PutProvisioningSettings(ctx, tenantID, store.ProvisioningSettings{Mode: store.ModeAuto})
	require.NoError(t, err)
	require.NoError(t, w.store.PutToken(ctx, tenantID, store.Token{Kind: "k", Key: "x", ExpiresAt: now.Add(time.Hour)}))
	_, err = w.store.AcquireLease(ctx, tenantID, "l", "me", now, now.Add(time.Hour))
	require.NoError(t, err)
	require.NoError(t, w.store.SavePosition(ctx, tenantID, "reader", 0, 1))
	links, ok := w.store.(store.SetupLinkStore)
	require.True(t, ok)
	_, err = links.CreateSetupLink(ctx, tenantID, store.SetupLink{Meta: meta("setup"), Name: "Ida", Hash: []byte("hash of a link"), BrowserHash: []byte("hash of a browser"), ExpiresAt: now.Add(time.Hour)})
	require.NoError(t, err)
	hooks, ok := w.store.(store.WebhookStore)
	require.True(t, ok)
	_, err = hooks.CreateWebhook(ctx, tenantID, store.Webhook{Meta: meta("webhook"), URL: "https://hooks." + domain, Secrets: []store.WebhookSecret{{ID: "s", Sealed: []byte("sealed")}}})
	require.NoError(t, err)
	r, ok := w.store.(store.SCIMResourceStore)
	require.True(t, ok)
	_, err = r.CreateSCIMResource(ctx, tenantID, store.SCIMResource{Meta: meta("device"), Type: "Device", Body: []byte(`{}`)})
	require.NoError(t, err)
	return c
}

func endingWorld(t testing.TB, change ...func(*Config)) (*world, *town) {
	t.Helper()
	h := &town{people: map[string]Person{}}
	w := newWorld(t, append([]func(*Config){func(c *Config) { c.People, c.Releaser = h, h }}, change...)...)
	return w, h
}

func (w *world) planned(t testing.TB, e Ending) EndingPlan {
	t.Helper()
	p, err := w.PlanEnding(t.Context(), owner, "t1", e)
	require.NoError(t, err)
	return p
}

func (w *world) begin(t testing.TB, e Ending) EndingPlan {
	t.Helper()
	p, err := w.ApplyEnding(t.Context(), owner, "t1", e, w.planned(t, e).Hash)
	require.NoError(t, err)
	return p
}

func (w *world) holdings(t testing.TB, tenantID string) map[store.RecordKind]int {
	t.Helper()
	got, err := w.store.Holdings(t.Context(), tenantID)
	require.NoError(t, err)
	return got
}

// everything is all that the store tells about a tenant, as an export has it.
func (w *world) everything(t testing.TB, tenantID string) any {
	t.Helper()
	events, err := w.store.Events(t.Context(), tenantID, store.EventQuery{})
	require.NoError(t, err)
	users, err := w.store.SCIMUsers(t.Context(), tenantID, store.Query{})
	require.NoError(t, err)
	connections, err := w.store.Connections(t.Context(), tenantID)
	require.NoError(t, err)
	return []any{w.holdings(t, tenantID), events, users, connections}
}

func TestEveryKindOfRecordGoes(t *testing.T) {
	w, h := endingWorld(t)
	c := w.populated(t, h, "t1", "acme.com", 120)
	w.populated(t, h, "t2", "beta.com", 3)
	before := w.holdings(t, "t1")
	for _, kind := range []store.RecordKind{
		store.KindConnection, store.KindDomain, store.KindDirectory, store.KindAPIKey, store.KindIdentity, store.KindAccount, store.KindSettings,
		store.KindUser, store.KindGroup, store.KindMember, store.KindGrant, store.KindToken, store.KindLease, store.KindEvent, store.KindPosition, store.KindSetupLink, store.KindWebhook, "resource:Device",
	} {
		require.Positive(t, before[kind], "the test has a %s", kind)
	}
	other := w.everything(t, "t2")

	p := w.planned(t, Ending{Kind: EndingRemove, Offer: OfferPasswordReset, TakeMemberships: true})
	require.Equal(t, 123, p.Totals.People)
	require.Equal(t, map[Effect]int{EffectLoses: 122, EffectKeeps: 1}, p.Totals.By)
	require.Equal(t, EndingTotals{People: 123, By: p.Totals.By, Owners: 1, BreakGlass: 1, Unlocked: 120, Grants: 120, Offered: 122}, p.Totals)
	require.Equal(t, []EndedRecord{{ID: c.ID, Name: "Acme login", From: "active", To: "removed"}}, p.Connections)
	require.Equal(t, "free", p.Domains[0].To)
	require.Len(t, p.APIKeys, 1)
	require.Equal(t, 120, p.Removes[store.KindUser])
	require.NotContains(t, p.Removes, store.KindEvent)
	_, err := w.ApplyEnding(t.Context(), owner, "t1", Ending{Kind: EndingRemove, Offer: OfferPasswordReset, TakeMemberships: true}, p.Hash)
	require.NoError(t, err)

	pages := 0
	for {
		progress, err := w.ContinueEnding(t.Context(), "t1")
		require.NoError(t, err)
		if pages++; progress.Done {
			require.Equal(t, 122, progress.Offered)
			require.Equal(t, 120, progress.Removed[store.KindUser])
			require.Equal(t, 122, progress.Removed[store.KindAccount])
			break
		}
		require.Less(t, pages, 50)
	}
	require.Greater(t, pages, 5)
	left := w.holdings(t, "t1")
	require.ElementsMatch(t, []store.RecordKind{store.KindEvent, store.KindPosition, store.KindLease, store.KindLifecycle}, slices.Collect(maps.Keys(left)), "whatever is left must be listed in remains, or go")
	require.Len(t, h.offered, 122)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(h.offered))), 122, "each once")
	require.Len(t, h.released, 124, "everybody, and the team")
	for _, r := range h.released {
		require.True(t, r.Take)
		require.False(t, r.EndAccess)
	}
	require.Equal(t, other, w.everything(t, "t2"), "another tenant is as it was")
	types := w.events(t, "t1", 0)
	require.Contains(t, types, "tenant.removal_begun")
	require.Equal(t, "tenant.removed", types[len(types)-1])
	for _, typ := range types {
		require.NotContains(t, typ, "scim.", "a removal must not look like deprovisioning to those who follow the journal")
	}

	// Once more is done already, the name is free, and the same organisation can begin anew.
	progress, err := w.ContinueEnding(t.Context(), "t1")
	require.NoError(t, err)
	require.True(t, progress.Done)
	_, err = w.store.TenantOfDomain(t.Context(), "acme.com")
	require.ErrorIs(t, err, store.ErrNotFound)
	w.active(t, "t3", acme())
	d := acme()
	d.Domains = []string{"acme.org"}
	d.BreakGlass = nil
	w.draft(t, "t1", d)
	l, err := w.store.Lifecycle(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, store.ServiceOn, l.State)
}

func TestRemovalGoesOnAfterACrashAtAnyWrite(t *testing.T) {
	for crash := 1; crash < 40; crash++ {
		broken := &crashing{}
		w, h := endingWorld(t, func(c *Config) { broken.Store, c.Store = c.Store, broken })
		w.populated(t, h, "t1", "acme.com", 60)
		w.begin(t, Ending{Kind: EndingRemove, Offer: OfferInvitation})
		broken.left = crash
		_, err := w.RunEndings(t.Context())
		broken.left = 0
		if err == nil {
			require.Greater(t, crash, 5)
			return
		}
		require.ErrorIs(t, err, errCrash)
		w.pass(endingLease + time.Second) // the dead replica's lease ends
		n, err := w.RunEndings(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.NotContains(t, w.holdings(t, "t1"), store.KindUser)
		require.NotContains(t, w.holdings(t, "t1"), store.KindConnection)
	}
	t.Fatal("the removal took more transactions than expected")
}

var errCrash = errors.New("crash")

// crashing fails its nth transaction after it did everything, and all that follow, until left is reset.
type crashing struct {
	store.Store
	left int
}

func (c *crashing) InTx(ctx context.Context, fn func(store.Store) error) error {
	if c.left == 0 {
		return c.Store.InTx(ctx, fn)
	}
	if c.left > 1 {
		c.left--
		return c.Store.InTx(ctx, fn)
	}
	return c.Store.InTx(ctx, func(tx store.Store) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errCrash
	})
}

func TestDeprovisioningWinsOverARemoval(t *testing.T) {
	w, h := endingWorld(t)
	w.populated(t, h, "t1", "acme.com", 2)
	w.begin(t, Ending{Kind: EndingRemove, Offer: OfferPasswordReset})
	// Between the pages the directory deactivates one and deletes another; nobody has ended their access yet.
	u, err := w.store.SCIMUser(t.Context(), "t1", "scim-t1-p000")
	require.NoError(t, err)
	u.Active = false
	_, err = w.store.UpdateSCIMUser(t.Context(), "t1", u)
	require.NoError(t, err)
	require.NoError(t, w.store.DeleteSCIMUser(t.Context(), "t1", "scim-t1-p001", 0))
	n, err := w.RunEndings(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	ended := map[string]bool{}
	for _, r := range h.released {
		ended[r.AccountID] = r.EndAccess
	}
	require.True(t, ended["t1-p000"])
	require.True(t, ended["t1-p001"])
	require.False(t, ended["t1-jit"])
	require.ElementsMatch(t, []string{"t1-jit:password_reset", "t1-linked:password_reset"}, h.offered, "nobody is let in again whom the directory sent away")

	t.Run("without a releaser it waits", func(t *testing.T) {
		w, h := endingWorld(t, func(c *Config) { c.Releaser = nil })
		w.populated(t, h, "t1", "acme.com", 1)
		w.begin(t, Ending{Kind: EndingRemove})
		require.NoError(t, w.store.DeleteSCIMUser(t.Context(), "t1", "scim-t1-p000", 0))
		_, err := w.ContinueEnding(t.Context(), "t1")
		require.Equal(t, ErrorCodeDeprovisioning, CodeOf(err))
		require.Equal(t, 3, w.holdings(t, "t1")[store.KindAccount], "nothing of the page was done")
		a, err := w.store.Account(t.Context(), "t1", "t1-p000")
		require.NoError(t, err)
		a.Active = false // provisioning has caught up
		_, err = w.store.UpdateAccount(t.Context(), "t1", a)
		require.NoError(t, err)
		_, err = w.RunEndings(t.Context())
		require.NoError(t, err)
		require.NotContains(t, w.holdings(t, "t1"), store.KindAccount)
	})
}

func TestSuspensionOfATenant(t *testing.T) {
	w, h := endingWorld(t)
	c := w.populated(t, h, "t1", "acme.com", 60)
	p := w.begin(t, Ending{Kind: EndingSuspend, Offer: OfferPasswordReset, Reason: "unpaid"})
	require.Equal(t, []EndedRecord{{ID: c.ID, Name: "Acme login", From: "active", To: "suspended"}}, p.Connections)
	require.Equal(t, "takes away only", p.Directories[0].To)
	require.Empty(t, p.Domains)
	require.Empty(t, p.Removes)
	_, err := w.RealmOf(t.Context(), "x@acme.com")
	require.ErrorIs(t, err, store.ErrNotFound, "sign-in stops at once")
	refusal, err := CheckDirectory(t.Context(), w.store, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, ErrorCodeTenantSuspended, refusal.Code)
	require.Empty(t, h.offered, "offers are made in pages")
	n, err := w.RunEndings(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Len(t, h.offered, 62)
	require.Contains(t, h.offered, "t1-linked:password_reset")
	n, err = w.RunEndings(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	require.Len(t, h.offered, 62, "once")

	got, err := w.Connection(t.Context(), owner, "t1", c.ID)
	require.NoError(t, err)
	w.refusedWith(t, "t1", ErrorCodeTenantSuspended, func() error {
		_, err := w.Activate(t.Context(), owner, "t1", c.ID, got.Version, Activation{})
		return err
	})
	w.refusedWith(t, "t1", ErrorCodeTenantSuspended, func() error {
		_, err := w.CreateSetupLink(t.Context(), owner, "t1", NewSetupLink{Name: "Ida", Intents: []Intent{IntentSSO}})
		return err
	})
	require.NoError(t, w.ResumeTenant(t.Context(), owner, "t1", "paid"))
	require.NoError(t, w.ResumeTenant(t.Context(), owner, "t1", "paid"), "again is no mistake")
	_, err = w.Activate(t.Context(), owner, "t1", c.ID, got.Version, Activation{})
	require.NoError(t, err)
	refusal, err = CheckDirectory(t.Context(), w.store, "t1", c.ID)
	require.NoError(t, err)
	require.Nil(t, refusal)
}

func TestSessionsAreKeptByChoice(t *testing.T) {
	for _, keep := range []bool{false, true} {
		w, h := endingWorld(t)
		w.populated(t, h, "t1", "acme.com", 1)
		w.begin(t, Ending{Kind: EndingSuspend, KeepSessions: keep})
		events, err := w.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: "connection.suspended"})
		require.NoError(t, err)
		require.Len(t, events, 1)
		want := ""
		if keep {
			want = "sessions_kept"
		}
		require.Equal(t, want, events[0].Code)
	}
}

func TestEndingsAreRefused(t *testing.T) {
	w, h := endingWorld(t)
	w.populated(t, h, "t1", "acme.com", 2)
	apply := func(actor Actor, e Ending, hash string) func() error {
		return func() error {
			_, err := w.ApplyEnding(t.Context(), actor, "t1", e, hash)
			return err
		}
	}
	w.refusedWith(t, "t1", "forbidden", apply(stranger, Ending{Kind: EndingRemove}, ""))
	w.refusedWith(t, "t1", "forbidden", apply(staff, Ending{Kind: EndingSuspend}, ""))
	w.refusedWith(t, "t1", CodeEndingInvalid, apply(owner, Ending{Kind: "explode"}, ""))
	w.refusedWith(t, "t1", CodeEndingInvalid, apply(owner, Ending{Kind: EndingRemove, Offer: "cake"}, ""))
	w.refusedWith(t, "t1", CodeEndingInvalid, apply(owner, Ending{Kind: EndingSuspend, TakeMemberships: true}, ""))
	w.refusedWith(t, "t1", CodeEndingInvalid, apply(owner, Ending{Kind: EndingDowngrade, Offer: OfferInvitation}, ""))
	w.refusedWith(t, "t1", ErrorCodePlanStale, apply(owner, Ending{Kind: EndingRemove}, "made up"))

	plan := w.planned(t, Ending{Kind: EndingRemove})
	w.refusedWith(t, "t1", ErrorCodePlanStale, apply(owner, Ending{Kind: EndingRemove, KeepSessions: true}, plan.Hash))
	again := w.planned(t, Ending{Kind: EndingRemove, Confirm: true, Reason: "because"})
	require.Equal(t, plan.Hash, again.Hash, "reason and confirmation come after the plan was seen")
	h.people["t1-jit"] = Person{AccountID: "t1-jit", Active: true, LocalCredential: true}
	err := apply(owner, Ending{Kind: EndingRemove}, plan.Hash)()
	stale, ok := errors.AsType[*StaleEndingError](err)
	require.True(t, ok)
	require.ErrorIs(t, err, store.ErrStale)
	require.Equal(t, 2, stale.Plan.Totals.By[EffectKeeps], "the error has the present plan")

	h.people["t1-owner"] = Person{AccountID: "t1-owner", Active: true, Owner: true}
	plan = w.planned(t, Ending{Kind: EndingRemove})
	require.False(t, plan.Ready())
	w.refusedWith(t, "t1", CodeOwnersLockedOut, apply(owner, Ending{Kind: EndingRemove}, plan.Hash))
	require.NoError(t, apply(owner, Ending{Kind: EndingRemove, Confirm: true}, plan.Hash)())
	w.refusedWith(t, "t1", ErrorCodeTenantRemoved, apply(owner, Ending{Kind: EndingRemove, Confirm: true}, plan.Hash))
	w.refusedWith(t, "t1", ErrorCodeTenantRemoved, func() error {
		d := acme()
		d.Domains = []string{"acme.org"}
		_, _, err := w.CreateDraft(t.Context(), owner, "t1", d)
		return err
	})
	w.refusedWith(t, "t1", ErrorCodeState, func() error { return w.ResumeTenant(t.Context(), owner, "t1", "") })

	t.Run("without hooks", func(t *testing.T) {
		w := newWorld(t)
		w.active(t, "t1", acme())
		for code, e := range map[string]Ending{
			CodeOfferUnsupported: {Kind: EndingRemove, Offer: OfferInvitation},
			CodeTakeUnsupported:  {Kind: EndingRemove, TakeMemberships: true},
		} {
			hash := w.planned(t, e).Hash
			w.refusedWith(t, "t1", code, func() error {
				_, err := w.ApplyEnding(t.Context(), owner, "t1", e, hash)
				return err
			})
		}
	})
	t.Run("a host that fails undoes the page", func(t *testing.T) {
		w, h := endingWorld(t)
		w.populated(t, h, "t1", "acme.com", 2)
		w.begin(t, Ending{Kind: EndingRemove, Offer: OfferInvitation})
		before := w.holdings(t, "t1")
		h.fails = errors.New("mail is down")
		_, err := w.ContinueEnding(t.Context(), "t1")
		require.ErrorIs(t, err, h.fails)
		require.Equal(t, before, w.holdings(t, "t1"))
	})
}

func TestForgetRemoved(t *testing.T) {
	w, h := endingWorld(t, func(c *Config) { c.KeepRemoved = 90 * day })
	w.populated(t, h, "t1", "acme.com", 2)
	w.populated(t, h, "t2", "beta.com", 2)
	other := w.everything(t, "t2")
	w.begin(t, Ending{Kind: EndingRemove, Reason: "they left"})
	_, err := w.RunEndings(t.Context())
	require.NoError(t, err)
	w.pass(89 * day)
	n, err := w.ForgetRemoved(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	w.pass(2 * day)
	n, err = w.ForgetRemoved(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, map[store.RecordKind]int{store.KindEvent: 1, store.KindLifecycle: 1}, w.holdings(t, "t1"))
	all, err := w.store.Events(t.Context(), "t1", store.EventQuery{})
	require.NoError(t, err)
	data, err := json.Marshal(all)
	require.NoError(t, err)
	require.Contains(t, string(data), "tenant.forgotten")
	require.NotContains(t, string(data), "they left")
	require.NotContains(t, string(data), "acme")
	n, err = w.ForgetRemoved(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "once")
	require.Equal(t, other, w.everything(t, "t2"))
}

func TestAPlanOfAnEndingHasNoSideEffects(t *testing.T) {
	w, h := endingWorld(t)
	w.populated(t, h, "t1", "acme.com", 5)
	before := w.everything(t, "t1")
	for _, e := range []Ending{{Kind: EndingSuspend}, {Kind: EndingRemove, Offer: OfferInvitation}, {Kind: EndingDowngrade}} {
		first := w.planned(t, e)
		w.pass(time.Hour)
		require.Equal(t, first.Hash, w.planned(t, e).Hash, "the same snapshot gives the same plan")
	}
	require.Equal(t, before, w.everything(t, "t1"))
	require.Empty(t, h.offered)
	require.Empty(t, h.released)
}

// slowly is a host that does something while it is asked for its people.
type slowly struct {
	*town
	meanwhile func()
}

func (h *slowly) People(ctx context.Context, tenantID string, ids []string) ([]Person, error) {
	if f := h.meanwhile; f != nil {
		h.meanwhile = nil
		f()
	}
	return h.town.People(ctx, tenantID, ids)
}

// TestEndingHoldsToItsPlan: R50. What comes into force while the plan is compared is not ended unseen.
func TestEndingHoldsToItsPlan(t *testing.T) {
	t.Parallel()
	host := &slowly{}
	w, h := endingWorld(t, func(c *Config) { c.People = host })
	host.town = h
	w.populated(t, h, "t1", "acme.com", 2)
	second := w.approved(t, "t1", Draft{Domains: []string{"beta.com"}, Authority: "https://login.acme.com", ClientID: "c", ClientSecret: NewSecret(testSecret)})
	w.prove(t, "t1", second)
	second = w.tested(t, "t1", second)
	for _, e := range []Ending{{Kind: EndingSuspend}, {Kind: EndingRemove}} {
		hash := w.planned(t, e).Hash
		host.meanwhile = func() {
			var err error
			second, err = w.Activate(t.Context(), owner, "t1", second.ID, second.Version, Activation{})
			require.NoError(t, err)
		}
		_, err := w.ApplyEnding(t.Context(), owner, "t1", e, hash)
		var stale *StaleEndingError
		require.ErrorAs(t, err, &stale)
		require.Equal(t, ErrorCodePlanStale, CodeOf(err))
		require.Equal(t, w.planned(t, e), stale.Plan)
		require.Equal(t, store.ConnectionActive, w.stored(t, second.ID).State)
		require.Zero(t, w.of(t, "t1", "tenant.suspended"))
		second, err = w.Suspend(t.Context(), owner, "t1", second.ID, second.Version, "")
		require.NoError(t, err)
	}
	w.begin(t, Ending{Kind: EndingSuspend})
}
