package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// TestReport is what a test sign-in brought, in the words of a page for the owner who made it. It is stored sealed, can
// be taken once, and only by that owner.
type TestReport struct {
	TenantID      string    `json:"tenantId"`
	ConnectionID  string    `json:"connectionId"`
	ConfigVersion int64     `json:"configVersion"`
	At            time.Time `json:"at"`

	// Code is that of the failure, empty for a sign-in that passed every check of the protocol and counts as a test.
	// Title, Message and Reason say it in words: what happened, and what was expected and what came; CorrelationID finds
	// it in the log.
	Code          string   `json:"code,omitempty"`
	Step          TestStep `json:"step,omitempty"`
	Title         string   `json:"title,omitempty"`
	Message       string   `json:"message,omitempty"`
	Reason        string   `json:"reason,omitempty"`
	CorrelationID string   `json:"correlationId,omitempty"`
	// ProviderError and ProviderDescription are what the provider said about a failure, cleaned and cut. They are a
	// stranger's text: escape them.
	ProviderError       string `json:"providerError,omitempty"`
	ProviderDescription string `json:"providerDescription,omitempty"`
	// Explanation and Change say what the provider's guide knows about that: what happened, and who has to change what.
	// ExplanationID is the tenant.GuideError's, under which a host has them in other languages, Responsible who it is.
	ExplanationID string             `json:"explanationId,omitempty"`
	Explanation   string             `json:"explanation,omitempty"`
	Change        string             `json:"change,omitempty"`
	Responsible   tenant.Responsible `json:"responsible,omitempty"`

	// Received is what the provider asserted; nil if the sign-in failed before its ID token was verified.
	Received *TestReceived `json:"received,omitempty"`
	// Outcome is what a real sign-in would have done now. OutcomeCode says why it would be refused, AccountID and
	// AccountEmail whose account it would be.
	Outcome      TestOutcome `json:"outcome,omitempty"`
	OutcomeCode  string      `json:"outcomeCode,omitempty"`
	AccountID    string      `json:"accountId,omitempty"`
	AccountEmail string      `json:"accountEmail,omitempty"`
}

// TestReceived is what a provider asserted in a test.
type TestReceived struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	Email   string `json:"email,omitempty"`
	// EmailClaim is the claim that Email is from: "email", or what the connection has for people without one.
	EmailClaim string `json:"emailClaim,omitempty"`
	Name       string `json:"name,omitempty"`
	// EmailVerified is "true", "false", "unstated", or "text" for the string "true".
	EmailVerified string `json:"emailVerified"`
	// EmailCode is the code with which the address would be refused at a first sign-in, empty if it would not be.
	EmailCode string `json:"emailCode,omitempty"`
	// Groups are the first of the groups claim, GroupCount how many there are; GroupsOverage says that the provider left
	// them out because there are too many.
	Groups        []string `json:"groups,omitempty"`
	GroupCount    int      `json:"groupCount"`
	GroupsOverage bool     `json:"groupsOverage,omitempty"`
	// Algorithm and KeyID are those of the ID token's signature. Skew is how far the provider's clock is ahead of ours,
	// as far as the token's age tells.
	Algorithm string        `json:"algorithm"`
	KeyID     string        `json:"keyId,omitempty"`
	Skew      time.Duration `json:"skew"`
	// ClientAuth is the client authentication that the provider took.
	ClientAuth string `json:"clientAuth,omitempty"`
	// Claims are those of the ID token, as JSON; nil if they have more than 32 KiB.
	Claims json.RawMessage `json:"claims,omitempty"`
}

// TestStep is how far a test sign-in came.
type TestStep string

// The steps of a sign-in, in their order.
const (
	StepAuthorization TestStep = "authorization" // the provider's page, and the browser's way back
	StepToken         TestStep = "token"         // the code was redeemed
	StepIDToken       TestStep = "id_token"      // the ID token was checked
	StepUserinfo      TestStep = "userinfo"
	StepRecord        TestStep = "record" // the test was to be recorded
)

// TestOutcome is what a real sign-in would have done.
type TestOutcome string

// The outcomes of a sign-in.
const (
	OutcomeReturning TestOutcome = "returning" // sign in to the account that this person is linked with
	OutcomeMatch     TestOutcome = "match"     // link the person with an account that exists, and sign in
	OutcomeCreate    TestOutcome = "create"    // make an account just in time
	OutcomeRefused   TestOutcome = "refused"   // see OutcomeCode
)

const (
	testReportKind  = "oidc_test"
	testReportLife  = 15 * time.Minute
	testReportAAD   = "tenantgate oidc test report 1 "
	maxReportGroups = 20
	maxReportClaims = 32 << 10
	maxReportGroup  = 256 // bytes of a group's name
)

// TakeTestReport returns the report of the latest test sign-in of a connection by this actor, and forgets it: a page
// that is loaded again has none. It needs TestRequest.Report. An error that matches store.ErrNotFound says that there is
// none, or that it was taken or is older than 15 minutes.
func (h *Handler) TakeTestReport(ctx context.Context, tenantID, connectionID string, actor tenant.Actor) (TestReport, error) {
	key := testReportKey(connectionID, actor)
	sealed, err := h.cfg.Store.TakeToken(ctx, tenantID, testReportKind, key, store.Time(h.now()))
	if err != nil {
		return TestReport{}, lookupError(err, &Error{Code: CodeRequestInvalid, Reason: "there is no test report", family: ErrRequest, cause: store.ErrNotFound})
	}
	plain, err := h.tokenKeys.Open(sealed, []byte(testReportAAD+tenantID+" "+key))
	if err != nil {
		return TestReport{}, unavailable(CodeInternal, "the test report can't be opened", err)
	}
	var r TestReport
	if err := json.Unmarshal(plain, &r); err != nil {
		return TestReport{}, unavailable(CodeInternal, "the test report can't be read", err)
	}
	return r, nil
}

// keepReport stores a report in place of the one before.
func (h *Handler) keepReport(ctx context.Context, r TestReport, actor tenant.Actor) error {
	plain, err := json.Marshal(r)
	if err != nil {
		return err
	}
	key := testReportKey(r.ConnectionID, actor)
	sealed, err := h.tokenKeys.Seal(plain, []byte(testReportAAD+r.TenantID+" "+key))
	if err != nil {
		return err
	}
	now := store.Time(h.now())
	return h.cfg.Store.InTx(ctx, func(tx store.Store) error {
		if _, err := tx.TakeToken(ctx, r.TenantID, testReportKind, key, now); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		// One that is over but not yet removed stands in the way of the next.
		if _, err := tx.DeleteExpiredTokens(ctx, r.TenantID, now); err != nil {
			return err
		}
		return tx.PutToken(ctx, r.TenantID, store.Token{Kind: testReportKind, Key: key, Data: sealed, ExpiresAt: store.Time(now.Add(testReportLife))})
	})
}

func testReportKey(connectionID string, actor tenant.Actor) string {
	sum := sha256.Sum256([]byte(connectionID + "\x00" + string(actor.Kind) + "\x00" + actor.ID))
	return hex.EncodeToString(sum[:])
}

// report describes what came back.
func (h *Handler) report(ctx context.Context, c store.Connection, a attempt, who person, res TestResult) TestReport {
	r := TestReport{TenantID: a.TenantID, ConnectionID: a.ConnectionID, ConfigVersion: a.ConfigVersion, At: store.Time(h.now())}
	if res.Err != nil {
		r.fail(res.Err, stepOf(res.Err))
		return r
	}
	r.Received = h.received(who, res)
	m := matcher{h: h, tx: h.cfg.Store, conn: c, who: who, now: store.Time(h.now()), dry: true}
	acct, first, err := m.match(ctx)
	switch {
	case err != nil:
		r.Outcome, r.OutcomeCode = OutcomeRefused, CodeOf(err)
	case m.wouldCreate:
		r.Outcome = OutcomeCreate
	default:
		r.Outcome, r.AccountID, r.AccountEmail = OutcomeReturning, acct.ID, acct.Email
		if first {
			r.Outcome = OutcomeMatch
		}
	}
	return r
}

// fail puts a failure into the words of its page.
func (r *TestReport) fail(err error, step TestStep) {
	text := textOf(CodeOf(err), statusOf(err))
	r.Code, r.Step, r.Title, r.Message, r.Reason = CodeOf(err), step, text.title, text.message, reasonText(err)
	if e, ok := errors.AsType[*Error](err); ok {
		r.ProviderError, r.ProviderDescription = e.said.code, e.said.description
		if e.why != nil {
			r.ExplanationID, r.Explanation, r.Change, r.Responsible = e.why.ID, e.why.What.Text, e.why.Fix.Text, e.why.Who
		}
	}
}

// stepOf tells at which step a sign-in fails with a code.
func stepOf(err error) TestStep {
	if e, ok := errors.AsType[*Error](err); ok && e.at == tenant.PlaceToken {
		return StepToken
	}
	switch CodeOf(err) {
	case CodeClientRejected, CodeSecretExpired, CodeCodeRejected, CodeSecretUnreadable, CodeAuthUnsupported:
		return StepToken
	case CodeTokenInvalid, CodeTokenEncrypted, CodeAuthenticationOld:
		return StepIDToken
	case CodeUserinfoInvalid, CodeUserinfoEncrypted:
		return StepUserinfo
	}
	return StepAuthorization
}

func (h *Handler) received(who person, res TestResult) *TestReceived {
	verified := map[verification]string{verifiedTrue: "true", verifiedText: "text", verifiedUnstated: "unstated", verifiedNo: "false"}[who.verified]
	r := &TestReceived{
		Issuer: who.issuer, Subject: who.subject, Email: who.email, EmailClaim: who.emailClaim, Name: who.name, EmailVerified: verified, EmailCode: res.EmailCode,
		Algorithm: who.algorithm, KeyID: who.keyID, Skew: who.issued.Sub(who.received).Round(time.Second), ClientAuth: who.tokens.method,
	}
	r.Groups, r.GroupCount = reportGroups(who.claims)
	r.GroupsOverage = groupsOverage(who.claims)
	if data, err := json.Marshal(who.claims); err == nil && len(data) <= maxReportClaims {
		r.Claims = data
	}
	return r
}

// reportGroups are the first groups, and how many there are.
func reportGroups(claims object) ([]string, int) {
	var all []json.RawMessage
	if json.Unmarshal(claims.get("groups"), &all) != nil {
		return nil, 0
	}
	var first []string
	for _, raw := range all[:min(len(all), maxReportGroups)] {
		if s, ok := text(raw); ok && len(s) <= maxReportGroup {
			first = append(first, s)
		}
	}
	return first, len(all)
}

// groupsOverage tells whether Entra left the groups out because there are too many: it names another place where they
// are to be had (OpenID Connect Core section 5.6.2), or says hasgroups.
func groupsOverage(claims object) bool {
	if names, err := parseObject(claims.get("_claim_names")); err == nil && names.has("groups") {
		return true
	}
	return claims.isTrue("hasgroups") || slices.Contains(claims.strs("hasgroups"), "true")
}
