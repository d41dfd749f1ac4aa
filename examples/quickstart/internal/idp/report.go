package idp

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// MaxExchanges is how many of a push's exchanges a Report keeps: the last ones.
const MaxExchanges = 200

// Report says what a push did.
type Report struct {
	// Started is the zero time if there was no push yet.
	Started time.Time
	Took    time.Duration
	// What changed at the other side. Matched users and groups had been there before the directory pushed them first.
	UsersCreated, UsersMatched, UsersUpdated, UsersDeactivated int
	GroupsCreated, GroupsMatched, GroupsUpdated, GroupsDeleted int
	MembersAdded, MembersRemoved                               int
	// Failures are requests that were refused, in words; the push went on after them.
	Failures []string
	// Stopped says why the push ended before its end. Empty if it didn't.
	Stopped string
	// Exchanges are what was sent and what came back, in order; Dropped earlier ones were not kept.
	Exchanges []Exchange
	Dropped   int
}

// Exchange is one request and its answer. It never holds the API key.
type Exchange struct {
	At     time.Time
	Method string
	// Path is below the base URL, with the query.
	Path string
	// Sent and Got are the bodies, cut to 2 KiB, and indented if they are no longer than that.
	Sent, Got string
	// Status is the answer's; 0 if there was none, then Failure says why.
	Status  int
	Failure string
	Took    time.Duration
}

// Line is the request in one line, its query as people read it.
func (e Exchange) Line() string {
	path, query, _ := strings.Cut(e.Path, "?")
	if readable, err := url.QueryUnescape(query); err == nil && readable != "" {
		return e.Method + " " + path + "?" + readable
	}
	return e.Method + " " + e.Path
}

// String is the report in one line.
func (r Report) String() string {
	var parts []string
	for _, c := range []struct {
		n          int
		noun, verb string
	}{
		{r.UsersCreated, "user", "created"},
		{r.UsersMatched, "user", "matched"},
		{r.UsersUpdated, "user", "updated"},
		{r.UsersDeactivated, "user", "deactivated"},
		{r.GroupsCreated, "group", "created"},
		{r.GroupsMatched, "group", "matched"},
		{r.GroupsUpdated, "group", "renamed"},
		{r.GroupsDeleted, "group", "deleted"},
		{r.MembersAdded, "member", "added"},
		{r.MembersRemoved, "member", "removed"},
		{len(r.Failures), "request", "refused"},
	} {
		switch {
		case c.n == 1:
			parts = append(parts, "1 "+c.noun+" "+c.verb)
		case c.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss %s", c.n, c.noun, c.verb))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing to change")
	}
	if r.Stopped != "" {
		parts = append(parts, "stopped: "+r.Stopped)
	}
	return strings.Join(parts, ", ")
}

// add keeps an exchange, dropping the oldest one beyond MaxExchanges.
func (r *Report) add(e Exchange) {
	if len(r.Exchanges) >= MaxExchanges {
		r.Exchanges = slices.Delete(r.Exchanges, 0, 1)
		r.Dropped++
	}
	r.Exchanges = append(r.Exchanges, e)
}

// LastReport returns what the last push did.
func (d *Directory) LastReport() Report {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.last
	r.Failures, r.Exchanges = slices.Clone(r.Failures), slices.Clone(r.Exchanges)
	return r
}
