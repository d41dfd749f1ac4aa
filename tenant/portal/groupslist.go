package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// groupListPage are the groups that the directory pushed (R83).
type groupListPage struct {
	Head     groupHead  `json:"-"`
	Groups   []groupRow `json:"groups"`
	Total    int        `json:"total"`
	Form     *form      `json:"-"`
	Manual   bool       `json:"-"`
	Previous string     `json:"-"`
	Next     string     `json:"next,omitempty"`
}

// groupRow is a group with how often the mapping names it.
type groupRow struct {
	provisioning.GroupInfo

	Rows int `json:"rows"`
}

func (h *Handler) groupList(v *visit) error {
	head, err := v.groupHead("list")
	if err != nil {
		return err
	}
	values := v.r.URL.Query()
	search := clipped(values.Get("search"))
	list, err := h.cfg.Engine.Groups(v.r.Context(), v.Actor, v.tenantID, provisioning.GroupQuery{Search: search, After: clipped(values.Get("after"))})
	if err != nil {
		return err
	}
	body := groupListPage{Head: head, Groups: []groupRow{}, Total: list.Total, Form: newForm(url.Values{"search": {search}}, nil), Manual: head.draft.Settings.Mode == store.ModeManual}
	rows := map[string]int{}
	for _, r := range head.draft.Settings.Rows {
		rows[r.GroupID]++
	}
	for _, g := range list.Groups {
		body.Groups = append(body.Groups, groupRow{GroupInfo: g, Rows: rows[g.ID]})
	}
	at := v.path("groups", "list")
	if list.Next != "" {
		body.Next = at + "?" + url.Values{"search": {search}, "after": {list.Next}}.Encode()
	}
	if values.Has("after") {
		body.Previous = at + "?" + url.Values{"search": {search}}.Encode()
	}
	return v.show("group-list", "Groups of the directory", body)
}

// groupHistoryPage is what was applied, what waits, and how everything stands to the rules.
type groupHistoryPage struct {
	Head      groupHead                      `json:"-"`
	Paused    *store.ProvisioningPause       `json:"paused,omitempty"`
	Report    *provisioning.ReconcileReport  `json:"lastReconcile,omitempty"`
	Drift     []planLine                     `json:"-"`
	MoreDrift int                            `json:"-"`
	Applied   []appliedRow                   `json:"applied"`
	Open      []provisioning.OpenWork        `json:"open"`
	MoreOpen  bool                           `json:"moreOpen,omitempty"`
	Deletions []provisioning.PlannedDeletion `json:"deletions"`
	Form      *form                          `json:"-"`
	Previous  string                         `json:"-"`
	Next      string                         `json:"next,omitempty"`
}

// appliedRow is a plan that was applied, in words.
type appliedRow struct {
	provisioning.AppliedPlan

	Sentences []string `json:"summary"`
	// Newest plans can be taken back.
	Newest bool `json:"-"`
}

// appliedOnPage is how many plans one page lists.
const appliedOnPage = 20

func (h *Handler) groupHistory(v *visit) error {
	return v.showHistory(http.StatusOK, "", url.Values{}, nil)
}

func (v *visit) showHistory(code int, problem string, values url.Values, findings []tenant.Finding) error {
	ctx, engine := v.r.Context(), v.h.cfg.Engine
	head, err := v.groupHead("history")
	if err != nil {
		return err
	}
	body := groupHistoryPage{Head: head, Paused: head.Paused, Applied: []appliedRow{}, Open: []provisioning.OpenWork{}, Deletions: []provisioning.PlannedDeletion{}, Form: newForm(values, findings, "reason")}
	report, err := engine.LastReconcile(ctx, v.Actor, v.tenantID)
	switch {
	case err == nil:
		body.Report = &report
		drift := report.Drift[:min(len(report.Drift), 20)]
		entries := planPage{}
		v.planEntries(&entries, provisioning.PlanPage{Lines: drift}, nil, nil)
		body.Drift, body.MoreDrift = entries.Lines, report.Drifted-len(drift)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	before, _ := strconv.ParseInt(v.r.URL.Query().Get("before"), 10, 64) // a place that is none begins with the newest
	applied, err := engine.Applied(ctx, v.Actor, v.tenantID, max(0, before), appliedOnPage)
	if err != nil {
		return err
	}
	for i, a := range applied {
		body.Applied = append(body.Applied, appliedRow{AppliedPlan: a, Sentences: v.totals(a.Totals), Newest: i == 0 && before <= 0})
	}
	if before > 0 {
		body.Previous = v.path("groups", "history")
	}
	if len(applied) == appliedOnPage {
		body.Next = v.path("groups", "history") + "?before=" + strconv.FormatInt(applied[len(applied)-1].Seq, 10)
	}
	open, err := engine.Failures(ctx, v.Actor, v.tenantID, "", 20)
	if err != nil {
		return err
	}
	body.Open, body.MoreOpen = append(body.Open, open.Items...), open.More
	deletions, err := engine.PlannedDeletions(ctx, v.Actor, v.tenantID, 0, 50)
	if err != nil {
		return err
	}
	body.Deletions = append(body.Deletions, deletions...)
	return v.showProblem(code, "group-history", "History", problem, body)
}

// pause holds back what gives and takes access.
func (h *Handler) pause(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	if _, err = h.cfg.Engine.Pause(v.r.Context(), v.Actor, v.tenantID, values.Get("reason")); err == nil {
		return v.done(v.path("groups", "history"), "paused", map[string]any{"done": "paused"})
	}
	return v.mappingRefused(err, func(code int, problem string, findings []tenant.Finding) error {
		return v.showHistory(code, problem, values, findings)
	})
}

// reconcile compares everybody with the rules, beside the page.
func (h *Handler) reconcile(v *visit) error {
	to := v.path("groups", "history")
	return v.besideTo("Comparing everybody with the rules", maxWorkTime, to, func(ctx context.Context) (string, string, error) {
		if _, err := h.cfg.Engine.ReconcileNow(ctx, v.Actor, v.tenantID); err != nil {
			return "", "", err
		}
		return to, "compared", nil
	})
}

// keepTeam keeps a team that waits to be deleted.
func (h *Handler) keepTeam(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	if err := h.cfg.Engine.CancelDeletion(v.r.Context(), v.Actor, v.tenantID, values.Get("team")); err != nil {
		return err
	}
	return v.done(v.path("groups", "history"), "saved", map[string]any{"done": "saved"})
}
