package oidc

import (
	"context"

	"github.com/tenantgate/tenantgate/store"
)

// SessionRevoker ends sessions of the host.
type SessionRevoker interface {
	// RevokeSessions ends the sessions that r names, and what else keeps somebody signed in: refresh tokens, "remember
	// me" cookies. That there is none is no error.
	//
	// It runs in the transaction in which the logout is recorded; what it writes through tx commits with it. It may be
	// called more than once for one logout when the database asks for a retry. An error undoes the logout, which the
	// provider is told and may try again.
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
)

// Revocation names sessions that are over, by what [Login] said when they began. Of the sessions with this TenantID and
// Issuer they are
//
//   - all of Subject, if SessionID is empty;
//   - those of SessionID, whoever's, if Subject is empty;
//   - otherwise those of Subject with this SessionID, or with none: such a session can't be told from the one that is
//     over.
//
// At least one of Subject and SessionID is given. Neither means anything at another tenant or issuer.
type Revocation struct {
	TenantID     string
	ConnectionID string
	// Issuer is the provider, Subject its name of the person, SessionID its sid.
	Issuer, Subject, SessionID string
	// AccountID is the host's account that Subject is linked with, empty if it is not linked or not given.
	AccountID string
	// Reason is why: one of the Reason… constants.
	Reason string
}
