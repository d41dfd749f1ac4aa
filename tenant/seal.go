package tenant

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"
)

// Errors of [Keyring.Open].
var (
	// ErrUnknownKey says that the value was sealed with a key that the keyring does not
	// have: the key was removed, or the value comes from elsewhere.
	ErrUnknownKey = errors.New("tenant: sealed with an unknown key")
	// ErrSealBroken says that the value is not what was sealed for this place: changed,
	// cut, or moved here from another tenant, record or field.
	ErrSealBroken = errors.New("tenant: seal broken")
)

const (
	minRootKey   = 32 // bytes
	maxKeyID     = 64
	sealVersion  = 1
	purposeField = "field"
)

// Key is a root key. It shows as its ID alone in fmt and slog.
type Key struct {
	// ID names the key in what it sealed: 1 to 64 letters, digits, dots, dashes and
	// underscores. An ID is never given to another key.
	ID string
	// Bytes are at least 32 random bytes.
	Bytes []byte
}

// String returns the key's ID.
func (k Key) String() string { return "key " + k.ID }

// GoString returns the key's ID.
func (k Key) GoString() string { return k.String() }

// Format writes the key's ID for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue gives slog the key's ID.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON refuses: a key is never written out.
func (Key) MarshalJSON() ([]byte, error) {
	return nil, errors.New("tenant: a key can't be written as JSON")
}

// KeyringConfig configures [NewKeyring].
type KeyringConfig struct {
	// Keys are all keys that values may be sealed with. At least one is required.
	Keys []Key
	// Primary is the ID of the key that new values are sealed with. Empty means the
	// first of Keys. To rotate, add a key to every replica, then make it the primary.
	Primary string
}

// KeyProvider is where keys come from when they are not in the host's configuration:
// a file, a secret manager, a KMS that unwraps data keys. [LoadKeyring] and
// [Keyring.Reload] ask it; sealing and opening never do.
type KeyProvider interface {
	Keys(ctx context.Context) (KeyringConfig, error)
}

// Keyring seals values with an authenticated cipher (XChaCha20-Poly1305, a random
// nonce for each value) under keys that are derived with HKDF-SHA-256 from root keys,
// separately for each purpose. One root key therefore serves fields in the store,
// cookies and cursors ([Keyring.Derive]).
//
// A sealed value begins with a version byte and the key's ID, so that old values
// stay readable after a rotation. A Keyring is safe for concurrent use.
type Keyring struct {
	roots   *atomic.Pointer[rootKeys] // shared by all rings derived from one
	purpose string
	derived atomic.Pointer[derivedKeys]
}

type rootKeys struct {
	keys    []Key
	primary string
}

// derivedKeys are the ciphers of one purpose, made from one set of root keys.
type derivedKeys struct {
	from    *rootKeys
	primary string
	aeads   map[string]cipher.AEAD
}

// NewKeyring makes a keyring of keys that the host holds.
func NewKeyring(cfg KeyringConfig) (*Keyring, error) {
	roots, err := checkKeys(cfg)
	if err != nil {
		return nil, err
	}
	k := &Keyring{roots: new(atomic.Pointer[rootKeys]), purpose: purposeField}
	k.roots.Store(roots)
	return k, nil
}

// LoadKeyring makes a keyring of the keys that a provider gives.
func LoadKeyring(ctx context.Context, p KeyProvider) (*Keyring, error) {
	if p == nil {
		return nil, errors.New("tenant: LoadKeyring needs a KeyProvider")
	}
	cfg, err := p.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("tenant: loading keys: %w", err)
	}
	return NewKeyring(cfg)
}

// Reload replaces the keys, in derived rings too, by those that the provider gives
// now. On an error the keys stay as they were.
func (k *Keyring) Reload(ctx context.Context, p KeyProvider) error {
	cfg, err := p.Keys(ctx)
	if err != nil {
		return fmt.Errorf("tenant: loading keys: %w", err)
	}
	roots, err := checkKeys(cfg)
	if err != nil {
		return err
	}
	k.roots.Store(roots)
	return nil
}

func checkKeys(cfg KeyringConfig) (*rootKeys, error) {
	if len(cfg.Keys) == 0 {
		return nil, errors.New("tenant: KeyringConfig.Keys is required: at least one key of 32 random bytes")
	}
	roots := &rootKeys{primary: cfg.Primary}
	if roots.primary == "" {
		roots.primary = cfg.Keys[0].ID
	}
	seen := make(map[string]bool, len(cfg.Keys))
	for _, key := range cfg.Keys {
		if !validKeyID(key.ID) {
			return nil, fmt.Errorf("tenant: the key ID %q is not 1 to %d letters, digits, dots, dashes and underscores", key.ID, maxKeyID)
		}
		if seen[key.ID] {
			return nil, fmt.Errorf("tenant: two keys have the ID %q", key.ID)
		}
		if len(key.Bytes) < minRootKey {
			return nil, fmt.Errorf("tenant: key %q has %d bytes, expected at least %d random ones", key.ID, len(key.Bytes), minRootKey)
		}
		seen[key.ID] = true
		roots.keys = append(roots.keys, Key{ID: key.ID, Bytes: bytes.Clone(key.Bytes)})
	}
	if !seen[roots.primary] {
		return nil, fmt.Errorf("tenant: KeyringConfig.Primary %q is not among the keys", roots.primary)
	}
	return roots, nil
}

func validKeyID(id string) bool {
	if id == "" || len(id) > maxKeyID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// Derive returns a ring of keys for another purpose, such as "oidc/flow-cookie".
// What one purpose sealed, another cannot open. The ring follows [Keyring.Reload].
// Deriving from a derived ring extends its purpose.
func (k *Keyring) Derive(purpose string) *Keyring {
	// The length keeps "a" then "bc" apart from "ab" then "c".
	return &Keyring{roots: k.roots, purpose: fmt.Sprintf("%s/%d:%s", k.purpose, len(purpose), purpose)}
}

// keys returns the ciphers of the ring's purpose, made anew after a reload.
func (k *Keyring) keys() (*derivedKeys, error) {
	roots := k.roots.Load()
	if d := k.derived.Load(); d != nil && d.from == roots {
		return d, nil
	}
	d := &derivedKeys{from: roots, primary: roots.primary, aeads: make(map[string]cipher.AEAD, len(roots.keys))}
	for _, key := range roots.keys {
		sub, err := hkdf.Key(sha256.New, key.Bytes, nil, "tenantgate seal v1 "+k.purpose, chacha20poly1305.KeySize)
		if err != nil {
			return nil, fmt.Errorf("tenant: deriving a key: %w", err)
		}
		aead, err := chacha20poly1305.NewX(sub)
		if err != nil {
			return nil, fmt.Errorf("tenant: making a cipher: %w", err)
		}
		d.aeads[key.ID] = aead
	}
	k.derived.Store(d)
	return d, nil
}

// Seal encrypts plaintext so that only [Keyring.Open] with the same aad gives it back.
// aad says where the value belongs; see [FieldAAD].
func (k *Keyring) Seal(plaintext, aad []byte) ([]byte, error) {
	d, err := k.keys()
	if err != nil {
		return nil, err
	}
	aead := d.aeads[d.primary]
	head := 2 + len(d.primary)
	out := make([]byte, head+aead.NonceSize(), head+aead.NonceSize()+len(plaintext)+aead.Overhead())
	out[0], out[1] = sealVersion, byte(len(d.primary))
	copy(out[2:], d.primary)
	nonce := out[head:]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("tenant: no randomness: %w", err)
	}
	return aead.Seal(out, nonce, plaintext, withHead(out[:head], aad)), nil
}

// Open decrypts what [Keyring.Seal] made with the same aad. The error matches
// [ErrUnknownKey] or [ErrSealBroken].
func (k *Keyring) Open(sealed, aad []byte) ([]byte, error) {
	id, err := sealedKeyID(sealed)
	if err != nil {
		return nil, err
	}
	d, err := k.keys()
	if err != nil {
		return nil, err
	}
	aead, ok := d.aeads[id]
	if !ok {
		return nil, fmt.Errorf("%w %q: add it to the keyring again", ErrUnknownKey, id)
	}
	head := 2 + len(id)
	if len(sealed) < head+aead.NonceSize()+aead.Overhead() {
		return nil, fmt.Errorf("%w: too short", ErrSealBroken)
	}
	nonce, body := sealed[head:head+aead.NonceSize()], sealed[head+aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, body, withHead(sealed[:head], aad))
	if err != nil {
		return nil, ErrSealBroken // the cause says nothing more
	}
	return plain, nil
}

// Current reports whether the value is sealed with the primary key. Others should be
// sealed again before their key is removed.
func (k *Keyring) Current(sealed []byte) bool {
	id, err := sealedKeyID(sealed)
	return err == nil && id == k.roots.Load().primary
}

func sealedKeyID(sealed []byte) (string, error) {
	if len(sealed) < 2 || sealed[0] != sealVersion {
		return "", fmt.Errorf("%w: not a sealed value", ErrSealBroken)
	}
	n := int(sealed[1])
	if len(sealed) < 2+n || !validKeyID(string(sealed[2:2+n])) {
		return "", fmt.Errorf("%w: no key ID", ErrSealBroken)
	}
	return string(sealed[2 : 2+n]), nil
}

// withHead binds the version and the key ID as well.
func withHead(head, aad []byte) []byte {
	return append(bytes.Clone(head), aad...)
}

// FieldAAD names the place of a sealed value: a field of a record of a tenant. A
// value moved to another place does not open. Each part is preceded by its length,
// so that no two places have the same name.
func FieldAAD(tenantID, recordID, field string) []byte {
	var out []byte
	for _, part := range []string{tenantID, recordID, field} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}
