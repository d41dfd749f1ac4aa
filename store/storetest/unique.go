package storetest

import (
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// uniqueChecks are the checks of a kind whose Keys can be Unique.
func uniqueChecks[T any](k kind[T]) []check {
	checks := []check{
		{name: "unique key", rule: "no two records of a tenant have one Unique key (" + k.name + "): a create or update that would give it to a second answers ErrConflict, after ErrNotFound and ErrStale, and changes nothing", run: k.checkUnique},
		{name: "unique key others", rule: "a Unique key of " + k.a() + " conflicts with no other value or attribute, no key that is not Unique, and none of another tenant or kind", run: k.checkUniqueOthers},
		{name: "unique key own", rule: "an update of " + k.a() + " may keep, move, change, mark and unmark Unique keys that are its own", run: k.checkUniqueOwn},
		{name: "unique key free", rule: "a Unique key of " + k.a() + " is free after an update without it, or the delete of its record", run: k.checkUniqueFree},
		{name: "unique key at once", rule: "of several concurrent creates or updates with one Unique key (" + k.name + ") exactly one succeeds, all others answer ErrConflict", run: k.checkUniqueAtOnce},
		{name: "unique key in tx", rule: "a transaction stays usable when a Unique key of " + k.a() + " is taken, and what it has given up is free in it", run: k.checkUniqueInTx},
	}
	for i := range checks {
		checks[i].needs = k.needs
	}
	return checks
}

func sole(attr store.Attr, value string) store.Key {
	return store.Key{Attr: attr, Value: value, Unique: true}
}

func shared(attr store.Attr, value string) store.Key { return store.Key{Attr: attr, Value: value} }

// rekeyed returns the record with these keys.
func (k kind[T]) rekeyed(v T, keys ...store.Key) T {
	*k.keys(&v) = keys
	return v
}

// keyed returns a sample with these keys.
func (k kind[T]) keyed(p *probe, keys ...store.Key) T { return k.rekeyed(k.fresh(p), keys...) }

// taken wants a create with the key to conflict.
func (k kind[T]) taken(p *probe, key store.Key, did string) {
	p.Helper()
	_, err := k.create(p.st, p.ctx, p.tenant, k.keyed(p, key))
	p.is(err, store.ErrConflict, "%s, then create %s with the Unique key %s %q", did, k.name, key.Attr, key.Value)
}

func (k kind[T]) checkUnique(p *probe) {
	serial := sole("serial", "1'%\\é")
	first := k.add(p, p.tenant, k.keyed(p, shared("tag", "x"), serial))
	second := k.add(p, p.tenant, k.keyed(p, shared("tag", "x"), sole("serial", "2")))
	third := k.add(p, p.tenant, k.keyed(p, shared(serial.Attr, serial.Value)))

	_, err := k.create(p.st, p.ctx, p.tenant, k.keyed(p, sole("serial", "3"), serial), p.event("refused"))
	p.is(err, store.ErrConflict, "create %s with the Unique key of another", k.name)
	moved := k.rekeyed(second, sole("serial", "4"), serial)
	_, err = k.update(p.st, p.ctx, p.tenant, moved, p.event("refused"))
	p.is(err, store.ErrConflict, "give %s the Unique key of another", k.name)
	_, err = k.update(p.st, p.ctx, p.tenant, k.rekeyed(third, serial), p.event("refused"))
	p.is(err, store.ErrConflict, "make a key of %s Unique that another has as Unique", k.name)
	k.meta(&moved).Version++
	_, err = k.update(p.st, p.ctx, p.tenant, moved, p.event("refused"))
	p.is(err, store.ErrStale, "give another version of %s the Unique key of another", k.name)
	k.meta(&moved).ID = p.newID()
	_, err = k.update(p.st, p.ctx, p.tenant, moved, p.event("refused"))
	p.is(err, store.ErrNotFound, "give %s that does not exist the Unique key of another", k.name)

	p.same(k.all(p, p.tenant), []T{first, second, third}, "list each %s after conflicts", k.name)
	p.same(len(p.events(p.tenant)), 0, "count the events after conflicts")
	k.add(p, p.tenant, k.keyed(p, sole("serial", "3"), sole("serial", "4")))
	k.taken(p, sole("serial", "2"), "fail to change it")
}

func (k kind[T]) checkUniqueOthers(p *probe) {
	key := sole("serial", "a")
	k.add(p, p.tenant, k.keyed(p, key))
	for _, other := range []store.Key{
		sole("serial", "A"), sole("Serial", "a"), sole("serial", "a "), sole("serial", ""), sole("", "a"), sole("serials", "a"), sole("tag", "a"),
		shared("serial", "a"), shared("serial", "a"),
	} {
		k.add(p, p.tenant, k.keyed(p, other))
	}
	k.add(p, p.tenant, k.keyed(p, shared("tag", "t")))
	k.add(p, p.tenant, k.keyed(p, sole("tag", "t")))
	k.add(p, p.tenantNamed("other"), k.keyed(p, key))
	if k.name != users.name {
		users.add(p, p.tenant, users.keyed(p, key))
	}
	if k.name != groups.name {
		groups.add(p, p.tenant, groups.keyed(p, key))
	}
	if k.name != resources.name && keepsResources(p.st) {
		resources.add(p, p.tenant, resources.keyed(p, key))
	}
	k.taken(p, key, "give others what does not conflict")
}

func (k kind[T]) checkUniqueOwn(p *probe) {
	v := k.add(p, p.tenant, k.keyed(p, sole("serial", "1"), sole("tag", "2")))
	for _, step := range []struct {
		did  string
		keys []store.Key
	}{
		{"keep the keys", []store.Key{sole("serial", "1"), sole("tag", "2")}},
		{"change their order", []store.Key{sole("tag", "2"), sole("serial", "1")}},
		{"swap their values", []store.Key{sole("tag", "1"), sole("serial", "2")}},
		{"add keys that are not Unique", []store.Key{sole("tag", "1"), shared("mail", "1"), sole("serial", "2"), shared("mail", "2")}},
		{"give one up", []store.Key{sole("tag", "1")}},
		{"move the value to another attribute", []store.Key{sole("serial", "1")}},
		{"change the value", []store.Key{sole("serial", "x")}},
		{"change the case of the value", []store.Key{sole("serial", "X")}},
		{"unmark the key", []store.Key{shared("serial", "X")}},
		{"mark the key", []store.Key{sole("serial", "X")}},
		{"have the key twice", []store.Key{shared("serial", "X"), sole("serial", "X"), sole("serial", "X")}},
		{"have the key once", []store.Key{sole("serial", "X")}},
		{"have two values of an attribute", []store.Key{sole("serial", "X"), sole("serial", "Y")}},
		{"unmark one and mark another", []store.Key{shared("serial", "X"), sole("serial", "Y"), sole("mail", "X")}},
	} {
		v = k.change(p, p.tenant, k.rekeyed(v, step.keys...))
		p.same(*k.keys(&v), step.keys, "%s of %s, and look at what the update returned", step.did, k.name)
		got := k.read(p, p.tenant, v)
		p.same(*k.keys(&got), step.keys, "%s of %s, then read it", step.did, k.name)
		for _, key := range step.keys {
			if key.Unique {
				k.taken(p, key, step.did)
			}
		}
	}
}

func (k kind[T]) checkUniqueFree(p *probe) {
	a, b := sole("serial", "a"), sole("serial", "b")
	v := k.add(p, p.tenant, k.keyed(p, a))
	v = k.change(p, p.tenant, k.rekeyed(v, b))
	w := k.add(p, p.tenant, k.keyed(p, a))
	k.taken(p, a, "free the key by an update and take it again")

	w = k.change(p, p.tenant, k.rekeyed(w, shared(a.Attr, a.Value)))
	x := k.add(p, p.tenant, k.keyed(p, a))
	_, err := k.update(p.st, p.ctx, p.tenant, k.rekeyed(w, a))
	p.is(err, store.ErrConflict, "free the key by unmarking it, let another take it, and mark it again")

	p.ok(k.remove(p.st, p.ctx, p.tenant, k.id(v), 0), "delete %s", k.name)
	k.add(p, p.tenant, k.keyed(p, b))
	k.taken(p, b, "free the key by a delete and take it again")
	p.ok(k.remove(p.st, p.ctx, p.tenant, k.id(x), 0), "delete %s", k.name)
	k.change(p, p.tenant, k.rekeyed(w, a))
}

func (k kind[T]) checkUniqueAtOnce(p *probe) {
	const n = 6
	for round := range 3 {
		created, renamed, other := sole("serial", fmt.Sprint(round)), sole("serial", fmt.Sprint("new", round)), sole("tag", fmt.Sprint(round))
		list := make([]T, n)
		for i := range list {
			list[i] = k.keyed(p, [][]store.Key{{created, other}, {other, created}}[i%2]...)
		}
		p.one(p.atOnce(n, func(i int) error {
			_, err := k.create(p.st, p.ctx, p.tenant, list[i])
			return err
		}), store.ErrConflict, "create 6 of one Unique key at once (%s)", k.name)

		for i := range list {
			list[i] = k.rekeyed(k.add(p, p.tenant, k.keyed(p)), renamed)
		}
		p.one(p.atOnce(n, func(i int) error {
			_, err := k.update(p.st, p.ctx, p.tenant, list[i])
			return err
		}), store.ErrConflict, "give 6 one Unique key at once (%s)", k.name)

		for i := range list {
			list[i] = k.rekeyed(k.add(p, p.tenant, k.keyed(p, shared("mail", "m"))), sole("mail", fmt.Sprint(round)))
		}
		p.one(p.atOnce(n, func(i int) (err error) {
			if i%2 == 0 {
				_, err = k.update(p.st, p.ctx, p.tenant, list[i])
			} else {
				_, err = k.create(p.st, p.ctx, p.tenant, k.rekeyed(list[i], *k.keys(&list[i])...))
			}
			return err
		}), store.ErrConflict, "create and update at once (%s)", k.name)
	}
}

func (k kind[T]) checkUniqueInTx(p *probe) {
	a, b := sole("serial", "a"), sole("serial", "b")
	first := k.add(p, p.tenant, k.keyed(p, a))
	second := k.add(p, p.tenant, k.keyed(p, b))
	var create, update, again error
	err := p.st.InTx(p.ctx, func(tx store.Store) error {
		_, create = k.create(tx, p.ctx, p.tenant, k.keyed(p, a), p.event("refused"))
		if err := tx.AppendEvents(p.ctx, p.tenant, p.event("after a create")); err != nil {
			return err
		}
		_, update = k.update(tx, p.ctx, p.tenant, k.rekeyed(second, a), p.event("refused"))
		if err := tx.AppendEvents(p.ctx, p.tenant, p.event("after an update")); err != nil {
			return err
		}
		var err error
		if first, err = k.update(tx, p.ctx, p.tenant, k.rekeyed(first, sole("serial", "c")), p.event("gave up")); err != nil {
			return err
		}
		if second, err = k.update(tx, p.ctx, p.tenant, k.rekeyed(second, a), p.event("took")); err != nil {
			return err
		}
		_, again = k.update(tx, p.ctx, p.tenant, k.rekeyed(first, a), p.event("refused"))
		return nil
	})
	p.ok(err, "commit a transaction in which Unique keys of %s were taken, and one was given up", k.name)
	p.is(create, store.ErrConflict, "create %s with the Unique key of another in a transaction", k.name)
	p.is(update, store.ErrConflict, "give %s the Unique key of another in a transaction", k.name)
	p.is(again, store.ErrConflict, "take back in a transaction what another has taken (%s)", k.name)
	p.same(k.all(p, p.tenant), []T{first, second}, "commit the transaction, then list")
	p.same(len(p.events(p.tenant)), 4, "commit the transaction, then count the events")
	k.add(p, p.tenant, k.keyed(p, b))
}
