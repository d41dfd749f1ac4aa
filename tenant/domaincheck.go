package tenant

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// DomainChecks says how the background looks at domains. The zero value is complete.
type DomainChecks struct {
	// GiveUpAfter ends the search for the proof of a claimed domain; a check that a person asks for begins it anew. Zero
	// means 14 days.
	GiveUpAfter time.Duration
	// RecheckEvery is how often a proven domain is looked at again, give or take a tenth. Zero means a day.
	RecheckEvery time.Duration
	// WarnAfter is how long the proof of a domain must be missing until its owners are warned, each once. Nil means 7, 14 and
	// 30 days; empty means never.
	WarnAfter []time.Duration
	// WithdrawAfter is how long it must be missing until the domain counts as proven no longer and signs nobody in any more:
	// at least a day longer than the longest of WarnAfter, and never before that warning was handed on. It needs
	// Config.Notifier. Zero keeps the domain, whatever happens to its proof.
	WithdrawAfter time.Duration
}

const (
	firstCheck = time.Minute   // after a domain was claimed; nobody is faster
	lastCheck  = 6 * time.Hour // between two checks of a claim that is days old

	duePage       = 100   // domains that are read at a time
	checkParallel = 8     // domains that are looked at at a time
	maxChecks     = 10000 // of one run
	maxErrors     = 100   // that one run reports
)

// complete fills in the defaults.
func (c DomainChecks) complete(notifies bool) (DomainChecks, error) {
	if c.GiveUpAfter == 0 {
		c.GiveUpAfter = 14 * day
	}
	if c.RecheckEvery == 0 {
		c.RecheckEvery = day
	}
	if c.WarnAfter == nil {
		c.WarnAfter = []time.Duration{7 * day, 14 * day, 30 * day}
	}
	c.WarnAfter = slices.Clone(c.WarnAfter)
	slices.Sort(c.WarnAfter)
	c.WarnAfter = slices.Compact(c.WarnAfter)
	switch {
	case c.GiveUpAfter < time.Hour:
		return c, errors.New("tenant: Config.DomainChecks.GiveUpAfter must be at least an hour")
	case c.RecheckEvery < time.Minute:
		return c, errors.New("tenant: Config.DomainChecks.RecheckEvery must be at least a minute")
	case len(c.WarnAfter) > maxRemindStep || len(c.WarnAfter) > 0 && c.WarnAfter[0] <= 0:
		return c, fmt.Errorf("tenant: Config.DomainChecks.WarnAfter must have at most %d durations, each greater than zero", maxRemindStep)
	case c.WithdrawAfter < 0 || c.WithdrawAfter > 0 && c.WithdrawAfter < c.lastWarning()+day:
		return c, fmt.Errorf("tenant: Config.DomainChecks.WithdrawAfter must be at least a day longer than the last of WarnAfter, %v", c.lastWarning())
	case c.WithdrawAfter > 0 && !notifies:
		return c, errors.New("tenant: Config.DomainChecks.WithdrawAfter needs Config.Notifier: owners are to be warned before")
	}
	return c, nil
}

func (c DomainChecks) lastWarning() time.Duration {
	if len(c.WarnAfter) == 0 {
		return 0
	}
	return c.WarnAfter[len(c.WarnAfter)-1]
}

// searchPause is how long after a check the next one follows, for a claim whose proof has been looked for since that long:
// every minute at first, every six hours after a day.
func searchPause(age time.Duration) time.Duration {
	return min(max(age/4, firstCheck), lastCheck)
}

// jittered is d, give or take a tenth, so that what began together does not go on so.
func jittered(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

// checker is who checks in the background.
func checker() Actor { return Actor{Kind: ActorSystem, Name: "domain checks"} }

// CheckDomains looks at the domains of all tenants whose time has come, and returns how many it looked at: at most 10,000 at
// a time, eight at once, each for as long as the DomainValidator takes.
//
// The proof of a claimed domain is looked for every minute at first and every six hours after a day; after
// DomainChecks.GiveUpAfter the search ends with a finding of the code domain_search_ended. A proven domain is looked at about
// daily. If its proof is gone (DomainProof.Absent, by the method that proved it), it stays proven, the finding has the code
// domain_lost and the date, and owners are warned; if it comes back, all is well again. A failure to look, such as of a DNS server,
// never counts. Domains that staff declared proven are left alone. See [Service.DomainMessage] for the sentence to show.
//
// The host schedules it, every minute or so, on any replica; [Runner] does. Several at once do no harm: each result and the
// notices that follow from it are written once. The error joins those of the domains that failed, of which a hundred are told;
// they are looked at again later. It asks no authorizer: it is the host's own maintenance.
func (s *Service) CheckDomains(ctx context.Context) (int, error) {
	done, at := 0, s.time()
	var failed []error
	for after := (store.DomainDue{}); done < maxChecks; {
		due, err := s.store.DomainsDue(ctx, at, after, duePage)
		if err != nil {
			return done, errors.Join(append(failed, fmt.Errorf("tenant: reading the domains that are due: %w", err))...)
		}
		n, errs := s.checkAll(ctx, due)
		done += n
		failed = append(failed, errs[:min(len(errs), maxErrors-len(failed))]...)
		if ctx.Err() != nil {
			return done, errors.Join(append(failed, ctx.Err())...)
		}
		if len(due) < duePage {
			break
		}
		after = due[len(due)-1]
	}
	return done, errors.Join(failed...)
}

// checkAll looks at a page of domains and returns when all of it is done.
func (s *Service) checkAll(ctx context.Context, due []store.DomainDue) (done int, failed []error) {
	var mu sync.Mutex // guards what is returned
	var workers sync.WaitGroup
	slots := make(chan struct{}, checkParallel)
	for _, d := range due {
		if ctx.Err() != nil {
			break
		}
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			did := false
			err := guarded(func() (err error) { // a host's panic is its failure, on this goroutine too
				did, err = s.checkDue(ctx, d.Ref)
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if did {
				done++
			}
			if err != nil && ctx.Err() == nil {
				failed = append(failed, fmt.Errorf("tenant: checking domain %s of %s: %w", d.ID, d.TenantID, err))
			}
		})
	}
	workers.Wait()
	return done, failed
}

// checkDue looks at one domain, unless somebody else has meanwhile.
func (s *Service) checkDue(ctx context.Context, ref store.Ref) (did bool, err error) {
	d, err := s.store.Domain(ctx, ref.TenantID, ref.ID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if d.Unwatched || d.CheckAt.After(s.now()) {
		return false, nil
	}
	proof, err := s.validate(ctx, ref.TenantID, d)
	if err == nil {
		_, err = s.recordProof(ctx, checker(), ref.TenantID, d, proof, false)
		if CodeOf(err) == ErrorCodeDomainTaken {
			err = s.recordContest(ctx, checker(), ref.TenantID, d, proof)
		}
	}
	_, hosts := errors.AsType[hostError](err)
	switch {
	case err == nil:
		return true, nil
	case !hosts && (errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound)): // changed meanwhile: if it is due still, the next run looks at it
		return false, nil
	case ctx.Err() != nil:
		return false, err
	}
	// Whatever fails, a host's Notifier for example, must not make everybody's name servers be asked every minute.
	later := d
	later.CheckAt = store.Time(s.now().Add(jittered(s.cfg.DomainChecks.RecheckEvery / 24)))
	if _, perr := s.store.UpdateDomain(ctx, ref.TenantID, later); perr != nil && !errors.Is(perr, store.ErrStale) {
		err = errors.Join(err, perr)
	}
	return false, err
}

func (s *Service) validate(ctx context.Context, tenantID string, d store.Domain) (DomainProof, error) {
	return s.cfg.DomainValidator.Validate(ctx, DomainClaim{TenantID: tenantID, Name: d.Name, Token: d.Token, Method: d.Method})
}

// CheckDomain looks for the proof of a domain now, and keeps what it found in the
// record. A proven domain stays proven, whatever a later check finds: people's
// sign-in must not hang on one DNS answer. For a claimed one the background's search
// begins anew ([Service.CheckDomains]).
//
// A name that another tenant proved first gives an error with the code domain_taken;
// staff find it among the [Service.Contests].
func (s *Service) CheckDomain(ctx context.Context, actor Actor, tenantID, domainID string) (store.Domain, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionManageDomains); err != nil {
		return store.Domain{}, err
	}
	for try := 1; ; try++ {
		d, err := s.store.Domain(ctx, tenantID, domainID)
		if err != nil {
			return store.Domain{}, fmt.Errorf("tenant: reading the domain: %w", err)
		}
		proof, err := s.validate(ctx, tenantID, d)
		if err != nil {
			return store.Domain{}, fmt.Errorf("tenant: checking the domain: %w", err)
		}
		out, err := s.recordProof(ctx, actor, tenantID, d, proof, true)
		if CodeOf(err) == ErrorCodeDomainTaken {
			// Keep the reason, so that the page can tell it later too.
			if cerr := s.recordContest(ctx, actor, tenantID, d, proof); cerr != nil && !errors.Is(cerr, store.ErrStale) {
				return store.Domain{}, cerr
			}
			return store.Domain{}, err
		}
		if !errors.Is(err, store.ErrStale) || try == checkTries {
			return out, err
		}
	}
}

const checkTries = 3 // against the background, which checks at the same time

// proven makes a domain proven.
func (s *Service) proven(d *store.Domain, method string) {
	now := s.time()
	d.State, d.Method, d.VerifiedAt = store.DomainVerified, method, now
	d.SoughtSince, d.MissingSince, d.Warned, d.ContestedAt = time.Time{}, time.Time{}, 0, time.Time{}
	d.Unwatched = method == MethodStaff // there is nothing that could go missing
	d.CheckAt = store.Time(now.Add(jittered(s.cfg.DomainChecks.RecheckEvery)))
}

// foundOnly are the events of a domain that tell what checks found, and change nothing that counts.
var foundOnly = map[string]bool{
	"domain.checked": true, "domain.search_ended": true, "domain.proof_missing": true, "domain.proof_restored": true,
	"domain.contested": true, "domain.contest_ended": true, "domain.warned": true,
}

// recordProof writes what a check found. Only news makes an event.
func (s *Service) recordProof(ctx context.Context, actor Actor, tenantID string, seen store.Domain, proof DomainProof, byHand bool) (out store.Domain, err error) {
	err = s.store.InTx(ctx, func(tx store.Store) error {
		before, err := tx.Domain(ctx, tenantID, seen.ID)
		if err != nil {
			return fmt.Errorf("tenant: reading the domain: %w", err)
		}
		if before.Version != seen.Version {
			return stale()
		}
		before.TenantID = tenantID
		after := before
		after.CheckedAt, after.Unwatched = s.time(), false
		result := proof.Finding.result()
		after.Finding = &result
		var what string
		switch {
		case before.State != store.DomainVerified && proof.Proven:
			s.proven(&after, proof.Method)
			what = "domain.verified"
		case before.State != store.DomainVerified:
			what = s.stillSought(before, &after, byHand)
		case before.Method == MethodStaff:
			after.Unwatched = true
		case proof.Proven:
			what = s.stillProven(before, &after)
		default:
			if out, err = s.notFound(ctx, tx, actor, before, after, proof); err != nil {
				return err
			}
			return nil
		}
		out, err = s.saveFound(ctx, tx, actor, tenantID, before, after, what)
		return err
	})
	if err != nil {
		return store.Domain{}, err
	}
	return out, nil
}

// saveFound writes a domain after a check, with the event if there is news.
func (s *Service) saveFound(ctx context.Context, tx store.Store, actor Actor, tenantID string, before, after store.Domain, what string) (store.Domain, error) {
	if what == "" && (before.Finding == nil || after.Finding == nil || before.Finding.Code != after.Finding.Code) {
		what = "domain.checked"
	}
	if what != "" {
		return s.saveDomain(ctx, tx, actor, tenantID, before, after, what)
	}
	after.UpdatedAt = s.time()
	d, err := tx.UpdateDomain(ctx, tenantID, after)
	return d, written("writing the domain", err)
}

// stillSought is for a claim that is not proven yet.
func (s *Service) stillSought(before store.Domain, after *store.Domain, byHand bool) (what string) {
	now := s.time()
	if byHand || before.SoughtSince.IsZero() || !before.ContestedAt.IsZero() {
		after.SoughtSince = now
	}
	if !before.ContestedAt.IsZero() {
		after.ContestedAt = time.Time{}
		what = "domain.contest_ended"
	}
	age := now.Sub(after.SoughtSince)
	after.CheckAt = store.Time(now.Add(jittered(searchPause(age))))
	if age < s.cfg.DomainChecks.GiveUpAfter {
		return what
	}
	after.Unwatched = true
	after.Finding.Code = CodeDomainSearchEnded
	after.Finding.Message += fmt.Sprintf(" We have looked for %s and stopped. Check it again once the proof is there.", days(age))
	return "domain.search_ended"
}

// stillProven is for a proof that stands, or stands again.
func (s *Service) stillProven(before store.Domain, after *store.Domain) (what string) {
	after.CheckAt = store.Time(s.now().Add(jittered(s.cfg.DomainChecks.RecheckEvery)))
	if before.MissingSince.IsZero() {
		return ""
	}
	after.MissingSince, after.Warned = time.Time{}, 0
	return "domain.proof_restored"
}

// DomainMessage is the sentence about a domain's proof for its owners: what the last check found, and when the next follows
// while the proof is looked for. It is empty before the first check.
func (s *Service) DomainMessage(d store.Domain) string {
	if d.Finding == nil {
		return ""
	}
	if d.State == store.DomainVerified || d.Unwatched || !d.ContestedAt.IsZero() || d.CheckAt.IsZero() {
		return d.Finding.Message
	}
	return d.Finding.Message + " We check again " + soon(d.CheckAt.Sub(s.now())) + "."
}

// soon is a time that is to come, for people.
func soon(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "within a minute"
	case d < 90*time.Minute:
		return "in " + counted(int(d.Round(time.Minute)/time.Minute), "minute")
	}
	return "in " + counted(int(d.Round(time.Hour)/time.Hour), "hour")
}

// days is a span of time, for people.
func days(d time.Duration) string {
	if d < 2*day {
		return counted(int(d/time.Hour), "hour")
	}
	return counted(int(d/day), "day")
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
