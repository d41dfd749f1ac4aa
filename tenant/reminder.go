package tenant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Notice is something that a tenant's owners should do something about, or the host's staff ([NoticeReviewWaits] alone).
type Notice struct {
	// ID is the same whenever the same notice is handed on again.
	ID string
	// Kind is a Notice… constant.
	Kind     string
	TenantID string
	// What it is about: ConnectionID and ConnectionName of a connection, KeyID and KeyName of an API key, DomainID and Domain
	// of a domain, WebhookID and WebhookOrigin (such as https://hooks.example.com) of a webhook. Those that it is not about are empty.
	ConnectionID, ConnectionName string
	KeyID, KeyName               string
	DomainID, Domain             string
	WebhookID, WebhookOrigin     string
	// Emails are the break-glass addresses that it is about. Of a client secret it is the connection's: a host may tell them
	// beside the owners, as they are who can sign in when nobody else can (R42).
	Emails []string
	// Since is since when the proof of the domain is missing, the break-glass address was not tried, the request waits, or the webhook fails;
	// of a break-glass address that was used, when that was; zero otherwise.
	Since time.Time
	// AnswerBy is until when the owner of the request was told to expect an answer, zero if nothing was said; for staff alone.
	AnswerBy time.Time
	// After is the threshold that the request has waited for, of Config.RemindStaffAfter or Config.RemindOwnersAfter.
	After time.Duration
	// ExpiresAt is when the client secret or the key expires, or did; zero for a key that was revoked.
	ExpiresAt time.Time
	// Before is the threshold that was reached, one of Config.RemindBefore; zero for a secret that has expired.
	Before time.Duration
	// Message is our own sentence for the mail.
	Message string
}

// The values of Notice.Kind.
const (
	NoticeSecretExpires = "secret_expires" // a client secret expires soon: make a new one at the provider, and replace it here
	NoticeSecretExpired = "secret_expired" // nobody can sign in until it is replaced
	NoticePlanLapsed    = "plan_lapsed"    // the plan does not include what is in use any more; ExpiresAt is when sign-in ends
	NoticeDeadKeyUsed   = "dead_key_used"  // a revoked or expired API key was presented: a directory still has it, or a thief

	NoticeDomainMissing   = "domain_missing"    // the proof of a domain is gone; sign-in still works
	NoticeDomainWithdrawn = "domain_withdrawn"  // a domain counts as proven no longer: it signs nobody in
	NoticeBreakGlassLost  = "break_glass_lost"  // break-glass addresses don't work any more, because their domain went
	NoticeBreakGlassUsed  = "break_glass_used"  // somebody signed in with a break-glass address; see BreakGlassConfig.Notifier
	NoticeBreakGlassDrill = "break_glass_drill" // nobody has tried a break-glass address for long

	NoticeWebhookDisabled = "webhook_disabled" // a webhook failed for long, or was answered 410: nothing is sent until it is enabled

	// Of a review (R47): each is told in the transaction of what staff did, which fails if it can't be told.
	NoticeInformationAsked = "information_asked" // staff need an answer before they decide
	NoticeMessage          = "review_message"    // staff wrote about a request
	NoticeAnswerMissing    = "answer_missing"    // the owners have not answered for a while; see [Service.RemindOfReviews]
	NoticeApproved         = "request_approved"
	NoticeRejected         = "request_rejected"

	// NoticeReviewWaits is for staff: a request has waited for a while for their answer.
	NoticeReviewWaits = "review_waits"
)

// Notifier hands notices on to a tenant's owners (as Config.StaffNotifier to the host's staff), in the host's own way.
type Notifier interface {
	// Notify runs in the transaction in which the notice is recorded. A host that queues its mails in the same database
	// writes them through tx, and each goes out once, whatever stops when. One that sends at once may be called again with
	// the same Notice.ID, if the process stops before the transaction has committed. An error undoes the record: the next
	// run tries again, and nobody else's notices wait for it.
	Notify(ctx context.Context, tx store.Store, n Notice) error
}

// NotifierFunc is a function as a [Notifier].
type NotifierFunc func(ctx context.Context, tx store.Store, n Notice) error

// Notify calls f.
func (f NotifierFunc) Notify(ctx context.Context, tx store.Store, n Notice) error {
	return f(ctx, tx, n)
}

// guardedNotifier makes a panic of the host's an error about this notice: the others do not wait for it.
func guardedNotifier(n Notifier) Notifier {
	if n == nil {
		return nil
	}
	return NotifierFunc(func(ctx context.Context, tx store.Store, notice Notice) error {
		return guarded(func() error { return n.Notify(ctx, tx, notice) })
	})
}

const (
	day = 24 * time.Hour

	secretReminder = "secret_reminder" // kind of the token that remembers a notice
	reminderPage   = 100               // connections that are read at a time
	maxRemindStep  = 20
	// reminderKept is how long after the expiry a notice is remembered. The host's clean-up removes it then.
	reminderKept = 90 * day
)

// defaultRemindBefore is two weeks before (R42), and again as it comes nearer.
func defaultRemindBefore() []time.Duration {
	return []time.Duration{14 * day, 7 * day, 3 * day, day}
}

// checkRemindBefore orders the thresholds, the longest first.
func checkRemindBefore(given []time.Duration) ([]time.Duration, error) {
	if given == nil {
		return defaultRemindBefore(), nil
	}
	if len(given) > maxRemindStep || slices.ContainsFunc(given, func(d time.Duration) bool { return d <= 0 }) {
		return nil, fmt.Errorf("tenant: Config.RemindBefore must have at most %d durations, each greater than zero", maxRemindStep)
	}
	out := slices.Clone(given)
	slices.Sort(out)
	slices.Reverse(out)
	return slices.Compact(out), nil
}

// RemindOfExpiry hands the Notifier a notice for each client secret that expires soon or has expired (R41, R42), of all
// tenants' approved and active connections, and returns how many it took. Each threshold gives one notice for each secret
// and expiry, on whichever replica; where several were passed at once, such as for an expiry that was entered late, the
// nearest alone does. A replaced secret, and one without an expiry, gives none.
//
// The host schedules it, about once an hour, on any replica. The error joins those of the connections that failed, of
// which a hundred are told; the others were done. It asks no authorizer: it is the host's own maintenance.
func (s *Service) RemindOfExpiry(ctx context.Context) (int, error) {
	if s.cfg.Notifier == nil {
		return 0, errors.New("tenant: Config.Notifier is required for RemindOfExpiry: it hands notices on")
	}
	sent := 0
	var failed []error
	for _, state := range []store.ConnectionState{store.ConnectionApproved, store.ConnectionActive} {
		for after := (store.Ref{}); ; {
			refs, err := s.store.ConnectionsByState(ctx, state, after, reminderPage)
			if err != nil {
				return sent, errors.Join(append(failed, fmt.Errorf("tenant: reading connections: %w", err))...)
			}
			for _, ref := range refs {
				did, err := s.remind(ctx, ref)
				if ctx.Err() != nil {
					return sent, errors.Join(append(failed, ctx.Err())...)
				}
				if err != nil && len(failed) < maxErrors {
					failed = append(failed, fmt.Errorf("tenant: reminder for connection %s of %s: %w", ref.ID, ref.TenantID, err))
				}
				if did {
					sent++
				}
			}
			if len(refs) < reminderPage {
				break
			}
			after = refs[len(refs)-1]
		}
	}
	return sent, errors.Join(failed...)
}

// remind does one connection.
func (s *Service) remind(ctx context.Context, ref store.Ref) (sent bool, err error) {
	c, err := s.store.Connection(ctx, ref.TenantID, ref.ID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(s.reached(c)) == 0 { // nearly always so: no transaction
		return false, nil
	}
	err = s.store.InTx(ctx, func(tx store.Store) error {
		sent = false
		c, err := tx.Connection(ctx, ref.TenantID, ref.ID)
		if errors.Is(err, store.ErrNotFound) { // deleted meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		c.TenantID = ref.TenantID
		reached := s.reached(c)
		for i, before := range reached {
			err := tx.PutToken(ctx, ref.TenantID, store.Token{
				Kind: secretReminder, Key: reminderKey(c, before), ExpiresAt: store.Time(c.SecretExpiresAt.Add(reminderKept)),
			})
			if errors.Is(err, store.ErrConflict) {
				continue
			}
			if err != nil {
				return err
			}
			sent = i == len(reached)-1 // those before it are passed over
		}
		if !sent {
			return nil
		}
		n := s.notice(c, reached[len(reached)-1])
		if err := s.cfg.Notifier.Notify(ctx, tx, n); err != nil {
			return err
		}
		e, err := s.event(Actor{Kind: ActorSystem, Name: "reminders"}, change{
			kind: kindConnection, id: c.ID, name: c.Name, what: "connection.secret_reminded", code: n.Kind, message: n.Message,
		})
		if err != nil {
			return err
		}
		return tx.AppendEvents(ctx, ref.TenantID, e)
	})
	return sent && err == nil, err
}

// reached are the thresholds that a connection's secret has passed, the longest first; zero is the expiry itself.
func (s *Service) reached(c store.Connection) []time.Duration {
	inUse := c.ChangeOf == "" && (c.State == store.ConnectionActive || c.State == store.ConnectionApproved)
	if !inUse || len(c.SealedSecret) == 0 || c.SecretExpiresAt.IsZero() {
		return nil
	}
	left := c.SecretExpiresAt.Sub(s.now())
	if left < -reminderKept {
		return nil
	}
	var out []time.Duration
	for _, before := range append(slices.Clone(s.cfg.RemindBefore), 0) {
		if left <= before {
			out = append(out, before)
		}
	}
	return out
}

func (s *Service) notice(c store.Connection, before time.Duration) Notice {
	n := Notice{
		ID: reminderKey(c, before), Kind: NoticeSecretExpires, TenantID: c.TenantID, ConnectionID: c.ID, ConnectionName: c.Name,
		ExpiresAt: c.SecretExpiresAt, Before: before, Emails: slices.Clone(c.BreakGlass),
	}
	when := c.SecretExpiresAt.UTC().Format("2 January 2006, 15:04 UTC")
	if before == 0 {
		n.Kind = NoticeSecretExpired
		n.Message = "The client secret expired on " + when + ". Make a new one at your provider and replace it here; nobody may be able to sign in until then."
		return n
	}
	n.Message = "The client secret expires on " + when + ". Make a new one at your provider and replace it here before then."
	return n
}

// reminderKey names a notice: a threshold of one secret and its expiry.
func reminderKey(c store.Connection, before time.Duration) string {
	return noticeID(c.TenantID, c.ID, store.FormatTime(c.SecretSetAt), store.FormatTime(c.SecretExpiresAt), before.String())
}

// noticeID is the same for the same parts.
func noticeID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}
