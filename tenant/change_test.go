package tenant

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// changed is what an owner asks for in the tests: another client, one domain more and one
// less, another break-glass address.
func changed() Draft {
	d := acme()
	d.Domains, d.ClientID, d.ClientSecret = []string{"acme.com", "new.example"}, "client-2", NewSecret("another-"+testSecret)
	d.BreakGlass, d.AdditionalScopes = []string{"admin@new.example"}, nil
	return d
}

// requested is a change of c that was submitted and approved.
func (w *world) requested(t testing.TB, c Connection, d Draft) Connection {
	t.Helper()
	ctx := t.Context()
	ch, err := w.StartChange(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	ch, _, err = w.SaveDraft(ctx, owner, "t1", ch.ID, ch.Version, d)
	require.NoError(t, err)
	ch, _, err = w.Submit(ctx, owner, "t1", ch.ID, ch.Version)
	require.NoError(t, err)
	if ch.State == store.ConnectionSubmitted {
		ch, _, err = w.Approve(ctx, staff, "t1", ch.ID, ch.Version)
		require.NoError(t, err)
	}
	return ch
}

func TestChangeInForce(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	first := c

	ch, err := w.StartChange(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, store.ConnectionDraft, ch.State)
	require.Equal(t, c.ID, ch.ChangeOf)
	require.Equal(t, c.ClientID, ch.ClientID)
	require.ElementsMatch(t, domainNames(c.Domains), domainNames(ch.Domains))
	require.False(t, ch.HasSecret)
	again, err := w.StartChange(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, ch, again, "one change at a time")

	ch, _, err = w.SaveDraft(ctx, owner, "t1", ch.ID, ch.Version, changed())
	require.NoError(t, err)
	ch, _, err = w.Submit(ctx, owner, "t1", ch.ID, ch.Version)
	require.NoError(t, err)
	require.Equal(t, store.ConnectionSubmitted, ch.State)

	review, err := w.Review(ctx, staff, "t1", ch.ID)
	require.NoError(t, err)
	require.Equal(t, []Difference{
		{Field: FieldDomains, Before: []string{"acme.com", "ops.example"}, After: []string{"acme.com", "new.example"}},
		{Field: FieldClientID, Before: []string{"client-1"}, After: []string{"client-2"}},
		{Field: FieldBreakGlass, Before: []string{"admin@acme.com"}, After: []string{"admin@new.example"}},
		{Field: FieldScopes, Before: []string{"groups"}},
		{Field: FieldClientSecret, Before: []string{"…6789"}, After: []string{"…6789"}},
	}, review.Differences)
	require.Equal(t, []string{"new.example"}, review.Differences[0].Added())
	require.Equal(t, []string{"ops.example"}, review.Differences[0].Removed())

	// What is in force goes on as it was.
	c, err = w.Connection(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, first.ClientID, c.ClientID)
	require.Equal(t, store.ConnectionActive, c.State)
	_, err = w.RealmOf(ctx, "a@ops.example")
	require.NoError(t, err)
	realms, err := w.RealmsOf(ctx, "a@acme.com")
	require.NoError(t, err)
	require.Len(t, realms, 1, "nobody signs in at a change")

	ch, _, err = w.Approve(ctx, staff, "t1", ch.ID, ch.Version)
	require.NoError(t, err)
	dirs, err := w.Directories(ctx, owner, "t1")
	require.NoError(t, err)
	require.Len(t, dirs, 1, "a change has no directory of its own")

	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, err := w.Activate(ctx, owner, "t1", ch.ID, ch.Version, Activation{})
		return err
	})
	apply := func() error {
		_, err := w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
		return err
	}
	w.refusedWith(t, "t1", ErrorCodeDomainsUnverified, apply)
	w.prove(t, "t1", ch)
	w.refusedWith(t, "t1", ErrorCodeTestRequired, apply)
	secret, err := w.ClientSecret(ctx, w.stored(t, ch.ID))
	require.NoError(t, err)
	require.Equal(t, "another-"+testSecret, secret.Reveal(), "the test uses the new secret")
	ch = w.tested(t, "t1", ch)

	identity := store.Identity{
		Meta:         store.Meta{ID: store.NewID(w.clock()), CreatedAt: w.clock(), UpdatedAt: w.clock()},
		ConnectionID: c.ID, Issuer: c.Issuer, Subject: "s", AccountID: "u1",
	}
	_, err = w.store.CreateIdentity(ctx, "t1", identity)
	require.NoError(t, err)
	from := len(w.events(t, "t1", 0))
	out, err := w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
	require.NoError(t, err)
	require.Equal(t, c.ID, out.ID)
	require.Equal(t, store.ConnectionActive, out.State)
	require.Equal(t, "client-2", out.ClientID)
	require.Equal(t, []string{"admin@new.example"}, out.BreakGlass)
	require.Empty(t, out.AdditionalScopes)
	require.Equal(t, []string{"acme.com", "new.example"}, domainNames(out.Domains))
	require.Equal(t, out.ConfigVersion, out.TestedVersion)
	require.Greater(t, out.ConfigVersion, c.ConfigVersion)
	require.Equal(t, c.ActivatedAt, out.ActivatedAt)
	secret, err = w.ClientSecret(ctx, w.stored(t, c.ID))
	require.NoError(t, err)
	require.Equal(t, "another-"+testSecret, secret.Reveal())
	links, err := w.store.IdentitiesOf(ctx, "t1", "u1")
	require.NoError(t, err)
	require.Empty(t, links, "another client gives other subjects")
	require.Equal(t, []string{
		"connection.changed", "connection.identities_removed", "domain.removed", "domain.connections_changed", "connection.change_applied",
		"domain.connections_changed", "domain.connections_changed",
	}, w.events(t, "t1", from))

	_, err = w.Connection(ctx, owner, "t1", ch.ID)
	require.ErrorIs(t, err, store.ErrNotFound, "the change is gone")
	require.Empty(t, w.stored(t, ch.ID).SealedSecret)
	realms, err = w.RealmsOf(ctx, "a@new.example")
	require.NoError(t, err)
	require.Equal(t, []Realm{{TenantID: "t1", ConnectionID: c.ID, Domain: "new.example"}}, realms)
	_, err = w.RealmOf(ctx, "a@ops.example")
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, d := range out.Domains {
		require.Equal(t, []string{c.ID}, d.Connections())
	}
	dirs, err = w.Directories(ctx, owner, "t1")
	require.NoError(t, err)
	require.True(t, dirs[0].Enabled)
}

func (w *world) stored(t testing.TB, id string) store.Connection {
	t.Helper()
	c, err := w.store.Connection(t.Context(), "t1", id)
	require.NoError(t, err)
	return c
}

// TestChangeKeepsTheSecretInForce: a change at the same client needs no secret, also when the owner replaces it
// meanwhile; at another client, or another host, it is not sent there.
func TestChangeKeepsTheSecretInForce(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	d := acme()
	d.ClientSecret, d.AdditionalScopes = Secret{}, []string{"teams"}
	ch := w.tested(t, "t1", w.requested(t, c, d))
	secret, err := w.ClientSecret(ctx, w.stored(t, ch.ID))
	require.NoError(t, err)
	require.Equal(t, testSecret, secret.Reveal())

	c, err = w.Connection(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	_, _, err = w.ReplaceSecret(ctx, owner, "t1", c.ID, c.Version, NewSecret("replaced-"+testSecret), w.clock().Add(90*day))
	require.NoError(t, err)
	out, err := w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
	require.NoError(t, err)
	require.Equal(t, []string{"teams"}, out.AdditionalScopes)
	require.Equal(t, store.Time(w.clock().Add(90*day)), out.SecretExpiresAt)
	secret, err = w.ClientSecret(ctx, w.stored(t, c.ID))
	require.NoError(t, err)
	require.Equal(t, "replaced-"+testSecret, secret.Reveal())

	for name, move := range map[string]func(*Draft){
		"client": func(d *Draft) { d.ClientID = "client-2" },
		"host":   func(d *Draft) { d.Authority = "https://login.other.example" },
	} {
		t.Run(name, func(t *testing.T) {
			ch, err := w.StartChange(ctx, owner, "t1", c.ID)
			require.NoError(t, err)
			other := d
			move(&other)
			ch, _, err = w.SaveDraft(ctx, owner, "t1", ch.ID, ch.Version, other)
			require.NoError(t, err)
			secret, err := w.ClientSecret(ctx, w.stored(t, ch.ID))
			require.NoError(t, err)
			require.True(t, secret.IsZero(), "a secret must not follow to another place")
			w.refusedWith(t, "t1", CodeRequired, func() error {
				_, _, err := w.Submit(ctx, owner, "t1", ch.ID, ch.Version)
				return err
			})
			require.NoError(t, w.Delete(ctx, owner, "t1", ch.ID, ch.Version))
			require.Empty(t, w.stored(t, c.ID).DriftCode)
		})
	}
	out, err = w.Connection(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	require.Len(t, out.Domains, 2, "what a deleted change claimed too stays with the connection")
}

// TestChangeOutdated: what was reviewed is what happens.
func TestChangeOutdated(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	d := acme()
	d.ClientSecret, d.AdditionalScopes = Secret{}, nil
	ch := w.tested(t, "t1", w.requested(t, c, d))
	c, err := w.SetBreakGlass(ctx, staff, "t1", c.ID, w.stored(t, c.ID).Version, false, "second@acme.com")
	require.NoError(t, err)

	w.refusedWith(t, "t1", ErrorCodeChangeOutdated, func() error {
		_, err := w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
		return err
	})
	ch, err = w.Withdraw(ctx, owner, "t1", ch.ID, ch.Version)
	require.NoError(t, err)
	d.BreakGlass = []string{"second@acme.com"}
	ch = w.tested(t, "t1", w.requested(t, c, d))
	out, err := w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
	require.NoError(t, err)
	require.Equal(t, []string{"second@acme.com"}, out.BreakGlass)
	require.Empty(t, out.AdditionalScopes)

	ch, err = w.StartChange(ctx, owner, "t1", c.ID)
	require.NoError(t, err)
	out, err = w.Suspend(ctx, owner, "t1", out.ID, out.Version, "")
	require.NoError(t, err)
	require.NoError(t, w.Delete(ctx, owner, "t1", out.ID, out.Version))
	_, err = w.Connection(ctx, owner, "t1", ch.ID)
	require.ErrorIs(t, err, store.ErrNotFound, "a change does not outlive its connection")
	domains, err := w.store.Domains(ctx, "t1")
	require.NoError(t, err)
	require.Empty(t, domains)
}

func TestChangePolicies(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t, func(c *Config) { c.Changes = ChangeLocked })
	c := w.active(t, "t1", acme())
	w.refusedWith(t, "t1", ErrorCodeChangeNeedsReview, func() error {
		_, err := w.StartChange(ctx, owner, "t1", c.ID)
		return err
	})
	w.refusedWith(t, "t1", ErrorCodeForbidden, func() error {
		_, err := w.StartChange(ctx, stranger, "t1", c.ID)
		return err
	})
	ch, err := w.StartChange(ctx, staff, "t1", c.ID)
	require.NoError(t, err)
	d := acme()
	d.ClientSecret, d.AdditionalScopes = Secret{}, nil
	ch, _, err = w.SaveDraft(ctx, staff, "t1", ch.ID, ch.Version, d)
	require.NoError(t, err, "staff edit for the owner")
	ch, _, err = w.Submit(ctx, staff, "t1", ch.ID, ch.Version)
	require.NoError(t, err)
	ch, _, err = w.Approve(ctx, staff, "t1", ch.ID, ch.Version)
	require.NoError(t, err, "what staff submit for an owner they may approve")
	ch = w.tested(t, "t1", ch)
	_, err = w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
	require.NoError(t, err)

	w = newWorld(t, func(c *Config) { c.Changes = ChangeByOwner })
	c = w.active(t, "t1", acme())
	require.Equal(t, store.ConnectionApproved, w.requested(t, c, changed()).State, "no staff")

	w = newWorld(t)
	c = w.draft(t, "t1", acme())
	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, err := w.StartChange(ctx, owner, "t1", c.ID)
		return err
	})
	w.plan.SSO = false
	w.refusedWith(t, "t1", ErrorCodePlanRequired, func() error {
		_, err := w.StartChange(ctx, owner, "t1", c.ID)
		return err
	})
	_, err = New(Config{})
	require.Error(t, err)
	cfg := w.cfg
	cfg.Changes = "sometimes"
	_, err = New(cfg)
	require.ErrorContains(t, err, "Config.Changes")
	cfg.Changes, cfg.Approvals = "", maxApprovals+1
	_, err = New(cfg)
	require.ErrorContains(t, err, "Config.Approvals")
}

// TestChangeOfEnforcedConnection meets the prechecks of enforcement with the new settings.
func TestChangeOfEnforcedConnection(t *testing.T) {
	works := map[string]bool{"admin@acme.com": true}
	w := newWorld(t, func(c *Config) {
		c.LocalCredentials = LocalCredentialsFunc(func(_ context.Context, _, email string) (bool, error) { return works[email], nil })
	})
	ctx := t.Context()
	c := w.active(t, "t1", acme())
	c, err := w.SetEnforced(ctx, owner, "t1", c.ID, c.Version, Activation{Enforced: true})
	require.NoError(t, err)

	d := acme()
	d.ClientSecret, d.BreakGlass = Secret{}, []string{"gone@acme.com"}
	ch := w.tested(t, "t1", w.requested(t, c, d))
	w.refusedWith(t, "t1", CodeBreakGlassUnusable, func() error {
		_, err := w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, false)
		return err
	})
	out, err := w.ApplyChange(ctx, owner, "t1", ch.ID, ch.Version, true)
	require.NoError(t, err, "confirmed")
	require.True(t, out.Enforced)
	require.Equal(t, []string{"gone@acme.com"}, out.BreakGlass)
}

func TestFourEyes(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Approvals = 2 })
	ctx := t.Context()
	c := w.submitted(t, "t1", acme())
	require.Equal(t, owner.ID, c.SubmittedBy.ID)
	second := Actor{Kind: ActorStaff, ID: "s2", Name: "Second"}
	w.refusedWith(t, "t1", ErrorCodeForbidden, func() error {
		_, _, err := w.Approve(ctx, Actor{Kind: ActorStaff, Name: "Somebody"}, "t1", c.ID, c.Version)
		return err
	})

	c, _, err := w.Approve(ctx, staff, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Equal(t, store.ConnectionSubmitted, c.State)
	require.Len(t, c.Approvals, 1)
	w.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, _, err := w.Approve(ctx, staff, "t1", c.ID, c.Version)
		return err
	})
	c, err = w.AskForInformation(ctx, second, "t1", c.ID, c.Version, "Why?")
	require.NoError(t, err)
	require.Empty(t, c.Approvals, "a question takes them back")
	c, _, err = w.Submit(ctx, owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	c, _, err = w.Approve(ctx, second, "t1", c.ID, c.Version)
	require.NoError(t, err)
	c, _, err = w.Approve(ctx, staff, "t1", c.ID, c.Version)
	require.NoError(t, err)
	require.Equal(t, store.ConnectionApproved, c.State)
	require.Empty(t, c.Approvals)
	require.Equal(t, []string{"acme.com", "ops.example"}, c.Approved.Domains)
}

// TestOwnRequest: an owner who also reviews does not approve what they asked for.
func TestOwnRequest(t *testing.T) {
	w := newWorld(t)
	c := w.submitted(t, "t1", acme())
	w.refusedWith(t, "t1", ErrorCodeOwnRequest, func() error {
		_, _, err := w.Approve(t.Context(), Actor{Kind: ActorStaff, ID: owner.ID}, "t1", c.ID, c.Version)
		require.ErrorIs(t, err, ErrForbidden)
		return err
	})
}

func TestReviewSheet(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.active(t, "t2", Draft{
		Domains: []string{"two.example"}, Authority: "https://login.acme.com", ClientID: "client-1", ClientSecret: NewSecret(testSecret),
		BreakGlass: []string{"admin@two.example"},
	})
	c := w.submitted(t, "t1", acme())
	w.prove(t, "t1", c)
	sheet, err := w.Review(ctx, staff, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, "Organisation t1", sheet.Tenant.TenantName())
	require.Len(t, sheet.Differences, 9, "all that is set: nothing was approved yet")
	require.Len(t, sheet.SameClient, 1)
	require.Equal(t, "t2", sheet.SameClient[0].TenantID)
	require.NotEmpty(t, sheet.Checks)
	require.Equal(t, []string{"domain.verified", "domain.verified", "domain.added", "domain.added"}, types(sheet.DomainHistory))

	for _, who := range []Actor{owner, stranger} {
		_, err = w.Review(ctx, who, "t1", c.ID)
		require.ErrorIs(t, err, ErrForbidden, "who else uses the provider is for staff alone")
	}
	_, err = w.Review(ctx, staff, "t2", c.ID)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func types(events []store.Event) (out []string) {
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

func TestReviewNotices(t *testing.T) {
	var told []Notice
	fail := false
	w := newWorld(t, func(c *Config) {
		c.Notifier = NotifierFunc(func(_ context.Context, _ store.Store, n Notice) error {
			if fail {
				return errors.New("queue is full")
			}
			told = append(told, n)
			return nil
		})
	})
	ctx := t.Context()
	c := w.submitted(t, "t1", acme())
	require.Empty(t, told)
	fail = true
	before := w.stored(t, c.ID)
	_, err := w.AskForInformation(ctx, staff, "t1", c.ID, c.Version, "Which plan?")
	require.ErrorContains(t, err, "queue is full")
	require.Equal(t, before, w.stored(t, c.ID), "nobody waits for an answer to a question that was not told")
	fail = false
	c, err = w.AskForInformation(ctx, staff, "t1", c.ID, c.Version, "Which plan?")
	require.NoError(t, err)
	c, err = w.AddMessage(ctx, owner, "t1", c.ID, c.Version, "Enterprise")
	require.NoError(t, err)
	c, err = w.AddMessage(ctx, staff, "t1", c.ID, c.Version, "Thanks")
	require.NoError(t, err)
	c, _, err = w.Submit(ctx, owner, "t1", c.ID, c.Version)
	require.NoError(t, err)
	c, _, err = w.Approve(ctx, staff, "t1", c.ID, c.Version)
	require.NoError(t, err)
	_, err = w.Reject(ctx, staff, "t1", c.ID, c.Version, "Not your domain")
	require.NoError(t, err)

	var kinds []string
	ids := map[string]bool{}
	for _, n := range told {
		kinds = append(kinds, n.Kind)
		ids[n.ID] = true
		require.Equal(t, "t1", n.TenantID)
		require.Equal(t, c.ID, n.ConnectionID)
		require.NotEmpty(t, n.Message)
	}
	require.Equal(t, []string{NoticeInformationAsked, NoticeMessage, NoticeApproved, NoticeRejected}, kinds)
	require.Len(t, ids, 4)
	require.Contains(t, told[0].Message, "Which plan?")
}
