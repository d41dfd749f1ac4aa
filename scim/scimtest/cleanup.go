package scimtest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
)

// cleanupTime bounds the deletions at a script's end.
const cleanupTime = time.Minute

// creation is something that the script made, or may have made.
type creation struct {
	endpoint   string
	attr, name string // by which it is found if its ID never came: userName or displayName
	id         string // "" if no answer told it
	deleted    bool   // a DELETE was answered so
}

// remember keeps track of what has to be deleted at the end, whatever the step thinks of the answer.
func (s *script) remember(r request, a *answer) {
	switch r.method {
	case http.MethodPost:
		c := &creation{endpoint: r.path, attr: "displayName"}
		if r.path == "/Users" {
			c.attr = "userName"
		}
		body, _ := r.body.(object)
		c.name, _ = body[c.attr].(string)
		if a.code/100 == 2 {
			c.id, _ = a.at("id").(string)
		}
		known := slices.ContainsFunc(s.made, func(m *creation) bool { return m.endpoint == c.endpoint && m.id == c.id && m.name == c.name })
		// A refusal made nothing, unless it came to a repeated request.
		refused := a.code/100 == 4 && a.retries == 0
		if !known && !refused {
			s.made = append(s.made, c)
		}
	case http.MethodDelete:
		for _, m := range s.made {
			if m.id != "" && resource(m.endpoint, m.id) == r.path {
				m.deleted = m.deleted || gone(a)
			}
		}
	}
}

// gone says whether a DELETE was answered as if the resource were not there any more.
func gone(a *answer) bool { return a.code == http.StatusNoContent || a.code == http.StatusNotFound }

// cleanUp deletes what is left, groups before users, even when the script was ended or ctx has; and looks whether all
// of it is gone, what the steps deleted included.
func (s *script) cleanUp(ctx context.Context) {
	if len(s.made) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	s.ctx, s.halted = ctx, ""
	s.do("clean up",
		"what the script made is deleted, and not found afterwards",
		"it stays on the server otherwise; this is the kit's own step, not the provider's", func() {
			unknown := s.findLost()
			slices.SortStableFunc(s.made, func(a, b *creation) int { return strings.Compare(a.endpoint, b.endpoint) })
			var known []*creation
			var deletes, reads []request
			for _, m := range s.made {
				if m.id == "" {
					continue
				}
				path := resource(m.endpoint, m.id)
				if !m.deleted {
					deletes = append(deletes, request{method: http.MethodDelete, path: path})
				}
				known, reads = append(known, m), append(reads, request{method: http.MethodGet, path: path})
			}
			s.sendAll(deletes...)
			for i, a := range s.sendAll(reads...) {
				there := a.code == http.StatusOK && a.at("id") == known[i].id
				if there || !known[i].deleted && a.code != http.StatusNotFound {
					s.out.Left = append(s.out.Left, reads[i].path)
				}
			}
			s.out.Left = append(s.out.Left, unknown...)
			if n := len(s.out.Left); n > 0 {
				s.fail("%d left behind on the server: %s", n, strings.Join(s.out.Left, " "))
			}
		})
}

// findLost looks for what was created without an answer that has its ID, and tells what it could not find out about.
// What is found is taken for ours by its name alone: a server that ignores filters answers with other people's users.
func (s *script) findLost() (unknown []string) {
	for _, m := range slices.Clone(s.made) {
		if m.id != "" {
			continue
		}
		a := s.find(m.endpoint, filterEq(m.attr, m.name))
		if a.code != http.StatusOK || a.bad != "" {
			unknown = append(unknown, m.endpoint+" "+m.attr+"="+m.name)
			continue
		}
		for _, e := range a.resources() {
			found, _ := e.(object)
			id, _ := found["id"].(string)
			name, _ := found[m.attr].(string)
			if id != "" && strings.EqualFold(name, m.name) && !slices.ContainsFunc(s.made, func(o *creation) bool { return o.id == id }) {
				s.made = append(s.made, &creation{endpoint: m.endpoint, attr: m.attr, name: m.name, id: id})
			}
		}
	}
	return unknown
}
