package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"

	"github.com/tenantgate/tenantgate/store"
)

// kindDirectory is the subject of a directory's events.
const kindDirectory = "directory"

// EnableSCIM lets a directory provision people for a connection, with the owner's
// preferences. It needs a connection that was approved (oidc_required, R62); suspending
// that later leaves SCIM on. A directory that was switched off is switched on again, with its keys.
func (s *Service) EnableSCIM(ctx context.Context, actor Actor, tenantID, connectionID string, p store.SCIMPreferences) (store.Directory, error) {
	if err := s.allow(ctx, actor, ActionManageSCIM, tenantID); err != nil {
		return store.Directory{}, err
	}
	if err := s.needSCIM(ctx, tenantID); err != nil {
		return store.Directory{}, err
	}
	if err := refuse(s.checkFields(p)); err != nil {
		return store.Directory{}, err
	}
	var out store.Directory
	err := s.changeInService(ctx, tenantID, func(tx store.Store) error {
		c, _, err := s.load(ctx, tx, tenantID, connectionID)
		if err != nil {
			return err
		}
		switch {
		case c.ChangeOf != "":
			return conflict(ErrorCodeState, "This is a change of another connection. Switch SCIM on for that one.")
		case c.State == store.ConnectionApproved, c.State == store.ConnectionActive, c.State == store.ConnectionSuspended:
		default:
			return conflict(ErrorCodeOIDCRequired, "SCIM needs an approved OpenID Connect connection. This one is %s.", c.State)
		}
		out, err = s.openDirectory(ctx, tx, actor, tenantID, connectionID, p)
		return err
	})
	if err != nil {
		return store.Directory{}, err
	}
	return out, nil
}

// openDirectory makes the connection's directory, or switches it on.
func (s *Service) openDirectory(ctx context.Context, tx store.Store, actor Actor, tenantID, connectionID string, p store.SCIMPreferences) (store.Directory, error) {
	p.Wanted = true
	d, err := directoryOf(ctx, tx, tenantID, connectionID)
	switch {
	case err == nil:
		after := d
		after.Enabled, after.Preferences = true, p
		if after.Enabled == d.Enabled && reflect.DeepEqual(after.Preferences, d.Preferences) {
			return d, nil
		}
		return s.saveDirectory(ctx, tx, actor, tenantID, d, after, "directory.enabled")
	case !errors.Is(err, store.ErrNotFound):
		return store.Directory{}, err
	}
	now := s.time()
	d = store.Directory{Meta: store.Meta{ID: store.NewID(now), CreatedAt: now, UpdatedAt: now}, ConnectionID: connectionID, Enabled: true, Preferences: p}
	e, err := s.event(actor, change{kind: kindDirectory, id: d.ID, what: "directory.enabled", after: d})
	if err != nil {
		return store.Directory{}, err
	}
	d, err = tx.CreateDirectory(ctx, tenantID, d, e)
	return d, written("creating the directory", err)
}

// closeDirectory switches the connection's directory off, if there is one.
func (s *Service) closeDirectory(ctx context.Context, tx store.Store, actor Actor, tenantID, connectionID string) error {
	d, err := directoryOf(ctx, tx, tenantID, connectionID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !d.Enabled {
		return nil
	}
	if err != nil {
		return err
	}
	after := d
	after.Enabled = false
	_, err = s.saveDirectory(ctx, tx, actor, tenantID, d, after, "directory.disabled")
	return err
}

func directoryOf(ctx context.Context, st store.Store, tenantID, connectionID string) (store.Directory, error) {
	all, err := st.Directories(ctx, tenantID)
	if err != nil {
		return store.Directory{}, fmt.Errorf("tenant: reading directories: %w", err)
	}
	for _, d := range all {
		if d.ConnectionID == connectionID {
			return d, nil
		}
	}
	return store.Directory{}, fmt.Errorf("tenant: the connection has no directory: %w", store.ErrNotFound)
}

func (s *Service) saveDirectory(ctx context.Context, tx store.Store, actor Actor, tenantID string, before, after store.Directory, what string) (store.Directory, error) {
	e, err := s.event(actor, change{kind: kindDirectory, id: after.ID, what: what, before: before, after: after})
	if err != nil {
		return store.Directory{}, err
	}
	after.UpdatedAt = s.time()
	after, err = tx.UpdateDirectory(ctx, tenantID, after, e)
	return after, written("writing the directory", err)
}

// Directories returns the tenant's directories, switched off ones too.
func (s *Service) Directories(ctx context.Context, actor Actor, tenantID string) ([]store.Directory, error) {
	if err := s.allow(ctx, actor, ActionViewConnection, tenantID); err != nil {
		return nil, err
	}
	all, err := s.store.Directories(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("tenant: reading directories: %w", err)
	}
	return all, nil
}

// DisableSCIM switches a directory off: its endpoints refuse its keys. What was
// provisioned stays as it is. It needs confirm, because nobody is deprovisioned while
// it is off.
func (s *Service) DisableSCIM(ctx context.Context, actor Actor, tenantID, directoryID string, version int64, confirm bool) (store.Directory, error) {
	return s.editDirectory(ctx, actor, tenantID, directoryID, version, "directory.disabled", func(_ store.Store, d *store.Directory) error {
		if d.Enabled && !confirm {
			return conflict(ErrorCodeConfirmationRequired, "While provisioning is off, people who leave keep their access. Confirm to switch it off.")
		}
		d.Enabled = false
		return nil
	})
}

// SetSCIMPreferences changes the choices for provisioned users. Phone numbers that are
// confirmed stay so. Choices for fields that the host does not manage (Config.SCIMFields) are
// refused with a [*ValidationError].
func (s *Service) SetSCIMPreferences(ctx context.Context, actor Actor, tenantID, directoryID string, version int64, p store.SCIMPreferences) (store.Directory, error) {
	if err := s.allow(ctx, actor, ActionManageSCIM, tenantID); err != nil {
		return store.Directory{}, err
	}
	if err := s.needSCIM(ctx, tenantID); err != nil {
		return store.Directory{}, err
	}
	if err := refuse(s.checkFields(p)); err != nil {
		return store.Directory{}, err
	}
	return s.editDirectory(ctx, actor, tenantID, directoryID, version, "directory.preferences_changed", func(tx store.Store, d *store.Directory) error {
		if err := s.holdInService(ctx, tx, tenantID); err != nil {
			return err
		}
		p.Wanted = true
		d.Preferences = p
		return nil
	})
}

func (s *Service) editDirectory(ctx context.Context, actor Actor, tenantID, directoryID string, version int64, what string, edit func(store.Store, *store.Directory) error) (store.Directory, error) {
	if err := s.allow(ctx, actor, ActionManageSCIM, tenantID); err != nil {
		return store.Directory{}, err
	}
	var out store.Directory
	err := s.store.InTx(ctx, func(tx store.Store) error {
		before, err := tx.Directory(ctx, tenantID, directoryID)
		if err != nil {
			return fmt.Errorf("tenant: reading the directory: %w", err)
		}
		if before.Version != version {
			return stale()
		}
		after := before
		if err := edit(tx, &after); err != nil {
			return err
		}
		out, err = s.saveDirectory(ctx, tx, actor, tenantID, before, after, what)
		return err
	})
	if err != nil {
		return store.Directory{}, err
	}
	return out, nil
}

// SCIMBaseURL returns the base URL that a tenant's directory is given: Config.SCIMBaseURL
// and the tenant's ID. It holds no secret and never changes.
func (s *Service) SCIMBaseURL(tenantID string) string {
	if s.cfg.SCIMBaseURL == "" {
		return ""
	}
	return s.cfg.SCIMBaseURL + "/" + url.PathEscape(tenantID)
}
