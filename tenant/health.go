package tenant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Mode is a way in which a tenant's sign-on works only in part. What works in which is in [DegradedModes].
type Mode string

// The modes.
const (
	ModePlanLapsed          Mode = "plan_lapsed"          // the plan does not include what is in use any more
	ModePlanUnknown         Mode = "plan_unknown"         // what the plan includes can't be found out
	ModeTenantSuspended     Mode = "tenant_suspended"     // sign-on as a whole is suspended, or being removed
	ModeConnectionSuspended Mode = "connection_suspended" // one connection is suspended
	ModeProvisioningPaused  Mode = "provisioning_paused"  // what groups give and take waits
	ModeSecretExpired       Mode = "secret_expired"       // the client secret has expired, or the provider refuses the application
	ModeSecretUnreadable    Mode = "secret_unreadable"    // no key opens the client secret
	ModeDNSDrift            Mode = "dns_drift"            // the proof of a domain is not found any more
	ModeProviderDown        Mode = "provider_down"        // the provider's document can't be used
	ModeStoreReadOnly       Mode = "store_read_only"      // nothing can be stored just now
)

// Condition is a mode in force.
type Condition struct {
	Mode Mode `json:"mode"`
	// Since is when it began, as far as that is known; otherwise zero.
	Since time.Time `json:"since,omitzero"`
	// ConnectionID or Domain says what it is about; both empty for the whole tenant.
	ConnectionID string `json:"connectionId,omitempty"`
	Domain       string `json:"domain,omitempty"`
	// Code is the finer reason where there is one, such as that of a check.
	Code string `json:"code,omitempty"`
	// Message says what does not work, Action what to do about it.
	Message string `json:"message"`
	Action  string `json:"action"`
}

// Health is how a tenant's sign-on works.
type Health struct {
	// Conditions are the modes in force: those of the whole tenant first, then those of its connections and domains. None
	// means that all is in order.
	Conditions []Condition `json:"conditions,omitempty"`
	// ReadOnly says that the set-up can be read and not changed, because of the plan or the state of the tenant; Banner is
	// the sentence for the top of its pages, empty if there is nothing to say.
	ReadOnly bool   `json:"readOnly,omitempty"`
	Banner   string `json:"banner,omitempty"`
}

// Has says whether a mode is in force.
func (h Health) Has(m Mode) bool {
	for _, c := range h.Conditions {
		if c.Mode == m {
			return true
		}
	}
	return false
}

// errProbe ends the transaction of a probe.
var errProbe = errors.New("tenant: probe")

// Health tells an owner, or staff, what of a tenant's sign-on works only in part, since when, and what to do. It reads what
// checks, sign-ins and directories found; it asks the plan and tries whether the store can be written to, and no provider
// and no DNS server. The actor needs [ActionViewConnection]. It works while the plan or the store fails.
func (s *Service) Health(ctx context.Context, actor Actor, tenantID string) (Health, error) {
	if err := s.allowOrStaff(ctx, actor, tenantID, ActionViewConnection); err != nil {
		return Health{}, err
	}
	connections, err := s.store.Connections(ctx, tenantID)
	if err != nil {
		return Health{}, fmt.Errorf("tenant: reading connections: %w", err)
	}
	var h Health
	if err := s.tenantHealth(ctx, tenantID, connections, &h); err != nil {
		return Health{}, err
	}
	for _, c := range connections {
		if err := s.connectionHealth(ctx, tenantID, c, &h); err != nil {
			return Health{}, err
		}
	}
	domains, err := s.store.Domains(ctx, tenantID)
	if err != nil {
		return Health{}, fmt.Errorf("tenant: reading domains: %w", err)
	}
	for _, d := range domains {
		if d.State == store.DomainVerified && !d.MissingSince.IsZero() {
			c := Condition{
				Mode: ModeDNSDrift, Since: d.MissingSince, Domain: d.Name,
				Message: "The proof of " + d.Name + " is not found any more. Sign-in still works.", Action: s.DomainMessage(d),
			}
			if d.Finding != nil {
				c.Code = d.Finding.Code
			}
			h.Conditions = append(h.Conditions, c)
		}
	}
	return h, nil
}

// tenantHealth finds the conditions of the whole tenant.
func (s *Service) tenantHealth(ctx context.Context, tenantID string, connections []store.Connection, h *Health) error {
	add := func(c Condition) { h.Conditions = append(h.Conditions, c) }
	l, err := s.lifecycle(ctx, s.store, tenantID)
	if err != nil {
		return err
	}
	if l.State != store.ServiceOn {
		c := Condition{Mode: ModeTenantSuspended, Since: l.StateSince, Code: string(l.State), Message: "Single sign-on of your organisation is suspended: nobody signs in with it, and directories can only take access away.", Action: "Ask our team to resume it."}
		switch l.State {
		case store.ServiceRemoving:
			c.Message, c.Action = "Single sign-on of your organisation is being removed.", "Wait until that is done."
		case store.ServiceRemoved:
			c.Message, c.Action = "Single sign-on of your organisation was removed.", "Set it up anew if you want it back."
		}
		add(c)
		h.ReadOnly, h.Banner = l.State != store.ServiceRemoved, c.Message
	}
	if err := s.planHealth(ctx, tenantID, inUse(connections), h); err != nil {
		return err
	}
	p, err := s.store.ProvisioningSettings(ctx, tenantID)
	switch {
	case err == nil && p.Paused:
		add(Condition{
			Mode: ModeProvisioningPaused, Since: cmp.Or(p.Pause.At, p.UpdatedAt),
			Message: "Provisioning is paused: what groups give or take waits. People who are deactivated lose access all the same.",
			Action:  "Look at the preview of what waits, and apply it.",
		})
	case err != nil && !isNotFound(err):
		return fmt.Errorf("tenant: reading the provisioning settings: %w", err)
	}
	err = s.store.InTx(ctx, func(tx store.Store) error {
		now := s.now()
		if _, err := tx.AcquireLease(ctx, tenantID, "tenant.probe", store.NewID(now), now, now); err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
		return errProbe // nothing of it is kept
	})
	if errors.Is(err, store.ErrUnavailable) {
		add(Condition{
			Mode:    ModeStoreReadOnly,
			Message: "Nothing can be stored just now: nobody can sign in with the provider, and nothing can be changed.",
			Action:  "Nothing: our team sees to it, and your directory tries again by itself.",
		})
		return nil
	}
	if err != nil && !errors.Is(err, errProbe) {
		return fmt.Errorf("tenant: trying the store: %w", err)
	}
	return nil
}

// inUse says whether anything was ever activated that still exists.
func inUse(connections []store.Connection) bool {
	for _, c := range connections {
		if !c.ActivatedAt.IsZero() && c.State != store.ConnectionDeleted {
			return true
		}
	}
	return false
}

func (s *Service) planHealth(ctx context.Context, tenantID string, used bool, h *Health) error {
	in, err := s.Included(ctx, tenantID)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.Conditions = append(h.Conditions, Condition{
			Mode:    ModePlanUnknown,
			Message: "What your plan includes can't be found out just now: the set-up can't be changed, and nobody new can sign in.",
			Action:  "Try again in a few minutes.",
		})
		h.ReadOnly = true
		return nil
	}
	if !used || in.SSO && in.SCIM {
		if used {
			s.noteLapse(ctx, tenantID, in)
		}
		return nil
	}
	l := s.noteLapse(ctx, tenantID, in)
	c := Condition{Mode: ModePlanLapsed, Since: l.SSOLapsedAt, Code: "sso", Message: s.lapseMessage(l), Action: "Choose a plan that includes it."}
	if in.SSO {
		directories, err := s.store.Directories(ctx, tenantID)
		if err != nil {
			return fmt.Errorf("tenant: reading directories: %w", err)
		}
		if len(directories) == 0 {
			return nil // it never had what the plan lacks
		}
		c.Since, c.Code = l.SCIMLapsedAt, "scim"
	}
	h.Conditions = append(h.Conditions, c)
	h.ReadOnly = h.ReadOnly || !in.SSO
	if h.Banner == "" {
		h.Banner = c.Message
	}
	return nil
}

// connectionHealth finds the conditions of one connection.
func (s *Service) connectionHealth(ctx context.Context, tenantID string, c store.Connection, h *Health) error {
	add := func(x Condition) {
		x.ConnectionID = c.ID
		h.Conditions = append(h.Conditions, x)
	}
	switch c.State {
	case store.ConnectionSuspended:
		x := Condition{
			Mode:    ModeConnectionSuspended,
			Message: "This connection is suspended: nobody signs in with it, and its directory can only take access away.",
			Action:  "Activate it again.",
		}
		last, err := s.store.Events(ctx, tenantID, store.EventQuery{SubjectKind: kindConnection, SubjectID: c.ID, TypePrefix: "connection.suspended", Newest: true, Limit: 1})
		if err != nil {
			return fmt.Errorf("tenant: reading the journal: %w", err)
		}
		if len(last) > 0 {
			x.Since = last[0].At
		}
		add(x)
	case store.ConnectionActive, store.ConnectionApproved:
	default:
		return nil
	}
	now := s.now()
	switch {
	case !c.FailingSince.IsZero():
		add(Condition{
			Mode: ModeSecretExpired, Since: c.FailingSince, Code: c.FailingCode,
			Message: "Your provider refuses this application: nobody can sign in with it.", Action: "Make a new client secret at your provider, and replace it here.",
		})
	case len(c.SealedSecret) > 0 && !c.SecretExpiresAt.IsZero() && !c.SecretExpiresAt.After(now):
		add(Condition{
			Mode: ModeSecretExpired, Since: c.SecretExpiresAt, Code: NoticeSecretExpired,
			Message: "The client secret has expired, by the date that was entered: people may not be able to sign in.", Action: "Make a new client secret at your provider, and replace it here.",
		})
	}
	if _, err := s.ClientSecret(ctx, c); errors.Is(err, ErrSecretUnreadable) {
		add(Condition{
			Mode:    ModeSecretUnreadable,
			Message: "The client secret can't be read any more: nobody can sign in with the provider.", Action: "Enter the client secret again, or make a new one at your provider.",
		})
	}
	if !c.DriftSince.IsZero() {
		add(Condition{
			Mode: ModeProviderDown, Since: c.DriftSince, Code: c.DriftCode,
			Message: "Your provider does not answer as it should. Sign-in goes on with what it said before, as far as it answers.", Action: "Ask your provider's administrator.",
		})
	}
	return nil
}
