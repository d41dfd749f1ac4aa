package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// Types and kinds of events that other packages write. A test holds them to what those packages say.
const (
	subjectSCIMUser   = "scim_user"
	subjectConnection = "connection"
	subjectAccount    = "account"

	scimUserPrefix        = "scim.user."
	scimUserDeleted       = "scim.user.deleted"
	provisioningPrefix    = "provisioning."
	accountDeactivated    = provisioningPrefix + "account.deactivate"
	accountSessionsToEnd  = provisioningPrefix + "account.end_sessions"
	connectionUnlinkedAll = "connection.identities_removed"
	codeSessionsKept      = "sessions_kept"
)

// maxAddresses is how many addresses of a provisioned user are looked up.
const maxAddresses = 100

// rule tells which sessions are over by an event.
type rule func(ctx context.Context, tx store.Store, tenantID string, ev store.Event) ([]Revocation, error)

// ruleFor returns the rule for an event, nil for one that ends no session, as most don't.
func (r *Revoker) ruleFor(ev store.Event) rule {
	switch {
	case ev.Subject.Kind == subjectSCIMUser && strings.HasPrefix(ev.Type, scimUserPrefix):
		if tellsInactive(ev) {
			return r.directoryEnded
		}
	case ev.Type == accountDeactivated, ev.Type == accountSessionsToEnd:
		return accountEnded
	case ev.Type == tenant.EventEndSessions:
		return sessionsToEnd
	case ev.Type == EventSignIn:
		return r.signedInMeanwhile
	case ev.Type == EventUnlinked:
		return identityUnlinked
	case ev.Subject.Kind == subjectConnection:
		switch connectionEnded(ev) {
		case ReasonConnectionOff:
			return connectionOff
		case ReasonConnectionChanged:
			return r.connectionChanged
		case ReasonUnlinked:
			return connectionUnlinked
		}
	}
	return nil
}

// directoryUser is the part of a provisioned user that its events tell and a session depends on.
type directoryUser struct {
	UserName string `json:"userName"`
	Active   *bool  `json:"active"`
	Emails   []struct {
		Value string `json:"value"`
	} `json:"emails"`
}

// readUser takes what it can: a member of another type than expected is left out.
func readUser(doc json.RawMessage) directoryUser {
	var u directoryUser
	_ = json.Unmarshal(doc, &u)
	return u
}

// tellsInactive says whether the user lost access by the event.
func tellsInactive(ev store.Event) bool {
	if len(ev.After) == 0 {
		return ev.Type == scimUserDeleted
	}
	inactive := func(doc json.RawMessage) bool {
		u := readUser(doc)
		return u.Active != nil && !*u.Active
	}
	return inactive(ev.After) && !inactive(ev.Before)
}

// directoryEnded finds the accounts whose sign-in is refused because of a provisioned user that is inactive or deleted:
// the one that provisioning made for it, and those that a sign-in would find by its addresses. A user that is active
// again by now had lost access meanwhile, and its sessions are over all the same.
func (r *Revoker) directoryEnded(ctx context.Context, tx store.Store, tenantID string, ev store.Event) ([]Revocation, error) {
	var out []Revocation
	own, err := tx.AccountOfSCIMUser(ctx, tenantID, ev.Subject.ID)
	switch {
	case err == nil:
		out = append(out, Revocation{TenantID: tenantID, AccountID: own.ID, Reason: ReasonDeactivated})
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	for _, addr := range addressesOf(ev) {
		acct, err := r.cfg.Accounts.AccountByEmail(ctx, tx, tenantID, addr)
		if errors.Is(err, store.ErrNotFound) || err == nil && (!acct.Member || acct.ID == "") {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("oidc: the application's accounts could not be read: %w", err)
		}
		record, err := tx.Account(ctx, tenantID, acct.ID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if record.SCIMUserID == "" { // the account of another provisioned user goes by that one alone
			out = append(out, Revocation{TenantID: tenantID, AccountID: acct.ID, Reason: ReasonDeactivated})
		}
	}
	return out, nil
}

// addressesOf returns the user's addresses before and after the event, each once, with domains in normal form.
func addressesOf(ev store.Event) []string {
	var out []string
	seen := map[string]bool{}
	add := func(s string) {
		addr, ok := parseAddress(s)
		if key := store.Fold(addr.String()); ok && !seen[key] && len(out) < maxAddresses {
			seen[key] = true
			out = append(out, addr.String())
		}
	}
	for _, doc := range []json.RawMessage{ev.After, ev.Before} {
		u := readUser(doc)
		add(u.UserName)
		for _, e := range u.Emails {
			add(e.Value)
		}
	}
	return out
}

// accountEnded is for an account that provisioning took the access from.
func accountEnded(_ context.Context, _ store.Store, tenantID string, ev store.Event) ([]Revocation, error) {
	if ev.Subject.Kind != subjectAccount || ev.Subject.ID == "" {
		return nil, nil
	}
	return []Revocation{{TenantID: tenantID, AccountID: ev.Subject.ID, Reason: ReasonDeactivated}}, nil
}

// sessionsToEnd is for people whose sessions an activation ends: what began before it.
func sessionsToEnd(_ context.Context, _ store.Store, tenantID string, ev store.Event) ([]Revocation, error) {
	e, ok := tenant.ReadEndSessions(ev)
	if !ok {
		return nil, nil
	}
	return []Revocation{{TenantID: tenantID, AccountID: ev.Subject.ID, BeganBefore: e.Before.Add(clockMargin), Reason: ReasonActivated}}, nil
}

// signInEvent is what events about an identity tell, see matcher.event.
type signInEvent struct {
	Connection string `json:"connection"`
	Issuer     string `json:"issuer"`
	Subject    string `json:"subject"`
	Email      string `json:"email"`
	// EmailClaim is the claim that stood for the address; empty where it was email.
	EmailClaim string `json:"emailClaim,omitempty"`
	// Issued is the ID token's iat in Unix seconds, Session the key of its sid, as in logoutEventData.
	Issued  int64  `json:"issued,omitempty"`
	Session string `json:"session,omitempty"`
}

func readSignIn(ev store.Event) signInEvent {
	var s signInEvent
	_ = json.Unmarshal(ev.After, &s)
	return s
}

func (s signInEvent) revocation(tenantID string, ev store.Event, reason string) Revocation {
	return Revocation{
		TenantID: tenantID, ConnectionID: s.Connection, Issuer: s.Issuer, Subject: s.Subject, AccountID: ev.Subject.ID, Reason: reason,
	}
}

// signedInMeanwhile looks once more at what a sign-in relied on. A sign-in reads it before it commits, and a directory or
// an owner may be faster: the session would begin after the event that was to end it, and live on.
func (r *Revoker) signedInMeanwhile(ctx context.Context, tx store.Store, tenantID string, ev store.Event) ([]Revocation, error) {
	s := readSignIn(ev)
	c, err := tx.Connection(ctx, tenantID, s.Connection)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && c.State != store.ConnectionActive:
		return []Revocation{s.revocation(tenantID, ev, ReasonConnectionOff)}, nil
	case err != nil:
		return nil, err
	case c.Issuer != s.Issuer:
		return []Revocation{s.revocation(tenantID, ev, ReasonConnectionChanged)}, nil
	}
	over, err := loggedOutMeanwhile(ctx, tx, tenantID, ev, s)
	if err != nil {
		return nil, err
	}
	if over {
		return []Revocation{s.revocation(tenantID, ev, ReasonBackchannelLogout)}, nil
	}
	emails := []string{s.Email}
	if link, err := tx.Identity(ctx, tenantID, s.Connection, s.Issuer, s.Subject); err == nil {
		emails = append(emails, link.Email)
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	acct, err := r.cfg.Accounts.AccountByID(ctx, tx, tenantID, ev.Subject.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("oidc: the application's accounts could not be read: %w", err)
	}
	m := matcher{tx: tx, conn: store.Connection{Meta: store.Meta{TenantID: tenantID}}}
	err = m.usable(ctx, Account{ID: ev.Subject.ID, Email: acct.Email, Member: true}, emails...)
	if errors.Is(err, ErrDenied) {
		return []Revocation{{TenantID: tenantID, AccountID: ev.Subject.ID, Reason: ReasonDeactivated}}, nil
	}
	return nil, err
}

// recentEvents is how far back, in events about the account and about the connection, a logout is looked for that overtook
// a sign-in.
const recentEvents = 50

// loggedOutMeanwhile says whether the provider ended the session that a sign-in began with before that was committed: the
// logout found no session to end. Both times are the provider's.
func loggedOutMeanwhile(ctx context.Context, tx store.Store, tenantID string, ev store.Event, s signInEvent) (bool, error) {
	if s.Issued <= 0 {
		return false, nil
	}
	for _, subject := range []store.EventSubject{{Kind: subjectAccount, ID: ev.Subject.ID}, {Kind: subjectConnection, ID: s.Connection}} {
		events, err := tx.Events(ctx, tenantID, store.EventQuery{
			Before: ev.Seq, Newest: true, SubjectKind: subject.Kind, SubjectID: subject.ID, Limit: recentEvents,
		})
		if err != nil {
			return false, err
		}
		for _, e := range events {
			var l logoutEventData
			if e.Type != EventLogout || json.Unmarshal(e.After, &l) != nil || l.Connection != s.Connection || l.Issuer != s.Issuer || l.Issued < s.Issued {
				continue
			}
			same := l.Subject == s.Subject
			if l.Session != "" {
				same = l.Session == s.Session || same && s.Session == ""
			}
			if same {
				return true, nil
			}
		}
	}
	return false, nil
}

// identityUnlinked ends what began with the identity. Where it is linked again by now, with the same account or another,
// sessions that began afterwards are in order; then all of the old account's end.
func identityUnlinked(ctx context.Context, tx store.Store, tenantID string, ev store.Event) ([]Revocation, error) {
	s := readSignIn(ev)
	_, err := tx.Identity(ctx, tenantID, s.Connection, s.Issuer, s.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound) && s.Subject != "":
		return []Revocation{s.revocation(tenantID, ev, ReasonUnlinked)}, nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, err
	case ev.Subject.Kind != subjectAccount || ev.Subject.ID == "":
		return nil, nil
	}
	return []Revocation{{TenantID: tenantID, AccountID: ev.Subject.ID, Reason: ReasonUnlinked}}, nil
}

// connectionEnded says why all sessions of a connection are over by an event about it, "" if they are not. It looks at
// the record before and after rather than at the event's type, so that a host's own tools may name theirs as they like.
func connectionEnded(ev store.Event) string {
	if ev.Type == connectionUnlinkedAll {
		return ReasonUnlinked
	}
	var before, after store.Connection
	_ = json.Unmarshal(ev.Before, &before)
	_ = json.Unmarshal(ev.After, &after)
	switch {
	case before.State != store.ConnectionActive && before.State != store.ConnectionSuspended:
		return "" // nobody could sign in; or it is no connection's record
	case ev.Code == codeSessionsKept && after.State == store.ConnectionSuspended:
		return "" // whoever suspended it chose so
	case before.State == store.ConnectionActive && after.State != store.ConnectionActive:
		return ReasonConnectionOff
	case after.State != "" && (after.Issuer != before.Issuer || after.ClientID != before.ClientID):
		return ReasonConnectionChanged
	}
	return ""
}

func connectionOff(_ context.Context, _ store.Store, tenantID string, ev store.Event) ([]Revocation, error) {
	return []Revocation{{TenantID: tenantID, ConnectionID: ev.Subject.ID, Reason: ReasonConnectionOff}}, nil
}

func connectionUnlinked(_ context.Context, _ store.Store, tenantID string, ev store.Event) ([]Revocation, error) {
	return []Revocation{{TenantID: tenantID, ConnectionID: ev.Subject.ID, Reason: ReasonUnlinked}}, nil
}

// connectionChanged drops the connection's links as well: a subject means nobody in particular at
// another provider, nor at some providers for another client.
func (r *Revoker) connectionChanged(ctx context.Context, tx store.Store, tenantID string, ev store.Event) ([]Revocation, error) {
	dropped := r.systemEvent(EventLinksDropped, store.EventSubject{Kind: subjectConnection, ID: ev.Subject.ID, Name: ev.Subject.Name})
	dropped.Message = "The connection leads to another provider or client. People are linked anew when they sign in."
	if _, err := tx.DeleteIdentitiesOfConnection(ctx, tenantID, ev.Subject.ID, dropped); err != nil {
		return nil, err
	}
	return []Revocation{{TenantID: tenantID, ConnectionID: ev.Subject.ID, Reason: ReasonConnectionChanged}}, nil
}
