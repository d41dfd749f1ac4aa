package tenant

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// ErrBadSetupLink says that a set-up link, or what a browser keeps of one, opens nothing: it is malformed, unknown, another
// tenant's, expired, revoked, used up, open in another browser, or its organisation is gone or its plan has lapsed. Which of
// these, the visitor is never told; the owner sees it in the list. An [Error] with the code setup_link_completed, which
// matches it too, is told to the browser that did the work alone.
var ErrBadSetupLink = errors.New("tenant: set-up link not accepted")

const (
	browserPrefix = "tgb_"
	// linkRefused is the kind of the token that remembers that another browser's attempt stands in the journal.
	linkRefused = "setup_link_refused"
)

// SetupLinkPeek is what a page shows before a link is opened.
type SetupLinkPeek struct {
	Link SetupLink
	// Browser is what the page gives the browser to keep, in a cookie that is Secure, HttpOnly, SameSite=Lax and ends with it
	// ([MaxSetupSessionTTL] is long enough). It comes back with the visitor's "Continue". Nobody but a holder of the link's
	// token can make one, so that a stranger can't plant theirs.
	Browser Secret
}

// PeekSetupLink says whether a link can be opened by the browser that asks, which shows what it has kept (zero for nothing). It
// changes nothing: it is for the GET that a link's address leads to, which mail scanners and link previews follow too. The page
// shows one button that posts, and then [Service.OpenSetupLink] is called. A page with a token in its address needs
// Referrer-Policy: no-referrer and Cache-Control: no-store.
func (s *Service) PeekSetupLink(ctx context.Context, tenantID string, token, browser Secret) (SetupLinkPeek, error) {
	l, _, err := s.findLink(ctx, tenantID, token)
	if err != nil {
		return SetupLinkPeek{}, err
	}
	if l.Opens >= l.MaxOpens || !l.OpenedAt.IsZero() && !s.sameBrowser(l, browser) {
		return SetupLinkPeek{}, ErrBadSetupLink
	}
	if !madeFor(token, browser) {
		if browser, err = newBrowser(token); err != nil {
			return SetupLinkPeek{}, err
		}
	}
	return SetupLinkPeek{Link: viewOfLink(tenantID, l, s.time()), Browser: browser}, nil
}

// SetupSession is a visitor who came by a set-up link.
type SetupSession struct {
	// Actor is of the kind [ActorSetupLink] and does what the link's intents allow, in the link's tenant, as long as the link
	// lives and the [Authorizer] agrees.
	Actor Actor
	Link  SetupLink
}

// OpenSetupLink opens a link, for the POST of the visitor's "Continue". The first opening binds the link to the browser and starts
// its second clock; the same browser can open it again, up to its MaxOpens. Each is counted and stands in the journal.
//
// A browser that did not keep what [Service.PeekSetupLink] gave it has cookies switched off: an [Error] with the code
// cookie_required, and the link is as before.
func (s *Service) OpenSetupLink(ctx context.Context, tenantID string, token, browser Secret) (SetupSession, error) {
	found, intents, err := s.findLink(ctx, tenantID, token)
	if err != nil {
		return SetupSession{}, err
	}
	if found.OpenedAt.IsZero() && !madeFor(token, browser) {
		return SetupSession{}, forbidden(ErrorCodeCookieRequired, "Your browser did not keep the cookie of this page. Allow cookies for this site, then open the link again.")
	}
	l, err := s.changeLink(ctx, actorOfLink(found), tenantID, found.ID, func(_ store.Store, l *store.SetupLink) (string, error) {
		now := s.time()
		if !stateOfLink(*l, now).inForce() || l.Opens >= l.MaxOpens || !l.OpenedAt.IsZero() && !s.sameBrowser(*l, browser) {
			return "", ErrBadSetupLink
		}
		if l.OpenedAt.IsZero() {
			l.OpenedAt, l.ExpiresAt, l.BrowserHash = now, store.Time(now.Add(l.SessionTTL)), s.cfg.Regions.hashToken(browser.Reveal())
		}
		l.Opens++
		l.LastOpenedAt = now
		return "setup_link.opened", nil
	})
	switch {
	case errors.Is(err, ErrBadSetupLink):
		s.noteOtherBrowser(ctx, tenantID, found.ID, browser)
		return SetupSession{}, ErrBadSetupLink
	case errors.Is(err, store.ErrNotFound):
		return SetupSession{}, ErrBadSetupLink
	case err != nil:
		return SetupSession{}, err
	}
	return s.session(tenantID, l, intents), nil
}

// SetupLinkSession finds out who sends a request, by what the browser has kept since [Service.OpenSetupLink]. It is asked for each
// request. An error matching [ErrBadSetupLink] says that there is no session, or none any more; others are the store's or the
// host's. "Last used" is written at most once a minute.
func (s *Service) SetupLinkSession(ctx context.Context, tenantID string, browser Secret) (SetupSession, error) {
	st, err := setupLinks(s.store)
	if err != nil {
		return SetupSession{}, err
	}
	value := browser.Reveal()
	if value == "" || len(value) > maxPresented || CheckID(tenantID) != nil {
		return SetupSession{}, ErrBadSetupLink
	}
	l, err := st.SetupLinkByBrowser(ctx, tenantID, s.cfg.Regions.hashToken(value))
	if err != nil {
		return SetupSession{}, noLink(err)
	}
	now := s.time()
	if stateOfLink(l, now) == SetupLinkCompleted {
		return SetupSession{}, &Error{Code: ErrorCodeSetupCompleted, Message: "What this link was for is done. Thank you; you can close this page.", kind: ErrBadSetupLink}
	}
	intents, err := s.usable(ctx, tenantID, l)
	if err != nil {
		return SetupSession{}, err
	}
	if now.Sub(l.LastUsedAt) >= usedResolution {
		if err := st.MarkSetupLinkUsed(ctx, tenantID, l.ID, now); err != nil {
			s.log.WarnContext(ctx, "tenant: noting the use of a set-up link failed", "tenant", tenantID, "link", l.ID, "error", err)
		} else {
			l.LastUsedAt = now
		}
	}
	return s.session(tenantID, l, intents), nil
}

// CompleteSetupLink ends the link that the actor came by, because the work is done. It needs no other right.
//
// A link whose only intent is [IntentSSO] is completed by [Service.Submit], one for [IntentSecretRenewal] alone by
// [Service.ReplaceSecret], one for both once both have happened, each in the same transaction; other intents have no end of
// their own.
func (s *Service) CompleteSetupLink(ctx context.Context, actor Actor) error {
	if actor.setup == nil {
		return forbidden(ErrorCodeForbidden, "Only somebody who came by a set-up link can say that its work is done. Revoke the link instead.")
	}
	link := actor.setup.link
	_, err := s.changeLink(ctx, actor, link.TenantID, link.ID, func(_ store.Store, l *store.SetupLink) (string, error) {
		switch state := stateOfLink(*l, s.time()); {
		case state == SetupLinkCompleted:
			return "", nil
		case !state.inForce():
			return "", ErrBadSetupLink
		}
		l.CompletedAt = s.time()
		return "setup_link.completed", nil
	})
	return noLink(err)
}

// finishIntent notes in the transaction of a step that it was what the actor's link is for, and completes the link after the last.
func (s *Service) finishIntent(ctx context.Context, tx store.Store, actor Actor, tenantID string, intent Intent) error {
	if actor.setup == nil || !slices.Contains(actor.setup.link.Intents, intent) {
		return nil
	}
	_, err := s.changeLinkIn(ctx, tx, actor, tenantID, actor.setup.link.ID, func(_ store.Store, l *store.SetupLink) (string, error) {
		if !stateOfLink(*l, s.time()).inForce() {
			return "", ErrBadSetupLink // revoked while the step was under way
		}
		if slices.Contains(l.Done, string(intent)) {
			return "", nil
		}
		l.Done = append(slices.Clone(l.Done), string(intent))
		for _, i := range l.Intents {
			if !slices.Contains(l.Done, i) {
				return "setup_link.intent_done", nil
			}
		}
		l.CompletedAt = s.time()
		return "setup_link.completed", nil
	})
	return noLink(err)
}

// findLink finds the link that a token opens, in force, and what it is still for. Every path hashes once and reads once.
func (s *Service) findLink(ctx context.Context, tenantID string, token Secret) (store.SetupLink, []Intent, error) {
	st, err := setupLinks(s.store)
	if err != nil {
		return store.SetupLink{}, nil, err
	}
	presented := token.Reveal()
	wellFormed := len(presented) <= maxPresented && wellFormedAPIKey(SetupLinkPrefix, presented) && CheckID(tenantID) == nil
	hash := s.cfg.Regions.hashToken(presented[:min(len(presented), maxPresented)])
	if !wellFormed {
		tenantID = "-" // a store is never asked with what can't be an ID
	}
	l, err := st.SetupLinkByHash(ctx, tenantID, hash)
	switch {
	case err != nil:
		return store.SetupLink{}, nil, noLink(err)
	case !wellFormed:
		return store.SetupLink{}, nil, ErrBadSetupLink
	}
	intents, err := s.usable(ctx, tenantID, l)
	return l, intents, err
}

// noLink makes one answer of whatever is missing.
func noLink(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrBadSetupLink
	}
	if err == nil || errors.Is(err, ErrBadSetupLink) {
		return err
	}
	return fmt.Errorf("tenant: reading the set-up link: %w", err)
}

// liveIntents reads a link again.
func (s *Service) liveIntents(ctx context.Context, tenantID, id string) ([]Intent, error) {
	st, err := setupLinks(s.store)
	if err != nil {
		return nil, err
	}
	l, err := st.SetupLink(ctx, tenantID, id)
	if err != nil {
		return nil, noLink(err)
	}
	return s.usable(ctx, tenantID, l)
}

// usable returns what a link in force is still for: its organisation has to exist, and its plan to include it. Nothing left is
// [ErrBadSetupLink].
func (s *Service) usable(ctx context.Context, tenantID string, l store.SetupLink) ([]Intent, error) {
	if !stateOfLink(l, s.time()).inForce() {
		return nil, ErrBadSetupLink
	}
	if _, err := s.organisation(ctx, tenantID); err != nil {
		return nil, noLink(err)
	}
	in, err := s.Included(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	left := slices.DeleteFunc(intentsOf(l.Intents), func(i Intent) bool { return !i.included(in) })
	if len(left) == 0 {
		return nil, ErrBadSetupLink
	}
	return left, nil
}

func (s *Service) session(tenantID string, l store.SetupLink, intents []Intent) SetupSession {
	view := viewOfLink(tenantID, l, s.time())
	view.Intents = intents
	actor := actorOfLink(l)
	actor.setup = &setupScope{service: s, link: view.clone()}
	return SetupSession{Actor: actor, Link: view}
}

func actorOfLink(l store.SetupLink) Actor {
	return Actor{Kind: ActorSetupLink, ID: l.ID, Email: l.Email, Name: l.Name}
}

// noteOtherBrowser tells in the journal, once for a link, that somebody else had its token when it was open already: it was
// passed on, or caught.
func (s *Service) noteOtherBrowser(ctx context.Context, tenantID, id string, browser Secret) {
	told := false
	err := s.store.InTx(ctx, func(tx store.Store) error {
		st, err := setupLinks(tx)
		if err != nil {
			return err
		}
		l, err := st.SetupLink(ctx, tenantID, id)
		if err != nil || !stateOfLink(l, s.time()).inForce() || s.sameBrowser(l, browser) {
			return err
		}
		err = tx.PutToken(ctx, tenantID, store.Token{Kind: linkRefused, Key: id, ExpiresAt: l.ExpiresAt})
		if err != nil {
			told = errors.Is(err, store.ErrConflict)
			return err
		}
		e, err := s.event(actorOfLink(l), change{
			kind: kindSetupLink, id: id, name: l.Name, what: "setup_link.refused", code: "other_browser",
			message: "Somebody opened this link in another browser than the one that has it. If that was not meant, revoke it.",
		})
		if err != nil {
			return err
		}
		return tx.AppendEvents(ctx, tenantID, e)
	})
	if err != nil && !told {
		s.log.WarnContext(ctx, "tenant: the refused opening of a set-up link could not be told", "tenant", tenantID, "link", id, "error", err)
	}
}

// newBrowser makes what a browser keeps: random, and a code that only a holder of the token can make.
func newBrowser(token Secret) (Secret, error) {
	nonce, err := newAPIKey(browserPrefix)
	if err != nil {
		return Secret{}, err
	}
	return NewSecret(nonce.Reveal() + "." + browserCode(token, nonce.Reveal())), nil
}

func browserCode(token Secret, nonce string) string {
	m := hmac.New(sha256.New, []byte(token.Reveal()))
	m.Write([]byte("tenantgate set-up link browser\x00" + nonce))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// madeFor says whether a browser's value was made with the token.
func madeFor(token, browser Secret) bool {
	value := browser.Reveal()
	nonce, code, ok := strings.Cut(value, ".")
	return ok && len(value) <= maxPresented && wellFormedAPIKey(browserPrefix, nonce) && hmac.Equal([]byte(code), []byte(browserCode(token, nonce)))
}

// sameBrowser says whether an open link is bound to the browser.
func (s *Service) sameBrowser(l store.SetupLink, browser Secret) bool {
	value := browser.Reveal()
	return value != "" && len(value) <= maxPresented && len(l.BrowserHash) > 0 && hmac.Equal(l.BrowserHash, s.cfg.Regions.hashToken(value))
}
