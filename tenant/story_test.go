package tenant

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

func TestStoryFromDraftToActive(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()

	c, findings, err := w.CreateDraft(ctx, owner, "t1", acme())
	require.NoError(t, err)
	require.Empty(t, findings)
	require.Equal(t, store.ConnectionDraft, c.State)
	require.True(t, c.HasSecret)
	require.Nil(t, c.SealedSecret)
	require.Equal(t, "6789", c.SecretHint)
	require.Equal(t, ProviderGeneric, c.Provider)
	require.Equal(t, []string{"acme.com", "ops.example"}, domainNames(c.Domains))
	require.EqualValues(t, 1, c.ConfigVersion)

	c, findings, err = w.Submit(ctx, owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.NotEmpty(t, findings)
	require.Equal(t, store.ConnectionSubmitted, c.State)
	require.Equal(t, "https://login.acme.com/", c.Issuer)
	require.Equal(t, ClientSecretBasic, c.ClientAuth)
	require.Equal(t, "RS256", c.SigningAlg)
	require.Equal(t, []string{"openid", "profile", "email", "groups"}, w.asked[0].Scopes)

	again, _, err := w.Submit(ctx, owner, "t1", c.ID, c.Version-1)
	require.NoError(t, err, "a double click")
	require.Equal(t, c, again)

	page, err := w.Queue(ctx, staff, store.Ref{}, 10)
	require.NoError(t, err)
	require.Len(t, page.Requests, 1)
	require.Equal(t, "t1", page.Requests[0].TenantID)
	require.False(t, page.More)

	c, err = w.AskForInformation(ctx, staff, "t1", c.ID, c.Version, " Which plan? ")
	require.NoError(t, err)
	require.Equal(t, store.ConnectionNeedsInformation, c.State)
	require.Equal(t, "Which plan?", c.Messages[0].Text)
	c, err = w.AddMessage(ctx, owner, "t1", c.ID, c.Version, "Enterprise")
	require.NoError(t, err)
	require.Equal(t, "owner@acme.com", c.Messages[1].From.Name)
	c, _, err = w.Submit(ctx, owner, "t1", c.ID, c.Version)
	require.NoError(t, err)

	c, _, err = w.Approve(ctx, staff, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Equal(t, store.ConnectionApproved, c.State)
	dirs, err := w.Directories(ctx, owner, "t1")
	require.NoError(t, err)
	require.Len(t, dirs, 1)
	require.True(t, dirs[0].Enabled)
	require.True(t, dirs[0].Preferences.PhoneEditable)
	require.Equal(t, "https://app.example.com/scim/v2/t1", w.SCIMBaseURL("t1"))

	activate := func() error {
		_, err := w.Activate(ctx, owner, "t1", c.ID, c.Version, Activation{Enforced: true})
		return err
	}
	w.refusedWith(t, "t1", ErrorCodeDomainsUnverified, activate)
	w.prove(t, "t1", c)
	w.refusedWith(t, "t1", ErrorCodeTestRequired, activate)
	c = w.tested(t, "t1", c)
	c, err = w.Activate(ctx, owner, "t1", c.ID, c.Version, Activation{Enforced: true})
	require.NoError(t, err)
	require.Equal(t, store.ConnectionActive, c.State)
	require.True(t, c.Enforced)

	require.Equal(t, []string{
		"connection.created", "domain.added", "domain.added", "connection.submitted", "connection.information_asked",
		"connection.message_added", "connection.submitted", "connection.approved", "directory.enabled",
		"domain.verified", "domain.verified", "connection.tested", "connection.activated",
	}, w.events(t, "t1", 0))

	realm, err := w.RealmOf(ctx, " Somebody@ACME.com ")
	require.NoError(t, err)
	require.Equal(t, Realm{TenantID: "t1", ConnectionID: c.ID, Domain: "acme.com", Enforced: true}, realm)
	_, secret, err := w.SignInConnection(ctx, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, testSecret, secret.Reveal())
	refs, err := w.ConnectionsOfIssuer(ctx, "https://login.acme.com/")
	require.NoError(t, err)
	require.Equal(t, []store.Ref{{TenantID: "t1", ID: c.ID}}, refs)

	c, err = w.Suspend(ctx, staff, "t1", c.ID, c.Version, "asked by phone")
	require.NoError(t, err)
	_, err = w.RealmOf(ctx, "somebody@acme.com")
	require.ErrorIs(t, err, store.ErrNotFound)
	c, err = w.Activate(ctx, owner, "t1", c.ID, c.Version, Activation{})
	require.NoError(t, err)
	require.False(t, c.Enforced)

	c, err = w.Suspend(ctx, owner, "t1", c.ID, c.Version, "")
	require.NoError(t, err)
	require.NoError(t, w.Delete(ctx, owner, "t1", c.ID, c.Version))
	_, err = w.Connection(ctx, owner, "t1", c.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
	raw, err := w.store.Connection(ctx, "t1", c.ID)
	require.NoError(t, err)
	require.Empty(t, raw.SealedSecret)
	domains, err := w.store.Domains(ctx, "t1")
	require.NoError(t, err)
	require.Empty(t, domains)
	dirs, err = w.Directories(ctx, owner, "t1")
	require.NoError(t, err)
	require.False(t, dirs[0].Enabled)
	list, err := w.Connections(ctx, owner, "t1")
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestAutoApprove(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Reviewer = AutoApprove() })
	c := w.submitted(t, "t1", acme())
	require.Equal(t, store.ConnectionApproved, c.State)
	require.Equal(t, []string{"connection.submitted", "connection.approved", "directory.enabled"}, w.events(t, "t1", 3))

	w = newWorld(t, func(c *Config) {
		c.Reviewer = ReviewerFunc(func(context.Context, Connection, []Finding) (bool, error) { return true, errors.New("down") })
	})
	require.Equal(t, store.ConnectionSubmitted, w.submitted(t, "t1", acme()).State)
}

func TestDraftKeepsWhatItShould(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.submitted(t, "t1", acme())
	c, err := w.Withdraw(ctx, owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Equal(t, store.ConnectionWithdrawn, c.State)
	w.prove(t, "t1", c)
	c, err = w.Connection(ctx, owner, "t1", c.ID)
	require.NoError(t, err)

	same := acme()
	same.ClientSecret = Secret{}
	same.Name = "Renamed"
	saved, _, err := w.SaveDraft(ctx, owner, "t1", c.ID, c.Version, same)
	require.NoError(t, err)
	require.Equal(t, store.ConnectionDraft, saved.State)
	require.True(t, saved.HasSecret)
	require.Equal(t, c.ConfigVersion, saved.ConfigVersion, "a name does not change a sign-in")
	require.Equal(t, c.Domains, saved.Domains, "domains that stay keep token and proof")
	require.Equal(t, c.Issuer, saved.Issuer)

	other := same
	other.Authority = "https://login.other.example"
	other.Domains = []string{"acme.com", "new.example"}
	moved, _, err := w.SaveDraft(ctx, owner, "t1", c.ID, saved.Version, other)
	require.NoError(t, err)
	require.False(t, moved.HasSecret, "a secret must not follow to another host")
	require.Empty(t, moved.Issuer)
	require.Greater(t, moved.ConfigVersion, saved.ConfigVersion)
	require.Equal(t, []string{"acme.com", "new.example"}, domainNames(moved.Domains))

	w.refusedWith(t, "t1", ErrorCodeStale, func() error {
		_, _, err := w.SaveDraft(ctx, owner, "t1", c.ID, saved.Version, other)
		require.ErrorIs(t, err, store.ErrStale)
		return err
	})
	w.refusedWith(t, "t1", CodeRequired, func() error {
		_, _, err := w.Submit(ctx, owner, "t1", c.ID, moved.Version)
		return err
	})
}

func TestRefusedDraftTellsEverything(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.CreateDraft(t.Context(), owner, "t1", Draft{
		Domains: []string{"gmail.com", "acme.com"}, Authority: "http://login.acme.com", ClientID: "a b", ClientSecret: NewSecret("x y"),
		BreakGlass: []string{"a@evil.org"}, AdditionalScopes: []string{`"`}, SecretExpiresAt: w.clock().Add(-time.Hour), ClientAuth: "magic",
		Name: "a\x00b",
	})
	v, ok := errors.AsType[*ValidationError](err)
	require.True(t, ok, "%v", err)
	codes := map[string]string{}
	for _, f := range v.Findings {
		codes[f.Code] = f.Field
	}
	require.Equal(t, map[string]string{
		CodeDomainConsumer: FieldDomains, CodeAuthorityNotHTTPS: FieldAuthority, CodeClientIDInvalid: FieldClientID, CodeSecretInvalid: FieldClientSecret,
		CodeBreakGlassDomainMismatch: FieldBreakGlass, CodeScopeInvalid: FieldScopes, CodeSecretExpiredAlready: FieldSecretExpiry, CodeClientAuthInvalid: FieldClientAuth,
		CodeNameInvalid: FieldConnection,
	}, codes)
	list, err := w.Connections(t.Context(), owner, "t1")
	require.NoError(t, err)
	require.Empty(t, list)
	require.Empty(t, w.events(t, "t1", 0))
}

func TestSubmitRefusals(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	submit := func(c Connection) func() error {
		return func() error {
			_, _, err := w.Submit(ctx, owner, "t1", c.ID, c.Version)
			return err
		}
	}
	empty := w.draft(t, "t1", Draft{})
	err := submit(empty)()
	v, ok := errors.AsType[*ValidationError](err)
	require.True(t, ok)
	fields := map[string]bool{}
	for _, f := range v.Findings {
		if f.Severity == SeverityError {
			require.Equal(t, CodeRequired, f.Code)
			fields[f.Field] = true
		}
	}
	require.Equal(t, map[string]bool{FieldDomains: true, FieldAuthority: true, FieldClientID: true, FieldClientSecret: true}, fields)

	first := acme()
	first.Domains, first.BreakGlass = []string{"first.example"}, nil
	pending := w.submitted(t, "t1", first)
	c := w.draft(t, "t1", acme())
	w.refusedWith(t, "t1", ErrorCodeRequestPending, submit(c))
	w.refusedWith(t, "t1", ErrorCodeRequestPending, func() error {
		_, _, err := w.SaveDraft(ctx, owner, "t1", pending.ID, pending.Version, acme())
		return err
	})
	_, err = w.Withdraw(ctx, owner, "t1", pending.ID, pending.Version)
	require.NoError(t, err)

	ok2 := w.report
	w.report = ProviderReport{Findings: []Finding{errorFinding(FieldAuthority, CodeDiscoveryNotFound, "404")}}
	w.refusedWith(t, "t1", CodeDiscoveryNotFound, submit(c))
	w.report = ProviderReport{}
	w.refusedWith(t, "t1", CodeIssuerMismatch, submit(c))
	w.report, w.checkErr = ok2, context.DeadlineExceeded
	w.refusedWith(t, "t1", "", submit(c))
	w.checkErr = nil
	w.plan.SSO = false
	w.refusedWith(t, "t1", ErrorCodePlanRequired, submit(c))
	w.plan.SSO = true
	c, _, err = w.Submit(ctx, owner, "t1", c.ID, c.Version)
	require.NoError(t, err)

	w.report = ProviderReport{Findings: []Finding{errorFinding(FieldAuthority, CodeTLSError, "tls")}}
	w.refusedWith(t, "t1", CodeTLSError, func() error { // checks run again at approval
		_, _, err := w.Approve(ctx, staff, "t1", c.ID, c.Version)
		return err
	})
}

func TestRunChecksKeepsFindings(t *testing.T) {
	w := newWorld(t)
	c := w.active(t, "t1", acme())
	w.report.Issuer = "https://evil.example/"
	c, findings, err := w.RunChecks(t.Context(), staff, "t1", c.ID)
	require.NoError(t, err)
	require.True(t, hasError(findings))
	require.Equal(t, "https://login.acme.com/", c.Issuer, "the issuer of an active connection is never taken over")
	require.Len(t, c.Checks, len(findings))

	d := w.draft(t, "t2", Draft{Authority: "https://login.acme.com"})
	d, _, err = w.RunChecks(t.Context(), owner, "t2", d.ID)
	require.NoError(t, err)
	require.Equal(t, "https://evil.example/", d.Issuer)
}

func TestActivationNeedsTheTestOfThisConfiguration(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.approved(t, "t1", acme())
	w.prove(t, "t1", c)
	record := func(s TestSignIn) func() error {
		return func() error {
			_, err := w.RecordTestSignIn(ctx, owner, "t1", c.ID, s)
			return err
		}
	}
	good := TestSignIn{ConfigVersion: c.ConfigVersion, Issuer: c.Issuer, Email: "a@acme.com"}
	old, foreign, mail, none := good, good, good, good
	old.ConfigVersion--
	foreign.Issuer = "https://login.acme.com"
	mail.Email = "a@sub.acme.com"
	none.Email = ""
	w.refusedWith(t, "t1", ErrorCodeStale, record(old))
	w.refusedWith(t, "t1", CodeIssuerMismatch, record(foreign))
	w.refusedWith(t, "t1", CodeDomainMismatch, record(mail))
	w.refusedWith(t, "t1", CodeEmailInvalid, record(none))
	require.NoError(t, record(good)())

	c, err := w.Connection(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	c, _, err = w.ReplaceSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret("another-secret-value"), time.Time{})
	require.NoError(t, err)
	activate := func() error {
		_, err := w.Activate(ctx, owner, "t1", c.ID, c.Version, Activation{})
		return err
	}
	w.refusedWith(t, "t1", ErrorCodeTestRequired, activate)
	c = w.tested(t, "t1", c)

	w.report.SigningAlg = "ES256"
	w.refusedWith(t, "t1", ErrorCodeTestRequired, activate)
	c, _, err = w.RunChecks(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	c = w.tested(t, "t1", c)
	require.NoError(t, activate())

	w.refusedWith(t, "t1", ErrorCodeStale, activate)
}

func TestActivationPolicies(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.AllowPartialDomains, c.InsecureSkipTestSignIn = true, true })
	ctx := t.Context()
	d := acme()
	d.BreakGlass = nil
	c := w.approved(t, "t1", d)
	activate := func(a Activation) func() error {
		return func() error {
			_, err := w.Activate(ctx, owner, "t1", c.ID, c.Version, a)
			return err
		}
	}
	w.refusedWith(t, "t1", ErrorCodeDomainsUnverified, activate(Activation{}))
	w.proven["acme.com"] = true
	_, err := w.CheckDomain(ctx, owner, "t1", c.Domains[0].ID)
	require.NoError(t, err)
	w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, activate(Activation{Enforced: true}))
	w.plan.SSO = false
	w.refusedWith(t, "t1", ErrorCodePlanRequired, activate(Activation{}))
	w.plan.SSO = true
	require.NoError(t, activate(Activation{Enforced: true, Confirm: true})())

	_, err = w.RealmOf(ctx, "a@ops.example")
	require.ErrorIs(t, err, store.ErrNotFound, "a domain that is not proven signs nobody in")

	c, err = w.Connection(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	c, err = w.SetEnforced(ctx, owner, "t1", c.ID, c.Version, Activation{})
	require.NoError(t, err)
	require.False(t, c.Enforced)
	w.refusedWith(t, "t1", ErrorCodeConfirmationRequired, func() error {
		_, err := w.SetEnforced(ctx, owner, "t1", c.ID, c.Version, Activation{Enforced: true})
		return err
	})
}

func TestChangesAfterActivation(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	w.refusedWith(t, "t1", ErrorCodeChangeNeedsReview, func() error {
		_, _, err := w.SaveDraft(ctx, owner, "t1", c.ID, c.Version, acme())
		return err
	})
	w.refusedWith(t, "t1", ErrorCodeChangeNeedsReview, func() error {
		_, err := w.AddDomains(ctx, owner, "t1", c.ID, "more.example")
		return err
	})
	w.refusedWith(t, "t1", ErrorCodeChangeNeedsReview, func() error {
		return w.RemoveDomain(ctx, owner, "t1", c.Domains[1].ID, 2)
	})
	c2, err := w.AddDomains(ctx, staff, "t1", c.ID, "more.example, acme.com")
	require.NoError(t, err)
	require.Equal(t, []string{"acme.com", "ops.example", "more.example"}, domainNames(c2.Domains))
	require.NoError(t, w.RemoveDomain(ctx, staff, "t1", c2.Domains[1].ID, c2.Domains[1].Version))
	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		return w.RemoveDomain(ctx, staff, "t1", c2.Domains[0].ID, c2.Domains[0].Version)
	})

	// Secret and expiry are the owner's own (D4).
	c, findings, err := w.ReplaceSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret("brand-new-secret-9999"), w.clock().Add(time.Hour))
	require.NoError(t, err)
	require.Empty(t, findings)
	require.Equal(t, store.ConnectionActive, c.State)
	require.Equal(t, "9999", c.SecretHint)
	w.refusedWith(t, "t1", CodeSecretExpiredAlready, func() error {
		_, _, err := w.SetSecretExpiry(ctx, owner, "t1", c.ID, c.Version, w.clock().Add(-time.Hour), false)
		return err
	})
	c, findings, err = w.SetSecretExpiry(ctx, owner, "t1", c.ID, c.Version, w.clock().Add(-time.Hour), true)
	require.NoError(t, err)
	require.Len(t, findings, 1)
	_, secret, err := w.SignInConnection(ctx, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, "brand-new-secret-9999", secret.Reveal())
}

func TestSecretIsBoundToTenantAndConnection(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.draft(t, "t1", acme())
	raw, err := w.store.Connection(ctx, "t1", c.ID)
	require.NoError(t, err)
	require.NotContains(t, string(raw.SealedSecret), testSecret)

	stolen := raw
	stolen.ID = store.NewID(w.clock())
	stolen, err = w.store.CreateConnection(ctx, "t2", stolen)
	require.NoError(t, err)
	_, _, err = w.SignInConnection(ctx, "t2", stolen.ID)
	require.ErrorIs(t, err, ErrSecretUnreadable)
	require.Equal(t, ErrorCodeSecretUnreadable, CodeOf(err))
	v, _, err := w.RunChecks(ctx, owner, "t2", stolen.ID)
	require.NoError(t, err)
	var codes []string
	for _, f := range v.Checks {
		codes = append(codes, f.Code)
	}
	require.Contains(t, codes, ErrorCodeSecretUnreadable)
}
