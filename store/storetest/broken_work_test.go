package storetest_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// The broken stores of this file are about set-up records, the ledger, tokens, leases
// and the journal.

type foldsTenants struct{ base }

func (s foldsTenants) Grants(c ctx, tenant, account string) ([]store.Grant, error) {
	return s.base.Grants(c, strings.ToLower(tenant), account)
}

func (s foldsTenants) ChangeGrants(c ctx, tenant string, put []store.Grant, remove []store.GrantKey, ev ...store.Event) error {
	return errors.Join(s.base.ChangeGrants(c, tenant, put, remove, ev...), s.base.ChangeGrants(c, strings.ToLower(tenant), put, remove))
}

type reversed struct{ base }

func (s reversed) Connections(c ctx, tenant string) ([]store.Connection, error) {
	list, err := s.base.Connections(c, tenant)
	slices.Reverse(list)
	return list, err
}

type emptyDomain struct{ base }

func (s emptyDomain) Domain(c ctx, tenant, id string) (store.Domain, error) {
	d, err := s.base.Domain(c, tenant, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Domain{}, nil
	}
	return d, err
}

type verifiesTwice struct{ base }

func (s verifiesTwice) UpdateDomain(c ctx, tenant string, d store.Domain, ev ...store.Event) (store.Domain, error) {
	out, err := s.base.UpdateDomain(c, tenant, d, ev...)
	if errors.Is(err, store.ErrConflict) && d.State == store.DomainVerified {
		return d, nil
	}
	return out, err
}

type twoDirectories struct{ base }

func (s twoDirectories) CreateDirectory(c ctx, tenant string, d store.Directory, ev ...store.Event) (store.Directory, error) {
	out, err := s.base.CreateDirectory(c, tenant, d, ev...)
	if errors.Is(err, store.ErrConflict) {
		return d, nil
	}
	return out, err
}

type hidesRevoked struct{ base }

func (s hidesRevoked) APIKeyByHash(c ctx, tenant string, hash []byte) (store.APIKey, error) {
	k, err := s.base.APIKeyByHash(c, tenant, hash)
	if err == nil && !k.RevokedAt.IsZero() {
		return store.APIKey{}, store.ErrNotFound
	}
	return k, err
}

type settingsRegardless struct{ base }

func (s settingsRegardless) PutProvisioningSettings(c ctx, tenant string, v store.ProvisioningSettings, ev ...store.Event) (store.ProvisioningSettings, error) {
	v.Version = 0
	if old, err := s.ProvisioningSettings(c, tenant); err == nil {
		v.Version = old.Version
	}
	return s.base.PutProvisioningSettings(c, tenant, v, ev...)
}

type ledgerReversed struct{ base }

func (s ledgerReversed) GrantsOfGroup(c ctx, tenant, group string, after store.GrantKey, limit int) ([]store.Grant, error) {
	list, err := s.base.GrantsOfGroup(c, tenant, group, after, limit)
	slices.Reverse(list)
	return list, err
}

type takesTwice struct{ base }

func (s takesTwice) TakeToken(c ctx, tenant, kind, key string, now time.Time) (data []byte, err error) {
	err = s.InTx(c, func(tx store.Store) error {
		if data, err = tx.TakeToken(c, tenant, kind, key, now); err != nil {
			return err
		}
		return tx.PutToken(c, tenant, store.Token{Kind: kind, Key: key, Data: data, ExpiresAt: now.Add(time.Minute)})
	})
	if err != nil {
		return nil, err
	}
	yield()
	_, _ = s.base.TakeToken(c, tenant, kind, key, now)
	return data, nil
}

type readTakes struct{ base }

func (s readTakes) ReadToken(c ctx, tenant, kind, key string, now time.Time) ([]byte, error) {
	return s.TakeToken(c, tenant, kind, key, now)
}

type readsExpired struct{ base }

func (s readsExpired) ReadToken(c ctx, tenant, kind, key string, _ time.Time) ([]byte, error) {
	return s.base.ReadToken(c, tenant, kind, key, time.Time{})
}

type overwrites struct{ base }

func (s overwrites) PutToken(c ctx, tenant string, t store.Token) error {
	_, _ = s.TakeToken(c, tenant, t.Kind, t.Key, time.Time{})
	return s.base.PutToken(c, tenant, t)
}

type livesOn struct{ base }

func (s livesOn) DeleteExpiredTokens(c ctx, tenant string, now time.Time) (int, error) {
	return s.base.DeleteExpiredTokens(c, tenant, now.Add(-time.Microsecond))
}

type sharedLease struct{ base }

func (s sharedLease) AcquireLease(c ctx, tenant, name, holder string, now, until time.Time) (store.Lease, error) {
	l, err := s.base.AcquireLease(c, tenant, name, holder, now, until)
	if errors.Is(err, store.ErrConflict) {
		return store.Lease{Holder: holder, Token: 1, Until: store.Time(until)}, nil
	}
	return l, err
}

type sameToken struct{ base }

func (s sameToken) AcquireLease(c ctx, tenant, name, holder string, now, until time.Time) (store.Lease, error) {
	l, err := s.base.AcquireLease(c, tenant, name, holder, now, until)
	l.Token = 1
	return l, err
}

type reversesEvents struct{ base }

func (s reversesEvents) AppendEvents(c ctx, tenant string, ev ...store.Event) error {
	ev = slices.Clone(ev)
	slices.Reverse(ev)
	return s.base.AppendEvents(c, tenant, ev...)
}

type movesRegardless struct{ base }

func (s movesRegardless) SavePosition(c ctx, tenant, reader string, from, to int64) error {
	have, err := s.Position(c, tenant, reader)
	if err == nil && have != from {
		return store.ErrStale
	}
	yield()
	for {
		have, err := s.Position(c, tenant, reader)
		if err != nil {
			return err
		}
		if err := s.base.SavePosition(c, tenant, reader, have, to); !errors.Is(err, store.ErrStale) {
			return err
		}
	}
}

// showsLate numbers events before they are committed: one in five comes to light after
// a reader has seen what follows.
type showsLate struct {
	base
	mu    sync.Mutex
	asked map[int64]bool
}

func (s *showsLate) Events(c ctx, tenant string, q store.EventQuery) ([]store.Event, error) {
	list, err := s.base.Events(c, tenant, q)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked == nil {
		s.asked = map[int64]bool{}
	}
	var out []store.Event
	for i, e := range list {
		if e.Seq%5 == 3 && i < len(list)-1 && !s.asked[e.Seq] {
			s.asked[e.Seq] = true
			continue
		}
		out = append(out, e)
	}
	return out, err
}

type refsReversed struct{ base }

func (s refsReversed) ConnectionsByIssuer(c ctx, issuer string) ([]store.Ref, error) {
	refs, err := s.base.ConnectionsByIssuer(c, issuer)
	slices.Reverse(refs)
	return refs, err
}

type forgetsEphemeral struct{ base }

func (s forgetsEphemeral) PutToken(c ctx, tenant string, t store.Token) error {
	if t.Ephemeral {
		return nil
	}
	return s.base.PutToken(c, tenant, t)
}

type looksForEphemeral struct{ base }

func (s looksForEphemeral) PutToken(c ctx, tenant string, t store.Token) error {
	if !t.Ephemeral {
		return s.base.PutToken(c, tenant, t)
	}
	_, err := s.TakeToken(c, tenant, t.Kind, t.Key, time.Time{})
	yield()
	if putErr := s.base.PutToken(c, tenant, t); putErr != nil && !errors.Is(putErr, store.ErrConflict) {
		return putErr
	}
	if err == nil {
		return store.ErrConflict
	}
	return nil
}

// dueWithTime forgets that a zero CheckAt is due.
type dueWithTime struct{ base }

func (s dueWithTime) DomainsDue(c ctx, at time.Time, after store.DomainDue, limit int) ([]store.DomainDue, error) {
	due, err := s.base.DomainsDue(c, at, after, limit)
	return slices.DeleteFunc(due, func(d store.DomainDue) bool { return d.At.IsZero() }), err
}

// dueByTime continues a list by the time alone, and so skips what is due at the same one.
type dueByTime struct{ base }

func (s dueByTime) DomainsDue(c ctx, at time.Time, after store.DomainDue, limit int) ([]store.DomainDue, error) {
	if !after.At.IsZero() {
		after = store.DomainDue{At: after.At.Add(time.Microsecond)}
	}
	return s.base.DomainsDue(c, at, after, limit)
}

// longContests lists what was contested once.
type longContests struct {
	base
	mu  sync.Mutex
	was []store.Ref
}

func (s *longContests) DomainsContested(c ctx, after store.Ref, limit int) ([]store.Ref, error) {
	refs, err := s.base.DomainsContested(c, after, store.MaxLimit)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.was = slices.Compact(slices.SortedFunc(slices.Values(append(s.was, refs...)), compareRefs))
	later := slices.DeleteFunc(slices.Clone(s.was), func(r store.Ref) bool { return compareRefs(r, after) <= 0 })
	return later[:min(len(later), limit)], err
}

func compareRefs(a, b store.Ref) int {
	return slices.Compare([]string{a.TenantID, a.ID}, []string{b.TenantID, b.ID})
}
