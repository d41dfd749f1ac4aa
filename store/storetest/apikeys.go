package storetest

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

var apiKeys = kind[store.APIKey]{
	name: "API key",
	fresh: func(p *probe) store.APIKey {
		k := filled[store.APIKey](p)
		k.Meta, k.Hash, k.RevokedAt = p.meta(), []byte(random()), time.Time{}
		return k
	},
	bare: func(p *probe) store.APIKey {
		return store.APIKey{Meta: store.Meta{ID: p.newID()}, Hash: []byte(random())}
	},
	meta:   func(k *store.APIKey) *store.Meta { return &k.Meta },
	expect: func(k *store.APIKey) { k.LastUsedAt = time.Time{} },
	get: func(st store.Store, ctx context.Context, tenantID string, k store.APIKey) (store.APIKey, error) {
		return st.APIKey(ctx, tenantID, k.ID)
	},
	list:   store.Store.APIKeys,
	create: store.Store.CreateAPIKey,
	update: store.Store.UpdateAPIKey,
}

func apiKeyChecks() []check {
	return []check{
		{name: "by hash", rule: "APIKeyByHash finds the tenant's key with this hash, revoked or not, and answers ErrNotFound for any other", run: checkKeyByHash},
		{name: "hash unique", rule: "the hash of an API key is unique within the tenant, revoked keys included", run: checkKeyHash},
		{name: "name unique", rule: "the name of an API key is unique among the tenant's keys in force, whatever its case; a revoked key gives its name free", run: checkKeyName},
		{name: "used", rule: "MarkAPIKeyUsed sets LastUsedAt unless it is later already, and changes no version; LastUsedAt is set by nothing else", run: checkKeyUsed},
	}
}

func checkKeyByHash(p *probe) {
	key := apiKeys.fresh(p)
	key.Hash = []byte("\x00\xff'%\\" + random())
	key = apiKeys.add(p, p.tenant, key)
	apiKeys.add(p, p.tenant, apiKeys.fresh(p))
	got, err := p.st.APIKeyByHash(p.ctx, p.tenant, key.Hash)
	p.ok(err, "find a key by its hash")
	p.same(got, key, "find a key by its hash")
	for _, hash := range [][]byte{nil, {}, key.Hash[1:], append([]byte{0}, key.Hash...), []byte(random())} {
		_, err = p.st.APIKeyByHash(p.ctx, p.tenant, hash)
		p.is(err, store.ErrNotFound, "find a key by the hash %q that no key has", hash)
	}

	old := key.Hash
	key.Hash, key.RevokedAt = []byte(random()), p.tick()
	key = apiKeys.change(p, p.tenant, key)
	_, err = p.st.APIKeyByHash(p.ctx, p.tenant, old)
	p.is(err, store.ErrNotFound, "find a key by the hash that it had before an update")
	got, err = p.st.APIKeyByHash(p.ctx, p.tenant, key.Hash)
	p.ok(err, "find a revoked key by its hash")
	p.same(got, key, "find a revoked key by its hash")
}

func checkKeyHash(p *probe) {
	first := apiKeys.fresh(p)
	first.RevokedAt = p.tick()
	first = apiKeys.add(p, p.tenant, first)
	second := apiKeys.fresh(p)
	second.Hash = first.Hash
	_, err := p.st.CreateAPIKey(p.ctx, p.tenant, second)
	p.is(err, store.ErrConflict, "create a key with the hash of a revoked one")
	second = apiKeys.add(p, p.tenant, apiKeys.fresh(p))
	moved := second
	moved.Hash = first.Hash
	_, err = p.st.UpdateAPIKey(p.ctx, p.tenant, moved)
	p.is(err, store.ErrConflict, "update a key to the hash of another")
	p.same(apiKeys.all(p, p.tenant), []store.APIKey{first, second}, "list keys after conflicts")
}

func checkKeyName(p *probe) {
	named := func(name string) store.APIKey {
		k := apiKeys.fresh(p)
		k.Name = name
		return k
	}
	first := apiKeys.add(p, p.tenant, named("Straße of Ärzte"))
	for _, same := range []string{"Straße of Ärzte", "straße OF ärzte", "STRAßE OF ÄRZTE"} {
		_, err := p.st.CreateAPIKey(p.ctx, p.tenant, named(same))
		p.is(err, store.ErrConflict, "create a key named %q when %q is in force", same, first.Name)
	}
	p.one(p.atOnce(6, func(i int) error {
		k := store.APIKey{Meta: store.Meta{ID: store.NewID(time.Now())}, Name: []string{"Entra", "ENTRA"}[i%2], Hash: []byte(random())}
		_, err := p.st.CreateAPIKey(p.ctx, p.tenant, k)
		return err
	}), store.ErrConflict, "create keys of one name from 6 goroutines")

	second := apiKeys.add(p, p.tenant, named("other"))
	renamed := second
	renamed.Name = "straße of ärzte"
	_, err := p.st.UpdateAPIKey(p.ctx, p.tenant, renamed)
	p.is(err, store.ErrConflict, "rename a key to the name of another in force")

	first.RevokedAt = p.tick()
	first = apiKeys.change(p, p.tenant, first)
	apiKeys.change(p, p.tenant, renamed)
	first.RevokedAt = time.Time{}
	_, err = p.st.UpdateAPIKey(p.ctx, p.tenant, first)
	p.is(err, store.ErrConflict, "put a revoked key in force whose name is taken")
}

func checkKeyUsed(p *probe) {
	p.is(p.st.MarkAPIKeyUsed(p.ctx, p.tenant, p.newID(), p.tick()), store.ErrNotFound, "mark a key used that does not exist")
	key := apiKeys.add(p, p.tenant, apiKeys.fresh(p))
	early, late := p.tick(), p.tick()
	for _, at := range []time.Time{early, late, early} {
		p.ok(p.st.MarkAPIKeyUsed(p.ctx, p.tenant, key.ID, at.Add(300*time.Nanosecond)), "mark a key used")
		if at.After(key.LastUsedAt) {
			key.LastUsedAt = at
		}
		p.same(apiKeys.read(p, p.tenant, key), key, "mark a key used at %s, then read it", at.Format(time.TimeOnly))
	}
	got, err := p.st.APIKeyByHash(p.ctx, p.tenant, key.Hash)
	p.ok(err, "find a used key")
	p.same(got, key, "find a used key by its hash")

	next := key
	next.Hint, next.LastUsedAt = "changed", p.tick()
	got = apiKeys.change(p, p.tenant, next)
	key.Hint, key.Version = next.Hint, got.Version
	p.same(got, key, "update a used key with another LastUsedAt")
	p.same(apiKeys.all(p, p.tenant), []store.APIKey{key}, "list after the update of a used key")

	p.none(p.atOnce(6, func(i int) error {
		return p.st.MarkAPIKeyUsed(p.ctx, p.tenant, key.ID, late.Add(time.Duration(i)*time.Second))
	}), "mark a key used from 6 goroutines")
	key.LastUsedAt = late.Add(5 * time.Second)
	p.same(apiKeys.read(p, p.tenant, key), key, "mark a key used from 6 goroutines, then read it")
}
