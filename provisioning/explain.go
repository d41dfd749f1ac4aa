package provisioning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Explanation is all that is known about one person, as [Engine.Explain] returns it:
// who it is, where that comes from, and why the person has which rights.
type Explanation struct {
	AccountID string `json:"accountId"`
	// Person names the person for people.
	Person string `json:"person"`
	// Root says that the account created the organisation: directories leave it alone.
	Root bool `json:"root,omitempty"`
	// Account is what the ledger of accounts has; Source is empty for an account that came by hand.
	Account store.Account `json:"account"`
	// Active says that the application lets the account in. InApplication is false where the
	// application does not have the account any more.
	Active        bool `json:"active"`
	InApplication bool `json:"inApplication"`
	// Identities are the sign-ins that belong to the account, in order of their IDs.
	Identities []store.Identity `json:"identities,omitempty"`
	// Directory is the provisioned user; nil if no directory has one for this account.
	Directory *DirectoryUser `json:"directory,omitempty"`
	// Attributes are the account's, each with where it comes from, in a fixed order.
	Attributes []ExplainedAttribute `json:"attributes,omitempty"`
	// OrgRole is the role in the organisation, Teams those in teams, by name.
	OrgRole ExplainedRight   `json:"orgRole"`
	Teams   []ExplainedRight `json:"teams,omitempty"`
	// Groups are the groups of the directory that the person is in, by name.
	Groups []ExplainedGroup `json:"groups,omitempty"`
	// Values are those of the attribute roles and of claims that count for the person, in order. What the
	// identity provider said at sign-ins, whether it counts or not, is in Account.Claims.
	Values []ExplainedValue `json:"values,omitempty"`
	// Lock says what may not be changed by hand about the user as a whole.
	Lock Lock `json:"lock,omitzero"`
	// Findings are what the rules leave undone for this person now.
	Findings []Finding `json:"findings,omitempty"`
	// Pending are the lines of what the next sync does to this person, or what a pause holds back.
	Pending []Line `json:"pending,omitempty"`
	// Open is what the application refused for this person and is tried again; nil if nothing.
	Open *store.Event `json:"open,omitempty"`
	// Deletion is the deletion of the account that waits; nil if none does. See
	// [Engine.CancelAccountDeletion].
	Deletion *PlannedAccountDeletion `json:"deletion,omitempty"`
	// LastSync is when a directory was last heard of; zero if none ever was.
	LastSync time.Time `json:"lastSync,omitzero"`
}

// DirectoryUser is the provisioned user of an account.
type DirectoryUser struct {
	SCIMUserID string `json:"scimUserId"`
	ExternalID string `json:"externalId,omitempty"`
	UserName   string `json:"userName"`
	Active     bool   `json:"active"`
	// Since and UpdatedAt are when the directory made and last wrote the user.
	Since     time.Time `json:"since"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// AttributeSource says who an attribute of a person comes from.
type AttributeSource string

// The sources of attributes.
const (
	AttributeDirectory AttributeSource = "directory" // the directory wrote it
	AttributeUser      AttributeSource = "user"      // the person changed it, or the tenant leaves it to its people
	AttributeSignIn    AttributeSource = "sign_in"   // the identity provider said so at a sign-in
	AttributeHost      AttributeSource = "host"      // the application has it by itself
)

// ExplainedAttribute is an attribute of a person with its source.
type ExplainedAttribute struct {
	// Name is email, userName, externalId, displayName, givenName, familyName or phone.
	Name   string          `json:"name"`
	Value  string          `json:"value"`
	Source AttributeSource `json:"source"`
}

// Explain tells all that is known about the account, rights with their reasons included. It
// reads what a sync of this person reads, and changes nothing; the number of reads does not
// grow with the groups and teams that the person is in. What happened to the person is in
// [Engine.Timeline].
//
// The error matches [store.ErrNotFound] if the tenant has no such account. The actor needs
// [tenant.ActionViewUsers].
func (e *Engine) Explain(ctx context.Context, actor tenant.Actor, tenantID, accountID string) (Explanation, error) {
	if err := tenant.Allow(ctx, e.cfg.Authorizer, actor, tenant.ActionViewUsers, tenantID); err != nil {
		return Explanation{}, err
	}
	var out Explanation
	err := e.cfg.Store.InTx(ctx, func(tx store.Store) (err error) {
		out, err = e.explain(ctx, tx, tenantID, accountID)
		return err
	})
	return out, err
}

func (e *Engine) explain(ctx context.Context, tx store.Store, tenantID, accountID string) (Explanation, error) {
	snap, x, err := e.explained(ctx, tx, tenantID, accountID)
	if err != nil {
		return Explanation{}, err
	}
	out := Explanation{AccountID: accountID, Root: accountID == snap.rootID, Account: *x.record, Person: cmp.Or(x.profile.label(), x.record.Email)}
	if x.host != nil {
		out.InApplication, out.Active = true, x.host.Active
		out.Person = cmp.Or(out.Person, x.host.Email)
	}
	out.Person = cmp.Or(out.Person, accountID)
	if u := x.user; u != nil {
		out.Directory = &DirectoryUser{SCIMUserID: u.ID, ExternalID: u.ExternalID, UserName: u.UserName, Active: u.Active, Since: u.CreatedAt, UpdatedAt: u.UpdatedAt}
	}
	if out.Identities, err = tx.IdentitiesOf(ctx, tenantID, accountID); err != nil {
		return Explanation{}, err
	}
	out.Attributes = attributesOf(x, out.Identities, e.ownFields(snap, x))
	directories, err := tx.Directories(ctx, tenantID)
	if err != nil {
		return Explanation{}, err
	}
	for _, d := range directories {
		if d.LastRequestAt.After(out.LastSync) {
			out.LastSync = d.LastRequestAt
		}
	}
	plan := compute(snap)
	out.explainRights(snap, x, &plan)
	out.findings(&plan, x)
	if err := out.explainLocks(ctx, tx, tenantID, e); err != nil {
		return Explanation{}, err
	}
	if d, waits, err := accountDeletions.of(ctx, tx, tenantID, accountID); err != nil {
		return Explanation{}, err
	} else if waits {
		out.Deletion = &d
	}
	out.Open, err = failureOf(ctx, tx, tenantID, accountID, x.scimUserID)
	return out, err
}

// explained reads the person of an account.
func (e *Engine) explained(ctx context.Context, tx store.Store, tenantID, accountID string) (*snapshot, *person, error) {
	missing := fmt.Errorf("provisioning: the organisation has no account %s: %w", quoted(clip(accountID), ""), store.ErrNotFound)
	if accountID == "" {
		return nil, nil, missing
	}
	l, err := e.newLoader(ctx, tx, tenantID, nil)
	if err != nil {
		return nil, nil, err
	}
	c := newConcern()
	c.inOneRead = true
	c.accounts[accountID] = true
	snap, err := l.load(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(snap.people, func(p person) bool { return p.accountID() == accountID })
	if i < 0 {
		return nil, nil, missing
	}
	x := snap.people[i]
	if x.hostErr != nil {
		return nil, nil, x.hostErr // an account that could not be read is not one that is gone
	}
	if x.record.CreatedAt.IsZero() && (x.host == nil || x.host.OrgRole == "") && len(x.grants) == 0 {
		return nil, nil, missing // neither ours nor a member
	}
	return snap, &x, nil
}

// explainLocks says what may not be changed by hand, of the user and of each right, as Locks does.
func (x *Explanation) explainLocks(ctx context.Context, tx store.Store, tenantID string, e *Engine) error {
	changes := []Change{
		{Resource: Resource{Kind: ResourceUser, AccountID: x.AccountID}, Op: OpUpdate},
		{Resource: Resource{Kind: ResourceOrgRole, AccountID: x.AccountID}, Op: OpUpdate},
	}
	for _, t := range x.Teams {
		changes = append(changes, Change{Resource: Resource{Kind: ResourceMembership, AccountID: x.AccountID, TeamID: t.TeamID}, Op: OpDelete})
	}
	all, err := e.lockedAmong(ctx, tx, tenantID, changes)
	if err != nil {
		return err
	}
	x.Lock, x.OrgRole.Locked = all[0], all[1].Locked
	for i := range x.Teams {
		x.Teams[i].Locked = all[i+2].Locked
	}
	return nil
}

// lockedAmong returns the locks of changes without the names of groups, which an explanation tells anyway, in a number of reads
// that does not grow with them.
func (e *Engine) lockedAmong(ctx context.Context, tx store.Store, tenantID string, changes []Change) ([]Lock, error) {
	locks, err := NewLocks(LocksConfig{Store: tx, Now: e.cfg.Now, Entitlements: e.cfg.Entitlements})
	if err != nil {
		return nil, err
	}
	r := &lockReader{locks: locks, tx: tx, tenantID: tenantID, now: e.cfg.Now(), nameless: true}
	return r.read(ctx, changes)
}

// ownFields are the SCIM attributes of which the person's own value is in force.
func (e *Engine) ownFields(s *snapshot, x *person) map[string]bool {
	f, own := e.cfg.Fields, map[string]bool{}
	if f == nil || x.user == nil {
		return own
	}
	known := f.listen(x.record.Fields, x.heard)
	for _, d := range f.fields {
		_, source := inForceHere(fieldOf(known, d.Name), s.fields.of[d.Name], s.fields.lifted(*x.record, d.Name))
		own[d.Name] = source == FieldFromUser
	}
	return own
}

// attributesOf are the person's attributes with their sources, in a fixed order. own are those of which the person's own
// value is in force.
func attributesOf(x *person, identities []store.Identity, own map[string]bool) []ExplainedAttribute {
	var out []ExplainedAttribute
	add := func(name, value string, source AttributeSource) {
		if value != "" {
			out = append(out, ExplainedAttribute{name, value, source})
		}
	}
	if x.user == nil {
		source := AttributeHost
		email := x.record.Email
		if x.host != nil {
			email = cmp.Or(x.host.Email, email)
		}
		if slices.ContainsFunc(identities, func(i store.Identity) bool { return i.Email != "" && foldEmail(i.Email) == foldEmail(email) }) && x.record.Source == store.SourceOIDC {
			source = AttributeSignIn
		}
		add("email", email, source)
		return out
	}
	p := x.profile
	of := func(attribute string) AttributeSource {
		if own[attribute] || attribute == tenant.FieldPhone && p.KeepPhone {
			return AttributeUser
		}
		return AttributeDirectory
	}
	add("email", p.Email, AttributeDirectory)
	add("userName", p.UserName, AttributeDirectory)
	add("externalId", p.ExternalID, AttributeDirectory)
	add("displayName", p.DisplayName, of(attrDisplayName))
	add("givenName", p.GivenName, of(attrGivenName))
	add("familyName", p.FamilyName, of(attrFamilyName))
	add("phone", p.Phone, of(tenant.FieldPhone))
	return out
}

// findings takes over what the plan says about this person.
func (x *Explanation) findings(plan *Plan, p *person) {
	about := func(accountID, userID string) bool {
		return accountID != "" && accountID == x.AccountID || userID != "" && userID == p.scimUserID
	}
	for _, f := range plan.Findings {
		if about(f.AccountID, f.SCIMUserID) || f.Code == FindingPaused {
			x.Findings = append(x.Findings, f)
		}
	}
	for _, l := range plan.Lines {
		if about(l.AccountID, l.SCIMUserID) && !l.Kind.Informative() {
			x.Pending = append(x.Pending, l)
		}
	}
}

// failureOf is the newest failure of a person that has not gone through since; nil if there is none.
func failureOf(ctx context.Context, tx store.Store, tenantID, accountID, userID string) (*store.Event, error) {
	var out *store.Event
	for _, s := range []store.EventSubject{{Kind: subjectAccount, ID: accountID}, {Kind: subjectUser, ID: userID}} {
		if s.ID == "" {
			continue
		}
		ev, err := lastWork(ctx, tx, tenantID, s)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if ev.Type == EventFailed && (out == nil || ev.Seq > out.Seq) {
			out = &ev
		}
	}
	return out, nil
}
