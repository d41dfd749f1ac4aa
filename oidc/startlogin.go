package oidc

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// The values of LoginRequest.Prompt (OpenID Connect Core section 3.1.2.1).
const (
	PromptNone          = "none"           // show no page; a provider that would have to refuses the sign-in
	PromptLogin         = "login"          // make the person authenticate again
	PromptConsent       = "consent"        // ask for consent again
	PromptSelectAccount = "select_account" // let the person choose among accounts
)

// LoginRequest is a sign-in that the host starts itself, because it knows the connection already or wants something of
// the provider: a person who must authenticate again before a dangerous action, for example.
type LoginRequest struct {
	// TenantID and ConnectionID say where to sign in.
	TenantID, ConnectionID string
	// LoginHint tells the provider who is probably signing in, such as an e-mail address. Empty sends none; so does one
	// of more than 254 bytes.
	LoginHint string
	// ReturnTo is the path where the browser goes afterwards. Empty, or unsafe, means Config.DefaultReturnTo.
	ReturnTo string
	// Prompt has values of the Prompt… constants; "none" stands alone. With "login" a provider that tells when the person
	// authenticated (auth_time) and names a time before this request is refused; not all tell, so use MaxAge to be sure.
	Prompt []string
	// MaxAge is how long ago the person may have authenticated at the provider, in whole seconds. A provider that does not
	// tell when it was, or tells a longer time, is refused with [CodeAuthenticationOld]: dex, for one, knows no max_age. Zero sends no limit;
	// [MaxAgeNow] wants the person to authenticate after this request.
	MaxAge time.Duration
	// ACRValues are the authentication context classes that are wished for, best first. A provider may ignore them:
	// Login.ACR tells what was done, and OnLogin may refuse.
	ACRValues []string
}

// MaxAgeNow is the LoginRequest.MaxAge that is sent as max_age=0.
const MaxAgeNow time.Duration = -1

const (
	maxACRValues = 10
	maxACRBytes  = 256
	maxAgeNow    = -1 // in an attempt
)

// StartLogin sends the browser to the provider of one connection. It is called from a handler of the host's; what it
// answers is a redirect, or the page of a refusal. It writes nothing to the database. The sign-in ends in Config.OnLogin
// like any other.
func (h *Handler) StartLogin(w http.ResponseWriter, r *http.Request, req LoginRequest) {
	a := h.newAttempt()
	if err := a.wish(req); err != nil {
		h.refuse(w, r, unavailable(CodeInternal, err.Error(), err), store.Connection{})
		return
	}
	c, err := h.activeConnection(r.Context(), req.TenantID, req.ConnectionID)
	if err != nil {
		h.refuse(w, r, lookupError(err, denied(CodeConnectionOff, "there is no active connection with this ID")), store.Connection{})
		return
	}
	a.ReturnTo = h.returnTo(req.ReturnTo)
	h.start(w, r, c, a, req.LoginHint)
}

// wish takes over what the host wants of the provider. An error is the host's mistake.
func (a *attempt) wish(req LoginRequest) error {
	known := []string{PromptNone, PromptLogin, PromptConsent, PromptSelectAccount}
	for _, p := range req.Prompt {
		if !slices.Contains(known, p) {
			return errors.New("oidc: LoginRequest.Prompt has a value that is none of the Prompt constants")
		}
	}
	switch {
	case slices.Contains(req.Prompt, PromptNone) && len(req.Prompt) > 1:
		return errors.New("oidc: LoginRequest.Prompt: none must stand alone")
	case req.MaxAge != MaxAgeNow && (req.MaxAge < 0 || req.MaxAge%time.Second != 0):
		return errors.New("oidc: LoginRequest.MaxAge must be a whole number of seconds, zero for no limit, or MaxAgeNow")
	case len(req.ACRValues) > maxACRValues:
		return errors.New("oidc: LoginRequest.ACRValues has more than 10 values")
	}
	for _, v := range req.ACRValues {
		if v == "" || len(v) > maxACRBytes || strings.ContainsFunc(v, isControlOrSpace) {
			return errors.New("oidc: LoginRequest.ACRValues has a value that is empty, too long or has a space")
		}
	}
	a.Prompt, a.ACRValues = req.Prompt, req.ACRValues
	if a.MaxAge = int64(req.MaxAge / time.Second); req.MaxAge == MaxAgeNow {
		a.MaxAge = maxAgeNow
	}
	return nil
}

// request is what the host asked for.
func (a attempt) request(c store.Connection) LoginRequest {
	if len(a.Prompt) == 0 && a.MaxAge == 0 && len(a.ACRValues) == 0 {
		return LoginRequest{}
	}
	maxAge := time.Duration(a.MaxAge) * time.Second
	if a.MaxAge == maxAgeNow {
		maxAge = MaxAgeNow
	}
	return LoginRequest{TenantID: c.TenantID, ConnectionID: c.ID, ReturnTo: a.ReturnTo, Prompt: a.Prompt, MaxAge: maxAge, ACRValues: a.ACRValues}
}

// checkAge refuses a person who authenticated too long ago for what was asked (OpenID Connect Core section 3.1.3.7,
// rule 13).
func (a attempt) checkAge(authenticated, now time.Time, skew time.Duration) error {
	early := authenticated.Before(time.Unix(a.Started, 0).Add(-skew))
	switch {
	case a.MaxAge != 0 && authenticated.IsZero():
		return denied(CodeAuthenticationOld, "max_age was asked for, and the provider does not tell auth_time; add that claim to the ID token")
	case a.MaxAge > 0 && now.Sub(authenticated) > time.Duration(a.MaxAge)*time.Second+skew:
		return denied(CodeAuthenticationOld, "the person authenticated longer ago than max_age allows")
	case early && (a.MaxAge == maxAgeNow || slices.Contains(a.Prompt, PromptLogin) && !authenticated.IsZero()):
		return denied(CodeAuthenticationOld, "the person was to authenticate again and did not")
	}
	return nil
}
