package provisioning

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// pagePeople is how many people are in memory at a time while everybody is looked at.
const pagePeople = 500

// index is what is read of everybody before the people come page by page: the accounts, and
// the ledger in its small form.
type index struct {
	byUser map[string]*indexed
	// ordered are those that belong to a user or to whom groups gave something, by the key of
	// the person.
	ordered []*indexed
	ledger  *ledger
}

// indexed is an account that we know.
type indexed struct {
	record store.Account
	met    bool // its user came
}

func (x *indexed) key() string { return cmp.Or(x.record.SCIMUserID, x.record.ID) }

// readIndex reads the accounts and the ledger of those concerned.
func (l *loader) readIndex(ctx context.Context, c *concern) error {
	x := &index{byUser: map[string]*indexed{}}
	byID := map[string]*indexed{}
	for a, err := range pages(func(after string) (store.Page[store.Account], error) {
		return l.tx.Accounts(ctx, l.tenantID, store.Query{After: after})
	}) {
		if err != nil {
			return err
		}
		if !c.wants(a.SCIMUserID, a.ID) {
			continue
		}
		have := &indexed{record: a}
		byID[a.ID] = have
		if a.SCIMUserID != "" {
			x.byUser[a.SCIMUserID] = have
		}
	}
	var err error
	if x.ledger, err = l.readLedger(ctx, func(id string) bool { return byID[id] != nil || c.wants("", id) }); err != nil {
		return err
	}
	x.ordered = make([]*indexed, 0, len(byID))
	for id, have := range byID {
		if have.record.SCIMUserID != "" || x.ledger.accounts[id].to > 0 || l.hearsClaims(&have.record) {
			x.ordered = append(x.ordered, have)
		}
	}
	for id := range x.ledger.accounts {
		if byID[id] == nil { // the ledger has lines all the same
			x.ordered = append(x.ordered, &indexed{record: store.Account{Meta: store.Meta{ID: id}}})
		}
	}
	slices.SortFunc(x.ordered, func(a, b *indexed) int { return cmp.Compare(a.key(), b.key()) })
	l.index = x
	return nil
}

// wants says whether somebody with this user and this account is concerned.
func (c *concern) wants(userID, accountID string) bool {
	_, user := c.users[userID]
	return c.everybody || user || accountID != "" && c.accounts[accountID]
}

// walk reads the users in pages, and calls yield for each person concerned, in order of
// their keys: users, and between them accounts whose user is gone.
func (l *loader) walk(ctx context.Context, c *concern, q store.Query, yield func(person) error) error {
	x := l.index
	for _, a := range x.ordered {
		a.met = false
	}
	left := x.ordered
	orphansBefore := func(key string) error {
		for ; len(left) > 0 && (key == "" || left[0].key() < key); left = left[1:] {
			if err := l.orphan(ctx, left[0], yield); err != nil {
				return err
			}
		}
		return nil
	}
	for u, err := range pages(func(after string) (store.Page[store.SCIMUser], error) {
		q.After = after
		return l.tx.SCIMUsers(ctx, l.tenantID, q)
	}) {
		if err != nil {
			return err
		}
		p := person{scimUserID: u.ID, user: &u}
		if a := x.byUser[u.ID]; a != nil {
			a.met = true
			p.record, p.grants = &a.record, x.ledger.of(a.record.ID)
		}
		if err := orphansBefore(u.ID); err != nil {
			return err
		}
		if !c.wants(u.ID, p.accountID()) {
			continue
		}
		if err := yield(p); err != nil {
			return err
		}
	}
	return orphansBefore("")
}

// orphan yields an account whose user did not come. That the user is gone ends access, so it is
// not concluded from the order of the list alone.
func (l *loader) orphan(ctx context.Context, a *indexed, yield func(person) error) error {
	if a.met {
		return nil
	}
	if id := a.record.SCIMUserID; id != "" {
		if _, err := l.tx.SCIMUser(ctx, l.tenantID, id); !errors.Is(err, store.ErrNotFound) {
			return err // it is there, and comes yet
		}
	}
	return yield(person{scimUserID: a.record.SCIMUserID, record: &a.record, grants: l.index.ledger.of(a.record.ID)})
}

// loadCommon reads what a plan of everybody needs beside the people.
func (l *loader) loadCommon(ctx context.Context, c *concern) error {
	for _, step := range []func(context.Context, *concern) error{
		l.loadTenant, l.readIndex, l.loadGroups, l.loadSeats, l.askGroups, l.loadTeams, l.loadLostTeams, l.loadRecreated, l.loadNested,
	} {
		if err := step(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// eachPage reads everybody page by page into the snapshot, and calls fn after each page.
func (l *loader) eachPage(ctx context.Context, c *concern, fn func()) error {
	size := cmp.Or(l.e.pagePeople, pagePeople)
	end := func() error {
		for _, step := range []func(context.Context, *concern) error{l.loadMemberships, l.loadHost, l.loadMatches, l.askPeople, l.loadLost} {
			if err := step(ctx, c); err != nil {
				return err
			}
		}
		l.meet()
		fn()
		clear(l.s.people)
		l.s.people = l.s.people[:0]
		return nil
	}
	err := l.walk(ctx, c, store.Query{ReadOnly: true}, func(p person) error {
		l.keep(ctx, c, p)
		if len(l.s.people) < size {
			return nil
		}
		return end()
	})
	if err == nil && len(l.s.people) > 0 {
		err = end()
	}
	return err
}

// meet remembers of the people of a page what counts for the whole plan.
func (l *loader) meet() {
	for i := range l.s.people {
		p := &l.s.people[i]
		l.ownerMet = l.ownerMet || p.host != nil && p.host.OrgRole == l.e.roles.top()
		l.resetMet = l.resetMet || l.reset != nil && p.accountID() == l.reset.AccountID
	}
}

// countLeaving counts whose seats get free, for a host that counts seats: who was there before
// may have one of them.
func (l *loader) countLeaving(ctx context.Context, c *concern) error {
	if l.s.seats == nil {
		return nil
	}
	count := func() error {
		err := l.loadHost(ctx, c)
		for i := range l.s.people {
			if l.s.people[i].leavesSeat(l.s) {
				l.s.leaving++
			}
		}
		l.s.people = l.s.people[:0]
		return err
	}
	err := l.walk(ctx, c, store.Query{WithoutBody: true, ReadOnly: true}, func(p person) error {
		if p.record == nil || p.user != nil && p.user.Active {
			return nil
		}
		if l.s.people = append(l.s.people, p); len(l.s.people) < store.MaxLimit {
			return nil
		}
		return count()
	})
	if err != nil {
		return err
	}
	return count()
}

// planEverybody computes what is to do for everybody. People come page by page, and only what is to be
// done stays in memory. The snapshot that it returns has no people.
func (l *loader) planEverybody(ctx context.Context) (Plan, *snapshot, error) {
	c := newConcern()
	c.everybody = true
	if err := l.begin(ctx); err != nil {
		return Plan{}, nil, err
	}
	if err := l.loadCommon(ctx, c); err != nil {
		return Plan{}, nil, err
	}
	if err := l.countLeaving(ctx, c); err != nil {
		return Plan{}, nil, err
	}
	p := beginPlan(l.s)
	if err := l.eachPage(ctx, c, p.page); err != nil {
		return Plan{}, nil, err
	}
	l.s.people, l.index = nil, nil
	if l.reset != nil {
		if err := l.reset.check(l.s, l.resetMet); err != nil {
			return Plan{}, nil, err
		}
	}
	if err := l.loadOwners(ctx, c); err != nil {
		return Plan{}, nil, err
	}
	return l.e.whole(p.finish(), l.s), l.s, nil
}

// loadEverybody reads everybody at once, for a plan that changes the snapshot before.
func (l *loader) loadEverybody(ctx context.Context) (*snapshot, error) {
	c := newConcern()
	c.everybody = true
	if err := l.begin(ctx); err != nil {
		return nil, err
	}
	if err := l.loadCommon(ctx, c); err != nil {
		return nil, err
	}
	var all []person
	if err := l.eachPage(ctx, c, func() { all = append(all, l.s.people...) }); err != nil {
		return nil, err
	}
	l.s.people, l.index = all, nil
	return l.s, l.loadOwners(ctx, c)
}
