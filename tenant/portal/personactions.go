package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// personDone goes back to the person's page after something was done, or shows it again with what stood in the way.
func (v *visit) personDone(err error, notice string, values url.Values) error {
	findings := findingsOf(err)
	if e, ok := errors.AsType[*provisioning.OverrideError](err); ok {
		findings = []tenant.Finding{overrideFinding(e)}
	}
	sentence, conflict := v.conflicted(err)
	switch {
	case err == nil:
		return v.done(v.personURL(v.r.PathValue("account")), notice, map[string]any{"done": notice})
	case findings != nil && v.wantsJSON():
		return &tenant.ValidationError{Findings: findings}
	case v.wantsJSON():
		return err
	case findings != nil:
		return v.showPerson(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), values, findings)
	case conflict:
		return v.showPerson(http.StatusConflict, sentence, values, nil)
	}
	return err
}

// overrideFinding is a refusal of package provisioning as a finding about an input.
func overrideFinding(e *provisioning.OverrideError) tenant.Finding {
	f := tenant.Finding{Field: e.Field, Code: e.Code, Message: e.Message, Severity: tenant.SeverityError}
	if f.Field == "resource" || f.Field == "field" {
		f.Field = "what"
	}
	return f
}

// unlink takes one of the person's identities away.
func (h *Handler) unlink(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	err = h.cfg.Tenants.Allowed(v.r.Context(), v.Actor, tenant.ActionManageUsers, v.tenantID)
	if err == nil {
		err = h.cfg.Login.UnlinkIdentity(v.r.Context(), v.Actor, v.tenantID, v.r.PathValue("account"), values.Get("identity"))
	}
	return v.personDone(err, "unlinked", values)
}

// endSessions ends what the person is signed in with.
func (h *Handler) endSessions(v *visit) error {
	err := h.cfg.Tenants.Allowed(v.r.Context(), v.Actor, tenant.ActionManageUsers, v.tenantID)
	if err == nil {
		err = h.cfg.Login.EndSessions(v.r.Context(), v.Actor, v.tenantID, v.r.PathValue("account"))
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return store.ErrNotFound // there is no such button
	}
	return v.personDone(err, "sessions", url.Values{})
}

// override lifts a lock for a time.
func (h *Handler) override(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	if h.cfg.Locks == nil {
		return store.ErrNotFound
	}
	if _, err := h.cfg.Engine.Explain(v.r.Context(), v.Actor, v.tenantID, v.r.PathValue("account")); err != nil {
		return err
	}
	until, findings := v.readTime(values.Get("until"))
	for i := range findings {
		findings[i].Field = "until"
	}
	if len(findings) > 0 {
		return v.personDone(&tenant.ValidationError{Findings: findings}, "", values)
	}
	req := provisioning.OverrideRequest{Reason: values.Get("reason"), Until: until}
	req.Resource.AccountID = v.r.PathValue("account")
	kind, which, _ := strings.Cut(values.Get("what"), ":")
	switch req.Resource.Kind = provisioning.ResourceKind(kind); req.Resource.Kind {
	case provisioning.ResourceMembership:
		req.Resource.TeamID = which
	case provisioning.ResourceUser:
		req.Field = which
	}
	_, err = h.cfg.Locks.Override(v.r.Context(), v.Actor, v.tenantID, req)
	return v.personDone(err, "lifted", values)
}

// revokeOverride locks again what somebody lifted.
func (h *Handler) revokeOverride(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	if h.cfg.Locks == nil {
		return store.ErrNotFound
	}
	all, err := h.cfg.Locks.Overrides(v.r.Context(), v.Actor, v.tenantID)
	if err != nil {
		return err
	}
	id := values.Get("override")
	if !slices.ContainsFunc(all, func(o store.LockOverride) bool { return o.ID == id && o.AccountID == v.r.PathValue("account") }) {
		return store.ErrNotFound
	}
	return v.personDone(h.cfg.Locks.RevokeOverride(v.r.Context(), v.Actor, v.tenantID, id), "locked", values)
}

// retry tries again what the application refused for the person.
func (h *Handler) retry(v *visit) error {
	ctx, id := v.r.Context(), v.r.PathValue("account")
	x, err := h.cfg.Engine.Explain(ctx, v.Actor, v.tenantID, id)
	if err != nil {
		return err
	}
	only := []string{id}
	if x.Directory != nil {
		only = append(only, x.Directory.SCIMUserID)
	}
	_, err = h.cfg.Engine.Retry(ctx, v.Actor, v.tenantID, only...)
	return v.personDone(err, "retried", url.Values{})
}

// keepAccount keeps an account that waits to be deleted.
func (h *Handler) keepAccount(v *visit) error {
	return v.personDone(h.cfg.Engine.CancelAccountDeletion(v.r.Context(), v.Actor, v.tenantID, v.r.PathValue("account")), "kept", url.Values{})
}
