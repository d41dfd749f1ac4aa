package idp

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// group brings one group and its members to the other side.
func (p *push) group(ctx context.Context, g group) error {
	known, err := p.ensureGroup(ctx, g)
	if err != nil {
		return err
	}
	err = p.members(ctx, known, g)
	if !refusedWith(err, http.StatusNotFound) {
		return err
	}
	delete(p.knowledge.groups, g.id) // somebody deleted it there
	if known, err = p.ensureGroup(ctx, g); err != nil {
		return err
	}
	return p.members(ctx, known, g)
}

// ensureGroup finds or creates a group and gives it its name.
func (p *push) ensureGroup(ctx context.Context, g group) (*remoteGroup, error) {
	if known := p.knowledge.groups[g.id]; known != nil {
		err := p.renameGroup(ctx, known, g.name)
		if !refusedWith(err, http.StatusNotFound) {
			return known, err
		}
		delete(p.knowledge.groups, g.id)
	}
	found, err := p.list(ctx, "/Groups", p.speaker.findGroup(g.name))
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(found, func(f resource) bool { return strings.EqualFold(f.DisplayName, g.name) }); i >= 0 {
		known := &remoteGroup{id: found[i].ID, name: g.name, adopted: true, members: map[string]bool{}}
		p.knowledge.groups[g.id] = known
		p.report.GroupsMatched++
		return known, nil
	}
	local, remote := p.provisioned(g.members)
	body, named := p.speaker.createGroup(g, remote)
	id, err := p.create(ctx, "/Groups", body)
	if err != nil {
		return nil, err
	}
	known := &remoteGroup{id: id, name: g.name, members: map[string]bool{}}
	p.knowledge.groups[g.id] = known
	p.report.GroupsCreated++
	if named {
		known.note(local, nil)
		p.report.MembersAdded += len(local)
	}
	return known, nil
}

func (p *push) renameGroup(ctx context.Context, known *remoteGroup, name string) error {
	if known.name == name {
		return nil
	}
	_, err := p.do(ctx, http.MethodPatch, "/Groups/"+url.PathEscape(known.id), nil, p.speaker.renameGroup(known.id, name))
	if err != nil {
		return err
	}
	known.name = name
	p.report.GroupsUpdated++
	return nil
}

// members sends who came and who left.
func (p *push) members(ctx context.Context, known *remoteGroup, g group) error {
	local, remote := p.provisioned(g.members)
	path := "/Groups/" + url.PathEscape(known.id)
	if known.adopted {
		// The first cycle of a group that was there: all members at once, however many there are.
		if len(local) > 0 {
			if _, err := p.do(ctx, http.MethodPatch, path, nil, p.speaker.adoptMembers(remote)); err != nil {
				return err
			}
		}
		known.adopted = false
		known.note(local, nil)
		p.report.MembersAdded += len(local)
		return nil
	}
	var add, remove []string
	for _, id := range local {
		if !known.members[id] {
			add = append(add, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(known.members)) {
		if !slices.Contains(local, id) {
			remove = append(remove, id)
		}
	}
	for len(add)+len(remove) > 0 {
		a, r := add[:min(memberBatch, len(add))], remove[:min(memberBatch, len(remove))]
		add, remove = add[len(a):], remove[len(r):]
		_, addIDs := p.provisioned(a)
		_, removeIDs := p.provisioned(r)
		if _, err := p.do(ctx, http.MethodPatch, path, nil, p.speaker.changeMembers(addIDs, removeIDs)); err != nil {
			return err
		}
		known.note(a, r)
		p.report.MembersAdded += len(a)
		p.report.MembersRemoved += len(r)
	}
	return nil
}

// note keeps what was accepted.
func (g *remoteGroup) note(added, removed []string) {
	for _, id := range added {
		g.members[id] = true
	}
	for _, id := range removed {
		delete(g.members, id)
	}
}

// provisioned gives, of these users, the IDs here and there of those that are there.
func (p *push) provisioned(ids []string) (local, remote []string) {
	for _, id := range ids {
		if known := p.knowledge.users[id]; known != nil {
			local, remote = append(local, id), append(remote, known.id)
		}
	}
	return local, remote
}

// goneGroups deletes groups that are no longer in the directory.
func (p *push) goneGroups(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(p.knowledge.groups)) {
		if slices.ContainsFunc(p.groups, func(g group) bool { return g.id == id }) {
			continue
		}
		_, err := p.do(ctx, http.MethodDelete, "/Groups/"+url.PathEscape(p.knowledge.groups[id].id), nil, nil)
		if err = unlessGone(err); err != nil {
			if err := p.goOn(err); err != nil {
				return err
			}
			continue // tried again next time
		}
		delete(p.knowledge.groups, id)
		p.report.GroupsDeleted++
	}
	return nil
}
