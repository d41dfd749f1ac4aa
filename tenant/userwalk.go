package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// userWalk reads people of one tenant. It holds what a page of them has in common.
type userWalk struct {
	s           *Service
	tenantID    string
	connections map[string]store.Connection
	directories []store.Directory
	breakGlass  map[string]bool
}

func (s *Service) walkUsers(ctx context.Context, tenantID string) (*userWalk, error) {
	w := &userWalk{s: s, tenantID: tenantID, connections: map[string]store.Connection{}, breakGlass: map[string]bool{}}
	connections, err := s.store.Connections(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("tenant: reading connections: %w", err)
	}
	for _, c := range connections {
		w.connections[c.ID] = c
		for _, email := range c.BreakGlass {
			w.breakGlass[email] = true
		}
	}
	if w.directories, err = s.store.Directories(ctx, tenantID); err != nil {
		return nil, fmt.Errorf("tenant: reading directories: %w", err)
	}
	return w, nil
}

// userBatch is a few people, each with the place after them.
type userBatch struct {
	users []AssociatedUser
	at    []userCursor
	next  userCursor
	// looked is how many records were read for it.
	looked int
}

// person is what is known of somebody before it becomes a line.
type person struct {
	at      userCursor
	host    *HostUser
	account *store.Account
	scim    *store.SCIMUser
	id      string // of the account
	links   []store.Identity
}

// read reads up to n people from a place on, perhaps fewer, and where to go on.
func (w *userWalk) read(ctx context.Context, at userCursor, n int) (userBatch, error) {
	n = min(n, store.MaxLimit)
	var people []*person
	var b userBatch
	var err error
	switch at.part {
	case partAccounts:
		people, b.next, err = w.readAccounts(ctx, at.after, n)
		b.looked = len(people)
	case partSCIM:
		people, b.next, b.looked, err = w.readSCIM(ctx, at.after, n)
	case partLinks:
		people, b.next, b.looked, err = w.readLinks(ctx, at.after, n)
	default:
		b.next = userCursor{part: partEnd}
	}
	if err != nil {
		return userBatch{}, err
	}
	if err := w.complete(ctx, people); err != nil {
		return userBatch{}, err
	}
	for _, p := range people {
		b.users, b.at = append(b.users, w.line(p)), append(b.at, p.at)
	}
	return b, nil
}

// readAccounts merges the host's users and our records of accounts, which have the same IDs and the same order.
func (w *userWalk) readAccounts(ctx context.Context, after string, n int) ([]*person, userCursor, error) {
	page, err := w.s.store.Accounts(ctx, w.tenantID, store.Query{After: after, Limit: n})
	if err != nil {
		return nil, userCursor{}, fmt.Errorf("tenant: reading accounts: %w", err)
	}
	users, err := w.s.hostUsers(ctx, w.tenantID, after, n)
	if err != nil {
		return nil, userCursor{}, err
	}
	// Beyond the end of either page the other may have somebody who is not read yet.
	bounded, bound := page.More, page.Next
	if len(users) == n {
		if last := users[n-1].ID; !bounded || last < bound {
			bounded, bound = true, last
		}
	}
	var people []*person
	for i, j := 0, 0; len(people) < n && (i < len(page.Items) || j < len(users)); {
		p := &person{}
		switch {
		case j == len(users) || i < len(page.Items) && page.Items[i].ID < users[j].ID:
			p.account, p.id = &page.Items[i], page.Items[i].ID
			i++
		case i == len(page.Items) || users[j].ID < page.Items[i].ID:
			p.host, p.id = &users[j], users[j].ID
			j++
		default:
			p.account, p.host, p.id = &page.Items[i], &users[j], users[j].ID
			i++
			j++
		}
		if bounded && p.id > bound {
			break
		}
		p.at = userCursor{part: partAccounts, after: p.id}
		people = append(people, p)
	}
	switch {
	case len(people) == n && n > 0:
		return people, people[n-1].at, nil
	case bounded:
		return people, userCursor{part: partAccounts, after: bound}, nil
	}
	return people, userCursor{part: partSCIM}, nil
}

// readSCIM looks at a page of provisioned users, and keeps those without an account.
func (w *userWalk) readSCIM(ctx context.Context, after string, n int) ([]*person, userCursor, int, error) {
	page, err := w.s.store.SCIMUsers(ctx, w.tenantID, store.Query{After: after, WithoutBody: true, ReadOnly: true})
	if err != nil {
		return nil, userCursor{}, 0, fmt.Errorf("tenant: reading provisioned users: %w", err)
	}
	ids := make([]string, len(page.Items))
	for i := range page.Items {
		ids[i] = page.Items[i].ID
	}
	have, err := w.haveAccounts(ctx, ids)
	if err != nil {
		return nil, userCursor{}, 0, err
	}
	var people []*person
	for _, id := range ids {
		if have[id] {
			continue
		}
		p := &person{at: userCursor{part: partSCIM, after: id}, scim: &store.SCIMUser{Meta: store.Meta{ID: id}}}
		if people = append(people, p); len(people) == n {
			return people, p.at, len(ids), nil
		}
	}
	if page.More {
		return people, userCursor{part: partSCIM, after: page.Next}, len(ids), nil
	}
	next := userCursor{part: partEnd}
	if _, ok := w.s.store.(store.PeopleReader); ok && w.s.cfg.Users == nil {
		next.part = partLinks
	}
	return people, next, len(ids), nil
}

// haveAccounts says which provisioned users have an account.
func (w *userWalk) haveAccounts(ctx context.Context, scimUserIDs []string) (map[string]bool, error) {
	have := map[string]bool{}
	if st, ok := w.s.store.(store.PeopleReader); ok {
		accounts, err := st.AccountsOfSCIMUsers(ctx, w.tenantID, scimUserIDs)
		if err != nil {
			return nil, fmt.Errorf("tenant: reading accounts: %w", err)
		}
		for _, a := range accounts {
			have[a.SCIMUserID] = true
		}
		return have, nil
	}
	for _, id := range scimUserIDs {
		switch _, err := w.s.store.AccountOfSCIMUser(ctx, w.tenantID, id); {
		case err == nil:
			have[id] = true
		case !errors.Is(err, store.ErrNotFound):
			return nil, fmt.Errorf("tenant: reading an account: %w", err)
		}
	}
	return have, nil
}

// readLinks looks at a page of links, and keeps the first of each account of which we have no record.
func (w *userWalk) readLinks(ctx context.Context, after string, n int) ([]*person, userCursor, int, error) {
	st, ok := w.s.store.(store.PeopleReader)
	if !ok {
		return nil, userCursor{part: partEnd}, 0, nil
	}
	page, err := w.s.store.Identities(ctx, w.tenantID, store.Query{After: after})
	if err != nil {
		return nil, userCursor{}, 0, fmt.Errorf("tenant: reading linked identities: %w", err)
	}
	var ids []string
	for _, i := range page.Items {
		ids = append(ids, i.AccountID)
	}
	recorded, err := st.AccountsWithIDs(ctx, w.tenantID, ids)
	if err != nil {
		return nil, userCursor{}, 0, fmt.Errorf("tenant: reading accounts: %w", err)
	}
	known := map[string]bool{}
	for _, a := range recorded {
		known[a.ID] = true
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return known[id] })
	links, err := w.linksOf(ctx, ids)
	if err != nil {
		return nil, userCursor{}, 0, err
	}
	var people []*person
	for _, i := range page.Items {
		if known[i.AccountID] || len(links[i.AccountID]) == 0 || links[i.AccountID][0].ID != i.ID {
			continue
		}
		p := &person{at: userCursor{part: partLinks, after: i.ID}, id: i.AccountID}
		if people = append(people, p); len(people) == n {
			return people, p.at, len(page.Items), nil
		}
	}
	if page.More {
		return people, userCursor{part: partLinks, after: page.Next}, len(page.Items), nil
	}
	return people, userCursor{part: partEnd}, len(page.Items), nil
}

// linksOf returns the links of accounts, oldest first.
func (w *userWalk) linksOf(ctx context.Context, accountIDs []string) (map[string][]store.Identity, error) {
	out := map[string][]store.Identity{}
	if st, ok := w.s.store.(store.PeopleReader); ok {
		links, err := st.IdentitiesOfAccounts(ctx, w.tenantID, accountIDs)
		if err != nil {
			return nil, fmt.Errorf("tenant: reading linked identities: %w", err)
		}
		for _, i := range links {
			out[i.AccountID] = append(out[i.AccountID], i)
		}
		return out, nil
	}
	for _, id := range accountIDs {
		links, err := w.s.store.IdentitiesOf(ctx, w.tenantID, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("tenant: reading linked identities: %w", err)
		}
		out[id] = links
	}
	return out, nil
}

// complete reads what a page of people needs beside, each kind at once.
func (w *userWalk) complete(ctx context.Context, people []*person) error {
	var accountIDs, scimIDs []string
	for _, p := range people {
		if p.id != "" {
			accountIDs = append(accountIDs, p.id)
		}
		if p.account != nil && p.account.SCIMUserID != "" {
			scimIDs = append(scimIDs, p.account.SCIMUserID)
		} else if p.scim != nil {
			scimIDs = append(scimIDs, p.scim.ID)
		}
	}
	links, err := w.linksOf(ctx, accountIDs)
	if err != nil {
		return err
	}
	users, err := w.scimUsers(ctx, scimIDs)
	if err != nil {
		return err
	}
	for _, p := range people {
		p.links = links[p.id]
		switch {
		case p.account != nil:
			p.scim = users[p.account.SCIMUserID]
		case p.scim != nil && users[p.scim.ID] != nil:
			p.scim = users[p.scim.ID]
		}
	}
	return nil
}

func (w *userWalk) scimUsers(ctx context.Context, ids []string) (map[string]*store.SCIMUser, error) {
	out := map[string]*store.SCIMUser{}
	if len(ids) == 0 {
		return out, nil
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	q := store.Query{Filter: store.In{Attr: store.AttrID, Values: ids}, ReadOnly: true}
	for {
		page, err := w.s.store.SCIMUsers(ctx, w.tenantID, q)
		if err != nil {
			return nil, fmt.Errorf("tenant: reading provisioned users: %w", err)
		}
		for i := range page.Items {
			if wanted[page.Items[i].ID] { // a store may apply less of the filter
				out[page.Items[i].ID] = &page.Items[i]
			}
		}
		if !page.More || len(out) == len(wanted) {
			return out, nil
		}
		q.After = page.Next
	}
}

// line says what is known of somebody.
func (w *userWalk) line(p *person) AssociatedUser {
	u := AssociatedUser{AccountID: p.id, State: UserActive}
	var provisioned, email string
	if p.scim != nil {
		u.SCIMUserID, u.ExternalID, u.UserName, u.LastSync = p.scim.ID, p.scim.ExternalID, p.scim.UserName, p.scim.UpdatedAt
		u.DirectoryActive = p.scim.Active
		provisioned, email = namesOf(p.scim)
	}
	u.Email, u.Name = email, provisioned
	if p.account != nil {
		u.Email, u.EmailUnproven = first(p.account.Email, u.Email), p.account.EmailUnproven
	}
	if p.host != nil {
		u.Email, u.Name, u.Root = first(p.host.Email, u.Email), first(p.host.Name, u.Name), p.host.Root
	}
	for _, i := range p.links {
		c := w.connections[i.ConnectionID]
		u.Identities = append(u.Identities, UserIdentity{
			ConnectionID: i.ConnectionID, Connection: managerName(c), Issuer: i.Issuer, Subject: i.Subject, Email: i.Email, LastSignInAt: i.LastSignInAt,
		})
		u.Email = first(u.Email, i.Email)
		if i.LastSignInAt.After(u.LastSignIn) {
			u.LastSignIn = i.LastSignInAt
		}
	}
	u.Sources, u.State = p.sources(), p.state()
	if u.LastSync.IsZero() {
		u.LastSync = p.leftAt()
	}
	if u.SCIMUserID != "" {
		u.Lock = w.lock(&u)
	}
	if email, err := NormalizeEmail(u.Email); err == nil {
		u.BreakGlass = w.breakGlass[email]
	}
	return u
}

// sources are how somebody came: by our record, by what the host says beside it, and by a directory that has them.
func (p *person) sources() []store.AccountSource {
	var out []store.AccountSource
	add := func(s store.AccountSource) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if p.account != nil {
		add(p.account.Source)
	}
	if p.host != nil {
		add(p.host.Source)
	}
	if p.scim != nil && !slices.Contains(out, store.SourceConverted) {
		add(store.SourceSCIM)
	}
	if len(out) == 0 {
		add(store.SourceManual)
	}
	return out
}

// state is what somebody can do. Where there is an account its own state counts: a break-glass owner keeps access whatever
// the directory says.
func (p *person) state() UserState {
	switch {
	case p.account != nil && !p.account.Active, p.host != nil && p.host.State == UserSuspended:
		return UserSuspended
	case p.host != nil && p.host.State == UserInvited:
		return UserInvited
	case p.id == "" && p.scim != nil && !p.scim.Active:
		return UserSuspended
	case p.id == "":
		return UserPending
	}
	return UserActive
}

// leftAt is when the directory deleted somebody whose account it ended; zero for others.
func (p *person) leftAt() time.Time {
	if p.account == nil || p.account.Active || p.account.Source != store.SourceSCIM && p.account.Source != store.SourceConverted {
		return time.Time{}
	}
	return p.account.UpdatedAt
}

// lock finds the directory that manages somebody: the tenant's only one, or that of a connection where they signed in.
func (w *userWalk) lock(u *AssociatedUser) *UserLock {
	for _, d := range w.directories {
		signedIn := slices.ContainsFunc(u.Identities, func(i UserIdentity) bool { return i.ConnectionID == d.ConnectionID })
		if len(w.directories) == 1 || signedIn {
			l := &UserLock{DirectoryID: d.ID, ConnectionID: d.ConnectionID, Enabled: d.Enabled, Manager: first(managerName(w.connections[d.ConnectionID]), unknownManager)}
			l.Message = lockMessage(l.Manager, l.Enabled)
			return l
		}
	}
	l := &UserLock{Manager: unknownManager, Enabled: slices.ContainsFunc(w.directories, func(d store.Directory) bool { return d.Enabled })}
	l.Message = lockMessage(l.Manager, l.Enabled)
	return l
}

const unknownManager = "your directory"

// managerName is what a connection's provider is called.
func managerName(c store.Connection) string {
	if c.Name != "" {
		return c.Name
	}
	u, err := url.Parse(c.Authority)
	if err != nil {
		return ""
	}
	return u.Host
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
