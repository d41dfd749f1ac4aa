package memory

import (
	"bytes"
	"context"

	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/store/internal/records"
)

// SignInStoreOf implements [store.SignInStore].
func (s *Store) SignInStoreOf() store.Store { return s }

// UseAttempt implements [store.SignInStore].
func (s *Store) UseAttempt(ctx context.Context, tenantID string, tok store.Token, connectionID string) (store.Connection, error) {
	var found records.Row
	err := s.putToken(ctx, tenantID, tok, func(t *tenant) { found, _ = t.row(records.KindConnection, connectionID) })
	if err != nil {
		return store.Connection{}, err
	}
	return records.DecodeConnection(found)
}

// FindSignIn implements [store.SignInStore].
func (s *Store) FindSignIn(ctx context.Context, tenantID string, q store.SignInQuery) (out store.SignIn, err error) {
	subject, email := records.SubjectKey(q), store.Fold(q.Email)
	t, done, err := s.reading(ctx, tenantID)
	if err != nil {
		return store.SignIn{}, err
	}
	defer done()
	row, _ := t.row(records.KindConnection, q.ConnectionID)
	if out.Connection, err = records.DecodeConnection(row); err != nil {
		return store.SignIn{}, err
	}
	row, _ = t.row(records.KindIdentity, t.unique[uniqueKey{records.KindIdentity, subject.Name, subject.Value}])
	if out.Identity, err = records.DecodeIdentity(row); err != nil {
		return store.SignIn{}, err
	}
	if out.Identity.ID != "" {
		row, _ = t.row(records.KindAccount, out.Identity.AccountID)
		if out.Account, err = records.DecodeAccount(row); err != nil {
			return store.SignIn{}, err
		}
	}
	if id := out.Account.SCIMUserID; id != "" {
		if u, ok := t.users.get(id); ok {
			out.User = store.SignInUser{ID: u.ID, Active: u.Active}
		}
	}
	if email != "" {
		out.ByEmail, out.More = t.usersOf(email)
	}
	return out, nil
}

// usersOf returns the users that have an address, and whether there are more.
func (t *tenant) usersOf(email string) (found []store.SignInUser, more bool) {
	for _, attr := range [...]store.Attr{store.AttrUserName, store.AttrEmail} {
		n := 0
		for id := range t.users.index[attr].ids(store.NormalizeValue(attr, email)) {
			if n++; n > store.MaxLimit {
				more = true
				break
			}
			u := t.users.rows[id]
			found = append(found, store.SignInUser{ID: u.ID, Active: u.Active, Named: attr == store.AttrUserName})
		}
	}
	return found, more
}

// InTxThen implements [store.SignInStore].
func (s *Store) InTxThen(ctx context.Context, fn func(tx store.Store) (last func(tx store.Store) error, err error)) error {
	return s.InTx(ctx, func(tx store.Store) error {
		last, err := fn(tx)
		if err != nil || last == nil {
			return err
		}
		return last(tx)
	})
}

// putToken puts a token and then lets also look, in one step.
func (s *Store) putToken(ctx context.Context, tenantID string, tok store.Token, also func(t *tenant)) error {
	tok.Data, tok.ExpiresAt = bytes.Clone(tok.Data), store.Time(tok.ExpiresAt)
	key := tokenKey{tok.Kind, tok.Key}
	return s.write(ctx, tenantID, nil, func(t *tenant, log *undoLog) error {
		if _, taken := t.tokens[key]; taken {
			return conflict(tok.Kind+" token", tok.Key)
		}
		t.tokens[key] = tok
		log.add(func() { delete(t.tokens, key) })
		also(t)
		return nil
	})
}
