package scim

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func numbered(t *testing.T, n int, change ...func(*Config)) *server {
	s := newServer(t, change...)
	for i := range n {
		s.user(fmt.Sprintf("u%02d", i), fmt.Sprintf(`"displayName":"D","nickName":"%d"`, i%2))
	}
	return s
}

func TestIndexPaging(t *testing.T) { onStores(t, testIndexPaging) }

func testIndexPaging(t *testing.T, pick func(*Config)) {
	s := numbered(t, 5, pick)
	for _, filter := range []string{"", `displayName eq "D"`, `userName sw "u"`} {
		for _, tt := range []struct {
			query        string
			start, items float64
			first        string
		}{
			{"", 1, 5, "u00"},
			{"&startIndex=1&count=2", 1, 2, "u00"},
			{"&startIndex=3&count=2", 3, 2, "u02"},
			{"&startIndex=5&count=2", 5, 1, "u04"},
			{"&startIndex=6", 6, 0, ""},
			{"&startIndex=100&count=10", 100, 0, ""},
			{"&startIndex=0", 1, 5, "u00"},
			{"&startindex=-3&Count=1", 1, 1, "u00"},
			{"&count=0", 1, 0, ""},
			{"&count=-5", 1, 0, ""},
			{"&count=1000000", 1, 5, "u00"},
			{"&count=99999999999999999999", 1, 5, "u00"},
			{"&startIndex=9223372036854775807&count=9223372036854775807", maxCount, 0, ""},
		} {
			q := "?x=y" + tt.query
			if filter != "" {
				q += "&filter=" + url.QueryEscape(filter)
			}
			r := s.do("GET", "/Users"+q, "").want(200)
			require.Equal(t, float64(5), r.at("totalResults"), q)
			require.Equal(t, tt.start, r.at("startIndex"), q)
			require.Equal(t, tt.items, r.at("itemsPerPage"), q)
			require.Len(t, r.at("Resources"), int(tt.items), q)
			if tt.first != "" {
				require.Equal(t, tt.first, r.at("Resources", 0, "userName"), q)
			}
		}
	}
	s.do("GET", "/Users?count=abc", "").refused(400, TypeInvalidValue)
	s.do("GET", "/Users?startIndex=1e3", "").refused(400, TypeInvalidValue)
	s.do("GET", "/Users?cursor=&count=abc", "").refused(400, TypeInvalidCount)
	s.do("POST", "/Users/.search", `{"cursor":"","count":"abc"}`).refused(400, TypeInvalidCount)
}

// A walk by cursor sees each user once, whatever is written meanwhile.
func TestCursorPaging(t *testing.T) { onStores(t, testCursorPaging) }

func testCursorPaging(t *testing.T, pick func(*Config)) {
	for _, query := range []string{"", "&filter=" + url.QueryEscape(`displayName eq "D"`), "&sortBy=userName"} {
		s := numbered(t, 7, pick)
		var got []string
		cursor := ""
		for {
			r := s.do("GET", "/Users?count=3&cursor="+cursor+query, "").want(200)
			require.Equal(t, float64(7), r.at("totalResults"))
			require.Nil(t, r.at("startIndex"))
			got = append(got, r.column("userName")...)
			if r.at("nextCursor") == nil {
				break
			}
			cursor = r.at("nextCursor").(string)
			if query == "" {
				id := s.find("/Users", `userName eq "`+got[0]+`"`, "id")
				if len(id) > 0 {
					s.do("DELETE", "/Users/"+id[0], "").want(204)
				}
			}
		}
		require.Equal(t, []string{"u00", "u01", "u02", "u03", "u04", "u05", "u06"}, got, query)
		s.do("GET", "/Users?count=3&cursor="+cursor+query+"&sortOrder=descending", "").refused(400, TypeInvalidCursor)
		s.do("GET", "/Groups?count=3&cursor="+cursor, "").refused(400, TypeInvalidCursor)
		s.do("GET", "/Users?cursor=nonsense"+query, "").refused(400, TypeInvalidCursor)
		// Nobody else's key opens it, and nothing of it can be changed.
		other := s.request("GET", "/Users?count=3&cursor="+cursor+query, "")
		other.Header.Set("Authorization", "Bearer read-key")
		s.send(other).refused(400, TypeInvalidCursor)
		for at := range len(cursor) {
			forged := []byte(cursor)
			forged[at] ^= 1
			s.do("GET", "/Users?count=3&cursor="+url.QueryEscape(string(forged))+query, "").refused(400, TypeInvalidCursor)
		}
		require.Regexp(t, "^[A-Za-z0-9._~-]+$", cursor, "RFC 9865 section 2")
	}
}

// A walk in sorted order goes on where it was, whatever became of the user at which the
// page ended.
func TestSortedCursorWhileOthersWrite(t *testing.T) { onStores(t, testSortedCursorWhileOthersWrite) }

func testSortedCursorWhileOthersWrite(t *testing.T, pick func(*Config)) {
	for _, change := range []string{"delete", "rename to the front", "rename to the end", "insert before", "insert behind"} {
		s := newServer(t, pick)
		ids := map[string]string{}
		for _, name := range []string{"e", "b", "d", "a", "c", "f"} {
			ids[name] = s.user("u"+name, `"title":"`+name+`"`)
		}
		first := s.do("GET", "/Users?sortBy=title&count=3&cursor=", "").want(200)
		require.Equal(t, []string{"a", "b", "c"}, first.column("title"))
		want := []string{"d", "e", "f"}
		switch change {
		case "delete":
			s.do("DELETE", "/Users/"+ids["c"], "").want(204)
		case "rename to the front":
			s.patch("/Users/"+ids["c"], `{"op":"replace","path":"title","value":"A0"}`).want(200)
		case "rename to the end":
			s.patch("/Users/"+ids["c"], `{"op":"replace","path":"title","value":"z"}`).want(200)
			want = append(want, "z") // it is behind the place again
		case "insert before":
			s.user("new", `"title":"aa"`)
		case "insert behind":
			s.user("new", `"title":"dd"`)
			want = []string{"d", "dd", "e", "f"}
		}
		rest := s.do("GET", "/Users?sortBy=title&count=10&cursor="+first.at("nextCursor").(string), "").want(200)
		require.Equal(t, want, rest.column("title"), change)
		require.Nil(t, rest.at("nextCursor"))
	}
	// Values that are long and full of escapes still make a cursor that is taken.
	s := newServer(t, pick)
	s.user("u1", `"title":"`+strings.Repeat(`\u0001`, 3000)+`1"`)
	s.user("u2", `"title":"`+strings.Repeat(`\u0001`, 3000)+`2"`)
	first := s.do("GET", "/Users?sortBy=title&count=1&cursor=", "").want(200)
	rest := s.do("GET", "/Users?sortBy=title&count=1&cursor="+first.at("nextCursor").(string), "").want(200)
	require.Equal(t, []string{"u2"}, rest.column("userName"))
}

func TestSort(t *testing.T) { onStores(t, testSort) }

func testSort(t *testing.T, pick func(*Config)) {
	s := newServer(t, pick)
	s.user("u1", `"title":"beta","name":{"familyName":"Zed"},"emails":[{"value":"c@x","primary":true}]`)
	s.user("u2", `"title":"Alpha","name":{"familyName":"ant"},"emails":[{"value":"a@x"},{"value":"z@x","primary":true}]`)
	s.user("u3", `"name":{"familyName":"Moon"},"emails":[{"value":"b@x"}],"active":false`)
	for query, want := range map[string][]string{
		"sortBy=userName":                                       {"u1", "u2", "u3"},
		"sortBy=userName&sortOrder=descending":                  {"u3", "u2", "u1"},
		"sortBy=title":                                          {"u2", "u1", "u3"},
		"sortBy=title&sortOrder=descending":                     {"u3", "u1", "u2"},
		"sortBy=name.familyName":                                {"u2", "u3", "u1"},
		"sortBy=emails":                                         {"u3", "u1", "u2"},
		"sortBy=emails.value&startIndex=2&count=1":              {"u1"},
		"sortBy=meta.created&sortOrder=descending":              {"u3", "u2", "u1"},
		"sortBy=active":                                         {"u3", "u1", "u2"},
		"sortBy=" + URNUser + ":userName&count=1":               {"u1"},
		"sortBy=title&filter=title+pr&excludedAttributes=title": {"u2", "u1"},
	} {
		require.Equal(t, want, s.do("GET", "/Users?"+query, "").want(200).column("userName"), query)
	}
	s.do("GET", "/Users?sortBy=nothing", "").refused(400, TypeInvalidPath)
	s.do("GET", "/Users?sortBy=name", "").refused(400, TypeInvalidPath)
	s.do("GET", "/Users?sortBy=title&sortOrder=up", "").refused(400, TypeInvalidValue)
	small := newServer(t, func(c *Config) { c.MaxSorted = 1 })
	small.user("a", "")
	small.user("b", "")
	small.do("GET", "/Users?sortBy=title", "").refused(400, TypeTooMany)
}

func TestSearch(t *testing.T) {
	s := newServer(t)
	u := s.user("ada", `"displayName":"X"`)
	s.group("X", u)
	r := s.do("POST", "/Groups/.search", `{"schemas":["`+urnSearch+`"],"filter":"displayName eq \"X\"","excludedAttributes":["members"],"startIndex":1,"count":5}`).want(200)
	require.Equal(t, float64(1), r.at("totalResults"))
	require.Nil(t, r.at("Resources", 0, "members"))
	r = s.do("POST", "/.search", `{"filter":"displayName eq \"X\"","attributes":"displayName"}`).want(200)
	require.Equal(t, []string{"X", "X"}, r.column("displayName"))
	require.Nil(t, r.at("Resources", 0, "userName"))
	r = s.do("GET", "/?startIndex=2&count=1", "").want(200)
	require.Equal(t, float64(2), r.at("totalResults"))
	require.Equal(t, []string{"X"}, r.column("displayName"))
	r = s.do("POST", "/.search", `{"filter":"userName eq \"ada\""}`).want(200)
	require.Equal(t, []string{u}, r.column("id"), "groups have no userName, so none matches")
	s.do("POST", "/.search", `{"filter":"nothing eq \"ada\""}`).refused(400, TypeInvalidFilter)
	s.do("POST", "/.search", `{"filter":5}`).want(400)
	s.do("POST", "/.search", `{"filter":{}}`).refused(400, TypeInvalidValue)
	s.do("POST", "/Users/.search", `{"schemas":["urn:x"]}`).refused(400, TypeInvalidSyntax)
	req := s.request("POST", "/Users/.search", `{}`)
	req.Header.Set("Authorization", "Bearer read-key")
	s.send(req).want(200)
}

func TestProjection(t *testing.T) {
	s, a, _, _ := directory(t)
	for query, want := range map[string]map[string]any{
		"attributes=userName":                                      {"userName": "alice@example.com"},
		"attributes=USERNAME,+nickname":                            {"userName": "alice@example.com", "nickName": "A"},
		"attributes=name.familyName":                               {"name": map[string]any{"familyName": "Able"}},
		"attributes=emails.type":                                   {"emails": []any{map[string]any{"type": "work"}, map[string]any{"type": "home"}}},
		"attributes=" + URNUser + ":nickName":                      {"nickName": "A"},
		"attributes=emails[type+eq+%22work%22].type":               {"emails": []any{map[string]any{"type": "work"}, map[string]any{"type": "home"}}},
		"attributes=" + URNEnterpriseUser + ":department,nickName": {"nickName": "A", URNEnterpriseUser: map[string]any{"department": "Sales"}},
		"attributes=" + URNEnterpriseUser:                          {URNEnterpriseUser: map[string]any{"department": "Sales", "employeeNumber": "100", "manager": map[string]any{"value": "M1"}}},
	} {
		for _, r := range []any{
			s.do("GET", "/Users/"+a+"?"+query, "").want(200).body,
			s.do("GET", "/Users?"+query+"&filter=id+eq+%22"+a+"%22", "").want(200).at("Resources", 0),
		} {
			got := r.(map[string]any)
			require.Equal(t, a, got["id"])
			require.NotEmpty(t, got["schemas"])
			delete(got, "id")
			delete(got, "schemas")
			require.Equal(t, want, got, query)
		}
	}
	r := s.do("GET", "/Users/"+a+"?excludedAttributes=emails,name.givenName,"+URNEnterpriseUser+":manager,meta", "").want(200)
	require.Nil(t, r.at("emails"))
	require.Nil(t, r.at("meta"))
	require.Equal(t, map[string]any{"familyName": "Able"}, r.at("name"))
	require.Nil(t, r.at(URNEnterpriseUser, "manager"))
	require.Equal(t, "Sales", r.at(URNEnterpriseUser, "department"))
}
