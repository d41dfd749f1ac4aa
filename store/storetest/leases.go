package storetest

import (
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

func leaseChecks() []check {
	return []check{
		{name: "one holder", rule: "a lease that has not ended answers ErrConflict to every other holder, and to nobody from its end on", run: checkLeaseHolder},
		{name: "renew", rule: "the holder renews its lease and keeps its Token", run: checkLeaseRenew},
		{name: "token", rule: "the Token of a lease grows each time that it passes to another holder, released or ended", run: checkLeaseToken},
		{name: "release", rule: "ReleaseLease ends the lease of its holder and does nothing for anybody else", run: checkLeaseRelease},
		{name: "at once", rule: "of several concurrent calls for a free or ended lease exactly one succeeds, all others answer ErrConflict", run: checkLeaseAtOnce},
		{name: "name", rule: "leases of other names and tenants are others, compared byte by byte", run: checkLeaseName},
		{name: "times", rule: "the end of a lease is UTC with microseconds; what is finer is truncated", run: checkLeaseTimes},
		{name: "tx", rule: "a lease that was taken in a transaction that is rolled back is free", run: checkLeaseRollback},
	}
}

// acquire wants to get the lease "work" for a minute.
func (p *probe) acquire(holder string, now time.Time) store.Lease {
	p.Helper()
	l, err := p.st.AcquireLease(p.ctx, p.tenant, "work", holder, now, now.Add(time.Minute))
	p.ok(err, "acquire a free lease for %s", holder)
	p.same(l, store.Lease{Holder: holder, Token: l.Token, Until: now.Add(time.Minute)}, "acquire a lease for %s", holder)
	return l
}

// refused wants the lease "work" to be held by somebody else.
func (p *probe) refused(holder string, now time.Time, did string) {
	p.Helper()
	_, err := p.st.AcquireLease(p.ctx, p.tenant, "work", holder, now, now.Add(time.Minute))
	p.is(err, store.ErrConflict, "%s", did)
}

func checkLeaseHolder(p *probe) {
	now := p.tick()
	p.acquire("a", now)
	for _, at := range []time.Duration{0, time.Second, time.Minute - time.Microsecond} {
		p.refused("b", now.Add(at), fmt.Sprintf("acquire a lease of a minute for another holder after %s", at))
	}
	p.refused("A", now, "acquire a lease of \"a\" for \"A\"")
	p.acquire("b", now.Add(time.Minute))
	p.refused("a", now.Add(time.Minute), "acquire a lease that passed to another")
}

func checkLeaseRenew(p *probe) {
	now := p.tick()
	first := p.acquire("a", now)
	for _, at := range []time.Duration{0, 30 * time.Second, 80 * time.Second} {
		l := p.acquire("a", now.Add(at))
		p.same(l.Token, first.Token, "renew a lease")
	}
	p.refused("b", now.Add(2*time.Minute), "acquire a lease that was renewed, after its first end")
	p.acquire("b", now.Add(80*time.Second+time.Minute))
}

func checkLeaseToken(p *probe) {
	now := p.tick()
	last := store.Lease{}
	for i := range 6 {
		l := p.acquire([]string{"a", "b", "c"}[i%3], now)
		p.that(l.Token > last.Token, fmt.Sprintf("a Token greater than %d", last.Token), fmt.Sprint(l.Token), "pass a lease to another holder (%d)", i+1)
		last = l
		if i%2 == 0 {
			p.ok(p.st.ReleaseLease(p.ctx, p.tenant, "work", l.Holder), "release a lease")
		} else {
			now = l.Until
		}
	}
}

func checkLeaseRelease(p *probe) {
	p.ok(p.st.ReleaseLease(p.ctx, p.tenant, "work", "a"), "release a lease that nobody had")
	now := p.tick()
	p.acquire("a", now)
	p.ok(p.st.ReleaseLease(p.ctx, p.tenant, "work", "b"), "release a lease of another holder")
	p.refused("b", now, "acquire a lease after releasing that of another holder")
	p.ok(p.st.ReleaseLease(p.ctx, p.tenant, "work", "a"), "release a lease")
	p.acquire("b", now)
	p.ok(p.st.ReleaseLease(p.ctx, p.tenant, "work", "a"), "release a lease that passed to another")
	p.refused("a", now, "acquire a lease after releasing it when it had passed to another")
}

func checkLeaseAtOnce(p *probe) {
	now := p.tick()
	for range 5 {
		leases := make([]store.Lease, 6)
		winner := p.one(p.atOnce(len(leases), func(i int) (err error) {
			leases[i], err = p.st.AcquireLease(p.ctx, p.tenant, "work", fmt.Sprint("holder ", i), now, now.Add(time.Minute))
			return err
		}), store.ErrConflict, "acquire one lease for 6 holders at once")
		p.same(leases[winner].Holder, fmt.Sprint("holder ", winner), "look at the lease that was acquired")
		now = now.Add(time.Minute)
	}
}

func checkLeaseName(p *probe) {
	now := p.tick()
	p.acquire("a", now)
	for _, name := range []string{"Work", "work ", "w_rk", "%", ""} {
		_, err := p.st.AcquireLease(p.ctx, p.tenant, name, "b", now, now.Add(time.Minute))
		p.ok(err, "acquire the lease %q when \"work\" is held", name)
	}
	_, err := p.st.AcquireLease(p.ctx, p.tenantNamed("other"), "work", "b", now, now.Add(time.Minute))
	p.ok(err, "acquire a lease that another tenant's worker holds")
	p.ok(p.st.ReleaseLease(p.ctx, p.tenantNamed("other"), "work", "a"), "release another tenant's lease")
	p.refused("b", now, "acquire a held lease after one of its name was released in another tenant")
}

func checkLeaseTimes(p *probe) {
	p.finer = true
	now := p.tick()
	l := p.acquire("a", now)
	p.refused("b", l.Until.Add(-time.Microsecond), "acquire a lease a microsecond before its end")
	p.acquire("b", l.Until)
}

func checkLeaseRollback(p *probe) {
	now := p.tick()
	p.rollBack(func(tx store.Store) error {
		_, err := tx.AcquireLease(p.ctx, p.tenant, "work", "a", now, now.Add(time.Minute))
		return err
	}, "acquire a lease")
	p.acquire("b", now)
	p.rollBack(func(tx store.Store) error { return tx.ReleaseLease(p.ctx, p.tenant, "work", "b") }, "release a lease")
	p.refused("a", now, "acquire a lease whose release was rolled back")
}
