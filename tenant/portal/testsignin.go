package portal

import (
	"errors"

	"github.com/tenantgate/tenantgate/oidc"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// testPage is screen 5: a sign-in that signs nobody in.
type testPage struct {
	Tabs       connectionTabs    `json:"-"`
	ID         string            `json:"id"`
	Connection tenant.Connection `json:"-"`
	// Tested says that the present configuration passed.
	Tested bool `json:"tested"`
	// Report is what the last test brought; it is shown once.
	Report *oidc.TestReport `json:"report,omitempty"`
}

func (h *Handler) test(v *visit) error {
	c, err := v.connection()
	if err != nil {
		return err
	}
	body := testPage{Tabs: v.tabs(c, "test"), ID: c.ID, Connection: c, Tested: c.TestedVersion > 0 && c.TestedVersion == c.ConfigVersion}
	report, err := h.cfg.Login.TakeTestReport(v.r.Context(), v.tenantID, c.ID, v.Actor)
	switch {
	case err == nil:
		body.Report = &report
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	h.leadsAway(v.w, v.r)
	return v.show("test", "Test the sign-in", body)
}

// startTest sends the browser to the provider; it comes back to this page.
func (h *Handler) startTest(v *visit) error {
	c, err := v.connection()
	if err != nil {
		return err
	}
	h.leadsAway(v.w, v.r)
	h.cfg.Login.StartTest(v.w, v.r, oidc.TestRequest{
		TenantID: v.tenantID, ConnectionID: c.ID, Actor: v.Actor, ReturnTo: v.path("c", c.ID, "test"), Report: true,
	})
	return nil
}
