package provisioning

import (
	"context"
	"errors"

	"github.com/tenantgate/tenantgate/store"
)

func (l *loader) loadPeople(ctx context.Context, c *concern) error {
	if len(c.users)+len(c.accounts) <= bulkFrom {
		return l.pickPeople(ctx, c)
	}
	if err := l.readIndex(ctx, c); err != nil {
		return err
	}
	return l.walk(ctx, c, store.Query{ReadOnly: true}, func(p person) error {
		l.keep(ctx, c, p)
		return nil
	})
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
		if err := l.addPerson(ctx, c, person{record: &a}); err != nil {
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
		if err := l.addPerson(ctx, c, p); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) addPerson(ctx context.Context, c *concern, p person) (err error) {
	if p.user == nil && p.record == nil {
		return nil // a member that the directory does not provision, or not yet
	}
	if p.record != nil {
		if p.grants, err = l.tx.Grants(ctx, l.tenantID, p.record.ID); err != nil {
			return err
		}
	}
	l.keep(ctx, c, p)
	return nil
}

// keep adds a person to the snapshot, without the resource's body, which the profile
// stands for.
func (l *loader) keep(ctx context.Context, c *concern, p person) {
	u := c.users[p.scimUserID]
	p.updated, p.sawInactive = u.updated, u.sawInactive
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
