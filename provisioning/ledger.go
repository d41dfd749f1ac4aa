package provisioning

import (
	"context"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// ledger is what groups gave, in the order of the store, with every name once: a line is
// five numbers, so that those of a large tenant are few bytes each.
type ledger struct {
	names    names
	accounts map[string]stretch
	lines    []ledgerEntry
}

// stretch is where the lines of an account are.
type stretch struct{ from, to int }

type ledgerEntry struct{ kind, resource, group, role, previous int32 }

// names gives each text a number. The zero value is ready for use.
type names struct {
	number map[string]int32
	texts  []string
}

func (n *names) of(text string) int32 {
	i, ok := n.number[text]
	if !ok {
		if n.number == nil {
			n.number = map[string]int32{}
		}
		i = int32(len(n.texts)) //nolint:gosec // a tenant has less than 2^31 groups, teams and roles
		n.number[text] = i
		n.texts = append(n.texts, text)
	}
	return i
}

// add takes the next line of the store's order.
func (b *ledger) add(g store.Grant) {
	at := b.accounts[g.AccountID]
	if at.to == 0 {
		at.from = len(b.lines)
	}
	b.lines = append(b.lines, ledgerEntry{b.names.of(string(g.Kind)), b.names.of(g.ResourceID), b.names.of(g.GroupID), b.names.of(g.Role), b.names.of(g.Previous)})
	at.to = len(b.lines)
	b.accounts[g.AccountID] = at
}

// of returns the lines of an account.
func (b *ledger) of(accountID string) []store.Grant {
	at := b.accounts[accountID]
	if at.to == 0 {
		return nil
	}
	text := b.names.texts
	out := make([]store.Grant, 0, at.to-at.from)
	for _, e := range b.lines[at.from:at.to] {
		out = append(out, store.Grant{
			AccountID: accountID, Kind: store.GrantKind(text[e.kind]), ResourceID: text[e.resource],
			GroupID: text[e.group], Role: text[e.role], Previous: text[e.previous],
		})
	}
	return out
}

// groups are those that gave something to somebody, in order.
func (b *ledger) groups() []string {
	seen := map[int32]bool{}
	var out []string
	for _, e := range b.lines {
		if !seen[e.group] {
			seen[e.group] = true
			out = append(out, b.names.texts[e.group])
		}
	}
	slices.Sort(out)
	return out
}

// readLedger reads the lines of the accounts that are wanted.
func (l *loader) readLedger(ctx context.Context, wanted func(accountID string) bool) (*ledger, error) {
	b := &ledger{accounts: map[string]stretch{}}
	for after := (store.GrantKey{}); ; {
		page, err := l.tx.AllGrants(ctx, l.tenantID, after, store.MaxLimit)
		if err != nil {
			return nil, err
		}
		for _, g := range page {
			if g.AccountID != "" && wanted(g.AccountID) { // the others are of groups' teams
				b.add(g)
			}
		}
		if len(page) < store.MaxLimit {
			return b, nil
		}
		after = page[len(page)-1].Key()
	}
}
