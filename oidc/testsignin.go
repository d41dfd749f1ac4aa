package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestResult is what a test sign-in brought. A test makes no account, no link and no session.
type TestResult struct {
	TenantID     string
	ConnectionID string
	// Actor is who started the test. Its Origin is where the test came back from, where Config.Origin tells, and otherwise
	// that of TestRequest.Actor.
	Actor tenant.Actor
	// ConfigVersion is the connection's when the test was started; a newer configuration is not tested by it.
	ConfigVersion int64
	// Err is nil if the provider's answer passed every check of the protocol; otherwise it has a code (CodeOf).
	Err error
	// Issuer, Subject, Email and Name are what the provider asserted.
	Issuer, Subject, Email, Name string
	// ClientAuth is the client authentication that the provider took, such as "client_secret_post". It can differ from the
	// connection's: a test tries the other way of sending the secret too (R22).
	ClientAuth string
	// SecretSetAt says with which client secret the provider was asked: a test uses the one that waits to be put in force, if
	// there is one (R44).
	SecretSetAt time.Time
	// EmailCode is the code with which this address would be refused at a first sign-in, empty if it would not be: its
	// domain is not proven yet, for example.
	EmailCode string

	claims object
}

// Claims decodes the claims of the verified ID token into v, as [Login.Claims] does.
func (r TestResult) Claims(v any) error { return decodeClaims(r.claims, v) }

// TestHook takes the results of test sign-ins.
type TestHook interface {
	// OnTest is called once for each test that came back from the provider. An [Error], such as r.Err, is shown as the
	// page of its code, any other as our own failure; without one the browser goes on to TestRequest.ReturnTo.
	OnTest(ctx context.Context, r TestResult) error
}

// TestFunc is a function as a [TestHook].
type TestFunc func(ctx context.Context, r TestResult) error

// OnTest calls f.
func (f TestFunc) OnTest(ctx context.Context, r TestResult) error { return f(ctx, r) }

// testable are the states in which a connection may be tested: also before it is active.
var testable = []store.ConnectionState{
	store.ConnectionDraft, store.ConnectionSubmitted, store.ConnectionNeedsInformation, store.ConnectionApproved,
	store.ConnectionActive, store.ConnectionSuspended,
}

// TestRequest says what to test for whom.
type TestRequest struct {
	TenantID     string
	ConnectionID string
	// Actor is the owner who asks; the result names them.
	Actor tenant.Actor
	// ReturnTo is the path of the host's page that shows the result. Empty means Config.DefaultReturnTo.
	ReturnTo string
	// Report keeps what came back for [Handler.TakeTestReport], which the page at ReturnTo calls; the browser then goes
	// there after a failure too. It needs an Actor.ID.
	Report bool
}

// StartTest sends the browser through a test sign-in at a connection that need not be active yet. It is no page: the
// host calls it from a handler of its own, protected against cross-site requests, after it has made sure that this is
// the tenant's owner. The result goes to Config.OnTest (usually [RecordTests]), the browser then to ReturnTo. A test makes
// no account, no link and no session.
func (h *Handler) StartTest(w http.ResponseWriter, r *http.Request, test TestRequest) {
	if h.cfg.OnTest == nil {
		h.refuse(w, r, unavailable(CodeInternal, "Config.OnTest is not set", nil), store.Connection{})
		return
	}
	c, err := h.testableConnection(r.Context(), test.TenantID, test.ConnectionID)
	if err != nil {
		h.refuse(w, r, lookupError(err, denied(CodeConnectionOff, "there is no connection that can be tested")), store.Connection{})
		return
	}
	a := h.newAttempt()
	a.Test, a.ConfigVersion, a.ReturnTo = &test.Actor, c.ConfigVersion, h.returnTo(test.ReturnTo)
	a.Report = test.Report && test.Actor.ID != ""
	h.start(w, r, c, a, "")
}

func (h *Handler) testableConnection(ctx context.Context, tenantID, id string) (store.Connection, error) {
	c, err := h.cfg.Store.Connection(ctx, tenantID, id)
	if err != nil {
		return store.Connection{}, err
	}
	if !slices.Contains(testable, c.State) {
		return store.Connection{}, store.ErrNotFound
	}
	c.TenantID = tenantID
	return c.WithNextSecret(), nil
}

// finishTest reports what came back, good or bad, and sends the browser to the host's page about it.
func (h *Handler) finishTest(w http.ResponseWriter, r *http.Request, c store.Connection, a attempt, who person, failed error) {
	res := TestResult{TenantID: a.TenantID, ConnectionID: a.ConnectionID, Actor: *a.Test, ConfigVersion: a.ConfigVersion, Err: failed}
	if from := h.cfg.Origin.Of(r); from != (tenant.Origin{}) {
		res.Actor.Origin = from
	}
	if failed == nil {
		res.Issuer, res.Subject, res.Email, res.Name, res.claims = who.issuer, who.subject, who.email, who.name, who.claims
		res.ClientAuth, res.SecretSetAt = who.tokens.method, c.SecretSetAt
		m := matcher{h: h, tx: h.cfg.Store, conn: c, who: who, dry: true}
		err := m.checkHostedDomain(r.Context())
		if err == nil {
			err = m.trustEmail(r.Context())
		}
		if m.takesOutsider(err) {
			_, err = m.newOutsider(r.Context())
		}
		res.EmailCode = CodeOf(err)
	}
	if h.cfg.OnTest == nil {
		h.refuse(w, r, unavailable(CodeInternal, "Config.OnTest is not set", nil), c)
		return
	}
	var report TestReport
	if a.Report { // before it is recorded, which may let the person in
		report = h.report(r.Context(), c, a, who, res)
	}
	err := h.cfg.OnTest.OnTest(r.Context(), res)
	if err != nil {
		if _, known := errors.AsType[*Error](err); !known {
			err = unavailable(CodeInternal, "the result of the test could not be stored", err)
		}
		if !a.Report {
			h.refuse(w, r, err, c)
			return
		}
		report.CorrelationID = rand.Text()
		h.logRefusal(r.Context(), "oidc: test sign-in failed", err, c, report.CorrelationID)
		if report.Code == "" {
			report.fail(err, StepRecord)
		}
	}
	if a.Report {
		if err := h.keepReport(r.Context(), report, *a.Test); err != nil {
			h.refuse(w, r, unavailable(CodeInternal, "the report of the test could not be stored", err), c)
			return
		}
	}
	newHeldResponse().release(w, h.returnTo(a.ReturnTo))
}
