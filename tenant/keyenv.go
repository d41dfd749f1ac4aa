package tenant

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
)

// EnvironmentKeys is a [KeyProvider] that reads an environment variable: keys as ID:VALUE, separated by commas, spaces or
// lines, where VALUE is at least 32 random bytes in base64, such as
//
//	2026-11:Zm9yIHRoZSBkb2N1bWVudGF0aW9uLCBub3QgYSBrZXk=
//
// (openssl rand -base64 32 makes one.) The first key is the primary one; to rotate, put the new one second on every replica,
// then first. The variable is read at each call, so a changed one counts from [Keyring.Reload] on. Errors never hold a key.
type EnvironmentKeys string

// Keys reads the variable.
func (name EnvironmentKeys) Keys(context.Context) (KeyringConfig, error) {
	value, ok := os.LookupEnv(string(name))
	if !ok {
		return KeyringConfig{}, fmt.Errorf("tenant: the environment variable %s is not set; expected keys as ID:VALUE", string(name))
	}
	keys, err := parseKeys(value)
	if err != nil {
		return KeyringConfig{}, fmt.Errorf("tenant: the environment variable %s: %w", string(name), err)
	}
	return KeyringConfig{Keys: keys}, nil
}

func parseKeys(value string) ([]Key, error) {
	var keys []Key
	for i, entry := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		id, encoded, ok := strings.Cut(entry, ":")
		if !ok || !validKeyID(id) { // a key without an ID must not be shown as one
			return nil, fmt.Errorf("key %d is not ID:VALUE, with an ID of 1 to %d letters, digits, dots, dashes and underscores", i+1, maxKeyID)
		}
		encoded = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(encoded, "="))
		b, err := base64.RawStdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("the value of key %d is not base64", i+1) // the cause quotes it
		}
		if len(b) < minRootKey {
			return nil, fmt.Errorf("key %d has %d bytes, expected at least %d random ones", i+1, len(b), minRootKey)
		}
		keys = append(keys, Key{ID: id, Bytes: b})
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no key, expected at least one as ID:VALUE")
	}
	return keys, nil
}
