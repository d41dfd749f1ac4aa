package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantgate/tenantgate/store"
)

// Tenant is one of the host's customer organisations. The host's own organisation
// type satisfies it; tenantgate stores the ID alone.
type Tenant interface {
	// TenantID is stable, opaque and never reused: it stands in base URLs and binds
	// sealed secrets, so it must not be a name or a slug that can change. See [CheckID].
	TenantID() string
	// TenantName is what people call the organisation. It is shown, never stored.
	TenantName() string
}

// Tenants finds the host's organisations. It is asked when an organisation begins to set
// sign-on up, since one has to exist before (R3), and for the names that staff see.
type Tenants interface {
	// Tenant returns the organisation with this ID. The error matches store.ErrNotFound if
	// there is none, or none any more.
	Tenant(ctx context.Context, id string) (Tenant, error)
}

// TenantsFunc is a function as [Tenants].
type TenantsFunc func(ctx context.Context, id string) (Tenant, error)

// Tenant calls f.
func (f TenantsFunc) Tenant(ctx context.Context, id string) (Tenant, error) { return f(ctx, id) }

// MaxIDLength is the longest tenant ID in bytes.
const MaxIDLength = 128

// CheckID reports whether id can be a tenant's ID: 1 to [MaxIDLength] visible ASCII
// characters without / \ ? # % and not "." or "..", so that it can be one segment of
// a URL's path.
func CheckID(id string) error {
	if id == "" || len(id) > MaxIDLength || id == "." || id == ".." {
		return fmt.Errorf("tenant: expected a tenant ID of 1 to %d characters, got %d", MaxIDLength, len(id))
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c <= ' ' || c >= 0x7f:
			return fmt.Errorf("tenant: the tenant ID has a character at position %d that is not visible ASCII", i)
		case c == '/' || c == '\\' || c == '?' || c == '#' || c == '%':
			return fmt.Errorf("tenant: the tenant ID has %q at position %d, which has a meaning in URLs", c, i)
		}
	}
	return nil
}

// ActorKind says in which role somebody acts.
type ActorKind string

// The kinds of actors. A host may use words of its own beside them.
const (
	ActorOwner     ActorKind = "owner"      // owner of the tenant
	ActorStaff     ActorKind = "staff"      // the host's staff, who review
	ActorUser      ActorKind = "user"       // somebody who signs in
	ActorAPIKey    ActorKind = "api_key"    // a directory with its key
	ActorSystem    ActorKind = "system"     // the host's background work
	ActorSetupLink ActorKind = "setup_link" // somebody who came by a set-up link, see [SetupSession]
)

// Actor is who does something. The host fills it from its own session; nothing in it
// is believed beyond what the [Authorizer] says about it.
type Actor struct {
	Kind ActorKind
	// ID is the host's ID of the person, or the ID of the API key or the set-up link.
	ID string
	// Email is the person's address, if there is one.
	Email string
	// Name is shown in the audit log.
	Name string
	// Origin is where the person's request came from, for the audit log; see [PeerOrigin]. Zero if that is not recorded.
	Origin Origin

	// setup is what somebody who came by a set-up link may do at most, nil for others.
	setup *setupScope
}

// event is the actor as the journal keeps it.
func (a Actor) event() store.EventActor {
	name := a.Name
	if name == "" {
		name = a.Email
	}
	return store.EventActor{Kind: string(a.Kind), ID: a.ID, Name: name}
}

// Action is something that an [Authorizer] allows or refuses.
type Action string

// The actions, as fine as hosts distinguish them. Usually owners get all but the
// last group, and staff get that group and the views.
const (
	ActionViewConnection   Action = "connection.view"
	ActionEditConnection   Action = "connection.edit"     // drafts and settings
	ActionSubmitConnection Action = "connection.submit"   // submit and withdraw
	ActionReplaceSecret    Action = "connection.secret"   // client secret and its expiry
	ActionActivate         Action = "connection.activate" // and resume after suspension
	ActionSuspend          Action = "connection.suspend"
	ActionDeleteConnection Action = "connection.delete"
	ActionManageDomains    Action = "domain.manage" // add, check, remove
	ActionManageSCIM       Action = "scim.manage"
	ActionViewRequests     Action = "scim.requests" // what a directory sent and was answered: personal data
	ActionViewAPIKeys      Action = "api_key.view"
	ActionManageAPIKeys    Action = "api_key.manage"
	ActionRevealAPIKey     Action = "api_key.reveal" // see a key again
	ActionViewMapping      Action = "mapping.view"
	ActionEditMapping      Action = "mapping.edit"
	ActionApplyMapping     Action = "mapping.apply"
	ActionOverrideLock     Action = "lock.override" // lift the lock of what a directory manages, for a time
	ActionViewAudit        Action = "audit.view"
	ActionViewUsers        Action = "user.view"        // the organisation's people
	ActionManageUsers      Action = "user.manage"      // unlink a person's identities, end a person's sessions
	ActionChangeOwnField   Action = "field.change_own" // a value of one's own, such as the phone number
	ActionChangeField      Action = "field.change"     // a value of somebody else
	ActionViewSetupLinks   Action = "setup_link.view"
	ActionManageSetupLinks Action = "setup_link.manage" // create and revoke

	ActionViewWebhooks   Action = "webhook.view"
	ActionManageWebhooks Action = "webhook.manage" // create, change, rotate, replay, test, delete

	ActionSuspendTenant Action = "tenant.suspend" // sign-on as a whole, and resume it
	ActionRemoveTenant  Action = "tenant.remove"  // sign-on as a whole, with all its records
	ActionExportTenant  Action = "tenant.export"  // all records

	ActionReview       Action = "connection.review" // queue, ask, approve, reject
	ActionVerifyDomain Action = "domain.verify"     // declare a domain proven without a check
)

// ErrForbidden says that the actor may not do this for the tenant. Hosts answer 403,
// or 404 where even the tenant's existence is none of the actor's business.
var ErrForbidden = errors.New("tenant: forbidden")

// Authorizer decides who may do what. It is asked at every call, never cached, so
// that an owner who was demoted meanwhile is refused.
type Authorizer interface {
	// Can returns nil to allow. Any error refuses; ErrForbidden, or an error that
	// wraps it, says that the answer is no, others that it could not be found out.
	// tenantID is empty for actions across tenants, such as the review queue.
	Can(ctx context.Context, actor Actor, action Action, tenantID string) error
}

// AuthorizerFunc is a function as an [Authorizer].
type AuthorizerFunc func(ctx context.Context, actor Actor, action Action, tenantID string) error

// Can calls f.
func (f AuthorizerFunc) Can(ctx context.Context, actor Actor, action Action, tenantID string) error {
	return f(ctx, actor, action, tenantID)
}
