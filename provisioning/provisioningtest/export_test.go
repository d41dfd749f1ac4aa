package provisioningtest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
)

// Failures runs the checks whose names start with prefix, each on a host of its own, and
// returns what those that failed printed, by name.
func Failures(ctx context.Context, open func() Host, prefix string) (failures map[string]string, ran int) {
	failures = map[string]string{}
	for _, a := range areas() {
		for _, c := range a.checks {
			name := a.name + "/" + c.name
			h := open()
			if !strings.HasPrefix(name, prefix) || c.needs != nil && !c.needs(h) {
				continue
			}
			ran++
			r := &recorder{ctx: ctx}
			r.record(func() { c.runOn(r, h) })
			if len(r.printed) > 0 {
				failures[name] = strings.Join(r.printed, "\n")
			}
		}
	}
	return failures, ran
}

// Checks lists all checks by name, with their rules.
func Checks() map[string]string {
	rules := map[string]string{}
	for _, a := range areas() {
		for _, c := range a.checks {
			rules[a.name+"/"+c.name] = c.rule
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

// Missing is what is not set.
func (h Host) Missing() string { return h.missing() }
