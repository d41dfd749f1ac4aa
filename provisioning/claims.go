package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// EventClaims is written when the identity provider says something else about somebody's roles or
// groups than at the sign-in before. A sync follows it.
const EventClaims = eventPrefix + "claims.changed"

// FindingValuesUnread says that roles or a claim of a person could not be read as a whole: what they
// gave before stays, and nothing is added.
const FindingValuesUnread FindingCode = "values_unread"

// maxClaims bounds the claims that are kept of an account.
const maxClaims = 4

// OnClaims keeps what an identity provider says about somebody's groups and roles at a sign-in, so
// that a tenant that declares claims an authority ([store.RoleAuthority]) has them mapped, and sees a
// preview before it does. It is made to be oidc.Config.Claims.
//
// Kept are the claims groups and roles and the one that the tenant's settings name: each with at most
// 200 values of at most 200 bytes, and 16 KiB in all. Nothing else of the token is kept. A claim that
// is absent, refers to another place (_claim_names), is longer, or is no list of texts changes no
// values: absent is not empty. An empty list is one, and takes what the claim gave.
//
// tx is the transaction of the sign-in; accountID the host's account. claim returns the JSON of a claim
// by its name. No sign-in fails here: what goes wrong is undone within tx, logged, and tried at the next
// one. committed, if it is not nil, is to be called when tx has committed: [Engine.Run] then looks at
// once. The account has its roles a moment after the sign-in.
func (e *Engine) OnClaims(ctx context.Context, tx store.Store, tenantID, connectionID, accountID string, claim func(name string) (value []byte, ok bool)) (committed func()) {
	if accountID == "" || claim == nil {
		return nil
	}
	// Most sign-ins say the same as the one before: those open no transaction within tx.
	changed, err := e.heardClaims(ctx, tx, tenantID, connectionID, accountID, claim)
	if err == nil && changed.differ {
		err = tx.InTx(ctx, func(tx store.Store) error { return e.keepClaims(ctx, tx, tenantID, connectionID, accountID, claim) })
	}
	if err != nil {
		e.cfg.Logger.WarnContext(ctx, "provisioning: the claims of a sign-in were not kept", "tenant", tenantID, "account", accountID, "error", err)
	}
	if err != nil || !changed.differ {
		return nil
	}
	return e.Wake
}

// heardAccount is an account with the claims of a sign-in.
type heardAccount struct {
	rec     store.Account
	before  []store.AccountClaim
	unknown bool // there is no record of it yet
	differ  bool
}

func (e *Engine) heardClaims(ctx context.Context, tx store.Store, tenantID, connectionID, accountID string, claim claimSource) (h heardAccount, err error) {
	settings, err := settingsOf(ctx, tx, tenantID)
	if err != nil {
		return h, err
	}
	h.rec, err = tx.Account(ctx, tenantID, accountID)
	h.unknown = errors.Is(err, store.ErrNotFound)
	if err != nil && !h.unknown {
		return h, err
	}
	names := claimNames(settings.Authority)
	h.before = h.rec.Claims
	kept := slices.Clone(h.before)
	for _, name := range names {
		if one := settings.Authority.ConnectionID; name == settings.Authority.Claim && one != "" && one != connectionID {
			continue // another connection's is the one that counts
		}
		seen := store.AccountClaim{Name: name, ConnectionID: connectionID, At: store.Time(e.cfg.Now())}
		seen.Values, seen.State = claim.read(name)
		kept = hearClaim(kept, seen)
	}
	// Of names that nobody goes by any more the oldest go first.
	for len(kept) > maxClaims {
		i := slices.IndexFunc(kept, func(c store.AccountClaim) bool { return !slices.Contains(names, c.Name) })
		kept = slices.Delete(kept, i, i+1) // there is one: names are fewer
	}
	h.rec.Claims, h.differ = kept, !slices.EqualFunc(kept, h.before, sameClaim)
	return h, nil
}

// keepClaims writes down what came. It reads once more: a sync may have been faster.
func (e *Engine) keepClaims(ctx context.Context, tx store.Store, tenantID, connectionID, accountID string, claim claimSource) error {
	h, err := e.heardClaims(ctx, tx, tenantID, connectionID, accountID, claim)
	if err != nil || !h.differ {
		return err
	}
	rec, now := h.rec, store.Time(e.cfg.Now())
	ev := e.event(EventClaims, system, store.EventSubject{Kind: subjectAccount, ID: accountID, Name: rec.Email})
	ev.Before, ev.After = asJSON(countClaims(h.before)), asJSON(countClaims(rec.Claims))
	rec.UpdatedAt = now
	if !h.unknown {
		_, err = tx.UpdateAccount(ctx, tenantID, rec, ev)
		return err
	}
	// An account of the host's that nobody told us of.
	rec.ID, rec.CreatedAt, rec.Source, rec.Active = accountID, now, store.SourceManual, true
	_, err = tx.CreateAccount(ctx, tenantID, rec, ev)
	return err
}

// claimNames are the claims that are kept in a tenant.
func claimNames(a store.RoleAuthority) []string {
	names := slices.Clone(claimsKept)
	if a.Claim != "" && !slices.Contains(names, a.Claim) {
		names = append(names, a.Claim)
	}
	return names
}

// hearClaim takes in how a claim came: values change only where it was read.
func hearClaim(kept []store.AccountClaim, seen store.AccountClaim) []store.AccountClaim {
	i := slices.IndexFunc(kept, func(c store.AccountClaim) bool { return c.Name == seen.Name })
	if i < 0 {
		if seen.State == store.ClaimAbsent {
			return kept // nothing was ever heard
		}
		if seen.State == store.ClaimRead {
			seen.ReadAt = seen.At
		}
		return append(kept, seen)
	}
	have := kept[i]
	if seen.State == store.ClaimRead {
		seen.ReadAt = seen.At
	} else {
		seen.Values, seen.ReadAt = have.Values, have.ReadAt
		if !have.ReadAt.IsZero() {
			seen.ConnectionID = have.ConnectionID // whose values they are
		}
	}
	if !sameClaim(have, seen) {
		kept[i] = seen
	}
	return kept
}

// sameClaim compares but for the times.
func sameClaim(a, b store.AccountClaim) bool {
	return a.Name == b.Name && a.ConnectionID == b.ConnectionID && a.State == b.State && a.ReadAt.IsZero() == b.ReadAt.IsZero() && slices.Equal(a.Values, b.Values)
}

// claimCount is what the journal has of a claim: values may name people's groups.
type claimCount struct {
	Name   string           `json:"name"`
	State  store.ClaimState `json:"state,omitempty"`
	Values int              `json:"values"`
}

func countClaims(list []store.AccountClaim) []claimCount {
	out := make([]claimCount, len(list))
	for i, c := range list {
		out[i] = claimCount{c.Name, c.State, len(c.Values)}
	}
	return out
}

// addSignedIn adds the person whose claims changed.
func (l *loader) addSignedIn(ctx context.Context, c *concern, accountID string) error {
	if !hears(l.settings.Authority, store.AuthorityClaims) {
		return nil
	}
	a, err := l.tx.Account(ctx, l.tenantID, accountID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case a.SCIMUserID != "":
		c.addUser(a.SCIMUserID, userConcern{})
	default:
		c.accounts[a.ID] = true
	}
	return nil
}

// claimOf returns what an account's provider said in the claim that counts; nil if it said nothing.
func claimOf(a store.RoleAuthority, rec *store.Account) *store.AccountClaim {
	if rec == nil {
		return nil
	}
	for i, c := range rec.Claims {
		if c.Name == a.Claim && (a.ConnectionID == "" || a.ConnectionID == c.ConnectionID) {
			return &rec.Claims[i]
		}
	}
	return nil
}

// unreadClaim says why a claim did not count at the last sign-in; empty if it did.
func unreadClaim(c *store.AccountClaim) string {
	if c == nil {
		return ""
	}
	var why string
	switch c.State {
	case store.ClaimOverage:
		why = "the provider has more to say than fits into the token; let it send only what is assigned to this application"
	case store.ClaimTruncated:
		why = fmt.Sprintf("it has more than %d values; let the provider send only what is assigned to this application", maxValues)
	case store.ClaimMalformed:
		why = "expected a text or a list of texts"
	default:
		return ""
	}
	return fmt.Sprintf("The claim “%s” could not be read at the last sign-in: %s. What it gave before stays.", label(c.Name), why)
}

// countPeople counts those to whom the rules give something: provisioned users, and who signs in where claims
// decide.
func countPeople(ctx context.Context, tx store.Store, tenantID string, a store.RoleAuthority) (int, error) {
	n, err := countUsers(ctx, tx, tenantID)
	if err != nil || !hears(a, store.AuthorityClaims) {
		return n, err
	}
	for rec, err := range pages(func(after string) (store.Page[store.Account], error) {
		return tx.Accounts(ctx, tenantID, store.Query{After: after})
	}) {
		if err != nil {
			return 0, err
		}
		if rec.Active && rec.SCIMUserID == "" && claimOf(a, &rec) != nil {
			n++
		}
	}
	return n, nil
}
