package oidc

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"

	exact "github.com/go-jose/go-jose/v4/json"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

const (
	scopeOffline    = "offline_access"
	refreshAAD      = "tenantgate oidc refresh 1"
	maxRefreshToken = 16 << 10
)

// wantsRefresh tells whether the host asks for refresh tokens at a connection.
func (h *Handler) wantsRefresh(c store.Connection) bool {
	return h.cfg.RefreshTokens != nil && h.cfg.RefreshTokens(c)
}

// grant is what a refresh token was given for. It is sealed together with the token, so that a host which mixes up its
// sessions can't mix up people, and one whose database is read gives nothing away.
type grant struct {
	TenantID     string `json:"t"`
	ConnectionID string `json:"c"`
	Issuer       string `json:"i"`
	ClientID     string `json:"a"`
	Subject      string `json:"s"`
	AccountID    string `json:"u"`
	Nonce        string `json:"n"`
	Token        string `json:"r"`
}

// Refreshed is what came back for a refresh token: the person may still sign in at the provider.
type Refreshed struct {
	TenantID     string
	ConnectionID string
	// Account is the host's account, as it is now.
	Account Account
	// Issuer and Subject are those of the sign-in.
	Issuer, Subject string
	// Email is what the provider asserts now, empty if it does not. It proves nothing, see Login.Email.
	Email string
	// RefreshToken replaces the one that was used. Providers may end the whole session when an old one is used again. It
	// is also set with an error that matches ErrUnavailable, if the provider had replaced the token before things failed:
	// keep it then as well.
	RefreshToken tenant.Secret
	// IDToken replaces Login.IDToken; zero if the provider sent none.
	IDToken tenant.Secret

	claims object
}

// Claims decodes the claims of the new ID token into v, as [Login.Claims] does. Without one, v stays as it is.
func (r Refreshed) Claims(v any) error { return decodeClaims(r.claims, v) }

func decodeClaims(claims object, v any) error {
	if claims == nil {
		return nil
	}
	data, err := json.Marshal(claims)
	if err != nil {
		return err
	}
	return exact.Unmarshal(data, v)
}

// Refresh asks the provider whether somebody who signed in may go on, by Login.RefreshToken or the one of the last
// Refresh (OpenID Connect Core section 12). The connection must still be active and lead to the same client of the same
// provider, the identity still be linked, and the account usable; a new ID token must be about the same person.
//
// An error that matches [ErrDenied] means that the session is over. One that matches [ErrUnavailable] says nothing about
// the person: try again. Don't refresh one session twice at the same time: many providers take a token once.
func (h *Handler) Refresh(ctx context.Context, token tenant.Secret) (Refreshed, error) {
	g, err := h.openRefresh(token)
	if err != nil {
		return Refreshed{}, err
	}
	c, err := h.activeConnection(ctx, g.TenantID, g.ConnectionID)
	if err != nil {
		return Refreshed{}, lookupError(err, denied(CodeConnectionOff, "the connection is not active any more"))
	}
	if c.Issuer != g.Issuer || c.ClientID != g.ClientID {
		return Refreshed{}, denied(CodeFlowMismatch, "the connection leads to another client or provider than at the sign-in")
	}
	m, err := h.providers.forConnection(ctx, c)
	if err != nil {
		return Refreshed{}, err
	}
	acct, err := h.refreshable(ctx, c, g, "") // before the token is used up
	if err != nil {
		return Refreshed{}, err
	}
	who, err := h.redeemRefresh(ctx, c, m, g)
	h.noteSignIn(ctx, c, m, attempt{}, err)
	if err == nil && who.claims != nil {
		err = (&matcher{h: h, tx: h.cfg.Store, conn: c, who: who}).checkHostedDomain(ctx)
	}
	if err == nil && who.email != "" {
		acct, err = h.refreshable(ctx, c, g, who.email)
	}
	if err != nil && (!errors.Is(err, ErrUnavailable) || who.tokens.refreshToken == "") {
		return Refreshed{}, err
	}
	g.Token = cmp.Or(who.tokens.refreshToken, g.Token)
	out := Refreshed{TenantID: c.TenantID, ConnectionID: c.ID, Issuer: g.Issuer, Subject: g.Subject}
	var sealErr error
	if out.RefreshToken, sealErr = h.sealGrant(g); sealErr != nil {
		return Refreshed{}, sealErr
	}
	if err != nil {
		return out, err
	}
	out.Account, out.Email, out.claims = acct, who.email, who.claims
	if who.tokens.idToken != "" {
		out.IDToken = tenant.NewSecret(who.tokens.idToken)
	}
	return out, nil
}

// redeemRefresh uses the token at the provider and checks what it sends. An ID token need not come; when it does, it must
// be about the same person (section 12.2). The tokens are returned with an error too: the provider may have replaced
// the refresh token.
func (h *Handler) redeemRefresh(ctx context.Context, c store.Connection, m *metadata, g grant) (person, error) {
	method, err := h.authMethodOf(c, m)
	if err != nil {
		return person{}, err
	}
	req := call{conn: c, meta: m, method: method, endpoint: m.tokenEndpoint, what: "the token endpoint", form: url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {g.Token},
	}}
	ans, err := h.post(ctx, req)
	if err != nil {
		return person{}, err
	}
	t, err := parseTokens(ans, req)
	if CodeOf(err) == CodeCodeRejected {
		return person{}, denied(CodeRefreshRejected, "the provider refused the refresh token")
	}
	if err != nil || t.idToken == "" {
		return person{tokens: t}, err
	}
	want := h.expect(c, m)
	want.nonce, want.refresh, want.accessToken = g.Nonce, true, t.accessToken
	claims, err := h.verifier.verify(ctx, t.idToken, want)
	if err != nil {
		return person{tokens: t}, err
	}
	if claims.subject != g.Subject {
		return person{}, denied(CodeTokenInvalid, "the new ID token is about another subject")
	}
	who, err := h.describe(ctx, c.EmailFallback, m, want, claims, t)
	who.tokens = t
	return who, err
}

// refreshable finds the account of a grant by its link and refuses it as a sign-in would. email is what the provider
// asserts, empty where that is not known.
func (h *Handler) refreshable(ctx context.Context, c store.Connection, g grant, email string) (Account, error) {
	m := matcher{h: h, tx: h.cfg.Store, conn: c, now: store.Time(h.now())}
	link, err := m.tx.Identity(ctx, c.TenantID, c.ID, g.Issuer, g.Subject)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, denied(CodeNotProvisioned, "the identity is not linked with an account any more")
	}
	if err != nil {
		return Account{}, m.storeFailed(err)
	}
	acct, err := h.cfg.Accounts.AccountByID(ctx, m.tx, c.TenantID, link.AccountID)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, denied(CodeNotProvisioned, "the account does not exist any more")
	}
	if err != nil {
		return Account{}, m.hostFailed(err)
	}
	if acct.ID != link.AccountID || g.AccountID != "" && acct.ID != g.AccountID {
		return Account{}, denied(CodeNotProvisioned, "the identity is linked with another account now")
	}
	return acct, m.usable(ctx, acct, email, link.Email)
}

// sealRefresh seals the refresh token of a sign-in; the zero Secret if the host wants none or there is none.
func (h *Handler) sealRefresh(c store.Connection, nonce, accountID string, who person) (tenant.Secret, error) {
	token := who.tokens.refreshToken
	if token == "" || len(token) > maxRefreshToken || !h.wantsRefresh(c) {
		return tenant.Secret{}, nil
	}
	return h.sealGrant(grant{
		TenantID: c.TenantID, ConnectionID: c.ID, Issuer: who.issuer, ClientID: c.ClientID, Subject: who.subject, AccountID: accountID, Nonce: nonce, Token: token,
	})
}

func (h *Handler) sealGrant(g grant) (tenant.Secret, error) {
	plain, err := json.Marshal(g)
	if err == nil {
		plain, err = h.tokenKeys.Seal(plain, []byte(refreshAAD))
	}
	if err != nil {
		return tenant.Secret{}, unavailable(CodeInternal, "the refresh token could not be sealed", err)
	}
	return tenant.NewSecret(base64.RawURLEncoding.EncodeToString(plain)), nil
}

func (h *Handler) openRefresh(token tenant.Secret) (grant, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token.Reveal())
	if err != nil || len(sealed) == 0 {
		return grant{}, denied(CodeRefreshRejected, "this is no refresh token of a sign-in here")
	}
	plain, err := h.tokenKeys.Open(sealed, []byte(refreshAAD))
	if errors.Is(err, tenant.ErrUnknownKey) {
		return grant{}, unavailable(CodeInternal, "the key that sealed the refresh token is not in Config.Keys", err)
	}
	if err != nil {
		return grant{}, denied(CodeRefreshRejected, "the refresh token can't be opened: it was changed")
	}
	var g grant
	if json.Unmarshal(plain, &g) != nil || g.Token == "" || g.Subject == "" {
		return grant{}, denied(CodeRefreshRejected, "the refresh token can't be read")
	}
	return g, nil
}
