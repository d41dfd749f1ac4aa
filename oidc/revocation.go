package oidc

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// SessionRevoker ends sessions of the host.
type SessionRevoker interface {
	// RevokeSessions ends the sessions that r names, and what else keeps somebody signed in: refresh tokens, "remember
	// me" cookies, API tokens of the person. That there is none is no error.
	//
	// It runs in the transaction in which the end is recorded; what it writes through tx commits with it. It may be
	// called more than once for one end, when the database asks for a retry or a host writes elsewhere and a process
	// stops in between. An error undoes all of it: a provider that sent the logout is told, and a [Revoker] tries again.
	RevokeSessions(ctx context.Context, tx store.Store, r Revocation) error
}

// SessionRevokerFunc is a function as a [SessionRevoker].
type SessionRevokerFunc func(ctx context.Context, tx store.Store, r Revocation) error

// RevokeSessions calls f.
func (f SessionRevokerFunc) RevokeSessions(ctx context.Context, tx store.Store, r Revocation) error {
	return f(ctx, tx, r)
}

// The values of Revocation.Reason.
const (
	ReasonBackchannelLogout  = "backchannel_logout"  // a provider's logout token
	ReasonFrontchannelLogout = "frontchannel_logout" // a provider's page in the browser
	ReasonDeactivated        = "deactivated"         // a directory ended somebody's access (R108)
	ReasonUnlinked           = "unlinked"            // the identity is linked with the account no more
	ReasonConnectionOff      = "connection_off"      // the connection was suspended or deleted
	ReasonActivated          = "activated"           // sign-in at a provider began, or became the only way, and whoever did that chose so
	ReasonConnectionChanged  = "connection_changed"  // the connection leads to another provider or client than before
	ReasonByHand             = "by_hand"             // an owner or the host's staff ended them, see [Handler.EndSessions]
)

// Revocation names sessions that are over, by what [Login] said when they began. Of the sessions with this TenantID they
// are
//
//   - if Subject or SessionID is given, those of this ConnectionID and Issuer: all of Subject if SessionID is empty; those
//     of SessionID, whoever's, if Subject is empty; otherwise those of Subject with this SessionID, or with none, since
//     such a session can't be told from the one that is over;
//   - otherwise, if AccountID is given, all of this account, however they began, a password's included;
//   - otherwise all that began at ConnectionID.
//
// None of it means anything at another tenant.
type Revocation struct {
	TenantID     string
	ConnectionID string
	// Issuer is the provider, Subject its name of the person, SessionID its sid.
	Issuer, Subject, SessionID string
	// AccountID is the host's account. With Subject it is the one that Subject is linked with, empty if it is not linked.
	AccountID string
	// BeganBefore keeps sessions that began later, zero none: what happened is told later than it happened, and somebody
	// may have come back meanwhile.
	BeganBefore time.Time
	// Reason is why: one of the Reason… constants.
	Reason string
}
