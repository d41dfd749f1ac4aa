package oidc

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// userinfo asks the userinfo endpoint (OpenID Connect Core section 5.3), whose answer is plain JSON or a signed token. It
// must be about the same subject as the ID token.
func (h *Handler) userinfo(ctx context.Context, m *metadata, want expectation, accessToken, subject string) (object, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.userinfoEndpoint, http.NoBody)
	if err != nil {
		return nil, unavailable(CodeProviderConfig, "the userinfo endpoint is no URL", nil)
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	req.Header.Set("Accept", "application/json, application/jwt")
	ans, err := h.out.do(req, maxTokenBytes, CodeProviderDown)
	if err != nil {
		return nil, providerFailure(err, "the userinfo endpoint")
	}
	if ans.status != http.StatusOK {
		return nil, unavailable(CodeProviderDown, "the userinfo endpoint answered with an error", nil)
	}
	var info object
	if mediaType, _, _ := strings.Cut(strings.ToLower(ans.contentType), ";"); strings.TrimSpace(mediaType) == "application/jwt" {
		info, err = h.verifier.verifyUserinfo(ctx, strings.TrimSpace(string(ans.body)), want)
	} else if info, err = parseObject(ans.body); err != nil {
		err = denied(CodeUserinfoInvalid, "userinfo is no JSON object with members of different names")
	}
	if err != nil {
		return nil, err
	}
	if sub, _ := info.str("sub"); sub != subject {
		return nil, denied(CodeUserinfoInvalid, "userinfo is about another subject")
	}
	return info, nil
}

// verifyUserinfo checks a signed userinfo response (OpenID Connect Core section 5.3.2) with the connection's algorithm
// and keys. It should name issuer and audience; what it names must be right, and so must its times.
func (v *verifier) verifyUserinfo(ctx context.Context, raw string, want expectation) (object, error) {
	bad := func(reason string) (object, error) { return nil, denied(CodeUserinfoInvalid, reason) }
	t, err := parseToken(raw, userinfoForm)
	if CodeOf(err) == CodeTokenEncrypted {
		return nil, unavailable(CodeUserinfoEncrypted, "the provider encrypts userinfo; switch encryption off for this application at the provider", nil)
	}
	if err == nil {
		err = t.checkHeader(want.alg, userinfoForm)
	}
	if err != nil {
		return bad(reasonText(err))
	}
	if err := v.signed(ctx, t, want, signIn); errors.Is(err, ErrUnavailable) {
		return nil, err
	} else if err != nil {
		return bad("the signature of userinfo does not fit any key of the provider")
	}
	info := t.claims
	if info.has("nonce") || info.has("events") {
		return bad("the answer is another kind of token, not userinfo")
	}
	if iss, _ := info.str("iss"); info.has("iss") && iss != want.issuer {
		return bad("iss of userinfo differs")
	}
	if info.has("aud") {
		set := &claimSet{issuer: want.issuer}
		if set.audience, err = audience(info); err == nil {
			err = checkAudience(set, want)
		}
		if err != nil {
			return bad("userinfo: " + err.Error())
		}
	}
	if exp, given, err := info.date("exp"); given && (err != nil || !v.now().Before(exp.Add(v.skew))) {
		return bad("userinfo has expired")
	}
	return info, nil
}
