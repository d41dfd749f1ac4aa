package portal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// What asks a name server or an identity provider runs beside the page: the browser waits a moment for it, and otherwise looks
// at a page that follows along. The outcome is a one-time token in the store, so that any replica can show it, and the page
// can be loaded again.

const (
	workKind     = "portal_work"
	workLife     = 15 * time.Minute
	workTime     = time.Minute // no check takes longer
	maxWorkTime  = 10 * time.Minute
	workPatience = 1500 * time.Millisecond
	maxWork      = 64 // at once, in one process
)

// outcome is what came of work.
type outcome struct {
	Actor   string   `json:"actor"`
	To      string   `json:"to,omitempty"`
	Notice  string   `json:"notice,omitempty"`
	Problem *problem `json:"problem,omitempty"`

	err error
}

// waitPage is shown while work goes on.
type waitPage struct {
	What string `json:"what"`
	// Late says that it should be over by now.
	Late bool   `json:"late"`
	Back string `json:"-"`
}

// beside does work that may take long, and answers with what came of it: on to the page to, with a notice. work gets a context that the
// browser's going away does not end. what is one of our texts: what is going on.
func (v *visit) beside(what, to, notice string, work func(ctx context.Context) error) error {
	return v.besideTo(what, workTime, to, func(ctx context.Context) (string, string, error) {
		if err := work(ctx); err != nil {
			return "", "", err
		}
		return to, notice, nil
	})
}

// besideTo is beside for work that says itself where to go on, and may take up to limit. With an error, too, it may name a
// page that tells about it to a browser that had to wait. back is the page that a browser that waits is told of.
func (v *visit) besideTo(what string, limit time.Duration, back string, work func(ctx context.Context) (to, notice string, err error)) error {
	select {
	case v.h.slots <- struct{}{}:
	default:
		return fmt.Errorf("portal: %d checks are under way: %w", maxWork, store.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), limit)
	result := make(chan outcome, 1)
	id := rand.Text()
	handedOver := make(chan struct{})
	v.h.working.Go(func() {
		defer func() { <-v.h.slots }()
		defer cancel()
		o := outcome{Actor: v.actorKey()}
		o.err = safely(func() (err error) {
			o.To, o.Notice, err = work(ctx)
			return err
		})
		select {
		case result <- o:
		default:
		}
		select {
		case <-handedOver:
			v.keep(id, o)
		case <-ctx.Done():
		}
	})
	patience := time.NewTimer(v.h.patience)
	defer patience.Stop()
	select {
	case o := <-result:
		cancel()
		if o.err != nil {
			return o.err
		}
		return v.done(o.To, o.Notice, map[string]any{"done": o.Notice, "at": o.To})
	case <-patience.C:
	case <-v.r.Context().Done():
	}
	close(handedOver)
	q := url.Values{"since": {strconv.FormatInt(v.h.cfg.Now().Unix(), 10)}, "what": {what}, "to": {back}, "limit": {strconv.Itoa(int(limit / time.Second))}}
	if v.wantsJSON() {
		return v.json(http.StatusAccepted, "application/json", map[string]any{"wait": v.path("wait", id) + "?" + q.Encode()})
	}
	http.Redirect(v.w, v.r, v.path("wait", id)+"?"+q.Encode(), http.StatusSeeOther)
	return nil
}

// safely turns a panic into an error: work runs in a goroutine of its own, where it would end the host.
func safely(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("portal: panic: %v", r)
		}
	}()
	return f()
}

// actorKey tells whose work it is: nobody else sees what came of it.
func (v *visit) actorKey() string { return string(v.Actor.Kind) + " " + v.Actor.ID }

// keep stores what came of work for the page that waits.
func (v *visit) keep(id string, o outcome) {
	if o.err != nil && (o.To == "" || o.Notice == "" || v.wantsJSON()) {
		p := v.problemOf(o.err)
		o.Problem = &p
	}
	data, jsonErr := json.Marshal(o)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.r.Context()), 10*time.Second)
	defer cancel()
	if jsonErr == nil {
		jsonErr = v.h.cfg.Store.PutToken(ctx, v.tenantID, store.Token{Kind: workKind, Key: id, Data: data, ExpiresAt: store.Time(v.h.cfg.Now().Add(workLife))})
	}
	if jsonErr != nil {
		v.h.cfg.Logger.ErrorContext(ctx, "portal: what came of a check could not be kept", "tenant", v.tenantID, "error", jsonErr)
	}
	v.h.cfg.Changed(v.tenantID)
}

// whatTexts are what can be going on; anything else in the address is nobody's word.
var whatTexts = []string{
	"Sending a test",
	"Checking the connection", "Submitting the request", "Checking the domain", "Activating", "Approving", "Putting the change in force",
	"Computing the preview", "Applying the plan", "Comparing everybody with the rules",
}

// wait follows work along.
func (h *Handler) wait(v *visit) error {
	id, q := v.r.PathValue("work"), v.r.URL.Query()
	data, err := h.cfg.Store.TakeToken(v.r.Context(), v.tenantID, workKind, id, store.Time(h.cfg.Now()))
	if errors.Is(err, store.ErrNotFound) {
		return v.stillWaiting(q)
	}
	if err != nil {
		return err
	}
	var o outcome
	if err := json.Unmarshal(data, &o); err != nil {
		return fmt.Errorf("portal: what came of a check can't be read: %w", err)
	}
	switch {
	case o.Actor != v.actorKey():
		return store.ErrNotFound
	case o.Problem != nil:
		v.refuse(*o.Problem)
		return nil
	}
	return v.done(o.To, o.Notice, map[string]any{"done": o.Notice, "at": o.To})
}

func (v *visit) stillWaiting(q url.Values) error {
	body := waitPage{What: v.p.text("Working"), Back: v.base}
	for _, w := range whatTexts {
		if w == q.Get("what") {
			body.What = v.p.text(w)
		}
	}
	since, err := strconv.ParseInt(q.Get("since"), 10, 64)
	limit := workTime
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		limit = min(time.Duration(min(n, 3600))*time.Second, maxWorkTime)
	}
	body.Late = err != nil || v.h.cfg.Now().Sub(time.Unix(since, 0)) > limit+5*time.Second
	if !body.Late {
		v.w.Header().Set("Refresh", "2")
	}
	return v.show("wait", "One moment", body)
}

// Shutdown waits for checks that are under way, until ctx ends. A host calls it after its server's Shutdown.
func (h *Handler) Shutdown(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		h.working.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
