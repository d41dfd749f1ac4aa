package host

import (
	"context"
	"sort"
)

// State is what the product has, for scripts that want to see what provisioning did.
type State struct {
	Organisations []OrgState `json:"organisations"`
}

// OrgState is one organisation.
type OrgState struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Users       []UserState       `json:"users"`
	Teams       []TeamState       `json:"teams"`
	Memberships []MembershipState `json:"memberships"`
}

// UserState is one user.
type UserState struct {
	ID           string   `json:"id"`
	Email        string   `json:"email"`
	Name         string   `json:"name"`
	Phone        string   `json:"phone"`
	Source       string   `json:"source"`
	Active       bool     `json:"active"`
	OrgRole      string   `json:"org_role"`
	LockedFields []string `json:"locked_fields"`
}

// TeamState is one team.
type TeamState struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Source string `json:"source"`
}

// MembershipState is one person's place in a team, by names as well as by IDs.
type MembershipState struct {
	TeamID string `json:"team_id"`
	Team   string `json:"team"`
	UserID string `json:"user_id"`
	User   string `json:"user"`
	Role   string `json:"role"`
	Source string `json:"source"`
}

// State collects everything. locked tells the fields of a user that its directory
// manages.
func (d *DB) State(ctx context.Context, locked func(context.Context, User) ([]string, error)) (State, error) {
	out := State{Organisations: []OrgState{}}
	orgs, err := d.Orgs(ctx)
	if err != nil {
		return out, err
	}
	for _, o := range orgs {
		s, err := d.orgState(ctx, o, locked)
		if err != nil {
			return out, err
		}
		out.Organisations = append(out.Organisations, s)
	}
	return out, nil
}

func (d *DB) orgState(ctx context.Context, o Org, locked func(context.Context, User) ([]string, error)) (OrgState, error) {
	s := OrgState{ID: o.ID, Name: o.Name, Users: []UserState{}, Teams: []TeamState{}, Memberships: []MembershipState{}}
	users, err := d.Users(ctx, nil, o.ID)
	if err != nil {
		return s, err
	}
	emails := map[string]string{}
	for _, u := range users {
		emails[u.ID] = u.Email
		fields, err := locked(ctx, u)
		if err != nil {
			return s, err
		}
		if fields == nil {
			fields = []string{}
		}
		s.Users = append(s.Users, UserState{
			ID: u.ID, Email: u.Email, Name: u.Name, Phone: u.Phone, Source: string(u.Source),
			Active: u.Active, OrgRole: u.OrgRole, LockedFields: fields,
		})
	}
	teams, err := d.Teams(ctx, nil, o.ID)
	if err != nil {
		return s, err
	}
	names := map[string]string{}
	for _, t := range teams {
		names[t.ID] = t.Name
		s.Teams = append(s.Teams, TeamState{ID: t.ID, Name: t.Name, Source: t.Source})
	}
	memberships, err := d.Memberships(ctx, nil, o.ID)
	if err != nil {
		return s, err
	}
	for _, m := range memberships {
		s.Memberships = append(s.Memberships, MembershipState{
			TeamID: m.TeamID, Team: names[m.TeamID], UserID: m.UserID, User: emails[m.UserID], Role: m.Role, Source: m.Source,
		})
	}
	sort.Slice(s.Memberships, func(i, j int) bool {
		a, b := s.Memberships[i], s.Memberships[j]
		return a.Team < b.Team || a.Team == b.Team && a.User < b.User
	})
	return s, nil
}
