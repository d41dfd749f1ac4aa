package scim_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/tenantgate/tenantgate/scim"
	"github.com/tenantgate/tenantgate/scim/internal/scimbench"
	"github.com/tenantgate/tenantgate/store/memory"
	"github.com/tenantgate/tenantgate/tenant"
)

func BenchmarkMemory(b *testing.B) {
	scimbench.Run(b, func(b *testing.B) http.Handler {
		h, err := scim.NewHandler(scim.Config{
			BaseURL: scimbench.Base, Store: memory.New(), Policy: scim.InsecureAllowAll{}, InsecureNoRateLimit: true,
			Authenticator: scim.AuthenticatorFunc(func(context.Context, string, string) (tenant.Principal, error) {
				return tenant.Principal{KeyID: "k", KeyName: "bench", Scopes: []string{scim.ScopeWrite}}, nil
			}),
		})
		if err != nil {
			b.Fatal(err)
		}
		return h
	})
}
