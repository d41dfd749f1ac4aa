package oidc

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/tenantgate/tenantgate/store"
)

// EmailChange says that somebody who signed in before has a new address at the provider.
type EmailChange struct {
	// Previous is the address that the provider asserted before, with its domain in normal form; empty if it sent none.
	Previous string
	// Refusal is the code with which the new address would be refused at a first sign-in, such as
	// CodeEmailDomain; empty if it passes every check, so that a host which follows its customers' directories may take it
	// over, unless another account has it.
	Refusal string
}

// emailChanged looks at the new address as a first sign-in would.
func (m *matcher) emailChanged(ctx context.Context, previous string) error {
	err := m.trustEmail(ctx)
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	m.change = &EmailChange{Previous: previous, Refusal: CodeOf(err)}
	return nil
}

// emailEvent tells the journal about the new address.
func (m *matcher) emailEvent(accountID, previous string) store.Event {
	e := m.event(EventEmailChanged, accountID, "The provider asserts another e-mail address than before.")
	e.Before, _ = json.Marshal(map[string]string{"email": previous}) //nolint:errchkjson // strings
	e.Code = m.change.Refusal
	return e
}
