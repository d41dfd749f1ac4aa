package provisioningtest_test

import (
	"context"
	"maps"
	"slices"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// more is what an account of the app has for the optional interfaces.
type more struct {
	fields          map[string]string
	password, token bool
	invited, duty   bool
}

// keep takes a profile's fields that the app stores.
func (acc *account) keep(p provisioning.Profile) {
	acc.fields = maps.Clone(acc.fields)
	if acc.fields == nil {
		acc.fields = map[string]string{}
	}
	if !p.Keeps("displayName") {
		acc.fields["displayName"] = p.DisplayName
	}
	if !p.Keeps("phone") && (!p.KeepPhone || acc.fields["phoneNumbers"] == "") {
		acc.fields["phoneNumbers"] = p.Phone
	}
}

func (t target) SetField(_ context.Context, _ store.Store, tenantID, id string, v provisioning.FieldValue) error {
	return t.change(tenantID, id, func(acc *account) {
		acc.fields = maps.Clone(acc.fields)
		acc.fields[v.Field] = v.Value
	})
}

func (t target) FieldsOf(_ context.Context, _ store.Store, tenantID, id string) (list []provisioning.HostField, err error) {
	err = t.change(tenantID, id, func(acc *account) {
		for _, name := range slices.Sorted(maps.Keys(acc.fields)) {
			list = append(list, provisioning.HostField{Field: name, Value: acc.fields[name]})
		}
	})
	return list, err
}

func (t target) BeforeDeprovision(_ context.Context, _ store.Store, tenantID, id string) (left []provisioning.HandOver, err error) {
	err = t.change(tenantID, id, func(acc *account) {
		if acc.duty {
			left = append(left, provisioning.HandOver{Kind: "duty", ID: "d1", Name: "On call", Message: "Somebody has to be on call."})
		}
	})
	return left, err
}

func (t target) DeleteAccount(_ context.Context, _ store.Store, tenantID, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.accounts[id].tenant != tenantID {
		return nil
	}
	delete(t.accounts, id)
	maps.DeleteFunc(t.members, func(k [2]string, _ member) bool { return k[1] == id })
	return nil
}

func (t target) EndPassword(_ context.Context, _ store.Store, tenantID, id string) error {
	return t.change(tenantID, id, func(acc *account) { acc.password = false })
}

func (t target) RevokeTokens(_ context.Context, _ store.Store, tenantID, id string) error {
	return t.change(tenantID, id, func(acc *account) { acc.token = false })
}

func (t target) EndSessions(_ context.Context, _ store.Store, tenantID, id string) error {
	return t.change(tenantID, id, func(acc *account) { acc.sessions = 0 })
}

func (t target) InviteAccount(_ context.Context, _ store.Store, tenantID, id string) error {
	return t.change(tenantID, id, func(acc *account) { acc.invited = true })
}

func (t target) Seats(_ context.Context, _ store.Store, tenantID string) (provisioning.Seats, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := provisioning.Seats{Limit: 1000}
	for _, acc := range t.accounts {
		if acc.tenant == tenantID && acc.Active {
			s.Used++
		}
	}
	return s, nil
}

func (t target) SetTeamArchived(_ context.Context, _ store.Store, tenantID, id string, archived bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	x, ok := t.teams[id]
	if !ok || x.tenant != tenantID {
		return errNoSuch
	}
	x.Archived = archived
	t.teams[id] = x
	return nil
}

func (t target) TeamMembers(_ context.Context, _ store.Store, tenantID, team, after string, limit int) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for k := range t.members {
		if k[0] == team && k[1] > after && t.teams[team].tenant == tenantID {
			ids = append(ids, k[1])
		}
	}
	slices.Sort(ids)
	return ids[:min(limit, len(ids))], nil
}

// has gives an account something, and tells whether it still has it.
func (a *app) has(give func(*account), still func(account) bool) func(context.Context, string, string) (func(context.Context) (bool, error), error) {
	return func(_ context.Context, tenantID, id string) (func(context.Context) (bool, error), error) {
		return func(context.Context) (bool, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			return still(a.accounts[id]), nil
		}, a.change(tenantID, id, give)
	}
}

// oddMore are replacements of the optional methods.
type oddMore struct {
	setField  func(tenantID, id string, v provisioning.FieldValue) error
	fieldsOf  func(tenantID, id string) ([]provisioning.HostField, error)
	before    func(tenantID, id string) ([]provisioning.HandOver, error)
	onAccount map[string]func(tenantID, id string) error
	seats     func(tenantID string) (provisioning.Seats, error)
	archive   func(tenantID, id string, archived bool) error
	list      func(tenantID, team, after string, limit int) ([]string, error)
}

func (o *odd) SetField(ctx context.Context, tx store.Store, tenantID, id string, v provisioning.FieldValue) error {
	if o.setField != nil {
		return o.setField(tenantID, id, v)
	}
	return o.target.SetField(ctx, tx, tenantID, id, v)
}

func (o *odd) FieldsOf(ctx context.Context, tx store.Store, tenantID, id string) ([]provisioning.HostField, error) {
	if o.fieldsOf != nil {
		return o.fieldsOf(tenantID, id)
	}
	return o.target.FieldsOf(ctx, tx, tenantID, id)
}

func (o *odd) BeforeDeprovision(ctx context.Context, tx store.Store, tenantID, id string) ([]provisioning.HandOver, error) {
	if o.before != nil {
		return o.before(tenantID, id)
	}
	return o.target.BeforeDeprovision(ctx, tx, tenantID, id)
}

// instead runs the replacement of a method on one account.
func (o *odd) instead(name, tenantID, id string, plain func() error) error {
	if fn := o.onAccount[name]; fn != nil {
		return fn(tenantID, id)
	}
	return plain()
}

func (o *odd) DeleteAccount(ctx context.Context, tx store.Store, tenantID, id string) error {
	return o.instead("DeleteAccount", tenantID, id, func() error { return o.target.DeleteAccount(ctx, tx, tenantID, id) })
}

func (o *odd) EndPassword(ctx context.Context, tx store.Store, tenantID, id string) error {
	return o.instead("EndPassword", tenantID, id, func() error { return o.target.EndPassword(ctx, tx, tenantID, id) })
}

func (o *odd) RevokeTokens(ctx context.Context, tx store.Store, tenantID, id string) error {
	return o.instead("RevokeTokens", tenantID, id, func() error { return o.target.RevokeTokens(ctx, tx, tenantID, id) })
}

func (o *odd) EndSessions(ctx context.Context, tx store.Store, tenantID, id string) error {
	return o.instead("EndSessions", tenantID, id, func() error { return o.target.EndSessions(ctx, tx, tenantID, id) })
}

func (o *odd) InviteAccount(ctx context.Context, tx store.Store, tenantID, id string) error {
	return o.instead("InviteAccount", tenantID, id, func() error { return o.target.InviteAccount(ctx, tx, tenantID, id) })
}

func (o *odd) Seats(ctx context.Context, tx store.Store, tenantID string) (provisioning.Seats, error) {
	if o.seats != nil {
		return o.seats(tenantID)
	}
	return o.target.Seats(ctx, tx, tenantID)
}

func (o *odd) SetTeamArchived(ctx context.Context, tx store.Store, tenantID, id string, archived bool) error {
	if o.archive != nil {
		return o.archive(tenantID, id, archived)
	}
	return o.target.SetTeamArchived(ctx, tx, tenantID, id, archived)
}

func (o *odd) TeamMembers(ctx context.Context, tx store.Store, tenantID, team, after string, limit int) ([]string, error) {
	if o.list != nil {
		return o.list(tenantID, team, after, limit)
	}
	return o.target.TeamMembers(ctx, tx, tenantID, team, after, limit)
}

// on replaces a method on one account.
func (o *odd) on(name string, fn func(tenantID, id string) error) {
	o.onAccount = map[string]func(tenantID, id string) error{name: fn}
}

// anywhere runs fn on an account, whose ever it is.
func (o *odd) anywhere(id string, fn func(*account)) error {
	return o.change(o.tenantOf(id), id, fn)
}

func (o *odd) tenantOf(id string) (tenantID string) {
	o.locked(func() { tenantID = o.app.accounts[id].tenant })
	return tenantID
}

// optionalFaults are planted in the optional methods.
var optionalFaults = []fault{
	{"a field is not set", "fields/set", false, func(o *odd) {
		o.setField = func(string, string, provisioning.FieldValue) error { return nil }
	}},
	{"a field that is there is an error", "fields/twice", false, func(o *odd) {
		o.setField = func(tenantID, id string, v provisioning.FieldValue) error {
			list, _ := o.target.FieldsOf(ctx, nil, tenantID, id)
			if slices.Contains(list, provisioning.HostField{Field: v.Field, Value: v.Value}) {
				return errNoSuch
			}
			return o.target.SetField(ctx, nil, tenantID, id, v)
		}
	}},
	{"an empty value is left out", "fields/clear", false, func(o *odd) {
		o.setField = func(tenantID, id string, v provisioning.FieldValue) error {
			if v.Value == "" {
				return nil
			}
			return o.target.SetField(ctx, nil, tenantID, id, v)
		}
	}},
	{"a field is set for everybody", "fields/nothing else", false, func(o *odd) {
		o.setField = func(tenantID, id string, v provisioning.FieldValue) error {
			var ids []string
			o.locked(func() {
				for id, acc := range o.app.accounts {
					if acc.tenant == tenantID && acc.fields != nil {
						ids = append(ids, id)
					}
				}
			})
			for _, id := range ids {
				if err := o.target.SetField(ctx, nil, tenantID, id, v); err != nil {
					return err
				}
			}
			return nil
		}
	}},
	{"a field of anybody is set", "fields/isolation", false, func(o *odd) {
		o.setField = func(_, id string, v provisioning.FieldValue) error {
			return o.target.SetField(ctx, nil, o.tenantOf(id), id, v)
		}
	}},
	{"what is kept is replaced", "fields/kept", false, func(o *odd) {
		o.profile = func(tenantID, id string, p provisioning.Profile) error {
			p.Keep = nil
			return o.target.UpdateProfile(ctx, nil, tenantID, id, p)
		}
	}},
	{"a number that is kept is replaced", "fields/kept", false, func(o *odd) {
		o.profile = func(tenantID, id string, p provisioning.Profile) error {
			p.KeepPhone = false
			return o.target.UpdateProfile(ctx, nil, tenantID, id, p)
		}
	}},
	{"a field is told twice", "fields/read", false, func(o *odd) {
		o.fieldsOf = func(tenantID, id string) ([]provisioning.HostField, error) {
			list, err := o.target.FieldsOf(ctx, nil, tenantID, id)
			return append(list, list...), err
		}
	}},
	{"anybody's fields are told", "fields/read isolation", false, func(o *odd) {
		o.fieldsOf = func(_, id string) ([]provisioning.HostField, error) {
			return o.target.FieldsOf(ctx, nil, o.tenantOf(id), id)
		}
	}},
	{"asking ends the access", "departures/before", false, func(o *odd) {
		o.before = func(tenantID, id string) ([]provisioning.HandOver, error) {
			return nil, o.target.SetActive(ctx, nil, tenantID, id, false)
		}
	}},
	{"a duty has no words", "departures/duties", false, func(o *odd) {
		o.before = func(string, string) ([]provisioning.HandOver, error) {
			return []provisioning.HandOver{{ID: "d1"}}, nil
		}
	}},
	{"anybody's duties are told", "departures/duties isolation", false, func(o *odd) {
		o.before = func(_, id string) ([]provisioning.HandOver, error) {
			return o.target.BeforeDeprovision(ctx, nil, o.tenantOf(id), id)
		}
	}},
	{"an account is not deleted", "departures/delete", false, func(o *odd) {
		o.on("DeleteAccount", func(string, string) error { return nil })
	}},
	{"an account that is gone is an error", "departures/delete", false, func(o *odd) {
		o.on("DeleteAccount", func(tenantID, id string) error {
			if o.tenantOf(id) == "" {
				return errNoSuch
			}
			return o.target.DeleteAccount(ctx, nil, tenantID, id)
		})
	}},
	{"anybody's account is deleted", "departures/delete isolation", false, func(o *odd) {
		o.on("DeleteAccount", func(_, id string) error { return o.target.DeleteAccount(ctx, nil, o.tenantOf(id), id) })
	}},
	{"a password stays", "take over/EndPassword", false, func(o *odd) {
		o.on("EndPassword", func(string, string) error { return nil })
	}},
	{"with the password the access ends", "take over/EndPassword", false, func(o *odd) {
		o.on("EndPassword", func(tenantID, id string) error {
			return o.change(tenantID, id, func(acc *account) { acc.password, acc.Active = false, false })
		})
	}},
	{"anybody's password ends", "take over/EndPassword isolation", false, func(o *odd) {
		o.on("EndPassword", func(_, id string) error { return o.anywhere(id, func(acc *account) { acc.password = false }) })
	}},
	{"an API token stays", "take over/RevokeTokens", false, func(o *odd) {
		o.on("RevokeTokens", func(string, string) error { return nil })
	}},
	{"anybody's API tokens end", "take over/RevokeTokens isolation", false, func(o *odd) {
		o.on("RevokeTokens", func(_, id string) error { return o.anywhere(id, func(acc *account) { acc.token = false }) })
	}},
	{"a session stays", "take over/EndSessions", false, func(o *odd) {
		o.on("EndSessions", func(string, string) error { return nil })
	}},
	{"anybody's sessions end", "take over/EndSessions isolation", false, func(o *odd) {
		o.on("EndSessions", func(_, id string) error { return o.anywhere(id, func(acc *account) { acc.sessions = 0 }) })
	}},
	{"an invitation restores access and role", "take over/InviteAccount", false, func(o *odd) {
		o.on("InviteAccount", func(tenantID, id string) error {
			return o.change(tenantID, id, func(acc *account) { acc.OrgRole = "owner" })
		})
	}},
	{"an invitation is not sent", "take over/InviteAccount queued", false, func(o *odd) {
		o.on("InviteAccount", func(string, string) error { return nil })
	}},
	{"who is suspended has a seat", "seats/used", false, func(o *odd) {
		o.seats = func(tenantID string) (s provisioning.Seats, err error) {
			o.locked(func() {
				for _, acc := range o.app.accounts {
					if acc.tenant == tenantID {
						s.Used++
					}
				}
			})
			return s, nil
		}
	}},
	{"everybody has a seat", "seats/isolation", false, func(o *odd) {
		o.seats = func(string) (s provisioning.Seats, err error) {
			o.locked(func() { s.Used = len(o.app.accounts) })
			return s, nil
		}
	}},
	{"a team is archived and nobody is told", "team archiver/archive", false, func(o *odd) {
		o.archive = func(string, string, bool) error { return nil }
	}},
	{"members are listed in the order of the other end", "team members/list", false, func(o *odd) {
		o.list = func(tenantID, team, after string, limit int) ([]string, error) {
			ids, err := o.target.TeamMembers(ctx, nil, tenantID, team, after, limit)
			slices.Reverse(ids)
			return ids, err
		}
	}},
	{"each page of members is the first", "team members/pages", false, func(o *odd) {
		o.list = func(tenantID, team, _ string, limit int) ([]string, error) {
			return o.target.TeamMembers(ctx, nil, tenantID, team, "", limit)
		}
	}},
	{"anybody's members are listed", "team members/isolation", false, func(o *odd) {
		o.list = func(_, team, after string, limit int) ([]string, error) {
			tenantID := ""
			o.locked(func() { tenantID = o.app.teams[team].tenant })
			return o.target.TeamMembers(ctx, nil, tenantID, team, after, limit)
		}
	}},
	{"anybody's team is archived", "team archiver/isolation", false, func(o *odd) {
		o.archive = func(_, id string, archived bool) error {
			tenantID := ""
			o.locked(func() { tenantID = o.app.teams[id].tenant })
			return o.target.SetTeamArchived(ctx, nil, tenantID, id, archived)
		}
	}},
}
