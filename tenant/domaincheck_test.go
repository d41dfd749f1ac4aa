package tenant

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/tenantgate/tenantgate/store"
)

// zone is a world whose domains are proven by a name server, with a mailbox.
type zone struct {
	*world
	dns *dnsServer
	box *mailbox
}

func newZone(t *testing.T, change ...func(*Config)) *zone {
	t.Helper()
	z := &zone{dns: newDNSServer(t), box: &mailbox{}}
	v, err := NewDNSValidator(DNSConfig{Server: z.dns.addr, Timeout: 2 * time.Second})
	require.NoError(t, err)
	z.world = newWorld(t, append([]func(*Config){func(c *Config) { c.DomainValidator, c.Notifier = v, z.box }}, change...)...)
	return z
}

func (z *zone) name(d store.Domain) string { return DefaultChallengeLabel + "." + d.Name }

func (z *zone) publish(d store.Domain) {
	z.dns.set(func() { z.dns.txt[z.name(d)] = [][]string{{"tenantgate-", "verification=" + d.Token}} })
}

func (z *zone) unpublish(d store.Domain) { z.dns.set(func() { delete(z.dns.txt, z.name(d)) }) }

// live is an active connection with one domain, acme.com, that is proven in DNS.
func (z *zone) live(t *testing.T, tenantID string) (Connection, store.Domain) {
	t.Helper()
	d := acme()
	d.Domains = []string{"acme.com"}
	c := z.approved(t, tenantID, d)
	z.publish(c.Domains[0])
	z.checks(t)
	z.pass(2 * time.Minute)
	z.checks(t)
	c = z.tested(t, tenantID, c)
	c, err := z.Activate(t.Context(), owner, tenantID, c.ID, c.Version, Activation{})
	require.NoError(t, err)
	return c, c.Domains[0]
}

func (z *zone) checks(t *testing.T) int {
	t.Helper()
	n, err := z.CheckDomains(t.Context())
	require.NoError(t, err)
	return n
}

// through lets time pass in steps, and the background work.
func (z *zone) through(t *testing.T, d, step time.Duration) (checks int) {
	t.Helper()
	for ; d > 0; d -= step {
		z.pass(step)
		checks += z.checks(t)
	}
	return checks
}

func (z *zone) domain(t *testing.T, tenantID, id string) store.Domain {
	t.Helper()
	d, err := z.store.Domain(t.Context(), tenantID, id)
	require.NoError(t, err)
	return d
}

func (z *zone) kinds() []string {
	z.box.mu.Lock()
	defer z.box.mu.Unlock()
	var out []string
	for _, n := range z.box.calls {
		out = append(out, n.Kind)
	}
	return out
}

// of counts the events of a type.
func (w *world) of(t testing.TB, tenantID, what string) int {
	t.Helper()
	n := 0
	for _, e := range w.events(t, tenantID, 0) {
		if e == what {
			n++
		}
	}
	return n
}

// TestPendingDomainsAreChecked: R33. Nobody has to press anything; a page can say when the next look is.
func TestPendingDomainsAreChecked(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	d := z.draft(t, "t1", Draft{Domains: []string{"acme.com"}}).Domains[0]
	require.Zero(t, z.checks(t), "it was claimed this moment")
	require.Empty(t, z.DomainMessage(d))
	z.pass(time.Minute)
	require.Equal(t, 1, z.checks(t))
	require.Zero(t, z.checks(t), "not before its time")
	d = z.domain(t, "t1", d.ID)
	require.Equal(t, store.DomainPending, d.State)
	require.Regexp(t, `^No TXT record at _tenantgate-challenge\.acme\.com yet\. DNS changes can take up to 48 hours\. We check again (within a|in 1) minute\.$`, z.DomainMessage(d))

	first := z.through(t, 10*time.Minute, 30*time.Second)
	require.GreaterOrEqual(t, first, 5, "often at first")
	require.LessOrEqual(t, first, 11)
	z.through(t, 20*time.Hour, 10*time.Minute)
	d = z.domain(t, "t1", d.ID)
	require.Contains(t, z.DomainMessage(d), "hours.")
	require.LessOrEqual(t, z.through(t, 24*time.Hour, 10*time.Minute), 6, "seldom after a day")
	require.Equal(t, 1, z.of(t, "t1", "domain.checked"), "the same finding again is no news")

	z.publish(d)
	z.through(t, 8*time.Hour, 10*time.Minute)
	d = z.domain(t, "t1", d.ID)
	require.Equal(t, store.DomainVerified, d.State)
	require.Equal(t, MethodDNS, d.Method)
	require.Equal(t, "The TXT record at _tenantgate-challenge.acme.com is right.", z.DomainMessage(d))
	require.Equal(t, 1, z.of(t, "t1", "domain.verified"))
	require.Empty(t, z.box.calls)
}

// TestSearchEnds: a claim that nobody proves is not looked at for ever, and a person can begin anew.
func TestSearchEnds(t *testing.T) {
	t.Parallel()
	z := newZone(t, func(c *Config) { c.DomainChecks.GiveUpAfter = 3 * day })
	d := z.draft(t, "t1", Draft{Domains: []string{"acme.com"}}).Domains[0]
	z.through(t, 4*day, time.Hour)
	d = z.domain(t, "t1", d.ID)
	require.True(t, d.Unwatched)
	require.Equal(t, CodeDomainSearchEnded, d.Finding.Code)
	require.Contains(t, z.DomainMessage(d), "We have looked for 3 days and stopped. Check it again once the proof is there.")
	require.Equal(t, 1, z.of(t, "t1", "domain.search_ended"))
	z.publish(d)
	require.Zero(t, z.through(t, 10*day, 6*time.Hour))

	z.unpublish(d)
	got, err := z.CheckDomain(t.Context(), owner, "t1", d.ID)
	require.NoError(t, err)
	require.False(t, got.Unwatched)
	require.Equal(t, d.Token, got.Token, "what the DNS team was told stays right")
	require.Equal(t, CodeDomainRecordMissing, got.Finding.Code)
	z.publish(d)
	z.through(t, 5*time.Minute, time.Minute)
	require.Equal(t, store.DomainVerified, z.domain(t, "t1", d.ID).State)
}

// TestChecksDoNotMakePagesStale: what the background wrote since a page was shown is no change that its reader must see first.
func TestChecksDoNotMakePagesStale(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	c := z.approved(t, "t1", acme())
	shown := c.Domains[0]
	z.through(t, time.Hour, time.Minute)
	require.Greater(t, z.domain(t, "t1", shown.ID).Version, shown.Version+3)
	got, err := z.SetSubdomains(t.Context(), staff, "t1", shown.ID, shown.Version, true)
	require.NoError(t, err)
	z.refusedWith(t, "t1", ErrorCodeStale, func() error {
		_, err := z.SetSubdomains(t.Context(), staff, "t1", shown.ID, shown.Version, false)
		return err
	})
	z.refusedWith(t, "t1", ErrorCodeStale, func() error { return z.RemoveDomain(t.Context(), staff, "t1", shown.ID, got.Version+1) })
	z.publish(got)
	z.through(t, 2*time.Hour, time.Minute)
	z.refusedWith(t, "t1", ErrorCodeStale, func() error { return z.RemoveDomain(t.Context(), staff, "t1", shown.ID, got.Version) })
}

// TestMissingProof: pain 12. The proof goes: sign-in still works, owners are warned three times, and when it comes back all is well.
func TestMissingProof(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	_, d := z.live(t, "t1")
	z.unpublish(d)
	z.through(t, 2*day, time.Hour)
	d = z.domain(t, "t1", d.ID)
	require.Equal(t, store.DomainVerified, d.State)
	require.Equal(t, CodeDomainLost, d.Finding.Code)
	require.Equal(t, "Record missing since 25 Nov. Sign-in still works. Restore it.", z.DomainMessage(d))
	require.Empty(t, z.box.calls, "a few days are nobody's alarm")

	z.through(t, 60*day, 6*time.Hour)
	require.Equal(t, []string{NoticeDomainMissing, NoticeDomainMissing, NoticeDomainMissing}, z.kinds())
	require.Equal(t, []string{"0s", "0s", "0s"}, z.mails(t, "t1"))
	first := z.box.calls[0]
	require.Equal(t, Notice{
		ID: first.ID, Kind: NoticeDomainMissing, TenantID: "t1", DomainID: d.ID, Domain: "acme.com", Since: d.MissingSince,
		Message: "acme.com: Record missing since 25 Nov. Sign-in still works. Restore it.",
	}, first)
	require.NotEqual(t, first.ID, z.box.calls[1].ID)
	require.Equal(t, 1, z.of(t, "t1", "domain.proof_missing"))
	require.Equal(t, 3, z.of(t, "t1", "domain.warned"))
	_, err := z.RealmOf(t.Context(), "x@acme.com")
	require.NoError(t, err, "it is kept")

	z.publish(d)
	z.through(t, 2*day, time.Hour)
	d = z.domain(t, "t1", d.ID)
	require.Zero(t, d.MissingSince)
	require.Equal(t, CodeDomainProven, d.Finding.Code)
	require.Equal(t, 1, z.of(t, "t1", "domain.proof_restored"))

	// Another episode has warnings of its own.
	z.dns.set(func() { z.dns.txt[z.name(d)] = [][]string{{"tenantgate-verification=somethingelse"}} })
	z.through(t, 10*day, time.Hour)
	require.Len(t, z.kinds(), 4)
	require.Contains(t, z.domain(t, "t1", d.ID).Finding.Message, "A TXT record exists at")
	require.NotEmpty(t, z.domain(t, "t1", d.ID).Finding.Expected)
}

// TestFailuresAreNotAbsence: nothing but a name server's own word that the record is not there begins an episode.
func TestFailuresAreNotAbsence(t *testing.T) {
	t.Parallel()
	z := newZone(t, func(c *Config) {
		c.DomainChecks = DomainChecks{WarnAfter: []time.Duration{time.Hour}, WithdrawAfter: 2 * day}
	})
	_, d := z.live(t, "t1")
	for name, answer := range map[string]func(){
		"SERVFAIL":  func() { z.dns.rcode[z.name(d)] = dnsmessage.RCodeServerFailure },
		"REFUSED":   func() { z.dns.rcode[z.name(d)] = dnsmessage.RCodeRefused },
		"truncated": func() { z.dns.truncUDP = true },
		"CNAME": func() {
			z.dns.cname[z.name(d)] = "proofs.example.net"
			z.dns.txt["proofs.example.net"] = z.dns.txt[z.name(d)]
		},
	} {
		z.dns.set(answer)
		require.Positive(t, z.through(t, 5*day, 12*time.Hour), name)
		got := z.domain(t, "t1", d.ID)
		require.Equal(t, store.DomainVerified, got.State, name)
		require.Zero(t, got.MissingSince, name)
		require.NotEqual(t, string(SeverityError), got.Finding.Severity, name)
		z.dns.set(func() {
			clear(z.dns.rcode)
			clear(z.dns.cname)
			z.dns.truncUDP = false
		})
	}
	require.Empty(t, z.kinds())

	// Nor does it end one, or take the proof away in the middle of one.
	z.unpublish(d)
	z.through(t, 2*day, 6*time.Hour)
	missing := z.domain(t, "t1", d.ID)
	require.NotZero(t, missing.MissingSince)
	z.dns.set(func() { z.dns.rcode[z.name(d)] = dnsmessage.RCodeServerFailure })
	z.through(t, 5*day, 6*time.Hour)
	got := z.domain(t, "t1", d.ID)
	require.Equal(t, store.DomainVerified, got.State)
	require.Equal(t, missing.MissingSince, got.MissingSince)
	require.Equal(t, CodeDomainLost, got.Finding.Code)
}

// TestSlowServerIsNotAbsence: a name server that does not answer says nothing either.
func TestSlowServerIsNotAbsence(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	v, err := NewDNSValidator(DNSConfig{Server: z.dns.addr, Timeout: 100 * time.Millisecond})
	require.NoError(t, err)
	_, d := z.live(t, "t1")
	z.cfg.DomainValidator = v
	z.dns.set(func() { z.dns.silent[z.name(d)] = true })
	z.through(t, 2*day, day)
	got := z.domain(t, "t1", d.ID)
	require.Equal(t, CodeDomainDNSTimeout, got.Finding.Code)
	require.Zero(t, got.MissingSince)
}

// TestWithdrawn: the host's policy takes the proof away, never before the last warning; the record brings it back.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	z := newZone(t, func(c *Config) { c.DomainChecks.WithdrawAfter = 45 * day })
	_, d := z.live(t, "t1")
	z.unpublish(d)
	z.through(t, 44*day, 6*time.Hour)
	require.Len(t, z.kinds(), 3)
	require.Equal(t, "Record missing since 25 Nov. Sign-in still works. Restore it before 9 Jan 2027.", z.box.calls[0].Message[len("acme.com: "):])
	require.Equal(t, store.DomainVerified, z.domain(t, "t1", d.ID).State)
	z.through(t, 4*day, 6*time.Hour)
	gone := z.domain(t, "t1", d.ID)
	require.Equal(t, store.DomainPending, gone.State)
	require.Equal(t, d.Token, gone.Token)
	require.Equal(t, []string{NoticeDomainWithdrawn, NoticeBreakGlassLost}, z.kinds()[3:])
	require.Equal(t, []string{"admin@acme.com"}, z.box.calls[4].Emails)
	require.Contains(t, z.box.calls[4].Message, "admin@acme.com can't sign in without the provider")
	require.Equal(t, 1, z.of(t, "t1", "domain.withdrawn"))
	require.Equal(t, 1, z.of(t, "t1", "connection.break_glass_lost"))
	_, err := z.RealmOf(t.Context(), "x@acme.com")
	require.ErrorIs(t, err, store.ErrNotFound, "it signs nobody in any more")
	z.publish(d)
	z.through(t, 7*time.Hour, 10*time.Minute)
	require.Equal(t, store.DomainVerified, z.domain(t, "t1", d.ID).State)
	_, err = z.RealmOf(t.Context(), "x@acme.com")
	require.NoError(t, err)
}

// TestWithdrawnAfterAPause: a background that did not run for long warns first, and gives time.
func TestWithdrawnAfterAPause(t *testing.T) {
	t.Parallel()
	z := newZone(t, func(c *Config) { c.DomainChecks.WithdrawAfter = 45 * day })
	_, d := z.live(t, "t1")
	z.unpublish(d)
	z.through(t, 2*day, time.Hour)
	z.pass(100 * day)
	require.Equal(t, 1, z.checks(t))
	require.Equal(t, []string{NoticeDomainMissing}, z.kinds(), "one, of the longest time")
	require.Equal(t, store.DomainVerified, z.domain(t, "t1", d.ID).State)
	require.Contains(t, z.box.calls[0].Message, "Restore it before 7 Mar.")
	z.through(t, 2*day, 6*time.Hour)
	require.Equal(t, store.DomainPending, z.domain(t, "t1", d.ID).State)
}

// TestStaffProofIsLeftAlone: there is no record that could go missing.
func TestStaffProofIsLeftAlone(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	d := z.approved(t, "t1", acme()).Domains[0]
	_, err := z.VerifyDomain(t.Context(), staff, "t1", d.ID, d.Version)
	require.NoError(t, err)
	z.through(t, 60*day, day)
	got := z.domain(t, "t1", d.ID)
	require.Equal(t, store.DomainVerified, got.State)
	require.Zero(t, got.MissingSince)
	require.Empty(t, z.kinds())
	got, err = z.CheckDomain(t.Context(), owner, "t1", d.ID)
	require.NoError(t, err)
	require.Zero(t, got.MissingSince)
}

// TestOtherMethodIsNotAbsence: a host that changes its validator takes nobody's proof away.
func TestOtherMethodIsNotAbsence(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	_, d := z.live(t, "t1")
	missing := DomainProof{Method: MethodHTTP, Absent: true, Finding: errorFinding(FieldDomains, CodeDomainFileMissing, "no file")}
	z.cfg.DomainValidator = fixedValidator{proof: missing}
	z.through(t, 10*day, day)
	require.Zero(t, z.domain(t, "t1", d.ID).MissingSince)
	require.Empty(t, z.kinds())

	// Of several validators the one that proved it counts.
	dns := DomainProof{Method: MethodDNS, Absent: true, Finding: errorFinding(FieldDomains, CodeDomainRecordMissing, "no record")}
	both, err := AnyOf(fixedValidator{proof: missing}, fixedValidator{proof: dns}, StaffValidator{})
	require.NoError(t, err)
	z.cfg.DomainValidator = both
	z.through(t, 2*day, day)
	require.NotZero(t, z.domain(t, "t1", d.ID).MissingSince)
}

// TestDomainNotifierFails: what can't be told is not taken for told, and others don't wait for it.
func TestDomainNotifierFails(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	_, d := z.live(t, "t1")
	other := z.draft(t, "t2", Draft{Domains: []string{"globex.example"}}).Domains[0]
	z.unpublish(d)
	z.through(t, 6*day, 6*time.Hour)
	z.pass(3 * day)
	for _, cause := range []error{errors.New("mail server down"), store.ErrStale, store.ErrNotFound} {
		z.box.fail = cause
		z.pass(2 * time.Hour)
		z.publish(other)
		_, err := z.CheckDomains(t.Context())
		require.ErrorIs(t, err, cause)
		require.ErrorContains(t, err, d.ID)
		n, err := z.CheckDomains(t.Context())
		require.NoError(t, err, "it is not asked again at once")
		require.Zero(t, n)
		require.Zero(t, z.domain(t, "t1", d.ID).Warned)
	}
	require.Equal(t, store.DomainVerified, z.domain(t, "t2", other.ID).State)
	require.Empty(t, z.mails(t, "t1"))
	z.box.fail = nil
	z.pass(2 * time.Hour)
	z.checks(t)
	require.Len(t, z.mails(t, "t1"), 1)
	require.Equal(t, z.box.calls[0].ID, z.box.calls[len(z.box.calls)-1].ID, "the same notice")
}

// TestDomainChecksOfManyReplicas: each warning is queued once, whoever gets there, and whoever stops in the middle.
func TestDomainChecksOfManyReplicas(t *testing.T) {
	t.Parallel()
	z := newZone(t, func(c *Config) { c.DomainChecks.WithdrawAfter = 45 * day })
	_, d := z.live(t, "t1")
	z.unpublish(d)
	for range 100 {
		z.pass(12 * time.Hour)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				s, ctx := z.Service, t.Context()
				if i == 0 { // this one dies when it has told, before it commits
					dying, die := context.WithCancel(ctx)
					defer die()
					cfg := z.cfg
					cfg.Notifier = NotifierFunc(func(ctx context.Context, tx store.Store, n Notice) error {
						err := z.box.Notify(ctx, tx, n)
						die()
						return errors.Join(err, ctx.Err())
					})
					s, ctx = &Service{cfg: cfg, store: z.store, keys: z.keys, now: z.clock, log: z.log}, dying
				}
				if _, err := s.CheckDomains(ctx); err != nil && i > 0 {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	events, err := z.store.Events(t.Context(), "t1", store.EventQuery{TypePrefix: mailEvent})
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, e := range events {
		ids[e.Code] = true
	}
	require.Len(t, ids, 5, "three warnings, the end, and what it means for break-glass addresses")
	require.Len(t, events, 5)
	require.Equal(t, store.DomainPending, z.domain(t, "t1", d.ID).State)
}

// TestValidatorFails: a validator that can't look is reported, and asked again later.
func TestValidatorFails(t *testing.T) {
	t.Parallel()
	z := newZone(t)
	d := z.draft(t, "t1", Draft{Domains: []string{"acme.com"}}).Domains[0]
	down := errors.New("no resolver")
	good := z.cfg.DomainValidator
	z.cfg.DomainValidator = fixedValidator{err: down}
	z.pass(time.Minute)
	n, err := z.CheckDomains(t.Context())
	require.ErrorIs(t, err, down)
	require.Zero(t, n)
	require.Zero(t, z.checks(t))
	z.cfg.DomainValidator = good
	z.publish(d)
	z.pass(2 * time.Hour)
	require.Equal(t, 1, z.checks(t))
	require.Equal(t, store.DomainVerified, z.domain(t, "t1", d.ID).State)

	// A panic of the host's is its failure too.
	z.cfg.DomainValidator = domainValidatorFunc(func(context.Context, DomainClaim) (DomainProof, error) { panic("a bug") })
	z.pass(2 * day)
	_, err = z.CheckDomains(t.Context())
	require.ErrorIs(t, err, errPanic)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = z.CheckDomains(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

// TestDomainChecksInPages: more domains than a page holds, and nobody is looked at twice.
func TestDomainChecksInPages(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	w := newWorld(t, func(c *Config) {
		c.DomainValidator = domainValidatorFunc(func(_ context.Context, claim DomainClaim) (DomainProof, error) {
			mu.Lock()
			defer mu.Unlock()
			seen[claim.TenantID+" "+claim.Name]++
			return DomainProof{Method: MethodDNS, Finding: errorFinding(FieldDomains, CodeDomainRecordMissing, "no")}, nil
		})
	})
	const many = 2*duePage + 7
	for i := range many {
		id := store.NewID(w.clock().Add(time.Duration(i) * time.Second))
		_, err := w.store.CreateDomain(t.Context(), "t"+id[:3]+string(rune('a'+i%20)), store.Domain{Meta: store.Meta{ID: id}, Name: "d" + id + ".example", State: store.DomainPending, Token: "x"})
		require.NoError(t, err)
	}
	n, err := w.CheckDomains(t.Context())
	require.NoError(t, err)
	require.Equal(t, many, n)
	require.Len(t, seen, many)
	for name, times := range seen {
		require.Equal(t, 1, times, name)
	}
}

type domainValidatorFunc func(context.Context, DomainClaim) (DomainProof, error)

func (f domainValidatorFunc) Validate(ctx context.Context, c DomainClaim) (DomainProof, error) {
	return f(ctx, c)
}

// TestBreakGlassAfterRemovedDomain: R46. Who removes the domain of a break-glass address hears what that means.
func TestBreakGlassAfterRemovedDomain(t *testing.T) {
	t.Parallel()
	box := &mailbox{}
	w := newWorld(t, func(c *Config) { c.Notifier = box })
	c := w.active(t, "t1", acme())
	i := slices.IndexFunc(c.Domains, func(d store.Domain) bool { return d.Name == "ops.example" })
	require.NoError(t, w.RemoveDomain(t.Context(), staff, "t1", c.Domains[i].ID, c.Domains[i].Version))
	require.Empty(t, box.calls, "no break-glass address was in it")
	c, err := w.AddDomains(t.Context(), staff, "t1", c.ID, "other.example")
	require.NoError(t, err)
	w.prove(t, "t1", c)
	c, err = w.Service.Connection(t.Context(), owner, "t1", c.ID)
	require.NoError(t, err)
	i = slices.IndexFunc(c.Domains, func(d store.Domain) bool { return d.Name == "acme.com" })
	box.fail = errors.New("mail server down")
	require.NoError(t, w.RemoveDomain(t.Context(), staff, "t1", c.Domains[i].ID, c.Domains[i].Version), "a person's change does not wait for mail")
	require.Len(t, box.calls, 1)
	require.Equal(t, NoticeBreakGlassLost, box.calls[0].Kind)
	require.Equal(t, 1, w.of(t, "t1", "connection.break_glass_lost"))
	c, err = w.Service.Connection(t.Context(), owner, "t1", c.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"admin@acme.com"}, c.BreakGlass, "it counts again when the domain comes back")
}
