package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// RefusedWrite is what a directory wanted and the policy refused, for the page about the directory's health. What of it can be
// decided is a [Conflict], too.
type RefusedWrite struct {
	// Seq is its place in the list, newest first.
	Seq int64     `json:"seq"`
	At  time.Time `json:"at"`
	// Code and Message are what the directory was told.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Name is the user's user name, or the ID of what the directory wanted to change; Email the address.
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// DirectoryID, ResourceType and ID say what it was, as far as that is known; ID is empty for a new user or group.
	DirectoryID  string `json:"directoryId,omitempty"`
	ResourceType string `json:"resourceType,omitempty"`
	ID           string `json:"id,omitempty"`
}

// refusal is what an [EventRefused] tells in After.
type refusal struct {
	Directory    string `json:"directory,omitempty"`
	ResourceType string `json:"resourceType,omitempty"`
	ID           string `json:"id,omitempty"`
	Email        string `json:"email,omitempty"`
}

func refusedBody(w tenant.DirectoryWrite, u policyUser) json.RawMessage {
	body, err := json.Marshal(refusal{Directory: w.Principal.DirectoryID, ResourceType: w.ResourceType, ID: w.ID, Email: u.after.Email})
	if err != nil {
		panic("provisioning: a refusal is strings: " + err.Error())
	}
	return body
}

// Refused lists what the policy refused a tenant's directories, newest first: up to limit (zero means 50, at most 200) before
// the place before; zero means the newest. next is where to go on, zero at the end. The same refusal is in the journal once in
// PolicyConfig.RepeatRefusal, and as long as events are kept. The actor needs [tenant.ActionViewRequests].
func (e *Engine) Refused(ctx context.Context, actor tenant.Actor, tenantID string, before int64, limit int) (list []RefusedWrite, next int64, err error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewRequests, tenantID); err != nil {
		return nil, 0, err
	}
	if limit <= 0 {
		limit = 50
	}
	limit = min(limit, 200)
	events, err := e.cfg.Store.Events(ctx, tenantID, store.EventQuery{TypePrefix: EventRefused, Before: max(0, before), Newest: true, Limit: limit + 1})
	if err != nil {
		return nil, 0, fmt.Errorf("provisioning: reading the journal: %w", err)
	}
	for i := range events[:min(len(events), limit)] {
		ev := &events[i]
		var body refusal
		_ = json.Unmarshal(ev.After, &body) // events of before had none
		list = append(list, RefusedWrite{
			Seq: ev.Seq, At: ev.At, Code: ev.Code, Message: ev.Message, Name: ev.Subject.Name, Email: body.Email,
			DirectoryID: body.Directory, ResourceType: body.ResourceType, ID: body.ID,
		})
	}
	if len(events) > limit {
		next = list[limit-1].Seq
	}
	return list, next, nil
}
