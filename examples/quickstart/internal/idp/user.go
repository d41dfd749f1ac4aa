package idp

import (
	"crypto/rand"
	"fmt"
	"net/mail"
	"slices"
	"strings"
)

// User is somebody in a directory.
type User struct {
	// ID never changes: it is the subject of ID tokens and the externalId in SCIM. Empty means a new one.
	ID string
	// Email is also the user name. Required, and unique in the directory without regard to case.
	Email string
	// Password is compared as it is and shown on the login page. Required.
	Password              string
	GivenName, FamilyName string
	// Phone is a mobile number such as +49 30 901820. Empty means none.
	Phone string
	// Inactive people can't sign in and are pushed as active false.
	Inactive bool
}

// DisplayName is the whole name, or the e-mail address of somebody without one.
func (u User) DisplayName() string {
	if name := strings.TrimSpace(u.GivenName + " " + u.FamilyName); name != "" {
		return name
	}
	return u.Email
}

func (u *User) check() error {
	u.Email = strings.TrimSpace(u.Email)
	if a, err := mail.ParseAddress(u.Email); err != nil || a.Address != u.Email {
		return fmt.Errorf("%w: %q is no e-mail address", ErrInvalid, u.Email)
	}
	if u.Password == "" {
		return fmt.Errorf("%w: %s needs a password", ErrInvalid, u.Email)
	}
	return nil
}

// Users returns the users in the order in which they were added.
func (d *Directory) Users() []User {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.users)
}

// User returns the user with this e-mail address, or an error matching [ErrNotFound].
func (d *Directory) User(email string) (User, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.find(email)
	if err != nil {
		return User{}, err
	}
	return d.users[i], nil
}

// AddUser adds a user. The error matches [ErrConflict] if the e-mail address or the ID is taken, [ErrInvalid] if there is
// no e-mail address or no password.
func (d *Directory) AddUser(u User) error {
	if err := u.check(); err != nil {
		return err
	}
	if u.ID == "" {
		u.ID = newID()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.ContainsFunc(d.users, func(o User) bool { return o.ID == u.ID || strings.EqualFold(o.Email, u.Email) }) {
		return fmt.Errorf("%w: %s", ErrConflict, u.Email)
	}
	d.users = append(d.users, u)
	d.publishUsers()
	return nil
}

// UpdateUser changes a user by a function, which must not call the directory; the ID stays what it is. Errors are those
// of AddUser, and one matching [ErrNotFound].
func (d *Directory) UpdateUser(email string, change func(*User)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.find(email)
	if err != nil {
		return err
	}
	u := d.users[i]
	change(&u)
	u.ID = d.users[i].ID
	if err := u.check(); err != nil {
		return err
	}
	for k, o := range d.users {
		if k != i && strings.EqualFold(o.Email, u.Email) {
			return fmt.Errorf("%w: %s", ErrConflict, u.Email)
		}
	}
	d.users[i] = u
	d.publishUsers()
	return nil
}

// SetActive switches a user on or off: somebody who is off can't sign in, and the next push says so.
func (d *Directory) SetActive(email string, active bool) error {
	return d.UpdateUser(email, func(u *User) { u.Inactive = !active })
}

// RemoveUser deletes a user, who leaves all groups. The next push deactivates what was made of it before, since
// providers deactivate rather than delete.
func (d *Directory) RemoveUser(email string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	i, err := d.find(email)
	if err != nil {
		return err
	}
	id := d.users[i].ID
	d.users = slices.Delete(d.users, i, i+1)
	for k := range d.groups {
		d.groups[k].members = without(d.groups[k].members, id)
	}
	d.publishUsers()
	return nil
}

// find returns a user's index. The caller holds d.mu.
func (d *Directory) find(email string) (int, error) {
	email = strings.TrimSpace(email)
	i := slices.IndexFunc(d.users, func(u User) bool { return strings.EqualFold(u.Email, email) })
	if i < 0 {
		return 0, fmt.Errorf("%w: user %q in directory %s", ErrNotFound, email, d.slug)
	}
	return i, nil
}

func newID() string { return "00u" + strings.ToLower(rand.Text()) }
