package idp

import (
	"fmt"
	"slices"
	"strings"
)

// Group is a group of a directory.
type Group struct {
	// ID never changes: it is the externalId in SCIM. Empty means a new one.
	ID string
	// Name is unique in the directory without regard to case. Required.
	Name string
	// Members are e-mail addresses of users of the directory.
	Members []string
}

// group is a Group with its members by ID, so that a change of somebody's e-mail address leaves it alone.
type group struct {
	id, name string
	members  []string
}

// Groups returns the groups in the order in which they were added, their members in the order in which they came.
func (d *Directory) Groups() []Group {
	d.mu.Lock()
	defer d.mu.Unlock()
	emails := map[string]string{}
	for _, u := range d.users {
		emails[u.ID] = u.Email
	}
	out := make([]Group, 0, len(d.groups))
	for _, g := range d.groups {
		public := Group{ID: g.id, Name: g.name, Members: make([]string, 0, len(g.members))}
		for _, id := range g.members {
			public.Members = append(public.Members, emails[id])
		}
		out = append(out, public)
	}
	return out
}

// AddGroup adds a group. The error matches [ErrInvalid] if it has no name, [ErrConflict] if the name or the ID is taken,
// [ErrNotFound] if a member isn't in the directory.
func (d *Directory) AddGroup(g Group) error {
	g.Name = strings.TrimSpace(g.Name)
	if g.Name == "" {
		return fmt.Errorf("%w: a group needs a name", ErrInvalid)
	}
	if g.ID == "" {
		g.ID = newID()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.ContainsFunc(d.groups, func(o group) bool { return o.id == g.ID || strings.EqualFold(o.name, g.Name) }) {
		return fmt.Errorf("%w: group %q", ErrConflict, g.Name)
	}
	added := group{id: g.ID, name: g.Name}
	for _, email := range g.Members {
		i, err := d.find(email)
		if err != nil {
			return err
		}
		if id := d.users[i].ID; !slices.Contains(added.members, id) {
			added.members = append(added.members, id)
		}
	}
	d.groups = append(d.groups, added)
	d.publishUsers()
	return nil
}

// RenameGroup gives a group another name. Errors are those of AddGroup.
func (d *Directory) RenameGroup(name, to string) error {
	to = strings.TrimSpace(to)
	if to == "" {
		return fmt.Errorf("%w: a group needs a name", ErrInvalid)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.findGroup(name)
	if err != nil {
		return err
	}
	if k, err := d.findGroup(to); err == nil && k != i {
		return fmt.Errorf("%w: group %q", ErrConflict, to)
	}
	d.groups[i].name = to
	d.publishUsers()
	return nil
}

// RemoveGroup deletes a group. The next push deletes what was made of it before.
func (d *Directory) RemoveGroup(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.findGroup(name)
	if err != nil {
		return err
	}
	d.groups = slices.Delete(d.groups, i, i+1)
	d.publishUsers()
	return nil
}

// AddMember puts a user into a group; somebody who is in it stays. The error matches [ErrNotFound] if there is no such
// group or user.
func (d *Directory) AddMember(group, email string) error {
	return d.changeMember(group, email, func(members []string, id string) []string {
		if slices.Contains(members, id) {
			return members
		}
		return append(slices.Clone(members), id)
	})
}

// RemoveMember takes a user out of a group; who isn't in it stays out. The error matches [ErrNotFound] if there is no
// such group or user.
func (d *Directory) RemoveMember(group, email string) error {
	return d.changeMember(group, email, without)
}

func (d *Directory) changeMember(name, email string, change func(members []string, id string) []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	g, err := d.findGroup(name)
	if err != nil {
		return err
	}
	u, err := d.find(email)
	if err != nil {
		return err
	}
	d.groups[g].members = change(d.groups[g].members, d.users[u].ID)
	d.publishUsers()
	return nil
}

// findGroup returns a group's index. The caller holds d.mu.
func (d *Directory) findGroup(name string) (int, error) {
	name = strings.TrimSpace(name)
	i := slices.IndexFunc(d.groups, func(g group) bool { return strings.EqualFold(g.name, name) })
	if i < 0 {
		return 0, fmt.Errorf("%w: group %q in directory %s", ErrNotFound, name, d.slug)
	}
	return i, nil
}

// without returns a copy, since a push may be reading the list.
func without(ids []string, id string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(o string) bool { return o == id })
}
