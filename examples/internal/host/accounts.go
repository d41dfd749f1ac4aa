package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
)

// Accounts lets sign-in find the product's people.
type Accounts struct{ DB *DB }

var (
	_ oidc.Accounts       = Accounts{}
	_ oidc.AccountCreator = Accounts{}
)

// AccountByID implements oidc.Accounts.
func (a Accounts) AccountByID(ctx context.Context, tx store.Store, tenantID, accountID string) (oidc.Account, error) {
	return a.account(a.DB.User(ctx, tx, tenantID, accountID))
}

// AccountByEmail implements oidc.Accounts.
func (a Accounts) AccountByEmail(ctx context.Context, tx store.Store, tenantID, email string) (oidc.Account, error) {
	return a.account(a.DB.UserByEmail(ctx, tx, tenantID, email))
}

// CreateAccount implements oidc.AccountCreator.
func (a Accounts) CreateAccount(ctx context.Context, tx store.Store, tenantID string, n oidc.NewAccount) (oidc.Account, error) {
	name := n.Name
	if name == "" {
		name = n.Email
	}
	u := User{
		ID: uuid.NewString(), OrgID: tenantID, Email: n.Email, Name: name,
		Source: store.SourceOIDC, Active: true, OrgRole: RoleMember,
	}
	return a.account(u, a.DB.AddUser(ctx, tx, u, ""))
}

// account leaves Disabled to what tenantgate knows about provisioned users: the
// product closes no accounts on its own.
func (Accounts) account(u User, err error) (oidc.Account, error) {
	if errors.Is(err, ErrNoUser) {
		return oidc.Account{}, fmt.Errorf("account: %w", store.ErrNotFound)
	}
	return oidc.Account{ID: u.ID, Email: u.Email, Member: true, Disabled: !u.Active}, err
}

// HasLocalCredential implements tenant.LocalCredentials: an active user with a password.
// The product has no second factor; yours should ask for it here.
func (d *DB) HasLocalCredential(ctx context.Context, tenantID, email string) (bool, error) {
	u, err := d.UserByEmail(ctx, nil, tenantID, email)
	if errors.Is(err, ErrNoUser) {
		return false, nil
	}
	return u.Active && u.passwordHash != "", err
}

// OnLogin implements oidc.LoginHook: the product signs somebody in, in the transaction
// in which tenantgate records the sign-in.
func (d *DB) OnLogin(ctx context.Context, w http.ResponseWriter, r *http.Request, tx store.Store, l oidc.Login) error {
	return d.StartSession(ctx, tx, w, r, Session{
		UserID: l.Account.ID, OrgID: l.TenantID, ConnectionID: l.ConnectionID, Issuer: l.Issuer, Subject: l.Subject,
		SID: l.SessionID, Method: "oidc", IDToken: l.IDToken,
	}, time.Now())
}
