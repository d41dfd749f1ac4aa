package idp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

var (
	// ErrNotConfigured says that nobody has set the SCIM base URL and token yet.
	ErrNotConfigured = errors.New("idp: SCIM base URL and token are not set")
	// ErrRefused says that the push went through, but some requests were refused: see Report.Failures.
	ErrRefused = errors.New("idp: the SCIM server refused requests")
)

// memberBatch is how many members one PATCH adds and removes at most, each.
const memberBatch = 100

// knowledge is what earlier pushes learnt about the other side. It belongs to who holds Directory.pushing.
type knowledge struct {
	base   string
	users  map[string]*remoteUser  // by User.ID
	groups map[string]*remoteGroup // by Group.ID
}

type remoteUser struct {
	id   string
	sent profile // zero: nothing was accepted yet
}

type remoteGroup struct {
	id, name string
	adopted  bool            // made by somebody else, members not sent yet
	members  map[string]bool // by User.ID
}

// push is one run.
type push struct {
	*wire
	speaker   speaker
	knowledge *knowledge
	users     []User
	groups    []group
}

// Push tells the SCIM server what changed since the last push, as a provider's regular cycle does: it tests the
// connection, looks users and groups up before it creates them, changes what differs, deactivates who left, and sends
// members as differences. Refused requests don't keep it from the rest and give an error matching [ErrRefused]; it tries
// them again next time. It ends early with an error matching [ErrUnreachable], [ErrUnauthorized] or [ErrThrottled], and does
// not begin without settings ([ErrNotConfigured]). Pushes of a directory run one after another.
func (d *Directory) Push(ctx context.Context) (Report, error) {
	select {
	case d.pushing <- struct{}{}:
		defer func() { <-d.pushing }()
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
	d.mu.Lock()
	scim, users, groups := d.scim, slices.Clone(d.users), slices.Clone(d.groups)
	d.mu.Unlock()
	if scim.base == "" {
		return Report{}, ErrNotConfigured
	}
	if d.remote.base != scim.base {
		d.remote = knowledge{base: scim.base, users: map[string]*remoteUser{}, groups: map[string]*remoteGroup{}}
	}
	report := Report{Started: d.now()}
	p := push{
		wire:    &wire{client: d.http, scim: scim, maxWait: d.maxWait, now: d.now, report: &report},
		speaker: speakers[d.dialect], knowledge: &d.remote, users: users, groups: groups,
	}
	err := p.run(ctx)
	if err != nil {
		report.Stopped = err.Error()
	} else if n := len(report.Failures); n > 0 {
		err = fmt.Errorf("%w: %d, the first: %s", ErrRefused, n, report.Failures[0])
	}
	report.Took = d.now().Sub(report.Started)
	d.log.InfoContext(ctx, "directory pushed", "directory", d.slug, "report", report.String())
	d.mu.Lock()
	d.last = report
	d.mu.Unlock()
	return d.LastReport(), err
}

func (p *push) run(ctx context.Context) error {
	if err := p.probe(ctx); err != nil {
		return err
	}
	for _, u := range p.users {
		if err := p.goOn(p.user(ctx, u)); err != nil {
			return err
		}
	}
	if err := p.leavers(ctx); err != nil {
		return err
	}
	for _, g := range p.groups {
		if err := p.goOn(p.group(ctx, g)); err != nil {
			return err
		}
	}
	return p.goneGroups(ctx)
}

// goOn writes a refusal down and lets the push go on; other errors end it.
func (p *push) goOn(err error) error {
	var r *refusal
	if errors.As(err, &r) {
		p.report.Failures = append(p.report.Failures, err.Error())
		return nil
	}
	return err
}

// probe is a provider's "test connection": a look-up of somebody who can't exist has to find nobody. A server that
// ignores the filter would have its users mixed up by all that follows.
func (p *push) probe(ctx context.Context) error {
	found, err := p.list(ctx, "/Users", p.speaker.findUser(strings.ToLower(rand.Text())))
	if err != nil {
		return fmt.Errorf("idp: test of the connection: %w", err)
	}
	if len(found) > 0 {
		return errors.New("idp: test of the connection: a filter on a user name that doesn't exist found somebody; the SCIM server has to apply filters")
	}
	return nil
}

// user brings one user to the other side.
func (p *push) user(ctx context.Context, u User) error {
	want := profileOf(u)
	if known := p.knowledge.users[u.ID]; known != nil {
		err := p.updateUser(ctx, known, want)
		if !refusedWith(err, http.StatusNotFound) {
			return err
		}
		p.forgetUser(u.ID) // somebody deleted it there
	}
	adopted, err := p.adoptUser(ctx, u.ID, want)
	if adopted || err != nil || !want.active { // who is off already isn't provisioned
		return err
	}
	id, err := p.create(ctx, "/Users", p.speaker.createUser(want))
	if refusedWith(err, http.StatusConflict) { // made by somebody else in between
		if adopted, findErr := p.adoptUser(ctx, u.ID, want); adopted || findErr != nil {
			return findErr
		}
	}
	if err != nil {
		return err
	}
	p.knowledge.users[u.ID] = &remoteUser{id: id, sent: want}
	p.report.UsersCreated++
	return nil
}

// adoptUser looks for a user that is there already and brings it up to date.
func (p *push) adoptUser(ctx context.Context, localID string, want profile) (bool, error) {
	found, err := p.list(ctx, "/Users", p.speaker.findUser(want.userName))
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(found, func(f resource) bool { return strings.EqualFold(f.UserName, want.userName) })
	if i < 0 {
		return false, nil
	}
	known := &remoteUser{id: found[i].ID}
	p.knowledge.users[localID] = known
	p.report.UsersMatched++
	return true, p.updateUser(ctx, known, want)
}

func (p *push) updateUser(ctx context.Context, known *remoteUser, want profile) error {
	if known.sent == want {
		return nil
	}
	method, body := p.speaker.updateUser(known.id, known.sent, want)
	if _, err := p.do(ctx, method, "/Users/"+url.PathEscape(known.id), nil, body); err != nil {
		return err
	}
	if known.sent.active && !want.active {
		p.report.UsersDeactivated++
	} else {
		p.report.UsersUpdated++
	}
	known.sent = want
	return nil
}

// forgetUser forgets a user that is no longer there, as a member too.
func (p *push) forgetUser(localID string) {
	delete(p.knowledge.users, localID)
	for _, g := range p.knowledge.groups {
		delete(g.members, localID)
	}
}

// leavers deactivates users that are no longer in the directory.
func (p *push) leavers(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(p.knowledge.users)) {
		if slices.ContainsFunc(p.users, func(u User) bool { return u.ID == id }) {
			continue
		}
		known := p.knowledge.users[id]
		if !known.sent.active {
			continue
		}
		_, err := p.do(ctx, http.MethodPatch, "/Users/"+url.PathEscape(known.id), nil, p.speaker.deactivateUser())
		if err = unlessGone(err); err != nil {
			if err := p.goOn(err); err != nil {
				return err
			}
			continue // tried again next time
		}
		known.sent.active = false
		p.report.UsersDeactivated++
	}
	return nil
}

// unlessGone takes "not found" for done.
func unlessGone(err error) error {
	if refusedWith(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// resource is what a push reads of an answer.
type resource struct {
	ID          string `json:"id"`
	UserName    string `json:"userName"`
	DisplayName string `json:"displayName"`
}

// list looks something up. The first page is enough: names are unique.
func (p *push) list(ctx context.Context, path string, query url.Values) ([]resource, error) {
	a, err := p.do(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Total     *int       `json:"totalResults"`
		Resources []resource `json:"Resources"`
	}
	if err := json.Unmarshal(a.body, &doc); err != nil || doc.Total == nil {
		return nil, &refusal{method: http.MethodGet, path: path, status: a.status, detail: "the answer is no SCIM list"}
	}
	return doc.Resources, nil
}

func (p *push) create(ctx context.Context, path string, body any) (string, error) {
	a, err := p.do(ctx, http.MethodPost, path, nil, body)
	if err != nil {
		return "", err
	}
	var r resource
	if err := json.Unmarshal(a.body, &r); err != nil || r.ID == "" {
		return "", &refusal{method: http.MethodPost, path: path, status: a.status, detail: "the answer has no id"}
	}
	return r.ID, nil
}
