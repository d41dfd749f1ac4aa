package tenant

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The headers of a webhook (Standard Webhooks 1.0.0).
const (
	HeaderWebhookID        = "webhook-id"        // the same for each attempt: what a receiver tells repetitions by
	HeaderWebhookTimestamp = "webhook-timestamp" // of the attempt, in seconds
	HeaderWebhookSignature = "webhook-signature" // one for each secret, separated by spaces
)

// Errors of [VerifyWebhook].
var (
	// ErrWebhookHeaders says that a header is missing, there twice, or not in its form.
	ErrWebhookHeaders = errors.New("tenant: not the headers of a webhook")
	// ErrWebhookTime says that the attempt is too old, or from the future: a repetition by somebody else, or a wrong clock.
	ErrWebhookTime = errors.New("tenant: the webhook's time is out of tolerance")
	// ErrWebhookSignature says that none of the secrets made any of the signatures.
	ErrWebhookSignature = errors.New("tenant: the webhook's signature is wrong")
)

const (
	webhookSecretPrefix = "whsec_"
	webhookSecretBytes  = 32
	// What the specification asks of a secret, in bytes.
	minWebhookSecret = 24
	maxWebhookSecret = 64

	// DefaultWebhookTolerance is how far the time of a webhook may be away where [WebhookVerification] says nothing.
	DefaultWebhookTolerance = 5 * time.Minute

	signatureVersion     = "v1"
	maxWebhookSignatures = 32
	maxSignatureHeader   = 4 << 10
)

// webhookIDPattern is what can be an ID: without a dot, which separates what is signed.
var webhookIDPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// NewWebhookSecret makes a secret for webhooks: 256 random bits in the form of the specification, "whsec_" and base64.
func NewWebhookSecret() (Secret, error) {
	key := make([]byte, webhookSecretBytes)
	if _, err := rand.Read(key); err != nil {
		return Secret{}, fmt.Errorf("tenant: no randomness: %w", err)
	}
	return NewSecret(webhookSecretPrefix + base64.StdEncoding.EncodeToString(key)), nil
}

// webhookKey is the key that a secret stands for. The error does not tell the secret.
func webhookKey(s Secret) ([]byte, error) {
	text, ok := strings.CutPrefix(s.Reveal(), webhookSecretPrefix)
	if !ok {
		return nil, fmt.Errorf("tenant: a secret of webhooks begins with %s", webhookSecretPrefix)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) < minWebhookSecret || len(key) > maxWebhookSecret {
		return nil, fmt.Errorf("tenant: a secret of webhooks is %s and %d to %d bytes in base64", webhookSecretPrefix, minWebhookSecret, maxWebhookSecret)
	}
	return key, nil
}

// webhookMAC is the signature itself.
func webhookMAC(key []byte, id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// signWebhook sets the headers of an attempt.
func signWebhook(h http.Header, id string, at time.Time, body []byte, secrets []Secret) error {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, 0, len(secrets))
	for _, s := range secrets {
		key, err := webhookKey(s)
		if err != nil {
			return err
		}
		signatures = append(signatures, signatureVersion+","+base64.StdEncoding.EncodeToString(webhookMAC(key, id, timestamp, body)))
	}
	if len(signatures) == 0 {
		return errors.New("tenant: a webhook needs a secret")
	}
	h.Set(HeaderWebhookID, id)
	h.Set(HeaderWebhookTimestamp, timestamp)
	h.Set(HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}

// WebhookVerification says what a receiver accepts.
type WebhookVerification struct {
	// Secrets are those that the webhook may be signed with: one, or two while it is being replaced. Required.
	Secrets []Secret
	// Tolerance is how far the time of the attempt may be away. Zero means 5 minutes.
	Tolerance time.Duration
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// VerifyWebhook checks a webhook that somebody received, ours or any other in the form of Standard Webhooks 1.0.0 with
// symmetric signatures (v1), and returns its ID. body is the request's body byte by byte. Signatures are compared in constant
// time; those of other versions are passed over. The error matches [ErrWebhookHeaders], [ErrWebhookTime] or
// [ErrWebhookSignature], unless a secret is none.
//
// A receiver remembers the ID for as long as the tolerance at least, and does nothing when the same comes again.
func VerifyWebhook(h http.Header, body []byte, v WebhookVerification) (id string, err error) {
	if len(v.Secrets) == 0 {
		return "", errors.New("tenant: WebhookVerification.Secrets is required")
	}
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	tolerance := v.Tolerance
	if tolerance <= 0 {
		tolerance = DefaultWebhookTolerance
	}
	id, timestamp, signatures, err := parseWebhookHeaders(h)
	if err != nil {
		return "", err
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return "", fmt.Errorf("%w: %s is not a number of seconds", ErrWebhookHeaders, HeaderWebhookTimestamp)
	}
	if off := now().Unix() - seconds; off > int64(tolerance/time.Second) || off < -int64(tolerance/time.Second) {
		return "", ErrWebhookTime
	}
	good := false
	for _, s := range v.Secrets {
		key, err := webhookKey(s)
		if err != nil {
			return "", err
		}
		want := webhookMAC(key, id, timestamp, body)
		for _, got := range signatures {
			good = hmac.Equal(got, want) || good
		}
	}
	if !good {
		return "", ErrWebhookSignature
	}
	return id, nil
}

// parseWebhookHeaders reads the headers: the timestamp as it is signed, and the signatures of our version.
func parseWebhookHeaders(h http.Header) (id, timestamp string, signatures [][]byte, err error) {
	one := func(name string) string {
		values := h.Values(name)
		if len(values) != 1 {
			err = fmt.Errorf("%w: expected one %s", ErrWebhookHeaders, name)
			return ""
		}
		return values[0]
	}
	var list string
	id, timestamp, list = one(HeaderWebhookID), one(HeaderWebhookTimestamp), one(HeaderWebhookSignature)
	switch {
	case err != nil:
		return "", "", nil, err
	case !webhookIDPattern.MatchString(id):
		return "", "", nil, fmt.Errorf("%w: %s is not an ID of 1 to 256 letters, digits, underscores and dashes", ErrWebhookHeaders, HeaderWebhookID)
	case len(timestamp) == 0 || len(timestamp) > 15 || strings.Trim(timestamp, "0123456789") != "":
		return "", "", nil, fmt.Errorf("%w: %s is not a number of seconds", ErrWebhookHeaders, HeaderWebhookTimestamp)
	case len(list) > maxSignatureHeader:
		return "", "", nil, fmt.Errorf("%w: %s has more than %d bytes", ErrWebhookHeaders, HeaderWebhookSignature, maxSignatureHeader)
	}
	all := strings.Fields(list)
	if len(all) > maxWebhookSignatures {
		return "", "", nil, fmt.Errorf("%w: more than %d signatures", ErrWebhookHeaders, maxWebhookSignatures)
	}
	for _, s := range all {
		version, value, ok := strings.Cut(s, ",")
		if !ok {
			return "", "", nil, fmt.Errorf("%w: a signature without its version", ErrWebhookHeaders)
		}
		if version != signatureVersion {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil || len(raw) != sha256.Size {
			return "", "", nil, fmt.Errorf("%w: a signature that is not %d bytes in base64", ErrWebhookHeaders, sha256.Size)
		}
		signatures = append(signatures, raw)
	}
	if len(signatures) == 0 {
		return "", "", nil, fmt.Errorf("%w: no signature of version %s", ErrWebhookHeaders, signatureVersion)
	}
	return id, timestamp, signatures, nil
}
