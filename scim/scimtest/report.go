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
	// Left are the paths of what the script made and could not delete.
	Left []string `json:"left,omitempty"`
}

// Step is one thing that the provider wanted.
type Step struct {
	// Name says what the provider does, Expect what has to follow, Why what happens to a customer otherwise. A name
	// is unique in its script.
	Name   string `json:"name"`
	Expect string `json:"expect"`
	Why    string `json:"why"`
	// Problem says what was wrong, and ended the step. Empty if it passed.
	Problem string `json:"problem,omitempty"`
	// Skipped says why the step was not tried; empty if it was.
	Skipped string `json:"skipped,omitempty"`
	// Exchanges are the requests and their answers, in the order they were sent.
	Exchanges []Exchange `json:"exchanges,omitempty"`
}

// Exchange is one request and its answer. Long bodies are cut, and the token is in none.
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
	// Wrong marks the answer in which the step's problem is.
	Wrong bool `json:"wrong,omitempty"`
}

// OK reports whether the step was tried and passed.
func (s Step) OK() bool { return s.Problem == "" && s.Skipped == "" }

// OK reports whether all steps passed, of one script at least.
func (r Report) OK() bool { return len(r.Scripts) > 0 && len(r.Failed()) == 0 }

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
		b.WriteString("\n" + sc.String())
	}
	return b.String()
}

// String is the script as text, as in [Report.String].
func (s Script) String() string {
	var b strings.Builder
	passed := 0
	for _, st := range s.Steps {
		if st.OK() {
			passed++
		}
	}
	fmt.Fprintf(&b, "%s: %d of %d steps passed\n", s.Provider, passed, len(s.Steps))
	for _, st := range s.Steps {
		b.WriteString(indent(st.String(), "  "))
	}
	if len(s.Left) > 0 {
		fmt.Fprintf(&b, "  left behind on the server: %s\n", strings.Join(s.Left, " "))
	}
	return b.String()
}

// String is the step as text, as in [Report.String].
func (s Step) String() string {
	switch {
	case s.Skipped != "":
		return fmt.Sprintf("skip  %s (%s)\n", s.Name, s.Skipped)
	case s.OK():
		return fmt.Sprintf("ok    %s%s\n", s.Name, waited(s.retries()))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "FAIL  %s\n", s.Name)
	fmt.Fprintf(&b, "      problem:  %s\n      expected: %s\n      because:  %s\n", s.Problem, s.Expect, s.Why)
	before, shown, after := s.telling()
	omitted(&b, before)
	for _, e := range shown {
		b.WriteString(indent(e.String(), "      "))
	}
	omitted(&b, after)
	return b.String()
}

func omitted(b *strings.Builder, n int) {
	if n > 0 {
		fmt.Fprintf(b, "      (%d more requests are in the report's JSON)\n", n)
	}
}

// telling picks the exchanges that lead to the problem, and counts those around them.
func (s Step) telling() (before int, shown []Exchange, after int) {
	const most = 8
	end := len(s.Exchanges)
	for i, e := range s.Exchanges {
		if e.Wrong {
			end = i + 1
		}
	}
	before = max(0, end-most)
	return before, s.Exchanges[before:end], len(s.Exchanges) - end
}

func (s Step) retries() (n int) {
	for _, e := range s.Exchanges {
		n += e.Retries
	}
	return n
}

// String is the exchange as text: what was sent after ">", what came after "<".
func (e Exchange) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "> %s %s\n", e.Method, e.Path)
	if e.Request != "" {
		fmt.Fprintf(&b, "> %s\n", lines(e.Request, "> "))
	}
	if e.Status == 0 {
		b.WriteString("< no answer")
	} else {
		fmt.Fprintf(&b, "< %d", e.Status)
	}
	b.WriteString(waited(e.Retries))
	if e.Response != "" {
		b.WriteString(" " + lines(e.Response, "< "))
	}
	return b.String() + "\n"
}

func waited(retries int) string {
	switch retries {
	case 0:
		return ""
	case 1:
		return " (sent again once, because the server asked to come back later)"
	}
	return fmt.Sprintf(" (sent again %d times, because the server asked to come back later)", retries)
}

// lines is a body for the eye: not all of it, and each of its lines marked.
func lines(body, mark string) string {
	const most = 1500
	return strings.ReplaceAll(strings.TrimSpace(cut(body, most)), "\n", "\n"+mark)
}

// cut keeps the beginning of a long text.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%s … (%d bytes in all)", strings.ToValidUTF8(text[:most], ""), len(text))
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
}
