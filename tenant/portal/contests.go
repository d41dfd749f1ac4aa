package portal

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// contestsPage lists the names that one organisation holds and another proves control of.
type contestsPage struct {
	Contests []contestRow `json:"contests"`
	Next     string       `json:"next,omitempty"`
}

// contestRow is a contested name with both sides.
type contestRow struct {
	Name         string    `json:"name"`
	Since        time.Time `json:"since"`
	HolderID     string    `json:"holderId"`
	Holder       string    `json:"holder"`
	ChallengerID string    `json:"challengerId"`
	Challenger   string    `json:"challenger"`
	// URL is where the plan of a transfer is asked for.
	URL string `json:"url"`
}

// transferPage is what it means to give a name to the organisation that proves it.
type transferPage struct {
	PlanID string       `json:"planId"`
	Plan   transferPlan `json:"plan"`
	URL    string       `json:"-"`
	Form   *form        `json:"-"`
}

// transferPlan is a tenant.Transfer as it is kept: with names in place of the host's types.
type transferPlan struct {
	ID          string                    `json:"id"`
	Name        string                    `json:"name"`
	FromID      string                    `json:"fromId"`
	From        string                    `json:"from"`
	To          string                    `json:"to"`
	FromProof   proof                     `json:"fromProof"`
	ToProof     proof                     `json:"toProof"`
	Connections []tenant.LosingConnection `json:"connections"`
	Affected    int                       `json:"affected"`
	People      []tenant.AffectedPerson   `json:"people"`
}

// proof is what the look for a proof of the name found just now.
type proof struct {
	Proven  bool           `json:"proven"`
	Finding tenant.Finding `json:"finding"`
}

const contestsOnPage = 50

func (h *Handler) contests(v *visit) error {
	q := v.r.URL.Query()
	page, err := h.cfg.Tenants.Contests(v.r.Context(), v.Actor, store.Ref{TenantID: q.Get("tenant"), ID: q.Get("after")}, contestsOnPage)
	if err != nil {
		return err
	}
	body := contestsPage{Contests: []contestRow{}}
	for _, c := range page.Contests {
		body.Contests = append(body.Contests, contestRow{
			Name: c.Name, Since: c.Since, HolderID: c.Holder.Tenant.TenantID(), Holder: c.Holder.Tenant.TenantName(),
			ChallengerID: c.Challenger.Tenant.TenantID(), Challenger: c.Challenger.Tenant.TenantName(),
			URL: v.path("t", c.Challenger.Tenant.TenantID(), "domains", c.Challenger.Domain.ID),
		})
	}
	if page.More {
		body.Next = v.path("contests") + "?" + url.Values{"tenant": {page.Next.TenantID}, "after": {page.Next.ID}}.Encode()
	}
	return v.show("contests", "Contested domains", body)
}

// planTransfer looks for both proofs now, and at whom it concerns, beside the page.
func (h *Handler) planTransfer(v *visit) error {
	id := v.r.PathValue("domain")
	return v.besideTo("Computing the preview", maxWorkTime, v.h.prefix+"/staff/contests", func(ctx context.Context) (string, string, error) {
		t, err := h.cfg.Tenants.PlanTransfer(ctx, v.Actor, v.tenantID, id)
		if err != nil {
			return "", "", err
		}
		return v.keptTransfer(ctx, id, t)
	})
}

func (v *visit) keptTransfer(ctx context.Context, domainID string, t tenant.Transfer) (to, notice string, err error) {
	plan := transferPlan{
		ID: t.ID, Name: t.Name, FromID: t.From.Tenant.TenantID(), From: t.From.Tenant.TenantName(), To: t.To.Tenant.TenantName(),
		FromProof: proof{t.FromProven, t.FromFinding}, ToProof: proof{t.ToProven, t.ToFinding}, Connections: t.Connections, Affected: t.Affected, People: t.People,
	}
	id, err := v.keepFor(ctx, "transfer "+domainID, plan)
	return v.path("domains", domainID, id), "previewed", err
}

func (h *Handler) transfer(v *visit) error {
	return v.showTransfer(http.StatusOK, "", url.Values{}, nil)
}

func (v *visit) showTransfer(code int, problem string, values url.Values, findings []tenant.Finding) error {
	domain, id := v.r.PathValue("domain"), v.r.PathValue("plan")
	body := transferPage{PlanID: id, URL: v.path("domains", domain), Form: newForm(values, findings, "reason")}
	if err := v.kept(id, "transfer "+domain, &body.Plan); err != nil {
		return err
	}
	return v.showProblem(code, "transfer", "Transfer a domain", problem, body)
}

// applyTransfer gives the name to who proves it, if it still means what was shown.
func (h *Handler) applyTransfer(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	domain := v.r.PathValue("domain")
	var plan transferPlan
	if err := v.kept(v.r.PathValue("plan"), "transfer "+domain, &plan); err != nil {
		return err
	}
	err = v.besideTo("Applying the plan", maxWorkTime, v.h.prefix+"/staff/contests", func(ctx context.Context) (string, string, error) {
		_, err := h.cfg.Tenants.ApplyTransfer(ctx, v.Actor, v.tenantID, domain, plan.ID, values.Get("reason"))
		if err != nil {
			return "", "", err
		}
		h.cfg.Changed(plan.FromID)
		return v.h.prefix + "/staff/contests", "applied", nil
	})
	if err == nil || v.wantsJSON() {
		return err
	}
	if sentence, ok := v.conflicted(err); ok {
		return v.showTransfer(http.StatusConflict, sentence, values, nil)
	}
	if findings := findingsOf(err); findings != nil {
		return v.showTransfer(http.StatusUnprocessableEntity, v.p.text("It was not done."), values, findings)
	}
	return err
}
