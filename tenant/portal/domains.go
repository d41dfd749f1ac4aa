package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// domainsPage is screen 2: which domains are proven, and what to publish for the others.
type domainsPage struct {
	Domains     []domainCard `json:"domains"`
	Form        *form        `json:"-"`
	Connections []option     `json:"-"`
	Poll        bool         `json:"-"`
}

// domainCard is a domain with what to publish.
type domainCard struct {
	ID           string                     `json:"id"`
	Name         string                     `json:"name"`
	Version      int64                      `json:"version"`
	Status       status                     `json:"status"`
	Verified     bool                       `json:"verified"`
	Subdomains   bool                       `json:"subdomains"`
	Method       string                     `json:"method,omitempty"`
	Instructions []tenant.DomainInstruction `json:"instructions,omitempty"`
	Finding      *store.CheckResult         `json:"finding,omitempty"`
	Message      string                     `json:"message,omitempty"`
	CheckedAt    time.Time                  `json:"checkedAt,omitzero"`
	CheckAt      time.Time                  `json:"checkAt,omitzero"`
}

func (h *Handler) domains(v *visit) error {
	return v.showDomains(http.StatusOK, "", url.Values{}, nil)
}

func (v *visit) showDomains(code int, problem string, values url.Values, findings []tenant.Finding) error {
	list, err := v.h.cfg.Tenants.Connections(v.r.Context(), v.Actor, v.tenantID)
	if err != nil {
		return err
	}
	body := domainsPage{Domains: []domainCard{}, Form: newForm(values, findings, tenant.FieldDomains)}
	seen := map[string]bool{}
	for _, c := range list {
		if c.State != store.ConnectionWithdrawn && c.State != store.ConnectionRejected {
			card := v.card(c)
			body.Connections = append(body.Connections, option{Value: c.ID, Label: card.Name})
		}
		for _, d := range c.Domains {
			if !seen[d.ID] {
				seen[d.ID] = true
				body.Domains = append(body.Domains, v.domainCard(d))
			}
		}
	}
	slices.SortFunc(body.Domains, func(a, b domainCard) int {
		if a.Verified != b.Verified {
			if a.Verified {
				return 1 // what waits for somebody comes first
			}
			return -1
		}
		return compare(a.Name, b.Name)
	})
	body.Poll = slices.ContainsFunc(body.Domains, func(d domainCard) bool { return !d.Verified })
	return v.showProblem(code, "domains", "Domains", problem, body)
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (v *visit) domainCard(d store.Domain) domainCard {
	c := domainCard{
		ID: d.ID, Name: d.Name, Version: d.Version, Verified: d.State == store.DomainVerified, Subdomains: d.Subdomains, Method: d.Method,
		Finding: d.Finding, CheckedAt: d.CheckedAt, CheckAt: d.CheckAt,
	}
	switch {
	case c.Verified && !d.MissingSince.IsZero():
		c.Status = status{"missing", v.p.text("Proven, record missing"), "warn"}
	case c.Verified:
		c.Status = status{"verified", v.p.text("Proven"), "good"}
	default:
		c.Status = status{"pending", v.p.text("Not proven yet"), "warn"}
	}
	if !c.Verified || !d.MissingSince.IsZero() {
		c.Instructions, c.Message = v.h.cfg.Tenants.DomainInstructions(d), v.h.cfg.Tenants.DomainMessage(d)
		if d.Finding != nil && v.p.language != english {
			c.Message = v.p.finding(asFinding(d.Finding)) // when the next check is stands below
		}
	}
	return c
}

// changeDomain does what the buttons of a domain say; {domain} is "new" for another one.
func (h *Handler) changeDomain(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	ctx, svc, id, to, notice := v.r.Context(), h.cfg.Tenants, v.r.PathValue("domain"), v.path("domains"), "saved"
	switch v.r.PathValue("step") {
	case "add":
		notice = "created"
		_, err = svc.AddDomains(ctx, v.Actor, v.tenantID, values.Get("connection"), values.Get(tenant.FieldDomains))
	case "check":
		return v.beside("Checking the domain", to, "checked", func(ctx context.Context) error {
			_, err := svc.CheckDomain(ctx, v.Actor, v.tenantID, id)
			return err
		})
	case "subdomains":
		_, err = svc.SetSubdomains(ctx, v.Actor, v.tenantID, id, version(values), values.Get("subdomains") != "")
	case "remove":
		notice = "removed"
		err = svc.RemoveDomain(ctx, v.Actor, v.tenantID, id, version(values))
	default:
		return store.ErrNotFound
	}
	sentence, conflict := v.conflicted(err)
	findings := findingsOf(err)
	switch {
	case err == nil:
		return v.done(to, notice, map[string]any{"done": v.r.PathValue("step")})
	case v.wantsJSON():
		return err
	case conflict:
		return v.showDomains(http.StatusConflict, sentence, values, nil)
	case findings != nil:
		return v.showDomains(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), values, findings)
	case errors.Is(err, store.ErrNotFound) && v.r.PathValue("step") == "add":
		return v.showDomains(http.StatusUnprocessableEntity, v.p.text("Choose the connection that serves the domain."), values, nil)
	}
	return err
}
