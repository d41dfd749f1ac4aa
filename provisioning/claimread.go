package provisioning

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tenantgate/tenantgate/store"
)

// The bounds of a claim.
const (
	maxClaimName  = 100
	maxClaimPath  = 4         // parts of a name with dots
	maxClaimBytes = 256 << 10 // of JSON that is looked at
)

// claimsKept are the claims that are kept in every tenant beside the declared one, so that a preview
// has something to go by before it is declared.
var claimsKept = []string{"groups", "roles"}

// claimSource returns the JSON of a claim by its exact name; ok is false if there is none.
type claimSource func(name string) (value []byte, ok bool)

// read reads a claim. Values are in order, each once, and nil unless the state is that all of it was
// read. A provider that has too much to say leaves the claim out and names it in _claim_names
// (OpenID Connect Core section 5.6.2), as Entra ID does from 200 groups on, or says hasgroups.
func (c claimSource) read(name string) (values []string, state store.ClaimState) {
	if c.refers(name) {
		return nil, store.ClaimOverage
	}
	raw, ok := c.find(name)
	if !ok {
		return nil, store.ClaimAbsent
	}
	return readClaim(raw)
}

// find returns the claim of the name, or what a name with dots leads to.
func (c claimSource) find(name string) ([]byte, bool) {
	if raw, ok := c(name); ok {
		return raw, true
	}
	path := strings.Split(name, ".")
	if len(path) == 1 || len(path) > maxClaimPath {
		return nil, false
	}
	raw, ok := c(path[0])
	for _, part := range path[1:] {
		if !ok || len(raw) > maxClaimBytes {
			return nil, false
		}
		raw, ok = memberOf(raw, part)
	}
	return raw, ok
}

// refers says that the provider has the claim elsewhere.
func (c claimSource) refers(name string) bool {
	if raw, ok := c("_claim_names"); ok && len(raw) <= maxClaimBytes {
		if _, named := memberOf(raw, name); named {
			return true
		}
	}
	if name != "groups" {
		return false
	}
	raw, ok := c("hasgroups")
	raw = bytes.TrimSpace(raw)
	return ok && (string(raw) == "true" || string(raw) == `"true"`)
}

// memberOf returns the value of an object's member, whose name is compared exactly.
func memberOf(object []byte, name string) (value []byte, ok bool) {
	d := decoder{jsontext.NewDecoder(bytes.NewBuffer(object))} // two members of one name are no answer
	if d.PeekKind() != '{' {
		return nil, false
	}
	err := d.members(func(quoted []byte) error {
		have, err := jsontext.AppendUnquote(nil, quoted)
		if err != nil {
			return err
		}
		v, err := d.ReadValue()
		if err == nil && string(have) == name {
			value, ok = bytes.Clone(v), true
		}
		return err
	})
	if err != nil {
		return nil, false
	}
	return value, ok
}

// readClaim reads a claim's value: a text, or a list of texts. What is partly something else is not
// read at all, since the part that was would pass for the whole.
func readClaim(raw []byte) ([]string, store.ClaimState) {
	if len(raw) > maxClaimBytes {
		return nil, store.ClaimTruncated
	}
	d := decoder{jsontext.NewDecoder(bytes.NewBuffer(raw))}
	var list valueList
	switch d.PeekKind() {
	case 'n':
		return nil, store.ClaimAbsent
	case '"':
		var text string
		if d.text(&text) != nil {
			return nil, store.ClaimMalformed
		}
		list.add(text)
	case '[':
		if _, err := d.ReadToken(); err != nil {
			return nil, store.ClaimMalformed
		}
		for d.PeekKind() != ']' {
			var text string
			if d.PeekKind() != '"' || d.text(&text) != nil {
				return nil, store.ClaimMalformed
			}
			list.add(text)
		}
		if _, err := d.ReadToken(); err != nil {
			return nil, store.ClaimMalformed
		}
	default:
		return nil, store.ClaimMalformed
	}
	if list.full {
		return nil, store.ClaimTruncated
	}
	slices.Sort(list.values)
	return list.values, store.ClaimRead
}
