package provisioning

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// FakeHosts are the hosts that the tests of this package use, one for each tenant, so that
// they can be held to the contract themselves.
func FakeHosts(elsewhere bool, tenants ...string) (Target, store.Store) {
	t := &fakeHosts{hosts: map[string]Target{}}
	st := store.Store(memory.New())
	for i, id := range tenants {
		h := newFakeHost()
		h.root, h.users = "u-root-"+id, map[string]*hostUser{}
		h.addUser(h.root, "root@"+id+".example", "owner")
		h.next, h.keep = 1000*i, elsewhere
		if elsewhere {
			t.hosts[id] = crashDeleter{elsewhereHost{h}}
			continue
		}
		t.hosts[id] = deletingHost{h}
		st = &joined{Store: st, host: h}
	}
	if elsewhere {
		return elsewhereHosts{t}, st
	}
	return t, &oneByOne{Store: st}
}

// oneByOne lets one outermost transaction run at a time: a fake host's data is taken back
// as a whole.
type oneByOne struct {
	store.Store
	mu sync.Mutex
}

func (o *oneByOne) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Store.InTx(ctx, fn)
}

type fakeHosts struct{ hosts map[string]Target }

func (f *fakeHosts) of(tenantID string) Target { return f.hosts[tenantID] }

func (f *fakeHosts) fake(tenantID string) *fakeHost {
	switch h := f.hosts[tenantID].(type) {
	case deletingHost:
		return h.fakeHost
	case crashDeleter:
		return h.fakeHost
	}
	return nil
}

// known says whether the tenant's host has these: an ID that it does not have is not to be
// written to.
func (f *fakeHosts) known(tenantID, account, team string) error {
	h := f.fake(tenantID)
	h.mu.Lock()
	defer h.mu.Unlock()
	if account != "" && h.users[account] == nil {
		return fmt.Errorf("no account %s", account)
	}
	if _, ok := h.teams[team]; team != "" && !ok {
		return fmt.Errorf("no team %s", team)
	}
	return nil
}

func (f *fakeHosts) RootAccount(ctx context.Context, tx store.Store, id string) (string, error) {
	return f.of(id).RootAccount(ctx, tx, id)
}

func (f *fakeHosts) AccountByEmail(ctx context.Context, tx store.Store, id, email string) (AccountState, error) {
	return f.of(id).AccountByEmail(ctx, tx, id, email)
}

func (f *fakeHosts) Accounts(ctx context.Context, tx store.Store, id string, ids []string) ([]AccountState, error) {
	return f.of(id).Accounts(ctx, tx, id, ids)
}

func (f *fakeHosts) Owners(ctx context.Context, tx store.Store, id string) ([]string, error) {
	return f.of(id).Owners(ctx, tx, id)
}

func (f *fakeHosts) CreateAccount(ctx context.Context, tx store.Store, id string, p Profile) (string, error) {
	return f.of(id).CreateAccount(ctx, tx, id, p)
}

func (f *fakeHosts) UpdateProfile(ctx context.Context, tx store.Store, id, account string, p Profile) error {
	if err := f.known(id, account, ""); err != nil {
		return err
	}
	return f.of(id).UpdateProfile(ctx, tx, id, account, p)
}

func (f *fakeHosts) SetActive(ctx context.Context, tx store.Store, id, account string, active bool) error {
	if err := f.known(id, account, ""); err != nil {
		return err
	}
	return f.of(id).SetActive(ctx, tx, id, account, active)
}

func (f *fakeHosts) SetOrgRole(ctx context.Context, tx store.Store, id, account, role string) error {
	if err := f.known(id, account, ""); err != nil {
		return err
	}
	return f.of(id).SetOrgRole(ctx, tx, id, account, role)
}

func (f *fakeHosts) Teams(ctx context.Context, tx store.Store, id string, ids []string) ([]Team, error) {
	return f.of(id).Teams(ctx, tx, id, ids)
}

func (f *fakeHosts) CreateTeam(ctx context.Context, tx store.Store, id, name string) (string, error) {
	return f.of(id).CreateTeam(ctx, tx, id, name)
}

func (f *fakeHosts) RenameTeam(ctx context.Context, tx store.Store, id, team, name string) error {
	if err := f.known(id, "", team); err != nil {
		return err
	}
	return f.of(id).RenameTeam(ctx, tx, id, team, name)
}

func (f *fakeHosts) SetMember(ctx context.Context, tx store.Store, id, team, account, role string) error {
	if err := f.known(id, account, team); err != nil {
		return err
	}
	return f.of(id).SetMember(ctx, tx, id, team, account, role)
}

func (f *fakeHosts) RemoveMember(ctx context.Context, tx store.Store, id, team, account string) error {
	return f.of(id).RemoveMember(ctx, tx, id, team, account)
}

func (f *fakeHosts) DeleteTeamIfUnused(ctx context.Context, tx store.Store, id, team string) (bool, error) {
	return f.of(id).(TeamDeleter).DeleteTeamIfUnused(ctx, tx, id, team)
}

// elsewhereHosts are hosts with data of their own.
type elsewhereHosts struct{ *fakeHosts }

func (f elsewhereHosts) CreateGroupTeam(ctx context.Context, tx store.Store, id, group, name string) (string, error) {
	return f.of(id).(GroupTeamCreator).CreateGroupTeam(ctx, tx, id, group, name)
}

// JoinByHand makes an account a member as a person would.
func JoinByHand(t Target, tenantID, team, account, role string) {
	hosts, ok := t.(*fakeHosts)
	if !ok {
		hosts = t.(elsewhereHosts).fakeHosts
	}
	h := hosts.fake(tenantID)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.in[team][account] = strings.TrimSpace(role)
}
