package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

var setupLinks = kind[store.SetupLink]{
	name: "set-up link",
	fresh: func(p *probe) store.SetupLink {
		l := filled[store.SetupLink](p)
		l.Meta, l.Hash, l.BrowserHash = p.meta(), []byte(random()), []byte(random())
		return l
	},
	bare: func(p *probe) store.SetupLink {
		return store.SetupLink{Meta: store.Meta{ID: p.newID()}, Hash: []byte(random())}
	},
	meta:   func(l *store.SetupLink) *store.Meta { return &l.Meta },
	expect: func(l *store.SetupLink) { l.LastUsedAt = time.Time{} },
	get: func(st store.Store, ctx context.Context, tenantID string, l store.SetupLink) (store.SetupLink, error) {
		return links(st).SetupLink(ctx, tenantID, l.ID)
	},
	list: func(st store.Store, ctx context.Context, tenantID string) ([]store.SetupLink, error) {
		return walk(ctx, links(st).SetupLinks, tenantID, store.Query{})
	},
	create: func(st store.Store, ctx context.Context, tenantID string, l store.SetupLink, events ...store.Event) (store.SetupLink, error) {
		return links(st).CreateSetupLink(ctx, tenantID, l, events...)
	},
	update: func(st store.Store, ctx context.Context, tenantID string, l store.SetupLink, events ...store.Event) (store.SetupLink, error) {
		return links(st).UpdateSetupLink(ctx, tenantID, l, events...)
	},
	remove: func(st store.Store, ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
		return links(st).DeleteSetupLink(ctx, tenantID, id, version, events...)
	},
	page: func(st store.Store, ctx context.Context, tenantID string, q store.Query) (store.Page[store.SetupLink], error) {
		return links(st).SetupLinks(ctx, tenantID, q)
	},
	needs: keepsSetupLinks,
}

func keepsSetupLinks(st store.Store) bool {
	_, ok := st.(store.SetupLinkStore)
	return ok
}

func links(st store.Store) store.SetupLinkStore { return st.(store.SetupLinkStore) }

func setupLinkChecks() []check {
	return []check{
		{name: "by hash", rule: "SetupLinkByHash and SetupLinkByBrowser find the tenant's link with this hash, in force or not, and answer ErrNotFound for any other; the empty BrowserHash is nobody's", needs: keepsSetupLinks, run: checkLinkByHash},
		{name: "hash unique", rule: "the Hash of a set-up link, and its BrowserHash if it has one, are unique within the tenant", needs: keepsSetupLinks, run: checkLinkHash},
		{name: "used", rule: "MarkSetupLinkUsed sets LastUsedAt unless it is later already, and changes no version; LastUsedAt is set by nothing else", needs: keepsSetupLinks, run: checkLinkUsed},
		{name: "tenants", rule: "TenantsWithSetupLinks returns each tenant that has a set-up link once, in byte order, in pages", needs: keepsSetupLinks, run: checkLinkTenants},
	}
}

func checkLinkByHash(p *probe) {
	st := links(p.st)
	link := setupLinks.fresh(p)
	link.Hash, link.BrowserHash = []byte("\x00\xff'%\\"+random()), []byte("\x00\xff'_\\"+random())
	link = setupLinks.add(p, p.tenant, link)
	unopened := setupLinks.add(p, p.tenant, setupLinks.bare(p))
	got, err := st.SetupLinkByHash(p.ctx, p.tenant, link.Hash)
	p.ok(err, "find a link by its hash")
	p.same(got, link, "find a link by its hash")
	got, err = st.SetupLinkByBrowser(p.ctx, p.tenant, link.BrowserHash)
	p.ok(err, "find a link by its browser")
	p.same(got, link, "find a link by its browser")
	for _, hash := range [][]byte{nil, {}, link.Hash[1:], append([]byte{0}, link.BrowserHash...), []byte(random())} {
		_, err = st.SetupLinkByHash(p.ctx, p.tenant, hash)
		p.is(err, store.ErrNotFound, "find a link by the hash %q that no link has", hash)
		_, err = st.SetupLinkByBrowser(p.ctx, p.tenant, hash)
		p.is(err, store.ErrNotFound, "find a link by the browser %q that no link has", hash)
	}
	_, err = st.SetupLinkByHash(p.ctx, p.tenant, link.BrowserHash)
	p.is(err, store.ErrNotFound, "find a link by the browser's hash as if it were the link's")
	_, err = st.SetupLinkByBrowser(p.ctx, p.tenant, link.Hash)
	p.is(err, store.ErrNotFound, "find a link by its own hash as if it were the browser's")

	unopened.BrowserHash, unopened.RevokedAt = []byte(random()), p.tick()
	unopened = setupLinks.change(p, p.tenant, unopened)
	got, err = st.SetupLinkByBrowser(p.ctx, p.tenant, unopened.BrowserHash)
	p.ok(err, "find a revoked link by the browser that an update gave it")
	p.same(got, unopened, "find a revoked link by the browser that an update gave it")
	p.ok(st.DeleteSetupLink(p.ctx, p.tenant, link.ID, 0), "delete a link")
	_, err = st.SetupLinkByBrowser(p.ctx, p.tenant, link.BrowserHash)
	p.is(err, store.ErrNotFound, "find a deleted link by its browser")
}

func checkLinkHash(p *probe) {
	first := setupLinks.add(p, p.tenant, setupLinks.fresh(p))
	second := setupLinks.add(p, p.tenant, setupLinks.bare(p))
	for _, what := range []string{"hash", "browser"} {
		take := func(l *store.SetupLink) {
			if what == "hash" {
				l.Hash = first.Hash
			} else {
				l.BrowserHash = first.BrowserHash
			}
		}
		created, moved := setupLinks.fresh(p), second
		take(&created)
		take(&moved)
		_, err := links(p.st).CreateSetupLink(p.ctx, p.tenant, created)
		p.is(err, store.ErrConflict, "create a link with the %s of another", what)
		_, err = links(p.st).UpdateSetupLink(p.ctx, p.tenant, moved)
		p.is(err, store.ErrConflict, "update a link to the %s of another", what)
	}
	p.same(setupLinks.all(p, p.tenant), []store.SetupLink{first, second}, "list links after conflicts")
}

func checkLinkUsed(p *probe) {
	st := links(p.st)
	p.is(st.MarkSetupLinkUsed(p.ctx, p.tenant, p.newID(), p.tick()), store.ErrNotFound, "mark a link used that does not exist")
	link := setupLinks.add(p, p.tenant, setupLinks.fresh(p))
	early, late := p.tick(), p.tick()
	for _, at := range []time.Time{early, late, early} {
		p.ok(st.MarkSetupLinkUsed(p.ctx, p.tenant, link.ID, at.Add(300*time.Nanosecond)), "mark a link used")
		if at.After(link.LastUsedAt) {
			link.LastUsedAt = at
		}
		p.same(setupLinks.read(p, p.tenant, link), link, "mark a link used at %s, then read it", at.Format(time.TimeOnly))
	}
	next := link
	next.Name, next.LastUsedAt = "changed", p.tick()
	got := setupLinks.change(p, p.tenant, next)
	link.Name, link.Version = next.Name, got.Version
	p.same(got, link, "update a used link with another LastUsedAt")
	p.same(setupLinks.all(p, p.tenant), []store.SetupLink{link}, "list after the update of a used link")
}

func checkLinkTenants(p *probe) {
	var want []string
	for _, name := range []string{"a", "b", "c"} {
		tenantID := p.tenantNamed(name)
		want = append(want, tenantID)
		for range 2 {
			setupLinks.add(p, tenantID, setupLinks.fresh(p))
		}
	}
	slices.Sort(want)
	empty := p.tenantNamed("d")
	gone := setupLinks.add(p, empty, setupLinks.fresh(p))
	p.ok(links(p.st).DeleteSetupLink(p.ctx, empty, gone.ID, 0), "delete the only link of a tenant")
	var got []string
	for after := ""; ; {
		page, err := links(p.st).TenantsWithSetupLinks(p.ctx, after, 2)
		p.ok(err, "list tenants with links")
		p.that(len(page) <= 2, "at most 2 tenants", "more", "list tenants with links, 2 at a time")
		if len(page) == 0 {
			break
		}
		for _, id := range page {
			p.that(id > after, "tenants in byte order", id+" after "+after, "list tenants with links, 2 at a time")
			after = id
			if slices.Contains(want, id) || id == empty {
				got = append(got, id)
			}
		}
	}
	p.same(got, want, "list tenants with links, and look for those of this check")
}
