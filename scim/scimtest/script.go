package scimtest

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// cleanupTime bounds the deletions at a script's end.
const cleanupTime = 2 * time.Minute

// script is a provider's play in progress. It is used by one goroutine.
type script struct {
	ctx    context.Context
	cfg    *Config
	client *client
	out    Script
	step   *Step    // the one being played
	tag    string   // in every name that the script gives
	made   []string // paths of what was created and not deleted since
	halted string   // why no further step is played
}

// playScript plays the provider's script and deletes what it made.
func playScript(ctx context.Context, cfg *Config, p Provider) Script {
	s := &script{
		ctx: ctx, cfg: cfg, client: newClient(cfg), out: Script{Provider: p},
		tag: "scimtest-" + strings.ToLower(rand.Text()[:10]),
	}
	p.play(s)
	s.cleanUp()
	return s.out
}

// do plays a step, unless an earlier one that all else depends on has failed.
func (s *script) do(name, expect, why string, play func()) {
	st := Step{Name: name, Expect: expect, Why: why}
	if s.halted == "" && s.ctx.Err() != nil {
		s.halted = "not tried: " + s.ctx.Err().Error()
	}
	if s.halted != "" {
		st.Skipped = s.halted
	} else {
		s.step = &st
		play()
		s.step = nil
	}
	s.out.Steps = append(s.out.Steps, st)
}

// need ends the script if the step that just ran gave no ID, since the following ones depend on it.
func (s *script) need(ids ...string) {
	if slices.Contains(ids, "") && s.halted == "" {
		s.halted = "not tried: it needs what an earlier step failed to make"
	}
}

func (s *script) problem(text string) { s.step.Problems = append(s.step.Problems, text) }

// userName is the address of one of the script's users.
func (s *script) userName(name string) string { return s.tag + "-" + name + "@" + s.cfg.UserDomain }

// name is that of one of the script's groups, or any other value nobody else has.
func (s *script) name(name string) string { return s.tag + " " + name }

func (s *script) get(path string) *answer { return s.send(request{method: http.MethodGet, path: path}) }

func (s *script) post(path string, body any) *answer {
	return s.send(request{method: http.MethodPost, path: path, body: body})
}

func (s *script) put(path string, body any) *answer {
	return s.send(request{method: http.MethodPut, path: path, body: body})
}

func (s *script) delete(path string) *answer {
	return s.send(request{method: http.MethodDelete, path: path})
}

// patch sends operations (RFC 7644 section 3.5.2) and expects one of the two answers that say they were applied.
func (s *script) patch(path string, ops ...object) *answer {
	return s.send(patchRequest(path, ops...)).status(http.StatusOK, http.StatusNoContent)
}

func patchRequest(path string, ops ...object) request {
	return request{method: http.MethodPatch, path: path, body: object{"schemas": list{urnPatch}, "Operations": ops}}
}

// find lists with a filter, and what else the provider adds to the query.
func (s *script) find(endpoint, filter string, more ...string) *answer {
	query := strings.Join(append([]string{"filter=" + url.QueryEscape(filter)}, more...), "&")
	return s.get(endpoint + "?" + query)
}

func (s *script) send(r request) *answer { return s.sendAll(r)[0] }

// sendAll sends the requests at once. Identity providers work on several users of a group at the same time.
func (s *script) sendAll(requests ...request) []*answer {
	replies := make([]reply, len(requests))
	var wait sync.WaitGroup
	for i, r := range requests {
		wait.Go(func() { replies[i] = s.client.send(s.ctx, r) })
	}
	wait.Wait()
	answers := make([]*answer, len(requests))
	for i, r := range replies {
		s.step.Exchanges = append(s.step.Exchanges, r.exchange)
		answers[i] = newAnswer(s, r)
		s.remember(requests[i], answers[i])
	}
	return answers
}

// remember keeps track of what has to be deleted at the end, whatever the step thinks of the answer.
func (s *script) remember(r request, a *answer) {
	switch {
	case r.method == http.MethodPost && a.code/100 == 2:
		if id, ok := a.at("id").(string); ok && id != "" {
			s.made = append(s.made, resource(r.path, id))
		}
	case r.method == http.MethodDelete && (a.code == http.StatusNoContent || a.code == http.StatusNotFound):
		s.made = slices.DeleteFunc(s.made, func(path string) bool { return path == r.path })
	}
}

// resource is the path of a resource.
func resource(endpoint, id string) string { return endpoint + "/" + url.PathEscape(id) }

// cleanUp deletes what is left, last made first, even when the script was ended.
func (s *script) cleanUp() {
	if len(s.made) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), cleanupTime)
	defer cancel()
	s.ctx, s.halted = ctx, ""
	left := slices.Clone(s.made)
	slices.Reverse(left)
	s.do("clean up", "what the script made can be deleted", "it is left behind on the server otherwise; this is the kit's own step, not the provider's", func() {
		for _, path := range left {
			s.delete(path).status(http.StatusNoContent, http.StatusNotFound)
		}
	})
}
