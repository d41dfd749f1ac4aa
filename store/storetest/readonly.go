package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// ReadOnly returns st with every write refused by an error that matches [store.ErrUnavailable] while on says so, as a
// database answers that fails over or is full. Reads go on. It has none of the optional interfaces. It is for tests of what
// callers do then.
func ReadOnly(st store.Store, on func() bool) store.Store { return readOnly{st, on} }

type readOnly struct {
	store.Store
	on func() bool
}

func (ro readOnly) refused() error {
	if ro.on() {
		return fmt.Errorf("storetest: %w: the database is read-only", store.ErrUnavailable)
	}
	return nil
}

// unless runs a write unless it is refused.
func unless[T any](s readOnly, write func() (T, error)) (T, error) {
	if err := s.refused(); err != nil {
		var none T
		return none, err
	}
	return write()
}

// unlessErr is unless for a write that returns an error alone.
func unlessErr(s readOnly, write func() error) error {
	if err := s.refused(); err != nil {
		return err
	}
	return write()
}

func (ro readOnly) InTx(ctx context.Context, fn func(tx store.Store) error) error {
	return ro.Store.InTx(ctx, func(tx store.Store) error { return fn(readOnly{tx, ro.on}) })
}

func (ro readOnly) CreateConnection(ctx context.Context, tenantID string, c store.Connection, events ...store.Event) (store.Connection, error) {
	return unless(ro, func() (store.Connection, error) { return ro.Store.CreateConnection(ctx, tenantID, c, events...) })
}

func (ro readOnly) UpdateConnection(ctx context.Context, tenantID string, c store.Connection, events ...store.Event) (store.Connection, error) {
	return unless(ro, func() (store.Connection, error) { return ro.Store.UpdateConnection(ctx, tenantID, c, events...) })
}

func (ro readOnly) DeleteConnection(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return unlessErr(ro, func() error { return ro.Store.DeleteConnection(ctx, tenantID, id, version, events...) })
}

func (ro readOnly) CreateDomain(ctx context.Context, tenantID string, d store.Domain, events ...store.Event) (store.Domain, error) {
	return unless(ro, func() (store.Domain, error) { return ro.Store.CreateDomain(ctx, tenantID, d, events...) })
}

func (ro readOnly) UpdateDomain(ctx context.Context, tenantID string, d store.Domain, events ...store.Event) (store.Domain, error) {
	return unless(ro, func() (store.Domain, error) { return ro.Store.UpdateDomain(ctx, tenantID, d, events...) })
}

func (ro readOnly) DeleteDomain(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return unlessErr(ro, func() error { return ro.Store.DeleteDomain(ctx, tenantID, id, version, events...) })
}

func (ro readOnly) CreateDirectory(ctx context.Context, tenantID string, d store.Directory, events ...store.Event) (store.Directory, error) {
	return unless(ro, func() (store.Directory, error) { return ro.Store.CreateDirectory(ctx, tenantID, d, events...) })
}

func (ro readOnly) UpdateDirectory(ctx context.Context, tenantID string, d store.Directory, events ...store.Event) (store.Directory, error) {
	return unless(ro, func() (store.Directory, error) { return ro.Store.UpdateDirectory(ctx, tenantID, d, events...) })
}

func (ro readOnly) DeleteDirectory(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return unlessErr(ro, func() error { return ro.Store.DeleteDirectory(ctx, tenantID, id, version, events...) })
}

func (ro readOnly) CreateAPIKey(ctx context.Context, tenantID string, k store.APIKey, events ...store.Event) (store.APIKey, error) {
	return unless(ro, func() (store.APIKey, error) { return ro.Store.CreateAPIKey(ctx, tenantID, k, events...) })
}

func (ro readOnly) UpdateAPIKey(ctx context.Context, tenantID string, k store.APIKey, events ...store.Event) (store.APIKey, error) {
	return unless(ro, func() (store.APIKey, error) { return ro.Store.UpdateAPIKey(ctx, tenantID, k, events...) })
}

func (ro readOnly) MarkDirectoryUsed(ctx context.Context, tenantID, id string, at time.Time) error {
	return unlessErr(ro, func() error { return ro.Store.MarkDirectoryUsed(ctx, tenantID, id, at) })
}

func (ro readOnly) MarkAPIKeyUsed(ctx context.Context, tenantID, id string, at time.Time) error {
	return unlessErr(ro, func() error { return ro.Store.MarkAPIKeyUsed(ctx, tenantID, id, at) })
}

func (ro readOnly) CreateSCIMUser(ctx context.Context, tenantID string, u store.SCIMUser, events ...store.Event) (store.SCIMUser, error) {
	return unless(ro, func() (store.SCIMUser, error) { return ro.Store.CreateSCIMUser(ctx, tenantID, u, events...) })
}

func (ro readOnly) UpdateSCIMUser(ctx context.Context, tenantID string, u store.SCIMUser, events ...store.Event) (store.SCIMUser, error) {
	return unless(ro, func() (store.SCIMUser, error) { return ro.Store.UpdateSCIMUser(ctx, tenantID, u, events...) })
}

func (ro readOnly) DeleteSCIMUser(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return unlessErr(ro, func() error { return ro.Store.DeleteSCIMUser(ctx, tenantID, id, version, events...) })
}

func (ro readOnly) CreateSCIMGroup(ctx context.Context, tenantID string, g store.SCIMGroup, members []store.Member, events ...store.Event) (store.SCIMGroup, error) {
	return unless(ro, func() (store.SCIMGroup, error) { return ro.Store.CreateSCIMGroup(ctx, tenantID, g, members, events...) })
}

func (ro readOnly) UpdateSCIMGroup(ctx context.Context, tenantID string, g store.SCIMGroup, events ...store.Event) (store.SCIMGroup, error) {
	return unless(ro, func() (store.SCIMGroup, error) { return ro.Store.UpdateSCIMGroup(ctx, tenantID, g, events...) })
}

func (ro readOnly) DeleteSCIMGroup(ctx context.Context, tenantID, id string, version int64, events ...store.Event) error {
	return unlessErr(ro, func() error { return ro.Store.DeleteSCIMGroup(ctx, tenantID, id, version, events...) })
}

func (ro readOnly) ChangeSCIMMembers(ctx context.Context, tenantID, groupID string, d store.MemberDelta, at time.Time, ifVersion *store.GroupVersion, events ...store.Event) (store.MemberChange, error) {
	return unless(ro, func() (store.MemberChange, error) {
		return ro.Store.ChangeSCIMMembers(ctx, tenantID, groupID, d, at, ifVersion, events...)
	})
}

func (ro readOnly) CreateIdentity(ctx context.Context, tenantID string, i store.Identity, events ...store.Event) (store.Identity, error) {
	return unless(ro, func() (store.Identity, error) { return ro.Store.CreateIdentity(ctx, tenantID, i, events...) })
}

func (ro readOnly) UpdateIdentity(ctx context.Context, tenantID string, i store.Identity, events ...store.Event) (store.Identity, error) {
	return unless(ro, func() (store.Identity, error) { return ro.Store.UpdateIdentity(ctx, tenantID, i, events...) })
}

func (ro readOnly) DeleteIdentity(ctx context.Context, tenantID, id string, events ...store.Event) error {
	return unlessErr(ro, func() error { return ro.Store.DeleteIdentity(ctx, tenantID, id, events...) })
}

func (ro readOnly) DeleteIdentitiesOfConnection(ctx context.Context, tenantID, connectionID string, events ...store.Event) (int, error) {
	return unless(ro, func() (int, error) {
		return ro.Store.DeleteIdentitiesOfConnection(ctx, tenantID, connectionID, events...)
	})
}

func (ro readOnly) CreateAccount(ctx context.Context, tenantID string, a store.Account, events ...store.Event) (store.Account, error) {
	return unless(ro, func() (store.Account, error) { return ro.Store.CreateAccount(ctx, tenantID, a, events...) })
}

func (ro readOnly) UpdateAccount(ctx context.Context, tenantID string, a store.Account, events ...store.Event) (store.Account, error) {
	return unless(ro, func() (store.Account, error) { return ro.Store.UpdateAccount(ctx, tenantID, a, events...) })
}

func (ro readOnly) DeleteAccount(ctx context.Context, tenantID, accountID string, version int64, events ...store.Event) error {
	return unlessErr(ro, func() error { return ro.Store.DeleteAccount(ctx, tenantID, accountID, version, events...) })
}

func (ro readOnly) PutProvisioningSettings(ctx context.Context, tenantID string, s store.ProvisioningSettings, events ...store.Event) (store.ProvisioningSettings, error) {
	return unless(ro, func() (store.ProvisioningSettings, error) {
		return ro.Store.PutProvisioningSettings(ctx, tenantID, s, events...)
	})
}

func (ro readOnly) ChangeGrants(ctx context.Context, tenantID string, put []store.Grant, remove []store.GrantKey, events ...store.Event) error {
	return unlessErr(ro, func() error { return ro.Store.ChangeGrants(ctx, tenantID, put, remove, events...) })
}

func (ro readOnly) PutToken(ctx context.Context, tenantID string, t store.Token) error {
	return unlessErr(ro, func() error { return ro.Store.PutToken(ctx, tenantID, t) })
}

func (ro readOnly) TakeToken(ctx context.Context, tenantID, kind, key string, now time.Time) ([]byte, error) {
	return unless(ro, func() ([]byte, error) { return ro.Store.TakeToken(ctx, tenantID, kind, key, now) })
}

func (ro readOnly) DeleteExpiredTokens(ctx context.Context, tenantID string, now time.Time) (int, error) {
	return unless(ro, func() (int, error) { return ro.Store.DeleteExpiredTokens(ctx, tenantID, now) })
}

func (ro readOnly) AcquireLease(ctx context.Context, tenantID, name, holder string, now, until time.Time) (store.Lease, error) {
	return unless(ro, func() (store.Lease, error) { return ro.Store.AcquireLease(ctx, tenantID, name, holder, now, until) })
}

func (ro readOnly) ReleaseLease(ctx context.Context, tenantID, name, holder string) error {
	return unlessErr(ro, func() error { return ro.Store.ReleaseLease(ctx, tenantID, name, holder) })
}

func (ro readOnly) AppendEvents(ctx context.Context, tenantID string, events ...store.Event) error {
	return unlessErr(ro, func() error { return ro.Store.AppendEvents(ctx, tenantID, events...) })
}

func (ro readOnly) SavePosition(ctx context.Context, tenantID, reader string, from, to int64) error {
	return unlessErr(ro, func() error { return ro.Store.SavePosition(ctx, tenantID, reader, from, to) })
}

func (ro readOnly) PutLifecycle(ctx context.Context, tenantID string, l store.Lifecycle, events ...store.Event) (store.Lifecycle, error) {
	return unless(ro, func() (store.Lifecycle, error) { return ro.Store.PutLifecycle(ctx, tenantID, l, events...) })
}

func (ro readOnly) Erase(ctx context.Context, tenantID string, kind store.RecordKind, limit int) (int, error) {
	return unless(ro, func() (int, error) { return ro.Store.Erase(ctx, tenantID, kind, limit) })
}

func (ro readOnly) EraseEvents(ctx context.Context, tenantID string, through int64, limit int) (int, error) {
	return unless(ro, func() (int, error) { return ro.Store.EraseEvents(ctx, tenantID, through, limit) })
}
