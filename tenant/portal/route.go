package portal

import (
	"net/http"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// routes is the one list of what there is, and of the action that each page needs before anything is read.
func (h *Handler) routes() {
	h.mux.Handle("GET "+h.assets.css.url, h.assets.css)
	h.mux.Handle("GET "+h.assets.js.url, h.assets.js)

	h.mux.HandleFunc("GET "+h.prefix+"/setup/{tenant}/{token}", h.peekLink)
	h.mux.HandleFunc("POST "+h.prefix+"/setup/{tenant}/{token}", h.openLink)
	h.mux.HandleFunc("POST "+h.prefix+"/setup/{tenant}/done", h.endLink)

	h.owner("GET", "", tenant.ActionViewConnection, h.overview)
	h.owner("GET", "/wait/{work}", tenant.ActionViewConnection, h.wait)
	h.owner("GET", "/new", tenant.ActionEditConnection, h.choose)
	h.owner("POST", "/new", tenant.ActionEditConnection, h.create)
	h.owner("GET", "/c/{connection}", tenant.ActionViewConnection, h.showConnection)
	h.owner("POST", "/c/{connection}/do/{step}", tenant.ActionViewConnection, h.step)
	h.owner("GET", "/c/{connection}/application", tenant.ActionViewConnection, h.application)
	h.owner("GET", "/c/{connection}/details", tenant.ActionViewConnection, h.details)
	h.owner("POST", "/c/{connection}/details", tenant.ActionEditConnection, h.saveDetails)
	h.owner("GET", "/c/{connection}/secret", tenant.ActionReplaceSecret, h.secret)
	h.owner("POST", "/c/{connection}/secret", tenant.ActionReplaceSecret, h.replaceSecret)
	h.owner("POST", "/c/{connection}/secret/test", tenant.ActionReplaceSecret, h.testSecret)
	h.owner("GET", "/c/{connection}/test", tenant.ActionEditConnection, h.test)
	h.owner("POST", "/c/{connection}/test", tenant.ActionEditConnection, h.startTest)
	h.member("GET", "/c/{connection}/activate", tenant.ActionActivate, h.activation)
	h.member("POST", "/c/{connection}/activate", tenant.ActionActivate, h.activate)
	h.member("POST", "/c/{connection}/activate/plan", tenant.ActionActivate, h.planActivation)
	h.member("POST", "/c/{connection}/activate/people", tenant.ActionActivate, h.exportActivation)
	h.member("GET", "/c/{connection}/suspend", tenant.ActionSuspend, h.ending(tenant.EndingSuspend))
	h.member("POST", "/c/{connection}/suspend", tenant.ActionSuspend, h.end(tenant.EndingSuspend))
	h.member("GET", "/c/{connection}/delete", tenant.ActionDeleteConnection, h.ending(tenant.EndingRemove))
	h.member("POST", "/c/{connection}/delete", tenant.ActionDeleteConnection, h.end(tenant.EndingRemove))
	h.owner("GET", "/domains", tenant.ActionViewConnection, h.domains)
	h.owner("POST", "/domains/{domain}/{step}", tenant.ActionManageDomains, h.changeDomain)

	h.owner("GET", "/provisioning", tenant.ActionViewConnection, h.provisioning)
	h.member("GET", "/provisioning/requests", tenant.ActionViewRequests, h.requests)
	h.member("POST", "/provisioning/requests/export", tenant.ActionViewRequests, h.exportRequests)
	h.owner("POST", "/provisioning/directories/{directory}/{step}", tenant.ActionManageSCIM, h.changeDirectory)
	h.owner("POST", "/provisioning/keys", tenant.ActionManageAPIKeys, h.createKey)
	h.owner("POST", "/provisioning/keys/{key}/{step}", tenant.ActionManageAPIKeys, h.changeKey)
	h.groupRoutes()
	h.member("GET", "/people", tenant.ActionViewUsers, h.people)
	h.personRoutes()
	h.webhookRoutes()
	h.member("GET", "/links", tenant.ActionViewSetupLinks, h.links)
	h.member("POST", "/links", tenant.ActionManageSetupLinks, h.createLink)
	h.member("POST", "/links/{link}/revoke", tenant.ActionManageSetupLinks, h.revokeLink)
	h.member("GET", "/audit", tenant.ActionViewAudit, h.audit)
	h.member("POST", "/audit/export", tenant.ActionViewAudit, h.exportAudit)

	h.reviewer("GET", "", h.queue)
	h.staffRoutes()
	h.reviewer("GET", "/t/{tenant}/wait/{work}", h.wait)
	h.reviewer("GET", "/t/{tenant}/c/{connection}", h.review)
	h.reviewer("POST", "/t/{tenant}/c/{connection}", h.decide)

	h.mux.HandleFunc(h.prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		v := &visit{h: h, w: w, r: r}
		v.settle()
		v.fail(store.ErrNotFound)
	})
}
