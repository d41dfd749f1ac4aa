package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/tenantgate/tenantgate/store"
)

// mismatch is where two values differ.
type mismatch struct{ want, got string }

// difference returns the first place where got is not want, or nil. Nil and empty
// slices and maps are the same; JSON is compared by meaning; a time must be what
// [store.Time] makes of the wanted one.
func difference(got, want any) *mismatch {
	return differ("", reflect.ValueOf(got), reflect.ValueOf(want))
}

var (
	timeType = reflect.TypeFor[time.Time]()
	jsonType = reflect.TypeFor[json.RawMessage]()
)

func differ(path string, got, want reflect.Value) *mismatch {
	if !got.IsValid() || !want.IsValid() || got.Type() != want.Type() {
		if !got.IsValid() && !want.IsValid() {
			return nil
		}
		return apart(path, got, want)
	}
	switch got.Type() {
	case timeType:
		return differTime(path, got.Interface().(time.Time), store.Time(want.Interface().(time.Time)))
	case jsonType:
		if !sameJSON(got.Bytes(), want.Bytes()) {
			return apart(path, got, want)
		}
		return nil
	}
	switch got.Kind() {
	case reflect.Pointer, reflect.Interface:
		if got.IsNil() || want.IsNil() {
			if got.IsNil() != want.IsNil() {
				return apart(path, got, want)
			}
			return nil
		}
		return differ(path, got.Elem(), want.Elem())
	case reflect.Struct:
		for i := range got.NumField() {
			if d := differ(path+"."+got.Type().Field(i).Name, got.Field(i), want.Field(i)); d != nil {
				return d
			}
		}
		return nil
	case reflect.Slice:
		return differSlice(path, got, want)
	case reflect.Map:
		return differMap(path, got, want)
	default:
		if !got.Equal(want) {
			return apart(path, got, want)
		}
		return nil
	}
}

func differTime(path string, got, want time.Time) *mismatch {
	if got.Equal(want) && got.Location() == time.UTC {
		return nil
	}
	return &mismatch{want: path + " = " + want.Format(time.RFC3339Nano), got: path + " = " + got.Format(time.RFC3339Nano)}
}

func differSlice(path string, got, want reflect.Value) *mismatch {
	if got.Type().Elem().Kind() == reflect.Uint8 {
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			return apart(path, got, want)
		}
		return nil
	}
	for i := range min(got.Len(), want.Len()) {
		if d := differ(fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i)); d != nil {
			return d
		}
	}
	if got.Len() != want.Len() {
		return &mismatch{
			want: fmt.Sprintf("%s %d items: %s", path, want.Len(), short(want)),
			got:  fmt.Sprintf("%s %d items: %s", path, got.Len(), short(got)),
		}
	}
	return nil
}

func differMap(path string, got, want reflect.Value) *mismatch {
	for _, k := range want.MapKeys() {
		if d := differ(fmt.Sprintf("%s[%v]", path, k), got.MapIndex(k), want.MapIndex(k)); d != nil {
			return d
		}
	}
	if got.Len() != want.Len() {
		return apart(path, got, want)
	}
	return nil
}

func apart(path string, got, want reflect.Value) *mismatch {
	if path != "" {
		path += " = "
	}
	return &mismatch{want: path + short(want), got: path + short(got)}
}

// short prints a value without flooding the test's output.
func short(v reflect.Value) string {
	const most = 300
	s := "nothing"
	switch {
	case !v.IsValid():
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		s = fmt.Sprintf("%q", v.Bytes())
	case v.Kind() == reflect.String:
		s = fmt.Sprintf("%q", v.String())
	default:
		s = fmt.Sprintf("%+v", v)
	}
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

func sameJSON(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// mentions says whether a string or byte slice somewhere in v holds the text.
func mentions(v reflect.Value, text string) bool {
	switch v.Kind() {
	case reflect.String:
		return bytes.Contains([]byte(v.String()), []byte(text))
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && mentions(v.Elem(), text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanInterface() && mentions(v.Field(i), text) {
				return true
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return bytes.Contains(v.Bytes(), []byte(text))
		}
		for i := range v.Len() {
			if mentions(v.Index(i), text) {
				return true
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if mentions(k, text) || mentions(v.MapIndex(k), text) {
				return true
			}
		}
	}
	return false
}

// empty says that v holds nothing: zero, or a page, list or map without items.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		if items := v.FieldByName("Items"); items.IsValid() {
			return items.Len() == 0
		}
	}
	return v.IsZero()
}
