package storetest

import (
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

func checkTxNested(p *probe) {
	nested := func(tx store.Store) error {
		return tx.InTx(p.ctx, func(inner store.Store) error {
			return inner.InTx(p.ctx, func(innermost store.Store) error { return p.writeMany(innermost, p.tenant) })
		})
	}
	p.rollBack(nested, "write in a transaction in a transaction")
	p.written(p.tenant, false, "roll back a transaction with others in it")
	p.ok(p.st.InTx(p.ctx, nested), "write in a transaction in a transaction")
	p.written(p.tenant, true, "commit a transaction with others in it")
}

func checkTxNestedError(p *probe) {
	var inner error
	err := p.st.InTx(p.ctx, func(tx store.Store) error {
		if err := tx.AppendEvents(p.ctx, p.tenant, p.event("before")); err != nil {
			return err
		}
		inner = tx.InTx(p.ctx, func(inner store.Store) error {
			if err := p.writeMany(inner, p.tenant); err != nil {
				return err
			}
			return errRollBack
		})
		events, err := tx.Events(p.ctx, p.tenant, store.EventQuery{})
		if err == nil && len(events) != 1 {
			err = fmt.Errorf("the outer transaction sees %d events, not the one of its own", len(events))
		}
		if err != nil {
			return err
		}
		return tx.AppendEvents(p.ctx, p.tenant, p.event("after"))
	})
	p.is(inner, errRollBack, "return an error from a nested transaction")
	p.ok(err, "go on after a nested transaction that failed")
	p.same(typesOf(p.events(p.tenant)), []string{"before", "after"}, "commit a transaction in which a nested one failed, then read the journal")
	p.same(len(users.all(p, p.tenant)), 0, "commit a transaction in which a nested one failed, then count the users")
	p.same(len(groups.all(p, p.tenant)), 0, "commit a transaction in which a nested one failed, then count the groups")
}

func checkTxNestedPanic(p *probe) {
	err := p.st.InTx(p.ctx, func(tx store.Store) error {
		recovering(func() {
			_ = tx.InTx(p.ctx, func(inner store.Store) error {
				if err := p.writeMany(inner, p.tenant); err != nil {
					return err
				}
				panic(errRollBack)
			})
		})
		return tx.AppendEvents(p.ctx, p.tenant, p.event("after"))
	})
	p.ok(err, "go on after a nested transaction that panicked")
	p.same(typesOf(p.events(p.tenant)), []string{"after"}, "commit a transaction in which a nested one panicked, then read the journal")
	p.same(len(users.all(p, p.tenant)), 0, "commit a transaction in which a nested one panicked, then count the users")
}
