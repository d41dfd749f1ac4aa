package storetest

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

var directories = kind[store.Directory]{
	name: "directory",
	fresh: func(p *probe) store.Directory {
		d := filled[store.Directory](p)
		d.Meta, d.ConnectionID = p.meta(), p.newID()
		return d
	},
	bare: func(p *probe) store.Directory {
		return store.Directory{Meta: store.Meta{ID: p.newID()}, ConnectionID: p.newID()}
	},
	meta:   func(d *store.Directory) *store.Meta { return &d.Meta },
	expect: func(d *store.Directory) { d.LastRequestAt = time.Time{} },
	get: func(st store.Store, ctx context.Context, tenantID string, d store.Directory) (store.Directory, error) {
		return st.Directory(ctx, tenantID, d.ID)
	},
	list:   store.Store.Directories,
	create: store.Store.CreateDirectory,
	update: store.Store.UpdateDirectory,
	remove: store.Store.DeleteDirectory,
}

func directoryChecks() []check {
	return []check{
		{name: "one per connection", rule: "a connection has at most one directory: a create or update that would make a second answers ErrConflict", run: checkDirectoryPerConnection},
		{name: "one per connection at once", rule: "of several concurrent creates of a directory for one connection exactly one succeeds, all others answer ErrConflict", run: checkDirectoryAtOnce},
		{name: "used", rule: "MarkDirectoryUsed sets LastRequestAt unless it is later already, and changes no version; LastRequestAt is set by nothing else", run: checkDirectoryUsed},
	}
}

func checkDirectoryPerConnection(p *probe) {
	first := directories.add(p, p.tenant, directories.fresh(p))
	second := directories.fresh(p)
	second.ConnectionID = first.ConnectionID
	_, err := p.st.CreateDirectory(p.ctx, p.tenant, second)
	p.is(err, store.ErrConflict, "create a second directory for a connection")

	second = directories.add(p, p.tenant, directories.fresh(p))
	moved := second
	moved.ConnectionID = first.ConnectionID
	_, err = p.st.UpdateDirectory(p.ctx, p.tenant, moved)
	p.is(err, store.ErrConflict, "move a directory to a connection that has one")
	p.same(directories.all(p, p.tenant), []store.Directory{first, second}, "list directories after conflicts")

	other := directories.fresh(p)
	other.ConnectionID = first.ConnectionID
	directories.add(p, p.tenantNamed("other"), other)

	p.ok(p.st.DeleteDirectory(p.ctx, p.tenant, first.ID, 0), "delete the directory of a connection")
	directories.change(p, p.tenant, moved)
}

func checkDirectoryAtOnce(p *probe) {
	d := make([]store.Directory, 6)
	for i := range d {
		d[i] = directories.fresh(p)
		d[i].ConnectionID = d[0].ConnectionID
	}
	p.one(p.atOnce(len(d), func(i int) error {
		_, err := p.st.CreateDirectory(p.ctx, p.tenant, d[i])
		return err
	}), store.ErrConflict, "create directories for one connection from 6 goroutines")
}

func checkDirectoryUsed(p *probe) {
	p.is(p.st.MarkDirectoryUsed(p.ctx, p.tenant, p.newID(), p.tick()), store.ErrNotFound, "mark a directory used that does not exist")
	d := directories.add(p, p.tenant, directories.fresh(p))
	early, late := p.tick(), p.tick()
	for _, at := range []time.Time{early, late, early} {
		p.ok(p.st.MarkDirectoryUsed(p.ctx, p.tenant, d.ID, at.Add(300*time.Nanosecond)), "mark a directory used")
		if at.After(d.LastRequestAt) {
			d.LastRequestAt = at
		}
		p.same(directories.read(p, p.tenant, d), d, "mark a directory used at %s, then read it", at.Format(time.TimeOnly))
	}
	next := d
	next.Enabled, next.LastRequestAt = !d.Enabled, p.tick()
	got := directories.change(p, p.tenant, next)
	d.Enabled, d.Version = next.Enabled, got.Version
	p.same(got, d, "update a used directory with another LastRequestAt")
	p.same(directories.all(p, p.tenant), []store.Directory{d}, "list after the update of a used directory")
}
