package storetest_test

import (
	"errors"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// The broken stores of this file are about set-up links, webhooks and reads of many people.

type anyBrowser struct{ *memory.Store }

func (s *anyBrowser) SetupLinkByBrowser(c ctx, tenant string, hash []byte) (store.SetupLink, error) {
	if len(hash) > 0 {
		return s.Store.SetupLinkByBrowser(c, tenant, hash)
	}
	page, err := s.SetupLinks(c, tenant, store.Query{})
	for _, l := range page.Items {
		if len(l.BrowserHash) == 0 {
			return l, nil
		}
	}
	return store.SetupLink{}, errors.Join(err, store.ErrNotFound)
}

type forgetsUse struct{ *memory.Store }

func (s *forgetsUse) UpdateSetupLink(c ctx, tenant string, l store.SetupLink, ev ...store.Event) (store.SetupLink, error) {
	out, err := s.Store.UpdateSetupLink(c, tenant, l, ev...)
	out.LastUsedAt = time.Time{}
	return out, err
}

type linkOfAnyTenant struct {
	*memory.Store
	mu   *sync.Mutex
	seen map[string]string
}

func (s *linkOfAnyTenant) CreateSetupLink(c ctx, tenant string, l store.SetupLink, ev ...store.Event) (store.SetupLink, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[string(l.Hash)] = tenant
	return s.Store.CreateSetupLink(c, tenant, l, ev...)
}

func (s *linkOfAnyTenant) SetupLinkByHash(c ctx, tenant string, hash []byte) (store.SetupLink, error) {
	l, err := s.Store.SetupLinkByHash(c, tenant, hash)
	if errors.Is(err, store.ErrNotFound) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.Store.SetupLinkByHash(c, s.seen[string(hash)], hash)
	}
	return l, err
}

type asksEach struct{ *memory.Store }

func (s *asksEach) AccountsOfSCIMUsers(c ctx, tenant string, ids []string) ([]store.Account, error) {
	var out []store.Account
	for _, id := range ids {
		a, err := s.AccountOfSCIMUser(c, tenant, id)
		if err == nil {
			out = append(out, a)
		}
	}
	return out, nil
}

type keepsLog struct{ *memory.Store }

func (s *keepsLog) UpdateWebhook(c ctx, tenant string, w store.Webhook, ev ...store.Event) (store.Webhook, error) {
	old, err := s.Webhook(c, tenant, w.ID)
	if err == nil {
		w.Log = old.Log
	}
	return s.Store.UpdateWebhook(c, tenant, w, ev...)
}

type switchesOff struct{ *memory.Store }

func (s *switchesOff) DeleteWebhook(c ctx, tenant, id string, version int64, ev ...store.Event) error {
	w, err := s.Webhook(c, tenant, id)
	if err != nil {
		return err
	}
	if version != 0 {
		w.Version = version
	}
	w.Enabled = false
	_, err = s.UpdateWebhook(c, tenant, w, ev...)
	return err
}
