package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/store"
)

// loadLost finds what a host whose data is not in our transaction did for transactions
// that did not commit: it says that we gave something, and neither ledger nor journal know
// of it. What the journal knows and the ledger does not was left to people on purpose.
func (l *loader) loadLost(ctx context.Context, _ *concern) error {
	for i := range l.s.people {
		if err := l.findLost(ctx, &l.s.people[i]); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) findLost(ctx context.Context, p *person) error {
	host := p.host
	if host == nil {
		host = p.match // about to be taken over, or made by such a transaction
	}
	if host == nil {
		return nil
	}
	has := func(kind store.GrantKind, team string) bool {
		return slices.ContainsFunc(p.grants, func(g store.Grant) bool { return g.Kind == kind && g.ResourceID == team })
	}
	if host.OwnOrgRole != "" && host.OwnOrgRole != host.OrgRole && !has(store.GrantOrgRole, "") {
		last, err := l.lastLine(ctx, host.ID, "org_role.", func(Line) bool { return true })
		if err != nil {
			return err
		}
		p.lostRole = last.Kind == "" || last.Kind == OrgRoleSet && last.To != host.OrgRole
	}
	for _, m := range host.Teams {
		if !m.Provisioned || has(store.GrantMembership, m.TeamID) {
			continue
		}
		last, err := l.lastLine(ctx, host.ID, "member.", func(line Line) bool { return line.TeamID == m.TeamID })
		if err != nil {
			return err
		}
		if last.Kind == "" || last.Kind == MemberRemove {
			if p.lostTeams == nil {
				p.lostTeams = map[string]bool{}
			}
			p.lostTeams[m.TeamID] = true
		}
	}
	return nil
}

// loadLostMatch finds the account that was made for somebody who has no access any more.
func (l *loader) loadLostMatch(ctx context.Context, p *person) error {
	if p.profile.Email == "" {
		return nil
	}
	m, err := l.e.target.AccountByEmail(ctx, l.tx, l.tenantID, p.profile.Email)
	var odd *wrongAnswer
	switch {
	case errors.Is(err, store.ErrNotFound) || errors.As(err, &odd):
		return nil
	case err != nil:
		return hostErr("find an account by its address", err)
	case m.CreatedFor == "" || m.CreatedFor != p.scimUserID:
		return nil
	}
	_, err = l.tx.Account(ctx, l.tenantID, m.ID)
	if errors.Is(err, store.ErrNotFound) {
		p.match = &m
		return nil
	}
	return err
}

// lastLine returns the newest line of these kinds that was done for an account; an empty
// one if there is none.
func (l *loader) lastLine(ctx context.Context, accountID string, kinds LineKind, about func(Line) bool) (Line, error) {
	q := store.EventQuery{SubjectKind: subjectAccount, SubjectID: accountID, TypePrefix: eventPrefix + string(kinds), Newest: true}
	for {
		page, err := l.tx.Events(ctx, l.tenantID, q)
		if err != nil {
			return Line{}, err
		}
		for _, ev := range page {
			var line Line
			if json.Unmarshal(ev.After, &line) == nil && about(line) {
				return line, nil
			}
		}
		if len(page) < store.MaxLimit {
			return Line{}, nil
		}
		q.Before = page[len(page)-1].Seq
	}
}

// loadLostTeams finds the teams that were made for groups which the ledger knows none of.
func (l *loader) loadLostTeams(ctx context.Context, _ *concern) error {
	for _, t := range l.s.teams {
		g, known := l.s.groups[t.CreatedFor]
		if t.CreatedFor == "" || !known || g.team != nil {
			continue
		}
		done, err := l.tx.Events(ctx, l.tenantID, store.EventQuery{SubjectKind: subjectTeam, SubjectID: t.ID, TypePrefix: eventPrefix + "team.", Limit: 1})
		if err != nil {
			return err
		}
		if len(done) == 0 && (g.lostTeam.ID == "" || t.ID < g.lostTeam.ID) {
			g.lostTeam = t
			l.s.groups[t.CreatedFor] = g
		}
	}
	return nil
}
