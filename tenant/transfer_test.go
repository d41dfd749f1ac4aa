package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// contested is a zone in which t1 holds acme.com and t2 proves control of it.
func contested(t *testing.T, change ...func(*Config)) (z *zone, holder, challenger store.Domain) {
	t.Helper()
	z = newZone(t, change...)
	second := z.draft(t, "t2", Draft{Domains: []string{"acme.com"}, Name: "Other"}).Domains[0]
	_, holder = z.live(t, "t1")
	z.dns.set(func() {
		z.dns.txt[z.name(second)] = [][]string{{"tenantgate-verification=" + holder.Token}, {"tenantgate-verification=" + second.Token}}
	})
	z.through(t, 10*time.Minute, time.Minute)
	return z, holder, z.domain(t, "t2", second.ID)
}

// TestContest: R31. Who proves a name that another tenant holds hears that it is taken; staff see both, and neither tenant
// the other.
func TestContest(t *testing.T) {
	t.Parallel()
	z, holder, challenger := contested(t)
	require.Equal(t, store.DomainPending, challenger.State)
	require.Equal(t, CodeDomainTaken, challenger.Finding.Code)
	require.Equal(t, "acme.com is already in use by another organisation. Contact support.", z.DomainMessage(challenger))
	_, err := z.CheckDomain(t.Context(), owner, "t2", challenger.ID)
	require.Equal(t, ErrorCodeDomainTaken, CodeOf(err))
	require.Equal(t, 1, z.of(t, "t2", "domain.contested"))

	page, err := z.Contests(t.Context(), staff, store.Ref{}, 10)
	require.NoError(t, err)
	require.False(t, page.More)
	require.Len(t, page.Contests, 1)
	c := page.Contests[0]
	require.Equal(t, "acme.com", c.Name)
	require.Equal(t, challenger.ContestedAt, c.Since)
	require.Equal(t, "Organisation t1", c.Holder.Tenant.TenantName())
	require.Equal(t, holder.ID, c.Holder.Domain.ID)
	require.Equal(t, "Organisation t2", c.Challenger.Tenant.TenantName())
	require.Equal(t, challenger.ID, c.Challenger.Domain.ID)

	// The holder's journal and record say nothing at all, the challenger's nothing about whom.
	z.through(t, 40*day, 12*time.Hour)
	require.Zero(t, z.domain(t, "t1", holder.ID).ContestedAt)
	require.Equal(t, 1, z.of(t, "t2", "domain.contested"), "once")
	for tenant, others := range map[string][]string{"t1": {`"t2"`, challenger.ID, challenger.Token}, "t2": {`"t1"`, holder.ID, "Organisation"}} {
		events, err := z.store.Events(t.Context(), tenant, store.EventQuery{})
		require.NoError(t, err)
		text, err := json.Marshal(events)
		require.NoError(t, err)
		for _, secret := range others {
			require.NotContains(t, string(text), secret, tenant)
		}
	}
	require.False(t, z.domain(t, "t2", challenger.ID).Unwatched, "it goes on for as long as both stand")

	// It ends when the challenger's record goes.
	z.publish(holder)
	z.through(t, 2*day, 12*time.Hour)
	require.Equal(t, 1, z.of(t, "t2", "domain.contest_ended"))
	page, err = z.Contests(t.Context(), staff, store.Ref{}, 0)
	require.NoError(t, err)
	require.Empty(t, page.Contests)
}

// TestContestInPages: staff read the list in pages; what was settled is left out.
func TestContestInPages(t *testing.T) {
	t.Parallel()
	z, holder, challenger := contested(t)
	third := z.domain(t, "t2", challenger.ID)
	_, err := z.store.CreateDomain(t.Context(), "t3", store.Domain{
		Meta: store.Meta{ID: "d3"}, Name: third.Name, State: store.DomainPending, Token: "x", ContestedAt: z.clock(), CheckAt: z.clock().Add(day),
	})
	require.NoError(t, err)
	page, err := z.Contests(t.Context(), staff, store.Ref{}, 1)
	require.NoError(t, err)
	require.True(t, page.More)
	require.Equal(t, "t2", page.Contests[0].Challenger.Domain.TenantID)
	page, err = z.Contests(t.Context(), staff, page.Next, 1)
	require.NoError(t, err)
	require.Equal(t, "t3", page.Contests[0].Challenger.Domain.TenantID)

	// The holder gives it up: there is no contest any more, and the next check of the challenger proves it.
	_, err = z.WithdrawDomain(t.Context(), staff, "t1", holder.ID, holder.Version, "sold")
	require.NoError(t, err)
	page, err = z.Contests(t.Context(), staff, store.Ref{}, 0)
	require.NoError(t, err)
	require.Empty(t, page.Contests)
	z.through(t, 2*day, 12*time.Hour)
	require.Equal(t, store.DomainVerified, z.domain(t, "t2", challenger.ID).State)
	require.Zero(t, z.domain(t, "t2", challenger.ID).ContestedAt)
}

// TestStaffClaimForTransfer: an owner can't claim what another tenant has proven; staff can, to transfer it.
func TestStaffClaimForTransfer(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	z.live(t, "t1")
	c := z.draft(t, "t2", Draft{Domains: []string{"globex.example"}})
	z.refusedWith(t, "t2", CodeDomainTaken, func() error {
		_, err := z.AddDomains(t.Context(), owner, "t2", c.ID, "acme.com")
		return err
	})
	z.cfg.Authorizer = AuthorizerFunc(func(context.Context, Actor, Action, string) error { return nil }) // staff who may manage domains too
	c, err := z.AddDomains(t.Context(), staff, "t2", c.ID, "acme.com")
	require.NoError(t, err)
	require.Equal(t, store.DomainPending, c.Domains[1].State)
}

// TestTransfer: staff see what a transfer means, and then do it.
func TestTransfer(t *testing.T) {
	t.Parallel()
	z, holder, challenger := contested(t)
	for i, email := range []string{"ada@acme.com", "bob@ACME.com", "eve@other.example", "dev@dev.acme.com", "broken"} {
		_, err := z.store.CreateAccount(t.Context(), "t1", store.Account{Meta: store.Meta{ID: fmt.Sprint("a", i)}, Source: store.SourceSCIM, Active: true, Email: email})
		require.NoError(t, err)
	}
	_, err := z.store.CreateAccount(t.Context(), "t1", store.Account{Meta: store.Meta{ID: "left"}, Email: "left@acme.com"})
	require.NoError(t, err)
	before1, before2 := len(z.events(t, "t1", 0)), len(z.events(t, "t2", 0))
	plan, err := z.PlanTransfer(t.Context(), staff, "t2", challenger.ID)
	require.NoError(t, err)
	require.Equal(t, "acme.com", plan.Name)
	require.Equal(t, "t1", plan.From.Tenant.TenantID())
	require.Equal(t, "t2", plan.To.Tenant.TenantID())
	require.True(t, plan.ToProven)
	require.True(t, plan.FromProven, "both records stand")
	require.Equal(t, 2, plan.Affected)
	require.Equal(t, []AffectedPerson{{"a0", "ada@acme.com", store.SourceSCIM}, {"a1", "bob@ACME.com", store.SourceSCIM}}, plan.People)
	require.Len(t, plan.Connections, 1)
	require.True(t, plan.Connections[0].LastDomain)
	require.Equal(t, store.ConnectionActive, plan.Connections[0].State)
	require.Equal(t, []string{"admin@acme.com"}, plan.Connections[0].BreakGlass)
	again, err := z.PlanTransfer(t.Context(), staff, "t2", challenger.ID)
	require.NoError(t, err)
	require.Equal(t, plan, again)
	require.Len(t, z.events(t, "t1", 0), before1, "a plan changes nothing")
	require.Len(t, z.events(t, "t2", 0), before2)

	// What is different by now is looked at first.
	_, err = z.store.CreateAccount(t.Context(), "t1", store.Account{Meta: store.Meta{ID: "new"}, Active: true, Email: "new@acme.com"})
	require.NoError(t, err)
	z.refusedWith(t, "t2", ErrorCodeStale, func() error {
		_, err := z.ApplyTransfer(t.Context(), staff, "t2", challenger.ID, plan.ID, "sold")
		return err
	})
	z.refusedWith(t, "t2", CodeRequired, func() error {
		_, err := z.ApplyTransfer(t.Context(), staff, "t2", challenger.ID, plan.ID, " ")
		return err
	})
	plan, err = z.PlanTransfer(t.Context(), staff, "t2", challenger.ID)
	require.NoError(t, err)
	require.Equal(t, 3, plan.Affected)

	// A host that can't be told undoes all of it.
	z.box.fail = errors.New("mail server down")
	_, err = z.ApplyTransfer(t.Context(), staff, "t2", challenger.ID, plan.ID, "sold")
	require.ErrorIs(t, err, z.box.fail)
	require.Equal(t, store.DomainVerified, z.domain(t, "t1", holder.ID).State)
	z.box.fail, z.box.calls = nil, nil

	got, err := z.ApplyTransfer(t.Context(), staff, "t2", challenger.ID, plan.ID, "acme.com was sold")
	require.NoError(t, err)
	require.Equal(t, store.DomainVerified, got.State)
	require.Equal(t, MethodDNS, got.Method)
	require.Zero(t, got.ContestedAt)
	old := z.domain(t, "t1", holder.ID)
	require.Equal(t, store.DomainPending, old.State)
	require.NotEqual(t, holder.Token, old.Token, "the old record proves nothing any more")
	require.Equal(t, []string{NoticeDomainWithdrawn, NoticeBreakGlassLost}, z.kinds())
	require.Equal(t, "t1", z.box.calls[0].TenantID)
	require.Equal(t, "Our team gave acme.com to another organisation that has proven control of it: acme.com was sold", z.box.calls[0].Message)
	require.Equal(t, 1, z.of(t, "t1", "domain.withdrawn"))
	require.Equal(t, 1, z.of(t, "t2", "domain.transferred"))
	ref, err := z.store.TenantOfDomain(t.Context(), "acme.com")
	require.NoError(t, err)
	require.Equal(t, store.Ref{TenantID: "t2", ID: challenger.ID}, ref)

	// The old holder's record still stands; it does not come back by that.
	z.through(t, 3*day, 6*time.Hour)
	require.Equal(t, store.DomainPending, z.domain(t, "t1", holder.ID).State)
	require.Equal(t, store.DomainVerified, z.domain(t, "t2", challenger.ID).State)
	z.refusedWith(t, "t2", ErrorCodeState, func() error {
		_, err := z.PlanTransfer(t.Context(), staff, "t2", challenger.ID)
		return err
	})
}

// TestTransferNeedsProof: a name goes to nobody who does not control it.
func TestTransferNeedsProof(t *testing.T) {
	t.Parallel()
	z, holder, challenger := contested(t)
	z.publish(holder) // the challenger's is gone
	plan, err := z.PlanTransfer(t.Context(), staff, "t2", challenger.ID)
	require.NoError(t, err)
	require.False(t, plan.ToProven)
	require.Equal(t, CodeDomainValueDiffers, plan.ToFinding.Code)
	z.refusedWith(t, "t2", CodeDomainValueDiffers, func() error {
		_, err := z.ApplyTransfer(t.Context(), staff, "t2", challenger.ID, plan.ID, "sold")
		return err
	})
	require.Equal(t, store.DomainVerified, z.domain(t, "t1", holder.ID).State)
}

// TestWithdrawDomain: staff take a proof back; what stands in DNS does not bring it back.
func TestWithdrawDomain(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	_, d := z.live(t, "t1")
	z.refusedWith(t, "t1", CodeRequired, func() error {
		_, err := z.WithdrawDomain(t.Context(), staff, "t1", d.ID, d.Version, "")
		return err
	})
	z.refusedWith(t, "t1", ErrorCodeStale, func() error {
		_, err := z.WithdrawDomain(t.Context(), staff, "t1", d.ID, d.Version+1, "mistake")
		return err
	})
	got, err := z.WithdrawDomain(t.Context(), staff, "t1", d.ID, d.Version, "mistake")
	require.NoError(t, err)
	require.Equal(t, store.DomainPending, got.State)
	require.Equal(t, CodeDomainWithdrawn, got.Finding.Code)
	require.Equal(t, []string{NoticeDomainWithdrawn, NoticeBreakGlassLost}, z.kinds())
	z.refusedWith(t, "t1", ErrorCodeState, func() error {
		_, err := z.WithdrawDomain(t.Context(), staff, "t1", d.ID, got.Version, "again")
		return err
	})
	z.through(t, day, time.Hour)
	require.Equal(t, store.DomainPending, z.domain(t, "t1", d.ID).State)
	z.publish(got)
	z.through(t, 7*time.Hour, time.Hour)
	require.Equal(t, store.DomainVerified, z.domain(t, "t1", d.ID).State)
}
