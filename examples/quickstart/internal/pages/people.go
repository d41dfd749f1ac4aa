package pages

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/tenantgate/tenantgate/examples/internal/host"
	"github.com/tenantgate/tenantgate/provisioning"
	"github.com/tenantgate/tenantgate/store"
	"github.com/tenantgate/tenantgate/tenant"
)

// userFields are the fields of a user that the product lets people edit.
var userFields = []string{"name", "email", "phone"}

// personView is a line of the associated users.
type personView struct {
	User      host.User        `json:"-"`
	ID        string           `json:"id"`
	Email     string           `json:"email"`
	Name      string           `json:"name"`
	Source    string           `json:"source"`
	Active    bool             `json:"active"`
	OrgRole   string           `json:"org_role"`
	Root      bool             `json:"root"`
	NameLock  string           `json:"name_lock,omitempty"`
	EmailLock string           `json:"email_lock,omitempty"`
	PhoneLock string           `json:"phone_lock,omitempty"`
	RoleLock  string           `json:"role_lock,omitempty"`
	Teams     []teamMembership `json:"teams"`

	Roles  []string                    `json:"-"`
	Errors map[string][]tenant.Finding `json:"-"`
}

// teamMembership is a team of a person.
type teamMembership struct {
	Team string `json:"team"`
	Role string `json:"role"`
	Lock string `json:"lock,omitempty"`
}

// lockText explains why something can't be changed by hand; empty if it can.
func (s *Server) lockText(ctx context.Context, orgID string, r provisioning.Resource, fieldName string) (string, error) {
	lock, err := s.Locks.Check(ctx, orgID, r, fieldName, provisioning.OpUpdate)
	return lock.Explain(), err
}

// lockedFields names the fields of a user that its directory manages.
func (s *Server) lockedFields(ctx context.Context, u host.User) ([]string, error) {
	var out []string
	for _, name := range userFields {
		text, err := s.lockText(ctx, u.OrgID, provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: u.ID}, name)
		if err != nil {
			return nil, err
		}
		if text != "" {
			out = append(out, name)
		}
	}
	text, err := s.lockText(ctx, u.OrgID, provisioning.Resource{Kind: provisioning.ResourceOrgRole, AccountID: u.ID}, "")
	if text != "" {
		out = append(out, "org_role")
	}
	return out, err
}

func (s *Server) users(w http.ResponseWriter, r *http.Request, v visitor) {
	users, err := s.DB.Users(r.Context(), nil, v.org.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body := struct {
		Users []*personView `json:"users"`
	}{Users: []*personView{}}
	for _, u := range users {
		p, err := s.person(r.Context(), v.org, u)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		body.Users = append(body.Users, p)
	}
	s.render(w, r, http.StatusOK, "users", v, page{Title: "Associated users", Tab: "users", Body: body})
}

// person collects what the pages tell about a user.
func (s *Server) person(ctx context.Context, org host.Org, u host.User) (*personView, error) {
	p := &personView{
		User: u, ID: u.ID, Email: u.Email, Name: u.Name, Source: string(u.Source), Active: u.Active, OrgRole: u.OrgRole,
		Root: u.ID == org.RootUserID, Roles: host.OrgRoles(), Teams: []teamMembership{},
	}
	for field, to := range map[string]*string{"name": &p.NameLock, "email": &p.EmailLock, "phone": &p.PhoneLock} {
		text, err := s.lockText(ctx, org.ID, provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: u.ID}, field)
		if err != nil {
			return nil, err
		}
		*to = text
	}
	var err error
	if p.RoleLock, err = s.lockText(ctx, org.ID, provisioning.Resource{Kind: provisioning.ResourceOrgRole, AccountID: u.ID}, ""); err != nil {
		return nil, err
	}
	teams, err := s.DB.Teams(ctx, nil, org.ID)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, t := range teams {
		names[t.ID] = t.Name
	}
	memberships, err := s.DB.MembershipsOf(ctx, nil, org.ID, u.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range memberships {
		lock, err := s.Locks.Check(ctx, org.ID, provisioning.Resource{Kind: provisioning.ResourceMembership, AccountID: u.ID, TeamID: m.TeamID}, "", provisioning.OpDelete)
		if err != nil {
			return nil, err
		}
		p.Teams = append(p.Teams, teamMembership{Team: names[m.TeamID], Role: m.Role, Lock: lock.Explain()})
	}
	return p, nil
}

// userOf reads the user that the path names.
func (s *Server) userOf(w http.ResponseWriter, r *http.Request, v visitor) (host.User, bool) {
	u, err := s.DB.User(r.Context(), nil, v.org.ID, r.PathValue("user"))
	switch {
	case errors.Is(err, host.ErrNoUser):
		s.notFound(w, r)
	case err != nil:
		s.fail(w, r, err)
	}
	return u, err == nil
}

func (s *Server) user(w http.ResponseWriter, r *http.Request, v visitor) {
	if u, ok := s.userOf(w, r, v); ok {
		s.showUser(w, r, v, http.StatusOK, u, nil)
	}
}

func (s *Server) showUser(w http.ResponseWriter, r *http.Request, v visitor, status int, u host.User, findings []tenant.Finding) {
	p, err := s.person(r.Context(), v.org, u)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p.Errors = byField(findings)
	s.render(w, r, status, "user", v, page{Title: "Edit " + u.Email, Tab: "users", Body: p})
}

// saveUser is the product's own write path: it asks the locks for each field that
// would change, in the transaction that changes it.
func (s *Server) saveUser(w http.ResponseWriter, r *http.Request, v visitor) {
	u, ok := s.userOf(w, r, v)
	if !ok {
		return
	}
	if err := r.ParseForm(); err != nil {
		s.problem(w, r, http.StatusBadRequest, "form_invalid", "The form can't be read.", nil)
		return
	}
	var findings []tenant.Finding
	err := s.Store.InTx(r.Context(), func(tx store.Store) (err error) {
		findings, err = s.editUser(r.Context(), tx, u, r.Form)
		return err
	})
	switch {
	case err != nil:
		s.fail(w, r, err)
	case len(findings) == 0:
		s.done(w, r, "/org/"+v.org.ID+"/users", map[string]any{"saved": u.ID})
	case wantsJSON(r):
		s.problem(w, r, http.StatusConflict, findings[0].Code, findings[0].Message, findings)
	default:
		s.showUser(w, r, v, http.StatusConflict, u, findings)
	}
}

// editUser takes over what the form changes, or says which of it is locked and changes
// nothing.
func (s *Server) editUser(ctx context.Context, tx store.Store, u host.User, form url.Values) ([]tenant.Finding, error) {
	var findings []tenant.Finding
	for name, value := range map[string]*string{"name": &u.Name, "email": &u.Email, "phone": &u.Phone, "org_role": &u.OrgRole} {
		if !form.Has(name) || form.Get(name) == *value {
			continue
		}
		res := provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: u.ID}
		if name == "org_role" {
			res.Kind = provisioning.ResourceOrgRole
		}
		lock, err := s.Locks.CheckTx(ctx, tx, u.OrgID, res, name, provisioning.OpUpdate)
		if err != nil {
			return nil, err
		}
		if lock.Locked {
			findings = append(findings, tenant.Finding{Field: name, Code: lock.Code, Severity: tenant.SeverityError, Message: lock.Explain()})
			continue
		}
		*value = form.Get(name)
	}
	if len(findings) > 0 {
		return findings, nil
	}
	return nil, s.DB.UpdateUser(ctx, tx, u)
}

// newestEvents reads the journal backwards.
func (s *Server) newestEvents(r *http.Request, orgID string) ([]store.Event, error) {
	return s.Store.Events(r.Context(), orgID, store.EventQuery{Newest: true, Limit: 200})
}
