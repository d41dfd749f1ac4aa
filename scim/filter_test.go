package scim

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// directory fills a server with three users, A, B and C by nickName.
func directory(t *testing.T, change ...func(*Config)) (s *server, a, b, c string) {
	s = newServer(t, change...)
	a = s.user("alice@example.com", `"externalId":"ExtA","nickName":"A","displayName":"Q\"uo\\te é","title":"Engineer","active":true,
		"name":{"givenName":"Alice","familyName":"Able"},
		"emails":[{"value":"alice.work@example.com","type":"work","primary":true},{"value":"alice.home@example.org","type":"home"}],
		"`+URNEnterpriseUser+`":{"department":"Sales","employeeNumber":"100","manager":{"value":"M1"}}`)
	b = s.user("bob@example.com", `"externalId":"ExtB","nickName":"B","displayName":"a) or (b] and [c: x","active":false,
		"name":{"givenName":"Bob","familyName":"Baker"},"emails":[{"value":"bob.work@example.org","type":"work"}],
		"`+URNEnterpriseUser+`":{"department":"Eng"}`)
	c = s.user("carol+tag@example.com", `"externalId":"ExtC","nickName":"C","title":"engineer","name":{"familyName":"Clark"},
		"emails":[{"value":"carol.home@example.com","type":"home"}]`)
	return s, a, b, c
}

func TestFilters(t *testing.T) { onStores(t, testFilters) }

func testFilters(t *testing.T, pick func(*Config)) {
	s, a, b, _ := directory(t, pick)
	g := s.group("Team", a, b)
	for filter, want := range map[string]string{
		`userName eq "ALICE@example.com"`:                             "A",
		`USERNAME Eq "alice@example.com"`:                             "A",
		`  userName   eq  "alice@example.com" `:                       "A",
		`userName ne "alice@example.com"`:                             "BC",
		`title ne "Engineer"`:                                         "B",
		`userName co "EXAMPLE"`:                                       "ABC",
		`userName sw "bob" or userName ew "carol@x"`:                  "B",
		`userName eq "x' or 1=1 --"`:                                  "",
		`userName co "%"`:                                             "",
		`userName co "_"`:                                             "",
		`userName eq "carol+tag@example.com"`:                         "C",
		`externalId eq "ExtA"`:                                        "A",
		`externalId eq "exta"`:                                        "",
		`id eq "` + a + `"`:                                           "A",
		`displayName eq "Q\"uo\\te \u00e9"`:                           "A",
		`displayName eq "Q\"uo\\te \u00E9"`:                           "A",
		`displayName eq "a) or (b] and [c: x"`:                        "B",
		`title pr`:                                                    "AC",
		`not (title pr)`:                                              "B",
		`not(not(title pr))`:                                          "AC",
		`title eq null`:                                               "B",
		`title ne null`:                                               "AC",
		`active eq true`:                                              "AC",
		`active eq "False"`:                                           "B",
		`active ne true`:                                              "B",
		`name.familyName lt "Baker"`:                                  "A",
		`name.familyName le "baker"`:                                  "AB",
		`name.familyName gt "Baker"`:                                  "C",
		`name.familyName ge "Baker"`:                                  "BC",
		`name pr`:                                                     "ABC",
		`meta.created gt "2015-01-01T00:00:00Z"`:                      "ABC",
		`meta.lastModified lt "2015-01-01T00:00:00+02:00"`:            "",
		`meta.resourceType eq "User"`:                                 "ABC",
		`emails eq "alice.work@example.com"`:                          "A",
		`emails.value eq "ALICE.home@example.org"`:                    "A",
		`emails co "example.com" or emails.value co "example.org"`:    "ABC",
		`emails[type eq "work"]`:                                      "AB",
		`emails[type eq "work"].value eq "alice.work@example.com"`:    "A",
		`emails[type eq "work"].value eq "alice.home@example.org"`:    "",
		`emails[type eq "work"].value pr and title pr`:                "A",
		`emails[not (type eq "work")]`:                                "AC",
		`not (emails[type eq "work"])`:                                "C",
		`emails[type eq "work" and value co "a" and primary eq true]`: "A",
		`emails[type eq "work" and (value ew "@example.com" or value ew "@example.net")]`: "A",
		`emails[primary eq "True"]`:                                 "A",
		`emails.primary eq true`:                                    "A",
		URNUser + `:userName eq "bob@example.com"`:                  "B",
		URNUser + `:name.familyName eq "able"`:                      "A",
		URNEnterpriseUser + `:department eq "sales"`:                "A",
		strings.ToUpper(URNEnterpriseUser) + `:DEPARTMENT eq "eng"`: "B",
		URNEnterpriseUser + `:manager.value eq "M1"`:                "A",
		URNEnterpriseUser + `:manager eq "M1"`:                      "A",
		`schemas eq "` + URNEnterpriseUser + `"`:                    "AB",
		`groups.value eq "` + g + `"`:                               "AB",
		`groups eq "` + g + `" and title pr`:                        "A",
		`groups.display eq "team"`:                                  "AB",
		`nickName eq "A" or nickName eq "B" and nickName eq "C"`:    "A",
		`(nickName eq "A" or nickName eq "B") and active eq true`:   "A",
		`nickName eq "A" and active eq true or nickName eq "B"`:     "AB",
		`userName eq "\u0000"`:                                      "",
		`nickName gt "\u0000"`:                                      "ABC",
		`userName eq 5`:                                             "",
	} {
		got := s.find("/Users", filter, "nickName")
		require.Equal(t, want, strings.Join(got, ""), filter)
	}
	for filter, want := range map[string]int{
		`displayName eq "TEAM"`:                                   1,
		`members eq "` + a + `"`:                                  1,
		`members.value eq "` + a + `" and members eq "` + b + `"`: 1,
		`members.value eq "` + a + `" and members eq "nobody"`:    0,
		`id eq "` + g + `" and members eq "` + a + `"`:            1,
		`id eq "` + g + `" and members eq "nobody"`:               0,
		`not (members eq "nobody")`:                               1,
		`members[value eq "` + a + `"]`:                           1,
		`members[value eq "` + a + `" and type eq "User"]`:        1,
		`members[value eq "` + a + `" and type eq "Group"]`:       0,
		`members pr`:                 1,
		`members sw "` + a[:8] + `"`: 1,
	} {
		require.Len(t, s.find("/Groups", filter, "id"), want, filter)
	}
}

func TestBadFilters(t *testing.T) {
	s, _, _, _ := directory(t)
	for _, filter := range []string{
		``, ` `, `(userName eq "a"`, `eq "x"`, `userName eq "abc`, `userName eq "a")`, `userName`, `userName eq`, `userName xx "a"`,
		`userName eq "a" and`, `userName eq "a" foo`, `and userName eq "a"`, `userName eq 'a'`, `userName eq abc`, `not userName eq "a"`,
		`userName eq "a" userName eq "b"`, `emails[type eq "work"`, `emails[]`, `emails[type]`, `emails[a[b eq 1]]`, `emails.value[type eq "x"]`,
		`nothing eq "x"`, `name.nothing eq "x"`, `emails[nothing eq "x"]`, `urn:none:2.0:User:userName eq "x"`, `User:userName eq "x"`,
		`active gt true`, `active co "t"`, `active eq "maybe"`, `meta.created gt "yesterday"`, `meta.created eq 5`, `userName eq true`,
		`name eq "x"`, `password eq "x"`, `password sw "x"`, `userName gt null`, `userName eq "\x"`, `userName eq 1e`, `x509Certificates.value gt "a"`,
		strings.Repeat("(", 100000), strings.Repeat("not(", 60) + `title pr` + strings.Repeat(")", 60), `userName eq "` + strings.Repeat("a", 9000) + `"`,
	} {
		r := s.do("GET", "/Users?filter="+url.QueryEscape(filter), "").refused(400, TypeInvalidFilter)
		require.Less(t, len(r.raw), 600, "an error must not repeat a long filter")
	}
	s.do("GET", "/Users?filter=title+pr&filter=active+pr", "").refused(400, TypeInvalidFilter)
	s.do("GET", "/Users?filter=%zz", "").refused(400, TypeInvalidSyntax)
}
