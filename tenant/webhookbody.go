package tenant

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// WebhookBodyVersion is the version of what WebhookBody.Data holds. Fields are added within a version, and none is taken away.
const WebhookBodyVersion = 1

// MaxWebhookBody is the longest body in bytes. Of a longer one Before, After and Members are left out.
const MaxWebhookBody = 256 << 10

// WebhookBody is what a webhook sends, as JSON: the payload that Standard Webhooks 1.0.0 recommends.
type WebhookBody struct {
	// Type is the event's, one of [Service.WebhookTypes].
	Type string `json:"type"`
	// Timestamp is when it happened; the header [HeaderWebhookTimestamp] has when it was sent.
	Timestamp time.Time   `json:"timestamp"`
	Data      WebhookData `json:"data"`
}

// WebhookData is the event as a webhook tells it. It holds no secret.
type WebhookData struct {
	// Version is [WebhookBodyVersion].
	Version int `json:"version"`
	// TenantID is whose event it is.
	TenantID string `json:"tenantId"`
	// EventID is the event's, and Seq its place among the tenant's events, which ascends with gaps; zero for a test.
	EventID string `json:"eventId"`
	Seq     int64  `json:"seq"`
	// Actor is who did it, Subject what it was done to.
	Actor   store.EventActor   `json:"actor"`
	Subject store.EventSubject `json:"subject"`
	// Before and After are what the type's description in [Service.WebhookTypes] says; Members who joined and left a group.
	Before  json.RawMessage     `json:"before,omitempty"`
	After   json.RawMessage     `json:"after,omitempty"`
	Members *store.MemberChange `json:"members,omitempty"`
	// Truncated says that these three were left out because they are too long: read the record itself.
	Truncated bool `json:"truncated,omitempty"`
	// Code and Message say what was found or refused, and why.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// CorrelationID ties the event to the request that caused it.
	CorrelationID string `json:"correlationId,omitempty"`
}

// webhookBody is the body for an event.
func webhookBody(tenantID string, e store.Event) ([]byte, error) {
	b := WebhookBody{
		Type: e.Type, Timestamp: e.At.UTC(), Data: WebhookData{
			Version: WebhookBodyVersion, TenantID: tenantID, EventID: e.ID, Seq: e.Seq, Actor: e.Actor, Subject: e.Subject,
			Before: valid(e.Before), After: valid(e.After), Members: e.Members, Code: e.Code, Message: e.Message, CorrelationID: e.CorrelationID,
		},
	}
	out, err := json.Marshal(b)
	if err == nil && len(out) > MaxWebhookBody {
		b.Data.Before, b.Data.After, b.Data.Members, b.Data.Truncated = nil, nil, nil, true
		out, err = json.Marshal(b)
	}
	if err != nil {
		return nil, fmt.Errorf("tenant: writing a webhook: %w", err)
	}
	return out, nil
}

// valid leaves out what is no JSON, which a host may have appended: it would stop all that is behind it.
func valid(raw json.RawMessage) json.RawMessage {
	if !json.Valid(raw) {
		return nil
	}
	return raw
}

// webhookIDOf is the ID of an event's webhook: the event's own, or what stands for one that can't be in a signature.
func webhookIDOf(e store.Event) string {
	if webhookIDPattern.MatchString(e.ID) {
		return e.ID
	}
	sum := sha256.Sum256([]byte(e.ID))
	return "evt_" + hex.EncodeToString(sum[:16])
}
