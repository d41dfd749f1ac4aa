package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// DefaultPlanGrace is how long people who have signed in before go on signing in after the plan lapsed.
const DefaultPlanGrace = 30 * day

// Included is what a tenant's plan includes.
type Included struct {
	SSO  bool `json:"sso"`
	SCIM bool `json:"scim"`
}

// Entitlements tells what a tenant's plan includes (R1).
type Entitlements interface {
	// Entitled is asked before a set-up is changed, by [Service.SignInGate] at sign-ins, and by directories' policies. An
	// error says that it could not be found out: it refuses changes and first sign-ins, lets those in who signed in before
	// (unless Config.ClosedWithoutPlan is set), and never stops a directory that takes access away.
	Entitled(ctx context.Context, tenantID string) (Included, error)
}

// EntitlementsFunc is a function as [Entitlements].
type EntitlementsFunc func(ctx context.Context, tenantID string) (Included, error)

// Entitled calls f.
func (f EntitlementsFunc) Entitled(ctx context.Context, tenantID string) (Included, error) {
	return f(ctx, tenantID)
}

// Included returns what the tenant's plan includes, so that a page can say why a
// control is disabled. If that can't be found out, the error has the code plan_unknown and matches [ErrUnavailable].
func (s *Service) Included(ctx context.Context, tenantID string) (Included, error) {
	if s.cfg.Entitlements == nil {
		return Included{SSO: true, SCIM: true}, nil
	}
	in, err := s.cfg.Entitlements.Entitled(ctx, tenantID)
	if err != nil {
		return Included{}, &Error{
			Code: ErrorCodePlanUnknown, Message: "What your plan includes could not be found out. Nothing was changed. Try again in a minute.",
			kind: fmt.Errorf("%w: asking for the plan: %w", ErrUnavailable, err),
		}
	}
	return in, nil
}

// needPlan refuses what the plan does not include, and changes of a tenant that is being removed.
func (s *Service) needPlan(ctx context.Context, tenantID string, what func(Included) bool, name string) error {
	in, err := s.Included(ctx, tenantID)
	if err != nil {
		return err
	}
	if !what(in) {
		return forbidden(ErrorCodePlanRequired, "%s is not included in this organisation's plan. What is set up can be read, and switched off; to change it, choose a plan that includes it.", name)
	}
	l, err := s.lifecycle(ctx, s.store, tenantID)
	if err != nil {
		return err
	}
	return open(l)
}

func (s *Service) needSSO(ctx context.Context, tenantID string) error {
	return s.needPlan(ctx, tenantID, func(in Included) bool { return in.SSO }, "Single sign-on")
}

func (s *Service) needSCIM(ctx context.Context, tenantID string) error {
	return s.needPlan(ctx, tenantID, func(in Included) bool { return in.SCIM }, "SCIM")
}

// lifecycle reads what is known of the tenant as a whole; the zero value if nothing is.
func (s *Service) lifecycle(ctx context.Context, st store.Store, tenantID string) (store.Lifecycle, error) {
	l, err := st.Lifecycle(ctx, tenantID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Lifecycle{}, fmt.Errorf("tenant: reading the tenant's lifecycle: %w", err)
	}
	if err != nil {
		l = store.Lifecycle{Meta: store.Meta{TenantID: tenantID}}
	}
	return l, nil
}

// open refuses changes of the set-up of a tenant that is not in service. One that was removed begins anew.
func open(l store.Lifecycle) error {
	switch l.State {
	case store.ServiceSuspended:
		return conflict(ErrorCodeTenantSuspended, "Single sign-on of this organisation is suspended. Ask our team to resume it first.")
	case store.ServiceRemoving:
		return conflict(ErrorCodeTenantRemoved, "Single sign-on of this organisation is being removed. Wait until that is done; then it can be set up anew.")
	}
	return nil
}

// SignInGate says whether people may sign in at a tenant's providers now, as the tenant's plan goes. [Service] is one;
// package oidc asks it.
type SignInGate interface {
	// SignInGate returns why people who have signed in before can't (existing), and why others can't (first); nil where
	// they can. Each matches [ErrForbidden], code plan_required, or [ErrUnavailable], code plan_unknown.
	SignInGate(ctx context.Context, tenantID string) (existing, first error)
}

var _ SignInGate = (*Service)(nil)

// SignInGate implements [SignInGate]: with a plan that includes sign-on, everybody may. After it lapsed, those who have
// signed in before go on for Config.PlanGrace. While it can't be found out, they go on too, unless Config.ClosedWithoutPlan
// is set. It asks no authorizer.
func (s *Service) SignInGate(ctx context.Context, tenantID string) (existing, first error) {
	in, err := s.Included(ctx, tenantID)
	if err != nil {
		s.log.WarnContext(ctx, "tenant: the plan could not be found out at a sign-in", "tenant", tenantID, "error", err)
		if s.cfg.ClosedWithoutPlan {
			return err, err
		}
		return nil, err
	}
	l := s.noteLapse(ctx, tenantID, in)
	if in.SSO {
		return nil, nil
	}
	first = forbidden(ErrorCodePlanRequired, "Single sign-on is not included in this organisation's plan any more: nobody new can sign in with it.")
	if end := s.graceEnd(l); !end.IsZero() && !s.now().Before(end) {
		first = forbidden(ErrorCodePlanRequired, "Single sign-on is not included in this organisation's plan any more.")
		existing = first
	}
	return existing, first
}

// graceEnd is when sign-in ends after the plan lapsed; zero for never.
func (s *Service) graceEnd(l store.Lifecycle) time.Time {
	if l.SSOLapsedAt.IsZero() || s.cfg.PlanGrace < 0 {
		return time.Time{}
	}
	return l.SSOLapsedAt.Add(s.cfg.PlanGrace)
}

// noteLapse remembers since when the plan lacks what was used, and tells the owners once. A failure is logged: what it was
// about goes on as if the plan had lapsed now.
func (s *Service) noteLapse(ctx context.Context, tenantID string, in Included) store.Lifecycle {
	l, err := s.lifecycle(ctx, s.store, tenantID)
	if err == nil && !in.SCIM && l.SCIMLapsedAt.IsZero() {
		var directories []store.Directory
		directories, err = s.store.Directories(ctx, tenantID)
		in.SCIM = err == nil && len(directories) == 0 // what was never there has not lapsed
	}
	if err == nil && l.SSOLapsedAt.IsZero() == in.SSO && l.SCIMLapsedAt.IsZero() == in.SCIM {
		return l
	}
	if err == nil {
		err = s.store.InTx(ctx, func(tx store.Store) error {
			before, err := s.lifecycle(ctx, tx, tenantID)
			if err != nil {
				return err
			}
			l, err = s.putLapse(ctx, tx, Actor{Kind: ActorSystem, Name: "plan"}, before, in)
			return err
		})
	}
	if err != nil {
		s.log.WarnContext(ctx, "tenant: that a plan lapsed, or was renewed, could not be noted", "tenant", tenantID, "error", err)
		if l.SSOLapsedAt.IsZero() && !in.SSO {
			l.SSOLapsedAt = s.time()
		}
	}
	return l
}

// putLapse writes the lapse into the lifecycle, with its event and its notice.
func (s *Service) putLapse(ctx context.Context, tx store.Store, actor Actor, before store.Lifecycle, in Included) (store.Lifecycle, error) {
	after, now := before, s.time()
	mark := func(at *time.Time, included bool) bool {
		if at.IsZero() == included {
			return false
		}
		if *at = now; included {
			*at = time.Time{}
		}
		return true
	}
	sso, scim := mark(&after.SSOLapsedAt, in.SSO), mark(&after.SCIMLapsedAt, in.SCIM)
	if !sso && !scim {
		return before, nil
	}
	what, message := "tenant.plan_renewed", "The plan includes what was set up again."
	if lapsed := sso && !in.SSO; lapsed || scim && !in.SCIM {
		what, message = "tenant.plan_lapsed", s.lapseMessage(after)
		n := Notice{
			ID: noticeID(before.TenantID, "plan", store.FormatTime(now)), Kind: NoticePlanLapsed, TenantID: before.TenantID,
			ExpiresAt: s.graceEnd(after), Message: message,
		}
		if s.cfg.Notifier != nil {
			if err := s.cfg.Notifier.Notify(ctx, tx, n); err != nil {
				return before, err
			}
		}
	}
	return s.putLifecycle(ctx, tx, actor, before, after, what, message)
}

// lapseMessage says what a lapse means, for a banner and a mail.
func (s *Service) lapseMessage(l store.Lifecycle) string {
	if l.SSOLapsedAt.IsZero() {
		return "SCIM is not included in this organisation's plan any more: your directory can take access away, and give none. To go on, choose a plan that includes it."
	}
	until := "People who have signed in before go on signing in; nobody new can."
	if end := s.graceEnd(l); !end.IsZero() {
		until = "People who have signed in before go on signing in until " + end.UTC().Format("2 January 2006") + "; nobody new can."
	}
	return "Single sign-on is not included in this organisation's plan any more. " + until + " The set-up can be read, not changed. To go on, choose a plan that includes it."
}

// putLifecycle writes a lifecycle with its event.
func (s *Service) putLifecycle(ctx context.Context, tx store.Store, actor Actor, before, after store.Lifecycle, what, message string) (store.Lifecycle, error) {
	now := s.time()
	after.Version, after.UpdatedAt, after.CreatedAt = before.Version, now, before.CreatedAt
	if before.Version == 0 {
		after.CreatedAt = now
	}
	e, err := s.event(actor, change{kind: kindTenant, id: before.TenantID, what: what, before: shownLifecycle(before), after: shownLifecycle(after), message: message})
	if err != nil {
		return before, err
	}
	out, err := tx.PutLifecycle(ctx, before.TenantID, after, e)
	return out, written("writing the tenant's lifecycle", err)
}

// kindTenant is the subject of events about a tenant as a whole.
const kindTenant = "tenant"

// shownLifecycle is what events tell of a lifecycle: not the work under way, which has events of its own.
func shownLifecycle(l store.Lifecycle) any {
	if l.Version == 0 && l.State == "" && l.SSOLapsedAt.IsZero() && l.SCIMLapsedAt.IsZero() {
		return nil
	}
	l.Work = nil
	return l
}

// checkedFor is how long what an API key's authentication found out about its directory is enough for a write.
const checkedFor = time.Second

// CheckWrite says why a directory's write may give nobody access now: see [CheckDirectory]. It asks the store only where
// w.Principal does not say, or said it more than a second before now. A request that began after a suspension was
// committed is so refused whole, and one that takes long, such as a bulk request, within a second.
func CheckWrite(ctx context.Context, st store.Store, w DirectoryWrite, now time.Time) (*Refusal, error) {
	if age := now.Sub(w.Principal.CheckedAt); !w.Principal.CheckedAt.IsZero() && w.Principal.TenantID == w.TenantID && age >= 0 && age < checkedFor {
		return w.Principal.Refusal, nil
	}
	return CheckDirectory(ctx, st, w.TenantID, w.Principal.ConnectionID)
}

// CheckDirectory says why a tenant's directory may give nobody access now: its connection, or the whole tenant, is
// suspended or gone (D10). Nil says that nothing stands in the way. It is for the policy of directories' writes, which lets
// through what takes access away. connectionID is [Principal].ConnectionID; empty looks at the tenant alone.
func CheckDirectory(ctx context.Context, st store.Store, tenantID, connectionID string) (*Refusal, error) {
	l, err := st.Lifecycle(ctx, tenantID)
	if err != nil && !isNotFound(err) {
		return nil, fmt.Errorf("tenant: reading the tenant's lifecycle: %w", err)
	}
	var c store.Connection
	if connectionID != "" {
		if c, err = st.Connection(ctx, tenantID, connectionID); err != nil && !isNotFound(err) {
			return nil, fmt.Errorf("tenant: reading the connection: %w", err)
		}
	}
	return directoryRefusal(l.State, connectionID, c.State), nil
}

// directoryRefusal is the answer of [CheckDirectory]; a connection that there is not has no state.
func directoryRefusal(service store.ServiceState, connectionID string, connection store.ConnectionState) *Refusal {
	refused := func(code, detail string) *Refusal {
		return &Refusal{Status: 403, Code: code, Detail: detail + " Changes that take access away are accepted."}
	}
	switch {
	case service == store.ServiceSuspended:
		return refused(ErrorCodeTenantSuspended, "Single sign-on of this organisation is suspended.")
	case service != store.ServiceOn:
		return refused(ErrorCodeTenantRemoved, "Single sign-on of this organisation is being removed.")
	case connectionID == "":
		return nil
	case connection == "":
		return refused(ErrorCodeState, "The connection of this directory does not exist any more.")
	case connection == store.ConnectionSuspended:
		return refused(ErrorCodeConnectionSuspended, "The OpenID Connect connection of this directory is suspended.")
	}
	return nil
}
