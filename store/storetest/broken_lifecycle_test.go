package storetest_test

import (
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// The broken stores of this file are about tenants as a whole.

type lifecycleRegardless struct{ base }

func (s lifecycleRegardless) PutLifecycle(c ctx, tenant string, l store.Lifecycle, ev ...store.Event) (store.Lifecycle, error) {
	l.Version = 0
	if old, err := s.Lifecycle(c, tenant); err == nil {
		l.Version = old.Version
	}
	return s.base.PutLifecycle(c, tenant, l, ev...)
}

type forgetsTokens struct{ base }

func (s forgetsTokens) Holdings(c ctx, tenant string) (map[store.RecordKind]int, error) {
	out, err := s.base.Holdings(c, tenant)
	delete(out, store.KindToken)
	return out, err
}

type erasesAll struct{ base }

func (s erasesAll) Erase(c ctx, tenant string, kind store.RecordKind, _ int) (int, error) {
	return s.base.Erase(c, tenant, kind, 0)
}

type keepsLeases struct{ base }

func (s keepsLeases) Erase(c ctx, tenant string, kind store.RecordKind, limit int) (int, error) {
	if kind == store.KindLease {
		return 0, nil
	}
	return s.base.Erase(c, tenant, kind, limit)
}

type erasesNoEvents struct{ base }

func (s erasesNoEvents) Erase(c ctx, tenant string, kind store.RecordKind, limit int) (int, error) {
	if kind == store.KindEvent {
		return limit, nil
	}
	return s.base.Erase(c, tenant, kind, limit)
}

type allInState struct{ base }

func (s allInState) TenantsInState(c ctx, _ store.ServiceState, after string, limit int) ([]string, error) {
	return s.base.TenantsInState(c, store.ServiceSuspended, after, limit)
}

type erasesPast struct{ base }

func (s erasesPast) EraseEvents(c ctx, tenant string, through int64, limit int) (int, error) {
	return s.base.EraseEvents(c, tenant, through+1, limit)
}

// erasesUnread takes the oldest events, whoever has still to read them.
type erasesUnread struct{ base }

func (s erasesUnread) EraseEvents(c ctx, tenant string, through int64, limit int) (int, error) {
	old, err := s.Events(c, tenant, store.EventQuery{Before: through + 1, Limit: limit})
	if err != nil || len(old) == 0 {
		return 0, err
	}
	return s.Erase(c, tenant, store.KindEvent, len(old))
}

// countsThenErases counts what is to go, and erases as many in a step of its own.
type countsThenErases struct{ base }

func (s countsThenErases) EraseEvents(c ctx, tenant string, through int64, limit int) (int, error) {
	old, err := s.Events(c, tenant, store.EventQuery{Before: through + 1, Limit: limit})
	if err != nil || len(old) == 0 {
		return 0, err
	}
	time.Sleep(50 * time.Millisecond)
	return s.Erase(c, tenant, store.KindEvent, len(old))
}
