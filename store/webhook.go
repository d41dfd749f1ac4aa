package store

import (
	"context"
	"time"
)

// Webhook is an address of a tenant's to which its events are sent, and how far that has come.
type Webhook struct {
	Meta
	// Revision counts what people changed, from 1. Version grows with deliveries too.
	Revision    int64  `json:"revision"`
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
	// Types are the types of events that are sent, or beginnings of them that end in ".*"; empty means all.
	Types []string `json:"types,omitempty"`
	// Secrets sign what is sent, newest first. Those that have expired are not used any more.
	Secrets []WebhookSecret `json:"secrets,omitempty"`
	// Enabled says that events are sent. DisabledAt and DisabledCode tell since when and why not.
	Enabled      bool      `json:"enabled"`
	DisabledAt   time.Time `json:"disabledAt,omitzero"`
	DisabledCode string    `json:"disabledCode,omitempty"`

	// Position is the Seq up to which events were sent or passed over.
	Position int64 `json:"position"`
	// Failures is how often the event after Position was sent in vain, NextAt when it is sent again.
	Failures int64     `json:"failures,omitempty"`
	NextAt   time.Time `json:"nextAt,omitzero"`
	// FailingSince is when the first delivery failed since the last that went through; zero if none did.
	FailingSince time.Time `json:"failingSince,omitzero"`
	// Log are the last attempts, newest first.
	Log []WebhookAttempt `json:"log,omitempty"`
}

// WebhookSecret is a secret that a webhook is signed with.
type WebhookSecret struct {
	// ID tells the secrets of a webhook apart.
	ID string `json:"id"`
	// Sealed is the secret, sealed for this tenant, record and ID.
	Sealed    []byte    `json:"sealed,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	// ExpiresAt is zero for the one that is not going to be replaced.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// WebhookAttempt is an event that was sent, or could not be.
type WebhookAttempt struct {
	EventID string `json:"eventId"`
	Type    string `json:"type"`
	// Seq is the event's place in the journal, zero for a test.
	Seq int64     `json:"seq,omitempty"`
	At  time.Time `json:"at"`
	// Attempt counts from 1.
	Attempt int64         `json:"attempt"`
	Took    time.Duration `json:"took"`
	// Status is the answer's, zero if there was none.
	Status int64 `json:"status,omitempty"`
	// Code says what failed; empty for an attempt that went through.
	Code string `json:"code,omitempty"`
}

// WebhookStore is an optional interface of a [Store]: tenants' webhooks. Without it they have none.
type WebhookStore interface {
	// Webhook returns the webhook, or ErrNotFound.
	Webhook(ctx context.Context, tenantID, id string) (Webhook, error)

	// Webhooks returns all webhooks of the tenant, in ascending order of the ID.
	Webhooks(ctx context.Context, tenantID string) ([]Webhook, error)

	// CreateWebhook stores a new webhook. ErrConflict if the ID is taken.
	CreateWebhook(ctx context.Context, tenantID string, w Webhook, events ...Event) (Webhook, error)

	// UpdateWebhook replaces the webhook. ErrNotFound, ErrStale.
	UpdateWebhook(ctx context.Context, tenantID string, w Webhook, events ...Event) (Webhook, error)

	// DeleteWebhook removes the webhook. ErrNotFound; ErrStale if version is not zero and not
	// the stored one.
	DeleteWebhook(ctx context.Context, tenantID, id string, version int64, events ...Event) error
}
