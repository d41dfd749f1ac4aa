package tenant

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

// redacted is what a Secret shows instead of its value.
const redacted = "REDACTED"

// Secret holds a value that must not be printed: a client secret, an API key. It
// shows as REDACTED in fmt (all verbs), slog, JSON, XML and text, also as a field of
// another value. Only [Secret.Reveal] gives the value.
//
// The zero value is an empty secret. A Secret is immutable and safe for concurrent
// use. Compare with [Secret.Equal]; == compares identities.
type Secret struct {
	// A pointer, because fmt prints unexported fields without asking the type.
	value *string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the value itself, for the one place that needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == nil }

// Equal compares two secrets in constant time for equal lengths.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns REDACTED.
func (Secret) String() string { return redacted }

// GoString returns REDACTED.
func (Secret) GoString() string { return redacted }

// Format writes REDACTED for every verb and flag.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue gives slog REDACTED.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns REDACTED.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "REDACTED".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// UnmarshalText takes the value, so that a request's body can be decoded into a
// Secret. It refuses REDACTED, which is what a Secret that was written out and read
// back would become.
func (s *Secret) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return errors.New("tenant: the secret is the placeholder " + redacted + ", expected its value")
	}
	*s = NewSecret(string(text))
	return nil
}

// hint is what may be shown of a secret: its last characters, fewer for short ones.
func (s Secret) hint() string {
	v := s.Reveal()
	switch {
	case len(v) >= 16:
		return v[len(v)-4:]
	case len(v) >= 8:
		return v[len(v)-2:]
	default:
		return ""
	}
}
