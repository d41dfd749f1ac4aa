package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// planPage shows what a plan would do, before it is done.
type planPage struct {
	Head groupHead `json:"-"`
	ID   string    `json:"id"`
	Hash string    `json:"hash"`
	// Sentences sum it up.
	Sentences []string              `json:"summary"`
	Totals    provisioning.Totals   `json:"totals"`
	Undo      bool                  `json:"undo,omitempty"`
	Resume    bool                  `json:"resume,omitempty"`
	Tabs      []planTab             `json:"tabs"`
	Tab       provisioning.Tab      `json:"tab"`
	Groups    []planGroup           `json:"groups,omitempty"`
	Lines     []planLine            `json:"lines,omitempty"`
	Rights    []planRights          `json:"rights,omitempty"`
	Findings  []planFinding         `json:"findings,omitempty"`
	Kept      provisioning.KeptPlan `json:"-"`
	// Cut says that the tab has more than can be looked at.
	Cut      int    `json:"cut,omitempty"`
	Previous string `json:"-"`
	Next     string `json:"next,omitempty"`
	// Questions are what the plan wants confirmed.
	Questions []question `json:"questions,omitempty"`
	Form      *form      `json:"-"`
	// Decides says that conflicts can be decided here.
	Decides bool `json:"-"`
}

type planTab struct {
	Name    provisioning.Tab `json:"name"`
	Text    string           `json:"-"`
	Count   int              `json:"count"`
	URL     string           `json:"url"`
	Current bool             `json:"-"`
	Mood    string           `json:"-"`
}

// planGroup is a group with what becomes of it, in words.
type planGroup struct {
	provisioning.GroupOutcome

	Text string `json:"-"`
	Mood string `json:"-"`
}

// planLine is a line with its words.
type planLine struct {
	provisioning.Line

	Text string `json:"-"`
	Mood string `json:"-"`
	// FromName and ToName are roles, or names of teams, as people read them.
	FromName string `json:"-"`
	ToName   string `json:"-"`
	Why      string `json:"-"`
	// English says that the reason has no words in the page's language.
	English bool `json:"-"`
}

// planRights is a change of rights with its words.
type planRights struct {
	provisioning.RightsChange

	FromName string `json:"-"`
	ToName   string `json:"-"`
	Why      string `json:"-"`
	English  bool   `json:"-"`
}

// planFinding is a finding with its words, and what can be decided about it.
type planFinding struct {
	provisioning.Finding

	Text string `json:"-"`
	Mood string `json:"-"`
	// English says that the message has no words in the page's language.
	English bool `json:"-"`
	// Actions are what can be decided here.
	Adopt, Rename, Skip, Relink bool `json:"-"`
	// ID makes the IDs of inputs.
	ID string `json:"-"`
	// Form is what was typed for this finding and refused.
	Form *form `json:"-"`
}

// question is something that a plan wants confirmed.
type question struct {
	provisioning.Confirmation

	Field string `json:"field"`
	Text  string `json:"-"`
}

// confirmFields are the inputs by which a plan's questions are answered.
var confirmFields = map[provisioning.ConfirmationCode]string{
	provisioning.ConfirmTopRole: "confirm_top_role", provisioning.ConfirmManyPeople: "confirm_people", provisioning.ConfirmOwnAccess: "confirm_own",
}

// planTabTexts are the tabs of a preview.
var planTabTexts = map[provisioning.Tab]string{
	provisioning.TabGroups: "Groups", provisioning.TabTeams: "Teams", provisioning.TabPeople: "People", provisioning.TabRoles: "Roles",
	provisioning.TabRights: "Rights", provisioning.TabConflicts: "Conflicts", provisioning.TabWarnings: "Warnings",
}

// previewDraft computes what the draft would do, beside the page.
func (h *Handler) previewDraft(v *visit) error {
	err := v.besideTo("Computing the preview", maxWorkTime, v.path("groups"), func(ctx context.Context) (string, string, error) {
		k, err := h.cfg.Engine.PreviewDraft(ctx, v.Actor, v.tenantID)
		if err != nil {
			return "", "", err
		}
		return v.path("groups", "preview", k.ID), "previewed", nil
	})
	if err == nil {
		return nil
	}
	return v.mappingRefused(err, func(code int, problem string, findings []tenant.Finding) error {
		return v.showGroups(code, problem, "", nil, findings)
	})
}

// previewUndo shows what taking a plan back would do.
func (h *Handler) previewUndo(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	return v.besideTo("Computing the preview", maxWorkTime, v.path("groups", "history"), func(ctx context.Context) (string, string, error) {
		plan, err := h.cfg.Engine.PreviewUndo(ctx, v.Actor, v.tenantID, values.Get("plan"))
		if err != nil {
			return "", "", err
		}
		return v.keepPlan(ctx, plan)
	})
}

// previewHeld shows what waits while it is paused, and what resuming would do.
func (h *Handler) previewHeld(v *visit) error {
	return v.besideTo("Computing the preview", maxWorkTime, v.path("groups", "history"), func(ctx context.Context) (string, string, error) {
		held, err := h.cfg.Engine.Held(ctx, v.Actor, v.tenantID)
		switch {
		case err != nil:
			return "", "", err
		case !held.Paused:
			return "", "", provisioning.ErrNotPaused
		}
		return v.keepPlan(ctx, held.Plan)
	})
}

func (v *visit) keepPlan(ctx context.Context, plan provisioning.Plan) (to, notice string, err error) {
	k, err := v.h.cfg.Engine.KeepPlan(ctx, v.Actor, v.tenantID, plan)
	if err != nil {
		return "", "", err
	}
	return v.path("groups", "preview", k.ID), "previewed", nil
}

func (h *Handler) showPlan(v *visit) error {
	return v.showKept(http.StatusOK, "", v.r.PathValue("plan"), provisioning.Tab(v.r.PathValue("tab")), url.Values{}, nil)
}

// showKept shows a page of a plan that is kept.
func (v *visit) showKept(code int, problem, id string, tab provisioning.Tab, values url.Values, findings []tenant.Finding) error {
	ctx, engine := v.r.Context(), v.h.cfg.Engine
	k, err := engine.KeptPlan(ctx, v.Actor, v.tenantID, id)
	if err != nil {
		return err
	}
	head, err := v.groupHead("")
	if err != nil {
		return err
	}
	if tab == "" {
		tab = firstTab(k.Counts)
	}
	if planTabTexts[tab] == "" {
		return store.ErrNotFound
	}
	after, _ := strconv.Atoi(v.r.URL.Query().Get("after")) // a place that is none begins with the first
	after = max(0, after)
	page, err := engine.KeptPage(ctx, v.Actor, v.tenantID, id, provisioning.PageQuery{Tab: tab, After: after})
	if err != nil {
		return err
	}
	body := planPage{
		Head: head, ID: id, Hash: k.Plan.Hash, Totals: k.Plan.Totals, Sentences: v.totals(k.Plan.Totals), Undo: k.Plan.UndoOf != "", Kept: k, Tab: tab,
		Resume: head.Paused != nil && !k.Plan.Settings.Paused && k.Plan.UndoOf == "", Form: newForm(values, findings, confirmFields[provisioning.ConfirmTopRole], confirmFields[provisioning.ConfirmManyPeople], confirmFields[provisioning.ConfirmOwnAccess]),
		Decides: head.MayEdit && head.Preview == v.path("groups", "preview", id) || head.MayEdit && head.Revision == 0,
		Cut:     k.Counts[tab] - k.Kept[tab],
	}
	for _, t := range provisioning.Tabs() {
		if k.Counts[t] == 0 && t != tab {
			continue
		}
		x := planTab{Name: t, Text: v.p.text(planTabTexts[t]), Count: k.Counts[t], URL: v.path("groups", "preview", id, string(t)), Current: t == tab}
		if t == provisioning.TabConflicts {
			x.Mood = "bad"
		}
		body.Tabs = append(body.Tabs, x)
	}
	v.planEntries(&body, page, values, findings)
	at := v.path("groups", "preview", id, string(tab))
	if after > 0 {
		body.Previous = at
	}
	if page.Next > 0 {
		body.Next = at + "?after=" + strconv.Itoa(page.Next)
	}
	for _, q := range k.Plan.Confirmations {
		body.Questions = append(body.Questions, question{Confirmation: q, Field: confirmFields[q.Code], Text: v.questionText(q)})
	}
	if body.Undo {
		return v.showProblem(code, "group-preview", "Take a plan back", problem, body)
	}
	return v.showProblem(code, "group-preview", "Preview", problem, body)
}

// firstTab is where a plan is looked at first: where a choice is asked for, else where something happens.
func firstTab(counts map[provisioning.Tab]int) provisioning.Tab {
	for _, t := range []provisioning.Tab{provisioning.TabConflicts, provisioning.TabTeams, provisioning.TabPeople, provisioning.TabRoles, provisioning.TabWarnings} {
		if counts[t] > 0 {
			return t
		}
	}
	return provisioning.TabGroups
}

func (v *visit) questionText(q provisioning.Confirmation) string {
	switch q.Code {
	case provisioning.ConfirmTopRole:
		return v.p.text("I mean to make members of groups %s, the highest role of all", v.role(v.h.cfg.Engine.Choices().TopRole))
	case provisioning.ConfirmManyPeople:
		return v.p.text("Type the number of people who lose something, to confirm it")
	}
	return v.p.text("I know that I lose something myself")
}

// applyPlan does what was shown, beside the page.
func (h *Handler) applyPlan(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	id := v.r.PathValue("plan")
	people, _ := strconv.Atoi(strings.TrimSpace(values.Get(confirmFields[provisioning.ConfirmManyPeople]))) // no number is no answer
	c := provisioning.Confirm{
		Hash: values.Get("hash"), People: people,
		TopRole: values.Get(confirmFields[provisioning.ConfirmTopRole]) != "", OwnAccess: values.Get(confirmFields[provisioning.ConfirmOwnAccess]) != "",
	}
	err = v.besideTo("Applying the plan", maxWorkTime, v.path("groups", "history"), func(ctx context.Context) (string, string, error) {
		_, err := h.cfg.Engine.ApplyKept(ctx, v.Actor, v.tenantID, id, c)
		if stale, ok := errors.AsType[*provisioning.StaleKeptPlanError](err); ok {
			return v.path("groups", "preview", stale.Now.ID), "changed", err
		}
		if err != nil {
			return "", "", err
		}
		return v.path("groups", "history"), "applied", nil
	})
	if err == nil {
		return nil
	}
	if stale, ok := errors.AsType[*provisioning.StaleKeptPlanError](err); ok {
		if v.wantsJSON() {
			return err
		}
		return v.showKept(http.StatusConflict, v.p.text("The directory or the settings changed since this preview. Here is the new one."), stale.Now.ID, "", url.Values{}, nil)
	}
	return v.mappingRefused(err, func(code int, problem string, findings []tenant.Finding) error {
		if code == http.StatusUnprocessableEntity {
			problem = v.p.text("It was not done.")
		}
		return v.showKept(code, problem, id, "", values, findings)
	})
}

// decideGroup puts a decision about a conflict into the draft, and shows what would happen then.
func (h *Handler) decideGroup(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	d := provisioning.GroupDecision{
		GroupID: values.Get("group"), Action: provisioning.GroupAction(values.Get("action")), Name: strings.TrimSpace(values.Get("name")), OldGroupID: values.Get("old"),
	}
	_, err = h.cfg.Engine.ChangeDraft(v.r.Context(), v.Actor, v.tenantID, revision(values), func(s *store.ProvisioningSettings) error {
		next, err := provisioning.DecideGroup(*s, d)
		*s = next
		return err
	})
	if err == nil {
		return h.previewDraft(v)
	}
	return v.mappingRefused(err, func(code int, problem string, findings []tenant.Finding) error {
		return v.showKept(code, problem, v.r.PathValue("plan"), provisioning.TabConflicts, values, findings)
	})
}

// planEntries puts the entries of a page into words.
func (v *visit) planEntries(body *planPage, page provisioning.PlanPage, values url.Values, findings []tenant.Finding) {
	for _, g := range page.Groups {
		x := planGroup{GroupOutcome: g, Text: v.p.text(outcomeTexts[g.Outcome])}
		if g.Outcome == "conflict" {
			x.Mood = "bad"
		}
		body.Groups = append(body.Groups, x)
	}
	for _, l := range page.Lines {
		x := planLine{Line: l, Text: v.p.text(lineTexts[l.Kind]), Mood: lineMoods[l.Kind], FromName: l.From, ToName: l.To}
		if x.Text == "" {
			x.Text = string(l.Kind)
		}
		if page.Tab != provisioning.TabTeams {
			x.FromName, x.ToName = v.role(l.From), v.role(l.To)
		}
		x.Why, x.English = v.reason(l.Reason)
		body.Lines = append(body.Lines, x)
	}
	for _, r := range page.Rights {
		x := planRights{RightsChange: r, FromName: v.role(r.From), ToName: v.role(r.To)}
		x.Why, x.English = v.reason(r.Reason)
		body.Rights = append(body.Rights, x)
	}
	for i, f := range page.Findings {
		body.Findings = append(body.Findings, v.planFinding(body, f, i, values, findings))
	}
}

func (v *visit) planFinding(body *planPage, f provisioning.Finding, i int, values url.Values, findings []tenant.Finding) planFinding {
	x := planFinding{Finding: f, Text: v.p.text(findingTexts[f.Code]), Mood: "warn", ID: strconv.Itoa(i), English: v.p.language != english}
	if x.Text == "" {
		x.Text = string(f.Code)
	}
	if f.Code.Violation() || f.Code.Conflict() {
		x.Mood = "bad"
	}
	if body.Decides && !body.Undo && f.GroupID != "" {
		auto := body.Kept.Plan.Settings.Mode == store.ModeAuto
		switch f.Code {
		case provisioning.FindingTeamNameTaken:
			x.Adopt, x.Rename, x.Skip = auto && f.TeamID != "", auto, auto
		case provisioning.FindingTeamNameShared, provisioning.FindingTeamNameEmpty:
			x.Rename, x.Skip = auto, auto
		case provisioning.FindingGroupRecreated:
			x.Relink = f.OldGroupID != "" && !auto
			x.Adopt, x.Rename, x.Skip = auto, auto, auto
		}
	}
	x.Form = newForm(url.Values{}, nil)
	if f.GroupID != "" && values.Get("group") == f.GroupID {
		for k := range findings {
			findings[k].Field = "name" + x.ID
		}
		x.Form = newForm(url.Values{"name" + x.ID: {values.Get("name")}}, findings, "name"+x.ID)
	}
	return x
}
