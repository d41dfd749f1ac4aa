package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// ResourceKind is what somebody wants to change in the application.
type ResourceKind string

// The kinds of resources that directories lock.
const (
	ResourceUser       ResourceKind = "user"       // AccountID
	ResourceTeam       ResourceKind = "team"       // TeamID
	ResourceMembership ResourceKind = "membership" // AccountID in TeamID
	ResourceOrgRole    ResourceKind = "org_role"   // AccountID
)

// Resource names something in the host.
type Resource struct {
	Kind      ResourceKind `json:"kind"`
	AccountID string       `json:"accountId,omitempty"`
	TeamID    string       `json:"teamId,omitempty"`
}

// Op is what somebody wants to do.
type Op string

// The operations.
const (
	OpCreate Op = "create"
	OpUpdate Op = "update"
	OpDelete Op = "delete"
)

// Change is what somebody wants to do by hand to a field of a resource; an empty Field means
// the resource as a whole. A part of a field ("name.givenName", "emails[0]") is locked with it.
type Change struct {
	Resource Resource `json:"resource"`
	Field    string   `json:"field,omitempty"`
	Op       Op       `json:"op"`
}

// LocksConfig configures [NewLocks]. Store is required.
type LocksConfig struct {
	Store store.Store
	// UserFields are the fields of an account that directories manage, in any case. Nil means
	// email, userName, displayName, name, givenName, familyName, phone, active and password.
	// Everything else stays editable.
	UserFields []string
	// PhoneField is the one of UserFields that holds the telephone number, which a tenant may leave to
	// its people (R56). Empty means phone.
	PhoneField string
	// Fields are the SCIM attributes beside the phone number that a tenant may leave to its people:
	// tenant.Config.SCIMFields, the names of FieldsConfig.Fields. Directories manage them as they do
	// UserFields; "name.givenName" is givenName, too. What a tenant chose about is known without them.
	Fields []string
	// Entitlements tells what a tenant's plan includes, as in PolicyConfig: without SCIM in it
	// nothing is locked. Nil means that every tenant has everything. It is asked only about
	// what is locked otherwise; an error leaves it locked.
	Entitlements tenant.Entitlements
	// Authorizer says who may lift locks ([Locks.Override]). Without it nobody may.
	Authorizer tenant.Authorizer
	// StaleAfter is how long a directory may be silent before explanations say that it has
	// not synced. Zero means two weeks, since some directories send nothing while nothing
	// changes; less than zero never says it.
	StaleAfter time.Duration
	// Texts, if set, has explanations in other languages than English and German, or in other words.
	Texts LockTexts
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

const staleAfter = 14 * 24 * time.Hour

// Locks answers what may be changed by hand. Hosts ask on the path of every write, API
// included ([Locks.RequireTx], [Locks.Guard]), and for the icon in lists ([Locks.CheckAll],
// [LockFuncs]). It is safe for concurrent use.
//
// What no directory manages is not locked, and costs two indexed reads to find out; what is
// locked costs some more, to say why. Locks are lifted with the sync, since nobody could change
// what is locked by a directory that is not heard:
//
//	what happened                                         | locks          | Lock.Lifted
//	------------------------------------------------------+----------------+---------------------
//	the directory was switched off, or its connection     | lifted         | directory_disabled
//	is gone                                               |                |
//	the plan does not include SCIM any more               | lifted         | plan_required
//	what the plan includes can't be found out             | stay           |
//	the directory's connection is suspended               | lifted         | connection_suspended
//	sign-on of the tenant is suspended                    | lifted         | tenant_suspended
//	sign-on of the tenant is being removed                | lifted         | tenant_removed
//	sign-on of the tenant was removed                     | gone           |
//	the directory deleted the user, who still is a member | lifted for the | user_gone
//	(a break-glass owner, a change that still waits)      | user           |
//	somebody lifted the lock ([Locks.Override])           | lifted for it  | override
//	provisioning is paused                                | stay, and say  |
//	the directory has been silent for long                | stay, and say  |
//
// With several directories, locks stay while one of them is heard.
type Locks struct {
	cfg LocksConfig
}

// NewLocks checks cfg and returns locks.
func NewLocks(cfg LocksConfig) (*Locks, error) {
	if cfg.Store == nil {
		return nil, errors.New("provisioning: LocksConfig.Store is required")
	}
	if cfg.UserFields == nil {
		cfg.UserFields = []string{"email", "userName", "displayName", "name", "givenName", "familyName", "phone", "active", "password"}
	}
	cfg.PhoneField = cmp.Or(cfg.PhoneField, "phone")
	cfg.StaleAfter = cmp.Or(cfg.StaleAfter, staleAfter)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Locks{cfg: cfg}, nil
}

// Check says whether op may be done by hand to the field of the resource; an empty
// field means the resource as a whole. Within a transaction of the store use
// [Locks.CheckTx], or [Locks.RequireTx] on the path of a write.
//
// Not locked although a group gave the membership: the role in a team (field "role"),
// which stays as somebody sets it (D1). Nor is a role in the organisation that is the
// settings' default and no group's.
func (l *Locks) Check(ctx context.Context, tenantID string, r Resource, field string, op Op) (Lock, error) {
	return l.CheckTx(ctx, l.cfg.Store, tenantID, r, field, op)
}

// CheckTx is Check within a transaction of the host's.
func (l *Locks) CheckTx(ctx context.Context, tx store.Store, tenantID string, r Resource, field string, op Op) (Lock, error) {
	list, err := l.checkAll(ctx, tx, tenantID, []Change{{Resource: r, Field: field, Op: op}}, true)
	if err != nil {
		return Lock{}, err
	}
	return list[0], nil
}

// MaxChanges is how many changes one call takes.
const MaxChanges = 1000

// CheckAll is Check for a table or a request: it returns a lock for each change, in their order. It
// takes a number of reads that does not depend on how many there are, if the store is a
// [store.LockReader] and a [store.PeopleReader]. Lists do not say since when groups gave
// something. More than [MaxChanges] is an error.
func (l *Locks) CheckAll(ctx context.Context, tenantID string, changes []Change) ([]Lock, error) {
	return l.CheckAllTx(ctx, l.cfg.Store, tenantID, changes)
}

// CheckAllTx is CheckAll within a transaction of the host's.
func (l *Locks) CheckAllTx(ctx context.Context, tx store.Store, tenantID string, changes []Change) ([]Lock, error) {
	return l.checkAll(ctx, tx, tenantID, changes, false)
}

// Refused is a change that is locked.
type Refused struct {
	Change Change `json:"change"`
	Lock   Lock   `json:"lock"`
	// Index is the place of the change in what was asked.
	Index int `json:"index"`
}

// Split is for bulk operations, which do what they may and say what they left: it returns the
// places of the changes that are allowed, and those that are locked with the reasons, each in
// their order. It reads as [Locks.CheckAll] does.
func (l *Locks) Split(ctx context.Context, tenantID string, changes []Change) (allowed []int, refused []Refused, err error) {
	return l.SplitTx(ctx, l.cfg.Store, tenantID, changes)
}

// SplitTx is Split within a transaction of the host's. What it allows is exact only after
// [HoldTx] in the same transaction.
func (l *Locks) SplitTx(ctx context.Context, tx store.Store, tenantID string, changes []Change) (allowed []int, refused []Refused, err error) {
	list, err := l.checkAll(ctx, tx, tenantID, changes, false)
	if err != nil {
		return nil, nil, err
	}
	for i, lock := range list {
		if lock.Locked {
			refused = append(refused, Refused{Change: changes[i], Lock: lock, Index: i})
		} else {
			allowed = append(allowed, i)
		}
	}
	return allowed, refused, nil
}

// RequireTx is for the path of a write: within the host's transaction it returns a
// [LockedError] if one of the changes is locked, and nil if they may be done. It is exact: it
// calls [HoldTx], so that nothing becomes locked between the answer and the commit. Call it
// before the transaction's own writes, and let its error undo them.
func (l *Locks) RequireTx(ctx context.Context, tx store.Store, tenantID string, changes ...Change) error {
	if err := HoldTx(ctx, tx, tenantID); err != nil {
		return err
	}
	list, err := l.checkAll(ctx, tx, tenantID, changes, len(changes) == 1)
	if err != nil {
		return err
	}
	return refusedOf(changes, list)
}

// HoldTx lets nothing be provisioned in the tenant until the transaction ends: what an engine
// does waits, or this call waits for the engine. A database that runs transactions side by side would
// otherwise let a sync give a membership between a look at its lock and the host's own
// write. A tenant without a directory is not held. The error matches [store.ErrStale] if an engine was
// faster again and again; begin the transaction anew.
func HoldTx(ctx context.Context, tx store.Store, tenantID string) error {
	list, err := tx.Directories(ctx, tenantID)
	if err != nil || len(list) == 0 {
		return err
	}
	for attempt := 1; ; attempt++ {
		err := lockTenant(ctx, tx, tenantID)
		if !errors.Is(err, errBusy) || attempt == 20 {
			return err
		}
	}
}

func (l *Locks) checkAll(ctx context.Context, tx store.Store, tenantID string, changes []Change, since bool) ([]Lock, error) {
	if len(changes) > MaxChanges {
		return nil, fmt.Errorf("provisioning: expected at most %d changes in one call, got %d", MaxChanges, len(changes))
	}
	for _, c := range changes {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	r := &lockReader{locks: l, tx: tx, tenantID: tenantID, now: l.cfg.Now(), since: since}
	return r.read(ctx, changes)
}

func (c Change) check() error {
	switch c.Resource.Kind {
	case ResourceUser, ResourceTeam, ResourceMembership, ResourceOrgRole:
	default:
		return fmt.Errorf("provisioning: expected a resource of kind user, team, membership or org_role, got %q", short(string(c.Resource.Kind)))
	}
	switch c.Op {
	case OpCreate, OpUpdate, OpDelete:
		return nil
	}
	return fmt.Errorf("provisioning: expected an operation create, update or delete, got %q", short(string(c.Op)))
}

// manages says whether the field is one of the directory's. Case does not matter, since
// decoders of JSON do not look at it either.
func (c *LocksConfig) manages(field string) bool {
	return slices.ContainsFunc(c.UserFields, func(f string) bool {
		return sameField(f, field) || strings.EqualFold(f, c.PhoneField) && c.isPhone(field)
	}) ||
		slices.ContainsFunc(c.Fields, func(f string) bool { return f != tenant.FieldPhone && means(f, field) })
}

// isPhone says whether the field is the telephone number, by the host's name or the SCIM attribute's.
func (c *LocksConfig) isPhone(field string) bool {
	return sameField(c.PhoneField, field) || sameField(tenant.FieldPhone, field)
}

// sameField says whether a field is the other one, or a part of it.
func sameField(whole, field string) bool {
	if strings.EqualFold(whole, field) {
		return true
	}
	i := strings.IndexAny(field, ".[:")
	return i > 0 && strings.EqualFold(whole, field[:i])
}

// directoryState says whether a directory provisions, and leaves phone numbers to people.
func directoryState(ctx context.Context, tx store.Store, tenantID string) (on, phoneFree bool, err error) {
	list, err := tx.Directories(ctx, tenantID)
	for _, d := range list {
		on = on || d.Enabled
	}
	return on, phoneFreeIn(list), err
}

// phoneFreeIn says whether people may change their own phone numbers.
func phoneFreeIn(list []store.Directory) bool {
	return slices.ContainsFunc(list, func(d store.Directory) bool { return d.Enabled && d.Preferences.PhoneEditable })
}
