package oidc_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
)

// noAccounts is a host's table of accounts without any rows.
type noAccounts struct{}

func (noAccounts) AccountByID(context.Context, store.Store, string, string) (oidc.Account, error) {
	return oidc.Account{}, store.ErrNotFound
}

func (noAccounts) AccountByEmail(context.Context, store.Store, string, string) (oidc.Account, error) {
	return oidc.Account{}, store.ErrNotFound
}

// A host tells the three kinds of revocations apart, and deletes the sessions.
func ExampleNewRevoker() {
	endSessions := func(_ context.Context, _ store.Store, r oidc.Revocation) error {
		switch {
		case r.Subject != "" || r.SessionID != "":
			fmt.Println("delete sessions of the tenant by issuer, subject and sid")
		case r.AccountID != "":
			fmt.Println("delete sessions of", r.TenantID, "where account =", r.AccountID)
		default:
			fmt.Println("delete sessions of", r.TenantID, "where connection =", r.ConnectionID)
		}
		return nil
	}
	st, ctx := memory.New(), context.Background()
	revoker, err := oidc.NewRevoker(oidc.RevokerConfig{Store: st, Sessions: oidc.SessionRevokerFunc(endSessions), Accounts: noAccounts{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	// In a program: go revoker.Run(ctx, 10*time.Second), and revoker.Wake in scim.Config.Written.
	leaves := store.Event{
		ID: store.NewID(time.Now()), Type: "provisioning.account.deactivate", At: time.Now(),
		Subject: store.EventSubject{Kind: "account", ID: "ada"},
	}
	if err := st.AppendEvents(ctx, "acme", leaves); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := revoker.SyncAll(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: delete sessions of acme where account = ada
}
