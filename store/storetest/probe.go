package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// reporter is what checks use of *testing.T. It is an interface so that the suite can
// be tested on broken stores without failing itself.
type reporter interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	FailNow()
}

// probe is one run of a check.
type probe struct {
	reporter
	ctx  context.Context // with the check's time limit
	st   store.Store
	rule string
	// prefix begins the IDs of all tenants of this run, and sorts them together.
	prefix string
	// tenant is a tenant that has nothing yet.
	tenant string
	// clock is the time of the last sample; tick moves it.
	clock time.Time
	// finer makes samples' times finer and in another zone than stores keep.
	finer bool
	// text is appended to samples' strings.
	text string
	n    int
}

func newProbe(ctx context.Context, r reporter, st store.Store, rule string) *probe {
	prefix := "t" + random()
	return &probe{
		reporter: r, ctx: ctx, st: st, rule: rule, prefix: prefix, tenant: prefix + "-0",
		clock: time.Now().UTC().Truncate(time.Second).Add(-time.Hour),
	}
}

// random returns a string that nobody else has, in lower case.
func random() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x", b)
}

// tenantNamed returns a tenant of this run. The tenants are in the order of their
// names.
func (p *probe) tenantNamed(name string) string { return p.prefix + "-" + name }

// tick returns a time later than the last one.
func (p *probe) tick() time.Time {
	p.clock = p.clock.Add(1_001 * time.Microsecond)
	if p.finer {
		return p.clock.Add(789 * time.Nanosecond).In(time.FixedZone("CEST", 2*60*60))
	}
	return p.clock
}

// newID returns an ID greater than those before.
func (p *probe) newID() string { return store.NewID(p.tick()) }

// fail ends the check.
func (p *probe) fail(want, got, did string, args ...any) {
	p.Helper()
	p.Errorf("rule:     %s\ndid:      %s\nexpected: %s\ngot:      %s", p.rule, fmt.Sprintf(did, args...), want, got)
	p.FailNow()
}

// ok wants no error.
func (p *probe) ok(err error, did string, args ...any) {
	p.Helper()
	if err != nil {
		p.fail("no error", describe(err), did, args...)
	}
}

// is wants an error that matches.
func (p *probe) is(err, want error, did string, args ...any) {
	p.Helper()
	if !errors.Is(err, want) {
		p.fail("an error matching "+want.Error(), describe(err), did, args...)
	}
}

// that wants a condition to hold.
func (p *probe) that(holds bool, want, got, did string, args ...any) {
	p.Helper()
	if !holds {
		p.fail(want, got, did, args...)
	}
}

// same wants got to equal want, as difference compares.
func (p *probe) same(got, want any, did string, args ...any) {
	p.Helper()
	if d := difference(got, want); d != nil {
		p.fail(d.want, d.got, did, args...)
	}
}

func describe(err error) string {
	if err == nil {
		return "no error"
	}
	return "the error " + err.Error()
}

// atOnce runs fn in n goroutines that start together, and returns their errors.
func (p *probe) atOnce(n int, fn func(i int) error) []error {
	var wg sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// one wants exactly one of the errors to be nil and all others to match, and returns
// the index of the one.
func (p *probe) one(errs []error, other error, did string, args ...any) int {
	p.Helper()
	winner, wins := -1, 0
	for i, err := range errs {
		if err == nil {
			winner, wins = i, wins+1
			continue
		}
		p.is(err, other, did, args...)
	}
	p.that(wins == 1, "exactly one of "+fmt.Sprint(len(errs))+" concurrent calls to succeed", fmt.Sprintf("%d succeeded", wins), did, args...)
	return winner
}

// none wants all errors to be nil.
func (p *probe) none(errs []error, did string, args ...any) {
	p.Helper()
	for _, err := range errs {
		p.ok(err, did, args...)
	}
}
