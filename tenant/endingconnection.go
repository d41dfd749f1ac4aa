package tenant

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// parseConnectionEnding checks what an ending of one connection can be (R50).
func parseConnectionEnding(e Ending) (findings []Finding) {
	if e.ConnectionID == "" {
		return nil
	}
	if e.Kind == EndingDowngrade {
		findings = append(findings, errorFinding(FieldEnding, CodeEndingInvalid, "A plan is the whole organisation's. One connection can be suspended or removed."))
	}
	if e.TakeMemberships {
		findings = append(findings, errorFinding(FieldEnding, CodeEndingInvalid, "Teams and roles are taken when the whole organisation is removed."))
	}
	if e.Kind == EndingRemove && e.Offer != OfferNothing {
		findings = append(findings, errorFinding(FieldEnding, CodeEndingInvalid, "People are offered another way in when the connection is suspended. There is nothing to offer afterwards."))
	}
	return findings
}

// end makes it a snapshot for the ending of one connection.
func (snap *endingSnapshot) end(e Ending) error {
	if e.ConnectionID == "" {
		return nil
	}
	for _, c := range snap.connections {
		if c.ID == e.ConnectionID && c.State != store.ConnectionDeleted {
			snap.ended = &c
			return nil
		}
	}
	return fmt.Errorf("tenant: reading the connection: %w", store.ErrNotFound)
}

// endable refuses what the table of transitions does.
func (snap *endingSnapshot) endable(e Ending) error {
	if snap.ended == nil {
		return nil
	}
	step := StepSuspend
	if e.Kind == EndingRemove {
		step = StepDelete
	}
	_, err := nextOf(*snap.ended, step)
	return err
}

// inForce says whether a connection that does not end lets people in.
func (snap *endingSnapshot) inForce(connectionID string) bool {
	return connectionID != snap.ended.ID && slices.ContainsFunc(snap.connections, func(c store.Connection) bool {
		return c.ID == connectionID && c.State == store.ConnectionActive
	})
}

// wayInAgain says that a person can sign in at a connection in force: one where the person has signed in, or that serves the
// domain of the address.
func (snap *endingSnapshot) wayInAgain(p endingPerson) bool {
	active := func(connectionID string) bool {
		return slices.ContainsFunc(snap.connections, func(c store.Connection) bool {
			return c.ID == connectionID && c.State == store.ConnectionActive
		})
	}
	domain, owned := snap.domainOf(p)
	return slices.ContainsFunc(p.links, active) || owned && slices.ContainsFunc(domain.Connections(), active)
}

// wayInElsewhere says what becomes of a person's way in without the connection that ends: another one is a connection in
// force where the person has signed in, or that serves the domain of the address, or a credential of the host's own.
func (snap *endingSnapshot) wayInElsewhere(p endingPerson) Effect {
	provided := p.account.Source == store.SourceSCIM || p.account.Source == store.SourceOIDC || p.account.SCIMUserID != ""
	domain, owned := snap.domainOf(p)
	uses := slices.Contains(p.links, snap.ended.ID) || provided && owned && domain.ServedBy(snap.ended.ID)
	switch {
	case p.gone, !p.account.Active, p.host != nil && !p.host.Active, !uses:
		return EffectNone
	case slices.ContainsFunc(p.links, snap.inForce), owned && slices.ContainsFunc(domain.Connections(), snap.inForce):
		return EffectKeeps
	case p.host != nil && p.host.LocalCredential:
		return EffectKeeps
	case p.host == nil && !provided:
		return EffectUnknown
	}
	return EffectLoses
}

// domainOf is the nearest proven domain by which the person's address is the tenant's.
func (snap *endingSnapshot) domainOf(p endingPerson) (nearest store.Domain, ok bool) {
	email := p.account.Email
	if p.host != nil && p.host.Email != "" {
		email = p.host.Email
	}
	name, err := EmailDomain(email)
	if err != nil {
		return nearest, false
	}
	for _, d := range snap.domains {
		if d.State == store.DomainVerified && (d.Name == name || d.Subdomains && inDomain(name, d.Name)) && len(d.Name) > len(nearest.Name) {
			nearest, ok = d, true
		}
	}
	return nearest, ok
}

// unenforced are the domains for which sign-in at a provider is the only way now, and not afterwards.
func (snap *endingSnapshot) unenforced(e Ending) []string {
	if e.Kind == EndingDowngrade {
		return nil
	}
	enforces := func(after bool) func(id string) bool {
		return func(id string) bool {
			return slices.ContainsFunc(snap.connections, func(c store.Connection) bool {
				stays := snap.ended != nil && c.ID != snap.ended.ID
				return c.ID == id && c.State == store.ConnectionActive && c.Enforced && (!after || stays)
			})
		}
	}
	var names []string
	for _, d := range snap.domains {
		if all := d.Connections(); d.State == store.DomainVerified && slices.ContainsFunc(all, enforces(false)) && !slices.ContainsFunc(all, enforces(true)) {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	return names
}

// links counts the linked identities that go with a connection.
func (p *endingPlanner) links(x endingPerson) {
	for _, id := range x.links {
		if id != p.snap.ended.ID {
			continue
		}
		if p.out.Removes == nil {
			p.out.Removes = map[store.RecordKind]int{}
		}
		p.out.Removes[store.KindIdentity]++
	}
}

// connectionRecords lists what happens to the records of one connection.
func (p *endingPlanner) connectionRecords() {
	out, c, removed := &p.out, p.snap.ended, p.out.Ending.Kind == EndingRemove
	r := EndedRecord{ID: c.ID, Name: c.Name, From: string(c.State), To: string(store.ConnectionSuspended)}
	if removed {
		r.To = string(store.ConnectionDeleted)
	}
	out.Connections = append(out.Connections, r)
	for _, d := range p.snap.directories {
		if d.ConnectionID != c.ID || !d.Enabled {
			continue
		}
		r := EndedRecord{ID: d.ID, From: "on", To: endedTakesAway}
		if removed {
			r.To = "off"
		}
		out.Directories = append(out.Directories, r)
	}
	if !removed {
		return
	}
	for _, d := range domainsOf(p.snap.domains, c.ID) {
		if len(d.Connections()) > 1 {
			continue // it stays with the others
		}
		r := EndedRecord{ID: d.ID, Name: d.Name, From: "claimed", To: "free"}
		if d.State == store.DomainVerified {
			r.From = "held"
		}
		out.Domains = append(out.Domains, r)
	}
}

// locksOutNobody refuses an ending of one connection that nobody has seen a plan of, where it takes somebody's last way in, or
// may do so. It stops at the first.
func (s *Service) locksOutNobody(ctx context.Context, tenantID string, e Ending) error {
	snap, err := s.endingSnapshot(ctx, s.store, tenantID, e)
	if err != nil {
		return err
	}
	if c := snap.ended; snap.endable(e) != nil || c.State != store.ConnectionActive && c.State != store.ConnectionSuspended {
		return nil // refused anyway, or never in force
	}
	for p, err := range s.endingPeople(ctx, s.store, tenantID) {
		if err != nil {
			return err
		}
		if effect := snap.wayInElsewhere(p); effect == EffectLoses || effect == EffectUnknown {
			return conflict(ErrorCodeConfirmationRequired, "People would lose every way in, or may do so. Look at the plan of what happens to whom, and confirm that.")
		}
	}
	return nil
}

// unplanned is how the journal tells of an ending that nobody saw a plan of.
func unplanned(e Ending) string {
	if !e.Unplanned {
		return e.Reason
	}
	return strings.TrimSpace("Without a plan. " + e.Reason)
}

// applyConnection ends one connection as planned, in one transaction.
func (s *Service) applyConnection(ctx context.Context, actor Actor, tenantID string, plan EndingPlan) error {
	e := plan.Ending
	if e.Kind == EndingRemove {
		_, err := s.delete(ctx, actor, tenantID, e.ConnectionID, plan.version, e.Reason)
		return err
	}
	return s.store.InTx(ctx, func(tx store.Store) error {
		if err := s.planHolds(ctx, tx, tenantID, plan); err != nil {
			return err
		}
		c, _, err := s.loadAt(ctx, tx, tenantID, e.ConnectionID, plan.version)
		if err != nil {
			return err
		}
		if err := s.suspendFor(ctx, tx, actor, c, e); err != nil {
			return err
		}
		if e.Offer == OfferNothing {
			return nil
		}
		return s.beginOffers(ctx, tx, actor, tenantID, e)
	})
}

// connectionOffers is what is left to do of the offers of one connection's suspension, in Lifecycle.Work.
type connectionOffers struct {
	Ending Ending           `json:"ending"`
	Actor  store.EventActor `json:"actor"`
	// After and Links are the place in the list of people where it goes on, as in endingWork.
	After   string `json:"after,omitempty"`
	Links   bool   `json:"links,omitempty"`
	Offered int    `json:"offered,omitempty"`
}

// beginOffers records that offers are to be made. It replaces what is left of an earlier suspension of the same connection.
func (s *Service) beginOffers(ctx context.Context, tx store.Store, actor Actor, tenantID string, e Ending) error {
	l, err := s.lifecycle(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	work, err := readWork(l)
	if err != nil {
		return err
	}
	work.Connections = append(
		slices.DeleteFunc(work.Connections, func(o connectionOffers) bool { return o.Ending.ConnectionID == e.ConnectionID }),
		connectionOffers{Ending: e, Actor: actor.event()})
	return s.putWork(ctx, tx, tenantID, l, work)
}

// connectionOffers makes the next page of the offers of one connection's suspension, as long as it is suspended.
func (x *endingStep) connectionOffers(ctx context.Context) error {
	o := x.work.Connections[0]
	left := x.work
	left.Connections = slices.Clone(x.work.Connections)
	page := &endingStep{s: x.s, tenantID: x.tenantID, work: endingWork{Ending: o.Ending, Actor: o.Actor, After: o.After, Links: o.Links}}
	snap, err := x.s.endingSnapshot(ctx, x.s.store, x.tenantID, o.Ending)
	if err != nil && !isNotFound(err) {
		return err
	}
	last := err != nil || snap.ended.State != store.ConnectionSuspended // its people sign in again, or it is gone
	var people []endingPerson
	if !last {
		accounts, next, err := page.offerPage(ctx)
		if err != nil {
			return err
		}
		if people, err = x.s.personFacts(ctx, x.s.store, x.tenantID, accounts); err != nil {
			return err
		}
		o.After, o.Links, last = next.After, next.Links, next.After == "" && next.Links
	}
	err = x.s.store.InTx(ctx, func(tx store.Store) error {
		made := endingWork{Offered: o.Offered}
		for _, p := range people {
			if err := page.offer(ctx, tx, snap, p, &made); err != nil {
				return err
			}
		}
		o := o
		o.Offered = made.Offered
		left.Connections[0] = o
		var events []store.Event
		if last {
			left.Connections = left.Connections[1:]
			e, err := x.s.event(actorOf(o.Actor), change{kind: kindConnection, id: o.Ending.ConnectionID, what: "connection.offers_made", after: map[string]int{"offered": o.Offered}})
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		return x.s.putWork(ctx, tx, x.tenantID, x.before, left, events...)
	})
	if err != nil {
		return fmt.Errorf("tenant: offering people of a suspended connection another way in: %w", err)
	}
	x.work, x.done = left, !left.left(x.before.State)
	x.work.Offered = o.Offered
	return nil
}
