package oidc

import (
	"bytes"
	"errors"
	"net/http"
)

const maxHeldBody = 256 << 10

// heldResponse keeps what the host writes at a sign-in until the transaction has committed: a session cookie must not
// reach the browser when its session was rolled back.
type heldResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newHeldResponse() *heldResponse { return &heldResponse{header: http.Header{}} }

func (w *heldResponse) reset() {
	w.header, w.status = http.Header{}, 0
	w.body.Reset()
}

// Header implements http.ResponseWriter.
func (w *heldResponse) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *heldResponse) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *heldResponse) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.body.Len()+len(p) > maxHeldBody {
		return 0, errors.New("oidc: OnLogin wrote more than 256 KiB; send a redirect instead")
	}
	return w.body.Write(p)
}

// release sends what was held, or the redirect to returnTo when the host wrote no answer of its own.
func (w *heldResponse) release(to http.ResponseWriter, returnTo string) {
	head := to.Header()
	for name, values := range w.header {
		if name == "Set-Cookie" {
			head[name] = append(head[name], values...)
			continue
		}
		head[name] = values
	}
	if head.Get("Cache-Control") == "" {
		head.Set("Cache-Control", "no-store")
	}
	if head.Get("Referrer-Policy") == "" {
		head.Set("Referrer-Policy", "no-referrer")
	}
	if w.status == 0 {
		head.Set("Location", returnTo) // a path of visible ASCII, see safeReturnTo
		to.WriteHeader(http.StatusSeeOther)
		return
	}
	to.WriteHeader(w.status)
	to.Write(w.body.Bytes())
}
