package tenant

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// office is the host of the tests of activations: its accounts, and what it knows of them.
type office struct {
	town
	users  []HostUser
	local  map[string]time.Time // by address: those that work, and when they were used last
	errors error
}

func (o *office) Users(_ context.Context, _, after string, limit int) ([]HostUser, error) {
	var out []HostUser
	for _, u := range o.users {
		if u.ID > after && len(out) < limit {
			out = append(out, u)
		}
	}
	return out, o.errors
}

func (o *office) HasLocalCredential(_ context.Context, _, email string) (bool, error) {
	_, works := o.local[email]
	return works, nil
}

func (o *office) LastLocalSignIn(_ context.Context, _, email string) (time.Time, error) {
	return o.local[email], nil
}

func (o *office) add(id, email string, person Person, change ...func(*HostUser)) {
	u := HostUser{ID: id, Email: email, Name: strings.ToUpper(id)}
	for _, c := range change {
		c(&u)
	}
	person.AccountID, person.Email = id, email
	o.people[id] = person
	o.users = append(o.users, u)
	slices.SortFunc(o.users, func(a, b HostUser) int { return strings.Compare(a.ID, b.ID) })
}

// moved is a world whose connection is tested and approved, with people of every kind.
func moved(t *testing.T, change ...func(*Config)) (*world, *office, Connection) {
	t.Helper()
	o := &office{town: town{people: map[string]Person{}}, local: map[string]time.Time{}}
	w := newWorld(t, append([]func(*Config){func(c *Config) { c.Users, c.People, c.LocalCredentials = o, o, o }}, change...)...)
	d := acme()
	d.Domains, d.BreakGlass = []string{"acme.com"}, []string{"admin@acme.com", "root@eu.acme.com"}
	c := w.approved(t, "t1", d)
	w.prove(t, "t1", c)
	c = w.tested(t, "t1", c)
	o.local["admin@acme.com"] = w.clock().Add(-time.Hour)

	here := Person{Active: true, LocalCredential: true}
	chief := here
	chief.Owner = true
	o.add("u1", "owner@acme.com", chief)
	o.add("u2", "Ada@ACME.com", here)
	o.add("u3", "passwordless@acme.com", Person{Active: true})
	o.add("u4", "gone@acme.com", Person{}, func(u *HostUser) { u.State = UserSuspended })
	o.add("u5", "new@acme.com", here, func(u *HostUser) { u.State = UserInvited })
	o.add("u6", "paris@eu.acme.com", here)
	o.add("u7", "contractor@elsewhere.example", here)
	o.add("u8", "", here)
	o.add("u9", "admin@acme.com", here)
	o.add("v1", "claimed@acme.com", here)
	meta := func(id string) store.Meta { return store.Meta{ID: id, CreatedAt: w.clock(), UpdatedAt: w.clock()} }
	_, err := w.store.CreateAccount(t.Context(), "t1", store.Account{Meta: meta("v1"), Source: store.SourceOIDC, Active: true, Email: "claimed@acme.com", EmailUnproven: true})
	require.NoError(t, err)
	_, err = w.store.CreateSCIMUser(t.Context(), "t1", store.SCIMUser{Meta: meta("s1"), UserName: "scim@acme.com", Active: true, Body: []byte(`{"userName":"scim@acme.com","emails":[{"value":"scim@acme.com"}]}`)})
	require.NoError(t, err)
	return w, o, c
}

func (w *world) activationPlan(t *testing.T, actor Actor, id string, a Activation) ActivationPlan {
	t.Helper()
	p, err := w.PlanActivation(t.Context(), actor, "t1", id, a)
	require.NoError(t, err)
	return p
}

// summed is the plan's people, each as one text.
func summed(people []ActivationPerson) []string {
	var out []string
	for _, p := range people {
		s := fmt.Sprintf("%s %s", p.Email, p.Match)
		if p.Reason != "" {
			s += "(" + string(p.Reason) + ")"
		}
		s += " password " + string(p.Password)
		for word, is := range map[string]bool{" loses": p.Loses} {
			if is {
				s += word
			}
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// TestActivationPlan: R48, D8. Before anything changes the owner sees whose accounts are found, whose not and why, and what
// becomes of their passwords.
func TestActivationPlan(t *testing.T) {
	t.Parallel()
	w, _, c := moved(t)
	before := len(w.events(t, "t1", 0))
	p := w.activationPlan(t, owner, c.ID, Activation{Enforced: true})
	require.Equal(t, []string{
		"Ada@ACME.com email password ends",
		"admin@acme.com email password stays",
		"claimed@acme.com none(address_unproven) password ends loses",
		"gone@acme.com none(suspended) password none",
		"new@acme.com none(invited) password ends",
		"owner@acme.com email password ends",
		"paris@eu.acme.com none(subdomain) password stays",
		"passwordless@acme.com email password none",
		"scim@acme.com none(no_account) password ends",
	}, summed(p.People))
	require.Equal(t, ActivationTotals{
		InDomains: 9, Outside: 2, By: map[AccountMatch]int{MatchEmail: 4, MatchNone: 5},
		Why:          map[MatchReason]int{ReasonAddressUnproven: 1, ReasonSuspended: 1, ReasonInvited: 1, ReasonSubdomain: 1, ReasonNoAccount: 1},
		PasswordEnds: 5, Lose: 1, Owners: 1, BreakGlass: 1,
	}, p.Totals)
	require.Equal(t, "claimed@acme.com", p.People[0].Email, "whoever loses comes first")
	require.Equal(t, "owner@acme.com", p.People[1].Email)
	require.True(t, p.People[1].You)
	require.Equal(t, []string{"acme.com"}, p.Domains)
	require.Equal(t, []BreakGlassStatus{
		{Email: "admin@acme.com", Known: true, Works: true, LastLocalSignIn: store.Time(w.clock().Add(-time.Hour))},
		{Email: "root@eu.acme.com", Known: true},
	}, p.BreakGlass)
	require.Equal(t, SeverityOK, p.Covered.Severity)
	require.True(t, p.Ready())
	require.Equal(t, []string{CodePeopleLockedOut, CodePeopleNotFound}, codesOf(p.Findings, SeverityWarning))
	require.Len(t, w.events(t, "t1", 0), before, "a plan changes nothing")

	// Optional: nothing ends. The owner who is not covered is told so, which is no hindrance.
	p = w.activationPlan(t, Actor{Kind: ActorOwner, ID: "u2", Email: "ada@acme.com"}, c.ID, Activation{})
	require.Zero(t, p.Totals.PasswordEnds+p.Totals.Lose+p.Totals.SessionsEnd)
	require.Equal(t, SeverityWarning, p.Covered.Severity)
	require.Equal(t, CodeOwnerNotCovered, p.Covered.Code)
	require.True(t, p.Ready())
	p = w.activationPlan(t, Actor{Kind: ActorOwner, ID: "u2", Email: "ada@acme.com"}, c.ID, Activation{Enforced: true})
	require.False(t, p.Ready())
	require.Equal(t, []string{CodeOwnerNotCovered}, codesOf(p.Findings, SeverityError))
}

// codesOf are the codes of findings of one severity.
func codesOf(findings []Finding, severity Severity) (out []string) {
	for _, f := range findings {
		if f.Severity == severity {
			out = append(out, f.Code)
		}
	}
	return out
}

// TestActivationPlanOfOthers: where accounts are made at sign-in, or people have signed in already, they are found; a host
// that tells nothing is told so.
func TestActivationPlanOfOthers(t *testing.T) {
	t.Parallel()
	w, o, c := moved(t)
	c, _, err := w.SetJustIn(t, c)
	require.NoError(t, err)
	p := w.activationPlan(t, owner, c.ID, Activation{})
	require.Equal(t, 2, p.Totals.By[MatchCreated])
	_, err = w.store.CreateIdentity(t.Context(), "t1", store.Identity{
		Meta: store.Meta{ID: "l1"}, ConnectionID: c.ID, Issuer: c.Issuer, Subject: "p", AccountID: "u6", Email: "paris@acme.com", LastSignInAt: w.clock(),
	})
	require.NoError(t, err)
	p = w.activationPlan(t, owner, c.ID, Activation{})
	require.Equal(t, 1, p.Totals.By[MatchLinked])

	// Every owner loses.
	o.people["u1"] = Person{AccountID: "u1", Active: true, LocalCredential: true}
	o.people["v1"] = Person{AccountID: "v1", Active: true, LocalCredential: true, Owner: true}
	require.Contains(t, codesOf(w.activationPlan(t, owner, c.ID, Activation{Enforced: true}).Findings, SeverityError), CodeOwnersLockedOut)
	require.Contains(t, codesOf(w.activationPlan(t, owner, c.ID, Activation{Enforced: true, Confirm: true}).Findings, SeverityWarning), CodeOwnersLockedOut)

	w, _, c = moved(t, func(cfg *Config) { cfg.Users, cfg.People, cfg.LocalCredentials = nil, nil, nil })
	p = w.activationPlan(t, owner, c.ID, Activation{Enforced: true})
	require.Contains(t, codesOf(p.Findings, SeverityWarning), CodeAccountsUnlisted)
	require.Equal(t, []BreakGlassStatus{{Email: "admin@acme.com"}, {Email: "root@eu.acme.com"}}, p.BreakGlass)
	require.Equal(t, 2, p.Totals.InDomains)
	require.Equal(t, []string{CodeAccountsUnlisted}, codesOf(w.activationPlan(t, owner, c.ID, Activation{EndSessions: true}).Findings, SeverityError))
	w.refusedWith(t, "t1", CodeAccountsUnlisted, func() error {
		_, err := w.Activate(t.Context(), owner, "t1", c.ID, c.Version, Activation{EndSessions: true})
		return err
	})
}

// SetJustIn lets the connection make accounts at sign-in.
func (w *world) SetJustIn(t *testing.T, c Connection) (Connection, []Finding, error) {
	t.Helper()
	raw, err := w.store.Connection(t.Context(), "t1", c.ID)
	require.NoError(t, err)
	raw.JustInTime = true
	raw, err = w.store.UpdateConnection(t.Context(), "t1", raw)
	require.NoError(t, err)
	return viewOf(raw, c.Domains), nil, nil
}

// TestActivationPeople: all people come page by page, as they stand in the plan, and as a table for a spreadsheet.
func TestActivationPeople(t *testing.T) {
	t.Parallel()
	w, o, c := moved(t)
	o.add("w1", "formula@acme.com", Person{Active: true}, func(u *HostUser) { u.Name = "=HYPERLINK(\"x\")" })
	a := Activation{Enforced: true}
	p := w.activationPlan(t, owner, c.ID, a)
	var all []ActivationPerson
	for q := (ActivationQuery{Limit: 2}); ; {
		page, err := w.ActivationPeople(t.Context(), owner, "t1", c.ID, a, q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.People), 2)
		all = append(all, page.People...)
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	require.ElementsMatch(t, p.People, all)
	page, err := w.ActivationPeople(t.Context(), owner, "t1", c.ID, a, ActivationQuery{Match: MatchNone})
	require.NoError(t, err)
	require.Len(t, page.People, 5)
	page, err = w.ActivationPeople(t.Context(), owner, "t1", c.ID, a, ActivationQuery{Loses: true})
	require.NoError(t, err)
	require.Len(t, page.People, 1)

	var b bytes.Buffer
	n, err := w.ExportActivation(t.Context(), owner, "t1", c.ID, a, &b)
	require.NoError(t, err)
	require.Equal(t, 10, n)
	rows, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 11)
	require.Equal(t, []string{"account_id", "email", "name", "match", "reason", "password", "loses", "sessions_end", "owner", "root", "break_glass", "last_sign_in"}, rows[0])
	require.Equal(t, []string{"u1", "owner@acme.com", "U1", "email", "", "ends", "false", "false", "true", "false", "false", ""}, rows[1])
	require.Equal(t, "'=HYPERLINK(\"x\")", rows[9][2])
	require.Equal(t, 1, w.of(t, "t1", "connection.people_exported"))
	_, err = w.ExportActivation(t.Context(), owner, "t1", c.ID, a, fullDisk{})
	require.ErrorContains(t, err, "no space left")

	for code, call := range map[string]func() error{
		CodeCursorInvalid: func() error {
			_, err := w.ActivationPeople(t.Context(), owner, "t1", c.ID, a, ActivationQuery{After: "?"})
			return err
		},
		CodeFilterInvalid: func() error {
			_, err := w.ActivationPeople(t.Context(), owner, "t1", c.ID, a, ActivationQuery{Match: "magic"})
			return err
		},
		CodeActivationInvalid: func() error {
			_, err := w.PlanActivation(t.Context(), owner, "t1", c.ID, Activation{EndOwnSession: true})
			return err
		},
		ErrorCodeForbidden: func() error {
			_, err := w.PlanActivation(t.Context(), stranger, "t1", c.ID, a)
			return err
		},
		"not_found": func() error {
			_, err := w.PlanActivation(t.Context(), owner, "t2", c.ID, a)
			return err
		},
	} {
		w.refusedWith(t, "t1", code, call)
	}
	draft := w.draft(t, "t3", func() Draft { d := acme(); d.Domains, d.BreakGlass = []string{"three.example"}, nil; return d }())
	w.refusedWith(t, "t3", ErrorCodeState, func() error {
		_, err := w.PlanActivation(t.Context(), owner, "t3", draft.ID, a)
		return err
	})
}

// TestActivationAsPlanned: what was shown is what is done, or nothing.
func TestActivationAsPlanned(t *testing.T) {
	t.Parallel()
	w, o, c := moved(t)
	a := Activation{Enforced: true}
	a.Hash = w.activationPlan(t, owner, c.ID, a).Hash
	o.add("x1", "later@acme.com", Person{Active: true, LocalCredential: true})
	w.refusedWith(t, "t1", ErrorCodePlanStale, func() error {
		_, err := w.Activate(t.Context(), owner, "t1", c.ID, c.Version, a)
		stale, ok := errors.AsType[*StaleActivationError](err)
		require.True(t, ok)
		require.ErrorIs(t, err, store.ErrStale)
		require.Equal(t, 10, stale.Plan.Totals.InDomains)
		a.Hash = stale.Plan.Hash
		return err
	})
	other := a
	other.EndSessions = true
	w.refusedWith(t, "t1", ErrorCodePlanStale, func() error {
		_, err := w.Activate(t.Context(), owner, "t1", c.ID, c.Version, other)
		return err
	})
	c, err := w.Activate(t.Context(), owner, "t1", c.ID, c.Version, a)
	require.NoError(t, err)
	require.True(t, c.Enforced)

	// Where it becomes optional there is nothing to compare, and no session to end.
	for _, bad := range []Activation{{Hash: a.Hash}, {EndSessions: true}, {Enforced: true, EndOwnSession: true}} {
		w.refusedWith(t, "t1", CodeActivationInvalid, func() error {
			_, err := w.SetEnforced(t.Context(), owner, "t1", c.ID, c.Version, bad)
			return err
		})
	}
	o.errors = errors.New("the host's database is down")
	_, err = w.PlanActivation(t.Context(), owner, "t1", c.ID, a)
	require.ErrorContains(t, err, "database is down")
}

// toEnd are the accounts whose sessions the journal says are to end.
func (w *world) toEnd(t *testing.T, c Connection) (ids []string) {
	t.Helper()
	events, err := w.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: EventEndSessions})
	require.NoError(t, err)
	for _, e := range events {
		told, ok := ReadEndSessions(e)
		require.True(t, ok)
		require.Equal(t, EndSessions{ConnectionID: c.ID, Before: c.ActivatedAt}, told)
		ids = append(ids, e.Subject.ID)
	}
	return ids
}

// TestActivationEndsSessions: R48. By the actor's choice people sign in anew, apart from break-glass people and the actor;
// the work is not lost, and is done once.
func TestActivationEndsSessions(t *testing.T) {
	t.Parallel()
	w, o, c := moved(t)
	for i := range 3 * endingPage {
		o.add(fmt.Sprintf("y%03d", i), fmt.Sprintf("y%d@acme.com", i), Person{Active: true, LocalCredential: true})
	}
	a := Activation{EndSessions: true}
	p := w.activationPlan(t, owner, c.ID, a)
	a.Hash = p.Hash
	c, err := w.Activate(t.Context(), owner, "t1", c.ID, c.Version, a)
	require.NoError(t, err)
	require.Empty(t, w.toEnd(t, c), "in pages, not while the owner waits")
	require.Equal(t, 1, w.of(t, "t1", sessionsEnding))

	// A page, then a crash: another replica goes on. Two at once do each page once.
	w.pass(time.Hour)
	progress, err := w.ContinueEnding(t.Context(), "t1")
	require.NoError(t, err)
	require.False(t, progress.Done)
	require.Positive(t, progress.People)
	require.Len(t, w.toEnd(t, c), progress.People)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := w.RunEndings(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	ended := w.toEnd(t, c)
	require.Len(t, ended, p.Totals.SessionsEnd)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(ended))), len(ended), "each once")
	require.Contains(t, ended, "u2")
	require.NotContains(t, ended, "u1", "the actor's own go on")
	require.NotContains(t, ended, "u9", "break-glass")
	require.NotContains(t, ended, "u6", "another domain")
	require.NotContains(t, ended, "u7", "another domain")
	require.NotContains(t, ended, "u5", "an invitation has no session")
	require.Equal(t, 1, w.of(t, "t1", sessionsEnded))
	busy, err := w.store.TenantsInState(t.Context(), store.ServiceOn, "", 0)
	require.NoError(t, err)
	require.Empty(t, busy)
	done, err := w.ContinueEnding(t.Context(), "t1")
	require.NoError(t, err)
	require.True(t, done.Done)

	// Enforcing it later, the actor's own included, begins anew.
	w.pass(time.Hour)
	now := store.Time(w.clock())
	c, err = w.SetEnforced(t.Context(), owner, "t1", c.ID, c.Version, Activation{Enforced: true, EndSessions: true, EndOwnSession: true})
	require.NoError(t, err)
	n, err := w.RunEndings(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	events, err := w.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: EventEndSessions, SubjectKind: "account", SubjectID: "u1"})
	require.NoError(t, err)
	require.Len(t, events, 1)
	told, _ := ReadEndSessions(events[0])
	require.Equal(t, EndSessions{ConnectionID: c.ID, Before: now}, told)
	require.Equal(t, store.EventActor{Kind: "owner", ID: "u1", Name: "owner@acme.com"}, events[0].Actor)
}

// TestSessionWorkEndsWithTheConnection: sessions that are over by something else are left to that.
func TestSessionWorkEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	w, _, c := moved(t)
	c, err := w.Activate(t.Context(), owner, "t1", c.ID, c.Version, Activation{EndSessions: true})
	require.NoError(t, err)
	_, err = w.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "")
	require.NoError(t, err)
	n, err := w.RunEndings(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Empty(t, w.toEnd(t, c))

	// A refused activation leaves no work behind.
	w, _, c = moved(t)
	ada := Actor{Kind: ActorOwner, ID: "u2", Email: "ada@acme.com"}
	w.refusedWith(t, "t1", CodeOwnerNotCovered, func() error {
		_, err := w.Activate(t.Context(), ada, "t1", c.ID, c.Version, Activation{Enforced: true, EndSessions: true})
		return err
	})
	busy, err := w.store.TenantsInState(t.Context(), store.ServiceOn, "", 0)
	require.NoError(t, err)
	require.Empty(t, busy)
}
