package portal

import (
	"net/http"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// peoplePage is screen 10: everybody of the organisation, and which way they came.
type peoplePage struct {
	Users    []peopleRow `json:"users"`
	Form     *form       `json:"-"`
	Sources  []option    `json:"-"`
	States   []option    `json:"-"`
	Previous string      `json:"-"`
	Next     string      `json:"next,omitempty"`
	// Convert is where accounts are decided about that exist already, empty for those who may not.
	Convert string `json:"-"`
}

// peopleRow is a person with the page that tells more, and the lock that a directory puts on it.
type peopleRow struct {
	tenant.AssociatedUser

	URL     string            `json:"url,omitempty"`
	Managed provisioning.Lock `json:"lock,omitzero"`
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
	body := peoplePage{Users: []peopleRow{}, Sources: []option{{Label: v.p.text("All")}}, States: []option{{Label: v.p.text("All")}}}
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
	body.Form = newForm(values, nil)
	if body.Users, err = v.peopleRows(page.Users); err != nil {
		return err
	}
	if h.cfg.Engine != nil {
		ok, err := v.may(tenant.ActionManageSCIM)
		if err != nil {
			return err
		}
		if ok {
			body.Convert = v.path("people", "convert")
		}
	}
	if page.Next != "" {
		body.Next = v.pageURL("people", values, "after", page.Next)
	}
	if values.Has("after") {
		body.Previous = v.pageURL("people", values, "after", "")
	}
	return v.show("people", "People", body)
}

// peopleRows are the people of a page, with their locks asked for all at once.
func (v *visit) peopleRows(users []tenant.AssociatedUser) ([]peopleRow, error) {
	rows := []peopleRow{}
	var changes []provisioning.Change
	var at []int
	for i, u := range users {
		row := peopleRow{AssociatedUser: u}
		if u.AccountID != "" && v.h.cfg.Engine != nil {
			row.URL = v.personURL(u.AccountID)
		}
		if u.AccountID != "" && u.Lock != nil {
			at = append(at, i)
			changes = append(changes, provisioning.Change{Resource: provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: u.AccountID}, Op: provisioning.OpUpdate})
		}
		rows = append(rows, row)
	}
	if v.h.cfg.Locks == nil || len(changes) == 0 {
		return rows, nil
	}
	locks, err := v.h.cfg.Locks.CheckAll(v.r.Context(), v.tenantID, changes)
	if err != nil {
		return nil, err
	}
	for i, l := range locks {
		rows[at[i]].Managed = l
	}
	return rows, nil
}

// stateTexts are the badges of what people are.
var stateTexts = map[tenant.UserState]string{
	tenant.UserActive: "Active", tenant.UserSuspended: "Suspended", tenant.UserInvited: "Invited", tenant.UserPending: "Waiting",
}
