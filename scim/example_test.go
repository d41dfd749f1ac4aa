package scim_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

func ExampleNewHandler() {
	keys := scim.AuthenticatorFunc(func(_ context.Context, tenantID, bearer string) (tenant.Principal, error) {
		if tenantID != "acme" || bearer != "sk_demo" { // a host asks its tenant service
			return tenant.Principal{}, scim.ErrUnauthorized
		}
		return tenant.Principal{KeyID: "key1", KeyName: "Entra", Scopes: []string{scim.ScopeWrite}}, nil
	})
	rules := scim.PolicyFunc(func(_ context.Context, w tenant.DirectoryWrite) error {
		if w.Action == tenant.DirectoryCreate && strings.Contains(string(w.After), "root@acme.example") {
			return &scim.Error{Status: http.StatusConflict, Type: scim.TypeUniqueness, Detail: "This account created the organisation and can't be provisioned."}
		}
		return nil
	})
	h, err := scim.NewHandler(scim.Config{
		BaseURL:       "https://app.example.com/scim/v2",
		Store:         memory.New(),
		Authenticator: keys,
		Policy:        rules,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle(h.Mount())

	fmt.Println(h.TenantBaseURL("acme"))
	for _, name := range []string{"ada@acme.example", "root@acme.example"} {
		r := httptest.NewRequest(http.MethodPost, "/scim/v2/acme/Users", strings.NewReader(`{"userName":"`+name+`"}`))
		r.Header.Set("Authorization", "Bearer sk_demo")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// https://app.example.com/scim/v2/acme
	// 201
	// 409
}

func ExampleAPIKeys() {
	var tenants *tenant.Service // tenant.New
	keys := scim.APIKeys(tenants)
	_, err := scim.NewHandler(scim.Config{
		BaseURL: "https://app.example.com/scim/v2", Store: memory.New(), Authenticator: keys, Policy: scim.InsecureAllowAll{},
	})
	fmt.Println(err)
	// Output: <nil>
}

// Support looks at what a customer's identity provider sent, and why it was refused.
func ExampleHandler_Requests() {
	h, err := scim.NewHandler(scim.Config{
		BaseURL: "https://app.example.com/scim/v2", Store: memory.New(), Policy: scim.InsecureAllowAll{},
		Authenticator: scim.AuthenticatorFunc(func(context.Context, string, string) (tenant.Principal, error) {
			return tenant.Principal{KeyID: "key1", KeyName: "Entra", Scopes: []string{scim.ScopeWrite}}, nil
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, body := range []string{`{"userName":"ada@acme.example","shoeSize":38,"password":"hunter2"}`, `{"nickName":"Ada"}`} {
		r := httptest.NewRequest(http.MethodPost, "/scim/v2/acme/Users", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer sk_demo")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	for _, e := range h.Requests("acme") { // the newest first
		fmt.Println(e.KeyName, e.Method, e.Path, e.Request, e.Status)
		if e.Error != nil {
			fmt.Println(" ", e.Error.Detail)
		}
		for _, w := range e.Warnings {
			fmt.Println(" ", w.Code, w.Names)
		}
	}
	// Output:
	// Entra POST /Users {"nickName":"Ada"} 400
	//   userName is required.
	// Entra POST /Users {"password":"REDACTED","shoeSize":38,"userName":"ada@acme.example"} 201
	//   unknown_attribute [shoeSize]
}

// An owner's page about the health of the directory, and a file for those who support the customer.
func ExampleHandler_ReadRequests() {
	health := func(ctx context.Context, h *scim.Handler, owner tenant.Actor, orgID string, file io.Writer) error {
		traffic, err := h.Traffic(ctx, owner, orgID)
		if err != nil {
			return err
		}
		for _, d := range traffic {
			fmt.Printf("%s: %d requests in the last hour, %.0f %% refused\n", d.DirectoryID, d.Hour.Total(), 100*d.Hour.ErrorRate())
		}
		refused, err := h.ReadRequests(ctx, owner, orgID, scim.RequestQuery{Result: scim.RequestRefused})
		if err != nil {
			return err
		}
		for _, e := range refused.Requests {
			fmt.Println(e.At, e.Method, e.Path, e.Error.Detail)
		}
		_, err = h.ExportRequests(ctx, owner, orgID, scim.RequestQuery{}, file)
		return err
	}
	_ = health
	// Output:
}

// With several replicas the log of requests is one that they share, so that an owner reads the same at each of them.
func ExampleNewStoredRequests() {
	st := memory.New() // or store/postgres
	log, err := scim.NewStoredRequests(scim.StoredRequestsConfig{Store: st})
	if err != nil {
		panic(err)
	}
	cfg := scim.Config{BaseURL: "https://app.example.com/scim/v2", Store: st, RequestLog: log}
	tasks := []tenant.Task{ // for tenant.RunnerConfig
		{Name: "request_log", Loop: log.Run},
		{Name: "request_log_cleanup", Run: log.Clean, Every: 24 * time.Hour},
	}
	fmt.Println(cfg.RequestLog == log, len(tasks))
	// Output: true 2
}
