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

// Reviewer decides about requests without a person.
type Reviewer interface {
	// Review is called when a request passed all checks and is submitted. True approves
	// it, false leaves it to staff; so does an error, which is logged.
	Review(ctx context.Context, c Connection, findings []Finding) (bool, error)
}

// ReviewerFunc is a function as a [Reviewer].
type ReviewerFunc func(ctx context.Context, c Connection, findings []Finding) (bool, error)

// Review calls f.
func (f ReviewerFunc) Review(ctx context.Context, c Connection, findings []Finding) (bool, error) {
	return f(ctx, c, findings)
}

// AutoApprove returns the Reviewer of hosts that want no person in between: what
// passed the checks is approved. Domains must still be proven before activation.
func AutoApprove() Reviewer {
	return ReviewerFunc(func(context.Context, Connection, []Finding) (bool, error) { return true, nil })
}

const (
	maxMessage  = 4000 // characters
	maxMessages = 200
)

// Submit asks for review. It first runs all checks and refuses with a
// [*ValidationError] what does not pass; the draft stays as it is. Submitting a
// request again that is submitted or approved already changes nothing and succeeds. Staff
// may submit for the owner.
//
// It gives request_pending while another request of the tenant for a new connection is under
// review; a change counts for the connection that it changes. change_outdated says that this
// one has changed itself since the change was saved.
func (s *Service) Submit(ctx context.Context, actor Actor, tenantID, id string, version int64) (Connection, []Finding, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionSubmitConnection); err != nil {
		return Connection{}, nil, err
	}
	c, domains, err := s.load(ctx, s.store, tenantID, id)
	if err != nil {
		return Connection{}, nil, err
	}
	if c.State == store.ConnectionSubmitted || c.State == store.ConnectionApproved {
		return viewOf(c, domains), nil, nil
	}
	if _, err := nextOf(c, StepSubmit); err != nil {
		return Connection{}, nil, err
	}
	if c.Version != version {
		return Connection{}, nil, stale()
	}
	if err := s.current(ctx, s.store, tenantID, c); err != nil {
		return Connection{}, nil, err
	}
	if err := s.needSSO(ctx, tenantID); err != nil {
		return Connection{}, nil, err
	}
	checked, findings, err := s.checkedForReview(ctx, tenantID, c, domains)
	if err != nil {
		return Connection{}, nil, err
	}
	approve := c.ChangeOf != "" && s.cfg.Changes == ChangeByOwner || s.review(ctx, viewOf(checked, domains), findings)
	out, err := s.submit(ctx, actor, tenantID, version, checked, approve)
	if again, ok := s.alreadySubmitted(ctx, tenantID, id, err); ok {
		return again, nil, nil
	}
	if err != nil {
		return Connection{}, nil, err
	}
	return out, findings, nil
}

// alreadySubmitted turns the stale version of a double click into its success.
func (s *Service) alreadySubmitted(ctx context.Context, tenantID, id string, err error) (Connection, bool) {
	if !errors.Is(err, store.ErrStale) {
		return Connection{}, false
	}
	c, err := s.view(ctx, s.store, tenantID, id)
	return c, err == nil && (c.State == store.ConnectionSubmitted || c.State == store.ConnectionApproved)
}

// checkedForReview runs the checks and refuses what does not pass them.
func (s *Service) checkedForReview(ctx context.Context, tenantID string, c store.Connection, domains []store.Domain) (store.Connection, []Finding, error) {
	taken, err := s.takenDomains(ctx, tenantID, domainNames(domains))
	if err != nil {
		return store.Connection{}, nil, err
	}
	checked, findings, err := s.checked(ctx, tenantID, c, domains)
	if err != nil {
		return store.Connection{}, nil, err
	}
	findings = append(findings, taken...)
	return checked, findings, refuse(findings)
}

func (s *Service) review(ctx context.Context, c Connection, findings []Finding) bool {
	if s.cfg.Reviewer == nil {
		return false
	}
	ok, err := s.cfg.Reviewer.Review(ctx, c, findings)
	if err != nil {
		s.log.ErrorContext(ctx, "tenant: reviewer failed, the request waits for staff", "tenant", c.TenantID, "connection", c.ID, "error", err)
		return false
	}
	return ok
}

// submit writes the submission, and the approval if a policy gave it.
func (s *Service) submit(ctx context.Context, actor Actor, tenantID string, version int64, checked store.Connection, approve bool) (Connection, error) {
	in, err := s.Included(ctx, tenantID)
	if err != nil {
		return Connection{}, err
	}
	var out Connection
	err = s.changeInService(ctx, tenantID, func(tx store.Store) error {
		before, domains, err := s.loadAt(ctx, tx, tenantID, checked.ID, version)
		if err != nil {
			return err
		}
		if err := s.current(ctx, tx, tenantID, before); err != nil {
			return err
		}
		if err := nonePending(ctx, tx, tenantID, before); err != nil {
			return err
		}
		after := checked
		if after.State, err = nextOf(before, StepSubmit); err != nil {
			return err
		}
		after.SubmittedAt, after.SubmittedBy, after.Approvals, after.AskedAt = s.time(), actor.event(), nil, time.Time{}
		if after, err = s.save(ctx, tx, actor, tenantID, before, after, "connection.submitted", ""); err != nil {
			return err
		}
		if err := s.finishIntent(ctx, tx, actor, tenantID, IntentSSO); err != nil {
			return err
		}
		if approve {
			policy := Actor{Kind: ActorSystem, Name: "review policy"}
			if err := s.approve(ctx, tx, policy, tenantID, after, after, domains, in.SCIM); err != nil {
				return err
			}
		}
		out, err = s.view(ctx, tx, tenantID, checked.ID)
		return err
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}

// nonePending refuses a second request for the same thing beside one that is under review.
func nonePending(ctx context.Context, tx store.Store, tenantID string, request store.Connection) error {
	all, err := tx.Connections(ctx, tenantID)
	if err != nil {
		return fmt.Errorf("tenant: reading connections: %w", err)
	}
	for _, c := range all {
		if c.ID != request.ID && c.ChangeOf == request.ChangeOf && (c.State == store.ConnectionSubmitted || c.State == store.ConnectionNeedsInformation) {
			return conflict(ErrorCodeRequestPending, "Another request of your organisation is under review. Wait for it, or withdraw it.")
		}
	}
	return nil
}

// Withdraw takes a request back. Staff may do so for the owner.
func (s *Service) Withdraw(ctx context.Context, actor Actor, tenantID, id string, version int64) (Connection, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionSubmitConnection); err != nil {
		return Connection{}, err
	}
	return s.step(ctx, actor, tenantID, id, version, StepWithdraw, "connection.withdrawn", "", nil)
}

// Request is a connection that waits for staff, with the organisation that asks.
type Request struct {
	Tenant Tenant
	Connection
	// AnswerBy is until when the owner was told to expect an answer; zero if nothing was said.
	AnswerBy time.Time
}

// QueuePage is a part of the requests that wait for staff.
type QueuePage struct {
	// Requests are ordered by tenant and ID. Those of organisations that the host no
	// longer has are left out.
	Requests []Request
	// More says that others may follow; Next is where to continue.
	More bool
	Next store.Ref
}

// Queue returns requests that wait for review, from the first after the given one
// (zero: from the start), up to limit (zero, or more than store.MaxLimit, means that
// many). The authorizer is asked without a tenant.
func (s *Service) Queue(ctx context.Context, actor Actor, after store.Ref, limit int) (QueuePage, error) {
	if err := s.can(ctx, actor, ActionReview, ""); err != nil {
		return QueuePage{}, err
	}
	if limit <= 0 || limit > store.MaxLimit {
		limit = store.MaxLimit
	}
	refs, err := s.store.ConnectionsByState(ctx, store.ConnectionSubmitted, after, limit)
	if err != nil {
		return QueuePage{}, fmt.Errorf("tenant: reading the queue: %w", err)
	}
	page := QueuePage{More: len(refs) == limit}
	for _, ref := range refs {
		page.Next = ref
		v, err := s.view(ctx, s.store, ref.TenantID, ref.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue // gone since
		}
		if err != nil {
			return QueuePage{}, err
		}
		if v.State != store.ConnectionSubmitted {
			continue
		}
		t, err := s.organisation(ctx, ref.TenantID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return QueuePage{}, err
		}
		page.Requests = append(page.Requests, Request{Tenant: t, Connection: v, AnswerBy: s.answerBy(v.Connection)})
	}
	return page, nil
}

// AskForInformation sends a request back to its owner with a question.
func (s *Service) AskForInformation(ctx context.Context, actor Actor, tenantID, id string, version int64, question string) (Connection, error) {
	return s.decide(ctx, actor, tenantID, id, version, StepAsk, "connection.information_asked", question)
}

// Reject ends a request with a reason. The owner can change it and submit it again.
func (s *Service) Reject(ctx context.Context, actor Actor, tenantID, id string, version int64, reason string) (Connection, error) {
	return s.decide(ctx, actor, tenantID, id, version, StepReject, "connection.rejected", reason)
}

func (s *Service) decide(ctx context.Context, actor Actor, tenantID, id string, version int64, step Step, what, text string) (Connection, error) {
	if err := s.allow(ctx, actor, ActionReview, tenantID); err != nil {
		return Connection{}, err
	}
	text, err := messageText(text)
	if err != nil {
		return Connection{}, err
	}
	return s.step(ctx, actor, tenantID, id, version, step, what, text, func(tx store.Store, c *store.Connection, _ []store.Domain) error {
		if step == StepReject {
			c.DecidedAt = s.time()
		} else {
			c.AskedAt = s.time()
		}
		c.Approvals = nil
		if err := s.addMessage(c, actor, text); err != nil {
			return err
		}
		return s.tellDecision(ctx, tx, tenantID, *c, step, text)
	})
}

// AddMessage adds a message of owner or staff to the request's conversation. The owners are told what staff write, as
// [Notice] says.
func (s *Service) AddMessage(ctx context.Context, actor Actor, tenantID, id string, version int64, text string) (Connection, error) {
	err := s.allow(ctx, actor, ActionSubmitConnection, tenantID)
	asStaff := errors.Is(err, ErrForbidden)
	if asStaff {
		err = s.can(ctx, actor, ActionReview, tenantID)
	}
	if err != nil {
		return Connection{}, err
	}
	text, err = messageText(text)
	if err != nil {
		return Connection{}, err
	}
	var out Connection
	err = s.store.InTx(ctx, func(tx store.Store) error {
		before, domains, err := s.loadAt(ctx, tx, tenantID, id, version)
		if err != nil {
			return err
		}
		after := before
		if err := s.addMessage(&after, actor, text); err != nil {
			return err
		}
		if after, err = s.save(ctx, tx, actor, tenantID, before, after, "connection.message_added", text); err != nil {
			return err
		}
		out = viewOf(after, domains)
		if !asStaff {
			return nil
		}
		return s.tellOwners(ctx, tx, tenantID, after, NoticeMessage, text)
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}

func messageText(text string) (string, error) {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	switch {
	case text == "":
		return "", &ValidationError{Findings: []Finding{errorFinding(FieldMessage, CodeRequired, "Write what the other side needs to know.")}}
	case len([]rune(text)) > maxMessage:
		return "", &ValidationError{Findings: []Finding{errorFinding(FieldMessage, CodeTooLong, "A message can have at most %d characters.", maxMessage)}}
	}
	return strings.ReplaceAll(text, "\x00", "\uFFFD"), nil
}

func (s *Service) addMessage(c *store.Connection, actor Actor, text string) error {
	if len(c.Messages) >= maxMessages {
		return conflict(ErrorCodeTooMany, "This conversation has %d messages. Please continue by e-mail.", maxMessages)
	}
	c.Messages = append(c.Messages[:len(c.Messages):len(c.Messages)], store.ReviewMessage{At: s.time(), From: actor.event(), Text: text})
	return nil
}

// maxApprovals bounds Config.Approvals.
const maxApprovals = 5

// Approve accepts a submitted request after running all checks again, and refuses with
// a [*ValidationError] what does not pass any more. If the owner wants SCIM and the
// plan includes it, the directory is enabled along with it.
//
// Where Config.Approvals asks for several, the request stays submitted until the last of
// them, each of a reviewer of their own: a second one of the same gives wrong_state, and one of an actor without an ID, who
// could be anybody, forbidden. Nobody approves what they submitted as an owner (own_request, which matches [ErrForbidden]).
func (s *Service) Approve(ctx context.Context, actor Actor, tenantID, id string, version int64) (Connection, []Finding, error) {
	if err := s.allow(ctx, actor, ActionReview, tenantID); err != nil {
		return Connection{}, nil, err
	}
	c, domains, err := s.loadAt(ctx, s.store, tenantID, id, version)
	if err != nil {
		return Connection{}, nil, err
	}
	if _, err := nextOf(c, StepApprove); err != nil {
		return Connection{}, nil, err
	}
	if err := s.mayApprove(actor, c); err != nil {
		return Connection{}, nil, err
	}
	if err := s.current(ctx, s.store, tenantID, c); err != nil {
		return Connection{}, nil, err
	}
	if err := s.needSSO(ctx, tenantID); err != nil {
		return Connection{}, nil, err
	}
	in, err := s.Included(ctx, tenantID)
	if err != nil {
		return Connection{}, nil, err
	}
	checked, findings, err := s.checkedForReview(ctx, tenantID, c, domains)
	if err != nil {
		return Connection{}, nil, err
	}
	var out Connection
	err = s.changeInService(ctx, tenantID, func(tx store.Store) error {
		before, domains, err := s.loadAt(ctx, tx, tenantID, id, version)
		if err != nil {
			return err
		}
		if err := s.current(ctx, tx, tenantID, before); err != nil {
			return err
		}
		if len(before.Approvals)+1 < s.cfg.Approvals {
			checked.Approvals = append(slices.Clone(before.Approvals), actor.event())
			_, err = s.save(ctx, tx, actor, tenantID, before, checked, "connection.approval_given", "")
		} else {
			err = s.approve(ctx, tx, actor, tenantID, before, checked, domains, in.SCIM)
		}
		if err != nil {
			return err
		}
		out, err = s.view(ctx, tx, tenantID, id)
		return err
	})
	if err != nil {
		return Connection{}, nil, err
	}
	return out, findings, nil
}

// mayApprove keeps people from approving what they asked for, and from approving twice.
func (s *Service) mayApprove(actor Actor, c store.Connection) error {
	switch {
	case actor.ID == "" && s.cfg.Approvals > 1:
		return forbidden(ErrorCodeForbidden, "This request needs the approval of several people, and it is not known who you are.")
	case actor.ID == "":
		return nil
	}
	if by := c.SubmittedBy; by.Kind == string(ActorOwner) && by.ID == actor.ID {
		return forbidden(ErrorCodeOwnRequest, "You submitted this request yourself. Somebody else has to approve it.")
	}
	if slices.ContainsFunc(c.Approvals, func(a store.EventActor) bool { return a.ID == actor.ID && a.Kind == string(actor.Kind) }) {
		return conflict(ErrorCodeState, "You have approved this request already. It needs the approval of another reviewer.")
	}
	return nil
}

func (s *Service) approve(ctx context.Context, tx store.Store, actor Actor, tenantID string, before, after store.Connection, domains []store.Domain, scim bool) error {
	var err error
	if after.State, err = nextOf(before, StepApprove); err != nil {
		return err
	}
	settings := settingsOf(after, domains)
	after.DecidedAt, after.Approvals, after.Approved = s.time(), nil, &settings
	if after, err = s.save(ctx, tx, actor, tenantID, before, after, "connection.approved", ""); err != nil {
		return err
	}
	if after.ChangeOf == "" && after.SCIM.Wanted && scim {
		if _, err = s.openDirectory(ctx, tx, actor, tenantID, after.ID, after.SCIM); err != nil {
			return err
		}
	}
	return s.tellDecision(ctx, tx, tenantID, after, StepApprove, "")
}
