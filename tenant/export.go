package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// ExportFormat is the version of what [Service.ExportTenant] writes.
const ExportFormat = 1

// ExportLine is one line of an export.
type ExportLine struct {
	// Kind is "export" for the first line, "end" for the last one, and otherwise that of Record, a store.RecordKind.
	Kind string `json:"kind"`
	// ID, CreatedAt, UpdatedAt and Version are the record's, where it has them.
	ID        string    `json:"id,omitempty"`
	Version   int64     `json:"version,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	UpdatedAt time.Time `json:"updatedAt,omitzero"`
	// Record is the record, in the form that its type in package store has as JSON; of users, groups and resources the SCIM
	// resource (RFC 7643) without meta; of kind "scim_member" a page of a group's members.
	Record any `json:"record"`
}

// ExportHeader is the record of an export's first line.
type ExportHeader struct {
	Format   int       `json:"format"`
	TenantID string    `json:"tenantId"`
	At       time.Time `json:"at"`
	// Seq is the newest event of the journal that the export has. What changed after it is told by later events.
	Seq int64 `json:"seq"`
}

// ExportEnd is the record of an export's last line. One that ends without it is not complete.
type ExportEnd struct {
	// Counts are how many lines of each kind there are.
	Counts map[string]int `json:"counts"`
}

// MemberPage is the record of a line of kind "scim_member".
type MemberPage struct {
	GroupID string         `json:"groupId"`
	Members []ExportMember `json:"members"`
}

// ExportMember is a member of a group.
type ExportMember struct {
	ID   string           `json:"id"`
	Kind store.MemberKind `json:"kind,omitempty"`
}

// ExportTenant writes everything that is stored for a tenant to w, as JSON objects, one in each line (NDJSON, [ExportLine]), and
// returns what the last line says. It reads in pages and keeps none. The actor needs [ActionExportTenant]; that somebody
// exported stands in the journal before the first line is written.
//
// The lines come in this order: "export"; "lifecycle", "connection", "domain", "directory", "api_key", "setup_link",
// "webhook", "provisioning";
// "account", "identity"; "scim_user", "scim_group" each followed by its "scim_member" lines; "resource:TYPE"; "grant";
// "event", oldest first; "end". Not in it are secrets, hashes and sealed values, and what means nothing elsewhere: one-time
// tokens, leases and readers' positions.
//
// An export is no snapshot: others go on writing. A record that is there from the beginning to the end is in it exactly once,
// as it was at some moment in between; one that was made or deleted meanwhile may be missing. The events up to
// ExportHeader.Seq are all in it. An error of w, or of the store, ends the export where it is.
func (s *Service) ExportTenant(ctx context.Context, actor Actor, tenantID string, w io.Writer) (ExportEnd, error) {
	if err := s.allow(ctx, actor, ActionExportTenant, tenantID); err != nil {
		return ExportEnd{}, err
	}
	last, err := s.store.Events(ctx, tenantID, store.EventQuery{Newest: true, Limit: 1})
	if err != nil {
		return ExportEnd{}, fmt.Errorf("tenant: reading the journal: %w", err)
	}
	header := ExportHeader{Format: ExportFormat, TenantID: tenantID, At: s.time()}
	if len(last) > 0 {
		header.Seq = last[0].Seq
	}
	e, err := s.event(actor, change{kind: kindTenant, id: tenantID, what: "tenant.exported"})
	if err != nil {
		return ExportEnd{}, err
	}
	if err := s.store.AppendEvents(ctx, tenantID, e); err != nil {
		return ExportEnd{}, fmt.Errorf("tenant: writing the journal: %w", err)
	}
	x := &exporter{ctx: ctx, st: s.store, tenantID: tenantID, actor: actor, out: json.NewEncoder(w), end: ExportEnd{Counts: map[string]int{}}}
	x.out.SetEscapeHTML(false)
	x.line("export", store.Meta{}, header)
	x.setup()
	x.people()
	x.directory()
	x.resources()
	x.grants()
	x.events(header.Seq)
	delete(x.end.Counts, "export")
	counts := ExportEnd{Counts: x.end.Counts}
	x.line("end", store.Meta{}, counts)
	delete(x.end.Counts, "end")
	if x.err != nil {
		return ExportEnd{}, fmt.Errorf("tenant: exporting: %w", x.err)
	}
	return x.end, nil
}

// exporter writes lines until something fails.
type exporter struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one call
	st       store.Store
	tenantID string
	actor    Actor
	out      *json.Encoder
	end      ExportEnd
	err      error
}

func (x *exporter) line(kind string, m store.Meta, record any) {
	if x.err != nil {
		return
	}
	x.err = x.out.Encode(ExportLine{Kind: kind, ID: m.ID, Version: m.Version, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt, Record: record})
	if x.err == nil {
		x.end.Counts[kind]++
	}
}

// exportAll writes a whole list.
func exportAll[T any](x *exporter, kind store.RecordKind, read func(context.Context, string) ([]T, error), line func(T) (store.Meta, any)) {
	if x.err != nil {
		return
	}
	list, err := read(x.ctx, x.tenantID)
	x.err = err
	for _, v := range list {
		m, record := line(v)
		x.line(string(kind), m, record)
	}
}

// exportPages writes a list that is read in pages.
func exportPages[T any](x *exporter, read func(context.Context, string, store.Query) (store.Page[T], error), line func(T)) {
	for q := (store.Query{}); x.err == nil; {
		page, err := read(x.ctx, x.tenantID, q)
		x.err = err
		for _, v := range page.Items {
			line(v)
		}
		if !page.More {
			return
		}
		q.After = page.Next
	}
}

func (x *exporter) setup() {
	if l, err := x.st.Lifecycle(x.ctx, x.tenantID); err == nil {
		l.Work = nil
		x.line(string(store.KindLifecycle), l.Meta, l)
	} else if !isNotFound(err) {
		x.err = err
	}
	exportAll(x, store.KindConnection, x.st.Connections, func(c store.Connection) (store.Meta, any) {
		return c.Meta, withoutSecrets(c)
	})
	exportAll(x, store.KindDomain, x.st.Domains, func(d store.Domain) (store.Meta, any) { return d.Meta, d })
	exportAll(x, store.KindDirectory, x.st.Directories, func(d store.Directory) (store.Meta, any) {
		return d.Meta, struct {
			store.Directory
			LastRequestAt time.Time `json:"lastRequestAt,omitzero"`
		}{d, d.LastRequestAt}
	})
	exportAll(x, store.KindAPIKey, x.st.APIKeys, func(k store.APIKey) (store.Meta, any) {
		return k.Meta, struct {
			store.APIKey
			Hash       any       `json:"hash,omitempty"` // hides the key's
			LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
		}{public(k), nil, k.LastUsedAt}
	})
	if links, ok := x.st.(store.SetupLinkStore); ok {
		exportPages(x, links.SetupLinks, func(l store.SetupLink) {
			x.line(string(store.KindSetupLink), l.Meta, struct {
				store.SetupLink
				Hash        any       `json:"hash,omitempty"` // these hide the link's
				BrowserHash any       `json:"browserHash,omitempty"`
				LastUsedAt  time.Time `json:"lastUsedAt,omitzero"`
			}{l, nil, nil, l.LastUsedAt})
		})
	}
	if hooks, ok := x.st.(store.WebhookStore); ok {
		exportAll(x, store.KindWebhook, hooks.Webhooks, func(w store.Webhook) (store.Meta, any) {
			for i := range w.Secrets {
				w.Secrets[i].Sealed = nil
			}
			return w.Meta, w
		})
	}
	p, err := x.st.ProvisioningSettings(x.ctx, x.tenantID)
	switch {
	case err == nil:
		x.line(string(store.KindSettings), p.Meta, p)
	case !isNotFound(err) && x.err == nil:
		x.err = err
	}
}

func (x *exporter) people() {
	exportPages(x, x.st.Accounts, func(a store.Account) { x.line(string(store.KindAccount), a.Meta, a) })
	exportPages(x, x.st.Identities, func(i store.Identity) { x.line(string(store.KindIdentity), i.Meta, i) })
}

// resource is a SCIM resource as it is stored: JSON. What is no JSON is told as text.
func resource(body []byte) any {
	if json.Valid(body) {
		return json.RawMessage(body)
	}
	return string(body)
}

func (x *exporter) directory() {
	exportPages(x, x.st.SCIMUsers, func(u store.SCIMUser) { x.line(string(store.KindUser), u.Meta, resource(u.Body)) })
	exportPages(x, x.st.SCIMGroups, func(g store.SCIMGroup) {
		x.line(string(store.KindGroup), g.Meta, resource(g.Body))
		for after := ""; x.err == nil; {
			members, err := x.st.SCIMMembers(x.ctx, x.tenantID, g.ID, after, store.MaxLimit)
			if errors.Is(err, store.ErrNotFound) { // deleted meanwhile
				return
			}
			x.err = err
			if len(members) == 0 {
				return
			}
			page := MemberPage{GroupID: g.ID, Members: make([]ExportMember, 0, len(members))}
			for _, m := range members {
				page.Members = append(page.Members, ExportMember{ID: m.ID, Kind: m.Kind})
			}
			x.line(string(store.KindMember), store.Meta{}, page)
			after = members[len(members)-1].ID
		}
	})
}

// resources are those of the types that the host registered, of which the store knows the names.
func (x *exporter) resources() {
	r, ok := x.st.(store.SCIMResourceStore)
	if !ok || x.err != nil {
		return
	}
	have, err := x.st.Holdings(x.ctx, x.tenantID)
	if x.err = err; err != nil {
		return
	}
	var types []string
	for kind := range have {
		if typ, ok := strings.CutPrefix(string(kind), string(store.KindResource)); ok {
			types = append(types, typ)
		}
	}
	slices.Sort(types)
	for _, typ := range types {
		read := func(ctx context.Context, tenantID string, q store.Query) (store.Page[store.SCIMResource], error) {
			return r.SCIMResources(ctx, tenantID, typ, q)
		}
		exportPages(x, read, func(v store.SCIMResource) { x.line(string(store.KindResource)+typ, v.Meta, resource(v.Body)) })
	}
}

func (x *exporter) grants() {
	for after := (store.GrantKey{}); x.err == nil; {
		lines, err := x.st.AllGrants(x.ctx, x.tenantID, after, store.MaxLimit)
		x.err = err
		for _, g := range lines {
			x.line(string(store.KindGrant), store.Meta{}, struct {
				AccountID  string          `json:"accountId,omitempty"`
				Kind       store.GrantKind `json:"kind"`
				ResourceID string          `json:"resourceId,omitempty"`
				GroupID    string          `json:"groupId"`
				Role       string          `json:"role,omitempty"`
				Previous   string          `json:"previous,omitempty"`
			}(g))
		}
		if len(lines) < store.MaxLimit {
			return
		}
		after = lines[len(lines)-1].Key()
	}
}

func (x *exporter) events(upTo int64) {
	for after := int64(0); x.err == nil && upTo > 0; {
		events, err := x.st.Events(x.ctx, x.tenantID, store.EventQuery{After: after, Before: upTo + 1})
		x.err = err
		for _, e := range events {
			hideOrigin(x.actor, &e)
			x.line(string(store.KindEvent), store.Meta{}, e)
			after = e.Seq
		}
		if len(events) < store.MaxLimit {
			return
		}
	}
}
