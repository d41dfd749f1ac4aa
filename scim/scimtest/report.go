package scimtest

import (
	"fmt"
	"strings"
)

// Report tells how a server took the providers' scripts. It can be stored as JSON.
type Report struct {
	BaseURL string   `json:"base_url"`
	Scripts []Script `json:"scripts"`
}

// Script is what one provider did.
type Script struct {
	Provider Provider `json:"provider"`
	Steps    []Step   `json:"steps"`
}

// Step is one thing that the provider wanted.
type Step struct {
	// Name says what the provider does, Expect what has to follow, Why what happens to a customer otherwise.
	Name   string `json:"name"`
	Expect string `json:"expect"`
	Why    string `json:"why"`
	// Exchanges are the requests in the order they were sent, those sent at once included.
	Exchanges []Exchange `json:"exchanges,omitempty"`
	// Problems says what was wrong, one sentence each. Empty if the step passed.
	Problems []string `json:"problems,omitempty"`
	// Skipped says why the step was not tried; empty if it was.
	Skipped string `json:"skipped,omitempty"`
}

// Exchange is one request and its answer. Long bodies are cut.
type Exchange struct {
	Method string `json:"method"`
	// Path follows the base URL, with its query.
	Path    string `json:"path"`
	Request string `json:"request,omitempty"`
	// Status is 0 when no answer came; Response then says why.
	Status   int    `json:"status"`
	Response string `json:"response,omitempty"`
	// Retries counts how often the server asked to come back later (429, 503) before this answer.
	Retries int `json:"retries,omitempty"`
}

// OK reports whether the step was tried and passed.
func (s Step) OK() bool { return len(s.Problems) == 0 && s.Skipped == "" }

// OK reports whether all steps passed.
func (r Report) OK() bool { return len(r.Failed()) == 0 }

// Failed lists the steps that did not pass, those not tried included.
func (r Report) Failed() (failed []Step) {
	for _, sc := range r.Scripts {
		for _, st := range sc.Steps {
			if !st.OK() {
				failed = append(failed, st)
			}
		}
	}
	return failed
}

// String is the report as text: one line for a step that passed, for one that failed all that is known about it.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "SCIM clients against %s\n", r.BaseURL)
	for _, sc := range r.Scripts {
		passed := 0
		for _, st := range sc.Steps {
			if st.OK() {
				passed++
			}
		}
		fmt.Fprintf(&b, "\n%s: %d of %d steps passed\n", sc.Provider, passed, len(sc.Steps))
		for _, st := range sc.Steps {
			b.WriteString(indent(st.String(), "  "))
		}
	}
	return b.String()
}

// String is the step as text, as in [Report.String].
func (s Step) String() string {
	switch {
	case s.Skipped != "":
		return fmt.Sprintf("skip  %s (%s)\n", s.Name, s.Skipped)
	case s.OK():
		return fmt.Sprintf("ok    %s\n", s.Name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "FAIL  %s\n", s.Name)
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "      problem:  %s\n", p)
	}
	fmt.Fprintf(&b, "      expected: %s\n      because:  %s\n", s.Expect, s.Why)
	for _, e := range s.Exchanges {
		b.WriteString(indent(e.String(), "      "))
	}
	return b.String()
}

// String is the exchange as text: what was sent after ">", what came after "<".
func (e Exchange) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "> %s %s\n", e.Method, e.Path)
	if e.Request != "" {
		fmt.Fprintf(&b, "> %s\n", e.Request)
	}
	switch {
	case e.Status == 0:
		b.WriteString("< no answer")
	case e.Retries > 0:
		fmt.Fprintf(&b, "< %d (after being told %d times to come back later)", e.Status, e.Retries)
	default:
		fmt.Fprintf(&b, "< %d", e.Status)
	}
	if e.Response != "" {
		b.WriteString(" " + strings.ReplaceAll(strings.TrimSpace(e.Response), "\n", "\n< "))
	}
	return b.String() + "\n"
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
}
