package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// filled returns a T in which every field is set, each to another value, so that a
// field that a record gains later is tested without anybody thinking of it.
func filled[T any](p *probe) T {
	var v T
	p.fill("", reflect.ValueOf(&v).Elem())
	return v
}

func (p *probe) fill(name string, v reflect.Value) {
	p.n++
	switch v.Type() {
	case timeType:
		v.Set(reflect.ValueOf(p.tick()))
		return
	case jsonType:
		v.SetBytes(fmt.Appendf(nil, `{"n":%d,"s":%s}`, p.n, quoted(name+p.text)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s-%d%s", name, p.n, p.text))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(p.n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		p.fill(name, v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(fmt.Appendf(nil, "%s\x00\xff\n%d%s", name, p.n, p.text))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			p.fill(name, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			p.fill(v.Type().Field(i).Name, v.Field(i))
		}
	default:
		panic("storetest: no sample for a field of type " + v.Type().String())
	}
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // strings always marshal
	return b
}

// body returns a resource as JSON.
func (p *probe) body() []byte {
	p.n++
	return fmt.Appendf(nil, `{"displayName":%s,"n":%d}`, quoted("Ada"+p.text), p.n)
}

// scramble changes everything that v's slices and pointers refer to, as a careless
// caller would who goes on using what was passed or returned.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			scramble(v.Elem())
		}
	case reflect.Struct:
		if v.Type() == timeType {
			return
		}
		for i := range v.NumField() {
			scramble(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			scramble(v.MapIndex(k))
			v.SetMapIndex(k, reflect.Zero(v.Type().Elem()))
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString("scrambled")
		}
	case reflect.Uint8:
		if v.CanSet() {
			v.SetUint('#')
		}
	case reflect.Bool:
		if v.CanSet() {
			v.SetBool(!v.Bool())
		}
	case reflect.Int, reflect.Int64:
		if v.CanSet() {
			v.SetInt(v.Int() + 1000)
		}
	}
}

// deepCopy returns a copy of v that shares nothing with it.
func deepCopy[T any](v T) T {
	return copied(reflect.ValueOf(v)).Interface().(T)
}

func copied(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(copied(v.Elem()))
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		if v.Type() == timeType {
			return out
		}
		for i := range v.NumField() {
			out.Field(i).Set(copied(v.Field(i)))
		}
		return out
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			out.Index(i).Set(copied(v.Index(i)))
		}
		return out
	default:
		return v
	}
}

// trickyText is what naive SQL, LIKE patterns, collations and encodings stumble over.
const trickyText = " 'O''Neil' \"x\" \\ % _ ; -- $1 ? é e\u0301 ſ İ 漢字 🙂 \t\n"
