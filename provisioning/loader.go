package provisioning

import (
	"context"
	"errors"
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
	was      *store.ProvisioningSettings // those before, where others are tried
	reset    *Reset
	external bool // the mapper looks at externalId
	// assume are accounts of users as they would be, by the user's ID.
	assume map[string]store.Account
	s      *snapshot
	shared shared
	// authority is what values of roles and claims give.
	authority authority
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
	l.authority = newAuthority(l.settings.Authority)
	if m, ok := l.mapper.(ExternalIDMapper); ok {
		l.external = m.NeedsExternalID()
	}
	return l, nil
}

// load reads the snapshot.
func (l *loader) load(ctx context.Context, c *concern) (*snapshot, error) {
	_, canDelete := l.e.cfg.Target.(TeamDeleter)
	_, canArchive := l.e.cfg.Target.(TeamArchiver)
	l.s = &snapshot{
		tenantID: l.tenantID, settings: l.settings, roles: l.e.roles,
		maxTeamName: l.e.cfg.MaxTeamName, deleteAfter: max(0, l.e.cfg.DeleteAfter), canDelete: canDelete, canArchive: canArchive, reset: l.reset, deleteAccounts: l.e.deletesAccounts(l.settings),
		groups: map[string]groupState{}, teams: map[string]Team{}, owners: map[string]bool{},
	}
	l.s.overrides, _ = liveOverrides(l.settings.Overrides, l.e.cfg.Now())
	steps := []func(context.Context, *concern) error{
		l.loadTenant, l.loadPeople, l.loadGroups, l.loadHost, l.loadMatches, l.loadSeats, l.askMapper, l.loadTeams, l.loadLost, l.loadOwners, l.loadRecreated, l.loadNested,
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
	if l.s.rootID, err = l.e.target.RootAccount(ctx, l.tx, l.tenantID); err != nil {
		return hostErr("read the root account", err)
	}
	if _, l.s.keepPhone, err = directoryState(ctx, l.tx, l.tenantID); err != nil {
		return err
	}
	if f := l.e.cfg.Fields; f != nil {
		if l.s.fields, err = f.choicesOf(ctx, l.tx, l.tenantID); err != nil {
			return err
		}
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
		if c.ChangeOf != "" {
			continue // not in force
		}
		switch c.State {
		case store.ConnectionActive, store.ConnectionSuspended, store.ConnectionApproved:
			for _, email := range c.BreakGlass {
				out[foldEmail(email)] = true
			}
		}
	}
	return out, nil
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
		states, err := l.e.target.Accounts(ctx, l.tx, l.tenantID, chunk)
		if err != nil {
			return hostErr("read accounts", err)
		}
		for _, st := range states { // only those asked for
			l.s.people[index[st.ID]].host = &st
		}
	}
	return nil
}

// loadMatches looks for accounts that new people may take over.
func (l *loader) loadMatches(ctx context.Context, _ *concern) error {
	var t *ties
	for i := range l.s.people {
		p := &l.s.people[i]
		if p.record != nil || p.user == nil {
			continue
		}
		if !p.user.Active {
			if err := l.loadLostMatch(ctx, p); err != nil {
				return err
			}
			continue
		}
		if t == nil {
			have, err := l.loadTies(ctx)
			if err != nil {
				return err
			}
			t = &have
		}
		if err := l.loadMatch(ctx, *t, p); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) loadMatch(ctx context.Context, t ties, p *person) (err error) {
	if rec, ok := l.assume[p.scimUserID]; ok {
		return l.assumeMatch(ctx, p, rec)
	}
	if p.match, p.matchRecord, err = l.matchByTie(ctx, t, p.profile); err != nil {
		return err
	}
	byHand := p.match != nil && p.matchRecord.Convertible && p.matchRecord.Conversion.Address != ""
	if p.profile.Email != "" && !byHand {
		m, err := l.e.target.AccountByEmail(ctx, l.tx, l.tenantID, p.profile.Email)
		var odd *wrongAnswer
		switch {
		case errors.Is(err, store.ErrNotFound):
		case errors.As(err, &odd):
			p.hostErr = hostErr("find an account by its address", err)
			return nil
		case err != nil:
			return hostErr("find an account by its address", err)
		case p.match != nil && p.match.ID != m.ID:
			rec, err := l.tx.Account(ctx, l.tenantID, m.ID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if p.ambiguous = !rec.Convertible; !p.ambiguous {
				p.match, p.matchRecord = &m, &rec // somebody chose this one
			}
		case p.match != nil:
		default:
			p.match = &m
		}
	}
	if p.match == nil {
		return nil
	}
	if p.matchRecord == nil {
		a, err := l.tx.Account(ctx, l.tenantID, p.match.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		p.matchRecord = &a
	}
	p.grants, err = l.tx.Grants(ctx, l.tenantID, p.match.ID)
	return err
}

// assumeMatch shows a user as one who takes over the account as it would be.
func (l *loader) assumeMatch(ctx context.Context, p *person, rec store.Account) error {
	list, err := l.e.target.Accounts(ctx, l.tx, l.tenantID, []string{rec.ID})
	if err != nil {
		return hostErr("read accounts", err)
	}
	p.match = &AccountState{ID: rec.ID, Email: rec.Email, Active: true} // not in the tenant yet
	if len(list) == 1 && list[0].ID == rec.ID {
		p.match = &list[0]
	}
	p.matchRecord = &rec
	p.grants, err = l.tx.Grants(ctx, l.tenantID, rec.ID)
	return err
}

func (l *loader) askMapper(ctx context.Context, _ *concern) error {
	var late error
	ask := func(groups []Group) (gives []Give, err error) {
		if late != nil && len(groups) > 0 {
			return nil, late // the others do not wait as long, one after the other
		}
		if gives, err = mapGroups(ctx, l.mapper, l.tenantID, groups); lateMapper(err) {
			late = err
		}
		return gives, err
	}
	auto, _ := l.mapper.(*AutoMapper)
	for _, id := range l.s.looked {
		g := l.s.groups[id]
		if g.exists {
			g.own, g.mapErr = ask([]Group{l.group(id, g)})
			g.own = ofGroups(l.settings.Authority, g.own)
			if auto != nil {
				g.decision = auto.decision(id)
			}
			l.s.groups[id] = g
		}
	}
	l.fellOut()
	for i := range l.s.people {
		p := &l.s.people[i]
		groups := make([]Group, len(p.groups))
		for k, id := range p.groups {
			groups[k] = l.group(id, l.s.groups[id])
		}
		gives, err := ask(groups)
		gives = append(ofGroups(l.settings.Authority, gives), l.giveValues(p)...)
		p.gives, p.mapErr = l.shared.gives(gives), err
	}
	return ctx.Err()
}

// loadOwners asks who owns the organisation, if an owner is concerned.
func (l *loader) loadOwners(ctx context.Context, _ *concern) error {
	top := l.e.roles.top()
	if !slices.ContainsFunc(l.s.people, func(p person) bool { return p.host != nil && p.host.OrgRole == top }) {
		return nil
	}
	ids, err := l.e.target.Owners(ctx, l.tx, l.tenantID)
	if err != nil {
		return hostErr("read the owners", err)
	}
	l.s.owners = set(ids)
	return nil
}
