package store

import (
	"context"
	"time"
)

// Token is a value that can be taken once: a used sign-in attempt, a set-up link.
type Token struct {
	// Kind separates the uses of tokens; Key is unique within tenant and kind. Keys
	// that grant something are hashes, never the value that a person holds.
	Kind string
	Key  string
	// Data is the caller's own. It is opaque to the store.
	Data []byte
	// ExpiresAt ends the token's life.
	ExpiresAt time.Time
	// Ephemeral lets PutToken return before the token would survive a crash of the
	// database server or a loss of power; a crash of this process it survives. That is
	// for a token that guards seconds, and where something else guards them too: the
	// answer to a sign-in is taken once, and its code is good once at the provider. Whoever
	// could crash the server at will, within the second after an answer, and who has the cookie
	// of that browser, would send a code that was redeemed already. A token that
	// grants something, or says that something was done, must not be ephemeral: a notice
	// would be sent twice, a link would work again.
	//
	// It changes nothing else: the token is there for everybody once PutToken has returned,
	// on every replica, and of several puts one succeeds. Within a transaction it
	// has no effect.
	Ephemeral bool
}

// TokenStore keeps one-time tokens.
type TokenStore interface {
	// PutToken stores a token. ErrConflict if the kind and key exist, expired or not;
	// of several concurrent puts of one key exactly one succeeds.
	PutToken(ctx context.Context, tenantID string, t Token) error

	// TakeToken removes the token and returns its data. Of several concurrent takes
	// exactly one succeeds; all others get ErrNotFound. So does a take at or after
	// ExpiresAt, which leaves the token to DeleteExpiredTokens.
	TakeToken(ctx context.Context, tenantID, kind, key string, now time.Time) ([]byte, error)

	// ReadToken returns the token's data and leaves the token, for what is looked at again and again: a
	// draft, a preview. ErrNotFound as with TakeToken. It changes nothing, and says nothing about
	// who takes the token next.
	ReadToken(ctx context.Context, tenantID, kind, key string, now time.Time) ([]byte, error)

	// DeleteExpiredTokens removes the tokens that expired at or before now and returns
	// how many there were. The host schedules it.
	DeleteExpiredTokens(ctx context.Context, tenantID string, now time.Time) (int, error)
}
