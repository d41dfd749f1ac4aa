package scim

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exchange is a recorded conversation in testdata/<identity provider>. {name}
// stands for a saved ID.
type exchange struct {
	About string `json:"about"`
	Steps []struct {
		Method string          `json:"method"`
		Path   string          `json:"path"`
		Body   json.RawMessage `json:"body"`
		Status int             `json:"status"`
		Save   string          `json:"save"`  // name for the answer's id
		Has    json.RawMessage `json:"has"`   // part of the answer
		Lacks  []string        `json:"lacks"` // names that must not be in it
	} `json:"steps"`
}

func TestDialects(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/"), ".json"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			var x exchange
			require.NoError(t, json.Unmarshal(raw, &x))
			s, ids := newServer(t), []string{}
			fill := func(v string) string { return strings.NewReplacer(ids...).Replace(v) }
			for i, step := range x.Steps {
				r := s.do(step.Method, fill(step.Path), fill(string(step.Body)))
				require.Equal(t, step.Status, r.status, "%s, step %d: %s", x.About, i+1, r.raw)
				if step.Save != "" {
					ids = append(ids, "{"+step.Save+"}", r.id())
				}
				if len(step.Has) > 0 {
					var want any
					require.NoError(t, json.Unmarshal([]byte(fill(string(step.Has))), &want))
					require.True(t, holds(r.body, want), "%s, step %d: %s\nlacks %s", x.About, i+1, r.raw, step.Has)
				}
				for _, name := range step.Lacks {
					require.Nil(t, r.at(name), "%s, step %d: %s", x.About, i+1, r.raw)
				}
			}
		})
	}
}

// holds reports whether got has all that want names; lists match one to one.
func holds(got, want any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		for k, v := range w {
			ok = ok && holds(g[k], v)
		}
		return ok
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !holds(g[i], w[i]) {
				return false
			}
		}
		return true
	}
	return got == want
}

// A strict server takes the RFCs' form alone.
func TestStrict(t *testing.T) {
	s := newServer(t, func(c *Config) { c.Strict = true })
	id := s.user("ada", "")
	for _, op := range []string{
		`{"op":"Replace","path":"title","value":"x"}`,
		`{"op":"replace","path":"active","value":"False"}`,
		`{"op":"add","path":"manager","value":"m"}`,
		`{"op":"add","path":"emails","value":{"value":"a@x"}}`,
		`{"op":"add","path":"emails[type eq \"work\"].value","value":"a@x"}`,
		`{"op":"add","path":"` + URNEnterpriseUser + `:manager","value":"m"}`,
	} {
		require.Equal(t, 400, s.patch("/Users/"+id, op).status, op)
	}
	s.patch("/Users/"+id, `{"op":"replace","path":"title","value":"x"},{"op":"add","path":"emails","value":[{"value":"a@x"}]}`).want(200)
	s.do("POST", "/Users", `{"userName":"bob","schemas":[]}`).refused(400, TypeInvalidSyntax)
}
