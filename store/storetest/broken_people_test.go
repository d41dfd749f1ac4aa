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

// The broken stores say in TestPlantedFaults what is wrong with each. Those of this
// file are about users, groups, accounts and their lists.

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
