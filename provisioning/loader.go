package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// bulkFrom is from how many people on everything is read in order instead of person by
// person.
const bulkFrom = 200

// loader reads a snapshot within one transaction. It asks for no more than the people
// and groups concerned need.
type loader struct {
	e        *Engine
	tx       store.Store
	tenantID string
	settings store.ProvisioningSettings
	mapper   GroupMapper
	s        *snapshot
}

// newLoader reads the tenant's settings, unless others are given to be tried.
func (e *Engine) newLoader(ctx context.Context, tx store.Store, tenantID string, try *store.ProvisioningSettings) (*loader, error) {
	l := &loader{e: e, tx: tx, tenantID: tenantID}
	if try != nil {
		l.settings = *try
	} else {
		var err error
		if l.settings, err = settingsOf(ctx, tx, tenantID); err != nil {
			return nil, err
		}
	}
	var err error
	if l.mapper, err = e.mapperOf(l.settings); err != nil {
		return nil, err
	}
	return l, nil
}

// load reads the snapshot.
func (l *loader) load(ctx context.Context, c *concern) (*snapshot, error) {
	_, deleter := l.e.cfg.Target.(TeamDeleter)
	l.s = &snapshot{
		tenantID: l.tenantID, settings: l.settings, roles: l.e.roles,
		maxTeamName: l.e.cfg.MaxTeamName, deleteTeams: deleter,
		groups: map[string]groupState{}, teams: map[string]Team{}, owners: map[string]bool{},
	}
	steps := []func(context.Context, *concern) error{
		l.loadTenant, l.loadPeople, l.loadGroups, l.loadHost, l.loadMatches, l.askMapper, l.loadTeams, l.loadOwners,
	}
	for _, step := range steps {
		if err := step(ctx, c); err != nil {
			return nil, err
		}
	}
	return l.s, nil
}

func (l *loader) loadTenant(ctx context.Context, _ *concern) error {
	var err error
	if l.s.rootID, err = l.e.cfg.Target.RootAccount(ctx, l.tx, l.tenantID); err != nil {
		return hostErr("read the root account", err)
	}
	if _, l.s.keepPhone, err = directoryState(ctx, l.tx, l.tenantID); err != nil {
		return err
	}
	l.s.breakGlass, err = breakGlassOf(ctx, l.tx, l.tenantID)
	return err
}

// breakGlassOf returns the folded addresses that may sign in without the provider.
func breakGlassOf(ctx context.Context, tx store.Store, tenantID string) (map[string]bool, error) {
	list, err := tx.Connections(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, c := range list {
		switch c.State {
		case store.ConnectionActive, store.ConnectionSuspended, store.ConnectionApproved:
			for _, email := range c.BreakGlass {
				out[foldEmail(email)] = true
			}
		}
	}
	return out, nil
}

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
		if p.user != nil {
			p.profile = ProfileOf(*p.user)
			p.profile.KeepPhone = l.s.keepPhone
		} else if p.record != nil {
			p.profile = Profile{SCIMUserID: p.scimUserID, Email: p.record.Email}
		}
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
	l.s.people = append(l.s.people, p)
	return nil
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
		l.s.people = append(l.s.people, p)
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
		if a := byID[id]; !done[id] && (a.SCIMUserID != "" || len(grants[id]) > 0) && wanted(a.SCIMUserID, id) {
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
	for after := (store.GrantKey{}); ; {
		page, err := l.tx.AllGrants(ctx, l.tenantID, after, store.MaxLimit)
		if err != nil {
			return nil, err
		}
		for _, g := range page {
			out[g.AccountID] = append(out[g.AccountID], g)
		}
		if len(page) < store.MaxLimit {
			return out, nil
		}
		after = page[len(page)-1].Key()
	}
}

// loadGroups finds the groups that people are in, those concerned, and the names of
// those that gave something.
func (l *loader) loadGroups(ctx context.Context, c *concern) error {
	ids := map[string]bool{}
	if c.everybody {
		for g, err := range pages(func(after string) (store.Page[store.SCIMGroup], error) {
			return l.tx.SCIMGroups(ctx, l.tenantID, store.Query{After: after, WithoutBody: true})
		}) {
			if err != nil {
				return err
			}
			l.s.groups[g.ID] = groupState{name: g.DisplayName, exists: true}
			ids[g.ID] = true
		}
	}
	for id := range c.groups {
		ids[id] = true
	}
	if err := l.loadMemberships(ctx, ids); err != nil {
		return err
	}
	for _, p := range l.s.people {
		for _, g := range p.grants {
			if _, known := l.s.groups[g.GroupID]; !known && !ids[g.GroupID] {
				if err := l.loadGroup(ctx, g.GroupID); err != nil {
					return err
				}
			}
		}
	}
	if err := l.loadTeamGrants(ctx, c, ids); err != nil {
		return err
	}
	for _, id := range sortedKeys(ids) {
		if _, known := l.s.groups[id]; !known || !l.s.groups[id].exists {
			if err := l.loadGroup(ctx, id); err != nil {
				return err
			}
		}
	}
	l.s.looked = sortedKeys(ids)
	return nil
}

func (l *loader) loadGroup(ctx context.Context, id string) error {
	state := l.s.groups[id]
	g, err := l.tx.SCIMGroup(ctx, l.tenantID, id)
	if err == nil {
		state.name, state.exists = g.DisplayName, true
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	l.s.groups[id] = state
	return nil
}

// loadMemberships reads the groups of the active people into their gives, still
// without the mapper's answer.
func (l *loader) loadMemberships(ctx context.Context, ids map[string]bool) error {
	var users []string
	index := map[string]int{}
	for i, p := range l.s.people {
		if p.user != nil {
			users = append(users, p.scimUserID)
			index[p.scimUserID] = i
		}
	}
	for chunk := range slices.Chunk(users, store.MaxLimit) {
		of, err := l.tx.SCIMGroupsOf(ctx, l.tenantID, chunk...)
		if err != nil {
			return err
		}
		for user, refs := range of {
			p := &l.s.people[index[user]]
			for _, ref := range refs {
				ids[ref.ID] = true
				l.s.groups[ref.ID] = groupState{name: ref.DisplayName, exists: true}
				p.groups = append(p.groups, Group{ID: ref.ID, Name: ref.DisplayName})
			}
		}
	}
	return nil
}

// loadTeamGrants finds the groups' own teams.
func (l *loader) loadTeamGrants(ctx context.Context, c *concern, ids map[string]bool) error {
	put := func(g store.Grant) {
		state := l.s.groups[g.GroupID]
		state.team = &g
		l.s.groups[g.GroupID] = state
		ids[g.GroupID] = true
	}
	if c.everybody || len(ids) > bulkFrom {
		all, err := l.tx.Grants(ctx, l.tenantID, "")
		if err != nil {
			return err
		}
		for _, g := range all {
			if c.everybody || ids[g.GroupID] {
				put(g)
			}
		}
		return nil
	}
	for _, id := range sortedKeys(ids) {
		// The lines of a group's team have no account and so come first.
		first, err := l.tx.GrantsOfGroup(ctx, l.tenantID, id, store.GrantKey{}, 1)
		if err != nil {
			return err
		}
		if len(first) == 1 && first[0].Kind == store.GrantTeam {
			put(first[0])
		}
	}
	return nil
}

// loadHost asks the host about the accounts concerned.
func (l *loader) loadHost(ctx context.Context, _ *concern) error {
	var ids []string
	index := map[string]int{}
	for i, p := range l.s.people {
		if p.record != nil {
			ids = append(ids, p.record.ID)
			index[p.record.ID] = i
		}
	}
	for chunk := range slices.Chunk(ids, store.MaxLimit) {
		states, err := l.e.cfg.Target.Accounts(ctx, l.tx, l.tenantID, chunk)
		if err != nil {
			return hostErr("read accounts", err)
		}
		for _, st := range states {
			i, asked := index[st.ID]
			if !asked {
				return hostErr("read accounts", fmt.Errorf("expected the accounts asked for, got %q", st.ID))
			}
			l.s.people[i].host = &st
		}
	}
	return nil
}

// loadMatches looks for accounts that new people may take over.
func (l *loader) loadMatches(ctx context.Context, _ *concern) error {
	for i := range l.s.people {
		p := &l.s.people[i]
		if p.record != nil || p.user == nil || !p.user.Active || p.profile.Email == "" {
			continue
		}
		m, err := l.e.cfg.Target.AccountByEmail(ctx, l.tx, l.tenantID, p.profile.Email)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return hostErr("find an account by its address", err)
		}
		p.match = &m
		a, err := l.tx.Account(ctx, l.tenantID, m.ID)
		if err == nil {
			p.matchRecord = &a
			if p.grants, err = l.tx.Grants(ctx, l.tenantID, m.ID); err != nil {
				return err
			}
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (l *loader) askMapper(ctx context.Context, _ *concern) error {
	for _, id := range l.s.looked {
		g := l.s.groups[id]
		if g.exists {
			g.own, g.mapErr = mapGroups(ctx, l.mapper, l.tenantID, []Group{{ID: id, Name: g.name}})
			l.s.groups[id] = g
		}
	}
	for i := range l.s.people {
		p := &l.s.people[i]
		p.gives, p.mapErr = mapGroups(ctx, l.mapper, l.tenantID, p.groups)
	}
	return ctx.Err()
}

// loadTeams reads the teams that rules and ledger name, and all of them where a name
// must not be taken.
func (l *loader) loadTeams(ctx context.Context, c *concern) error {
	ids := map[string]bool{}
	for _, p := range l.s.people {
		for _, g := range p.grants {
			if g.Kind == store.GrantMembership {
				ids[g.ResourceID] = true
			}
		}
		for _, g := range p.gives {
			ids[g.TeamID] = true
		}
	}
	for _, g := range l.s.groups {
		if g.team != nil {
			ids[g.team.ResourceID] = true
		}
		for _, give := range g.own {
			ids[give.TeamID] = true
		}
	}
	delete(ids, "")
	if c.everybody {
		return l.readTeams(ctx, nil)
	}
	for chunk := range slices.Chunk(sortedKeys(ids), store.MaxLimit) {
		if err := l.readTeams(ctx, chunk); err != nil {
			return err
		}
	}
	if !l.namesTeam() {
		return nil
	}
	if err := l.readTeams(ctx, nil); err != nil {
		return err
	}
	// Which of these teams belong to groups decides about conflicts.
	grants, err := l.tx.Grants(ctx, l.tenantID, "")
	for _, g := range grants {
		if state, known := l.s.groups[g.GroupID]; !known || state.team == nil {
			state.team = &g
			if state.name == "" {
				state.name = l.s.teams[g.ResourceID].Name
			}
			l.s.groups[g.GroupID] = state
		}
	}
	return err
}

// namesTeam says whether a team will be made or renamed.
func (l *loader) namesTeam() bool {
	for _, id := range l.s.looked {
		g := l.s.groups[id]
		if _, wants := groupTeamGive(g.own); !wants || !g.exists {
			continue
		}
		if g.team == nil || l.s.teams[g.team.ResourceID].Name != teamName(g.name, l.s.maxTeamName) {
			return true
		}
	}
	return false
}

func (l *loader) readTeams(ctx context.Context, ids []string) error {
	teams, err := l.e.cfg.Target.Teams(ctx, l.tx, l.tenantID, ids)
	if err != nil {
		return hostErr("read teams", err)
	}
	for _, t := range teams {
		l.s.teams[t.ID] = t
	}
	return nil
}

// loadOwners asks who owns the organisation, if an owner is concerned.
func (l *loader) loadOwners(ctx context.Context, _ *concern) error {
	top := l.e.roles.top()
	if !slices.ContainsFunc(l.s.people, func(p person) bool { return p.host != nil && p.host.OrgRole == top }) {
		return nil
	}
	ids, err := l.e.cfg.Target.Owners(ctx, l.tx, l.tenantID)
	if err != nil {
		return hostErr("read the owners", err)
	}
	l.s.owners = set(ids)
	return nil
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
