package scimtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// listing expects a ListResponse (RFC 7644 section 3.4.2) whose numbers are integers.
func (a *answer) listing() *answer {
	a.status(http.StatusOK)
	if !slices.Contains(elements(a.at("schemas")), any(urnList)) {
		a.problem("schemas is %s, expected %s", show(a.at("schemas")), urnList)
	}
	a.integers("totalResults")
	for _, name := range []string{"startIndex", "itemsPerPage"} {
		if a.at(name) != nil {
			a.integers(name)
		}
	}
	if total, n := a.total(), len(a.resources()); total < n {
		a.problem("totalResults is %d with %d resources on the page", total, n)
	}
	return a
}

// integers expects these numbers, and not as strings.
func (a *answer) integers(names ...string) *answer {
	for _, name := range names {
		if _, ok := integer(a.at(name)); !ok {
			a.problem("%s is %s, expected an integer", name, show(a.at(name)))
		}
	}
	return a
}

// atMost expects a page of no more than what was asked for.
func (a *answer) atMost(count int) *answer {
	if n := len(a.resources()); n > count {
		a.problem("%d resources on the page, asked for count=%d", n, count)
	}
	return a
}

// only expects a list of exactly the resources with these IDs.
func (a *answer) only(ids ...string) *answer {
	a.listing()
	switch total := a.total(); {
	case total > len(ids) && len(ids) == 0:
		a.problem("totalResults is %d, expected 0: nothing matches, so the filter was not applied", total)
	case total > len(ids):
		a.problem("totalResults is %d, expected %d: there are resources that do not match the filter", total, len(ids))
	case total < len(ids):
		a.problem("totalResults is %d, expected %d: something that matches is missing", total, len(ids))
	}
	a.sameIDs("Resources", ids, a.ids())
	return a
}

func (a *answer) total() int {
	n, _ := integer(a.at("totalResults"))
	return n
}

func (a *answer) resources() list { return elements(a.at("Resources")) }

// column is one attribute of each resource on the page.
func (a *answer) column(name string) (out []string) {
	for _, e := range a.resources() {
		m, _ := e.(object)
		v, _ := m[name].(string)
		out = append(out, v)
	}
	return out
}

func (a *answer) ids() []string { return a.column("id") }

// sameIDs expects each of want in got once, and nothing else.
func (a *answer) sameIDs(name string, want, got []string) {
	var missing, extra []string
	for _, id := range want {
		if !slices.Contains(got, id) {
			missing = append(missing, id)
		}
	}
	for i, id := range got {
		if !slices.Contains(want, id) || slices.Contains(got[:i], id) {
			extra = append(extra, id)
		}
	}
	switch {
	case len(missing) > 0 && len(extra) > 0:
		a.problem("%s lacks %s and has %s, which should not be there", name, few(missing), few(extra))
	case len(missing) > 0:
		a.problem("%s lacks %s: it has %d of %d", name, few(missing), len(got), len(want))
	case len(extra) > 0:
		a.problem("%s has %s, which should not be there", name, few(extra))
	}
}

// few names the first of many.
func few(ids []string) string {
	const most = 5
	if len(ids) <= most {
		return fmt.Sprintf("%q", ids)
	}
	return fmt.Sprintf("%q and %d more", ids[:most], len(ids)-most)
}

// walk is one way through all pages of users.
type walk struct {
	ids     []string
	whole   bool   // the end was reached
	trouble func() // ends the step with what was wrong
	// strangers were seen whom another script made, so that pages may shift while they are read.
	strangers bool
}

// maxPages bounds a walk.
const maxPages = 20

// walkUsers reads the users page by page, as an import does. A user who comes twice or is missing is kept in trouble,
// since it may be somebody else's doing.
func (s *script) walkUsers(filter string) (w walk) {
	path := "/Users?"
	if filter != "" {
		path += "filter=" + url.QueryEscape(filter) + "&"
	}
	total := s.get(path + "startIndex=1&count=1").listing().atMost(1).total()
	count := min(100, max(2, total/4))
	for range maxPages {
		a := s.get(fmt.Sprintf("%sstartIndex=%d&count=%d", path, len(w.ids)+1, count)).listing().atMost(count)
		for _, name := range a.column("userName") {
			if strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, s.tag) {
				w.strangers = true
			}
		}
		for _, id := range a.ids() {
			if slices.Contains(w.ids, id) && w.trouble == nil {
				w.trouble = func() { a.problem("user %s was on an earlier page already", id) }
			}
			w.ids = append(w.ids, id)
		}
		total = a.total()
		if w.whole = len(w.ids) >= total || len(a.ids()) == 0; w.whole {
			if n := len(w.ids); n != total && w.trouble == nil {
				w.trouble = func() { a.problem("totalResults says %d users, the pages have %d", total, n) }
			}
			return w
		}
	}
	return w
}

// pages walks through the users twice by index and expects the same, and everybody in mine.
func (s *script) pages(mine []string, why string) {
	s.do("list the users page by page, twice",
		"no page has more than was asked for, no user comes twice, none is missing, and both walks give the same order",
		why, func() {
			trouble, crowded := s.walkTwice("", mine)
			if trouble != nil && crowded { // somebody else writes at the same time: look at our own users alone
				trouble, _ = s.walkTwice(fmt.Sprintf("userName sw %q", s.tag), mine)
			}
			if trouble != nil {
				trouble()
			}
		})
}

func (s *script) walkTwice(filter string, mine []string) (trouble func(), crowded bool) {
	first, second := s.walkUsers(filter), s.walkUsers(filter)
	crowded = first.strangers || second.strangers
	var missing []string
	for _, id := range mine {
		if !slices.Contains(first.ids, id) {
			missing = append(missing, id)
		}
	}
	switch {
	case first.trouble != nil:
		return first.trouble, crowded
	case second.trouble != nil:
		return second.trouble, crowded
	case first.whole && len(missing) > 0:
		return func() { s.fail("no page has %s, whom the script made", few(missing)) }, crowded
	case !slices.Equal(first.ids, second.ids):
		return func() {
			s.fail("the second walk through the pages gave other users, or in another order, than the first: the order is not stable")
		}, crowded
	}
	return nil, crowded
}
