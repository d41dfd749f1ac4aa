package tenant

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The test vector that the libraries of Standard Webhooks have in common.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func vectorHeaders() http.Header {
	h := http.Header{}
	h.Set(HeaderWebhookID, vectorID)
	h.Set(HeaderWebhookTimestamp, fmt.Sprint(vectorTime))
	h.Set(HeaderWebhookSignature, vectorSignature)
	return h
}

func verification(secrets ...string) WebhookVerification {
	v := WebhookVerification{Now: func() time.Time { return time.Unix(vectorTime, 0) }}
	for _, s := range secrets {
		v.Secrets = append(v.Secrets, NewSecret(s))
	}
	return v
}

func TestWebhookVector(t *testing.T) {
	h := http.Header{}
	require.NoError(t, signWebhook(h, vectorID, time.Unix(vectorTime, 999), []byte(vectorBody), []Secret{NewSecret(vectorSecret)}))
	require.Equal(t, vectorHeaders(), h)
	id, err := VerifyWebhook(h, []byte(vectorBody), verification(vectorSecret))
	require.NoError(t, err)
	require.Equal(t, vectorID, id)
}

func TestVerifyWebhook(t *testing.T) {
	other, err := NewWebhookSecret()
	require.NoError(t, err)
	wrong := "v1," + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, tt := range []struct {
		name   string
		change func(h http.Header, v *WebhookVerification)
		body   string
		want   error
	}{
		{name: "as it is"},
		{name: "one of two secrets", change: func(_ http.Header, v *WebhookVerification) { v.Secrets = append([]Secret{other}, v.Secrets...) }},
		{name: "one of several signatures", change: func(h http.Header, _ *WebhookVerification) {
			h.Set(HeaderWebhookSignature, wrong+" v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== "+vectorSignature)
		}},
		{name: "at the end of the tolerance", change: func(_ http.Header, v *WebhookVerification) {
			v.Now = func() time.Time { return time.Unix(vectorTime+300, 0) }
		}},
		{name: "another body", body: `{"test":2432232314}`, want: ErrWebhookSignature},
		{name: "another ID", change: func(h http.Header, _ *WebhookVerification) { h.Set(HeaderWebhookID, "msg_2") }, want: ErrWebhookSignature},
		{name: "another time", change: func(h http.Header, _ *WebhookVerification) {
			h.Set(HeaderWebhookTimestamp, fmt.Sprint(vectorTime+1))
		}, want: ErrWebhookSignature},
		{name: "another secret", change: func(_ http.Header, v *WebhookVerification) { v.Secrets = []Secret{other} }, want: ErrWebhookSignature},
		{name: "too old", change: func(_ http.Header, v *WebhookVerification) {
			v.Now = func() time.Time { return time.Unix(vectorTime+301, 0) }
		}, want: ErrWebhookTime},
		{name: "from the future", change: func(_ http.Header, v *WebhookVerification) {
			v.Now, v.Tolerance = func() time.Time { return time.Unix(vectorTime-11, 0) }, 10*time.Second
		}, want: ErrWebhookTime},
		{name: "no ID", change: func(h http.Header, _ *WebhookVerification) { h.Del(HeaderWebhookID) }, want: ErrWebhookHeaders},
		{name: "an ID with a dot", change: func(h http.Header, _ *WebhookVerification) { h.Set(HeaderWebhookID, "a.1") }, want: ErrWebhookHeaders},
		{name: "two IDs", change: func(h http.Header, _ *WebhookVerification) { h.Add(HeaderWebhookID, "x") }, want: ErrWebhookHeaders},
		{name: "no time", change: func(h http.Header, _ *WebhookVerification) { h.Set(HeaderWebhookTimestamp, "") }, want: ErrWebhookHeaders},
		{name: "a time with a sign", change: func(h http.Header, _ *WebhookVerification) { h.Set(HeaderWebhookTimestamp, "+1614265330") }, want: ErrWebhookHeaders},
		{name: "no signature", change: func(h http.Header, _ *WebhookVerification) { h.Del(HeaderWebhookSignature) }, want: ErrWebhookHeaders},
		{name: "a signature of another version alone", change: func(h http.Header, _ *WebhookVerification) { h.Set(HeaderWebhookSignature, "v2,AAAA") }, want: ErrWebhookHeaders},
		{name: "a signature without version", change: func(h http.Header, _ *WebhookVerification) { h.Set(HeaderWebhookSignature, vectorSignature[3:]) }, want: ErrWebhookHeaders},
		{name: "a signature cut", change: func(h http.Header, _ *WebhookVerification) { h.Set(HeaderWebhookSignature, vectorSignature[:20]) }, want: ErrWebhookHeaders},
		{name: "too many signatures", change: func(h http.Header, _ *WebhookVerification) {
			h.Set(HeaderWebhookSignature, strings.Repeat(vectorSignature+" ", 33))
		}, want: ErrWebhookHeaders},
		{name: "a long header", change: func(h http.Header, _ *WebhookVerification) {
			h.Set(HeaderWebhookSignature, strings.Repeat("v2,x ", 2000))
		}, want: ErrWebhookHeaders},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, v, body := vectorHeaders(), verification(vectorSecret), vectorBody
			if tt.change != nil {
				tt.change(h, &v)
			}
			if tt.body != "" {
				body = tt.body
			}
			id, err := VerifyWebhook(h, []byte(body), v)
			require.ErrorIs(t, err, tt.want)
			if tt.want == nil {
				require.Equal(t, vectorID, id)
			}
		})
	}
}

func TestWebhookSecrets(t *testing.T) {
	s, err := NewWebhookSecret()
	require.NoError(t, err)
	key, err := webhookKey(s)
	require.NoError(t, err)
	require.Len(t, key, 32)
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", s, s, s), "whsec_")
	for _, bad := range []string{"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA", "whsec_%%%", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))} {
		_, err := VerifyWebhook(vectorHeaders(), nil, verification(bad))
		require.Error(t, err, bad)
		require.False(t, errors.Is(err, ErrWebhookSignature) || errors.Is(err, ErrWebhookHeaders), "a wrong set-up is not the sender's fault")
		if len(bad) > 10 {
			require.NotContains(t, err.Error(), bad[6:])
		}
	}
	_, err = VerifyWebhook(vectorHeaders(), nil, WebhookVerification{})
	require.ErrorContains(t, err, "Secrets is required")
}

func FuzzVerifyWebhook(f *testing.F) {
	f.Add(vectorID, fmt.Sprint(vectorTime), vectorSignature, vectorBody)
	f.Add("a.b", "-1", "v1,", "")
	f.Add("x", "999999999999999", "v1a,AAAA v1,AAAA", "{}")
	f.Fuzz(func(t *testing.T, id, timestamp, signature, body string) {
		h := http.Header{headerKey(HeaderWebhookID): {id}, headerKey(HeaderWebhookTimestamp): {timestamp}, headerKey(HeaderWebhookSignature): {signature}}
		_, _, signatures, err := parseWebhookHeaders(h)
		if err == nil && (len(signatures) == 0 || len(signatures) > maxWebhookSignatures || strings.ContainsAny(id+timestamp, ". ")) {
			t.Errorf("%q %q %q was accepted", id, timestamp, signature)
		}
		if err != nil && !errors.Is(err, ErrWebhookHeaders) {
			t.Errorf("an error of another kind: %v", err)
		}
		got, err := VerifyWebhook(h, []byte(body), verification(vectorSecret))
		if err != nil {
			return
		}
		want := http.Header{}
		if err := signWebhook(want, got, time.Unix(vectorTime, 0), []byte(body), verification(vectorSecret).Secrets); err != nil {
			t.Fatal(err)
		}
		if timestamp == fmt.Sprint(vectorTime) && !strings.Contains(signature, want.Get(HeaderWebhookSignature)) {
			t.Errorf("%q is not the signature of %q", signature, body)
		}
	})
}

// headerKey is the key that a header's name has in a map.
func headerKey(name string) string { return http.CanonicalHeaderKey(name) }
