package tenant

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
)

// ErrBadAPIKey says that a presented API key opens nothing: it is malformed, unknown,
// another tenant's or region's, revoked or expired. Which of these, the caller is never told.
var ErrBadAPIKey = errors.New("tenant: API key not accepted")

const (
	// DefaultAPIKeyPrefix begins every API key unless [Config].APIKeyPrefix says otherwise, so that
	// people and secret scanners recognise one.
	DefaultAPIKeyPrefix = "tgk_"

	keyDigits      = 43 // 256 bits in base 62
	checksumDigits = 6  // 32 bits in base 62
	maxKeyPrefix   = 16
	maxPresented   = 256

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newAPIKey makes a key: the prefix, 256 random bits, and a CRC-32 of both, which
// tells a mistyped key from an unknown one without asking the store. Letters and
// digits alone, so that a double click selects it.
func newAPIKey(prefix string) (Secret, error) {
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return Secret{}, fmt.Errorf("tenant: no randomness: %w", err)
	}
	body := prefix + digits(new(big.Int).SetBytes(random[:]), keyDigits)
	return NewSecret(body + checksum(body)), nil
}

// wellFormedAPIKey reports whether the text could be a key of this prefix.
func wellFormedAPIKey(prefix, presented string) bool {
	if len(presented) != len(prefix)+keyDigits+checksumDigits || !strings.HasPrefix(presented, prefix) {
		return false
	}
	for _, c := range []byte(presented[len(prefix):]) {
		if strings.IndexByte(base62, c) < 0 {
			return false
		}
	}
	body := presented[:len(presented)-checksumDigits]
	return presented[len(body):] == checksum(body)
}

// hashAPIKey is what is stored of a key. A plain hash is enough: nobody guesses 256
// random bits.
func hashAPIKey(presented string) []byte {
	sum := sha256.Sum256([]byte(presented))
	return sum[:]
}

func checksum(body string) string {
	return digits(big.NewInt(int64(crc32.ChecksumIEEE([]byte(body)))), checksumDigits)
}

// digits writes n in base 62 with leading zeros.
func digits(n *big.Int, width int) string {
	out := make([]byte, width)
	base, digit := big.NewInt(62), new(big.Int)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = base62[digit.Int64()]
	}
	return string(out)
}

// checkKeyPrefix accepts what keeps a key one word that needs no quoting anywhere.
func checkKeyPrefix(prefix string) error {
	if prefix == "" || len(prefix) > maxKeyPrefix || prefix[len(prefix)-1] != '_' {
		return fmt.Errorf("tenant: Config.APIKeyPrefix %q must have 1 to %d characters and end in an underscore", prefix, maxKeyPrefix)
	}
	for _, c := range []byte(prefix) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return fmt.Errorf("tenant: Config.APIKeyPrefix %q must have lower-case letters, digits and underscores alone", prefix)
		}
	}
	return nil
}
