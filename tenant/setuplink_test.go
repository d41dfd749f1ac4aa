package tenant

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/store/storetest"
)

func linkWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	return newWorld(t, append(change, func(c *Config) { c.SetupLinkBaseURL = "https://app.example.com/setup/" })...)
}

func (w *world) link(t testing.TB, tenantID string, intents ...Intent) CreatedSetupLink {
	t.Helper()
	l, err := w.CreateSetupLink(t.Context(), owner, tenantID, NewSetupLink{Name: "Ida of IT", Email: "ida@acme.com", Intents: intents})
	require.NoError(t, err)
	return l
}

// open opens a link in a browser that has nothing of it yet.
func (w *world) open(t testing.TB, tenantID string, l CreatedSetupLink) (SetupSession, Secret) {
	t.Helper()
	p, err := w.PeekSetupLink(t.Context(), tenantID, l.Token, Secret{})
	require.NoError(t, err)
	s, err := w.OpenSetupLink(t.Context(), tenantID, l.Token, p.Browser)
	require.NoError(t, err)
	return s, p.Browser
}

func (w *world) listed(t testing.TB, tenantID, id string) SetupLink {
	t.Helper()
	page, err := w.SetupLinks(t.Context(), owner, tenantID, "", 0)
	require.NoError(t, err)
	for _, l := range page.Links {
		if l.ID == id {
			return l
		}
	}
	require.Fail(t, "no such link")
	return SetupLink{}
}

// TestSetupLinkStory is an administrator without an account who fills in the request.
func TestSetupLinkStory(t *testing.T) {
	w := linkWorld(t)
	ctx := t.Context()
	created := w.link(t, "t1", IntentSSO)
	require.Equal(t, "REDACTED", fmt.Sprintf("%v", created.Token))
	require.NotContains(t, fmt.Sprintf("%+v", created), created.Token.Reveal())
	require.True(t, strings.HasPrefix(created.Token.Reveal(), SetupLinkPrefix))
	require.Equal(t, "https://app.example.com/setup/t1/"+created.Token.Reveal(), created.URL.Reveal())
	require.Equal(t, SetupLinkWaiting, created.State)
	require.Equal(t, w.clock().Add(DefaultSetupOpenWithin), created.ExpiresAt)

	var peek SetupLinkPeek
	for range 30 { // mail scanners
		var err error
		peek, err = w.PeekSetupLink(ctx, "t1", created.Token, Secret{})
		require.NoError(t, err)
		require.Equal(t, []Intent{IntentSSO}, peek.Link.Intents)
	}
	require.Equal(t, created.SetupLink, w.listed(t, "t1", created.ID), "looking changes nothing")

	w.pass(6 * day)
	s, err := w.OpenSetupLink(ctx, "t1", created.Token, peek.Browser)
	require.NoError(t, err)
	require.Equal(t, ActorSetupLink, s.Actor.Kind)
	require.Equal(t, "Ida of IT", s.Actor.Name)
	require.Equal(t, w.clock().Add(DefaultSetupSessionTTL), s.Link.ExpiresAt, "the second clock")
	got, ok := s.Actor.SetupLink()
	require.True(t, ok)
	require.Equal(t, "owner@acme.com", got.CreatedBy.Name)

	w.pass(time.Hour)
	s, err = w.SetupLinkSession(ctx, "t1", peek.Browser)
	require.NoError(t, err)
	c, _, err := w.CreateDraft(ctx, s.Actor, "t1", acme())
	require.NoError(t, err)
	_, err = w.SetupLinks(ctx, s.Actor, "t1", "", 0)
	require.ErrorIs(t, err, ErrForbidden)
	used := w.listed(t, "t1", created.ID)
	require.Equal(t, SetupLinkOpen, used.State)
	require.Equal(t, 1, used.Opens)
	require.Equal(t, w.clock(), used.LastUsedAt)

	_, _, err = w.Submit(ctx, s.Actor, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Equal(t, SetupLinkCompleted, w.listed(t, "t1", created.ID).State)
	_, err = w.SetupLinkSession(ctx, "t1", peek.Browser)
	require.ErrorIs(t, err, ErrBadSetupLink)
	require.Equal(t, ErrorCodeSetupCompleted, CodeOf(err))
	_, err = w.Connection(ctx, s.Actor, "t1", c.ID)
	require.ErrorIs(t, err, ErrBadSetupLink, "an actor from before the end is nobody any more")
	_, err = w.PeekSetupLink(ctx, "t1", created.Token, peek.Browser)
	require.ErrorIs(t, err, ErrBadSetupLink)

	require.Equal(t, []string{
		"setup_link.created", "setup_link.opened", "connection.created", "domain.added", "domain.added", "connection.submitted", "setup_link.completed",
	}, w.events(t, "t1", 0))
	events, err := w.store.Events(ctx, "t1", store.EventQuery{})
	require.NoError(t, err)
	for _, e := range events[1:] {
		require.Equal(t, store.EventActor{Kind: "setup_link", ID: created.ID, Name: "Ida of IT"}, e.Actor)
	}
	for _, e := range events {
		for _, secret := range []string{created.Token.Reveal(), peek.Browser.Reveal()} {
			require.NotContains(t, string(e.Before)+string(e.After)+e.Message, secret)
		}
	}
}

// TestSetupLinkTellsNothing gives each way of using a link every reason to refuse it: all look alike.
func TestSetupLinkTellsNothing(t *testing.T) {
	token := func(l CreatedSetupLink) Secret { return l.Token }
	for name, prepare := range map[string]func(w *world, l CreatedSetupLink) (tenantID string, presented Secret){
		"unknown": func(*world, CreatedSetupLink) (string, Secret) {
			other, err := newAPIKey(SetupLinkPrefix)
			require.NoError(t, err)
			return "t1", other
		},
		"empty":     func(*world, CreatedSetupLink) (string, Secret) { return "t1", Secret{} },
		"malformed": func(_ *world, l CreatedSetupLink) (string, Secret) { return "t1", NewSecret(l.Token.Reveal() + "x") },
		"mistyped": func(_ *world, l CreatedSetupLink) (string, Secret) {
			return "t1", NewSecret(strings.ToUpper(l.Token.Reveal()))
		},
		"long":    func(*world, CreatedSetupLink) (string, Secret) { return "t1", NewSecret(strings.Repeat("tgl_", 1<<18)) },
		"foreign": func(_ *world, l CreatedSetupLink) (string, Secret) { return "t2", l.Token },
		"no ID":   func(_ *world, l CreatedSetupLink) (string, Secret) { return "a/b", l.Token },
		"API key": func(*world, CreatedSetupLink) (string, Secret) {
			key, err := newAPIKey(DefaultAPIKeyPrefix)
			require.NoError(t, err)
			return "t1", key
		},
		"expired": func(w *world, l CreatedSetupLink) (string, Secret) {
			w.pass(DefaultSetupOpenWithin)
			return "t1", token(l)
		},
		"revoked": func(w *world, l CreatedSetupLink) (string, Secret) {
			_, err := w.RevokeSetupLink(t.Context(), owner, "t1", l.ID)
			require.NoError(t, err)
			return "t1", token(l)
		},
		"completed": func(w *world, l CreatedSetupLink) (string, Secret) {
			s, _ := w.open(t, "t1", l)
			require.NoError(t, w.CompleteSetupLink(t.Context(), s.Actor))
			require.NoError(t, w.CompleteSetupLink(t.Context(), s.Actor), "twice")
			return "t1", token(l)
		},
		"in another browser": func(w *world, l CreatedSetupLink) (string, Secret) { w.open(t, "t1", l); return "t1", token(l) },
		"plan lapsed":        func(w *world, l CreatedSetupLink) (string, Secret) { w.plan.SSO = false; return "t1", token(l) },
		"organisation gone":  func(w *world, l CreatedSetupLink) (string, Secret) { w.gone["t1"] = true; return "t1", token(l) },
	} {
		t.Run(name, func(t *testing.T) {
			w := linkWorld(t)
			l := w.link(t, "t1", IntentSSO)
			first, err := w.PeekSetupLink(t.Context(), "t1", l.Token, Secret{})
			require.NoError(t, err)
			tenantID, presented := prepare(w, l)
			stored := w.rawLink(t, l.ID)
			_, err = w.PeekSetupLink(t.Context(), tenantID, presented, first.Browser)
			require.Equal(t, ErrBadSetupLink, err)
			_, err = w.OpenSetupLink(t.Context(), tenantID, presented, first.Browser)
			require.Equal(t, ErrBadSetupLink, err)
			_, err = w.SetupLinkSession(t.Context(), tenantID, first.Browser)
			require.Equal(t, ErrBadSetupLink, err)
			require.Equal(t, "setup_link_invalid", CodeOf(err))
			require.Equal(t, stored, w.rawLink(t, l.ID))
		})
	}
}

func (w *world) rawLink(t testing.TB, id string) store.SetupLink {
	t.Helper()
	l, err := w.store.(store.SetupLinkStore).SetupLink(t.Context(), "t1", id)
	require.NoError(t, err)
	return l
}

func TestSetupLinkNeedsTheCookie(t *testing.T) {
	w := linkWorld(t)
	ctx := t.Context()
	l, other := w.link(t, "t1", IntentDomains), w.link(t, "t1", IntentDomains)
	planted, err := w.PeekSetupLink(ctx, "t1", other.Token, Secret{})
	require.NoError(t, err)
	good, err := w.PeekSetupLink(ctx, "t1", l.Token, planted.Browser)
	require.NoError(t, err)
	require.False(t, good.Browser.Equal(planted.Browser), "a cookie that another link made is replaced")
	nonce, _, _ := strings.Cut(good.Browser.Reveal(), ".")
	for name, browser := range map[string]Secret{
		"none": {}, "planted": planted.Browser, "made up": NewSecret("x.y"), "without code": NewSecret(nonce), "other code": NewSecret(nonce + ".AAAA"),
		"long": NewSecret(good.Browser.Reveal() + strings.Repeat("A", 300)),
	} {
		w.refusedWith(t, "t1", ErrorCodeCookieRequired, func() error {
			_, err := w.OpenSetupLink(ctx, "t1", l.Token, browser)
			require.ErrorIs(t, err, ErrForbidden, name)
			return err
		})
		_, err := w.SetupLinkSession(ctx, "t1", browser)
		require.ErrorIs(t, err, ErrBadSetupLink)
	}
	again, err := w.PeekSetupLink(ctx, "t1", l.Token, good.Browser)
	require.NoError(t, err)
	require.True(t, again.Browser.Equal(good.Browser), "a second tab keeps the cookie")
	_, err = w.OpenSetupLink(ctx, "t1", l.Token, good.Browser)
	require.NoError(t, err)
	_, err = w.SetupLinkSession(ctx, "t2", good.Browser)
	require.ErrorIs(t, err, ErrBadSetupLink, "a session is one tenant's")
}

func TestSetupLinkClocksAndCounter(t *testing.T) {
	w := linkWorld(t)
	ctx := t.Context()
	l, err := w.CreateSetupLink(ctx, owner, "t1", NewSetupLink{Name: "n", Intents: []Intent{IntentSCIM}, OpenWithin: time.Hour, SessionTTL: 30 * time.Minute, MaxOpens: 3})
	require.NoError(t, err)
	w.pass(time.Hour - time.Second)
	_, browser := w.open(t, "t1", l)
	w.pass(29 * time.Minute)
	for range 2 {
		s, err := w.OpenSetupLink(ctx, "t1", l.Token, browser)
		require.NoError(t, err)
		require.Equal(t, w.clock().Add(time.Minute), s.Link.ExpiresAt, "opening again does not start the clock anew")
	}
	_, err = w.OpenSetupLink(ctx, "t1", l.Token, browser)
	require.ErrorIs(t, err, ErrBadSetupLink)
	require.Equal(t, 3, w.listed(t, "t1", l.ID).Opens)
	_, err = w.SetupLinkSession(ctx, "t1", browser)
	require.NoError(t, err, "used up is not ended")
	w.pass(time.Minute)
	_, err = w.SetupLinkSession(ctx, "t1", browser)
	require.ErrorIs(t, err, ErrBadSetupLink)
	require.Equal(t, SetupLinkExpired, w.listed(t, "t1", l.ID).State)
}

// TestSetupLinkOtherBrowser: who has the token of a link that is open gets nothing, and the owner reads of it once.
func TestSetupLinkOtherBrowser(t *testing.T) {
	w := linkWorld(t)
	l := w.link(t, "t1", IntentSSO)
	_, browser := w.open(t, "t1", l)
	before := len(w.events(t, "t1", 0))
	for range 3 {
		stolen, err := newBrowser(l.Token)
		require.NoError(t, err)
		_, err = w.OpenSetupLink(t.Context(), "t1", l.Token, stolen)
		require.Equal(t, ErrBadSetupLink, err)
	}
	require.Equal(t, []string{"setup_link.refused"}, w.events(t, "t1", before))
	_, err := w.SetupLinkSession(t.Context(), "t1", browser)
	require.NoError(t, err)
}

func TestSetupLinkOpenedAtOnce(t *testing.T) {
	w := linkWorld(t)
	ctx := t.Context()
	l := w.link(t, "t1", IntentSSO)
	browsers := make([]Secret, 4)
	for i := range browsers {
		p, err := w.PeekSetupLink(ctx, "t1", l.Token, Secret{})
		require.NoError(t, err)
		browsers[i] = p.Browser
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	opened := map[int]int{}
	for i := range 16 {
		wg.Go(func() {
			_, err := w.OpenSetupLink(ctx, "t1", l.Token, browsers[i%len(browsers)])
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				opened[i%len(browsers)]++
			} else if !errors.Is(err, ErrBadSetupLink) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, opened, 1, "one browser has it")
	for _, n := range opened {
		require.Equal(t, n, w.listed(t, "t1", l.ID).Opens, "the counter is exact")
		require.Equal(t, 4, n)
	}
}

// busy is a store in which somebody else is faster the first few times.
type busy struct {
	store.Store
	store.SetupLinkStore
	left *int
}

func (b busy) InTx(ctx context.Context, fn func(store.Store) error) error {
	return b.Store.InTx(ctx, func(tx store.Store) error { return fn(busy{tx, tx.(store.SetupLinkStore), b.left}) })
}

func (b busy) UpdateSetupLink(ctx context.Context, tenantID string, l store.SetupLink, events ...store.Event) (store.SetupLink, error) {
	if *b.left--; *b.left >= 0 {
		return store.SetupLink{}, store.ErrStale
	}
	return b.SetupLinkStore.UpdateSetupLink(ctx, tenantID, l, events...)
}

func TestSetupLinkTriesAgain(t *testing.T) {
	for stales, want := range map[int]error{0: nil, linkTries - 1: nil, linkTries: store.ErrStale} {
		st, left := memory.New(), stales
		w := linkWorld(t, func(c *Config) { c.Store = busy{st, st, &left} })
		w.store = st
		l := w.link(t, "t1", IntentSSO)
		p, err := w.PeekSetupLink(t.Context(), "t1", l.Token, Secret{})
		require.NoError(t, err)
		_, err = w.OpenSetupLink(t.Context(), "t1", l.Token, p.Browser)
		require.ErrorIs(t, err, want)
	}
}

func TestRevokeSetupLink(t *testing.T) {
	w := linkWorld(t)
	ctx := t.Context()
	l := w.link(t, "t1", IntentSSO, IntentDomains)
	s, _ := w.open(t, "t1", l)
	_, err := w.Connections(ctx, s.Actor, "t1")
	require.NoError(t, err)
	_, err = w.RevokeSetupLink(ctx, owner, "t2", l.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
	got, err := w.RevokeSetupLink(ctx, owner, "t1", l.ID)
	require.NoError(t, err)
	require.Equal(t, SetupLinkRevoked, got.State)
	_, err = w.Connections(ctx, s.Actor, "t1")
	require.ErrorIs(t, err, ErrBadSetupLink, "also in the middle of a request")
	require.ErrorIs(t, w.CompleteSetupLink(ctx, s.Actor), ErrBadSetupLink)
	events := len(w.events(t, "t1", 0))
	again, err := w.RevokeSetupLink(ctx, owner, "t1", l.ID)
	require.NoError(t, err)
	require.Equal(t, got, again)
	require.Len(t, w.events(t, "t1", 0), events)
}

func TestSetupLinkRefusals(t *testing.T) {
	w := linkWorld(t)
	ctx := t.Context()
	_, err := w.CreateSetupLink(ctx, owner, "t1", NewSetupLink{
		Name: "a\x00b", Email: "nobody", Intents: []Intent{"everything", IntentSSO}, OpenWithin: time.Second, SessionTTL: 25 * time.Hour, MaxOpens: -1,
	})
	v, ok := errors.AsType[*ValidationError](err)
	require.True(t, ok, "%v", err)
	got := map[string]string{}
	for _, f := range v.Findings {
		require.NotEmpty(t, f.Message)
		got[f.Field] = f.Code
	}
	require.Equal(t, map[string]string{
		FieldLinkName: CodeNameInvalid, FieldLinkEmail: CodeEmailInvalid, FieldLinkIntents: CodeIntentInvalid,
		FieldLinkOpenWithin: CodeDurationInvalid, FieldLinkSessionTTL: CodeDurationInvalid, FieldLinkMaxOpens: CodeNumberInvalid,
	}, got)
	w.refusedWith(t, "t1", CodeRequired, func() error { _, err := w.CreateSetupLink(ctx, owner, "t1", NewSetupLink{}); return err })
	_, err = w.CreateSetupLink(ctx, owner, "t1", NewSetupLink{Name: "n", Intents: make([]Intent, 10000)})
	v, ok = errors.AsType[*ValidationError](err)
	require.True(t, ok)
	require.Less(t, len(v.Findings), 10)

	w.plan.SCIM = false
	w.refusedWith(t, "t1", ErrorCodePlanRequired, func() error {
		_, err := w.CreateSetupLink(ctx, owner, "t1", NewSetupLink{Name: "n", Intents: []Intent{IntentSSO, IntentMapping}})
		return err
	})
	for range MaxSetupLinks {
		w.link(t, "t1", IntentSSO)
	}
	w.refusedWith(t, "t1", ErrorCodeTooMany, func() error {
		_, err := w.CreateSetupLink(ctx, owner, "t1", NewSetupLink{Name: "n", Intents: []Intent{IntentSSO}})
		return err
	})
	w.gone["t3"] = true
	_, err = w.CreateSetupLink(ctx, owner, "t3", NewSetupLink{Name: "n", Intents: []Intent{IntentSSO}})
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorIs(t, w.CompleteSetupLink(ctx, owner), ErrForbidden)

	down := linkWorld(t, func(c *Config) {
		c.Entitlements = EntitlementsFunc(func(context.Context, string) (Included, error) { return Included{}, context.DeadlineExceeded })
	})
	_, err = down.CreateSetupLink(ctx, owner, "t1", NewSetupLink{Name: "n", Intents: []Intent{IntentSSO}})
	require.ErrorIs(t, err, context.DeadlineExceeded, "not known is not no")

	bare := linkWorld(t, func(c *Config) { c.Store = storetest.Bare(c.Store) })
	for _, call := range []func() error{
		func() error {
			_, err := bare.CreateSetupLink(ctx, owner, "t1", NewSetupLink{Name: "n", Intents: []Intent{IntentSSO}})
			return err
		},
		func() error { _, err := bare.SetupLinks(ctx, owner, "t1", "", 0); return err },
		func() error { _, err := bare.PeekSetupLink(ctx, "t1", NewSecret("x"), Secret{}); return err },
		func() error { _, err := bare.SetupLinkSession(ctx, "t1", NewSecret("x")); return err },
		func() error { _, err := bare.RevokeSetupLink(ctx, owner, "t1", "x"); return err },
		func() error { _, err := bare.DeleteEndedSetupLinks(ctx); return err },
	} {
		require.ErrorIs(t, call(), errors.ErrUnsupported)
	}
}

func TestSetupLinksAreKeptWithinBounds(t *testing.T) {
	w := linkWorld(t)
	ctx := t.Context()
	first := w.link(t, "t1", IntentSSO)
	for range keptSetupLinks + 20 {
		l := w.link(t, "t1", IntentSSO)
		_, err := w.RevokeSetupLink(ctx, owner, "t1", l.ID)
		require.NoError(t, err)
	}
	n, after := 0, ""
	for {
		page, err := w.SetupLinks(ctx, owner, "t1", after, 50)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Links), 50)
		n += len(page.Links)
		if after = page.Next; after == "" {
			break
		}
	}
	require.Equal(t, keptSetupLinks, n)
	require.Equal(t, SetupLinkWaiting, w.listed(t, "t1", first.ID).State, "what is in force is never dropped")

	other := w.link(t, "t2", IntentSSO)
	deleted, err := w.DeleteEndedSetupLinks(ctx)
	require.NoError(t, err)
	require.Zero(t, deleted)
	w.pass(DefaultSetupOpenWithin + setupLinkKept)
	deleted, err = w.DeleteEndedSetupLinks(ctx)
	require.NoError(t, err)
	require.Equal(t, keptSetupLinks-1, deleted, "those that were revoked a week before the others expired")
	w.pass(time.Second)
	deleted, err = w.DeleteEndedSetupLinks(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, deleted)
	page, err := w.SetupLinks(ctx, owner, "t2", "", 0)
	require.NoError(t, err)
	require.Empty(t, page.Links)
	events := w.events(t, "t2", 0)
	require.Equal(t, "setup_link.removed", events[len(events)-1])
	require.NotEmpty(t, other.ID)
}

func TestSecretRenewalLink(t *testing.T) {
	w := linkWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	l := w.link(t, "t1", IntentSecretRenewal, IntentSSO)
	s, browser := w.open(t, "t1", l)
	bad := func() error {
		_, _, err := w.ReplaceSecret(ctx, s.Actor, "t1", c.ID, c.Version, NewSecret("x y"), time.Time{})
		return err
	}
	w.refusedWith(t, "t1", CodeSecretInvalid, bad)
	_, _, err := w.ReplaceSecret(ctx, s.Actor, "t1", c.ID, c.Version, NewSecret("brand-new-secret-9999"), time.Time{})
	require.NoError(t, err)
	got := w.listed(t, "t1", l.ID)
	require.Equal(t, []Intent{IntentSecretRenewal}, got.Done)
	require.Equal(t, SetupLinkOpen, got.State, "one of two intents is done")
	_, err = w.SetupLinkSession(ctx, "t1", browser)
	require.NoError(t, err)

	single := w.link(t, "t1", IntentSecretRenewal)
	s, _ = w.open(t, "t1", single)
	c, err = w.Connection(ctx, s.Actor, "t1", c.ID)
	require.NoError(t, err)
	_, _, err = w.ReplaceSecret(ctx, s.Actor, "t1", c.ID, c.Version, NewSecret("brand-new-secret-8888"), time.Time{})
	require.NoError(t, err)
	require.Equal(t, SetupLinkCompleted, w.listed(t, "t1", single.ID).State)
}
