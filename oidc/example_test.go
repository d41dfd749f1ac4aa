package oidc_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

// directory is the host's own table of accounts.
type directory struct{}

func (directory) AccountByID(context.Context, store.Store, string, string) (oidc.Account, error) {
	return oidc.Account{}, store.ErrNotFound
}

func (directory) AccountByEmail(context.Context, store.Store, string, string) (oidc.Account, error) {
	return oidc.Account{}, store.ErrNotFound
}

func ExampleNewHandler() {
	keyring, err := tenant.NewKeyring(tenant.KeyringConfig{
		Keys: []tenant.Key{{ID: "2026-11", Bytes: []byte(strings.Repeat("k", 32))}}, // 32 random bytes from your secret store
	})
	if err != nil {
		log.Fatal(err)
	}
	login, err := oidc.NewHandler(oidc.Config{
		BaseURL:  "https://app.example.com/sso",
		Store:    memory.New(),
		Keys:     keyring,
		Accounts: directory{},
		Secrets: oidc.SecretsFunc(func(context.Context, store.Connection) (tenant.Secret, error) { // usually a *tenant.Service
			return tenant.NewSecret("the client secret"), nil
		}),
		OnLogin: oidc.LoginFunc(func(_ context.Context, w http.ResponseWriter, _ *http.Request, _ store.Store, l oidc.Login) error {
			// End the browser's old session, make a new one for l.Account.ID, and set its cookie.
			http.SetCookie(w, &http.Cookie{Name: "__Host-session", Value: "a new random ID", Path: "/", Secure: true, HttpOnly: true})
			return nil
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(login.Mount())
	fmt.Println(login.RedirectURI("0192"))
	fmt.Println(login.InitiateLoginURI())
	// Output:
	// https://app.example.com/sso/signin-oidc/0192
	// https://app.example.com/sso/login
}

func ExampleNewChecker() {
	checker := oidc.NewChecker(oidc.CheckerConfig{})
	report, err := checker.CheckProvider(context.Background(), tenant.ProviderRequest{Authority: "https://10.0.0.1"})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range report.Findings {
		fmt.Println(f.Severity, f.Code)
	}
	// Output: error discovery_blocked_address
}

func ExampleRecordTests() {
	var tenants *tenant.Service // tenant.New
	cfg := oidc.Config{OnTest: oidc.RecordTests(tenants)}
	fmt.Println(cfg.OnTest != nil)
	// Output: true
}
