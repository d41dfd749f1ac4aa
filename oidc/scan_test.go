package oidc

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestScan_LikeEncodingJSON: what is at the borders of JSON is accepted as encoding/json accepts it. FuzzObject goes on.
func TestScan_LikeEncodingJSON(t *testing.T) {
	t.Parallel()
	values := []string{
		``, ` `, `1`, `-`, `-0`, `01`, `1.`, `.5`, `1.5`, `1e`, `1e+`, `1e+5`, `1E-05`, `-1.25e-3`, `+1`, `1x`, `NaN`, `Infinity`,
		`tru`, `true`, `truex`, `false`, `null`, `nul`, `True`, `"`, `"a`, `"a"`, `"a""`, `"\`, `"\"`, `"\""`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\u12AF"`,
		"\"\x1f\"", "\"\x7f\"", "\"\xff\"", "\"\x00\"", "\"12345678\x1f\"", "\"1234567\\\"\"", `"12345678"`, `"1234567\u0041"`, "\"\xe2\x80\xa8\"",
		`[`, `[]`, `[ ]`, `[,]`, `[1,]`, `[1 2]`, `[1,2`, `[1}`, `[[],{}]`, `{`, `{}`, `{ }`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a" : 1 }`, `{a:1}`, `{1:1}`, `{"a":1]`,
		`{"a":1}{}`, "\t\n\r 1", "\v1", "\u00a01",
	}
	for n := range 18 { // a special character at each place of a word
		for _, c := range []string{`"`, `\"`, "\x1f", "\x80", "é"} {
			values = append(values, `"`+strings.Repeat("x", n)+c+`yyyyyyyyy"`, `"`+strings.Repeat("x", n)+c)
		}
	}
	for _, depth := range []int{maxDepth - 2, maxDepth - 1, maxDepth, maxDepth + 1} {
		values = append(values, strings.Repeat("[", depth)+strings.Repeat("]", depth), strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth), strings.Repeat("[", depth))
	}
	for _, value := range values {
		for _, doc := range []string{`{"a":` + value + `}`, `{"a":` + value, value} {
			_, err := parseObject([]byte(doc))
			var std map[string]json.RawMessage
			stdErr := json.Unmarshal([]byte(doc), &std)
			if stdErr == nil && std == nil { // null
				require.Error(t, err)
				continue
			}
			require.Equal(t, stdErr == nil, err == nil, "%.60q: %v, encoding/json: %v", doc, err, stdErr)
		}
	}
}

// TestObject_ManyMembers: a repeated member is found among however many, and a document made of members costs no more than its
// size.
func TestObject_ManyMembers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, manyMembers - 1, manyMembers, manyMembers + 1, 20_000} {
		var b strings.Builder
		b.WriteString(`{"first":0`)
		for i := range n {
			b.WriteString(`,"` + strings.Repeat("m", 1+i%3) + string(rune('0'+i%10)) + `_` + strings.Repeat("x", i/30%50) + `_` + strconv.Itoa(i) + `":1`)
		}
		obj, err := parseObject([]byte(b.String() + `}`))
		require.NoError(t, err)
		require.Len(t, obj, n+1)
		for _, again := range []string{`"first"`, `"\u0066irst"`, `"` + string(obj[n].name) + `"`} {
			_, err = parseObject([]byte(b.String() + `,` + again + `:2}`))
			require.ErrorContains(t, err, "repeated", "%d members, %s", n, again)
		}
		data, err := json.Marshal(obj)
		require.NoError(t, err)
		require.JSONEq(t, b.String()+`}`, string(data))
	}
	data, err := json.Marshal([]object{nil, {}})
	require.NoError(t, err)
	require.Equal(t, `[null,{}]`, string(data))
}
