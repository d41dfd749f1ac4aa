package oidc_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

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
	_ = func(tenants *tenant.Service) oidc.Config { // tenant.New
		return oidc.Config{OnTest: oidc.RecordTests(tenants)}
	}
}

// The one place where the host makes a session of its own asks which ways are open.
func ExampleHandler_AccountSignInMethods() {
	_ = func(ctx context.Context, login *oidc.Handler, tenantID, accountID, email string) error {
		// Password and second factor were checked already.
		methods, err := login.AccountSignInMethods(ctx, tenantID, accountID, email)
		switch {
		case err != nil:
			return err // unknown means no
		case !methods.Password:
			return errors.New("e-mail address or password is wrong") // as for any other refusal
		}
		return nil // make the session
	}
}

// A dangerous action wants a person who authenticated a moment ago.
func ExampleHandler_StartLogin() {
	type session struct {
		AccountID, TenantID, ConnectionID string
		AuthenticatedAt                   time.Time // of oidc.Login, kept by OnLogin
	}
	_ = func(login *oidc.Handler, w http.ResponseWriter, r *http.Request, s session) {
		if time.Since(s.AuthenticatedAt) < 5*time.Minute {
			fmt.Fprintln(w, "done")
			return
		}
		// OnLogin compares Login.Account.ID with the session's: somebody else may come back.
		login.StartLogin(w, r, oidc.LoginRequest{
			TenantID: s.TenantID, ConnectionID: s.ConnectionID, MaxAge: oidc.MaxAgeNow, ReturnTo: "/billing",
		})
	}
}

// A session that lives long asks the provider from time to time whether it may.
func ExampleHandler_Refresh() {
	_ = func(ctx context.Context, login *oidc.Handler, kept tenant.Secret) (keep tenant.Secret, over bool) {
		r, err := login.Refresh(ctx, kept)
		switch {
		case errors.Is(err, oidc.ErrDenied):
			return tenant.Secret{}, true // end the session
		case err != nil && r.RefreshToken.IsZero():
			return kept, false // nobody knows: try again later
		}
		return r.RefreshToken, false
	}
}

// Signing out here, and then at the provider.
func ExampleHandler_StartLogout() {
	_ = func(login *oidc.Handler, endSession func(http.ResponseWriter, *http.Request) oidc.LogoutRequest) http.Handler {
		signOut := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			req := endSession(w, r) // with TenantID, ConnectionID and IDToken of the session's Login
			req.ReturnTo = "/"
			login.StartLogout(w, r, req)
		})
		return http.NewCrossOriginProtection().Handler(signOut)
	}
}

// Sessions in a table of the host's own.
func ExampleSessionRevoker() {
	var db *sql.DB
	_ = oidc.SessionRevokerFunc(func(ctx context.Context, _ store.Store, r oidc.Revocation) error {
		query, args := "delete from sessions where tenant_id = $1 and began_at < coalesce($2, now() + interval '1 day')", []any{r.TenantID, sql.NullTime{Time: r.BeganBefore, Valid: !r.BeganBefore.IsZero()}}
		and := func(condition string, arg any) {
			args = append(args, arg)
			query += fmt.Sprintf(" and "+condition, len(args))
		}
		switch {
		case r.Subject != "" || r.SessionID != "":
			and("connection_id = $%d", r.ConnectionID)
			and("issuer = $%d", r.Issuer)
			if r.Subject != "" {
				and("subject = $%d", r.Subject)
			}
			if r.SessionID != "" && r.Subject == "" {
				and("sid = $%d", r.SessionID)
			} else if r.SessionID != "" {
				and("sid in ($%d, '')", r.SessionID)
			}
		case r.AccountID != "":
			and("account_id = $%d", r.AccountID)
		default:
			and("connection_id = $%d", r.ConnectionID)
		}
		_, err := db.ExecContext(ctx, query, args...)
		return err
	})
}
