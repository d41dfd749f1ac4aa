package portal

import (
	"net/http"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// peoplePage is screen 10: everybody of the organisation, and which way they came.
type peoplePage struct {
	Users    []tenant.AssociatedUser `json:"users"`
	Form     *form                   `json:"-"`
	Sources  []option                `json:"-"`
	States   []option                `json:"-"`
	Previous string                  `json:"-"`
	Next     string                  `json:"next,omitempty"`
}

// sourceTexts are the badges of where people came from (R74).
var sourceTexts = map[store.AccountSource]string{
	store.SourceManual: "By hand", store.SourceInvitation: "Invitation", store.SourceOIDC: "Sign-in", store.SourceSCIM: "Directory", store.SourceConverted: "Taken over",
}

func (h *Handler) people(v *visit) error {
	values := v.r.URL.Query()
	q := tenant.UserQuery{
		Source: store.AccountSource(values.Get("source")), State: tenant.UserState(values.Get("state")), Search: values.Get("search"), After: values.Get("after"), Limit: 50,
	}
	body := peoplePage{Users: []tenant.AssociatedUser{}, Sources: []option{{Label: v.p.text("All")}}, States: []option{{Label: v.p.text("All")}}}
	for _, s := range []store.AccountSource{store.SourceManual, store.SourceInvitation, store.SourceOIDC, store.SourceSCIM, store.SourceConverted} {
		body.Sources = append(body.Sources, option{Value: string(s), Label: v.p.text(sourceTexts[s])})
	}
	for _, s := range []tenant.UserState{tenant.UserActive, tenant.UserSuspended, tenant.UserInvited, tenant.UserPending} {
		body.States = append(body.States, option{Value: string(s), Label: v.p.text(stateTexts[s])})
	}
	page, err := h.cfg.Tenants.AssociatedUsers(v.r.Context(), v.Actor, v.tenantID, q)
	if findings := findingsOf(err); findings != nil && !v.wantsJSON() {
		body.Form = newForm(values, findings, tenant.FieldUserSource, tenant.FieldUserState, tenant.FieldUserSearch)
		return v.showProblem(http.StatusUnprocessableEntity, "people", "People", v.p.text("Some entries need a change."), body)
	}
	if err != nil {
		return err
	}
	body.Form, body.Users = newForm(values, nil), append(body.Users, page.Users...)
	if page.Next != "" {
		body.Next = v.pageURL("people", values, "after", page.Next)
	}
	if values.Has("after") {
		body.Previous = v.pageURL("people", values, "after", "")
	}
	return v.show("people", "People", body)
}

// stateTexts are the badges of what people are.
var stateTexts = map[tenant.UserState]string{
	tenant.UserActive: "Active", tenant.UserSuspended: "Suspended", tenant.UserInvited: "Invited", tenant.UserPending: "Waiting",
}
