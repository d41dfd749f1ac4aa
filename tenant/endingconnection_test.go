package tenant

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func suspension(c Connection) Ending { return Ending{Kind: EndingSuspend, ConnectionID: c.ID} }

// TestSuspensionOfAConnection: R50. What the suspension of one connection means for people is seen before, is done only as it
// was seen, and offers those who lose every way in another one, once each, also after a crash. Staff may as owners may.
func TestSuspensionOfAConnection(t *testing.T) {
	t.Parallel()
	for _, actor := range []Actor{owner, staff} {
		w, h := endingWorld(t)
		ctx := t.Context()
		c := w.populated(t, h, "t1", "acme.com", 60)
		w.populated(t, h, "t2", "beta.com", 2)
		w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, func() error {
			_, err := w.Suspend(ctx, actor, "t1", c.ID, c.Version, "without a look")
			return err
		})

		e := suspension(c)
		e.Offer, e.Reason = OfferPasswordReset, "the provider is moved"
		p, err := w.PlanEnding(ctx, actor, "t1", e)
		require.NoError(t, err)
		require.True(t, p.Ready())
		require.Equal(t, []EndedRecord{{ID: c.ID, Name: "Acme login", From: "active", To: "suspended"}}, p.Connections)
		require.Equal(t, "takes away only", p.Directories[0].To)
		require.Empty(t, p.Domains)
		require.Empty(t, p.Removes)
		require.Equal(t, EndingTotals{People: 63, By: map[Effect]int{EffectLoses: 62, EffectKeeps: 1}, Owners: 1, BreakGlass: 1, Grants: 60, Offered: 62}, p.Totals)
		require.Equal(t, EffectLoses, p.People[0].Effect)
		codes := codes(p.Findings, SeverityWarning)
		require.Contains(t, codes, CodePeopleLockedOut)

		// Between look and click somebody got a password: the new plan comes back, and nothing else happens.
		h.people["t1-jit"] = Person{AccountID: "t1-jit", Active: true, LocalCredential: true, Email: "t1-jit@acme.com"}
		w.refusedWith(t, "t1", ErrorCodePlanStale, func() error {
			_, err := w.ApplyEnding(ctx, actor, "t1", e, p.Hash)
			stale, ok := errors.AsType[*StaleEndingError](err)
			require.True(t, ok)
			require.Equal(t, 61, stale.Plan.Totals.By[EffectLoses])
			p = stale.Plan
			return err
		})
		_, err = w.ApplyEnding(ctx, actor, "t1", e, p.Hash)
		require.NoError(t, err)
		got, err := w.Connection(ctx, owner, "t1", c.ID)
		require.NoError(t, err)
		require.Equal(t, store.ConnectionSuspended, got.State)
		_, err = w.RealmOf(ctx, "x@acme.com")
		require.ErrorIs(t, err, store.ErrNotFound, "sign-in stops at once")
		events, err := w.store.Events(ctx, "t1", store.EventQuery{TypePrefix: "connection.suspended"})
		require.NoError(t, err)
		require.Len(t, events, 1)
		require.Equal(t, "the provider is moved", events[0].Message)
		require.Equal(t, string(actor.Kind), events[0].Actor.Kind)
		l, err := w.store.Lifecycle(ctx, "t1")
		require.NoError(t, err)
		require.Equal(t, store.ServiceOn, l.State, "the rest of the tenant goes on")

		n, err := w.RunEndings(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Len(t, h.offered, 61)
		n, err = w.RunEndings(ctx)
		require.NoError(t, err)
		require.Zero(t, n)
		require.Len(t, h.offered, 61, "once")
		require.NotContains(t, h.offered, "t1-jit:password_reset")
		require.Contains(t, w.events(t, "t1", 0), "connection.offers_made")
		l, err = w.store.Lifecycle(ctx, "t1")
		require.NoError(t, err)
		require.Empty(t, l.Work)
		_, err = w.Activate(ctx, owner, "t1", c.ID, got.Version, Activation{})
		require.NoError(t, err)
	}
}

// TestSuspensionLooksForAnotherWay: who can sign in at another connection of the tenant, or with a password, loses nothing, and
// who does not use the connection is not asked about. A suspension that takes nobody's last way in needs no plan.
func TestSuspensionLooksForAnotherWay(t *testing.T) {
	t.Parallel()
	w, h := endingWorld(t)
	ctx, now := t.Context(), w.clock()
	first, second := w.twoConnections(t)
	meta := func(id string) store.Meta { return store.Meta{ID: id, CreatedAt: now, UpdatedAt: now} }
	person := func(id, email string, source store.AccountSource, at ...Connection) {
		_, err := w.store.CreateAccount(ctx, "t1", store.Account{Meta: meta(id), Source: source, Active: true, Email: email})
		require.NoError(t, err)
		for _, c := range at {
			_, err := w.store.CreateIdentity(ctx, "t1", store.Identity{Meta: meta(id + "-" + c.ID), ConnectionID: c.ID, Issuer: c.Issuer, Subject: id, AccountID: id, Email: email})
			require.NoError(t, err)
		}
		h.people[id] = Person{AccountID: id, Email: email, Active: true}
	}
	person("shared", "shared@acme.com", store.SourceOIDC, first)
	person("outside", "outside@elsewhere.example", store.SourceOIDC, first)
	person("both", "both@elsewhere.example", store.SourceOIDC, first, second)
	person("other", "other@elsewhere.example", store.SourceOIDC, second)
	person("manual", "manual@acme.com", store.SourceManual)
	person("gone", "gone@elsewhere.example", store.SourceOIDC, first)
	delete(h.people, "gone")
	effects := func(c Connection) map[string]Effect {
		out := map[string]Effect{}
		for _, p := range w.planned(t, suspension(c)).People {
			out[p.AccountID] = p.Effect
		}
		return out
	}
	require.Equal(t, map[string]Effect{
		"shared": EffectKeeps, "outside": EffectLoses, "both": EffectKeeps, "other": EffectNone, "manual": EffectNone, "gone": EffectNone,
	}, effects(first))
	require.Equal(t, EffectLoses, effects(second)["other"])
	require.Equal(t, EffectNone, effects(second)["outside"])

	require.NoError(t, w.store.DeleteIdentity(ctx, "t1", "outside-"+first.ID))
	_, err := w.Suspend(ctx, owner, "t1", first.ID, first.Version, "nobody needs it")
	require.NoError(t, err, "nobody loses anything")
	require.Equal(t, EffectLoses, effects(second)["shared"], "the first is no way in any more")
	second, err = w.Connection(ctx, owner, "t1", second.ID)
	require.NoError(t, err)
	w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, func() error {
		_, err := w.Suspend(ctx, owner, "t1", second.ID, second.Version, "")
		return err
	})
	for id, p := range h.people {
		p.LocalCredential = true
		h.people[id] = p
	}
	_, err = w.Suspend(ctx, owner, "t1", second.ID, second.Version, "")
	require.NoError(t, err)

	t.Run("a host that does not tell", func(t *testing.T) {
		w := newWorld(t)
		c := w.active(t, "t1", acme())
		_, err := w.store.CreateIdentity(ctx, "t1", store.Identity{Meta: meta("l"), ConnectionID: c.ID, Issuer: c.Issuer, Subject: "s", AccountID: "who", Email: "who@acme.com"})
		require.NoError(t, err)
		p := w.planned(t, suspension(c))
		require.Equal(t, map[Effect]int{EffectUnknown: 1}, p.Totals.By)
		w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, func() error {
			_, err := w.Suspend(ctx, owner, "t1", c.ID, c.Version, "")
			return err
		})
		w.begin(t, suspension(c))
	})
}

// TestSuspensionInAnEmergency: without a plan nobody is asked, neither the host nor the list of people; the journal tells. What
// people are offered is found out afterwards.
func TestSuspensionInAnEmergency(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{false, true} {
		down := &silentPeople{}
		w, h := endingWorld(t, func(c *Config) { down.host, c.People = c.People, down })
		ctx := t.Context()
		c := w.populated(t, h, "t1", "acme.com", 3)
		h.people["t1-owner"] = Person{AccountID: "t1-owner", Active: true, Owner: true}
		down.err = errors.New("the host's database does not answer")
		e := Ending{Kind: EndingSuspend, Unplanned: true, Offer: OfferPasswordReset, Reason: "the provider was taken over"}
		if !whole {
			e.ConnectionID = c.ID
		}
		_, err := w.PlanEnding(ctx, owner, "t1", e)
		require.ErrorIs(t, err, down.err)
		p, err := w.ApplyEnding(ctx, owner, "t1", e, "")
		require.NoError(t, err)
		require.Empty(t, p.Hash)
		require.Zero(t, p.Totals.People)
		require.Equal(t, []EndedRecord{{ID: c.ID, Name: "Acme login", From: "active", To: "suspended"}}, p.Connections)
		_, err = w.RealmOf(ctx, "x@acme.com")
		require.ErrorIs(t, err, store.ErrNotFound)
		events, err := w.store.Events(ctx, "t1", store.EventQuery{TypePrefix: "connection.suspended"})
		require.NoError(t, err)
		require.Equal(t, "Without a plan. the provider was taken over", events[0].Message)
		_, err = w.RunEndings(ctx)
		require.ErrorIs(t, err, down.err)
		down.err = nil
		w.pass(endingLease + time.Second)
		_, err = w.RunEndings(ctx)
		require.NoError(t, err)
		require.Len(t, h.offered, 6, "everybody, the owner too")
	}
}

// silentPeople does not tell anything while err is set.
type silentPeople struct {
	host People
	err  error
}

func (p *silentPeople) People(ctx context.Context, tenantID string, ids []string) ([]Person, error) {
	if p.err != nil {
		return nil, p.err
	}
	return p.host.People(ctx, tenantID, ids)
}

func (p *silentPeople) OfferWayIn(ctx context.Context, tx store.Store, tenantID string, to Person, o Offer) error {
	return p.host.OfferWayIn(ctx, tx, tenantID, to, o)
}

// TestSuspensionOfAnEnforcedConnection: sign-in there was the only way, and is not afterwards. The plan says for whom.
func TestSuspensionOfAnEnforcedConnection(t *testing.T) {
	t.Parallel()
	w, _ := endingWorld(t)
	first, second := w.twoConnections(t)
	enforced := func(c Connection, on bool) {
		r := w.stored(t, c.ID)
		r.Enforced = on
		_, err := w.store.UpdateConnection(t.Context(), "t1", r)
		require.NoError(t, err)
	}
	told := func(e Ending) []string {
		for _, f := range w.planned(t, e).Findings {
			if f.Code == CodeEnforcementEnds {
				return []string{f.Message}
			}
		}
		return nil
	}
	require.Empty(t, told(suspension(first)), "it is no only way")
	enforced(first, true)
	require.Equal(t, []string{"Sign-in at the provider is not the only way for people of acme.com, ops.example any more: whoever has a password can use it."}, told(suspension(first)))
	require.Empty(t, told(suspension(second)))
	require.NotEmpty(t, told(Ending{Kind: EndingSuspend}))
	enforced(second, true)
	require.Empty(t, told(suspension(first)), "the other one still is")
	require.NotEmpty(t, told(Ending{Kind: EndingSuspend}))
}

// TestDeletionOfAConnection: R50. A connection that was in force goes as planned: what of it goes is listed, and who has no
// other way in is not forgotten because it was suspended before.
func TestDeletionOfAConnection(t *testing.T) {
	t.Parallel()
	w, h := endingWorld(t)
	ctx := t.Context()
	c := w.populated(t, h, "t1", "acme.com", 3)
	remove := Ending{Kind: EndingRemove, ConnectionID: c.ID, Reason: "another provider"}
	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, err := w.PlanEnding(ctx, owner, "t1", remove)
		return err
	})
	w.begin(t, suspension(c))
	c, err := w.Connection(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, func() error { return w.Delete(ctx, owner, "t1", c.ID, c.Version) })
	w.refusedWith(t, "t1", "forbidden", func() error {
		_, err := w.PlanEnding(ctx, stranger, "t1", remove)
		return err
	})
	p := w.planned(t, remove)
	require.Equal(t, []EndedRecord{{ID: c.ID, Name: "Acme login", From: "suspended", To: "deleted"}}, p.Connections)
	require.Equal(t, "off", p.Directories[0].To)
	require.Equal(t, "acme.com", p.Domains[0].Name)
	require.Equal(t, "free", p.Domains[0].To)
	require.Equal(t, map[store.RecordKind]int{store.KindIdentity: 6}, p.Removes)
	require.Equal(t, map[Effect]int{EffectLoses: 5, EffectKeeps: 1}, p.Totals.By)
	require.Subset(t, codes(p.Findings, SeverityWarning), []string{CodePeopleLockedOut, CodeDirectoryStops})
	_, err = w.ApplyEnding(ctx, owner, "t1", remove, p.Hash)
	require.NoError(t, err)
	_, err = w.Connection(ctx, owner, "t1", c.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NotContains(t, w.holdings(t, "t1"), store.KindIdentity)
	require.Equal(t, 5, w.holdings(t, "t1")[store.KindAccount], "accounts stay")
	events, err := w.store.Events(ctx, "t1", store.EventQuery{TypePrefix: "connection.deleted"})
	require.NoError(t, err)
	require.Equal(t, "another provider", events[0].Message)

	d := w.draft(t, "t3", acme())
	require.NoError(t, w.Delete(ctx, owner, "t3", d.ID, d.Version), "one that never was in force needs no plan")
}

func TestEndingsOfAConnectionAreRefused(t *testing.T) {
	t.Parallel()
	w, h := endingWorld(t)
	ctx := t.Context()
	c := w.populated(t, h, "t1", "acme.com", 2)
	foreign := w.populated(t, h, "t2", "beta.com", 2)
	apply := func(actor Actor, e Ending, hash string) func() error {
		return func() error {
			_, err := w.ApplyEnding(ctx, actor, "t1", e, hash)
			return err
		}
	}
	for _, e := range []Ending{
		{Kind: EndingDowngrade, ConnectionID: c.ID},
		{Kind: EndingRemove, ConnectionID: c.ID, Offer: OfferInvitation},
		{Kind: EndingRemove, ConnectionID: c.ID, TakeMemberships: true},
		{Kind: EndingRemove, ConnectionID: c.ID, Unplanned: true},
		{Kind: EndingRemove, Unplanned: true},
		{Kind: EndingDowngrade, Unplanned: true},
	} {
		w.refusedWith(t, "t1", CodeEndingInvalid, apply(owner, e, ""))
	}
	for _, unplanned := range []bool{false, true} {
		for id, code := range map[string]string{foreign.ID: "not_found", "nothing": "not_found"} {
			w.refusedWith(t, "t1", code, apply(owner, Ending{Kind: EndingSuspend, ConnectionID: id, Unplanned: unplanned}, ""))
		}
		w.refusedWith(t, "t1", "forbidden", apply(stranger, Ending{Kind: EndingSuspend, ConnectionID: c.ID, Unplanned: unplanned}, ""))
	}
	w.refusedWith(t, "t1", ErrorCodePlanStale, apply(owner, suspension(c), ""))
	whole := w.planned(t, Ending{Kind: EndingSuspend})
	w.refusedWith(t, "t1", ErrorCodePlanStale, apply(owner, suspension(c), whole.Hash))
	h.people["t1-owner"] = Person{AccountID: "t1-owner", Active: true, Owner: true}
	p := w.planned(t, suspension(c))
	w.refusedWith(t, "t1", CodeOwnersLockedOut, apply(owner, suspension(c), p.Hash))
	sure := suspension(c)
	sure.Confirm = true
	require.NoError(t, apply(owner, sure, p.Hash)())
	w.refusedWith(t, "t1", ErrorCodeState, apply(owner, sure, p.Hash))

	t.Run("without hooks", func(t *testing.T) {
		w := newWorld(t)
		c := w.active(t, "t1", acme())
		for _, unplanned := range []bool{false, true} {
			e := suspension(c)
			e.Offer, e.Unplanned = OfferInvitation, unplanned
			p := w.planned(t, e)
			w.refusedWith(t, "t1", CodeOfferUnsupported, func() error {
				_, err := w.ApplyEnding(ctx, owner, "t1", e, p.Hash)
				return err
			})
		}
	})
}

// TestOffersOfASuspensionGoOn: after a crash at any write, and while the whole tenant is suspended and resumed, everybody is
// offered something once; nobody is any more once the connection is in force again.
func TestOffersOfASuspensionGoOn(t *testing.T) {
	t.Parallel()
	t.Run("crashes", func(t *testing.T) {
		for crash := 1; ; crash++ {
			require.Less(t, crash, 20)
			broken := &crashing{}
			w, h := endingWorld(t, func(c *Config) { broken.Store, c.Store = c.Store, broken })
			c := w.populated(t, h, "t1", "acme.com", 120)
			e := suspension(c)
			e.Offer = OfferInvitation
			w.begin(t, e)
			broken.left = crash
			_, err := w.RunEndings(t.Context())
			broken.left = 0
			done := err == nil
			w.pass(endingLease + time.Second)
			_, err = w.RunEndings(t.Context())
			require.NoError(t, err)
			l, err := w.store.Lifecycle(t.Context(), "t1")
			require.NoError(t, err)
			require.Empty(t, l.Work)
			events, err := w.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: "connection.offers_made"})
			require.NoError(t, err)
			require.Len(t, events, 1)
			require.JSONEq(t, `{"offered":122}`, string(events[0].After), "of what was committed each counts once")
			if done {
				require.Greater(t, crash, 3)
				return
			}
		}
	})
	t.Run("the tenant is suspended and resumed meanwhile", func(t *testing.T) {
		w, h := endingWorld(t)
		c := w.populated(t, h, "t1", "acme.com", 60)
		e := suspension(c)
		e.Offer = OfferInvitation
		w.begin(t, e)
		progress, err := w.ContinueEnding(t.Context(), "t1")
		require.NoError(t, err)
		require.False(t, progress.Done)
		w.begin(t, Ending{Kind: EndingSuspend})
		require.NoError(t, w.ResumeTenant(t.Context(), owner, "t1", ""))
		w.begin(t, Ending{Kind: EndingSuspend})
		_, err = w.RunEndings(t.Context())
		require.NoError(t, err)
		require.Len(t, h.offered, 62)
	})
	t.Run("the connection is in force again", func(t *testing.T) {
		w, h := endingWorld(t)
		c := w.populated(t, h, "t1", "acme.com", 60)
		e := suspension(c)
		e.Offer = OfferInvitation
		w.begin(t, e)
		_, err := w.ContinueEnding(t.Context(), "t1")
		require.NoError(t, err)
		made := len(h.offered)
		c, err = w.Connection(t.Context(), owner, "t1", c.ID)
		require.NoError(t, err)
		_, err = w.Activate(t.Context(), owner, "t1", c.ID, c.Version, Activation{})
		require.NoError(t, err)
		_, err = w.RunEndings(t.Context())
		require.NoError(t, err)
		require.Len(t, h.offered, made)
		l, err := w.store.Lifecycle(t.Context(), "t1")
		require.NoError(t, err)
		require.Empty(t, l.Work)
	})
}
