package provisioningtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
)

// reporter is what checks use of *testing.T. It is an interface so that the suite can be
// tested on broken hosts without failing itself.
type reporter interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	FailNow()
}

// probe is one run of a check.
type probe struct {
	reporter
	Host
	ctx  context.Context //nolint:containedctx // the check's time limit
	rule string
}

func newProbe(ctx context.Context, r reporter, h Host, rule string) *probe {
	return &probe{reporter: r, Host: h, ctx: ctx, rule: rule}
}

// random returns a string that nobody else has, in lower case.
func random() string { return strings.ToLower(rand.Text()) }

// fail ends the check.
func (p *probe) fail(want, got, did string, args ...any) {
	p.Helper()
	p.Errorf("rule:     %s\ndid:      %s\nexpected: %s\ngot:      %s", p.rule, fmt.Sprintf(did, args...), want, got)
	p.FailNow()
}

// ok wants no error.
func (p *probe) ok(err error, did string, args ...any) {
	p.Helper()
	if err != nil {
		p.fail("no error", "the error "+err.Error(), did, args...)
	}
}

// that wants a condition to hold.
func (p *probe) that(holds bool, want string, got any, did string, args ...any) {
	p.Helper()
	if !holds {
		p.fail(want, fmt.Sprintf("%+v", got), did, args...)
	}
}

// do runs fn in a transaction that is committed.
func (p *probe) do(did string, fn func(tx store.Store) error) {
	p.Helper()
	p.ok(p.Store.InTx(p.ctx, fn), "%s", did)
}

var errUndo = errors.New("undo")

// undo runs fn in a transaction that is undone. fn says itself what it finds wrong.
func (p *probe) undo(did string, fn func(tx store.Store) error) {
	p.Helper()
	err := p.Store.InTx(p.ctx, func(tx store.Store) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		p.ok(err, "%s", did)
	}
}

// profile is that of somebody new.
func profile() provisioning.Profile {
	name := random()
	return provisioning.Profile{
		SCIMUserID: "scim-" + name, ExternalID: "ext-" + name, UserName: name + "@example.com", Email: name + "@example.com",
		DisplayName: "Ada " + name, GivenName: "Ada", FamilyName: name, Phone: "+49 30 1",
	}
}

// account makes an account.
func (p *probe) account(tenantID string) (id string, who provisioning.Profile) {
	p.Helper()
	who = profile()
	p.do("create an account", func(tx store.Store) (err error) {
		id, err = p.Target.CreateAccount(p.ctx, tx, tenantID, who)
		return err
	})
	p.that(id != "", "the ID of the new account", "none", "create an account")
	return id, who
}

// team makes a team.
func (p *probe) team(tenantID string) (id, name string) {
	p.Helper()
	name = "Team " + random()
	p.do("create a team", func(tx store.Store) (err error) {
		id, err = p.Target.CreateTeam(p.ctx, tx, tenantID, name)
		return err
	})
	p.that(id != "", "the ID of the new team", "none", "create a team")
	return id, name
}

// find reads an account.
func (p *probe) find(tenantID, id string) (a provisioning.AccountState, found bool) {
	p.Helper()
	var list []provisioning.AccountState
	p.do("read an account", func(tx store.Store) (err error) {
		list, err = p.Target.Accounts(p.ctx, tx, tenantID, []string{id})
		return err
	})
	p.that(len(list) <= 1, "at most the one account asked for", list, "Accounts of one ID")
	if len(list) == 0 {
		return a, false
	}
	p.that(list[0].ID == id, "the account "+id, list[0].ID, "Accounts of one ID")
	return list[0], true
}

// state reads an account that is there.
func (p *probe) state(tenantID, id string) provisioning.AccountState {
	p.Helper()
	a, found := p.find(tenantID, id)
	p.that(found, "the account "+id, "none", "Accounts of an account that exists")
	return a
}

// byEmail reads an account by its address.
func (p *probe) byEmail(tenantID, email string) (a provisioning.AccountState, found bool) {
	p.Helper()
	p.do("AccountByEmail", func(tx store.Store) (err error) {
		a, err = p.Target.AccountByEmail(p.ctx, tx, tenantID, email)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		found = err == nil
		return err
	})
	return a, found
}

// teams reads teams; nil for all.
func (p *probe) teams(tenantID string, ids []string) map[string]string {
	p.Helper()
	out := map[string]string{}
	p.do("Teams", func(tx store.Store) error {
		clear(out)
		list, err := p.Target.Teams(p.ctx, tx, tenantID, ids)
		for _, t := range list {
			if _, twice := out[t.ID]; twice {
				return fmt.Errorf("the team %s is listed twice", t.ID)
			}
			out[t.ID] = t.Name
		}
		return err
	})
	return out
}

// role is an account's role in a team; empty if it is no member.
func (p *probe) role(tenantID, teamID, accountID string) string {
	p.Helper()
	role, n := "", 0
	for _, m := range p.state(tenantID, accountID).Teams {
		if m.TeamID == teamID {
			role = m.Role
			n++
		}
	}
	p.that(n <= 1, "one membership in the team", n, "Accounts of a member")
	return role
}

func (p *probe) owners(tenantID string) (ids []string) {
	p.Helper()
	p.do("Owners", func(tx store.Store) (err error) {
		ids, err = p.Target.Owners(p.ctx, tx, tenantID)
		return err
	})
	return ids
}

func (p *probe) isOwner(tenantID, id string) bool {
	p.Helper()
	return slices.Contains(p.owners(tenantID), id)
}

func (p *probe) setMember(tenantID, teamID, accountID, role string) {
	p.Helper()
	p.do("SetMember", func(tx store.Store) error { return p.Target.SetMember(p.ctx, tx, tenantID, teamID, accountID, role) })
}

func (p *probe) removeMember(tenantID, teamID, accountID string) {
	p.Helper()
	p.do("RemoveMember", func(tx store.Store) error { return p.Target.RemoveMember(p.ctx, tx, tenantID, teamID, accountID) })
}

func (p *probe) setActive(tenantID, id string, active bool) {
	p.Helper()
	p.do(fmt.Sprintf("SetActive %v", active), func(tx store.Store) error { return p.Target.SetActive(p.ctx, tx, tenantID, id, active) })
}

func (p *probe) setOrgRole(tenantID, id, role string) {
	p.Helper()
	p.do("SetOrgRole "+role, func(tx store.Store) error { return p.Target.SetOrgRole(p.ctx, tx, tenantID, id, role) })
}

func (p *probe) topRole() string     { return p.OrgRoles[len(p.OrgRoles)-1] }
func (p *probe) topTeamRole() string { return p.TeamRoles[len(p.TeamRoles)-1] }

// atOnce runs fn in n goroutines that start together.
func (p *probe) atOnce(n int, did string, fn func(i int, tx store.Store) error) {
	p.Helper()
	var wg sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = p.Store.InTx(p.ctx, func(tx store.Store) error { return fn(i, tx) })
		})
	}
	close(start)
	wg.Wait()
	p.ok(errors.Join(errs...), "%s", did)
}

// world is all that the suite can read of an account and a team, to compare.
func (p *probe) world(tenantID, accountID, teamID string) string {
	p.Helper()
	a, found := p.find(tenantID, accountID)
	slices.SortFunc(a.Teams, func(x, y provisioning.Membership) int { return strings.Compare(x.TeamID, y.TeamID) })
	return fmt.Sprintf("account %+v (%v), owner %v, team %q", a, found, p.isOwner(tenantID, accountID), p.teams(tenantID, []string{teamID})[teamID])
}
