package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// Failure is what a failed check printed.
type Failure struct {
	Check string
	Rule  string
	Text  string
}

// Failures runs the checks whose names start with one of the prefixes
// ("users/userName"), each on a store of its own, and returns those that failed.
func Failures(ctx context.Context, open func() store.Store, prefixes ...string) (failures []Failure, ran int) {
	for _, a := range areas() {
		for _, c := range a.checks {
			name := a.name + "/" + c.name
			if !hasPrefix(name, prefixes) {
				continue
			}
			st := open()
			if c.needs != nil && !c.needs(st) {
				continue
			}
			ran++
			r := &recorder{ctx: ctx}
			r.record(func() { c.runOn(r, st) })
			if len(r.printed) > 0 {
				failures = append(failures, Failure{Check: name, Rule: c.rule, Text: strings.Join(r.printed, "\n")})
			}
		}
	}
	return failures, ran
}

func hasPrefix(name string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return len(prefixes) == 0
}

// Checks lists all checks by name, with their rules.
func Checks() map[string]string {
	rules := map[string]string{}
	for _, a := range areas() {
		for _, c := range a.checks {
			name := a.name + "/" + c.name
			if rules[name] != "" {
				panic("two checks are named " + name)
			}
			rules[name] = c.rule
		}
	}
	return rules
}

// recorder is a reporter that keeps what is printed.
type recorder struct {
	ctx     context.Context
	printed []string
}

func (r *recorder) record(run func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				r.Errorf("panic: %v", v)
			}
		}()
		run()
	}()
	<-done
}

func (r *recorder) Helper()                   {}
func (r *recorder) Context() context.Context  { return r.ctx }
func (r *recorder) FailNow()                  { runtime.Goexit() }
func (r *recorder) Errorf(f string, a ...any) { r.printed = append(r.printed, fmt.Sprintf(f, a...)) }

// WritesRefused calls every method of the contracts on a store that turn makes read-only, and returns what was not as it
// must be: a write that was not refused with store.ErrUnavailable, or a read that was.
func WritesRefused(ctx context.Context, st store.Store, turn func()) (wrong []string, ran int) {
	r := &recorder{ctx: ctx}
	r.record(func() {
		p := newProbe(ctx, r, st, "a read-only store refuses writes")
		w := newWorld(p, "")
		p.settle(p.tenant, w)
		turn()
		for _, m := range p.calls(func(m method) bool { return !m.across }) {
			ran++
			_, err := m.call(ctx, st, p.tenant, w, p.event("refused"))
			if errors.Is(err, store.ErrUnavailable) == m.reads {
				wrong = append(wrong, fmt.Sprintf("%s: %v", m.name, err))
			}
		}
	})
	return append(wrong, r.printed...), ran
}
