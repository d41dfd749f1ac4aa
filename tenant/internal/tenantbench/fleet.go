// Package tenantbench measures what finding a tenant costs as their number grows. The caller makes the store and the service,
// so that the same is measured on each store.
package tenantbench

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// Domains is how many proven domains each tenant has.
const Domains = 3

// Fleet is a store with many tenants. Each has an active connection, which serves its domains, a directory, and an API key
// that is the same text for all: a key is looked for within its tenant.
type Fleet struct {
	Store   store.Store
	Tenants int
	// Hash is of the API key.
	Hash []byte
	// CheckAt is when the domains are to be looked at.
	CheckAt time.Time
	// Busy gives every tenth tenant a request that has waited for review for five days, a client secret that expires in a few days after
	// CheckAt, and a break-glass address that nobody has tried for a year.
	Busy bool
}

// TenantID is the tenant of a number, from 0.
func TenantID(i int) string { return fmt.Sprintf("org-%07d", i) }

// Name is one of its domains, from 0.
func Name(i, domain int) string { return fmt.Sprintf("d%d.customer-%07d.example", domain, i) }

// Email is an address in that domain.
func Email(i, domain int) string { return "somebody@" + Name(i, domain) }

// page is how many tenants are made in one transaction.
const page = 500

// Grow makes tenants until there are so many.
func (f *Fleet) Grow(ctx context.Context, to int) error {
	for f.Tenants < to {
		last := min(f.Tenants+page, to)
		err := f.Store.InTx(ctx, func(tx store.Store) error {
			for i := f.Tenants; i < last; i++ {
				if err := f.add(ctx, tx, i); err != nil {
					return fmt.Errorf("tenantbench: tenant %d: %w", i, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		f.Tenants = last
	}
	return nil
}

func (f *Fleet) add(ctx context.Context, tx store.Store, i int) error {
	id, at := TenantID(i), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	meta := func() store.Meta { return store.Meta{ID: store.NewID(at), CreatedAt: at, UpdatedAt: at} }
	c := store.Connection{
		Meta: meta(), Name: "Single sign-on", State: store.ConnectionActive, Authority: "https://login.example/" + id, Issuer: "https://login.example/" + id,
		ClientID: "client-" + id, BreakGlass: []string{"admin@" + Name(i, 0)}, ActivatedAt: at, SecretExpiresAt: at.AddDate(1, 0, 0),
	}
	busy := f.Busy && i%10 == 0
	if busy {
		c.Enforced, c.ActivatedAt, c.SecretExpiresAt, c.SealedSecret = true, at.AddDate(-1, 0, 0), f.CheckAt.AddDate(0, 0, 5), []byte("sealed with a key that nobody has")
	}
	if _, err := tx.CreateConnection(ctx, id, c); err != nil {
		return err
	}
	for n := range Domains {
		d := store.Domain{
			Meta: meta(), ConnectionID: c.ID, Name: Name(i, n), State: store.DomainVerified, Method: "dns_txt", Token: "tenantgate-" + id,
			VerifiedAt: at, CheckAt: f.CheckAt,
		}
		if _, err := tx.CreateDomain(ctx, id, d); err != nil {
			return err
		}
	}
	d := store.Directory{Meta: meta(), ConnectionID: c.ID, Enabled: true}
	if _, err := tx.CreateDirectory(ctx, id, d); err != nil {
		return err
	}
	k := store.APIKey{Meta: meta(), Name: "Directory", Hash: f.Hash, Hint: "tgk_…abcd", Scopes: []string{"scim:read", "scim:write"}, DirectoryID: d.ID}
	if _, err := tx.CreateAPIKey(ctx, id, k); err != nil {
		return err
	}
	if busy {
		waiting := c
		waiting.Meta, waiting.State, waiting.SubmittedAt = meta(), store.ConnectionSubmitted, f.CheckAt.AddDate(0, 0, -5)
		if _, err := tx.CreateConnection(ctx, id, waiting); err != nil {
			return err
		}
	}
	return nil
}
