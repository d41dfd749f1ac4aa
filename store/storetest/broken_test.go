package storetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// What follows is one broken store after another. Each says in TestPlantedFaults what
// is wrong with it.

type ctx = context.Context

// yield lets other goroutines in between two steps that belong together.
func yield() {
	runtime.Gosched()
	time.Sleep(time.Millisecond)
}

type readsAnyTenant struct {
	base
	mu   sync.Mutex
	seen map[string]string
}

func (s *readsAnyTenant) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]string{}
	}
	s.seen[u.ID] = tenant
	return s.base.CreateSCIMUser(c, tenant, u, ev...)
}

func (s *readsAnyTenant) SCIMUser(c ctx, tenant, id string) (store.SCIMUser, error) {
	u, err := s.base.SCIMUser(c, tenant, id)
	if errors.Is(err, store.ErrNotFound) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.base.SCIMUser(c, s.seen[id], id)
	}
	return u, err
}

type deletesAnyTenant struct {
	base
	mu      sync.Mutex
	tenants []string
}

func (s *deletesAnyTenant) CreateAccount(c ctx, tenant string, a store.Account, ev ...store.Event) (store.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenants = append(s.tenants, tenant)
	return s.base.CreateAccount(c, tenant, a, ev...)
}

func (s *deletesAnyTenant) DeleteAccount(c ctx, tenant, id string, version int64, ev ...store.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.base.DeleteAccount(c, tenant, id, version, ev...)
	if err == nil {
		for _, t := range s.tenants {
			_ = s.base.DeleteAccount(c, t, id, 0)
		}
	}
	return err
}

type foldsTenants struct{ base }

func (s foldsTenants) Grants(c ctx, tenant, account string) ([]store.Grant, error) {
	return s.base.Grants(c, strings.ToLower(tenant), account)
}

func (s foldsTenants) ChangeGrants(c ctx, tenant string, put []store.Grant, remove []store.GrantKey, ev ...store.Event) error {
	return errors.Join(s.base.ChangeGrants(c, tenant, put, remove, ev...), s.base.ChangeGrants(c, strings.ToLower(tenant), put, remove))
}

type caseSensitive struct{ base }

func (s caseSensitive) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	out, err := s.base.CreateSCIMUser(c, tenant, u, ev...)
	if errors.Is(err, store.ErrConflict) && !s.has(c, tenant, u.UserName) {
		return u, nil
	}
	return out, err
}

func (s caseSensitive) has(c ctx, tenant, name string) bool {
	page, _ := s.SCIMUsers(c, tenant, store.Query{})
	return slices.ContainsFunc(page.Items, func(u store.SCIMUser) bool { return u.UserName == name })
}

type looksThenInserts struct{ base }

func (s looksThenInserts) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	page, err := s.SCIMUsers(c, tenant, store.Query{Filter: store.Compare{Attr: store.AttrUserName, Op: store.Eq, Value: u.UserName}})
	if err != nil || len(page.Items) > 0 {
		return store.SCIMUser{}, store.ErrConflict
	}
	yield()
	if out, err := s.base.CreateSCIMUser(c, tenant, u, ev...); err == nil {
		return out, nil
	}
	return u, nil
}

type noCompareAndSwap struct{ base }

func (s noCompareAndSwap) UpdateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	if old, err := s.SCIMUser(c, tenant, u.ID); err == nil {
		u.Version = old.Version
	}
	return s.base.UpdateSCIMUser(c, tenant, u, ev...)
}

type comparesThenSwaps struct{ base }

func (s comparesThenSwaps) UpdateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	old, err := s.SCIMUser(c, tenant, u.ID)
	if err == nil && old.Version != u.Version {
		return store.SCIMUser{}, store.ErrStale
	}
	yield()
	for {
		out, err := s.base.UpdateSCIMUser(c, tenant, u, ev...)
		if !errors.Is(err, store.ErrStale) {
			return out, err
		}
		u.Version++
	}
}

type reformats struct{ base }

func (s reformats) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	var b bytes.Buffer
	if json.Compact(&b, u.Body) == nil {
		u.Body = b.Bytes()
	}
	return s.base.CreateSCIMUser(c, tenant, u, ev...)
}

type sharesBody struct {
	base
	mu     sync.Mutex
	bodies map[string][]byte
}

func (s *sharesBody) SCIMUser(c ctx, tenant, id string) (store.SCIMUser, error) {
	u, err := s.base.SCIMUser(c, tenant, id)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.bodies == nil {
			s.bodies = map[string][]byte{}
		}
		if s.bodies[tenant+id] == nil {
			s.bodies[tenant+id] = u.Body
		}
		u.Body = s.bodies[tenant+id]
	}
	return u, err
}

type echoesTimes struct{ base }

func (s echoesTimes) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	out, err := s.base.CreateSCIMUser(c, tenant, u, ev...)
	out.CreatedAt = u.CreatedAt
	return out, err
}

type keepsMember struct{ base }

func (s keepsMember) DeleteSCIMUser(c ctx, tenant, id string, version int64, ev ...store.Event) error {
	groups, _ := s.SCIMGroupsOf(c, tenant, id)
	err := s.base.DeleteSCIMUser(c, tenant, id, version, ev...)
	if err == nil {
		for _, g := range groups[id] {
			_, _ = s.ChangeSCIMMembers(c, tenant, g.ID, store.MemberDelta{Add: []store.Member{{ID: id, Kind: store.MemberUser}}}, time.Now(), nil)
		}
	}
	return err
}

type reversed struct{ base }

func (s reversed) Connections(c ctx, tenant string) ([]store.Connection, error) {
	list, err := s.base.Connections(c, tenant)
	slices.Reverse(list)
	return list, err
}

type emptyDomain struct{ base }

func (s emptyDomain) Domain(c ctx, tenant, id string) (store.Domain, error) {
	d, err := s.base.Domain(c, tenant, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Domain{}, nil
	}
	return d, err
}

type verifiesTwice struct{ base }

func (s verifiesTwice) UpdateDomain(c ctx, tenant string, d store.Domain, ev ...store.Event) (store.Domain, error) {
	out, err := s.base.UpdateDomain(c, tenant, d, ev...)
	if errors.Is(err, store.ErrConflict) && d.State == store.DomainVerified {
		return d, nil
	}
	return out, err
}

type twoDirectories struct{ base }

func (s twoDirectories) CreateDirectory(c ctx, tenant string, d store.Directory, ev ...store.Event) (store.Directory, error) {
	out, err := s.base.CreateDirectory(c, tenant, d, ev...)
	if errors.Is(err, store.ErrConflict) {
		return d, nil
	}
	return out, err
}

type hidesRevoked struct{ base }

func (s hidesRevoked) APIKeyByHash(c ctx, tenant string, hash []byte) (store.APIKey, error) {
	k, err := s.base.APIKeyByHash(c, tenant, hash)
	if err == nil && !k.RevokedAt.IsZero() {
		return store.APIKey{}, store.ErrNotFound
	}
	return k, err
}

type dropsMembers struct{ base }

func (s dropsMembers) UpdateSCIMGroup(c ctx, tenant string, g store.SCIMGroup, ev ...store.Event) (out store.SCIMGroup, err error) {
	err = s.InTx(c, func(tx store.Store) error {
		if _, err := tx.UpdateSCIMGroup(c, tenant, g, ev...); err != nil {
			return err
		}
		if _, err := tx.ChangeSCIMMembers(c, tenant, g.ID, store.MemberDelta{Replace: true}, time.Now(), nil); err != nil {
			return err
		}
		out, err = tx.SCIMGroup(c, tenant, g.ID)
		return err
	})
	return out, err
}

type epoch struct{ base }

func (s epoch) CreateIdentity(c ctx, tenant string, i store.Identity, ev ...store.Event) (store.Identity, error) {
	if i.LastSignInAt.IsZero() {
		i.LastSignInAt = time.Unix(0, 0)
	}
	return s.base.CreateIdentity(c, tenant, i, ev...)
}

type emptyUser struct{ base }

func (s emptyUser) AccountOfSCIMUser(c ctx, tenant, id string) (store.Account, error) {
	page, err := s.Accounts(c, tenant, store.Query{})
	if err != nil {
		return store.Account{}, err
	}
	for _, a := range page.Items {
		if a.SCIMUserID == id {
			return a, nil
		}
	}
	return store.Account{}, store.ErrNotFound
}

type settingsRegardless struct{ base }

func (s settingsRegardless) PutProvisioningSettings(c ctx, tenant string, v store.ProvisioningSettings, ev ...store.Event) (store.ProvisioningSettings, error) {
	v.Version = 0
	if old, err := s.ProvisioningSettings(c, tenant); err == nil {
		v.Version = old.Version
	}
	return s.base.PutProvisioningSettings(c, tenant, v, ev...)
}

type ledgerReversed struct{ base }

func (s ledgerReversed) GrantsOfGroup(c ctx, tenant, group string, after store.GrantKey, limit int) ([]store.Grant, error) {
	list, err := s.base.GrantsOfGroup(c, tenant, group, after, limit)
	slices.Reverse(list)
	return list, err
}

type losesDelta struct{ base }

func (s losesDelta) ChangeSCIMMembers(c ctx, tenant, group string, d store.MemberDelta, at time.Time, v *store.GroupVersion, ev ...store.Event) (store.MemberChange, error) {
	members, err := s.SCIMMembers(c, tenant, group, "", store.MaxLimit)
	if err != nil {
		return store.MemberChange{}, err
	}
	members = slices.DeleteFunc(members, func(m store.Member) bool { return slices.Contains(d.Remove, m.ID) })
	for _, m := range d.Add {
		if !slices.Contains(members, m) {
			members = append(members, m)
		}
	}
	yield()
	return s.base.ChangeSCIMMembers(c, tenant, group, store.MemberDelta{Replace: true, Add: members}, at, v, ev...)
}

type eventOfNothing struct{ base }

func (s eventOfNothing) ChangeSCIMMembers(c ctx, tenant, group string, d store.MemberDelta, at time.Time, v *store.GroupVersion, ev ...store.Event) (store.MemberChange, error) {
	change, err := s.base.ChangeSCIMMembers(c, tenant, group, d, at, v, ev...)
	if err == nil && change.Empty() {
		err = s.AppendEvents(c, tenant, ev...)
	}
	return change, err
}

type noIfVersion struct{ base }

func (s noIfVersion) ChangeSCIMMembers(c ctx, tenant, group string, d store.MemberDelta, at time.Time, _ *store.GroupVersion, ev ...store.Event) (store.MemberChange, error) {
	return s.base.ChangeSCIMMembers(c, tenant, group, d, at, nil, ev...)
}

type takesTwice struct{ base }

func (s takesTwice) TakeToken(c ctx, tenant, kind, key string, now time.Time) (data []byte, err error) {
	err = s.InTx(c, func(tx store.Store) error {
		if data, err = tx.TakeToken(c, tenant, kind, key, now); err != nil {
			return err
		}
		return tx.PutToken(c, tenant, store.Token{Kind: kind, Key: key, Data: data, ExpiresAt: now.Add(time.Minute)})
	})
	if err != nil {
		return nil, err
	}
	yield()
	_, _ = s.base.TakeToken(c, tenant, kind, key, now)
	return data, nil
}

type overwrites struct{ base }

func (s overwrites) PutToken(c ctx, tenant string, t store.Token) error {
	_, _ = s.TakeToken(c, tenant, t.Kind, t.Key, time.Time{})
	return s.base.PutToken(c, tenant, t)
}

type livesOn struct{ base }

func (s livesOn) DeleteExpiredTokens(c ctx, tenant string, now time.Time) (int, error) {
	return s.base.DeleteExpiredTokens(c, tenant, now.Add(-time.Microsecond))
}

type sharedLease struct{ base }

func (s sharedLease) AcquireLease(c ctx, tenant, name, holder string, now, until time.Time) (store.Lease, error) {
	l, err := s.base.AcquireLease(c, tenant, name, holder, now, until)
	if errors.Is(err, store.ErrConflict) {
		return store.Lease{Holder: holder, Token: 1, Until: store.Time(until)}, nil
	}
	return l, err
}

type sameToken struct{ base }

func (s sameToken) AcquireLease(c ctx, tenant, name, holder string, now, until time.Time) (store.Lease, error) {
	l, err := s.base.AcquireLease(c, tenant, name, holder, now, until)
	l.Token = 1
	return l, err
}

type reversesEvents struct{ base }

func (s reversesEvents) AppendEvents(c ctx, tenant string, ev ...store.Event) error {
	ev = slices.Clone(ev)
	slices.Reverse(ev)
	return s.base.AppendEvents(c, tenant, ev...)
}

type movesRegardless struct{ base }

func (s movesRegardless) SavePosition(c ctx, tenant, reader string, from, to int64) error {
	have, err := s.Position(c, tenant, reader)
	if err == nil && have != from {
		return store.ErrStale
	}
	yield()
	for {
		have, err := s.Position(c, tenant, reader)
		if err != nil {
			return err
		}
		if err := s.base.SavePosition(c, tenant, reader, have, to); !errors.Is(err, store.ErrStale) {
			return err
		}
	}
}

// showsLate numbers events before they are committed: one in five comes to light after
// a reader has seen what follows.
type showsLate struct {
	base
	mu    sync.Mutex
	asked map[int64]bool
}

func (s *showsLate) Events(c ctx, tenant string, q store.EventQuery) ([]store.Event, error) {
	list, err := s.base.Events(c, tenant, q)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[int64]bool{}
	}
	var out []store.Event
	for i, e := range list {
		if e.Seq%5 == 3 && i < len(list)-1 && !s.asked[e.Seq] {
			s.asked[e.Seq] = true
			continue
		}
		out = append(out, e)
	}
	return out, err
}

type refsReversed struct{ base }

func (s refsReversed) ConnectionsByIssuer(c ctx, issuer string) ([]store.Ref, error) {
	refs, err := s.base.ConnectionsByIssuer(c, issuer)
	slices.Reverse(refs)
	return refs, err
}

type pagesByOffset struct{ base }

func (s pagesByOffset) SCIMUsers(c ctx, tenant string, q store.Query) (store.Page[store.SCIMUser], error) {
	offset := 0
	_, _ = fmt.Sscanf(q.After, "%d", &offset)
	q.After, q.Offset = "", offset
	page, err := s.base.SCIMUsers(c, tenant, q)
	page.Next = fmt.Sprintf("%08d", offset+len(page.Items))
	return page, err
}

type cutsOr struct{ base }

func (s cutsOr) SCIMGroups(c ctx, tenant string, q store.Query) (store.Page[store.SCIMGroup], error) {
	if or, ok := q.Filter.(store.Or); ok && len(or) > 1 {
		q.Filter = or[0]
	}
	return s.base.SCIMGroups(c, tenant, q)
}

type wildcards struct{ base }

func (s wildcards) SCIMUsers(c ctx, tenant string, q store.Query) (store.Page[store.SCIMUser], error) {
	if f, ok := q.Filter.(store.Compare); ok && f.Op == store.Sw {
		f.Value, _, _ = strings.Cut(f.Value, "_")
		q.Filter = f
	}
	return s.base.SCIMUsers(c, tenant, q)
}

type eventSurvives struct{ base }

func (s *eventSurvives) InTx(c ctx, fn func(tx store.Store) error) error {
	tx := &remembersEvents{}
	err := s.base.InTx(c, func(inner store.Store) error {
		tx.base.Store = inner
		return fn(tx)
	})
	if err != nil {
		for tenant, ev := range tx.events {
			_ = s.AppendEvents(c, tenant, ev...)
		}
	}
	return err
}

type remembersEvents struct {
	base
	events map[string][]store.Event
}

func (s *remembersEvents) AppendEvents(c ctx, tenant string, ev ...store.Event) error {
	if s.events == nil {
		s.events = map[string][]store.Event{}
	}
	s.events[tenant] = append(s.events[tenant], ev...)
	return s.base.AppendEvents(c, tenant, ev...)
}

type panicCommits struct{ base }

func (s panicCommits) InTx(c ctx, fn func(tx store.Store) error) error {
	var recovered any
	err := s.base.InTx(c, func(tx store.Store) error {
		defer func() { recovered = recover() }()
		return fn(tx)
	})
	if recovered != nil {
		panic(recovered)
	}
	return err
}

type flatTx struct{ base }

func (s flatTx) InTx(c ctx, fn func(tx store.Store) error) error {
	return s.base.InTx(c, func(tx store.Store) error { return fn(joins{base{tx}}) })
}

type joins struct{ base }

func (s joins) InTx(_ ctx, fn func(tx store.Store) error) error { return fn(s) }

type aborts struct{ base }

func (s aborts) InTx(c ctx, fn func(tx store.Store) error) error {
	return s.base.InTx(c, func(tx store.Store) error { return fn(&aborted{base: base{tx}}) })
}

type aborted struct {
	base
	refused bool
}

func (s *aborted) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	out, err := s.base.CreateSCIMUser(c, tenant, u, ev...)
	s.refused = s.refused || err != nil
	return out, err
}

func (s *aborted) AppendEvents(c ctx, tenant string, ev ...store.Event) error {
	if s.refused {
		return errors.New("current transaction is aborted, commands ignored until end of transaction block")
	}
	return s.base.AppendEvents(c, tenant, ev...)
}

// dirtyReads shows the users that a transaction has written before it commits.
type dirtyReads struct {
	base
	mu    sync.Mutex
	dirty map[string]store.SCIMUser
}

func (s *dirtyReads) InTx(c ctx, fn func(tx store.Store) error) error {
	return s.base.InTx(c, func(tx store.Store) error { return fn(&writesDirt{base: base{tx}, to: s}) })
}

func (s *dirtyReads) SCIMUser(c ctx, tenant, id string) (store.SCIMUser, error) {
	s.mu.Lock()
	u, ok := s.dirty[tenant+id]
	s.mu.Unlock()
	if ok {
		return u, nil
	}
	return s.base.SCIMUser(c, tenant, id)
}

type writesDirt struct {
	base
	to *dirtyReads
}

func (s *writesDirt) UpdateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	u, err := s.base.UpdateSCIMUser(c, tenant, u, ev...)
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	s.to.dirty = map[string]store.SCIMUser{tenant + u.ID: u}
	return u, err
}

type losesEvent struct{ base }

func (s losesEvent) DeleteDirectory(c ctx, tenant, id string, version int64, _ ...store.Event) error {
	return s.base.DeleteDirectory(c, tenant, id, version)
}

type eventOfFailure struct{ base }

func (s eventOfFailure) UpdateAccount(c ctx, tenant string, a store.Account, ev ...store.Event) (store.Account, error) {
	out, err := s.base.UpdateAccount(c, tenant, a)
	return out, errors.Join(err, s.AppendEvents(c, tenant, ev...))
}

type ignoresContext struct{ base }

func (s ignoresContext) ReleaseLease(c ctx, tenant, name, holder string) error {
	return s.base.ReleaseLease(context.WithoutCancel(c), tenant, name, holder)
}

type anyType struct{ *memory.Store }

func (s *anyType) SCIMResource(c ctx, tenant, typ, id string) (store.SCIMResource, error) {
	r, err := s.Store.SCIMResource(c, tenant, typ, id)
	if errors.Is(err, store.ErrNotFound) && typ == "device" {
		return s.Store.SCIMResource(c, tenant, "Device", id)
	}
	return r, err
}

type countsOnce struct {
	*memory.Store
	mu sync.Mutex
	n  map[string]int
}

func (s *countsOnce) CountSCIMUsers(c ctx, tenant string, filter store.Expr) (int, error) {
	n, err := s.Store.CountSCIMUsers(c, tenant, filter)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == nil {
		s.n = map[string]int{}
	}
	if known, ok := s.n[tenant]; ok {
		return known, err
	}
	s.n[tenant] = n
	return n, err
}
