package tenant

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// EndingKind says what an [Ending] ends.
type EndingKind string

// The kinds of endings.
const (
	// EndingSuspend stops sign-in at all of a tenant's connections. Directories can only take access away. It is undone by
	// [Service.ResumeTenant].
	EndingSuspend EndingKind = "suspend"
	// EndingDowngrade is a plan that does not include any more what the tenant uses; see [Service.SignInGate]. Applying it
	// begins the grace: the host changes what its Entitlements answer along with it.
	EndingDowngrade EndingKind = "downgrade"
	// EndingRemove removes everything that is stored for the tenant, apart from its journal. The host's accounts stay.
	EndingRemove EndingKind = "remove"
)

// Offer is what people who lose every way in are given instead, by the host ([People]).
type Offer string

// The offers.
const (
	OfferNothing       Offer = ""
	OfferPasswordReset Offer = "password_reset" // a link with which they choose a password
	OfferInvitation    Offer = "invitation"     // an invitation, as for somebody new
)

// Ending is what is to become of a tenant's sign-on as a whole, or of one connection. [Service.PlanEnding] shows what it
// means for whom, [Service.ApplyEnding] does it.
type Ending struct {
	Kind EndingKind `json:"kind"`
	// ConnectionID makes it the ending of this connection alone: EndingSuspend suspends one that is active, EndingRemove
	// deletes one that is not in force. Offers are made with the suspension, which comes before; teams and roles stay. Empty
	// means the whole tenant.
	ConnectionID string `json:"connectionId,omitempty"`
	// Reason goes into the journal, for people to read. Optional.
	Reason string `json:"reason,omitempty"`
	// Left is what the plan includes afterwards, for EndingDowngrade.
	Left Included `json:"left,omitzero"`
	// KeepSessions lets sessions go on that began at the tenant's connections. By default they end at once. A sign-in that
	// is under way at that moment ends either way. It means nothing for EndingDowngrade, which ends no session.
	KeepSessions bool `json:"keepSessions,omitempty"`
	// TakeMemberships takes the teams and roles that groups gave, for EndingRemove. By default people keep them, as if
	// somebody had given them by hand. It needs Config.Releaser.
	TakeMemberships bool `json:"takeMemberships,omitempty"`
	// Offer is for the people who lose every way in. Other than OfferNothing it needs Config.People.
	Offer Offer `json:"offer,omitempty"`
	// Confirm does it although every owner that is known loses every way in.
	Confirm bool `json:"confirm,omitempty"`
	// Unplanned suspends without a plan, for an emergency such as a provider in wrong hands: nobody is asked whom it
	// concerns, neither the host nor the list of people, so that it takes the same short time however many they are. It is
	// for EndingSuspend, implies Confirm, and is told in the journal. Offers are made all the same.
	Unplanned bool `json:"unplanned,omitempty"`
}

// People is what the host knows of its people, and does for them, when a tenant's sign-on ends.
type People interface {
	// People returns what the host knows about these accounts (at most store.MaxLimit), in any order; those that the
	// tenant does not have are absent.
	People(ctx context.Context, tenantID string, accountIDs []string) ([]Person, error)

	// OfferWayIn gives a person who loses every way in another one. It runs in the transaction in which that is recorded;
	// a host that queues its mails in the same database writes them through tx, and each goes out once. An error undoes
	// that part of the work, which is tried again.
	OfferWayIn(ctx context.Context, tx store.Store, tenantID string, p Person, o Offer) error
}

// Person is one of the host's accounts.
type Person struct {
	AccountID string
	Email     string
	// Active says that the account may be used.
	Active bool
	// Owner says that it has the organisation's highest role, Root that it made the organisation.
	Owner, Root bool
	// LocalCredential says that it can sign in without a provider: with a password, for example.
	LocalCredential bool
}

// Releaser lets go of what directories manage in the host. Package provisioning has one.
type Releaser interface {
	// Release is called once for each account that a directory manages or has given something, and for the teams of groups,
	// in the transaction in which the records about it are removed. It changes the host alone: not the ledger. An error
	// undoes that part of the work, which is tried again; one that matches store.ErrStale, at once.
	Release(ctx context.Context, tx store.Store, r Release) error
}

// Release is what a [Releaser] lets go of.
type Release struct {
	TenantID string
	// AccountID is empty for teams that were made for groups.
	AccountID string
	// Grants are the lines of the ledger about it. With Take what they gave is taken away again, as far as nobody gave it by
	// hand; otherwise it stays.
	Grants []store.Grant
	Take   bool
	// EndAccess ends the account's access: the directory took it, and nobody has done so in the host yet.
	EndAccess bool
}

// Effect is what an ending means for a person's way in.
type Effect string

// The effects.
const (
	EffectNone    Effect = "none"    // nothing changes: the person has no access, or never signed in at a provider
	EffectKeeps   Effect = "keeps"   // the person can sign in without the provider, or at another connection
	EffectLoses   Effect = "loses"   // the person loses every way in
	EffectLater   Effect = "later"   // the person loses it when the plan's grace is over
	EffectUnknown Effect = "unknown" // the host does not tell whether there is another way in
)

// PersonEffect is what an ending means for one person.
type PersonEffect struct {
	AccountID string              `json:"accountId"`
	Email     string              `json:"email,omitempty"`
	Source    store.AccountSource `json:"source,omitempty"` // empty for an account that is known by its sign-ins alone
	Effect    Effect              `json:"effect"`
	Owner     bool                `json:"owner,omitempty"`
	Root      bool                `json:"root,omitempty"`
	// BreakGlass says that the address may sign in without the provider while that is enforced.
	BreakGlass bool `json:"breakGlass,omitempty"`
	// Unlocked says that the directory manages the account no more: what was locked can be changed by hand.
	Unlocked bool `json:"unlocked,omitempty"`
	// Grants is how many teams and roles groups gave; Taken says that they are taken.
	Grants int  `json:"grants,omitempty"`
	Taken  bool `json:"taken,omitempty"`
	// Offered is what the person is given instead.
	Offered Offer `json:"offered,omitempty"`
}

// EndedRecord is a connection, directory, API key or domain that an ending changes.
type EndedRecord struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// From and To are its state before and after: "active", "suspended", "on", "takes away only", "off", "in force",
	// "held", "free", "removed", "deleted" or another state of a connection.
	From string `json:"from"`
	To   string `json:"to"`
}

// EndingTotals count people.
type EndingTotals struct {
	People int            `json:"people"`
	By     map[Effect]int `json:"by"`
	// Owners are those among People, OwnersLose those of them who lose every way in.
	Owners     int `json:"owners"`
	OwnersLose int `json:"ownersLose"`
	BreakGlass int `json:"breakGlass"`
	Unlocked   int `json:"unlocked"`
	Grants     int `json:"grants"`
	Offered    int `json:"offered"`
}

// MaxEndingPeople is how many people a plan names, first those who lose every way in, then owners. Totals and the hash are
// about all.
const MaxEndingPeople = 200

// EndingPlan is what an [Ending] would do now, or was begun to do. It is computed from a snapshot by a function without
// side effects.
type EndingPlan struct {
	TenantID    string        `json:"tenantId"`
	Ending      Ending        `json:"ending"`
	Connections []EndedRecord `json:"connections,omitempty"`
	Directories []EndedRecord `json:"directories,omitempty"`
	APIKeys     []EndedRecord `json:"apiKeys,omitempty"`
	Domains     []EndedRecord `json:"domains,omitempty"`
	// People are the first [MaxEndingPeople] who matter most.
	People []PersonEffect `json:"people,omitempty"`
	Totals EndingTotals   `json:"totals"`
	// Removes is how many records of each kind go, for EndingRemove.
	Removes map[store.RecordKind]int `json:"removes,omitempty"`
	// SignInUntil is when those who have signed in before can't any more, after a downgrade; zero for never.
	SignInUntil time.Time `json:"signInUntil,omitzero"`
	// Findings are what stands in the way, and what should be known.
	Findings []Finding `json:"findings,omitempty"`
	// Hash stands for all that the plan shows. [Service.ApplyEnding] quotes it.
	Hash string `json:"hash"`

	version int64 // of the one connection that ends
	// records stands for what the plan shows and did not ask people or the host for: it is looked at again in the
	// transaction that begins the ending.
	records string
}

// Ready says that nothing stands in the way.
func (p EndingPlan) Ready() bool { return !hasError(p.Findings) }

// StaleEndingError says that an ending would now do something else than was shown. It matches [store.ErrStale], and has the
// code plan_stale.
type StaleEndingError struct {
	// Plan is the present one, to be shown and quoted instead.
	Plan EndingPlan
}

// Error says what to do.
func (e *StaleEndingError) Error() string { return e.refusal().Error() }

// Unwrap gives the refusal with its code.
func (e *StaleEndingError) Unwrap() error { return e.refusal() }

func (e *StaleEndingError) refusal() *Error {
	return &Error{Code: ErrorCodePlanStale, Message: "Something changed since this plan was shown. Look at the new one, and confirm that.", kind: store.ErrStale}
}

// Codes of findings about an [Ending].
const (
	CodeEndingInvalid    = "ending_invalid"    // no such kind, offer or choice
	CodeOwnersLockedOut  = "owners_locked_out" // no owner that is known has another way in
	CodePeopleLockedOut  = "people_locked_out" // people lose every way in
	CodePeopleUnknown    = "people_unknown"    // the host does not tell who has another way in
	CodeDirectoryStops   = "directory_stops"   // a directory will deprovision nobody any more
	CodeOfferUnsupported = "offer_unsupported" // Config.People is missing
	CodeTakeUnsupported  = "take_unsupported"  // Config.Releaser is missing
	CodePlanGoesOn       = "sign_in_goes_on"   // after a downgrade, for a while
	CodeNothingToEnd     = "nothing_to_end"    // nothing changes
	CodeEnforcementEnds  = "enforcement_ends"  // sign-in at the provider is not the only way any more
	FieldEnding          = "ending"            // Finding.Field of all of them but of a reason
	FieldEndingReason    = "reason"
	maxReason            = 500               // characters
	sessionsKept         = "sessions_kept"   // Event.Code: package oidc ends no session by such an event
	endedTakesAway       = "takes away only" // EndedRecord.To of a directory
	endedRemoved         = "removed"         // EndedRecord.To of what goes
)
