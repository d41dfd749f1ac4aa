package tenant

import (
	"context"
	"fmt"
	"iter"

	"github.com/tenantgate/tenantgate/store"
)

// endingPeople yields everybody who has a record or a link, in pages, accounts with a record first.
func (s *Service) endingPeople(ctx context.Context, st store.Store, tenantID string) iter.Seq2[endingPerson, error] {
	return func(yield func(endingPerson, error) bool) {
		fail := func(err error) { yield(endingPerson{}, err) }
		for q := (store.Query{}); ; {
			page, err := st.Accounts(ctx, tenantID, q)
			if err != nil {
				fail(fmt.Errorf("tenant: reading accounts: %w", err))
				return
			}
			people, err := s.personFacts(ctx, st, tenantID, page.Items)
			if err != nil {
				fail(err)
				return
			}
			for _, p := range people {
				if !yield(p, nil) {
					return
				}
			}
			if !page.More {
				break
			}
			q.After = page.Next
		}
		// A person with links at several connections is told at the first.
		for q := (store.Query{}); ; {
			page, err := st.Identities(ctx, tenantID, q)
			if err != nil {
				fail(fmt.Errorf("tenant: reading linked identities: %w", err))
				return
			}
			var only []store.Account
			for _, link := range page.Items {
				first, err := firstLinkWithoutRecord(ctx, st, tenantID, link)
				if err != nil {
					fail(err)
					return
				}
				if first {
					only = append(only, accountOfLink(link))
				}
			}
			people, err := s.personFacts(ctx, st, tenantID, only)
			if err != nil {
				fail(err)
				return
			}
			for _, p := range people {
				if !yield(p, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			q.After = page.Next
		}
	}
}

// firstLinkWithoutRecord says whether an identity is the first of an account that has no record.
func firstLinkWithoutRecord(ctx context.Context, st store.Store, tenantID string, link store.Identity) (bool, error) {
	switch _, err := st.Account(ctx, tenantID, link.AccountID); {
	case err == nil:
		return false, nil
	case !isNotFound(err):
		return false, fmt.Errorf("tenant: reading an account: %w", err)
	}
	links, err := st.IdentitiesOf(ctx, tenantID, link.AccountID)
	if err != nil {
		return false, fmt.Errorf("tenant: reading linked identities: %w", err)
	}
	return len(links) > 0 && links[0].ID == link.ID, nil
}

// personFacts asks the store and the host about accounts.
func (s *Service) personFacts(ctx context.Context, st store.Store, tenantID string, accounts []store.Account) ([]endingPerson, error) {
	out := make([]endingPerson, 0, len(accounts))
	ids := make([]string, 0, len(accounts))
	for _, a := range accounts {
		links, err := st.IdentitiesOf(ctx, tenantID, a.ID)
		if err != nil {
			return nil, fmt.Errorf("tenant: reading linked identities: %w", err)
		}
		grants, err := st.Grants(ctx, tenantID, a.ID)
		if err != nil {
			return nil, fmt.Errorf("tenant: reading the ledger: %w", err)
		}
		p := endingPerson{account: a, linked: len(links) > 0, grants: len(grants)}
		for _, link := range links {
			p.links = append(p.links, link.ConnectionID)
		}
		out = append(out, p)
		ids = append(ids, a.ID)
	}
	if s.cfg.People == nil || len(ids) == 0 {
		return out, nil
	}
	people, err := s.cfg.People.People(ctx, tenantID, ids)
	if err != nil {
		return nil, fmt.Errorf("tenant: asking the host about its people: %w", err)
	}
	known := make(map[string]Person, len(people))
	for _, p := range people {
		known[p.AccountID] = p
	}
	for i := range out {
		if p, ok := known[out[i].account.ID]; ok {
			out[i].host = &p
		} else {
			out[i].gone = true
		}
	}
	return out, nil
}

// accountOfLink stands for an account that is known by a link alone.
func accountOfLink(link store.Identity) store.Account {
	return store.Account{Meta: store.Meta{ID: link.AccountID}, Email: link.Email, Active: true}
}
