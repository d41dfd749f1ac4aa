package oidc

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tenantgate/tenantgate/store"
)

// The events of other packages that end sessions, by the names that the journal has for them.
const (
	eventUserUpdated        = "scim.user.updated"
	eventUserDeleted        = "scim.user.deleted"
	eventAccountDeactivated = "provisioning.account.deactivate"
	eventAccountSessions    = "provisioning.account.end_sessions"
	eventConnectionPrefix   = "connection."
	subjectConnection       = "connection"
)

// revocations are the sessions that an event ends.
func (v *Revoker) revocations(ctx context.Context, tx store.Store, tenantID string, e store.Event) ([]Revocation, error) {
	switch e.Type {
	case eventUserUpdated, eventUserDeleted:
		return v.ofUser(ctx, tx, tenantID, e)
	case eventAccountDeactivated, eventAccountSessions:
		if e.Subject.ID == "" {
			return nil, nil
		}
		return []Revocation{{AccountID: e.Subject.ID, Reason: ReasonDeactivated}}, nil
	case EventUnlinked:
		return ofIdentity(e), nil
	}
	if e.Subject.Kind == subjectConnection && len(e.Type) > len(eventConnectionPrefix) && e.Type[:len(eventConnectionPrefix)] == eventConnectionPrefix {
		return ofConnection(e), nil
	}
	return nil, nil
}

// userState is what of a provisioned user says whether, and as whom, somebody may sign in. active is true where it is
// absent (RFC 7643 section 4.1.1 leaves it to us; so does package scim).
type userState struct {
	Active   *bool  `json:"active"`
	UserName string `json:"userName"`
	Emails   []struct {
		Value string `json:"value"`
	} `json:"emails"`
}

func (u userState) active() bool { return u.Active == nil || *u.Active }

// ofUser looks for the accounts of a provisioned user who lost access: the one that is linked with it, else those that
// have its addresses.
func (v *Revoker) ofUser(ctx context.Context, tx store.Store, tenantID string, e store.Event) ([]Revocation, error) {
	var before, after userState
	if e.Type == eventUserUpdated {
		if json.Unmarshal(e.Before, &before) != nil || json.Unmarshal(e.After, &after) != nil || !before.active() || after.active() {
			return nil, nil
		}
	} else if json.Unmarshal(e.Before, &before) != nil {
		before = userState{}
	}
	ids, err := v.accountsOf(ctx, tx, tenantID, e.Subject.ID, before)
	if err != nil {
		return nil, err
	}
	out := make([]Revocation, len(ids))
	for i, id := range ids {
		out[i] = Revocation{AccountID: id, Reason: ReasonDeactivated}
	}
	return out, nil
}

func (v *Revoker) accountsOf(ctx context.Context, tx store.Store, tenantID, scimUserID string, u userState) ([]string, error) {
	record, err := tx.AccountOfSCIMUser(ctx, tenantID, scimUserID)
	if err == nil {
		return []string{record.ID}, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	const most = 20 // addresses of one user that are looked at
	var ids []string
	seen := map[string]bool{}
	addresses := []string{u.UserName}
	for _, mail := range u.Emails[:min(len(u.Emails), most)] {
		addresses = append(addresses, mail.Value)
	}
	for _, s := range addresses {
		addr, ok := parseAddress(s)
		if !ok || seen[addr.String()] {
			continue
		}
		seen[addr.String()] = true
		acct, err := v.cfg.Accounts.AccountByEmail(ctx, tx, tenantID, addr.String())
		if errors.Is(err, store.ErrNotFound) || err == nil && (!acct.Member || acct.ID == "" || seen["id "+acct.ID]) {
			continue
		}
		if err != nil {
			return nil, err
		}
		seen["id "+acct.ID] = true
		ids = append(ids, acct.ID)
	}
	return ids, nil
}

// ofIdentity reads whose link is gone.
func ofIdentity(e store.Event) []Revocation {
	var link struct{ Connection, Issuer, Subject string }
	if json.Unmarshal(e.After, &link) != nil || link.Subject == "" {
		return nil
	}
	return []Revocation{{
		ConnectionID: link.Connection, Issuer: link.Issuer, Subject: link.Subject, AccountID: e.Subject.ID, Reason: ReasonUnlinked,
	}}
}

// ofConnection compares a connection before and after a change: one that people can't sign in at any more, or that leads
// elsewhere, has no sessions.
func ofConnection(e store.Event) []Revocation {
	var before, after store.Connection
	if len(e.Before) == 0 || json.Unmarshal(e.Before, &before) != nil || json.Unmarshal(e.After, &after) != nil {
		return nil
	}
	r := Revocation{ConnectionID: e.Subject.ID, Issuer: before.Issuer}
	switch {
	case before.State == store.ConnectionActive && after.State != store.ConnectionActive,
		after.State == store.ConnectionDeleted && before.State != store.ConnectionDeleted:
		r.Reason = ReasonConnectionOff
	case before.Issuer != "" && before.Issuer != after.Issuer || before.ClientID != "" && before.ClientID != after.ClientID:
		r.Reason = ReasonConnectionChanged
	default:
		return nil
	}
	return []Revocation{r}
}
