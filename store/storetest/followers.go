package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

func followerChecks() []check {
	return []check{
		{name: "misses nothing", rule: "a reader that asks for what is after the last Seq it handled sees each event exactly once, while several transactions append", run: checkFollow},
		{name: "late commit", rule: "an event that a reader can see never gets a later event in front of it: what was appended first and is committed last is not missed", run: checkLateCommit},
		{name: "record order", rule: "of two changes of one record the first to commit comes first in the journal", run: checkRecordOrder},
		{name: "applied once", rule: "readers that move one position in the transaction that applies the events apply each event exactly once", run: checkAppliedOnce},
	}
}

// follower reads a journal while others write.
type follower struct {
	seen   map[string]int
	types  []string
	behind error
}

// follow reads what comes after the last Seq until the writers are done and nothing
// is left. The result is sent when it has ended.
func (p *probe) follow(done <-chan struct{}) <-chan follower {
	out := make(chan follower, 1)
	go func() {
		f := follower{seen: map[string]int{}}
		defer func() { out <- f }()
		var q store.EventQuery
		q.Limit = 3
		for {
			last := false
			select {
			case <-done:
				last = true
			case <-p.ctx.Done():
				f.behind = p.ctx.Err()
				return
			default:
			}
			page, err := p.st.Events(p.ctx, p.tenant, q)
			if err != nil {
				f.behind = err
				return
			}
			for _, e := range page {
				f.seen[e.ID]++
				f.types = append(f.types, e.Type)
				q.After = e.Seq
			}
			if last && len(page) == 0 {
				return
			}
		}
	}()
	return out
}

func checkFollow(p *probe) {
	const writers, rounds = 4, 12
	done := make(chan struct{})
	seen := p.follow(done)
	var mu sync.Mutex
	committed := map[string]bool{}
	errs := p.atOnce(writers, func(w int) error {
		for n := range rounds {
			var ids []string
			err := p.st.InTx(p.ctx, func(tx store.Store) error {
				ids = nil
				for i := range 2 {
					at := time.Now()
					e := store.Event{ID: store.NewID(at), Type: fmt.Sprintf("%d %d %d", w, n, i), At: at}
					if err := tx.AppendEvents(p.ctx, p.tenant, e); err != nil {
						return err
					}
					ids = append(ids, e.ID)
					time.Sleep(time.Duration((w*7+n*3+i)%5) * 200 * time.Microsecond)
				}
				if n%5 == 4 {
					return errRollBack
				}
				return nil
			})
			if n%5 == 4 {
				if !errors.Is(err, errRollBack) {
					return fmt.Errorf("InTx whose fn failed: %w", errors.Join(errors.New("its error did not come back"), err))
				}
				continue
			}
			if err != nil {
				return err
			}
			mu.Lock()
			for _, id := range ids {
				committed[id] = true
			}
			mu.Unlock()
		}
		return nil
	})
	close(done)
	f := <-seen
	p.none(errs, "append events in transactions from %d goroutines", writers)
	p.wholly(f, committed, fmt.Sprintf("follow the journal with After while %d goroutines commit and roll back transactions", writers))
	p.same(len(p.events(p.tenant)), len(committed), "count the events after %d goroutines committed and rolled back transactions", writers)
}

// wholly wants the follower to have seen each committed event once, and no other.
func (p *probe) wholly(f follower, committed map[string]bool, did string) {
	p.Helper()
	p.ok(f.behind, "%s", did)
	for id := range committed {
		p.that(f.seen[id] == 1, "each committed event once", fmt.Sprintf("one of %d came %d times", len(committed), f.seen[id]), "%s", did)
	}
	for id := range f.seen {
		p.that(committed[id], "committed events alone", "an event that was rolled back", "%s", did)
	}
	at := map[string]string{}
	for _, t := range f.types {
		writer, _, _ := strings.Cut(t, " ")
		p.that(len(t) > len(at[writer]) || t > at[writer], "each writer's events in its order", fmt.Sprintf("%q after %q", t, at[writer]), "%s", did)
		at[writer] = t
	}
}

// checkLateCommit lets a transaction append, then another append and commit, and only
// then the first commit. A store may let the second wait for the first.
func checkLateCommit(p *probe) {
	const patience = 60 * time.Millisecond
	done := make(chan struct{})
	seen := p.follow(done)
	committed := map[string]bool{}
	for round := range 3 {
		early, late := p.event(fmt.Sprintf("e %d", round)), p.event(fmt.Sprintf("l %d", round))
		committed[early.ID], committed[late.ID] = true, true
		appended, secondDone := make(chan struct{}), make(chan error, 1)
		var once sync.Once
		go func() {
			select {
			case <-appended:
			case <-p.ctx.Done():
			}
			secondDone <- p.st.InTx(p.ctx, func(tx store.Store) error {
				return tx.AppendEvents(p.ctx, p.tenant, late)
			})
		}()
		var second error
		waited := false
		err := p.st.InTx(p.ctx, func(tx store.Store) error {
			if err := tx.AppendEvents(p.ctx, p.tenant, early); err != nil {
				return err
			}
			once.Do(func() { close(appended) })
			if waited {
				return nil
			}
			select {
			case second = <-secondDone:
				waited = true
				time.Sleep(patience) // the reader has time to see the second alone
			case <-time.After(patience):
			}
			return nil
		})
		once.Do(func() { close(appended) })
		if !waited {
			second = <-secondDone
		}
		p.ok(err, "append in a transaction that commits last")
		p.ok(second, "append in a transaction that begins later and commits first")
	}
	close(done)
	p.wholly(<-seen, committed, "follow the journal with After while the transaction that appended first commits last")
}

func checkRecordOrder(p *probe) {
	const writers, rounds = 4, 6
	u := users.add(p, p.tenant, users.fresh(p), p.event("1"))
	done := make(chan struct{})
	seen := p.follow(done)
	errs := p.atOnce(writers, func(int) error {
		for n := 0; n < rounds; {
			next, err := p.st.SCIMUser(p.ctx, p.tenant, u.ID)
			if err != nil {
				return err
			}
			at := time.Now()
			_, err = p.st.UpdateSCIMUser(p.ctx, p.tenant, next, store.Event{ID: store.NewID(at), Type: fmt.Sprint(next.Version + 1), At: at})
			switch {
			case err == nil:
				n++
			case !errors.Is(err, store.ErrStale):
				return err
			}
		}
		return nil
	})
	close(done)
	f := <-seen
	p.none(errs, "update one user from %d goroutines", writers)
	p.ok(f.behind, "follow the journal while %d goroutines update one user", writers)
	var want []string
	for v := range 1 + writers*rounds {
		want = append(want, fmt.Sprint(v+1))
	}
	p.same(f.types, want, "follow the journal while %d goroutines update one user, each event naming the version", writers)
}

func checkAppliedOnce(p *probe) {
	const readers, n = 3, 24
	for i := range n {
		p.append(p.tenant, p.event(fmt.Sprint(i)))
	}
	p.none(p.atOnce(readers, func(int) error {
		for {
			behind, err := p.applySome()
			if err != nil && !errors.Is(err, store.ErrStale) {
				return err
			}
			if err == nil && !behind {
				return nil
			}
		}
	}), "apply the events of one tenant from %d goroutines", readers)
	p.same(len(accounts.all(p, p.tenant)), n, "apply %d events from %d goroutines, and count what was applied", n, readers)
}

// applySome applies up to three events as a reader does, and says whether there were
// any. Applying an event twice would be a conflict.
func (p *probe) applySome() (bool, error) {
	from, err := p.st.Position(p.ctx, p.tenant, "r")
	if err != nil {
		return false, err
	}
	events, err := p.st.Events(p.ctx, p.tenant, store.EventQuery{After: from, Limit: 3})
	if err != nil || len(events) == 0 {
		return false, err
	}
	return true, p.st.InTx(p.ctx, func(tx store.Store) error {
		if err := tx.SavePosition(p.ctx, p.tenant, "r", from, events[len(events)-1].Seq); err != nil {
			return err
		}
		for _, e := range events {
			if _, err := tx.CreateAccount(p.ctx, p.tenant, store.Account{Meta: store.Meta{ID: e.ID}}); err != nil {
				return fmt.Errorf("apply the event %s: %w", e.Type, err)
			}
		}
		return nil
	})
}
