package store

import "time"

// FieldPreference is a tenant's choice for one field of its provisioned people.
type FieldPreference struct {
	// Field is the SCIM attribute, such as "displayName" or "name.givenName".
	Field string `json:"field"`
	// UserEditable lets people change it in the host.
	UserEditable bool `json:"userEditable,omitempty"`
	// MustConfirm asks people to confirm a value before the host relies on it.
	MustConfirm bool `json:"mustConfirm,omitempty"`
}

// AccountField is what is known of one field of an account: what the directory said
// last, what the person entered, and when. Which of them counts is decided above.
type AccountField struct {
	// Field is the SCIM attribute.
	Field string `json:"field"`
	// Directory is the directory's last value, empty if it has none; DirectoryAt is when that
	// changed, zero if the directory was never asked.
	Directory   string    `json:"directory,omitempty"`
	DirectoryAt time.Time `json:"directoryAt,omitzero"`
	// Refused is a later value of the directory's that could not be read.
	Refused string `json:"refused,omitempty"`
	// Own is the person's value, OwnAt when it was set or cleared; zero if it never was.
	Own   string    `json:"own,omitempty"`
	OwnAt time.Time `json:"ownAt,omitzero"`
	// Confirmed is the last value that the person confirmed.
	Confirmed   string    `json:"confirmed,omitempty"`
	ConfirmedAt time.Time `json:"confirmedAt,omitzero"`
	// Given is what the host got last, Usable whether it was told that it may rely on it.
	Given  string `json:"given,omitempty"`
	Usable bool   `json:"usable,omitempty"`
	// Again says that the host may have something else than Given, and is to get what counts once
	// more: somebody had lifted the lock.
	Again bool `json:"again,omitempty"`
	// Lifted is a value that was set while somebody had lifted the lock; nil if none was.
	Lifted *LiftedField `json:"lifted,omitempty"`
	// Pending is a value that waits to be confirmed; nil if none does.
	Pending *PendingField `json:"pending,omitempty"`
}

// PendingField is a value that waits to be confirmed. The code is not in it.
type PendingField struct {
	// ID is random, and another with every code.
	ID    string `json:"id"`
	Value string `json:"value"`
	// SentAt is when the last code was made, ExpiresAt until when it is good.
	SentAt    time.Time `json:"sentAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// LiftedField is a value that was set, or cleared, while somebody had lifted the field's lock.
type LiftedField struct {
	Value string    `json:"value,omitempty"`
	At    time.Time `json:"at"`
	// Confirmed says that the person confirmed it.
	Confirmed bool `json:"confirmed,omitempty"`
}
