package peerbench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// ask sends a request without a network and returns the answer's status and body.
func (t *target) ask(tb testing.TB, method, path, body string) (int, map[string]any) {
	tb.Helper()
	var m message
	m.start(method)
	m.path, m.body = append(m.path, path...), append(m.body, body...)
	return t.asked(tb, &m)
}

func (t *target) asked(tb testing.TB, m *message) (int, map[string]any) {
	tb.Helper()
	var keep bytes.Buffer
	w := t.serve(m, &keep)
	doc := map[string]any{}
	if keep.Len() > 0 {
		require.NoError(tb, json.Unmarshal(keep.Bytes(), &doc), "%s: %s", t.name, keep.String())
	}
	return w.status, doc
}

func (t *target) members(tb testing.TB, id string) (ids []string) {
	tb.Helper()
	status, doc := t.ask(tb, "GET", "/Groups/"+id, "")
	require.Equal(tb, http.StatusOK, status, t.name)
	for _, m := range list(doc["members"]) {
		ids = append(ids, memberID(m))
	}
	return ids
}

// TestOperationsDoTheirWork holds all targets to what is measured: every request has
// its effect, and the answers hold what they should.
func TestOperationsDoTheirWork(t *testing.T) {
	for _, open := range openers {
		target := open()
		t.Run(target.name, func(t *testing.T) {
			var m message
			target.seed(300)

			newUser(&m, 7)
			status, _ := target.asked(t, &m)
			require.Equal(t, http.StatusConflict, status, "a name that is taken")

			readByID(&m, target, 7)
			status, doc := target.asked(t, &m)
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, "user0000007@example.com", doc["userName"])
			require.Equal(t, "ext-0000007", doc["externalId"])
			require.Len(t, doc["phoneNumbers"], 3)
			require.Contains(t, doc, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")

			filterUserName(&m, target, 8)
			status, doc = target.asked(t, &m)
			require.Equal(t, http.StatusOK, status)
			require.EqualValues(t, 1, doc["totalResults"])
			require.Equal(t, target.users[8], object(list(doc["Resources"])[0])["id"])
			_, doc = target.ask(t, "GET", "/Users?filter=userName%20eq%20%22USER0000008@example.com%22", "")
			require.EqualValues(t, 1, doc["totalResults"], "userName counts in any case")
			_, doc = target.ask(t, "GET", "/Users?filter=userName%20eq%20%22nobody%22", "")
			require.EqualValues(t, 0, doc["totalResults"])
			_, doc = target.ask(t, "GET", "/Users?filter=displayName%20eq%20%22User%20Number%200000009%22", "")
			require.EqualValues(t, 1, doc["totalResults"], "a filter without an index")

			page(&m, 151)
			status, doc = target.asked(t, &m)
			require.Equal(t, http.StatusOK, status)
			require.EqualValues(t, 300, doc["totalResults"])
			require.Len(t, doc["Resources"], 100)
			for i, u := range list(doc["Resources"]) {
				require.Equal(t, target.users[150+i], object(u)["id"], "in the order of creation")
			}
		})
		t.Run(target.name+"/patch", func(t *testing.T) { patching(t, target) })
		t.Run(target.name+"/groups", func(t *testing.T) { grouping(t, target) })
	}
}

func patching(t *testing.T, target *target) {
	var m message
	patchActive(&m, target, 9)
	status, doc := target.asked(t, &m)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, false, doc["active"])
	id := target.users[10]
	status, _ = target.ask(t, "PATCH", "/Users/"+id, patchOp+
		`{"op":"replace","path":"userName","value":"other@example.com"},{"op":"replace","path":"name.givenName","value":"Other"},`+
		`{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"+1"},{"op":"remove","path":"title"},`+
		`{"op":"add","value":{"nickName":"O","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"division":"D"}}}]}`)
	require.Equal(t, http.StatusOK, status)
	_, doc = target.ask(t, "GET", "/Users/"+id, "")
	require.Equal(t, "other@example.com", doc["userName"])
	require.Equal(t, "Other", object(doc["name"])["givenName"])
	require.Equal(t, "Number0000010", object(doc["name"])["familyName"])
	require.Equal(t, "+1", object(list(doc["phoneNumbers"])[1])["value"])
	require.Equal(t, "O", doc["nickName"])
	require.NotContains(t, doc, "title")
	extension := object(doc["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"])
	require.Equal(t, "D", extension["division"])
	require.Equal(t, "Engineering", extension["department"])

	filterUserName(&m, target, 10)
	_, doc = target.asked(t, &m)
	require.EqualValues(t, 0, doc["totalResults"], "the old name finds nobody")
	status, _ = target.ask(t, "PATCH", "/Users/"+id, patchOp+`{"op":"replace","path":"userName","value":"USER0000011@example.com"}]}`)
	require.Equal(t, http.StatusConflict, status)
	status, _ = target.ask(t, "DELETE", "/Users/"+id, "")
	require.Equal(t, http.StatusNoContent, status)
	status, _ = target.ask(t, "GET", "/Users/"+id, "")
	require.Equal(t, http.StatusNotFound, status)
	_, doc = target.ask(t, "GET", "/Users?startIndex=11&count=1", "")
	require.EqualValues(t, 299, doc["totalResults"])
	require.Equal(t, target.users[11], object(list(doc["Resources"])[0])["id"])
}

func grouping(t *testing.T, target *target) {
	var m message
	target.groups = []string{target.group(5)}
	id := target.groups[0]
	require.ElementsMatch(t, target.users[:5], target.members(t, id))

	add := func(n int) string {
		return fmt.Sprintf(`{"op":"add","path":"members","value":[{"value":%q}]}`, target.users[n])
	}
	status, _ := target.ask(t, "PATCH", "/Groups/"+id, patchOp+add(20)+","+add(2)+"]}")
	require.Equal(t, http.StatusNoContent, status)
	require.ElementsMatch(t, append([]string{target.users[20]}, target.users[:5]...), target.members(t, id), "nobody is in it twice")

	status, _ = target.ask(t, "PATCH", "/Groups/"+id, patchOp+fmt.Sprintf(`{"op":"remove","path":"members[value eq \"%s\"]"},{"op":"replace","path":"displayName","value":"New"}]}`, target.users[0]))
	require.Equal(t, http.StatusNoContent, status)
	require.ElementsMatch(t, append([]string{target.users[20]}, target.users[1:5]...), target.members(t, id))

	groupWithoutMembers(&m, target, 0)
	status, doc := target.asked(t, &m)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "New", doc["displayName"])
	if target.name != "naive" { // the peer leaves that to its handlers
		require.NotContains(t, doc, "members")
	}
	target.drop()
	status, _ = target.ask(t, "GET", "/Groups/"+id, "")
	require.Equal(t, http.StatusNotFound, status)
}

// TestConcurrentWritesArriveAll lets many requests change one group and create users
// at once.
func TestConcurrentWritesArriveAll(t *testing.T) {
	for _, open := range openers {
		target := open()
		t.Run(target.name, func(t *testing.T) {
			const most = 100
			target.seed(most)
			id := target.group(0)
			statuses := make([]int, most)
			var wg sync.WaitGroup
			for i := range most {
				wg.Go(func() {
					var m message
					newUser(&m, most+i/2) // two requests for each name
					statuses[i] = target.serve(&m, nil).status
					m.start("PATCH")
					m.path = append(append(m.path, "/Groups/"...), id...)
					m.body = fmt.Appendf(m.body, patchOp+`{"op":"add","path":"members","value":[{"value":%q}]}]}`, target.users[i])
					target.serve(&m, nil)
				})
			}
			wg.Wait()
			created := 0
			for _, s := range statuses {
				if s == http.StatusCreated {
					created++
				} else {
					require.Equal(t, http.StatusConflict, s)
				}
			}
			require.Equal(t, most/2, created)
			require.ElementsMatch(t, target.users, target.members(t, id))
		})
	}
}
