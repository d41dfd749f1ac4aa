package oidc

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// matcher finds the account of a person within one transaction (D8, OIDC.md rules 2 to 5).
type matcher struct {
	h    *Handler
	tx   store.Store
	conn store.Connection
	who  person
	now  time.Time
	// dry only looks: nothing is written and the host makes no account. wouldCreate tells that it would have been asked to.
	dry         bool
	wouldCreate bool
	// closed is why nobody may sign in for the first time; nil if they may.
	closed error
	// foreign says that the address is in none of the tenant's domains.
	foreign bool
	// unproven says that the account was made for an address that nobody proved.
	unproven bool
	// known, if not nil, is what was read at once before; see look.
	known *known
	// last is what is still to be written, as the last write of the transaction.
	last func(tx store.Store) error
	// change is set if a returning person has another address than before.
	change *EmailChange
}

// The types of the events that sign-in and logout write.
const (
	EventSignIn         = "oidc.signin.succeeded"
	EventSignInRefused  = "oidc.signin.refused"
	EventLinked         = "oidc.identity.linked"
	EventUnlinked       = "oidc.identity.unlinked"
	EventAccountCreated = "oidc.account.created"
	EventEmailChanged   = "oidc.email.changed"
	EventLogout         = "oidc.logout"
)

// match returns the account and whether it was linked just now. The permanent key is (tenant, connection, issuer,
// subject), byte by byte; the e-mail address counts once, at the first sign-in.
func (m *matcher) match(ctx context.Context) (Account, bool, error) {
	if err := m.checkHostedDomain(ctx); err != nil {
		return Account{}, false, err
	}
	link, err := m.identity(ctx)
	switch {
	case err == nil:
		acct, err := m.returning(ctx, link)
		if !errors.Is(err, store.ErrNotFound) {
			return acct, false, err
		}
		// The host deleted the account. Its link must not stand in the way of a new one.
		if m.dry {
			break
		}
		if err := m.tx.DeleteIdentity(ctx, m.conn.TenantID, link.ID, m.event(EventUnlinked, link.AccountID, "The account does not exist any more.")); err != nil {
			return Account{}, false, m.storeFailed(err)
		}
	case !errors.Is(err, store.ErrNotFound):
		return Account{}, false, m.storeFailed(err)
	}
	m.known = nil
	acct, err := m.firstTime(ctx)
	return acct, true, err
}

// returning signs in somebody whose identity was linked before. store.ErrNotFound says that the account is gone.
func (m *matcher) returning(ctx context.Context, link store.Identity) (Account, error) {
	acct, err := m.h.cfg.Accounts.AccountByID(ctx, m.tx, m.conn.TenantID, link.AccountID)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, store.ErrNotFound
	}
	if err != nil {
		return Account{}, m.hostFailed(err)
	}
	if acct.ID != link.AccountID {
		return Account{}, m.hostFailed(errors.New("oidc: AccountByID returned another account than was asked for"))
	}
	if err := m.usable(ctx, acct, m.who.email, link.Email); err != nil {
		return Account{}, err
	}
	if m.dry {
		return acct, nil
	}
	events := []store.Event{m.event(EventSignIn, acct.ID, "")}
	link.LastSignInAt, link.UpdatedAt = m.now, m.now
	if m.who.hasAddr && link.Email != m.who.addr.String() {
		if err := m.emailChanged(ctx, link.Email); err != nil {
			return Account{}, err
		}
		if link.Email != "" {
			events = append(events, m.emailEvent(acct.ID, link.Email))
		}
		link.Email = m.who.addr.String()
	}
	m.last = m.signedInAgain(ctx, link, events)
	return acct, nil
}

// firstTime links the person with an account of the tenant: that of the provisioned user with the person's externalId
// where the host goes by it, else the one that has the asserted address. It makes one where the connection allows it.
func (m *matcher) firstTime(ctx context.Context) (Account, error) {
	if m.closed != nil {
		return Account{}, m.closed
	}
	if err := m.trustEmail(ctx); err != nil {
		if m.takesOutsider(err) {
			return m.outsider(ctx)
		}
		return Account{}, err
	}
	email := m.who.addr.String()
	externalID, err := m.externalID(ctx)
	if err != nil {
		return Account{}, err
	}
	provisioned, known, err := m.byExternalID(ctx, externalID)
	if err != nil {
		return Account{}, err
	}
	acct, err := m.h.cfg.Accounts.AccountByEmail(ctx, m.tx, m.conn.TenantID, email)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return Account{}, m.hostFailed(err)
	case known && err == nil && acct.ID != provisioned.ID:
		return Account{}, denied(CodeAccountConflict, "the provisioned user's externalId and the e-mail address belong to two accounts")
	case known:
		acct, err = provisioned, nil
	case err != nil:
		acct, err = m.create(ctx, NewAccount{Email: email, Name: m.who.name})
	default:
		if err = m.checkProven(ctx, acct); err == nil {
			err = m.checkExternalID(ctx, acct, externalID)
		}
	}
	if err != nil {
		return Account{}, err
	}
	if acct.ID == "" {
		return Account{}, m.hostFailed(errors.New("oidc: Accounts returned an account without ID"))
	}
	if err := m.usable(ctx, acct, email); err != nil {
		return Account{}, err
	}
	return acct, m.link(ctx, acct, email)
}

// link stores the identity. An account has at most one at a connection: a second subject with the same address is
// somebody else until a person says otherwise.
func (m *matcher) link(ctx context.Context, acct Account, email string) error {
	if m.dry {
		return m.linkable(ctx, acct)
	}
	_, err := m.tx.CreateIdentity(ctx, m.conn.TenantID, store.Identity{
		Meta:         store.Meta{ID: store.NewID(m.now), CreatedAt: m.now, UpdatedAt: m.now},
		ConnectionID: m.conn.ID, Issuer: m.who.issuer, Subject: m.who.subject, AccountID: acct.ID,
		Email: email, LastSignInAt: m.now,
	}, m.event(EventLinked, acct.ID, ""), m.event(EventSignIn, acct.ID, ""))
	if errors.Is(err, store.ErrConflict) {
		// Two first sign-ins of one person at once are no conflict between people.
		same, findErr := m.tx.Identity(ctx, m.conn.TenantID, m.conn.ID, m.who.issuer, m.who.subject)
		if findErr == nil && same.AccountID == acct.ID {
			return m.appended(m.tx.AppendEvents(ctx, m.conn.TenantID, m.event(EventSignIn, acct.ID, "")))
		}
		return denied(CodeAlreadyLinked, "the account is linked with another identity at this connection")
	}
	return m.appended(err)
}

// linkable tells whether link would refuse.
func (m *matcher) linkable(ctx context.Context, acct Account) error {
	links, err := m.tx.IdentitiesOf(ctx, m.conn.TenantID, acct.ID)
	if err != nil {
		return m.storeFailed(err)
	}
	if slices.ContainsFunc(links, func(i store.Identity) bool { return i.ConnectionID == m.conn.ID }) {
		return denied(CodeAlreadyLinked, "the account is linked with another identity at this connection")
	}
	return nil
}

// appended passes the outcome of a last write on.
func (m *matcher) appended(err error) error {
	if err != nil {
		return m.storeFailed(err)
	}
	return nil
}

// create makes an account just in time, which neither an inactive provisioned user nor a missing permission allows.
func (m *matcher) create(ctx context.Context, n NewAccount) (Account, error) {
	provisioned, found, err := m.scimUser(ctx, n.Email)
	switch {
	case err != nil:
		return Account{}, err
	case found && !provisioned.Active:
		return Account{}, denied(CodeUserInactive, "the directory deactivated this user")
	}
	creator, ok := m.h.cfg.Accounts.(AccountCreator)
	if !ok || !m.conn.JustInTime {
		return Account{}, denied(CodeNotProvisioned, "no account of this tenant has the address, and none is made at sign-in")
	}
	if m.dry {
		m.wouldCreate = true
		return Account{ID: "to be made", Email: n.Email, Member: true}, nil
	}
	n.ConnectionID, n.Issuer, n.Subject, n.claims, n.userinfo = m.conn.ID, m.who.issuer, m.who.subject, m.who.claims, m.who.userinfo
	acct, err := creator.CreateAccount(ctx, m.tx, m.conn.TenantID, n)
	if err != nil {
		return Account{}, m.hostFailed(err)
	}
	record := store.Account{
		Meta:   store.Meta{ID: acct.ID, CreatedAt: m.now, UpdatedAt: m.now},
		Source: store.SourceOIDC, Active: true, Email: n.Email, EmailUnproven: n.EmailUnproven,
	}
	if found {
		record.Source, record.SCIMUserID = store.SourceSCIM, provisioned.ID
	}
	_, err = m.tx.CreateAccount(ctx, m.conn.TenantID, record, m.event(EventAccountCreated, acct.ID, ""))
	if errors.Is(err, store.ErrConflict) {
		return Account{}, m.hostFailed(errors.New("oidc: CreateAccount returned an account that existed before"))
	}
	if err != nil {
		return Account{}, m.storeFailed(err)
	}
	return acct, nil
}

// event tells the journal about this sign-in. It names the person as the provider does; no secret is in it.
func (m *matcher) event(typ, accountID, message string) store.Event {
	after := asJSON(signInEvent{
		Connection: m.conn.ID, Issuer: m.who.issuer, Subject: m.who.subject, Email: m.who.email, EmailClaim: m.who.fallback(),
		Issued: m.who.issued.Unix(), Session: sessionKeyOf(m.conn, m.who.sessionID),
	})
	return store.Event{
		ID: store.NewID(m.now), Type: typ, At: m.now, Origin: m.who.origin, After: after, Message: message,
		Actor:   store.EventActor{Kind: "user", ID: accountID, Name: m.who.email},
		Subject: store.EventSubject{Kind: "account", ID: accountID, Name: m.who.email},
	}
}

func (m *matcher) storeFailed(err error) error {
	return unavailable(CodeInternal, "the store failed", err)
}

func (m *matcher) hostFailed(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.family != nil {
		return e
	}
	if errors.Is(err, ErrDenied) {
		return hostRefused("the application refused the person", err)
	}
	return unavailable(CodeInternal, "the application's accounts could not be read", err)
}
