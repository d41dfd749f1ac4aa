package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// lister is a method that returns a page, of a store or a transaction.
type lister[T any] func(ctx context.Context, tenantID string, q store.Query) (store.Page[T], error)

var errNoProgress = errors.New("a page says More without a Next that is greater than the one before")

// walk reads a list to its end.
func walk[T any](ctx context.Context, list lister[T], tenantID string, q store.Query) ([]T, error) {
	var all []T
	for {
		page, err := list(ctx, tenantID, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if !page.More {
			return all, nil
		}
		if page.Next <= q.After {
			return nil, errNoProgress
		}
		q.After, q.Offset = page.Next, 0
	}
}

func idsOf[T any](k kind[T], list []T) []string {
	ids := make([]string, 0, len(list))
	for _, v := range list {
		ids = append(ids, k.id(v))
	}
	return ids
}

func pagingChecks() []check {
	return slices.Concat(pageChecks(users), pageChecks(groups), pageChecks(accounts), pageChecks(resources), pageChecks(setupLinks))
}

// pageChecks are the checks of lists that are read by page.
func pageChecks[T any](k kind[T]) []check {
	checks := []check{
		{name: k.name + " pages", rule: "pages hold at most Limit records, and walking with After shows each " + k.name + " once, in ascending order of the ID", run: k.checkPages},
		{name: k.name + " after", rule: "After need not exist any more: the page starts with the first ID after it (" + k.name + ")", run: k.checkAfter},
		{name: k.name + " offset", rule: "Offset skips that many records after After, unless the page is not Exact (" + k.name + ")", run: k.checkOffset},
		{name: k.name + " limit", rule: "a Limit of zero or of more than MaxLimit means MaxLimit (" + k.name + ")", run: k.checkLimit},
		{name: k.name + " walk among writers", rule: "walking a list shows each " + k.name + " that exists during the whole walk exactly once, whatever others write meanwhile", run: k.checkWalkAmongWriters},
	}
	for i := range checks {
		checks[i].needs = k.needs
	}
	return checks
}

func (k kind[T]) lister(st store.Store) lister[T] {
	return func(ctx context.Context, tenantID string, q store.Query) (store.Page[T], error) {
		return k.page(st, ctx, tenantID, q)
	}
}

// walk reads the list to its end.
func (k kind[T]) walk(p *probe, tenantID string, q store.Query) []T {
	p.Helper()
	all, err := walk(p.ctx, k.lister(p.st), tenantID, q)
	p.ok(err, "walk each %s with %s", k.name, described(q))
	return all
}

func described(q store.Query) string {
	return fmt.Sprintf("After %q, Offset %d, Limit %d, Filter %#v", q.After, q.Offset, q.Limit, q.Filter)
}

// addMany creates n records, in no order of their IDs, and returns them in order.
func (k kind[T]) addMany(p *probe, tenantID string, n int) []T {
	p.Helper()
	list := make([]T, n)
	for i := range list {
		list[i] = k.fresh(p)
	}
	p.ok(p.st.InTx(p.ctx, func(tx store.Store) error {
		for _, i := range rand.Perm(n) {
			v, err := k.create(tx, p.ctx, tenantID, list[i])
			if err != nil {
				return err
			}
			list[i] = v
		}
		return nil
	}), "create %d of %s in one transaction", n, k.name)
	return list
}

func (k kind[T]) checkPages(p *probe) {
	want := k.addMany(p, p.tenant, 11)
	k.addMany(p, p.tenantNamed("other"), 3)
	for limit := 1; limit <= 12; limit++ {
		q := store.Query{Limit: limit}
		var got []T
		for {
			page, err := k.page(p.st, p.ctx, p.tenant, q)
			p.ok(err, "list each %s with %s", k.name, described(q))
			p.that(len(page.Items) <= limit, fmt.Sprintf("at most %d items", limit), fmt.Sprint(len(page.Items)), "list each %s with %s", k.name, described(q))
			got = append(got, page.Items...)
			if !page.More {
				break
			}
			p.that(page.Next > q.After, "a Next greater than After", fmt.Sprintf("%q", page.Next), "list each %s with %s", k.name, described(q))
			q.After = page.Next
		}
		p.same(got, want, "walk each %s by pages of %d", k.name, limit)
	}
}

func (k kind[T]) checkAfter(p *probe) {
	list := k.addMany(p, p.tenant, 6)
	if k.remove != nil {
		p.ok(k.remove(p.st, p.ctx, p.tenant, k.id(list[2]), 0), "delete the third of 6 of %s", k.name)
	}
	for _, tt := range []struct {
		after string
		want  []T
	}{
		{k.id(list[2]), list[3:]},
		{k.id(list[2])[:20], list[firstAfter(k, list, k.id(list[2])[:20]):]},
		{k.id(list[5]), nil},
		{p.newID(), nil},
		{"~", nil},
	} {
		want := slices.DeleteFunc(slices.Clone(tt.want), func(v T) bool { return k.id(v) == k.id(list[2]) })
		p.same(k.walk(p, p.tenant, store.Query{After: tt.after, Limit: 2}), want, "delete the third of 6 of %s, then list after %q", k.name, tt.after)
	}
}

func firstAfter[T any](k kind[T], list []T, id string) int {
	for i, v := range list {
		if k.id(v) > id {
			return i
		}
	}
	return len(list)
}

func (k kind[T]) checkOffset(p *probe) {
	list := k.addMany(p, p.tenant, 8)
	for _, q := range []store.Query{
		{Offset: 3},
		{Offset: 3, Limit: 2},
		{Offset: 2, After: k.id(list[1])},
		{Offset: 2, After: k.id(list[1]), Limit: 3},
		{Offset: 8},
		{Offset: 100, Limit: 5},
	} {
		page, err := k.page(p.st, p.ctx, p.tenant, q)
		p.ok(err, "list each %s with %s", k.name, described(q))
		if !page.Exact {
			continue
		}
		rest := list[firstAfter(k, list, q.After):]
		rest = rest[min(q.Offset, len(rest)):]
		got := slices.Clone(page.Items)
		if page.More {
			got = append(got, k.walk(p, p.tenant, store.Query{After: page.Next})...)
		}
		p.same(idsOf(k, got), idsOf(k, rest), "list each %s with %s, then to the end", k.name, described(q))
	}
}

func (k kind[T]) checkLimit(p *probe) {
	want := k.addMany(p, p.tenant, store.MaxLimit+5)
	for _, limit := range []int{0, store.MaxLimit, store.MaxLimit + 1, store.MaxLimit * 50} {
		page, err := k.page(p.st, p.ctx, p.tenant, store.Query{Limit: limit})
		p.ok(err, "list each %s with Limit %d", k.name, limit)
		p.that(len(page.Items) <= store.MaxLimit, "at most MaxLimit items", fmt.Sprint(len(page.Items)), "list %d of %s with Limit %d", len(want), k.name, limit)
		p.that(page.More, "More", "the end of the list", "list %d of %s with Limit %d", len(want), k.name, limit)
		p.same(idsOf(k, k.walk(p, p.tenant, store.Query{Limit: limit})), idsOf(k, want), "walk %d of %s with Limit %d", len(want), k.name, limit)
	}
}

func (k kind[T]) checkWalkAmongWriters(p *probe) {
	lasting := k.addMany(p, p.tenant, 30)
	passing := k.addMany(p, p.tenant, 30)
	// Others write records of IDs before, between and after those that last.
	added := make([]T, 90)
	for i := range added {
		added[i] = k.fresh(p)
		at := time.Now().Add(-time.Hour + time.Duration(rand.Int64N(int64(time.Minute))))
		k.meta(&added[i]).ID = k.id(lasting[i%len(lasting)])[:18] + store.NewID(at)[18:]
	}
	for round := range 3 {
		done := make(chan error, 1)
		go func() { done <- k.churn(p, passing[round*10:round*10+10], added[round*30:round*30+30]) }()
		var err error
		for running := true; running; {
			select {
			case err = <-done:
				running = false
			default:
			}
			seen := map[string]int{}
			for _, v := range k.walk(p, p.tenant, store.Query{Limit: 4}) {
				seen[k.id(v)]++
			}
			for i, v := range lasting {
				p.that(seen[k.id(v)] == 1, "each lasting record once", fmt.Sprintf("record %d of %d was shown %d times", i+1, len(lasting), seen[k.id(v)]),
					"walk each %s by pages of 4 while others insert and delete", k.name)
			}
		}
		p.ok(err, "insert and delete %s while others list", k.name)
	}
}

// churn deletes the passing records and creates others.
func (k kind[T]) churn(p *probe, passing, added []T) error {
	for i, v := range added {
		if _, err := k.create(p.st, p.ctx, p.tenant, v); err != nil {
			return err
		}
		if i < len(passing) && k.remove != nil {
			if err := k.remove(p.st, p.ctx, p.tenant, k.id(passing[i]), 0); err != nil {
				return err
			}
		}
		time.Sleep(200 * time.Microsecond)
	}
	return nil
}
