package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// notFound is for a proven domain whose proof was not found: it is gone, or could not be looked at, which changes nothing. It
// writes the domain, with the notice and the consequence that are due.
func (s *Service) notFound(ctx context.Context, tx store.Store, actor Actor, before, after store.Domain, proof DomainProof) (store.Domain, error) {
	tenantID, now, checks := before.TenantID, s.time(), s.cfg.DomainChecks
	after.Finding.Severity = string(SeverityWarning) // nothing is refused for it
	after.CheckAt = store.Time(now.Add(jittered(checks.RecheckEvery)))
	if !proof.Absent || before.Method != "" && proof.Method != before.Method {
		after.CheckAt = store.Time(now.Add(jittered(checks.RecheckEvery / 24)))
		if !before.MissingSince.IsZero() {
			after.Finding = before.Finding // what is known still stands
		}
		return s.saveFound(ctx, tx, actor, tenantID, before, after, "")
	}
	what := ""
	if before.MissingSince.IsZero() {
		after.MissingSince, after.Warned = now, 0
		after.CheckAt = store.Time(now.Add(jittered(checks.RecheckEvery / 24))) // soon again: it may be a moment's mistake
		what = "domain.proof_missing"
	}
	missing := now.Sub(after.MissingSince)
	if checks.WithdrawAfter > 0 && missing >= checks.WithdrawAfter && before.Warned >= checks.lastWarning() {
		message := fmt.Sprintf("The proof of %s has been missing since %s. The domain signs nobody in any more. Publish the proof again: the domain then counts as before.",
			before.Name, dated(before.MissingSince, now))
		return s.withdraw(ctx, tx, actor, before, message, false)
	}
	message, err := s.missingMessage(ctx, tx, after, now)
	if err != nil {
		return store.Domain{}, err
	}
	if code := proof.Finding.Code; code != CodeDomainRecordMissing && code != CodeDomainFileMissing {
		message += " " + proof.Finding.Message // what is there instead
	}
	after.Finding.Code, after.Finding.Message = CodeDomainLost, message
	reached := time.Duration(0)
	for _, after := range checks.WarnAfter {
		if missing >= after {
			reached = after // those before it are passed over
		}
	}
	if reached > before.Warned && s.cfg.Notifier != nil {
		after.Warned = reached
		what = "domain.warned"
		n := Notice{
			ID:   noticeID(tenantID, before.ID, store.FormatTime(after.MissingSince), reached.String()),
			Kind: NoticeDomainMissing, TenantID: tenantID, DomainID: before.ID, Domain: before.Name, Since: after.MissingSince,
			Message: fmt.Sprintf("%s: %s", before.Name, after.Finding.Message),
		}
		if err := s.cfg.Notifier.Notify(ctx, tx, n); err != nil {
			return store.Domain{}, hostFailed(err)
		}
	}
	return s.saveFound(ctx, tx, actor, tenantID, before, after, what)
}

// hostError marks a host's failure, so that it is not taken for an answer of the store's, whatever it wraps.
type hostError struct{ error }

// Unwrap returns the host's own error.
func (e hostError) Unwrap() error { return e.error }

func hostFailed(err error) error {
	return fmt.Errorf("tenant: handing on a notice: %w", hostError{err})
}

// missingMessage tells since when the proof is missing, and until when it can be restored.
func (s *Service) missingMessage(ctx context.Context, tx store.Store, d store.Domain, now time.Time) (string, error) {
	inUse := false
	for _, id := range d.Connections() {
		c, err := tx.Connection(ctx, d.TenantID, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", fmt.Errorf("tenant: reading the connection: %w", err)
		}
		inUse = inUse || err == nil && c.State == store.ConnectionActive
	}
	still := "The domain still counts as proven."
	if inUse {
		still = "Sign-in still works."
	}
	message := fmt.Sprintf("Record missing since %s. %s", dated(d.MissingSince, now), still)
	if after := s.cfg.DomainChecks.WithdrawAfter; after > 0 {
		end := d.MissingSince.Add(after)
		if end.Before(now.Add(day)) { // it was not looked at for long
			end = now.Add(day)
		}
		return message + fmt.Sprintf(" Restore it before %s.", dated(end, now)), nil
	}
	return message + " Restore it.", nil
}

// dated is a day as people write it, with the year where it is another one.
func dated(t, now time.Time) string {
	if t, now = t.UTC(), now.UTC(); t.Year() != now.Year() {
		return t.Format("2 Jan 2006")
	}
	return t.Format("2 Jan")
}

// withdraw makes a domain one that is claimed and not proven, tells the owners, and looks for its proof from now on. With
// newToken the record that may stand proves nothing any more.
func (s *Service) withdraw(ctx context.Context, tx store.Store, actor Actor, before store.Domain, message string, newToken bool) (store.Domain, error) {
	now := s.time()
	after := before
	after.State, after.Method, after.VerifiedAt, after.MissingSince, after.Warned = store.DomainPending, "", time.Time{}, time.Time{}, 0
	after.SoughtSince, after.CheckAt, after.Unwatched = now, store.Time(now.Add(firstCheck)), false
	result := errorFinding(FieldDomains, CodeDomainWithdrawn, "%s", message).result()
	after.Finding = &result
	if newToken {
		var err error
		if after.Token, err = newChallengeToken(); err != nil {
			return store.Domain{}, err
		}
	}
	after, err := s.saveDomain(ctx, tx, actor, before.TenantID, before, after, "domain.withdrawn")
	if err != nil {
		return store.Domain{}, err
	}
	if s.cfg.Notifier != nil {
		n := Notice{
			ID:   noticeID(before.TenantID, before.ID, "withdrawn", store.FormatTime(before.VerifiedAt)),
			Kind: NoticeDomainWithdrawn, TenantID: before.TenantID, DomainID: before.ID, Domain: before.Name, Since: before.MissingSince, Message: message,
		}
		if err := s.cfg.Notifier.Notify(ctx, tx, n); err != nil {
			return store.Domain{}, hostFailed(err)
		}
	}
	return after, s.domainGone(ctx, tx, actor, before.TenantID, before, true, before.Connections()...)
}

// domainGone looks at the break-glass addresses of connections that a proven domain was taken from (R46): those in it don't
// work any more. Owners are told; the list stays as it is, so that it counts again when the domain comes back. With must, a host
// that can't be told undoes the change; otherwise the journal alone has it.
func (s *Service) domainGone(ctx context.Context, tx store.Store, actor Actor, tenantID string, lost store.Domain, must bool, connectionIDs ...string) error {
	if lost.State != store.DomainVerified {
		return nil
	}
	for _, id := range connectionIDs {
		c, domains, err := s.load(ctx, tx, tenantID, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && c.State != store.ConnectionActive {
			continue
		}
		if err != nil {
			return err
		}
		emails := unserved(c, lost, domains)
		if len(emails) == 0 {
			continue
		}
		n := Notice{
			ID:   noticeID(tenantID, id, lost.ID, "break_glass", store.FormatTime(lost.VerifiedAt)),
			Kind: NoticeBreakGlassLost, TenantID: tenantID, ConnectionID: id, ConnectionName: c.Name, DomainID: lost.ID, Domain: lost.Name, Emails: emails,
			Message: fmt.Sprintf("%s is no proven domain of this connection any more, so %s can't sign in without the provider. Add a break-glass address in another domain.",
				lost.Name, strings.Join(emails, ", ")),
		}
		e, err := s.event(actor, change{kind: kindConnection, id: id, name: c.Name, what: "connection.break_glass_lost", code: n.Kind, message: n.Message})
		if err != nil {
			return err
		}
		if err := tx.AppendEvents(ctx, tenantID, e); err != nil {
			return fmt.Errorf("tenant: writing the journal: %w", err)
		}
		if s.cfg.Notifier == nil {
			continue
		}
		err = tx.InTx(ctx, func(tx store.Store) error { return s.cfg.Notifier.Notify(ctx, tx, n) })
		if err != nil && must {
			return hostFailed(err)
		}
		if err != nil {
			s.log.WarnContext(ctx, "tenant: the loss of break-glass addresses could not be told", "tenant", tenantID, "connection", id, "error", err)
		}
	}
	return nil
}

// unserved are the connection's break-glass addresses in the lost domain that none of its proven domains covers now.
func unserved(c store.Connection, lost store.Domain, domains []store.Domain) []string {
	var out []string
	left := slices.DeleteFunc(verified(domains), func(d store.Domain) bool { return d.ID == lost.ID })
	for _, email := range c.BreakGlass {
		_, host, _ := strings.Cut(email, "@")
		if inDomain(host, lost.Name) && !slices.ContainsFunc(left, func(d store.Domain) bool { return inDomain(host, d.Name) }) {
			out = append(out, email)
		}
	}
	return out
}

// WithdrawDomain takes the proof of a domain back, on the word of the host's staff: nobody signs in by it any more until it is
// proven anew, with a new token. Whoever is signed in stays so. The owners get a notice with the reason.
func (s *Service) WithdrawDomain(ctx context.Context, actor Actor, tenantID, domainID string, version int64, reason string) (store.Domain, error) {
	if err := s.allow(ctx, actor, ActionVerifyDomain, tenantID); err != nil {
		return store.Domain{}, err
	}
	reason, err := messageText(reason)
	if err != nil {
		return store.Domain{}, err
	}
	var out store.Domain
	err = s.store.InTx(ctx, func(tx store.Store) error {
		before, err := tx.Domain(ctx, tenantID, domainID)
		if err != nil {
			return fmt.Errorf("tenant: reading the domain: %w", err)
		}
		if !knows(before, version) {
			return stale()
		}
		if before.State != store.DomainVerified {
			return conflict(ErrorCodeState, "%s is not proven.", before.Name)
		}
		before.TenantID = tenantID
		out, err = s.withdraw(ctx, tx, actor, before, fmt.Sprintf("Our team took the proof of %s back: %s", before.Name, reason), true)
		return err
	})
	if err != nil {
		return store.Domain{}, err
	}
	return out, nil
}
