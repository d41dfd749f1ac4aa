package storetest_test

import (
	"context"
	"errors"
	"sync"

	"github.com/tenantgate/tenantgate/store"
)

// The broken stores of this file are about transactions, events and contexts.

type eventSurvives struct{ base }

func (s *eventSurvives) InTx(c ctx, fn func(tx store.Store) error) error {
	tx := &remembersEvents{}
	err := s.base.InTx(c, func(inner store.Store) error {
		tx.base.Store = inner
		return fn(tx)
	})
	if err != nil {
		for tenant, ev := range tx.events {
			_ = s.AppendEvents(c, tenant, ev...)
		}
	}
	return err
}

type remembersEvents struct {
	base
	events map[string][]store.Event
}

func (s *remembersEvents) AppendEvents(c ctx, tenant string, ev ...store.Event) error {
	if s.events == nil {
		s.events = map[string][]store.Event{}
	}
	s.events[tenant] = append(s.events[tenant], ev...)
	return s.base.AppendEvents(c, tenant, ev...)
}

type panicCommits struct{ base }

func (s panicCommits) InTx(c ctx, fn func(tx store.Store) error) error {
	var recovered any
	err := s.base.InTx(c, func(tx store.Store) error {
		defer func() { recovered = recover() }()
		return fn(tx)
	})
	if recovered != nil {
		panic(recovered)
	}
	return err
}

type flatTx struct{ base }

func (s flatTx) InTx(c ctx, fn func(tx store.Store) error) error {
	return s.base.InTx(c, func(tx store.Store) error { return fn(joins{base{tx}}) })
}

type joins struct{ base }

func (s joins) InTx(_ ctx, fn func(tx store.Store) error) error { return fn(s) }

type aborts struct{ base }

func (s aborts) InTx(c ctx, fn func(tx store.Store) error) error {
	return s.base.InTx(c, func(tx store.Store) error { return fn(&aborted{base: base{tx}}) })
}

type aborted struct {
	base
	refused bool
}

func (s *aborted) CreateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	out, err := s.base.CreateSCIMUser(c, tenant, u, ev...)
	s.refused = s.refused || err != nil
	return out, err
}

func (s *aborted) AppendEvents(c ctx, tenant string, ev ...store.Event) error {
	if s.refused {
		return errors.New("current transaction is aborted, commands ignored until end of transaction block")
	}
	return s.base.AppendEvents(c, tenant, ev...)
}

// dirtyReads shows the users that a transaction has written before it commits.
type dirtyReads struct {
	base
	mu    sync.Mutex
	dirty map[string]store.SCIMUser
}

func (s *dirtyReads) InTx(c ctx, fn func(tx store.Store) error) error {
	return s.base.InTx(c, func(tx store.Store) error { return fn(&writesDirt{base: base{tx}, to: s}) })
}

func (s *dirtyReads) SCIMUser(c ctx, tenant, id string) (store.SCIMUser, error) {
	s.mu.Lock()
	u, ok := s.dirty[tenant+id]
	s.mu.Unlock()
	if ok {
		return u, nil
	}
	return s.base.SCIMUser(c, tenant, id)
}

type writesDirt struct {
	base
	to *dirtyReads
}

func (s *writesDirt) UpdateSCIMUser(c ctx, tenant string, u store.SCIMUser, ev ...store.Event) (store.SCIMUser, error) {
	u, err := s.base.UpdateSCIMUser(c, tenant, u, ev...)
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	s.to.dirty = map[string]store.SCIMUser{tenant + u.ID: u}
	return u, err
}

type losesEvent struct{ base }

func (s losesEvent) DeleteDirectory(c ctx, tenant, id string, version int64, _ ...store.Event) error {
	return s.base.DeleteDirectory(c, tenant, id, version)
}

type eventOfFailure struct{ base }

func (s eventOfFailure) UpdateAccount(c ctx, tenant string, a store.Account, ev ...store.Event) (store.Account, error) {
	out, err := s.base.UpdateAccount(c, tenant, a)
	return out, errors.Join(err, s.AppendEvents(c, tenant, ev...))
}

type ignoresContext struct{ base }

func (s ignoresContext) ReleaseLease(c ctx, tenant, name, holder string) error {
	return s.base.ReleaseLease(context.WithoutCancel(c), tenant, name, holder)
}
