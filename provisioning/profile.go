package provisioning

import (
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// Profile is what a directory says about a person, in the form that hosts need.
type Profile struct {
	// SCIMUserID is our ID of the provisioned user.
	SCIMUserID string `json:"scimUserId"`
	// ExternalID is the directory's own.
	ExternalID string `json:"externalId,omitempty"`
	UserName   string `json:"userName"`
	// Email is the address by which the person is known: the primary one, or else the
	// one of type "work", or else the first, or else the user name if it is an address. Its
	// domain is in lower case, as A-labels.
	Email       string `json:"email,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	GivenName   string `json:"givenName,omitempty"`
	FamilyName  string `json:"familyName,omitempty"`
	// Phone is as the directory wrote it, chosen like Email with "mobile" first. With
	// [Config].Fields it is the number in force, the directory's or the person's own, as
	// [ParsePhone] reads it.
	Phone string `json:"phone,omitempty"`
	// PhoneConfirmed says that the person confirmed Phone, PhoneMustConfirm that the tenant
	// wants it: a host relies on the number if the one is set or the other is not. Both are
	// for hosts with [Config].Fields alone.
	PhoneConfirmed   bool `json:"phoneConfirmed,omitempty"`
	PhoneMustConfirm bool `json:"phoneMustConfirm,omitempty"`
	// KeepPhone says that the tenant lets people change their own number: an update
	// leaves a number that the host has.
	KeepPhone bool `json:"keepPhone,omitempty"`
	// Keep are the fields of which somebody lifted the lock ([Locks.Override]), as the override
	// names them and as [LocksConfig].UserFields does by default: an update leaves what the host has. Email
	// is then the host's own already.
	Keep []string `json:"keep,omitempty"`
}

// Keeps says whether an update leaves a field, or one of its parts, as the host has it. Case does
// not matter.
func (p Profile) Keeps(field string) bool {
	return slices.ContainsFunc(p.Keep, func(f string) bool { return sameField(f, field) })
}

// profileBody is what of a user's resource makes a profile.
type profileBody struct {
	userName, externalID, displayName string
	formatted, givenName, familyName  string // parts of the name
	emails, phoneNumbers              []plural
}

// ProfileOf reads the profile out of a provisioned user. What the body does not say,
// or says in another form than RFC 7643, is left empty.
func ProfileOf(u store.SCIMUser) Profile {
	var body profileBody
	// An error leaves what was read so far: a user is never refused for an odd body.
	_ = body.read(u.Body)
	return body.profile(u.ID, u.UserName, u.ExternalID)
}

func (body *profileBody) profile(id, userName, externalID string) Profile {
	p := Profile{
		SCIMUserID: id, ExternalID: externalID, UserName: userName,
		Email:       choose(body.emails, "work"),
		DisplayName: body.displayName,
		GivenName:   body.givenName,
		FamilyName:  body.familyName,
		Phone:       choose(body.phoneNumbers, "mobile"),
	}
	if p.Email == "" && strings.Contains(userName, "@") {
		p.Email = userName
	}
	p.Email = plainEmail(p.Email)
	if p.DisplayName == "" {
		p.DisplayName = body.formatted
	}
	if p.DisplayName == "" {
		p.DisplayName = strings.TrimSpace(p.GivenName + " " + p.FamilyName)
	}
	return p
}

// label is how lines and findings call the person.
func (p Profile) label() string {
	for _, s := range []string{p.DisplayName, p.Email, p.UserName} {
		if s != "" {
			return s
		}
	}
	return p.SCIMUserID
}

// plural is a value of a multi-valued attribute (RFC 7643 section 2.4).
type plural struct {
	value, kind string
	primary     bool
}

func choose(values []plural, kind string) string {
	best, rank := "", 0
	for _, v := range values {
		n := 1
		switch {
		case v.value == "":
			n = 0
		case v.primary:
			n = 3
		case strings.EqualFold(v.kind, kind):
			n = 2
		}
		if n > rank {
			best, rank = strings.TrimSpace(v.value), n
		}
	}
	return best
}
