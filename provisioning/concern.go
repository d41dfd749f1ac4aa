package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// The kinds of subjects in the journal that provisioning follows.
const (
	subjectUser    = "scim_user"
	subjectGroup   = "scim_group"
	subjectAccount = "account"
	subjectTeam    = "team"
)

// concern names whom a change may touch: all that a plan has to look at.
type concern struct {
	everybody bool
	// inOneRead reads the ledger's lines of groups at once, however few they are, so that the
	// number of reads does not depend on in how many groups somebody is. Teams by hand are read, too.
	inOneRead bool
	users     map[string]userConcern // by ID of the provisioned user
	accounts  map[string]bool        // accounts that hold something from a group concerned
	groups    map[string]bool        // groups whose own team may change
}

type userConcern struct {
	updated     bool // the directory wrote the user
	sawInactive bool // the user was inactive, or deleted, for a while
}

func newConcern() *concern {
	return &concern{users: map[string]userConcern{}, accounts: map[string]bool{}, groups: map[string]bool{}}
}

func (c *concern) empty() bool {
	return !c.everybody && len(c.users) == 0 && len(c.accounts) == 0 && len(c.groups) == 0
}

func (c *concern) addUser(id string, u userConcern) {
	have := c.users[id]
	c.users[id] = userConcern{updated: have.updated || u.updated, sawInactive: have.sawInactive || u.sawInactive}
}

// addEvent adds whom one event of the journal touches.
func (l *loader) addEvent(ctx context.Context, c *concern, e store.Event) error {
	if endsOverride(e) {
		return l.addOverridden(ctx, c, e)
	}
	if e.Type == EventClaims {
		return l.addSignedIn(ctx, c, e.Subject.ID)
	}
	if strings.HasPrefix(e.Type, eventPrefix) {
		return nil // our own
	}
	switch e.Subject.Kind {
	case subjectUser:
		c.addUser(e.Subject.ID, userConcern{updated: true, sawInactive: tellsInactive(e)})
	case subjectGroup:
		return l.addGroup(ctx, c, e)
	}
	return nil
}

// tellsInactive says whether the user was without access after the event.
func tellsInactive(e store.Event) bool {
	if len(e.After) == 0 {
		return strings.HasSuffix(e.Type, ".deleted")
	}
	var after struct {
		Active *bool `json:"active"`
	}
	return json.Unmarshal(e.After, &after) == nil && after.Active != nil && !*after.Active
}

func (l *loader) addGroup(ctx context.Context, c *concern, e store.Event) error {
	id := e.Subject.ID
	c.groups[id] = true
	if e.Members != nil {
		for _, ids := range [][]string{e.Members.Added, e.Members.Removed} {
			for _, user := range ids {
				c.addUser(user, userConcern{})
			}
		}
		return nil
	}
	g, err := l.tx.SCIMGroup(ctx, l.tenantID, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return l.addHolders(ctx, c, id)
	case err != nil:
		return err
	}
	// Another name concerns the members only if the rules now answer otherwise.
	if _, manual := l.mapper.(*ManualMapper); manual {
		return nil
	}
	held, err := l.tx.GrantsOfGroup(ctx, l.tenantID, id, store.GrantKey{}, 1)
	if err != nil {
		return err
	}
	gives, mapErr := mapGroups(ctx, l.mapper, l.tenantID, []Group{l.group(id, groupState{name: g.DisplayName, externalID: g.ExternalID})})
	gives = ofGroups(l.settings.Authority, gives)
	// The line of a group's own team comes first, since it has no account.
	hasTeam := len(held) == 1 && held[0].Kind == store.GrantTeam
	_, auto := l.mapper.(*AutoMapper)
	if auto && mapErr == nil && (len(gives) > 0 && hasTeam || len(gives) == 0 && len(held) == 0) {
		return nil
	}
	if err := l.addMembers(ctx, c, id); err != nil {
		return err
	}
	return l.addHolders(ctx, c, id)
}

// addMembers adds the group's members.
func (l *loader) addMembers(ctx context.Context, c *concern, groupID string) error {
	for after := ""; ; {
		page, err := l.tx.SCIMMembers(ctx, l.tenantID, groupID, after, store.MaxLimit)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		for _, m := range page {
			if m.Kind != store.MemberGroup {
				c.addUser(m.ID, userConcern{})
			}
		}
		if len(page) < store.MaxLimit {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// addHolders adds the accounts to which the group gave something.
func (l *loader) addHolders(ctx context.Context, c *concern, groupID string) error {
	for after := (store.GrantKey{}); ; {
		page, err := l.tx.GrantsOfGroup(ctx, l.tenantID, groupID, after, store.MaxLimit)
		if err != nil {
			return err
		}
		for _, g := range page {
			if g.AccountID != "" {
				c.accounts[g.AccountID] = true
			}
		}
		if len(page) < store.MaxLimit {
			return nil
		}
		after = page[len(page)-1].Key()
	}
}
