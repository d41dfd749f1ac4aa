package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// conversionsPage is where a directory is let take accounts over that exist: cards with one decision each, and lists.
type conversionsPage struct {
	Cards []conflictRow `json:"conflicts"`
	// Plan is what was asked to be previewed; Lines are as many of it as the page shows, More how many it leaves out.
	Plan   *provisioning.ConversionPlan `json:"plan,omitempty"`
	Undo   bool                         `json:"undo,omitempty"`
	Lines  []conversionRow              `json:"-"`
	More   int                          `json:"-"`
	Action string                       `json:"-"`
	// Card is the number of the one card that the page is about; zero if it is about all.
	Card     int64  `json:"-"`
	Form     *form  `json:"-"`
	Previous string `json:"-"`
	Next     string `json:"next,omitempty"`
}

// conflictRow is a card with its words.
type conflictRow struct {
	provisioning.Conflict

	Text, Help string
	// Links says that another account can be named.
	Links bool
}

// conversionRow is a line of a plan with its words.
type conversionRow struct {
	provisioning.ConversionLine

	Text  string
	Lines []planLine
}

const (
	cardsOnPage       = 20
	conversionsOnPage = 100
)

// conversionTexts say what comes of an entry.
var conversionTexts = map[string]string{
	"ready": "can be changed", "not_found": "There is no such account", "domain_not_verified": "The address is in no proven domain of yours",
	"root_user": "The root user is left alone", "break_glass": "A break-glass address; take it off that list first",
	"already_provisioned": "A directory manages it already", "already_approved": "Approved already; it waits for the directory", "duplicate": "It is in the list twice",
	"address_taken": "The address belongs to somebody else", "not_converted": "The directory was not allowed to have it",
}

// conflictTexts name what is the matter with a card.
var conflictTexts = map[string]string{
	"account_exists": "There is an account of this address", "account_taken": "The account belongs to somebody else of the directory",
	"account_ambiguous": "Two accounts could be meant", "email_held": "The address stays as it is", "root_user": "The root user is left alone",
	"domain_not_verified": "The address is in no proven domain of yours", "break_glass": "A break-glass address is left alone",
}

// conflictHelpTexts say what can be done.
var conflictHelpTexts = map[string]string{
	"account_exists":      "The directory wants to make an account that exists. Let it take that one over, or another one; or leave both as they are.",
	"account_taken":       "The account of this address is another person's in the directory already. Change it there.",
	"account_ambiguous":   "Choose which account it is, or leave both as they are.",
	"email_held":          "The directory changed the address of an account that it took over. The old one stays until you accept it, or the directory has sent the account's own ID.",
	"root_user":           "No directory may have the account that created the organisation. Give it another address if the person is to be provisioned.",
	"domain_not_verified": "The directory may only send people of proven domains. Prove this one, or leave the person out there.",
	"break_glass":         "No directory may have an account that is for emergencies. Take it off that list first.",
}

func (h *Handler) conversions(v *visit) error {
	return v.showConversions(http.StatusOK, "", nil, url.Values{}, nil)
}

// showConversions shows cards and list; with is what was previewed.
func (v *visit) showConversions(code int, problem string, with *conversionsPage, values url.Values, findings []tenant.Finding) error {
	body := conversionsPage{}
	if with != nil {
		body = *with
	}
	body.Form, body.Cards = newForm(values, findings, "entries", "account"), []conflictRow{}
	if body.Card == 0 {
		before, _ := strconv.ParseInt(v.r.URL.Query().Get("before"), 10, 64) // a place that is none begins with the newest
		list, next, err := v.h.cfg.Engine.Conflicts(v.r.Context(), v.Actor, v.tenantID, before, cardsOnPage)
		if err != nil {
			return err
		}
		for _, c := range list {
			body.Cards = append(body.Cards, v.conflictRow(c))
		}
		if next > 0 {
			body.Next = v.path("people", "convert") + "?before=" + strconv.FormatInt(next, 10)
		}
		if before > 0 {
			body.Previous = v.path("people", "convert")
		}
	}
	return v.showProblem(code, "conversions", "Accounts that exist already", problem, body)
}

func (v *visit) conflictRow(c provisioning.Conflict) conflictRow {
	return conflictRow{
		Conflict: c, Text: v.p.text(conflictTexts[c.Code]), Help: v.p.text(conflictHelpTexts[c.Code]), Links: slices.Contains(c.Choices, provisioning.ConflictLink),
	}
}

// planned makes a page of a plan: what can't be done first, since that is what a person has to look at.
func (v *visit) planned(plan provisioning.ConversionPlan, action string, card int64, undo bool) *conversionsPage {
	page := &conversionsPage{Plan: &plan, Action: action, Card: card, Undo: undo}
	var ready []conversionRow
	for _, l := range plan.Lines {
		row := conversionRow{ConversionLine: l, Text: v.p.text(conversionTexts[l.Code]), Lines: v.planLines(cut(l.Changes, 0, 10))}
		if row.Text == "" {
			row.Text = l.Code
		}
		if l.Code == "ready" {
			ready = append(ready, row)
			continue
		}
		page.Lines = append(page.Lines, row)
	}
	page.Lines = append(page.Lines, ready...)
	page.More = max(0, len(page.Lines)-conversionsOnPage)
	page.Lines = cut(page.Lines, 0, conversionsOnPage)
	return page
}

func conversionOf(values url.Values) provisioning.Conversion {
	return provisioning.Conversion{EndSessions: values.Get("end_sessions") != "", RevokeTokens: values.Get("revoke_tokens") != ""}
}

// convert previews, approves or takes back what a list of accounts says.
func (h *Handler) convert(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	ctx, engine, c := v.r.Context(), h.cfg.Engine, conversionOf(values)
	if c.Entries, err = provisioning.ReadConversionList(strings.NewReader(values.Get("entries"))); err == nil && len(c.Entries) == 0 {
		err = &provisioning.ConversionListError{Message: "expected at least one account"}
	}
	if err != nil {
		return v.convertRefused(err, values)
	}
	var plan provisioning.ConversionPlan
	to, undo := v.path("people", "convert"), false
	switch values.Get("then") {
	case "preview":
		plan, err = engine.PlanConversion(ctx, v.Actor, v.tenantID, c)
	case "undo-preview":
		undo = true
		plan, err = engine.PlanConversionUndo(ctx, v.Actor, v.tenantID, c.Entries)
	case "approve":
		if plan, err = engine.ApproveConversion(ctx, v.Actor, v.tenantID, c, values.Get("hash")); err == nil {
			return v.done(to, "converted", map[string]any{"plan": plan})
		}
	case "undo":
		undo = true
		if plan, err = engine.UndoConversion(ctx, v.Actor, v.tenantID, c.Entries, values.Get("hash")); err == nil {
			return v.done(to, "undone", map[string]any{"plan": plan})
		}
	default:
		return store.ErrNotFound
	}
	if stale, ok := errors.AsType[*provisioning.StaleConversionError](err); ok {
		return v.showConversions(http.StatusConflict, v.p.text("The accounts changed since this preview. Here is the new one."), v.planned(stale.Plan, to, 0, undo), values, nil)
	}
	if err != nil {
		return v.convertRefused(err, values)
	}
	return v.showConversions(http.StatusOK, "", v.planned(plan, to, 0, undo), values, nil)
}

// convertRefused shows the page again with what is wrong with the list.
func (v *visit) convertRefused(err error, values url.Values) error {
	f := tenant.Finding{Field: "entries", Severity: tenant.SeverityError}
	list, unreadable := errors.AsType[*provisioning.ConversionListError](err)
	switch {
	case unreadable && list.Line > 0:
		f.Code, f.Message = "list_invalid", v.p.text("Line %d is no e-mail address and no ID of an account.", list.Line)
	case unreadable:
		f.Code, f.Message = "list_invalid", v.p.text("Enter at least one e-mail address or ID of an account, as plain text.")
	case errors.Is(err, provisioning.ErrTooManyConversions):
		f.Code, f.Message = "list_too_long", v.p.text("Enter at most 1,000 accounts at once.")
	case errors.Is(err, provisioning.ErrTokensNotRevoked):
		f.Field, f.Code, f.Message = "", "tokens_not_revoked", v.p.text("The application can't end API tokens. Leave that choice off.")
	default:
		return err
	}
	if v.wantsJSON() {
		return &tenant.ValidationError{Findings: []tenant.Finding{f}}
	}
	return v.showConversions(http.StatusUnprocessableEntity, v.p.text("Some entries need a change."), nil, values, []tenant.Finding{f})
}

// conflictCard leads back to the list: a card is decided about where it stands.
func (h *Handler) conflictCard(v *visit) error {
	http.Redirect(v.w, v.r, v.path("people", "convert"), http.StatusSeeOther)
	return nil
}

// decideConflict previews a takeover for one card, or does what was decided.
func (h *Handler) decideConflict(v *visit) error {
	values, err := v.form()
	if err != nil {
		return err
	}
	card, err := strconv.ParseInt(v.r.PathValue("card"), 10, 64)
	if err != nil || card <= 0 {
		return store.ErrNotFound
	}
	ctx, engine, to := v.r.Context(), h.cfg.Engine, v.path("people", "convert")
	c := conversionOf(values)
	d := provisioning.ConflictDecision{
		Action: provisioning.ConflictAction(values.Get("action")), AccountID: strings.TrimSpace(values.Get("account")), Hash: values.Get("hash"),
		EndSessions: c.EndSessions, RevokeTokens: c.RevokeTokens,
	}
	own := v.path("people", "convert", v.r.PathValue("card"))
	takeover := d.Action == provisioning.ConflictConvert || d.Action == provisioning.ConflictLink
	if takeover && d.Hash == "" {
		var plan provisioning.ConversionPlan
		if plan, err = engine.PlanConflict(ctx, v.Actor, v.tenantID, card, d); err == nil {
			return v.showConversions(http.StatusOK, "", v.planned(plan, own, card, false), values, nil)
		}
	} else {
		err = engine.DecideConflict(ctx, v.Actor, v.tenantID, card, d)
	}
	stale, isStale := errors.AsType[*provisioning.StaleConversionError](err)
	switch {
	case err == nil && d.Action == provisioning.ConflictIgnore:
		return v.done(to, "ignored", map[string]any{"done": d.Action})
	case err == nil:
		return v.done(to, "converted", map[string]any{"done": d.Action})
	case isStale:
		return v.showConversions(http.StatusConflict, v.p.text("The accounts changed since this preview. Here is the new one."), v.planned(stale.Plan, own, card, false), values, nil)
	}
	return v.cardRefused(err)
}

// cardRefused says why a decision was not taken.
func (v *visit) cardRefused(err error) error {
	f := tenant.Finding{Field: "account", Severity: tenant.SeverityError}
	switch {
	case errors.Is(err, provisioning.ErrConflictChoice):
		f.Code, f.Message = "choice_invalid", v.p.text("Choose one of what the card offers, and name an account where it is asked for.")
	case errors.Is(err, provisioning.ErrConflictNotReady):
		f.Code, f.Message = "not_ready", v.p.text("The directory can't have this account. The preview says why.")
	case errors.Is(err, provisioning.ErrTokensNotRevoked):
		f.Code, f.Message = "tokens_not_revoked", v.p.text("The application can't end API tokens. Leave that choice off.")
	default:
		return err
	}
	if v.wantsJSON() {
		return &tenant.ValidationError{Findings: []tenant.Finding{f}}
	}
	return v.showConversions(http.StatusUnprocessableEntity, f.Message, nil, url.Values{}, nil)
}
