package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	// AuditLimit is how many entries [Service.Audit] returns unless the query says otherwise.
	AuditLimit = 100

	// auditScan is how many events one call looks at, so that a filter which fits none can't keep a large journal busy.
	auditScan = 5000
)

// AuditQuery selects entries of a tenant's audit log. Conditions that are zero select all.
type AuditQuery struct {
	// From and To are the times of entries, From included, To not, by the clock of the replica that wrote them.
	From, To time.Time
	// ActorKind and ActorID are who did it, see [store.EventActor].
	ActorKind, ActorID string
	// Network selects what came from these addresses, such as 192.0.2.0/24; netip.PrefixFrom(a, a.BitLen()) is one address.
	Network netip.Prefix
	// SubjectKind and SubjectID are what it was done to, such as "connection" and its ID.
	SubjectKind, SubjectID string
	// TypePrefix is the beginning of the entries' types, such as "api_key.".
	TypePrefix string
	// Before continues after a page: its Next. Zero begins with the newest entry.
	Before int64
	// Limit is the most entries to return. Zero means [AuditLimit], more than [store.MaxLimit] means that.
	Limit int
}

// AuditPage is a page of a tenant's audit log, newest first.
type AuditPage struct {
	Entries []store.Event
	// Next is the Before of the next page, zero when there is none. A page may have fewer entries than the limit, or none,
	// and still a next one: a call looks at a bounded part of the journal.
	Next int64
}

func (q AuditQuery) selects(e *store.Event) bool {
	return (q.From.IsZero() || !e.At.Before(q.From)) && (q.To.IsZero() || e.At.Before(q.To)) &&
		(!q.Network.IsValid() || q.cameFrom(e.Origin)) &&
		(q.ActorKind == "" || e.Actor.Kind == q.ActorKind) && (q.ActorID == "" || e.Actor.ID == q.ActorID)
}

func (q AuditQuery) cameFrom(o store.EventOrigin) bool {
	ip, err := netip.ParseAddr(o.IP)
	return err == nil && q.Network.Contains(ip)
}

func (q AuditQuery) check() error {
	if q.Network.IsValid() || q.Network == (netip.Prefix{}) {
		return nil
	}
	f := errorFinding(FieldAuditNetwork, CodeFilterInvalid, "This is no range of addresses.").got(shown(q.Network.String()))
	f.Expected = "an address, or a range such as 192.0.2.0/24"
	return &ValidationError{Findings: []Finding{f}}
}

// events is the part of the query that the store answers.
func (q AuditQuery) events() store.EventQuery {
	return store.EventQuery{Before: max(q.Before, 0), SubjectKind: q.SubjectKind, SubjectID: q.SubjectID, TypePrefix: q.TypePrefix, Limit: store.MaxLimit}
}

// Audit reads the tenant's journal as an audit log (R51): who did what to what, from where, what it was before and after, and why
// something was refused. No entry holds a secret. Where staff worked is shown to staff alone.
func (s *Service) Audit(ctx context.Context, actor Actor, tenantID string, q AuditQuery) (AuditPage, error) {
	if err := s.allow(ctx, actor, ActionViewAudit, tenantID); err != nil {
		return AuditPage{}, err
	}
	if err := q.check(); err != nil {
		return AuditPage{}, err
	}
	limit := min(q.Limit, store.MaxLimit)
	if limit <= 0 {
		limit = AuditLimit
	}
	page, read := AuditPage{Next: max(q.Before, 0)}, q.events()
	read.Newest = true
	for seen := 0; seen < auditScan; {
		read.Before = page.Next
		events, err := s.store.Events(ctx, tenantID, read)
		if err != nil {
			return AuditPage{}, fmt.Errorf("tenant: reading the journal: %w", err)
		}
		for i := range events {
			if len(page.Entries) == limit {
				return page, nil
			}
			hideOrigin(actor, &events[i])
			if q.selects(&events[i]) {
				page.Entries = append(page.Entries, events[i])
			}
			page.Next = events[i].Seq
		}
		if len(events) < store.MaxLimit {
			page.Next = 0
			return page, nil
		}
		seen += len(events)
	}
	return page, nil
}

// ExportAudit writes the entries that the query selects to w, oldest first, as JSON objects, one in each line (NDJSON), in
// the form of [store.Event], and returns how many it wrote. The query's Limit is ignored. That somebody exported stands in the
// journal before the first line is written. An error of w, or of the store, ends the export where it is.
func (s *Service) ExportAudit(ctx context.Context, actor Actor, tenantID string, q AuditQuery, w io.Writer) (int, error) {
	if err := s.allow(ctx, actor, ActionViewAudit, tenantID); err != nil {
		return 0, err
	}
	if err := q.check(); err != nil {
		return 0, err
	}
	last, err := s.store.Events(ctx, tenantID, store.EventQuery{Newest: true, Limit: 1})
	if err != nil {
		return 0, fmt.Errorf("tenant: reading the journal: %w", err)
	}
	e, err := s.event(actor, change{kind: "audit", what: "audit.exported"})
	if err != nil {
		return 0, err
	}
	if err := s.store.AppendEvents(ctx, tenantID, e); err != nil {
		return 0, fmt.Errorf("tenant: writing the journal: %w", err)
	}
	if len(last) == 0 {
		return 0, nil
	}
	n, out, read := 0, json.NewEncoder(w), q.events()
	// What is written meanwhile, this export's own entry first, belongs to the next one.
	if end := last[0].Seq + 1; read.Before == 0 || read.Before > end {
		read.Before = end
	}
	for {
		events, err := s.store.Events(ctx, tenantID, read)
		if err != nil {
			return n, fmt.Errorf("tenant: reading the journal: %w", err)
		}
		for i := range events {
			read.After = events[i].Seq
			hideOrigin(actor, &events[i])
			if !q.selects(&events[i]) {
				continue
			}
			if err := out.Encode(&events[i]); err != nil {
				return n, fmt.Errorf("tenant: writing the audit log: %w", err)
			}
			n++
		}
		if len(events) < store.MaxLimit {
			return n, nil
		}
	}
}
