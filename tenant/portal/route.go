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

	h.mux.HandleFunc(h.prefix+"/", func(w http.ResponseWriter, r *http.Request) {
		v := &visit{h: h, w: w, r: r}
		v.settle()
		v.fail(store.ErrNotFound)
	})
}
