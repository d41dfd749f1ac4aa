package pages

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	// Line is what tenantgate knows of the person; Sources and State are of it.
	Line    *tenant.AssociatedUser `json:"-"`
	Sources string                 `json:"sources"`
	State   tenant.UserState       `json:"state"`

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
	return lockedText(lock), err
}

// lockedText is the explanation of a lock; empty if nothing is locked.
func lockedText(lock provisioning.Lock) string {
	if !lock.Locked {
		return ""
	}
	return lock.Explain("en")
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

// usersPage is the page's body.
type usersPage struct {
	Users  []*personView         `json:"users"`
	Next   string                `json:"next,omitempty"`
	Query  tenant.UserQuery      `json:"-"`
	All    []store.AccountSource `json:"-"`
	States []tenant.UserState    `json:"-"`
}

// users lists everybody whom the product, a directory or a sign-in brought.
func (s *Server) users(w http.ResponseWriter, r *http.Request, v visitor) {
	form := r.URL.Query()
	q := tenant.UserQuery{Source: store.AccountSource(form.Get("source")), State: tenant.UserState(form.Get("state")), Search: form.Get("search"), After: form.Get("after")}
	list, err := s.Tenants.AssociatedUsers(r.Context(), v.actor, v.org.ID, q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body := usersPage{
		Users: []*personView{}, Query: q,
		All:    []store.AccountSource{store.SourceManual, store.SourceInvitation, store.SourceOIDC, store.SourceSCIM, store.SourceConverted},
		States: []tenant.UserState{tenant.UserActive, tenant.UserSuspended, tenant.UserInvited, tenant.UserPending},
	}
	if list.Next != "" {
		form.Set("after", list.Next)
		body.Next = form.Encode()
	}
	for i := range list.Users {
		p, err := s.lineOf(r.Context(), v.org, &list.Users[i])
		if err != nil {
			s.fail(w, r, err)
			return
		}
		body.Users = append(body.Users, p)
	}
	s.render(w, r, http.StatusOK, "users", v, page{Title: "People", Tab: "users", Body: body})
}

// lineOf adds what the product knows of its own user, if there is one.
func (s *Server) lineOf(ctx context.Context, org host.Org, line *tenant.AssociatedUser) (*personView, error) {
	p := &personView{User: host.User{Email: line.Email, Name: line.Name}, Email: line.Email, Name: line.Name, Source: string(line.Sources[0]), Teams: []teamMembership{}}
	if line.AccountID != "" {
		u, err := s.DB.User(ctx, nil, org.ID, line.AccountID)
		if err == nil {
			p, err = s.person(ctx, org, u)
		}
		if err != nil && !errors.Is(err, host.ErrNoUser) {
			return nil, err
		}
	}
	p.Line, p.Sources, p.State = line, sourceNames(line), line.State
	return p, nil
}

// sourceNames joins how somebody came.
func sourceNames(u *tenant.AssociatedUser) string {
	var names []string
	for _, source := range u.Sources {
		names = append(names, string(source))
	}
	return strings.Join(names, ", ")
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
		p.Teams = append(p.Teams, teamMembership{Team: names[m.TeamID], Role: m.Role, Lock: lockedText(lock)})
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
		s.showUser(w, r, v, http.StatusOK, u, u, nil)
	}
}

// showUser shows the form with what was typed, which may differ from the stored user.
func (s *Server) showUser(w http.ResponseWriter, r *http.Request, v visitor, status int, u, typed host.User, findings []tenant.Finding) {
	p, err := s.person(r.Context(), v.org, u)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p.User, p.Errors = typed, byField(findings)
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
		now, err := s.DB.User(r.Context(), tx, v.org.ID, u.ID)
		if err != nil {
			return err
		}
		findings, err = s.editUser(r.Context(), tx, now, r.Form)
		return err
	})
	status := http.StatusConflict
	if len(findings) > 0 && findings[0].Code != lockedCode {
		status = http.StatusUnprocessableEntity
	}
	switch {
	case err != nil:
		s.fail(w, r, err)
	case len(findings) == 0:
		s.done(w, r, "/org/"+v.org.ID+"/users", map[string]any{"saved": u.ID})
	case wantsJSON(r):
		s.problem(w, r, status, findings[0].Code, findings[0].Message, findings)
	default:
		s.showUser(w, r, v, status, u, typedUser(u, r.Form, findings), findings)
	}
}

// typedUser is the user as the form has it, to show the form again. What is locked keeps
// its value, so that the next attempt can succeed.
func typedUser(u host.User, form url.Values, findings []tenant.Finding) host.User {
	for name, value := range userValues(&u) {
		locked := slices.ContainsFunc(findings, func(f tenant.Finding) bool { return f.Field == name && f.Code == lockedCode })
		if form.Has(name) && !locked {
			*value = form.Get(name)
		}
	}
	return u
}

// userValues are the fields of the form.
func userValues(u *host.User) map[string]*string {
	return map[string]*string{"name": &u.Name, "email": &u.Email, "phone": &u.Phone, "org_role": &u.OrgRole}
}

// lockedCode is the code of findings about locked fields.
const lockedCode = "resource_locked"

// editUser takes over what the form changes, or says what of it is locked, or can't be,
// and changes nothing.
func (s *Server) editUser(ctx context.Context, tx store.Store, u host.User, form url.Values) ([]tenant.Finding, error) {
	changed := u
	var locked, wrong []tenant.Finding
	for name, value := range userValues(&changed) {
		if !form.Has(name) || form.Get(name) == *value {
			continue
		}
		*value = form.Get(name)
		res := provisioning.Resource{Kind: provisioning.ResourceUser, AccountID: u.ID}
		if name == "org_role" {
			res.Kind = provisioning.ResourceOrgRole
		}
		lock, err := s.Locks.CheckTx(ctx, tx, u.OrgID, res, name, provisioning.OpUpdate)
		if err != nil {
			return nil, err
		}
		if lock.Locked {
			locked = append(locked, tenant.Finding{Field: name, Code: lock.Code, Severity: tenant.SeverityError, Message: lockedText(lock)})
			continue
		}
		code, message, err := s.wrongValue(ctx, tx, u, name, *value)
		if err != nil {
			return nil, err
		}
		if code != "" {
			wrong = append(wrong, tenant.Finding{Field: name, Code: code, Severity: tenant.SeverityError, Message: message})
		}
	}
	if findings := slices.Concat(locked, wrong); len(findings) > 0 {
		return findings, nil
	}
	if changed.OrgRole != u.OrgRole {
		if err := s.DB.SetOrgRole(ctx, tx, u.OrgID, u.ID, changed.OrgRole); err != nil {
			return nil, err
		}
	}
	return nil, s.DB.UpdateUser(ctx, tx, changed)
}

// wrongValue says why a field can't have a value; the code is empty if it can.
func (s *Server) wrongValue(ctx context.Context, tx store.Store, u host.User, field, value string) (code, message string, err error) {
	switch field {
	case "email":
		return s.wrongEmail(ctx, tx, u, value)
	case "org_role":
		return s.wrongRole(ctx, tx, u, value)
	}
	return "", "", nil
}

func (s *Server) wrongEmail(ctx context.Context, tx store.Store, u host.User, value string) (code, message string, err error) {
	email, err := tenant.NormalizeEmail(value)
	if err != nil {
		return "email_invalid", "Give an e-mail address such as ada@example.com.", nil //nolint:nilerr // the finding says it
	}
	other, err := s.DB.UserByEmail(ctx, tx, u.OrgID, email)
	switch {
	case errors.Is(err, host.ErrNoUser) || err == nil && other.ID == u.ID:
		return "", "", nil
	case err != nil:
		return "", "", err
	}
	return "email_in_use", "Somebody else in the organisation has this address.", nil
}

func (s *Server) wrongRole(ctx context.Context, tx store.Store, u host.User, value string) (code, message string, err error) {
	if !slices.Contains(host.OrgRoles(), value) {
		return "role_unknown", "Choose one of the roles.", nil
	}
	owners, err := s.DB.Owners(ctx, tx, u.OrgID)
	if err == nil && len(owners) == 1 && owners[0] == u.ID {
		return "last_owner", "This is the last owner. Make somebody else an owner first.", nil
	}
	return "", "", err
}
