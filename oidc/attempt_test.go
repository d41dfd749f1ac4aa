package oidc

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDecodeAttempt_EveryField: whatever field an attempt has comes back from its cookie, alone and beside the others.
func TestDecodeAttempt_EveryField(t *testing.T) {
	t.Parallel()
	check := func(a attempt) {
		data, err := json.Marshal(a)
		require.NoError(t, err)
		got, err := decodeAttempt(data)
		require.NoError(t, err, string(data))
		require.Equal(t, a, got, string(data))
	}
	var all attempt
	for i := range reflect.TypeFor[attempt]().NumField() {
		var one attempt
		for _, a := range []*attempt{&one, &all} {
			switch f := reflect.ValueOf(a).Elem().Field(i); f.Kind() {
			case reflect.String:
				f.SetString("text \"<é>\" of " + reflect.TypeFor[attempt]().Field(i).Name)
			case reflect.Int64:
				f.SetInt(1<<62 + int64(i))
			case reflect.Bool:
				f.SetBool(true)
			case reflect.Slice:
				f.Set(reflect.ValueOf([]string{"a", "b\\", ""}))
			case reflect.Pointer:
				f.Set(reflect.New(f.Type().Elem()))
				f.Elem().FieldByName("ID").SetString("u-ada")
			default:
				require.Fail(t, "a field of another kind", reflect.TypeFor[attempt]().Field(i).Name)
			}
		}
		check(one)
		check(all)
	}
	check(attempt{})
	for _, bad := range []string{``, `null`, `[]`, `{"e":"1"}`, `{"e":1.5}`, `{"p":[1]}`, `{"x":7}`, `{"s":"a","s":"b"}`, `{"s":"a"`} {
		_, err := decodeAttempt([]byte(bad))
		require.Error(t, err, bad)
	}
}
