package provisioning

import (
	"context"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

func (l *loader) loadPeople(ctx context.Context, c *concern) error {
	if c.everybody || len(c.users)+len(c.accounts) > bulkFrom {
		if err := l.walkPeople(ctx, c); err != nil {
			return err
		}
	} else if err := l.pickPeople(ctx, c); err != nil {
		return err
	}
	for i := range l.s.people {
		p := &l.s.people[i]
		u := c.users[p.scimUserID]
		p.updated, p.sawInactive = u.updated, u.sawInactive
	}
	return nil
}

// pickPeople reads person by person.
func (l *loader) pickPeople(ctx context.Context, c *concern) error {
	users := map[string]bool{}
	for id := range c.users {
		users[id] = true
	}
	for _, id := range sortedKeys(c.accounts) {
		a, err := l.tx.Account(ctx, l.tenantID, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			a = store.Account{Meta: store.Meta{ID: id}} // the ledger has lines all the same
		case err != nil:
			return err
		}
		if a.SCIMUserID != "" {
			users[a.SCIMUserID] = true
			continue
		}
		if err := l.addPerson(ctx, person{record: &a}); err != nil {
			return err
		}
	}
	for _, id := range sortedKeys(users) {
		p := person{scimUserID: id}
		u, err := l.tx.SCIMUser(ctx, l.tenantID, id)
		if err == nil {
			p.user = &u
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		a, err := l.tx.AccountOfSCIMUser(ctx, l.tenantID, id)
		if err == nil {
			p.record = &a
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := l.addPerson(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) addPerson(ctx context.Context, p person) (err error) {
	if p.user == nil && p.record == nil {
		return nil // a member that the directory does not provision, or not yet
	}
	if p.record != nil {
		if p.grants, err = l.tx.Grants(ctx, l.tenantID, p.record.ID); err != nil {
			return err
		}
	}
	l.keep(ctx, p)
	return nil
}

// keep adds a person to the snapshot, without the resource's body, which the profile
// stands for.
func (l *loader) keep(ctx context.Context, p person) {
	if p.user != nil {
		p.profile = ProfileOf(*p.user)
		p.profile.KeepPhone = l.s.keepPhone
		l.hearFields(ctx, &p)
		l.hearRoles(&p)
		p.user.Body = nil
	} else if p.record != nil {
		p.profile = Profile{SCIMUserID: p.scimUserID, Email: p.record.Email}
	}
	l.s.people = append(l.s.people, p)
}

// walkPeople reads everything in pages and keeps who is concerned.
func (l *loader) walkPeople(ctx context.Context, c *concern) error {
	byUser, byID := map[string]*store.Account{}, map[string]*store.Account{}
	for a, err := range pages(func(after string) (store.Page[store.Account], error) {
		return l.tx.Accounts(ctx, l.tenantID, store.Query{After: after})
	}) {
		if err != nil {
			return err
		}
		byID[a.ID] = &a
		if a.SCIMUserID != "" {
			byUser[a.SCIMUserID] = &a
		}
	}
	grants, err := l.walkGrants(ctx)
	if err != nil {
		return err
	}
	wanted := func(userID, accountID string) bool {
		_, user := c.users[userID]
		return c.everybody || user || accountID != "" && c.accounts[accountID]
	}
	done := map[string]bool{}
	add := func(p person) {
		id := p.accountID()
		done[id] = true
		p.grants = grants[id]
		l.keep(ctx, p)
	}
	for u, err := range pages(func(after string) (store.Page[store.SCIMUser], error) {
		return l.tx.SCIMUsers(ctx, l.tenantID, store.Query{After: after})
	}) {
		if err != nil {
			return err
		}
		p := person{scimUserID: u.ID, user: &u, record: byUser[u.ID]}
		if wanted(u.ID, p.accountID()) {
			add(p)
		} else {
			done[p.accountID()] = true
		}
	}
	// Accounts whose user is gone, and ledger lines of accounts that we do not know.
	for _, id := range sortedKeys(byID) {
		if a := byID[id]; !done[id] && (a.SCIMUserID != "" || len(grants[id]) > 0 || l.hearsClaims(a)) && wanted(a.SCIMUserID, id) {
			add(person{scimUserID: a.SCIMUserID, record: a})
		}
	}
	for _, id := range sortedKeys(grants) {
		if id != "" && !done[id] && byID[id] == nil && wanted("", id) {
			add(person{record: &store.Account{Meta: store.Meta{ID: id}}})
		}
	}
	return nil
}

func (l *loader) walkGrants(ctx context.Context) (map[string][]store.Grant, error) {
	out := map[string][]store.Grant{}
	var of []store.Grant // one account's, which come one after the other
	end := func() {
		if len(of) > 0 {
			out[of[0].AccountID] = slices.Clone(of)
			of = of[:0]
		}
	}
	for after := (store.GrantKey{}); ; {
		page, err := l.tx.AllGrants(ctx, l.tenantID, after, store.MaxLimit)
		if err != nil {
			return nil, err
		}
		for _, g := range page {
			if len(of) > 0 && of[0].AccountID != g.AccountID {
				end()
			}
			of = append(of, l.shared.grant(g))
		}
		if len(page) < store.MaxLimit {
			end()
			return out, nil
		}
		after = page[len(page)-1].Key()
	}
}

// pages walks a list to its end.
func pages[T any](next func(after string) (store.Page[T], error)) func(yield func(T, error) bool) {
	return func(yield func(T, error) bool) {
		for after := ""; ; {
			page, err := next(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			after = page.Next
		}
	}
}
