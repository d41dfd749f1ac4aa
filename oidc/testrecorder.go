package oidc

import (
	"context"

	"github.com/tenantgate/tenantgate/tenant"
)

// TestRecorder keeps that a test sign-in succeeded, which a connection needs before it can be activated.
// *tenant.Service is one.
type TestRecorder interface {
	// RecordTestSignIn keeps the result. An error that [tenant.CodeOf] knows says why the result does not count.
	RecordTestSignIn(ctx context.Context, by tenant.Actor, tenantID, id string, t tenant.TestSignIn) (tenant.Connection, error)
}

// RecordTests is the usual Config.OnTest: it records a good test with svc, and returns the error of a bad one, so that
// its page is shown. A test that svc refuses, because the settings were changed meanwhile or the address is in none of
// the connection's domains, is an error with [CodeTestRefused]. A nil svc gives a nil hook: there are no tests.
func RecordTests(svc TestRecorder) TestHook {
	if svc == nil {
		return nil
	}
	return TestFunc(func(ctx context.Context, r TestResult) error {
		if r.Err != nil {
			return r.Err
		}
		_, err := svc.RecordTestSignIn(ctx, r.Actor, r.TenantID, r.ConnectionID, tenant.TestSignIn{
			ConfigVersion: r.ConfigVersion, Issuer: r.Issuer, Email: r.Email, ClientAuth: r.ClientAuth, SecretSetAt: r.SecretSetAt,
		})
		if code := tenant.CodeOf(err); code != "" {
			return &Error{Code: CodeTestRefused, Reason: "the test does not count: " + code, family: ErrDenied, cause: err}
		}
		return err
	})
}
