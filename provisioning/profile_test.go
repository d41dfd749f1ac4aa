package provisioning

import (
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/tenantgate/tenantgate/store"
)

// FuzzProfileOf reads whatever a directory may have stored: it never fails, and an
// address is one that stands in the body or is the user name.
func FuzzProfileOf(f *testing.F) {
	f.Add("ada@acme.example", []byte(`{"emails":[{"value":"a@b","primary":true},{"value":"c"}],"name":{"formatted":"A"}}`))
	f.Add("ada", []byte(`{"emails":{"value":1},"phoneNumbers":[null]}`))
	f.Add("", []byte(`[`))
	f.Fuzz(func(t *testing.T, userName string, body []byte) {
		p := ProfileOf(store.SCIMUser{UserName: userName, Body: body})
		if p.UserName != userName {
			t.Errorf("UserName = %q, want %q", p.UserName, userName)
		}
		if utf8.ValidString(userName) && p.Email != "" && foldEmail(p.Email) != foldEmail(foldEmail(p.Email)) {
			t.Errorf("folding %q twice gives another address", p.Email)
		}
	})
}

func TestProfileOf(t *testing.T) {
	tests := []struct {
		userName, body string
		want           Profile
	}{
		{"ada", `{}`, Profile{UserName: "ada"}},
		{"ada@x.example", `{}`, Profile{UserName: "ada@x.example", Email: "ada@x.example"}},
		{"a", `{"emails":[{"value":"h@x","type":"home"},{"value":"w@x","type":"Work"}]}`, Profile{UserName: "a", Email: "w@x"}},
		{"a", `{"emails":[{"value":"w@x","type":"work"},{"value":"p@x","primary":true}]}`, Profile{UserName: "a", Email: "p@x"}},
		{"a@u", `{"emails":[{"value":"","primary":true}]}`, Profile{UserName: "a@u", Email: "a@u"}},
		{"a", `{"name":{"givenName":"Ada","familyName":"Byron"},"phoneNumbers":[{"value":"1"},{"value":"2","type":"mobile"}]}`, Profile{UserName: "a", DisplayName: "Ada Byron", GivenName: "Ada", FamilyName: "Byron", Phone: "2"}},
		{"a", `{"displayName":"D","name":{"formatted":"F"}}`, Profile{UserName: "a", DisplayName: "D"}},
		{"a", `{"DISPLAYNAME":"D","Emails":[{"VALUE":"w@x","Type":"work"}],"x":{"emails":[{"value":"z"}]}}`, Profile{UserName: "a", DisplayName: "D", Email: "w@x"}},
		{"a", `{"displayName":"D\u00e9","emails":[7,null,{"value":{}},{"value":"p@x","primary":"true"},{"value":"q@x","primary":true}]}`, Profile{UserName: "a", DisplayName: "Dé", Email: "q@x"}},
		{"a", `{"displayName":"D","emails":[{"value":"w@x"}`, Profile{UserName: "a", DisplayName: "D", Email: "w@x"}},
		{"a", `{"displayName":7,"name":{"formatted":"F"}}`, Profile{UserName: "a", DisplayName: "F"}},
	}
	for _, tt := range tests {
		if got := ProfileOf(store.SCIMUser{UserName: tt.userName, Body: []byte(tt.body)}); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ProfileOf(%q, %s) = %+v, want %+v", tt.userName, tt.body, got, tt.want)
		}
	}
}
