package tenant

import (
	"encoding/json"
	"strings"

	"github.com/tenantgate/tenantgate/store"
)

// userBody is what of a provisioned user (RFC 7643 section 4.1) a list shows.
type userBody struct {
	DisplayName string `json:"displayName"`
	Name        struct {
		Formatted  string `json:"formatted"`
		GivenName  string `json:"givenName"`
		FamilyName string `json:"familyName"`
	} `json:"name"`
	Emails []struct {
		Value   string `json:"value"`
		Primary bool   `json:"primary"`
	} `json:"emails"`
}

// namesOf reads name and address of a provisioned user. What the body does not say, or says in another form, is empty: an odd
// body hides nobody.
func namesOf(u *store.SCIMUser) (name, email string) {
	var body userBody
	_ = json.Unmarshal(u.Body, &body)
	name = first(body.DisplayName, body.Name.Formatted, strings.TrimSpace(body.Name.GivenName+" "+body.Name.FamilyName))
	for _, e := range body.Emails {
		if email == "" || e.Primary {
			email = first(e.Value, email)
		}
	}
	if email == "" && strings.Contains(u.UserName, "@") {
		email = u.UserName
	}
	return name, email
}
