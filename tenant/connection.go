package tenant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Connection is a tenant's connection as owners and staff see it.
type Connection struct {
	// Connection is the stored record without its sealed secret.
	store.Connection
	// HasSecret says that a client secret is stored; SecretHint and SecretSetAt tell
	// which.
	HasSecret bool
	// Domains are those that the connection serves.
	Domains []store.Domain
}

// kindConnection is the subject of a connection's events.
const kindConnection = "connection"

// secretField names the sealed field in the associated data.
const secretField = "client_secret"

// Connection returns a connection, or an error matching store.ErrNotFound.
func (s *Service) Connection(ctx context.Context, actor Actor, tenantID, id string) (Connection, error) {
	if err := s.allow(ctx, actor, ActionViewConnection, tenantID); err != nil {
		return Connection{}, err
	}
	return s.view(ctx, s.store, tenantID, id)
}

// Connections returns the tenant's connections that are not deleted, oldest first.
func (s *Service) Connections(ctx context.Context, actor Actor, tenantID string) ([]Connection, error) {
	if err := s.allow(ctx, actor, ActionViewConnection, tenantID); err != nil {
		return nil, err
	}
	records, err := s.store.Connections(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("tenant: reading connections: %w", err)
	}
	domains, err := s.store.Domains(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("tenant: reading domains: %w", err)
	}
	var out []Connection
	for _, c := range records {
		if c.State != store.ConnectionDeleted {
			out = append(out, viewOf(c, domainsOf(domains, c.ID)))
		}
	}
	return out, nil
}

// view reads a connection with its domains.
func (s *Service) view(ctx context.Context, st store.Store, tenantID, id string) (Connection, error) {
	c, domains, err := s.load(ctx, st, tenantID, id)
	if err != nil {
		return Connection{}, err
	}
	return viewOf(c, domains), nil
}

func viewOf(c store.Connection, domains []store.Domain) Connection {
	return Connection{Connection: withoutSecrets(c), HasSecret: len(c.SealedSecret) > 0, Domains: domains}
}

// withoutSecrets leaves what may be shown of the sealed secrets.
func withoutSecrets(c store.Connection) store.Connection {
	c.SealedSecret = nil
	if c.NextSecret != nil {
		n := *c.NextSecret
		n.Sealed = nil
		c.NextSecret = &n
	}
	return c
}

// load reads a connection that is not deleted, and its domains.
func (s *Service) load(ctx context.Context, st store.Store, tenantID, id string) (store.Connection, []store.Domain, error) {
	c, err := st.Connection(ctx, tenantID, id)
	if err == nil && c.State == store.ConnectionDeleted {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Connection{}, nil, fmt.Errorf("tenant: reading the connection: %w", err)
	}
	all, err := st.Domains(ctx, tenantID)
	if err != nil {
		return store.Connection{}, nil, fmt.Errorf("tenant: reading domains: %w", err)
	}
	return c, domainsOf(all, id), nil
}

func domainsOf(all []store.Domain, connectionID string) []store.Domain {
	var out []store.Domain
	for _, d := range all {
		if d.ServedBy(connectionID) {
			out = append(out, d)
		}
	}
	return out
}

func domainNames(domains []store.Domain) []string {
	names := make([]string, len(domains))
	for i, d := range domains {
		names[i] = d.Name
	}
	return names
}

// loadAt loads a connection and compares the version that the caller read.
func (s *Service) loadAt(ctx context.Context, st store.Store, tenantID, id string, version int64) (store.Connection, []store.Domain, error) {
	c, domains, err := s.load(ctx, st, tenantID, id)
	if err == nil && c.Version != version {
		err = stale()
	}
	return c, domains, err
}

// save writes a changed connection with its event. before is the record as it was
// read, whose version the write names.
func (s *Service) save(ctx context.Context, tx store.Store, actor Actor, tenantID string, before, after store.Connection, what, message string) (store.Connection, error) {
	e, err := s.event(actor, change{
		kind: kindConnection, id: after.ID, name: after.Name, what: what,
		before: journalled(before), after: journalled(after), message: message,
	})
	if err != nil {
		return store.Connection{}, err
	}
	after.Version, after.UpdatedAt = before.Version, s.time()
	s.routes.changingConnection(tenantID, before, after)
	if after, err = tx.UpdateConnection(ctx, tenantID, after, e); err != nil {
		return after, written("writing the connection", err)
	}
	return after, s.dropLinks(ctx, tx, actor, tenantID, before, after)
}

// dropLinks removes the linked identities of a connection that leads to another provider
// or client than when people signed in: a subject there is somebody else, or unknown.
// Package oidc ends the sessions, by the connection's own event.
func (s *Service) dropLinks(ctx context.Context, tx store.Store, actor Actor, tenantID string, before, after store.Connection) error {
	if before.ActivatedAt.IsZero() || before.Issuer == after.Issuer && before.ClientID == after.ClientID {
		return nil
	}
	return s.removeLinks(ctx, tx, actor, tenantID, after)
}

func (s *Service) removeLinks(ctx context.Context, tx store.Store, actor Actor, tenantID string, c store.Connection) error {
	e, err := s.event(actor, change{kind: kindConnection, id: c.ID, name: c.Name, what: "connection.identities_removed"})
	if err != nil {
		return err
	}
	if _, err := tx.DeleteIdentitiesOfConnection(ctx, tenantID, c.ID, e); err != nil {
		return fmt.Errorf("tenant: removing linked identities: %w", err)
	}
	return nil
}

// journalled is the part of a connection that its events tell: the settings, without
// the secret, and without checks and messages, which have events of their own.
func journalled(c store.Connection) store.Connection {
	c.Checks, c.Messages, c.Metadata, c.Approved = nil, nil, nil, nil
	return withoutSecrets(c)
}

// step moves a connection: it checks version and transition, lets edit change the
// record, and writes it with its event, all in one transaction.
func (s *Service) step(ctx context.Context, actor Actor, tenantID, id string, version int64, step Step, what, message string,
	edit func(tx store.Store, c *store.Connection, domains []store.Domain) error,
) (Connection, error) {
	var out Connection
	err := s.store.InTx(ctx, func(tx store.Store) error {
		before, domains, err := s.loadAt(ctx, tx, tenantID, id, version)
		if err != nil {
			return err
		}
		after := before
		if after.State, err = nextOf(before, step); err != nil {
			return err
		}
		if edit != nil {
			if err := edit(tx, &after, domains); err != nil {
				return err
			}
		}
		if after, err = s.save(ctx, tx, actor, tenantID, before, after, what, message); err != nil {
			return err
		}
		if before.ChangeOf == "" && before.State == store.ConnectionApproved && after.State != store.ConnectionActive { // SCIM rests on the approval
			if err := s.closeDirectory(ctx, tx, actor, tenantID, id); err != nil {
				return err
			}
		}
		out, err = s.view(ctx, tx, tenantID, id)
		if errors.Is(err, store.ErrNotFound) { // the step was to delete it
			out, err = viewOf(after, nil), nil
		}
		return err
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}

// edit changes a connection without moving it to another state.
func (s *Service) edit(ctx context.Context, actor Actor, tenantID, id string, version int64, what string,
	edit func(tx store.Store, c *store.Connection, domains []store.Domain) error,
) (Connection, error) {
	var out Connection
	err := s.store.InTx(ctx, func(tx store.Store) error {
		before, domains, err := s.loadAt(ctx, tx, tenantID, id, version)
		if err != nil {
			return err
		}
		after := before
		if err := edit(tx, &after, domains); err != nil {
			return err
		}
		after, err = s.save(ctx, tx, actor, tenantID, before, after, what, "")
		out = viewOf(after, domains)
		return err
	})
	if err != nil {
		return Connection{}, err
	}
	return out, nil
}

// ClientSecret opens the client secret of a connection as the store returned it: for
// the code that signs in, nobody else. A connection without a secret has an empty one, a
// change that none was entered for may use the one in force: see [Service.StartChange].
// The error matches [ErrSecretUnreadable] if no key opens it.
func (s *Service) ClientSecret(ctx context.Context, c store.Connection) (Secret, error) {
	c, err := s.secretHolder(ctx, s.store, c.TenantID, c)
	if err != nil {
		return Secret{}, err
	}
	if len(c.SealedSecret) == 0 {
		return Secret{}, nil
	}
	plain, err := s.keys.Open(c.SealedSecret, FieldAAD(c.TenantID, c.ID, secretField))
	if err != nil {
		return Secret{}, fmt.Errorf("%w: %w", ErrSecretUnreadable, err)
	}
	return NewSecret(string(plain)), nil
}

// putSecret seals a new secret into the record. One that waits to replace the old one is forgotten.
func (s *Service) putSecret(tenantID string, c *store.Connection, secret Secret, now time.Time) error {
	sealed, err := s.sealSecret(tenantID, c.ID, secret)
	if err != nil {
		return err
	}
	c.SealedSecret, c.SecretHint, c.SecretSetAt, c.NextSecret = sealed, secret.hint(), now, nil
	return nil
}

func (s *Service) sealSecret(tenantID, id string, secret Secret) ([]byte, error) {
	sealed, err := s.keys.Seal([]byte(secret.Reveal()), FieldAAD(tenantID, id, secretField))
	if err != nil {
		return nil, fmt.Errorf("tenant: sealing the client secret: %w", err)
	}
	return sealed, nil
}

// clearSecret forgets the secret.
func clearSecret(c *store.Connection) {
	c.SealedSecret, c.SecretHint, c.SecretSetAt, c.SecretExpiresAt, c.NextSecret = nil, "", time.Time{}, time.Time{}, nil
}
