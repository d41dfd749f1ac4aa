package scimtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// errTime ends a script that takes too long.
var errTime = errors.New("the script's time is over")

// script is a provider's play in progress. It is used by one goroutine.
type script struct {
	ctx      context.Context
	cfg      *Config
	client   *client
	out      Script
	step     *Step  // the one being played
	tag      string // begins every name that the script gives
	made     []*creation
	answered bool   // the server ever was
	halted   string // why no further step is played
}

// prefix begins the tag of every script.
const prefix = "scimtest-"

// playScript plays the provider's script and deletes what it made.
func playScript(ctx context.Context, cfg *Config, p Provider) Script {
	limited, cancel := context.WithTimeoutCause(ctx, cfg.ScriptTimeout, errTime)
	defer cancel()
	s := &script{
		ctx: limited, cfg: cfg, client: newClient(cfg, p.agent()), out: Script{Provider: p},
		tag: prefix + strings.ToLower(rand.Text()[:10]),
	}
	p.play(s)
	s.cleanUp(ctx)
	return s.out
}

// do plays a step, unless an earlier one that all else depends on has failed. The first problem ends the step.
func (s *script) do(name, expect, why string, play func()) {
	st := Step{Name: name, Expect: expect, Why: why}
	if s.halted == "" && s.ctx.Err() != nil {
		s.halted = "not tried: " + context.Cause(s.ctx).Error()
	}
	if s.halted == "" {
		s.attempt(&st, play)
	} else {
		st.Skipped = s.halted
	}
	switch cause := context.Cause(s.ctx); {
	case st.Problem == "":
	case cause != nil && !errors.Is(cause, errTime): // the caller's doing, not the server's
		st.Problem, st.Skipped = "", "not finished: "+cause.Error()
		s.halted = "not tried: " + cause.Error()
	case !s.answered:
		s.halted = "not tried: the server can't be reached"
	}
	s.out.Steps = append(s.out.Steps, st)
}

// ended is what the first problem of a step panics with.
type ended struct{}

func (s *script) attempt(st *Step, play func()) {
	defer func() {
		s.step = nil
		if v := recover(); v != nil && v != any(ended{}) {
			panic(v)
		}
	}()
	s.step = st
	play()
}

// fail ends the step.
func (s *script) fail(format string, args ...any) {
	s.step.Problem = s.client.reported(fmt.Sprintf(format, args...))
	panic(ended{})
}

// need ends the script if the step that just ran gave no ID, since the following ones depend on it.
func (s *script) need(ids ...string) {
	for _, id := range ids {
		if id == "" && s.halted == "" {
			s.halted = fmt.Sprintf("not tried: it needs what %q failed to make", s.out.Steps[len(s.out.Steps)-1].Name)
		}
	}
}

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
func (s *script) patch(path string, ops ...object) {
	s.send(patchRequest(path, ops...)).status(http.StatusOK, http.StatusNoContent)
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

// atOnce bounds the requests that are under way at the same time.
const atOnce = 8

// sendAll sends the requests at once: identity providers work on several users and on one group at the same time.
func (s *script) sendAll(requests ...request) []*answer {
	replies := make([]reply, len(requests))
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for i, r := range requests {
		slots <- struct{}{}
		wait.Go(func() {
			replies[i] = s.client.send(s.ctx, r)
			<-slots
		})
	}
	wait.Wait()
	answers := make([]*answer, len(requests))
	for i, r := range replies {
		answers[i] = newAnswer(s, r, len(s.step.Exchanges))
		s.step.Exchanges = append(s.step.Exchanges, r.exchange)
		s.answered = s.answered || r.exchange.Status != 0
		s.remember(requests[i], answers[i])
	}
	return answers
}

// resource is the path of a resource.
func resource(endpoint, id string) string { return endpoint + "/" + url.PathEscape(id) }
