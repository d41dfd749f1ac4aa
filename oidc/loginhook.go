package oidc

import (
	"context"
	"net/http"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Login is a sign-in that passed all checks.
type Login struct {
	TenantID     string
	ConnectionID string
	// Account is the host's account.
	Account Account
	// Issuer and Subject are the permanent name of the person at the provider.
	Issuer, Subject string
	// Email is what the provider asserted at this sign-in, empty if it sent none. It is proven only if First is set and
	// EmailUnproven is not; afterwards Subject is the person's name, and the address a wish of the provider's.
	Email string
	// EmailUnproven says that the account was made just in time for an address in none of the tenant's domains, which
	// nobody proved: don't let it reach anything.
	EmailUnproven bool
	// EmailChange is set if the provider asserts another address than at the sign-in before. It changes nothing by itself:
	// Subject, not the address, says who the person is. The journal has it as [EventEmailChanged].
	EmailChange *EmailChange
	// SessionID is the provider's sid claim, empty if it sent none. Keep it with TenantID, Issuer and Subject in the
	// session, so that back-channel logout finds it (see [Revocation]).
	SessionID string
	// First says that the account was linked with this identity just now. Tell its owner.
	First bool
	// IDToken is the ID token as it came. Keep it in the session, for [Handler.StartLogout]; it is good for nothing else.
	IDToken tenant.Secret
	// RefreshToken is for [Handler.Refresh] alone: sealed, and bound to tenant, connection and subject. Zero if
	// Config.RefreshTokens does not ask for one, or the provider gave none. Keep the latest one in the session.
	RefreshToken tenant.Secret
	// ACR is the authentication context class, AMR the methods by which the person authenticated, as far as the provider
	// tells (acr, amr).
	ACR string
	AMR []string
	// StartedElsewhere says that another site started the sign-in: a portal of the provider's, or a link on any page. Whoever
	// made the link may have chosen the provider, and with it the person: ask before you replace the session of another
	// account (login CSRF). Browsers that don't tell (Sec-Fetch-Site) are believed to have started here.
	StartedElsewhere bool
	// Requested is what the host asked for with [Handler.StartLogin]: Prompt, MaxAge and ACRValues; zero for any other
	// sign-in. Another person than the one who was signed in may come back: compare Account.ID with the session's. Keep
	// AuthenticatedAt and ACR in the session and check them where the dangerous action is done, not at ReturnTo, which
	// anybody can name.
	Requested LoginRequest
	// ReturnTo is the safe path where the browser goes next.
	ReturnTo string
	// AuthenticatedAt is the provider's auth_time, zero if it sent none.
	AuthenticatedAt time.Time

	claims, userinfo object
}

// Userinfo decodes the answer of the userinfo endpoint into v, as Claims does. Without one (see Config.AlwaysUserinfo) v
// stays as it is.
func (l Login) Userinfo(v any) error { return decodeClaims(l.userinfo, v) }

// Claims decodes the claims of the verified ID token into v, such as a struct with a groups field, as encoding/json does,
// but with names compared exactly: Groups or groupſ is not groups, so give fields their names by tags, and an object that
// names a member twice is an error. Claims that the token does not have leave v as it is: absent is not empty.
func (l Login) Claims(v any) error {
	return decodeClaims(l.claims, v)
}

// LoginHook makes the host's session.
//
// The browser comes from another site: a session cookie of the host's that is SameSite=Strict is not with it, nor, where
// Config.FormPost is set, one that is Lax. A new cookie that is Strict is not sent with the redirect to ReturnTo either.
type LoginHook interface {
	// OnLogin runs in the transaction in which the sign-in is recorded; what it writes through tx commits with it. It
	// must start a new session with a new ID, and end one that the browser had, so that a planted session is worthless.
	// That a person was here once more (store.Identity.LastSignInAt, EventSignIn) is written after it, as the transaction's
	// last write; where OnLogin writes nothing through tx, and does not ask for its *sql.Tx, that is the only one.
	//
	// What it writes to w (cookies, usually) is held back until the transaction has committed, and dropped if it does
	// not. If it writes neither a status nor a body, the browser is sent to l.ReturnTo. OnLogin may be called more than
	// once for one sign-in when the database asks for a retry.
	//
	// An error that matches ErrDenied refuses the person (403), see [Denied]; any other is our own failure (503).
	OnLogin(ctx context.Context, w http.ResponseWriter, r *http.Request, tx store.Store, l Login) error
}

// LoginFunc is a function as a [LoginHook].
type LoginFunc func(ctx context.Context, w http.ResponseWriter, r *http.Request, tx store.Store, l Login) error

// OnLogin calls f.
func (f LoginFunc) OnLogin(ctx context.Context, w http.ResponseWriter, r *http.Request, tx store.Store, l Login) error {
	return f(ctx, w, r, tx, l)
}
