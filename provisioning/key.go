package provisioning

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/tenantgate/tenantgate/store"
)

// keyOf is a text from outside as the ID of a subject in the journal: of one length, and
// not to be read out of it.
func keyOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func notFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
