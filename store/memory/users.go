package memory

import (
	"context"
	"iter"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// userHas answers conditions on the groups of a user.
func (t *tenant) userHas(u store.SCIMUser, c store.Compare) (has, known bool) {
	if c.Attr != store.AttrGroup {
		return false, false
	}
	if c.Op == store.Eq {
		return t.isMember(c.Value, u.ID), true
	}
	groups := slices.Collect(t.memberOf.ids(u.ID))
	return store.Matches(c, func(store.Attr) []string { return groups }), true
}

// usersRelated narrows a condition on groups to the members of the group.
func (t *tenant) usersRelated(c store.Compare) (iter.Seq[string], bool) {
	if c.Attr != store.AttrGroup {
		return nil, false
	}
	if members := t.members[c.Value]; members != nil {
		return members.keys.after("", 0), true
	}
	return slices.Values([]string(nil)), true
}

// SCIMUser implements [store.SCIMUserStore].
func (s *Store) SCIMUser(ctx context.Context, tenantID, id string) (u store.SCIMUser, err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		stored, ok := t.users.get(id)
		if !ok {
			return notFound("user", id)
		}
		u = cloneUser(stored)
		return nil
	})
	return u, err
}

// SCIMUsers implements [store.SCIMUserStore].
func (s *Store) SCIMUsers(ctx context.Context, tenantID string, q store.Query) (page store.Page[store.SCIMUser], err error) {
	err = s.read(ctx, tenantID, func(t *tenant) error {
		page = t.users.list(q, t.usersRelated, t.userHas, cloneUser)
		return nil
	})
	return page, err
}

// CreateSCIMUser implements [store.SCIMUserStore].
func (s *Store) CreateSCIMUser(ctx context.Context, tenantID string, u store.SCIMUser, events ...store.Event) (store.SCIMUser, error) {
	u.TenantID, u.Version = tenantID, 1
	u.CreatedAt, u.UpdatedAt = store.Time(u.CreatedAt), store.Time(u.UpdatedAt)
	given := u
	u = keepUser(u)
	err := s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		if _, taken := t.users.get(u.ID); taken {
			return conflict("user ID", u.ID)
		}
		if t.userNameTaken(u) {
			return conflict("userName", u.UserName)
		}
		if err := t.users.refuseMet(u.ID, u.Keys); err != nil {
			return err
		}
		t.users.put(log, u.ID, u)
		t.users.addIndex(log, u.ID, u, u.Keys)
		t.appendEvents(log, events, u.Body)
		return nil
	})
	if err != nil {
		return store.SCIMUser{}, err
	}
	return given, nil
}

func (t *tenant) userNameTaken(u store.SCIMUser) bool {
	return t.users.index[store.AttrUserName].hasOther(store.Fold(u.UserName), u.ID)
}

// UpdateSCIMUser implements [store.SCIMUserStore].
func (s *Store) UpdateSCIMUser(ctx context.Context, tenantID string, u store.SCIMUser, events ...store.Event) (store.SCIMUser, error) {
	given := u
	u = keepUser(u)
	err := s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		old, ok := t.users.get(u.ID)
		switch {
		case !ok:
			return notFound("user", u.ID)
		case old.Version != u.Version:
			return stale("user", u.ID, old.Version, u.Version)
		case t.userNameTaken(u):
			return conflict("userName", u.UserName)
		}
		if err := t.users.refuseMet(u.ID, u.Keys); err != nil {
			return err
		}
		u.TenantID, u.Version = tenantID, old.Version+1
		u.CreatedAt, u.UpdatedAt = old.CreatedAt, store.Time(u.UpdatedAt)
		t.users.removeIndex(log, old.ID, old, old.Keys)
		t.users.put(log, u.ID, u)
		t.users.addIndex(log, u.ID, u, u.Keys)
		t.appendEvents(log, events, u.Body, old.Body)
		return nil
	})
	if err != nil {
		return store.SCIMUser{}, err
	}
	u.Body, u.Keys = given.Body, given.Keys
	return u, nil
}

// DeleteSCIMUser implements [store.SCIMUserStore].
func (s *Store) DeleteSCIMUser(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		old, ok := t.users.get(id)
		switch {
		case !ok:
			return notFound("user", id)
		case version != 0 && old.Version != version:
			return stale("user", id, old.Version, version)
		}
		t.users.removeIndex(log, id, old, old.Keys)
		t.users.remove(log, id)
		t.leaveAll(log, id, lastTime(events, old.UpdatedAt))
		t.appendEvents(log, events, old.Body)
		return nil
	})
}
