package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// kind is a kind of record with an ID and a version, and how stores keep it. The
// methods take the store first, as method expressions do.
type kind[T any] struct {
	name string
	// fresh returns a record with every field set that conflicts with no other.
	fresh func(p *probe) T
	// bare returns a record in which all is zero that may be.
	bare func(p *probe) T
	meta func(*T) *store.Meta
	// expect, if set, changes a record that was given to what a store returns of it.
	expect func(given *T)
	// keep, if set, gives next what a record is known by beside its ID.
	keep func(old T, next *T)

	// get reads the record that is known as v is.
	get    func(st store.Store, ctx context.Context, tenantID string, v T) (T, error)
	list   func(st store.Store, ctx context.Context, tenantID string) ([]T, error)
	create func(st store.Store, ctx context.Context, tenantID string, v T, events ...store.Event) (T, error)
	update func(st store.Store, ctx context.Context, tenantID string, v T, events ...store.Event) (T, error)
	// remove is nil for records that are never removed.
	remove func(st store.Store, ctx context.Context, tenantID, id string, version int64, events ...store.Event) error
	// unversioned says that remove ignores the version.
	unversioned bool
	// page is nil for lists that are read as a whole.
	page func(st store.Store, ctx context.Context, tenantID string, q store.Query) (store.Page[T], error)
	// keys is where a record has its Keys; nil for kinds that have none.
	keys func(*T) *[]store.Key
	// needs, if set, says whether a store keeps this kind at all.
	needs func(store.Store) bool
}

// a is the name with its article.
func (k kind[T]) a() string {
	if strings.ContainsRune("AEIOUaeiou", rune(k.name[0])) {
		return "an " + k.name
	}
	return "a " + k.name
}

func (k kind[T]) id(v T) string { return k.meta(&v).ID }

// add creates a record.
func (k kind[T]) add(p *probe, tenantID string, v T, events ...store.Event) T {
	p.Helper()
	out, err := k.create(p.st, p.ctx, tenantID, v, events...)
	p.ok(err, "create %s %s", k.name, k.id(v))
	return out
}

// change updates a record.
func (k kind[T]) change(p *probe, tenantID string, v T, events ...store.Event) T {
	p.Helper()
	out, err := k.update(p.st, p.ctx, tenantID, v, events...)
	p.ok(err, "update %s %s", k.name, k.id(v))
	return out
}

// read gets the record that is known as v is.
func (k kind[T]) read(p *probe, tenantID string, v T) T {
	p.Helper()
	out, err := k.get(p.st, p.ctx, tenantID, v)
	p.ok(err, "read %s %s", k.name, k.id(v))
	return out
}

// all lists the tenant's records.
func (k kind[T]) all(p *probe, tenantID string) []T {
	p.Helper()
	out, err := k.list(p.st, p.ctx, tenantID)
	p.ok(err, "list each %s", k.name)
	return out
}

// edit changes all that a record says, but not what it is known by.
func (k kind[T]) edit(p *probe, v *T) {
	next := k.fresh(p)
	*k.meta(&next) = *k.meta(v)
	if k.keep != nil {
		k.keep(*v, &next)
	}
	*v = next
}

// stored is what a store returns of a record that was created.
func (k kind[T]) stored(tenantID string, given T) T {
	want := deepCopy(given)
	m := k.meta(&want)
	m.TenantID, m.Version = tenantID, 1
	if k.expect != nil {
		k.expect(&want)
	}
	return want
}

// recordChecks are the checks that hold for every kind of record.
func recordChecks[T any](k kind[T]) []check {
	checks := []check{
		{name: "create", rule: "a create stores version 1 and returns the " + k.name + " as it is stored, every field of it; the version and the tenant in it are the store's to set", run: k.checkCreate},
		{name: "create text", rule: "strings and bytes of " + k.a() + " come back byte for byte", run: k.checkText},
		{name: "create zero", rule: "what is zero in " + k.a() + " comes back as zero, times too", run: k.checkZero},
		{name: "create duplicate", rule: "a create whose ID the tenant has for " + k.a() + " already answers ErrConflict and changes nothing", run: k.checkDuplicate},
		{name: "create at once", rule: "of several concurrent creates of one " + k.name + " exactly one succeeds, all others answer ErrConflict", run: k.checkCreateAtOnce},
		{name: "missing", rule: "an ID that nobody has answers ErrNotFound, whatever it looks like (" + k.name + ")", run: k.checkMissing},
		{name: "update", rule: "an update replaces the " + k.name + " and returns it as it is stored, with a greater version and the CreatedAt that was stored", run: k.checkUpdate},
		{name: "update stale", rule: "an update of " + k.a() + " that names another version than the stored one answers ErrStale and changes nothing", run: k.checkUpdateStale},
		{name: "update at once", rule: "of several concurrent updates of one version of " + k.a() + " exactly one succeeds, all others answer ErrStale", run: k.checkUpdateAtOnce},
		{name: "list", rule: "the list of each " + k.name + " is in ascending order of the ID and complete; a tenant without records has an empty list", run: k.checkList},
		{name: "copies", rule: "values are copies: changing " + k.a() + " that was passed or returned changes nothing stored", run: k.checkCopies},
		{name: "times", rule: "times of " + k.a() + " are UTC with microseconds; what is finer is truncated", run: k.checkTimes},
	}
	if k.remove != nil {
		checks = append(checks, check{name: "delete", rule: "a delete removes the " + k.name + "; it answers ErrNotFound if there is none, and ErrStale if it names a version that is not the stored one", run: k.checkDelete})
	}
	for i := range checks {
		checks[i].needs = k.needs
	}
	return checks
}

func (k kind[T]) checkCreate(p *probe) {
	given := k.fresh(p)
	m := k.meta(&given)
	m.Version, m.TenantID = 99, p.tenantNamed("somebody")
	want := k.stored(p.tenant, given)
	p.same(k.add(p, p.tenant, given), want, "create %s, and look at what it returned", k.name)
	p.same(k.read(p, p.tenant, given), want, "create %s, then read it", k.name)
	p.same(k.all(p, p.tenant), []T{want}, "create %s, then list", k.name)
}

func (k kind[T]) checkText(p *probe) {
	p.text = trickyText
	given := k.fresh(p)
	p.text = ""
	want := k.stored(p.tenant, given)
	k.add(p, p.tenant, given)
	p.same(k.read(p, p.tenant, given), want, "create %s with quotes, wildcards and letters beyond ASCII, then read it", k.name)
}

func (k kind[T]) checkZero(p *probe) {
	given := k.bare(p)
	want := k.stored(p.tenant, given)
	p.same(k.add(p, p.tenant, given), want, "create a nearly empty %s", k.name)
	p.same(k.read(p, p.tenant, given), want, "read a nearly empty %s", k.name)
}

func (k kind[T]) checkDuplicate(p *probe) {
	first := k.add(p, p.tenant, k.fresh(p))
	second := k.fresh(p)
	k.meta(&second).ID = k.id(first)
	_, err := k.create(p.st, p.ctx, p.tenant, second)
	p.is(err, store.ErrConflict, "create %s with the ID of another", k.name)
	p.same(k.all(p, p.tenant), []T{first}, "create %s with the ID of another, then list", k.name)
}

func (k kind[T]) checkCreateAtOnce(p *probe) {
	for range 3 {
		v := k.fresh(p)
		errs := p.atOnce(6, func(int) error {
			_, err := k.create(p.st, p.ctx, p.tenant, v)
			return err
		})
		p.one(errs, store.ErrConflict, "create the same %s from 6 goroutines", k.name)
	}
	p.that(len(k.all(p, p.tenant)) == 3, "3 records", fmt.Sprint(len(k.all(p, p.tenant))), "list after 3 rounds of concurrent creates")
}

func (k kind[T]) checkMissing(p *probe) {
	there := k.add(p, p.tenant, k.fresh(p))
	for _, id := range []string{p.newID(), "x", "0", "é'\"%_\\", k.id(there) + "x", k.id(there)[1:]} {
		v := k.fresh(p)
		k.meta(&v).ID, k.meta(&v).Version = id, 1
		_, err := k.get(p.st, p.ctx, p.tenant, v)
		p.is(err, store.ErrNotFound, "read %s %q", k.name, id)
		_, err = k.update(p.st, p.ctx, p.tenant, v)
		p.is(err, store.ErrNotFound, "update %s %q", k.name, id)
		if k.remove != nil {
			p.is(k.remove(p.st, p.ctx, p.tenant, id, 0), store.ErrNotFound, "delete %s %q", k.name, id)
			p.is(k.remove(p.st, p.ctx, p.tenant, id, 1), store.ErrNotFound, "delete version 1 of %s %q", k.name, id)
		}
	}
	p.same(k.all(p, p.tenant), []T{there}, "read, update and delete what does not exist, then list")
}

func (k kind[T]) checkUpdate(p *probe) {
	created := k.add(p, p.tenant, k.fresh(p))
	before := k.add(p, p.tenant, k.fresh(p))
	for range 3 {
		next := deepCopy(before)
		k.edit(p, &next)
		m := k.meta(&next)
		m.UpdatedAt, m.CreatedAt, m.TenantID = p.tick(), p.tick(), p.tenantNamed("somebody")
		got := k.change(p, p.tenant, next)
		version := k.meta(&got).Version
		p.that(version > k.meta(&before).Version, "a version greater than "+fmt.Sprint(k.meta(&before).Version), fmt.Sprint(version), "update %s", k.name)

		want := k.stored(p.tenant, next)
		k.meta(&want).Version, k.meta(&want).CreatedAt = version, k.meta(&before).CreatedAt
		p.same(got, want, "update %s, and look at what it returned", k.name)
		p.same(k.read(p, p.tenant, got), want, "update %s, then read it", k.name)
		p.same(k.all(p, p.tenant), []T{created, want}, "update one of two, then list each %s", k.name)
		before = got
	}
}

func (k kind[T]) checkUpdateStale(p *probe) {
	v := k.add(p, p.tenant, k.fresh(p))
	next := deepCopy(v)
	k.edit(p, &next)
	v = k.change(p, p.tenant, next)
	for _, version := range []int64{0, 1, k.meta(&v).Version + 1, -1} {
		late := deepCopy(v)
		k.edit(p, &late)
		k.meta(&late).Version = version
		_, err := k.update(p.st, p.ctx, p.tenant, late)
		p.is(err, store.ErrStale, "update %s naming version %d when %d is stored", k.name, version, k.meta(&v).Version)
	}
	p.same(k.read(p, p.tenant, v), v, "update %s naming other versions, then read it", k.name)
}

func (k kind[T]) checkUpdateAtOnce(p *probe) {
	v := k.add(p, p.tenant, k.fresh(p))
	for range 4 {
		edits := make([]T, 6)
		for i := range edits {
			edits[i] = deepCopy(v)
			k.edit(p, &edits[i])
		}
		results := make([]T, len(edits))
		errs := p.atOnce(len(edits), func(i int) (err error) {
			results[i], err = k.update(p.st, p.ctx, p.tenant, edits[i])
			return err
		})
		winner := p.one(errs, store.ErrStale, "update one version of %s from 6 goroutines", k.name)
		p.same(k.read(p, p.tenant, v), results[winner], "read %s after concurrent updates", k.name)
		v = results[winner]
	}
}

func (k kind[T]) checkList(p *probe) {
	p.that(len(k.all(p, p.tenant)) == 0, "an empty list", "records", "list each %s of a tenant that nobody knows", k.name)
	want := make([]T, 12)
	for i := range want {
		want[i] = k.fresh(p)
	}
	for _, i := range rand.Perm(len(want)) {
		want[i] = k.add(p, p.tenant, want[i])
	}
	slices.SortFunc(want, func(a, b T) int { return strings.Compare(k.id(a), k.id(b)) })
	p.same(k.all(p, p.tenant), want, "create each %s in no order, then list", k.name)
}

func (k kind[T]) checkCopies(p *probe) {
	given := k.fresh(p)
	want := k.stored(p.tenant, given)
	got := k.add(p, p.tenant, given)
	id := deepCopy(given)
	scramble(reflect.ValueOf(&given).Elem())
	p.same(k.read(p, p.tenant, id), want, "create %s, change what was passed, then read it", k.name)
	scramble(reflect.ValueOf(&got).Elem())
	p.same(k.read(p, p.tenant, id), want, "create %s, change what was returned, then read it", k.name)

	got = k.read(p, p.tenant, id)
	scramble(reflect.ValueOf(&got).Elem())
	list := k.all(p, p.tenant)
	p.same(list, []T{want}, "read %s, change what came, then list", k.name)
	scramble(reflect.ValueOf(list))
	next := k.read(p, p.tenant, id)
	p.same(next, want, "list, change the %s that came, then read it", k.name)

	k.edit(p, &next)
	want = k.change(p, p.tenant, next)
	want, got = deepCopy(want), want
	scramble(reflect.ValueOf(&next).Elem())
	scramble(reflect.ValueOf(&got).Elem())
	p.same(k.read(p, p.tenant, id), want, "update %s, change what was passed and returned, then read it", k.name)
}

func (k kind[T]) checkTimes(p *probe) {
	p.finer = true
	given := k.fresh(p)
	want := k.stored(p.tenant, given)
	p.same(k.add(p, p.tenant, given), want, "create %s with nanoseconds in another zone, and look at what it returned", k.name)
	p.same(k.read(p, p.tenant, given), want, "create %s with nanoseconds in another zone, then read it", k.name)

	next := k.read(p, p.tenant, given)
	k.edit(p, &next)
	k.meta(&next).UpdatedAt = p.tick()
	got := k.change(p, p.tenant, next)
	m := k.meta(&got)
	p.same(m.UpdatedAt, k.meta(&next).UpdatedAt, "update %s with nanoseconds in another zone", k.name)
	p.same(m.CreatedAt, k.meta(&given).CreatedAt, "update %s, and look at CreatedAt", k.name)
	p.same(k.read(p, p.tenant, given), got, "update %s with nanoseconds in another zone, then read it", k.name)
}

func (k kind[T]) checkDelete(p *probe) {
	stays := k.add(p, p.tenant, k.fresh(p))
	v := k.add(p, p.tenant, k.fresh(p))
	next := deepCopy(v)
	k.edit(p, &next)
	v = k.change(p, p.tenant, next)
	version := k.meta(&v).Version
	if !k.unversioned {
		for _, other := range []int64{version - 1, version + 1} {
			p.is(k.remove(p.st, p.ctx, p.tenant, k.id(v), other), store.ErrStale, "delete version %d of %s when %d is stored", other, k.name, version)
		}
		p.same(k.read(p, p.tenant, v), v, "delete %s naming another version, then read it", k.name)
	}
	p.ok(k.remove(p.st, p.ctx, p.tenant, k.id(v), version), "delete the stored version of %s", k.name)
	_, err := k.get(p.st, p.ctx, p.tenant, v)
	p.is(err, store.ErrNotFound, "delete %s, then read it", k.name)
	p.same(k.all(p, p.tenant), []T{stays}, "delete one of two, then list each %s", k.name)
	p.is(k.remove(p.st, p.ctx, p.tenant, k.id(v), 0), store.ErrNotFound, "delete %s again", k.name)
	_, err = k.update(p.st, p.ctx, p.tenant, v)
	p.is(err, store.ErrNotFound, "update a deleted %s", k.name)

	errs := p.atOnce(4, func(int) error { return k.remove(p.st, p.ctx, p.tenant, k.id(stays), 0) })
	p.one(errs, store.ErrNotFound, "delete one %s from 4 goroutines", k.name)
	p.that(len(k.all(p, p.tenant)) == 0, "an empty list", "records", "delete each %s, then list", k.name)
}

// meta returns the Meta of a new record.
func (p *probe) meta() store.Meta {
	id, now := p.newID(), p.tick()
	return store.Meta{ID: id, CreatedAt: now, UpdatedAt: now.Add(time.Millisecond)}
}
