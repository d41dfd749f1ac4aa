package provisioning

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	// manyTeams is from how many teams on the ledger's lines of teams are read in pages.
	manyTeams = 4
	// linesPerTeam is how many lines that nobody asked about are better read than asked for once more.
	linesPerTeam = 64
)

// lockReader answers one call. It reads each kind of record once for all changes.
type lockReader struct {
	locks    *Locks
	tx       store.Store
	tenantID string
	now      time.Time
	since    bool // say since when groups gave something
	nameless bool // groups need no names

	dirs []store.Directory
	// claimsOnly says that there is no directory: what claims gave may be locked all the same.
	claimsOnly bool
	accounts   map[string]store.Account
	grants     map[string][]store.Grant // of GrantMembership and GrantOrgRole, by account
	teams      map[string]store.Grant   // by team
	users      map[string]bool          // provisioned users that there are
	groups     map[string]string        // names by ID
	// sync is what holds for all that directories manage.
	sync syncState
}

// managed is a change of what a directory manages, unless its lock is lifted.
type managed struct {
	index   int
	change  Change
	variant LockVariant
	choice  string   // the SCIM attribute about which the tenant has the choice
	groups  []string // those that gave it, by ID
	since   time.Time
}

func (r *lockReader) read(ctx context.Context, changes []Change) ([]Lock, error) {
	out := make([]Lock, len(changes))
	var err error
	if r.dirs, err = r.tx.Directories(ctx, r.tenantID); err != nil {
		return out, err
	}
	if r.claimsOnly = len(r.dirs) == 0; r.claimsOnly {
		settings, err := settingsOf(ctx, r.tx, r.tenantID)
		if err != nil || !hears(settings.Authority, store.AuthorityClaims) {
			return out, err
		}
	}
	if err := r.loadChanges(ctx, changes); err != nil {
		return nil, err
	}
	var found []managed
	for i, c := range changes {
		if m, ok := r.managed(c); ok {
			m.index, m.change = i, c
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		return out, nil
	}
	if r.sync, err = r.loadSync(ctx); err != nil {
		return nil, err
	}
	if err := r.loadManaged(ctx, found); err != nil {
		return nil, err
	}
	for _, m := range found {
		out[m.index] = r.lock(m)
		if r.since && m.since.IsZero() && out[m.index].Lifted == "" {
			if out[m.index].Since, err = r.sinceWhen(ctx, m); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// loadChanges reads what decides whether a directory manages what is to be changed.
func (r *lockReader) loadChanges(ctx context.Context, changes []Change) error {
	users, holders, teams := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, c := range changes {
		switch c.Resource.Kind {
		case ResourceUser:
			users[c.Resource.AccountID] = !r.editable(c) || users[c.Resource.AccountID]
		case ResourceTeam:
			teams[c.Resource.TeamID] = true
		case ResourceMembership:
			if c.Op == OpCreate {
				teams[c.Resource.TeamID] = true
			} else {
				holders[c.Resource.AccountID] = !c.ofTeamRole()
			}
		case ResourceOrgRole:
			holders[c.Resource.AccountID] = true
		}
	}
	if err := r.loadAccounts(ctx, users); err != nil {
		return err
	}
	if err := r.loadGrants(ctx, holders); err != nil {
		return err
	}
	return r.loadTeams(ctx, teams)
}

// keysOf returns the keys that are set, but for the empty one.
func keysOf(m map[string]bool) []string {
	maps.DeleteFunc(m, func(k string, wanted bool) bool { return !wanted || k == "" })
	return sortedKeys(m)
}

func (r *lockReader) loadAccounts(ctx context.Context, wanted map[string]bool) error {
	if r.accounts == nil {
		r.accounts = map[string]store.Account{}
	}
	ids := slices.DeleteFunc(keysOf(wanted), func(id string) bool { _, known := r.accounts[id]; return known })
	people, ok := store.Unwrap(r.tx).(store.PeopleReader)
	if !ok || len(ids) == 1 {
		for _, id := range ids {
			a, err := r.tx.Account(ctx, r.tenantID, id)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			r.accounts[id] = a
		}
		return nil
	}
	if len(ids) == 0 {
		return nil
	}
	list, err := people.AccountsWithIDs(ctx, r.tenantID, ids)
	for _, a := range list {
		r.accounts[a.ID] = a
	}
	return err
}

func (r *lockReader) loadGrants(ctx context.Context, wanted map[string]bool) error {
	r.grants = map[string][]store.Grant{}
	ids := keysOf(wanted)
	var list []store.Grant
	var err error
	switch len(ids) {
	case 0:
	case 1:
		list, err = r.tx.Grants(ctx, r.tenantID, ids[0])
	default:
		list, err = store.GrantsOfAccounts(ctx, r.tx, r.tenantID, ids)
	}
	for _, g := range list {
		if g.GroupID != store.GrantedByDefault {
			r.grants[g.AccountID] = append(r.grants[g.AccountID], g)
		}
	}
	return err
}

// loadTeams finds the groups that have the teams.
func (r *lockReader) loadTeams(ctx context.Context, wanted map[string]bool) error {
	r.teams = map[string]store.Grant{}
	ids := keysOf(wanted)
	if len(ids) >= manyTeams {
		return r.loadManyTeams(ctx, ids)
	}
	for _, id := range ids {
		// The line after the team's first possible one is its own, or another's.
		after := store.GrantKey{Kind: store.GrantTeam, ResourceID: id}
		list, err := r.tx.AllGrants(ctx, r.tenantID, after, 1)
		if err != nil {
			return err
		}
		if len(list) == 1 && list[0].AccountID == "" && list[0].Kind == store.GrantTeam && list[0].ResourceID == id {
			r.teams[id] = list[0]
		}
	}
	return nil
}

// loadManyTeams reads the ledger's lines of teams on from each one that was not met yet, in order. The teams of a list are
// often most that there are, and then one page has them; where they lie far apart, pages get small. What is read grows with
// the teams that are asked about, not with those that there are.
func (r *lockReader) loadManyTeams(ctx context.Context, ids []string) error {
	limit := min(2*len(ids), store.MaxLimit)
	for len(ids) > 0 {
		list, err := r.tx.AllGrants(ctx, r.tenantID, store.GrantKey{Kind: store.GrantTeam, ResourceID: ids[0]}, limit)
		if err != nil {
			return err
		}
		asked := len(ids)
		for _, g := range list {
			if g.AccountID != "" || g.Kind != store.GrantTeam {
				return nil // the lines of teams are over
			}
			for len(ids) > 0 && ids[0] < g.ResourceID {
				ids = ids[1:]
			}
			if len(ids) > 0 && ids[0] == g.ResourceID {
				r.teams[g.ResourceID], ids = g, ids[1:]
			}
		}
		if len(list) < limit {
			return nil
		}
		if (asked-len(ids))*linesPerTeam < limit {
			limit /= 2
		}
	}
	return nil
}

// editable says that the field of a user is no directory's, or the tenant left it to its people.
func (r *lockReader) editable(c Change) bool {
	cfg := &r.locks.cfg
	switch {
	case c.Op != OpUpdate || c.Field == "":
		return false
	case !cfg.manages(c.Field):
		return true
	case cfg.isPhone(c.Field):
		return phoneFreeIn(r.dirs)
	}
	return fieldFreeIn(r.dirs, c.Field)
}

// choice is the SCIM attribute of a change about which the tenant has a choice; empty if there is none.
func (r *lockReader) choice(c Change) string {
	cfg := &r.locks.cfg
	switch {
	case c.Op != OpUpdate || c.Field == "":
		return ""
	case cfg.isPhone(c.Field):
		return tenant.FieldPhone
	}
	return choiceIn(r.dirs, cfg.Fields, c.Field)
}

// ofTeamRole says that the change is of a role in a team, which is never locked (D1).
func (c Change) ofTeamRole() bool {
	return c.Resource.Kind == ResourceMembership && c.Op == OpUpdate && strings.EqualFold(c.Field, "role")
}

// managed says whether a directory manages what is to be changed.
func (r *lockReader) managed(c Change) (managed, bool) {
	res := c.Resource
	byGroups := func(v LockVariant, ids ...string) (managed, bool) {
		return managed{variant: v, groups: ids}, len(ids) > 0
	}
	if r.claimsOnly && (res.Kind == ResourceUser || res.Kind == ResourceTeam || c.Op == OpCreate) {
		return managed{}, false
	}
	switch res.Kind {
	case ResourceUser:
		a := r.accounts[res.AccountID]
		if a.SCIMUserID == "" || r.editable(c) {
			return managed{}, false
		}
		m := managed{variant: LockedUser, since: a.CreatedAt}
		if !a.Conversion.AdoptedAt.IsZero() {
			m.since = a.Conversion.AdoptedAt
		}
		if m.choice = r.choice(c); m.choice != "" {
			m.variant = LockedField
		}
		return m, true
	case ResourceTeam:
		if g, ok := r.teams[res.TeamID]; ok {
			return byGroups(LockedTeam, g.GroupID)
		}
	case ResourceMembership:
		if c.ofTeamRole() {
			break
		}
		if c.Op != OpCreate {
			return byGroups(LockedMembership, r.given(res.AccountID, store.GrantMembership, res.TeamID)...)
		}
		// Who is in the team of a group is the group's to say.
		if g, ok := r.teams[res.TeamID]; ok {
			return byGroups(LockedMembers, g.GroupID)
		}
	case ResourceOrgRole:
		return byGroups(LockedOrgRole, r.given(res.AccountID, store.GrantOrgRole, "")...)
	}
	return managed{}, false
}

// given are the groups that gave something to an account.
func (r *lockReader) given(accountID string, kind store.GrantKind, resourceID string) (groups []string) {
	for _, g := range r.grants[accountID] {
		if g.Kind == kind && g.ResourceID == resourceID && (!r.claimsOnly || byClaim(g.GroupID)) {
			groups = append(groups, g.GroupID)
		}
	}
	return groups
}

// loadManaged reads whether the people are still the directory's, and what the groups are
// called.
func (r *lockReader) loadManaged(ctx context.Context, list []managed) error {
	accounts, groups := map[string]bool{}, map[string]bool{}
	for _, m := range list {
		if m.variant.ofPerson() {
			accounts[m.change.Resource.AccountID] = true
		}
		for _, id := range m.groups {
			groups[id] = !isValue(id)
		}
	}
	if err := r.loadAccounts(ctx, accounts); err != nil {
		return err
	}
	users := map[string]bool{}
	for id := range accounts {
		users[r.accounts[id].SCIMUserID] = true
	}
	r.users = map[string]bool{}
	if ids := keysOf(users); len(ids) > 0 {
		there, err := store.SCIMUsersAmong(ctx, r.tx, r.tenantID, ids)
		if err != nil {
			return err
		}
		r.users = set(there)
	}
	if r.nameless {
		return nil
	}
	r.groups = map[string]string{}
	for chunk := range slices.Chunk(keysOf(groups), store.MaxLimit) {
		refs, err := store.GroupsWithIDs(ctx, r.tx, r.tenantID, chunk)
		if err != nil {
			return err
		}
		for _, g := range refs {
			r.groups[g.ID] = g.DisplayName
		}
	}
	return nil
}

// lock makes the answer about what a directory manages.
func (r *lockReader) lock(m managed) Lock {
	l := Lock{
		Variant: m.variant, Field: m.choice, Op: m.change.Op, Source: r.sync.source, Since: m.since, LastSync: r.sync.last,
		At: store.Time(r.now), texts: r.locks.cfg.Texts,
	}
	for _, id := range m.groups {
		if _, v, ok := valueIn(id); ok {
			l.Values = append(l.Values, v)
		} else if name, ok := r.groups[id]; ok {
			l.Groups = append(l.Groups, name)
		}
	}
	lifted, stale := r.sync.lifted, r.sync.stale
	if m.byClaims() { // no directory has a say in it
		lifted, stale, l.LastSync = r.sync.claimsLifted, false, time.Time{}
	}
	if o, ok := r.override(m.change); ok {
		l.Lifted, l.Override = LiftedOverride, &o
		return l.worded()
	}
	switch {
	case m.variant.ofPerson() && !r.users[r.accounts[m.change.Resource.AccountID].SCIMUserID] && !(m.byClaims() && r.accounts[m.change.Resource.AccountID].SCIMUserID == ""):
		l.Lifted = LiftedUserGone
	case lifted != "":
		l.Lifted = lifted
	default:
		l.Locked, l.Code = true, CodeResourceLocked
		if m.variant == LockedField { // the tenant's own choice, not the directory's
			l.Code = CodeFieldLocked
		}
		if r.sync.paused && m.variant.byGroup() {
			l.Notes = append(l.Notes, NoteSyncPaused)
		}
		if stale {
			l.Notes = append(l.Notes, NoteSyncStale)
		}
	}
	return l.worded()
}

// sinceWhen finds in the journal when groups gave it last.
func (r *lockReader) sinceWhen(ctx context.Context, m managed) (time.Time, error) {
	res := m.change.Resource
	q := store.EventQuery{SubjectKind: subjectAccount, SubjectID: res.AccountID, Newest: true, Limit: 100}
	gave := func(store.Event) bool { return true }
	switch m.variant {
	case LockedOrgRole:
		q.TypePrefix = eventPrefix + string(OrgRoleSet)
	case LockedMembership:
		q.TypePrefix = eventPrefix + "member."
		team := `"teamId":` + string(asJSON(res.TeamID))
		gave = func(ev store.Event) bool {
			return ev.Type != eventPrefix+string(MemberRole) && strings.Contains(string(ev.After), team)
		}
	default:
		q.SubjectKind, q.SubjectID, q.TypePrefix = subjectTeam, res.TeamID, eventPrefix+"team."
		gave = func(ev store.Event) bool {
			return ev.Type == eventPrefix+string(TeamCreate) || ev.Type == eventPrefix+string(TeamAdopt)
		}
	}
	events, err := r.tx.Events(ctx, r.tenantID, q)
	if err != nil {
		return time.Time{}, err
	}
	if i := slices.IndexFunc(events, gave); i >= 0 {
		return events[i].At, nil
	}
	return time.Time{}, nil
}

// syncState is how a tenant's directories do.
type syncState struct {
	lifted    LockLift
	source    string // what the owner calls the identity provider
	last      time.Time
	stale     bool
	paused    bool
	overrides []store.LockOverride
	// claimsLifted says why nobody signs in by the connections whose claims are heard.
	claimsLifted LockLift
}

func (r *lockReader) loadSync(ctx context.Context) (s syncState, err error) {
	settings, err := settingsOf(ctx, r.tx, r.tenantID)
	if err != nil {
		return s, err
	}
	s.paused, s.overrides = settings.Paused, settings.Overrides
	connections, err := r.tx.Connections(ctx, r.tenantID)
	if err != nil {
		return s, err
	}
	s.source = r.source(connections)
	s.heard(r.dirs, r.now, r.locks.cfg.StaleAfter)
	if s.lifted, err = r.lifted(ctx); err != nil || !hears(settings.Authority, store.AuthorityClaims) {
		return s, err
	}
	s.claimsLifted, err = r.claimsLifted(ctx, settings.Authority, connections)
	return s, err
}

// source is what the owner calls the identity provider.
func (r *lockReader) source(connections []store.Connection) string {
	name := ""
	for _, c := range connections {
		ours := slices.ContainsFunc(r.dirs, func(d store.Directory) bool { return d.Enabled && d.ConnectionID == c.ID })
		if ours && c.Name != "" {
			return c.Name
		}
		if name == "" && c.State == store.ConnectionActive {
			name = c.Name
		}
	}
	return name
}

// heard finds when a directory was heard of last.
func (s *syncState) heard(dirs []store.Directory, now time.Time, staleAfter time.Duration) {
	from := time.Time{}
	for _, d := range dirs {
		if !d.Enabled {
			continue
		}
		if d.LastRequestAt.After(s.last) {
			s.last = d.LastRequestAt
		}
		if d.CreatedAt.After(from) {
			from = d.CreatedAt
		}
	}
	if s.last.After(from) {
		from = s.last
	}
	s.stale = staleAfter > 0 && !from.IsZero() && now.Sub(from) >= staleAfter
}

// lifted says why no directory is heard, if none is.
func (r *lockReader) lifted(ctx context.Context) (LockLift, error) {
	lift := LiftedDirectoryOff
	heard := false
	for _, d := range r.dirs {
		if !d.Enabled || heard {
			continue
		}
		refusal, err := tenant.CheckDirectory(ctx, r.tx, r.tenantID, d.ConnectionID)
		if err != nil {
			return "", err
		}
		if heard = refusal == nil; !heard {
			lift = liftOf(refusal.Code)
		}
	}
	if !heard {
		return lift, nil
	}
	if planLapsed(ctx, r.locks.cfg.Entitlements, r.tenantID) {
		return LiftedPlan, nil
	}
	return "", ctx.Err()
}

// planLapsed says that the plan does not include SCIM; what can't be found out has not lapsed.
func planLapsed(ctx context.Context, e tenant.Entitlements, tenantID string) bool {
	if e == nil {
		return false
	}
	in, err := e.Entitled(ctx, tenantID)
	return err == nil && !in.SCIM
}

func liftOf(code string) LockLift {
	switch l := LockLift(code); l {
	case LiftedConnection, LiftedSuspended, LiftedRemoved:
		return l
	}
	return LiftedDirectoryOff
}

// override finds what somebody lifted.
func (r *lockReader) override(c Change) (store.LockOverride, bool) {
	live, _ := liveOverrides(r.sync.overrides, r.now)
	for _, o := range live {
		if overrides(o, c) {
			return o, true
		}
	}
	if c.Resource.Kind != ResourceUser || c.Field == "" {
		return store.LockOverride{}, false
	}
	// By another name of the field.
	l := liftedOf(live, c.Resource.AccountID, r.locks.cfg.PhoneField)
	attributes := sortedKeys(profileFields)
	if i := slices.IndexFunc(attributes, func(a string) bool {
		return means(a, c.Field) || a == tenant.FieldPhone && r.locks.cfg.isPhone(c.Field)
	}); i >= 0 {
		if o := l.of(attributes[i]); o != nil {
			return *o, true
		}
	}
	return store.LockOverride{}, false
}

// overrides says whether what was lifted covers a change.
func overrides(o store.LockOverride, c Change) bool {
	return overriddenResource(o) == c.Resource.plain() && (o.Field == "" || sameField(o.Field, c.Field))
}

func overriddenResource(o store.LockOverride) Resource {
	return Resource{Kind: ResourceKind(o.Kind), AccountID: o.AccountID, TeamID: o.TeamID}.plain()
}

// plain leaves out the ID that the kind does not have.
func (r Resource) plain() Resource {
	switch r.Kind {
	case ResourceTeam:
		r.AccountID = ""
	case ResourceUser, ResourceOrgRole:
		r.TeamID = ""
	}
	return r
}
