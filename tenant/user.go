package tenant

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

const (
	// UsersLimit is how many users [Service.AssociatedUsers] returns unless the query says otherwise.
	UsersLimit = 50

	// usersScan is how many people one call looks at, so that a filter which fits nobody can't keep a large tenant busy.
	usersScan = 5000
	// usersBatch is how many are read at a time for a filter.
	usersBatch = 500
	// maxUserSearch is the longest search, in bytes.
	maxUserSearch = 256
)

// AssociatedUser is a person of a tenant, whichever ways they came: one line, also for somebody with two sources.
type AssociatedUser struct {
	// AccountID is the host's own ID of the account or invitation; empty for somebody who was provisioned and has no account.
	AccountID string
	// SCIMUserID, ExternalID and UserName are those of the provisioned user; empty for a person whom no directory has, or has
	// any more.
	SCIMUserID, ExternalID, UserName string
	Email, Name                      string
	// Sources are how the person came (R74): at least one, the one of tenantgate's record first.
	Sources []store.AccountSource
	State   UserState
	// Identities are the person's at identity providers, oldest link first.
	Identities []UserIdentity
	// LastSync is when the directory last changed the person; for one whom it deleted, when it did. LastSignIn is the last
	// sign-in at a provider. Zero for never.
	LastSync, LastSignIn time.Time
	// DirectoryActive is what the directory says; false for somebody whom no directory has.
	DirectoryActive bool
	// Lock says who manages the person's name, address and memberships, nil if the host itself does. What exactly can't be
	// changed by hand, package provisioning's Locks tell.
	Lock *UserLock
	// EmailUnproven says that the account was made for an address that nobody proved.
	EmailUnproven bool
	// Root marks the account that created the organisation, BreakGlass one that may sign in without the provider.
	Root, BreakGlass bool
}

// UserIdentity is a person's at an identity provider.
type UserIdentity struct {
	ConnectionID, Connection string // ID and name
	Issuer, Subject          string
	Email                    string
	LastSignInAt             time.Time
}

// UserLock says which directory manages a person.
type UserLock struct {
	// DirectoryID and ConnectionID are empty where a tenant has several directories and nobody signed in yet to tell whose the
	// person is.
	DirectoryID, ConnectionID string
	// Manager is what the owner calls the provider, or its address.
	Manager string
	// Enabled says that the directory is switched on.
	Enabled bool
	// Message explains it to a person.
	Message string
}

// UserQuery selects people of a tenant. Conditions that are empty select all.
type UserQuery struct {
	// Source selects people one of whose sources it is.
	Source store.AccountSource
	State  UserState
	// ConnectionID selects people who have signed in at the connection or whom its directory manages, DirectoryID those whom
	// the directory manages.
	ConnectionID, DirectoryID string
	// Search is the beginning of an address, a user name or a word of a name, whatever its case.
	Search string
	// After continues after a page: its Next. Empty begins.
	After string
	// Limit is the most people to return. Zero means [UsersLimit], more than [store.MaxLimit] means that.
	Limit int
}

// UserPage is a part of a tenant's people: those with an account in byte order of its ID, then provisioned ones without an
// account in that of theirs.
type UserPage struct {
	Users []AssociatedUser
	// Next is the After of the next page, empty when there is none. With conditions a page may have fewer people than the
	// limit, or none, and still a next one: a call looks at a bounded number of people, those who have no account included.
	Next string
}

// AssociatedUsers lists the people of a tenant (R73): linked, invited, made at sign-in, provisioned and converted ones, those
// who were suspended too. Whoever exists during a whole walk is on it exactly once, whatever others change meanwhile, unless
// they get or lose their account between two pages.
//
// A page costs the same wherever it is in the list and however large the tenant, with a handful of reads. Config.Users adds the host's own
// accounts. Without it, people whom a sign-in linked to an account that was there before come last, in the order of their
// links, and only from a store that is a [store.PeopleReader]; invitations are not known.
func (s *Service) AssociatedUsers(ctx context.Context, actor Actor, tenantID string, q UserQuery) (UserPage, error) {
	if err := s.allow(ctx, actor, ActionViewUsers, tenantID); err != nil {
		return UserPage{}, err
	}
	at, findings := q.parse()
	if err := refuse(findings); err != nil {
		return UserPage{}, err
	}
	w, err := s.walkUsers(ctx, tenantID)
	if err != nil {
		return UserPage{}, err
	}
	var page UserPage
	limit := q.limit()
	for seen := 0; seen < usersScan; {
		n := limit + 1 - len(page.Users) // one more tells whether there is a next page
		if q.narrows() {
			n = usersBatch
		}
		b, err := w.read(ctx, at, n)
		if err != nil {
			return UserPage{}, err
		}
		for i := range b.users {
			if !q.selects(&b.users[i]) {
				continue
			}
			if len(page.Users) == limit {
				return page, nil
			}
			page.Users = append(page.Users, b.users[i])
			page.Next = b.at[i].String()
		}
		if b.next.end() {
			page.Next = ""
			return page, nil
		}
		seen += max(b.looked, 1)
		at = b.next
	}
	if len(page.Users) < limit {
		page.Next = at.String()
	}
	return page, nil
}

// UserCounts is how many people a tenant has.
type UserCounts struct {
	Total   int
	ByState map[UserState]int
	// BySource counts somebody with two sources at both.
	BySource map[store.AccountSource]int
	// Exact says that these are all; otherwise there are at least so many.
	Exact bool
}

// CountAssociatedUsers counts the people that [Service.AssociatedUsers] lists. It reads them all, up to 50,000, and so is for a
// page that somebody opens, not for every request.
func (s *Service) CountAssociatedUsers(ctx context.Context, actor Actor, tenantID string) (UserCounts, error) {
	if err := s.allow(ctx, actor, ActionViewUsers, tenantID); err != nil {
		return UserCounts{}, err
	}
	w, err := s.walkUsers(ctx, tenantID)
	if err != nil {
		return UserCounts{}, err
	}
	c := UserCounts{ByState: map[UserState]int{}, BySource: map[store.AccountSource]int{}, Exact: true}
	for at := firstUser(); !at.end() && c.Exact; {
		b, err := w.read(ctx, at, store.MaxLimit)
		if err != nil {
			return UserCounts{}, err
		}
		for i := range b.users {
			c.Total++
			c.ByState[b.users[i].State]++
			for _, source := range b.users[i].Sources {
				c.BySource[source]++
			}
		}
		at = b.next
		c.Exact = at.end() || c.Total < maxCounted
	}
	return c, nil
}

// maxCounted is how many people are counted.
const maxCounted = 50_000

func (q UserQuery) limit() int {
	if q.Limit <= 0 {
		return UsersLimit
	}
	return min(q.Limit, store.MaxLimit)
}

// narrows says whether there is a condition.
func (q UserQuery) narrows() bool {
	return q.Source != "" || q.State != "" || q.ConnectionID != "" || q.DirectoryID != "" || strings.TrimSpace(q.Search) != ""
}

func (q UserQuery) parse() (userCursor, []Finding) {
	var findings []Finding
	oneOf := func(field, got string, all ...string) {
		if got != "" && !slices.Contains(all, got) {
			f := errorFinding(field, CodeFilterInvalid, "%s is nothing to select people by.", shown(got)).got(shown(got))
			f.Expected = strings.Join(all, ", ")
			findings = append(findings, f)
		}
	}
	oneOf(FieldUserSource, string(q.Source), string(store.SourceManual), string(store.SourceInvitation), string(store.SourceOIDC), string(store.SourceSCIM), string(store.SourceConverted))
	oneOf(FieldUserState, string(q.State), string(UserActive), string(UserSuspended), string(UserInvited), string(UserPending))
	if len(q.Search) > maxUserSearch {
		findings = append(findings, errorFinding(FieldUserSearch, CodeTooLong, "Search for at most %d characters.", maxUserSearch))
	}
	at, ok := parseUserCursor(q.After)
	if !ok {
		findings = append(findings, errorFinding(FieldUserAfter, CodeCursorInvalid, "This page can't be found. Begin at the first one.").got(shown(q.After)))
	}
	return at, findings
}

func (q UserQuery) selects(u *AssociatedUser) bool {
	managed := func(id func(*UserLock) string, want string) bool { return u.Lock != nil && id(u.Lock) == want }
	switch {
	case q.Source != "" && !slices.Contains(u.Sources, q.Source),
		q.State != "" && u.State != q.State,
		q.DirectoryID != "" && !managed(func(l *UserLock) string { return l.DirectoryID }, q.DirectoryID):
		return false
	case q.ConnectionID != "" && !managed(func(l *UserLock) string { return l.ConnectionID }, q.ConnectionID) &&
		!slices.ContainsFunc(u.Identities, func(i UserIdentity) bool { return i.ConnectionID == q.ConnectionID }):
		return false
	}
	return u.found(store.Fold(strings.TrimSpace(q.Search)))
}

// found says whether an address, the user name, the whole name or a word of it begins with the text, which is folded.
func (u *AssociatedUser) found(text string) bool {
	if text == "" {
		return true
	}
	starts := func(s string) bool { return strings.HasPrefix(store.Fold(s), text) }
	return starts(u.Email) || starts(u.UserName) || starts(u.Name) || slices.ContainsFunc(strings.Fields(u.Name), starts) ||
		slices.ContainsFunc(u.Identities, func(i UserIdentity) bool { return starts(i.Email) })
}

// userCursor is a place in the list: after the ID in one of its parts.
type userCursor struct {
	part  userPart
	after string
}

// userPart is a part of the list.
type userPart byte

const (
	partAccounts userPart = 'a' // in order of the account's ID
	partSCIM     userPart = 's' // provisioned users without an account
	partLinks    userPart = 'l' // accounts that nothing but a link tells of
	partEnd      userPart = 'e'
)

func firstUser() userCursor { return userCursor{part: partAccounts} }

func (c userCursor) end() bool { return c.part == partEnd }

// String is the cursor as callers keep it.
func (c userCursor) String() string {
	return string(rune(c.part)) + base64.RawURLEncoding.EncodeToString([]byte(c.after))
}

// maxCursor bounds what is decoded; IDs are the host's.
const maxCursor = 4096

func parseUserCursor(s string) (userCursor, bool) {
	if s == "" {
		return firstUser(), true
	}
	if len(s) > maxCursor {
		return userCursor{}, false
	}
	c := userCursor{part: userPart(s[0])}
	after, err := base64.RawURLEncoding.DecodeString(s[1:])
	c.after = string(after)
	return c, err == nil && (c.part == partAccounts || c.part == partSCIM || c.part == partLinks)
}

// lockMessage is what stands beside a lock.
func lockMessage(manager string, enabled bool) string {
	if !enabled {
		return fmt.Sprintf("Managed by %s, whose provisioning is switched off: nothing is updated until an owner switches it on.", manager)
	}
	return fmt.Sprintf("Managed by %s. Name, e-mail and team membership come from your identity provider. Change them there; the next sync updates this page.", manager)
}
