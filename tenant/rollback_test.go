package tenant

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store"
)

// errBroken is what a write answers when the test breaks it.
var errBroken = errors.New("disk full")

// breaking is a store whose nth write fails.
type breaking struct {
	store.Store
	left *int // writes until the broken one
}

func (b breaking) fails() bool {
	*b.left--
	return *b.left < 0
}

func (b breaking) InTx(ctx context.Context, fn func(store.Store) error) error {
	return b.Store.InTx(ctx, func(tx store.Store) error { return fn(breaking{tx, b.left}) })
}

func (b breaking) CreateConnection(ctx context.Context, id string, c store.Connection, e ...store.Event) (store.Connection, error) {
	if b.fails() {
		return store.Connection{}, errBroken
	}
	return b.Store.CreateConnection(ctx, id, c, e...)
}

func (b breaking) UpdateConnection(ctx context.Context, id string, c store.Connection, e ...store.Event) (store.Connection, error) {
	if b.fails() {
		return store.Connection{}, errBroken
	}
	return b.Store.UpdateConnection(ctx, id, c, e...)
}

func (b breaking) CreateDomain(ctx context.Context, id string, d store.Domain, e ...store.Event) (store.Domain, error) {
	if b.fails() {
		return store.Domain{}, errBroken
	}
	return b.Store.CreateDomain(ctx, id, d, e...)
}

func (b breaking) DeleteDomain(ctx context.Context, id, domain string, version int64, e ...store.Event) error {
	if b.fails() {
		return errBroken
	}
	return b.Store.DeleteDomain(ctx, id, domain, version, e...)
}

func (b breaking) UpdateDomain(ctx context.Context, id string, d store.Domain, e ...store.Event) (store.Domain, error) {
	if b.fails() {
		return store.Domain{}, errBroken
	}
	return b.Store.UpdateDomain(ctx, id, d, e...)
}

func (b breaking) CreateDirectory(ctx context.Context, id string, d store.Directory, e ...store.Event) (store.Directory, error) {
	if b.fails() {
		return store.Directory{}, errBroken
	}
	return b.Store.CreateDirectory(ctx, id, d, e...)
}

func (b breaking) UpdateDirectory(ctx context.Context, id string, d store.Directory, e ...store.Event) (store.Directory, error) {
	if b.fails() {
		return store.Directory{}, errBroken
	}
	return b.Store.UpdateDirectory(ctx, id, d, e...)
}

func (b breaking) DeleteIdentitiesOfConnection(ctx context.Context, id, connection string, e ...store.Event) (int, error) {
	if b.fails() {
		return 0, errBroken
	}
	return b.Store.DeleteIdentitiesOfConnection(ctx, id, connection, e...)
}

// TestFailedStepChangesNothing breaks each write of the steps that make several.
func TestFailedStepChangesNothing(t *testing.T) {
	steps := map[string]struct {
		prepare func(t *testing.T, w *world) Connection
		call    func(w *world, c Connection) error
		writes  int
	}{
		"create": {
			prepare: func(*testing.T, *world) Connection { return Connection{} },
			call: func(w *world, _ Connection) error {
				_, _, err := w.CreateDraft(t.Context(), owner, "t1", acme())
				return err
			},
			writes: 3,
		},
		"save": {
			prepare: func(t *testing.T, w *world) Connection { return w.draft(t, "t1", acme()) },
			call: func(w *world, c Connection) error {
				d := acme()
				d.Domains, d.BreakGlass = []string{"new.example"}, nil
				_, _, err := w.SaveDraft(t.Context(), owner, "t1", c.ID, c.Version, d)
				return err
			},
			writes: 4,
		},
		"approve": {
			prepare: func(t *testing.T, w *world) Connection { return w.submitted(t, "t1", acme()) },
			call: func(w *world, c Connection) error {
				_, _, err := w.Approve(t.Context(), staff, "t1", c.ID, c.Version)
				return err
			},
			writes: 2,
		},
		"withdraw": {
			prepare: func(t *testing.T, w *world) Connection { return w.approved(t, "t1", acme()) },
			call: func(w *world, c Connection) error {
				_, err := w.Withdraw(t.Context(), owner, "t1", c.ID, c.Version)
				return err
			},
			writes: 2,
		},
		"delete": {
			prepare: func(t *testing.T, w *world) Connection {
				c := w.active(t, "t1", acme())
				c, err := w.Suspend(t.Context(), owner, "t1", c.ID, c.Version, "")
				require.NoError(t, err)
				return c
			},
			call:   func(w *world, c Connection) error { return w.Delete(t.Context(), owner, "t1", c.ID, c.Version) },
			writes: 5,
		},
	}
	for name, step := range steps {
		for broken := range step.writes + 1 {
			w := newWorld(t)
			c := step.prepare(t, w)
			before := everything(t, w)
			left := broken
			w.Service.store = breaking{w.store, &left}
			err := step.call(w, c)
			if broken == step.writes {
				require.NoError(t, err, "%s makes more than %d writes", name, step.writes)
				require.NotEqual(t, before, everything(t, w))
				continue
			}
			require.ErrorIs(t, err, errBroken, "%s, write %d", name, broken)
			require.Equal(t, before, everything(t, w), "%s, write %d", name, broken)
		}
	}
}

// everything reads what the tenant has.
func everything(t *testing.T, w *world) []any {
	t.Helper()
	connections, err := w.store.Connections(t.Context(), "t1")
	require.NoError(t, err)
	domains, err := w.store.Domains(t.Context(), "t1")
	require.NoError(t, err)
	directories, err := w.store.Directories(t.Context(), "t1")
	require.NoError(t, err)
	return []any{connections, domains, directories, w.events(t, "t1", 0)}
}
