package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

func journalChecks() []check {
	return []check{
		{name: "events", rule: "events are stored with every field as given, in the order given, with ascending Seq", run: checkEvents},
		{name: "event zero", rule: "what is zero in an event comes back as zero", run: checkEventZero},
		{name: "event order", rule: "events of several writes are in the order in which these were committed, those of one transaction in their own", run: checkEventOrder},
		{name: "event copies", rule: "values are copies: changing an event that was passed or returned changes nothing stored", run: checkEventCopies},
		{name: "query", rule: "an EventQuery selects exactly the events that it describes, oldest or newest first", run: checkEventQuery},
		{name: "query prefix", rule: "TypePrefix is compared byte by byte, without wildcards", run: checkEventPrefix},
		{name: "query limit", rule: "a page of events has at most Limit of them, where zero or more than MaxLimit means MaxLimit", run: checkEventLimit},
		{name: "position", rule: "a reader's position is zero until saved, moves from the Seq it has to another, and answers ErrStale to any other from", run: checkPosition},
		{name: "position at once", rule: "of several concurrent moves of one position exactly one succeeds, all others answer ErrStale", run: checkPositionAtOnce},
		{name: "position tx", rule: "a position that was moved in a transaction that is rolled back is where it was", run: checkPositionRollback},
		{name: "behind", rule: "TenantsBehind names the tenants whose journal has events after the reader's position, in byte order, from the first after the given one, up to limit", run: checkTenantsBehind},
	}
}

// event returns an event of a type.
func (p *probe) event(typ string) store.Event {
	e := filled[store.Event](p)
	e.ID, e.Type, e.Seq, e.Members = p.newID(), typ, 0, nil
	return e
}

// events reads the tenant's whole journal.
func (p *probe) events(tenantID string) []store.Event {
	p.Helper()
	var all []store.Event
	var q store.EventQuery
	for {
		page, err := p.st.Events(p.ctx, tenantID, q)
		p.ok(err, "read events after %d", q.After)
		if len(page) == 0 {
			return all
		}
		for _, e := range page {
			p.that(e.Seq > q.After, fmt.Sprintf("a Seq greater than %d", q.After), fmt.Sprint(e.Seq), "read events after %d", q.After)
			q.After = e.Seq
		}
		all = append(all, page...)
	}
}

func (p *probe) append(tenantID string, events ...store.Event) {
	p.Helper()
	p.ok(p.st.AppendEvents(p.ctx, tenantID, events...), "append %d events", len(events))
}

func typesOf(events []store.Event) []string {
	var types []string
	for _, e := range events {
		types = append(types, e.Type)
	}
	return types
}

// withoutSeq removes what the store sets, so that events can be compared with those
// that were given.
func withoutSeq(events []store.Event) []store.Event {
	out := slices.Clone(events)
	for i := range out {
		out[i].Seq = 0
	}
	return out
}

func checkEvents(p *probe) {
	p.same(len(p.events(p.tenant)), 0, "read the journal of a tenant that nobody knows")
	p.append(p.tenant)
	p.same(len(p.events(p.tenant)), 0, "append no events, then read the journal")
	p.text, p.finer = trickyText, true
	given := []store.Event{p.event("z"), p.event("a"), p.event("m")}
	given[0].Seq = 99
	p.append(p.tenant, given...)
	p.append(p.tenantNamed("other"), p.event("other"))
	more := p.event("b")
	more.Before, more.After = json.RawMessage(`{"a":[1,{"b":"<ü>&"}]}`), json.RawMessage(`null`)
	p.append(p.tenant, more)
	p.same(withoutSeq(p.events(p.tenant)), withoutSeq(append(given, more)), "append 3 events and 1, then read the journal")
}

func checkEventZero(p *probe) {
	e := store.Event{ID: p.newID(), Type: "t", At: p.tick()}
	p.append(p.tenant, e)
	p.same(withoutSeq(p.events(p.tenant)), []store.Event{e}, "append an event with ID, Type and At alone, then read it")
}

func checkEventOrder(p *probe) {
	var want []string
	next := func() store.Event {
		want = append(want, fmt.Sprint("event ", len(want)))
		e := p.event(want[len(want)-1])
		// The journal's order is that of commits, and neither of IDs nor of clocks.
		e.ID, e.At = random(), p.clock.Add(-time.Duration(len(want))*time.Hour)
		return e
	}
	p.append(p.tenant, next())
	u := users.add(p, p.tenant, users.fresh(p), next(), next())
	p.ok(p.st.InTx(p.ctx, func(tx store.Store) error {
		want = want[:3]
		if err := tx.AppendEvents(p.ctx, p.tenant, next()); err != nil {
			return err
		}
		if _, err := tx.UpdateSCIMUser(p.ctx, p.tenant, u, next(), next()); err != nil {
			return err
		}
		return tx.AppendEvents(p.ctx, p.tenant, next(), next())
	}), "append events in a transaction")
	p.ok(p.st.DeleteSCIMUser(p.ctx, p.tenant, u.ID, 0, next()), "delete a user with an event")
	p.same(typesOf(p.events(p.tenant)), want, "write with events, one after the other, then read the journal")
}

func checkEventCopies(p *probe) {
	e := p.event("t")
	want := deepCopy(e)
	given := []store.Event{e}
	p.append(p.tenant, given...)
	scramble(reflect.ValueOf(given))
	got := p.events(p.tenant)
	p.same(withoutSeq(got), []store.Event{want}, "append an event, change what was passed, then read it")
	scramble(reflect.ValueOf(got))
	p.same(withoutSeq(p.events(p.tenant)), []store.Event{want}, "read an event, change what came, then read it again")

	g := p.group("g")
	p.delta(g.ID, store.MemberDelta{Add: membersNamed("a")}, p.event("m"))
	got = p.events(p.tenant)
	got[1].Members.Added[0] = "x"
	p.same(p.events(p.tenant)[1].Members.Added, []string{"a"}, "change the Members of an event that was read, then read it again")
}

func checkEventQuery(p *probe) {
	for i := range 24 {
		e := p.event([]string{"scim.user.created", "scim.user.deleted", "scim.group.created", "connection.created"}[i%4])
		e.Subject.Kind, e.Subject.ID = []string{"scim_user", "scim_group"}[i%2], fmt.Sprint(i%3)
		p.append(p.tenant, e)
	}
	all := p.events(p.tenant)
	for _, q := range []store.EventQuery{
		{},
		{After: all[4].Seq},
		{After: all[23].Seq},
		{Before: all[4].Seq},
		{Before: all[0].Seq},
		{After: all[3].Seq, Before: all[9].Seq},
		{Before: all[9].Seq, Limit: 3},
		{SubjectKind: "scim_user"},
		{SubjectID: "2"},
		{SubjectKind: "scim_group", SubjectID: "1"},
		{SubjectKind: "Scim_User"},
		{TypePrefix: "scim."},
		{TypePrefix: "scim.user.created"},
		{TypePrefix: "user"},
		{TypePrefix: "scim.user.", SubjectKind: "scim_user", SubjectID: "0", After: all[2].Seq, Limit: 1},
	} {
		for _, newest := range []bool{false, true} {
			for _, limit := range []int{q.Limit, 2} {
				q.Newest, q.Limit = newest, limit
				got, err := p.st.Events(p.ctx, p.tenant, q)
				p.ok(err, "read events with %+v", q)
				p.same(got, selected(all, q), "read events with %+v", q)
			}
		}
	}
}

// selected is what q means.
func selected(all []store.Event, q store.EventQuery) []store.Event {
	var out []store.Event
	for _, e := range all {
		if e.Seq > q.After && (q.Before == 0 || e.Seq < q.Before) &&
			(q.SubjectKind == "" || e.Subject.Kind == q.SubjectKind) &&
			(q.SubjectID == "" || e.Subject.ID == q.SubjectID) &&
			strings.HasPrefix(e.Type, q.TypePrefix) {
			out = append(out, e)
		}
	}
	if q.Newest {
		slices.Reverse(out)
	}
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out
}

func checkEventPrefix(p *probe) {
	types := []string{"a.b", "a_b", "A.b", "a%", "a%b", "ab", "a\\b", "a'b", "aé", "b"}
	for _, typ := range types {
		p.append(p.tenant, p.event(typ))
	}
	all := p.events(p.tenant)
	for _, prefix := range []string{"a", "a_", "a%", "_", "%", "A", "a.", "a\\", "a'", "aé", "a\u00c3"} {
		q := store.EventQuery{TypePrefix: prefix}
		got, err := p.st.Events(p.ctx, p.tenant, q)
		p.ok(err, "read events with the TypePrefix %q", prefix)
		p.same(typesOf(got), typesOf(selected(all, q)), "read events with the TypePrefix %q", prefix)
	}
}

func checkEventLimit(p *probe) {
	many := make([]store.Event, store.MaxLimit+5)
	for i := range many {
		many[i] = store.Event{ID: p.newID(), Type: fmt.Sprint(i), At: p.tick()}
	}
	p.append(p.tenant, many...)
	for _, limit := range []int{0, store.MaxLimit, store.MaxLimit + 1, store.MaxLimit * 10} {
		got, err := p.st.Events(p.ctx, p.tenant, store.EventQuery{Limit: limit})
		p.ok(err, "read %d events with Limit %d", len(many), limit)
		p.same(withoutSeq(got), many[:store.MaxLimit], "read %d events with Limit %d", len(many), limit)
	}
	p.same(withoutSeq(p.events(p.tenant)), many, "read %d events to the end", len(many))
}

// at wants the reader's position to be this.
func (p *probe) at(reader string, want int64, did string) {
	p.Helper()
	got, err := p.st.Position(p.ctx, p.tenant, reader)
	p.ok(err, "%s", did)
	p.same(got, want, "%s", did)
}

func checkPosition(p *probe) {
	p.at("r", 0, "read a position that nobody saved")
	p.is(p.st.SavePosition(p.ctx, p.tenant, "r", 5, 7), store.ErrStale, "move a position from 5 when none is saved")
	p.at("r", 0, "read a position after a stale move")
	p.ok(p.st.SavePosition(p.ctx, p.tenant, "r", 0, 5), "move a position from 0 to 5")
	p.at("r", 5, "move a position from 0 to 5, then read it")
	for _, from := range []int64{0, 4, 6} {
		p.is(p.st.SavePosition(p.ctx, p.tenant, "r", from, 9), store.ErrStale, "move a position from %d when 5 is saved", from)
	}
	p.at("r", 5, "read a position after stale moves")
	p.ok(p.st.SavePosition(p.ctx, p.tenant, "r", 5, 1<<40), "move a position from 5 to 2^40")
	p.at("r", 1<<40, "move a position from 5 to 2^40, then read it")
	for _, other := range []string{"R", "r ", "", "_"} {
		p.at(other, 0, fmt.Sprintf("read the position of reader %q, beside \"r\"", other))
	}
	p.ok(p.st.SavePosition(p.ctx, p.tenant, "s", 0, 3), "move the position of another reader")
	p.at("r", 1<<40, "move the position of another reader, then read the first")
}

func checkPositionAtOnce(p *probe) {
	from := int64(0)
	for range 6 {
		winner := p.one(p.atOnce(6, func(i int) error {
			return p.st.SavePosition(p.ctx, p.tenant, "r", from, from+1+int64(i))
		}), store.ErrStale, "move a position from %d in 6 goroutines", from)
		from += 1 + int64(winner)
		p.at("r", from, "read a position after concurrent moves")
	}
}

func checkPositionRollback(p *probe) {
	p.rollBack(func(tx store.Store) error { return tx.SavePosition(p.ctx, p.tenant, "r", 0, 5) }, "move a position")
	p.at("r", 0, "roll back a move, then read the position")
	p.ok(p.st.SavePosition(p.ctx, p.tenant, "r", 0, 3), "move a position after a rolled-back move")
}

func checkTenantsBehind(p *probe) {
	a, b, c := p.tenantNamed("a"), p.tenantNamed("b"), p.tenantNamed("c")
	p.behind("r", nil, "nobody has events")
	users.add(p, a, users.fresh(p))
	p.behind("r", nil, "a write without events")
	for _, tenant := range []string{c, a, b} {
		p.append(tenant, p.event("t"), p.event("t"))
	}
	p.behind("r", []string{a, b, c}, "three tenants have events")
	events := p.events(b)
	p.ok(p.st.SavePosition(p.ctx, b, "r", 0, events[0].Seq), "save a position")
	p.behind("r", []string{a, b, c}, "one of them was read in part")
	p.ok(p.st.SavePosition(p.ctx, b, "r", events[0].Seq, events[1].Seq), "save a position")
	p.behind("r", []string{a, c}, "one of them was read to the end")
	p.behind("s", []string{a, b, c}, "one of them was read to the end by another reader")
	p.append(b, p.event("t"))
	p.behind("r", []string{a, b, c}, "the one that was read to the end has a new event")

	p.rollBack(func(tx store.Store) error { return tx.AppendEvents(p.ctx, p.tenantNamed("d"), p.event("t")) }, "append an event")
	p.behind("r", []string{a, b, c}, "another tenant's event was rolled back")

	for _, tt := range []struct {
		after string
		limit int
		want  []string
	}{{p.prefix, 1, []string{a}}, {p.prefix, 2, []string{a, b}}, {a, 2, []string{b, c}}, {a + "x", 1, []string{b}}} {
		got, err := p.st.TenantsBehind(p.ctx, "r", tt.after, tt.limit)
		p.ok(err, "ask for %d tenants behind after %q", tt.limit, tt.after)
		p.same(got, tt.want, "ask for %d tenants behind after %q", tt.limit, tt.after)
	}
}

// behind wants exactly these tenants of this check to be behind.
func (p *probe) behind(reader string, want []string, when string) {
	p.Helper()
	got, err := p.st.TenantsBehind(p.ctx, reader, p.prefix, store.MaxLimit)
	p.ok(err, "ask for the tenants behind when %s", when)
	p.that(slices.IsSorted(got), "the tenants in byte order", fmt.Sprint(got), "ask for the tenants behind when %s", when)
	p.same(p.own(got), want, "ask for the tenants behind when %s", when)
}

// own keeps the tenants of this check.
func (p *probe) own(tenants []string) []string {
	return slices.DeleteFunc(slices.Clone(tenants), func(t string) bool { return !strings.HasPrefix(t, p.prefix) })
}
