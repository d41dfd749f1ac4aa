package scim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is there already is not added again, whatever its case.
func TestAddOfWhatIsThere(t *testing.T) {
	s := newServer(t)
	id := s.user("ada", `"emails":[{"value":"ada@example.com","type":"work","primary":true}],"photos":[{"value":"https://x/A"}]`)
	start := s.do("GET", "/Users/"+id, "")
	for _, op := range []string{
		`{"op":"add","path":"emails","value":[{"value":"ada@example.com"}]}`,
		`{"op":"add","path":"emails","value":[{"value":"ada@example.com","type":"work"}]}`,
		`{"op":"add","path":"emails","value":[{"value":"ada@example.com","primary":true}]}`,
	} {
		require.Equal(t, start.raw, s.patch("/Users/"+id, op).want(200).raw, op)
	}
	r := s.patch("/Users/"+id, `{"op":"add","path":"emails","value":[{"value":"ADA@example.com","type":"WORK","display":"A"}]}`).want(200)
	require.Equal(t, []any{map[string]any{"value": "ADA@example.com", "type": "WORK", "display": "A", "primary": true}}, r.at("emails"))
	r = s.patch("/Users/"+id, `{"op":"add","path":"emails","value":[{"value":"ada@example.com","type":"home"}]},{"op":"add","path":"photos","value":[{"value":"https://x/a"}]}`).want(200)
	require.Len(t, r.at("emails"), 2)
	require.Len(t, r.at("photos"), 2, "references are case-exact")
}
