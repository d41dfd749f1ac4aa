package store

import (
	"context"
	"encoding/json"
	"time"
)

// Event says what happened to whom, by whom and when. It holds no secret.
type Event struct {
	// Seq is the event's place in the tenant's journal, set by the store. It ascends
	// with gaps.
	Seq int64 `json:"seq"`
	// ID is unique, given by the caller ([NewID]).
	ID string `json:"id"`
	// Type is a dotted name such as "scim.user.created".
	Type string `json:"type"`
	// At is the caller's clock.
	At time.Time `json:"at"`
	// Actor is who did it.
	Actor EventActor `json:"actor"`
	// Origin is where the request came from; zero where there was none, or the host does not tell.
	Origin EventOrigin `json:"origin,omitzero"`
	// Subject is the record that changed.
	Subject EventSubject `json:"subject"`
	// Before and After are the record as JSON, or the part of it that tells the
	// change; empty where there is none.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	// Members is set by the store on changes of a group's members.
	Members *MemberChange `json:"members,omitempty"`
	// Code is the stable code of a refusal or finding, empty otherwise.
	Code string `json:"code,omitempty"`
	// Message explains the event to a person, empty where Type says enough.
	Message string `json:"message,omitempty"`
	// CorrelationID ties the event to the request and its log lines.
	CorrelationID string `json:"correlationId,omitempty"`
}

// EventActor is who caused an event.
type EventActor struct {
	// Kind is "owner", "staff", "api_key", "user", "system" or a host's own word.
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// EventOrigin is where the request came from that caused an event.
type EventOrigin struct {
	// IP is the client's address, as the host tells it, in the usual form of netip.Addr; empty if it is not known.
	IP string `json:"ip,omitempty"`
	// UserAgent is what the client calls itself, cut to a bound. It proves nothing.
	UserAgent string `json:"userAgent,omitempty"`
}

// EventSubject is the record that an event is about.
type EventSubject struct {
	// Kind is the record's kind, such as "scim_user" or "connection".
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// EventQuery selects events of one tenant.
type EventQuery struct {
	// After selects events with a greater Seq.
	After int64
	// Before, if not zero, selects events with a smaller Seq.
	Before int64
	// Newest lists in descending order of Seq.
	Newest bool
	// SubjectKind and SubjectID, if set, select events about that kind or record.
	SubjectKind string
	SubjectID   string
	// TypePrefix, if set, selects events whose Type starts with it.
	TypePrefix string
	// Limit is the most events to return; zero or more than MaxLimit means MaxLimit.
	Limit int
}

// MarkPrefix begins the names of positions that are marks: places that somebody remembers, and no reader that has still to
// read what comes after them.
const MarkPrefix = "mark:"

// Journal is the one record of all that happened. Every write of a [Store] takes
// the events that tell of it and stores them in the same transaction.
//
// Events of one tenant are in commit order: an event that a reader can see never
// gets a later event in front of it, and of two changes of one record the first to
// commit comes first. A reader that asks for what is after the last Seq it handled
// therefore misses nothing. Events of one transaction keep their order.
type Journal interface {
	// AppendEvents stores events that belong to no other write.
	AppendEvents(ctx context.Context, tenantID string, events ...Event) error

	// Events returns a page of the tenant's events, by default in ascending order.
	Events(ctx context.Context, tenantID string, q EventQuery) ([]Event, error)

	// Position returns the Seq up to which the named reader has handled the tenant's
	// events; zero if it has saved none.
	Position(ctx context.Context, tenantID, reader string) (int64, error)

	// SavePosition moves the reader's position from one Seq to another. ErrStale if
	// the saved one is not from: somebody else handles these events. Call it in the
	// transaction that applies them, and each is applied once.
	SavePosition(ctx context.Context, tenantID, reader string, from, to int64) error
}
